/* The pure parts of the MySQL driver: the server's greeting, option files, error numbers, and every guard as
 * the SQL it becomes. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/errors.h"
#include "backends/mysql/greeting.h"
#include "backends/mysql/guard.h"
#include "backends/mysql/optfile.h"

static const unsigned char tls_greeting[] = "\x4a\0\0\0\x0a"
                                            "8.0.37\0"
                                            "\x07\0\0\0"
                                            "saltsalt\0"
                                            "\xff\xff";

static void test_greeting(void **state)
{
	(void)state;
	enum greeting g;
	size_t n = sizeof(tls_greeting) - 1;
	unsigned char plain[sizeof(tls_greeting)];
	for (size_t cut = 0; cut < n; cut++)
		assert_false(greeting_parse(tls_greeting, cut, &g));
	assert_true(greeting_parse(tls_greeting, n, &g));
	assert_int_equal(g, GREETING_TLS);
	memcpy(plain, tls_greeting, n);
	plain[n - 1] = 0xf7;
	assert_true(greeting_parse(plain, n, &g));
	assert_int_equal(g, GREETING_PLAIN);
	/* "too many connections", and something that is no server of ours. */
	assert_true(greeting_parse((const unsigned char *)"\x10\0\0\0\xff\x10\x04", 7, &g));
	assert_int_equal(g, GREETING_OTHER);
	assert_true(greeting_parse((const unsigned char *)"HTTP/1.1 400", 12, &g));
	assert_int_equal(g, GREETING_OTHER);
	unsigned char endless[600];
	memset(endless, 'x', sizeof(endless));
	endless[4] = 10;
	assert_true(greeting_parse(endless, sizeof(endless), &g));
	assert_int_equal(g, GREETING_OTHER);
}

static void test_option_file(void **state)
{
	(void)state;
	struct optfile o = {0};
	bool found;
	optfile_parse(
	        "# comment\n[mysqld]\nuser=root\n[client]\nuser = a\npassword='p \\'\\\\\\n#'\nPort=3307\r\n"
	        "ssl_ca=\"/x y.pem\"\nlocal-infile=1\n[prod]\nuser=b\nssl-verify-server-cert\nskip-ssl\n"
	        "!include /etc/passwd\n[other]\nuser=c\n",
	        "prod", &o, &found);
	assert_true(found);
	assert_string_equal(o.user, "b");
	assert_string_equal(o.password, "p '\\\n#");
	assert_int_equal(o.port, 3307);
	assert_string_equal(o.tls_ca, "/x y.pem");
	assert_int_equal(o.tls, TLS_VERIFY_FULL); /* a later skip-ssl does not lower it */
	assert_null(o.host);
	optfile_free(&o);
	optfile_parse("[client\nuser=x\n=\n[]\n[client]\n=y\nport=99999\nuser", NULL, &o, &found);
	assert_false(found);
	assert_int_equal(o.port, 0);
	assert_string_equal(o.user, "");
	optfile_free(&o);
}

static void test_error_numbers(void **state)
{
	(void)state;
	struct err e;
	assert_int_equal(sqlerr_code(1040), ERR_LIMIT);
	assert_int_equal(sqlerr_code(1045), ERR_AUTH);
	assert_int_equal(sqlerr_code(1142), ERR_DENIED);
	assert_int_equal(sqlerr_code(1969), ERR_SERVER_LIMIT);
	assert_int_equal(sqlerr_code(2013), ERR_LOST);
	assert_int_equal(sqlerr_code(2999), ERR_IO);
	assert_int_equal(sqlerr_code(1064), ERR_SERVER);
	assert_false(sqlerr_set(&e, 1227, "42000", "Access denied"));
	assert_string_equal(e.text, "Access denied (1227)");
	assert_string_equal(e.sqlstate, "42000");
	assert_int_equal(e.native, 1227);
}

static struct action_request request(enum action_kind kind, const char *xact, const char *query)
{
	struct action_request r = {.kind = kind, .target = {.id = 42}};
	snprintf(r.server.id, sizeof(r.server.id), "it's\\me");
	snprintf(r.target.xact_guard, sizeof(r.target.xact_guard), "%s", xact);
	snprintf(r.target.query_guard, sizeof(r.target.query_guard), "%s", query);
	return r;
}

static const struct guard_server mysql = {.performance_schema = true};
static const struct guard_server blind = {.performance_schema = false};
static const struct guard_server maria = {.mariadb = true, .uid = true};

/* The packet of one way, into out. */
static const char *packet(
        const struct guard_server *s, const struct action_request *r, bool fresh, struct buf *out)
{
	buf_reset(out);
	if (fresh)
		guard_fresh(s, r, 7, 0, out);
	else
		guard_live(s, r, 0, out);
	return buf_str(out);
}

static void expect_ways(const struct guard_server *s, const struct action_request *r, bool live, bool fresh,
        enum err_code code)
{
	struct guard_ways ways;
	struct err e = {.code = ERR_NONE};
	bool ok = guard_choose(s, r, &ways, &e);
	assert_int_equal(ok, live || fresh);
	assert_int_equal(ways.live, live);
	assert_int_equal(ways.fresh, fresh);
	assert_int_equal(e.code, code);
}

/* Which proof is asked for what was seen; nothing seen, nothing done. */
static void test_guards_choose_a_proof(void **state)
{
	(void)state;
	struct action_request r = request(ACTION_CANCEL, "", "");
	expect_ways(&maria, &r, false, false, ERR_DENIED);
	expect_ways(&blind, &r, false, false, ERR_UNSUPPORTED);
	r = request(ACTION_CANCEL, "77", "12");
	expect_ways(&maria, &r, true, false, ERR_NONE);
	expect_ways(&mysql, &r, true, false, ERR_NONE);
	expect_ways(&blind, &r, false, false, ERR_UNSUPPORTED);
	r = request(ACTION_TERMINATE, "77", "12");
	expect_ways(&maria, &r, true, true, ERR_NONE);
	r = request(ACTION_TERMINATE, "77", "");
	expect_ways(&maria, &r, false, true, ERR_NONE);
	expect_ways(&blind, &r, false, true, ERR_NONE);
	/* A transaction that only read has no id of its own. */
	r = request(ACTION_TERMINATE, "0", "");
	expect_ways(&maria, &r, false, false, ERR_DENIED);
	r = request(ACTION_TERMINATE, "421938000000000", "");
	expect_ways(&blind, &r, false, false, ERR_UNSUPPORTED);
	r = request(ACTION_TERMINATE, "e5", "");
	expect_ways(&mysql, &r, true, false, ERR_NONE);
	r = request(ACTION_TERMINATE, "", "");
	expect_ways(&blind, &r, false, true, ERR_NONE);
	expect_ways(&maria, &r, false, false, ERR_DENIED);
	r = request(ACTION_CANCEL, "", "12 seen 2026-11-22 14:02:07.123456");
	expect_ways(&maria, &r, true, false, ERR_NONE);
	/* Only digits and a time count: nothing else of a guard reaches the statement. */
	r = request(ACTION_TERMINATE, "77 OR 1", "12;--");
	expect_ways(&maria, &r, false, false, ERR_DENIED);
	r = request(ACTION_TERMINATE, "", "12 seen 2026' OR '1");
	expect_ways(&maria, &r, false, false, ERR_DENIED);
	r = request(ACTION_TERMINATE, "", "12 seen ");
	expect_ways(&maria, &r, false, false, ERR_DENIED);
}

/* What is over was seen to be over: each row that could have proved the opposite. */
static void test_over_as_sql(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1024);
	struct action_request r = request(ACTION_CANCEL, "e5", "12");
	guard_over(&r, &b);
	assert_non_null(strstr(buf_str(&b), "(e.EVENT_ID <> 12 OR e.END_EVENT_ID IS NOT NULL)"));
	assert_null(strstr(buf_str(&b), "events_transactions_current"));
	buf_reset(&b);
	r.kind = ACTION_TERMINATE;
	guard_over(&r, &b);
	assert_non_null(strstr(buf_str(&b), "(e.EVENT_ID <> 12)"));
	assert_non_null(strstr(buf_str(&b), "(x.EVENT_ID <> 5 OR x.STATE <> 'ACTIVE')"));
	buf_reset(&b);
	r.whatever_transaction = true;
	guard_over(&r, &b);
	assert_string_equal(buf_str(&b), "@dbatop_thread IS NULL OR (TRUE)");
	buf_free(&b);
}

static void test_guards_as_sql(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 8192);
	struct action_request r = request(ACTION_CANCEL, "e5", "12");
	const char *sql = packet(&mysql, &r, false, &b);
	assert_non_null(strstr(sql, "@@server_uuid = 'it\\'s\\\\me'"));
	assert_non_null(strstr(sql, "e.EVENT_ID = 12 AND e.END_EVENT_ID IS NULL"));
	assert_null(strstr(sql, "events_transactions_current"));
	assert_non_null(strstr(sql, "; KILL QUERY IF(TIMESTAMPDIFF("));
	r.kind = ACTION_TERMINATE;
	sql = packet(&mysql, &r, false, &b);
	assert_non_null(strstr(sql, "x.EVENT_ID = 5 AND x.STATE = 'ACTIVE'"));
	assert_non_null(strstr(sql, "; KILL CONNECTION IF(TIMESTAMPDIFF("));
	r.dialect = KILL_RDS;
	assert_non_null(strstr(packet(&mysql, &r, false, &b), "; CALL mysql.rds_kill(42)"));

	r = request(ACTION_CANCEL, "", "12");
	sql = packet(&maria, &r, false, &b);
	assert_non_null(strstr(sql, "p.ID = 42 AND p.QUERY_ID = 12; "));
	assert_non_null(strstr(sql, "IF dbatop_query = 12 OR dbatop_brief THEN KILL QUERY ID "
	                            "dbatop_query; ELSE KILL QUERY IF("));
	/* What was seen may have gone on inside a procedure. */
	r = request(ACTION_CANCEL, "", "12 seen 2026-11-22 14:02:07.123456");
	sql = packet(&maria, &r, false, &b);
	assert_non_null(
	        strstr(sql, "(p.QUERY_ID = 12 OR SYSDATE(6) - INTERVAL p.TIME_MS * 1000 MICROSECOND < "
	                    "'2026-11-22 14:02:07.123456')"));
	assert_non_null(strstr(sql, "KILL QUERY ID dbatop_query; ELSE KILL QUERY IF(TIMESTAMPDIFF"));
	assert_non_null(strstr(sql, ", 42, 0); END IF; END"));
	r = request(ACTION_CANCEL, "", "12");
	r.dialect = KILL_RDS;
	assert_non_null(strstr(packet(&maria, &r, false, &b), "CALL mysql.rds_kill_query_id(dbatop_query)"));
	r.dialect = KILL_AZURE;
	assert_non_null(strstr(packet(&maria, &r, false, &b), "CALL mysql.az_kill_query(42)"));
	r = request(ACTION_TERMINATE, "77", "12");
	sql = packet(&maria, &r, true, &b);
	assert_non_null(strstr(sql, "/* dbatop-look 7 */"));
	assert_non_null(strstr(sql, "x.trx_mysql_thread_id = 42 AND x.trx_id = 77"));
	/* Nothing has begun there since before the look. */
	assert_non_null(strstr(sql, "SET @dbatop_before := SYSDATE(6); START TRANSACTION"));
	assert_non_null(strstr(sql, "p.TIME_MS * 1000 MICROSECOND < @dbatop_before)"));
	assert_non_null(strstr(sql, ", 42, 0); END"));
	assert_non_null(strstr(
	        packet(&blind, &r, true, &b), "WHERE @dbatop_fresh = 0); DO @dbatop_at := @dbatop_before"));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_greeting),
	        cmocka_unit_test(test_option_file),
	        cmocka_unit_test(test_error_numbers),
	        cmocka_unit_test(test_guards_choose_a_proof),
	        cmocka_unit_test(test_guards_as_sql),
	        cmocka_unit_test(test_over_as_sql),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
