/* ADMIN lanes and the poller as a whole: actions followed to their end, single questions, pings, the gap
 * after a sleep, quitting. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/lanes.h"
#include "tests/support/script.h"
#include "tests/support/wait.h"

static bool job_is(struct lanes *f)
{
	job_look(f->job, &f->view);
	return (unsigned)f->view.state == f->n;
}

static bool job_rolls_back(struct lanes *f)
{
	job_look(f->job, &f->view);
	return f->view.result.outcome == OUTCOME_ROLLING_BACK;
}

static void until_job(enum job_state state)
{
	L.n = state;
	lanes_until_later(job_is);
}

static struct action_request request(enum action_kind kind)
{
	struct action_request req = {.kind = kind, .target = {.id = 77}};
	req.server = lanes_link()->admin;
	return req;
}

static void act_on(const struct action_request *req, uint32_t follow_ms)
{
	struct err e = {0};
	job_unref(L.job);
	L.job = poller_act(L.poller, 0, req, follow_ms, &e);
	if (L.job == NULL)
		fail_msg("%s", e.text);
}

static void act(enum action_kind kind, uint32_t follow_ms)
{
	struct action_request req = request(kind);
	act_on(&req, follow_ms);
}

static void start_with_admin(void)
{
	lanes_start(false, true);
	lanes_want("pulse");
	lanes_until_later(lanes_admin_is_up);
	lanes_until_latest("pulse", ERR_NONE, true);
}

static void test_actions_are_followed(void **state)
{
	(void)state;
	start_with_admin();

	/* Rolling back is told while it lasts, then gone. */
	script_target(true, true, 5000);
	act(ACTION_TERMINATE, 60000);
	lanes_until_later(job_rolls_back);
	assert_int_equal(L.view.state, JOB_FOLLOWING);
	assert_int_equal(L.view.result.rows_left, 5000);
	assert_string_equal(L.view.result.sql, "end 77");
	script_target(false, false, -1);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_GONE);

	/* A cancelled statement ends, the session lives. */
	script_target(true, false, -1);
	act(ACTION_CANCEL, 60000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_STOPPED);

	/* What never ends is told at the end of our patience. */
	script_target(true, true, -1);
	act(ACTION_TERMINATE, 2000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_STILL_THERE);
	assert_int_equal(script_acts(), 3);
}

/* A server that goes on as if there had been no cancel gets another one, as long as that is proved. */
static void test_a_forgotten_cancel_is_sent_again(void **state)
{
	(void)state;
	start_with_admin();
	script_forgets(3);
	act(ACTION_CANCEL, 60000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_STOPPED);
	assert_int_equal(L.view.result.signals, 4);
	assert_int_equal(script_acts(), 4);

	/* What stands still may be about to end; what ends its session is forgotten by nobody; and who
	 * insisted meant one statement. */
	script_target(true, true, -1);
	act(ACTION_CANCEL, 3000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_STILL_THERE);
	assert_int_equal(L.view.result.signals, 1);
	script_forgets(9);
	act(ACTION_TERMINATE, 3000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.signals, 1);
	struct action_request req = request(ACTION_CANCEL);
	req.whatever_transaction = true;
	act_on(&req, 3000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.signals, 1);
	assert_int_equal(script_acts(), 7);
}

/* Not for ever. */
static void test_a_cancel_that_is_always_forgotten(void **state)
{
	(void)state;
	start_with_admin();
	script_forgets(1000);
	act(ACTION_CANCEL, 8000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_STILL_THERE);
	assert_int_equal(L.view.result.signals, 40);
	assert_int_equal(script_acts(), 40);
}

static void test_actions_prove_the_server(void **state)
{
	(void)state;
	script_admin_server("server-2");
	start_with_admin();
	/* ADMIN is where the request says, but the screen shows another server. */
	act(ACTION_TERMINATE, 2000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_REFUSED);
	assert_int_equal(L.view.result.err.code, ERR_IDENTITY);

	struct action_request req = request(ACTION_TERMINATE);
	req.server = lanes_link()->server;
	act_on(&req, 2000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.err.code, ERR_IDENTITY);
	assert_int_equal(script_acts(), 0);
}

static void test_jobs_do_not_wait_for_ever(void **state)
{
	(void)state;
	script_connect_error(LANE_ADMIN, ERR_LIMIT);
	lanes_start(false, true);
	lanes_want("pulse");
	lanes_until_latest("pulse", ERR_NONE, true);
	act(ACTION_CANCEL, 2000);
	until_job(JOB_DONE);
	assert_int_equal(L.view.result.outcome, OUTCOME_REFUSED);
	assert_int_equal(L.view.result.err.code, ERR_TIMEOUT);
	/* And without ADMIN lanes there is no job at all. */
	lanes_stop();
	lanes_start(false, false);
	struct err e = {0};
	struct action_request req = {0};
	assert_null(poller_act(L.poller, 0, &req, 1, &e));
}

static void test_detail(void **state)
{
	(void)state;
	script_answer("statement", (struct script_answer){.value = 9});
	lanes_start(false, true);
	lanes_until_later(lanes_admin_is_up);
	struct err e = {0};
	struct probe_value id = {.type = PARAM_INT, .i = 9};
	L.job = poller_ask(L.poller, 0, "statement", &id, 1, &e);
	assert_non_null(L.job);
	until_job(JOB_DONE);
	assert_int_equal(L.view.sample->err->code, ERR_NONE);
	int64_t v = 0;
	assert_true(table_int(L.view.sample->table, 0, 0, &v));
	assert_int_equal(v, 9);
	assert_null(poller_ask(L.poller, 0, "nonsense", NULL, 0, &e));
	assert_int_equal(e.code, ERR_USAGE);

	script_answer("statement", (struct script_answer){.error = ERR_DENIED});
	job_unref(L.job);
	L.job = poller_ask(L.poller, 0, "statement", &id, 1, &e);
	until_job(JOB_DONE);
	assert_int_equal(L.view.sample->err->code, ERR_DENIED);
}

static bool pinged(struct lanes *f)
{
	return script_pings() >= f->n;
}

static void test_admin_pings(void **state)
{
	(void)state;
	lanes_start(false, true);
	lanes_until_later(lanes_admin_is_up);
	mono_ns began = clock_now(&script_clock()->clock);
	L.n = 2;
	L.step_ms = 100;
	lanes_until_later(pinged);
	assert_true(clock_now(&script_clock()->clock) - began >= 29 * NS_PER_S);
	assert_int_equal(script_connects(LANE_ADMIN), 1);
	assert_int_equal(script_connects(LANE_FAST), 0);
}

/* A laptop was shut and opened: 4 servers begin again within one interval, not at one moment. */
static void test_a_gap_spreads_the_lanes(void **state)
{
	(void)state;
	L.cfg.ninstances = LANES_INSTANCES;
	lanes_start(false, false);
	lanes_want("pulse");
	lanes_until_asked("pulse", LANES_INSTANCES);
	lanes_pass(1);
	unsigned before = script_asked("pulse");
	manual_clock_advance(script_clock(), 3600 * 1000);
	L.probe = "pulse";
	L.n = before + LANES_INSTANCES;
	lanes_until_later(lanes_asked_often);
	lanes_look();
	mono_ns first = MONO_NEVER, last = 0;
	for (size_t i = 0; i < LANES_INSTANCES; i++) {
		const struct sample *s = L.snap->instances[i].slot[probe_set_slot(L.probes, "pulse")].latest;
		first = s->started < first ? s->started : first;
		last = s->started > last ? s->started : last;
	}
	assert_true(last - first > 10 * NS_PER_MS);
}

static void test_self_and_added_instances(void **state)
{
	(void)state;
	struct poller_self self;
	struct err e = {0};
	lanes_start(false, true);
	lanes_want("pulse");
	lanes_until_later(lanes_admin_is_up);
	lanes_until_asked("pulse", 2);
	L.cfg.ninstances = 2;
	assert_true(poller_add(L.poller, 1, &e));
	hub_want(L.hub, 1, 1U << probe_set_slot(L.probes, "pulse"));
	lanes_until_asked("pulse", 6);
	poller_self(L.poller, &self);
	assert_int_equal(self.lanes, 4);
	assert_int_equal(self.lanes_stuck, 0);
	assert_true(self.connections >= 3 && self.connections <= 4);
	assert_int_equal(self.zombies, 0);
	/* Two may still be under way. */
	assert_true(self.queries >= 4);
	assert_int_equal(self.timeouts, 0);
}

static void test_quit_while_connecting(void **state)
{
	(void)state;
	L.cfg.ninstances = LANES_INSTANCES;
	script_connect_hangs(true);
	lanes_start(false, true);
	lanes_want("pulse");
	L.n = 1;
	int64_t began = wait_now_ms();
	lanes_stop();
	assert_true(wait_now_ms() - began < 2000);
}

#ifndef DBATOP_JOIN_AT_EXIT
static bool fetching(struct lanes *f)
{
	(void)f;
	return script_asked("pulse") > 0 || lanes_link()->state == LINK_UP;
}

/* A client library that nothing can cut costs the thread, not the exit. */
static void test_quit_leaves_a_stuck_lane_behind(void **state)
{
	(void)state;
	script_stick(true);
	lanes_start(false, false);
	lanes_want("pulse");
	lanes_until_later(fetching);
	struct ctx root = ctx_root(&clock_real, NULL), ctx = ctx_within(&root, 50);
	int64_t began = wait_now_ms();
	assert_false(poller_stop(&ctx, L.poller));
	assert_true(wait_now_ms() - began < 2000);
	/* Let it end before its clock and hub go. */
	script_stick(false);
	ctx = ctx_within(&root, LANES_PATIENCE_MS);
	assert_true(poller_stop(&ctx, L.poller));
	L.poller = NULL;
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_actions_are_followed, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_a_forgotten_cancel_is_sent_again, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_a_cancel_that_is_always_forgotten, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_actions_prove_the_server, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_jobs_do_not_wait_for_ever, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_detail, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_admin_pings, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_a_gap_spreads_the_lanes, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_self_and_added_instances, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_quit_while_connecting, lanes_setup, lanes_teardown),
#ifndef DBATOP_JOIN_AT_EXIT
	        cmocka_unit_test_setup_teardown(
	                test_quit_leaves_a_stuck_lane_behind, lanes_setup, lanes_teardown),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
