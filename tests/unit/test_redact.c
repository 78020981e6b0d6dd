/* What must not be shown is not shown: literals of both dialects, however they are quoted or cut off, and the
 * passwords of statements, conninfo and URLs. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/redact.h"

#define PG REDACT_POSTGRES
#define MY REDACT_MYSQL

struct conversion {
	enum redact_dialect dialect;
	const char *in;
	const char *out;
};

static void check_all(void (*redact)(enum redact_dialect dialect, const char *sql, size_t n, struct buf *out),
        const struct conversion *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out;
		buf_init(&out, 4096);
		redact(cases[i].dialect, cases[i].in, strlen(cases[i].in), &out);
		assert_string_equal(buf_str(&out), cases[i].out);
		buf_free(&out);
	}
}

static void test_literals_of_both(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {PG, "", ""},
	        {PG, "SELECT 1", "SELECT ?"},
	        {PG, "select * from t where id = 42 and name = 'bob'",
	                "select * from t where id = ? and name = ?"},
	        {PG, "a''b", "a?b"},
	        {PG, "'it''s'", "?"},
	        {PG, "'a' 'b'", "? ?"},
	        {PG, "f('',1)", "f(?,?)"},
	        {PG, "t1.c2 = 3", "t1.c2 = ?"},
	        {PG, "é1 = 1", "é1 = ?"},
	        {PG, "1.5 .5 1e10 1E-5 1e+5 0xFF 0b01 1_000 -7", "? ? ? ? ? ? ? ? -?"},
	        {PG, "1..10", "?"},
	        {PG, "x BETWEEN 1 AND 2", "x BETWEEN ? AND ?"},
	        {PG, "TRUE NULL", "TRUE NULL"},
	        {PG, "  a \t\n b  ", "a b"},
	        {MY, "SELECT 1, 'x', \"y\"", "SELECT ?, ?, ?"},
	        {MY, "`t 1`.`c``2` = 'it''s'", "`t 1`.`c``2` = ?"},
	        {MY, "'app'@'10.0.0.1'", "?@?"},
	        {MY, "@@version + @x + ?", "@@version + @x + ?"},
	};
	check_all(redact_sql, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_postgres_quoting(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {PG, "\"my 1 'col'\" = 'x'", "\"my 1 'col'\" = ?"},
	        {PG, "\"a\"\"b\" 'c'", "\"a\"\"b\" ?"},
	        {PG, "$$it's$$ + 1", "? + ?"},
	        {PG, "$a$ x $b$ y $a$ z", "? z"},
	        {PG, "$a$ x $$ y", "?"},
	        {PG, "$1 = $23", "$1 = $23"},
	        {PG, "$1$a$ secret $a$", "$1?"},
	        {PG, "a$b$c 'x' $b$", "a$b$c ? ?"},
	        {PG, "E'a\\'b' c", "? c"},
	        {PG, "e'a\\\\' c", "? c"},
	        {PG, "E'a\\\\\\'b''c' d", "? d"},
	        {PG, "U&'\\0041' c", "? c"},
	        {PG, "U&\"\\0041\" = 'x'", "U&\"\\0041\" = ?"},
	        {PG, "N'x' B'01' X'1F' b'1'", "? ? ? ?"},
	        {PG, "name'x'", "name?"},
	        {PG, "'a' -- 'b'\nc", "? c"},
	        {PG, "a--b", "a"},
	        {PG, "/* 'x */ a /* /* 1 */ 'b' */ c", "a c"},
	        {PG, "a/**/b", "a b"},
	        {PG, "'x'::text", "?::text"},
	        {PG, "ARRAY['a','b'][1]", "ARRAY[?,?][?]"},
	        {PG, "data->>'key' = 'v' AND data #> '{a}'", "data->>? = ? AND data #> ?"},
	};
	check_all(redact_sql, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_mysql_quoting(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {MY, "'O\\'Brien' c", "? c"},
	        {MY, "\"a\\\"b\" c", "? c"},
	        {MY, "'a\\\\' c", "? c"},
	        {MY, "'a''b' \"c\"\"d\" e", "? ? e"},
	        {MY, "_utf8mb4'x' N'y' X'FF' 0xFF b'01'", "_utf8mb4? ? ? ? ?"},
	        {MY, "a # 'b\nc", "a c"},
	        {MY, "a -- 'b\nc", "a c"},
	        {MY, "a --", "a"},
	        {MY, "5--1", "?--?"},
	        {MY, "a /* 'x */ b", "a b"},
	        {MY, "/* /* */ b", "b"},
	        {MY, "SELECT /*!40001 SQL_NO_CACHE */ * FROM t", "SELECT SQL_NO_CACHE * FROM t"},
	        {MY, "/*M!100100 a */ b", "a b"},
	        {MY, "/*! '*/ secret ' */ b", "? b"},
	        {MY, "/*+ MAX_EXECUTION_TIME(100) */ b", "b"},
	        {MY, "$$ let x = 'secret' $$ b", "? b"},
	};
	check_all(redact_sql, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_what_never_ends_hides_the_rest(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {PG, "a = 'secret", "a = ?"},
	        {PG, "a = 'secret''", "a = ?"},
	        {PG, "a = E'secret\\'", "a = ?"},
	        {PG, "a = E'secret\\", "a = ?"},
	        {PG, "a = $$secret$", "a = ?"},
	        {PG, "a = $x$secret$$", "a = ?"},
	        {PG, "a /* 'secret' ", "a"},
	        {PG, "a /* /* */ secret", "a"},
	        {PG, "a = \"secret", "a = ?"},
	        {PG, "a = U&'secret", "a = ?"},
	        {PG, "a -- secret", "a"},
	        {PG, "a \\", "a \\"},
	        {PG, "a $", "a $"},
	        {PG, "a $b", "a $b"},
	        {MY, "a = 'secret", "a = ?"},
	        {MY, "a = \"secret", "a = ?"},
	        {MY, "a = 'secret\\", "a = ?"},
	        {MY, "a = `secret", "a = ?"},
	        {MY, "a /* secret", "a"},
	        {MY, "/*! a = 'secret", "a = ?"},
	};
	check_all(redact_sql, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_a_backslash_that_could_mean_either_hides_the_rest(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        /* standard_conforming_strings decides whether this literal has ended. */
	        {PG, "'it\\'s secret' , b", "?"},
	        {PG, "'C:\\' , b", "?"},
	        {PG, "'a\\b', c", "?, c"},
	        /* NO_BACKSLASH_ESCAPES decides here. */
	        {MY, "'C:\\', 'secret', b", "?"},
	        {MY, "f('C:\\') + secret", "f(?"},
	        {MY, "'C:\\'", "?"},
	};
	check_all(redact_sql, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_passwords_in_statements(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {PG, "ALTER USER bob PASSWORD 'x'", "ALTER USER bob PASSWORD '***'"},
	        {PG, "alter role bob with encrypted password E'x\\'y' VALID UNTIL '2030-01-01'",
	                "alter role bob with encrypted password '***' VALID UNTIL '2030-01-01'"},
	        {PG, "ALTER USER bob PASSWORD $$x$$", "ALTER USER bob PASSWORD '***'"},
	        {PG, "ALTER USER bob PASSWORD \"x\"", "ALTER USER bob PASSWORD '***'"},
	        {PG, "ALTER USER bob PASSWORD 'x", "ALTER USER bob PASSWORD '***'"},
	        {PG, "CREATE USER MAPPING FOR a SERVER b OPTIONS (user 'u', password 'p', sslmode 'q')",
	                "CREATE USER MAPPING FOR a SERVER b OPTIONS (user 'u', password '***', sslmode 'q')"},
	        {PG, "SELECT dblink('host=a password=p user=b', 'SELECT 1')",
	                "SELECT dblink('host=a password=***', 'SELECT 1')"},
	        {PG, "SELECT dblink('postgresql://u:p@h/db')", "SELECT dblink('postgresql://u:***@h/db')"},
	        {PG, "CREATE SUBSCRIPTION s CONNECTION 'host=a password = ''p''' PUBLICATION q",
	                "CREATE SUBSCRIPTION s CONNECTION 'host=a password ***' PUBLICATION q"},
	        {PG, "UPDATE users SET password = 'a' || 'b', name = 'bob'",
	                "UPDATE users SET password = '***' || '***', name = 'bob'"},
	        {PG, "f(password => 'a', x => 'b')", "f(password => '***', x => 'b')"},
	        {PG, "jsonb_build_object('password', 'x')", "jsonb_build_object('password', '***')"},
	        {PG, "SELECT '{\"password\": \"x\"}'::json", "SELECT '{\"password ***'::json"},
	        {PG, "DO $$ BEGIN EXECUTE 'ALTER USER u PASSWORD ''x'''; END $$",
	                "DO $$ BEGIN EXECUTE 'ALTER USER u PASSWORD ***$$"},
	        {PG, "SELECT 'x' /* PASSWORD 'y' */ + 1", "SELECT 'x' /* PASSWORD ****/ + 1"},
	        {PG, "ALTER USER a PASSWORD 'x'; SELECT 'y'", "ALTER USER a PASSWORD '***'; SELECT 'y'"},
	        {PG, "SELECT  'a',\n 1 -- as it is", "SELECT  'a',\n 1 -- as it is"},
	        {MY, "CREATE USER 'a'@'b' IDENTIFIED BY 'x'", "CREATE USER 'a'@'b' IDENTIFIED BY '***'"},
	        {MY, "create user a identified with p by \"x\" replace 'y'",
	                "create user a identified with p by '***' replace '***'"},
	        {MY, "CREATE USER a IDENTIFIED VIA p USING PASSWORD('x')",
	                "CREATE USER a IDENTIFIED VIA p USING PASSWORD('***')"},
	        {MY, "ALTER USER a IDENTIFIED WITH p AS 0x2441", "ALTER USER a IDENTIFIED WITH p AS '***'"},
	        {MY, "SET PASSWORD FOR 'u'@'h' = 'x'", "SET PASSWORD FOR '***'@'***' = '***'"},
	        {MY, "SET PASSWORD = PASSWORD('x')", "SET PASSWORD = PASSWORD('***')"},
	        {MY, "CHANGE MASTER TO MASTER_PASSWORD='x', MASTER_HOST='h'",
	                "CHANGE MASTER TO MASTER_PASSWORD='***', MASTER_HOST='h'"},
	        {MY, "PREPARE s FROM 'CREATE USER a IDENTIFIED BY \\'x\\''",
	                "PREPARE s FROM 'CREATE USER a IDENTIFIED ***'"},
	        {MY, "CONNECTION='mysql://u:p@h:1/db/t'", "CONNECTION='mysql://u:***@h:1/db/t'"},
	        {MY, "SELECT 'a' FROM t WHERE id = 5", "SELECT 'a' FROM t WHERE id = 5"},
	};
	check_all(redact_passwords, cases, sizeof(cases) / sizeof(cases[0]));
	static const struct conversion literals[] = {
	        {PG, "ALTER USER bob PASSWORD 'x'", "ALTER USER bob PASSWORD ?"},
	        {PG, "ALTER USER bob PASSWORD \"x\"", "ALTER USER bob PASSWORD ?"},
	        {MY, "CREATE USER a IDENTIFIED BY 'x'", "CREATE USER a IDENTIFIED BY ?"},
	        {PG, "OPTIONS (user 'u', password 'p')", "OPTIONS (user ?, password ?)"},
	};
	check_all(redact_sql, literals, sizeof(literals) / sizeof(literals[0]));
}

static void url(const char *in, const char *expected)
{
	struct buf out;
	buf_init(&out, 4096);
	redact_url(in, &out);
	assert_string_equal(buf_str(&out), expected);
	buf_free(&out);
}

static void test_urls(void **state)
{
	(void)state;
	url("", "");
	url("prod", "prod");
	url("postgres://u@h:5432/db", "postgres://u@h:5432/db");
	url("postgres://h:5432/db", "postgres://h:5432/db");
	url("postgres://[::1]:5432/db", "postgres://[::1]:5432/db");
	url("postgres://u:p@h:5432/db?sslmode=require", "postgres://u@h:5432/db?sslmode=require");
	url("postgres://u:p@[::1]/db", "postgres://u@[::1]/db");
	url("postgres://u:@h/db", "postgres://u@h/db");
	url("postgres://:p@h/db", "postgres://@h/db");
	url("postgres://u%3Ap@h/db", "postgres://u@h/db");
	url("mysql://u:p%40%2F@h/db", "mysql://u@h/db");
	/* Not encoded as it should have been. */
	url("mysql://u:p@w@h/db", "mysql://u@h/db");
	url("mysql://u:p/w@h/db", "mysql://u@h/db");
	url("mysql://u:p?w@h/db", "mysql://u@h/db");
	url("mysql://u:p#w@h/db", "mysql://u@h/db");
	url("mysql://u:p?a=b@h/db", "mysql://u@h/db");
	url("postgres://h:5432/db?options=a@b", "postgres://h:5432/db?options=a@b");
	url("postgres://u:p@h/db?options=a@b", "postgres://u@h/db?options=a@b");
	/* Parameters. */
	url("postgres://h/db?user=u&password=p&sslmode=x", "postgres://h/db?user=u&password=***&sslmode=x");
	url("postgres://h/db?sslpassword=p", "postgres://h/db?sslpassword=***");
	url("postgres://h/db?PassWord=p", "postgres://h/db?PassWord=***");
	url("postgres://h/db?pass%77ord=p", "postgres://h/db?pass%77ord=***");
	url("postgres://h/db?password=a&b&user=u", "postgres://h/db?password=***&&user=u");
	url("postgres://u:p@h/db?password=p", "postgres://u@h/db?password=***");
	url("u:p@h", "u@h");
	/* Conninfo. */
	url("host=h user=u password=p dbname=d", "host=h user=u password=*** dbname=d");
	url("host=h password='p q' dbname=d", "host=h password=*** dbname=d");
	url("host=h password = 'p\\' q' dbname=d", "host=h password =*** dbname=d");
	url("host=h password=p\\ q dbname=d", "host=h password=*** dbname=d");
	url("password='p", "password=***");
	url("password=p\\", "password=***");
	url("password=", "password=***");
	url("password=a b host=h", "password=***  host=h");
	url("sslpassword=p sslkey=k passfile=f", "sslpassword=*** sslkey=k passfile=f");
	url("host=h password=a://b:c@d", "host=h password=***");
	url("host=h user=a password=x:y@z", "host=h user=a password=***");
}

/* Much of each thing that could be scanned again and again: were it, this would take hours. */
static void test_the_work_is_linear(void **state)
{
	(void)state;
	enum { SIZE = 1 << 17 };
	static const char *const patterns[] = {"'", "''", "$", "$a", "$a$", "/*", "*/", "--", "\\", "\\'",
	        "E'", "\"", "a ", "1", "pass", "password ", "password=", "://", "://:@", "@:", "`", "#",
	        "U&'", "identified ", "/*!", "x'a'", "1e-", "=?@"};
	char *sql = malloc(SIZE + 1);
	assert_non_null(sql);
	for (size_t k = 0; k < sizeof(patterns) / sizeof(patterns[0]); k++) {
		size_t length = strlen(patterns[k]);
		for (size_t i = 0; i < SIZE; i++)
			sql[i] = patterns[k][i % length];
		sql[SIZE] = '\0';
		for (int mysql = 0; mysql < 2; mysql++) {
			enum redact_dialect dialect = mysql ? MY : PG;
			struct buf out;
			buf_init(&out, 4 * SIZE);
			redact_sql(dialect, sql, SIZE, &out);
			buf_reset(&out);
			redact_passwords(dialect, sql, SIZE, &out);
			buf_reset(&out);
			redact_url(sql, &out);
			assert_false(out.overflow);
			buf_free(&out);
		}
	}
	free(sql);
}

static void test_a_megabyte(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20 };
	char *sql = malloc(SIZE);
	assert_non_null(sql);
	memset(sql, 'x', SIZE);
	memcpy(sql, "INSERT INTO t VALUES ('", 23);
	memcpy(sql + SIZE - 8, "', 1, b)", 8);
	struct buf out;
	buf_init(&out, 2 * SIZE);
	for (int mysql = 0; mysql < 2; mysql++) {
		buf_reset(&out);
		redact_sql(mysql ? MY : PG, sql, SIZE, &out);
		assert_string_equal(buf_str(&out), "INSERT INTO t VALUES (?, ?, b)");
		buf_reset(&out);
		redact_passwords(mysql ? MY : PG, sql, SIZE, &out);
		assert_int_equal(out.len, SIZE);
		assert_memory_equal(buf_str(&out), sql, SIZE);
	}
	buf_free(&out);
	free(sql);
}

static void test_any_bytes(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4096);
	redact_sql(PG, "a\0b = 'x\0y' \xff\x80", 14, &out);
	assert_int_equal(out.len, 10);
	assert_memory_equal(buf_str(&out), "a\0b = ? \xff\x80", 11);
	buf_reset(&out);
	redact_passwords(MY, "a\0 password 'x\0y'", 17, &out);
	assert_memory_equal(buf_str(&out), "a\0 password '***'", 17);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_literals_of_both),
	        cmocka_unit_test(test_postgres_quoting),
	        cmocka_unit_test(test_mysql_quoting),
	        cmocka_unit_test(test_what_never_ends_hides_the_rest),
	        cmocka_unit_test(test_a_backslash_that_could_mean_either_hides_the_rest),
	        cmocka_unit_test(test_passwords_in_statements),
	        cmocka_unit_test(test_urls),
	        cmocka_unit_test(test_the_work_is_linear),
	        cmocka_unit_test(test_a_megabyte),
	        cmocka_unit_test(test_any_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
