/* FAST and SLOW lanes against a scripted database on a manual clock: what is asked and what is not, what
 * happens after a timeout, zombies and the three connections, backoff. */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/lanes.h"
#include "tests/support/script.h"

static void test_only_what_is_looked_at(void **state)
{
	(void)state;
	lanes_start(false, false);
	assert_int_equal(script_connects(LANE_FAST), 0);
	lanes_want("pulse");
	lanes_until_asked("pulse", 3);
	assert_int_equal(script_asked("sessions"), 0);
	assert_int_equal(script_asked("settings"), 0);
	assert_int_equal(script_connects(LANE_FAST), 1);
	assert_int_equal(script_connects(LANE_SLOW), 0);
	lanes_until(lanes_is_up);
	assert_int_equal(lanes_link()->server.version, 150000);
	assert_int_equal(lanes_link()->connections, 1);

	/* SLOW is opened when somebody looks, and its probe stays off FAST. */
	lanes_want("settings");
	lanes_until_latest("settings", ERR_NONE, true);
	assert_int_equal(script_connects(LANE_SLOW), 1);
	/* A statement that this server has no variant of is said, not asked. */
	lanes_want("future");
	lanes_until_latest("future", ERR_UNSUPPORTED, true);
	assert_int_equal(script_asked("future"), 0);
}

static void test_rates_need_the_same_server_process(void **state)
{
	(void)state;
	script_answer("pulse", (struct script_answer){.value = 500, .step = 50});
	lanes_start(false, false);
	lanes_want("pulse");
	lanes_until_asked("pulse", 2);
	lanes_until_latest("pulse", ERR_NONE, false);
	const struct sample *s = lanes_slot("pulse")->good;
	double seconds = (double)(s->finished - s->started) + 1;
	assert_true(seconds > 0);
	double rate = table_rate(s->table, 0, 1);
	assert_true(rate > 0 && rate <= 50.5);

	/* The server restarted: the counter's jump is not a rate. */
	script_server("server-1", "start-2");
	script_answer("pulse", (struct script_answer){.error = ERR_LOST});
	lanes_until_latest("pulse", ERR_LOST, true);
	assert_non_null(lanes_slot("pulse")->good);
	script_answer("pulse", (struct script_answer){.value = 900000, .step = 1});
	lanes_until_latest("pulse", ERR_NONE, true);
	s = lanes_slot("pulse")->good;
	assert_string_equal(s->server_start, "start-2");
	assert_true(isnan(table_rate(s->table, 0, 1)));
	assert_int_equal(lanes_link()->reconnects, 1);
}

static bool asked_elsewhere(struct lanes *f)
{
	return script_asked_elsewhere() >= f->n;
}

/* What a login leaves with the allocator of its thread goes back when that ends, each time. */
static void test_after_a_login_the_lane_is_on_another_thread(void **state)
{
	(void)state;
	lanes_start(false, false);
	lanes_want("pulse");
	L.n = 3;
	lanes_until_later(asked_elsewhere);
	assert_int_equal(script_connects(LANE_FAST), 1);

	script_answer("pulse", (struct script_answer){.error = ERR_LOST});
	lanes_until_latest("pulse", ERR_LOST, true);
	script_answer("pulse", (struct script_answer){.value = 1});
	lanes_until_latest("pulse", ERR_NONE, true);
	L.n = script_asked_elsewhere() + 3;
	lanes_until_later(asked_elsewhere);
	assert_true(script_connects(LANE_FAST) >= 2);
	assert_false(script_misused());
}

static void test_gate(void **state)
{
	(void)state;
	lanes_start(false, false);
	/* Looking at what is gated asks for the gate's probe as well. */
	lanes_want("blockers");
	lanes_until_latest("blockers", ERR_GATED, true);
	assert_int_equal(script_asked("blockers"), 0);
	assert_true(script_asked("pulse") > 0);
	assert_non_null(strstr(lanes_slot("blockers")->latest->err->text, "pulse.lock_waiters > 0"));

	script_answer("pulse", (struct script_answer){.value = 2});
	lanes_until_latest("blockers", ERR_NONE, true);
	assert_true(script_asked("blockers") > 0);
	script_answer("pulse", (struct script_answer){.value = 0});
	lanes_until_latest("blockers", ERR_GATED, true);
	assert_non_null(lanes_slot("blockers")->good);
}

static void test_a_drained_timeout_keeps_its_connection(void **state)
{
	(void)state;
	lanes_start(false, true);
	lanes_want("pulse");
	lanes_until_later(lanes_admin_is_up);
	lanes_until_latest("pulse", ERR_NONE, true);
	script_answer("pulse", (struct script_answer){.takes_ms = 900});
	lanes_until_latest("pulse", ERR_TIMEOUT, true);
	const struct sample *s = lanes_slot("pulse")->latest;
	assert_true(s->slowed);
	assert_true(s->interval_ms >= 4 * 800);
	assert_true(s->retry_ms >= s->interval_ms);
	assert_non_null(lanes_slot("pulse")->good);

	/* The limit was raised: the same answer now arrives, on the same connection. */
	lanes_until_latest("pulse", ERR_NONE, true);
	assert_true(lanes_slot("pulse")->good->slowed);
	assert_int_equal(script_connects(LANE_FAST), 1);
	assert_int_equal(script_cancels(), 1);
	assert_int_equal(script_terminates(), 0);
	assert_int_equal(lanes_link()->timeouts, 1);
}

static bool zombie_is_there(struct lanes *f)
{
	(void)f;
	return lanes_link()->zombies == 1;
}

static bool no_zombie(struct lanes *f)
{
	(void)f;
	return lanes_link()->zombies == 0;
}

static bool terminated_often(struct lanes *f)
{
	return script_terminates() >= f->n;
}

static void test_no_new_connection_beside_its_zombie(void **state)
{
	(void)state;
	script_drains(false);
	script_dies(false);
	lanes_start(false, true);
	lanes_want("pulse");
	lanes_until_later(lanes_admin_is_up);
	lanes_until_latest("pulse", ERR_NONE, true);
	script_answer("pulse", (struct script_answer){.takes_ms = 60000});
	lanes_until_latest("pulse", ERR_TIMEOUT, true);
	lanes_until(zombie_is_there);
	script_answer("pulse", (struct script_answer){0});
	L.n = 4;
	lanes_until_later(terminated_often);
	assert_int_equal(script_connects(LANE_FAST), 1);
	assert_int_equal(script_backends(), 2);
	lanes_until(lanes_is_down);
	assert_int_equal(lanes_link()->err.code, ERR_TIMEOUT);
	assert_int_equal(lanes_link()->connections, 1);

	/* Seen gone, the lane comes back at once. */
	script_dies(true);
	lanes_until_later(no_zombie);
	lanes_until_latest("pulse", ERR_NONE, true);
	assert_int_equal(script_connects(LANE_FAST), 2);
	assert_int_equal(script_backends(), 2);
}

static void test_without_admin_the_servers_limit_ends_a_zombie(void **state)
{
	(void)state;
	script_drains(false);
	lanes_start(false, false);
	lanes_want("pulse");
	lanes_until_latest("pulse", ERR_NONE, true);
	script_answer("pulse", (struct script_answer){.takes_ms = 60000});
	lanes_until_latest("pulse", ERR_TIMEOUT, true);
	script_answer("pulse", (struct script_answer){0});
	lanes_until(zombie_is_there);
	mono_ns began = clock_now(&script_clock()->clock);
	lanes_until_latest("pulse", ERR_NONE, true);
	assert_true(clock_now(&script_clock()->clock) - began >= 6000 * NS_PER_MS);
	assert_int_equal(script_connects(LANE_FAST), 2);
	assert_int_equal(lanes_link()->zombies, 0);
}

/* Ids of one server mean nothing at another: such a zombie is left to the server's limit. */
static void test_a_zombie_of_another_server_is_not_touched(void **state)
{
	(void)state;
	script_drains(false);
	script_admin_server("server-2");
	lanes_start(false, true);
	lanes_want("pulse");
	lanes_until_later(lanes_admin_is_up);
	lanes_until_latest("pulse", ERR_NONE, true);
	script_answer("pulse", (struct script_answer){.takes_ms = 60000});
	lanes_until_latest("pulse", ERR_TIMEOUT, true);
	script_answer("pulse", (struct script_answer){0});
	lanes_until_latest("pulse", ERR_NONE, true);
	assert_int_equal(script_cancels(), 0);
	assert_int_equal(script_terminates(), 0);
	assert_string_equal(lanes_link()->server.id, "server-1");
	assert_string_equal(lanes_link()->admin.id, "server-2");
}

static void test_connect_failures_back_off_and_heal(void **state)
{
	(void)state;
	script_connect_error(-1, ERR_REFUSED);
	lanes_start(false, true);
	lanes_want("pulse");
	lanes_until(lanes_is_down);
	assert_int_equal(lanes_link()->err.code, ERR_REFUSED);
	assert_true(lanes_link()->retry_at > 0);
	L.step_ms = 100;
	lanes_pass(60);
	/* A minute of full jitter: neither silence nor a hammer. */
	assert_true(script_connects(LANE_FAST) >= 3);
	assert_true(script_connects(LANE_FAST) <= 80);
	script_connect_error(-1, ERR_NONE);
	lanes_until_latest("pulse", ERR_NONE, true);
	assert_int_equal(lanes_link()->state, LINK_UP);
	assert_int_equal(lanes_link()->err.code, ERR_NONE);
}

static void test_kick_asks_now(void **state)
{
	(void)state;
	script_connect_error(-1, ERR_AUTH);
	lanes_start(false, false);
	lanes_want("pulse");
	lanes_until(lanes_is_down);
	assert_true(lanes_link()->retry_at - L.snap->now > 10 * NS_PER_S);
	script_connect_error(-1, ERR_NONE);
	poller_kick(L.poller, 0);
	lanes_until_latest("pulse", ERR_NONE, false);
	/* The clock stands still, so only a kick asks again. */
	unsigned before = script_asked("pulse");
	poller_kick(L.poller, 2000);
	L.probe = "pulse";
	L.n = before + 1;
	lanes_until(lanes_asked_often);
	lanes_until_latest("pulse", ERR_NONE, false);
	assert_int_equal(lanes_slot("pulse")->latest->interval_ms, 2000);
}

static void test_once(void **state)
{
	(void)state;
	script_answer("sessions", (struct script_answer){.error = ERR_DENIED});
	L.cfg.ninstances = 3;
	lanes_start(true, false);
	static const char *const wanted[] = {"blockers", "future", "pulse", "sessions", "settings"};
	uint32_t slots = 0;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		slots |= 1U << probe_set_slot(L.probes, wanted[i]);
	for (size_t i = 0; i < 3; i++)
		hub_want(L.hub, i, slots);
	lanes_until_latest("settings", ERR_NONE, true);
	lanes_until_latest("sessions", ERR_DENIED, true);
	lanes_until_latest("blockers", ERR_GATED, true);
	lanes_until_asked("pulse", 3);
	lanes_until_asked("settings", 3);
	lanes_pass(3);
	assert_int_equal(script_asked("pulse"), 3);
	assert_int_equal(script_asked("sessions"), 3);
	assert_int_equal(script_connects(LANE_FAST), 3);
	assert_int_equal(script_connects(LANE_SLOW), 0);
}

static bool carried_twice(struct lanes *f)
{
	const struct sample *s = lanes_slot("pulse")->good;
	(void)f;
	return s != NULL && script_asked("whole") >= 4 && table_rate(s->table, 0, 1) > 0;
}

/* A statement that answers two probes: the other one is asked only when this one cannot be. */
static void test_what_is_carried_is_not_asked(void **state)
{
	(void)state;
	script_answer("whole", (struct script_answer){.value = 100, .step = 10});
	lanes_start(false, false);
	uint32_t both = 1U << probe_set_slot(L.probes, "whole") | 1U << probe_set_slot(L.probes, "pulse");
	hub_want(L.hub, 0, both);
	lanes_until_later(carried_twice);
	assert_int_equal(script_asked("pulse"), 0);
	const struct sample *whole = lanes_slot("whole")->good;
	const struct sample *pulse = lanes_slot("pulse")->good;
	assert_ptr_not_equal(whole->arena, pulse->arena);
	assert_string_equal(pulse->probe->name, "pulse");
	assert_string_equal(pulse->server_start, whole->server_start);
	assert_int_equal(pulse->interval_ms, 1000);
	/* All but the first had the answer before at hand. */
	assert_int_equal(script_asked_since("whole"), script_asked("whole") - 1);

	/* Alone when the other is refused, and again together when it heals. */
	script_answer("whole", (struct script_answer){.error = ERR_DENIED});
	lanes_until_asked("pulse", 3);
	script_answer("whole", (struct script_answer){.value = 7});
	lanes_until_latest("whole", ERR_NONE, true);
	unsigned alone = script_asked("pulse");
	lanes_pass(5);
	assert_true(script_asked("pulse") <= alone + 1);
	assert_int_equal(table_cell(lanes_slot("pulse")->good->table, 0, 0)->u.i, 7);

	/* A new connection knows nothing of what the old one was told. */
	unsigned asked = script_asked("whole") - script_asked_since("whole");
	script_answer("whole", (struct script_answer){.error = ERR_LOST});
	lanes_until_latest("whole", ERR_LOST, true);
	script_answer("whole", (struct script_answer){.value = 8});
	lanes_until_latest("whole", ERR_NONE, true);
	assert_true(script_asked("whole") - script_asked_since("whole") > asked);
	assert_true(script_connects(LANE_FAST) >= 2);
}

static bool covered_thrice(struct lanes *f)
{
	const struct sample *s = lanes_slot("brief")->good;
	(void)f;
	return s != NULL && script_asked("links") >= 3;
}

/* The shorter statement is for when the longer one is refused, or nobody looks at it. */
static void test_what_is_covered_is_not_asked(void **state)
{
	(void)state;
	script_answer("links", (struct script_answer){.value = 100, .step = 10});
	script_answer("brief", (struct script_answer){.value = 7});
	lanes_start(false, false);
	uint32_t brief = 1U << probe_set_slot(L.probes, "brief");
	hub_want(L.hub, 0, brief | 1U << probe_set_slot(L.probes, "links"));
	lanes_until_later(covered_thrice);
	assert_int_equal(script_asked("brief"), 0);
	const struct sample *links = lanes_slot("links")->good;
	const struct sample *s = lanes_slot("brief")->good;
	assert_ptr_equal(s->table->columns, s->probe->columns);
	assert_string_equal(s->probe->name, "brief");
	assert_ptr_not_equal(links->arena, s->arena);
	assert_int_equal(s->interval_ms, 2000);
	assert_int_equal(s->table->nrows, links->table->nrows);
	char behind[32];
	snprintf(behind, sizeof(behind), "%lld", (long long)table_cell(s->table, 0, 1)->u.i);
	assert_true(table_cell(s->table, 0, 1)->u.i >= 100);
	assert_string_equal(table_text(s->table, 0, 0), behind);

	/* Alone when the other is refused, and when nobody looks at it. */
	script_answer("links", (struct script_answer){.error = ERR_DENIED});
	lanes_until_asked("brief", 3);
	assert_int_equal(table_cell(lanes_slot("brief")->good->table, 0, 1)->u.i, 7);
	script_answer("links", (struct script_answer){.value = 8});
	lanes_until_latest("links", ERR_NONE, true);
	hub_want(L.hub, 0, brief);
	unsigned asked = script_asked("brief");
	lanes_until_asked("brief", asked + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_only_what_is_looked_at, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_rates_need_the_same_server_process, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_after_a_login_the_lane_is_on_another_thread, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_gate, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_a_drained_timeout_keeps_its_connection, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_no_new_connection_beside_its_zombie, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_without_admin_the_servers_limit_ends_a_zombie, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_a_zombie_of_another_server_is_not_touched, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_connect_failures_back_off_and_heal, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_kick_asks_now, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_what_is_carried_is_not_asked, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(
	                test_what_is_covered_is_not_asked, lanes_setup, lanes_teardown),
	        cmocka_unit_test_setup_teardown(test_once, lanes_setup, lanes_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
