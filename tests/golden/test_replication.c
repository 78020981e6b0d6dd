/* The Replication view in the moments that matter, at the sizes people have: reviewed as text. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>

#include "tests/support/golden.h"
#include "tests/support/scenes_replication.h"
#include "tests/support/viewer.h"
#include "views/replication.h"

static const struct {
	int w, h;
} sizes[] = {{80, 24}, {132, 43}, {40, 10}};

struct moment {
	const char *name;
	void (*make)(struct fixture *f);
};
static const struct moment moments[] = {{"cascade", scene_cascade}, {"paused", scene_paused},
        {"broken", scene_broken}, {"empty", scene_replication_empty}, {"error", scene_replication_error},
        {"leak", scene_horizon_leak}, {"stale", scene_replication_stale},
        {"denied", scene_replication_denied}, {"hostile", scene_replication_hostile}};

static void check(struct viewer *t, const char *what, const char *how)
{
	char name[128];
	snprintf(name, sizeof name, "replication/%s-%dx%d%s", what, t->surface->width, t->surface->height,
	        how);
	golden_check(viewer_draw(t), name);
}

static void test_moments(void **state)
{
	(void)state;
	for (size_t m = 0; m < sizeof moments / sizeof moments[0]; m++) {
		struct fixture *f = fixture_new();
		struct viewer t;
		moments[m].make(f);
		viewer_open(&t, &replication_view, f, 80, 24, false);
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			viewer_resize(&t, sizes[i].w, sizes[i].h);
			check(&t, moments[m].name, "");
		}
		viewer_close(&t);
		fixture_free(f);
	}
}

static void detail(void (*make)(struct fixture *f), const char *name, int w, int h, int instance, bool ascii)
{
	struct fixture *f = fixture_new();
	struct viewer t;
	struct row_ref row = {.instance = instance};
	make(f);
	viewer_open(&t, &replication_view, f, w, h, ascii);
	assert_true(replication_view.select(t.state, &t.in, &row));
	viewer_key(&t, CMD_DETAIL);
	check(&t, name, ascii ? "-ascii" : "");
	viewer_close(&t);
	fixture_free(f);
}

static void test_detail(void **state)
{
	(void)state;
	detail(scene_paused, "detail", 200, 60, 2, false);
	detail(scene_paused, "detail", 80, 24, 2, false);
	detail(scene_paused, "detail", 40, 10, 2, false);
	detail(scene_broken, "detail-broken", 132, 43, 1, true);
	detail(scene_replication_hostile, "detail-hostile", 80, 24, 0, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments), cmocka_unit_test(test_detail)};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
