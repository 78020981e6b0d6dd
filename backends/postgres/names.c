/* pg_database and pg_authid are read here and nowhere else: while somebody holds a lock on them (VACUUM
 * FULL), every probe goes on with the names of before. Probes return {d16384} for a database, {r10} for a
 * role and {c1259} for a relation in columns whose alias ends in @names (regclass would look into pg_class in
 * the middle of the probe, and fail it while that is locked); what their arithmetic needs (connection limits,
 * superusers, the oldest datfrozenxid) is kept on the server, in settings of our own session. */
#include "backends/postgres/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

struct name {
	char kind; /* 'd' database, 'r' role, 'c' relation */
	unsigned oid;
	const char *text;
};

enum {
	FRESH_S = 60,         /* renames and new limits show up within this */
	MISSING_S = 5,        /* an unknown oid asks again no sooner than this */
	LOCKED_RETRY_S = 30,  /* each failed attempt is a line in the server's log */
	RELATIONS_MAX = 4096, /* then they are forgotten */
	ASK_MAX = 8192,
};

/* In one implicit transaction, so that SET LOCAL holds for it. lock_timeout is short: a probe waits behind
 * us. */
static const char names_sql[] =
        "SET LOCAL lock_timeout = 20;"
        "SELECT k, oid, name FROM (SELECT 'd' AS k, oid, datname AS name FROM pg_database"
        " UNION ALL SELECT 'r', oid, rolname FROM pg_roles) n LIMIT 20000;"
        "SELECT set_config('dbatop.databases', (SELECT '{0,' || string_agg(oid::text, ',') || '}' FROM "
        "pg_database),"
        " false),"
        " set_config('dbatop.superusers', (SELECT coalesce('{' || string_agg(oid::text, ',') || '}', '{}')"
        " FROM pg_roles WHERE rolsuper), false),"
        " set_config('dbatop.limits', (SELECT coalesce(string_agg(l, ' '), '') FROM ("
        "SELECT 'd' || oid || '=' || datconnlimit AS l FROM pg_database WHERE datconnlimit >= 0 AND "
        "datallowconn"
        " UNION ALL SELECT 'r' || oid || '=' || rolconnlimit FROM pg_roles"
        " WHERE rolconnlimit >= 0 AND rolcanlogin AND NOT rolsuper) x), false),"
        " set_config('dbatop.frozenxid', (SELECT datfrozenxid::text FROM pg_database"
        " ORDER BY age(datfrozenxid) DESC LIMIT 1), false),"
        " set_config('dbatop.minmxid', (SELECT datminmxid::text FROM pg_database"
        " ORDER BY mxid_age(datminmxid) DESC LIMIT 1), false)";

static int compare(const void *a, const void *b)
{
	const struct name *x = a;
	const struct name *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->oid < y->oid ? -1 : x->oid > y->oid;
}

/* The result with the names becomes the new list; the others have no rows of three columns. */
static void take(struct names *names, const PGresult *r)
{
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQnfields(r) != 3)
		return;
	int n = PQntuples(r);
	struct arena *arena = arena_new();
	struct name *list = arena_alloc(arena, ((size_t)n + 1) * sizeof(*list));
	for (int i = 0; i < n; i++) {
		list[i] = (struct name){
		        .kind = PQgetvalue(r, i, 0)[0],
		        .oid = (unsigned)strtoul(PQgetvalue(r, i, 1), NULL, 10),
		        .text = arena_strdup(arena, PQgetvalue(r, i, 2)),
		};
	}
	qsort(list, (size_t)n, sizeof(*list), compare);
	arena_free(names->arena);
	names->arena = arena;
	names->list = list;
	names->n = (size_t)n;
}

/* Reads a whole answer; an error of the server fails it, with the connection idle again. */
static bool answer(const struct ctx *ctx, struct conn *c, const char *what,
        void (*take_result)(struct names *names, const PGresult *r), struct err *e)
{
	mono_ns started = clock_now(ctx->clock);
	bool refused = false;
	while (c->busy) {
		PGresult *r = NULL;
		if (!pg_next(ctx, c, started, what, &r, e))
			return false;
		if (r != NULL && PQresultStatus(r) == PGRES_FATAL_ERROR) {
			refused = true;
			pg_fail_result(c, r, what, e);
		} else if (r != NULL) {
			take_result(&c->names, r);
		}
		PQclear(r);
	}
	return !refused;
}

static bool load(const struct ctx *ctx, struct conn *c, struct err *e)
{
	static const char what[] = "names of databases and roles";
	return pg_send(ctx, c, what, names_sql, 0, NULL, e) && answer(ctx, c, what, take, e);
}

static bool is_due(const struct names *names, mono_ns now)
{
	if (now < names->retry_at)
		return false;
	if (names->loaded == 0 || now - names->loaded >= FRESH_S * NS_PER_S)
		return true;
	return names->missing && now - names->loaded >= MISSING_S * NS_PER_S;
}

/* Relations. */

static void take_relations(struct names *names, const PGresult *r)
{
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQnfields(r) != 2)
		return;
	if (names->relation_arena == NULL)
		names->relation_arena = arena_new();
	size_t old = names->nrelations;
	struct name *list = arena_alloc(names->relation_arena, (old + names->nwanted) * sizeof(*list));
	if (old > 0)
		memcpy(list, names->relations, old * sizeof(*list));
	for (size_t i = 0; i < names->nwanted; i++)
		list[old + i] = (struct name){.kind = 'c', .oid = names->wanted[i]};
	for (int row = 0; row < PQntuples(r); row++) {
		unsigned oid = (unsigned)strtoul(PQgetvalue(r, row, 0), NULL, 10);
		for (size_t i = old; i < old + names->nwanted; i++) {
			if (list[i].oid == oid)
				list[i].text = arena_strdup(names->relation_arena, PQgetvalue(r, row, 1));
		}
	}
	names->relations = list;
	names->nrelations = old + names->nwanted;
	qsort(list, names->nrelations, sizeof(*list), compare);
}

/* Renames show up within a minute; while pg_class is locked the old names are better than none. */
static void expire_relations(struct names *names, mono_ns now)
{
	bool fresh = now - names->relations_since < FRESH_S * NS_PER_S && names->nrelations <= RELATIONS_MAX;
	if (fresh || now < names->relations_retry_at)
		return;
	arena_free(names->relation_arena);
	names->relation_arena = NULL;
	names->relations = NULL;
	names->nrelations = 0;
	names->relations_since = now;
}

static bool ask_relations(const struct ctx *ctx, struct conn *c, struct err *e)
{
	static const char what[] = "names of relations";
	struct buf sql;
	buf_init(&sql, ASK_MAX);
	buf_puts(&sql,
	        "SET LOCAL lock_timeout = 20;"
	        "SELECT c.oid, CASE n.nspname WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END || "
	        "c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN (");
	for (size_t i = 0; i < c->names.nwanted; i++)
		buf_printf(&sql, "%s%u", i == 0 ? "" : ",", c->names.wanted[i]);
	buf_puts(&sql, ")");
	bool sent = pg_send(ctx, c, what, buf_str(&sql), 0, NULL, e);
	buf_free(&sql);
	return sent && answer(ctx, c, what, take_relations, e);
}

bool pg_names_refresh(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct names *names = &c->names;
	expire_relations(names, clock_now(ctx->clock));
	if (!is_due(names, clock_now(ctx->clock)))
		return true;
	if (load(ctx, c, e)) {
		names->loaded = clock_now(ctx->clock);
		names->missing = false;
		return true;
	}
	if (c->busy || PQstatus(c->pg) != CONNECTION_OK)
		return false;
	names->retry_at = clock_now(ctx->clock) + LOCKED_RETRY_S * NS_PER_S;
	log_write(c->env->log, LOG_INFO, "postgres: names are not refreshed: %s", e->text);
	err_clear(e);
	return true;
}

bool pg_names_ask(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct names *names = &c->names;
	mono_ns now = clock_now(ctx->clock);
	if (names->loaded == 0 && !pg_names_refresh(ctx, c, e))
		return false;
	bool done = names->nwanted == 0 || now < names->relations_retry_at || ask_relations(ctx, c, e);
	names->nwanted = 0;
	if (done)
		return true;
	if (c->busy || PQstatus(c->pg) != CONNECTION_OK)
		return false;
	names->relations_retry_at = now + LOCKED_RETRY_S * NS_PER_S;
	log_write(c->env->log, LOG_INFO, "postgres: relations keep their numbers: %s", e->text);
	err_clear(e);
	return true;
}

static const struct name *search(const struct name *list, size_t n, char kind, unsigned oid)
{
	struct name key = {.kind = kind, .oid = oid};
	return n == 0 ? NULL : bsearch(&key, list, n, sizeof(key), compare);
}

/* NULL: not known; *later: it may be, once it was asked for. */
static const char *relation_name(struct names *names, unsigned oid, bool *later)
{
	const struct name *found = search(names->relations, names->nrelations, 'c', oid);
	if (found != NULL || later == NULL)
		return found == NULL ? NULL : found->text;
	bool listed = false;
	for (size_t i = 0; i < names->nwanted; i++)
		listed = listed || names->wanted[i] == oid;
	if (!listed && names->nwanted < NAMES_WANTED_MAX)
		names->wanted[names->nwanted++] = oid;
	*later = true;
	return NULL;
}

static const char *look_up(struct names *names, char kind, unsigned oid, bool *later)
{
	if (kind == 'c')
		return relation_name(names, oid, later);
	const struct name *found = search(names->list, names->n, kind, oid);
	if (found == NULL) {
		names->missing = true;
		if (later != NULL && names->loaded == 0)
			*later = true;
	}
	return found == NULL ? NULL : found->text;
}

size_t pg_names_put(struct conn *c, const char *text, char *out, size_t cap, bool *later)
{
	size_t n = 0;
	while (*text != '\0' && n + 1 < cap) {
		char *end = NULL;
		unsigned long oid = 0;
		bool ask = false;
		if (text[0] == '{' && (text[1] == 'd' || text[1] == 'r' || text[1] == 'c'))
			oid = strtoul(text + 2, &end, 10);
		if (end == NULL || end == text + 2 || *end != '}') {
			out[n++] = *text++;
			continue;
		}
		const char *name = look_up(&c->names, text[1], (unsigned)oid, later == NULL ? NULL : &ask);
		int put = 0;
		if (name != NULL)
			put = snprintf(out + n, cap - n, "%s", name);
		else if (ask)
			put = snprintf(out + n, cap - n, "{%c%lu}", text[1], oid);
		else
			put = snprintf(out + n, cap - n, text[1] == 'c' ? "relation %lu" : "oid %lu", oid);
		if (ask)
			*later = true;
		n += (size_t)put < cap - n ? (size_t)put : cap - n - 1;
		text = end + 1;
	}
	out[n] = '\0';
	return n;
}

void pg_names_free(struct names *names)
{
	arena_free(names->arena);
	arena_free(names->relation_arena);
	*names = (struct names){.n = 0};
}
