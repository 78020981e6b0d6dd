/* The stage: see stage.h. */
#include "tests/support/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "tests/support/test.h"

/* ---- source ---- */

static struct snapshot *take(void *arg)
{
	struct stage *st = arg;
	/* The fixture's snapshot is one thing that changes; the shell gets copies, as from a hub. */
	struct snapshot *copy = calloc(1, sizeof(*copy));
	assert_non_null(copy);
	*copy = *fixture_snapshot(st->fixture);
	if (st->real_clock)
		copy->now = clock_now(&clock_real);
	struct instance_view *instances = calloc(copy->n + 1, sizeof(*instances));
	assert_non_null(instances);
	for (size_t i = 0; i < copy->n; i++) {
		instances[i] = copy->instances[i];
		for (int slot = 0; slot < PROBE_NAMES_MAX; slot++) {
			if (instances[i].slot[slot].good != NULL)
				sample_ref(instances[i].slot[slot].good);
			if (instances[i].slot[slot].latest != NULL)
				sample_ref(instances[i].slot[slot].latest);
		}
	}
	copy->instances = instances;
	st->taken++;
	return copy;
}

static void release(void *arg, struct snapshot *snap)
{
	struct stage *st = arg;
	st->released++;
	for (size_t i = 0; i < snap->n; i++) {
		for (int slot = 0; slot < PROBE_NAMES_MAX; slot++) {
			sample_unref(snap->instances[i].slot[slot].good);
			sample_unref(snap->instances[i].slot[slot].latest);
		}
	}
	free(snap->instances);
	free(snap);
}

static void want(void *arg, size_t instance, uint32_t slots)
{
	struct stage *st = arg;
	(void)instance;
	st->wants++;
	st->slots = slots;
}

static void kick(void *arg, uint32_t interval_ms)
{
	struct stage *st = arg;
	(void)interval_ms;
	st->kicked++;
}

static bool add(void *arg, size_t like, const char *host, uint16_t port, struct err *e)
{
	struct stage *st = arg;
	(void)like;
	(void)e;
	st->added++;
	snprintf(st->added_name, sizeof(st->added_name), "%s %u", host, port);
	return true;
}

static void *ask(
        void *arg, size_t instance, const char *probe, const struct session_ref *session, struct err *e)
{
	(void)probe;
	struct stage *st = arg;
	(void)instance;
	(void)session;
	st->asked++;
	err_set(e, ERR_DENIED, "statement: denied");
	return NULL;
}

static void self(void *arg, struct buf *out)
{
	(void)arg;
	buf_puts(out, "threads 7\nmemory 21 MB\n");
}

/* ---- actions ---- */

static struct action_run *start(
        void *arg, const struct snapshot *snap, struct action_plan *plan, bool second, struct err *e)
{
	struct stage *st = arg;
	(void)snap;
	st->victims = plan->doable;
	st->kind = plan->kind;
	plan_free(plan);
	if (st->refuse != NULL) {
		err_set(e, ERR_IO, "%s", st->refuse);
		return NULL;
	}
	st->started++;
	st->second = second;
	return (struct action_run *)st;
}

static void look(void *arg, struct action_run *run, const struct snapshot *snap, size_t target,
        struct action_progress *out)
{
	struct stage *st = arg;
	(void)run;
	(void)snap;
	(void)target;
	*out = (struct action_progress){.n = st->victims,
	        .outcome = st->outcome,
	        .finished = st->finished,
	        .may_insist = st->outcome == OUTCOME_MOVED_ON};
	snprintf(out->say, sizeof(out->say), "%s", st->say);
}

static bool insist(void *arg, struct action_run *run, size_t target, struct err *e)
{
	struct stage *st = arg;
	(void)run;
	(void)target;
	(void)e;
	st->insisted = true;
	st->outcome = OUTCOME_GONE;
	return true;
}

static bool finished(void *arg, const struct action_run *run)
{
	struct stage *st = arg;
	(void)run;
	return st->finished;
}

static void free_run(void *arg, struct action_run *run)
{
	(void)arg;
	(void)run;
}

/* ---- the fleet ---- */

void stage_sessions(struct stage *st, size_t rows)
{
	struct buf text;
	buf_init(&text, 8U << 20);
	buf_puts(&text,
	        "id | started | kind | user | db | app | state | wait_type | xact_ms | query_ms | state_ms | "
	        "xact_guard | query_guard | query\n"
	        "4711 | 13:58 | client | checkout | shop | checkout-api | idle in transaction | '' | "
	        "192000 | "
	        "192000 | 192000 | 13:58:55 | 13:58:55 | UPDATE stock SET qty = qty - ? WHERE sku = ?\n"
	        "4802 | 13:59 | client | checkout | shop | checkout-api | active | Lock | 178000 | "
	        "178000 | "
	        "178000 | 13:59:09 | 13:59:09 | UPDATE stock SET qty = qty - ? WHERE sku = ?\n");
	for (size_t i = 0; i < rows; i++)
		buf_printf(&text,
		        "%zu | 13:00 | client | app%zu | shop | worker | active | '' | %zu | %zu | "
		        "%zu | t%zu | "
		        "q%zu | SELECT id, name, price FROM product WHERE category = ? ORDER BY price LIMIT "
		        "?\n",
		        5000 + i, i % 7, 100 * i % 60000, 50 * i % 30000, 10 * i, i, i);
	fixture_table(st->fixture, 0, "sessions", buf_str(&text));
	buf_free(&text);
}

void stage_begin(struct stage *st, size_t rows)
{
	memset(st, 0, sizeof(*st));
	st->fixture = fixture_new();
	fixture_instance(st->fixture, "orders", "orders-pg-1", ENGINE_POSTGRES);
	size_t pg2 = fixture_instance(st->fixture, "orders", "orders-pg-2", ENGINE_POSTGRES);
	size_t my1 = fixture_instance(st->fixture, "lab", "lab-my-1", ENGINE_MARIADB);
	fixture_cluster(st->fixture, "lab")->danger = DANGER_RELAXED;
	stage_sessions(st, rows);
	fixture_table(
	        st->fixture, pg2, "sessions", "id | user | state | xact_ms\n900 | report | active | 1200\n");
	fixture_table(st->fixture, my1, "sessions", "id | user | state | xact_ms\n31 | dev | active | 40\n");
	st->snap = fixture_snapshot(st->fixture);
	manual_clock_init(&st->clock, st->snap->now, st->snap->wall);
	st->config = *st->snap->config;
	st->config.interval_ms = 1000;
	st->source = (struct shell_source){.arg = st,
	        .fd = -1,
	        .take = take,
	        .release = release,
	        .want = want,
	        .kick = kick,
	        .add = add,
	        .ask = ask,
	        .self = self};
	st->actions = (struct shell_actions){.arg = st,
	        .start = start,
	        .look = look,
	        .insist = insist,
	        .finished = finished,
	        .free = free_run};
	st->options = (struct shell_options){.config = &st->config,
	        .views = stage_views,
	        .open = "sessions",
	        .clock = &st->clock.clock,
	        .source = &st->source,
	        .actions = &st->actions,
	        .signal_fd = -1,
	        .quit_fd = -1,
	        .in_fd = -1,
	        .out_fd = -1};
}

struct shell *stage_shell(struct stage *st)
{
	struct err e = {.code = ERR_NONE};
	struct shell *sh = NULL;
	if (!shell_new(&st->options, &sh, &e))
		fail_msg("%s", e.text);
	return sh;
}

void stage_end(struct stage *st)
{
	assert_int_equal(st->taken, st->released);
	fixture_free(st->fixture);
}

void stage_advance(struct stage *st, struct shell *sh, int64_t ms)
{
	manual_clock_advance(&st->clock, ms);
	fixture_advance(st->fixture, ms);
	shell_data(sh);
}

void stage_type(struct shell *sh, const char *keys)
{
	while (*keys != '\0') {
		struct input_event ev = {.key = (unsigned char)*keys};
		char name[16] = "";
		size_t n = strcspn(keys, ">");
		if (*keys == '<' && n > 1 && n < sizeof(name)) {
			memcpy(name, keys + 1, n - 1);
			if (!key_parse(name, &ev.key))
				fail_msg("no key <%s>", name);
			keys += n + 1;
		} else {
			keys++;
		}
		shell_event(sh, &ev);
	}
}

void stage_paste(struct shell *sh, const char *text)
{
	struct input_event ev = {.key = KEYCODE_PASTE_BEGIN};
	shell_event(sh, &ev);
	for (; *text != '\0'; text++) {
		ev = (struct input_event){
		        .key = *text == '\n' ? KEYCODE_ENTER : (unsigned char)*text, .pasted = true};
		shell_event(sh, &ev);
	}
	ev = (struct input_event){.key = KEYCODE_PASTE_END};
	shell_event(sh, &ev);
}
