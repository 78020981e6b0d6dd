/* A connection leak as somebody woken at three meets it: sessions that are opened and forgotten, on a
 * PostgreSQL and a MariaDB of this test's own. They are one line with their share on each, the line grows,
 * the finding leads to it, and one decision ends exactly these. Growth is not known in the first minute, so
 * this takes longer than one. */
/* ctest: slow */
#include "tests/support/test.h"

#include <libpq-fe.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/client_postgres.h"
#include "tests/support/cockpit.h"
#include "tests/support/wait.h"

enum {
	SOON_MS = 10000,
	SQL_MS = 10000,
	GROWTH_MS = 120000,
	FIRST = 20,
	MY_SESSIONS = 5,
	PG_MAX = 120,
	EVERY_MS = 2000
};

static struct lab_server postgres, mariadb;
static struct cockpit at;
static PGconn *pg[PG_MAX];
static size_t npg;
static MYSQL *my[MY_SESSIONS];
static PGconn *bystander;

static void sql(const struct lab_server *server, const char *text)
{
	free(lab_sql(server, "dba", text, SQL_MS));
}

static int setup(void **state)
{
	(void)state;
	postgres = lab_spawn("pg15", "tree15", NULL);
	mariadb = lab_spawn("maria1011", "tree1011", NULL);
	sql(&postgres, "CREATE ROLE leaky LOGIN PASSWORD 'app-pw'");
	sql(&mariadb, "CREATE USER leaky IDENTIFIED BY 'app-pw'; GRANT SELECT ON *.* TO leaky");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cockpit_drop(&at);
	for (size_t i = 0; i < npg; i++)
		PQfinish(pg[i]);
	PQfinish(bystander);
	for (size_t i = 0; i < MY_SESSIONS; i++) {
		if (my[i] != NULL)
			mysql_close(my[i]);
	}
	lab_remove(postgres.name);
	lab_remove(mariadb.name);
	return 0;
}

static PGconn *connect_postgres(const char *user, const char *app)
{
	static const char *const keys[] = {
	        "host", "port", "user", "password", "dbname", "application_name", NULL};
	char port[16];
	snprintf(port, sizeof(port), "%d", postgres.port);
	const char *const values[] = {postgres.host, port, user, "app-pw", "app", app, NULL};
	PGconn *c = PQconnectdbParams(keys, values, 0);
	if (PQstatus(c) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(c));
	return c;
}

/* One more that is opened and forgotten, with a literal of its own. */
static void leak_one(void)
{
	char text[96];
	assert_true(npg < PG_MAX);
	pg[npg] = connect_postgres("leaky", "tree-leak");
	pg_client_run(pg[npg], "BEGIN");
	snprintf(text, sizeof(text), "SELECT count(*) FROM pg_class WHERE relname = 'x%zu'", npg);
	pg_client_run(pg[npg], text);
	npg++;
}

static void leak_mariadb(size_t i)
{
	my[i] = mysql_init(NULL);
	if (mysql_real_connect(
	            my[i], mariadb.host, "leaky", "app-pw", "app", (unsigned)mariadb.port, NULL, 0) == NULL)
		fail_msg("%s", mysql_error(my[i]));
	if (mysql_query(my[i], "START TRANSACTION WITH CONSISTENT SNAPSHOT") != 0)
		fail_msg("%s", mysql_error(my[i]));
}

static void command(const char *line, const char *shows)
{
	term_send(at.term, ":");
	term_send(at.term, line);
	term_send(at.term, TERM_ENTER);
	term_wait_match(at.term, shows, SOON_MS);
}

static void open_tree(void)
{
	cockpit_begin(&at, 3000, 800);
	cockpit_cluster(&at, "orders", "prod");
	cockpit_add(&at, "orders-pg", &postgres, "actor", 0, NULL);
	cockpit_cluster(&at, "billing", "lab");
	cockpit_add(&at, "billing-my", &mariadb, "actor", 0, NULL);
	cockpit_open(&at, 40, 150, NULL, NULL);
	cockpit_wait_row(&at, "orders-pg", "[0-9]+/[0-9]+", SOON_MS);
	cockpit_wait_row(&at, "billing-my", "[0-9]+/[0-9]+", SOON_MS);
	term_send(at.term, "5");
	term_wait_text(at.term, "by signature", SOON_MS);
}

/* Opens one session more every two seconds until the screen says it grows. */
static void leak_until_it_is_seen(void)
{
	int64_t from = wait_now_ms();
	int64_t next = from;
	while (!term_sees_match(at.term, "app=tree-leak.*\\+[0-9]+/min", 200)) {
		if (wait_now_ms() - from > GROWTH_MS) {
			term_dump(at.term);
			fail_msg("no growth was seen");
		}
		/* Nothing is invented while it is not known. */
		if (wait_now_ms() - from < 45000 && term_sees_match(at.term, "tree-leak.*/min", 0))
			fail_msg("growth after less than a minute");
		if (wait_now_ms() >= next) {
			leak_one();
			next += EVERY_MS;
		}
	}
	term_wait_text(at.term, "leaks connections", SOON_MS);
}

/* The dialog hears nothing at first: typed again until it is armed. */
static void confirm(const char *count)
{
	term_wait_text(at.term, "type the number of victims", SOON_MS);
	for (int64_t until = wait_now_ms() + SOON_MS; !term_sees(at.term, "y terminate", 500);) {
		if (wait_now_ms() > until) {
			term_dump(at.term);
			fail_msg("the dialog took no number");
		}
		for (size_t i = 0; i < 8; i++)
			term_send(at.term, TERM_BACKSPACE);
		term_send(at.term, count);
	}
	term_send(at.term, "y");
}

static bool all_leaks_are_gone(void *arg)
{
	(void)arg;
	return lab_sql_number(&postgres, "dba",
	               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tree-leak'",
	               SQL_MS) == 0;
}

static long leaky_on_mariadb(void)
{
	return lab_sql_number(&mariadb, "dba",
	        "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'leaky'", SQL_MS);
}

static bool mariadb_leaks_are_gone(void *arg)
{
	(void)arg;
	return leaky_on_mariadb() == 0;
}

static void test_a_leak(void **state)
{
	(void)state;
	char text[128];
	for (size_t i = 0; i < FIRST; i++)
		leak_one();
	for (size_t i = 0; i < MY_SESSIONS; i++)
		leak_mariadb(i);
	bystander = connect_postgres("app", "tree-bystander");
	pg_client_run(bystander, "BEGIN");
	pg_client_run(bystander, "SELECT count(*) FROM pg_class WHERE relname = 'x'");
	open_tree();

	/* 1. One line for all of them: twenty statements that differ in a literal. */
	term_wait_match(at.term,
	        "20 +▸ @ idle in transaction · ClientRead · SELECT count.* · app=tree-leak +orders-pg .*–",
	        SOON_MS);
	term_wait_match(at.term, "1 +▸ @ idle in transaction .* app=tree-bystander", SOON_MS);

	/* 2. Over both engines by their user, with the share of each. */
	command("axis user", "25 +▸ @ user=leaky .* 25 idle in tx .*(2 servers|orders-pg 20 · billing-my 5)");
	term_send(at.term, "/user:leaky\r");
	term_wait_text(at.term, "filter user:leaky", SOON_MS);
	term_send(at.term, TERM_HOME);
	term_send(at.term, TERM_RIGHT);
	term_wait_match(at.term, "20 +├─▸ orders-pg +80 %", SOON_MS);
	term_wait_match(at.term, "5 +└─▸ billing-my +20 %", SOON_MS);
	term_send(at.term, TERM_LEFT);
	term_send(at.term, TERM_ESCAPE);
	command("axis signature", "app=tree-leak");

	/* A session leads to its detail, and Esc comes back. */
	term_send(at.term, TERM_HOME);
	term_send(at.term, TERM_RIGHT);
	term_wait_match(at.term, "├─▸ [0-9]+ leaky@app", SOON_MS);
	term_send(at.term, TERM_DOWN);
	term_send(at.term, TERM_ENTER);
	term_wait_text(at.term, "LAST STATEMENT", SOON_MS);
	term_send(at.term, TERM_ESCAPE);
	term_wait_gone(at.term, "LAST STATEMENT", SOON_MS);
	term_send(at.term, TERM_ESCAPE);
	term_wait_text(at.term, "by signature", SOON_MS);
	term_send(at.term, TERM_LEFT);
	term_send(at.term, TERM_LEFT);
	term_wait_gone(at.term, "├─▸", SOON_MS);

	/* 3. It grows, and the finding leads there from Fleet by one key. */
	leak_until_it_is_seen();
	term_send(at.term, "1");
	cockpit_wait_row(&at, "orders-pg", "[0-9]+/[0-9]+", SOON_MS);
	term_send(at.term, "!");
	term_wait_match(at.term, "app=tree-leak", SOON_MS);

	/* 4. One decision ends exactly these: each is listed, the bystander is not. */
	snprintf(text, sizeof(text), "%zu +▸ @ .*tree-leak", npg);
	term_wait_match(at.term, text, SOON_MS);
	term_send(at.term, "K");
	snprintf(text, sizeof(text), "Terminate %zu sessions on orders-pg", npg);
	term_wait_text(at.term, text, SOON_MS);
	assert_false(term_sees(at.term, "tree-bystander .*app", 0));
	snprintf(text, sizeof(text), "%zu", npg);
	confirm(text);
	snprintf(text, sizeof(text), "%zu of %zu done, %zu ended", npg, npg, npg);
	term_wait_text(at.term, text, 3 * SOON_MS);
	assert_true(wait_until(all_leaks_are_gone, NULL, SOON_MS));
	pg_client_run(bystander, "SELECT 1");
	/* Not by a ping: what they did last is part of who they are. */
	assert_int_equal(leaky_on_mariadb(), MY_SESSIONS);

	/* 5. The same on MariaDB. */
	command("axis user", "5 +▸ @ user=leaky .*billing-my");
	term_send(at.term, "/user:leaky\r");
	term_wait_text(at.term, "filter user:leaky", SOON_MS);
	term_send(at.term, TERM_HOME);
	term_send(at.term, "K");
	term_wait_text(at.term, "Terminate 5 sessions on billing-my", SOON_MS);
	confirm("5");
	term_wait_text(at.term, "5 of 5 done, 5 ended", SOON_MS);
	assert_true(wait_until(mariadb_leaks_are_gone, NULL, SOON_MS));
	cockpit_quit(&at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_leak)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
