/* Who stands behind whom, as branches: below a session its parallel workers and those that wait for it, each
 * on the way to the root that the lock graph chose, so that everybody stands once. Those that wait alike and
 * hold up nobody are one line. */
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/model/tree_build.h"

/* Indentation ends here; whoever is deeper is in a folded line. */
enum { DEPTH_MAX = 24 };

struct waiter {
	uint64_t alike; /* 0: holds others up itself */
	int64_t waiting;
	uint32_t behind, index;
};

bool tree_in_queue(const struct session *s)
{
	return s->blocked || s->blocks_now > 0;
}

static bool is_root(const struct session *s, uint32_t index)
{
	return s->blocks_now > 0 && (!s->blocked || s->root == index);
}

static uint64_t alike(const struct tree_work *w, uint32_t instance, uint32_t index)
{
	const struct session_view *v = sessions_at(w->all, instance);
	if (v->sessions[index].blocks_now > 0)
		return 0;
	return index < v->n ? tree_facts(w->m, instance)[index].signature | 1 : 1;
}

/* Holders first, the most behind them on top; then alike beside alike, the longest wait first. */
static int compare_waiters(const void *a, const void *b)
{
	const struct waiter *x = a;
	const struct waiter *y = b;
	if (x->behind != y->behind)
		return x->behind > y->behind ? -1 : 1;
	if (x->alike != y->alike)
		return x->alike < y->alike ? -1 : 1;
	if (x->waiting != y->waiting)
		return x->waiting > y->waiting ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static size_t find_waiters(const struct tree_work *w, uint32_t instance, uint32_t index, struct waiter **out)
{
	const struct session_view *v = sessions_at(w->all, instance);
	const struct session *s = &v->sessions[index];
	size_t n = 0;
	*out = xcalloc(s->nholds + 1, sizeof(**out));
	for (uint32_t i = s->holds; i < s->holds + s->nholds; i++) {
		uint32_t k = v->edges_by_holder[i].waiter;
		const struct session *waiter = &v->sessions[k];
		/* In a circle, the one that speaks for it stands on top already. */
		if (waiter->blocked_by != index || is_root(waiter, k))
			continue;
		(*out)[n++] = (struct waiter){.index = k,
		        .behind = waiter->blocks_all,
		        .waiting = waiter->waiting_ms,
		        .alike = alike(w, instance, k)};
	}
	if (n > 1)
		qsort(*out, n, sizeof(**out), compare_waiters);
	return n;
}

static void add_session(
        struct tree_work *w, uint64_t parent, uint32_t instance, uint32_t index, unsigned depth)
{
	uint64_t key = tree_session_key(w, parent, instance, index);
	uint32_t entry = tree_entry(w, instance, index);
	const struct session *s = tree_session(w, instance, index);
	struct tree_node *node = tree_add(w, TREE_SESSION, key, depth);
	node->instance = instance;
	node->index = index;
	node->first = entry;
	node->n = 1;
	node->servers = 1;
	node->oldest_ms = s->blocked ? s->waiting_ms : tree_age(s);
	node->in_queue = true;
	node->opens = s->nholds > 0 || s->workers > 0;
	/* A queue is there to be seen: it is open until somebody folds it. */
	node->open = node->opens && depth < DEPTH_MAX && !tree_is_toggled(w, key);
	if (node->open)
		tree_add_behind(w, key, instance, index, depth + 1);
}

/* Waiters that wait alike: folded, opened they stand below. */
static void add_alike(struct tree_work *w, uint64_t parent, uint32_t instance, const struct waiter *waiters,
        size_t n, unsigned depth)
{
	uint64_t key = hash_number(hash_number(parent, TREE_WAITERS), waiters[0].alike);
	uint32_t first = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t entry = tree_entry(w, instance, waiters[i].index);
		first = i == 0 ? entry : first;
	}
	struct tree_node *node = tree_add(w, TREE_WAITERS, key, depth);
	node->instance = instance;
	node->index = waiters[0].index;
	node->first = first;
	node->n = (uint32_t)n;
	node->servers = 1;
	node->oldest_ms = waiters[0].waiting;
	node->in_queue = true;
	node->opens = true;
	node->open = tree_is_toggled(w, key);
	if (!node->open)
		return;
	size_t from = w->t->n;
	for (size_t i = 0; i < n; i++)
		add_session(w, key, instance, waiters[i].index, depth + 1);
	w->t->nodes[w->t->n - 1].last = w->t->n > from;
}

static void add_workers(
        struct tree_work *w, uint64_t parent, uint32_t instance, uint32_t index, unsigned depth)
{
	const struct session_view *v = sessions_at(w->all, instance);
	for (uint32_t i = 0; v->sessions[index].workers > 0 && i < v->n; i++) {
		if (v->sessions[i].leader != index)
			continue;
		uint64_t key = tree_session_key(w, parent, instance, i);
		uint32_t entry = tree_entry(w, instance, i);
		struct tree_node *node = tree_add(w, TREE_SESSION, key, depth);
		node->instance = instance;
		node->index = i;
		node->first = entry;
		node->n = 1;
		node->servers = 1;
		node->oldest_ms = tree_age(&v->sessions[i]);
		node->worker = true;
	}
}

void tree_add_behind(struct tree_work *w, uint64_t parent, uint32_t instance, uint32_t index, unsigned depth)
{
	struct waiter *waiters;
	size_t from = w->t->n;
	add_workers(w, parent, instance, index, depth);
	size_t n = find_waiters(w, instance, index, &waiters);
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		while (end < n && waiters[i].alike != 0 && waiters[end].alike == waiters[i].alike)
			end++;
		if (end - i > 1)
			add_alike(w, parent, instance, &waiters[i], end - i, depth);
		else
			add_session(w, parent, instance, waiters[i].index, depth);
		i = end;
	}
	free(waiters);
	for (size_t i = w->t->n; i-- > from;) {
		if (w->t->nodes[i].depth == depth) {
			w->t->nodes[i].last = true;
			break;
		}
	}
}

/* --- Heads of queues */

struct head {
	int64_t longest;
	uint32_t instance, index, behind;
};

static int compare_heads(const void *a, const void *b)
{
	const struct head *x = a;
	const struct head *y = b;
	if (x->behind != y->behind)
		return x->behind > y->behind ? -1 : 1;
	if (x->longest != y->longest)
		return x->longest > y->longest ? -1 : 1;
	if (x->instance != y->instance)
		return x->instance < y->instance ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* A queue is shown whole when anybody in it matches. */
static void match_queues(const struct tree_work *w, uint32_t instance, bool *matches)
{
	const struct session_view *v = sessions_at(w->all, instance);
	for (uint32_t i = 0; i < v->n + v->extra; i++) {
		const struct session *s = &v->sessions[i];
		if (!tree_in_queue(s) || (w->q->match != NULL && !w->q->match(w->q->arg, instance, s)))
			continue;
		matches[s->blocked && s->root != SESSION_NONE ? s->root : i] = true;
	}
}

void tree_add_queues(struct tree_work *w)
{
	struct head *heads = NULL;
	size_t n = 0;
	for (uint32_t i = 0; i < w->snap->n; i++) {
		const struct session_view *v = sessions_at(w->all, i);
		if (!w->q->in[i] || v->nedges == 0)
			continue;
		bool *matches = xcalloc(v->n + v->extra, sizeof(*matches));
		match_queues(w, i, matches);
		heads = xreallocarray(heads, n + v->nedges, sizeof(*heads));
		for (uint32_t k = 0; k < v->n + v->extra; k++) {
			const struct session *s = &v->sessions[k];
			if (is_root(s, k) && matches[k])
				heads[n++] = (struct head){.instance = i,
				        .index = k,
				        .behind = s->blocks_all,
				        .longest = s->longest_ms};
		}
		free(matches);
	}
	if (n > 1)
		qsort(heads, n, sizeof(*heads), compare_heads);
	for (size_t i = 0; i < n; i++) {
		add_session(w, hash_number(TREE_BY_BLOCKER, 8), heads[i].instance, heads[i].index, 0);
		w->t->groups++;
		w->t->sessions += heads[i].behind + 1;
	}
	free(heads);
}
