/* What one statement cannot say about locks. MariaDB: sections of a statement that are opened only where they
 * may be run (a plugin that need not be there; tables of InnoDB whose reading stops it when a queue is long).
 * Both: the names of prepared transactions, the last deadlock. */
#include "backends/mysql/locks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/innodb_text.h"

/* Reading InnoDB's tables took 3 ms with 150 waiters on one row, 100 ms with 400, 4 s with 900. */
enum {
	SAFE_VERSION = 80037, /* of MySQL: data_lock_waits may be read */
	ROW_WAITERS_MAX = 100,
	PULSE_KEEPS_MS = 1500,
	MONITOR_MAX = 2 * 1024 * 1024,
	XIDS_MAX = 8,
	GID_MAX = 600
};

/* 1. Sections of a statement: from a slash, a star, a name and an opening brace on. Closed, they are
 * comments. */

static void blank(char *at, size_t n)
{
	memset(at, ' ', n);
}

void locks_open_section(struct buf *sql, const char *name)
{
	char from[32], to[32];
	snprintf(from, sizeof from, "/*%s{", name);
	snprintf(to, sizeof to, "}%s*/", name);
	for (char *p = sql->data; p != NULL && (p = strstr(p, from)) != NULL;)
		blank(p, strlen(from));
	for (char *p = sql->data; p != NULL && (p = strstr(p, to)) != NULL;)
		blank(p, strlen(to));
}

/* How many wait for rows: the last pulse told it, or is asked now. */
static bool ask_row_waiters(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct answer a;
	mono_ns now = clock_now(ctx->clock);
	if (c->row_waiters_at != 0 && now - c->row_waiters_at < PULSE_KEEPS_MS * NS_PER_MS)
		return true;
	if (!conn_ask(ctx, c, &a, e,
	            "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "
	            "WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'"))
		return err_wrap(e, "cannot ask how many wait for rows");
	locks_note_waiters(c, a.rows == 1 && !a.null[0] ? strtoll(a.value[0], NULL, 10) : 0, now);
	return true;
}

void locks_note_waiters(struct conn *c, int64_t waiters, mono_ns now)
{
	c->row_waiters = waiters;
	c->row_waiters_at = now;
}

static bool ask_plugin(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct answer a;
	if (c->lock_plugin != LOCK_PLUGIN_UNKNOWN)
		return true;
	if (!conn_ask(ctx, c, &a, e,
	            "SELECT COUNT(*) FROM information_schema.PLUGINS "
	            "WHERE PLUGIN_NAME = 'METADATA_LOCK_INFO' AND PLUGIN_STATUS = 'ACTIVE'"))
		return err_wrap(e, "cannot ask for the plugin metadata_lock_info");
	c->lock_plugin = strcmp(a.value[0], "1") == 0 ? LOCK_PLUGIN_ACTIVE : LOCK_PLUGIN_ABSENT;
	return true;
}

bool locks_ask(
        const struct ctx *ctx, struct conn *c, const struct probe *p, struct locks_ask *out, struct err *e)
{
	*out = (struct locks_ask){.locks = strncmp(p->name, "locks", 5) == 0};
	if (!conn_is_mariadb(c)) {
		bool waits = strstr(p->sql, "/*waits{") != NULL;
		out->waits = waits && (c->info.server.version >= SAFE_VERSION || c->lane == LANE_ADMIN);
		out->early = waits && !out->waits;
		return true;
	}
	bool rows = strstr(p->sql, "/*rows{") != NULL, plugin = strstr(p->sql, "/*plugin{") != NULL;
	if ((rows && !ask_row_waiters(ctx, c, e)) || (plugin && !ask_plugin(ctx, c, e)))
		return false;
	out->rows = rows && c->row_waiters <= ROW_WAITERS_MAX;
	out->joins = out->locks;
	out->text = out->locks && !out->rows;
	out->ages = rows && !out->rows && strcmp(p->name, "sessions") == 0;
	out->plugin = plugin && c->lock_plugin == LOCK_PLUGIN_ACTIVE;
	return true;
}

void locks_open(const struct locks_ask *ask, struct buf *sql)
{
	if (ask->waits)
		locks_open_section(sql, "waits");
	if (ask->early)
		locks_open_section(sql, "early");
	if (ask->rows)
		locks_open_section(sql, "rows");
	if (ask->plugin)
		locks_open_section(sql, "plugin");
}

/* 2. The monitor's text. */

static bool keep_text(
        void *arg, const char *const *values, const unsigned long *lengths, unsigned n, struct err *e)
{
	struct buf *text = arg;
	(void)e;
	if (n >= 3 && values[2] != NULL)
		buf_put(text, values[2], lengths[2]);
	return true;
}

bool locks_ask_monitor(const struct ctx *ctx, struct conn *c, struct buf *text, struct err *e)
{
	struct io_sink sink = {.row = keep_text, .arg = text};
	buf_init(text, MONITOR_MAX);
	buf_reset(&c->sql);
	buf_puts(&c->sql, "SHOW ENGINE INNODB STATUS");
	return conn_query(ctx, c, &sink, NULL, e);
}

struct entry {
	const struct probe *probe;
	struct table_builder *builder;
	bool full;
};

static void put(struct entry *r, const char *column, const char *text)
{
	struct err e;
	for (size_t i = 0; i < r->probe->ncols && !r->full; i++) {
		if (strcmp(r->probe->columns[i].name, column) == 0)
			(void)table_build_set(r->builder, i, text, strlen(text), &e);
	}
}

static void put_number(struct entry *r, const char *column, int64_t n)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, n);
	put(r, column, text);
}

/* 3. Names of prepared transactions without a session: which one holds a lock is known when there is one. */

struct xids {
	unsigned n;
	struct buf text; /* of the first: 'gtrid','bqual',format as XA ROLLBACK takes it */
};

static void put_xid_part(struct buf *b, const char *s, size_t n)
{
	bool plain = true;
	for (size_t i = 0; i < n; i++)
		plain = plain && s[i] >= ' ' && s[i] <= '~' && s[i] != '\'' && s[i] != '\\';
	if (plain) {
		buf_printf(b, "'%.*s'", (int)n, s);
		return;
	}
	buf_puts(b, "X'");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%02X", (unsigned char)s[i]);
	buf_putc(b, '\'');
}

static bool take_xid(
        void *arg, const char *const *values, const unsigned long *lengths, unsigned n, struct err *e)
{
	struct xids *x = arg;
	(void)e;
	if (n < 4 || values[0] == NULL || values[1] == NULL || values[2] == NULL || values[3] == NULL)
		return true;
	size_t gtrid = strtoul(values[1], NULL, 10), bqual = strtoul(values[2], NULL, 10);
	if (gtrid + bqual > lengths[3] || x->n++ > 0)
		return true;
	put_xid_part(&x->text, values[3], gtrid);
	if (bqual > 0 || strcmp(values[0], "1") != 0) {
		buf_putc(&x->text, ',');
		put_xid_part(&x->text, values[3] + gtrid, bqual);
		buf_printf(&x->text, ",%s", values[0]);
	}
	return true;
}

bool locks_name_prepared(
        const struct ctx *ctx, struct conn *c, struct table *t, struct arena *arena, struct err *e)
{
	int id = table_column(t, "id"), gid = table_column(t, "gid");
	bool asked = false;
	const char *name = NULL;
	for (size_t row = 0; id >= 0 && gid >= 0 && row < t->nrows; row++) {
		int64_t n;
		if (!table_int(t, row, id, &n) || n != 0 || table_cell(t, row, gid)->type != CELL_NULL)
			continue;
		if (!asked) {
			struct xids x = {0};
			struct io_sink sink = {.row = take_xid, .arg = &x};
			buf_init(&x.text, GID_MAX);
			buf_reset(&c->sql);
			buf_puts(&c->sql, "XA RECOVER");
			bool ok = conn_query(ctx, c, &sink, NULL, e);
			if (ok && x.n == 1)
				name = arena_strdup(arena, buf_str(&x.text));
			buf_free(&x.text);
			/* Without the privilege there is no name; anything else ends the fetch. */
			if (!ok && e->code != ERR_DENIED && e->code != ERR_SERVER)
				return false;
			asked = true;
		}
		if (name == NULL)
			return true;
		*table_cell_edit(arena, t, row, (size_t)gid) =
		        (struct cell){.type = CELL_TEXT, .u.s = name, .n = (uint32_t)strlen(name)};
	}
	return true;
}

/* 4. The last deadlock, one row a transaction. */

bool locks_fetch_deadlock(const struct ctx *ctx, struct conn *c, const struct probe *p, struct arena *arena,
        struct table **out, struct err *e)
{
	struct entry r = {.probe = p, .builder = table_build(arena, p->columns, p->ncols, p->rows)};
	struct innodb_deadlock_text d;
	struct buf text;
	bool ok = locks_ask_monitor(ctx, c, &text, e);
	if (ok && innodb_text_deadlock(buf_str(&text), text.len, &d)) {
		for (unsigned i = 0; i < d.n; i++) {
			struct err ignored;
			r.full = table_build_row(r.builder) == NULL;
			put_number(&r, "nr", i + 1);
			put(&r, "at", d.at);
			if (d.age_ms >= 0)
				put_number(&r, "age_ms", d.age_ms);
			if (d.trx[i].id != 0)
				put_number(&r, "id", d.trx[i].id);
			if (d.victim != 0)
				put(&r, "victim", d.victim == i + 1 ? "1" : "0");
			if (d.trx[i].lock.object[0] != '\0')
				put(&r, "object", d.trx[i].lock.object);
			if (d.trx[i].lock.mode[0] != '\0')
				put(&r, "mode", d.trx[i].lock.mode);
			for (size_t k = 0; k < p->ncols && d.trx[i].query_n > 0 && !r.full; k++) {
				if (strcmp(p->columns[k].name, "query") == 0)
					(void)table_build_set(
					        r.builder, k, d.trx[i].query, d.trx[i].query_n, &ignored);
			}
		}
	}
	buf_free(&text);
	if (ok)
		*out = table_build_finish(r.builder);
	return ok;
}
