/* The MySQL driver and each of its probes on every MySQL and MariaDB there is, for three kinds of accounts:
 * what is declared is what comes; what may not be seen is a reason or unknown, and never zero. */
#include "tests/support/test.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/mysql/mysql.h"
#include "tests/support/chaos.h"
#include "tests/support/client_mysql.h"
#include "tests/support/drive.h"

enum { SERVERS_MAX = 16 };

static struct drive drive;
static struct lab_server servers[SERVERS_MAX];
static size_t nservers;

static int setup(void **state)
{
	(void)state;
	struct err e;
	assert_true(mysql_driver_init(&e));
	drive_start(&drive, &mysql_driver);
	nservers = drive_served(&drive, false, servers, SERVERS_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	mysql_driver_end();
	return 0;
}

static bool is_mysql(const struct lab_server *s)
{
	return strcmp(s->engine, "mysql") == 0;
}

static const char *text_of(const struct table *t, size_t row, const char *column)
{
	const struct cell *c = drive_cell(t, row, column);
	return c->type == CELL_TEXT ? c->u.s : "";
}

static int64_t int_of(const struct table *t, size_t row, const char *column)
{
	const struct cell *c = drive_cell(t, row, column);
	if (c->type != CELL_INT && c->type != CELL_BOOL)
		fail_msg("%s is unknown", column);
	return c->u.i;
}

static bool is_unknown(const struct table *t, size_t row, const char *column)
{
	return drive_cell(t, row, column)->type == CELL_NULL;
}

static void check_types(const struct lab_server *server, const struct probe *p, const struct table *t)
{
	assert_ptr_equal(t->columns, p->columns);
	assert_int_equal(t->ncols, p->ncols);
	for (size_t row = 0; row < t->nrows; row++) {
		for (size_t col = 0; col < t->ncols; col++) {
			const struct cell *c = table_cell(t, row, (int)col);
			if (c->type != CELL_NULL && c->type != column_cell_type(p->columns[col].role))
				fail_msg("%s %s: column %s has type %d", server->name, p->file,
				        p->columns[col].name, c->type);
			if (p->columns[col].role == ROLE_DURATION && c->type == CELL_INT && c->u.i < 0)
				fail_msg(
				        "%s %s: %s is negative", server->name, p->file, p->columns[col].name);
		}
	}
}

static void check_sessions(
        const struct lab_server *server, const struct conn *c, const struct table *t, const char *user)
{
	long own = drive_row(t, "id", drive.driver->info(c)->self.id);
	assert_true(own >= 0);
	size_t row = (size_t)own;
	assert_string_equal(text_of(t, row, "user"), user);
	assert_string_equal(text_of(t, row, "kind"), "client");
	assert_string_equal(text_of(t, row, "state"), "active");
	assert_string_equal(text_of(t, row, "wait_type"), "CPU");
	assert_true(int_of(t, row, "own"));
	assert_true(int_of(t, row, "query_bytes") > 500);
	assert_non_null(strstr(text_of(t, row, "query"), "SELECT"));
	assert_true(text_of(t, row, "query_guard")[0] != '\0');
	assert_non_null(strstr(text_of(t, row, "client"), "127.0.0.1:"));
	if (is_mysql(server))
		assert_non_null(strstr(text_of(t, row, "app"), "dbatop/"));
	else
		assert_true(is_unknown(t, row, "app"));
}

static void check_pulse(const struct table *t, bool sees_all)
{
	assert_int_equal(t->nrows, 1);
	assert_true(int_of(t, 0, "connections") >= 1);
	assert_true(int_of(t, 0, "queries") > 0);
	assert_true(int_of(t, 0, "commits") >= 0);
	assert_true(int_of(t, 0, "limit_max") > 0);
	assert_string_equal(text_of(t, 0, "limit_name"), "max_connections");
	assert_int_equal(is_unknown(t, 0, "idle_in_xact"), !sees_all);
	assert_int_equal(is_unknown(t, 0, "lock_waiters"), !sees_all);
	if (sees_all)
		assert_int_equal(int_of(t, 0, "hidden"), 0);
}

static void check_server(const struct lab_server *server, const struct table *t, bool sees_all)
{
	assert_int_equal(t->nrows, 1);
	assert_string_equal(text_of(t, 0, "flavour"), is_mysql(server) ? "MySQL" : "MariaDB");
	assert_string_equal(text_of(t, 0, "version"), server->version);
	if (sees_all || !is_mysql(server))
		assert_string_equal(text_of(t, 0, "role"), server->role);
	assert_true(int_of(t, 0, "uptime_ms") >= 0);
	assert_true(text_of(t, 0, "started")[0] != '\0');
	assert_true(text_of(t, 0, "server_id")[0] != '\0');
	/* The server's own default, not the one our session has set. */
	assert_int_equal(int_of(t, 0, "statement_timeout_ms"), 0);
}

/* Which probes an account without rights is denied, with the right that is missing in the sentence. */
static bool may_fail(const struct lab_server *server, const char *probe, const char *user)
{
	static const char *const denied[] = {"sessions", "blockers", "replication_brief", "replication",
	        "horizon", "locks", "lock_rows", "deadlock", "statement"};
	/* MariaDB shows everybody what is theirs. */
	if (strcmp(probe, "statement") == 0 && !is_mysql(server))
		return false;
	for (size_t i = 0; strcmp(user, "nobody") == 0 && i < sizeof(denied) / sizeof(denied[0]); i++) {
		if (strcmp(probe, denied[i]) == 0)
			return true;
	}
	return false;
}

/* What the limit cut off is told; what just fits is whole. */
static void check_limit(struct conn *c)
{
	struct probe p = *drive_probe(&drive, c, "settings");
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, c, "settings", 0, arena);
	struct ctx ctx = ctx_within(&drive.root, 5000);
	size_t all = t->nrows;
	for (size_t less = 0; less < 2; less++) {
		p.rows = (uint32_t)(all - less);
		struct probe_value rows = {.type = PARAM_INT, .i = p.rows};
		assert_true(drive.driver->fetch(&ctx, c, &p, &rows, arena, &t, NULL));
		assert_int_equal(t->nrows, p.rows);
		assert_int_equal(t->truncated, less > 0);
	}
	arena_free(arena);
}

/* So it is where the driver joins what the server has: the rows that were read count. */
static void check_limit_of_locks(const struct lab_server *server, struct conn *c)
{
	struct probe p = *drive_probe(&drive, c, "locks");
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	MYSQL *one = client_open(server, "app"), *other = client_open(server, "app");
	assert_false(drive_table(&drive, c, "locks", 0, arena)->truncated);
	p.rows = 1;
	struct probe_value rows = {.type = PARAM_INT, .i = p.rows};
	assert_true(drive.driver->fetch(&ctx, c, &p, &rows, arena, &t, NULL));
	assert_true(t->truncated);
	mysql_close(one);
	mysql_close(other);
	arena_free(arena);
}

static void check_probe(const struct lab_server *server, struct conn *c, const char *name, const char *user)
{
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct err e = {.code = ERR_NONE};
	const struct conn_info *info = drive.driver->info(c);
	if (may_fail(server, name, user)) {
		assert_false(drive_fetch(&drive, c, name, info->self.id, 5000, arena, &t, &e));
		if (e.code != ERR_DENIED || strstr(e.text, "it needs ") == NULL)
			fail_msg("%s %s: %s: %s", server->name, name, err_code_name(e.code), e.text);
		arena_free(arena);
		return;
	}
	t = drive_table(&drive, c, name, info->self.id, arena);
	check_types(server, drive_probe(&drive, c, name), t);
	if (strcmp(name, "sessions") == 0)
		check_sessions(server, c, t, user);
	if (strcmp(name, "pulse") == 0)
		check_pulse(t, info->sees_all);
	if (strcmp(name, "server") == 0)
		check_server(server, t, info->sees_all);
	if (strcmp(name, "settings") == 0) {
		assert_true(t->nrows > 15);
		check_limit(c);
	}
	if (strcmp(name, "locks") == 0 && !is_mysql(server))
		check_limit_of_locks(server, c);
	if (strcmp(name, "statement") == 0) {
		assert_int_equal(t->nrows, 1);
		assert_int_equal(strlen(text_of(t, 0, "query")), int_of(t, 0, "query_bytes"));
	}
	arena_free(arena);
}

static void check_all(const struct lab_server *server, const char *user)
{
	struct endpoint ep;
	struct conn *c = drive_open(&drive, server, user, LANE_FAST, &ep);
	const struct conn_info *info = drive.driver->info(c);
	assert_int_equal(info->server.engine, is_mysql(server) ? ENGINE_MYSQL : ENGINE_MARIADB);
	assert_int_equal(info->server.version, version_parse(server->version));
	assert_int_equal(info->superuser, strcmp(user, "dba") == 0);
	assert_int_equal(info->sees_all, strcmp(user, "nobody") != 0);
	assert_true(info->server.id[0] != '\0' && info->server.start[0] != '\0');
	assert_in_range((uint64_t)(info->skew_us + 5000000), 0, 10000000);
	for (unsigned slot = 0; slot < probe_set_names(drive.probes); slot++) {
		const char *name = probe_set_name(drive.probes, slot);
		/* One statement of MySQL is two of MariaDB's: test_probe_files holds that no other is
		 * missing. */
		if (strcmp(name, "replication_local") != 0 || info->server.engine == ENGINE_MARIADB)
			check_probe(server, c, name, user);
	}
	assert_true(drive.driver->ping(&drive.root, c, NULL));
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void test_every_probe_on_every_server(void **state)
{
	(void)state;
	static const char *const users[] = {"dba", "monitor", "nobody"};
	for (size_t s = 0; s < nservers; s++) {
		for (size_t u = 0; u < sizeof(users) / sizeof(users[0]); u++)
			check_all(&servers[s], users[u]);
	}
}

/* The start time is computed from Uptime, and must not move by a second between two connections. */
static void test_the_identity_never_moves(void **state)
{
	(void)state;
	for (size_t s = 0; s < nservers; s++) {
		struct server_identity first = {0};
		for (int i = 0; i < 100; i++) {
			struct endpoint ep;
			drive_endpoint(&servers[s], "monitor", 0, "disable", &ep);
			struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
			if (i == 0)
				first = drive.driver->info(c)->server;
			assert_true(server_identity_equal(&first, &drive.driver->info(c)->server));
			drive.driver->close(c);
			endpoint_free(&ep);
		}
	}
}

static void test_a_replica_names_its_primary(void **state)
{
	(void)state;
	struct lab_server primary = lab_server("maria1011"), replica = lab_server("maria1011r");
	struct endpoint ep;
	struct conn *c = drive_open(&drive, &replica, "monitor", LANE_FAST, &ep);
	struct arena *arena = arena_new();
	char peer[96];
	snprintf(peer, sizeof(peer), "%s:%d", primary.host, primary.port);
	struct table *t = drive_table(&drive, c, "replication_brief", 0, arena);
	assert_int_equal(t->nrows, 1);
	assert_string_equal(text_of(t, 0, "kind"), "upstream");
	assert_string_equal(text_of(t, 0, "peer"), peer);
	assert_string_equal(text_of(t, 0, "receiver"), "Yes");
	assert_string_equal(text_of(t, 0, "applier"), "Yes");
	assert_string_equal(text_of(t, 0, "lag_source"), "Seconds_Behind_Master");
	assert_true(int_of(t, 0, "lag_ms") >= 0);
	arena_free(arena);
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void check_past(const struct lab_server *server)
{
	struct endpoint ep;
	struct conn *c = drive_open(&drive, server, "monitor", LANE_ADMIN, &ep);
	struct arena *arena = arena_new();
	MYSQL *m = client_open(server, "app");
	int64_t id = (int64_t)mysql_thread_id(m);
	client_run(m, "CREATE TEMPORARY TABLE past (n INT) ENGINE=InnoDB");
	client_run(m, "SELECT 'before it'");
	client_run(m, "START TRANSACTION");
	client_run(m, "INSERT INTO past VALUES (1), (2), (3)");
	client_run(m, "SELECT SLEEP(0.2)");

	/* The whole statement first: none runs. Then what the transaction has run, and nothing from before.
	 */
	struct table *t = drive_table(&drive, c, "statement", id, arena);
	assert_int_equal(t->nrows, 3);
	assert_true(is_unknown(t, 0, "query"));
	assert_true(is_unknown(t, 0, "xact"));
	assert_string_equal(text_of(t, 1, "query"), "SELECT SLEEP(0.2)");
	assert_true(int_of(t, 1, "took_ms") >= 200);
	assert_string_equal(text_of(t, 2, "query"), "INSERT INTO past VALUES (1), (2), (3)");
	assert_int_equal(int_of(t, 2, "rows_modified"), 3);
	assert_true(int_of(t, 2, "ago_ms") >= int_of(t, 1, "ago_ms") + 200);

	/* It names the transaction as the list of sessions does. */
	char xact[64];
	snprintf(xact, sizeof(xact), "%s", text_of(t, 1, "xact"));
	t = drive_table(&drive, c, "sessions", 0, arena);
	bool found = false;
	for (size_t row = 0; row < t->nrows; row++) {
		if (int_of(t, row, "id") != id)
			continue;
		found = true;
		assert_string_equal(text_of(t, row, "xact_guard"), xact);
	}
	assert_true(found);
	client_run(m, "COMMIT");
	assert_int_equal(drive_table(&drive, c, "statement", id, arena)->nrows, 1);
	mysql_close(m);
	arena_free(arena);
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void test_what_a_transaction_has_run(void **state)
{
	(void)state;
	size_t n = 0;
	for (size_t s = 0; s < nservers; s++) {
		if (is_mysql(&servers[s])) {
			check_past(&servers[s]);
			n++;
		}
	}
	assert_true(n > 0);
}

static void test_a_pooler_is_refused(void **state)
{
	(void)state;
	struct lab_server server = lab_server("maria1011");
	struct chaos *chaos = chaos_start();
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	struct endpoint ep;
	struct conn *c = NULL;
	struct err e;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	chaos_rewrite_id(door, "mysql", 0x22145000);
	drive_endpoint(&server, "monitor", door.port, "disable", &ep);
	assert_false(drive.driver->connect(&ctx, &drive.env, &ep, LANE_FAST, &c, &e));
	assert_int_equal(e.code, ERR_POOLER);
	assert_null(c);
	endpoint_free(&ep);
	chaos_stop(chaos);
}

/* ERR_NONE: any failure. */
static void expect_failure(struct endpoint *ep, enum err_code code, int native)
{
	struct conn *c = NULL;
	struct err e;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	assert_false(drive.driver->connect(&ctx, &drive.env, ep, LANE_FAST, &c, &e));
	if ((code != ERR_NONE && e.code != code) || (native != 0 && e.native != native))
		fail_msg("expected %s %d, got %s %d: %s", err_code_name(code), native, err_code_name(e.code),
		        e.native, e.text);
	assert_null(strstr(e.text, "secret-word"));
	assert_null(strchr(e.text, '\n'));
	endpoint_free(ep);
}

static void test_failures_have_codes(void **state)
{
	(void)state;
	struct lab_server server = lab_server("maria1011");
	struct chaos *chaos = chaos_start();
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	struct endpoint ep;
	chaos_accept(door, "refuse");
	drive_endpoint(&server, "monitor", door.port, NULL, &ep);
	expect_failure(&ep, ERR_REFUSED, 0);

	for (size_t s = 0; s < nservers; s++) {
		drive_endpoint(&servers[s], "monitor", 0, NULL, &ep);
		free(ep.password);
		ep.password = strdup("secret-word");
		expect_failure(&ep, ERR_AUTH, 1045);
		drive_endpoint(&servers[s], "dba", 0, NULL, &ep);
		free(ep.database);
		ep.database = strdup("no_such_database");
		expect_failure(&ep, ERR_AUTH, 1049);
	}

	drive_endpoint(&server, "monitor", 0, NULL, &ep);
	free(ep.host);
	ep.host = NULL;
	ep.socket = strdup("/nonexistent/mysql.sock");
	expect_failure(&ep, ERR_REFUSED, 2); /* ENOENT */

	chaos_stop(chaos);
}

/* Every TLS mode, with the CA and with one that did not sign the server. */
static void test_tls_is_verified_when_asked(void **state)
{
	(void)state;
	static const char *const modes[] = {"disable", "prefer", "require", "verify-ca", "verify-full"};
	char ca[512];
	lab_file("ca.pem", ca, sizeof(ca));
	for (size_t s = 0; s < nservers; s++) {
		struct endpoint ep;
		for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			drive_endpoint(&servers[s], "monitor", 0, modes[m], &ep);
			ep.tls_ca = strdup(ca);
			struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
			assert_int_equal(drive.driver->info(c)->tls, m > 0);
			if (m > 0)
				assert_non_null(strstr(drive.driver->info(c)->tls_text, "TLSv1."));
			drive.driver->close(c);
			endpoint_free(&ep);
		}
		for (int m = 3; m < 5; m++) {
			drive_endpoint(&servers[s], "monitor", 0, modes[m], &ep);
			expect_failure(&ep, ERR_TLS, 0);
		}
	}
}

/* A resolver that finds every name at home. The certificate is for localhost. */
static int at_home(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)host;
	return getaddrinfo("127.0.0.1", port, hints, out);
}

static void test_the_name_is_compared_and_not_the_address(void **state)
{
	(void)state;
	char ca[512];
	char library[64];
	bool ours = strncmp(mysql_driver_library(library), "libmariadb", 10) == 0;
	struct resolver *real = drive.env.resolver;
	struct ctx soon = ctx_within(&drive.root, 1000);
	lab_file("ca.pem", ca, sizeof(ca));
	drive.env.resolver = resolver_new(&clock_real, at_home);
	for (size_t s = 0; s < nservers; s++) {
		struct endpoint ep;
		drive_endpoint(&servers[s], "monitor", 0, "verify-full", &ep);
		ep.tls_ca = strdup(ca);
		free(ep.host);
		ep.host = strdup("localhost");
		struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
		assert_true(drive.driver->info(c)->tls);
		drive.driver->close(c);
		/* The address 127.0.0.1 is in the certificate too, this name is not. (Oracle's library looks
		 * the name up itself, so it may also find nobody there.) */
		free(ep.host);
		ep.host = strdup("ip6-localhost");
		expect_failure(&ep, ours ? ERR_TLS : ERR_NONE, 0);
	}
	resolver_close(&soon, drive.env.resolver);
	drive.env.resolver = real;
}

/* A server without TLS: required modes refuse it before a byte of the login is sent. */
static void test_required_tls_is_not_talked_out_of(void **state)
{
	(void)state;
	static const char *const no_tls[] = {"ssl=0", NULL};
	static const char *const modes[] = {"require", "verify-ca", "verify-full"};
	struct lab_server plain = lab_spawn("maria1011", "plain1011", no_tls);
	struct endpoint ep;
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		drive_endpoint(&plain, "monitor", 0, modes[m], &ep);
		expect_failure(&ep, ERR_TLS, 0);
	}
	drive_endpoint(&plain, "monitor", 0, "prefer", &ep);
	struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
	assert_false(drive.driver->info(c)->tls);
	drive.driver->close(c);
	endpoint_free(&ep);
	lab_remove(plain.name);
}

/* Without performance_schema MySQL's tables are empty: that is a reason and never an empty list. */
static void test_performance_schema_off_is_said(void **state)
{
	(void)state;
	static const char *const off[] = {"performance_schema=OFF", NULL};
	static const char *const blind[] = {"sessions", "blockers", "replication_brief", "lock_rows"};
	struct lab_server server = lab_spawn("mysql97", "blind97", off);
	struct endpoint ep;
	struct conn *c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep);
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct err e;
	for (size_t i = 0; i < sizeof(blind) / sizeof(blind[0]); i++) {
		assert_false(drive_fetch(&drive, c, blind[i], 0, 5000, arena, &t, &e));
		assert_int_equal(e.code, ERR_GATED);
		assert_non_null(strstr(e.text, "performance_schema is OFF"));
	}
	t = drive_table(&drive, c, "pulse", 0, arena);
	assert_true(int_of(t, 0, "connections") >= 1);
	assert_int_equal(int_of(t, 0, "lock_waiters"), 0); /* from the list that is always there */
	t = drive_table(&drive, c, "locks", 0, arena);
	assert_int_equal(t->nrows, 1);
	assert_string_equal(text_of(t, 0, "mode"), "gate");
	assert_non_null(strstr(text_of(t, 0, "object"), "performance_schema is OFF"));
	t = drive_table(&drive, c, "server", 0, arena);
	assert_false(int_of(t, 0, "ps_enabled"));
	arena_free(arena);
	drive.driver->close(c);
	endpoint_free(&ep);
	lab_remove(server.name);
}

/* The password from an option file, and only what an option file may decide. */
static void test_option_files(void **state)
{
	(void)state;
	struct lab_server server = lab_server("maria1011");
	char path[] = "/tmp/dbatop-optfile-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "[client]\nuser = nobody\npassword=wrong\nlocal-infile=1\ninit-command='KILL 1'\n"
	            "[prod]\nuser=monitor\npassword = \"monitor-pw\"  \nport=1\n");
	close(fd);
	struct endpoint ep;
	drive_endpoint(&server, "monitor", 0, NULL, &ep);
	free(ep.password);
	ep.password = NULL;
	ep.option_file = strdup(path);
	ep.option_group = strdup("prod");
	struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
	drive.driver->close(c);
	free(ep.option_group);
	ep.option_group = strdup("no_such_group");
	expect_failure(&ep, ERR_USAGE, 0);

	drive_endpoint(&server, "monitor", 0, NULL, &ep);
	ep.option_file = strdup(path);
	assert_int_equal(chmod(path, 0606), 0);
	expect_failure(&ep, ERR_USAGE, 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_probe_on_every_server),
	        cmocka_unit_test(test_the_identity_never_moves),
	        cmocka_unit_test(test_a_replica_names_its_primary),
	        cmocka_unit_test(test_what_a_transaction_has_run),
	        cmocka_unit_test(test_a_pooler_is_refused),
	        cmocka_unit_test(test_failures_have_codes),
	        cmocka_unit_test(test_tls_is_verified_when_asked),
	        cmocka_unit_test(test_the_name_is_compared_and_not_the_address),
	        cmocka_unit_test(test_required_tls_is_not_talked_out_of),
	        cmocka_unit_test(test_performance_schema_off_is_said),
	        cmocka_unit_test(test_option_files),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
