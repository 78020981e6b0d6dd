/* The terminal on a real pty: colours at every depth, keys, modes given back whatever happens. The program
 * under test is this one, started again with a word that says what to do. */
#include "tests/support/test.h"

#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tests/support/term.h"
#include "tests/support/wait.h"
#include "tui/term.h"

enum { SOON_MS = 5000, TRUE_WARN = TERM_RGB | 0xffaf00 };

/* ---- the program ---- */

static bool draw(struct terminal *t, struct surface **s, const char *said, unsigned frame)
{
	int width = 0;
	int height = 0;
	terminal_size(t, &width, &height);
	if (*s == NULL)
		*s = surface_new(width, height, false);
	surface_resize(*s, width, height);
	surface_printf(*s, 0, 0, width, STYLE_TEXT, "size %dx%d", width, height);
	surface_text(*s, 0, 1, width, STYLE_WARN, "warn");
	surface_text(*s, 5, 1, width, STYLE_CRIT, "crit");
	surface_text(*s, 10, 1, width, STYLE_TEXT, "日本 e\u0301");
	surface_text(*s, 0, 2, width, STYLE_TEXT, "picked");
	surface_select(*s, (struct rect){0, 2, width, 1});
	surface_printf(*s, 0, 3, width, STYLE_TEXT, "said %s", said);
	surface_printf(*s, 0, 4, width, STYLE_TEXT, "depth %d", (int)terminal_depth_used(t));
	surface_fill(*s, (struct rect){0, 5, width, height - 5}, STYLE_PLOT_3, frame % 2 == 0 ? 'a' : 'b');
	return terminal_paint(t, *s);
}

static void say(char *said, size_t cap, const struct input_event *ev)
{
	char name[16];
	if (ev->key == KEYCODE_MOUSE)
		snprintf(said, cap, "mouse %d %d%s", ev->x, ev->y, ev->twice ? " twice" : "");
	else
		snprintf(said, cap, "%s%s", key_text(ev->key, name), ev->pasted ? " pasted" : "");
}

static int run(bool flood)
{
	struct theme theme;
	struct terminal *t = NULL;
	struct surface *s = NULL;
	struct err e = {.code = ERR_NONE};
	char said[64] = "nothing";
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	int signals = signalfd(-1, &mask, SFD_CLOEXEC);
	theme_load("dark", &theme, NULL);
	struct terminal_options opt = {.in_fd = 0,
	        .out_fd = 1,
	        .term = getenv("TERM"),
	        .colorterm = getenv("COLORTERM"),
	        .no_color = getenv("NO_COLOR"),
	        .mouse = true,
	        .theme = &theme};
	if (!terminal_open(&opt, &t, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	terminal_title(t, "a title");
	bool on = true;
	for (unsigned frame = 0; on && !terminal_gone(t); frame += flood) {
		struct input_event ev;
		bool painted = draw(t, &s, said, frame);
		struct pollfd fds[3] = {{.fd = terminal_fd(t), .events = POLLIN},
		        {.fd = signals, .events = POLLIN},
		        {.fd = terminal_out_fd(t), .events = terminal_pending(t) ? POLLOUT : 0}};
		int wait = terminal_wait_ms(t, clock_now(&clock_real));
		poll(fds, 3, flood && painted ? 0 : wait);
		if ((fds[1].revents & POLLIN) != 0) {
			struct signalfd_siginfo info;
			on = read(signals, &info, sizeof(info)) < 0 || info.ssi_signo != SIGTERM;
		}
		terminal_flush(t);
		while (on && terminal_read(t, clock_now(&clock_real), &ev)) {
			say(said, sizeof(said), &ev);
			if (ev.key == 'z' - 'a' + 1)
				terminal_suspend(t);
			if (ev.key == 'c')
				terminal_copy(t, "hello", 5);
			on = ev.key != 'q' || ev.pasted;
		}
	}
	terminal_close(t);
	surface_free(s);
	close(signals);
	return 0;
}

/* ---- the tests ---- */

static struct term *start(const char *mode, const char *const env[])
{
	const char *const argv[] = {"/proc/self/exe", mode, NULL};
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = '\0';
	const char *const real[] = {self, argv[1], NULL};
	return term_spawn(24, 80, real, env);
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

struct depth_sample {
	const char *env[4];
	int depth, warn, crit, selected;
};

static void test_colours_at_every_depth(void **state)
{
	(void)state;
	static const struct depth_sample samples[] = {
	        {{"TERM=xterm-256color", "COLORTERM=truecolor"}, DEPTH_TRUE, TRUE_WARN, TERM_RGB | 0xff5f5f,
	                TERM_RGB | 0x303a46},
	        {{"TERM=tmux-256color", "COLORTERM=truecolor"}, DEPTH_TRUE, TRUE_WARN, TERM_RGB | 0xff5f5f,
	                TERM_RGB | 0x303a46},
	        {{"TERM=rxvt-unicode-256color", "COLORTERM=24bit"}, DEPTH_256, 214, 203, 237},
	        {{"TERM=xterm-256color"}, DEPTH_256, 214, 203, 237},
	        {{"TERM=linux"}, DEPTH_16, 3, 1, 4},
	        {{"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=1"}, DEPTH_NONE,
	                TERM_DEFAULT_COLOUR, TERM_DEFAULT_COLOUR, TERM_DEFAULT_COLOUR},
	};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct depth_sample *want = &samples[i];
		char depth[16];
		struct term *term = start("keys", want->env);
		snprintf(depth, sizeof(depth), "depth %d", want->depth);
		term_wait_text(term, depth, SOON_MS);
		assert_int_equal(term_cell(term, 1, 0).fg, want->warn);
		assert_int_equal(term_cell(term, 1, 5).fg, want->crit);
		assert_true(term_cell(term, 1, 5).bold);
		assert_int_equal(term_cell(term, 2, 0).bg, want->selected);
		assert_int_equal(term_cell(term, 2, 0).reverse, want->depth == DEPTH_NONE);
		assert_int_equal(term_cell(term, 0, 0).bg, TERM_DEFAULT_COLOUR);
		assert_string_equal(term_row(term, 1), "warn crit 日本 e\u0301");
		stop(term);
	}
}

static void test_keys_arrive(void **state)
{
	(void)state;
	struct term *term = start("keys", NULL);
	term_wait_text(term, "said nothing", SOON_MS);
	assert_true(term_mode(term).alt_screen);
	assert_false(term_mode(term).cursor_visible);
	assert_int_equal(term_mode(term).mouse, 1);
	assert_string_equal(term_mode(term).title, "a title");
	term_send(term, TERM_UP);
	term_wait_text(term, "said up", SOON_MS);
	term_send(term, TERM_ESCAPE);
	term_wait_text(term, "said esc", SOON_MS);
	term_send(term, "\003");
	term_wait_text(term, "said ctrl-c", SOON_MS);
	term_send(term, TERM_ENTER);
	term_wait_text(term, "said enter", SOON_MS);
	term_send(term, "\033[200~q\033[201~");
	term_send(term, "é");
	term_wait_text(term, "said é", SOON_MS);
	term_mouse(term, 0, 7, 3);
	term_wait_text(term, "said mouse 3 7", SOON_MS);
	size_t mark = term_bytes(term);
	term_send(term, "c");
	term_wait_text(term, "said c", SOON_MS);
	term_send(term, "d");
	term_wait_text(term, "said d", SOON_MS);
	assert_true(term_raw_contains(term, mark, "\033]52;c;aGVsbG8=\033\\", 17));
	stop(term);
}

static void test_small_changes_cost_few_bytes(void **state)
{
	(void)state;
	struct term *term = start("keys", NULL);
	term_wait_text(term, "said nothing", SOON_MS);
	/* A change that is seen comes after the whole first frame. */
	term_send(term, "w");
	term_wait_text(term, "said w", SOON_MS);
	size_t mark = term_bytes(term);
	term_send(term, "x");
	term_wait_text(term, "said x", SOON_MS);
	assert_true(term_bytes(term) - mark < 60);
	stop(term);
}

static void test_resizing(void **state)
{
	(void)state;
	static const int sizes[][2] = {{1, 1}, {60, 200}, {5, 20}, {2, 3}, {24, 80}};
	struct term *term = start("keys", NULL);
	term_wait_text(term, "size 80x24", SOON_MS);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char text[32];
		term_resize(term, sizes[i][0], sizes[i][1]);
		snprintf(text, sizeof(text), "size %dx%d", sizes[i][1], sizes[i][0]);
		text[sizes[i][1] < (int)strlen(text) ? (size_t)sizes[i][1] : strlen(text)] = '\0';
		term_wait_text(term, text, SOON_MS);
	}
	term_wait_text(term, "size 80x24", SOON_MS);
	stop(term);
}

static void test_suspend_and_resume(void **state)
{
	(void)state;
	struct term *term = start("keys", NULL);
	term_wait_text(term, "said nothing", SOON_MS);
	term_send(term, "\032");
	assert_true(term_wait_stopped(term, SOON_MS));
	assert_true(term_wait_left(term, SOON_MS));
	term_continue(term);
	term_wait_text(term, "said ctrl-z", SOON_MS);
	assert_true(term_mode(term).alt_screen);
	assert_int_equal(term_mode(term).mouse, 1);
	term_send(term, "x");
	term_wait_text(term, "said x", SOON_MS);
	stop(term);
}

static void test_a_terminal_that_takes_nothing_does_not_stop_us(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = start("flood", NULL);
	term_wait_text(term, "said nothing", SOON_MS);
	term_drain(term, false);
	term_settle(term, 100, 300);
	term_signal(term, SIGTERM);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 0);
	assert_true(end.tty_restored);
	term_free(term);
}

static void test_a_terminal_that_goes_away_ends_us(void **state)
{
	(void)state;
	struct term_exit end;
	struct term *term = start("keys", NULL);
	term_wait_text(term, "said nothing", SOON_MS);
	term_hang_up(term);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	term_free(term);
}

static void test_no_terminal_is_explained(void **state)
{
	(void)state;
	static const char *const dumb[] = {"TERM=dumb", NULL};
	static const char *const unknown[] = {"TERM=nonesuch", NULL};
	struct term_exit end;
	struct term *term = start("keys", dumb);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	assert_int_equal(end.code, 2);
	term_wait_text(term, "dbatop once", SOON_MS);
	term_free(term);
	term = start("keys", unknown);
	assert_true(term_wait_exit(term, SOON_MS, &end));
	/* ncurses keeps what a failed newterm allocated; a leak checker then ends the program its own way. */
	assert_int_not_equal(end.code, 0);
	term_wait_text(term, "nonesuch", SOON_MS);
	assert_true(end.tty_restored);
	term_free(term);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_colours_at_every_depth),
	        cmocka_unit_test(test_keys_arrive),
	        cmocka_unit_test(test_small_changes_cost_few_bytes),
	        cmocka_unit_test(test_resizing),
	        cmocka_unit_test(test_suspend_and_resume),
	        cmocka_unit_test(test_a_terminal_that_takes_nothing_does_not_stop_us),
	        cmocka_unit_test(test_a_terminal_that_goes_away_ends_us),
	        cmocka_unit_test(test_no_terminal_is_explained),
	};
	setlocale(LC_CTYPE, "");
	if (argc > 1)
		return run(strcmp(argv[1], "flood") == 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
