/* Who waits for whom. A waiter may have several holders, holders wait themselves, servers report pairs a
 * moment apart from the sessions, and a deadlock is a circle until the server finds it: nothing here may
 * loop, grow without bound or name a holder that has gone. */
#include <stdlib.h>
#include <string.h>

#include "core/model/session_build.h"

/* Visits of edges while counting who stands behind whom: far above any real queue (a chain of 1,000 takes
 * half a million), so that a hostile graph costs milliseconds; counts are then "at least". */
enum { VISITS_MAX = 1 << 20 };

static int order_by_id(const void *a, const void *b, void *arg)
{
	const struct session *sessions = arg;
	uint32_t i = *(const uint32_t *)a;
	uint32_t j = *(const uint32_t *)b;
	if (sessions[i].id != sessions[j].id)
		return sessions[i].id < sessions[j].id ? -1 : 1;
	return i < j ? -1 : i > j;
}

void session_index(struct session_view *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v->by_id[i] = (uint32_t)i;
	if (n > 1)
		qsort_r(v->by_id, n, sizeof(*v->by_id), order_by_id, v->sessions);
}

uint32_t session_index_of(const struct session_view *v, size_t n, int64_t id)
{
	size_t low = 0;
	size_t high = n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->sessions[v->by_id[mid]].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && v->sessions[v->by_id[low]].id == id ? v->by_id[low] : SESSION_NONE;
}

/* 1. Edges. */

/* A holder that is not among the rows. */
static uint32_t add_extra(struct session_view *v, int64_t id)
{
	size_t i = v->n + v->extra++;
	v->sessions[i] = (struct session){
	        .id = id,
	        .started = "",
	        .row = SESSION_NONE,
	        .kind = id == 0 ? SESSION_PREPARED : SESSION_UNSEEN,
	        .guard = GUARD_ABSENT,
	        .xact_ms = -1,
	        .query_ms = -1,
	        .state_ms = -1,
	        .leader = SESSION_NONE,
	};
	return (uint32_t)i;
}

/* Workers wait and hold for their leader. */
static uint32_t speaker(const struct session_view *v, uint32_t i)
{
	return i != SESSION_NONE && v->sessions[i].leader != SESSION_NONE ? v->sessions[i].leader : i;
}

static bool can_wait(const struct session *s)
{
	return s->state != STATE_IDLE && s->state != STATE_IDLE_XACT && s->state != STATE_IDLE_ABORTED;
}

static uint32_t find_extra(const struct session_view *v, int64_t id)
{
	for (size_t i = v->n; i < v->n + v->extra; i++) {
		if (v->sessions[i].id == id)
			return (uint32_t)i;
	}
	return SESSION_NONE;
}

struct edge_columns {
	int waiter, blocker, waiting, kind, object;
};

static bool read_edge(struct session_view *v, const struct table *t, size_t row, const struct edge_columns *c,
        bool ended, struct session_edge *out)
{
	int64_t waiter;
	int64_t holder;
	if (!table_int(t, row, c->waiter, &waiter) || !table_int(t, row, c->blocker, &holder))
		return false;
	out->waiter = speaker(v, session_index_of(v, v->n, waiter));
	if (out->waiter == SESSION_NONE || !can_wait(&v->sessions[out->waiter]))
		return false;
	out->holder = holder > 0 ? speaker(v, session_index_of(v, v->n, holder)) : SESSION_NONE;
	if (out->holder == SESSION_NONE && holder > 0 && ended)
		return false;
	/* Few different ones in practice: prepared, unnamed, and those just begun. */
	if (out->holder == SESSION_NONE)
		out->holder = find_extra(v, holder);
	if (out->holder == SESSION_NONE)
		out->holder = add_extra(v, holder);
	if (out->holder == out->waiter)
		return false;
	if (!table_int(t, row, c->waiting, &out->waiting_ms))
		out->waiting_ms = -1;
	out->kind = table_text(t, row, c->kind);
	out->object = table_text(t, row, c->object);
	return true;
}

static int order_by_waiter(const void *a, const void *b)
{
	const struct session_edge *x = a;
	const struct session_edge *y = b;
	if (x->waiter != y->waiter)
		return x->waiter < y->waiter ? -1 : 1;
	return x->holder < y->holder ? -1 : x->holder > y->holder;
}

static int order_by_holder(const void *a, const void *b)
{
	const struct session_edge *x = a;
	const struct session_edge *y = b;
	if (x->holder != y->holder)
		return x->holder < y->holder ? -1 : 1;
	return x->waiter < y->waiter ? -1 : x->waiter > y->waiter;
}

/* The same pair twice (two locks, two workers) is one edge that waits as long as the longer. */
static void merge_edges(struct session_view *v)
{
	size_t to = 0;
	for (size_t i = 0; i < v->nedges; i++) {
		struct session_edge *e = &v->edges_by_waiter[i];
		struct session_edge *last = to > 0 ? &v->edges_by_waiter[to - 1] : NULL;
		if (last != NULL && order_by_waiter(last, e) == 0) {
			if (e->waiting_ms > last->waiting_ms)
				last->waiting_ms = e->waiting_ms;
			continue;
		}
		v->edges_by_waiter[to++] = *e;
	}
	v->nedges = to;
}

static void collect_edges(struct session_view *v, const struct table *t, bool ended, struct arena *arena)
{
	struct edge_columns c = {
	        .waiter = table_column(t, "waiter"),
	        .blocker = table_column(t, "blocker"),
	        .waiting = table_column(t, "waiting_ms"),
	        .kind = table_column(t, "kind"),
	        .object = table_column(t, "object"),
	};
	v->edges_by_waiter = arena_alloc(arena, t->nrows * sizeof(*v->edges_by_waiter));
	for (size_t row = 0; row < t->nrows; row++)
		v->nedges += read_edge(v, t, row, &c, ended, &v->edges_by_waiter[v->nedges]);
	if (v->nedges == 0)
		return;
	qsort(v->edges_by_waiter, v->nedges, sizeof(*v->edges_by_waiter), order_by_waiter);
	merge_edges(v);
	v->edges_by_holder = arena_alloc(arena, v->nedges * sizeof(*v->edges_by_holder));
	memcpy(v->edges_by_holder, v->edges_by_waiter, v->nedges * sizeof(*v->edges_by_holder));
	qsort(v->edges_by_holder, v->nedges, sizeof(*v->edges_by_holder), order_by_holder);
}

static void attach_edges(struct session_view *v)
{
	for (size_t i = v->nedges; i-- > 0;) {
		const struct session_edge *e = &v->edges_by_waiter[i];
		struct session *waiter = &v->sessions[e->waiter];
		waiter->edges = (uint32_t)i;
		waiter->nedges++;
		waiter->blocked = waiter->waiting = true;
		if (e->waiting_ms > waiter->waiting_ms)
			waiter->waiting_ms = e->waiting_ms;
		e = &v->edges_by_holder[i];
		v->sessions[e->holder].holds = (uint32_t)i;
		v->sessions[e->holder].nholds++;
		v->sessions[e->holder].blocks_now++;
	}
}

/* 2. Roots. */

/* The way up: to a holder that does not wait itself if there is one, then by id, so that it is the same one
 * in the next sample. */
static uint32_t choose_holder(const struct session_view *v, const struct session *s)
{
	uint32_t best = SESSION_NONE;
	for (size_t i = s->edges; i < (size_t)s->edges + s->nedges; i++) {
		uint32_t holder = v->edges_by_waiter[i].holder;
		const struct session *h = &v->sessions[holder];
		const struct session *b = best == SESSION_NONE ? NULL : &v->sessions[best];
		if (b == NULL || (b->blocked && !h->blocked) || (b->blocked == h->blocked && h->id < b->id))
			best = holder;
	}
	return best;
}

/* In a circle the one with the smallest id speaks for all. */
static uint32_t root_of_circle(const struct session_view *v, uint32_t start)
{
	uint32_t root = start;
	for (uint32_t at = v->sessions[start].blocked_by; at != start; at = v->sessions[at].blocked_by) {
		if (v->sessions[at].id < v->sessions[root].id)
			root = at;
	}
	return root;
}

/* Follows the way up from `start`, then writes the root to all of it. mark: 0 new, else the walk that saw it.
 */
static void find_root(struct session_view *v, uint32_t start, uint32_t *mark)
{
	uint32_t at = start;
	while (v->sessions[at].root == SESSION_NONE && v->sessions[at].blocked && mark[at] == 0) {
		mark[at] = start + 1;
		at = v->sessions[at].blocked_by;
	}
	uint32_t root = at;
	if (v->sessions[at].root != SESSION_NONE)
		root = v->sessions[at].root;
	else if (v->sessions[at].blocked)
		root = root_of_circle(v, at);
	v->sessions[root].root = root;
	for (at = start; v->sessions[at].root == SESSION_NONE; at = v->sessions[at].blocked_by)
		v->sessions[at].root = root;
}

/* 3. Who stands behind whom. */

struct walk {
	uint32_t *seen; /* the walk that saw a session last */
	uint32_t *queue;
	size_t visits;
};

static void count_behind(struct session_view *v, uint32_t start, struct walk *w)
{
	struct session *s = &v->sessions[start];
	size_t head = 0;
	size_t tail = 0;
	w->queue[tail++] = start;
	w->seen[start] = start + 1;
	while (head < tail && w->visits < VISITS_MAX) {
		const struct session *holder = &v->sessions[w->queue[head++]];
		for (size_t i = holder->holds; i < (size_t)holder->holds + holder->nholds; i++) {
			uint32_t waiter = v->edges_by_holder[i].waiter;
			w->visits++;
			if (w->seen[waiter] == start + 1)
				continue;
			w->seen[waiter] = start + 1;
			w->queue[tail++] = waiter;
			if (v->sessions[waiter].waiting_ms > s->longest_ms)
				s->longest_ms = v->sessions[waiter].waiting_ms;
		}
	}
	s->blocks_all = (uint32_t)(tail - 1);
	if (s->blocks_all < s->blocks_now)
		s->blocks_all = s->blocks_now;
}

void session_graph_build(
        struct session_view *v, const struct table *blockers, bool ended, struct arena *arena)
{
	for (size_t i = 0; i < v->n; i++) {
		struct session *s = &v->sessions[i];
		s->root = s->blocked_by = SESSION_NONE;
		s->waiting_ms = s->longest_ms = -1;
	}
	if (blockers != NULL && blockers->nrows > 0)
		collect_edges(v, blockers, ended, arena);
	for (size_t i = v->n; i < v->n + v->extra; i++) {
		struct session *s = &v->sessions[i];
		s->root = s->blocked_by = SESSION_NONE;
		s->waiting_ms = s->longest_ms = -1;
	}
	if (v->nedges == 0)
		return;
	attach_edges(v);

	size_t all = v->n + v->extra;
	struct walk w = {
	        .seen = arena_alloc(arena, all * sizeof(uint32_t)),
	        .queue = arena_alloc(arena, all * sizeof(uint32_t)),
	};
	for (size_t i = 0; i < v->nedges; i++) {
		struct session *s = &v->sessions[v->edges_by_waiter[i].waiter];
		s->blocked_by = choose_holder(v, s);
	}
	for (size_t i = 0; i < v->nedges; i++)
		find_root(v, v->edges_by_waiter[i].waiter, w.queue);
	for (size_t i = 0; i < all; i++)
		w.queue[i] = 0;
	for (size_t i = 0; i < all; i++) {
		if (v->sessions[i].nholds > 0)
			count_behind(v, (uint32_t)i, &w);
	}
}
