/* What the Locks view promises: the cursor follows its session and never slides to a neighbour, folds open
 * and close, an intent names exactly who was meant, the proposal goes through the gate in its order, and
 * scripts get true edges. */
#include "tests/support/test.h"

#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/once.h"
#include "core/model/plan.h"
#include "tests/support/lock_scenes.h"
#include "tests/support/viewer.h"
#include "views/locks.h"

struct desk {
	struct fixture *f;
	struct viewer v;
};

static void open_desk(struct desk *d, void (*make)(struct fixture *f))
{
	d->f = fixture_new();
	make(d->f);
	viewer_open(&d->v, &locks_view, d->f, 132, 40, false);
	d->v.in.scope.instance = 0;
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

static bool go(struct desk *d, int64_t id)
{
	const struct row_ref row = {.instance = 0, .session = {.id = id}};
	return locks_view.select(d->v.state, &d->v.in, &row);
}

static void test_the_cursor_begins_at_the_root(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_incident);
	assert_true(selected(&d, "4711"));
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_ACT);
	assert_int_equal(i.nrows, 1);
	assert_int_equal(i.rows[0].session.id, 4711);
	assert_int_equal(i.action, ACTION_TERMINATE);
	close_desk(&d);
}

/* Cancels first, then terminates: each press does the next step. */
static void test_the_proposal_goes_in_its_order(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_incident);
	viewer_key(&d.v, CMD_TOP);
	assert_true(selected(&d, "best move"));
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_ACT);
	assert_int_equal(i.action, ACTION_CANCEL);
	assert_int_equal(i.nrows, 1);
	assert_int_equal(i.rows[0].session.id, 5120);
	i = viewer_key(&d.v, CMD_COPY);
	assert_int_equal(i.kind, INTENT_COPY);
	assert_non_null(strstr(i.long_text, "cancel 5120"));
	free(i.long_text);
	viewer_key(&d.v, CMD_DETAIL);
	assert_true(selected(&d, "5120 migrate"));
	close_desk(&d);
}

static void test_a_fold_opens_and_closes(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_incident);
	viewer_key(&d.v, CMD_BOTTOM);
	while (!selected(&d, "3 ×"))
		viewer_key(&d.v, CMD_UP);
	assert_int_equal(viewer_find(&d.v, "5202"), -1);
	assert_int_equal(viewer_key(&d.v, CMD_CANCEL).kind, INTENT_SAY);
	viewer_key(&d.v, CMD_RIGHT);
	assert_true(viewer_find(&d.v, "5202") > 0);
	viewer_key(&d.v, CMD_LEFT);
	assert_int_equal(viewer_find(&d.v, "5202"), -1);
	/* From a leaf to what it hangs on, which then closes. */
	viewer_key(&d.v, CMD_LEFT);
	assert_true(selected(&d, "5120"));
	viewer_key(&d.v, CMD_LEFT);
	assert_true(selected(&d, "(+3)"));
	assert_int_equal(viewer_find(&d.v, "3 ×"), -1);
	viewer_key(&d.v, CMD_RIGHT);
	assert_true(viewer_find(&d.v, "3 ×") > 0);
	close_desk(&d);
}

/* Who is under the cursor stays a line of its own. */
static void test_who_is_led_to_is_not_folded_away(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_convoy);
	assert_int_equal(viewer_find(&d.v, "6017"), -1);
	assert_true(go(&d, 6017));
	viewer_update(&d.v);
	assert_true(selected(&d, "6017"));
	fixture_advance(d.f, 1000);
	viewer_update(&d.v);
	assert_true(selected(&d, "6017"));
	assert_false(go(&d, 99));
	close_desk(&d);
}

static void test_who_resumes_leaves_a_ghost(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_incident);
	assert_true(go(&d, 4802));
	fixture_advance(d.f, 1000);
	fixture_table(d.f, 0, "pulse", "connections | lock_waiters\n40 | 1");
	fixture_table(d.f, 0, "locks",
	        "queue | kind | id | held | mode | waiting_ms\n"
	        "r | relation | 4711 | t | AccessExclusiveLock |\n"
	        "r | relation | 5120 | f | AccessExclusiveLock | 1000\n");
	viewer_update(&d.v);
	assert_true(selected(&d, "4802"));
	assert_int_equal(viewer_key(&d.v, CMD_TERMINATE).kind, INTENT_SAY);
	close_desk(&d);
}

static void test_what_cannot_be_ended_says_so(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_odd);
	viewer_key(&d.v, CMD_TOP);
	while (!selected(&d, "2pc order-4711"))
		viewer_key(&d.v, CMD_DOWN);
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_SAY);
	assert_non_null(strstr(i.text, "ROLLBACK PREPARED 'order-4711';"));
	i = viewer_key(&d.v, CMD_COPY);
	assert_string_equal(i.long_text, "ROLLBACK PREPARED 'order-4711';");
	free(i.long_text);
	while (!selected(&d, "not named"))
		viewer_key(&d.v, CMD_UP);
	assert_int_equal(viewer_key(&d.v, CMD_CANCEL).kind, INTENT_SAY);
	close_desk(&d);
}

static void test_detail_asks_for_the_locks_of_one(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_incident);
	struct intent i = viewer_key(&d.v, CMD_DETAIL);
	assert_int_equal(i.kind, INTENT_ASK);
	assert_string_equal(i.probe, "lock_rows");
	assert_int_equal(i.row.session.id, 4711);
	assert_true(viewer_find(&d.v, "HOLDS UP 6") > 0);
	i = viewer_key(&d.v, CMD_DOWN);
	assert_int_equal(i.kind, INTENT_ASK);
	assert_int_equal(i.row.session.id, 4802);
	viewer_key(&d.v, CMD_BACK);
	assert_int_equal(viewer_key(&d.v, CMD_DOWN).kind, INTENT_DONE);
	close_desk(&d);
}

static void test_the_filter_keeps_the_way_up(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, locks_incident);
	viewer_arg(&d.v, CMD_FILTER, "app:report");
	assert_true(viewer_find(&d.v, "4903") > 0);
	assert_true(viewer_find(&d.v, "4711") > 0);
	assert_int_equal(viewer_find(&d.v, "5120 migrate  "), -1);
	viewer_arg(&d.v, CMD_FILTER, "age:>170");
	assert_int_equal(viewer_find(&d.v, "4903"), -1);
	viewer_key(&d.v, CMD_BACK);
	assert_true(viewer_find(&d.v, "4903") > 0);
	assert_int_equal(viewer_key(&d.v, CMD_SORT).kind, INTENT_SAY);
	close_desk(&d);
}

/* The dialog says of an action what the screen behind it says. */
static void test_the_plan_counts_the_same_queues(void **state)
{
	(void)state;
	static const struct {
		int64_t id;
		enum action_kind kind;
		int64_t now, later;
	} cases[] = {
	        {4711, ACTION_TERMINATE, 1, 5}, {5120, ACTION_CANCEL, 3, 0}, {5201, ACTION_CANCEL, 0, 0}};
	struct fixture *f = fixture_new();
	locks_incident(f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct plan_key key = {.session = {.id = cases[i].id}};
		const struct plan_input in = {
		        .snap = fixture_snapshot(f), .kind = cases[i].kind, .targets = &key, .n = 1};
		struct action_plan *plan = plan_build(&in);
		assert_int_equal(plan->targets[0].frees_now, cases[i].now);
		assert_int_equal(plan->targets[0].frees_later, cases[i].later);
		plan_free(plan);
	}
	fixture_free(f);
}

/* ---- scripts ---- */

static json_t *json_of(void (*make)(struct fixture *f))
{
	struct fixture *f = fixture_new();
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	make(f);
	once_json(fixture_snapshot(f), &locks_view, 1000, out);
	fclose(out);
	json_t *root = json_loads(text, 0, NULL);
	assert_non_null(root);
	free(text);
	fixture_free(f);
	return root;
}

static json_t *part(json_t *root, size_t instance, const char *name)
{
	return json_object_get(json_array_get(json_object_get(root, "instances"), instance), name);
}

static bool has_edge(json_t *edges, int waiter, int blocker, bool soft)
{
	size_t i;
	json_t *e;
	json_array_foreach(edges, i, e)
	{
		if (json_integer_value(json_object_get(e, "waiter")) == waiter &&
		        json_integer_value(json_object_get(e, "blocker")) == blocker)
			return json_is_true(json_object_get(e, "soft")) == soft;
	}
	return false;
}

static void test_json_has_edges_and_the_move(void **state)
{
	(void)state;
	json_t *root = json_of(locks_incident);
	json_t *edges = part(root, 0, "edges");
	assert_int_equal(json_array_size(edges), 8);
	assert_true(has_edge(edges, 4802, 4711, false));
	assert_true(has_edge(edges, 5120, 4903, false));
	assert_true(has_edge(edges, 5203, 5120, true));
	json_t *first = json_array_get(edges, 0);
	static const char *const keys[] = {
	        "waiter", "blocker", "kind", "mode", "object", "soft", "likely", "waiting_s"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_non_null(json_object_get(first, keys[i]));
	json_t *move = part(root, 0, "best_move");
	json_t *action = json_array_get(json_object_get(move, "actions"), 0);
	assert_string_equal(json_string_value(json_object_get(action, "action")), "cancel");
	assert_int_equal(json_integer_value(json_object_get(action, "id")), 5120);
	/* Nobody waits: no edges, which is another thing than not knowing. */
	assert_true(json_is_array(part(root, 1, "edges")));
	assert_true(json_is_null(part(root, 1, "best_move")));
	assert_true(json_is_null(part(root, 4, "edges")));
	json_decref(root);
	/* Of a long queue only who is immediately in the way. */
	root = json_of(locks_many);
	assert_int_equal(json_array_size(part(root, 0, "edges")), 9960);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_cursor_begins_at_the_root),
	        cmocka_unit_test(test_the_proposal_goes_in_its_order),
	        cmocka_unit_test(test_a_fold_opens_and_closes),
	        cmocka_unit_test(test_who_is_led_to_is_not_folded_away),
	        cmocka_unit_test(test_who_resumes_leaves_a_ghost),
	        cmocka_unit_test(test_what_cannot_be_ended_says_so),
	        cmocka_unit_test(test_detail_asks_for_the_locks_of_one),
	        cmocka_unit_test(test_the_filter_keeps_the_way_up),
	        cmocka_unit_test(test_the_plan_counts_the_same_queues),
	        cmocka_unit_test(test_json_has_edges_and_the_move),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
