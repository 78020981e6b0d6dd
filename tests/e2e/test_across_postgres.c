/* From the fleet to the session that causes it, by one key: rows locked by a forgotten transaction, a change
 * of a table that everybody queues behind, a transaction left open, connections that leak, a statement that
 * does not end, a server that hangs. A PostgreSQL of this test's own, so that nothing else is worse. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/client_postgres.h"
#include "tests/support/culprit.h"
#include "tests/support/lock_crowd.h"
#include "tests/support/wait.h"

enum { SOON_MS = 15000, SQL_MS = 10000, CROWD = 12, TEXT_MAX = 256 };

static struct lab_server postgres;
static struct cockpit at;
static PGconn *crowd[CROWD];
static size_t ncrowd;

static int setup(void **state)
{
	(void)state;
	postgres = lab_spawn("pg15", "across15", NULL);
	cockpit_begin(&at, 3000, 800);
	at.thresholds = "idle_transaction_notice: 1s, idle_transaction_warn: 1s, statement_warn: 2s";
	cockpit_cluster(&at, "orders", "lab");
	cockpit_add(&at, "orders-pg", &postgres, "monitor", 0, NULL);
	cockpit_open(&at, 40, 160, NULL, NULL);
	cockpit_wait_row(&at, "orders-pg", "[0-9]+/[0-9]+", SOON_MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_resume(&postgres);
	cockpit_drop(&at);
	lab_remove(postgres.name);
	return 0;
}

/* ---- the application's sessions ---- */

static PGconn *session(const char *app)
{
	char sql[TEXT_MAX];
	assert_true(ncrowd < CROWD);
	PGconn *pg = crowd[ncrowd++] = crowd_connect(&postgres, "app", "app");
	snprintf(sql, sizeof(sql), "SET application_name = '%s'", app);
	pg_client_run(pg, sql);
	return pg;
}

/* Sent, not waited for. */
static PGconn *begin(const char *app, const char *sql)
{
	PGconn *pg = session(app);
	assert_int_equal(PQsendQuery(pg, sql), 1);
	return pg;
}

/* The application is gone: with the holders first, so that who waits sees it. */
static int all_leave(void **state)
{
	(void)state;
	for (size_t i = 0; i < ncrowd; i++) {
		PGcancel *cancel = PQgetCancel(crowd[i]);
		char error[TEXT_MAX];
		PQcancel(cancel, error, sizeof(error));
		PQfreeCancel(cancel);
		PQfinish(crowd[i]);
	}
	ncrowd = 0;
	return 0;
}

/* ---- incidents ---- */

static void test_rows_locked(void **state)
{
	(void)state;
	PGconn *holder = session("checkout");
	pg_client_run(holder, "BEGIN; UPDATE stock SET qty = qty - 1 WHERE sku = 7");
	for (int i = 0; i < 6; i++)
		begin("shipping", "UPDATE stock SET qty = qty - 1 WHERE sku = 7");
	culprit_found(&at,
	        culprit_text("orders-pg: 6 sessions wait for pid %d \\(idle in transaction [0-9]+s, "
	                     "app=checkout\\)",
	                PQbackendPID(holder)),
	        "best move", culprit_text("^ *[^0-9]*%d .*idle in t", PQbackendPID(holder)), SOON_MS);
}

static bool somebody_waits(void *arg)
{
	(void)arg;
	return lab_sql_number(&postgres, "dba", "SELECT count(*) FROM pg_locks WHERE NOT granted", SQL_MS) >
	       0;
}

static void test_everybody_behind_a_change(void **state)
{
	(void)state;
	PGconn *reader = session("report");
	pg_client_run(reader, "BEGIN; SELECT count(*) FROM stock");
	PGconn *ddl = begin("migrate", "ALTER TABLE stock ADD COLUMN note text");
	assert_true(wait_until(somebody_waits, NULL, SOON_MS));
	for (int i = 0; i < 5; i++)
		begin("shop", "SELECT qty FROM stock WHERE sku = 7");
	culprit_found(&at,
	        culprit_text("orders-pg: 6 sessions wait for pid %d \\(idle in transaction [0-9]+s, "
	                     "app=report\\), "
	                     "5 of them behind pid %d \\(app=migrate\\)",
	                PQbackendPID(reader), PQbackendPID(ddl)),
	        culprit_text("best move +cancel %d", PQbackendPID(ddl)),
	        culprit_text("^ *[^0-9]*%d .*idle in t", PQbackendPID(reader)), SOON_MS);
}

static void test_a_transaction_left_open(void **state)
{
	(void)state;
	PGconn *idler = session("forgetful");
	pg_client_run(idler, "BEGIN; SELECT count(*) FROM stock");
	culprit_found(&at,
	        culprit_text("orders-pg: pid %d is idle in transaction for [0-9.]+s \\(app=forgetful\\)",
	                PQbackendPID(idler)),
	        "ID +USER", culprit_text("(^| )%d ", PQbackendPID(idler)), SOON_MS);
}

static void test_connections_leak(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		pg_client_run(session("leaky"), "BEGIN; SELECT count(*) FROM stock");
	culprit_found(&at, "orders-pg: app=leaky from .* leaks connections: 10 open, 10 idle in transaction",
	        "by signature", "10 +▸ @ idle in transaction .*app=leaky", 2 * SOON_MS);
}

static void test_a_statement_that_does_not_end(void **state)
{
	(void)state;
	PGconn *runaway = begin("adhoc", "SELECT pg_sleep(120)");
	culprit_found(&at,
	        culprit_text("orders-pg: pid %d runs one statement for [0-9.]+s \\(app=adhoc\\)",
	                PQbackendPID(runaway)),
	        "ID +USER", culprit_text("(^| )%d ", PQbackendPID(runaway)), SOON_MS);
}

static void test_a_server_hangs(void **state)
{
	(void)state;
	lab_pause(&postgres);
	culprit_found(&at, "orders-pg: no answer for [0-9]+ s", "INSTANCE", "orders-pg .*no answer", SOON_MS);
	lab_resume(&postgres);
	cockpit_wait_row(&at, "orders-pg", "[0-9]+/[0-9]+", SOON_MS);
	cockpit_quit(&at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_rows_locked, all_leave),
	        cmocka_unit_test_teardown(test_everybody_behind_a_change, all_leave),
	        cmocka_unit_test_teardown(test_a_transaction_left_open, all_leave),
	        cmocka_unit_test_teardown(test_connections_leak, all_leave),
	        cmocka_unit_test_teardown(test_a_statement_that_does_not_end, all_leave),
	        cmocka_unit_test(test_a_server_hangs),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
