/* From launch to the culprit, as somebody woken at three does it: a row-lock pile-up behind an idle
 * transaction on a PostgreSQL, another on a MariaDB, and every key that leads there and around. On the lab's
 * own servers; what is locked is a table of this test. */
#include "tests/support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cockpit.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

enum { SOON_MS = 8000, SQL_MS = 10000, WAITERS = 3, CLIENTS = 2 * (WAITERS + 1) };

static struct lab_server postgres, mariadb;
static struct cockpit at;
static struct proc *clients[CLIENTS];

/* A client that holds or waits, in a transaction, until it is freed. */
static struct proc *client(const struct lab_server *server, const char *name, const char *sql, bool answers)
{
	char port[16];
	char app[64];
	snprintf(port, sizeof(port), "%d", server->port);
	snprintf(app, sizeof(app), "PGAPPNAME=%s", name);
	const char *const psql[] = {
	        "psql", "-XqAt", "-h", server->host, "-p", port, "-U", "app", "-d", "app", NULL};
	const char *const my[] = {"mariadb", "--no-defaults", "-n", "-N", "--protocol=tcp", "-h",
	        server->host, "-P", port, "-u", "app", "app", NULL};
	const char *const env[] = {"PGPASSWORD=app-pw", "MYSQL_PWD=app-pw", app, NULL};
	struct proc *p = proc_start(lab_is_postgres(server) ? psql : my, env);
	proc_write(p, sql, strlen(sql), false);
	if (answers && !proc_wait_output(p, "held", SQL_MS))
		fail_msg("%s: %s%s", server->name, p->out_bytes.data, p->err_bytes.data);
	return p;
}

static void pile_up(const struct lab_server *server, struct proc **out)
{
	free(lab_sql(server, "app",
	        lab_is_postgres(server)
	                ? "DROP TABLE IF EXISTS cockpit; CREATE TABLE cockpit AS SELECT 1 AS id, 0 AS qty"
	                : "USE app; DROP TABLE IF EXISTS cockpit; CREATE TABLE cockpit (id INT PRIMARY KEY, "
	                  "qty "
	                  "INT) ENGINE=InnoDB; INSERT INTO cockpit VALUES (1, 0)",
	        SQL_MS));
	out[0] = client(server, "checkout",
	        lab_is_postgres(server)
	                ? "BEGIN; UPDATE cockpit SET qty = qty + 1 WHERE id = 1 RETURNING 'held';\n"
	                : "BEGIN; UPDATE cockpit SET qty = qty + 1 WHERE id = 1; SELECT 'held';\n",
	        true);
	for (size_t i = 1; i <= WAITERS; i++)
		out[i] = client(server, "report", "UPDATE cockpit SET qty = qty - 1 WHERE id = 1;\n", false);
}

static int setup(void **state)
{
	(void)state;
	/* Of its own: which session is the worst, and which row the last, must not depend on others. */
	postgres = lab_spawn("pg15", "cockpit15", NULL);
	mariadb = lab_spawn("maria1011", "cockpit1011", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cockpit_drop(&at);
	for (size_t i = 0; i < CLIENTS; i++) {
		proc_free(clients[i]);
		clients[i] = NULL;
	}
	return 0;
}

static int remove_servers(void **state)
{
	teardown(state);
	lab_remove(postgres.name);
	lab_remove(mariadb.name);
	return 0;
}

static void open_cockpit(int rows, int cols)
{
	cockpit_drop(&at);
	cockpit_begin(&at, 3000, 800);
	cockpit_cluster(&at, "orders", "prod");
	cockpit_add(&at, "orders-pg", &postgres, "monitor", 0, NULL);
	cockpit_cluster(&at, "billing", "lab");
	cockpit_add(&at, "billing-my", &mariadb, "monitor", 0, NULL);
	cockpit_open(&at, rows, cols, NULL, NULL);
	cockpit_wait_row(&at, "orders-pg", "[0-9]+/[0-9]+", SOON_MS);
	cockpit_wait_row(&at, "billing-my", "[0-9]+/[0-9]+", SOON_MS);
}

/* `!` leads to Sessions with the one selected that blocks; at most two keys, here one and Enter. */
static void culprit(const struct lab_server *server)
{
	char want[64];
	long id = lab_sql_number(server, "dba",
	        lab_is_postgres(server)
	                ? "SELECT pid FROM pg_stat_activity WHERE application_name = 'checkout'"
	                : "SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX WHERE "
	                  "trx_rows_modified > "
	                  "0 LIMIT 1",
	        SQL_MS);
	snprintf(want, sizeof(want), "wait for (pid |session |connection )?%ld", id);
	term_wait_match(at.term, want, SOON_MS);
	term_send(at.term, "!");
	snprintf(want, sizeof(want), "%ld .*idle in t", id);
	term_wait_match(at.term, want, SOON_MS);
	/* Its row is the selected one: detail shows it. */
	term_send(at.term, TERM_ENTER);
	/* MariaDB keeps no statement of a session that is idle. */
	term_wait_match(at.term, "LAST STATEMENT|It shows no statement", SOON_MS);
	snprintf(want, sizeof(want), "%ld", id);
	assert_true(term_sees(at.term, want, 0));
	term_send(at.term, TERM_ESCAPE);
}

static void test_two_keys_to_the_culprit(void **state)
{
	(void)state;
	pile_up(&postgres, clients);
	open_cockpit(24, 80);
	culprit(&postgres);
	cockpit_quit(&at);
	for (size_t i = 0; i < CLIENTS; i++) {
		proc_free(clients[i]);
		clients[i] = NULL;
	}
	pile_up(&mariadb, clients);
	open_cockpit(40, 160);
	culprit(&mariadb);
	cockpit_quit(&at);
}

static void command(const char *line, const char *shows)
{
	term_send(at.term, ":");
	term_send(at.term, line);
	term_send(at.term, TERM_ENTER);
	term_wait_text(at.term, shows, SOON_MS);
}

static bool has_file(const char *suffix)
{
	char path[256];
	bool found = false;
	snprintf(path, sizeof(path), "%s/state", at.home);
	DIR *dir = opendir(path);
	for (struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL; e = readdir(dir)) {
		size_t n = strlen(e->d_name), m = strlen(suffix);
		found = found || (n > m && strcmp(e->d_name + n - m, suffix) == 0);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void test_every_key_leads_somewhere(void **state)
{
	(void)state;
	pile_up(&postgres, clients);
	pile_up(&mariadb, clients + WAITERS + 1);
	open_cockpit(40, 160);

	/* Sessions of both engines; filter, sort, scope. */
	term_send(at.term, "2");
	term_wait_text(at.term, "checkout", SOON_MS);
	term_wait_match(at.term, "billing-my .*cockpit", SOON_MS);
	term_send(at.term, "/app:checkout\r");
	term_wait_gone(at.term, "report", SOON_MS);
	assert_true(term_sees(at.term, "checkout", SOON_MS));
	term_send(at.term, TERM_ESCAPE);
	term_wait_text(at.term, "report", SOON_MS);
	term_send(at.term, "/state:nonsense(\r");
	cockpit_assert_keys_live(&at);
	term_send(at.term, TERM_ESCAPE);
	for (int i = 0; i < 6; i++)
		term_send(at.term, "s");
	term_send(at.term, "SS");
	term_wait_text(at.term, "checkout", SOON_MS);
	term_send(at.term, TERM_END);
	command("scope instance", "▸ billing-my");
	term_wait_gone(at.term, "orders-pg ", SOON_MS);
	command("scope all", "scope: all");
	term_wait_text(at.term, "orders-pg", SOON_MS);

	/* Pause: the time stands, and goes on. */
	term_send(at.term, " ");
	term_wait_text(at.term, "PAUSED", SOON_MS);
	term_send(at.term, " ");
	term_wait_text(at.term, "LIVE", SOON_MS);

	/* Help, own cost, log, themes, a word that is no command. */
	cockpit_assert_keys_live(&at);
	command("self", "this process");
	term_wait_text(at.term, "orders-pg", SOON_MS);
	term_send(at.term, TERM_ESCAPE);
	term_wait_gone(at.term, "this process", SOON_MS);
	command("log", "Log");
	term_send(at.term, TERM_ESCAPE);
	term_send(at.term, ":theme light\r");
	term_send(at.term, ":theme mono\r");
	term_send(at.term, ":theme colour-blind\r");
	command("theme nonsense", "nonsense");
	command("nonsense", "no command");

	/* A picture of it. */
	term_send(at.term, "P");
	term_wait_text(at.term, ".svg", SOON_MS);
	assert_true(has_file(".svg"));
	assert_true(has_file(".txt"));
	term_send(at.term, "1");
	cockpit_wait_row(&at, "orders-pg", "[0-9]+/[0-9]+", SOON_MS);
	cockpit_quit(&at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_two_keys_to_the_culprit, teardown),
	        cmocka_unit_test_teardown(test_every_key_leads_somewhere, teardown),
	};
	return cmocka_run_group_tests(tests, setup, remove_servers);
}
