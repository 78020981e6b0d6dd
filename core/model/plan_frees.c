/* Who goes on when a session's statement or connection ends. "Frees 9" has two meanings, and mixing them up
 * ends sessions for nothing: those whose only blocker this is go on now; the rest gets its turn later, behind
 * whoever takes the lock next. */
#include "core/model/plan_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { UNKNOWN = -1 };

struct edge {
	int64_t waiter, blocker, waiting_ms;
	const char *kind, *object;
};

struct waiter {
	int64_t id;
	size_t first, n; /* its edges */
	bool freed;      /* sooner or later */
	bool now;
};

struct scene {
	struct edge *edges;
	size_t nedges;
	struct waiter *waiters;
	size_t nwaiters;
};

static int by_id(const void *a, const void *b)
{
	const struct waiter *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

static struct waiter *find(const struct scene *s, int64_t id)
{
	struct waiter key = {.id = id};
	return s->nwaiters == 0 ? NULL : bsearch(&key, s->waiters, s->nwaiters, sizeof(*s->waiters), by_id);
}

static int by_waiter(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;
	if (x->waiter != y->waiter)
		return x->waiter > y->waiter ? 1 : -1;
	return (x->blocker > y->blocker) - (x->blocker < y->blocker);
}

static void read_edges(const struct table *t, struct scene *s)
{
	int waiter = table_column(t, "waiter"), blocker = table_column(t, "blocker");
	int ms = table_column(t, "waiting_ms"), kind = table_column(t, "kind");
	int object = table_column(t, "object");
	s->edges = xcalloc(t->nrows + 1, sizeof(*s->edges));
	s->waiters = xcalloc(t->nrows + 1, sizeof(*s->waiters));
	for (size_t row = 0; row < t->nrows; row++) {
		struct edge e = {.waiting_ms = -1, .blocker = -1};
		if (!table_int(t, row, waiter, &e.waiter))
			continue;
		table_int(t, row, blocker, &e.blocker);
		if (e.blocker == e.waiter)
			continue;
		table_int(t, row, ms, &e.waiting_ms);
		e.kind = table_text(t, row, kind);
		e.object = table_text(t, row, object);
		s->edges[s->nedges++] = e;
	}
	qsort(s->edges, s->nedges, sizeof(*s->edges), by_waiter);
	for (size_t i = 0; i < s->nedges; i++) {
		if (i == 0 || s->edges[i - 1].waiter != s->edges[i].waiter)
			s->waiters[s->nwaiters++] = (struct waiter){.id = s->edges[i].waiter, .first = i};
		s->waiters[s->nwaiters - 1].n++;
	}
}

/* One round: whoever waits only for the target or for sessions that will be freed is freed too. True when
 * the round found somebody. */
static bool spread(const struct scene *s, int64_t target)
{
	bool more = false;
	for (size_t i = 0; i < s->nwaiters; i++) {
		struct waiter *w = &s->waiters[i];
		bool all = w->id != target && !w->freed;
		bool only_target = true;
		for (size_t k = w->first; all && k < w->first + w->n; k++) {
			if (s->edges[k].blocker == target)
				continue;
			const struct waiter *b = find(s, s->edges[k].blocker);
			all = b != NULL && b->freed;
			only_target = false;
		}
		if (!all)
			continue;
		w->freed = true;
		w->now = only_target;
		more = true;
	}
	return more;
}

static const struct edge *edge_to(const struct scene *s, int64_t waiter, int64_t blocker)
{
	const struct waiter *w = find(s, waiter);
	for (size_t i = 0; w != NULL && i < w->n; i++) {
		if (s->edges[w->first + i].blocker == blocker)
			return &s->edges[w->first + i];
	}
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool is_row(const struct edge *e)
{
	return e->kind != NULL && strcmp(e->kind, "row") == 0;
}

/* InnoDB names the holder for everybody in a row's queue, so the queue behind one record looks as if all were
 * freed at once: only the one that waits longest gets the row. */
static void keep_heads_of_rows(const struct scene *s, int64_t target)
{
	for (size_t i = 0; i < s->nwaiters; i++) {
		const struct edge *mine = edge_to(s, s->waiters[i].id, target);
		for (size_t k = 0; s->waiters[i].now && mine != NULL && is_row(mine) && k < s->nwaiters;
		        k++) {
			const struct edge *other =
			        k == i || !s->waiters[k].now ? NULL : edge_to(s, s->waiters[k].id, target);
			if (other != NULL && is_row(other) && same_text(other->object, mine->object) &&
			        (other->waiting_ms > mine->waiting_ms ||
			                (other->waiting_ms == mine->waiting_ms && k < i)))
				s->waiters[i].now = false;
		}
	}
}

/* Of those freed now the one that most others wait behind; else the one that waits longest. */
static int64_t who_takes_over(const struct scene *s, int64_t target)
{
	int64_t best = 0, best_ms = -1;
	size_t most = 0;
	for (size_t i = 0; i < s->nwaiters; i++) {
		const struct waiter *w = &s->waiters[i];
		if (!w->now)
			continue;
		size_t behind = 0;
		for (size_t k = 0; k < s->nedges; k++)
			behind += s->edges[k].blocker == w->id;
		const struct edge *e = edge_to(s, w->id, target);
		int64_t ms = e == NULL ? -1 : e->waiting_ms;
		if (best != 0 && (behind < most || (behind == most && ms <= best_ms)))
			continue;
		best = w->id;
		most = behind;
		best_ms = ms;
	}
	return best;
}

/* InnoDB: a cancel ends the statement and leaves the transaction with all its locks. Freed are those who
 * queue behind the statement's own request, and nobody who waits for what the transaction holds. */
static void keep_what_is_held(const struct scene *s, int64_t target)
{
	const struct waiter *w = find(s, target);
	const char *asked = w == NULL ? NULL : s->edges[w->first].object;
	for (size_t i = 0; i < s->nedges; i++) {
		if (s->edges[i].blocker == target && !same_text(s->edges[i].object, asked))
			s->edges[i].blocker = UNKNOWN;
	}
}

static bool blocks(const struct scene *s, int64_t id)
{
	for (size_t i = 0; i < s->nedges; i++) {
		if (s->edges[i].blocker == id)
			return true;
	}
	return false;
}

void plan_frees(const struct table *blockers, enum engine engine, enum action_kind kind, int64_t id,
        struct plan_effect *out)
{
	*out = (struct plan_effect){.now = 0};
	if (blockers == NULL)
		return;
	struct scene s = {.nedges = 0};
	read_edges(blockers, &s);
	bool unsure = false;
	if (engine != ENGINE_POSTGRES && kind == ACTION_CANCEL) {
		/* Whether the statement is all of its transaction is not known. */
		unsure = blocks(&s, id) && find(&s, id) == NULL;
		keep_what_is_held(&s, id);
	}
	while (spread(&s, id))
		;
	if (engine != ENGINE_POSTGRES)
		keep_heads_of_rows(&s, id);
	for (size_t i = 0; i < s.nwaiters; i++) {
		out->now += s.waiters[i].now;
		out->later += s.waiters[i].freed && !s.waiters[i].now;
	}
	out->behind = out->later > 0 ? who_takes_over(&s, id) : 0;
	out->behind_prepared = edge_to(&s, id, 0) != NULL;
	if (unsure)
		out->now = out->later = UNKNOWN;
	free(s.edges);
	free(s.waiters);
}
