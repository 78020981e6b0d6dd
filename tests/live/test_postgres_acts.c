/* Actions, the reaper and the graph of blockers against real sessions of every PostgreSQL version, and all of
 * it once more while somebody holds a lock on pg_database: the incident in which a monitor must not go blind.
 */
#include "tests/support/test.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/client_postgres.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

enum { SERVERS_MAX = 16, SEEN_MS = 5000 };

static struct drive drive;
static struct lab_server servers[SERVERS_MAX];
static size_t nservers;

static int setup(void **state)
{
	(void)state;
	drive_start(&drive, &postgres_driver);
	nservers = drive_served(&drive, true, servers, SERVERS_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	return 0;
}

/* 1. Other people's sessions. */

static void begin(PGconn *pg, const char *sql)
{
	assert_true(PQsendQuery(pg, sql));
}

/* What became of a statement that was sent: its SQLSTATE, "" when it worked, "lost" when the connection went.
 */
static void outcome_of(PGconn *pg, char state[6])
{
	state[0] = '\0';
	for (PGresult *r = PQgetResult(pg); r != NULL; r = PQgetResult(pg)) {
		const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		if (PQresultStatus(r) == PGRES_FATAL_ERROR && state[0] == '\0')
			snprintf(state, 6, "%s", s == NULL ? "lost" : s);
		PQclear(r);
	}
}

/* 2. Seeing them, as a view would. */

struct seen {
	struct conn *c;
	int64_t id;
	const char *wait_type; /* NULL: any */
	const char *state;
	struct session_ref ref;
};

static bool look(void *arg)
{
	struct seen *s = arg;
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, s->c, "sessions", 0, arena);
	long row = drive_row(t, "id", s->id);
	bool found = row >= 0 && drive_cell_is(t, (size_t)row, "wait_type", s->wait_type) &&
	             drive_cell_is(t, (size_t)row, "state", s->state);
	if (found) {
		s->ref.id = s->id;
		drive_guard(t, (size_t)row, "started", s->ref.started);
		drive_guard(t, (size_t)row, "xact_guard", s->ref.xact_guard);
		drive_guard(t, (size_t)row, "query_guard", s->ref.query_guard);
	}
	arena_free(arena);
	return found;
}

static struct session_ref see(struct conn *c, PGconn *victim, const char *state, const char *wait_type)
{
	struct seen s = {.c = c, .id = PQbackendPID(victim), .state = state, .wait_type = wait_type};
	if (!wait_until(look, &s, SEEN_MS))
		fail_msg("session %d is not seen %s / %s", PQbackendPID(victim), state,
		        wait_type == NULL ? "-" : wait_type);
	return s.ref;
}

static struct action_result act(struct conn *admin, enum action_kind kind, const struct session_ref *ref)
{
	struct action_request req = {
	        .kind = kind, .target = *ref, .server = drive.driver->info(admin)->server};
	struct action_result result;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	drive.driver->act(&ctx, admin, &req, &result);
	return result;
}

static void expect(struct action_result got, enum action_outcome outcome)
{
	if (got.outcome != outcome)
		fail_msg("expected %s, got %s: %s", action_outcome_name(outcome),
		        action_outcome_name(got.outcome), got.err.text);
}

static struct follow_state follow(struct conn *admin, const struct session_ref *ref)
{
	struct action_request req = {.target = *ref};
	struct follow_state out;
	struct err e;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	if (!drive.driver->follow(&ctx, admin, &req, &out, &e))
		fail_msg("%s", e.text);
	return out;
}

/* 3. The tests. */

static void cancel_and_terminate(const struct lab_server *server)
{
	struct endpoint ep;
	char state[6];
	struct conn *admin = drive_open(&drive, server, "actor", LANE_ADMIN, &ep);
	PGconn *victim = pg_client_open(server, "app");

	/* A running statement is cancelled; the session lives on. */
	begin(victim, "SELECT pg_sleep(30)");
	struct session_ref ref = see(admin, victim, "active", NULL);
	struct action_result sent = act(admin, ACTION_CANCEL, &ref);
	expect(sent, OUTCOME_SENT);
	assert_non_null(strstr(sent.sql, "pg_cancel_backend"));
	outcome_of(victim, state);
	assert_string_equal(state, "57014");
	struct follow_state after = follow(admin, &ref);
	assert_true(after.visible && after.same_session && !after.active);

	/* The same guard once more: that statement is over. So is one with the next execution of the same
	 * text. */
	expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_MOVED_ON);
	begin(victim, "SELECT pg_sleep(30)");
	see(admin, victim, "active", NULL);
	expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_MOVED_ON);
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_MOVED_ON);

	/* Another session with the same id, by its start. */
	struct session_ref wrong = see(admin, victim, "active", NULL);
	snprintf(wrong.started, sizeof(wrong.started), "2020-01-01 00:00:00.000001+00");
	expect(act(admin, ACTION_TERMINATE, &wrong), OUTCOME_MOVED_ON);

	ref = see(admin, victim, "active", NULL);
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_SENT);
	outcome_of(victim, state);
	assert_string_equal(state, "57P01");
	PQfinish(victim);
	struct follow_state gone = follow(admin, &ref);
	assert_true(!gone.visible || !gone.same_session || !gone.active);
	drive.driver->close(admin);
	endpoint_free(&ep);
}

static void test_cancel_and_terminate(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++)
		cancel_and_terminate(&servers[i]);
}

static void test_an_idle_transaction_is_not_cancelled(void **state)
{
	(void)state;
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, &servers[0], "actor", LANE_ADMIN, &ep);
	PGconn *victim = pg_client_open(&servers[0], "app");
	pg_client_run(victim, "BEGIN; SELECT 1");
	struct session_ref ref = see(admin, victim, "idle in transaction", NULL);
	expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_MOVED_ON);
	assert_true(follow(admin, &ref).same_xact);
	/* Its next transaction in the same session is somebody else's work. */
	pg_client_run(victim, "COMMIT; BEGIN; SELECT 1");
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_MOVED_ON);
	pg_client_run(victim, "COMMIT");
	PQfinish(victim);
	drive.driver->close(admin);
	endpoint_free(&ep);
}

static void test_rights_that_are_missing(void **state)
{
	(void)state;
	struct endpoint ends[3];
	struct conn *actor = drive_open(&drive, &servers[0], "actor", LANE_ADMIN, &ends[0]);
	struct conn *monitor = drive_open(&drive, &servers[0], "monitor", LANE_ADMIN, &ends[1]);
	struct conn *nobody = drive_open(&drive, &servers[0], "nobody", LANE_ADMIN, &ends[2]);
	PGconn *app = pg_client_open(&servers[0], "app");
	PGconn *dba = pg_client_open(&servers[0], "dba");
	pg_client_run(app, "SELECT 1");
	pg_client_run(dba, "SELECT 1");
	struct session_ref of_app = see(actor, app, "idle", NULL);
	struct session_ref of_dba = see(actor, dba, "idle", NULL);

	struct action_result r = act(monitor, ACTION_TERMINATE, &of_app);
	expect(r, OUTCOME_REFUSED);
	assert_string_equal(r.err.sqlstate, "42501");
	assert_non_null(strstr(r.err.text, "pg_signal_backend"));
	r = act(nobody, ACTION_TERMINATE, &of_app);
	expect(r, OUTCOME_UNPROVABLE);
	assert_non_null(strstr(r.err.text, "GRANT pg_monitor"));
	expect(act(actor, ACTION_TERMINATE, &of_dba), OUTCOME_REFUSED);

	/* Another server, and a server that was restarted since. */
	struct action_request req = {
	        .kind = ACTION_TERMINATE, .target = of_app, .server = drive.driver->info(actor)->server};
	struct ctx ctx = ctx_within(&drive.root, 5000);
	snprintf(req.server.start, sizeof(req.server.start), "2020-01-01 00:00:00+00");
	assert_false(drive.driver->act(&ctx, actor, &req, &r));
	expect(r, OUTCOME_REFUSED);
	assert_int_equal(r.err.code, ERR_IDENTITY);

	pg_client_run(app, "SELECT 1");
	pg_client_run(dba, "SELECT 1");
	PQfinish(app);
	PQfinish(dba);
	drive.driver->close(actor);
	drive.driver->close(monitor);
	drive.driver->close(nobody);
	for (int i = 0; i < 3; i++)
		endpoint_free(&ends[i]);
}

static void test_the_reaper_ends_only_our_own(void **state)
{
	(void)state;
	struct endpoint ends[2];
	struct conn *admin = drive_open(&drive, &servers[0], "monitor", LANE_ADMIN, &ends[0]);
	struct conn *fast = drive_open(&drive, &servers[0], "monitor", LANE_FAST, &ends[1]);
	PGconn *app = pg_client_open(&servers[0], "monitor");
	struct ctx ctx = ctx_within(&drive.root, 5000);
	struct err e;
	enum reap reap;

	/* The same role, but not a connection of this run. */
	pg_client_run(app, "SELECT 1");
	struct session_ref ref = see(admin, app, "idle", NULL);
	struct backend_ref victim = {.id = ref.id};
	snprintf(victim.started, sizeof(victim.started), "%s", ref.started);
	assert_true(drive.driver->reap(&ctx, admin, &victim, true, &reap, &e));
	assert_int_equal(reap, REAP_OTHER);
	pg_client_run(app, "SELECT 1");
	PQfinish(app);

	victim = drive.driver->info(fast)->self;
	assert_true(drive.driver->reap(&ctx, admin, &victim, false, &reap, &e));
	assert_int_equal(reap, REAP_SENT);
	assert_true(drive.driver->ping(&ctx, fast, &e));
	assert_true(drive.driver->reap(&ctx, admin, &victim, true, &reap, &e));
	assert_int_equal(reap, REAP_SENT);
	while (drive.driver->ping(&ctx, fast, &e))
		assert_int_equal(ctx_done(&ctx), ERR_NONE);
	assert_int_equal(e.code, ERR_LOST);
	drive.driver->close(fast);
	drive.driver->close(admin);
	endpoint_free(&ends[0]);
	endpoint_free(&ends[1]);
}

static bool blocks(struct conn *c, PGconn *waiter, int64_t blocker, const char *kind, const char *object)
{
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, c, "blockers", 0, arena);
	bool found = false;
	for (size_t row = 0; row < t->nrows; row++) {
		if (drive_cell(t, row, "waiter")->u.i == PQbackendPID(waiter) &&
		        drive_cell(t, row, "blocker")->u.i == blocker)
			found = drive_cell_is(t, row, "kind", kind) &&
			        drive_cell_is(t, row, "object", object);
	}
	arena_free(arena);
	return found;
}

static void blockers(const struct lab_server *server)
{
	struct endpoint ep;
	/* Nobody may see who waits, but the graph is readable to all. */
	struct conn *c = drive_open(&drive, server, "monitor", LANE_FAST, &ep);
	PGconn *holder = pg_client_open(server, "app");
	PGconn *first = pg_client_open(server, "app");
	PGconn *second = pg_client_open(server, "app");
	char state[6];
	pg_client_run(holder, "SET client_min_messages = error");
	pg_client_run(first, "SET client_min_messages = error");
	pg_client_run(holder, "CREATE TABLE IF NOT EXISTS acts (id int PRIMARY KEY, v int);"
	                      "INSERT INTO acts VALUES (1, 1) ON CONFLICT DO NOTHING");
	pg_client_run(holder, "BEGIN; UPDATE acts SET v = v + 1 WHERE id = 1");
	begin(first, "UPDATE acts SET v = v + 1 WHERE id = 1");
	see(c, first, "active", "Lock");
	begin(second, "UPDATE acts SET v = v + 1 WHERE id = 1");
	see(c, second, "active", "Lock");
	assert_true(blocks(c, first, PQbackendPID(holder), "row", "public.acts"));
	assert_true(blocks(c, second, PQbackendPID(first), "tuple", "public.acts"));
	pg_client_run(holder, "COMMIT");
	outcome_of(first, state);
	outcome_of(second, state);

	/* A convoy: the queued DDL is what the reader waits for. */
	pg_client_run(holder, "BEGIN; SELECT 1 FROM acts");
	begin(first, "ALTER TABLE acts ADD COLUMN IF NOT EXISTS w int");
	see(c, first, "active", "Lock");
	begin(second, "SELECT 1 FROM acts");
	see(c, second, "active", "Lock");
	assert_true(blocks(c, first, PQbackendPID(holder), "relation", "public.acts"));
	assert_true(blocks(c, second, PQbackendPID(first), "relation", "public.acts"));
	pg_client_run(holder, "COMMIT");
	outcome_of(first, state);
	assert_string_equal(state, "");
	outcome_of(second, state);
	PQfinish(holder);
	PQfinish(first);
	PQfinish(second);
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void test_blockers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++)
		blockers(&servers[i]);
}

/* Behind one hot row: all find their way to the holder, in two rows each and not in a square of them. */
static void hot_row(const struct lab_server *server)
{
	enum { WAITERS = 24 };
	struct endpoint ep;
	struct conn *c = drive_open(&drive, server, "monitor", LANE_FAST, &ep);
	PGconn *holder = pg_client_open(server, "app");
	PGconn *waiters[WAITERS];
	char state[6];
	pg_client_run(holder, "SET client_min_messages = error;"
	                      "CREATE TABLE IF NOT EXISTS hot_acts (id int PRIMARY KEY, v int);"
	                      "INSERT INTO hot_acts VALUES (1, 1) ON CONFLICT DO NOTHING");
	pg_client_run(holder, "BEGIN; UPDATE hot_acts SET v = v + 1 WHERE id = 1");
	for (int i = 0; i < WAITERS; i++) {
		waiters[i] = pg_client_open(server, "app");
		begin(waiters[i], "UPDATE hot_acts SET v = v + 1 WHERE id = 1");
		see(c, waiters[i], "active", "Lock");
	}
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, c, "blockers", 0, arena);
	int64_t first = PQbackendPID(waiters[0]);
	assert_true(blocks(c, waiters[0], PQbackendPID(holder), "row", "public.hot_acts"));
	for (int i = 1; i < WAITERS; i++)
		assert_true(blocks(c, waiters[i], first, "tuple", "public.hot_acts"));
	size_t rows = 0;
	for (size_t row = 0; row < t->nrows; row++)
		rows += drive_cell_is(t, row, "object", "public.hot_acts");
	assert_in_range(rows, WAITERS, 2 * WAITERS);
	arena_free(arena);
	pg_client_run(holder, "COMMIT");
	for (int i = 0; i < WAITERS; i++) {
		outcome_of(waiters[i], state);
		PQfinish(waiters[i]);
	}
	PQfinish(holder);
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void test_a_hot_row_is_no_square(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++)
		hot_row(&servers[i]);
}

static void while_catalogs_are_locked(const struct lab_server *server, const char *lock)
{
	static const char *const probes[] = {
	        "sessions", "pulse", "blockers", "server", "replication_brief", "settings", "statement"};
	struct endpoint ends[2];
	struct conn *fast = drive_open(&drive, server, "monitor", LANE_FAST, &ends[0]);
	struct conn *admin = drive_open(&drive, server, "dba", LANE_ADMIN, &ends[1]);
	PGconn *holder = pg_client_open(server, "dba");
	char text[6];
	pg_client_run(holder, "BEGIN");
	pg_client_run(holder, lock);
	struct arena *arena = arena_new();
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		drive_table(&drive, fast, probes[i], PQbackendPID(holder), arena);
	/* With the names of before. */
	struct table *t = drive_table(&drive, fast, "sessions", 0, arena);
	long row = drive_row(t, "id", PQbackendPID(holder));
	assert_true(row >= 0);
	assert_true(drive_cell_is(t, (size_t)row, "db", "app"));
	assert_true(drive_cell_is(t, (size_t)row, "user", "dba"));
	/* A new name is not found, and the attempt to learn it must not fail the probe either. */
	t = drive_table(&drive, fast, "pulse", 0, arena);
	assert_true(drive_cell(t, 0, "commits")->u.i > 0);
	arena_free(arena);

	/* Whoever holds pg_database can be ended. (The server itself looks the victim's role up in
	 * pg_authid.) */
	struct session_ref ref = see(admin, holder, "idle in transaction", NULL);
	if (strstr(lock, "pg_database") != NULL) {
		expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_SENT);
		begin(holder, "SELECT 1");
		outcome_of(holder, text);
		assert_string_equal(text, "57P01");
	} else {
		pg_client_run(holder, "ROLLBACK");
	}
	PQfinish(holder);
	drive.driver->close(fast);
	drive.driver->close(admin);
	endpoint_free(&ends[0]);
	endpoint_free(&ends[1]);
}

static void test_a_locked_catalog_blinds_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++) {
		while_catalogs_are_locked(&servers[i], "LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE");
		while_catalogs_are_locked(&servers[i], "LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cancel_and_terminate),
	        cmocka_unit_test(test_an_idle_transaction_is_not_cancelled),
	        cmocka_unit_test(test_rights_that_are_missing),
	        cmocka_unit_test(test_the_reaper_ends_only_our_own),
	        cmocka_unit_test(test_blockers),
	        cmocka_unit_test(test_a_hot_row_is_no_square),
	        cmocka_unit_test(test_a_locked_catalog_blinds_nothing),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
