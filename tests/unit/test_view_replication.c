/* What the Replication view promises: the culprit is never cut, the cursor stays on its server, what helps is
 * one key away, and a session that holds something up is ended through the same gate as everywhere. */
#include "tests/support/test.h"

#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/once.h"
#include "tests/support/scenes_replication.h"
#include "tests/support/viewer.h"
#include "views/replication.h"

struct desk {
	struct fixture *f;
	struct viewer v;
};

static void open_desk(struct desk *d, void (*scene)(struct fixture *f), int w, int h)
{
	d->f = fixture_new();
	scene(d->f);
	viewer_open(&d->v, &replication_view, d->f, w, h, false);
}

static void close_desk(struct desk *d)
{
	viewer_close(&d->v);
	fixture_free(d->f);
}

static bool choose(struct desk *d, int instance, int64_t session)
{
	struct row_ref row = {.instance = instance, .session = {.id = session}};
	return replication_view.select(d->v.state, &d->v.in, &row);
}

static bool selected(struct desk *d, const char *text)
{
	viewer_draw(&d->v);
	return strstr(viewer_selected(&d->v), text) != NULL;
}

static bool shows(struct desk *d, const char *text)
{
	viewer_draw(&d->v);
	return viewer_find(&d->v, text) >= 0;
}

static void test_what_is_wrong_is_never_cut_off(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_paused, 80, 24);
	for (int w = 40; w <= 200; w += 8) {
		viewer_resize(&d.v, w, 24);
		assert_true(shows(&d, "replay paused"));
		assert_true(shows(&d, "orders-pg-3"));
		assert_true(shows(&d, "waits 42s for 7741"));
	}
	close_desk(&d);
}

static void test_a_finding_leads_here(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_paused, 132, 43);
	assert_true(choose(&d, 2, 0));
	assert_true(selected(&d, "orders-pg-3"));
	assert_true(choose(&d, 0, 4711));
	assert_true(selected(&d, "orders-pg-1 4711"));
	/* Whom recovery waits for stands with the link. */
	assert_true(choose(&d, 3, 7741));
	assert_true(selected(&d, "orders-pg-4"));
	/* Folded away and filtered out, and yet it is shown. */
	viewer_key(&d.v, CMD_TOP);
	viewer_key(&d.v, CMD_LEFT);
	assert_false(shows(&d, "orders-pg-3"));
	viewer_arg(&d.v, CMD_FILTER, "nothing matches");
	assert_true(choose(&d, 2, 0));
	assert_true(selected(&d, "orders-pg-3"));
	assert_false(choose(&d, 99, 0));
	close_desk(&d);
}

static void test_folding(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_cascade, 132, 43);
	assert_true(shows(&d, "orders-pg-4"));
	assert_true(choose(&d, 1, 0));
	viewer_key(&d.v, CMD_LEFT);
	assert_false(shows(&d, "orders-pg-4"));
	assert_true(shows(&d, "orders-pg-3"));
	viewer_key(&d.v, CMD_RIGHT);
	assert_true(shows(&d, "orders-pg-4"));
	viewer_key(&d.v, CMD_TOP);
	viewer_key(&d.v, CMD_DETAIL);
	assert_false(shows(&d, "orders-pg-1"));
	close_desk(&d);
}

static void test_filter(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_paused, 132, 43);
	viewer_arg(&d.v, CMD_FILTER, "state:paused");
	/* What it hangs on stays. */
	assert_true(shows(&d, "orders-pg-3"));
	assert_true(shows(&d, "orders-pg-1"));
	assert_false(shows(&d, "orders-pg-2"));
	viewer_arg(&d.v, CMD_FILTER, "lag:>1m");
	assert_true(shows(&d, "orders-pg-3"));
	assert_false(shows(&d, "orders-pg-4"));
	struct intent i = viewer_arg(&d.v, CMD_FILTER, "nonsense:(");
	assert_int_equal(i.kind, INTENT_SAY);
	i = viewer_key(&d.v, CMD_BACK);
	assert_int_equal(i.kind, INTENT_DONE);
	assert_true(shows(&d, "orders-pg-4"));
	close_desk(&d);
}

static void test_what_helps_is_copied(void **state)
{
	(void)state;
	static const struct {
		int instance;
		void (*scene)(struct fixture *f);
		const char *text;
	} cases[] = {
	        {2, scene_paused, "SELECT pg_wal_replay_resume();"}, {1, scene_broken, "START REPLICA;"}};
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct desk d;
		open_desk(&d, cases[k].scene, 132, 43);
		assert_true(choose(&d, cases[k].instance, 0));
		struct intent i = viewer_key(&d.v, CMD_COPY);
		assert_int_equal(i.kind, INTENT_COPY);
		assert_string_equal(i.text, cases[k].text);
		close_desk(&d);
	}
	struct desk d;
	open_desk(&d, scene_paused, 132, 43);
	viewer_key(&d.v, CMD_PANEL);
	assert_true(selected(&d, "WHO HOLDS THE HORIZON"));
	viewer_key(&d.v, CMD_DOWN);
	struct intent i = viewer_key(&d.v, CMD_COPY);
	assert_string_equal(i.text, "SELECT pg_drop_replication_slot('debezium');");
	viewer_key(&d.v, CMD_DOWN);
	viewer_key(&d.v, CMD_DOWN);
	i = viewer_key(&d.v, CMD_COPY);
	assert_string_equal(i.text, "ROLLBACK PREPARED 'order-771';");
	viewer_key(&d.v, CMD_PANEL);
	assert_true(selected(&d, "orders-pg-1"));
	close_desk(&d);
}

static void test_a_holder_is_ended_through_the_gate(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_paused, 132, 43);
	assert_true(choose(&d, 0, 4711));
	/* Not in the list of sessions: nothing is done on a guess. */
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_SAY);
	fixture_table(d.f, 0, "sessions",
	        "id | started | user | kind | state | xact_ms | xact_guard\n"
	        "4711 | t1 | checkout | client | idle in transaction | 192000 | x1\n");
	viewer_update(&d.v);
	assert_true(choose(&d, 0, 4711));
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_ACT);
	assert_int_equal(i.action, ACTION_TERMINATE);
	assert_int_equal(i.nrows, 1);
	assert_int_equal(i.rows[0].session.id, 4711);
	assert_string_equal(i.rows[0].session.xact_guard, "x1");
	/* A server is no session. */
	assert_true(choose(&d, 1, 0));
	i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_SAY);
	assert_false(replication_view.offers(d.v.state, &d.v.in, CMD_TERMINATE));
	close_desk(&d);
}

/* One leak is one line, so that the slot above and the prepared transaction below stay in sight. */
static void test_holders_who_are_alike(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_horizon_leak, 80, 24);
	assert_true(shows(&d, "30 alike"));
	assert_true(shows(&d, "debezium"));
	assert_true(shows(&d, "order-771"));
	assert_true(shows(&d, "orders-pg-1 4711"));
	assert_false(shows(&d, "5001"));
	viewer_key(&d.v, CMD_PANEL);
	viewer_key(&d.v, CMD_DOWN);
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "30 alike"));
	/* Nobody is ended who was not seen. */
	struct intent i = viewer_key(&d.v, CMD_TERMINATE);
	assert_int_equal(i.kind, INTENT_SAY);
	assert_false(replication_view.offers(d.v.state, &d.v.in, CMD_TERMINATE));
	viewer_key(&d.v, CMD_RIGHT);
	assert_true(shows(&d, "5001"));
	viewer_key(&d.v, CMD_DOWN);
	assert_true(selected(&d, "orders-pg-1 5001"));
	assert_true(replication_view.offers(d.v.state, &d.v.in, CMD_TERMINATE));
	/* It stays among the others. */
	viewer_update(&d.v);
	assert_true(shows(&d, "30 alike"));
	viewer_key(&d.v, CMD_UP);
	viewer_key(&d.v, CMD_DETAIL);
	assert_false(shows(&d, "5001"));
	/* Whom one is led to stands apart. */
	assert_true(choose(&d, 0, 5007));
	assert_true(selected(&d, "orders-pg-1 5007"));
	assert_true(shows(&d, "29 alike"));
	viewer_update(&d.v);
	assert_true(selected(&d, "orders-pg-1 5007"));
	/* The filter looks at each of them, and one is no crowd. */
	viewer_arg(&d.v, CMD_FILTER, "server:502");
	assert_true(shows(&d, "10 alike"));
	viewer_arg(&d.v, CMD_FILTER, "server:5030");
	assert_true(shows(&d, "orders-pg-1 5030"));
	assert_false(shows(&d, "alike"));
	close_desk(&d);
}

static void test_scope(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_broken, 132, 43);
	d.v.in.scope = (struct scope){.cluster = 1, .instance = -1};
	viewer_update(&d.v);
	assert_true(shows(&d, "search-all"));
	assert_false(shows(&d, "billing-my-1"));
	d.v.in.scope = (struct scope){.cluster = 0, .instance = 1};
	viewer_update(&d.v);
	assert_true(shows(&d, "billing-my-1"));
	assert_false(shows(&d, "search-all"));
	close_desk(&d);
}

static void test_detail_scrolls(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_broken, 80, 24);
	assert_true(choose(&d, 1, 0));
	viewer_key(&d.v, CMD_DETAIL);
	assert_true(shows(&d, "THE LINK"));
	viewer_key(&d.v, CMD_PAGE_DOWN);
	assert_false(shows(&d, "THE LINK"));
	viewer_key(&d.v, CMD_BACK);
	assert_false(shows(&d, "transport"));
	close_desk(&d);
}

static void scene_counted(struct fixture *f)
{
	scene_paused(f);
	fixture_table(f, 2, "replication",
	        "kind | peer | state | receiver | applier | lsn | replay_lsn | word_ms | slot_name | app | "
	        "conflict | conflict_ms | pid | failures\n"
	        "node | | replica | | | 15701000000 | 15701000000 | | | orders-pg-3 | | | | '3 over removed "
	        "rows, 1 over locks'\n"
	        "upstream | orders-pg-1:5432 | streaming | streaming | running | 15701000000 | 15701000000 | "
	        "100 | pg3 | | BufferPin | 4000 | |\n"
	        "reader | | active | | | | | | | nightly | | | 7741 |\n");
}

/* Who was ended before, and who is in the way now as far as anybody can tell. */
static void test_what_replay_does_to_readers(void **state)
{
	(void)state;
	struct desk d;
	open_desk(&d, scene_counted, 132, 60);
	assert_true(choose(&d, 2, 0));
	assert_true(shows(&d, "waits 4.0s, likely for 7741"));
	viewer_key(&d.v, CMD_DETAIL);
	assert_true(shows(&d, "readers so far: 3 over removed rows, 1 over locks"));
	assert_true(shows(&d, "7741 nightly"));
	close_desk(&d);
}

/* Every text of a script's answer: a terminal may show it. */
static void check_clean(const json_t *j)
{
	const char *key;
	json_t *value;
	size_t i;
	json_object_foreach((json_t *)(uintptr_t)j, key, value) check_clean(value);
	json_array_foreach(j, i, value) check_clean(value);
	if (!json_is_string(j))
		return;
	for (const char *s = json_string_value(j); *s; s++)
		assert_true((unsigned char)*s >= ' ' && *s != 127);
	assert_null(strstr(json_string_value(j), "\xE2\x80\xAE"));
}

static void test_json_is_clean(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	scene_replication_hostile(f);
	once_json(fixture_snapshot(f), &replication_view, 1000, out);
	fclose(out);
	json_t *root = json_loads(text, 0, NULL);
	assert_non_null(root);
	check_clean(root);
	/* Whatever it is called, it has a name. */
	json_t *nodes = json_object_get(root, "nodes");
	assert_true(json_array_size(nodes) >= 4);
	for (size_t i = 0; i < json_array_size(nodes); i++)
		assert_true(json_is_string(json_object_get(json_array_get(nodes, i), "name")));
	json_decref(root);
	free(text);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_is_wrong_is_never_cut_off),
	        cmocka_unit_test(test_a_finding_leads_here),
	        cmocka_unit_test(test_folding),
	        cmocka_unit_test(test_filter),
	        cmocka_unit_test(test_what_helps_is_copied),
	        cmocka_unit_test(test_a_holder_is_ended_through_the_gate),
	        cmocka_unit_test(test_holders_who_are_alike),
	        cmocka_unit_test(test_scope),
	        cmocka_unit_test(test_detail_scrolls),
	        cmocka_unit_test(test_what_replay_does_to_readers),
	        cmocka_unit_test(test_json_is_clean),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
