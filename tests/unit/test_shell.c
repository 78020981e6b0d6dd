/* The shell driven by a script: keys to commands, intents, scope and its way back, pause, messages, and
 * acting with every safeguard the dialog has. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/stage.h"
#include "tui/dialog.h"

static struct surface *screen;

static bool sees(struct shell *sh, const char *text)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	shell_draw(sh, screen);
	surface_to_text(screen, &out);
	bool found = strstr(buf_str(&out), text) != NULL;
	buf_free(&out);
	return found;
}

static void expect(struct shell *sh, const char *text)
{
	struct buf out;
	if (sees(sh, text))
		return;
	buf_init(&out, 1 << 20);
	surface_to_text(screen, &out);
	fail_msg("not on the screen: \"%s\"\n%s", text, buf_str(&out));
}

static void expect_not(struct shell *sh, const char *text)
{
	if (sees(sh, text))
		fail_msg("on the screen: \"%s\"", text);
}

struct play {
	struct stage stage;
	struct shell *sh;
};

static int begin(void **state)
{
	struct play *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	stage_begin(&p->stage, 15);
	p->sh = stage_shell(&p->stage);
	screen = surface_new(100, 32, false);
	shell_draw(p->sh, screen);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct play *p = *state;
	shell_free(p->sh);
	stage_end(&p->stage);
	surface_free(screen);
	free(p);
	return 0;
}

/* Opens the dialog of K or C on the first session, seen for long enough to be heard. */
static void open_dialog(struct play *p, const char *key)
{
	stage_type(p->sh, key);
	shell_draw(p->sh, screen);
	manual_clock_advance(&p->stage.clock, DIALOG_DEAF_MS);
}

static void test_what_is_wanted(void **state)
{
	struct play *p = *state;
	assert_true(p->stage.wants > 0);
	/* What findings are drawn from is asked in every view: none ends because somebody looks elsewhere. */
	static const char *const digits[] = {"1", "2", "3", "4", "5"};
	static const char *const always[] = {"server", "pulse", "sessions", "blockers", "replication_brief",
	        "replication", "replication_local", "horizon"};
	for (size_t v = 0; v < sizeof(digits) / sizeof(digits[0]); v++) {
		stage_type(p->sh, digits[v]);
		for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
			int slot = probe_set_slot(fixture_snapshot(p->stage.fixture)->probes, always[i]);
			if (slot < 0 || !(p->stage.slots & 1U << slot))
				fail_msg("view %s does not ask for %s", digits[v], always[i]);
		}
	}
	stage_type(p->sh, "1");
	expect(p->sh, "orders-pg-1");
	expect(p->sh, "4711");
	expect(p->sh, "scope: all");
}

static void test_views_and_the_way_back(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "<enter>");
	expect(p->sh, "orders ▸ orders-pg-1");
	expect_not(p->sh, "lab-my-1");
	stage_type(p->sh, "<esc>");
	expect(p->sh, "scope: all");
	expect(p->sh, "lab-my-1");
	stage_type(p->sh, "1");
	stage_type(p->sh, "2");
	expect(p->sh, "scope: all");
}

static void test_the_filter_is_live(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "/check");
	expect(p->sh, "/check");
	expect_not(p->sh, "lab-my-1");
	stage_type(p->sh, "(");
	expect(p->sh, "a ( is open");
	stage_type(p->sh, "<esc>");
	expect(p->sh, "lab-my-1");
	stage_type(p->sh, "/report<enter>");
	expect(p->sh, "orders-pg-2");
	expect_not(p->sh, "lab-my-1");
	expect_not(p->sh, "/report");
	/* A paste is text, and never carried out. */
	stage_type(p->sh, "/<ctrl-u>");
	stage_paste(p->sh, "che\nck");
	expect(p->sh, "/che ck");
}

/* What a filter cannot do stands behind it while it is typed, and in the message line afterwards: once. */
static void test_a_filter_in_trouble_says_so(void **state)
{
	static const char said[] = "filter: slow takes too long";
	struct play *p = *state;
	stage_type(p->sh, "/slo");
	expect_not(p->sh, said);
	stage_type(p->sh, "w");
	expect(p->sh, said);
	stage_type(p->sh, "e");
	expect(p->sh, said);
	stage_type(p->sh, "<backspace><enter>");
	expect_not(p->sh, "/slow");
	expect(p->sh, said);
	stage_advance(&p->stage, p->sh, 1000);
	expect(p->sh, said);
	stage_type(p->sh, "j");
	expect_not(p->sh, said);
	stage_advance(&p->stage, p->sh, 1000);
	expect_not(p->sh, said);
	stage_type(p->sh, "/<ctrl-u>report<enter>");
	expect_not(p->sh, said);
}

/* No data come while it is paused: what a key changes in a list is to be seen without. */
static void test_keys_need_no_data(void **state)
{
	struct play *p = *state;
	shell_free(p->sh);
	p->stage.options.views = views; /* the real Sessions */
	p->sh = stage_shell(&p->stage);
	expect(p->sh, "lab-my-1");
	stage_type(p->sh, "<space>");
	expect(p->sh, "PAUSED");
	stage_type(p->sh, "/checkout");
	expect(p->sh, "checkout-api");
	expect_not(p->sh, "lab-my-1");
	stage_type(p->sh, "<esc>");
	expect(p->sh, "lab-my-1");
}

static void test_the_command_line(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, ":hepl<enter>");
	expect(p->sh, "did you mean \"help\"");
	stage_type(p->sh, ":theme lihgt<enter>");
	expect(p->sh, "did you mean \"light\"");
	stage_type(p->sh, ":theme<enter>");
	expect(p->sh, "dark is in use");
	stage_type(p->sh, ":the<tab>");
	expect(p->sh, ":theme");
	stage_type(p->sh, " li<tab><enter>");
	stage_type(p->sh, ":<up>");
	expect(p->sh, ":theme light");
	stage_type(p->sh, "<up><up>");
	expect(p->sh, ":theme lihgt");
	stage_type(p->sh, "<esc>:q<enter>");
	assert_true(shell_quits(p->sh));
}

static void test_abbreviations_never_act(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, ":term<enter>");
	expect(p->sh, "there is no command \"term\"");
	stage_type(p->sh, ":terminate<enter>");
	expect(p->sh, "Terminate");
}

static void test_pause_freezes_everything(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "<space>");
	expect(p->sh, "PAUSED 14:02:07Z");
	fixture_table(p->stage.fixture, 0, "sessions", "id | user | state\n77 | late | active\n");
	stage_advance(&p->stage, p->sh, 5000);
	expect(p->sh, "4711");
	expect(p->sh, "PAUSED 14:02:07Z");
	expect_not(p->sh, " 77 ");
	stage_type(p->sh, "<space>");
	expect(p->sh, " 77 ");
	expect(p->sh, "LIVE 14:02:12Z");
}

static void test_overlays(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "?");
	expect(p->sh, "Keys and commands");
	expect(p->sh, "show only what matches");
	stage_type(p->sh, "<esc>");
	expect_not(p->sh, "Keys and commands");
	stage_type(p->sh, ":help sort<enter>");
	expect(p->sh, "[column]");
	stage_type(p->sh, "<esc>:self<enter>");
	expect(p->sh, "memory 21 MB");
	stage_type(p->sh, "<esc>:log<enter>");
	expect(p->sh, "nothing has been logged");
}

static void test_small_intents(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "y");
	expect(p->sh, "copied 8 bytes");
	stage_type(p->sh, "a");
	assert_string_equal(p->stage.added_name, "::1 5499");
	stage_type(p->sh, "+");
	assert_int_equal(p->stage.kicked, 1);
	expect(p->sh, "0.5s");
	stage_type(p->sh, "w");
	assert_int_equal(p->stage.asked, 1);
}

static void test_messages_leave(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "y");
	expect(p->sh, "copied");
	manual_clock_advance(&p->stage.clock, 10000);
	expect_not(p->sh, "copied");
	stage_type(p->sh, ":nonsense<enter>");
	manual_clock_advance(&p->stage.clock, 60000);
	expect(p->sh, "no command \"nonsense\"");
	stage_type(p->sh, "j");
	expect_not(p->sh, "no command");
}

static void test_ctrl_c(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "?<ctrl-c>");
	expect_not(p->sh, "Keys and commands");
	assert_false(shell_quits(p->sh));
	manual_clock_advance(&p->stage.clock, 1500);
	stage_type(p->sh, "<ctrl-c>");
	assert_false(shell_quits(p->sh));
	manual_clock_advance(&p->stage.clock, 500);
	stage_type(p->sh, "<ctrl-c>");
	assert_true(shell_quits(p->sh));
}

static void test_pasted_commands_do_nothing(void **state)
{
	struct play *p = *state;
	stage_paste(p->sh, "Ky4711yq\n");
	assert_false(shell_quits(p->sh));
	expect_not(p->sh, "Terminate");
}

/* ---- acting ---- */

static void test_terminate_needs_the_id(void **state)
{
	struct play *p = *state;
	open_dialog(p, "K");
	expect(p->sh, "Terminate");
	expect(p->sh, "type the session id to arm");
	stage_type(p->sh, "y<enter>");
	assert_int_equal(p->stage.started, 0);
	stage_type(p->sh, "471");
	stage_type(p->sh, "y");
	assert_int_equal(p->stage.started, 0);
	/* One digit too many is another session's id. */
	stage_type(p->sh, "11y");
	assert_int_equal(p->stage.started, 0);
	stage_type(p->sh, "<backspace>");
	expect(p->sh, "y terminates");
	stage_type(p->sh, "<enter>");
	assert_int_equal(p->stage.started, 0);
	stage_type(p->sh, "y");
	assert_int_equal(p->stage.started, 1);
	assert_int_equal(p->stage.kind, ACTION_TERMINATE);
	assert_false(p->stage.second);
	expect_not(p->sh, "type the session id");
}

static void test_a_dialog_is_deaf_at_first(void **state)
{
	struct play *p = *state;
	/* Before it is painted, and for 300 ms after. */
	stage_type(p->sh, "K4711y");
	shell_draw(p->sh, screen);
	stage_type(p->sh, "4711y");
	manual_clock_advance(&p->stage.clock, DIALOG_DEAF_MS - 1);
	stage_type(p->sh, "4711y");
	assert_int_equal(p->stage.started, 0);
	manual_clock_advance(&p->stage.clock, 1);
	stage_paste(p->sh, "4711y");
	assert_int_equal(p->stage.started, 0);
	stage_type(p->sh, "4711y");
	assert_int_equal(p->stage.started, 1);
}

static void test_leaving_is_always_heard(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "K<esc>");
	expect_not(p->sh, "Terminate");
	open_dialog(p, "K");
	stage_type(p->sh, "4711<esc>y");
	assert_int_equal(p->stage.started, 0);
}

static void test_armed_for_a_while(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, ":arm 2h<enter>");
	expect(p->sh, "up to an hour");
	stage_type(p->sh, ":arm 10m<enter>");
	expect(p->sh, "ARMED");
	open_dialog(p, "K");
	expect_not(p->sh, "type the session id");
	stage_type(p->sh, "y");
	assert_int_equal(p->stage.started, 1);
	manual_clock_advance(&p->stage.clock, 11 * 60 * 1000);
	expect_not(p->sh, "ARMED");
}

static void test_cancel_of_an_idle_session_is_not_offered(void **state)
{
	struct play *p = *state;
	open_dialog(p, "C");
	expect(p->sh, "Esc closes");
	stage_type(p->sh, "y");
	assert_int_equal(p->stage.started, 0);
}

static void test_cancel_is_y(void **state)
{
	struct play *p = *state;
	stage_type(p->sh, "j");
	open_dialog(p, "C");
	expect(p->sh, "Cancel");
	stage_type(p->sh, "y");
	assert_int_equal(p->stage.started, 1);
	assert_int_equal(p->stage.kind, ACTION_CANCEL);
}

static void test_the_outcome_is_followed(void **state)
{
	struct play *p = *state;
	snprintf(p->stage.say, sizeof(p->stage.say), "4711: signalled");
	open_dialog(p, "K");
	stage_type(p->sh, "4711y");
	expect(p->sh, "4711: signalled");
	expect(p->sh, "1 under way");
	stage_type(p->sh, "q");
	expect(p->sh, "not finished");
	stage_type(p->sh, "<esc>");
	assert_false(shell_quits(p->sh));
	p->stage.finished = true;
	p->stage.outcome = OUTCOME_GONE;
	snprintf(p->stage.say, sizeof(p->stage.say), "4711: gone after 0.2 s, 1 session resumed");
	stage_advance(&p->stage, p->sh, 200);
	expect(p->sh, "1 session resumed");
	expect_not(p->sh, "under way");
	stage_type(p->sh, "q");
	assert_true(shell_quits(p->sh));
}

static void test_another_transaction_is_another_decision(void **state)
{
	struct play *p = *state;
	p->stage.finished = true;
	p->stage.outcome = OUTCOME_MOVED_ON;
	snprintf(p->stage.say, sizeof(p->stage.say), "4711: nothing was done, it is in another transaction.");
	open_dialog(p, "K");
	stage_type(p->sh, "4711y");
	expect(p->sh, "another transaction");
	expect(p->sh, "y ends the connection");
	stage_type(p->sh, "y");
	assert_false(p->stage.insisted);
	shell_draw(p->sh, screen);
	manual_clock_advance(&p->stage.clock, DIALOG_DEAF_MS);
	stage_type(p->sh, "y");
	assert_true(p->stage.insisted);
}

static void test_what_cannot_begin_says_so(void **state)
{
	struct play *p = *state;
	p->stage.refuse = "the journal cannot be written: no space left on device";
	open_dialog(p, "K");
	stage_type(p->sh, "4711y");
	expect(p->sh, "nothing was done: the journal cannot be written");
}

static void test_a_session_that_went_is_gone(void **state)
{
	struct play *p = *state;
	fixture_table(p->stage.fixture, 0, "sessions", "id | user | state\n77 | late | active\n");
	stage_advance(&p->stage, p->sh, 1000);
	expect(p->sh, "gone");
	stage_type(p->sh, "K");
	expect(p->sh, "gone: the session has ended");
	assert_int_equal(p->stage.started, 0);
}

/* ---- the rest ---- */

static void test_screenshot(void **state)
{
	struct play *p = *state;
	char dir[] = "/tmp/dbatop-shell-XXXXXX";
	char path[128];
	struct stat status;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/state", dir);
	/* The shell has its own copy of the options, but reads the config that it was given. */
	p->stage.config.state_dir = path;
	stage_type(p->sh, "P");
	expect(p->sh, "written: ");
	char file[256];
	snprintf(file, sizeof(file), "%s/screen-2026-11-22T14-02-07Z.txt", path);
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(unlink(file), 0);
	snprintf(file, sizeof(file), "%s/screen-2026-11-22T14-02-07Z.svg", path);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
	p->stage.config.state_dir = NULL;
}

static void test_every_size_draws(void **state)
{
	struct play *p = *state;
	static const char *const on_top[] = {"", "?", "<esc>K", "<esc>:the", "<esc>/che"};
	for (size_t i = 0; i < sizeof(on_top) / sizeof(on_top[0]); i++) {
		stage_type(p->sh, on_top[i]);
		for (int w = 1; w < 220; w += w < 30 ? 1 : 13) {
			for (int h = 1; h < 70; h += h < 14 ? 1 : 9) {
				struct surface *s = surface_new(w, h, (w + h) % 2 == 0);
				shell_draw(p->sh, s);
				surface_free(s);
			}
		}
	}
}

static void test_the_mouse(void **state)
{
	struct play *p = *state;
	struct input_event click = {.key = KEYCODE_MOUSE, .x = 3, .y = 1};
	stage_type(p->sh, "<enter>");
	stage_type(p->sh, "<esc>");
	shell_event(p->sh, &click);
	/* The first tab: the other view, which descends to nothing of its own. */
	expect(p->sh, "Other");
	/* The sentence above the footer leads to its culprit. */
	stage_type(p->sh, "<end>");
	click.y = 30;
	shell_event(p->sh, &click);
	stage_type(p->sh, "K");
	expect(p->sh, " on orders-pg-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_what_is_wanted, begin, end),
	        cmocka_unit_test_setup_teardown(test_views_and_the_way_back, begin, end),
	        cmocka_unit_test_setup_teardown(test_the_filter_is_live, begin, end),
	        cmocka_unit_test_setup_teardown(test_a_filter_in_trouble_says_so, begin, end),
	        cmocka_unit_test_setup_teardown(test_keys_need_no_data, begin, end),
	        cmocka_unit_test_setup_teardown(test_the_command_line, begin, end),
	        cmocka_unit_test_setup_teardown(test_abbreviations_never_act, begin, end),
	        cmocka_unit_test_setup_teardown(test_pause_freezes_everything, begin, end),
	        cmocka_unit_test_setup_teardown(test_overlays, begin, end),
	        cmocka_unit_test_setup_teardown(test_small_intents, begin, end),
	        cmocka_unit_test_setup_teardown(test_messages_leave, begin, end),
	        cmocka_unit_test_setup_teardown(test_ctrl_c, begin, end),
	        cmocka_unit_test_setup_teardown(test_pasted_commands_do_nothing, begin, end),
	        cmocka_unit_test_setup_teardown(test_terminate_needs_the_id, begin, end),
	        cmocka_unit_test_setup_teardown(test_a_dialog_is_deaf_at_first, begin, end),
	        cmocka_unit_test_setup_teardown(test_leaving_is_always_heard, begin, end),
	        cmocka_unit_test_setup_teardown(test_armed_for_a_while, begin, end),
	        cmocka_unit_test_setup_teardown(test_cancel_of_an_idle_session_is_not_offered, begin, end),
	        cmocka_unit_test_setup_teardown(test_cancel_is_y, begin, end),
	        cmocka_unit_test_setup_teardown(test_the_outcome_is_followed, begin, end),
	        cmocka_unit_test_setup_teardown(test_another_transaction_is_another_decision, begin, end),
	        cmocka_unit_test_setup_teardown(test_what_cannot_begin_says_so, begin, end),
	        cmocka_unit_test_setup_teardown(test_a_session_that_went_is_gone, begin, end),
	        cmocka_unit_test_setup_teardown(test_screenshot, begin, end),
	        cmocka_unit_test_setup_teardown(test_every_size_draws, begin, end),
	        cmocka_unit_test_setup_teardown(test_the_mouse, begin, end),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
