/* The hub: what was published is what the reader takes, the last good sample stays, the reader is woken once,
 * and samples live exactly as long as somebody holds them. */
#include "tests/support/test.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/run/hub.h"
#include "tests/support/wait.h"

static const char pulse_sql[] =
        "-- probe: pulse  lane: fast  every: 1s  timeout: 800ms  rows: 1\n-- versions: postgres 13-18\n"
        "-- column: connections count · active count · xacts counter\n"
        "SELECT connections, active, xacts FROM p LIMIT :rows\n";
static const char server_sql[] =
        "-- probe: server  lane: fast  every: 5s  timeout: 800ms  rows: 1\n-- versions: postgres 13-18\n"
        "-- column: uptime_ms duration\nSELECT uptime_ms FROM s LIMIT :rows\n";

struct fixture {
	struct manual_clock clock;
	struct cluster_cfg cluster;
	struct instance_cfg instances[4];
	struct config cfg;
	struct probe_set *probes;
	struct hub *hub;
};

static void add(struct probe_set *set, const char *name, const char *sql)
{
	struct err e = {0};
	struct embedded_file f = {.name = name, .data = sql, .size = strlen(sql)};
	if (!probe_set_add(set, &f, &e))
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	static struct fixture f;
	struct err e = {0};
	memset(&f, 0, sizeof(f));
	manual_clock_init(&f.clock, 5 * NS_PER_S, 1700000000000000);
	f.cfg = (struct config){
	        .clusters = &f.cluster, .nclusters = 1, .instances = f.instances, .ninstances = 2};
	f.probes = probe_set_new(&e);
	add(f.probes, "pulse.sql", pulse_sql);
	add(f.probes, "server.sql", server_sql);
	assert_true(probe_set_finish(f.probes, &e));
	f.hub = hub_new(&f.clock.clock, &f.cfg, f.probes, 4, &e);
	assert_non_null(f.hub);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	hub_free(f->hub);
	probe_set_free(f->probes);
	return 0;
}

static struct sample *sample_at(struct fixture *f, const char *probe, enum err_code code, int64_t value)
{
	int slot = probe_set_slot(f->probes, probe);
	const struct probe *p = probe_set_find(f->probes, (unsigned)slot, ENGINE_POSTGRES, 150000, NULL);
	struct arena *a = arena_new();
	struct sample *s = sample_new(p, a);
	s->started = s->finished = clock_now(&f->clock.clock);
	if (code != ERR_NONE) {
		struct err e;
		err_set(&e, code, "failed");
		sample_fail(s, &e);
		return s;
	}
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)value);
	struct table_builder *b = table_build(a, p->columns, p->ncols, p->rows);
	table_build_row(b);
	for (size_t i = 0; i < p->ncols; i++)
		assert_true(table_build_set(b, i, text, strlen(text), NULL));
	s->table = table_build_finish(b);
	return s;
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

static void test_good_stays_when_latest_fails(void **state)
{
	struct fixture *f = *state;
	unsigned pulse = (unsigned)probe_set_slot(f->probes, "pulse");
	hub_publish(f->hub, 1, sample_at(f, "pulse", ERR_NONE, 7));
	hub_publish(f->hub, 1, sample_at(f, "pulse", ERR_TIMEOUT, 0));
	struct snapshot *s = hub_take(f->hub);
	assert_int_equal(s->n, 2);
	assert_ptr_equal(s->instances[1].cfg, &f->instances[1]);
	const struct slot_view *slot = &s->instances[1].slot[pulse];
	assert_int_equal(slot->latest->err->code, ERR_TIMEOUT);
	int64_t v = 0;
	assert_true(table_int(slot->good->table, 0, 1, &v));
	assert_int_equal(v, 7);
	assert_null(s->instances[0].slot[pulse].latest);

	/* The snapshot keeps what it holds, whatever comes after. */
	hub_publish(f->hub, 1, sample_at(f, "pulse", ERR_NONE, 8));
	assert_true(table_int(slot->good->table, 0, 1, &v));
	assert_int_equal(v, 7);
	snapshot_free(s);
	const struct sample *good = hub_good(f->hub, 1, pulse);
	assert_true(table_int(good->table, 0, 1, &v));
	assert_int_equal(v, 8);
	sample_unref(good);
	assert_null(hub_good(f->hub, 0, pulse));
}

static void test_wakes_once_until_taken(void **state)
{
	struct fixture *f = *state;
	assert_false(readable(hub_fd(f->hub)));
	assert_false(hub_dirty(f->hub));
	hub_publish(f->hub, 0, sample_at(f, "pulse", ERR_NONE, 1));
	hub_publish(f->hub, 0, sample_at(f, "server", ERR_NONE, 1));
	hub_wake(f->hub);
	assert_true(readable(hub_fd(f->hub)));
	assert_true(hub_dirty(f->hub));
	snapshot_free(hub_take(f->hub));
	assert_false(readable(hub_fd(f->hub)));
	assert_false(hub_dirty(f->hub));
	hub_wake(f->hub);
	assert_true(readable(hub_fd(f->hub)));
}

static void set_up(struct link_view *link, void *arg)
{
	link->state = LINK_UP;
	link->connections = *(unsigned *)arg;
}

static void test_link_is_edited_in_place(void **state)
{
	struct fixture *f = *state;
	unsigned three = 3;
	hub_link(f->hub, 0, set_up, &three);
	assert_true(readable(hub_fd(f->hub)));
	struct snapshot *s = hub_take(f->hub);
	assert_int_equal(s->instances[0].link.state, LINK_UP);
	assert_int_equal(s->instances[0].link.connections, 3);
	assert_int_equal(s->instances[1].link.state, LINK_IDLE);
	snapshot_free(s);
}

static void test_series_are_fed_once_a_second(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 8; i++) {
		hub_publish(f->hub, 0, sample_at(f, "pulse", ERR_NONE, i));
		manual_clock_advance(&f->clock, 500);
	}
	hub_publish(f->hub, 0, sample_at(f, "pulse", ERR_LOST, 0));
	struct snapshot *s = hub_take(f->hub), *same = hub_take(f->hub);
	const struct series *active = &s->instances[0].series[METRIC_ACTIVE];
	assert_int_equal(active->count, 5);
	assert_int_equal((int)active->points[0].value, 0);
	assert_int_equal((int)active->points[3].value, 6);
	/* What failed is unknown; a rate needs two samples that the lane compares, and begins when it is
	 * known. */
	assert_true(isnan(active->points[4].value));
	assert_int_equal(s->instances[0].series[METRIC_RATE].count, 0);
	assert_int_equal(s->instances[0].series[METRIC_LAG].count, 0);
	assert_null(s->instances[1].series);
	/* Nothing new: the rings are shared. */
	assert_ptr_equal(s->instances[0].series, same->instances[0].series);
	snapshot_free(same);

	/* A new point is for the next snapshot; those taken before keep what they saw. */
	manual_clock_advance(&f->clock, 1000);
	hub_publish(f->hub, 0, sample_at(f, "pulse", ERR_NONE, 9));
	same = hub_take(f->hub);
	assert_int_equal(same->instances[0].series[METRIC_ACTIVE].count, 6);
	assert_int_equal(active->count, 5);
	snapshot_free(s);
	snapshot_free(same);
}

static void note_instance(void *arg, size_t instance)
{
	*(size_t *)arg = instance;
}

static void test_interest(void **state)
{
	struct fixture *f = *state;
	size_t heard = 99;
	assert_int_equal(hub_wanted(f->hub, 1), 0);
	hub_on_want(f->hub, note_instance, &heard);
	hub_want(f->hub, 1, 3);
	assert_int_equal(heard, 1);
	assert_int_equal(hub_wanted(f->hub, 1), 3);
	/* Looking at less wakes nobody. */
	heard = 99;
	hub_want(f->hub, 1, 1);
	assert_int_equal(heard, 99);
}

static void test_an_added_instance_shows_up(void **state)
{
	struct fixture *f = *state;
	f->cfg.ninstances = 3;
	hub_publish(f->hub, 2, sample_at(f, "server", ERR_NONE, 1));
	struct snapshot *s = hub_take(f->hub);
	assert_int_equal(s->n, 3);
	assert_non_null(s->instances[2].slot[probe_set_slot(f->probes, "server")].good);
	snapshot_free(s);
}

struct writer {
	struct fixture *f;
	const char *probe;
	size_t instance;
};

static void *publish_many(void *arg)
{
	struct writer *w = arg;
	for (int i = 1; i <= 500; i++) {
		enum err_code code = i % 5 == 0 ? ERR_TIMEOUT : ERR_NONE;
		hub_publish(w->f->hub, w->instance, sample_at(w->f, w->probe, code, i));
	}
	return NULL;
}

/* Two lanes never lose each other's samples, and a reader in between sees each sample whole. */
static void test_many_writers_one_reader(void **state)
{
	struct fixture *f = *state;
	struct writer writers[] = {{f, "pulse", 0}, {f, "server", 0}, {f, "pulse", 1}};
	pthread_t threads[3];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, publish_many, &writers[i]), 0);
	int64_t last = 0;
	unsigned pulse = (unsigned)probe_set_slot(f->probes, "pulse");
	while (last < 499) {
		assert_true(wait_readable(hub_fd(f->hub), wait_now_ms() + 10000));
		struct snapshot *s = hub_take(f->hub);
		const struct sample *good = s->instances[0].slot[pulse].good;
		int64_t v = last;
		if (good != NULL)
			assert_true(table_int(good->table, 0, 0, &v));
		assert_true(v >= last);
		last = v;
		snapshot_free(s);
	}
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	struct snapshot *s = hub_take(f->hub);
	int64_t v = 0;
	for (size_t i = 0; i < 3; i++) {
		int slot = probe_set_slot(f->probes, writers[i].probe);
		const struct slot_view *view = &s->instances[writers[i].instance].slot[slot];
		assert_true(table_int(view->good->table, 0, 0, &v));
		assert_int_equal(v, 499);
		assert_int_equal(view->latest->err->code, ERR_TIMEOUT);
	}
	snapshot_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_good_stays_when_latest_fails, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_wakes_once_until_taken, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_link_is_edited_in_place, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_series_are_fed_once_a_second, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_interest, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_an_added_instance_shows_up, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_many_writers_one_reader, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
