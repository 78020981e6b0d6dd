/* The fixture of the poller's tests. Conditions are looked at every 2 ms of real time, which is also how
 * often waits on a manual clock look at it: so lanes keep up with the test. */
#include "tests/support/lanes.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/script.h"
#include "tests/support/test.h"
#include "tests/support/wait.h"

static const char *const files[] = {
        "-- probe: pulse  lane: fast  every: 1s  timeout: 800ms  rows: 1\n-- versions: postgres 13-18\n"
        "-- column: lock_waiters count · xacts counter\nSELECT lock_waiters, xacts FROM p LIMIT :rows\n",
        "-- probe: sessions  lane: fast  every: 1s  timeout: 800ms  rows: 9\n-- versions: postgres 13-18\n"
        "-- column: id count key\nSELECT id FROM s LIMIT :rows\n",
        "-- probe: blockers  lane: fast  every: 1s  timeout: 800ms  rows: 9\n-- versions: postgres 13-18\n"
        "-- when: pulse.lock_waiters > 0\n-- column: waiter count key\nSELECT waiter FROM b LIMIT :rows\n",
        "-- probe: settings  lane: slow  every: 60s  timeout: 800ms  rows: 9\n-- versions: postgres 13-18\n"
        "-- column: value count\nSELECT value FROM v LIMIT :rows\n",
        "-- probe: statement  lane: admin  every: 1s  timeout: 800ms  rows: 1\n-- versions: postgres 13-18\n"
        "-- param: id int\n-- column: id count\nSELECT id FROM t WHERE id = :id LIMIT :rows\n",
        "-- probe: future  lane: fast  every: 1s  timeout: 800ms  rows: 1\n-- versions: postgres 16-18\n"
        "-- column: n count\nSELECT n FROM f LIMIT :rows\n",
        "-- probe: whole  lane: fast  every: 1s  timeout: 800ms  rows: 9  carries: pulse\n"
        "-- versions: postgres 13-18\n-- param: since since\n-- column: id count key\n"
        "SELECT id FROM w WHERE t > :since LIMIT :rows\n",
        "-- probe: brief  lane: fast  every: 2s  timeout: 800ms  rows: 9\n-- versions: postgres 13-18\n"
        "-- column: kind label key · behind count\nSELECT kind, behind FROM b LIMIT :rows\n",
        "-- probe: links  lane: fast  every: 2s  timeout: 800ms  rows: 9  covers: brief\n"
        "-- versions: postgres 13-18\n-- column: more count · behind count · kind label key\n"
        "SELECT more, behind, kind FROM l LIMIT :rows\n"};

struct lanes L;

int lanes_setup(void **state)
{
	struct err e = {0};
	memset(&L, 0, sizeof(L));
	L.step_ms = 20;
	script_reset();
	L.cluster.timeouts = (struct timeouts){
	        .connect_ms = 5000, .query_ms = 800, .query_max_ms = 5000, .check_ms = 30000};
	for (size_t i = 0; i < LANES_INSTANCES; i++)
		L.instances[i].endpoint.engine = ENGINE_POSTGRES;
	L.cfg = (struct config){.clusters = &L.cluster,
	        .nclusters = 1,
	        .instances = L.instances,
	        .ninstances = 1,
	        .interval_ms = 1000};
	L.probes = probe_set_new(&e);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct embedded_file f = {.name = "test.sql", .data = files[i], .size = strlen(files[i])};
		if (!probe_set_add(L.probes, &f, &e))
			fail_msg("%s", e.text);
	}
	if (!probe_set_finish(L.probes, &e))
		fail_msg("%s", e.text);
	L.hub = hub_new(&script_clock()->clock, &L.cfg, L.probes, LANES_INSTANCES, &e);
	assert_non_null(L.hub);
	*state = &L;
	return 0;
}

void lanes_start(bool once, bool admin)
{
	struct err e = {0};
	struct poller_options opt = {.config = &L.cfg,
	        .probes = L.probes,
	        .postgres = &script_driver,
	        .mysql = &script_driver,
	        .hub = L.hub,
	        .clock = &script_clock()->clock,
	        .once = once,
	        .admin = admin};
	L.poller = poller_start(&opt, &e);
	if (L.poller == NULL)
		fail_msg("%s", e.text);
}

void lanes_stop(void)
{
	struct ctx root = ctx_root(&clock_real, NULL), ctx = ctx_within(&root, LANES_PATIENCE_MS);
	if (L.poller != NULL)
		assert_true(poller_stop(&ctx, L.poller));
	L.poller = NULL;
}

int lanes_teardown(void **state)
{
	(void)state;
	lanes_stop();
	job_unref(L.job);
	snapshot_free(L.snap);
	hub_free(L.hub);
	probe_set_free(L.probes);
	assert_int_equal(script_open(), 0);
	assert_true(script_backends_max() <= 3 * L.cfg.ninstances);
	assert_false(script_misused());
	return 0;
}

void lanes_want(const char *probe)
{
	for (size_t i = 0; i < L.cfg.ninstances; i++)
		hub_want(L.hub, i, hub_wanted(L.hub, i) | 1U << probe_set_slot(L.probes, probe));
}

void lanes_look(void)
{
	snapshot_free(L.snap);
	L.snap = hub_take(L.hub);
}

const struct slot_view *lanes_slot(const char *probe)
{
	return &L.snap->instances[0].slot[probe_set_slot(L.probes, probe)];
}

const struct link_view *lanes_link(void)
{
	return &L.snap->instances[0].link;
}

static bool holds(void *arg)
{
	(void)arg;
	lanes_look();
	return L.want(&L);
}

void lanes_until(bool (*condition)(struct lanes *f))
{
	L.want = condition;
	assert_true(wait_until(holds, NULL, LANES_PATIENCE_MS));
}

/* The same while time goes by, in steps that let every lane keep up. */
static bool holds_later(void *arg)
{
	manual_clock_advance(script_clock(), L.step_ms);
	return holds(arg);
}

void lanes_until_later(bool (*condition)(struct lanes *f))
{
	L.want = condition;
	assert_true(wait_until(holds_later, NULL, LANES_PATIENCE_MS));
}

static bool time_is_over(struct lanes *f)
{
	return clock_now(&script_clock()->clock) >= f->end;
}

void lanes_pass(int64_t seconds)
{
	L.end = clock_now(&script_clock()->clock) + seconds * NS_PER_S;
	lanes_until_later(time_is_over);
}

static bool latest_is(struct lanes *f)
{
	const struct sample *s = lanes_slot(f->probe)->latest;
	return s != NULL && s->err->code == f->code;
}

void lanes_until_latest(const char *probe, enum err_code code, bool later)
{
	L.probe = probe;
	L.code = code;
	(later ? lanes_until_later : lanes_until)(latest_is);
}

bool lanes_asked_often(struct lanes *f)
{
	return script_asked(f->probe) >= f->n;
}

void lanes_until_asked(const char *probe, unsigned n)
{
	L.probe = probe;
	L.n = n;
	lanes_until_later(lanes_asked_often);
}

bool lanes_admin_is_up(struct lanes *f)
{
	(void)f;
	return lanes_link()->admin_up;
}

bool lanes_is_down(struct lanes *f)
{
	(void)f;
	return lanes_link()->state == LINK_DOWN;
}

bool lanes_is_up(struct lanes *f)
{
	(void)f;
	return lanes_link()->state == LINK_UP;
}
