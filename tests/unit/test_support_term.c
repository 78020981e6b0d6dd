/* The terminal harness judges the real program in tests/e2e; here it is judged itself, with programs of which
 * everybody knows what they do. */
#include "tests/support/test.h"

#include "tests/support/proc.h"
#include "tests/support/term.h"
#include "tests/support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SOON_MS = 5000 };

static struct term *shell(const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	return term_spawn(10, 40, argv, NULL);
}

static void test_text_and_exit(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = shell("printf 'hello \\303\\244\\342\\202\\254\\r\\nsecond line  '; exit 3");
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_string_equal(term_row(term, 0), "hello \xc3\xa4\xe2\x82\xac");
	assert_string_equal(term_row(term, 1), "second line");
	assert_string_equal(term_row(term, 2), "");
	assert_int_equal(end.code, 3);
	assert_int_equal(end.signal, 0);
	assert_true(end.tty_restored);
	term_assert_restored(term);
	term_free(term);
}

static void test_keys_and_waiting(void **state)
{
	(void)state;
	struct term *term = shell("read line; echo \"got <$line>\"; tail -f /dev/null");
	assert_false(term_sees(term, "got", 30));
	term_send(term, "abc" TERM_ENTER);
	term_wait_text(term, "got <abc>", SOON_MS);
	term_wait_match(term, "^got <[a-c]+>$", SOON_MS);
	assert_false(term_sees_match(term, "^abc>", 0));
	int64_t start = wait_now_ms();
	assert_false(term_sees(term, "never", 60));
	assert_true(wait_now_ms() - start >= 60);
	term_free(term);
}

static void test_cells_and_colours(void **state)
{
	(void)state;
	struct term *term =
	        shell("printf 'a\\033[1;31mb\\033[0;7mc\\033[0;38;2;1;2;3;48;5;200md\\033[0m';"
	              "printf '\\344\\270\\255x\\033[4;3me\\033[0m e\\314\\201'; tail -f /dev/null");
	int row;
	int col;
	term_wait_text(term, "e\xcc\x81", SOON_MS);
	assert_int_equal(term_cell(term, 0, 0).fg, TERM_DEFAULT_COLOUR);
	assert_int_equal(term_cell(term, 0, 0).bg, TERM_DEFAULT_COLOUR);
	assert_true(term_cell(term, 0, 1).bold);
	assert_int_equal(term_cell(term, 0, 1).fg, 1);
	assert_true(term_cell(term, 0, 2).reverse);
	assert_false(term_cell(term, 0, 2).bold);
	assert_int_equal(term_cell(term, 0, 3).fg, TERM_RGB | 0x010203);
	assert_int_equal(term_cell(term, 0, 3).bg, 200);
	assert_int_equal(term_cell(term, 0, 4).width, 2);
	assert_string_equal(term_cell(term, 0, 4).text, "\xe4\xb8\xad");
	assert_true(term_find(term, "x", &row, &col));
	assert_int_equal(row, 0);
	assert_int_equal(col, 6);
	assert_true(term_cell(term, 0, 7).underline && term_cell(term, 0, 7).italic);
	assert_string_equal(term_cell(term, 0, 9).text, "e\xcc\x81");
	assert_false(term_find(term, "nowhere", &row, &col));
	term_free(term);
}

static void test_modes_and_restoring(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term =
	        shell("stty -echo; printf '\\033[?1049h\\033[?25l\\033[?1000h\\033]0;a title\\007inside';"
	              "read x; stty echo; printf '\\033[?1000l\\033[?25h\\033[?1049l'");
	term_wait_text(term, "inside", SOON_MS);
	assert_true(term_mode(term).alt_screen);
	assert_false(term_mode(term).cursor_visible);
	assert_int_equal(term_mode(term).mouse, 1);
	assert_string_equal(term_mode(term).title, "a title");
	term_send(term, TERM_ENTER);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_true(end.tty_restored);
	assert_false(term_mode(term).alt_screen);
	assert_false(term_sees(term, "inside", 0));
	term_assert_restored(term);
	term_free(term);
}

static void test_a_tty_left_changed_is_noticed(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = shell("stty -echo -icanon; printf '\\033[?25l'");
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_false(end.tty_restored);
	assert_false(term_mode(term).cursor_visible);
	term_free(term);
}

static void test_signals_and_their_exit(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = shell("echo ready; exec tail -f /dev/null");
	term_wait_text(term, "ready", SOON_MS);
	assert_false(term_wait_exit(term, 20, &end));
	term_signal(term, SIGTERM);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, -1);
	assert_int_equal(end.signal, SIGTERM);
	term_free(term);
}

static void test_control_c_reaches_the_program(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = shell("trap 'echo caught; exit 5' INT; echo ready; while :; do read x; done");
	term_wait_text(term, "ready", SOON_MS);
	term_send(term, "\003");
	term_wait_text(term, "caught", SOON_MS);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 5);
	term_free(term);
}

static void test_suspend_and_continue(void **state)
{
	(void)state;
	const char *const argv[] = {"cat", NULL};
	struct term *term = term_spawn(10, 40, argv, NULL);
	term_send(term, "one\r");
	term_wait_match(term, "^one\none$", SOON_MS);
	term_send(term, "\032");
	assert_true(term_wait_stopped(term, SOON_MS));
	assert_int_equal(proc_state(term_pid(term)), 'T');
	term_continue(term);
	term_send(term, "two\r");
	term_wait_match(term, "two\ntwo$", SOON_MS);
	term_free(term);
}

static void test_resize_is_told(void **state)
{
	(void)state;
	struct term *term = shell("trap 'stty size' WINCH; stty size; while :; do read x; done");
	term_wait_text(term, "10 40", SOON_MS);
	term_resize(term, 24, 80);
	term_wait_text(term, "24 80", SOON_MS);
	term_resize(term, 1, 1);
	term_resize(term, 5, 20);
	term_wait_text(term, "5 20", SOON_MS);
	term_free(term);
}

static void test_hang_up(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = shell("echo ready; exec tail -f /dev/null");
	term_wait_text(term, "ready", SOON_MS);
	term_hang_up(term);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.signal, SIGHUP);
	assert_false(end.tty_restored);
	term_free(term);
}

static bool sleeps(void *arg)
{
	struct term *term = arg;
	return proc_state(term_pid(term)) == 'S';
}

static void test_a_terminal_that_takes_no_bytes(void **state)
{
	(void)state;
	struct term_exit end;
	const char *const argv[] = {"yes", "0123456789", NULL};
	struct term *term = term_spawn(10, 40, argv, NULL);
	term_wait_text(term, "0123456789", SOON_MS);
	term_drain(term, false);
	size_t before = term_bytes(term);
	term_pump(term, 50);
	assert_int_equal(term_bytes(term), before);
	/* Blocked in write(): it sleeps and burns nothing. */
	assert_true(wait_until(sleeps, term, SOON_MS));
	long cpu = proc_cpu_ms(term_pid(term));
	term_pump(term, 50);
	assert_true(proc_cpu_ms(term_pid(term)) - cpu <= 10);
	term_drain(term, true);
	term_pump(term, 20);
	assert_true(term_bytes(term) > before);
	term_drain(term, false);
	assert_true(wait_until(sleeps, term, SOON_MS));
	term_signal(term, SIGTERM);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.signal, SIGTERM);
	term_free(term);
}

static void test_raw_bytes(void **state)
{
	(void)state;
	struct term *term = shell("printf 'a\\033[5mb\\0c'; read x; printf '\\033]52;c;QQ==\\007'; read x");
	size_t size;
	assert_true(term_sees(term, "ab", SOON_MS));
	term_settle(term, 20, SOON_MS);
	assert_true(term_raw_contains(term, 0, "\033[5mb\0c", 7));
	assert_false(term_raw_contains(term, 0, "\033]52", 4));
	size_t mark = term_bytes(term);
	assert_int_equal(mark, 8);
	term_send(term, TERM_ENTER);
	assert_true(term_wait_raw(term, mark, "\033]52;c;QQ==", 11, SOON_MS));
	assert_false(term_wait_raw(term, mark, "QQQ", 3, 20));
	assert_false(term_raw_contains(term, mark, "\033[5m", 4));
	assert_memory_equal(term_raw(term, &size), "a\033[5m", 5);
	assert_int_equal(size, term_bytes(term));
	term_free(term);
}

/* more uses the terminal's description and its own keys, and is on every system. */
static void test_a_program_with_screen_and_keys(void **state)
{
	(void)state;
	struct term_exit end;
	const char *const argv[] = {"more", "LICENSE", NULL};
	const char *const env[] = {"MORE", NULL};
	struct term *term = term_spawn(12, 80, argv, env);
	term_wait_text(term, "MIT License", SOON_MS);
	term_wait_text(term, "--More--", SOON_MS);
	term_send(term, " ");
	term_wait_gone(term, "MIT License", SOON_MS);
	term_send(term, "q");
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 0);
	term_assert_restored(term);
	term_free(term);
}

static void test_mouse_bytes(void **state)
{
	(void)state;
	struct term *term =
	        shell("stty raw -echo; echo ready; dd bs=1 count=20 2>/dev/null | od -An -c | tr -d ' \\n'");
	term_wait_text(term, "ready", SOON_MS);
	term_mouse(term, 0, 2, 9);
	term_wait_text(term, "033[<0;10;3M033[<0;10;3m", SOON_MS);
	term_free(term);
}

struct gone {
	pid_t pid;
};

static bool is_gone(void *arg)
{
	const struct gone *gone = arg;
	char letter = proc_state(gone->pid);
	return letter == 'X' || letter == 'Z';
}

static void test_free_kills(void **state)
{
	(void)state;
	struct term *term =
	        shell("trap '' TERM HUP; echo ready; while :; do read x || exec tail -f /dev/null; done");
	term_wait_text(term, "ready", SOON_MS);
	struct gone gone = {.pid = term_pid(term)};
	term_free(term);
	assert_true(wait_until(is_gone, &gone, SOON_MS));
}

static void test_a_missing_program(void **state)
{
	(void)state;
	struct term_exit end;
	const char *const argv[] = {"/nonexistent/program", NULL};
	struct term *term = term_spawn(10, 40, argv, NULL);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 127);
	term_free(term);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text_and_exit),
	        cmocka_unit_test(test_keys_and_waiting),
	        cmocka_unit_test(test_cells_and_colours),
	        cmocka_unit_test(test_modes_and_restoring),
	        cmocka_unit_test(test_a_tty_left_changed_is_noticed),
	        cmocka_unit_test(test_signals_and_their_exit),
	        cmocka_unit_test(test_control_c_reaches_the_program),
	        cmocka_unit_test(test_suspend_and_continue),
	        cmocka_unit_test(test_resize_is_told),
	        cmocka_unit_test(test_hang_up),
	        cmocka_unit_test(test_a_terminal_that_takes_no_bytes),
	        cmocka_unit_test(test_raw_bytes),
	        cmocka_unit_test(test_a_program_with_screen_and_keys),
	        cmocka_unit_test(test_mouse_bytes),
	        cmocka_unit_test(test_free_kills),
	        cmocka_unit_test(test_a_missing_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
