/* Text from servers that no terminal should be told: escape sequences, control bytes, NUL, BiDi controls,
 * invalid UTF-8, statements of a megabyte, names in other scripts, databases in other encodings. On the
 * screen of the real binary; every byte it writes is looked at. */
#include "tests/support/test.h"

#include <libpq-fe.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cockpit.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

enum { SOON_MS = 8000, SQL_MS = 10000, SESSIONS = 4, LONG = 1000 * 1000, STATEMENT_MAX = LONG + 1024 };

/* A title, a colour, a cursor report, C1 controls, right-to-left override, isolates, tag characters. */
static const char hostile[] = "\x1b]0;PWNED\x07\x1b[5;7;41mEVIL\x1b[6n\xC2\x9B"
                              "31m\xE2\x80\xAEkcatta\xE2\x81\xA6\xF3\xA0\x81\x81\x7f\x01\b\r";
static const char friendly[] = "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E \xF0\x9F\xA6\x84 caf\xC3\xA9";
static const char broken[] = "caf\xE9 \xFF\xFE \xC0\xAF \xED\xA0\x80 \xF4\x90\x80\x80";

static struct lab_server postgres, mariadb;
static struct cockpit at;
static PGconn *pg[SESSIONS];
static MYSQL *my[SESSIONS];
static char *statement;

static void sql(const struct lab_server *server, const char *text)
{
	free(lab_sql(server, "dba", text, SQL_MS));
}

static int setup(void **state)
{
	(void)state;
	static const char *const settings[] = {"track_activity_query_size=1048576", NULL};
	postgres = lab_spawn("pg15", "text15", settings);
	mariadb = lab_spawn("maria1011", "text1011", NULL);
	statement = malloc(STATEMENT_MAX);
	assert_non_null(statement);
	sql(&postgres,
	        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;"
	        "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE "
	        "template0;"
	        "CREATE DATABASE \"\xE5\xBA\xAB\xF0\x9F\xA6\x84\";"
	        "CREATE ROLE \"\xE7\x94\xA8\xE6\x88\xB7\" LOGIN PASSWORD 'app-pw';"
	        "CREATE ROLE \"e\x1b]0;PWNED\x07\xE2\x80\xAEvil\" LOGIN PASSWORD 'app-pw'");
	sql(&mariadb, "CREATE DATABASE `\xE5\xBA\xAB`;"
	              "CREATE USER '\xE7\x94\xA8\xE6\x88\xB7' IDENTIFIED BY 'app-pw';"
	              "GRANT ALL ON *.* TO '\xE7\x94\xA8\xE6\x88\xB7'");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cockpit_drop(&at);
	for (size_t i = 0; i < SESSIONS; i++) {
		PQfinish(pg[i]);
		if (my[i] != NULL)
			mysql_close(my[i]);
	}
	lab_remove(postgres.name);
	lab_remove(mariadb.name);
	free(statement);
	return 0;
}

/* "SELECT sleep, 'text…' with filler up to n bytes; returns its length. */
static size_t compose(const char *call, const char *text, size_t filler)
{
	int n = snprintf(statement, STATEMENT_MAX, "SELECT %s, '%s", call, text);
	memset(statement + n, 'x', filler);
	memcpy(statement + n + filler, "'", 2);
	return (size_t)n + filler + 1;
}

static void run_postgres(size_t i, const char *user, const char *database, const char *text, size_t filler)
{
	static const char *const keys[] = {
	        "host", "port", "user", "password", "dbname", "client_encoding", "application_name", NULL};
	char port[16];
	snprintf(port, sizeof(port), "%d", postgres.port);
	const char *const values[] = {
	        postgres.host, port, user, "app-pw", database, "SQL_ASCII", hostile, NULL};
	pg[i] = PQconnectdbParams(keys, values, 0);
	if (PQstatus(pg[i]) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(pg[i]));
	compose("pg_sleep(60)", text, filler);
	assert_int_equal(PQsendQuery(pg[i], statement), 1);
}

static void run_mariadb(
        size_t i, const char *user, const char *database, const char *text, size_t filler, bool nul)
{
	my[i] = mysql_init(NULL);
	mysql_options(my[i], MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (mysql_real_connect(
	            my[i], mariadb.host, user, "app-pw", database, (unsigned)mariadb.port, NULL, 0) == NULL)
		fail_msg("%s", mysql_error(my[i]));
	size_t n = compose("SLEEP(60)", text, filler);
	if (nul)
		statement[n - 2] = '\0';
	assert_int_equal(mysql_send_query(my[i], statement, n), 0);
}

static bool is_control(unsigned char byte)
{
	return (byte < 0x20 && strchr("\033\r\n\b\t", byte) == NULL) || byte == 0x7f || byte == 0;
}

/* Everything written is UTF-8, no control bytes but those of a screen, nothing of what servers said. */
static void assert_clean(void)
{
	static const char *const never[] = {"PWNED\x07", "\x1b]0;P", "\x1b[5;7;41m", "\x1b[6n", "\xC2\x9B",
	        "\xE2\x80\xAE", "\xE2\x81\xA6", "\xF3\xA0\x81\x81"};
	size_t size;
	const char *raw = term_raw(at.term, &size);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (term_raw_contains(at.term, 0, never[i], strlen(never[i])))
			fail_msg("the terminal was sent sequence %zu of a server", i);
	}
	for (size_t i = 0; i < size; i++) {
		if (is_control((unsigned char)raw[i]))
			fail_msg("the terminal was sent byte %02x", (unsigned char)raw[i]);
	}
	/* Whole characters only: curses writes what it was given. */
	for (size_t i = 0; i < size;) {
		unsigned char b = (unsigned char)raw[i];
		size_t n = b < 0x80 ? 1 : b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
		bool good = b < 0x80 || (b >= 0xC2 && b < 0xF5);
		for (size_t k = 1; good && k < n && i + k < size; k++)
			good = ((unsigned char)raw[i + k] & 0xC0) == 0x80;
		if (!good)
			fail_msg("the terminal was sent invalid UTF-8 at byte %zu", i);
		i += n;
	}
	assert_string_equal(term_mode(at.term).title, "dbatop");
}

static void look_at_everything(void)
{
	cockpit_assert_keys_live(&at);
	for (int i = 0; i < 10; i++) {
		term_send(at.term, "j");
		term_settle(at.term, 20, 500);
		if (i < 2)
			term_send(at.term, "w");
	}
	term_send(at.term, TERM_HOME TERM_ENTER);
	for (int i = 0; i < 9; i++) {
		/* The full statement of each, a megabyte of some, fetched for the one selected. */
		term_settle(at.term, 150, 1500);
		term_send(at.term, "j");
	}
	term_send(at.term, "y");
	term_settle(at.term, 100, 500);
	cockpit_assert_keys_live(&at);
}

static void test_on_the_screen(void **state)
{
	(void)state;
	static const char *const args[] = {"--view", "sessions", NULL};
	run_postgres(0, "app", "app", hostile, 0);
	run_postgres(1, "\xE7\x94\xA8\xE6\x88\xB7", "\xE5\xBA\xAB\xF0\x9F\xA6\x84", friendly, LONG);
	run_postgres(2, "e\x1b]0;PWNED\x07\xE2\x80\xAEvil", "latin", "caf\xE9", 0);
	run_postgres(3, "app", "ascii", broken, 0);
	run_mariadb(0, "app", "app", hostile, 0, false);
	run_mariadb(1, "\xE7\x94\xA8\xE6\x88\xB7", "\xE5\xBA\xAB", friendly, LONG, false);
	run_mariadb(2, "app", "app", "with a NUL at its end ", 1, true);
	run_mariadb(3, "app", "app", broken, 0, false);

	cockpit_begin(&at, 3000, 2000);
	cockpit_cluster(&at, "shop", "lab");
	cockpit_add(&at, "pg", &postgres, "monitor", 0, NULL);
	cockpit_add(&at, "my", &mariadb, "monitor", 0, NULL);
	cockpit_open(&at, 40, 200, args, NULL);
	/* Names of other scripts are shown as they are. */
	term_wait_text(at.term, "\xE7\x94\xA8\xE6\x88\xB7", SOON_MS);
	term_wait_text(at.term, "\xE5\xBA\xAB\xF0\x9F\xA6\x84", SOON_MS);
	term_wait_text(at.term, "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", SOON_MS);
	term_wait_text(at.term, "SLEEP(60)", SOON_MS);
	look_at_everything();
	term_send(at.term, "P");
	term_wait_text(at.term, ".svg", SOON_MS);
	assert_clean();
	term_send(at.term, "\033\0331");
	cockpit_assert_fresh(&at, "pg", &postgres);
	cockpit_assert_fresh(&at, "my", &mariadb);
	cockpit_quit(&at);
}

/* And on paper. */
static void test_once(void **state)
{
	(void)state;
	static const char *const formats[] = {"text", "json", "csv"};
	char urls[2][256];
	lab_url_with_password(&postgres, "monitor", 0, urls[0], sizeof(urls[0]));
	lab_url_with_password(&mariadb, "monitor", 0, urls[1], sizeof(urls[1]));
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const char *const argv[] = {
		        TEST_DBATOP, "once", "--view", "sessions", "-f", formats[i], urls[0], urls[1], NULL};
		const char *const env[] = {"HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", NULL};
		struct proc *p = proc_run(argv, env, NULL, SQL_MS);
		if (p->exit_code != 0)
			fail_msg("%s: code %d: %s", formats[i], p->exit_code, p->err_bytes.data);
		for (size_t k = 0; k < p->out_bytes.size; k++) {
			unsigned char byte = (unsigned char)p->out_bytes.data[k];
			if (is_control(byte) || byte == 0x1b || byte == '\b')
				fail_msg("%s: byte %02x", formats[i], byte);
		}
		assert_non_null(strstr(p->out_bytes.data, "\xE7\x94\xA8\xE6\x88\xB7"));
		proc_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_on_the_screen),
	        cmocka_unit_test(test_once),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
