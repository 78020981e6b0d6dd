/* The config: defaults from the compiled-in file, overrides, inheritance, names, and above all that every
 * mistake is one sentence with its place. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/model/config.h"

static char dir[] = "/tmp/dbatop-config-XXXXXX";
static char path[128];

/* Environment of the code under test: a home without any client's files, unless a test writes them. */
static char *test_getenv(const char *name)
{
	if (!strcmp(name, "HOME") || !strcmp(name, "XDG_CONFIG_HOME"))
		return dir;
	return NULL;
}

static void write_mode(const char *name, const char *text, mode_t mode)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static struct config *load(const char *text, const char *const *urls, size_t nurls, struct err *e)
{
	struct config *cfg = NULL;
	struct config_sources src = {.urls = urls, .nurls = nurls, .getenv_fn = test_getenv};

	if (text) {
		write_mode("c.yaml", text, 0600);
		src.file = path;
	}
	*e = (struct err){0};
	return config_load(&src, &cfg, e) ? cfg : NULL;
}

/* The sentence of a mistake, without the folder. */
static void assert_mistake(const char *text, const char *expected)
{
	struct err e;
	struct config *cfg = load(text, NULL, 0, &e);

	assert_null(cfg);
	assert_int_equal(e.code, ERR_USAGE);
	const char *name = strstr(e.text, "c.yaml");

	assert_non_null(name);
	assert_string_equal(name, expected);
}

static void test_defaults(void **state)
{
	(void)state;
	struct err e;
	const char *urls[] = {"postgres://u@db1/app"};
	struct config *cfg = load(NULL, urls, 1, &e);

	assert_non_null(cfg);
	assert_string_equal(cfg->theme, "dark");
	assert_int_equal(cfg->interval_ms, 1000);
	assert_true(cfg->mouse);
	assert_int_equal(cfg->ninstances, 1);
	assert_string_equal(cfg->instances[0].name, "db1");
	const struct cluster_cfg *c = &cfg->clusters[cfg->instances[0].cluster];

	assert_string_equal(c->name, "");
	assert_int_equal(c->timeouts.connect_ms, 5000);
	assert_int_equal(c->timeouts.query_ms, 800);
	assert_int_equal(c->idle_xact_warn_ms, 300000);
	assert_true(c->connections_warn > 0.79 && c->connections_warn < 0.81);
	assert_int_equal(c->lag_warn_bytes, 256000000);
	assert_false(c->show_literals);
	assert_int_equal(c->danger, DANGER_PROD);
	assert_int_equal(cfg->nwarnings, 0);
	config_free(cfg);
}

static void test_inheritance(void **state)
{
	(void)state;
	struct err e;
	struct config *cfg =
	        load("clusters:\n"
	             "  - name: orders\n"
	             "    tags: [lab, batch]\n"
	             "    timeouts: {query: 400ms}\n"
	             "    probes: {sessions: {every: 3s}}\n"
	             "    login: {user: monitor, password_file: ~/pw, tls: verify-ca, ca: ~/ca.pem}\n"
	             "    instances:\n"
	             "      - url: postgres://h1:5433/app\n"
	             "      - url: postgres://h1:5433/app\n"
	             "      - name: third\n"
	             "        url: mysql://root@h3\n"
	             "        kill_dialect: rds\n"
	             "        login: {password_command: echo x}\n"
	             "defaults:\n"
	             "  timeouts: {query: 300ms, connect: 4s}\n",
	                NULL, 0, &e);

	if (!cfg)
		fail_msg("%s", e.text);
	assert_int_equal(cfg->nclusters, 1);
	assert_int_equal(cfg->clusters[0].timeouts.query_ms, 400);
	assert_int_equal(cfg->clusters[0].timeouts.connect_ms, 4000);
	assert_int_equal(cfg->clusters[0].danger, DANGER_RELAXED);
	assert_int_equal(cfg->clusters[0].statement_warn_ms, 1800000);
	assert_int_equal(cfg->clusters[0].noverrides, 1);
	assert_int_equal(cfg->clusters[0].overrides[0].every_ms, 3000);
	assert_string_equal(cfg->instances[0].name, "h1:5433");
	assert_string_equal(cfg->instances[1].name, "h1:5433#2");
	assert_string_equal(cfg->instances[0].endpoint.user, "monitor");
	assert_int_equal(cfg->instances[0].endpoint.tls, TLS_VERIFY_CA);
	char pw[64];

	snprintf(pw, sizeof pw, "%s/pw", dir);
	assert_string_equal(cfg->instances[0].endpoint.password_file, pw);
	const struct endpoint *third = &cfg->instances[2].endpoint;

	assert_string_equal(third->user, "root");
	assert_null(third->password_file); /* its own command replaces the cluster's file */
	assert_string_equal(third->password_command, "echo x");
	assert_int_equal(third->kill, KILL_RDS);
	config_free(cfg);
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_mistake("tehme: light\n", "c.yaml:1:1: unknown key 'tehme': did you mean 'theme'?");
	assert_mistake("theme: [a]\n", "c.yaml:1:8: theme: text was expected here, this is a list");
	assert_mistake("interval: 1\n",
	        "c.yaml:1:11: interval: a duration such as 800ms, 5s or 2m was expected here");
	assert_mistake(
	        "interval: 1s\ninterval: 2s\n", "c.yaml:2:1: 'interval' is given twice, first on line 1");
	assert_mistake("mouse: maybe\n", "c.yaml:1:8: true or false was expected here, not maybe");
	assert_mistake("clusters:\n  - name: a\n", "c.yaml:2:5: the cluster 'a' has no instances");
	assert_mistake(
	        "clusters:\n  - name: a\n    instances:\n      - url: postgres://h\n        service: s\n",
	        "c.yaml:4:9: an instance needs one of url, service, option_group, and only one");
	assert_mistake("clusters:\n  - name: a\n    instances:\n      - {name: x, url: 'postgres://h'}\n"
	               "      - {name: x, url: 'postgres://i'}\n",
	        "c.yaml:5:9: the name 'x' is already taken by another instance");
	assert_mistake(
	        "a: &x 1\nb: *x\n", "c.yaml:2:4: aliases (*name) are not supported: write the value out");
	assert_mistake("theme: light\n---\ntheme: dark\n",
	        "c.yaml:2:1: a second document: only one is expected in a file");
	assert_mistake("defaults: {thresholds: {connections_warn: 80}}\n",
	        "c.yaml:1:43: connections_warn: a share such as 80% or 0.8 was expected here");
}

static void test_yaml_errors_have_a_place(void **state)
{
	(void)state;
	static const char *const bad[] = {
	        "theme: [1\n", "\t- x\n", "a: b: c\n", "\xff\xfe\x01", "x: \"unended\n"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e;

		assert_null(load(bad[i], NULL, 0, &e));
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.text, "c.yaml:"));
	}
}

static void test_passwords_need_a_private_file(void **state)
{
	(void)state;
	struct err e;
	struct config *cfg = NULL;
	static const char text[] =
	        "clusters:\n  - name: a\n    instances:\n      - url: postgres://u:geheim@h/db\n";
	struct config_sources src = {.file = path, .getenv_fn = test_getenv};

	write_mode("c.yaml", text, 0644);
	assert_false(config_load(&src, &cfg, &e));
	assert_non_null(strstr(e.text, "run chmod 600 "));
	assert_null(strstr(e.text, "geheim"));
	write_mode("c.yaml", text, 0600);
	assert_true(config_load(&src, &cfg, &e));
	assert_string_equal(cfg->instances[0].endpoint.password, "geheim");
	assert_null(strstr(cfg->instances[0].endpoint.shown, "geheim"));
	config_free(cfg);
}

static void test_names_on_the_command_line(void **state)
{
	(void)state;
	struct err e;
	static const char text[] =
	        "clusters:\n  - name: orders\n    instances:\n      - {name: o1, url: 'postgres://h1'}\n"
	        "      - {name: o2, url: 'postgres://h2'}\n"
	        "  - name: billing\n    instances:\n      - {name: b1, url: 'mysql://h3'}\n";
	const char *one[] = {"o2"};
	const char *cluster[] = {"orders", "mysql://x"};
	const char *wrong[] = {"ordres"};
	struct config *cfg = load(text, one, 1, &e);

	assert_non_null(cfg);
	assert_int_equal(cfg->ninstances, 1);
	assert_string_equal(cfg->instances[0].name, "o2");
	config_free(cfg);
	cfg = load(text, cluster, 2, &e);
	assert_non_null(cfg);
	assert_int_equal(cfg->ninstances, 3);
	assert_string_equal(cfg->instances[2].name, "x");
	config_free(cfg);
	assert_null(load(text, wrong, 1, &e));
	assert_non_null(strstr(e.text, "did you mean 'orders'?"));
}

static void test_tiers_warn(void **state)
{
	(void)state;
	struct err e;
	struct config *cfg =
	        load("clusters:\n  - name: a\n    timeouts: {connect: 20s, query: 9s}\n    instances:\n"
	             "      - url: postgres://h\n",
	                NULL, 0, &e);

	assert_non_null(cfg);
	assert_int_equal(cfg->nwarnings, 3); /* connect, query, query_max below query */
	assert_string_equal(cfg->warnings[0],
	        "cluster 'a': timeouts.connect is 20000 ms, outside its tier of 3000 to 5000 ms");
	config_free(cfg);
}

static void test_clients_files(void **state)
{
	(void)state;
	struct err e;

	write_mode(".pg_service.conf",
	        "[prod]\nhost=pg.example\nport=5433\nuser=me\ndbname=d\n# c\n[two]\nhost=/tmp/x\n", 0600);
	write_mode(".my.cnf",
	        "[client]\nuser = \"root\"\nhost=my.example\n[billing]\nport=3310\nhost=b.example\n", 0600);
	struct config *cfg = load(NULL, NULL, 0, &e);

	assert_non_null(cfg);
	assert_int_equal(cfg->ninstances, 3);
	assert_string_equal(cfg->instances[0].name, "prod");
	assert_string_equal(cfg->instances[0].endpoint.host, "pg.example");
	assert_int_equal(cfg->instances[0].endpoint.port, 5433);
	assert_string_equal(cfg->instances[1].endpoint.socket, "/tmp/x");
	assert_string_equal(cfg->instances[2].endpoint.host, "my.example");
	assert_string_equal(cfg->instances[2].endpoint.user, "root");
	config_free(cfg);
	cfg = load("clusters:\n  - name: a\n    instances:\n      - service: prod\n      - option_group: "
	           "billing\n        option_file: ~/.my.cnf\n",
	        NULL, 0, &e);
	assert_non_null(cfg);
	assert_string_equal(cfg->instances[0].endpoint.host, "pg.example");
	assert_string_equal(cfg->instances[1].endpoint.host, "b.example");
	assert_int_equal(cfg->instances[1].endpoint.port, 3310);
	config_free(cfg);
	snprintf(path, sizeof path, "%s/.pg_service.conf", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/.my.cnf", dir);
	unlink(path);
}

static void test_added_replicas_keep_pointers(void **state)
{
	(void)state;
	struct err e;
	const char *urls[] = {"postgres://u:pw@h1:5433/app?sslmode=require"};
	struct config *cfg = load(NULL, urls, 1, &e);
	size_t index = 0;

	assert_non_null(cfg);
	const struct instance_cfg *first = &cfg->instances[0];

	for (int i = 0; i < 64; i++)
		assert_true(config_add_like(cfg, 0, "10.0.0.9", 5432, &index, &e));
	assert_false(config_add_like(cfg, 0, "10.0.0.9", 5432, &index, &e));
	assert_ptr_equal(first, &cfg->instances[0]);
	assert_string_equal(cfg->instances[1].endpoint.password, "pw");
	assert_string_equal(cfg->instances[64].name, "10.0.0.9#64");
	assert_int_equal(cfg->instances[1].endpoint.tls, TLS_REQUIRE);
	config_free(cfg);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "%s/c.yaml", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_defaults),
	        cmocka_unit_test(test_inheritance),
	        cmocka_unit_test(test_mistakes),
	        cmocka_unit_test(test_yaml_errors_have_a_place),
	        cmocka_unit_test(test_passwords_need_a_private_file),
	        cmocka_unit_test(test_names_on_the_command_line),
	        cmocka_unit_test(test_tiers_warn),
	        cmocka_unit_test(test_clients_files),
	        cmocka_unit_test(test_added_replicas_keep_pointers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
