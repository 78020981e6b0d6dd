/* The faults against real servers, seen with the client libraries' own blocking calls: what later fault tests
 * rely on (a paused server does not answer, a proxied one has another id) is shown here without dbatop in
 * between. */
#include "tests/support/test.h"

#include "tests/support/chaos.h"
#include "tests/support/lab.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

#include <libpq-fe.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_MS = 5000, MASK = 0x01000000 };

static void test_every_server_answers(void **state)
{
	struct lab_server servers[32];
	(void)state;
	size_t count = lab_servers(NULL, servers, 32);
	for (size_t i = 0; i < count; i++) {
		if (servers[i].pid != 0)
			assert_int_equal(
			        lab_sql_number(&servers[i], "monitor", "SELECT 41 + 1;", SQL_MS), 42);
	}
}

static void test_postgres_behind_a_pooler(void **state)
{
	char conninfo[256];
	(void)state;
	struct lab_server server = lab_server("pg15");
	struct chaos *chaos = chaos_start();
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	chaos_rewrite_id(door, "postgres", MASK);
	snprintf(conninfo, sizeof(conninfo),
	        "host=127.0.0.1 port=%d user=monitor password=monitor-pw dbname=app sslmode=disable "
	        "connect_timeout=5",
	        door.port);
	PGconn *conn = PQconnectdb(conninfo);
	if (PQstatus(conn) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(conn));
	PGresult *result = PQexec(conn, "SELECT pg_backend_pid()");
	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	long pid = strtol(PQgetvalue(result, 0, 0), NULL, 10);
	assert_int_equal(PQbackendPID(conn), pid ^ MASK);
	PQclear(result);
	PQfinish(conn);
	chaos_stop(chaos);
}

/* Oracle's library (9.x) has no mysql_native_password any more and cannot log in to MariaDB; it gets its own
 * server. libmariadb's version numbers begin at 100000. */
static void test_mysql_behind_a_pooler(void **state)
{
	unsigned int timeout = 5;
	(void)state;
	struct lab_server server =
	        lab_server(strncmp(mysql_get_client_info(), "3.", 2) == 0 ? "maria1011" : "mysql97");
	struct chaos *chaos = chaos_start();
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	chaos_rewrite_id(door, "mysql", MASK);
	MYSQL *conn = mysql_init(NULL);
	mysql_options(conn, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
	if (mysql_real_connect(
	            conn, "127.0.0.1", "monitor", "monitor-pw", NULL, (unsigned)door.port, NULL, 0) == NULL)
		fail_msg("%s", mysql_error(conn));
	assert_int_equal(mysql_query(conn, "SELECT CONNECTION_ID()"), 0);
	MYSQL_RES *result = mysql_store_result(conn);
	assert_non_null(result);
	unsigned long id = strtoul(mysql_fetch_row(result)[0], NULL, 10);
	assert_int_equal(mysql_thread_id(conn), id ^ MASK);
	mysql_free_result(result);
	mysql_close(conn);
	chaos_stop(chaos);
}

/* Starts a client that asks one question, and says whether it was answered within ms. */
static bool answers(const struct lab_server *server, int ms)
{
	char url[256];
	char port[16];
	lab_url_with_password(server, "monitor", 0, url, sizeof(url));
	snprintf(port, sizeof(port), "%d", server->port);
	const char *const psql[] = {"psql", "-XAtc", "SELECT 1", url, NULL};
	const char *const mariadb[] = {"mariadb", "--no-defaults", "--protocol=tcp", "-h", server->host, "-P",
	        port, "-u", "monitor", "-pmonitor-pw", "-e", "SELECT 1", NULL};
	struct proc *proc = proc_run(lab_is_postgres(server) ? psql : mariadb, NULL, NULL, ms);
	bool answered = !proc->timed_out && proc->exit_code == 0;
	proc_free(proc);
	return answered;
}

static void pause_and_resume(const char *kind, const char *name)
{
	struct lab_server server = lab_spawn(kind, name, NULL);
	assert_true(answers(&server, SQL_MS));
	lab_pause(&server);
	bool answered = answers(&server, 300);
	lab_resume(&server);
	assert_false(answered);
	assert_true(answers(&server, SQL_MS));
	lab_remove(server.name);
}

static void test_a_paused_server_does_not_answer(void **state)
{
	(void)state;
	pause_and_resume("pg15", "paused_pg");
	pause_and_resume("maria1011", "paused_maria");
}

static void test_a_private_server(void **state)
{
	(void)state;
	static const char *const settings[] = {"max_connections=23", NULL};
	struct lab_server server = lab_spawn("pg15", "private_pg", settings);
	assert_int_equal(lab_sql_number(&server, "dba", "SHOW max_connections;", SQL_MS), 23);
	lab_kill(server.name);
	assert_int_equal(lab_server(server.name).pid, 0);
	/* Dead, whether or not its parent has looked yet. */
	assert_non_null(strchr("XZ", proc_state(server.pid)));
	server = lab_start(server.name);
	assert_int_equal(lab_sql_number(&server, "dba", "SELECT 7;", SQL_MS), 7);
	lab_remove(server.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_server_answers),
	        cmocka_unit_test(test_postgres_behind_a_pooler),
	        cmocka_unit_test(test_mysql_behind_a_pooler),
	        cmocka_unit_test(test_a_paused_server_does_not_answer),
	        cmocka_unit_test(test_a_private_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
