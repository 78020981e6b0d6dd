/* The Locks view in the moments that matter, at the sizes people have: what a screen says is reviewed as
 * text. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>

#include "tests/support/golden.h"
#include "tests/support/lock_scenes.h"
#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "views/locks.h"

static const struct {
	int w, h;
} sizes[] = {{80, 24}, {132, 43}, {40, 10}};

static const struct {
	const char *name;
	void (*make)(struct fixture *f);
} moments[] = {{"incident", locks_incident}, {"convoy", locks_convoy}, {"nobody", locks_nobody},
        {"empty", scene_empty}, {"error", scene_error}, {"stale", locks_stale}, {"denied", locks_denied},
        {"many", locks_many}, {"hostile", locks_hostile}, {"odd", locks_odd}};

static void check(struct viewer *t, const char *what, const char *how)
{
	char name[128];
	snprintf(name, sizeof name, "locks/%s-%dx%d%s", what, t->surface->width, t->surface->height, how);
	golden_check(viewer_draw(t), name);
}

static void test_moments(void **state)
{
	(void)state;
	for (size_t m = 0; m < sizeof moments / sizeof moments[0]; m++) {
		struct fixture *f = fixture_new();
		struct viewer t;
		moments[m].make(f);
		viewer_open(&t, &locks_view, f, 80, 24, false);
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			viewer_resize(&t, sizes[i].w, sizes[i].h);
			check(&t, moments[m].name, "");
		}
		viewer_close(&t);
		fixture_free(f);
	}
}

static void test_detail_and_ascii(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer t;
	locks_incident(f);
	viewer_open(&t, &locks_view, f, 200, 50, false);
	t.in.scope.instance = 0;
	viewer_update(&t);
	viewer_key(&t, CMD_DETAIL);
	check(&t, "detail", "");
	viewer_resize(&t, 80, 24);
	check(&t, "detail", "");
	viewer_close(&t);
	viewer_open(&t, &locks_view, f, 80, 24, true);
	check(&t, "incident", "-ascii");
	viewer_close(&t);
	fixture_free(f);
}

/* The stall is over: what is left of it. */
static void test_what_is_over(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct viewer t;
	locks_incident(f);
	viewer_open(&t, &locks_view, f, 132, 43, false);
	fixture_advance(f, 4000);
	fixture_table(f, 0, "pulse", "connections | lock_waiters | deadlocks\n40 | 0 | 5");
	fixture_table(f, 0, "sessions", "id | kind | state\n1 | client | idle\n");
	fixture_error(f, 0, "locks", ERR_GATED, "");
	viewer_update(&t);
	check(&t, "over", "");
	viewer_resize(&t, 80, 24);
	check(&t, "over", "");
	viewer_close(&t);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments),
	        cmocka_unit_test(test_detail_and_ascii), cmocka_unit_test(test_what_is_over)};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
