/* Every way to log in that the servers' own clients know, through the real program: what gets in, and what is
 * said where a source is refused. Each run has a home of its own and nothing of the tester's environment. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/lab.h"
#include "tests/support/proc.h"

enum { PATIENCE_MS = 20000, TEXT_MAX = 2048 };

static struct lab_server postgres, mariadb;
static char home[] = "/tmp/dbatop-login-XXXXXX";
static char pg_url[256], my_url[256];

static char *path_of(const char *name)
{
	static char path[512];
	snprintf(path, sizeof(path), "%s/%s", home, name);
	return path;
}

static void put(const char *name, mode_t mode, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void put(const char *name, mode_t mode, const char *fmt, ...)
{
	va_list ap;
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	va_start(ap, fmt);
	assert_true(vdprintf(fd, fmt, ap) > 0);
	va_end(ap);
	close(fd);
}

static int forget(void **state)
{
	(void)state;
	static const char *const names[] = {
	        ".pgpass", ".pg_service.conf", ".my.cnf", "config.yaml", "password"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	return 0;
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(home));
	postgres = lab_server("pg15");
	mariadb = lab_server("maria1011");
	lab_url(&postgres, "monitor", 0, pg_url, sizeof(pg_url));
	lab_url(&mariadb, "monitor", 0, my_url, sizeof(my_url));
	return 0;
}

static int teardown(void **state)
{
	forget(state);
	const char *const argv[] = {"rm", "-rf", home, NULL};
	proc_free(proc_run(argv, NULL, NULL, PATIENCE_MS));
	return 0;
}

/* `once` with these arguments and this in the environment. No password is ever said. */
static struct proc *once(const char *const more[], const char *const set[])
{
	char at_home[64], state[64];
	const char *env[24] = {at_home, state, "XDG_CONFIG_HOME", "PGPASSFILE", "PGSERVICEFILE", "PGSERVICE",
	        "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSYSCONFDIR", "MYSQL_PWD"};
	const char *argv[12] = {TEST_DBATOP, "once", "-f", "csv", "-d", "5s"};
	size_t nenv = 13, narg = 6;
	snprintf(at_home, sizeof(at_home), "HOME=%s", home);
	snprintf(state, sizeof(state), "XDG_STATE_HOME=%s/state", home);
	for (; set != NULL && *set != NULL; set++)
		env[nenv++] = *set;
	for (; more != NULL && *more != NULL; more++)
		argv[narg++] = *more;
	struct proc *p = proc_run(argv, env, NULL, PATIENCE_MS);
	assert_false(p->timed_out);
	assert_null(strstr(p->out_bytes.data, "monitor-pw"));
	assert_null(strstr(p->err_bytes.data, "monitor-pw"));
	return p;
}

/* says: NULL when it must get in everywhere, else what it must say. */
static void look(const char *const more[], const char *const set[], const char *says)
{
	struct proc *p = once(more, set);
	const char *out = p->out_bytes.data, *err = p->err_bytes.data;
	bool said = says != NULL && (strstr(out, says) != NULL || strstr(err, says) != NULL);
	if (says == NULL ? p->exit_code != 0 : p->exit_code <= 0 || !said)
		fail_msg("exit %d\n%s%s", p->exit_code, out, err);
	proc_free(p);
}

/* With nothing given: this server is among those that are found. The machine's own sockets may be, too. */
static void is_found(const struct lab_server *server, const char *const set[])
{
	char begin[64];
	char *rest = NULL;
	bool up = false;
	struct proc *p = once(NULL, set);
	snprintf(begin, sizeof(begin), ",%s,%.5s", server->engine, server->version);
	for (char *line = strtok_r(p->out_bytes.data, "\n", &rest); line != NULL && !up;
	        line = strtok_r(NULL, "\n", &rest))
		up = strstr(line, begin) != NULL && strstr(line, ",primary,up,") != NULL;
	if (!up)
		fail_msg("exit %d, %s is not among them\n%s", p->exit_code, server->name, p->err_bytes.data);
	proc_free(p);
}

static void gets_in(const char *url)
{
	look((const char *[]){url, NULL}, NULL, NULL);
}

static void look_configured(const char *says)
{
	look((const char *[]){"--config", path_of("config.yaml"), NULL}, NULL, says);
}

static void test_pgpass(void **state)
{
	(void)state;
	put(".pgpass", 0600, "127.0.0.1:%d:*:monitor:monitor-pw\n", postgres.port);
	gets_in(pg_url);
	/* libpq passes over it; that is why nobody gets in. */
	put(".pgpass", 0640, "127.0.0.1:%d:*:monitor:monitor-pw\n", postgres.port);
	look((const char *[]){pg_url, NULL}, NULL, "as others can read it: run chmod 600");
	unlink(path_of(".pgpass"));
	look((const char *[]){pg_url, NULL}, NULL, "no password was given");
}

static void test_environment(void **state)
{
	(void)state;
	char port[32];
	snprintf(port, sizeof(port), "PGPORT=%d", postgres.port);
	const char *const all[] = {
	        "PGHOST=127.0.0.1", port, "PGUSER=monitor", "PGDATABASE=app", "PGPASSWORD=monitor-pw", NULL};
	is_found(&postgres, all);
	look((const char *[]){pg_url, NULL}, (const char *[]){"PGPASSWORD=monitor-pw", NULL}, NULL);
	look((const char *[]){my_url, NULL}, (const char *[]){"MYSQL_PWD=monitor-pw", NULL}, NULL);
}

static void test_services(void **state)
{
	(void)state;
	put(".pg_service.conf", 0600,
	        "[night]\nhost=127.0.0.1\nport=%d\nuser=monitor\n"
	        "password=monitor-pw\ndbname=app\nsslmode=verify-full\nsslrootcert=%s/ca.pem\n",
	        postgres.port, lab_dir());
	is_found(&postgres, (const char *[]){"PGSERVICE=night", NULL});
	gets_in("postgres://?service=night");
	put("config.yaml", 0600, "clusters:\n  - name: a\n    instances:\n      - service: night\n");
	look_configured(NULL);
}

static void test_option_groups(void **state)
{
	(void)state;
	put(".my.cnf", 0600,
	        "[client]\nhost=127.0.0.1\nport=%d\nuser=monitor\npassword=\"monitor-pw\"\n"
	        "[billing]\nuser=actor\npassword=actor-pw\n",
	        mariadb.port);
	is_found(&mariadb, NULL);
	gets_in(my_url);
	put("config.yaml", 0600, "clusters:\n  - name: a\n    instances:\n      - option_group: billing\n");
	look_configured(NULL);
	put("config.yaml", 0600, "clusters:\n  - name: a\n    instances:\n      - option_group: missing\n");
	look_configured("there is no group [missing]");
	put("config.yaml", 0600,
	        "clusters:\n  - name: a\n    instances:\n      - option_file: ~/.mylogin.cnf\n");
	look_configured("is not read: use a group of ~/.my.cnf");
}

/* Both engines by the same lines of the configuration. */
static void configure(const char *login)
{
	put("config.yaml", 0600,
	        "clusters:\n  - name: a\n    login: {%s}\n    instances:\n"
	        "      - url: mysql://127.0.0.1:%d\n      - url: postgres://127.0.0.1:%d/app\n",
	        login, mariadb.port, postgres.port);
}

static void test_configured(void **state)
{
	(void)state;
	put("password", 0600, "monitor-pw\n");
	configure("user: monitor, password_file: ~/password");
	look_configured(NULL);
	put("password", 0604, "monitor-pw\n");
	look_configured("run: chmod 600");
	configure("user: monitor, password_command: 'cat /dev/null; printf %s monitor-pw'");
	look_configured(NULL);
	configure("user: monitor, password_command: 'echo monitor-pw; exit 3'");
	look_configured("password_command");
	put("config.yaml", 0644,
	        "clusters:\n  - name: a\n    instances:\n      - url: 'postgres://monitor:monitor-pw@h'\n");
	look_configured("chmod 600");
}

/* A certificate of the lab's CA for this name: cert.pem and key.pem in the home. */
static void certify(const char *name)
{
	char command[TEXT_MAX];
	snprintf(command, sizeof(command),
	        "cd %s && openssl req -new -newkey rsa:2048 -nodes -subj /CN=%s -keyout key.pem -out csr.pem "
	        "&& "
	        "openssl x509 -req -in csr.pem -CA %s/ca.pem -CAkey %s/tls/ca.key -set_serial 4711 -days 2 "
	        "-out cert.pem && chmod 600 key.pem",
	        home, name, lab_dir(), lab_dir());
	const char *const argv[] = {"sh", "-c", command, NULL};
	struct proc *p = proc_run(argv, NULL, NULL, PATIENCE_MS);
	if (p->exit_code != 0)
		fail_msg("openssl: %s", p->err_bytes.data);
	proc_free(p);
}

static void test_certificate_postgres(void **state)
{
	(void)state;
	char hba[TEXT_MAX], rules[TEXT_MAX], url[TEXT_MAX];
	struct lab_server server = lab_spawn("pg15", "cert15", NULL);
	certify("monitor");
	snprintf(hba, sizeof(hba), "%.256s/pg_hba.conf", server.datadir);
	FILE *f = fopen(hba, "r+e");
	assert_non_null(f);
	size_t n = fread(rules, 1, sizeof(rules) - 1, f);
	rules[n] = '\0';
	rewind(f);
	fprintf(f, "hostssl app monitor 127.0.0.1/32 cert\n%s", rules);
	fclose(f);
	free(lab_sql(&server, "dba", "SELECT pg_reload_conf()", PATIENCE_MS));
	snprintf(url, sizeof(url),
	        "postgres://monitor@127.0.0.1:%d/"
	        "app?sslmode=verify-full&sslrootcert=%s/ca.pem&sslcert=%s/cert.pem&sslkey=%s/key.pem",
	        server.port, lab_dir(), home, home);
	gets_in(url);
	*strstr(url, "&sslcert") = '\0';
	look((const char *[]){url, NULL}, NULL, "certificate");
	lab_remove(server.name);
}

static void test_certificate_mariadb(void **state)
{
	(void)state;
	char url[TEXT_MAX];
	lab_add_account(&mariadb, "certified");
	free(lab_sql(&mariadb, "dba", "ALTER USER certified@'%' IDENTIFIED BY '' REQUIRE X509", PATIENCE_MS));
	certify("certified");
	snprintf(url, sizeof(url),
	        "mysql://certified@127.0.0.1:%d?ssl-mode=VERIFY_CA&ssl-ca=%s/ca.pem&ssl-cert=%s/"
	        "cert.pem&ssl-key=%s/"
	        "key.pem",
	        mariadb.port, lab_dir(), home, home);
	gets_in(url);
	*strstr(url, "&ssl-cert") = '\0';
	look((const char *[]){url, NULL}, NULL, "Access denied");
	lab_drop_account(&mariadb, "certified");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_pgpass, forget),
	        cmocka_unit_test_teardown(test_environment, forget),
	        cmocka_unit_test_teardown(test_services, forget),
	        cmocka_unit_test_teardown(test_option_groups, forget),
	        cmocka_unit_test_teardown(test_configured, forget),
	        cmocka_unit_test_teardown(test_certificate_postgres, forget),
	        cmocka_unit_test_teardown(test_certificate_mariadb, forget),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
