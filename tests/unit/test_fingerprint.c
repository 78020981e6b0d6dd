/* The same statement is the same whatever its literals are, however long its lists, whoever wrote it; another
 * statement is another. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/fingerprint.h"

#define PG REDACT_POSTGRES
#define MY REDACT_MYSQL

static uint64_t of(enum redact_dialect dialect, const char *sql)
{
	return fingerprint_of(dialect, sql, strlen(sql));
}

static void test_the_form_that_people_read(void **state)
{
	(void)state;
	static const struct {
		enum redact_dialect dialect;
		const char *in, *out;
	} cases[] = {
	        {PG, "", ""},
	        {PG, " /* nothing */ -- at all", ""},
	        {PG, "UPDATE stock SET qty = qty - 3 WHERE sku = 17;",
	                "UPDATE stock SET qty = qty - ? WHERE sku = ?"},
	        {PG, "select a,b from t where x in (1, 2,3) and y = 'it''s'",
	                "select a,b from t where x in (?) and y = ?"},
	        {PG, "INSERT INTO t (a, b) VALUES (1, now()), (2, now()), (3, 'x') RETURNING id",
	                "INSERT INTO t (a, b) VALUES (?, now()) RETURNING id"},
	        {PG, "SELECT f(1, 2), round(-1.5, +2)", "SELECT f(?, ?), round(?, ?)"},
	        {PG, "SELECT 5 - 3, a -1, b - -1", "SELECT ? - ?, a -?, b - ?"},
	        {PG, "SELECT $tag$it's$tag$, E'a\\'b', \"Mixed\", \"plain\"",
	                "SELECT ?, ?, \"Mixed\", plain"},
	        {PG, "SELECT /* a /* b */ c */ 1 FROM t WHERE a IS NOT NULL AND b = NULL",
	                "SELECT ? FROM t WHERE a IS NOT NULL AND b = ?"},
	        {PG, "SELECT ARRAY[1,2,3], x[1]", "SELECT ARRAY[?], x[?]"},
	        {PG, "SELECT * FROM t WHERE (a, b) IN ((1, 2), (3, 4), (5, 6))",
	                "SELECT * FROM t WHERE (a, b) IN ((?))"},
	        {PG, "SELECT 1 WHERE x = $1 AND y IN ($2, $3)", "SELECT ? WHERE x = ? AND y IN (?)"},
	        {MY, "SELECT `a` FROM `My Table` WHERE b = \"x\" # why",
	                "SELECT a FROM `My Table` WHERE b = ?"},
	        {MY, "SELECT /*!40001 SQL_NO_CACHE */ * FROM t -- all", "SELECT SQL_NO_CACHE * FROM t"},
	        {MY, "INSERT INTO t VALUES ROW(1,2), ROW(3,4)", "INSERT INTO t VALUES ROW(?)"},
	        {MY, "INSERT INTO t VALUES (1,'a'),(2,'b') ON DUPLICATE KEY UPDATE a = VALUES(a), b = 3",
	                "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = ?"},
	        /* Cut by the server. */
	        {PG, "SELECT * FROM t WHERE a = 'unterminated", "SELECT * FROM t WHERE a = ?"},
	        {PG, "SELECT * FROM t WHERE a IN (1, 2, 'thr", "SELECT * FROM t WHERE a IN (?"},
	        {PG, "SELECT * FROM t WHERE a IN (1, 2, ", "SELECT * FROM t WHERE a IN (?"},
	        {MY, "INSERT INTO t VALUES (1, now()), (2, no", "INSERT INTO t VALUES (?, now())"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		buf_init(&out, 4096);
		fingerprint_put(cases[i].dialect, cases[i].in, strlen(cases[i].in), &out);
		assert_string_equal(buf_str(&out), cases[i].out);
		assert_true(out.len <= strlen(cases[i].in));
		assert_int_equal(of(cases[i].dialect, cases[i].in) == 0, cases[i].out[0] == '\0');
		buf_free(&out);
	}
}

static void test_the_same(void **state)
{
	(void)state;
	static const char *const same[][2] = {
	        {"SELECT 1", "select   2;"},
	        {"SELECT a FROM t WHERE b = 'x'", "SELECT a /* trace=17 */ FROM t\n WHERE b='it''s another'"},
	        {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = -1.5e10"},
	        {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = $1"},
	        {"SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (1, -2, 'x', NULL)"},
	        {"SELECT a FROM t WHERE b = ANY (ARRAY[1])",
	                "SELECT a FROM t WHERE b = ANY (ARRAY[1, 2, 3])"},
	        {"INSERT INTO t VALUES (1, f(2))", "INSERT INTO t VALUES (7, f(8)), (9, f(10)), (g(1), 2)"},
	        {"UPDATE t SET a = TRUE", "UPDATE t SET a = false"},
	        {"SELECT \"a\" FROM t", "SELECT a FROM t"},
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_true(of(PG, same[i][0]) == of(PG, same[i][1]));
	assert_true(of(MY, "SELECT `a` FROM t WHERE b = \"x\"") == of(PG, "SELECT a FROM t WHERE b = 'y'"));
}

static void test_not_the_same(void **state)
{
	(void)state;
	static const char *const statements[] = {"SELECT a FROM t", "SELECT b FROM t", "SELECT a FROM u",
	        "SELECT a, b FROM t", "SELECT a b FROM t", "SELECT ab FROM t",
	        "SELECT a FROM t WHERE b IS NULL", "SELECT a FROM t WHERE b IS NOT NULL",
	        "SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b > 1",
	        "SELECT a FROM t WHERE b = 1 AND c = 1", "SELECT f(1)", "SELECT f(1, 2)",
	        "SELECT \"A\" FROM t", "COMMIT", "ROLLBACK", "BEGIN", "SELECT a - 1 FROM t",
	        "SELECT a + 1 FROM t"};
	size_t n = sizeof(statements) / sizeof(statements[0]);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = i + 1; k < n; k++) {
			if (of(PG, statements[i]) == of(PG, statements[k]))
				fail_msg("the same: %s, %s", statements[i], statements[k]);
		}
	}
}

/* A statement of random parts, twice: with other literals, lists, comments and spacing. */
struct maker {
	uint32_t random;
	enum redact_dialect dialect;
	struct buf *out[2];
};

static uint32_t any(struct maker *m, uint32_t below)
{
	m->random = m->random * 1664525U + 1013904223U;
	return (m->random >> 8) % below;
}

static void both(struct maker *m, const char *text)
{
	static const char *const blanks[] = {" ", "  ", "\n\t", " /* 'x */ ", "\r\n", " -- it's\n"};
	for (int i = 0; i < 2; i++) {
		buf_puts(m->out[i], blanks[any(m, 6)]);
		buf_puts(m->out[i], text);
	}
}

static void put_literal(struct maker *m, struct buf *out)
{
	static const char *const pg[] = {
	        "'a'", "E'a\\'b'", "$$it's$$", "$q$ $$ $q$", "X'FF'", "'it''s -- no'"};
	static const char *const my[] = {"'a'", "'a\\'b'", "\"say \"\"x\"\"\"", "x'FF'", "'/* no'", "'#'"};
	switch (any(m, 4)) {
	case 0:
		buf_printf(out, "%s%u", any(m, 3) == 0 ? "-" : "", any(m, 1000));
		break;
	case 1:
		buf_printf(out, "%u.%ue-%u", any(m, 100), any(m, 100), any(m, 9));
		break;
	case 2:
		buf_puts(out, any(m, 2) == 0 ? "NULL" : "0xAB");
		break;
	default:
		buf_puts(out, m->dialect == PG ? pg[any(m, 6)] : my[any(m, 6)]);
		break;
	}
}

static void literals(struct maker *m, uint32_t most)
{
	for (int i = 0; i < 2; i++) {
		uint32_t n = 1 + any(m, most);
		for (uint32_t k = 0; k < n; k++) {
			buf_puts(m->out[i], k == 0 ? "" : any(m, 2) == 0 ? "," : ", ");
			put_literal(m, m->out[i]);
		}
	}
}

static void condition(struct maker *m, int depth)
{
	static const char *const names[] = {"a", "t1.b", "état", "\"Quoted\"", "c_9"};
	both(m, m->dialect == MY && any(m, 4) == 0 ? "`q`" : names[any(m, m->dialect == MY ? 3 : 5)]);
	switch (any(m, depth > 0 ? 4 : 3)) {
	case 0:
		both(m, "= ");
		literals(m, 1);
		break;
	case 1:
		both(m, "IN (");
		literals(m, 20);
		both(m, ")");
		break;
	case 2:
		both(m, "BETWEEN ");
		literals(m, 1);
		both(m, "AND ");
		literals(m, 1);
		break;
	default:
		both(m, "IN ( SELECT id FROM u WHERE");
		condition(m, depth - 1);
		both(m, ")");
		break;
	}
}

static void test_other_literals_are_the_same_statement(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 4000; seed++) {
		struct buf a;
		struct buf b;
		struct maker m = {.random = seed, .dialect = seed % 2 == 0 ? PG : MY, .out = {&a, &b}};
		buf_init(&a, 65536);
		buf_init(&b, 65536);
		both(&m, "SELECT x FROM t WHERE");
		for (uint32_t n = any(&m, 4) + 1; n > 0; n--) {
			condition(&m, 2);
			both(&m, n > 1 ? "AND" : "LIMIT ");
		}
		literals(&m, 1);
		if (fingerprint_of(m.dialect, a.data, a.len) != fingerprint_of(m.dialect, b.data, b.len))
			fail_msg("seed %u:\n%s\n%s", seed, a.data, b.data);
		struct buf text;
		buf_init(&text, 65536);
		fingerprint_put(m.dialect, a.data, a.len, &text);
		assert_true(text.len <= a.len);
		assert_null(memmem(buf_str(&text), text.len, "it's", 4));
		buf_free(&text);
		buf_free(&a);
		buf_free(&b);
	}
}

static void test_any_bytes(void **state)
{
	(void)state;
	static const char nul[] = "SELECT 1\0 FROM \xFF\xC0 WHERE a = '\0'";
	struct buf out;
	buf_init(&out, sizeof(nul));
	fingerprint_put(PG, nul, sizeof(nul) - 1, &out);
	assert_true(out.len < sizeof(nul) && !out.overflow);
	assert_true(fingerprint_of(PG, nul, sizeof(nul) - 1) != fingerprint_of(PG, nul, 8));
	buf_free(&out);
	/* Deep and endless things end. */
	char *deep = malloc(200000);
	assert_non_null(deep);
	memset(deep, '(', 200000);
	assert_true(fingerprint_of(MY, deep, 200000) != 0);
	for (size_t i = 0; i < 200000; i++)
		deep[i] = "-,(1"[i % 4];
	assert_true(fingerprint_of(PG, deep, 200000) != 0);
	free(deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_form_that_people_read),
	        cmocka_unit_test(test_the_same), cmocka_unit_test(test_not_the_same),
	        cmocka_unit_test(test_other_literals_are_the_same_statement),
	        cmocka_unit_test(test_any_bytes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
