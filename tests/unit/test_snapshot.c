/* Age and reason of every panel: fresh says nothing, stale says since when and why, gated is not stale. */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/support/fixture.h"

static void reason_is(struct fixture *f, const char *probe, const char *expect)
{
	struct buf b;
	buf_init(&b, 1000);
	snapshot_reason(fixture_snapshot(f), 0, probe, &b);
	assert_string_equal(buf_str(&b), expect);
	assert_int_equal(snapshot_is_stale(fixture_snapshot(f), 0, probe),
	        expect[0] != '\0' && strncmp(expect, "took", 4) != 0);
	buf_free(&b);
}

static struct fixture *one(void)
{
	struct fixture *f = fixture_new();
	fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	return f;
}

static void test_tables_by_name(void **state)
{
	(void)state;
	struct fixture *f = one();
	const struct snapshot *s = fixture_snapshot(f);
	assert_null(snapshot_table(s, 0, "sessions"));
	assert_null(snapshot_slot(s, 0, "no such probe").latest);
	assert_int_equal(snapshot_age_ms(s, 0, "sessions"), -1);
	fixture_table(f, 0, "sessions", "id | user | app\n1 | 'a | b' | ''\n2 | | x");
	const struct table *t = snapshot_table(s, 0, "sessions");
	assert_int_equal(t->nrows, 2);
	assert_string_equal(table_text(t, 0, table_column(t, "user")), "a | b");
	assert_string_equal(table_text(t, 0, table_column(t, "app")), "");
	assert_null(table_text(t, 1, table_column(t, "user")));
	assert_null(table_text(t, 1, table_column(t, "query")));
	fixture_advance(f, 1400);
	assert_int_equal(snapshot_age_ms(s, 0, "sessions"), 1400);
	fixture_free(f);
}

static void test_rates_in_fixtures(void **state)
{
	(void)state;
	struct fixture *f = one();
	fixture_table(f, 0, "pulse", "xacts\n100");
	fixture_advance(f, 2000);
	fixture_table(f, 0, "pulse", "xacts\n300");
	const struct table *t = snapshot_table(fixture_snapshot(f), 0, "pulse");
	assert_float_equal((float)table_rate(t, 0, table_column(t, "xacts")), 100, 0.01);
	snprintf(fixture_at(f, 0)->link.server.start, GUARD_MAX, "restarted");
	fixture_advance(f, 2000);
	fixture_table(f, 0, "pulse", "xacts\n900");
	t = snapshot_table(fixture_snapshot(f), 0, "pulse");
	assert_true(isnan(table_rate(t, 0, table_column(t, "xacts"))));
	fixture_free(f);
}

static void test_reasons(void **state)
{
	(void)state;
	struct fixture *f = one();
	reason_is(f, "sessions", "waiting for an answer");
	fixture_link(f, 0, LINK_CONNECTING, ERR_NONE, "");
	reason_is(f, "sessions", "connecting");
	fixture_link(f, 0, LINK_DOWN, ERR_REFUSED, "connect: refused");
	reason_is(f, "sessions", "connect: refused, retry in 5 s");
	fixture_link(f, 0, LINK_UP, ERR_NONE, "");

	fixture_table(f, 0, "sessions", "id\n1");
	fixture_advance(f, 2500);
	reason_is(f, "sessions", "");
	fixture_advance(f, 100);
	reason_is(f, "sessions", "stale 3 s \xC2\xB7 waiting for an answer");
	fixture_advance(f, 11400);
	fixture_error(f, 0, "sessions", ERR_TIMEOUT, "sessions: timed out after 800 ms");
	reason_is(f, "sessions", "stale 14 s \xC2\xB7 timed out after 800 ms, retry in 3 s");
	fixture_advance(f, 200000);
	reason_is(f, "sessions", "stale 3m34s \xC2\xB7 timed out after 800 ms, trying again");
	fixture_error(f, 0, "sessions", ERR_DENIED, "permission denied for function x");
	reason_is(f, "sessions", "stale 3m34s \xC2\xB7 denied: needs pg_monitor");
	fixture_error(f, 0, "replication_brief", ERR_DENIED, "permission denied for function x");
	reason_is(f, "replication_brief", "denied: permission denied for function x");
	fixture_error(f, 0, "settings", ERR_UNSUPPORTED, "performance_schema is off");
	reason_is(f, "settings", "unsupported: performance_schema is off");
	fixture_link(f, 0, LINK_DOWN, ERR_LOST, "the server ended the connection");
	reason_is(f, "sessions", "stale 3m34s \xC2\xB7 the server ended the connection, retry in 5 s");
	fixture_free(f);
}

static void test_a_slow_answer_says_its_price(void **state)
{
	(void)state;
	struct fixture *f = one();
	fixture_table(f, 0, "sessions", "id\n1");
	struct sample *slow = fixture_sample(f, 0, "sessions");
	slow->slowed = true;
	slow->interval_ms = 8000;
	slow->started = slow->finished - 1900 * NS_PER_MS;
	reason_is(f, "sessions", "took 1.9 s, asked every 8 s");
	fixture_free(f);
}

static void test_a_closed_gate_is_not_stale(void **state)
{
	(void)state;
	struct fixture *f = one();
	const struct snapshot *s = fixture_snapshot(f);
	fixture_table(f, 0, "pulse", "lock_waiters\n1");
	fixture_table(f, 0, "blockers", "waiter | blocker\n4802 | 4711");
	assert_false(snapshot_is_gated(s, 0, "blockers"));
	fixture_advance(f, 10000);
	assert_true(snapshot_is_stale(s, 0, "blockers"));
	fixture_table(f, 0, "pulse", "lock_waiters\n1");
	assert_true(snapshot_is_stale(s, 0, "blockers"));
	fixture_table(f, 0, "pulse", "lock_waiters\n0");
	assert_true(snapshot_is_gated(s, 0, "blockers"));
	reason_is(f, "blockers", "");
	fixture_table(f, 0, "pulse", "lock_waiters\n1");
	fixture_error(f, 0, "blockers", ERR_GATED, "not asked: nobody waits");
	assert_true(snapshot_is_gated(s, 0, "blockers"));
	assert_false(snapshot_is_gated(s, 0, "sessions"));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_tables_by_name),
	        cmocka_unit_test(test_rates_in_fixtures),
	        cmocka_unit_test(test_reasons),
	        cmocka_unit_test(test_a_slow_answer_says_its_price),
	        cmocka_unit_test(test_a_closed_gate_is_not_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
