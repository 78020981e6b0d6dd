/* A filter whose expression takes too long, in every view that has one: it leaves out nothing and says so. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/lock_scenes.h"
#include "tests/support/scenes.h"
#include "tests/support/scenes_replication.h"
#include "tests/support/viewer.h"
#include "views/fleet.h"
#include "views/locks.h"
#include "views/replication.h"
#include "views/sessions.h"
#include "views/tree.h"

static const char hostile[] = "~(.*.*)*[\\x01-\\x02]";
/* Quick for the rows before the first with this application, which it does not match. */
static const char late[] = "app:~^mig(?:.?){60}[\\x01-\\x02]";

static const struct {
	const struct view *view;
	void (*scene)(struct fixture *f);
	const char *row; /* there is one with it */
	bool head;       /* says it in the view, not only to the shell */
	const char *expression;
} samples[] = {
        {&fleet_view, scene_incident, "orders-pg-1", false, hostile},
        {&sessions_view, scene_incident, " 4711 ", true, hostile},
        {&sessions_view, scene_incident, " 4711 ", true, late},
        {&locks_view, locks_incident, "4711", true, hostile},
        {&replication_view, scene_paused, "orders-pg-1", false, hostile},
        {&tree_view, scene_incident, "checkout", true, hostile},
};

static void test_nothing_is_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct view *view = samples[i].view;
		struct fixture *f = fixture_new();
		struct viewer v;
		samples[i].scene(f);
		viewer_open(&v, view, f, 132, 43, false);
		char before[200];
		int at = viewer_find(&v, samples[i].row);
		if (at < 0)
			fail_msg("%s: there is no %s", view->name, samples[i].row);
		snprintf(before, sizeof(before), "%s", viewer_line(&v, at));
		assert_null(view->trouble(v.state));
		struct intent said = viewer_arg(&v, CMD_FILTER, samples[i].expression);
		if (said.kind != INTENT_DONE)
			fail_msg("%s: %s", view->name, said.text);
		const char *trouble = view->trouble(v.state);
		if (trouble == NULL || strstr(trouble, "takes too long, so it is off") == NULL)
			fail_msg("%s: \"%s\"", view->name, trouble == NULL ? "" : trouble);
		if (viewer_find(&v, samples[i].row) < 0)
			fail_msg("%s: %s is left out", view->name, samples[i].row);
		if (samples[i].head && viewer_find(&v, "takes too long, so it is off") < 0)
			fail_msg("%s does not say so", view->name);
		/* As it was, not only what is like it. */
		if (viewer_find(&v, before) < 0)
			fail_msg("%s has other rows", view->name);
		viewer_arg(&v, CMD_FILTER, "");
		assert_null(view->trouble(v.state));
		viewer_close(&v);
		fixture_free(f);
	}
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_nothing_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
