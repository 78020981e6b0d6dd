/* Locks of MariaDB. Its server fills a table of information_schema anew for each time a statement names it,
 * and has no index on any: so a statement only reads each of them once, and they are joined here. */
#include "backends/mysql/locks_maria.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/locks.h"
#include "core/base/mem.h"

enum { COLUMNS = 11, KEPT_MS = 1500 };

static const char *const sources[MARIA_SOURCES] = {
        [MARIA_SESSION] = "session",
        [MARIA_TRANSACTION] = "transaction",
        [MARIA_LOCK] = "lock",
        [MARIA_PAIRS] = "pairs",
        [MARIA_GRANTED] = "granted",
};

/* 1. Reading. */

struct maria_row *maria_row_add(struct maria_look *l, enum maria_source source)
{
	struct maria_rows *r = &l->from[source];
	if (r->n == r->room) {
		size_t room = r->room * 2 + 64;
		r->row = arena_resize(l->arena, r->row, r->room * sizeof(*r->row), room * sizeof(*r->row));
		r->room = room;
	}
	return &r->row[r->n++];
}

static int64_t number(const char *text)
{
	return text != NULL ? strtoll(text, NULL, 10) : -1;
}

static bool is_column(const char *const *names, unsigned n, unsigned at, const char *name)
{
	return at < n && strcmp(names[at], name) == 0;
}

static bool match(void *arg, const char *const *names, unsigned n, struct err *e)
{
	static const char *const expected[COLUMNS] = {
	        "source", "id", "kind", "name", "mode", "other", "us", "n", "holder", "flag", "info"};
	(void)arg;
	for (unsigned i = 0; i < COLUMNS; i++) {
		if (n != COLUMNS || !is_column(names, n, i, expected[i]))
			return err_set(e, ERR_PROTOCOL, "the statement for locks has no column '%s' at %u",
			        expected[i], i + 1);
	}
	return true;
}

static const char *keep(struct maria_look *l, const char *text, unsigned long n)
{
	return text != NULL ? arena_strndup(l->arena, text, n) : NULL;
}

static bool take(
        void *arg, const char *const *values, const unsigned long *lengths, unsigned n, struct err *e)
{
	struct maria_look *l = arg;
	(void)e;
	(void)n;
	l->read++;
	for (unsigned s = 0; s < MARIA_SOURCES && values[0] != NULL; s++) {
		if (strcmp(values[0], sources[s]) != 0)
			continue;
		*maria_row_add(l, (enum maria_source)s) = (struct maria_row){.id = number(values[1]),
		        .kind = keep(l, values[2], lengths[2]),
		        .name = keep(l, values[3], lengths[3]),
		        .mode = keep(l, values[4], lengths[4]),
		        .other = keep(l, values[5], lengths[5]),
		        .us = number(values[6]),
		        .n = number(values[7]),
		        .holder = number(values[8]),
		        .flag = number(values[9]) == 1,
		        .info = keep(l, values[10], lengths[10])};
	}
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct maria_row *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

static int by_name(const void *a, const void *b)
{
	const struct maria_row *x = a, *y = b;
	return strcmp(x->name != NULL ? x->name : "", y->name != NULL ? y->name : "");
}

static void sort(struct maria_rows *r, int (*order)(const void *, const void *))
{
	if (r->n > 1)
		qsort(r->row, r->n, sizeof(*r->row), order);
}

const struct maria_row *maria_session(const struct maria_look *l, int64_t id)
{
	const struct maria_rows *r = &l->from[MARIA_SESSION];
	const struct maria_row key = {.id = id};
	return r->n > 0 ? bsearch(&key, r->row, r->n, sizeof(key), by_id) : NULL;
}

/* 2. What comes of it. */

struct maria_entry *maria_entry_add(struct maria_look *l)
{
	if (l->n == l->room) {
		size_t room = l->room * 2 + 64;
		l->entry = arena_resize(
		        l->arena, l->entry, l->room * sizeof(*l->entry), room * sizeof(*l->entry));
		l->room = room;
	}
	l->entry[l->n] = (struct maria_entry){.place = -1, .waiting_ms = -1};
	return &l->entry[l->n++];
}

/* What a limit cuts off is the youngest waiters, never a holder. */
static int by_weight(const void *a, const void *b)
{
	const struct maria_entry *x = a, *y = b;
	if (x->held != y->held)
		return x->held ? -1 : 1;
	if (x->waiting_ms != y->waiting_ms)
		return x->waiting_ms > y->waiting_ms ? -1 : 1;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static bool set(
        struct table_builder *b, const struct probe *p, const char *column, const char *text, struct err *e)
{
	for (size_t i = 0; i < p->ncols && text != NULL; i++) {
		if (strcmp(p->columns[i].name, column) == 0 && !table_build_set(b, i, text, strlen(text), e))
			return err_wrap(e, "%s", p->file);
	}
	return true;
}

static bool set_number(
        struct table_builder *b, const struct probe *p, const char *column, int64_t n, struct err *e)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, n);
	return set(b, p, column, text, e);
}

static bool write_entry(
        struct table_builder *b, const struct probe *p, const struct maria_entry *x, struct err *e)
{
	bool note = strcmp(x->kind, "note") == 0;
	return set(b, p, "queue", x->queue, e) && set(b, p, "kind", x->kind, e) &&
	       set(b, p, "object", x->object, e) && (note || set_number(b, p, "id", x->id, e)) &&
	       set(b, p, "held", x->held ? "1" : "0", e) && set(b, p, "mode", x->mode, e) &&
	       (x->place < 0 || set_number(b, p, "place", x->place, e)) &&
	       (x->waiting_ms < 0 || set_number(b, p, "waiting_ms", x->waiting_ms, e)) &&
	       set(b, p, "blockers", x->blockers, e) && set(b, p, "likely", x->likely ? "1" : NULL, e);
}

/* 3. The monitor's text. What it tells of transactions is kept for a moment: `sessions` has it from there,
 * and does not wait for the monitor by itself, as it has to answer when InnoDB does not. */

static void keep_transactions(const struct ctx *ctx, struct conn *c, const struct maria_rows *r)
{
	c->transactions = xreallocarray(c->transactions, r->n + 1, sizeof(*c->transactions));
	c->ntransactions = r->n;
	c->transactions_at = clock_now(ctx->clock);
	for (size_t i = 0; i < r->n; i++)
		c->transactions[i] = (struct conn_transaction){.id = r->row[i].id,
		        .age_ms = r->row[i].us / 1000,
		        .rows_locked = r->row[i].n,
		        .waits = r->row[i].flag};
}

static bool read_monitor(const struct ctx *ctx, struct conn *c, struct maria_look *l, struct err *e)
{
	struct buf text;
	bool ok = locks_ask_monitor(ctx, c, &text, e);
	if (ok) {
		maria_add_text(l, buf_str(&text), text.len);
		sort(&l->from[MARIA_TRANSACTION], by_id);
		keep_transactions(ctx, c, &l->from[MARIA_TRANSACTION]);
	}
	buf_free(&text);
	return ok;
}

static const struct conn_transaction *transaction_of(const struct conn *c, int64_t id)
{
	for (size_t lo = 0, hi = c->ntransactions; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->transactions[mid].id == id)
			return &c->transactions[mid];
		if (c->transactions[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void put_int(struct arena *arena, struct table *t, size_t row, const char *column, int64_t n)
{
	int col = table_column(t, column);
	if (col >= 0)
		*table_cell_edit(arena, t, row, (size_t)col) = (struct cell){.type = CELL_INT, .u.i = n};
}

static void put_text(struct arena *arena, struct table *t, size_t row, const char *column, const char *text)
{
	int col = table_column(t, column);
	if (col >= 0)
		*table_cell_edit(arena, t, row, (size_t)col) =
		        (struct cell){.type = CELL_TEXT, .u.s = text, .n = (uint32_t)strlen(text)};
}

void locks_add_ages(const struct ctx *ctx, struct conn *c, struct table *t, struct arena *arena)
{
	int64_t late = (clock_now(ctx->clock) - c->transactions_at) / NS_PER_MS;
	if (c->transactions == NULL || late > KEPT_MS)
		return;
	int id = table_column(t, "id"), state = table_column(t, "state");
	for (size_t row = 0; row < t->nrows; row++) {
		int64_t n;
		const struct conn_transaction *x = table_int(t, row, id, &n) ? transaction_of(c, n) : NULL;
		if (x == NULL)
			continue;
		const char *is = table_text(t, row, state);
		put_int(arena, t, row, "xact_ms", x->age_ms + late);
		put_int(arena, t, row, "rows_locked", x->rows_locked);
		if (is != NULL && strcmp(is, "idle") == 0)
			put_text(arena, t, row, "state", "idle in transaction");
		else if (x->waits) {
			put_text(arena, t, row, "wait_type", "Lock");
			put_text(arena, t, row, "wait", "row lock");
		}
	}
}

bool locks_fetch_joined(const struct ctx *ctx, struct conn *c, const struct probe *p,
        const struct locks_ask *ask, struct arena *arena, struct table **out, struct err *e)
{
	struct maria_look l = {.arena = arena_new(), .plugin = ask->plugin};
	struct io_sink sink = {.columns = match, .row = take, .arg = &l};
	bool ok = conn_query(ctx, c, &sink, NULL, e);
	sort(&l.from[MARIA_SESSION], by_id);
	sort(&l.from[MARIA_LOCK], by_name);
	if (ok && ask->text)
		ok = read_monitor(ctx, c, &l, e);
	if (ok) {
		sort(&l.from[MARIA_TRANSACTION], by_id);
		if (!ask->text)
			maria_add_rows(&l);
		maria_add_metadata(&l);
		if (l.n > 1)
			qsort(l.entry, l.n, sizeof(*l.entry), by_weight);
		struct table_builder *b = table_build(arena, p->columns, p->ncols, p->rows);
		for (size_t i = 0; ok && i < l.n && table_build_row(b) != NULL; i++)
			ok = write_entry(b, p, &l.entry[i], e);
		*out = ok ? table_build_finish(b) : NULL;
		/* One row more than is kept was asked for: what is missing may have been a holder. */
		if (ok && l.read > p->rows)
			(*out)->truncated = true;
	}
	arena_free(l.arena);
	return ok;
}
