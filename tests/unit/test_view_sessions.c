/* What the Sessions view promises: the cursor follows its session and never slides to a neighbour, what is
 * not shown is counted, an intent names exactly the sessions that were meant. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "views/sessions.h"
#include "views/sessions_state.h"

#define HEAD                                                                                                 \
	"id | started | user | app | kind | state | wait_type | xact_ms | query_ms | state_ms | leader | "   \
	"query\n"

struct desk {
	struct fixture *f;
	struct viewer v;
};

static void open_desk(struct desk *d, const char *rows)
{
	char text[8192];
	d->f = fixture_new();
	fixture_instance(d->f, "orders", "pg", ENGINE_POSTGRES);
	snprintf(text, sizeof text, "%s%s", HEAD, rows);
	fixture_table(d->f, 0, "sessions", text);
	viewer_open(&d->v, &sessions_view, d->f, 132, 30, false);
}

static void show(struct desk *d, const char *rows)
{
	char text[8192];
	fixture_advance(d->f, 1000);
	snprintf(text, sizeof text, "%s%s", HEAD, rows);
	fixture_table(d->f, 0, "sessions", text);
	viewer_update(&d->v);
}

static void close_desk(struct desk *d)
{
	viewer_close(&d->v);
	fixture_free(d->f);
}

static bool selected(struct desk *d, const char *text)
{
	return strstr(viewer_selected(&d->v), text) != NULL;
}

#define THREE                                                                                                \
	"1 | a | app | one | client | active | CPU | 3000 | 3000 | 3000 | | SELECT 1\n"                      \
	"2 | b | app | two | client | active | CPU | 2000 | 2000 | 2000 | | SELECT 2\n"                      \
	"3 | c | web | three | client | active | CPU | 1000 | 1000 | 1000 | | SELECT 3\n"

static void test_the_cursor_follows_its_session(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "two"));
	/* It becomes the oldest. */
	show(&d, "2 | b | app | two | client | active | CPU | 9000 | 9000 | 9000 | | SELECT 2\n"
	         "1 | a | app | one | client | active | CPU | 3000 | 3000 | 3000 | | SELECT 1\n");
	assert_true(selected(&d, "two"));
	assert_true(viewer_find(&d.v, "two") < viewer_find(&d.v, "one"));
	viewer_arg(&d.v, CMD_SORT, "app");
	assert_true(selected(&d, "two"));
	close_desk(&d);
}

static void test_who_ends_leaves_a_ghost(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	viewer_key(&d.v, CMD_DOWN);
	show(&d, "1 | a | app | one | client | active | CPU | 3000 | 3000 | 3000 | | SELECT 1\n"
	         "3 | c | web | three | client | active | CPU | 1000 | 1000 | 1000 | | SELECT 3\n");
	assert_true(selected(&d, "two"));
	assert_true(selected(&d, "gone"));
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_SAY);
	assert_non_null(strstr(i.text, "2 is gone"));
	assert_int_equal(viewer_key(&d.v, CMD_CANCEL).kind, INTENT_SAY);
	assert_int_equal(viewer_key(&d.v, CMD_MARK).kind, INTENT_SAY);
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "three"));
	assert_int_equal(viewer_find(&d.v, "gone"), -1);
	close_desk(&d);
}

/* The same id again is another session. */
static void test_a_reused_id_is_another_session(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	show(&d, "1 | z | app | else | client | active | CPU | 10 | 10 | 10 | | SELECT 9\n"
	         "2 | b | app | two | client | active | CPU | 2000 | 2000 | 2000 | | SELECT 2\n");
	assert_true(selected(&d, "gone"));
	assert_int_equal(viewer_key(&d.v, CMD_TERMINATE).kind, INTENT_SAY);
	close_desk(&d);
}

static void test_who_turns_idle_under_the_cursor_stays(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	show(&d, "1 | a | app | one | client | idle | Client | | | 10 | | COMMIT\n"
	         "2 | b | app | two | client | idle | Client | | | 10 | | COMMIT\n"
	         "3 | c | web | three | client | active | CPU | 1000 | 1000 | 1000 | | SELECT 3\n");
	assert_true(selected(&d, "one"));
	assert_false(selected(&d, "gone"));
	assert_int_equal(viewer_find(&d.v, " two "), -1);
	assert_true(viewer_find(&d.v, "not shown: 1 idle") >= 0);
	close_desk(&d);
}

static void test_idle_own_and_background_are_counted(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_incident(f);
	viewer_open(&v, &sessions_view, f, 132, 43, false);
	v.in.scope.instance = 0;
	viewer_update(&v);
	assert_true(viewer_find(&v, "not shown: 2 idle, 2 background, 1 own, 2 workers folded") >= 0);
	assert_int_equal(viewer_find(&v, "6300"), -1);
	viewer_key(&v, CMD_IDLE);
	assert_true(viewer_find(&v, " 6300 ") >= 0);
	assert_true(viewer_find(&v, "checkpointer") < 0 && viewer_find(&v, " 8000 ") >= 0);
	assert_int_equal(viewer_find(&v, " 9000 "), -1);
	viewer_key(&v, CMD_OWN);
	assert_true(viewer_find(&v, " 9000 ") >= 0);
	viewer_close(&v);
	fixture_free(f);
}

static void test_the_default_order(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_incident(f);
	viewer_open(&v, &sessions_view, f, 132, 43, false);
	assert_true(strstr(viewer_selected(&v), "4711") != NULL);
	/* The root, who waits, then by the age of transactions. */
	assert_true(viewer_find(&v, " 4711 ") < viewer_find(&v, " 4802 "));
	assert_true(viewer_find(&v, " 4903 ") < viewer_find(&v, " 7000 "));
	assert_true(viewer_find(&v, " 7000 ") < viewer_find(&v, " 6100 "));
	viewer_close(&v);
	fixture_free(f);
}

static void test_any_column_sorts(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, "1 | a | zoe | one | client | active | CPU | 3000 | 10 | 10 | | b\n"
	              "2 | b | amy | two | client | active | CPU | | 2000 | 10 | | c\n"
	              "3 | c | | three | client | idle in transaction | Client | 5000 | | 10 | | a\n");
	viewer_arg(&d.v, CMD_SORT, "user");
	assert_true(viewer_find(&d.v, "amy") < viewer_find(&d.v, "zoe"));
	/* Unknown last, whichever way round. */
	assert_true(viewer_find(&d.v, "zoe") < viewer_find(&d.v, "three"));
	viewer_key(&d.v, CMD_REVERSE);
	assert_true(viewer_find(&d.v, "zoe") < viewer_find(&d.v, "amy"));
	assert_true(viewer_find(&d.v, "amy") < viewer_find(&d.v, "three"));
	viewer_arg(&d.v, CMD_SORT, "xact");
	assert_true(viewer_find(&d.v, "three") < viewer_find(&d.v, " one "));
	assert_true(viewer_find(&d.v, " one ") < viewer_find(&d.v, " two "));
	viewer_arg(&d.v, CMD_SORT, "stmt");
	assert_true(viewer_find(&d.v, " two ") < viewer_find(&d.v, " one "));
	viewer_arg(&d.v, CMD_SORT, "id");
	assert_true(viewer_find(&d.v, " one ") < viewer_find(&d.v, " two "));
	struct intent i = viewer_arg(&d.v, CMD_SORT, "nonsense");
	assert_int_equal(i.kind, INTENT_SAY);
	/* Through all of them and back to the default order. */
	for (int n = 0; n < 40; n++)
		viewer_key(&d.v, CMD_SORT);
	close_desk(&d);
}

static bool in_order(const struct sessions_state *st, bool reversed)
{
	size_t i = 0, k = 0;
	bool good = st->n > 100;
	for (long row = 1; (size_t)row < st->n; row++) {
		const struct session *x = sessions_row(st, row - 1, &i), *y = sessions_row(st, row, &k);
		int c = session_compare(sessions_at(st->all, i), i, x, sessions_at(st->all, k), k, y);
		good &= reversed ? c > 0 : c < 0;
	}
	return good;
}

/* Lists of many instances are put together from lists of one: seven, so that some have no partner. */
static void test_many_instances_are_one_order(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_many(f, 7, 90);
	viewer_open(&v, &sessions_view, f, 132, 30, false);
	assert_true(in_order(v.state, false));
	viewer_key(&v, CMD_IDLE);
	viewer_key(&v, CMD_REVERSE);
	assert_true(in_order(v.state, true));
	/* Of equals the default order decides. */
	viewer_arg(&v, CMD_SORT, "db");
	assert_true(in_order(v.state, false));
	viewer_close(&v);
	fixture_free(f);
}

static void test_filters(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_incident(f);
	viewer_open(&v, &sessions_view, f, 132, 43, false);
	static const struct {
		const char *filter, *in, *out;
	} cases[] = {
	        {"app:checkout", " 4711 ", " 5120 "}, {"age:>2m", " 4802 ", " 6001 "},
	        {"state:=active", " 4802 ", " 4711 "}, {"state:idle", " 4711 ", " 4802 "},
	        {"wait:lock", " 4903 ", " 6001 "}, {"wait:transactionid", " 4802 ", " 5120 "},
	        {"id:=5120", " 5120 ", " 4711 "}, {"blocks:>=3", " 4711 ", " 4802 "},
	        {"client:10.2.4", " 5201 ", " 4711 "}, {"kind:autovacuum", " 7000 ", " 4711 "},
	        {"cluster:billing", " 88121 ", " 4711 "}, {"instance:my-1 rows:>100", " 88121 ", " 88122 "},
	        {"progress:>50", " 7000 ", " 6100 "}, {"query:~^ALTER", " 5120 ", " 4711 "},
	        {"db:bill", " 88122 ", " 4711 "}, {"!stock", " 6100 ", " 4711 "},
	        {"locks:5120", " 5201 ", " 4802 "},
	        {"id:6002", " 6002 ", " 6001 "}, /* a worker without its leader */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct intent said = viewer_arg(&v, CMD_FILTER, cases[i].filter);
		if (said.kind != INTENT_DONE)
			fail_msg("%s: %s", cases[i].filter, said.text);
		if (viewer_find(&v, cases[i].in) < 0)
			fail_msg("%s leaves out%s", cases[i].filter, cases[i].in);
		if (viewer_find(&v, cases[i].out) >= 0)
			fail_msg("%s keeps%s", cases[i].filter, cases[i].out);
	}
	assert_int_equal(viewer_arg(&v, CMD_FILTER, "aap:checkout").kind, INTENT_SAY);
	/* What is wrong changes nothing. */
	assert_int_equal(viewer_find(&v, " 4711 "), -1);
	assert_int_equal(viewer_key(&v, CMD_BACK).kind, INTENT_DONE);
	assert_true(viewer_find(&v, " 4711 ") >= 0);
	assert_int_equal(viewer_key(&v, CMD_BACK).kind, INTENT_NONE);
	viewer_close(&v);
	fixture_free(f);
}

static void test_a_filter_moves_the_cursor_on(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	viewer_arg(&d.v, CMD_FILTER, "app:two");
	assert_true(selected(&d, "two"));
	assert_int_equal(viewer_find(&d.v, "gone"), -1);
	viewer_arg(&d.v, CMD_FILTER, "nobody");
	assert_true(viewer_find(&d.v, "No session matches") >= 0);
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_SAY);
	/* It was left out, it has not ended. */
	assert_null(strstr(i.text, "gone"));
	viewer_key(&d.v, CMD_DETAIL);
	assert_int_equal(viewer_find(&d.v, "gone"), -1);
	viewer_key(&d.v, CMD_BACK);
	viewer_arg(&d.v, CMD_FILTER, "");
	assert_true(selected(&d, "one"));
	close_desk(&d);
}

static void test_workers_fold_under_their_leader(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_incident(f);
	viewer_open(&v, &sessions_view, f, 132, 43, false);
	struct row_ref leader = {.instance = 0, .session = {.id = 6001}};
	assert_true(sessions_view.select(v.state, &v.in, &leader));
	assert_true(strstr(viewer_selected(&v), "+2") != NULL);
	assert_int_equal(viewer_find(&v, " 6002 "), -1);
	viewer_key(&v, CMD_RIGHT);
	assert_int_equal(viewer_find(&v, " 6002 "), viewer_find(&v, " 6001 ") + 1);
	/* Sorted by anything they stay together. */
	viewer_arg(&v, CMD_SORT, "wait");
	assert_int_equal(viewer_find(&v, " 6003 "), viewer_find(&v, " 6001 ") + 2);
	viewer_key(&v, CMD_DOWN);
	assert_true(strstr(viewer_selected(&v), "6002") != NULL);
	viewer_key(&v, CMD_LEFT);
	assert_true(strstr(viewer_selected(&v), "6001") != NULL);
	assert_int_equal(viewer_find(&v, " 6002 "), -1);
	viewer_close(&v);
	fixture_free(f);
}

static void test_marks_make_a_bulk(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	struct intent i = viewer_key(&d.v, CMD_CANCEL);
	assert_int_equal(i.kind, INTENT_ACT);
	assert_int_equal(i.action, ACTION_CANCEL);
	assert_int_equal(i.nrows, 1);
	assert_int_equal(i.rows[0].session.id, 1);
	assert_string_equal(i.rows[0].session.started, "a");
	viewer_key(&d.v, CMD_MARK);
	viewer_key(&d.v, CMD_DOWN);
	viewer_key(&d.v, CMD_DOWN);
	viewer_key(&d.v, CMD_MARK);
	viewer_key(&d.v, CMD_UP);
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_ACT);
	assert_int_equal(i.nrows, 2);
	assert_int_equal(i.rows[0].session.id, 1);
	assert_int_equal(i.rows[1].session.id, 3);
	/* One that ended is no part of it any more; one that the filter would hide is. */
	viewer_arg(&d.v, CMD_FILTER, "app:two");
	show(&d, "2 | b | app | two | client | active | CPU | 2000 | 2000 | 2000 | | SELECT 2\n"
	         "3 | c | web | three | client | idle | Client | | | 1000 | | SELECT 3\n");
	assert_true(viewer_find(&d.v, "three") >= 0);
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.nrows, 1);
	assert_int_equal(i.rows[0].session.id, 3);
	viewer_key(&d.v, CMD_UNMARK);
	assert_int_equal(viewer_find(&d.v, "marked"), -1);
	close_desk(&d);
}

static void test_no_action_on_what_is_no_session(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, "1 | a | app | one | client | active | Lock | 3000 | 3000 | 3000 | | SELECT 1\n"
	              "2 | b | app | two | client | active | Lock | 3000 | 3000 | 3000 | | SELECT 1\n");
	fixture_advance(d.f, 1000);
	fixture_table(d.f, 0, "pulse", "lock_waiters\n2");
	fixture_table(d.f, 0, "blockers", "waiter | blocker\n1 | 0\n2 | -1\n");
	viewer_update(&d.v);
	viewer_key(&d.v, CMD_TOP);
	for (int i = 0; i < 2; i++) {
		struct intent said = viewer_key(&d.v, CMD_TERMINATE);
		assert_int_equal(said.kind, INTENT_SAY);
		assert_int_equal(viewer_key(&d.v, CMD_MARK).kind, INTENT_SAY);
		viewer_key(&d.v, CMD_DOWN);
	}
	assert_int_equal(viewer_key(&d.v, CMD_TERMINATE).kind, INTENT_ACT);
	assert_true(viewer_find(&d.v, "2pc") >= 0);
	close_desk(&d);
}

static void test_the_detail_asks_for_what_is_cut(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	fixture_instance(f, "orders", "pg", ENGINE_POSTGRES);
	fixture_table(f, 0, "sessions",
	        "id | started | kind | state | wait_type | query_ms | query | query_bytes\n"
	        "1 | a | client | active | CPU | 10 | 'SELECT first_part,' | 33\n"
	        "2 | b | client | active | CPU | 5 | 'SELECT short' | 12\n");
	viewer_open(&v, &sessions_view, f, 200, 40, false);
	struct intent i = viewer_key(&v, CMD_DETAIL);
	assert_int_equal(i.kind, INTENT_ASK);
	assert_int_equal(i.row.session.id, 1);
	assert_true(viewer_find(&v, "the first 18 B of 33 B") >= 0);
	/* The answer is a sample of another snapshot of the same instance. */
	fixture_table(f, 0, "statement",
	        "id | started | query | query_bytes\n"
	        "1 | a | 'SELECT first_part, second_half FROM t' | 37\n");
	v.in.answer = fixture_sample(f, 0, "statement");
	v.in.asked = i.row;
	assert_true(viewer_find(&v, "second_half") >= 0);
	assert_int_equal(viewer_find(&v, "the first 18 B"), -1);
	i = viewer_key(&v, CMD_COPY);
	assert_int_equal(i.kind, INTENT_COPY);
	assert_string_equal(i.long_text, "SELECT first_part, second_half FROM t");
	free(i.long_text);
	/* Another one is not mixed up with it, and needs no question. */
	i = viewer_key(&v, CMD_DOWN);
	assert_int_equal(i.kind, INTENT_DONE);
	assert_int_equal(viewer_find(&v, "second_half"), -1);
	/* An answer that is about another statement is not shown. */
	viewer_key(&v, CMD_UP);
	fixture_table(f, 0, "statement",
	        "id | started | query | query_bytes\n1 | a | 'DROP TABLE another_one CASCADE' | 30\n");
	v.in.answer = fixture_sample(f, 0, "statement");
	assert_int_equal(viewer_find(&v, "another_one"), -1);
	assert_int_equal(viewer_key(&v, CMD_BACK).kind, INTENT_DONE);
	viewer_close(&v);
	fixture_free(f);
}

static void test_what_the_server_cut_is_not_asked_for(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	fixture_instance(f, "orders", "pg", ENGINE_POSTGRES);
	fixture_table(f, 0, "server", "role | track_activity_size\nprimary | 20");
	fixture_table(f, 0, "sessions",
	        "id | started | kind | state | wait_type | query_ms | query | query_bytes\n"
	        "1 | a | client | active | CPU | 10 | 'SELECT a_long_column' | 19\n");
	viewer_open(&v, &sessions_view, f, 200, 40, false);
	assert_int_equal(viewer_key(&v, CMD_DETAIL).kind, INTENT_DONE);
	assert_true(viewer_find(&v, "track_activity_query_size") >= 0);
	viewer_close(&v);
	fixture_free(f);
}

static void test_literals_are_shown_by_policy_only(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, "1 | a | app | one | client | active | CPU | 10 | 10 | 10 | | SELECT * FROM t WHERE "
	              "sku = 4242\n");
	assert_int_equal(viewer_find(&d.v, "4242"), -1);
	viewer_key(&d.v, CMD_DETAIL);
	assert_int_equal(viewer_find(&d.v, "4242"), -1);
	struct intent i = viewer_key(&d.v, CMD_COPY);
	assert_null(strstr(i.long_text, "4242"));
	free(i.long_text);
	fixture_cluster(d.f, "orders")->show_literals = true;
	assert_true(viewer_find(&d.v, "4242") >= 0);
	close_desk(&d);
}

static void test_a_changed_state_brightens_once(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	show(&d, "1 | a | app | one | client | active | CPU | 3000 | 3000 | 3000 | | SELECT 1\n"
	         "2 | b | app | two | client | idle in transaction | Client | 2000 | | 20 | | SELECT 2\n"
	         "3 | c | web | three | client | active | CPU | 1000 | 1000 | 1000 | | SELECT 3\n");
	viewer_draw(&d.v);
	show(&d, "1 | a | app | one | client | active | CPU | 3000 | 3000 | 3000 | | SELECT 1\n"
	         "2 | b | app | two | client | active | CPU | 2000 | 1 | 20 | | SELECT 2\n"
	         "3 | c | web | three | client | active | CPU | 1000 | 1000 | 1000 | | SELECT 3\n");
	int y = viewer_find(&d.v, " two ");
	const char *at = strstr(viewer_line(&d.v, y), "active");
	int x = (int)(at - viewer_line(&d.v, y));
	assert_int_equal(surface_at(d.v.surface, x, y)->style, STYLE_CHANGED);
	assert_int_equal(surface_at(d.v.surface, x, viewer_find(&d.v, " one "))->style, STYLE_TEXT);
	show(&d, THREE);
	y = viewer_find(&d.v, " two ");
	assert_int_equal(surface_at(d.v.surface, x, y)->style, STYLE_TEXT);
	close_desk(&d);
}

static void test_the_mouse(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, THREE);
	int y = viewer_find(&d.v, "three");
	viewer_mouse(&d.v, 20, y, 0, false);
	assert_true(selected(&d, "three"));
	int head = viewer_find(&d.v, "STATEMENT");
	const char *line = viewer_line(&d.v, head);
	viewer_mouse(&d.v, (int)(strstr(line, "APP") - line), head, 0, false);
	assert_true(viewer_find(&d.v, " one ") < viewer_find(&d.v, "three"));
	assert_true(viewer_find(&d.v, "three") < viewer_find(&d.v, " two "));
	viewer_mouse(&d.v, 20, viewer_find(&d.v, " two "), 0, true);
	assert_true(viewer_find(&d.v, "CONNECTION") >= 0);
	assert_int_equal(viewer_mouse(&d.v, 20, 1, 0, false).kind, INTENT_NONE);
	close_desk(&d);
}

static void test_every_size_draws(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_hostile(f);
	viewer_open(&v, &sessions_view, f, 1, 1, false);
	for (int detail = 0; detail < 2; detail++) {
		for (int w = 1; w < 220; w += 13) {
			for (int h = 1; h < 62; h += 7) {
				viewer_resize(&v, w, h);
				viewer_draw(&v);
				for (int i = 0; i < 3; i++)
					viewer_key(&v, CMD_PAGE_DOWN);
				viewer_draw(&v);
			}
		}
		viewer_key(&v, CMD_DETAIL);
		viewer_key(&v, CMD_WRAP);
	}
	viewer_close(&v);
	fixture_free(f);
}

static void test_select_shows_what_would_be_hidden(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_incident(f);
	viewer_open(&v, &sessions_view, f, 80, 24, false);
	viewer_arg(&v, CMD_FILTER, "app:nobody");
	struct row_ref row = {.instance = 0, .session = {.id = 6300, .started = "t14"}};
	assert_true(sessions_view.select(v.state, &v.in, &row));
	assert_true(strstr(viewer_selected(&v), "6300") != NULL);
	row.session.id = 424242;
	assert_false(sessions_view.select(v.state, &v.in, &row));
	row = (struct row_ref){.instance = 3};
	viewer_arg(&v, CMD_FILTER, "");
	assert_true(sessions_view.select(v.state, &v.in, &row));
	assert_true(strstr(viewer_selected(&v), "billing-my-1") != NULL);
	viewer_close(&v);
	fixture_free(f);
}

static void test_the_scope_leaves_out_what_is_elsewhere(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_incident(f);
	viewer_open(&v, &sessions_view, f, 132, 43, false);
	assert_true(viewer_find(&v, "INSTANCE") >= 0);
	struct intent i = viewer_key(&v, CMD_SCOPE);
	assert_int_equal(i.kind, INTENT_SCOPE);
	assert_int_equal(i.scope.instance, 0);
	v.in.scope = i.scope;
	viewer_update(&v);
	assert_int_equal(viewer_find(&v, "INSTANCE"), -1);
	assert_int_equal(viewer_find(&v, "88121"), -1);
	assert_true(strstr(viewer_selected(&v), "4711") != NULL);
	/* Another instance: the cursor's session is not gone, it is elsewhere. */
	v.in.scope.instance = 3;
	viewer_update(&v);
	assert_int_equal(viewer_find(&v, "gone"), -1);
	assert_true(strstr(viewer_selected(&v), "88122") != NULL);
	viewer_close(&v);
	fixture_free(f);
}

static void test_offers(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer v;
	scene_incident(f);
	viewer_open(&v, &sessions_view, f, 132, 43, false);
	/* Cancelling does nothing to an idle transaction. */
	assert_false(sessions_view.offers(v.state, &v.in, CMD_CANCEL));
	assert_true(sessions_view.offers(v.state, &v.in, CMD_TERMINATE));
	viewer_key(&v, CMD_DOWN);
	assert_true(sessions_view.offers(v.state, &v.in, CMD_CANCEL));
	struct row_ref walsender = {.instance = 0, .session = {.id = 7100}};
	assert_true(sessions_view.select(v.state, &v.in, &walsender));
	assert_false(sessions_view.offers(v.state, &v.in, CMD_TERMINATE));
	viewer_close(&v);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_cursor_follows_its_session),
	        cmocka_unit_test(test_who_ends_leaves_a_ghost),
	        cmocka_unit_test(test_a_reused_id_is_another_session),
	        cmocka_unit_test(test_who_turns_idle_under_the_cursor_stays),
	        cmocka_unit_test(test_idle_own_and_background_are_counted),
	        cmocka_unit_test(test_the_default_order),
	        cmocka_unit_test(test_any_column_sorts),
	        cmocka_unit_test(test_many_instances_are_one_order),
	        cmocka_unit_test(test_filters),
	        cmocka_unit_test(test_a_filter_moves_the_cursor_on),
	        cmocka_unit_test(test_workers_fold_under_their_leader),
	        cmocka_unit_test(test_marks_make_a_bulk),
	        cmocka_unit_test(test_no_action_on_what_is_no_session),
	        cmocka_unit_test(test_the_detail_asks_for_what_is_cut),
	        cmocka_unit_test(test_what_the_server_cut_is_not_asked_for),
	        cmocka_unit_test(test_literals_are_shown_by_policy_only),
	        cmocka_unit_test(test_a_changed_state_brightens_once),
	        cmocka_unit_test(test_the_mouse),
	        cmocka_unit_test(test_every_size_draws),
	        cmocka_unit_test(test_select_shows_what_would_be_hidden),
	        cmocka_unit_test(test_the_scope_leaves_out_what_is_elsewhere),
	        cmocka_unit_test(test_offers),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
