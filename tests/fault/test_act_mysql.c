/* Actions when they are needed, on MariaDB or MySQL, whichever the client library was built for: while the
 * lanes of the server hang, while no connection is left, both at once; many at once, a rollback that is
 * followed to its end, without the right to. */
#include "tests/support/test.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/mysql.h"
#include "tests/support/acts.h"
#include "tests/support/chaos.h"
#include "tests/support/wait.h"

enum { FOLLOW_MS = 25000, CROWD = 64, DOUBLINGS = 16, CALLS = 60 };

static struct lab_server server;
static struct acts A;
static struct chaos *chaos;

static int setup(void **state)
{
	(void)state;
	/* MariaDB tells who a connection belongs to only with its performance schema. */
	static const char *const settings[] = {"max_connections=24", "performance_schema=ON", NULL};
	struct err e;
	bool mariadb_library = strncmp(mysql_get_client_info(), "3.", 2) == 0;
	if (!mysql_driver_init(&e))
		fail_msg("%s", e.text);
	const char *wanted = getenv("DBATOP_ACT_KIND"); /* by hand: another kind of server */
	server = lab_spawn(wanted != NULL    ? wanted
	                   : mariadb_library ? "maria1011"
	                                     : "mysql97",
	        "actsmy", settings);
	chaos = chaos_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	chaos_stop(chaos);
	lab_remove(server.name);
	mysql_driver_end();
	return 0;
}

static int start(void **state)
{
	(void)state;
	acts_start(&A, &mysql_driver, &server, "actor", 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	acts_stop(&A);
	return 0;
}

static MYSQL *try_as(const char *user, unsigned *error)
{
	char password[64];
	MYSQL *m = mysql_init(NULL);
	lab_password(user, password, sizeof(password));
	if (mysql_real_connect(m, server.host, user, password, NULL, (unsigned)server.port, NULL, 0) != NULL)
		return m;
	*error = mysql_errno(m);
	mysql_close(m);
	return NULL;
}

static MYSQL *open_as(const char *user)
{
	unsigned error = 0;
	MYSQL *m = try_as(user, &error);
	if (m == NULL)
		fail_msg("%s cannot connect: %u", user, error);
	return m;
}

static bool works(MYSQL *m, const char *sql)
{
	if (mysql_query(m, sql) != 0)
		return false;
	mysql_free_result(mysql_store_result(m));
	return mysql_errno(m) == 0;
}

static void run(MYSQL *m, const char *sql)
{
	if (!works(m, sql))
		fail_msg("%s: %s", sql, mysql_error(m));
}

static MYSQL *idle_in_xact(int64_t *id)
{
	MYSQL *m = open_as("app");
	run(m, "CREATE TABLE IF NOT EXISTS app.acts_row (id INT PRIMARY KEY, n INT) ENGINE=InnoDB");
	run(m, "REPLACE INTO app.acts_row VALUES (1, 1)");
	run(m, "START TRANSACTION");
	run(m, "UPDATE app.acts_row SET n = n + 1");
	*id = (int64_t)mysql_thread_id(m);
	return m;
}

static void expect_gone(MYSQL *victim)
{
	if (A.told.outcome != OUTCOME_GONE)
		fail_msg("%s", A.told.say);
	assert_false(works(victim, "SELECT 1"));
	assert_true(acts_journal(&A, "\"outcome\":\"gone\"") > 0);
	mysql_close(victim);
}

static void test_a_waiter_goes_on(void **state)
{
	(void)state;
	int64_t id;
	MYSQL *holder = idle_in_xact(&id);
	MYSQL *waiter = open_as("app");
	static const char sql[] = "UPDATE app.acts_row SET n = 7";
	assert_int_equal(mysql_send_query(waiter, sql, sizeof(sql) - 1), 0);
	acts_see_blocked(&A, (int64_t)mysql_thread_id(waiter), id);
	acts_see(&A, &id, 1, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	assert_non_null(strstr(A.told.say, "1 session resumed"));
	expect_gone(holder);
	assert_int_equal(mysql_read_query_result(waiter), 0);
	mysql_close(waiter);
}

static void test_a_statement_is_cancelled(void **state)
{
	(void)state;
	MYSQL *victim = open_as("app");
	int64_t id = (int64_t)mysql_thread_id(victim);
	assert_int_equal(mysql_send_query(victim, "SELECT SLEEP(60)", 16), 0);
	acts_see(&A, &id, 1, "active");
	acts_do(&A, ACTION_CANCEL, &id, 1, FOLLOW_MS);
	assert_int_equal(A.told.outcome, OUTCOME_STOPPED);
	mysql_read_query_result(victim);
	mysql_free_result(mysql_store_result(victim));
	run(victim, "SELECT 1");
	mysql_close(victim);
}

/* A procedure of such statements makes its server forget about every second cancel; another one is sent until
 * it is over. Until one has been forgotten, which is a matter of some tries. */
static void test_a_procedure_is_cancelled(void **state)
{
	(void)state;
	MYSQL *victim = open_as("app");
	int64_t id = (int64_t)mysql_thread_id(victim);
	static const char call[] = "CALL app.acts_on()";
	unsigned again = 0;
	run(victim, "CREATE TABLE IF NOT EXISTS app.acts_one (n INT)");
	run(victim, "INSERT INTO app.acts_one VALUES (1)");
	run(victim, strcmp(server.engine, "mysql") == 0
	                    ? "CREATE PROCEDURE app.acts_on() BEGIN WHILE TRUE DO "
	                      "UPDATE app.acts_one SET n = 1 - n; END WHILE; END"
	                    : "CREATE PROCEDURE app.acts_on() BEGIN WHILE TRUE DO DO 1; END WHILE; END");
	for (unsigned i = 0; again == 0 && i < CALLS; i++) {
		assert_int_equal(mysql_send_query(victim, call, sizeof(call) - 1), 0);
		acts_see(&A, &id, 1, "active");
		acts_do(&A, ACTION_CANCEL, &id, 1, FOLLOW_MS);
		assert_int_equal(A.told.outcome, OUTCOME_STOPPED);
		assert_int_not_equal(mysql_read_query_result(victim), 0);
		assert_int_equal(mysql_errno(victim), 1317);
		again = acts_journal(&A, "\"signals\":");
		acts_see(&A, &id, 1, "idle");
	}
	assert_true(again > 0);
	run(victim, "DROP PROCEDURE app.acts_on");
	run(victim, "DROP TABLE app.acts_one");
	mysql_close(victim);
}

/* Who insists means whatever runs in that transaction: it has stopped when nothing does. */
static void test_an_insisted_cancel_is_followed(void **state)
{
	(void)state;
	struct endpoint ep;
	struct err e;
	struct follow_state f;
	int64_t id;
	MYSQL *victim = idle_in_xact(&id);
	acts_see(&A, &id, 1, "idle in transaction");
	const struct table *t = snapshot_table(A.snap, 0, "sessions");
	struct action_request req = {
	        .kind = ACTION_CANCEL, .target = {.id = id}, .whatever_transaction = true};
	size_t row = (size_t)drive_row(t, "id", id);
	drive_guard(t, row, "xact_guard", req.target.xact_guard);
	drive_guard(t, row, "query_guard", req.target.query_guard);
	struct conn *admin = drive_open(&A.drive, &server, "actor", LANE_ADMIN, &ep);
	struct ctx ctx = ctx_within(&A.drive.root, 5000);
	assert_int_equal(mysql_send_query(victim, "SELECT SLEEP(60)", 16), 0);
	acts_see(&A, &id, 1, "active");
	assert_true(mysql_driver.follow(&ctx, admin, &req, &f, &e));
	assert_true(f.active && f.same_xact && f.same_query);
	acts_do(&A, ACTION_CANCEL, &id, 1, FOLLOW_MS);
	mysql_read_query_result(victim);
	mysql_free_result(mysql_store_result(victim));
	acts_see(&A, &id, 1, "idle in transaction");
	assert_true(mysql_driver.follow(&ctx, admin, &req, &f, &e));
	assert_true(f.same_xact && !f.active && !f.same_query);
	mysql_driver.close(admin);
	endpoint_free(&ep);
	mysql_close(victim);
}

/* Connections of others until the server takes no more; how many. */
static size_t fill(MYSQL *crowd[CROWD])
{
	size_t n = 0;
	unsigned error = 0;
	while (n < CROWD && (crowd[n] = try_as("dba", &error)) != NULL)
		n++;
	assert_int_equal(error, 1040);
	return n;
}

static void empty(MYSQL *crowd[CROWD], size_t n)
{
	for (size_t i = 0; i < n; i++)
		mysql_close(crowd[i]);
}

static void test_while_no_connection_is_left(void **state)
{
	(void)state;
	MYSQL *crowd[CROWD];
	int64_t id;
	MYSQL *victim = idle_in_xact(&id);
	acts_see(&A, &id, 1, "idle in transaction");
	size_t n = fill(crowd);
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	empty(crowd, n);
	expect_gone(victim);
}

/* Whether what is shown has grown old: the lane that reads it hangs. */
static bool is_old(void *arg)
{
	struct acts *a = arg;
	acts_look(a);
	return snapshot_age_ms(a->snap, 0, "sessions") > 2000;
}

/* Behind a proxy that holds every connection back, old or new, but ADMIN's. */
static void hold_all_but_admin(struct chaos_door door)
{
	char from[32];
	long port = lab_sql_number(&server, "dba",
	        "SELECT SUBSTRING_INDEX(p.HOST, ':', -1) FROM information_schema.PROCESSLIST p "
	        "JOIN performance_schema.session_connect_attrs a ON a.PROCESSLIST_ID = p.ID "
	        "WHERE a.ATTR_NAME = 'program_name' AND a.ATTR_VALUE LIKE 'dbatop/%/admin';",
	        5000);
	assert_true(port > 0);
	snprintf(from, sizeof(from), "from:%ld", port);
	chaos_set(door, "both", "stall");
	chaos_set_only(door, "both", from, "none");
}

static MYSQL *while_the_lanes_hang(enum action_kind kind, bool full)
{
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	MYSQL *crowd[CROWD];
	int64_t id;
	acts_stop(&A);
	acts_start(&A, &mysql_driver, &server, "actor", door.port);
	MYSQL *victim = kind == ACTION_TERMINATE ? idle_in_xact(&id) : open_as("app");
	if (kind == ACTION_CANCEL) {
		id = (int64_t)mysql_thread_id(victim);
		assert_int_equal(mysql_send_query(victim, "SELECT SLEEP(60)", 16), 0);
	}
	acts_see(&A, &id, 1, kind == ACTION_CANCEL ? "active" : "idle in transaction");
	hold_all_but_admin(door);
	bool old = wait_until(is_old, &A, FOLLOW_MS);
	size_t n = full ? fill(crowd) : 0;
	acts_do(&A, kind, &id, 1, FOLLOW_MS);
	empty(crowd, n);
	assert_true(old);
	chaos_set(door, "both", "none");
	return victim;
}

static void test_while_the_lanes_hang(void **state)
{
	(void)state;
	expect_gone(while_the_lanes_hang(ACTION_TERMINATE, false));
}

static void test_while_the_lanes_hang_and_none_is_left(void **state)
{
	(void)state;
	expect_gone(while_the_lanes_hang(ACTION_TERMINATE, true));
}

static void test_a_cancel_while_the_lanes_hang(void **state)
{
	(void)state;
	MYSQL *victim = while_the_lanes_hang(ACTION_CANCEL, true);
	assert_int_equal(A.told.outcome, OUTCOME_STOPPED);
	mysql_read_query_result(victim);
	mysql_free_result(mysql_store_result(victim));
	run(victim, "SELECT 1");
	mysql_close(victim);
}

static void test_many_at_once(void **state)
{
	(void)state;
	enum { MANY = 8 };
	MYSQL *victims[MANY];
	int64_t ids[MANY];
	for (int i = 0; i < MANY; i++) {
		victims[i] = open_as("app");
		ids[i] = (int64_t)mysql_thread_id(victims[i]);
		run(victims[i], "SELECT 1");
	}
	acts_see(&A, ids, MANY, "idle");
	acts_do(&A, ACTION_TERMINATE, ids, MANY, FOLLOW_MS);
	assert_int_equal(A.gone, MANY);
	assert_int_equal(acts_journal(&A, "\"event\":\"asked\""), MANY);
	assert_int_equal(acts_journal(&A, "\"outcome\":\"gone\""), MANY);
	for (int i = 0; i < MANY; i++)
		mysql_close(victims[i]);
}

/* Ended at once, and undoing for a while: that is what is told until it is over. */
static void test_a_rollback_is_followed(void **state)
{
	(void)state;
	MYSQL *victim = open_as("app");
	int64_t id = (int64_t)mysql_thread_id(victim);
	run(victim, "DROP TABLE IF EXISTS app.acts_many");
	run(victim, "CREATE TABLE app.acts_many (id INT AUTO_INCREMENT PRIMARY KEY, pad VARCHAR(200)) "
	            "ENGINE=InnoDB");
	run(victim, "INSERT INTO app.acts_many (pad) VALUES (REPEAT('a', 200))");
	run(victim, "START TRANSACTION");
	for (int i = 0; i < DOUBLINGS; i++)
		run(victim, "INSERT INTO app.acts_many (pad) SELECT pad FROM app.acts_many");
	run(victim, "UPDATE app.acts_many SET pad = REPEAT('b', 200)");
	acts_see(&A, &id, 1, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	assert_true(A.rolled_back);
	expect_gone(victim);
	/* It had really come to its end. */
	assert_int_equal(lab_sql_number(&server, "dba", "SELECT COUNT(*) FROM app.acts_many;", 5000), 1);
	assert_int_equal(
	        lab_sql_number(&server, "dba",
	                "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_rows_modified > 0;",
	                5000),
	        0);
}

static void test_without_the_right(void **state)
{
	(void)state;
	acts_stop(&A);
	acts_start(&A, &mysql_driver, &server, "monitor", 0);
	int64_t id;
	MYSQL *victim = idle_in_xact(&id);
	acts_see(&A, &id, 1, "idle in transaction");
	acts_do(&A, ACTION_TERMINATE, &id, 1, FOLLOW_MS);
	assert_int_equal(A.told.outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(A.told.say, "GRANT CONNECTION"));
	run(victim, "COMMIT");
	mysql_close(victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_a_waiter_goes_on, start, stop),
	        cmocka_unit_test_setup_teardown(test_a_statement_is_cancelled, start, stop),
	        cmocka_unit_test_setup_teardown(test_a_procedure_is_cancelled, start, stop),
	        cmocka_unit_test_setup_teardown(test_an_insisted_cancel_is_followed, start, stop),
	        cmocka_unit_test_setup_teardown(test_while_no_connection_is_left, start, stop),
	        cmocka_unit_test_setup_teardown(test_while_the_lanes_hang, start, stop),
	        cmocka_unit_test_setup_teardown(test_while_the_lanes_hang_and_none_is_left, start, stop),
	        cmocka_unit_test_setup_teardown(test_a_cancel_while_the_lanes_hang, start, stop),
	        cmocka_unit_test_setup_teardown(test_many_at_once, start, stop),
	        cmocka_unit_test_setup_teardown(test_a_rollback_is_followed, start, stop),
	        cmocka_unit_test_setup_teardown(test_without_the_right, start, stop),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
