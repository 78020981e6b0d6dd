/* pg_database and pg_authid are read here and nowhere else: while somebody holds a lock on them (VACUUM
 * FULL), every probe goes on with the names of before. Probes return {d16384} for a database and {r10} for a
 * role in columns whose alias ends in @names; what their arithmetic needs (connection limits, superusers, the
 * oldest datfrozenxid) is kept on the server, in settings of our own session. */
#include "backends/postgres/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct name {
	char kind; /* 'd' database, 'r' role */
	unsigned oid;
	const char *text;
};

enum {
	FRESH_S = 60,        /* renames and new limits show up within this */
	MISSING_S = 5,       /* an unknown oid asks again no sooner than this */
	LOCKED_RETRY_S = 30, /* each failed attempt is a line in the server's log */
	NAMES_MAX = 20000,
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

static bool load(const struct ctx *ctx, struct conn *c, struct err *e)
{
	static const char what[] = "names of databases and roles";
	mono_ns started = clock_now(ctx->clock);
	bool refused = false;
	if (!pg_send(ctx, c, what, names_sql, 0, NULL, e))
		return false;
	while (c->busy) {
		PGresult *r = NULL;
		if (!pg_next(ctx, c, started, what, &r, e))
			return false;
		if (r != NULL && PQresultStatus(r) == PGRES_FATAL_ERROR) {
			refused = true;
			pg_fail_result(c, r, what, e);
		} else if (r != NULL) {
			take(&c->names, r);
		}
		PQclear(r);
	}
	return !refused;
}

static bool is_due(const struct names *names, mono_ns now)
{
	if (now < names->retry_at)
		return false;
	if (names->loaded == 0 || now - names->loaded >= FRESH_S * NS_PER_S)
		return true;
	return names->missing && now - names->loaded >= MISSING_S * NS_PER_S;
}

bool pg_names_refresh(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct names *names = &c->names;
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

static const char *look_up(struct names *names, char kind, unsigned oid)
{
	struct name key = {.kind = kind, .oid = oid};
	const struct name *found =
	        names->n == 0 ? NULL : bsearch(&key, names->list, names->n, sizeof(key), compare);
	if (found == NULL)
		names->missing = true;
	return found == NULL ? NULL : found->text;
}

size_t pg_names_put(struct conn *c, const char *text, char *out, size_t cap)
{
	size_t n = 0;
	while (*text != '\0' && n + 1 < cap) {
		char *end = NULL;
		unsigned long oid = 0;
		if (text[0] == '{' && (text[1] == 'd' || text[1] == 'r'))
			oid = strtoul(text + 2, &end, 10);
		if (end == NULL || end == text + 2 || *end != '}') {
			out[n++] = *text++;
			continue;
		}
		const char *name = look_up(&c->names, text[1], (unsigned)oid);
		int put = name == NULL ? snprintf(out + n, cap - n, "oid %lu", oid)
		                       : snprintf(out + n, cap - n, "%s", name);
		n += (size_t)put < cap - n ? (size_t)put : cap - n - 1;
		text = end + 1;
	}
	out[n] = '\0';
	return n;
}

void pg_names_free(struct names *names)
{
	arena_free(names->arena);
	*names = (struct names){.n = 0};
}
