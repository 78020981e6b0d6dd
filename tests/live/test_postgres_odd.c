/* PostgreSQL where it is not ordinary: connection limits, databases in other encodings, answers that are too
 * large or not what was declared. On a server of its own. */
#include "tests/support/test.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

static struct drive drive;
static struct lab_server server;

static int setup(void **state)
{
	(void)state;
	drive_start(&drive, &postgres_driver);
	server = lab_spawn("pg15", "odd15", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_remove(server.name);
	drive_stop(&drive);
	return 0;
}

static void sql(const char *statement)
{
	free(lab_sql(&server, "dba", statement, 10000));
}

static void test_the_tightest_limit_has_a_name(void **state)
{
	(void)state;
	struct endpoint ep;
	struct err e;
	struct arena *arena = arena_new();
	sql("ALTER DATABASE app CONNECTION LIMIT 4");
	struct conn *c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep);
	struct table *t = drive_table(&drive, c, "pulse", 0, arena);
	assert_string_equal(drive_cell(t, 0, "limit_name")->u.s, "database app");
	assert_int_equal(drive_cell(t, 0, "limit_used")->u.i, 1);
	assert_int_equal(drive_cell(t, 0, "limit_max")->u.i, 4);
	drive.driver->close(c);
	endpoint_free(&ep);

	sql("ALTER DATABASE app CONNECTION LIMIT -1");
	sql("ALTER ROLE monitor CONNECTION LIMIT 1");
	c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep);
	t = drive_table(&drive, c, "pulse", 0, arena);
	assert_string_equal(drive_cell(t, 0, "limit_name")->u.s, "role monitor");
	struct conn *second = NULL;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	assert_false(drive.driver->connect(&ctx, &drive.env, &ep, LANE_ADMIN, &second, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_string_equal(e.sqlstate, "53300");
	drive.driver->close(c);
	endpoint_free(&ep);
	sql("ALTER ROLE monitor CONNECTION LIMIT -1");
	arena_free(arena);
}

/* Whichever database the bytes come from and whichever we are in, the probe answers. */
static void sees_from(const char *database, int64_t victim, const char *bytes)
{
	struct endpoint ep;
	struct arena *arena = arena_new();
	drive_endpoint(&server, "monitor", 0, NULL, &ep);
	free(ep.database);
	ep.database = strdup(database);
	struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
	struct table *t = drive_table(&drive, c, "sessions", 0, arena);
	long row = drive_row(t, "id", victim);
	assert_true(row >= 0);
	assert_non_null(strstr(drive_cell(t, (size_t)row, "query")->u.s, bytes));
	assert_string_equal(drive_cell(t, (size_t)row, "user")->u.s, "r\xC3\xA9gis");
	t = drive_table(&drive, c, "statement", victim, arena);
	assert_non_null(strstr(drive_cell(t, 0, "query")->u.s, bytes));
	drive.driver->close(c);
	endpoint_free(&ep);
	arena_free(arena);
}

static void test_encodings(void **state)
{
	(void)state;
	static const char *const names[] = {"app", "latin", "ascii"};
	sql("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	sql("CREATE ROLE \"r\xC3\xA9gis\" LOGIN PASSWORD 'app-pw'");
	for (size_t i = 1; i < 3; i++) {
		const char *keys[] = {"host", "port", "user", "password", "dbname", "client_encoding", NULL};
		char port[16];
		snprintf(port, sizeof(port), "%d", server.port);
		const char *values[] = {
		        server.host, port, "r\xC3\xA9gis", "app-pw", names[i], "SQL_ASCII", NULL};
		PGconn *pg = PQconnectdbParams(keys, values, 0);
		if (PQstatus(pg) != CONNECTION_OK)
			fail_msg("%s", PQerrorMessage(pg));
		/* Latin 1, and the last byte would begin a character of three bytes in UTF-8. */
		PQclear(PQexec(pg, "SELECT 'caf\xE9' /* \xE9 */ -- \xE9"));
		for (size_t from = 0; from < 3; from++)
			sees_from(names[from], PQbackendPID(pg), "caf\xE9");
		PQfinish(pg);
	}
}

static bool fetch(struct conn *c, const struct column *columns, size_t ncols, const char *text, int64_t rows,
        struct arena *arena, struct table **t, struct err *e)
{
	static const struct probe_param params[] = {{.name = "rows", .type = PARAM_INT}};
	struct probe *p = arena_alloc(arena, sizeof(*p));
	*p = (struct probe){.name = "odd",
	        .file = "odd.sql",
	        .engine = ENGINE_POSTGRES,
	        .columns = columns,
	        .ncols = ncols,
	        .params = params,
	        .nparams = 1,
	        .rows = (uint32_t)rows,
	        .sql = text};
	struct probe_value value = {.type = PARAM_INT, .i = rows};
	struct ctx ctx = ctx_within(&drive.root, 8000);
	return drive.driver->fetch(&ctx, c, p, &value, arena, t, e);
}

static void test_too_much_and_the_wrong_thing(void **state)
{
	(void)state;
	static const struct column one[] = {{.name = "a", .role = ROLE_LABEL}};
	static const struct column two[] = {
	        {.name = "a", .role = ROLE_LABEL}, {.name = "b", .role = ROLE_COUNT}};
	struct endpoint ep;
	struct err e;
	struct table *t = NULL;
	struct arena *arena = arena_new();
	drive_endpoint(&server, "monitor", 0, "require", &ep);
	struct conn *c = drive_connect(&drive, &ep, LANE_FAST);

	/* 20 MB: eight are kept, the rest is read and dropped, the connection is whole. */
	assert_true(
	        fetch(c, one, 1, "SELECT repeat('x', 100000) AS a FROM generate_series(1, 200) LIMIT :rows",
	                1000, arena, &t, &e));
	assert_true(t->truncated && t->nrows > 50 && t->nrows < 100);
	assert_true(arena_bytes(arena) < 12 * 1024 * 1024);

	/* As many rows as are kept are all there are; one more is told. */
	assert_true(
	        fetch(c, one, 1, "SELECT 'x' AS a FROM generate_series(1, 9) LIMIT :rows", 9, arena, &t, &e));
	assert_true(!t->truncated && t->nrows == 9);
	assert_true(fetch(
	        c, one, 1, "SELECT 'x' AS a FROM generate_series(1, 10) LIMIT :rows", 9, arena, &t, &e));
	assert_true(t->truncated && t->nrows == 9);

	assert_false(fetch(c, two, 2, "SELECT 'x' AS a, 'y' AS c LIMIT :rows", 10, arena, &t, &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_non_null(strstr(e.text, "declared: a b; the server sent: a c"));

	assert_false(fetch(c, two, 2, "SELECT 'x' AS a, 'y' AS b FROM generate_series(1, 9) LIMIT :rows", 10,
	        arena, &t, &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_non_null(strstr(e.text, "column b"));

	/* Columns in another order, and an error of the statement. */
	assert_true(fetch(c, two, 2, "SELECT 7 AS b, 'x' AS a LIMIT :rows", 10, arena, &t, &e));
	assert_int_equal(drive_cell(t, 0, "b")->u.i, 7);
	assert_false(fetch(c, one, 1, "SELECT no_such() AS a LIMIT :rows", 10, arena, &t, &e));
	assert_int_equal(e.code, ERR_UNSUPPORTED);
	assert_false(
	        fetch(c, one, 1, "SELECT pg_read_file('/etc/hostname') AS a LIMIT :rows", 10, arena, &t, &e));
	assert_int_equal(e.code, ERR_DENIED);
	/* A probe never writes. */
	assert_true(fetch(c, one, 1, "SELECT current_setting('transaction_read_only') AS a LIMIT :rows", 10,
	        arena, &t, &e));
	assert_string_equal(drive_cell(t, 0, "a")->u.s, "on");
	assert_true(fetch(
	        c, one, 1, "SELECT E'\\\\351\\\\\\\\134' AS \"a@bytes\" LIMIT :rows", 10, arena, &t, &e));
	assert_string_equal(drive_cell(t, 0, "a")->u.s, "\xE9\\134");
	/* A probe is planned once, for any number of rows. */
	drive_table(&drive, c, "pulse", 0, arena);
	assert_true(fetch(c, one, 1,
	        "SELECT sum(generic_plans) || ', ' || sum(custom_plans) AS a FROM pg_prepared_statements"
	        " WHERE statement LIKE '%tightest%' AND statement NOT LIKE '%custom_plans%' LIMIT :rows",
	        10, arena, &t, &e));
	assert_string_equal(drive_cell(t, 0, "a")->u.s, "1, 0");
	drive.driver->close(c);
	endpoint_free(&ep);
	arena_free(arena);
}

static PGconn *connect_dba(void)
{
	char url[256];
	lab_url_with_password(&server, "dba", 0, url, sizeof(url));
	PGconn *c = PQconnectdb(url);
	if (PQstatus(c) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(c));
	return c;
}

static bool says_yes(const char *query)
{
	return lab_sql_number(&server, "dba", query, 10000) == 1;
}

/* It has a snapshot like any other statement, but the server leaves it out when it looks for the oldest. */
static void test_a_vacuum_holds_nothing_back(void **state)
{
	(void)state;
	char shows[256];
	struct endpoint ep;
	struct arena *arena = arena_new();
	sql("CREATE TABLE slow_vacuum WITH (autovacuum_enabled = off) AS SELECT repeat('x', 500) AS t "
	    "FROM generate_series(1, 20000)");
	PGconn *vacuum = connect_dba(), *writer = connect_dba();
	PQclear(PQexec(vacuum, "SET vacuum_cost_delay = 100"));
	PQclear(PQexec(vacuum, "SET vacuum_cost_limit = 1"));
	PQclear(PQexec(writer, "BEGIN"));
	PQclear(PQexec(writer, "SELECT pg_current_xact_id()"));
	assert_true(PQsendQuery(vacuum, "VACUUM slow_vacuum") == 1);
	snprintf(shows, sizeof(shows),
	        "SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_progress_vacuum v USING (pid) "
	        "WHERE pid = %d AND a.backend_xmin IS NOT NULL",
	        PQbackendPID(vacuum));
	int64_t end = wait_now_ms() + 10000;
	while (!says_yes(shows) && wait_now_ms() < end)
		;
	struct conn *c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep);
	struct table *t = drive_table(&drive, c, "horizon", 0, arena);
	assert_true(says_yes(shows));
	assert_int_equal(drive_row(t, "id", PQbackendPID(vacuum)), -1);
	long row = drive_row(t, "id", PQbackendPID(writer));
	assert_true(row >= 0);
	assert_int_equal(drive_cell(t, (size_t)row, "held_ms")->type, CELL_INT);
	drive.driver->close(c);
	endpoint_free(&ep);
	arena_free(arena);
	PQfinish(vacuum);
	PQfinish(writer);
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_vacuum");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_tightest_limit_has_a_name),
	        cmocka_unit_test(test_encodings),
	        cmocka_unit_test(test_too_much_and_the_wrong_thing),
	        cmocka_unit_test(test_a_vacuum_holds_nothing_back),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
