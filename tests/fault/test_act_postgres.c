/* Actions when they are needed: while the lanes of the server hang, while no connection is left, while a lock
 * is on pg_database; many at once; and without the right to. PostgreSQL 15. */
#include "tests/support/test.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/acts.h"
#include "tests/support/client_postgres.h"
#include "tests/support/wait.h"

enum { SQL_MS = 5000, FOLLOW_MS = 10000, CROWD = 64 };

static struct lab_server server;
static struct acts A;

static int setup(void **state)
{
	(void)state;
	static const char *const settings[] = {"max_connections=24", NULL};
	server = lab_spawn("pg15", "acts15", settings);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_remove(server.name);
	return 0;
}

static int start(void **state)
{
	(void)state;
	acts_start(&A, &postgres_driver, &server, "actor", 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	acts_stop(&A);
	return 0;
}

static PGconn *try_as(const char *user)
{
	char url[256];
	lab_url_with_password(&server, user, 0, url, sizeof(url));
	return PQconnectdb(url);
}

static PGconn *open_as(const char *user)
{
	return pg_client_open(&server, user);
}

static PGconn *idle_in_xact(int64_t *id)
{
	PGconn *pg = open_as("app");
	pg_client_run(pg, "BEGIN");
	pg_client_run(pg, "SELECT pg_advisory_xact_lock(4711)");
	*id = PQbackendPID(pg);
	return pg;
}

static void expect_gone(PGconn *victim, const char *journal_outcome)
{
	if (A.told.outcome != OUTCOME_GONE)
		fail_msg("%s", A.told.say);
	PQclear(PQexec(victim, "SELECT 1"));
	assert_int_equal(PQstatus(victim), CONNECTION_BAD);
	assert_true(acts_journal(&A, "\"event\":\"asked\"") > 0);
	assert_true(acts_journal(&A, journal_outcome) > 0);
	PQfinish(victim);
}

static void test_a_waiter_goes_on(void **state)
{
	(void)state;
	int64_t id;
	PGconn *holder = idle_in_xact(&id);
	PGconn *waiter = open_as("app");
	assert_true(PQsendQuery(waiter, "SELECT pg_advisory_lock(4711)"));
	acts_see_blocked(&A, PQbackendPID(waiter), id);
	acts_see(&A, &id, 1, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	assert_non_null(strstr(A.told.say, "1 session resumed"));
	expect_gone(holder, "\"outcome\":\"gone\"");
	PGresult *r = PQgetResult(waiter);
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	PQclear(r);
	PQfinish(waiter);
}

static void test_a_statement_is_cancelled(void **state)
{
	(void)state;
	PGconn *victim = open_as("app");
	int64_t id = PQbackendPID(victim);
	assert_true(PQsendQuery(victim, "SELECT pg_sleep(60)"));
	acts_see(&A, &id, 1, "active");
	acts_do(&A, ACTION_CANCEL, &id, 1, FOLLOW_MS);
	assert_int_equal(A.told.outcome, OUTCOME_STOPPED);
	PGresult *r = PQgetResult(victim);
	assert_string_equal(PQresultErrorField(r, PG_DIAG_SQLSTATE), "57014");
	PQclear(r);
	while ((r = PQgetResult(victim)) != NULL)
		PQclear(r);
	pg_client_run(victim, "SELECT 1");
	PQfinish(victim);
}

/* Whether what is shown has grown old: the lane that reads it hangs. */
static bool is_old(void *arg)
{
	struct acts *a = arg;
	acts_look(a);
	return snapshot_age_ms(a->snap, 0, "sessions") > 2000;
}

static void test_while_the_lanes_hang(void **state)
{
	(void)state;
	int64_t id;
	PGconn *victim = idle_in_xact(&id);
	acts_see(&A, &id, 1, "idle in transaction");
	long fast = lab_sql_number(&server, "dba",
	        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'dbatop/%/fast'"
	        " ORDER BY backend_start DESC LIMIT 1;", /* an earlier test's may still be leaving */
	        SQL_MS);
	assert_true(fast > 0);
	assert_int_equal(kill((pid_t)fast, SIGSTOP), 0);
	bool old = wait_until(is_old, &A, FOLLOW_MS);
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	kill((pid_t)fast, SIGCONT);
	assert_true(old);
	expect_gone(victim, "\"outcome\":\"gone\"");
}

static void test_while_no_connection_is_left(void **state)
{
	(void)state;
	PGconn *crowd[CROWD];
	int64_t id;
	size_t n = 0;
	PGconn *victim = idle_in_xact(&id);
	acts_see(&A, &id, 1, "idle in transaction");
	while (n < CROWD && PQstatus(crowd[n] = try_as("dba")) == CONNECTION_OK)
		n++;
	bool full = n < CROWD && strstr(PQerrorMessage(crowd[n]), "too many") != NULL;
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	for (size_t i = 0; i <= n && i < CROWD; i++)
		PQfinish(crowd[i]);
	assert_true(full);
	expect_gone(victim, "\"outcome\":\"gone\"");
}

/* The very session that holds the lock on pg_database is ended. */
static void test_while_pg_database_is_locked(void **state)
{
	(void)state;
	PGconn *victim = open_as("dba");
	int64_t id = PQbackendPID(victim);
	pg_client_run(victim, "BEGIN");
	pg_client_run(victim, "LOCK pg_database IN ACCESS EXCLUSIVE MODE");
	acts_stop(&A);
	pg_client_run(victim, "ROLLBACK");
	acts_start(&A, &postgres_driver, &server, "dba", 0);
	acts_see(&A, &id, 1, "idle");
	pg_client_run(victim, "BEGIN");
	pg_client_run(victim, "LOCK pg_database IN ACCESS EXCLUSIVE MODE");
	acts_see(&A, &id, 1, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	expect_gone(victim, "\"outcome\":\"gone\"");
}

static void test_many_at_once(void **state)
{
	(void)state;
	enum { MANY = 8 };
	PGconn *victims[MANY];
	int64_t ids[MANY];
	for (int i = 0; i < MANY; i++) {
		victims[i] = open_as("app");
		pg_client_run(victims[i], "BEGIN");
		ids[i] = PQbackendPID(victims[i]);
	}
	acts_see(&A, ids, MANY, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, ids, MANY, FOLLOW_MS);
	assert_int_equal(A.gone, MANY);
	assert_int_equal(acts_journal(&A, "\"event\":\"asked\""), MANY);
	assert_int_equal(acts_journal(&A, "\"outcome\":\"gone\""), MANY);
	for (int i = 0; i < MANY; i++)
		PQfinish(victims[i]);
}

static void test_a_superuser_without_the_right(void **state)
{
	(void)state;
	PGconn *victim = open_as("dba");
	int64_t id = PQbackendPID(victim);
	pg_client_run(victim, "BEGIN");
	acts_see(&A, &id, 1, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	assert_int_equal(A.told.outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(A.told.say, "superuser"));
	assert_true(acts_journal(&A, "\"outcome\":\"refused\"") > 0);
	pg_client_run(victim, "COMMIT");
	PQfinish(victim);
}

static void test_without_pg_signal_backend(void **state)
{
	(void)state;
	acts_stop(&A);
	acts_start(&A, &postgres_driver, &server, "monitor", 0);
	int64_t id;
	PGconn *victim = idle_in_xact(&id);
	acts_see(&A, &id, 1, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	assert_int_equal(A.told.outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(A.told.say, "GRANT pg_signal_backend TO monitor"));
	pg_client_run(victim, "COMMIT");
	PQfinish(victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_a_waiter_goes_on, start, stop),
	        cmocka_unit_test_setup_teardown(test_a_statement_is_cancelled, start, stop),
	        cmocka_unit_test_setup_teardown(test_while_the_lanes_hang, start, stop),
	        cmocka_unit_test_setup_teardown(test_while_no_connection_is_left, start, stop),
	        cmocka_unit_test_setup_teardown(test_while_pg_database_is_locked, start, stop),
	        cmocka_unit_test_setup_teardown(test_many_at_once, start, stop),
	        cmocka_unit_test_setup_teardown(test_a_superuser_without_the_right, start, stop),
	        cmocka_unit_test_setup_teardown(test_without_pg_signal_backend, start, stop),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
