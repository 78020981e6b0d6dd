/* The frame, what floats over it, and the first screen, at every size somebody may have. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/golden.h"
#include "tests/support/stage.h"
#include "tui/dialog.h"

static const struct {
	int w, h;
} sizes[] = {{80, 24}, {132, 43}, {200, 60}, {40, 10}, {20, 5}, {1, 1}};

static void check(struct stage *st, struct shell *sh, int w, int h, bool ascii, const char *what)
{
	char name[96];
	(void)st;
	struct surface *s = surface_new(w, h, ascii);
	shell_draw(sh, s);
	snprintf(name, sizeof(name), "frame/%s-%dx%d%s", what, w, h, ascii ? "-ascii" : "");
	golden_check(s, name);
	surface_free(s);
}

/* A fleet with a root blocker, seen by the frame. */
static void trouble(struct stage *st)
{
	fixture_table(st->fixture, 0, "blockers",
	        "waiter | blocker | waiting_ms | kind | object\n4802 | 4711 | 178000 | transactionid | "
	        "stock\n");
	fixture_link(st->fixture, 1, LINK_DOWN, ERR_TIMEOUT, "connect: timed out after 5 s");
}

static void test_every_size(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, 40);
	trouble(&st);
	struct shell *sh = stage_shell(&st);
	stage_advance(&st, sh, 14000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check(&st, sh, sizes[i].w, sizes[i].h, false, "trouble");
	check(&st, sh, 80, 24, true, "trouble");
	stage_type(sh, "<enter>");
	check(&st, sh, 132, 43, false, "scope");
	stage_type(sh, "<esc><space>");
	check(&st, sh, 80, 24, false, "paused");
	shell_free(sh);
	stage_end(&st);
}

static void test_quiet(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, 3);
	fixture_table(st.fixture, 0, "sessions", "id | user | state | xact_ms\n31 | dev | active | 40\n");
	struct shell *sh = stage_shell(&st);
	check(&st, sh, 80, 24, false, "quiet");
	shell_free(sh);
	stage_end(&st);
}

static void test_what_floats(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, 40);
	trouble(&st);
	struct shell *sh = stage_shell(&st);
	stage_advance(&st, sh, 14000);
	stage_type(sh, "?");
	check(&st, sh, 132, 50, false, "help");
	check(&st, sh, 80, 24, false, "help");
	check(&st, sh, 40, 10, false, "help");
	stage_type(sh, "<esc>K");
	check(&st, sh, 132, 43, false, "dialog");
	check(&st, sh, 80, 24, false, "dialog");
	check(&st, sh, 40, 10, false, "dialog");
	check(&st, sh, 20, 5, false, "dialog");
	manual_clock_advance(&st.clock, DIALOG_DEAF_MS);
	stage_type(sh, "4711");
	check(&st, sh, 80, 24, false, "armed");
	stage_type(sh, "<esc>C");
	check(&st, sh, 80, 24, false, "refused");
	stage_type(sh, "<esc>/check");
	check(&st, sh, 80, 24, false, "filter");
	stage_type(sh, "<esc>:sorrt<enter>");
	check(&st, sh, 80, 24, false, "message");
	shell_free(sh);
	stage_end(&st);
}

static struct snapshot nothing_snapshot;
static struct snapshot *take_nothing(void *arg)
{
	struct stage *st = arg;
	nothing_snapshot = *st->snap;
	nothing_snapshot.n = 0;
	return &nothing_snapshot;
}
static void release_nothing(void *arg, struct snapshot *snap)
{
	(void)arg;
	(void)snap;
}

static void test_the_first_screen(void **state)
{
	(void)state;
	struct stage st;
	stage_begin(&st, 3);
	st.source.take = take_nothing;
	st.source.release = release_nothing;
	struct shell *sh = stage_shell(&st);
	check(&st, sh, 80, 24, false, "welcome");
	check(&st, sh, 40, 10, false, "welcome");
	shell_free(sh);
	stage_end(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_size),
	        cmocka_unit_test(test_quiet),
	        cmocka_unit_test(test_what_floats),
	        cmocka_unit_test(test_the_first_screen),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
