/* URLs as people type them, and above all as they mistype them: no password may come back in a sentence. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <string.h>

#include "core/model/endpoint.h"

static struct endpoint parse(const char *url)
{
	struct endpoint ep;
	struct err e = {.code = ERR_NONE};
	if (!endpoint_parse(url, &ep, &e))
		fail_msg("%s: %s", url, e.text);
	return ep;
}

static void test_postgres(void **state)
{
	(void)state;
	struct endpoint ep =
	        parse("postgres://mon%40x:s%3Acret%2F@db1.example:5433/sh%6Fp?sslmode=verify-full&"
	              "sslrootcert=/etc/ca.pem&sslcert=c.pem&sslkey=k.pem");
	assert_int_equal(ep.engine, ENGINE_POSTGRES);
	assert_string_equal(ep.host, "db1.example");
	assert_int_equal(ep.port, 5433);
	assert_string_equal(ep.user, "mon@x");
	assert_string_equal(ep.password, "s:cret/");
	assert_string_equal(ep.database, "shop");
	assert_int_equal(ep.tls, TLS_VERIFY_FULL);
	assert_string_equal(ep.tls_ca, "/etc/ca.pem");
	assert_string_equal(ep.tls_cert, "c.pem");
	assert_string_equal(ep.tls_key, "k.pem");
	assert_string_equal(ep.shown, "postgres://mon@x@db1.example:5433/shop");
	endpoint_free(&ep);
	assert_null(ep.password);
}

static void test_mysql(void **state)
{
	(void)state;
	struct endpoint ep =
	        parse("mariadb://mon:pw@[2001:db8::7]:3307/?ssl-mode=VERIFY_IDENTITY&ssl-ca=ca.pem&"
	              "kill-dialect=rds&defaults-group=ops");
	assert_int_equal(ep.engine, ENGINE_MYSQL);
	assert_string_equal(ep.host, "2001:db8::7");
	assert_int_equal(ep.port, 3307);
	assert_null(ep.database);
	assert_int_equal(ep.tls, TLS_VERIFY_FULL);
	assert_int_equal(ep.kill, KILL_RDS);
	assert_string_equal(ep.option_group, "ops");
	assert_string_equal(ep.shown, "mysql://mon@[2001:db8::7]:3307");
	endpoint_free(&ep);
}

static void test_sockets_and_bare_urls(void **state)
{
	(void)state;
	struct endpoint ep = parse("postgresql:///shop?host=/var/run/postgresql&port=5433&user=mon");
	assert_null(ep.host);
	assert_string_equal(ep.socket, "/var/run/postgresql");
	assert_string_equal(ep.shown, "postgres://mon@:5433/shop (socket /var/run/postgresql)");
	endpoint_free(&ep);

	ep = parse("postgres://%2Frun%2Fpg/db");
	assert_string_equal(ep.socket, "/run/pg");
	assert_null(ep.host);
	endpoint_free(&ep);

	ep = parse("mysql://mon@localhost?socket=/run/mysqld.sock");
	assert_string_equal(ep.socket, "/run/mysqld.sock");
	assert_null(ep.host);
	endpoint_free(&ep);

	ep = parse("postgres://?service=orders");
	assert_string_equal(ep.service, "orders");
	assert_null(ep.host);
	assert_int_equal(ep.port, 0);
	endpoint_free(&ep);

	ep = parse("postgres://:5433");
	assert_null(ep.host);
	assert_int_equal(ep.port, 5433);
	endpoint_free(&ep);

	ep = parse("mysql://h");
	assert_string_equal(ep.host, "h");
	assert_null(ep.user);
	assert_string_equal(ep.shown, "mysql://h");
	endpoint_free(&ep);
}

static void test_an_unescaped_at_belongs_to_the_password(void **state)
{
	(void)state;
	struct endpoint ep = parse("postgres://u:p@ss@h/db");
	assert_string_equal(ep.password, "p@ss");
	assert_string_equal(ep.host, "h");
	endpoint_free(&ep);
}

static void test_further_conninfo_is_quoted(void **state)
{
	(void)state;
	struct endpoint ep = parse("postgres://h/db?passfile=/home/o%27brien/%5Cpass&keepalives=1");
	assert_string_equal(ep.extra, "passfile='/home/o\\'brien/\\\\pass' keepalives='1'");
	endpoint_free(&ep);
}

static void test_tls_words_of_both_engines(void **state)
{
	(void)state;
	for (int m = TLS_DISABLE; m <= TLS_VERIFY_FULL; m++)
		assert_int_equal(tls_mode_parse(tls_mode_name((enum tls_mode)m)), m);
	assert_int_equal(tls_mode_parse("DISABLED"), TLS_DISABLE);
	assert_int_equal(tls_mode_parse("PREFERRED"), TLS_PREFER);
	assert_int_equal(tls_mode_parse("REQUIRED"), TLS_REQUIRE);
	assert_int_equal(tls_mode_parse("VERIFY_CA"), TLS_VERIFY_CA);
	assert_int_equal(tls_mode_parse("VERIFY_IDENTITY"), TLS_VERIFY_FULL);
	assert_int_equal(tls_mode_parse("unset"), TLS_UNSET);
	assert_int_equal(tls_mode_parse(""), TLS_UNSET);
}

/* Each is refused; the sentence has `says` and nothing of "secret". */
static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *url, *says;
	} cases[] = {
	        {"", "expected postgres://"},
	        {"oracle://u:secret@h", "expected postgres://"},
	        {"h:5432/db", "expected postgres://"},
	        {"postgres://u:secret@h1,h2/db", "several hosts"},
	        {"postgres://u:secret@h1:5432,h2:5433/db", "several hosts"},
	        {"postgres://h/db?host=a,b", "several hosts"},
	        {"postgres://h/db?options=-csearch_path%3Dx", "options is not taken"},
	        {"postgres://h/db?target_session_attrs=any", "one URL is one server"},
	        {"postgres://h/db?ssl-mod=require", "did you mean ssl-mode?"},
	        {"mysql://h/db?sslrootcer=x", "did you mean sslrootcert?"},
	        {"mysql://h/db?passfile=x", "unknown parameter passfile for mysql"},
	        {"mysql://h/?sslmode=allow", "sslmode: expected"},
	        {"mysql://h/?sslmode=maybe", "sslmode: expected"},
	        {"mysql://h/?kill-dialect=gcp", "kill-dialect: expected"},
	        {"mysql://h/?socket=relative", "socket: expected"},
	        {"mysql://h/?port", "port: expected =value"},
	        {"mysql://h:0/", "a port from 1 to 65535"},
	        {"mysql://h:65536/", "a port from 1 to 65535"},
	        {"mysql://h:/", "a port from 1 to 65535"},
	        {"mysql://%2Frun/", "a socket is ?socket="},
	        {"mysql://::1/", "a port from"},
	        {"mysql://[::1/", "expected ]"},
	        {"mysql://[::1]x/", "IPv6"},
	        {"mysql://[]/", "IPv6"},
	        {"mysql://a b/", "expected a host name"},
	        {"mysql://u:secret%zz@h/", "password: expected %"},
	        {"mysql://u:secret%0A@h/", "password: expected %"},
	        {"mysql://u:secret%00@h/", "password: expected %"},
	        {"mysql://u:secret%2", "a port from"},
	        {"mysql://u:secret@h/%4", "database: expected %"},
	        /* passwords without escapes */
	        {"postgres://u:secret/more@h/db", "unexpected /"},
	        {"postgres://u:12/secret@h/db", "unexpected /"},
	        {"postgres://u:12/secret/x", "unexpected /"},
	        {"postgres://u:12?secret@h/db", "expected parameters as name=value"},
	        {"postgres://u:12?secret=@h/db", "unknown parameter"},
	        {"postgres://u:secret#more@h/db", "unexpected /"},
	        {"postgres://u@h/db?password=secret#x", "unexpected /"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint ep;
		struct err e = {.code = ERR_NONE};
		if (endpoint_parse(cases[i].url, &ep, &e))
			fail_msg("%s was accepted", cases[i].url);
		assert_int_equal(e.code, ERR_USAGE);
		if (strstr(e.text, cases[i].says) == NULL)
			fail_msg("%s: expected \"%s\" in \"%s\"", cases[i].url, cases[i].says, e.text);
		/* The one exception is a word that looks like the name of a parameter. */
		if (strstr(e.text, "unknown parameter") == NULL && strstr(e.text, "secret") != NULL)
			fail_msg("%s: the password is in \"%s\"", cases[i].url, e.text);
		assert_null(ep.password);
		assert_null(ep.shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_postgres),
	        cmocka_unit_test(test_mysql),
	        cmocka_unit_test(test_sockets_and_bare_urls),
	        cmocka_unit_test(test_an_unescaped_at_belongs_to_the_password),
	        cmocka_unit_test(test_further_conninfo_is_quoted),
	        cmocka_unit_test(test_tls_words_of_both_engines),
	        cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
