/* A PostgreSQL whose archive command fails goes on as if nothing were, until its disk is full: the finding
 * must be there on a real server, and go when archiving works again. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lab.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

enum { PATIENCE_MS = 30000, SQL_MS = 10000 };

static struct lab_server server;

static int setup(void **state)
{
	(void)state;
	/* The first file that is due fails. */
	static const char *const settings[] = {"archive_mode=on", "archive_command=false", NULL};
	server = lab_spawn("pg15", "archive15", settings);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_remove(server.name);
	return 0;
}

static bool says(bool failing)
{
	char url[256], passfile[512], path[400];
	lab_file("pgpass", path, sizeof(path));
	snprintf(passfile, sizeof(passfile), "PGPASSFILE=%s", path);
	lab_url(&server, "dba", 0, url, sizeof(url));
	const char *const argv[] = {TEST_DBATOP, "once", "--size", "200x30", url, NULL};
	const char *const env[] = {
	        "HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", "LC_ALL=C.UTF-8", passfile, NULL};
	struct proc *p = proc_run(argv, env, NULL, SQL_MS);
	assert_int_equal(p->exit_code, 0);
	bool yes = (strstr(p->out_bytes.data, "archiving WAL fails") != NULL) == failing;
	proc_free(p);
	return yes;
}

static bool comes_to_say(bool failing)
{
	int64_t deadline = wait_now_ms() + PATIENCE_MS;
	while (!says(failing)) {
		if (wait_now_ms() >= deadline)
			return false;
	}
	return true;
}

static void test_it_is_found_and_goes(void **state)
{
	(void)state;
	free(lab_sql(&server, "dba", "CREATE TABLE archived (id int); SELECT pg_switch_wal()", SQL_MS));
	assert_true(comes_to_say(true));
	free(lab_sql(&server, "dba", "ALTER SYSTEM SET archive_command = 'true'", SQL_MS));
	free(lab_sql(&server, "dba", "SELECT pg_reload_conf()", SQL_MS));
	/* The archiver rests a minute after three failures, unless there is new work. */
	free(lab_sql(&server, "dba", "CREATE TABLE archived_again (id int); SELECT pg_switch_wal()", SQL_MS));
	assert_true(comes_to_say(false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_it_is_found_and_goes),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
