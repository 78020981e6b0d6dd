/* The first three round trips of a connection: is it really the server, what may we cost it, who is it.
 * Settings come only after the pooler check: they would leak to the pooler's other clients. */
#include "backends/postgres/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

enum {
	ADMIN_STATEMENT_MS = 10000, /* an action must not be cut by the limit of a probe */
	CLIENT_CHECK_MS = 1000,
	IDLE_XACT_MS = 10000, /* we open no transaction; should one stay open, it ends */
	SQL_MAX = 4096,
};

static bool check_pooler(const struct ctx *ctx, struct conn *c, struct err *e)
{
	PGresult *r = NULL;
	if (!pg_ask(ctx, c, "pooler check", "SELECT pg_catalog.pg_backend_pid()", 0, NULL, &r, e))
		return false;
	const char *text = PQntuples(r) == 1 ? pg_text(r, 0, 0) : NULL;
	long long said = text == NULL ? 0 : strtoll(text, NULL, 10);
	PQclear(r);
	if (said == PQbackendPID(c->pg))
		return true;
	return err_set(e, ERR_POOLER,
	        "this address leads to a connection pooler (it says backend %d, the server says %lld): "
	        "settings made "
	        "here would leak to its other clients; give the address of the server itself",
	        PQbackendPID(c->pg), said);
}

static void limits(const struct conn *c, bool client_check, struct buf *sql)
{
	int version = PQserverVersion(c->pg);
	uint32_t statement_ms = c->env->statement_ms;
	if (c->lane == LANE_ADMIN && statement_ms < ADMIN_STATEMENT_MS)
		statement_ms = ADMIN_STATEMENT_MS;
	buf_printf(sql, "SET statement_timeout = %u; SET lock_timeout = %u; ", statement_ms, c->env->lock_ms);
	buf_printf(sql, "SET idle_in_transaction_session_timeout = %d; ", IDLE_XACT_MS);
	if (version >= 140000)
		buf_puts(sql, "SET idle_session_timeout = 0; ");
	if (version >= 140000 && client_check)
		buf_printf(sql, "SET client_connection_check_interval = %d; ", CLIENT_CHECK_MS);
	if (version >= 170000)
		buf_puts(sql, "SET transaction_timeout = 0; ");
}

static bool set_once(const struct ctx *ctx, struct conn *c, bool client_check, struct err *e)
{
	struct buf sql;
	PGresult *r = NULL;
	buf_init(&sql, SQL_MAX);
	buf_puts(&sql, "SET search_path = pg_catalog, pg_temp; SET default_transaction_read_only = on; "
	               "SET max_parallel_workers_per_gather = 0; SET DateStyle = 'ISO'; "
	               "SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET client_min_messages = "
	               "'warning'; ");
	/* The same few statements for as long as the connection lives: planned once, not six times before the
	 * server finds that their numbers change nothing. */
	if (PQserverVersion(c->pg) >= 120000)
		buf_puts(&sql, "SET jit = off; SET plan_cache_mode = force_generic_plan; ");
	if (PQserverVersion(c->pg) >= 150000)
		buf_puts(&sql, "SET stats_fetch_consistency = 'none'; ");
	limits(c, client_check, &sql);
	bool ok = pg_ask(ctx, c, "session settings", buf_str(&sql), 0, NULL, &r, e);
	PQclear(r);
	buf_free(&sql);
	return ok;
}

static bool apply_settings(const struct ctx *ctx, struct conn *c, struct err *e)
{
	if (set_once(ctx, c, true, e))
		return true;
	/* A server on a platform that cannot watch its clients refuses that one setting:
	 * invalid_parameter_value. */
	if (e == NULL || strcmp(e->sqlstate, "22023") != 0)
		return false;
	return set_once(ctx, c, false, e);
}

/* The identifier apart: a managed service may have revoked the function. What later statements need to know
 * of it is left in settings of our own, since a statement that names a missing function fails as a whole. */
static const char identity_sql[] =
        "SELECT %s AS id, pg_postmaster_start_time()::text AS start,"
        " coalesce(host(inet_server_addr()), 'local') || ':' || current_setting('port') AS address,"
        " current_setting('server_version_num') AS number,"
        " split_part(current_setting('server_version'), ' ', 1) AS version,"
        " current_setting('is_superuser') AS superuser,"
        " pg_has_role('pg_read_all_stats', 'usage') AS sees_all,"
        " (date_part('epoch', clock_timestamp()) * 1000000)::bigint AS clock,"
        " (SELECT a.backend_start::text FROM pg_stat_get_activity(pg_backend_pid()) a) AS started,"
        " set_config('dbatop.aurora',"
        " (to_regprocedure('pg_catalog.aurora_version()') IS NOT NULL)::text, false) AS aurora,"
        " set_config('dbatop.processes', (SELECT min(a.backend_start)::text FROM pg_stat_get_activity(NULL) a"
        " WHERE a.backend_type = 'checkpointer'), false) AS processes";
static const char id_sql[] =
        "(SELECT set_config('dbatop.cluster_id', system_identifier::text, false) FROM pg_control_system())";

static void copy_field(const PGresult *r, int col, char *out, size_t cap)
{
	const char *text = pg_text(r, 0, col);
	snprintf(out, cap, "%s", text == NULL ? "" : text);
}

static bool is_yes(const PGresult *r, int col)
{
	const char *text = pg_text(r, 0, col);
	return text != NULL && (text[0] == 't' || strcmp(text, "on") == 0);
}

static void note_identity(struct conn *c, const PGresult *r, wall_us asked, wall_us answered)
{
	struct server_identity *s = &c->info.server;
	char number[32];
	s->engine = ENGINE_POSTGRES;
	copy_field(r, 0, s->id, sizeof(s->id));
	copy_field(r, 1, s->start, sizeof(s->start));
	copy_field(r, 2, s->address, sizeof(s->address));
	copy_field(r, 3, number, sizeof(number));
	int num = (int)strtol(number, NULL, 10);
	s->version = num / 10000 * 10000 + num % 10000 * 100; /* 150018 is 15.18 */
	copy_field(r, 4, s->version_text, sizeof(s->version_text));
	c->info.superuser = is_yes(r, 5);
	c->info.sees_all = is_yes(r, 6);
	copy_field(r, 7, number, sizeof(number));
	c->info.skew_us = strtoll(number, NULL, 10) - (asked + (answered - asked) / 2);
	copy_field(r, 8, c->info.self.started, sizeof(c->info.self.started));
	c->info.self.id = PQbackendPID(c->pg);
	s->aurora = is_yes(r, 9);
}

static bool read_identity(const struct ctx *ctx, struct conn *c, struct err *e)
{
	char sql[SQL_MAX];
	PGresult *r = NULL;
	wall_us asked = clock_wall(ctx->clock);
	snprintf(sql, sizeof(sql), identity_sql, id_sql);
	if (!pg_ask(ctx, c, "identity", sql, 0, NULL, &r, e)) {
		if (e == NULL || (e->code != ERR_DENIED && e->code != ERR_UNSUPPORTED))
			return false;
		asked = clock_wall(ctx->clock);
		snprintf(sql, sizeof(sql), identity_sql, "''");
		if (!pg_ask(ctx, c, "identity", sql, 0, NULL, &r, e))
			return false;
	}
	bool ok = PQntuples(r) == 1 && PQnfields(r) == 11;
	if (ok)
		note_identity(c, r, asked, clock_wall(ctx->clock));
	PQclear(r);
	return ok || err_set(e, ERR_PROTOCOL, "identity: the server gave no row");
}

bool pg_begin_session(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct err own;
	if (e == NULL)
		e = &own;
	if (!check_pooler(ctx, c, e) || !apply_settings(ctx, c, e) || !read_identity(ctx, c, e))
		return false;
	if (c->info.server.version < 130000)
		return err_set(e, ERR_UNSUPPORTED, "PostgreSQL %s: dbatop works with 13 and newer",
		        c->info.server.version_text);
	/* The names now, while the catalogs can be read: later a lock may be on them. */
	return c->lane == LANE_ADMIN || pg_names_refresh(ctx, c, e);
}
