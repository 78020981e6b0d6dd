/* Queues of InnoDB's rows on MariaDB. Its lists have the locks that are waited for or with, so what does not
 * wait is held. Transactions that have not written all have the number 0: a holder of that number is any of
 * them with row locks, and likely if there are several. */
#include "backends/mysql/locks_maria.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/innodb_text.h"
#include "core/base/buf.h"

enum { BLOCKERS_MAX = 64 * 1024 };

/* Somebody who waits for a record. */
struct waiter {
	const struct maria_row *trx, *lock; /* lock NULL: not listed */
	const struct maria_row *pairs;      /* NULL: nobody is in its way, or not listed */
	const char *record, *number;        /* of the lock; of the transaction */
	int64_t us;                         /* its statement's age, -1 */
};

/* The waiters of one record, in order. */
struct record {
	const struct waiter *first;
	size_t n;
	size_t unwritten;    /* place of the first one without a number, n: none */
	bool holder_without; /* a transaction without a number holds it */
	size_t candidates;   /* how many may be that one */
	const char *queue;
	size_t begin; /* of the entries of its holders */
};

static bool is_unwritten(const char *number)
{
	return strcmp(number, "0") == 0;
}

static const struct maria_row *find(const struct maria_rows *r, const char *name)
{
	for (size_t lo = 0, hi = r->n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(r->row[mid].name != NULL ? r->row[mid].name : "", name);
		if (order == 0)
			return &r->row[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static const struct maria_row *lock_of(const struct maria_look *l, const char *number, const char *record)
{
	char name[160];
	snprintf(name, sizeof name, "%s:%s", number, record);
	return find(&l->from[MARIA_LOCK], name);
}

/* By record; then who came first: by the second, then by the age of the statement. */
static int in_order(const void *a, const void *b)
{
	const struct waiter *x = a, *y = b;
	int order = strcmp(x->record, y->record);
	if (order != 0)
		return order;
	if (x->trx->us != y->trx->us)
		return x->trx->us > y->trx->us ? -1 : 1;
	if (x->us != y->us)
		return x->us > y->us ? -1 : 1;
	return (x->trx->id > y->trx->id) - (x->trx->id < y->trx->id);
}

static size_t list_waiters(struct maria_look *l, struct waiter **out)
{
	const struct maria_rows *trx = &l->from[MARIA_TRANSACTION], *pairs = &l->from[MARIA_PAIRS];
	struct waiter *w = arena_alloc(l->arena, (trx->n + 1) * sizeof(*w));
	size_t n = 0;
	for (size_t i = 0; i < trx->n; i++) {
		const struct maria_row *x = &trx->row[i];
		const char *colon = x->name != NULL ? strchr(x->name, ':') : NULL;
		if (colon == NULL || x->other == NULL)
			continue;
		const struct maria_row *s = maria_session(l, x->id);
		w[n] = (struct waiter){.trx = x,
		        .lock = find(&l->from[MARIA_LOCK], x->name),
		        .record = colon + 1,
		        .number = x->other,
		        .us = s != NULL ? s->us : -1};
		for (size_t k = 0; k < pairs->n && w[n].pairs == NULL; k++) {
			if (pairs->row[k].name != NULL && strcmp(pairs->row[k].name, x->name) == 0)
				w[n].pairs = &pairs->row[k];
		}
		n++;
	}
	if (n > 1)
		qsort(w, n, sizeof(*w), in_order);
	*out = w;
	return n;
}

static const char *kind_of(const struct maria_row *lock)
{
	return lock != NULL && lock->kind != NULL && strcmp(lock->kind, "TABLE") == 0 ? "table" : "row";
}

/* Is this transaction in the way of w? */
static bool lists(const struct waiter *w, const char *number)
{
	size_t n = strlen(number);
	for (const char *at = w->pairs != NULL ? w->pairs->other : NULL; at != NULL; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strncmp(at, number, n) == 0 && (at[n] == ' ' || at[n] == '\0'))
			return true;
	}
	return false;
}

/* A statement that is older may have come to the record later. Who has a number of its own tells who is
 * before it; those without share one list. */
static void arrange(struct waiter *w, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct waiter late = w[i];
		size_t k = 0;
		while (k < i && (is_unwritten(w[k].number) || is_unwritten(late.number) ||
		                        !lists(&w[k], late.number)))
			k++;
		memmove(&w[k + 1], &w[k], (i - k) * sizeof(*w));
		w[k] = late;
	}
}

static bool waits_here(const struct record *r, int64_t id)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->first[i].trx->id == id)
			return true;
	}
	return false;
}

/* A transaction without a number that may hold the record. */
static bool may_be_unwritten(const struct record *r, const struct maria_row *x)
{
	return x->other != NULL && is_unwritten(x->other) && x->n > 0 && !waits_here(r, x->id);
}

static void add_holder(
        struct maria_look *l, const struct record *r, const char *number, int64_t id, bool likely)
{
	for (size_t i = r->begin; i < l->n; i++) {
		if (l->entry[i].id == id && l->entry[i].held)
			return;
	}
	const struct maria_row *lock = lock_of(l, number, r->first->record);
	struct maria_entry *e = maria_entry_add(l);
	e->queue = r->queue;
	e->kind = kind_of(lock);
	e->mode = lock != NULL ? lock->mode : NULL;
	e->id = id;
	e->held = true;
	e->likely = likely;
}

/* One number in a waiter's list: who that is. */
static void add_blocker(
        struct maria_look *l, const struct record *r, size_t place, const char *number, struct buf *ids)
{
	const struct maria_rows *trx = &l->from[MARIA_TRANSACTION];
	bool unwritten = is_unwritten(number);
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->first[i].number, number) != 0)
			continue;
		if (i < place || !(unwritten || is_unwritten(r->first[place].number)))
			buf_printf(ids, " %lld", (long long)r->first[i].trx->id);
		if (!unwritten)
			return;
	}
	for (size_t i = 0; i < trx->n; i++) {
		const struct maria_row *x = &trx->row[i];
		if (unwritten ? !r->holder_without || !may_be_unwritten(r, x)
		              : x->other == NULL || strcmp(x->other, number) != 0)
			continue;
		buf_printf(ids, " %lld", (long long)x->id);
		add_holder(l, r, number, x->id, unwritten && r->candidates > 1);
	}
}

static const char *blockers_of(struct maria_look *l, const struct record *r, size_t place)
{
	const struct maria_row *pairs = r->first[place].pairs;
	struct buf ids;
	char number[32];
	buf_init(&ids, BLOCKERS_MAX);
	for (const char *at = pairs != NULL ? pairs->other : NULL; at != NULL && *at != '\0';) {
		size_t n = strcspn(at, " ");
		snprintf(number, sizeof number, "%.*s", (int)n, at);
		add_blocker(l, r, place, number, &ids);
		at += n + (at[n] == ' ');
	}
	const char *out = ids.len > 0 ? arena_strdup(l->arena, buf_str(&ids) + 1) : NULL;
	buf_free(&ids);
	return out;
}

/* MariaDB says X,GAP of one that wants to insert. */
static const char *mode_of(const struct maria_row *lock)
{
	size_t n = lock != NULL && lock->mode != NULL ? strlen(lock->mode) : 0;
	if (n > 4 && strcmp(lock->mode + n - 4, ",GAP") == 0)
		return "X,GAP,INSERT_INTENTION";
	return lock != NULL ? lock->mode : NULL;
}

static void add_record(struct maria_look *l, struct record *r)
{
	const struct maria_rows *trx = &l->from[MARIA_TRANSACTION];
	r->queue = arena_printf(l->arena, "row/%s", r->first->record);
	r->begin = l->n;
	r->unwritten = r->n;
	for (size_t i = r->n; i-- > 0;)
		r->unwritten = is_unwritten(r->first[i].number) ? i : r->unwritten;
	/* Before the first of those waits, another one can only hold. */
	for (size_t i = 0; i < r->n && (i < r->unwritten); i++)
		r->holder_without = r->holder_without || lists(&r->first[i], "0");
	for (size_t i = 0; i < trx->n; i++)
		r->candidates += may_be_unwritten(r, &trx->row[i]);
	for (size_t i = 0; i < r->n; i++) {
		const struct waiter *w = &r->first[i];
		const char *blockers = blockers_of(l, r, i);
		struct maria_entry *e = maria_entry_add(l);
		e->queue = r->queue;
		e->kind = kind_of(w->lock);
		e->object = w->lock != NULL ? w->lock->other : NULL;
		e->mode = mode_of(w->lock);
		e->blockers = blockers;
		e->id = w->trx->id;
		e->place = (int64_t)i + 1;
		int64_t most = w->trx->us + 999999;
		int64_t us = w->trx->us < 0 ? w->us : w->us < 0 ? w->trx->us : w->us < most ? w->us : most;
		e->waiting_ms = us >= 0 ? us / 1000 : -1;
	}
}

void maria_add_rows(struct maria_look *l)
{
	struct waiter *w;
	size_t n = list_waiters(l, &w);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && strcmp(w[end].record, w[i].record) == 0; end++)
			continue;
		arrange(&w[i], end - i);
		struct record r = {.first = &w[i], .n = end - i};
		add_record(l, &r);
	}
}

/* The monitor's text, in place of those lists. */

static int by_record(const void *a, const void *b)
{
	const struct innodb_trx_text *x = a, *y = b;
	int order = strcmp(x->lock.record, y->lock.record);
	if (order != 0)
		return order;
	return x->waiting_us < y->waiting_us ? 1 : x->waiting_us > y->waiting_us ? -1 : 0;
}

/* Who may hold what the longest waiter of a queue waits for: was active before that one began to wait, and
 * has more row locks than the one it waits for. Is there one only, it is the holder. */
static bool may_hold(const struct innodb_trx_text *t, const struct innodb_trx_text *longest)
{
	if (t->waits && (t->row_locks < 2 || strcmp(t->lock.record, longest->lock.record) == 0))
		return false;
	return t->row_locks > 0 && (t->active_s + 1) * 1000000 >= longest->waiting_us;
}

static void add_text_holders(struct maria_look *l, const char *queue, const struct innodb_trx_text *all,
        size_t n, const struct innodb_trx_text *longest, bool unsure)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		found += may_hold(&all[i], longest);
	for (size_t i = 0; i < n || (i == 0 && found == 0); i++) {
		if (found > 0 && !may_hold(&all[i], longest))
			continue;
		struct maria_entry *e = maria_entry_add(l);
		e->queue = queue;
		e->kind = longest->lock.table ? "table" : "row";
		e->id = found > 0 ? all[i].id : -1;
		e->held = true;
		e->likely = found > 0 && (found > 1 || unsure);
		if (found == 0)
			return;
	}
}

static void add_text_queues(struct maria_look *l, struct innodb_trx_text *all, size_t n, bool unsure)
{
	const struct innodb_trx_text *first = NULL;
	const char *queue = NULL;
	int64_t place = 0;
	size_t waiters = 0, queues = 0;
	for (size_t i = 0; i < n; i++) {
		if (!all[i].waits || all[i].lock.record[0] == '\0')
			continue;
		if (first == NULL || strcmp(first->lock.record, all[i].lock.record) != 0) {
			first = &all[i];
			place = 0;
			queues++;
			queue = arena_printf(l->arena, "row/%s", first->lock.record);
			add_text_holders(l, queue, all, n, first, unsure);
		}
		waiters++;
		struct maria_entry *e = maria_entry_add(l);
		e->queue = queue;
		e->kind = all[i].lock.table ? "table" : "row";
		e->object = all[i].lock.object;
		e->mode = all[i].lock.mode;
		e->id = all[i].id;
		e->place = ++place;
		e->waiting_ms = all[i].waiting_us / 1000;
	}
	struct maria_entry *e = maria_entry_add(l);
	e->queue = "note:monitor";
	e->kind = "note";
	e->held = true;
	e->mode = "grouped";
	e->object = arena_printf(l->arena, "grouped: %zu row waiters in %zu queues, from InnoDB's monitor%s",
	        waiters, queues, unsure ? ", which left some out" : "");
}

void maria_add_text(struct maria_look *l, const char *text, size_t size)
{
	struct innodb_text t;
	size_t n = 0, room = 256;
	if (!innodb_text_open(&t, text, size))
		return;
	struct innodb_trx_text *all = arena_alloc(l->arena, room * sizeof(*all));
	while (innodb_text_next(&t, &all[n])) {
		*maria_row_add(l, MARIA_TRANSACTION) = (struct maria_row){.id = all[n].id,
		        .us = all[n].active_s * 1000000,
		        .n = all[n].row_locks,
		        .flag = all[n].waits};
		if (++n == room) {
			all = arena_resize(l->arena, all, room * sizeof(*all), 2 * room * sizeof(*all));
			room *= 2;
		}
	}
	if (n > 1)
		qsort(all, n, sizeof(*all), by_record);
	add_text_queues(l, all, n, t.truncated);
}
