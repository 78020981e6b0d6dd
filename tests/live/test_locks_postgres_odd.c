/* Waits that random scenes do not meet: parallel queries, safe snapshots, replay on a standby, circles,
 * objects, locked catalogs, other databases. Each is produced on a server of its own, seen by a role with
 * pg_monitor and by one without. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/lock_odd.h"

static struct drive drive;
static struct odd_stage oldest, newest, primary, standby;

static int setup(void **state)
{
	static const char *const settings[] = {"max_prepared_transactions=4", "max_worker_processes=8", NULL};
	(void)state;
	drive_start(&drive, &postgres_driver);
	oldest.server = lab_spawn("pg13", "locksodd13", settings);
	newest.server = lab_spawn("pg18", "locksodd18", settings);
	primary.server = lab_spawn("pg15", "locksodd15", settings);
	odd_open(&oldest, &drive, NULL);
	odd_open(&newest, &drive, "CREATE DATABASE elsewhere");
	odd_open(&primary, &drive, NULL);
	standby.server = lab_spawn_replica("pg15", "locksodd15r", primary.server.name);
	odd_open(&standby, &drive, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	odd_close(&standby);
	odd_close(&primary);
	odd_close(&newest);
	odd_close(&oldest);
	drive_stop(&drive);
	return 0;
}

/* After each test, failed or not. */
static int leave(void **state)
{
	struct odd_stage *const sets[] = {&oldest, &newest, &primary, &standby};
	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		odd_all_leave(sets[i]);
	return 0;
}

static const char waits_for_pin[] =
        "SELECT count(1) FROM pg_stat_activity WHERE wait_event = 'BufferPin' AND pid = %d";

static void test_kinds_have_names(void **state)
{
	struct odd_stage *const sets[] = {&oldest, &newest};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct odd_stage *st = sets[i];
		char object[64];
		odd_control(st,
		        "CREATE TABLE odd (id int PRIMARY KEY, v int); INSERT INTO odd VALUES (1, 1), (2, 2);"
		        "CREATE SCHEMA oddly");
		odd_play(st, "BEGIN; UPDATE odd SET v = 1 WHERE id = 1", "UPDATE odd SET v = 2 WHERE id = 1",
		        LOCK_TRANSACTION, "public.odd (0,1)");
		/* Whoever inserts the same key waits for a transaction and for no row. */
		odd_play(st, "BEGIN; INSERT INTO odd VALUES (3, 3)", "INSERT INTO odd VALUES (3, 3)",
		        LOCK_TRANSACTION, NULL);
		odd_play(st, "BEGIN; INSERT INTO odd VALUES (4, 4)", "CREATE INDEX CONCURRENTLY ON odd (v)",
		        LOCK_VIRTUAL, NULL);
		odd_control(st, "DROP INDEX IF EXISTS odd_v_idx");
		odd_play(st, "BEGIN; SELECT 1 FROM odd", "ALTER TABLE odd ADD COLUMN w int", LOCK_RELATION,
		        "public.odd");
		odd_play(st, "SELECT pg_advisory_lock(-5)", "SELECT pg_advisory_lock(-5)", LOCK_ADVISORY,
		        "key -5");
		odd_play(st, "SELECT pg_advisory_lock(7, -9)", "SELECT pg_advisory_lock_shared(7, -9)",
		        LOCK_ADVISORY, "key 7, -9");
		snprintf(object, sizeof(object), "pg_namespace %ld",
		        odd_number(st, "SELECT 'oddly'::regnamespace::oid"));
		odd_play(
		        st, "BEGIN; DROP SCHEMA oddly", "CREATE TABLE oddly.t (id int)", LOCK_OBJECT, object);
	}
}

/* One whose cleanup of a GIN index is slow holds its first page for that long. */
static void test_pages(void **state)
{
	struct odd_stage *const sets[] = {&oldest, &newest};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct odd_stage *st = sets[i];
		odd_control(st,
		        "CREATE TABLE odd_gin (v int[]) WITH (autovacuum_enabled = off);"
		        "CREATE INDEX ON odd_gin USING gin (v);"
		        "INSERT INTO odd_gin SELECT ARRAY(SELECT generate_series(g * 100, g * 100 + 99))"
		        " FROM generate_series(1, 10) g");
		odd_does(st, 0, "SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1");
		odd_begins(st, 0, "VACUUM odd_gin");
		odd_until(st, "SELECT count(1) FROM pg_locks WHERE locktype = 'page' AND granted");
		odd_begins(st, 1, "SELECT gin_clean_pending_list('odd_gin_v_idx')");
		odd_expect(st, LOCK_PAGE, "public.odd_gin_v_idx page 0");
	}
}

/* A cursor stands on a page that VACUUM has to have alone. */
static void test_pins(void **state)
{
	struct odd_stage *const sets[] = {&oldest, &newest};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct odd_stage *st = sets[i];
		struct odd_shown s;
		char sql[SQL_MAX];
		odd_control(st, "CREATE TABLE odd_pin (id int) WITH (autovacuum_enabled = off);"
		                "INSERT INTO odd_pin SELECT generate_series(1, 100)");
		odd_does(st, 0, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM odd_pin; FETCH 1 FROM c");
		odd_begins(st, 1, "VACUUM FREEZE odd_pin");
		snprintf(sql, sizeof(sql), waits_for_pin, st->pid[1]);
		odd_until(st, sql);
		odd_look(st, false, &s);
		odd_check_lock(&s, odd_blocked_by(&s, st->pid[1], st->pid[0], true), LOCK_BUFFER_PIN, NULL);
		arena_free(s.arena);
		odd_all_leave(st);
	}
}

static void test_other_databases_have_numbers(void **state)
{
	(void)state;
	char object[96];
	struct odd_stage *st = &newest;
	odd_enter(st, 0, "elsewhere");
	odd_does(st, 0, "CREATE TABLE far (id int)");
	PGresult *r = odd_run(st->actor[0], "SELECT 'far'::regclass::oid");
	snprintf(object, sizeof(object), "relation %s of elsewhere", PQgetvalue(r, 0, 0));
	PQclear(r);
	odd_enter(st, 1, "elsewhere");
	odd_play(st, "BEGIN; LOCK TABLE far", "SELECT 1 FROM far", LOCK_RELATION, object);
}

/* pg_database locked as VACUUM FULL does: the names of before stay, nothing waits. */
static void test_locked_catalogs_blind_nothing(void **state)
{
	(void)state;
	struct odd_stage *st = &newest;
	for (int role = 0; role < 2; role++) {
		struct odd_shown s;
		odd_look(st, role == 1, &s); /* names are known, the statement is prepared */
		arena_free(s.arena);
	}
	odd_enter(st, 1, "app"); /* later nobody could log in */
	odd_play(st, "BEGIN; LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE",
	        "SELECT count(1) FROM pg_database", LOCK_RELATION, "pg_database");

	/* With pg_class locked new names cannot be asked for: numbers, at once. */
	char object[64];
	odd_control(st, "CREATE TABLE unseen (id int)");
	snprintf(object, sizeof(object), "relation %ld", odd_number(st, "SELECT 'unseen'::regclass::oid"));
	odd_does(st, 0, "BEGIN; LOCK TABLE unseen");
	odd_does(st, 2, "SELECT 1");
	odd_begins(st, 1, "BEGIN; SELECT 1 FROM unseen");
	odd_waits(st, 1);
	odd_does(st, 2, "BEGIN; LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE");
	for (int role = 0; role < 2; role++) {
		struct odd_shown s;
		odd_look(st, role == 1, &s);
		odd_check_lock(&s, odd_blocked_by(&s, st->pid[1], st->pid[0], false), LOCK_RELATION, object);
		arena_free(s.arena);
	}
	odd_all_leave(st);
}

static void test_a_circle_is_seen(void **state)
{
	(void)state;
	struct odd_stage *st = &oldest;
	struct odd_shown s;
	odd_control(st, "CREATE TABLE IF NOT EXISTS odd_circle (id int PRIMARY KEY); INSERT INTO odd_circle "
	                "VALUES (1), (2)");
	for (int a = 0; a < 2; a++) {
		odd_does(st, a, "SET deadlock_timeout = '1h'");
		odd_does(st, a,
		        a == 0 ? "BEGIN; SELECT 1 FROM odd_circle WHERE id = 1 FOR UPDATE"
		               : "BEGIN; SELECT 1 FROM odd_circle WHERE id = 2 FOR UPDATE");
	}
	odd_begins(st, 0, "SELECT 1 FROM odd_circle WHERE id = 2 FOR UPDATE");
	odd_waits(st, 0);
	odd_begins(st, 1, "SELECT 1 FROM odd_circle WHERE id = 1 FOR UPDATE");
	odd_waits(st, 1);
	odd_look(st, false, &s);
	odd_blocked_by(&s, st->pid[0], st->pid[1], false);
	odd_blocked_by(&s, st->pid[1], st->pid[0], false);
	assert_int_equal(s.graph.counts.circles, 1);
	arena_free(s.arena);
	odd_all_leave(st);
}

static const char parallel[] =
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;"
        "SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off";

/* Two workers of one query wait, each on its own, for one holder. */
static void workers_wait(struct odd_stage *st)
{
	struct odd_shown s;
	char sql[SQL_MAX];
	odd_control(st, "CREATE FUNCTION odd_wait(int) RETURNS bool LANGUAGE plpgsql PARALLEL SAFE AS"
	                " 'BEGIN PERFORM pg_advisory_xact_lock(99); RETURN true; END'");
	odd_does(st, 0, parallel);
	odd_does(st, 1, "SELECT pg_advisory_lock(99)");
	odd_begins(st, 0, "SELECT count(1) FROM odd_wide WHERE odd_wait(id)");
	snprintf(sql, sizeof(sql),
	        "SELECT (count(1) = 2)::int FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
	        " WHERE a.leader_pid = %d AND NOT l.granted",
	        st->pid[0]);
	odd_until(st, sql);
	odd_look(st, false, &s);
	odd_only_root(&s, st->pid[1]);
	assert_int_equal(s.graph.counts.waiters, 2);
	for (size_t i = 0; i < s.graph.nnodes; i++) {
		const struct lock_node *n = &s.graph.nodes[i];
		struct lock_edge edge;
		if (n->id == st->pid[1])
			continue;
		/* Of two workers one stands behind the other: the same query, once the sessions are known. */
		const struct lock_entry *e = odd_wait_of(&s, (int)n->id);
		locks_blockers(&s.graph, (uint32_t)(e - s.graph.entries), &edge, 1);
		assert_int_equal(s.graph.nodes[edge.blocker].id, st->pid[1]);
		assert_false(edge.soft);
		odd_check_lock(&s, e, LOCK_ADVISORY, "key 99");
	}
	arena_free(s.arena);
	odd_all_leave(st);
}

/* What workers hold is their leader's; what they wait for, too. */
static void test_parallel_queries_have_one_leader(void **state)
{
	struct odd_stage *const sets[] = {&oldest, &newest};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct odd_stage *st = sets[i];
		char sql[SQL_MAX];
		odd_control(st, "CREATE TABLE odd_wide AS SELECT g AS id, repeat('x', 1000) AS pad FROM "
		                "generate_series(1, 2000) g;"
		                "ANALYZE odd_wide");
		odd_does(st, 0, parallel);
		odd_begins(st, 0, "SELECT count(1) FROM odd_wide WHERE pg_sleep(0.05) IS NOT NULL");
		snprintf(sql, sizeof(sql),
		        "SELECT (count(1) >= 2)::int FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
		        " WHERE a.leader_pid = %d AND l.relation = 'odd_wide'::regclass",
		        st->pid[0]);
		odd_until(st, sql);
		odd_begins(st, 1, "BEGIN; LOCK TABLE odd_wide");
		odd_expect(st, LOCK_RELATION, "public.odd_wide");
		workers_wait(st);
	}
}

static void test_safe_snapshots(void **state)
{
	(void)state;
	struct odd_stage *st = &newest;
	struct odd_shown s;
	char sql[SQL_MAX];
	odd_control(st, "CREATE TABLE odd_safe (id int)");
	odd_does(st, 0, "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO odd_safe VALUES (1)");
	odd_begins(st, 1, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT 1 FROM odd_safe");
	snprintf(sql, sizeof(sql),
	        "SELECT count(1) FROM pg_stat_activity WHERE wait_event = 'SafeSnapshot' AND pid = %d",
	        st->pid[1]);
	odd_until(st, sql);
	odd_look(st, false, &s);
	odd_check_lock(&s, odd_blocked_by(&s, st->pid[1], st->pid[0], false), LOCK_SAFE_SNAPSHOT, NULL);
	arena_free(s.arena);
	odd_all_leave(st);
}

static void test_lock_rows(void **state)
{
	(void)state;
	struct odd_stage *st = &newest;
	struct arena *arena = arena_new();
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, &st->server, "nobody", LANE_ADMIN, &ep);
	odd_control(st, "CREATE TABLE odd_rows (id int); CREATE TABLE odd_more (id int)");
	odd_does(st, 0,
	        "BEGIN; LOCK TABLE odd_more IN SHARE MODE; SELECT pg_advisory_lock(1), pg_advisory_lock(2)");
	odd_does(st, 1, "BEGIN; LOCK TABLE odd_rows");
	odd_begins(st, 0, "LOCK TABLE odd_rows IN ROW SHARE MODE");
	odd_waits(st, 0);
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
	odd_all_leave(st);
}

/* Replay waits for a reader, other readers wait for replay; who is in the way is the reader. */
static void test_replay_waits_for_a_reader(void **state)
{
	(void)state;
	struct odd_stage *st = &standby;
	char sql[SQL_MAX];
	odd_control(st, "ALTER SYSTEM SET max_standby_streaming_delay = -1");
	odd_control(st, "SELECT pg_reload_conf()");
	odd_control(&primary,
	        "CREATE TABLE odd_replay (id int); INSERT INTO odd_replay SELECT generate_series(1, 100)");
	odd_until(st, "SELECT count(1) FROM pg_class WHERE relname = 'odd_replay'");
	odd_until(st, "SELECT count(1) FROM odd_replay");
	odd_until(st, "SELECT (current_setting('max_standby_streaming_delay') = '-1')::int");
	int startup = (int)odd_number(st, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'");
	odd_does(st, 0, "BEGIN; SELECT count(1) FROM odd_replay");
	odd_control(&primary, "ALTER TABLE odd_replay ADD COLUMN more int");
	snprintf(sql, sizeof(sql), "SELECT count(1) FROM pg_locks WHERE NOT granted AND pid = %d", startup);
	odd_until(st, sql);
	odd_begins(st, 1, "SELECT count(1) FROM odd_replay");
	odd_waits(st, 1);
	for (int role = 0; role < 2; role++) {
		struct odd_shown s;
		struct lock_frees frees;
		odd_look(st, role == 1, &s);
		odd_check_lock(&s, odd_blocked_by(&s, startup, st->pid[0], false), LOCK_RECOVERY,
		        "public.odd_replay");
		odd_blocked_by(&s, st->pid[1], startup, false);
		odd_only_root(&s, st->pid[0]);
		locks_release(&s.graph, s.graph.roots, 1, REMEDY_TERMINATE, &frees);
		assert_int_equal(frees.now, 1);
		assert_int_equal(frees.later, 1);
		arena_free(s.arena);
	}
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", st->pid[0]);
	odd_control(st, sql);
	odd_until(st, "SELECT (count(1) = 0)::int FROM pg_locks WHERE NOT granted");
	odd_all_leave(st);
}

/* Rows that a reader's snapshot still needs: which reader is likely, not certain. */
static void test_replay_waits_for_a_snapshot(void **state)
{
	(void)state;
	struct odd_stage *st = &standby;
	struct odd_shown s;
	int startup = (int)odd_number(st, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'");
	odd_control(&primary,
	        "CREATE TABLE odd_snap (id int); INSERT INTO odd_snap SELECT generate_series(1, 1000)");
	odd_until(st, "SELECT count(1) FROM pg_class WHERE relname = 'odd_snap'");
	odd_until(st, "SELECT count(1) FROM odd_snap");
	odd_does(st, 0, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(1) FROM odd_snap");
	odd_control(&primary, "DELETE FROM odd_snap");
	odd_control(&primary, "VACUUM odd_snap");
	odd_until(st, "SELECT count(1) FROM pg_stat_activity WHERE wait_event = 'RecoveryConflictSnapshot'");
	odd_look(st, false, &s);
	odd_check_lock(&s, odd_blocked_by(&s, startup, st->pid[0], true), LOCK_RECOVERY, NULL);
	arena_free(s.arena);
	odd_all_leave(st);
}

/* A page that a reader stands on: its rows were gone before it looked, so nothing but the pin is in the way.
 */
static void test_replay_waits_for_a_pin(void **state)
{
	(void)state;
	struct odd_stage *st = &standby;
	struct odd_shown s;
	char sql[SQL_MAX];
	int startup = (int)odd_number(st, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'");
	odd_control(&primary, "CREATE TABLE odd_page (id int) WITH (autovacuum_enabled = off);"
	                      "INSERT INTO odd_page SELECT generate_series(1, 100)");
	odd_control(&primary, "DELETE FROM odd_page WHERE id <= 50");
	odd_until(st, "SELECT count(1) FROM pg_class WHERE relname = 'odd_page'");
	odd_until(st, "SELECT (count(1) = 50)::int FROM odd_page");
	odd_does(st, 0, "BEGIN; DECLARE c CURSOR FOR SELECT id FROM odd_page; FETCH 1 FROM c");
	odd_control(&primary, "VACUUM odd_page");
	snprintf(sql, sizeof(sql), waits_for_pin, startup);
	odd_until(st, sql);
	odd_look(st, false, &s);
	odd_check_lock(&s, odd_blocked_by(&s, startup, st->pid[0], true), LOCK_BUFFER_PIN, NULL);
	arena_free(s.arena);
	odd_all_leave(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_kinds_have_names, leave),
	        cmocka_unit_test_teardown(test_pages, leave),
	        cmocka_unit_test_teardown(test_pins, leave),
	        cmocka_unit_test_teardown(test_other_databases_have_numbers, leave),
	        cmocka_unit_test_teardown(test_a_circle_is_seen, leave),
	        cmocka_unit_test_teardown(test_parallel_queries_have_one_leader, leave),
	        cmocka_unit_test_teardown(test_safe_snapshots, leave),
	        cmocka_unit_test_teardown(test_lock_rows, leave),
	        /* Afterwards names are not asked for again for 30 s. */
	        cmocka_unit_test_teardown(test_locked_catalogs_blind_nothing, leave),
	        cmocka_unit_test_teardown(test_replay_waits_for_a_reader, leave),
	        cmocka_unit_test_teardown(test_replay_waits_for_a_snapshot, leave),
	        cmocka_unit_test_teardown(test_replay_waits_for_a_pin, leave),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
