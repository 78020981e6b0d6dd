/* What the blocking graph and the best move cost for 10,000 waiters, in the shapes in which they come: one
 * hot row, a convoy, twelve roots that share their waiters (the exact search at its largest), hundreds of
 * roots, a chain. Prints a table; asserts nothing. */
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/model/locks.h"
#include "core/model/locks_parts.h"
#include "tests/support/lock_scenes.h"
#include "tests/support/viewer.h"
#include "views/locks.h"

enum { ROUNDS = 10, WAITERS = 10000, COLUMNS = 8 };

static const struct column columns[COLUMNS] = {
        {.name = "queue", .role = ROLE_LABEL},
        {.name = "kind", .role = ROLE_LABEL},
        {.name = "id", .role = ROLE_COUNT},
        {.name = "held", .role = ROLE_BOOL},
        {.name = "place", .role = ROLE_COUNT},
        {.name = "mode", .role = ROLE_LABEL},
        {.name = "waiting_ms", .role = ROLE_DURATION},
        {.name = "blockers", .role = ROLE_LABEL},
};

struct scene {
	struct arena *arena;
	struct table_builder *b;
};

static void put(struct table_builder *b, size_t col, const char *text)
{
	struct err e = {.code = ERR_NONE};
	size_t n = 0;
	while (text[n] != '\0')
		n++;
	table_build_set(b, col, text, n, &e);
}

static void add(struct scene *s, int queue, const char *kind, int id, bool held, const char *mode)
{
	char text[32];
	table_build_row(s->b);
	snprintf(text, sizeof text, "queue %d", queue);
	put(s->b, 0, text);
	put(s->b, 1, kind);
	snprintf(text, sizeof text, "%d", id);
	put(s->b, 2, text);
	put(s->b, 3, held ? "t" : "f");
	put(s->b, 5, mode);
	snprintf(text, sizeof text, "%d", id);
	put(s->b, 4, text);
	snprintf(text, sizeof text, "%d", 100000 - id);
	if (!held)
		put(s->b, 6, text);
}

static void hot_row(struct scene *s)
{
	add(s, 0, "transaction", 1, true, "ExclusiveLock");
	add(s, 0, "transaction", 2, false, "ShareLock");
	add(s, 1, "tuple", 2, true, "ExclusiveLock");
	for (int i = 3; i <= WAITERS; i++)
		add(s, 1, "tuple", i, false, "ExclusiveLock");
}

static void convoy(struct scene *s)
{
	for (int i = 0; i < 300; i++)
		add(s, 0, "relation", 20000 + i, true, "AccessShareLock");
	add(s, 0, "relation", 1, false, "AccessExclusiveLock");
	for (int i = 2; i <= WAITERS; i++)
		add(s, 0, "relation", i, false, "AccessShareLock");
}

/* Each waiter waits for one of `roots`, and some of these for each other. */
static void many_roots(struct scene *s, int roots)
{
	for (int r = 0; r < roots; r++)
		add(s, r, "relation", 20000 + r, true, r % 3 == 0 ? "ShareLock" : "ExclusiveLock");
	for (int r = 0; r < roots; r++)
		add(s, r, "relation", 20000 + (r + 1) % roots, true, "RowShareLock");
	for (int i = 1; i <= WAITERS; i++)
		add(s, i % roots, "relation", i, false,
		        i % 5 == 0 ? "AccessExclusiveLock" : "RowExclusiveLock");
}

static void twelve_roots(struct scene *s)
{
	many_roots(s, 12);
}

static void many(struct scene *s)
{
	many_roots(s, 500);
}

/* In the order that makes it hardest to follow. */
static void chain(struct scene *s)
{
	for (int i = 1; i <= WAITERS; i++) {
		int queue = i * 7919 % WAITERS;
		add(s, queue, "transaction", i, true, "ExclusiveLock");
		add(s, queue, "transaction", i + 1, false, "ShareLock");
	}
}

/* Of the processor: others may use this machine too. */
static mono_ns used(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (mono_ns)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static double ms_since(mono_ns start)
{
	return (double)(used() - start) / (double)NS_PER_MS;
}

static void measure(const char *name, void (*fill)(struct scene *s))
{
	struct scene s = {.arena = arena_new()};
	double total = 0, graph = 0;
	s.b = table_build(s.arena, columns, COLUMNS, 64000);
	fill(&s);
	const struct table *t = table_build_finish(s.b);
	struct lock_graph g = {.nnodes = 0};
	for (int round = 0; round < ROUNDS; round++) {
		struct arena *arena = arena_new();
		g = (struct lock_graph){.engine = ENGINE_POSTGRES};
		mono_ns start = used();
		locks_read(&g, t, false, arena);
		locks_link(&g, arena);
		locks_find_convoys(&g);
		locks_find_remedies(&g);
		graph += ms_since(start);
		locks_find_move(&g);
		total += ms_since(start);
		if (round + 1 < ROUNDS)
			arena_free(arena);
		else
			printf("%-28s %8.2f %8.2f %8" PRIu32 " %8" PRIu32 " %8" PRIu32 " %s\n", name,
			        graph / ROUNDS, total / ROUNDS, g.counts.waiters, g.counts.roots,
			        g.move.total, g.move.exact ? "exact" : "greedy");
		if (round + 1 == ROUNDS)
			arena_free(arena);
	}
	arena_free(s.arena);
}

/* A new sample of 10,000 places, and the screen it becomes. */
static void measure_view(void)
{
	double update = 0, draw = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct fixture *f = fixture_new();
		struct viewer v;
		locks_many(f);
		viewer_open(&v, &locks_view, f, 132, 43, false);
		fixture_advance(f, 1000);
		mono_ns start = used();
		viewer_update(&v);
		update += ms_since(start);
		start = used();
		viewer_draw(&v);
		draw += ms_since(start);
		viewer_close(&v);
		fixture_free(f);
	}
	printf("\nview, 10,000 places behind 40 roots: update %.2f ms, draw %.2f ms\n", update / ROUNDS,
	        draw / ROUNDS);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	printf("%-28s %8s %8s %8s %8s %8s\n", "ms of processor, mean of 10", "graph", "and move", "waiters",
	        "roots", "actions");
	measure("one hot row", hot_row);
	measure("a convoy behind 300", convoy);
	measure("12 roots", twelve_roots);
	measure("500 roots", many);
	measure("a chain", chain);
	measure_view();
	return 0;
}
