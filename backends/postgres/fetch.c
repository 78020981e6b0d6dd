/* A probe's answer into a table, row by row: what arrives is either in the sample's arena or gone. Columns
 * are matched by name at the first fetch on a connection, so that a file that lies about its columns fails
 * loudly. */
#include "backends/postgres/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

enum {
	NAMED_MAX = 1024, /* a cell with names put in */
	LISTS_MAX = 4096,
	SQL_LIMIT = 64 * 1024,
	INT8_OID = 20,
	TEXT_OID = 25,
};
static const char *const suffixes[] = {[PUT_NAMES] = "@names", [PUT_BYTES] = "@bytes"};

/* 1. What is known of a probe on this connection. */

static struct plan *plan_of(struct conn *c, const struct probe *p)
{
	for (size_t i = 0; i < c->nplans; i++) {
		if (c->plans[i].probe == p)
			return &c->plans[i];
	}
	struct buf sql;
	buf_init(&sql, SQL_LIMIT);
	probe_sql_numbered(p, &sql);
	c->plans = xreallocarray(c->plans, c->nplans + 1, sizeof(*c->plans));
	struct plan *plan = &c->plans[c->nplans++];
	size_t carried = p->carried == NULL ? 0 : p->carried->ncols;
	*plan = (struct plan){
	        .probe = p,
	        .sql = buf_steal(&sql),
	        .field = xcalloc(p->ncols, sizeof(int)),
	        .put = xcalloc(p->ncols, sizeof(enum put)),
	        .carried = {.field = xcalloc(carried + 1, sizeof(int)),
	                .put = xcalloc(carried + 1, sizeof(enum put))},
	};
	snprintf(plan->name, sizeof(plan->name), "dbatop_%zu", c->nplans);
	return plan;
}

void pg_plans_free(struct conn *c)
{
	for (size_t i = 0; i < c->nplans; i++) {
		free(c->plans[i].sql);
		free(c->plans[i].field);
		free(c->plans[i].put);
		free(c->plans[i].carried.field);
		free(c->plans[i].carried.put);
	}
	free(c->plans);
	c->plans = NULL;
	c->nplans = 0;
}

/* The length of a result column's name without its suffix; *put is what the suffix asks for. */
static size_t plain_length(const char *name, enum put *put)
{
	size_t n = strlen(name);
	*put = PUT_PLAIN;
	for (int i = PUT_NAMES; i <= PUT_BYTES; i++) {
		size_t m = strlen(suffixes[i]);
		if (n > m && strcmp(name + n - m, suffixes[i]) == 0) {
			*put = (enum put)i;
			return n - m;
		}
	}
	return n;
}

/* Where in the result, behind `prefix`, a declared column is; -1: nowhere. */
static int find_field(const PGresult *r, const char *prefix, const char *column, enum put *put)
{
	size_t skip = strlen(prefix);
	for (int field = 0; field < PQnfields(r); field++) {
		const char *name = PQfname(r, field);
		if (strncmp(name, prefix, skip) != 0)
			continue;
		size_t n = plain_length(name + skip, put);
		if (strlen(column) == n && strncmp(column, name + skip, n) == 0)
			return field;
	}
	return -1;
}

/* The places of all columns of p; false when one is missing. */
static bool find_fields(
        const PGresult *r, const char *prefix, const struct probe *p, int *fields, enum put *puts)
{
	for (size_t col = 0; col < p->ncols; col++) {
		fields[col] = find_field(r, prefix, p->columns[col].name, &puts[col]);
		if (fields[col] < 0)
			return false;
	}
	return true;
}

static bool complain(const struct fetching *f, const PGresult *r, struct err *e)
{
	struct buf lists;
	buf_init(&lists, LISTS_MAX);
	buf_puts(&lists, "declared:");
	for (size_t i = 0; i < f->probe->ncols; i++)
		buf_printf(&lists, " %s", f->probe->columns[i].name);
	buf_puts(&lists, "; the server sent:");
	for (int i = 0; i < PQnfields(r); i++)
		buf_printf(&lists, " %s", PQfname(r, i));
	log_write(f->c->env->log, LOG_ERROR, "%s: the columns differ; %s", f->probe->file, buf_str(&lists));
	err_set(e, ERR_PROTOCOL, "%s: the columns differ; %s", f->probe->file, buf_str(&lists));
	buf_free(&lists);
	return false;
}

static bool match(struct fetching *f, const PGresult *r, struct err *e)
{
	struct plan *plan = f->plan;
	const struct probe *carried = f->probe->carried;
	size_t n = f->probe->ncols;
	char prefix[NAMED_MAX] = "";
	if (plan->matched)
		return true;
	if (!find_fields(r, "", f->probe, plan->field, plan->put))
		return complain(f, r, e);
	if (carried != NULL) {
		snprintf(prefix, sizeof(prefix), "%s.", carried->name);
		if (!find_fields(r, prefix, carried, plan->carried.field, plan->carried.put))
			return complain(f, r, e);
		n += carried->ncols;
	}
	n += pg_kept_match(plan, r);
	if ((size_t)PQnfields(r) != n)
		return complain(f, r, e);
	plan->matched = true;
	return true;
}

/* 2. Sending. */

/* Once a connection. A deadline may have cut an earlier attempt that the server finished: then it is there.
 */
static bool prepare(struct fetching *f, struct err *e)
{
	struct plan *plan = f->plan;
	Oid types[PROBE_PARAMS_MAX];
	bool failed = false;
	if (plan->prepared)
		return true;
	for (size_t i = 0; i < f->probe->nparams; i++)
		types[i] = f->probe->params[i].type == PARAM_INT ? INT8_OID : TEXT_OID;
	if (!PQsendPrepare(f->c->pg, plan->name, plan->sql, (int)f->probe->nparams, types))
		return pg_fail_lost(f->c, f->probe->name, e);
	f->c->busy = true;
	if (!pg_flush(f->ctx, f->c, f->started, f->probe->name, e))
		return false;
	while (f->c->busy) {
		PGresult *r = NULL;
		if (!pg_next(f->ctx, f->c, f->started, f->probe->name, &r, e))
			return false;
		if (r != NULL && PQresultStatus(r) != PGRES_COMMAND_OK) {
			failed = true;
			pg_fail_result(f->c, r, f->probe->name, e);
		}
		PQclear(r);
	}
	plan->prepared = !failed || strcmp(e->sqlstate, "42P05") == 0; /* duplicate_prepared_statement */
	if (plan->prepared) {
		/* The server has it now: several kilobytes for each probe of each connection. */
		free(plan->sql);
		plan->sql = NULL;
	}
	return plan->prepared;
}

static bool send_probe(struct fetching *f, const struct probe_value *values, struct err *e)
{
	char numbers[PROBE_PARAMS_MAX][24];
	const char *text[PROBE_PARAMS_MAX];
	const struct probe *p = f->probe;
	for (size_t i = 0; i < p->nparams; i++) {
		enum param_type type = p->params[i].type;
		/* The first is :rows: one more than is kept tells that there are more. */
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, values[i].i + (i == 0));
		text[i] = type == PARAM_INT    ? numbers[i]
		          : type == PARAM_TEXT ? values[i].s
		                               : pg_kept_since(f);
	}
	if (!PQsendQueryPrepared(f->c->pg, f->plan->name, (int)p->nparams, text, NULL, NULL, 0))
		return pg_fail_lost(f->c, p->name, e);
	f->c->busy = true;
	if (!PQsetSingleRowMode(f->c->pg))
		return err_set(e, ERR_PROTOCOL, "%s: libpq refuses to read row by row", p->name);
	return pg_flush(f->ctx, f->c, f->started, p->name, e);
}

/* 3. Rows. */

/* encode(…, 'escape') backwards: \\ and \ooo. The result's own memory is written to: it only gets shorter. */
static size_t unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from != '\0';) {
		if (from[0] == '\\' && from[1] == '\\') {
			*to++ = '\\';
			from += 2;
		} else if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		           strspn(from + 1, "01234567") >= 3) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static bool take_cell(struct fetching *f, struct table_builder *builder, PGresult *r, size_t col, int field,
        enum put put, struct err *e)
{
	char named[NAMED_MAX];
	char *text = PQgetvalue(r, 0, field);
	size_t n = (size_t)PQgetlength(r, 0, field);
	if (PQgetisnull(r, 0, field))
		return table_build_set(builder, col, NULL, 0, e);
	if (put == PUT_NAMES) {
		n = pg_names_put(f->c, text, named, sizeof(named), &f->unnamed);
		text = named;
	} else if (put == PUT_BYTES) {
		n = unescape(text);
	}
	return table_build_set(builder, col, text, n, e);
}

/* The one row that stands for no session. */
static bool take_carried(struct fetching *f, PGresult *r, struct err *e)
{
	const struct probe *p = f->probe->carried;
	struct table_builder *builder = table_build(f->arena, p->columns, p->ncols, 1);
	table_build_row(builder);
	for (size_t col = 0; col < p->ncols; col++) {
		if (!take_cell(f, builder, r, col, f->plan->carried.field[col], f->plan->carried.put[col], e))
			return err_wrap(e, "%s", f->probe->file);
	}
	f->carried = table_build_finish(builder);
	return true;
}

static bool take_row(struct fetching *f, PGresult *r, struct err *e)
{
	if (pg_kept_row(f, r))
		return f->probe->carried == NULL || take_carried(f, r, e);
	if (f->full || table_build_row(f->builder) == NULL) {
		f->full = true;
		return true;
	}
	for (size_t col = 0; col < f->probe->ncols; col++) {
		if (!take_cell(f, f->builder, r, col, f->plan->field[col], f->plan->put[col], e))
			return err_wrap(e, "%s", f->probe->file);
	}
	pg_kept_stamp(f, r);
	return true;
}

static bool take_result(struct fetching *f, PGresult *r, struct err *e)
{
	switch (PQresultStatus(r)) {
	case PGRES_SINGLE_TUPLE:
		return match(f, r, e) && take_row(f, r, e);
	case PGRES_TUPLES_OK: /* the end; it tells the columns of an empty result, too */
		return match(f, r, e);
	case PGRES_FATAL_ERROR:
		return pg_fail_result(f->c, r, f->probe->name, e);
	default:
		return err_set(e, ERR_PROTOCOL, "%s: expected rows", f->probe->file);
	}
}

/* One question and its answer, as rows of f->builder. */
static bool ask(struct fetching *f, const struct probe_value *values, struct err *e)
{
	if (!prepare(f, e) || !send_probe(f, values, e))
		return false;
	while (f->c->busy) {
		PGresult *r = NULL;
		struct err lost;
		/* Rows that are always there already never wait: the deadline holds for them as well. */
		enum err_code code = ctx_done(f->ctx);
		if (code != ERR_NONE)
			return ctx_fail(f->ctx, code, f->started, f->probe->name, e);
		if (!pg_next(f->ctx, f->c, f->started, f->probe->name, &r, f->failed ? &lost : e))
			return false;
		if (r != NULL && !f->failed && !take_result(f, r, e))
			f->failed = true;
		PQclear(r);
	}
	return !f->failed;
}

/* What was left as {c16384} while the rows came: names are asked for once, when the connection is free. */
static bool name_cells(struct fetching *f, struct table *t, struct err *e)
{
	char named[NAMED_MAX];
	if (!pg_names_ask(f->ctx, f->c, e))
		return err_wrap(e, "%s", f->probe->name);
	for (size_t col = 0; col < t->ncols; col++) {
		for (size_t row = 0; f->plan->put[col] == PUT_NAMES && row < t->nrows; row++) {
			const char *text = table_text(t, row, (int)col);
			if (text == NULL || strchr(text, '{') == NULL)
				continue;
			size_t n = pg_names_put(f->c, text, named, sizeof(named), NULL);
			struct cell *cell = table_cell_edit(f->arena, t, row, col);
			cell->u.s = arena_strndup(f->arena, named, n);
			cell->n = (uint32_t)n;
		}
	}
	return true;
}

bool pg_fetch(const struct ctx *ctx, struct conn *c, const struct probe *p, const struct probe_value *values,
        struct arena *arena, struct table **out, struct err *e)
{
	struct err own;
	if (e == NULL)
		e = &own;
	*out = NULL;
	struct fetching f = {
	        .ctx = ctx, .c = c, .probe = p, .arena = arena, .started = clock_now(ctx->clock)};
	f.most = (size_t)values[0].i;
	enum err_code code = ctx_done(ctx);
	if (code != ERR_NONE)
		return ctx_fail(ctx, code, f.started, p->name, e);
	if (c->busy)
		return err_set(e, ERR_PROTOCOL, "%s: the connection is still in another answer", p->name);
	/* ADMIN loads them when a probe first needs one, and keeps them fresh from then on. */
	if ((p->lane != LANE_ADMIN || c->names.loaded != 0) && !pg_names_refresh(ctx, c, e))
		return err_wrap(e, "%s", p->name);

	f.plan = plan_of(c, p);
	pg_kept_begin(&f, values);
	for (;;) {
		f.builder = table_build(arena, p->columns, p->ncols, f.most);
		if (!ask(&f, values, e))
			return false;
		if (pg_kept_add(&f))
			break;
		/* Something was left out that is not known here: once more, whole. */
		f = (struct fetching){.ctx = ctx,
		        .c = c,
		        .probe = p,
		        .arena = arena,
		        .started = f.started,
		        .plan = f.plan,
		        .most = f.most};
	}
	struct table *t = table_build_finish(f.builder);
	if (f.unnamed && !name_cells(&f, t, e))
		return false;
	pg_kept_finish(&f, t);
	*out = t;
	return true;
}
