/* Both views in the moments that matter, at the sizes people have: what a screen says is reviewed as text. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "views/fleet.h"
#include "views/sessions.h"

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
	snprintf(name, sizeof name, "%s/%s-%dx%d%s", t->view->name, what, t->surface->width,
	        t->surface->height, how);
	const struct surface *s = viewer_draw(t);
	golden_check(s, name);
}

static void check_all(const struct view *view)
{
	for (size_t m = 0; m < sizeof moments / sizeof moments[0]; m++) {
		struct fixture *f = fixture_new();
		struct viewer t;
		moments[m].make(f);
		viewer_open(&t, view, f, 80, 24, false);
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			viewer_resize(&t, sizes[i].w, sizes[i].h);
			check(&t, moments[m].name, "");
		}
		viewer_close(&t);
		fixture_free(f);
	}
}

static void test_fleet(void **state)
{
	(void)state;
	check_all(&fleet_view);
}

static void test_sessions(void **state)
{
	(void)state;
	check_all(&sessions_view);
}

static void test_fleet_large(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer t;
	scene_incident(f);
	viewer_open(&t, &fleet_view, f, 200, 60, false);
	check(&t, "incident", "");
	viewer_close(&t);
	viewer_open(&t, &fleet_view, f, 80, 24, true);
	check(&t, "incident", "-ascii");
	viewer_close(&t);
	fixture_free(f);
}

static void detail(void (*make)(struct fixture *f), const char *name, int w, int h, int instance, bool ascii)
{
	struct fixture *f = fixture_new();
	struct viewer t;
	make(f);
	viewer_open(&t, &sessions_view, f, w, h, ascii);
	t.in.scope.instance = instance;
	viewer_update(&t);
	viewer_key(&t, CMD_DETAIL);
	check(&t, name, ascii ? "-ascii" : "");
	viewer_close(&t);
	fixture_free(f);
}

static void test_detail(void **state)
{
	(void)state;
	detail(scene_incident, "detail", 200, 60, 0, false);
	detail(scene_incident, "detail", 80, 24, 0, false);
	detail(scene_incident, "detail", 40, 10, 0, false);
	detail(scene_incident, "detail", 132, 43, 0, true);
	detail(scene_hostile, "detail-hostile", 200, 60, -1, false);
	detail(scene_hostile, "detail-hostile", 80, 24, -1, false);
}

static void test_one_instance(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer t;
	scene_incident(f);
	viewer_open(&t, &sessions_view, f, 80, 24, false);
	t.in.scope.instance = 0;
	viewer_update(&t);
	check(&t, "one", "");
	viewer_key(&t, CMD_WRAP);
	check(&t, "one-wrap", "");
	viewer_key(&t, CMD_WRAP);
	viewer_arg(&t, CMD_FILTER, "app:checkout age:>1m");
	check(&t, "one-filter", "");
	viewer_arg(&t, CMD_FILTER, "nobody");
	check(&t, "one-filter-none", "");
	viewer_arg(&t, CMD_FILTER, "");
	viewer_resize(&t, 200, 60);
	check(&t, "one", "");
	viewer_close(&t);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fleet), cmocka_unit_test(test_fleet_large),
	        cmocka_unit_test(test_sessions), cmocka_unit_test(test_one_instance),
	        cmocka_unit_test(test_detail)};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
