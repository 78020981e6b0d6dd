/* Rights that are taken away one by one, under the real dashboard: the server goes on being shown with what
 * may be read, and comes back whole. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cockpit.h"

enum { SQL_MS = 10000, PATIENCE_MS = 12000 };

static const char user[] = "rights";
static struct lab_server postgres, mariadb, strict;
static struct cockpit at;

static int setup(void **state)
{
	(void)state;
	postgres = lab_server("pg15");
	mariadb = lab_server("maria1011");
	strict = lab_spawn("pg15", "rights15", NULL);
	lab_add_account(&postgres, user);
	lab_add_account(&mariadb, user);
	lab_add_account(&strict, user);
	return 0;
}

static int tidy(void **state)
{
	(void)state;
	cockpit_drop(&at);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_remove(strict.name);
	lab_drop_account(&postgres, user);
	lab_drop_account(&mariadb, user);
	return 0;
}

static void begin(void)
{
	cockpit_begin(&at, 1000, 500);
	cockpit_cluster(&at, "well", "prod");
	cockpit_add(&at, "near", &postgres, user, 0, NULL);
	cockpit_add(&at, "other", &mariadb, user, 0, NULL);
	cockpit_cluster(&at, "ill", "lab");
}

static void others_are_well(void)
{
	cockpit_assert_fresh(&at, "near", &postgres);
	cockpit_assert_fresh(&at, "other", &mariadb);
	cockpit_assert_keys_live(&at);
}

/* Each view and function that a probe of Fleet or Sessions needs, taken away and given back. */
static void test_rights_taken_away_one_by_one(void **state)
{
	(void)state;
	static const char *const needs[] = {"EXECUTE ON FUNCTION pg_catalog.pg_stat_get_activity(integer)",
	        "EXECUTE ON FUNCTION pg_catalog.pg_blocking_pids(integer)",
	        "EXECUTE ON FUNCTION pg_catalog.pg_stat_get_db_xact_commit(oid)",
	        "EXECUTE ON FUNCTION pg_catalog.pg_control_system()",
	        "EXECUTE ON FUNCTION pg_catalog.pg_stat_get_wal_senders()",
	        "EXECUTE ON FUNCTION pg_catalog.pg_stat_get_wal_receiver()",
	        "EXECUTE ON FUNCTION pg_catalog.pg_stat_get_archiver()",
	        "EXECUTE ON FUNCTION pg_catalog.pg_lock_status()", "SELECT ON pg_catalog.pg_locks",
	        "SELECT ON pg_catalog.pg_database", "SELECT ON pg_catalog.pg_roles",
	        "SELECT ON pg_catalog.pg_replication_slots"};
	char sql[256];
	begin();
	cockpit_add(&at, "strict", &strict, user, 0, NULL);
	cockpit_open(&at, 30, 160, NULL, NULL);
	cockpit_wait_row(&at, "strict", "[0-9]+/[0-9]+", PATIENCE_MS);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		snprintf(sql, sizeof(sql), "REVOKE %s FROM PUBLIC, pg_monitor", needs[i]);
		free(lab_sql(&strict, "dba", sql, SQL_MS));
		/* Asked now, whatever was denied before; a moment for a round of every fast probe. */
		term_send(at.term, "\014");
		term_pump(at.term, 700);
		if (strstr(cockpit_row(&at, "strict"), "no answer") != NULL) {
			term_dump(at.term);
			fail_msg("without %s the server does not answer", needs[i]);
		}
		cockpit_assert_keys_live(&at);
		assert_true(cockpit_connections(&strict, user) <= 3);
		snprintf(sql, sizeof(sql), "GRANT %s TO PUBLIC", needs[i]);
		free(lab_sql(&strict, "dba", sql, SQL_MS));
		term_send(at.term, "\014");
	}
	others_are_well();
	term_send(at.term, "\014");
	cockpit_assert_fresh(&at, "strict", &strict);
	cockpit_quit(&at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_rights_taken_away_one_by_one, tidy)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
