/* The shell as a person meets it: on a real pty, over a scripted fleet. The program under test is this one,
 * started again. */
#include "tests/support/test.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/support/stage.h"
#include "tests/support/term.h"
#include "tests/support/wait.h"

enum { SOON_MS = 5000 };

/* ---- the program ---- */

static struct snapshot *(*stage_take)(void *arg);

/* New data every 50 ms, as a busy fleet would bring them. */
static struct snapshot *take_and_drain(void *arg)
{
	struct stage *st = arg;
	uint64_t ticks = 0;
	if (read(st->source.fd, &ticks, sizeof(ticks)) > 0)
		fixture_advance(st->fixture, 50);
	return stage_take(arg);
}

static int signals_as_fd(int a, int b, int c)
{
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, a);
	sigaddset(&mask, b);
	sigaddset(&mask, c);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(void)
{
	static struct stage st;
	struct shell *sh = NULL;
	struct err e = {.code = ERR_NONE};
	struct itimerspec every = {.it_interval = {.tv_nsec = 50000000}, .it_value = {.tv_nsec = 50000000}};
	stage_begin(&st, 200);
	st.real_clock = true;
	st.source.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	timerfd_settime(st.source.fd, 0, &every, NULL);
	stage_take = st.source.take;
	st.source.take = take_and_drain;
	snprintf(st.say, sizeof(st.say), "4711: gone after 0.2 s");
	st.outcome = OUTCOME_GONE;
	st.finished = true;
	st.options.clock = &clock_real;
	st.options.in_fd = 0;
	st.options.out_fd = 1;
	st.options.term = getenv("TERM");
	st.options.colorterm = getenv("COLORTERM");
	st.options.no_color = getenv("NO_COLOR");
	st.config.mouse = true;
	st.options.signal_fd = signals_as_fd(SIGWINCH, SIGTSTP, SIGCONT);
	st.options.quit_fd = signals_as_fd(SIGTERM, SIGHUP, SIGINT);
	if (!shell_new(&st.options, &sh, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	enum shell_end end = shell_run(sh);
	shell_free(sh);
	close(st.source.fd);
	stage_end(&st);
	return end == SHELL_QUIT ? 0 : 10 + (int)end;
}

/* ---- the tests ---- */

static struct term *start(const char *const env[])
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = '\0';
	const char *const argv[] = {self, "run", NULL};
	struct term *term = term_spawn(24, 80, argv, env);
	return term;
}

static struct term *start_and_wait(void)
{
	struct term *term = start(NULL);
	term_wait_text(term, "4711", SOON_MS);
	return term;
}

static void stop(struct term *term)
{
	struct term_exit end;
	term_send(term, "q");
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 0);
	term_assert_restored(term);
	term_free(term);
}

static void test_first_look(void **state)
{
	(void)state;
	struct term *term = start_and_wait();
	term_wait_text(term, "LIVE", SOON_MS);
	term_wait_text(term, "? help", SOON_MS);
	assert_string_equal(term_mode(term).title, "dbatop");
	term_send(term, "?");
	term_wait_text(term, "Keys and commands", SOON_MS);
	term_send(term, TERM_ESCAPE);
	term_wait_gone(term, "Keys and commands", SOON_MS);
	stop(term);
}

static void test_a_storm_of_resizes(void **state)
{
	(void)state;
	struct term *term = start_and_wait();
	for (int i = 0; i < 200; i++) {
		term_resize(term, 1 + (i * 7) % 60, 1 + (i * 13) % 200);
		if (i % 16 == 0)
			term_pump(term, 1);
	}
	term_resize(term, 40, 120);
	term_wait_text(term, "4711", SOON_MS);
	term_wait_match(term, "LIVE [0-9:]+Z$", SOON_MS);
	term_resize(term, 1, 1);
	term_settle(term, 60, SOON_MS);
	term_send(term, "jjj/che\r");
	term_resize(term, 5, 20);
	term_wait_text(term, "help", SOON_MS);
	term_resize(term, 24, 80);
	term_wait_text(term, "checkout", SOON_MS);
	stop(term);
}

static void test_suspend_and_resume(void **state)
{
	(void)state;
	struct term *term = start_and_wait();
	for (int i = 0; i < 2; i++) {
		/* By the key, and from outside. */
		if (i == 0)
			term_send(term, "\032");
		else
			term_signal(term, SIGTSTP);
		if (!term_wait_stopped(term, SOON_MS)) {
			term_dump(term);
			fail_msg("not stopped, round %d", i);
		}
		assert_true(term_wait_left(term, SOON_MS));
		term_continue(term);
		term_wait_text(term, "LIVE", SOON_MS);
		term_wait_text(term, "4711", SOON_MS);
		assert_true(term_mode(term).alt_screen);
	}
	stop(term);
}

static void test_a_paste_into_a_dialog_does_nothing(void **state)
{
	(void)state;
	struct term *term = start_and_wait();
	/* All at once, as from a clipboard, without and with the marks of a paste. */
	term_send(term, "K4711y");
	term_wait_text(term, "type the session id to arm: _", SOON_MS);
	assert_false(term_sees(term, "gone after", 400));
	term_send(term, "\033[200~4711y\033[201~");
	assert_false(term_sees(term, "gone after", 100));
	term_send(term, "4711");
	term_wait_text(term, "y terminates", SOON_MS);
	term_send(term, "y");
	term_wait_text(term, "4711: gone after 0.2 s", SOON_MS);
	stop(term);
}

static void test_the_mouse(void **state)
{
	(void)state;
	struct term *term = start_and_wait();
	int row = 0;
	int col = 0;
	assert_true(term_find(term, "Other", &row, &col));
	term_mouse(term, 0, row, col);
	int64_t deadline = wait_now_ms() + SOON_MS;
	while (!term_cell(term, row, col).bold && wait_now_ms() < deadline)
		term_pump(term, 20);
	assert_true(term_cell(term, row, col).bold);
	term_mouse(term, 65, 10, 10);
	term_wait_gone(term, "4711", SOON_MS);
	term_mouse(term, 64, 10, 10);
	term_wait_text(term, "4711", SOON_MS);
	stop(term);
}

static void test_keys_are_heard_while_data_pour_in(void **state)
{
	(void)state;
	struct term *term = start_and_wait();
	int64_t from = wait_now_ms();
	for (int i = 0; i < 10; i++) {
		term_send(term, ":nonsense\r");
		term_wait_text(term, "no command", SOON_MS);
		term_send(term, "j");
		term_wait_gone(term, "no command", SOON_MS);
	}
	assert_true(wait_now_ms() - from < SOON_MS);
	stop(term);
}

static void test_signals_end_it(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = start_and_wait();
	term_signal(term, SIGTERM);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 10 + SHELL_SIGNAL);
	term_assert_restored(term);
	term_free(term);
}

static void test_a_terminal_that_takes_no_bytes(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = start_and_wait();
	term_drain(term, false);
	/* Repaint until the terminal is full. */
	for (int i = 0; i < 40; i++)
		term_send(term, "\014");
	term_settle(term, 100, 300);
	term_signal(term, SIGTERM);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_true(end.tty_restored);
	term_free(term);
}

static void test_a_closed_terminal_ends_it(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = start_and_wait();
	term_hang_up(term);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	term_free(term);
}

static void test_a_dumb_terminal_is_told(void **state)
{
	(void)state;
	static const char *const env[] = {"TERM=dumb", NULL};
	struct term_exit end;
	struct term *term = start(env);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 2);
	term_wait_text(term, "dbatop once", SOON_MS);
	term_free(term);
}

int main(int argc, char **argv)
{
	(void)argv;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_first_look),
	        cmocka_unit_test(test_a_storm_of_resizes),
	        cmocka_unit_test(test_suspend_and_resume),
	        cmocka_unit_test(test_a_paste_into_a_dialog_does_nothing),
	        cmocka_unit_test(test_the_mouse),
	        cmocka_unit_test(test_keys_are_heard_while_data_pour_in),
	        cmocka_unit_test(test_signals_end_it),
	        cmocka_unit_test(test_a_terminal_that_takes_no_bytes),
	        cmocka_unit_test(test_a_closed_terminal_ends_it),
	        cmocka_unit_test(test_a_dumb_terminal_is_told),
	};
	setlocale(LC_CTYPE, "");
	if (argc > 1)
		return run();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
