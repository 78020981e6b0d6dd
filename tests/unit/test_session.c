/* Who blocks whom, in the scenes that break tools: convoys, circles, self edges, prepared transactions,
 * holders that have gone, workers, hidden sessions; and the default order. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/model/session.h"
#include "tests/support/fixture.h"

/* One PostgreSQL with these tables; the pulse says that somebody waits. */
struct scene {
	struct fixture *f;
	struct sessions *all;
	const struct session_view *v;
};

static void look(struct scene *sc)
{
	sessions_update(sc->all, fixture_snapshot(sc->f));
	sc->v = sessions_at(sc->all, 0);
}

static struct scene scene(const char *sessions, const char *blockers)
{
	struct scene sc = {.f = fixture_new(), .all = sessions_new()};
	fixture_instance(sc.f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n1");
	if (sessions != NULL)
		fixture_table(sc.f, 0, "sessions", sessions);
	if (blockers != NULL)
		fixture_table(sc.f, 0, "blockers", blockers);
	look(&sc);
	return sc;
}

static void end(struct scene *sc)
{
	sessions_free(sc->all);
	fixture_free(sc->f);
}

static const struct session *get(const struct scene *sc, int64_t id)
{
	const struct session *s = session_find(sc->v, id, "");
	if (s == NULL)
		fail_msg("session %d is not there", (int)id);
	return s;
}

static int64_t root_of(const struct scene *sc, int64_t id)
{
	uint32_t root = get(sc, id)->root;
	return root == SESSION_NONE ? -99 : sc->v->sessions[root].id;
}

/* The ids in the default order: "4711 5120 4802". */
static void order_is(const struct scene *sc, const char *expect)
{
	char text[1024] = "";
	const struct session_view *v = sc->v;
	for (size_t i = 0; i < v->n + v->extra; i++) {
		const struct session *s = &v->sessions[v->by_order[i]];
		if (i > 0)
			assert_true(session_compare(v, 0, &v->sessions[v->by_order[i - 1]], v, 0, s) < 0);
		if (s->row != SESSION_NONE)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d",
			        text[0] == '\0' ? "" : " ", (int)s->id);
	}
	assert_string_equal(text, expect);
}

static const char convoy[] = "id   | kind   | state               | wait_type | xact_ms | query_ms\n"
                             "6001 | client | active              | Lock      | 160000  | 160000\n"
                             "6002 | client | active              | Lock      | 150000  | 150000\n"
                             "4711 | client | idle in transaction | Client    | 192000  |\n"
                             "5120 | client | active              | Lock      | 161000  | 161000\n"
                             "4802 | client | active              | Lock      | 178000  | 178000\n"
                             "4903 | client | active              | Lock      | 100000  | 100000\n"
                             "7000 | client | active              | CPU       | 900000  | 10\n"
                             "7001 | client | active              | IO        |         | 5\n"
                             "7002 | client | idle                | Client    |         |\n";

static const char convoy_edges[] = "waiter | blocker | waiting_ms | kind\n"
                                   "4802 | 4711 | 178000 | transactionid\n"
                                   "4903 | 4802 | 100000 | tuple\n"
                                   "4903 | 4711 | 100000 | tuple\n"
                                   "5120 | 4711 | 161000 | relation\n"
                                   "6001 | 5120 | 160000 | relation\n"
                                   "6002 | 5120 | 150000 | relation\n"
                                   "6002 | 5120 | 2      | relation\n";

static void test_a_convoy(void **state)
{
	(void)state;
	struct scene sc = scene(convoy, convoy_edges);
	const struct session *head = get(&sc, 4711);
	assert_true(sc.v->edges_known);
	assert_int_equal(sc.v->nedges, 6);
	assert_int_equal(head->blocks_now, 3);
	assert_int_equal(head->blocks_all, 5);
	assert_int_equal(head->longest_ms, 178000);
	assert_false(head->blocked);
	assert_int_equal(root_of(&sc, 4711), 4711);
	assert_int_equal(root_of(&sc, 6001), 4711);
	assert_int_equal(root_of(&sc, 4903), 4711);
	assert_int_equal(root_of(&sc, 7000), -99);
	assert_int_equal(get(&sc, 5120)->blocks_now, 2);
	assert_int_equal(get(&sc, 5120)->blocks_all, 2);
	assert_int_equal(get(&sc, 6002)->waiting_ms, 150000);
	assert_int_equal(sc.v->sessions[get(&sc, 6002)->blocked_by].id, 5120);
	assert_int_equal(sc.v->counts.roots, 1);
	assert_int_equal(sc.v->counts.blocked, 5);
	assert_int_equal(sc.v->counts.longest_wait_ms, 178000);
	order_is(&sc, "4711 4802 5120 6001 6002 4903 7000 7001 7002");
	end(&sc);
}

static void test_circles_and_self_edges_end(void **state)
{
	(void)state;
	struct scene sc =
	        scene("id | state | wait_type\n1 | active | Lock\n2 | active | Lock\n3 | active | Lock\n"
	              "4 | active | Lock\n5 | active | Lock\n",
	                "waiter | blocker | waiting_ms\n1 | 2 | 10\n2 | 3 | 10\n3 | 1 | 10\n4 | 3 | 10\n5 | "
	                "5 | 10\n");
	for (int id = 1; id <= 4; id++)
		assert_int_equal(root_of(&sc, id), 1);
	assert_int_equal(root_of(&sc, 5), -99);
	assert_false(get(&sc, 5)->blocked);
	assert_true(get(&sc, 5)->waiting);
	assert_int_equal(get(&sc, 1)->blocks_all, 3);
	assert_int_equal(get(&sc, 4)->blocks_all, 0);
	end(&sc);
}

static void test_holders_that_are_no_sessions(void **state)
{
	(void)state;
	struct scene sc =
	        scene("id | state | wait_type\n1 | active | Lock\n2 | active | Lock\n3 | active | Lock\n",
	                "waiter | blocker | waiting_ms\n1 | 0 | 7000\n2 | -1 | 8000\n3 | -1 | 9000\n");
	assert_int_equal(sc.v->extra, 2);
	assert_int_equal(root_of(&sc, 1), 0);
	assert_int_equal(get(&sc, 0)->kind, SESSION_PREPARED);
	assert_int_equal(get(&sc, -1)->kind, SESSION_UNSEEN);
	assert_int_equal(get(&sc, -1)->blocks_all, 2);
	assert_true(session_guard_refuses(get(&sc, 0)->guard));
	struct session_ref ref;
	session_ref_of(sc.v, get(&sc, 0), &ref);
	assert_int_equal(ref.id, 0);
	end(&sc);
}

/* The pairs are older than the sessions: what has ended since is not shown as a holder. */
static void test_pairs_of_a_moment_ago(void **state)
{
	(void)state;
	struct scene sc = scene(NULL, "waiter | blocker\n1 | 99\n2 | 3\n8 | 3\n4 | 3");
	fixture_advance(sc.f, 400);
	fixture_table(sc.f, 0, "sessions",
	        "id | state\n1 | active\n2 | active\n3 | idle in transaction\n4 | idle in transaction");
	look(&sc);
	assert_false(get(&sc, 1)->blocked);
	assert_true(get(&sc, 2)->blocked);
	assert_false(get(&sc, 4)->blocked);
	assert_int_equal(get(&sc, 3)->blocks_all, 1);

	/* Newer pairs than sessions: the holder has just come. */
	fixture_advance(sc.f, 400);
	fixture_table(sc.f, 0, "blockers", "waiter | blocker\n1 | 99");
	look(&sc);
	assert_true(get(&sc, 1)->blocked);
	assert_int_equal(get(&sc, 99)->kind, SESSION_UNSEEN);

	/* Nobody waits any more, or the pairs are from long ago. */
	fixture_advance(sc.f, 400);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n0");
	look(&sc);
	assert_false(get(&sc, 1)->blocked);
	assert_true(sc.v->edges_known);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n1");
	fixture_advance(sc.f, 20000);
	fixture_table(sc.f, 0, "sessions", "id | state | wait_type\n1 | active | Lock\n99 | active | CPU");
	look(&sc);
	assert_false(get(&sc, 1)->blocked);
	assert_true(get(&sc, 1)->waiting);
	assert_false(sc.v->edges_known);
	end(&sc);
}

static void test_workers_fold_under_their_leader(void **state)
{
	(void)state;
	struct scene sc = scene("id | kind | state | leader | xact_ms | query_ms | wait_type\n"
	                        "10 | parallel worker | active | 50 | 5000 | 5000 | Lock\n"
	                        "11 | parallel worker | active | 50 | 5000 | 5000 | CPU\n"
	                        "12 | parallel worker | active | 77 | 5000 | 5000 | CPU\n"
	                        "50 | client | active | | 5000 | 5000 | CPU\n"
	                        "60 | client | active | | 6000 | 6000 | CPU\n"
	                        "70 | client | idle in transaction | | 9000 | | Client\n",
	        "waiter | blocker\n10 | 70\n");
	const struct session *leader = get(&sc, 50);
	assert_int_equal(leader->workers, 2);
	assert_true(leader->blocked);
	assert_int_equal(sc.v->sessions[get(&sc, 11)->leader].id, 50);
	assert_int_equal(get(&sc, 12)->leader, SESSION_NONE);
	assert_int_equal(get(&sc, 10)->guard, GUARD_WORKER);
	assert_int_equal(sc.v->counts.workers, 3);
	assert_int_equal(sc.v->counts.clients, 3);
	order_is(&sc, "70 50 10 11 60 12");
	end(&sc);
}

static void test_what_must_not_be_ended(void **state)
{
	(void)state;
	struct scene sc = scene(
	        "id | kind | state | app | own | superuser | sync_wait | query\n"
	        "1 | client | active | shop | | | | SELECT 1\n"
	        "2 | client | active | dbatop/x | t | t | |\n"
	        "3 | walsender | active | standby | | | |\n"
	        "4 | replication | | | | | |\n"
	        "5 | background | | | | | |\n"
	        "6 | client | active | psql | f | t | |\n"
	        "7 | client | active | pg_dump | | t | | COPY t TO stdout\n"
	        "8 | autovacuum | active | | | | | autovacuum: VACUUM public.t (to prevent wraparound)\n"
	        "9 | autovacuum | active | | | | | autovacuum: VACUUM public.t\n"
	        "10 | client | active | shop | | | t | COMMIT\n"
	        "11 | client | active | | | | | SELECT /*!40001 SQL_NO_CACHE */ * FROM t\n",
	        NULL);
	static const enum session_guard expect[] = {GUARD_NONE, GUARD_OWN, GUARD_WALSENDER, GUARD_REPLICATION,
	        GUARD_BACKGROUND, GUARD_SUPERUSER, GUARD_BACKUP, GUARD_WRAPAROUND, GUARD_NONE, GUARD_SYNCREP,
	        GUARD_BACKUP};
	for (int id = 1; id <= 11; id++) {
		const struct session *s = get(&sc, id);
		assert_int_equal(s->guard, expect[id - 1]);
		assert_int_equal(session_guard_why(s->guard)[0] == '\0', s->guard == GUARD_NONE);
		assert_int_equal(session_guard_refuses(s->guard), s->guard != GUARD_NONE && id < 6);
	}
	assert_int_equal(get(&sc, 5)->state, STATE_NONE);
	assert_int_equal(sc.v->counts.own, 1);
	assert_int_equal(sc.v->counts.background, 5);
	end(&sc);
}

static void test_hidden_is_not_idle(void **state)
{
	(void)state;
	struct scene sc =
	        scene("id | kind | state | xact_ms\n1 | | |\n2 | client | idle |\n3 | client | idle | 40\n"
	              "4 | client | idle in transaction (aborted) | 50\n",
	                NULL);
	assert_int_equal(get(&sc, 1)->state, STATE_HIDDEN);
	assert_int_equal(sc.v->counts.hidden, 1);
	assert_true(get(&sc, 2)->idle);
	assert_int_equal(get(&sc, 3)->state, STATE_IDLE_XACT);
	assert_false(get(&sc, 3)->idle);
	assert_int_equal(sc.v->counts.idle, 1);
	assert_int_equal(sc.v->counts.idle_xact, 2);
	assert_true(sc.v->edges_known);
	end(&sc);
}

static void test_the_line_of_waits(void **state)
{
	(void)state;
	struct scene sc = scene(convoy, convoy_edges);
	struct session_waits sum = sc.v->waits;
	struct buf b;
	buf_init(&b, 200);
	session_waits_text(&sum, &b);
	assert_string_equal(buf_str(&b), "7 active: 5 Lock \xC2\xB7 1 CPU \xC2\xB7 1 IO");
	fixture_table(sc.f, 0, "sessions",
	        "id | kind | state | wait_type\n1 | client | active | CPU\n"
	        "2 | client | active | strange\n3 | client | active | CPU\n");
	look(&sc);
	session_waits_add(&sum, &sc.v->waits);
	buf_reset(&b);
	session_waits_text(&sum, &b);
	assert_string_equal(buf_str(&b), "10 active: 5 Lock \xC2\xB7 3 CPU \xC2\xB7 1 IO \xC2\xB7 1 other");
	sum = (struct session_waits){.n = 0};
	buf_reset(&b);
	session_waits_text(&sum, &b);
	assert_string_equal(buf_str(&b), "0 active");
	buf_free(&b);
	end(&sc);
}

static void test_identity_and_cache(void **state)
{
	(void)state;
	struct scene sc = scene(
	        "id | started | xact_guard | query_guard | state\n7 | 10:00 | 10:05 | 10:06 | active", NULL);
	struct session_ref ref;
	session_ref_of(sc.v, get(&sc, 7), &ref);
	assert_string_equal(ref.started, "10:00");
	assert_string_equal(ref.xact_guard, "10:05");
	assert_string_equal(ref.query_guard, "10:06");
	assert_non_null(session_find(sc.v, 7, "10:00"));
	assert_null(session_find(sc.v, 7, "10:01"));
	assert_null(session_find(sc.v, 8, ""));

	/* The same sample is not read twice; a failed one keeps what was there. */
	const struct session *before = sc.v->sessions;
	look(&sc);
	assert_ptr_equal(sc.v->sessions, before);
	fixture_error(sc.f, 0, "sessions", ERR_TIMEOUT, "timed out");
	look(&sc);
	assert_ptr_equal(sc.v->sessions, before);
	fixture_instance(sc.f, "orders", "orders-pg-2", ENGINE_POSTGRES);
	look(&sc);
	assert_int_equal(sessions_count(sc.all), 2);
	assert_int_equal(sessions_at(sc.all, 1)->n, 0);
	assert_null(session_find(sessions_at(sc.all, 1), 7, ""));
	end(&sc);
}

/* A thousand in one queue: the counts are exact. */
static void test_a_long_chain(void **state)
{
	(void)state;
	enum { N = 1000 };
	static char ids[N + 1][8];
	static const char *sessions[N + 1][2];
	static const char *edges[N][2];
	for (int i = 0; i <= N; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%d", i + 1);
		sessions[i][0] = ids[i];
		sessions[i][1] = "active";
	}
	for (int i = 0; i < N; i++) {
		edges[i][0] = ids[i + 1];
		edges[i][1] = ids[i];
	}
	struct scene sc = scene(NULL, NULL);
	fixture_cells(sc.f, 0, "sessions", (const char *const[]){"id", "state"}, 2, sessions[0], N + 1);
	fixture_cells(sc.f, 0, "blockers", (const char *const[]){"waiter", "blocker"}, 2, edges[0], N);
	look(&sc);
	assert_int_equal(get(&sc, 1)->blocks_all, N);
	assert_int_equal(get(&sc, 501)->blocks_all, N - 500);
	assert_int_equal(root_of(&sc, N + 1), 1);
	end(&sc);
}

enum { NODES = 10, EDGES = 14, GRAPHS = 400 };

/* Random graphs, circles included, against the plain definition: everybody from whom a chain of waits leads
 * here stands behind. */
static void check_graph(struct scene *sc, unsigned *seed)
{
	bool waits[NODES][NODES] = {{false}};
	char blockers[1024] = "waiter | blocker\n";
	for (int i = 0; i < EDGES; i++) {
		*seed = *seed * 1103515245u + 12345u;
		unsigned waiter = *seed >> 16 & 0xFF;
		unsigned holder = *seed >> 24;
		waits[waiter % NODES][holder % NODES] = true;
		size_t at = strlen(blockers);
		snprintf(blockers + at, sizeof(blockers) - at, "%u | %u\n", waiter % NODES + 1,
		        holder % NODES + 1);
	}
	fixture_advance(sc->f, 1);
	fixture_table(sc->f, 0, "blockers", blockers);
	look(sc);
	for (int via = 0; via < NODES; via++) {
		for (int a = 0; a < NODES; a++) {
			for (int b = 0; b < NODES; b++)
				waits[a][b] = waits[a][b] || (waits[a][via] && waits[via][b]);
		}
	}
	for (int holder = 0; holder < NODES; holder++) {
		const struct session *s = get(sc, holder + 1);
		unsigned behind = 0;
		for (int waiter = 0; waiter < NODES; waiter++)
			behind += waiter != holder && waits[waiter][holder];
		assert_int_equal(s->blocks_all, behind);
		if (!s->blocked)
			continue;
		const struct session *root = &sc->v->sessions[s->root];
		assert_true(root == s || waits[holder][root->id - 1]);
		assert_true(!root->blocked || waits[root->id - 1][root->id - 1]);
	}
}

static void test_random_graphs(void **state)
{
	(void)state;
	unsigned seed = 42;
	char sessions[512] = "id | state\n";
	for (int i = 1; i <= NODES; i++) {
		size_t at = strlen(sessions);
		snprintf(sessions + at, sizeof(sessions) - at, "%d | active\n", i);
	}
	struct scene sc = scene(sessions, NULL);
	for (int i = 0; i < GRAPHS; i++)
		check_graph(&sc, &seed);
	end(&sc);
}

/* Neighbours that share a text, one that has none, and one whose statement is another. */
static void test_the_letters_of_a_session(void **state)
{
	(void)state;
	struct scene sc = scene("id | kind | state | user | app | query\n"
	                        "1 | client | idle | shop | Checkout-API | SELECT 42\n"
	                        "2 | client | idle | shop | Checkout-API | quiz\n"
	                        "3 | client | active | | Checkout-API | ",
	        NULL);
	static const char *const texts[] = {"client idle shop Checkout-API SELECT 42",
	        "client idle shop Checkout-API quiz", "client active Checkout-API"};
	for (int64_t id = 1; id <= 3; id++) {
		const char *text = texts[id - 1];
		assert_int_equal(get(&sc, id)->letters, text_letters(text, strlen(text)));
	}
	end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_convoy),
	        cmocka_unit_test(test_circles_and_self_edges_end),
	        cmocka_unit_test(test_holders_that_are_no_sessions),
	        cmocka_unit_test(test_pairs_of_a_moment_ago),
	        cmocka_unit_test(test_workers_fold_under_their_leader),
	        cmocka_unit_test(test_what_must_not_be_ended),
	        cmocka_unit_test(test_hidden_is_not_idle),
	        cmocka_unit_test(test_the_line_of_waits),
	        cmocka_unit_test(test_identity_and_cache),
	        cmocka_unit_test(test_a_long_chain),
	        cmocka_unit_test(test_random_graphs),
	        cmocka_unit_test(test_the_letters_of_a_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
