/* What the real views cost: new data to a view's state, state to surface, a key. CPU time of this thread. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
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

static void report(const char *what, int64_t *ns)
{
	qsort(ns, ROUNDS, sizeof *ns, compare);
	int half = ROUNDS / 2, most = ROUNDS * 99 / 100;
	printf("  %-40s median %8.3f ms   p99 %8.3f ms\n", what, (double)ns[half] / 1e6,
	        (double)ns[most] / 1e6);
}

/* Snapshot times differ, samples do not: what a view itself does with new data. */
static void bench(const struct view *view, int instances, int sessions, bool idle, const char *filter)
{
	struct fixture *f = fixture_new();
	struct viewer v;
	int64_t ns[ROUNDS];
	scene_many(f, instances, sessions);
	viewer_open(&v, view, f, 200, 60, false);
	if (idle)
		viewer_key(&v, CMD_IDLE);
	if (filter)
		viewer_arg(&v, CMD_FILTER, filter);
	printf("%s, %d x %d sessions, 200x60%s%s%s\n", view->name, instances, sessions,
	        idle ? ", idle shown" : "", filter ? ", filter " : "", filter ? filter : "");
	viewer_draw(&v);
	for (int i = 0; i < ROUNDS; i++) {
		fixture_advance(f, 1);
		int64_t from = cpu_ns();
		view->update(v.state, &v.in);
		ns[i] = cpu_ns() - from;
	}
	report("new data -> state", ns);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t from = cpu_ns();
		view->render(v.state, &v.in, v.surface);
		ns[i] = cpu_ns() - from;
	}
	report("state -> surface", ns);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t from = cpu_ns();
		viewer_key(&v, CMD_DOWN);
		view->render(v.state, &v.in, v.surface);
		ns[i] = cpu_ns() - from;
	}
	report("cursor down -> surface", ns);
	viewer_close(&v);
	fixture_free(f);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	bench(&sessions_view, 1, 1000, true, NULL);
	bench(&sessions_view, 20, 1000, false, NULL);
	bench(&sessions_view, 20, 1000, true, NULL);
	bench(&sessions_view, 20, 1000, true, "app:checkout age:>5s !batch");
	bench(&fleet_view, 20, 1000, false, NULL);
	bench(&fleet_view, 200, 0, false, NULL);
	return 0;
}
