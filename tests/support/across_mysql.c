/* See the header. One cockpit sees all of it: each incident is taken back before the next one, which must
 * then be the worst. */
#include "tests/support/test.h"

#include "tests/support/across_mysql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/client_mysql.h"
#include "tests/support/culprit.h"
#include "tests/support/wait.h"

enum { SOON_MS = 15000, SQL_MS = 10000, CROWD = 10, PILE = 6 };

static const char *kind;
static struct lab_server primary, replica;
static struct cockpit at;
static MYSQL *crowd[CROWD];
static bool busy[CROWD];
static size_t ncrowd;

static int setup(void **state)
{
	(void)state;
	char name[64];
	snprintf(name, sizeof(name), "across_%s", kind);
	primary = lab_spawn(kind, name, NULL);
	snprintf(name, sizeof(name), "across_%s_r", kind);
	replica = lab_spawn_replica(kind, name, primary.name);
	cockpit_begin(&at, 3000, 800);
	at.thresholds = "idle_transaction_notice: 1s, idle_transaction_warn: 2s, statement_warn: 2s";
	cockpit_cluster(&at, "billing", "lab");
	cockpit_add(&at, "billing-my", &primary, "monitor", 0, NULL);
	cockpit_add(&at, "billing-re", &replica, "monitor", 0, NULL);
	cockpit_open(&at, 40, 160, NULL, NULL);
	cockpit_wait_row(&at, "billing-my", "[0-9]+/[0-9]+", SOON_MS);
	cockpit_wait_row(&at, "billing-re", "[0-9]+/[0-9]+", SOON_MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cockpit_drop(&at);
	lab_remove(replica.name);
	lab_remove(primary.name);
	return 0;
}

/* ---- the application's sessions ---- */

static MYSQL *session(const char *sql)
{
	assert_true(ncrowd < CROWD);
	MYSQL *m = crowd[ncrowd++] = client_open(&primary, "app");
	for (const char *s = sql; s != NULL; s = strchr(s, ';') != NULL ? strchr(s, ';') + 1 : NULL) {
		char one[256];
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(s, ";"), s);
		client_run(m, one);
	}
	return m;
}

/* Sent, not waited for. */
static MYSQL *begin(const char *sql)
{
	MYSQL *m = session(NULL);
	client_begin(m, sql);
	busy[ncrowd - 1] = true;
	return m;
}

/* The holders came first: who waits goes on, or is ended by the server, one after another. */
static int all_leave(void **state)
{
	(void)state;
	for (size_t i = 0; i < ncrowd; i++) {
		char kill[64];
		snprintf(kill, sizeof(kill), "KILL %lu", mysql_thread_id(crowd[i]));
		free(lab_sql(&primary, "dba", kill, SQL_MS));
		if (busy[i])
			client_outcome(crowd[i]);
		mysql_close(crowd[i]);
		busy[i] = false;
	}
	ncrowd = 0;
	return 0;
}

static bool somebody_waits(void *arg)
{
	(void)arg;
	return lab_sql_number(&primary, "dba",
	               "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for "
	               "table "
	               "metadata lock%'",
	               SQL_MS) > 0;
}

/* ---- incidents ---- */

static void test_rows_locked(void **state)
{
	(void)state;
	MYSQL *holder = session("BEGIN;UPDATE stock SET qty = qty - 1 WHERE sku = 7");
	for (int i = 0; i < PILE; i++)
		begin("UPDATE stock SET qty = qty - 1 WHERE sku = 7");
	culprit_found(&at,
	        culprit_text("billing-my: %d sessions wait for id %lu \\(idle in transaction", PILE,
	                mysql_thread_id(holder)),
	        culprit_text("best move.*%lu", mysql_thread_id(holder)),
	        culprit_text("^ *[^0-9]*%lu app .*idle in tx", mysql_thread_id(holder)), SOON_MS);
}

static void test_everybody_behind_a_change(void **state)
{
	(void)state;
	MYSQL *reader = session("BEGIN;SELECT COUNT(*) FROM stock");
	MYSQL *ddl = begin("ALTER TABLE stock ADD COLUMN note INT");
	assert_true(wait_until(somebody_waits, NULL, SOON_MS));
	for (int i = 1; i < PILE; i++)
		begin("SELECT qty FROM stock WHERE sku = 7");
	culprit_found(&at,
	        culprit_text(
	                "billing-my: %d sessions wait for (a metadata lock, likely of )?id %lu \\(idle in "
	                "transaction",
	                PILE, mysql_thread_id(reader)),
	        culprit_text("best move +cancel %lu", mysql_thread_id(ddl)),
	        culprit_text("^ *[^0-9]*%lu app .*idle in tx", mysql_thread_id(reader)), SOON_MS);
}

static void test_a_transaction_left_open(void **state)
{
	(void)state;
	MYSQL *idler = session("BEGIN;UPDATE stock SET qty = 1 WHERE sku = 9");
	culprit_found(&at,
	        culprit_text(
	                "billing-my: id %lu is idle in transaction for [0-9.]+s", mysql_thread_id(idler)),
	        "ID +USER", culprit_text("(^| )%lu ", mysql_thread_id(idler)), SOON_MS);
}

static void test_a_statement_that_does_not_end(void **state)
{
	(void)state;
	MYSQL *runaway = begin("SELECT SLEEP(120)");
	culprit_found(&at,
	        culprit_text("billing-my: id %lu runs one statement for [0-9.]+s", mysql_thread_id(runaway)),
	        "ID +USER", culprit_text("(^| )%lu ", mysql_thread_id(runaway)), SOON_MS);
}

static void test_the_applier_is_stopped(void **state)
{
	(void)state;
	bool maria = strcmp(primary.engine, "mariadb") == 0;
	free(lab_sql(&replica, "dba", maria ? "STOP SLAVE SQL_THREAD" : "STOP REPLICA SQL_THREAD", SQL_MS));
	free(lab_sql(&primary, "dba", "UPDATE app.stock SET qty = 2 WHERE sku = 3", SQL_MS));
	culprit_found(&at, "billing-re: replication is stopped: .*applier", "SERVER|NODE|CLUSTER",
	        "billing-re .*applier stopped", SOON_MS);
	cockpit_quit(&at);
}

int across_mysql(const char *of_kind)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_rows_locked, all_leave),
	        cmocka_unit_test_teardown(test_everybody_behind_a_change, all_leave),
	        cmocka_unit_test_teardown(test_a_transaction_left_open, all_leave),
	        cmocka_unit_test_teardown(test_a_statement_that_does_not_end, all_leave),
	        cmocka_unit_test(test_the_applier_is_stopped),
	};
	kind = of_kind;
	return cmocka_run_group_tests(tests, setup, teardown);
}
