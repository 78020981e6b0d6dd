/* What a frame of the Tree view costs with 10,000 sessions on ten servers, all of their samples new: from
 * rows to sessions, to what they are grouped by, to lines, to the surface. CPU time of this thread.
 * `bench_tree callgrind AXIS` does ten whole frames and nothing else, for counting instructions. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/model/tree.h"
#include "tests/support/scenes.h"
#include "tests/support/viewer.h"
#include "views/tree.h"

enum { ROUNDS = 60, SERVERS = 10, SESSIONS = 1000, WIDTH = 200, HEIGHT = 60, COLUMNS = 13, CELL = 320 };

static const char *const columns[COLUMNS] = {"id", "started", "user", "db", "app", "client", "kind", "state",
        "wait_type", "wait", "xact_ms", "state_ms", "query"};

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Statements of two hundred bytes, each with literals of its own; forty kinds of them from twelve
 * applications on thirty hosts. */
static void fill(struct fixture *f, size_t server, int round)
{
	char(*text)[CELL] = xcalloc((size_t)SESSIONS * COLUMNS, CELL);
	const char **cells = xcalloc((size_t)SESSIONS * COLUMNS, sizeof(*cells));
	for (int i = 0; i < SESSIONS; i++) {
		char(*t)[CELL] = &text[i * COLUMNS];
		bool active = i % 10 == 0;
		snprintf(t[0], CELL, "%d", 1000 + i);
		snprintf(t[1], CELL, "2026-11-22 13:%02d:%02d.%06d+00", i / 60 % 60, i % 60, i);
		snprintf(t[2], CELL, "user%d", i % 7);
		snprintf(t[3], CELL, "orders");
		snprintf(t[4], CELL, "application-%d", i % 12);
		snprintf(t[5], CELL, "10.0.%d.%d:%d", i % 3, i % 10, 30000 + i);
		snprintf(t[6], CELL, "client");
		snprintf(t[7], CELL, "%s", active ? "active" : i % 3 == 0 ? "idle in transaction" : "idle");
		snprintf(t[8], CELL, "%s", active ? "IO" : "Client");
		snprintf(t[9], CELL, "%s", active ? "DataFileRead" : "ClientRead");
		snprintf(t[10], CELL, "%d", 100 + i);
		snprintf(t[11], CELL, "%d", 100 + i + round);
		snprintf(t[12], CELL,
		        "SELECT o.id, o.total, c.name FROM orders_%d o JOIN customers c ON c.id = "
		        "o.customer_id WHERE "
		        "o.state = 'open-%d' AND o.created_at > now() - interval '%d days' AND o.id IN (%d, "
		        "%d, %d) "
		        "ORDER BY o.created_at DESC LIMIT 50",
		        i % 40, i + round, i % 30, i, i + 1, round);
		for (int c = 0; c < COLUMNS; c++)
			cells[i * COLUMNS + c] = t[c];
	}
	fixture_cells(f, server, "sessions", columns, COLUMNS, cells, SESSIONS);
	free(cells);
	free(text);
}

enum part { PART_SESSIONS, PART_MEMORY, PART_LINES, PART_SURFACE, PART_WHOLE, PARTS };

static int compare(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;
	return (*x > *y) - (*x < *y);
}

/* One frame after another, each with new samples of every server. */
static void frames(const char *axis, int rounds, int64_t ns[PARTS][ROUNDS])
{
	struct fixture *f = fixture_new();
	struct viewer v;
	struct sessions *sessions = sessions_new();
	struct tree_memory *memory = tree_memory_new();
	for (int i = 0; i < SERVERS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "pg-%d", i);
		fixture_instance(f, "orders", name, ENGINE_POSTGRES);
	}
	for (size_t i = 0; i < SERVERS; i++)
		fill(f, i, 0);
	viewer_open(&v, &tree_view, f, WIDTH, HEIGHT, false);
	viewer_arg(&v, CMD_AXIS, axis);
	viewer_key(&v, CMD_RIGHT);
	for (int r = 0; r < rounds; r++) {
		fixture_advance(f, 2000);
		for (size_t i = 0; i < SERVERS; i++)
			fill(f, i, r + 1);
		struct findings given = {.sessions = sessions, .tree = memory};
		v.in.snap = fixture_snapshot(f);
		v.in.now = v.in.snap->now;
		v.in.findings = &given;
		int64_t from = cpu_ns();
		sessions_update(sessions, v.in.snap);
		int64_t after_sessions = cpu_ns();
		tree_memory_update(memory, sessions, v.in.snap);
		int64_t after_memory = cpu_ns();
		tree_view.update(v.state, &v.in);
		int64_t after_lines = cpu_ns();
		tree_view.render(v.state, &v.in, v.surface);
		int64_t end = cpu_ns();
		const int64_t took[PARTS] = {after_sessions - from, after_memory - after_sessions,
		        after_lines - after_memory, end - after_lines, end - from};
		for (int p = 0; p < PARTS; p++)
			ns[p][r] = took[p];
	}
	v.in.findings = NULL;
	viewer_close(&v);
	tree_memory_free(memory);
	sessions_free(sessions);
	fixture_free(f);
}

int main(int argc, char **argv)
{
	static const char *const names[PARTS] = {"rows -> sessions", "sessions -> groups, counts",
	        "groups -> lines", "lines -> surface", "a frame, whole"};
	static int64_t ns[PARTS][ROUNDS];
	const int half = ROUNDS / 2, most = ROUNDS * 99 / 100;
	setlocale(LC_CTYPE, "C.UTF-8");
	if (argc > 1 && strcmp(argv[1], "callgrind") == 0) {
		frames(argc > 2 ? argv[2] : "signature", 10, ns);
		return 0;
	}
	for (int axis = 0; axis < TREE_AXES; axis++) {
		frames(tree_axis_name((enum tree_axis)axis), ROUNDS, ns);
		printf("tree by %s, %d x %d sessions, all new, %dx%d\n", tree_axis_name((enum tree_axis)axis),
		        SERVERS, SESSIONS, WIDTH, HEIGHT);
		for (int p = 0; p < PARTS; p++) {
			qsort(ns[p], ROUNDS, sizeof(ns[p][0]), compare);
			printf("  %-30s median %8.3f ms   p99 %8.3f ms\n", names[p],
			        (double)ns[p][half] / 1e6, (double)ns[p][most] / 1e6);
		}
	}
	return 0;
}
