/* One probe's statement into one table. Columns are found by name: the declaration in the file and the
 * server's answer must be the same set, or the fetch fails with both lists. A SHOW statement cannot name its
 * columns: there, the declaration says where each one comes from. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backends/mysql/conn.h"
#include "backends/mysql/locks.h"

enum { COLUMNS_MAX = 128, JOINED_MAX = 300 };

struct filling {
	const struct probe *probe;
	struct table_builder *builder;
	int column[COLUMNS_MAX]; /* SELECT: of the declaration, for each column of the result */
	int source[COLUMNS_MAX],
	        joined[COLUMNS_MAX]; /* SHOW: of the result, for each declared one; -1 none */
	bool full;
};

static void list_declared(struct buf *b, const struct probe *p)
{
	for (size_t i = 0; i < p->ncols; i++)
		buf_printf(b, "%s%s", i > 0 ? " " : "", p->columns[i].name);
}

static void list_found(struct buf *b, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_printf(b, "%s%s", i > 0 ? " " : "", names[i]);
}

static int declared(const struct probe *p, const char *name)
{
	for (size_t i = 0; i < p->ncols; i++) {
		if (strcasecmp(p->columns[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static int found(const char *const *names, unsigned n, const char *name)
{
	for (unsigned i = 0; name != NULL && i < n; i++) {
		if (strcasecmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

static bool differ(const struct probe *p, const char *const *names, unsigned n, struct err *e)
{
	struct buf want, got;
	buf_init(&want, 2048);
	buf_init(&got, 2048);
	list_declared(&want, p);
	list_found(&got, names, n);
	err_set(e, ERR_PROTOCOL, "%s declares the columns (%s), the server returned (%s)", p->file,
	        buf_str(&want), buf_str(&got));
	buf_free(&want);
	buf_free(&got);
	return false;
}

/* Names differ a little between versions, so a column that is not there is unknown; but a statement that
 * has none of them is not the one that was meant. */
static bool match_sources(struct filling *f, const char *const *names, unsigned n, struct err *e)
{
	bool any = false;
	for (size_t i = 0; i < f->probe->ncols; i++) {
		const struct column_source *from = f->probe->columns[i].from;
		f->source[i] = from != NULL ? found(names, n, from->name) : -1;
		f->joined[i] = from != NULL ? found(names, n, from->joined) : -1;
		any = any || f->source[i] >= 0;
	}
	return any || differ(f->probe, names, n, e);
}

static bool match_columns(void *arg, const char *const *names, unsigned n, struct err *e)
{
	struct filling *f = arg;
	if (f->probe->ncols > COLUMNS_MAX)
		return err_set(e, ERR_PROTOCOL, "%s declares too many columns", f->probe->file);
	if (f->probe->show)
		return match_sources(f, names, n, e);
	bool same = n == f->probe->ncols;
	bool seen[COLUMNS_MAX] = {false};
	for (unsigned i = 0; same && i < n; i++) {
		f->column[i] = declared(f->probe, names[i]);
		same = f->column[i] >= 0 && !seen[f->column[i]];
		if (same)
			seen[f->column[i]] = true;
	}
	return same || differ(f->probe, names, n, e);
}

/* One declared column of a SHOW statement's row; unknown stays NULL. */
static bool set_from(
        struct filling *f, size_t col, const char *const *values, const unsigned long *lengths, struct err *e)
{
	const struct column_source *from = f->probe->columns[col].from;
	char text[JOINED_MAX];
	if (from == NULL)
		return true;
	if (from->constant != NULL)
		return table_build_set(f->builder, col, from->constant, strlen(from->constant), e);
	int a = f->source[col], b = f->joined[col];
	if (a < 0 || values[a] == NULL || (from->joined != NULL && (b < 0 || values[b] == NULL)))
		return true;
	if (from->joined == NULL && from->factor == 1)
		return table_build_set(f->builder, col, values[a], lengths[a], e);
	if (from->joined != NULL)
		snprintf(text, sizeof text, "%.200s:%.64s", values[a], values[b]);
	else
		snprintf(text, sizeof text, "%" PRId64, (int64_t)strtoll(values[a], NULL, 10) * from->factor);
	return table_build_set(f->builder, col, text, strlen(text), e);
}

static bool add_row(
        void *arg, const char *const *values, const unsigned long *lengths, unsigned n, struct err *e)
{
	struct filling *f = arg;
	if (f->full)
		return true;
	if (table_build_row(f->builder) == NULL) {
		f->full = true; /* the rest is read and dropped; the table says it was cut */
		return true;
	}
	for (size_t i = 0; f->probe->show && i < f->probe->ncols; i++) {
		if (!set_from(f, i, values, lengths, e))
			return err_wrap(e, "%s", f->probe->file);
	}
	for (unsigned i = 0; !f->probe->show && i < n; i++) {
		if (values[i] != NULL &&
		        !table_build_set(f->builder, (size_t)f->column[i], values[i], lengths[i], e))
			return err_wrap(e, "%s", f->probe->file);
	}
	return true;
}

/* With performance_schema off its tables are there and empty: an empty list would be a lie. A statement that
 * asks for it by itself knows what to say. */
static bool gated(const struct conn *c, const struct probe *p, struct err *e)
{
	if (conn_is_mariadb(c) || c->performance_schema || p->needs == NULL ||
	        strstr(p->needs, "performance_schema") == NULL ||
	        strstr(p->sql, "@@performance_schema") != NULL)
		return true;
	return err_set(e, ERR_GATED,
	        "performance_schema is OFF on this server, its tables answer nothing: set "
	        "performance_schema=ON "
	        "in its configuration and restart it");
}

/* The server's words name the privilege but not how to give it. */
static void hint_grant(const struct probe *p, struct err *e)
{
	if (e != NULL && e->code == ERR_DENIED && p->needs != NULL) {
		size_t n = strlen(e->text);
		snprintf(e->text + n, sizeof e->text - n, "; it needs %s", p->needs);
	}
}

/* What the pulse counts, others need not ask again. */
static void note_waiters(const struct ctx *ctx, struct conn *c, const struct probe *p, const struct table *t)
{
	int64_t n;
	if (conn_is_mariadb(c) && strcmp(p->name, "pulse") == 0 && t->nrows == 1 &&
	        table_int(t, 0, table_column(t, "lock_waiters"), &n))
		locks_note_waiters(c, n, clock_now(ctx->clock));
}

bool my_fetch(const struct ctx *ctx, struct conn *c, const struct probe *p, const struct probe_value *values,
        struct arena *arena, struct table **out, struct err *e)
{
	struct filling f = {.probe = p};
	struct io_sink sink = {.columns = match_columns, .row = add_row, .arg = &f};
	struct probe_value asked[PROBE_PARAMS_MAX] = {{.type = PARAM_INT}};
	struct locks_ask ask;
	*out = NULL;
	if (!gated(c, p, e) || !locks_ask(ctx, c, p, &ask, e))
		return err_wrap(e, "%s", p->name);
	if (strcmp(p->name, "deadlock") == 0) {
		if (locks_fetch_deadlock(ctx, c, p, arena, out, e))
			return true;
		hint_grant(p, e);
		return err_wrap(e, "%s", p->name);
	}
	buf_reset(&c->sql);
	buf_printf(&c->sql, "/* %s */ ", c->tag);
	/* The first is :rows: one more than is kept tells that there are more. */
	memcpy(asked, values, p->nparams * sizeof(*asked));
	asked[0].i++;
	if (!probe_sql_inlined(p, asked, p->nparams, &c->sql, e))
		return err_wrap(e, "%s", p->name);
	locks_open(&ask, &c->sql);
	bool ok;
	if (ask.joins) {
		ok = locks_fetch_joined(ctx, c, p, &ask, arena, out, e);
	} else {
		f.builder = table_build(arena, p->columns, p->ncols, p->rows);
		ok = conn_query(ctx, c, &sink, NULL, e);
		*out = ok ? table_build_finish(f.builder) : NULL;
	}
	if (!ok) {
		c->lock_plugin = LOCK_PLUGIN_UNKNOWN; /* it may have gone meanwhile */
		hint_grant(p, e);
		return err_wrap(e, "%s", p->name);
	}
	note_waiters(ctx, c, p, *out);
	if (ask.ages)
		locks_add_ages(ctx, c, *out, arena);
	if (ask.locks && !locks_name_prepared(ctx, c, *out, arena, e))
		return err_wrap(e, "%s", p->name);
	return true;
}
