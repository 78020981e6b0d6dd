/* What the real views cost: new data to a view's state, state to surface, a key. CPU time of this thread.
 * `bench_views callgrind` takes each step of the largest list once, for counting instructions:
 * valgrind --tool=callgrind --toggle-collect=act_letter bench_views callgrind */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "views/fleet.h"
#include "views/sessions.h"

enum { ROUNDS = 200 };

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void report(const char *what, int64_t *ns, int rounds)
{
	qsort(ns, (size_t)rounds, sizeof *ns, compare);
	int half = rounds / 2, most = rounds * 99 / 100;
	printf("  %-40s median %8.3f ms   p99 %8.3f ms\n", what, (double)ns[half] / 1e6,
	        (double)ns[most] / 1e6);
}

struct bench {
	struct fixture *fixture;
	struct viewer viewer;
	int instances, sessions, round;
};

static void prepare_nothing(struct bench *b)
{
	b->round++;
}

/* Twenty that are asked every second, painted every 100 ms: two have answered since. */
static void prepare_samples(struct bench *b)
{
	fixture_advance(b->fixture, 100);
	for (int i = 0; i < 2; i++)
		scene_many_again(b->fixture, (size_t)(b->round++ % b->instances), b->sessions);
}

static void act_samples(struct bench *b)
{
	viewer_update(&b->viewer);
}

/* Snapshot times differ, samples do not: what a view itself does with new data. */
static void prepare_data(struct bench *b)
{
	fixture_advance(b->fixture, 1);
}

static void act_data(struct bench *b)
{
	b->viewer.view->update(b->viewer.state, &b->viewer.in);
}

static void act_draw(struct bench *b)
{
	b->viewer.view->render(b->viewer.state, &b->viewer.in, b->viewer.surface);
}

static void act_key(struct bench *b)
{
	viewer_key(&b->viewer, CMD_DOWN);
	act_draw(b);
}

static void prepare_letter(struct bench *b)
{
	b->round++;
	viewer_arg(&b->viewer, CMD_FILTER, "");
}

static void act_letter(struct bench *b)
{
	const char letter[2] = {(char)('A' + b->round % 26), '\0'};
	viewer_arg(&b->viewer, CMD_FILTER, letter);
	act_draw(b);
}

static const struct {
	const char *name;
	void (*prepare)(struct bench *b);
	void (*act)(struct bench *b);
} steps[] = {
        {"answers of two instances -> state", prepare_samples, act_samples},
        {"new time, same answers -> state", prepare_data, act_data},
        {"state -> surface", prepare_nothing, act_draw},
        {"cursor down -> surface", prepare_nothing, act_key},
        {"letter typed into the filter -> surface", prepare_letter, act_letter},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void bench(
        const struct view *view, int instances, int sessions, bool idle, const char *filter, int rounds)
{
	struct bench b = {.fixture = fixture_new(), .instances = instances, .sessions = sessions};
	int64_t ns[ROUNDS];
	scene_many(b.fixture, instances, sessions);
	viewer_open(&b.viewer, view, b.fixture, 200, 60, false);
	if (idle)
		viewer_key(&b.viewer, CMD_IDLE);
	if (filter)
		viewer_arg(&b.viewer, CMD_FILTER, filter);
	printf("%s, %d x %d sessions, 200x60%s%s%s\n", view->name, instances, sessions,
	        idle ? ", idle shown" : "", filter ? ", filter " : "", filter ? filter : "");
	viewer_draw(&b.viewer);
	for (size_t step = 0; step < STEPS; step++) {
		for (int i = 0; i < rounds; i++) {
			steps[step].prepare(&b);
			int64_t from = cpu_ns();
			steps[step].act(&b);
			ns[i] = cpu_ns() - from;
		}
		report(steps[step].name, ns, rounds);
	}
	viewer_close(&b.viewer);
	fixture_free(b.fixture);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	if (argc > 1 && strcmp(argv[1], "callgrind") == 0) {
		bench(&sessions_view, 20, 1000, true, NULL, 1);
		return 0;
	}
	bench(&sessions_view, 1, 1000, true, NULL, ROUNDS);
	bench(&sessions_view, 20, 1000, false, NULL, ROUNDS);
	bench(&sessions_view, 20, 1000, true, NULL, ROUNDS);
	bench(&sessions_view, 20, 1000, true, "app:checkout age:>5s !batch", ROUNDS);
	bench(&fleet_view, 20, 1000, false, NULL, ROUNDS);
	bench(&fleet_view, 200, 0, false, NULL, ROUNDS);
	return 0;
}
