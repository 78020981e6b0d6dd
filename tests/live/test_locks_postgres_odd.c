/* Waits that random scenes do not meet: parallel queries, safe snapshots, replay on a standby, circles,
 * objects, locked catalogs, other databases. Each is produced on a server of its own, seen by a role with
 * pg_monitor and by one without. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "core/model/locks.h"
#include "tests/support/drive.h"
#include "tests/support/lock_crowd.h"
#include "tests/support/wait.h"

enum { ACTORS_MAX = 6, PATIENCE_MS = 15000, SQL_MAX = 512 };

struct stage_set {
	struct lab_server server;
	PGconn *control;
	struct conn *monitor, *nobody;
	struct endpoint ends[2];
	PGconn *actor[ACTORS_MAX];
	int pid[ACTORS_MAX];
};

static struct drive drive;
static struct stage_set oldest, newest, primary, standby;

static void quiet(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

static PGresult *run(PGconn *pg, const char *sql)
{
	PGresult *r = PQexec(pg, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	return r;
}

static void control(struct stage_set *st, const char *sql)
{
	PQclear(run(st->control, sql));
}

static long number(struct stage_set *st, const char *sql)
{
	PGresult *r = run(st->control, sql);
	long n = strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return n;
}

static void open_set(struct stage_set *st)
{
	st->control = crowd_connect(&st->server, "app", "dba");
	PQsetNoticeReceiver(st->control, quiet, NULL);
	control(st, "SET statement_timeout = '10s'");
	/* Before dbatop connects: it looks for new databases every few seconds only. */
	if (st == &newest)
		control(st, "CREATE DATABASE elsewhere");
	st->monitor = drive_open(&drive, &st->server, "monitor", LANE_FAST, &st->ends[0]);
	st->nobody = drive_open(&drive, &st->server, "nobody", LANE_FAST, &st->ends[1]);
}

static void close_set(struct stage_set *st)
{
	PQfinish(st->control);
	drive.driver->close(st->monitor);
	drive.driver->close(st->nobody);
	endpoint_free(&st->ends[0]);
	endpoint_free(&st->ends[1]);
	lab_remove(st->server.name);
}

static int setup(void **state)
{
	static const char *const settings[] = {"max_prepared_transactions=4", "max_worker_processes=8", NULL};
	(void)state;
	drive_start(&drive, &postgres_driver);
	oldest.server = lab_spawn("pg13", "locksodd13", settings);
	newest.server = lab_spawn("pg18", "locksodd18", settings);
	primary.server = lab_spawn("pg15", "locksodd15", settings);
	open_set(&oldest);
	open_set(&newest);
	open_set(&primary);
	standby.server = lab_spawn_replica("pg15", "locksodd15r", primary.server.name);
	open_set(&standby);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_set(&standby);
	close_set(&primary);
	close_set(&newest);
	close_set(&oldest);
	drive_stop(&drive);
	return 0;
}

/* 1. Actors. */

static void enter(struct stage_set *st, int a, const char *database)
{
	st->actor[a] = crowd_connect(&st->server, database, "dba");
	PQsetNoticeReceiver(st->actor[a], quiet, NULL);
	st->pid[a] = PQbackendPID(st->actor[a]);
}

static void does(struct stage_set *st, int a, const char *sql)
{
	if (st->actor[a] == NULL)
		enter(st, a, "app");
	PQclear(run(st->actor[a], sql));
}

static void begins(struct stage_set *st, int a, const char *sql)
{
	if (st->actor[a] == NULL)
		enter(st, a, "app");
	if (!PQsendQuery(st->actor[a], sql))
		fail_msg("%s: %s", sql, PQerrorMessage(st->actor[a]));
}

struct condition {
	struct stage_set *st;
	const char *sql;
};

static bool holds_true(void *arg)
{
	const struct condition *c = arg;
	return number(c->st, c->sql) > 0;
}

static void until(struct stage_set *st, const char *sql)
{
	struct condition c = {st, sql};
	if (!wait_until(holds_true, &c, PATIENCE_MS))
		fail_msg("%s: never: %s", st->server.name, sql);
}

static void waits(struct stage_set *st, int a)
{
	char sql[SQL_MAX];
	snprintf(
	        sql, sizeof(sql), "SELECT count(1) FROM pg_locks WHERE NOT granted AND pid = %d", st->pid[a]);
	until(st, sql);
}

/* Signals first: while a catalog is locked not even the list of sessions can be asked for. */
static void all_leave(struct stage_set *st)
{
	char sql[SQL_MAX];
	for (int a = ACTORS_MAX - 1; a >= 0; a--) {
		if (st->actor[a] == NULL)
			continue;
		snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", st->pid[a]);
		control(st, sql);
	}
	for (int a = 0; a < ACTORS_MAX; a++) {
		if (st->actor[a] == NULL)
			continue;
		PQfinish(st->actor[a]);
		st->actor[a] = NULL;
		snprintf(sql, sizeof(sql), "SELECT (count(1) = 0)::int FROM pg_stat_get_activity(%d)",
		        st->pid[a]);
		until(st, sql);
	}
}

/* After each test, failed or not. */
static int leave(void **state)
{
	struct stage_set *const sets[] = {&oldest, &newest, &primary, &standby};
	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		all_leave(sets[i]);
	return 0;
}

/* 2. What dbatop shows. */

struct shown {
	struct arena *arena;
	struct table *table;
	struct lock_graph graph;
};

static void look(struct stage_set *st, bool as_nobody, struct shown *s)
{
	*s = (struct shown){.arena = arena_new()};
	s->table = drive_table(&drive, as_nobody ? st->nobody : st->monitor, "locks", 0, s->arena);
	locks_build(&s->graph, s->table, ENGINE_POSTGRES, NULL, false, s->arena);
}

static const struct lock_entry *wait_of(const struct shown *s, int pid)
{
	const struct lock_node *n = locks_find(&s->graph, pid, NULL);
	for (uint32_t i = 0; n != NULL && i < n->nentries; i++) {
		const struct lock_entry *e = &s->graph.entries[s->graph.of_node[n->entries + i]];
		if (!e->held)
			return e;
	}
	fail_msg("%d does not wait", pid);
	return NULL;
}

/* The one and only in its way. */
static const struct lock_entry *blocked_by(const struct shown *s, int waiter, int64_t blocker, bool likely)
{
	struct lock_edge edges[8];
	const struct lock_entry *e = wait_of(s, waiter);
	size_t n = locks_blockers(&s->graph, (uint32_t)(e - s->graph.entries), edges, 8);
	assert_int_equal(n, 1);
	assert_int_equal(s->graph.nodes[edges[0].blocker].id, blocker);
	assert_int_equal(edges[0].likely, likely);
	return e;
}

static void check_lock(
        const struct shown *s, const struct lock_entry *e, enum lock_kind kind, const char *object)
{
	const struct lock_queue *q = &s->graph.queues[e->queue];
	assert_int_equal(q->kind, kind);
	if (object == NULL)
		return;
	assert_non_null(q->object);
	assert_string_equal(q->object, object);
}

static void only_root(const struct shown *s, int64_t id)
{
	assert_int_equal(s->graph.nroots, 1);
	assert_int_equal(s->graph.nodes[s->graph.roots[0]].id, id);
}

/* Actor 1 waits for actor 0, for both kinds of role. */
static void expect(struct stage_set *st, enum lock_kind kind, const char *object)
{
	waits(st, 1);
	for (int role = 0; role < 2; role++) {
		struct shown s;
		look(st, role == 1, &s);
		check_lock(&s, blocked_by(&s, st->pid[1], st->pid[0], false), kind, object);
		only_root(&s, st->pid[0]);
		assert_int_equal(s.graph.counts.waiters, 1);
		arena_free(s.arena);
	}
	all_leave(st);
}

static void play(
        struct stage_set *st, const char *first, const char *second, enum lock_kind kind, const char *object)
{
	does(st, 0, first);
	begins(st, 1, second);
	expect(st, kind, object);
}

/* 3. The scenes. */

static void test_kinds_have_names(void **state)
{
	struct stage_set *const sets[] = {&oldest, &newest};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct stage_set *st = sets[i];
		char object[64];
		control(st,
		        "CREATE TABLE odd (id int PRIMARY KEY, v int); INSERT INTO odd VALUES (1, 1), (2, 2);"
		        "CREATE SCHEMA oddly");
		play(st, "BEGIN; UPDATE odd SET v = 1 WHERE id = 1", "UPDATE odd SET v = 2 WHERE id = 1",
		        LOCK_TRANSACTION, "public.odd (0,1)");
		/* Whoever inserts the same key waits for a transaction and for no row. */
		play(st, "BEGIN; INSERT INTO odd VALUES (3, 3)", "INSERT INTO odd VALUES (3, 3)",
		        LOCK_TRANSACTION, NULL);
		play(st, "BEGIN; INSERT INTO odd VALUES (4, 4)", "CREATE INDEX CONCURRENTLY ON odd (v)",
		        LOCK_VIRTUAL, NULL);
		control(st, "DROP INDEX IF EXISTS odd_v_idx");
		play(st, "BEGIN; SELECT 1 FROM odd", "ALTER TABLE odd ADD COLUMN w int", LOCK_RELATION,
		        "public.odd");
		play(st, "SELECT pg_advisory_lock(-5)", "SELECT pg_advisory_lock(-5)", LOCK_ADVISORY,
		        "key -5");
		play(st, "SELECT pg_advisory_lock(7, -9)", "SELECT pg_advisory_lock_shared(7, -9)",
		        LOCK_ADVISORY, "key 7, -9");
		snprintf(object, sizeof(object), "pg_namespace %ld",
		        number(st, "SELECT 'oddly'::regnamespace::oid"));
		play(st, "BEGIN; DROP SCHEMA oddly", "CREATE TABLE oddly.t (id int)", LOCK_OBJECT, object);
	}
}

static void test_other_databases_have_numbers(void **state)
{
	(void)state;
	char object[96];
	struct stage_set *st = &newest;
	enter(st, 0, "elsewhere");
	does(st, 0, "CREATE TABLE far (id int)");
	PGresult *r = run(st->actor[0], "SELECT 'far'::regclass::oid");
	snprintf(object, sizeof(object), "relation %s of elsewhere", PQgetvalue(r, 0, 0));
	PQclear(r);
	enter(st, 1, "elsewhere");
	play(st, "BEGIN; LOCK TABLE far", "SELECT 1 FROM far", LOCK_RELATION, object);
}

/* pg_database locked as VACUUM FULL does: the names of before stay, nothing waits. */
static void test_locked_catalogs_blind_nothing(void **state)
{
	(void)state;
	struct stage_set *st = &newest;
	for (int role = 0; role < 2; role++) {
		struct shown s;
		look(st, role == 1, &s); /* names are known, the statement is prepared */
		arena_free(s.arena);
	}
	enter(st, 1, "app"); /* later nobody could log in */
	play(st, "BEGIN; LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE", "SELECT count(1) FROM pg_database",
	        LOCK_RELATION, "pg_database");

	/* With pg_class locked new names cannot be asked for: numbers, at once. */
	char object[64];
	control(st, "CREATE TABLE unseen (id int)");
	snprintf(object, sizeof(object), "relation %ld", number(st, "SELECT 'unseen'::regclass::oid"));
	does(st, 0, "BEGIN; LOCK TABLE unseen");
	does(st, 2, "SELECT 1");
	begins(st, 1, "BEGIN; SELECT 1 FROM unseen");
	waits(st, 1);
	does(st, 2, "BEGIN; LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE");
	for (int role = 0; role < 2; role++) {
		struct shown s;
		look(st, role == 1, &s);
		check_lock(&s, blocked_by(&s, st->pid[1], st->pid[0], false), LOCK_RELATION, object);
		arena_free(s.arena);
	}
	all_leave(st);
}

static void test_a_circle_is_seen(void **state)
{
	(void)state;
	struct stage_set *st = &oldest;
	struct shown s;
	control(st, "CREATE TABLE IF NOT EXISTS odd_circle (id int PRIMARY KEY); INSERT INTO odd_circle "
	            "VALUES (1), (2)");
	for (int a = 0; a < 2; a++) {
		does(st, a, "SET deadlock_timeout = '1h'");
		does(st, a,
		        a == 0 ? "BEGIN; SELECT 1 FROM odd_circle WHERE id = 1 FOR UPDATE"
		               : "BEGIN; SELECT 1 FROM odd_circle WHERE id = 2 FOR UPDATE");
	}
	begins(st, 0, "SELECT 1 FROM odd_circle WHERE id = 2 FOR UPDATE");
	waits(st, 0);
	begins(st, 1, "SELECT 1 FROM odd_circle WHERE id = 1 FOR UPDATE");
	waits(st, 1);
	look(st, false, &s);
	blocked_by(&s, st->pid[0], st->pid[1], false);
	blocked_by(&s, st->pid[1], st->pid[0], false);
	assert_int_equal(s.graph.counts.circles, 1);
	arena_free(s.arena);
	all_leave(st);
}

/* What workers hold is their leader's; what they wait for, too. */
static void test_parallel_queries_have_one_leader(void **state)
{
	struct stage_set *const sets[] = {&oldest, &newest};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct stage_set *st = sets[i];
		char sql[SQL_MAX];
		control(st, "CREATE TABLE odd_wide AS SELECT g AS id, repeat('x', 1000) AS pad FROM "
		            "generate_series(1, 2000) g;"
		            "ANALYZE odd_wide");
		does(st, 0,
		        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET "
		        "parallel_tuple_cost = 0;"
		        "SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off");
		begins(st, 0, "SELECT count(1) FROM odd_wide WHERE pg_sleep(0.05) IS NOT NULL");
		snprintf(sql, sizeof(sql),
		        "SELECT (count(1) >= 2)::int FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
		        " WHERE a.leader_pid = %d AND l.relation = 'odd_wide'::regclass",
		        st->pid[0]);
		until(st, sql);
		begins(st, 1, "BEGIN; LOCK TABLE odd_wide");
		expect(st, LOCK_RELATION, "public.odd_wide");
	}
}

static void test_safe_snapshots(void **state)
{
	(void)state;
	struct stage_set *st = &newest;
	struct shown s;
	char sql[SQL_MAX];
	control(st, "CREATE TABLE odd_safe (id int)");
	does(st, 0, "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO odd_safe VALUES (1)");
	begins(st, 1, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT 1 FROM odd_safe");
	snprintf(sql, sizeof(sql),
	        "SELECT count(1) FROM pg_stat_activity WHERE wait_event = 'SafeSnapshot' AND pid = %d",
	        st->pid[1]);
	until(st, sql);
	look(st, false, &s);
	check_lock(&s, blocked_by(&s, st->pid[1], st->pid[0], false), LOCK_SAFE_SNAPSHOT, NULL);
	arena_free(s.arena);
	all_leave(st);
}

static void test_lock_rows(void **state)
{
	(void)state;
	struct stage_set *st = &newest;
	struct arena *arena = arena_new();
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, &st->server, "nobody", LANE_ADMIN, &ep);
	control(st, "CREATE TABLE odd_rows (id int); CREATE TABLE odd_more (id int)");
	does(st, 0,
	        "BEGIN; LOCK TABLE odd_more IN SHARE MODE; SELECT pg_advisory_lock(1), pg_advisory_lock(2)");
	does(st, 1, "BEGIN; LOCK TABLE odd_rows");
	begins(st, 0, "LOCK TABLE odd_rows IN ROW SHARE MODE");
	waits(st, 0);
	struct table *t = drive_table(&drive, admin, "lock_rows", st->pid[0], arena);
	assert_true(t->nrows >= 4);
	assert_false(drive_cell(t, 0, "held")->u.i);
	assert_string_equal(drive_cell(t, 0, "object")->u.s, "public.odd_rows");
	assert_string_equal(drive_cell(t, 0, "mode")->u.s, "RowShareLock");
	assert_int_equal(drive_cell(t, 0, "waiting_ms")->type, CELL_INT);
	bool share = false;
	for (size_t row = 1; row < t->nrows; row++) {
		assert_true(drive_cell(t, row, "held")->u.i);
		share = share || (strcmp(drive_cell(t, row, "object")->u.s, "public.odd_more") == 0 &&
		                         strcmp(drive_cell(t, row, "mode")->u.s, "ShareLock") == 0);
	}
	assert_true(share);
	drive.driver->close(admin);
	endpoint_free(&ep);
	arena_free(arena);
	all_leave(st);
}

/* Replay waits for a reader, other readers wait for replay; who is in the way is the reader. */
static void test_replay_waits_for_a_reader(void **state)
{
	(void)state;
	struct stage_set *st = &standby;
	char sql[SQL_MAX];
	control(st, "ALTER SYSTEM SET max_standby_streaming_delay = -1");
	control(st, "SELECT pg_reload_conf()");
	control(&primary,
	        "CREATE TABLE odd_replay (id int); INSERT INTO odd_replay SELECT generate_series(1, 100)");
	until(st, "SELECT count(1) FROM pg_class WHERE relname = 'odd_replay'");
	until(st, "SELECT count(1) FROM odd_replay");
	until(st, "SELECT (current_setting('max_standby_streaming_delay') = '-1')::int");
	int startup = (int)number(st, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'");
	does(st, 0, "BEGIN; SELECT count(1) FROM odd_replay");
	control(&primary, "ALTER TABLE odd_replay ADD COLUMN more int");
	snprintf(sql, sizeof(sql), "SELECT count(1) FROM pg_locks WHERE NOT granted AND pid = %d", startup);
	until(st, sql);
	begins(st, 1, "SELECT count(1) FROM odd_replay");
	waits(st, 1);
	for (int role = 0; role < 2; role++) {
		struct shown s;
		struct lock_frees frees;
		look(st, role == 1, &s);
		check_lock(
		        &s, blocked_by(&s, startup, st->pid[0], false), LOCK_RECOVERY, "public.odd_replay");
		blocked_by(&s, st->pid[1], startup, false);
		only_root(&s, st->pid[0]);
		locks_release(&s.graph, s.graph.roots, 1, REMEDY_TERMINATE, &frees);
		assert_int_equal(frees.now, 1);
		assert_int_equal(frees.later, 1);
		arena_free(s.arena);
	}
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", st->pid[0]);
	control(st, sql);
	until(st, "SELECT (count(1) = 0)::int FROM pg_locks WHERE NOT granted");
	all_leave(st);
}

/* Rows that a reader's snapshot still needs: which reader is likely, not certain. */
static void test_replay_waits_for_a_snapshot(void **state)
{
	(void)state;
	struct stage_set *st = &standby;
	struct shown s;
	int startup = (int)number(st, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'");
	control(&primary,
	        "CREATE TABLE odd_snap (id int); INSERT INTO odd_snap SELECT generate_series(1, 1000)");
	until(st, "SELECT count(1) FROM pg_class WHERE relname = 'odd_snap'");
	until(st, "SELECT count(1) FROM odd_snap");
	does(st, 0, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(1) FROM odd_snap");
	control(&primary, "DELETE FROM odd_snap");
	control(&primary, "VACUUM odd_snap");
	until(st, "SELECT count(1) FROM pg_stat_activity WHERE wait_event = 'RecoveryConflictSnapshot'");
	look(st, false, &s);
	check_lock(&s, blocked_by(&s, startup, st->pid[0], true), LOCK_RECOVERY, NULL);
	arena_free(s.arena);
	all_leave(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_kinds_have_names, leave),
	        cmocka_unit_test_teardown(test_other_databases_have_numbers, leave),
	        cmocka_unit_test_teardown(test_a_circle_is_seen, leave),
	        cmocka_unit_test_teardown(test_parallel_queries_have_one_leader, leave),
	        cmocka_unit_test_teardown(test_safe_snapshots, leave),
	        cmocka_unit_test_teardown(test_lock_rows, leave),
	        /* Afterwards names are not asked for again for 30 s. */
	        cmocka_unit_test_teardown(test_locked_catalogs_blind_nothing, leave),
	        cmocka_unit_test_teardown(test_replay_waits_for_a_reader, leave),
	        cmocka_unit_test_teardown(test_replay_waits_for_a_snapshot, leave),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
