/* From the fleet to what holds a standby up, by one key: replay that somebody paused, a reader that recovery
 * waits for, a slot nobody reads, and at last a standby that somebody promoted beside its primary. Servers of
 * this test's own. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/culprit.h"
#include "tests/support/lock_crowd.h"

enum { SOON_MS = 15000, CONFLICT_MS = 25000, SQL_MS = 10000 };

static struct lab_server primary, standby;
static struct cockpit at;
static PGconn *reader;

static void sql(const struct lab_server *server, const char *text)
{
	free(lab_sql(server, "dba", text, SQL_MS));
}

static int setup(void **state)
{
	(void)state;
	static const char *const settings[] = {"max_slot_wal_keep_size=32MB", "wal_keep_size=0",
	        "max_standby_streaming_delay=-1", "autovacuum=off", NULL};
	primary = lab_spawn("pg18", "across18", settings);
	standby = lab_spawn_replica("pg18", "across18s", primary.name);
	cockpit_begin(&at, 3000, 800);
	cockpit_cluster(&at, "orders", "lab");
	cockpit_add(&at, "orders-1", &primary, "monitor", 0, NULL);
	cockpit_add(&at, "orders-2", &standby, "monitor", 0, NULL);
	cockpit_open(&at, 40, 160, NULL, NULL);
	cockpit_wait_row(&at, "orders-1", "primary .*[0-9]+/[0-9]+", SOON_MS);
	cockpit_wait_row(&at, "orders-2", "replica .*[0-9]+/[0-9]+", SOON_MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	PQfinish(reader);
	cockpit_drop(&at);
	lab_remove(standby.name);
	lab_remove(primary.name);
	return 0;
}

static void test_replay_is_paused(void **state)
{
	(void)state;
	sql(&standby, "SELECT pg_wal_replay_pause()");
	sql(&primary, "UPDATE stock SET qty = qty + 1");
	culprit_found(&at, "orders-2: replay is paused", "orders-1 +primary", "orders-2 .*(PAUSED|paused)",
	        SOON_MS);
	sql(&standby, "SELECT pg_wal_replay_resume()");
}

/* It is a finding after ten seconds; meanwhile the next one is made. */
static void test_a_slot_is_forgotten(void **state)
{
	(void)state;
	reader = crowd_connect(&standby, "app", "app");
	PQclear(PQexec(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ"));
	PGresult *r = PQexec(reader, "SELECT count(*) FROM stock");
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	PQclear(r);
	sql(&primary,
	        "BEGIN; LOCK TABLE stock IN ACCESS EXCLUSIVE MODE; UPDATE stock SET qty = 1 WHERE sku = 1; "
	        "COMMIT");
	sql(&primary, "SELECT pg_create_physical_replication_slot('forgotten', true)");
	for (int i = 0; i < 3; i++) {
		sql(&primary, "UPDATE stock SET qty = qty + 1 WHERE sku <= 10");
		sql(&primary, "SELECT pg_switch_wal()");
	}
	culprit_found(&at, "orders-1: slot forgotten ", "orders-1 +primary", "slot +forgotten", SOON_MS);
	sql(&primary, "SELECT pg_drop_replication_slot('forgotten')");
}

static void test_recovery_waits_for_a_reader(void **state)
{
	(void)state;
	int pid = PQbackendPID(reader);
	culprit_found(&at, culprit_text("orders-2: replay has waited [0-9]+ s for the reader %d", pid),
	        "orders-1 +primary", culprit_text("%d", pid), CONFLICT_MS);
	PQfinish(reader);
	reader = NULL;
}

static void test_two_primaries(void **state)
{
	(void)state;
	sql(&standby, "SELECT pg_promote(false)");
	culprit_found(&at, "orders: two writable primaries: orders-1 and orders-2", "orders-1 +primary",
	        "orders-2 +primary", SOON_MS);
	cockpit_quit(&at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_replay_is_paused),
	        cmocka_unit_test(test_a_slot_is_forgotten),
	        cmocka_unit_test(test_recovery_waits_for_a_reader),
	        cmocka_unit_test(test_two_primaries),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
