/* Reading the lab's list of servers, with a list of our own: columns are found by name, "-" is empty. */
#include "tests/support/test.h"

#include "tests/support/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char list[] =
        "name\tmore\tengine\tversion\thost\tport\tsocket\tpid\trole\tdatadir\tkind\tprimary\n"
        "pg15\tx\tpostgres\t15.20\t127.0.0.1\t5433\t/run/a\t4242\tprimary\t/data/a\tpg15\t-\n"
        "pg15r\tx\tpostgres\t15.20\t127.0.0.1\t5434\t/run/b\t4243\treplica\t/data/b\tpg15\tpg15\n"
        "maria\t-\tmariadb\t10.11.19\t127.0.0.1\t3307\t/run/m.sock\t0\tprimary\t/data/m\tmaria1011\t-\n";

static char folder[] = "/tmp/dbatop-test-lab-XXXXXX";

static int make_folder(void **state)
{
	char path[256];
	(void)state;
	assert_non_null(mkdtemp(folder));
	setenv("DBATOP_LAB", folder, 1);
	lab_file("servers.tsv", path, sizeof(path));
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(list, file);
	return fclose(file);
}

static int remove_folder(void **state)
{
	char path[256];
	(void)state;
	lab_file("servers.tsv", path, sizeof(path));
	return unlink(path) + rmdir(folder);
}

static void test_fields_by_name(void **state)
{
	(void)state;
	struct lab_server server = lab_server("pg15r");
	assert_string_equal(server.engine, "postgres");
	assert_string_equal(server.version, "15.20");
	assert_string_equal(server.host, "127.0.0.1");
	assert_int_equal(server.port, 5434);
	assert_string_equal(server.socket, "/run/b");
	assert_int_equal(server.pid, 4243);
	assert_string_equal(server.role, "replica");
	assert_string_equal(server.datadir, "/data/b");
	assert_string_equal(server.kind, "pg15");
	assert_string_equal(server.primary, "pg15");
	assert_string_equal(lab_server("pg15").primary, "");
}

static void test_servers_of_an_engine(void **state)
{
	struct lab_server servers[4];
	(void)state;
	assert_int_equal(lab_servers("postgres", servers, 4), 2);
	assert_string_equal(servers[1].name, "pg15r");
	assert_int_equal(lab_servers(NULL, servers, 4), 3);
	assert_int_equal(lab_servers(NULL, servers, 2), 2);
	assert_int_equal(lab_servers("mariadb", servers, 4), 1);
	assert_int_equal(servers[0].pid, 0);
}

static void test_urls(void **state)
{
	char url[128];
	(void)state;
	struct lab_server postgres = lab_server("pg15");
	struct lab_server mariadb = lab_server("maria");
	lab_url(&postgres, "monitor", 0, url, sizeof(url));
	assert_string_equal(url, "postgres://monitor@127.0.0.1:5433/app");
	lab_url(&mariadb, "monitor", 9999, url, sizeof(url));
	assert_string_equal(url, "mysql://monitor@127.0.0.1:9999");
	lab_url_with_password(&mariadb, "dba", 0, url, sizeof(url));
	assert_string_equal(url, "mysql://dba:dba-pw@127.0.0.1:3307");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_fields_by_name),
	        cmocka_unit_test(test_servers_of_an_engine),
	        cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
