/* The blocking graph in the scenes that break tools: hot rows, convoys, several holders, circles, those who
 * name themselves, prepared transactions, holders nobody shows, workers, missing privileges; and what the
 * best move is. Random scenes are in test_locks_random.c. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/model/locks.h"
#include "core/model/locks_parts.h"
#include "tests/support/fixture.h"

struct scene {
	struct fixture *f;
	struct sessions *sessions;
	struct locks *locks;
	const struct lock_graph *g;
};

static void look(struct scene *sc)
{
	sessions_update(sc->sessions, fixture_snapshot(sc->f));
	locks_update(sc->locks, fixture_snapshot(sc->f), sc->sessions);
	sc->g = locks_at(sc->locks, 0);
}

static struct scene scene_of(enum engine engine, const char *sessions, const char *locks)
{
	struct scene sc = {.f = fixture_new(), .sessions = sessions_new(), .locks = locks_new()};
	fixture_instance(sc.f, "orders", "orders-1", engine);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n1");
	if (locks != NULL)
		fixture_table(sc.f, 0, "locks", locks);
	if (sessions != NULL)
		fixture_table(sc.f, 0, "sessions", sessions);
	look(&sc);
	return sc;
}

static struct scene scene(const char *sessions, const char *locks)
{
	return scene_of(ENGINE_POSTGRES, sessions, locks);
}

static void end(struct scene *sc)
{
	locks_free(sc->locks);
	sessions_free(sc->sessions);
	fixture_free(sc->f);
}

static const struct lock_node *get(const struct scene *sc, int64_t id)
{
	const struct lock_node *n = locks_find(sc->g, id, NULL);
	if (n == NULL)
		fail_msg("%d is not in the graph", (int)id);
	return n;
}

static int64_t parent_of(const struct scene *sc, int64_t id)
{
	uint32_t parent = get(sc, id)->parent;
	return parent == LOCK_NONE ? -99 : sc->g->nodes[parent].id;
}

/* "cancel 5120: frees 6 now; terminate 4711: frees 1 now" */
static void move_is(const struct scene *sc, const char *expect)
{
	static const char *const words[] = {"nothing for", "cancel", "terminate", "copy for"};
	struct buf b;
	buf_init(&b, 8192);
	for (size_t i = 0; i < sc->g->move.n; i++) {
		const struct lock_action *a = &sc->g->move.action[i];
		buf_printf(&b, "%s%s ", i == 0 ? "" : "; ", words[a->remedy]);
		locks_node_text(sc->g, a->node, &b);
		buf_puts(&b, ": ");
		locks_frees_text(sc->g, &a->then, &b);
	}
	assert_string_equal(buf_str(&b), expect);
	buf_free(&b);
}

static void frees(const struct scene *sc, int64_t id, enum lock_remedy remedy, const char *expect)
{
	struct lock_frees f;
	uint32_t node = (uint32_t)(get(sc, id) - sc->g->nodes);
	struct buf b;
	buf_init(&b, 1024);
	locks_release(sc->g, &node, 1, remedy, &f);
	locks_frees_text(sc->g, &f, &b);
	assert_string_equal(buf_str(&b), expect);
	buf_free(&b);
}

/* The screen of UX.md: an idle transaction holds a row, and a queued ALTER holds up the readers. */
static const char mockup_sessions[] =
        "id   | app      | kind   | state               | xact_ms | query\n"
        "4711 | checkout | client | idle in transaction | 192000  | UPDATE stock SET qty = 1\n"
        "4802 | checkout | client | active              | 178000  | UPDATE stock SET qty = 2\n"
        "4903 | report   | client | active              | 100000  | SELECT 1 FROM stock FOR UPDATE\n"
        "5120 | migrate  | client | active              | 161000  | ALTER TABLE stock ADD c int\n"
        "5201 | reader   | client | active              | 160000  | SELECT 1 FROM stock\n"
        "5202 | reader   | client | active              | 150000  | SELECT 1 FROM stock\n";
static const char mockup_locks[] =
        "queue | kind        | object       | id   | held | place | mode                | waiting_ms\n"
        "x 901 | transaction | public.stock | 4711 | t    |       | ExclusiveLock       |\n"
        "x 901 | transaction | public.stock | 4802 | f    | 0     | ShareLock           | 178000\n"
        "t 1 7 | tuple       | public.stock | 4802 | t    |       | ExclusiveLock       |\n"
        "t 1 7 | tuple       | public.stock | 4903 | f    | 0     | AccessExclusiveLock | 100000\n"
        "r 1   | relation    | public.stock | 4711 | t    |       | RowExclusiveLock    |\n"
        "r 1   | relation    | public.stock | 4802 | t    |       | RowExclusiveLock    |\n"
        "r 1   | relation    | public.stock | 4903 | t    |       | RowShareLock        |\n"
        "r 1   | relation    | public.stock | 5120 | f    | 0     | AccessExclusiveLock | 161000\n"
        "r 1   | relation    | public.stock | 5201 | f    | 1     | AccessShareLock     | 160000\n"
        "r 1   | relation    | public.stock | 5202 | f    | 2     | AccessShareLock     | 150000\n";

static void test_the_scene_of_the_mockup(void **state)
{
	(void)state;
	struct scene sc = scene(mockup_sessions, mockup_locks);
	assert_int_equal(sc.g->counts.waiters, 5);
	assert_int_equal(sc.g->counts.roots, 1);
	assert_int_equal(sc.g->counts.longest_ms, 178000);
	assert_int_equal(parent_of(&sc, 4711), -99);
	assert_int_equal(parent_of(&sc, 4802), 4711);
	assert_int_equal(parent_of(&sc, 4903), 4802);
	assert_int_equal(parent_of(&sc, 5120), 4711);
	assert_int_equal(parent_of(&sc, 5201), 5120);
	assert_true(get(&sc, 5120)->convoy);
	assert_false(get(&sc, 5201)->convoy);
	assert_true(get(&sc, 5201)->soft);
	assert_false(get(&sc, 4802)->soft);
	assert_int_equal(get(&sc, 4711)->behind, 5);
	assert_int_equal(get(&sc, 5120)->behind, 2);
	assert_int_equal(get(&sc, 4711)->remedy, REMEDY_TERMINATE);
	assert_int_equal(get(&sc, 5120)->remedy, REMEDY_CANCEL);
	assert_true(sc.g->move.exact);
	assert_int_equal(sc.g->move.stuck, 0);
	move_is(&sc, "cancel 5120: frees 2 now; "
	             "terminate 4711: frees 1 now, 1 later (behind 4802, which then takes the lock)");
	frees(&sc, 4711, REMEDY_TERMINATE, "frees 1 now, 4 later (behind 4802, which then takes the lock)");
	frees(&sc, 5120, REMEDY_CANCEL, "frees 2 now");
	/* The tuple lock goes to the next one, who then waits for the row itself. */
	frees(&sc, 4802, REMEDY_CANCEL, "frees nobody");
	assert_int_equal(sc.g->nodes[sc.g->move.cancel.node].id, 5120);
	assert_int_equal(sc.g->move.cancel.alone.now, 2);
	end(&sc);
}

/* The article's massacre: 300 readers, a queued ALTER, a row holder. Two actions are enough. */
static void test_a_convoy_behind_many_readers(void **state)
{
	(void)state;
	static char locks[65536];
	size_t n = (size_t)snprintf(locks, sizeof locks, "queue | kind | id | held | mode | waiting_ms\n");
	for (int i = 0; i < 300; i++)
		n += (size_t)snprintf(
		        locks + n, sizeof locks - n, "r|relation|%d|t|AccessShareLock|\n", 1000 + i);
	n += (size_t)snprintf(locks + n, sizeof locks - n, "r|relation|5120|f|AccessExclusiveLock|9000\n");
	for (int i = 0; i < 50; i++)
		n += (size_t)snprintf(
		        locks + n, sizeof locks - n, "r|relation|%d|f|AccessShareLock|5000\n", 6000 + i);
	struct scene sc = scene(NULL, locks);
	assert_int_equal(sc.g->counts.waiters, 51);
	assert_int_equal(sc.g->counts.roots, 300);
	assert_false(sc.g->move.exact);
	move_is(&sc, "cancel 5120: frees 50 now");
	end(&sc);
}

static void test_a_hot_row_is_one_queue(void **state)
{
	(void)state;
	static char locks[131072];
	size_t n = (size_t)snprintf(locks, sizeof locks,
	        "queue | kind | id | held | mode | waiting_ms\n"
	        "k|row|7|t|X,REC_NOT_GAP|\n");
	for (int i = 0; i < 900; i++)
		n += (size_t)snprintf(
		        locks + n, sizeof locks - n, "k|row|%d|f|X,REC_NOT_GAP|%d\n", 1000 + i, 90000 - i);
	struct scene sc = scene_of(ENGINE_MYSQL, NULL, locks);
	assert_int_equal(sc.g->nentries, 901);
	assert_int_equal(sc.g->counts.waiters, 900);
	assert_int_equal(get(&sc, 7)->behind, 900);
	assert_int_equal(parent_of(&sc, 1899), 7);
	struct lock_edge edges[4];
	assert_int_equal(locks_blockers(sc.g, get(&sc, 1899)->waits_in, edges, 4) >= 4, true);
	assert_int_equal(sc.g->nodes[edges[0].blocker].id, 7);
	/* A cancel would leave the transaction its row. */
	move_is(&sc, "terminate 7: frees 1 now, 899 later (behind 1000, which then takes the lock)");
	end(&sc);
}

/* InnoDB of MySQL lets in whoever fits; MariaDB in turn. */
static void test_shared_requests_pass_by_in_mysql_only(void **state)
{
	(void)state;
	static const char locks[] = "queue | kind | id | held | mode | waiting_ms\n"
	                            "k | row | 1 | t | X |\n"
	                            "k | row | 2 | f | S | 9000\n"
	                            "k | row | 3 | f | X | 8000\n"
	                            "k | row | 4 | f | S | 7000\n";
	struct scene sc = scene_of(ENGINE_MYSQL, NULL, locks);
	frees(&sc, 1, REMEDY_TERMINATE, "frees 2 now, 1 later (behind 2, which then takes the lock)");
	end(&sc);
	sc = scene_of(ENGINE_MARIADB, NULL, locks);
	frees(&sc, 1, REMEDY_TERMINATE, "frees 1 now, 2 later (behind 2, which then takes the lock)");
	end(&sc);
}

static void test_a_circle_has_a_root_and_ends(void **state)
{
	(void)state;
	struct scene sc = scene(NULL, "queue | kind        | id | held | mode          | waiting_ms\n"
	                              "a     | transaction | 1  | t    | ExclusiveLock |\n"
	                              "a     | transaction | 2  | f    | ShareLock     | 900\n"
	                              "b     | transaction | 2  | t    | ExclusiveLock |\n"
	                              "b     | transaction | 1  | f    | ShareLock     | 800\n"
	                              "b     | transaction | 3  | f    | ShareLock     | 700\n");
	assert_int_equal(sc.g->counts.waiters, 3);
	assert_int_equal(sc.g->counts.circles, 1);
	assert_true(get(&sc, 1)->circle);
	assert_int_equal(parent_of(&sc, 2), 1);
	assert_int_equal(parent_of(&sc, 3), 2);
	assert_int_equal(sc.g->move.n, 1);
	assert_int_equal(sc.g->move.stuck, 0);
	end(&sc);
}

static void test_who_names_itself_waits_for_nobody(void **state)
{
	(void)state;
	struct scene sc = scene(NULL, "queue | kind   | id | held | mode          | waiting_ms | blockers\n"
	                              "a     | extend | 1  | f    | ExclusiveLock | 900        | 1 1\n"
	                              "a     | extend | 2  | f    | ExclusiveLock | 800        | 2 1 1 2\n");
	assert_int_equal(sc.g->counts.waiters, 1);
	assert_int_equal(parent_of(&sc, 2), 1);
	assert_int_equal(get(&sc, 1)->blocked, false);
	end(&sc);
}

/* What the server says outweighs the modes: nothing is added, nothing left out. */
static void test_named_blockers_are_the_edges(void **state)
{
	(void)state;
	struct scene sc =
	        scene(NULL, "queue | kind     | id | held | mode             | waiting_ms | blockers\n"
	                    "r     | relation | 1  | t    | AccessShareLock  |            |\n"
	                    "r     | relation | 2  | t    | RowExclusiveLock |            |\n"
	                    "r     | relation | 3  | f    | ShareLock        | 900        | 2 77\n"
	                    "r     | relation | 4  | f    | ShareLock        | 800        |\n"
	                    "r     | relation | 5  | f    | RowExclusiveLock | 700        |\n");
	struct lock_edge e[8];
	assert_int_equal(locks_blockers(sc.g, get(&sc, 3)->waits_in, e, 8), 2);
	/* One of the same mode waits for the unseen holder too, one of another mode does not. */
	assert_int_equal(locks_blockers(sc.g, get(&sc, 4)->waits_in, e, 8), 2);
	assert_int_equal(locks_blockers(sc.g, get(&sc, 5)->waits_in, e, 8), 2);
	assert_true(e[0].soft);
	assert_int_equal(get(&sc, 77)->kind, SESSION_UNSEEN);
	assert_int_equal(get(&sc, 77)->remedy, REMEDY_CANCEL);
	assert_int_equal(sc.g->counts.roots, 2);
	end(&sc);
}

/* The server says 0 for any of them: the one in the way is that whose mode conflicts. */
static void test_of_two_prepared_one_is_in_the_way(void **state)
{
	(void)state;
	struct scene sc = scene(NULL,
	        "queue | kind     | id   | gid    | held | mode             | waiting_ms | blockers\n"
	        "t     | relation | 0    | reader | t    | AccessShareLock  |            |\n"
	        "t     | relation | 0    | loader | t    | ShareLock        |            |\n"
	        "t     | relation | 4802 |        | f    | RowExclusiveLock | 9000       | 0\n");
	struct lock_edge edges[4];
	assert_int_equal(locks_blockers(sc.g, get(&sc, 4802)->waits_in, edges, 4), 1);
	assert_string_equal(sc.g->nodes[edges[0].blocker].gid, "loader");
	assert_int_equal(sc.g->nroots, 1);
	end(&sc);
}

static void test_a_prepared_transaction_has_a_statement_only(void **state)
{
	(void)state;
	struct scene sc = scene("id | kind | state | query\n2 | client | active | UPDATE t SET a = 1\n",
	        "queue | kind        | id | gid    | held | mode          | waiting_ms | blockers\n"
	        "a     | transaction | 0  | it's 1 | t    | ExclusiveLock |            |\n"
	        "a     | transaction | 2  |        | f    | ShareLock     | 900        | 0\n"
	        "b     | transaction | 0  | other  | t    | ExclusiveLock |            |\n"
	        "b     | transaction | 3  |        | f    | ShareLock     | 900        | 0\n");
	struct buf b;
	buf_init(&b, 256);
	assert_int_equal(sc.g->counts.roots, 2);
	assert_int_equal(parent_of(&sc, 2), 0);
	const struct lock_node *n = locks_find(sc.g, 0, "it's 1");
	assert_non_null(n);
	assert_int_equal(get(&sc, 2)->parent, n - sc.g->nodes);
	assert_int_equal(n->remedy, REMEDY_STATEMENT);
	locks_remedy_statement(sc.g, (uint32_t)(n - sc.g->nodes), &b);
	assert_string_equal(buf_str(&b), "ROLLBACK PREPARED 'it''s 1';");
	assert_int_equal(sc.g->move.n, 2);
	buf_free(&b);
	end(&sc);
}

static void test_protected_sessions_are_no_part_of_it(void **state)
{
	(void)state;
	struct scene sc = scene("id | kind   | state               | superuser\n"
	                        "1  | client | idle in transaction | t\n"
	                        "2  | client | active              | f\n",
	        "queue | kind        | id | held | mode          | waiting_ms\n"
	        "a     | transaction | 1  | t    | ExclusiveLock |\n"
	        "a     | transaction | 2  | f    | ShareLock     | 900\n");
	assert_int_equal(sc.g->move.n, 0);
	assert_int_equal(sc.g->move.stuck, 1);
	assert_int_equal(get(&sc, 1)->remedy, REMEDY_NONE);
	end(&sc);
}

static void test_workers_wait_for_their_leader(void **state)
{
	(void)state;
	struct scene sc = scene("id | kind            | state  | leader\n"
	                        "1  | client          | active |\n"
	                        "2  | client          | active |\n"
	                        "3  | parallel worker | active | 2\n",
	        "queue | kind     | id | held | mode                | waiting_ms\n"
	        "a     | relation | 2  | t    | AccessShareLock     |\n"
	        "a     | relation | 1  | f    | AccessExclusiveLock | 900\n"
	        "a     | relation | 3  | f    | AccessShareLock     | 800\n");
	assert_null(locks_find(sc.g, 3, NULL));
	/* The leader holds, its worker waits behind the one that waits for the leader: a circle. */
	assert_int_equal(sc.g->counts.waiters, 2);
	assert_int_equal(sc.g->counts.circles, 1);
	end(&sc);
}

static void test_who_has_ended_is_left_out(void **state)
{
	(void)state;
	static const char sessions[] = "id | kind   | state\n"
	                               "1  | client | active\n"
	                               "2  | client | idle\n";
	struct scene sc = scene(sessions, "queue | kind     | id | held | mode                | waiting_ms\n"
	                                  "a     | relation | 9  | t    | AccessShareLock     |\n"
	                                  "a     | relation | 1  | f    | AccessExclusiveLock | 100\n"
	                                  "a     | relation | 2  | f    | AccessShareLock     | 100\n");
	/* Read at the same time: it may just have begun. */
	assert_non_null(locks_find(sc.g, 9, NULL));
	fixture_advance(sc.f, 1000);
	fixture_table(sc.f, 0, "sessions", sessions);
	look(&sc);
	assert_null(locks_find(sc.g, 9, NULL));
	assert_null(locks_find(sc.g, 2, NULL));
	assert_int_equal(sc.g->counts.waiters, 0);
	end(&sc);
}

static void test_a_long_wait_has_a_holder(void **state)
{
	(void)state;
	struct scene sc = scene(NULL, "queue | kind  | id | held | mode      | waiting_ms\n"
	                              "a     | relation | 1  | f    | AccessExclusiveLock | 5000\n");
	assert_int_equal(sc.g->counts.waiters, 1);
	assert_int_equal(parent_of(&sc, 1), -1);
	assert_true(get(&sc, 1)->likely);
	end(&sc);
}

static void test_notes_and_nonsense(void **state)
{
	(void)state;
	struct scene sc = scene(NULL, "queue | kind | object | id | held | mode | waiting_ms | blockers\n"
	                              "n | note | grouped: 512 waiters | | t | grouped | |\n"
	                              "n | note | not asked | | t | gate | |\n"
	                              "  | row | | 1 | f | | |\n"
	                              "a | what | | 1 | f | huh | -5 | 7 x 9\n"
	                              "a | what | | 1 | f | huh | -5 | 99999999999999999999\n"
	                              "a | what | | | f | huh | | -1 -1\n"
	                              "a | what | | -7 | f | huh | | \n");
	assert_string_equal(sc.g->grouped, "grouped: 512 waiters");
	assert_string_equal(sc.g->gate, "not asked");
	assert_true(sc.g->nqueues <= 1);
	end(&sc);
	sc = scene(NULL, NULL);
	assert_int_equal(sc.g->nnodes, 0);
	assert_false(sc.g->known);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n0");
	look(&sc);
	end(&sc);
}

static void test_metadata_locks_and_a_queued_alter(void **state)
{
	(void)state;
	struct scene sc = scene_of(ENGINE_MYSQL,
	        "id | kind   | state               | query\n"
	        "1  | client | idle in transaction | SELECT 1 FROM stock\n"
	        "2  | client | active              | ALTER TABLE stock ADD c int\n"
	        "3  | client | active              | SELECT 1 FROM stock\n",
	        "queue | kind     | object    | id | held | place | mode              | waiting_ms\n"
	        "m     | metadata | app.stock | 1  | t    |       | SHARED_READ       |\n"
	        "m     | metadata | app.stock | 2  | t    |       | SHARED_UPGRADABLE |\n"
	        "m     | metadata | app.stock | 2  | f    | 0     | EXCLUSIVE         | 9000\n"
	        "m     | metadata | app.stock | 3  | f    | 1     | SHARED_READ       | 8000\n");
	assert_int_equal(sc.g->counts.roots, 1);
	assert_int_equal(parent_of(&sc, 2), 1);
	assert_int_equal(parent_of(&sc, 3), 2);
	move_is(&sc, "cancel 2: frees 1 now");
	end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_scene_of_the_mockup),
	        cmocka_unit_test(test_a_convoy_behind_many_readers),
	        cmocka_unit_test(test_a_hot_row_is_one_queue),
	        cmocka_unit_test(test_shared_requests_pass_by_in_mysql_only),
	        cmocka_unit_test(test_a_circle_has_a_root_and_ends),
	        cmocka_unit_test(test_who_names_itself_waits_for_nobody),
	        cmocka_unit_test(test_named_blockers_are_the_edges),
	        cmocka_unit_test(test_a_prepared_transaction_has_a_statement_only),
	        cmocka_unit_test(test_of_two_prepared_one_is_in_the_way),
	        cmocka_unit_test(test_protected_sessions_are_no_part_of_it),
	        cmocka_unit_test(test_workers_wait_for_their_leader),
	        cmocka_unit_test(test_who_has_ended_is_left_out),
	        cmocka_unit_test(test_a_long_wait_has_a_holder),
	        cmocka_unit_test(test_notes_and_nonsense),
	        cmocka_unit_test(test_metadata_locks_and_a_queued_alter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
