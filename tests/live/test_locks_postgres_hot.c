/* One row that 900 sessions want: the whole queue, one root, and who goes on when that is ended. What the
 * look cost the server is printed, not judged. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "core/model/locks.h"
#include "tests/support/drive.h"
#include "tests/support/lock_crowd.h"
#include "tests/support/lock_pile.h"
#include "tests/support/wait.h"

enum { WAITERS = 900, PATIENCE_MS = 15000, LOOKS = 5 };

static struct drive drive;
static struct lab_server server;

/* Without a long deadlock_timeout each of the 900 walks the whole queue after a second, holding the lock
 * table: for a moment the server answers nobody. */
static int setup(void **state)
{
	static const char *const settings[] = {"max_connections=1200", "deadlock_timeout=10min", NULL};
	(void)state;
	drive_start(&drive, &postgres_driver);
	server = lab_spawn("pg15", "lockshot15", settings);
	crowd_trust(&server);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_remove(server.name);
	drive_stop(&drive);
	return 0;
}

static bool one_went_on(void *arg)
{
	return pile_waiting(arg) == WAITERS - 1;
}

static void check(const struct lock_graph *g, const struct lock_pile *p)
{
	struct lock_frees frees;
	assert_non_null(g->grouped);
	assert_string_equal(g->grouped, "grouped: 900 waiters in 2 groups");
	assert_int_equal(g->counts.waiters, WAITERS);
	assert_int_equal(g->counts.circles, 0);
	assert_int_equal(g->nroots, 1);
	const struct lock_node *root = &g->nodes[g->roots[0]];
	assert_int_equal(root->id, PQbackendPID(p->conn[0]));
	assert_int_equal(root->behind, WAITERS);
	for (int i = 1; i <= WAITERS; i++) {
		const struct lock_node *n = locks_find(g, PQbackendPID(p->conn[i]), NULL);
		assert_non_null(n);
		assert_true(n->blocked && n->waits_in != LOCK_NONE);
	}
	locks_release(g, g->roots, 1, REMEDY_TERMINATE, &frees);
	assert_int_equal(frees.now, 1);
	assert_int_equal(frees.later, WAITERS - 1);
	assert_int_equal(g->move.n, 1);
	assert_int_equal(g->move.action[0].node, g->roots[0]);
}

static void test_nine_hundred_wait_for_one_row(void **state)
{
	(void)state;
	struct lock_pile pile;
	struct lock_graph graph = {.nnodes = 0};
	struct endpoint ep;
	struct arena *arena = arena_new();
	char sql[64];
	pile_build(&pile, &server, 1, WAITERS);
	struct conn *c = drive_open(&drive, &server, "nobody", LANE_FAST, &ep);
	int64_t backend = drive.driver->info(c)->self.id;
	struct table *t = drive_table(&drive, c, "locks", 0, arena);
	int64_t cpu = pile_cpu_ns(backend);
	for (int i = 0; i < LOOKS; i++)
		t = drive_table(&drive, c, "locks", 0, arena);
	print_message("%zu rows, %.1f ms of the server's CPU a look\n", t->nrows,
	        (double)(pile_cpu_ns(backend) - cpu) / LOOKS / 1e6);
	/* One row for each who waits, the holders of the row and of the tuple, the note. */
	assert_int_equal(t->nrows, WAITERS + 3);
	locks_build(&graph, t, ENGINE_POSTGRES, NULL, false, arena);
	check(&graph, &pile);

	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", PQbackendPID(pile.conn[0]));
	PQclear(PQexec(pile.control, sql));
	assert_true(wait_until(one_went_on, &pile, PATIENCE_MS));
	drive.driver->close(c);
	endpoint_free(&ep);
	arena_free(arena);
	pile_end(&pile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_nine_hundred_wait_for_one_row),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
