/* What one frame costs: 1,000 sessions on 200×60, from new data to the view's state, from there to the
 * surface, and from the surface to bytes on a terminal. `bench_frame callgrind` does each step once in a loop
 * of its own, for counting instructions. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/stage.h"
#include "tui/shell.h"

enum { WIDTH = 200, HEIGHT = 60, ROWS = 1000, ROUNDS = 400 };

struct bench {
	struct stage stage;
	struct shell *sh;
	struct surface *surface;
	struct terminal *terminal;
	struct theme theme;
	int master;
	size_t bytes;
};

/* Time of this thread: the machine has other things to do. */
static int64_t cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A pty whose other end we read ourselves: bytes are counted, time is taken of our side only. */
static void open_pty(struct bench *b)
{
	struct winsize size = {.ws_col = WIDTH, .ws_row = HEIGHT};
	struct err e = {.code = ERR_NONE};
	b->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (b->master < 0 || grantpt(b->master) != 0 || unlockpt(b->master) != 0)
		abort();
	int slave = open(ptsname(b->master), O_RDWR | O_NOCTTY);
	ioctl(b->master, TIOCSWINSZ, &size);
	struct terminal_options opt = {.in_fd = slave,
	        .out_fd = slave,
	        .term = "xterm-256color",
	        .colorterm = "truecolor",
	        .theme = &b->theme};
	if (!terminal_open(&opt, &b->terminal, &e)) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	int width = 0;
	int height = 0;
	terminal_size(b->terminal, &width, &height);
}

static void drain(struct bench *b)
{
	char bytes[65536];
	for (ssize_t n; (n = read(b->master, bytes, sizeof(bytes))) > 0;)
		b->bytes += (size_t)n;
}

/* Paints and flushes until all is out; the reading side is not counted. */
static int64_t paint(struct bench *b)
{
	int64_t from = cpu_us();
	terminal_paint(b->terminal, b->surface);
	int64_t spent = cpu_us() - from;
	drain(b);
	while (terminal_pending(b->terminal)) {
		from = cpu_us();
		terminal_flush(b->terminal);
		spent += cpu_us() - from;
		drain(b);
	}
	drain(b);
	return spent;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void report(const char *what, int64_t *us, size_t n, size_t bytes)
{
	qsort(us, n, sizeof(*us), compare);
	printf("%-44s median %6lld us   p99 %6lld us", what, (long long)us[n / 2],
	        (long long)us[n * 99 / 100]);
	if (bytes > 0)
		printf("   %7zu bytes", bytes);
	printf("\n");
}

enum step { STEP_DATA, STEP_DRAW, STEP_FULL, STEP_TICK, STEP_KEY, STEPS };

/* One round of a step; the time of what the step is about. */
static int64_t round_of(struct bench *b, enum step step)
{
	static unsigned round;
	int64_t from = cpu_us();
	switch (step) {
	case STEP_DATA:
		manual_clock_advance(&b->stage.clock, 1000);
		fixture_advance(b->stage.fixture, 1000);
		stage_sessions(&b->stage, ROWS);
		from = cpu_us();
		shell_data(b->sh);
		return cpu_us() - from;
	case STEP_DRAW:
		shell_draw(b->sh, b->surface);
		return cpu_us() - from;
	case STEP_FULL:
		shell_draw(b->sh, b->surface);
		terminal_repaint(b->terminal);
		return paint(b);
	case STEP_TICK:
		/* A second passes: every row's ages are others. */
		stage_advance(&b->stage, b->sh, 1000);
		shell_draw(b->sh, b->surface);
		for (int y = 6; y < HEIGHT - 3; y++) {
			surface_printf(b->surface, 60, y, 5, STYLE_TEXT, "%us", round % 997 + (unsigned)y);
			surface_printf(b->surface, 90, y, 5, STYLE_TEXT, "%us", round % 991 + (unsigned)y);
		}
		round++;
		return paint(b);
	case STEP_KEY:
		stage_type(b->sh, "j");
		shell_draw(b->sh, b->surface);
		return paint(b);
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	static const char *const names[STEPS] = {"new data -> findings, view's state", "state -> surface",
	        "surface -> bytes, every cell", "surface -> bytes, a tick", "surface -> bytes, cursor down"};
	struct bench b = {.bytes = 0};
	bool counting = argc > 1 && strcmp(argv[1], "callgrind") == 0;
	int64_t us[ROUNDS];
	setlocale(LC_CTYPE, "C.UTF-8");
	theme_load("dark", &b.theme, NULL);
	stage_begin(&b.stage, ROWS);
	b.stage.options.views = views; /* the real Sessions */
	b.sh = stage_shell(&b.stage);
	b.surface = surface_new(WIDTH, HEIGHT, false);
	open_pty(&b);
	shell_draw(b.sh, b.surface);
	paint(&b);
	printf("one frame, %d sessions, %dx%d, CPU time\n", ROWS, WIDTH, HEIGHT);
	for (int step = 0; step < STEPS; step++) {
		size_t rounds = counting ? 1 : ROUNDS;
		for (size_t i = 0; i < rounds / 10; i++)
			round_of(&b, (enum step)step);
		b.bytes = 0;
		for (size_t i = 0; i < rounds; i++)
			us[i] = round_of(&b, (enum step)step);
		report(names[step], us, rounds, b.bytes / rounds);
	}
	terminal_close(b.terminal);
	close(b.master);
	surface_free(b.surface);
	shell_free(b.sh);
	stage_end(&b.stage);
	return 0;
}
