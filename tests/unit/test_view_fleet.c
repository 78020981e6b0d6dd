/* What the Fleet view promises: one line an instance, the cursor on its instance through every order, and a
 * way down to the sessions. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "views/fleet.h"

struct desk {
	struct fixture *f;
	struct viewer v;
};

static void open_desk(struct desk *d, int w, int h)
{
	d->f = fixture_new();
	scene_incident(d->f);
	viewer_open(&d->v, &fleet_view, d->f, w, h, false);
}

static void close_desk(struct desk *d)
{
	viewer_close(&d->v);
	fixture_free(d->f);
}

static bool choose(struct desk *d, int instance)
{
	struct row_ref row = {.instance = instance};
	return fleet_view.select(d->v.state, &d->v.in, &row);
}

static bool selected(struct desk *d, const char *text)
{
	return strstr(viewer_selected(&d->v), text) != NULL;
}

static void test_the_culprit_is_never_cut(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 80, 24);
	for (int w = 40; w <= 200; w += 8) {
		viewer_resize(&d.v, w, 24);
		assert_true(viewer_find(&d.v, "6 wait for 4711") >= 0);
		assert_true(viewer_find(&d.v, "orders-pg-1") >= 0);
	}
	close_desk(&d);
}

/* The longest pid that Linux gives, and more waiters than the column has room to say. */
static void test_a_long_pid_is_never_cut(void **state)
{
	(void)state;
	char sessions[2048], blockers[2048];
	int s = snprintf(sessions, sizeof sessions,
	        "id | kind | state | app | xact_ms | query_ms | state_ms\n"
	        "4194303 | client | idle in transaction | checkout | 200000 | | 192000\n");
	int b = snprintf(blockers, sizeof blockers, "waiter | blocker | waiting_ms\n");
	for (int i = 0; i < 12; i++) {
		s += snprintf(sessions + s, sizeof sessions - (size_t)s,
		        "%d | client | active | web | 9000 | 9000 | 9000\n", 15700 + i);
		b += snprintf(blockers + b, sizeof blockers - (size_t)b, "%d | 4194303 | 9000\n", 15700 + i);
	}
	struct fixture *f = fixture_new();
	struct viewer v;
	size_t pg = fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	fixture_table(f, pg, "pulse", "lock_waiters | limit_used | limit_max\n12 | 13 | 100");
	fixture_table(f, pg, "sessions", sessions);
	fixture_table(f, pg, "blockers", blockers);
	viewer_open(&v, &fleet_view, f, 80, 24, false);
	assert_true(viewer_find(&v, "4194303 blocks") >= 0);
	for (int w = 40; w <= 200; w += 8) {
		viewer_resize(&v, w, 24);
		int y = viewer_find(&v, "orders-pg-1");
		assert_true(y >= 0);
		assert_non_null(strstr(viewer_line(&v, y), "4194303"));
	}
	assert_true(viewer_find(&v, "12 wait for 4194303") >= 0);
	viewer_close(&v);
	fixture_free(f);
}

static void test_unknown_is_no_number(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_denied(f);
	viewer_open(&v, &fleet_view, f, 132, 24, false);
	int y = viewer_find(&v, "orders-my-1");
	assert_true(y >= 0);
	assert_non_null(strstr(viewer_line(&v, y), "denied"));
	assert_null(strchr(viewer_line(&v, y), '0'));
	viewer_close(&v);
	fixture_free(f);
}

static void test_enter_descends(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 132, 43);
	assert_true(choose(&d, 3));
	struct intent i = viewer_key(&d.v, CMD_DETAIL);
	assert_int_equal(i.kind, INTENT_VIEW);
	assert_string_equal(i.view, "sessions");
	assert_int_equal(i.scope.instance, 3);
	close_desk(&d);
}

static void test_groups_fold(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 132, 20);
	assert_true(selected(&d, "orders"));
	viewer_key(&d.v, CMD_LEFT);
	assert_true(viewer_find(&d.v, "orders-pg-2") < 0);
	assert_true(selected(&d, "3 instances"));
	viewer_key(&d.v, CMD_RIGHT);
	assert_true(viewer_find(&d.v, "orders-pg-2") >= 0);
	viewer_key(&d.v, CMD_DETAIL);
	assert_true(viewer_find(&d.v, "orders-pg-2") < 0);
	/* Whoever is led to an instance sees it. */
	assert_true(choose(&d, 1));
	assert_true(selected(&d, "orders-pg-2"));
	close_desk(&d);
}

static void test_the_cursor_stays_with_its_instance(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 132, 43);
	assert_true(choose(&d, 2));
	assert_true(selected(&d, "orders-pg-3"));
	viewer_arg(&d.v, CMD_SORT, "conn");
	assert_true(selected(&d, "orders-pg-3"));
	viewer_key(&d.v, CMD_REVERSE);
	assert_true(selected(&d, "orders-pg-3"));
	assert_true(viewer_find(&d.v, " orders-pg-3 ") < viewer_find(&d.v, " orders-pg-1 "));
	close_desk(&d);
}

static void test_filters(void **state)
{
	(void)state;
	struct desk d;
	static const struct {
		const char *filter, *in, *out;
	} cases[] = {
	        {"role:replica", " orders-pg-2 ", " orders-pg-1 "},
	        {"cluster:billing", " billing-my-1 ", " orders-pg-1 "},
	        {"blocked:>0", " orders-pg-1 ", " orders-pg-2 "},
	        {"oldest:>1m", " orders-pg-1 ", " billing-my-1 "},
	        {"state:paused", " orders-pg-3 ", " orders-pg-2 "},
	        {"conn:>80", " orders-pg-1 ", " billing-my-1 "},
	        {"!orders", " search-maria ", " orders-pg-2 "},
	};
	open_desk(&d, 132, 16);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct intent said = viewer_arg(&d.v, CMD_FILTER, cases[i].filter);
		if (said.kind != INTENT_DONE)
			fail_msg("%s: %s", cases[i].filter, said.text);
		if (viewer_find(&d.v, cases[i].in) < 0)
			fail_msg("%s leaves out%s", cases[i].filter, cases[i].in);
		if (viewer_find(&d.v, cases[i].out) >= 0)
			fail_msg("%s keeps%s", cases[i].filter, cases[i].out);
	}
	viewer_arg(&d.v, CMD_FILTER, "nobody");
	assert_true(viewer_find(&d.v, "none matches") >= 0);
	assert_int_equal(viewer_find(&d.v, "gone"), -1);
	assert_int_equal(viewer_key(&d.v, CMD_BACK).kind, INTENT_DONE);
	assert_int_equal(viewer_key(&d.v, CMD_BACK).kind, INTENT_NONE);
	close_desk(&d);
}

static void test_an_offered_replica_can_be_added(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	fixture_table(
	        f, 0, "server", "flavour | version | role | writable\nPostgreSQL | 15.18 | primary | t");
	fixture_table(f, 0, "pulse", "connections | limit_used | limit_max\n9 | 9 | 100");
	fixture_table(f, 0, "replication_brief",
	        "kind | peer | name | state\ndownstream | 10.9.9.9:5433 | walreceiver | streaming\n");
	viewer_open(&v, &fleet_view, f, 132, 20, false);
	int y = viewer_find(&v, "10.9.9.9");
	assert_true(y >= 0);
	viewer_key(&v, CMD_BOTTOM);
	assert_non_null(strstr(viewer_selected(&v), "10.9.9.9"));
	assert_true(fleet_view.offers(v.state, &v.in, CMD_ADD));
	struct intent i = viewer_key(&v, CMD_ADD);
	assert_int_equal(i.kind, INTENT_ADD);
	assert_int_equal(i.row.instance, 0);
	assert_non_null(strstr(i.text, "10.9.9.9:"));
	viewer_close(&v);
	fixture_free(f);
}

static void test_the_mouse(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 132, 43);
	int y = viewer_find(&d.v, "billing-my-1");
	struct intent i = viewer_mouse(&d.v, 10, y, 0, false);
	assert_int_equal(i.kind, INTENT_DONE);
	assert_true(selected(&d, "billing-my-1"));
	i = viewer_mouse(&d.v, 10, y, 0, true);
	assert_int_equal(i.kind, INTENT_VIEW);
	assert_int_equal(i.scope.instance, 3);
	close_desk(&d);
}

static void test_every_size_draws(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_hostile(f);
	viewer_open(&v, &fleet_view, f, 1, 1, false);
	for (int w = 1; w < 220; w += 7) {
		for (int h = 1; h < 62; h += 3) {
			viewer_resize(&v, w, h);
			viewer_draw(&v);
		}
	}
	viewer_close(&v);
	fixture_free(f);
}

static void test_five_hundred_instances(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_many(f, 500, 0);
	viewer_open(&v, &fleet_view, f, 80, 24, false);
	viewer_key(&v, CMD_BOTTOM);
	assert_non_null(strstr(viewer_selected(&v), "pg-499"));
	viewer_arg(&v, CMD_FILTER, "instance:pg-123");
	assert_true(viewer_find(&v, "pg-123") >= 0);
	viewer_close(&v);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_culprit_is_never_cut),
	        cmocka_unit_test(test_a_long_pid_is_never_cut),
	        cmocka_unit_test(test_unknown_is_no_number),
	        cmocka_unit_test(test_enter_descends),
	        cmocka_unit_test(test_groups_fold),
	        cmocka_unit_test(test_the_cursor_stays_with_its_instance),
	        cmocka_unit_test(test_filters),
	        cmocka_unit_test(test_an_offered_replica_can_be_added),
	        cmocka_unit_test(test_the_mouse),
	        cmocka_unit_test(test_every_size_draws),
	        cmocka_unit_test(test_five_hundred_instances),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
