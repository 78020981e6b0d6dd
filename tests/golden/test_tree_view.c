/* The Tree view in the moments that matter: a leak that grows, one application on three servers, who blocks
 * whom, and whatever else servers say. What a screen says is reviewed as text. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/support/golden.h"
#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "views/tree.h"

struct size {
	int w, h;
};
static const struct size sizes[] = {{80, 24}, {132, 43}, {40, 10}};

static void many(struct fixture *f)
{
	scene_many(f, 10, 1000);
}

struct moment {
	const char *name;
	void (*make)(struct fixture *f);
};
static const struct moment moments[] = {{"incident", scene_incident}, {"empty", scene_empty},
        {"error", scene_error}, {"stale", scene_stale}, {"denied", scene_denied}, {"many", many},
        {"hostile", scene_hostile}};

static void check(struct viewer *t, const char *what, const char *how)
{
	char name[128];
	snprintf(name, sizeof(name), "tree/%s-%dx%d%s", what, t->surface->width, t->surface->height, how);
	const struct surface *s = viewer_draw(t);
	golden_check(s, name);
	golden_picture(s, name);
}

static void check_sizes(struct viewer *t, const char *what)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		viewer_resize(t, sizes[i].w, sizes[i].h);
		check(t, what, "");
	}
}

static void test_moments(void **state)
{
	(void)state;
	for (size_t m = 0; m < sizeof(moments) / sizeof(moments[0]); m++) {
		struct fixture *f = fixture_new();
		struct viewer t;
		moments[m].make(f);
		viewer_open(&t, &tree_view, f, 80, 24, false);
		check_sizes(&t, moments[m].name);
		viewer_close(&t);
		fixture_free(f);
	}
}

/* --- A leak */

#define HEAD                                                                                                 \
	"id | started | user | db | app | client | kind | state | wait_type | wait | xact_ms | query_ms | "  \
	"state_ms | query\n"

static void sessions(struct buf *b, int *id, int n, const char *app, int host, const char *state, int ms,
        const char *query)
{
	bool active = strcmp(state, "active") == 0;
	for (int i = 0; i < n; i++) {
		(*id)++;
		buf_printf(b, "%d | s%d | web | orders | %s | 10.2.%d.%d:%d | client | %s | %s | %s | ", *id,
		        *id, app, host, 1 + i % 3, 40000 + i, state, active ? "CPU" : "Client",
		        active ? "" : "ClientRead");
		if (active)
			buf_printf(b, "%d | %d | %d", ms, ms, ms);
		else if (strcmp(state, "idle") == 0)
			buf_printf(b, " | | %d", ms - i * 150);
		else
			buf_printf(b, "%d | | %d", ms - i * 150, ms - i * 150);
		buf_printf(b, " | '%s %d'\n", query, i);
	}
}

static void leak_at(struct fixture *f, int second)
{
	static const int leaked[3] = {218, 120, 37};
	for (size_t at = 0; at < 3; at++) {
		struct buf b;
		int id = 4000;
		buf_init(&b, 1 << 20);
		buf_puts(&b, HEAD);
		sessions(&b, &id, at == 2 ? 37 : leaked[at] + (second - 120) / 5, "checkout", 3,
		        "idle in transaction", 192000 - (int)at * 20000,
		        "UPDATE stock SET qty = qty - 1 WHERE sku = ");
		sessions(&b, &id, 40, "reporting", 9, "idle", 900000,
		        "SELECT count(*) FROM orders WHERE day >");
		sessions(&b, &id, at == 0 ? 7 : 2, "checkout", 3, "active", 12,
		        "SELECT * FROM basket WHERE id =");
		sessions(&b, &id, 1, "psql", 7, "active", 61000,
		        "CREATE INDEX CONCURRENTLY events_at ON events (at) --");
		buf_puts(&b, "90 | s | | orders | | | autovacuum | active | IO | DataFileRead | 900000 | "
		             "900000 | 900000 | "
		             "'autovacuum: VACUUM public.events'\n");
		fixture_table(f, at, "sessions", buf_str(&b));
		buf_free(&b);
	}
}

/* Two minutes of it, a look every five seconds. */
static void open_leak(struct viewer *t, struct fixture *f, int w, int h, bool ascii)
{
	fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	fixture_instance(f, "orders", "orders-pg-2", ENGINE_POSTGRES);
	fixture_instance(f, "search", "search-pg-1", ENGINE_POSTGRES);
	leak_at(f, 0);
	viewer_open(t, &tree_view, f, w, h, ascii);
	for (int s = 5; s <= 120; s += 5) {
		fixture_advance(f, 5000);
		leak_at(f, s);
		viewer_update(t);
	}
}

static void test_leak(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer t;
	open_leak(&t, f, 80, 24, false);
	check_sizes(&t, "leak");
	viewer_resize(&t, 132, 43);
	viewer_key(&t, CMD_RIGHT);
	check(&t, "leak-open", "");
	viewer_resize(&t, 80, 24);
	viewer_key(&t, CMD_DOWN);
	viewer_key(&t, CMD_RIGHT);
	viewer_key(&t, CMD_DOWN);
	viewer_key(&t, CMD_RIGHT);
	check(&t, "leak-session", "");
	viewer_close(&t);
	fixture_free(f);

	f = fixture_new();
	open_leak(&t, f, 80, 24, true);
	check(&t, "leak", "-ascii");
	viewer_arg(&t, CMD_FILTER, "app:checkout state:idle");
	check(&t, "leak-filter", "-ascii");
	viewer_arg(&t, CMD_FILTER, "nobody");
	check(&t, "leak-filter-none", "-ascii");
	viewer_close(&t);
	fixture_free(f);
}

static void test_an_application_on_three_servers(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer t;
	open_leak(&t, f, 80, 24, false);
	viewer_arg(&t, CMD_AXIS, "app");
	viewer_key(&t, CMD_RIGHT);
	viewer_key(&t, CMD_DOWN);
	viewer_key(&t, CMD_RIGHT);
	check_sizes(&t, "app");
	viewer_arg(&t, CMD_AXIS, "client");
	viewer_resize(&t, 80, 24);
	check(&t, "client", "");
	viewer_arg(&t, CMD_AXIS, "server");
	check(&t, "server", "");
	viewer_close(&t);
	fixture_free(f);
}

static void test_who_blocks_whom(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer t;
	scene_incident(f);
	viewer_open(&t, &tree_view, f, 80, 24, false);
	viewer_arg(&t, CMD_AXIS, "blocker");
	check_sizes(&t, "blocker");
	/* Turned: who waits is blocked, and not at work as well. */
	viewer_arg(&t, CMD_AXIS, "app");
	viewer_resize(&t, 132, 43);
	check(&t, "blocked-app", "");
	viewer_close(&t);
	viewer_open(&t, &tree_view, f, 80, 24, true);
	viewer_arg(&t, CMD_AXIS, "blocker");
	check(&t, "blocker", "-ascii");
	viewer_close(&t);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments), cmocka_unit_test(test_leak),
	        cmocka_unit_test(test_an_application_on_three_servers),
	        cmocka_unit_test(test_who_blocks_whom)};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
