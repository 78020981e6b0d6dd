/* The PostgreSQL driver and each of its probes on every version there is, for three kinds of roles: what is
 * declared is what comes, what may not be seen is unknown and not zero. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/chaos.h"
#include "tests/support/drive.h"

enum { SERVERS_MAX = 16 };

static struct drive drive;
static struct lab_server servers[SERVERS_MAX];
static size_t nservers;

static int setup(void **state)
{
	(void)state;
	drive_start(&drive, &postgres_driver);
	nservers = drive_servers("postgres", servers, SERVERS_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	return 0;
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

/* Every cell is unknown or of the declared type; keys are never unknown but where the server hides them. */
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
			if (p->columns[col].role == ROLE_DURATION && c->type == CELL_INT && c->u.i < -1000)
				fail_msg(
				        "%s %s: %s is negative", server->name, p->file, p->columns[col].name);
		}
	}
}

static void check_sessions(const struct conn *c, const struct table *t, const char *user)
{
	long own = drive_row(t, "id", drive.driver->info(c)->self.id);
	assert_true(own >= 0);
	size_t row = (size_t)own;
	assert_string_equal(text_of(t, row, "user"), user);
	assert_string_equal(text_of(t, row, "db"), "app");
	assert_string_equal(text_of(t, row, "kind"), "client");
	assert_string_equal(text_of(t, row, "state"), "active");
	assert_string_equal(text_of(t, row, "wait_type"), "CPU");
	assert_string_equal(text_of(t, row, "started"), drive.driver->info(c)->self.started);
	assert_true(int_of(t, row, "own"));
	assert_int_equal(int_of(t, row, "superuser"), strcmp(user, "dba") == 0);
	assert_true(int_of(t, row, "query_bytes") > 1000);
}

static void check_pulse(const struct table *t, const char *user)
{
	assert_int_equal(t->nrows, 1);
	assert_true(int_of(t, 0, "connections") >= 1);
	assert_true(int_of(t, 0, "active") >= 1);
	assert_true(int_of(t, 0, "commits") > 0);
	assert_true(int_of(t, 0, "limit_max") > 0);
	assert_true(text_of(t, 0, "limit_name")[0] != '\0');
	if (strcmp(user, "nobody") == 0)
		assert_true(int_of(t, 0, "hidden") > 0);
	else
		assert_int_equal(int_of(t, 0, "hidden"), 0);
	assert_true(is_unknown(t, 0, "queries") && is_unknown(t, 0, "history_list"));
}

static void check_server(const struct lab_server *server, const struct table *t)
{
	assert_int_equal(t->nrows, 1);
	assert_string_equal(text_of(t, 0, "flavour"), "PostgreSQL");
	assert_string_equal(text_of(t, 0, "version"), server->version);
	assert_string_equal(text_of(t, 0, "role"), server->role);
	assert_int_equal(int_of(t, 0, "writable"), strcmp(server->role, "primary") == 0);
	assert_true(int_of(t, 0, "xid_age") > 0);
	assert_true(int_of(t, 0, "lsn") > 0);
	assert_true(int_of(t, 0, "uptime_ms") > 0);
	assert_true(text_of(t, 0, "cluster_id")[0] != '\0');
	/* The server's own default, not the one our session has set. */
	assert_int_equal(int_of(t, 0, "statement_timeout_ms"), 0);
}

static void check_all(const struct lab_server *server, const char *user)
{
	struct endpoint ep;
	struct conn *c = drive_open(&drive, server, user, LANE_FAST, &ep);
	const struct conn_info *info = drive.driver->info(c);
	assert_int_equal(info->server.engine, ENGINE_POSTGRES);
	assert_string_equal(info->server.version_text, server->version);
	assert_int_equal(info->superuser, strcmp(user, "dba") == 0);
	assert_int_equal(info->sees_all, strcmp(user, "nobody") != 0);
	assert_true(info->server.id[0] != '\0' && info->server.start[0] != '\0');
	assert_in_range((uint64_t)(info->skew_us + 5000000), 0, 10000000);
	for (unsigned slot = 0; slot < probe_set_names(drive.probes); slot++) {
		const char *name = probe_set_name(drive.probes, slot);
		struct arena *arena = arena_new();
		struct table *t = drive_table(&drive, c, name, info->self.id, arena);
		check_types(server, drive_probe(&drive, c, name), t);
		if (strcmp(name, "sessions") == 0)
			check_sessions(c, t, user);
		if (strcmp(name, "pulse") == 0)
			check_pulse(t, user);
		if (strcmp(name, "server") == 0)
			check_server(server, t);
		if (strcmp(name, "statement") == 0)
			assert_true(strlen(text_of(t, 0, "query")) == (size_t)int_of(t, 0, "query_bytes"));
		arena_free(arena);
	}
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

static void test_replication_is_seen_from_both_ends(void **state)
{
	(void)state;
	struct lab_server primary = lab_server("pg15");
	struct lab_server replica = lab_server("pg15r");
	struct endpoint ends[2];
	struct conn *up = drive_open(&drive, &primary, "monitor", LANE_FAST, &ends[0]);
	struct conn *down = drive_open(&drive, &replica, "monitor", LANE_FAST, &ends[1]);
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, up, "replication_brief", 0, arena);
	assert_true(t->nrows >= 1);
	assert_string_equal(text_of(t, 0, "kind"), "downstream");
	assert_string_equal(text_of(t, 0, "state"), "streaming");
	assert_true(int_of(t, 0, "replay_lsn") > 0);
	/* The replica feeds a cascading one: both rows, upstream first. */
	t = drive_table(&drive, down, "replication_brief", 0, arena);
	assert_true(t->nrows >= 2);
	assert_string_equal(text_of(t, 0, "kind"), "upstream");
	assert_string_equal(text_of(t, 0, "state"), "streaming");
	assert_string_equal(text_of(t, 0, "applier"), "running");
	assert_string_equal(text_of(t, 1, "kind"), "downstream");
	/* The same cluster, and yet not the same server. */
	assert_string_equal(drive.driver->info(up)->server.id, drive.driver->info(down)->server.id);
	assert_false(
	        server_identity_equal(&drive.driver->info(up)->server, &drive.driver->info(down)->server));
	arena_free(arena);
	drive.driver->close(up);
	drive.driver->close(down);
	endpoint_free(&ends[0]);
	endpoint_free(&ends[1]);
}

static void test_a_pooler_is_refused(void **state)
{
	(void)state;
	struct lab_server server = lab_server("pg15");
	struct chaos *chaos = chaos_start();
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	struct endpoint ep;
	struct conn *c = NULL;
	struct err e;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	chaos_rewrite_id(door, "postgres", 0x22145000);
	drive_endpoint(&server, "monitor", door.port, "disable", &ep);
	assert_false(drive.driver->connect(&ctx, &drive.env, &ep, LANE_FAST, &c, &e));
	assert_int_equal(e.code, ERR_POOLER);
	assert_null(c);
	endpoint_free(&ep);
	chaos_stop(chaos);
}

static void test_pgbouncer_is_refused(void **state)
{
	(void)state;
	static const char *const settings[] = {"upstream=pg15", NULL};
	static const char *const modes[] = {"disable", "require"};
	struct lab_server pool = lab_spawn("pgbouncer", "livepool", settings);
	for (size_t i = 0; i < 2; i++) {
		struct endpoint ep;
		struct conn *c = NULL;
		struct err e;
		struct ctx ctx = ctx_within(&drive.root, 5000);
		drive_endpoint(&pool, "monitor", 0, modes[i], &ep);
		assert_false(drive.driver->connect(&ctx, &drive.env, &ep, LANE_FAST, &c, &e));
		if (e.code != ERR_POOLER)
			fail_msg("%s: %s", err_code_name(e.code), e.text);
		endpoint_free(&ep);
	}
	lab_remove(pool.name);
}

/* One address, two servers: each connection says which one it reached. */
static void test_a_balancer_shows_two_servers(void **state)
{
	(void)state;
	static const char *const settings[] = {"upstream=pg15,pg15r", NULL};
	struct lab_server balancer = lab_spawn("haproxy", "livebalancer", settings);
	struct endpoint ep;
	struct conn *c[2];
	drive_endpoint(&balancer, "monitor", 0, NULL, &ep);
	for (size_t i = 0; i < 2; i++)
		c[i] = drive_connect(&drive, &ep, LANE_FAST);
	const struct server_identity *a = &drive.driver->info(c[0])->server;
	const struct server_identity *b = &drive.driver->info(c[1])->server;
	assert_string_equal(a->id, b->id);
	assert_false(server_identity_equal(a, b));
	assert_true(server_identity_equal(a, a));
	/* An action that was meant for one of them does nothing on the other. */
	struct action_request req = {.kind = ACTION_TERMINATE, .server = *a};
	struct action_result result;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	assert_false(drive.driver->act(&ctx, c[1], &req, &result));
	assert_int_equal(result.err.code, ERR_IDENTITY);
	for (size_t i = 0; i < 2; i++)
		drive.driver->close(c[i]);
	endpoint_free(&ep);
	lab_remove(balancer.name);
}

static void expect_failure(struct endpoint *ep, enum err_code code, const char *sqlstate)
{
	struct conn *c = NULL;
	struct err e;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	assert_false(drive.driver->connect(&ctx, &drive.env, ep, LANE_FAST, &c, &e));
	if (e.code != code || strcmp(e.sqlstate, sqlstate) != 0)
		fail_msg("expected %s %s, got %s %s: %s", err_code_name(code), sqlstate,
		        err_code_name(e.code), e.sqlstate, e.text);
	assert_null(strstr(e.text, "secret-word"));
	assert_null(strchr(e.text, '\n'));
	endpoint_free(ep);
}

static void test_failures_have_codes(void **state)
{
	(void)state;
	struct lab_server server = lab_server("pg15");
	struct chaos *chaos = chaos_start();
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	struct endpoint ep;
	chaos_accept(door, "refuse");
	drive_endpoint(&server, "monitor", door.port, NULL, &ep);
	expect_failure(&ep, ERR_REFUSED, "");

	drive_endpoint(&server, "monitor", 0, NULL, &ep);
	free(ep.password);
	ep.password = strdup("secret-word");
	expect_failure(&ep, ERR_AUTH, "28P01");

	drive_endpoint(&server, "monitor", 0, NULL, &ep);
	free(ep.database);
	ep.database = strdup("no_such_database");
	expect_failure(&ep, ERR_AUTH, "3D000");

	/* A certificate that our CA did not sign. */
	drive_endpoint(&server, "monitor", 0, "verify-full", &ep);
	ep.tls_ca = strdup("/etc/ssl/certs/ca-certificates.crt");
	expect_failure(&ep, ERR_TLS, "");

	chaos_stop(chaos);
}

static void test_tls_is_verified_when_asked(void **state)
{
	(void)state;
	struct lab_server server = lab_server("pg15");
	struct endpoint ep;
	char ca[512];
	lab_file("ca.pem", ca, sizeof(ca));
	drive_endpoint(&server, "monitor", 0, "verify-full", &ep);
	ep.tls_ca = strdup(ca);
	struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
	assert_true(drive.driver->info(c)->tls);
	assert_non_null(strstr(drive.driver->info(c)->tls_text, "TLSv1"));
	struct arena *arena = arena_new();
	for (int i = 0; i < 50; i++)
		drive_table(&drive, c, "sessions", 0, arena);
	arena_free(arena);
	drive.driver->close(c);
	endpoint_free(&ep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_probe_on_every_server),
	        cmocka_unit_test(test_replication_is_seen_from_both_ends),
	        cmocka_unit_test(test_a_pooler_is_refused),
	        cmocka_unit_test(test_pgbouncer_is_refused),
	        cmocka_unit_test(test_a_balancer_shows_two_servers),
	        cmocka_unit_test(test_failures_have_codes),
	        cmocka_unit_test(test_tls_is_verified_when_asked),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
