/* The engine put together as cli does it, but for one server and with statements of a test. */
#include "tests/support/rig.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/drive.h"
#include "tests/support/test.h"
#include "tests/support/wait.h"

enum { CONNECTIONS_MAX = 3, STOP_MS = 5000, SQL_MS = 10000, NOTICED_MS = 2000 };

static char instance_name[] = "rig";

static const char *const postgres_files[] = {
        "-- probe: pulse  lane: fast  every: 200ms  timeout: 800ms  rows: 1\n-- versions: postgres 13-18\n"
        "-- column: active count\nSELECT 1 AS active LIMIT :rows\n",
        "-- probe: slow  lane: fast  every: 1s  timeout: 300ms  rows: 1\n-- versions: postgres 13-18\n"
        "-- column: n count\nSELECT 1 AS n FROM pg_sleep(30) LIMIT :rows\n"};
static const char *const mariadb_files[] = {
        "-- probe: pulse  lane: fast  every: 200ms  timeout: 800ms  rows: 1\n-- versions: mariadb 10.5-11\n"
        "-- column: active count\nSELECT 1 AS active FROM DUAL LIMIT :rows\n",
        "-- probe: slow  lane: fast  every: 1s  timeout: 300ms  rows: 1\n-- versions: mariadb 10.5-11\n"
        "-- column: n count\nSELECT SLEEP(30) AS n FROM DUAL LIMIT :rows\n"};

static const char *const mysql_files[] = {
        "-- probe: pulse  lane: fast  every: 200ms  timeout: 800ms  rows: 1\n-- versions: mysql 8.0-9.7\n"
        "-- column: active count\nSELECT 1 AS active FROM DUAL LIMIT :rows\n",
        "-- probe: slow  lane: fast  every: 1s  timeout: 300ms  rows: 1\n-- versions: mysql 8.0-9.7\n"
        "-- column: n count\nSELECT SLEEP(30) AS n FROM DUAL LIMIT :rows\n"};

static const char *const *files_for(const struct lab_server *server)
{
	if (lab_is_postgres(server))
		return postgres_files;
	return strcmp(server->engine, "mysql") == 0 ? mysql_files : mariadb_files;
}

static void load_probes(struct rig *r)
{
	struct err e = {.code = ERR_NONE};
	r->probes = probe_set_new(&e);
	for (size_t i = 0; i < 2; i++) {
		const char *text = files_for(&r->server)[i];
		struct embedded_file f = {.name = "rig.sql", .data = text, .size = strlen(text)};
		if (!probe_set_add(r->probes, &f, &e))
			fail_msg("%s", e.text);
	}
	if (!probe_set_finish(r->probes, &e))
		fail_msg("%s", e.text);
}

void rig_start(struct rig *r, const struct driver *driver, const struct lab_server *server, int port,
        const char *sslmode)
{
	struct err e = {.code = ERR_NONE};
	*r = (struct rig){.server = *server};
	drive_endpoint(server, "monitor", port, sslmode, &r->endpoint);
	r->cluster.timeouts = (struct timeouts){
	        .connect_ms = 3000, .query_ms = 800, .query_max_ms = 5000, .check_ms = 30000};
	r->instance = (struct instance_cfg){.name = instance_name, .endpoint = r->endpoint};
	r->cfg = (struct config){.clusters = &r->cluster,
	        .nclusters = 1,
	        .instances = &r->instance,
	        .ninstances = 1,
	        .interval_ms = 1000};
	load_probes(r);
	r->env.resolver = resolver_new(&clock_real, getaddrinfo);
	r->env.tls_gate = gate_new(8, &e);
	r->env.axe = axe_start(&clock_real, &e);
	snprintf(r->env.run_id, sizeof(r->env.run_id), "rig%ld", (long)getpid());
	r->hub = hub_new(&clock_real, &r->cfg, r->probes, 1, &e);
	assert_non_null(r->hub);
	rig_want(r, false);
	struct poller_options opt = {.config = &r->cfg,
	        .probes = r->probes,
	        .postgres = driver,
	        .mysql = driver,
	        .env = r->env,
	        .hub = r->hub,
	        .clock = &clock_real,
	        .admin = true};
	r->poller = poller_start(&opt, &e);
	if (r->poller == NULL)
		fail_msg("%s", e.text);
}

void rig_stop(struct rig *r)
{
	struct ctx root = ctx_root(&clock_real, NULL), ctx = ctx_within(&root, STOP_MS);
	assert_true(poller_stop(&ctx, r->poller));
	snapshot_free(r->snap);
	hub_free(r->hub);
	probe_set_free(r->probes);
	resolver_close(&ctx, r->env.resolver);
	gate_free(r->env.tls_gate);
	axe_stop(r->env.axe);
	endpoint_free(&r->endpoint);
}

void rig_want(struct rig *r, bool slow)
{
	uint32_t slots = 1U << probe_set_slot(r->probes, "pulse");
	if (slow)
		slots |= 1U << probe_set_slot(r->probes, "slow");
	hub_want(r->hub, 0, slots);
}

void rig_look(struct rig *r)
{
	snapshot_free(r->snap);
	r->snap = hub_take(r->hub);
}

const struct link_view *rig_link(const struct rig *r)
{
	return &r->snap->instances[0].link;
}

const struct slot_view *rig_slot(const struct rig *r, const char *probe)
{
	return &r->snap->instances[0].slot[probe_set_slot(r->probes, probe)];
}

long rig_connections(struct rig *r)
{
	const char *sql =
	        lab_is_postgres(&r->server)
	                ? "SELECT count(*) FROM pg_stat_activity WHERE usename = 'monitor'"
	                : "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'monitor'";
	return lab_sql_number(&r->server, "dba", sql, SQL_MS);
}

long rig_sleeping(struct rig *r)
{
	const char *sql = lab_is_postgres(&r->server) ? "SELECT count(*) FROM pg_stat_activity WHERE usename "
	                                                "= 'monitor' AND state = 'active' "
	                                                "AND query LIKE '%pg_sleep%'"
	                                              : "SELECT COUNT(*) FROM information_schema.PROCESSLIST "
	                                                "WHERE USER = 'monitor' AND INFO "
	                                                "LIKE '%SLEEP(%'";
	return lab_sql_number(&r->server, "dba", sql, SQL_MS);
}

static const char *list(struct rig *r)
{
	return lab_sql(&r->server, "dba",
	        lab_is_postgres(&r->server)
	                ? "SELECT pid, application_name, state, now() - backend_start, now() - state_change, "
	                  "left(query, 60) FROM pg_stat_activity WHERE usename = 'monitor'"
	                : "SELECT ID, COMMAND, TIME, STATE, LEFT(INFO, 60) FROM "
	                  "information_schema.PROCESSLIST WHERE USER = 'monitor'",
	        SQL_MS);
}

static bool few_connections(void *arg)
{
	return rig_connections(arg) <= CONNECTIONS_MAX;
}

bool rig_until(struct rig *r, bool (*condition)(struct rig *r), bool paused, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	for (;;) {
		rig_look(r);
		if (condition(r))
			return true;
		if (wait_now_ms() >= deadline)
			return false;
		if (!paused) {
			/* A server that has much to do notices a closed socket a moment later than we. */
			long n = rig_connections(r);
			if (n > CONNECTIONS_MAX && !wait_until(few_connections, r, NOTICED_MS))
				fail_msg("%ld connections at once, %u and %u zombies known to us:\n%s", n,
				        rig_link(r)->connections, rig_link(r)->zombies, list(r));
		}
		wait_readable(hub_fd(r->hub), wait_now_ms() + 50);
	}
}
