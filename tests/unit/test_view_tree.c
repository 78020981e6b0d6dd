/* What the Tree view promises: the cursor follows its group and its session, a line acts on exactly the
 * sessions that it stands for, and every key leads somewhere and back. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/model/plan.h"
#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "tui/dialog.h"
#include "views/tree.h"

#define HEAD                                                                                                 \
	"id | started | user | app | client | kind | state | wait_type | wait | xact_ms | query_ms | "       \
	"state_ms | own | query\n"

struct desk {
	struct fixture *f;
	struct viewer v;
	struct buf rows;
};

static void add(struct desk *d, int from, int n, const char *app, const char *state, const char *query)
{
	bool active = strcmp(state, "active") == 0;
	for (int i = 0; i < n; i++)
		buf_printf(&d->rows,
		        "%d | s%d | web | %s | 10.0.0.1:%d | client | %s | %s | | %s | %s | %d | f | '%s "
		        "%d'\n",
		        from + i, from + i, app, 4000 + i, state, active ? "CPU" : "Client",
		        strcmp(state, "idle") == 0 ? "" : "5000", active ? "5000" : "", 5000 - i, query, i);
}

static void put(struct desk *d, size_t instance)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	buf_printf(&text, "%s%s", HEAD, buf_str(&d->rows));
	fixture_table(d->f, instance, "sessions", buf_str(&text));
	buf_free(&text);
	buf_reset(&d->rows);
}

/* Checkout on two servers, idle in transaction; two readers on the first. */
static void fill(struct desk *d, int checkouts, int readers)
{
	add(d, 100, checkouts, "checkout", "idle in transaction", "UPDATE stock SET qty =");
	add(d, 500, readers, "reader", "active", "SELECT qty FROM stock WHERE sku =");
	put(d, 0);
	add(d, 100, 3, "checkout", "idle in transaction", "UPDATE stock SET qty =");
	put(d, 1);
}

static void open_desk(struct desk *d, int checkouts, int readers)
{
	*d = (struct desk){.f = fixture_new()};
	buf_init(&d->rows, 1 << 20);
	fixture_instance(d->f, "orders", "pg-1", ENGINE_POSTGRES);
	fixture_instance(d->f, "orders", "pg-2", ENGINE_POSTGRES);
	fill(d, checkouts, readers);
	viewer_open(&d->v, &tree_view, d->f, 132, 30, false);
}

static void show(struct desk *d, int checkouts, int readers)
{
	fixture_advance(d->f, 1000);
	fill(d, checkouts, readers);
	viewer_update(&d->v);
}

static void close_desk(struct desk *d)
{
	viewer_close(&d->v);
	fixture_free(d->f);
	buf_free(&d->rows);
}

static bool selected(struct desk *d, const char *text)
{
	return strstr(viewer_selected(&d->v), text) != NULL;
}

static void test_the_cursor_follows_its_group(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 2);
	assert_true(selected(&d, "app=checkout"));
	assert_true(selected(&d, "    8 "));
	/* Another one gets larger: the cursor stays. */
	show(&d, 6, 20);
	assert_true(selected(&d, "app=checkout"));
	assert_true(selected(&d, "    9 "));
	assert_true(viewer_find(&d.v, "app=reader") < viewer_find(&d.v, "app=checkout"));
	/* It ends: a ghost, and no key does anything to its neighbour. */
	viewer_key(&d.v, CMD_UP);
	assert_true(selected(&d, "app=reader"));
	show(&d, 6, 0);
	assert_true(selected(&d, "gone"));
	assert_true(selected(&d, "app=reader"));
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_SAY);
	assert_non_null(strstr(i.text, "group is gone"));
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "app=checkout"));
	close_desk(&d);
}

static void test_a_line_means_its_sessions(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 2);
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_ACT);
	assert_int_equal(i.action, ACTION_TERMINATE);
	assert_int_equal(i.nrows, 8);
	for (size_t k = 0; k < i.nrows; k++) {
		assert_in_range(i.rows[k].session.id, 100, 104);
		assert_string_not_equal(i.rows[k].session.started, "");
	}
	/* Its share on one server. */
	viewer_key(&d.v, CMD_RIGHT);
	viewer_key(&d.v, CMD_RIGHT);
	assert_true(selected(&d, "pg-1"));
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.nrows, 5);
	assert_int_equal(i.rows[0].instance, 0);
	/* One of them, and a line about it. */
	viewer_key(&d.v, CMD_RIGHT);
	viewer_key(&d.v, CMD_RIGHT);
	assert_true(selected(&d, " 100 "));
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.nrows, 1);
	assert_int_equal(i.rows[0].session.id, 100);
	viewer_key(&d.v, CMD_RIGHT);
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "transaction"));
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.nrows, 1);
	assert_int_equal(i.rows[0].session.id, 100);
	/* Left folds and goes out. */
	viewer_key(&d.v, CMD_LEFT);
	assert_true(selected(&d, " 100 "));
	viewer_key(&d.v, CMD_LEFT);
	viewer_key(&d.v, CMD_LEFT);
	assert_true(selected(&d, "pg-1"));
	viewer_key(&d.v, CMD_LEFT);
	viewer_key(&d.v, CMD_LEFT);
	assert_true(selected(&d, "app=checkout"));
	viewer_key(&d.v, CMD_LEFT);
	assert_true(viewer_find(&d.v, "├─") < 0);
	close_desk(&d);
}

/* To cancel means those that run. */
static void test_a_cancel_means_what_runs(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 2);
	viewer_arg(&d.v, CMD_AXIS, "user");
	assert_true(selected(&d, "user=web"));
	struct intent i = viewer_key(&d.v, CMD_CANCEL);
	assert_int_equal(i.kind, INTENT_ACT);
	assert_int_equal(i.nrows, 2);
	assert_in_range(i.rows[0].session.id, 500, 501);
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.nrows, 10);
	close_desk(&d);
}

static void test_very_many_are_taken_in_parts(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 900, 0);
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.nrows, INTENT_ROWS_MAX);
	assert_non_null(strstr(i.text, "512 of 903"));
	/* Each of them once. */
	for (size_t k = 0; k < i.nrows; k++) {
		for (size_t m = 0; m < k; m++)
			assert_false(i.rows[k].instance == i.rows[m].instance &&
			             i.rows[k].session.id == i.rows[m].session.id);
	}
	close_desk(&d);
}

static void test_the_filter_is_what_is_acted_on(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 2);
	viewer_arg(&d.v, CMD_FILTER, "instance:pg-2");
	assert_true(viewer_find(&d.v, "leaves out 7") >= 0);
	assert_true(selected(&d, "app=checkout"));
	assert_int_equal(viewer_key(&d.v, CMD_TERMINATE).nrows, 3);
	assert_int_equal(viewer_arg(&d.v, CMD_FILTER, "count:>5").kind, INTENT_SAY);
	assert_int_equal(viewer_arg(&d.v, CMD_FILTER, "app:~(").kind, INTENT_SAY);
	viewer_arg(&d.v, CMD_FILTER, "age:>1h");
	assert_true(viewer_find(&d.v, "No session matches") >= 0);
	assert_int_equal(viewer_key(&d.v, CMD_BACK).kind, INTENT_DONE);
	assert_true(viewer_find(&d.v, "app=reader") >= 0);
	assert_int_equal(viewer_key(&d.v, CMD_BACK).kind, INTENT_NONE);
	close_desk(&d);
}

static void test_turning_stays_with_the_session(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 2);
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "app=reader"));
	static const char *const lines[] = {
	        "app=reader", "from 10.0.0.1", "user=web", "waits for nobody", "orders", "app=checkout"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		viewer_key(&d.v, CMD_AXIS);
		if (!selected(&d, lines[i]))
			fail_msg("turn %zu: %s", i, viewer_selected(&d.v));
	}
	assert_int_equal(viewer_arg(&d.v, CMD_AXIS, "nonsense").kind, INTENT_SAY);
	close_desk(&d);
}

static void test_enter_leads_to_the_session(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 1);
	/* A group opens; a group of one is its session. */
	assert_int_equal(viewer_key(&d.v, CMD_DETAIL).kind, INTENT_DONE);
	assert_true(viewer_find(&d.v, "├─") >= 0);
	viewer_key(&d.v, CMD_DETAIL);
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "app=reader"));
	struct intent i = viewer_key(&d.v, CMD_DETAIL);
	assert_int_equal(i.kind, INTENT_VIEW);
	assert_string_equal(i.view, "sessions");
	assert_true(i.detail);
	assert_int_equal(i.row.instance, 0);
	assert_int_equal(i.row.session.id, 500);
	close_desk(&d);
}

/* However many they are: each victim has a line in the dialog, and their number is what must be typed. */
static void check_listed(int checkouts, const char *expect)
{
	struct desk d;
	struct dialog dialog = {.kind = DIALOG_NONE};
	open_desk(&d, checkouts, 0);
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	struct plan_key *keys = calloc(i.nrows, sizeof(*keys));
	assert_non_null(keys);
	for (size_t k = 0; k < i.nrows; k++)
		keys[k] = (struct plan_key){
		        .instance = (size_t)i.rows[k].instance, .session = i.rows[k].session};
	const struct plan_input in = {
	        .snap = d.v.in.snap, .kind = i.action, .targets = keys, .n = i.nrows, .read_only = false};
	struct action_plan *plan = plan_build(&in);
	assert_int_equal(plan->confirm, CONFIRM_COUNT);
	assert_string_equal(plan->expect, expect);
	dialog_plan(&dialog, plan);
	assert_true(dialog.page.n >= i.nrows && dialog.page.n <= PAGE_LINES_MAX);
	for (size_t k = 0; k < i.nrows; k++) {
		const struct plan_target *t = &plan->targets[k];
		bool listed = false;
		assert_int_equal(t->verdict, PLAN_OPEN);
		for (size_t l = 0; l < dialog.page.n && !listed; l++)
			listed = strcmp(dialog.page.line[l].text, t->line[0]) == 0;
		assert_true(listed);
	}
	dialog_close(&dialog);
	free(keys);
	close_desk(&d);
}

static void test_every_victim_is_listed(void **state)
{
	(void)state;
	check_listed(9, "12");
	check_listed(300, "303");
	check_listed(900, "512");
}

/* Led here by a finding: the cursor is on the group, whatever was hidden. */
static void test_select_shows_the_group(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 2);
	viewer_arg(&d.v, CMD_FILTER, "app:reader");
	struct row_ref row = {.instance = 1, .session = {.id = 101}};
	assert_true(tree_view.select(d.v.state, &d.v.in, &row));
	assert_true(selected(&d, "app=checkout"));
	assert_int_equal(viewer_key(&d.v, CMD_TERMINATE).nrows, 8);
	viewer_arg(&d.v, CMD_AXIS, "blocker");
	assert_true(tree_view.select(d.v.state, &d.v.in, &row));
	assert_int_equal(viewer_key(&d.v, CMD_TERMINATE).nrows, 8);
	row.session.id = 77;
	assert_false(tree_view.select(d.v.state, &d.v.in, &row));
	row = (struct row_ref){.instance = -1};
	assert_false(tree_view.select(d.v.state, &d.v.in, &row));
	close_desk(&d);
}

static void test_copy_and_sort_and_idle(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, 5, 1);
	fixture_advance(d.f, 1000);
	add(&d, 100, 5, "checkout", "idle in transaction", "UPDATE stock SET qty =");
	add(&d, 700, 30, "pool", "idle", "COMMIT --");
	put(&d, 0);
	viewer_update(&d.v);
	struct intent i = viewer_key(&d.v, CMD_COPY);
	assert_int_equal(i.kind, INTENT_COPY);
	assert_string_equal(i.long_text,
	        "8 @ idle in transaction · Client · UPDATE stock SET qty = ? · app=checkout  oldest 5.0s");
	free(i.long_text);
	/* Idle ones are last, unless they are asked for by their number. */
	assert_true(viewer_find(&d.v, "app=pool") > viewer_find(&d.v, "app=checkout"));
	viewer_arg(&d.v, CMD_SORT, "count");
	assert_true(viewer_find(&d.v, "app=pool") < viewer_find(&d.v, "app=checkout"));
	viewer_key(&d.v, CMD_REVERSE);
	assert_true(viewer_find(&d.v, "app=pool") > viewer_find(&d.v, "app=checkout"));
	viewer_arg(&d.v, CMD_SORT, "name");
	assert_true(viewer_find(&d.v, "app=pool") > viewer_find(&d.v, "app=checkout"));
	assert_int_equal(viewer_arg(&d.v, CMD_SORT, "nonsense").kind, INTENT_SAY);
	viewer_key(&d.v, CMD_IDLE);
	assert_true(viewer_find(&d.v, "app=pool") < 0);
	assert_true(viewer_find(&d.v, "not shown: 30 idle") >= 0);
	close_desk(&d);
}

/* Every key, on every axis, on fleets of every kind and at every size: nothing falls over. */
static void test_any_keys(void **state)
{
	(void)state;
	static void (*const scenes[])(struct fixture * f) = {
	        scene_incident, scene_empty, scene_error, scene_denied, scene_hostile};
	static const enum command keys[] = {CMD_DOWN, CMD_RIGHT, CMD_AXIS, CMD_DOWN, CMD_DETAIL, CMD_LEFT,
	        CMD_COPY, CMD_TERMINATE, CMD_SORT, CMD_PAGE_DOWN, CMD_RIGHT, CMD_CANCEL, CMD_TOP, CMD_IDLE,
	        CMD_OWN, CMD_BOTTOM, CMD_SCOPE, CMD_REVERSE, CMD_UP};
	for (size_t s = 0; s < sizeof(scenes) / sizeof(scenes[0]); s++) {
		struct fixture *f = fixture_new();
		struct viewer v;
		uint32_t random = 7;
		scenes[s](f);
		viewer_open(&v, &tree_view, f, 80, 24, false);
		for (int step = 0; step < 400; step++) {
			random = random * 1664525U + 1013904223U;
			struct intent i =
			        viewer_key(&v, keys[(random >> 16) % (sizeof(keys) / sizeof(keys[0]))]);
			free(i.long_text);
			if (step % 40 == 0)
				viewer_resize(&v, 1 + (int)(random >> 8) % 140, 1 + (int)(random >> 20) % 40);
			viewer_draw(&v);
		}
		viewer_close(&v);
		fixture_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_cursor_follows_its_group),
	        cmocka_unit_test(test_a_line_means_its_sessions),
	        cmocka_unit_test(test_a_cancel_means_what_runs),
	        cmocka_unit_test(test_very_many_are_taken_in_parts),
	        cmocka_unit_test(test_the_filter_is_what_is_acted_on),
	        cmocka_unit_test(test_turning_stays_with_the_session),
	        cmocka_unit_test(test_enter_leads_to_the_session),
	        cmocka_unit_test(test_every_victim_is_listed), cmocka_unit_test(test_select_shows_the_group),
	        cmocka_unit_test(test_copy_and_sort_and_idle), cmocka_unit_test(test_any_keys)};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
