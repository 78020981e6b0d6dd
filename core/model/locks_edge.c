/* Who is in whose way, and the tree that follows from it: from those who hold without waiting, step by step
 * to those behind them, so that a waiter always hangs on a way that ends at a root when there is one. What no
 * root reaches waits in a circle, or behind one. Pairs are never written down: of a queue only what its modes
 * mean to each other is kept. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/locks_parts.h"

/* 1. Edges. */

bool locks_is_named(const struct lock_graph *g, const struct lock_entry *e, uint32_t node)
{
	for (uint32_t i = e->named; i < e->named + e->nnamed; i++) {
		if (g->names[i] == node)
			return true;
	}
	return false;
}

bool locks_stops(const struct lock_graph *g, const struct lock_entry *e, const struct lock_entry *other)
{
	enum lock_family f = (enum lock_family)g->queues[e->queue].family;
	if (other->node == e->node)
		return false;
	if (e->asked)
		return locks_is_named(g, e, other->node);
	if (other->held)
		return other->implied ? other->code == e->code : lock_conflicts(f, e->code, other->code);
	return other < e && lock_conflicts_ahead(f, e->code, other->code);
}

size_t locks_blockers(const struct lock_graph *g, uint32_t entry, struct lock_edge *out, size_t max)
{
	const struct lock_entry *e = &g->entries[entry];
	const struct lock_queue *q = &g->queues[e->queue];
	size_t n = 0;
	if (e->held)
		return 0;
	for (uint32_t i = q->first; i < q->first + q->nheld + q->nwaiting; i++) {
		const struct lock_entry *o = &g->entries[i];
		if (!locks_stops(g, e, o))
			continue;
		/* One who holds several modes, or holds and waits for more, is one. */
		size_t k = 0;
		while (k < n && k < max && out[k].blocker != o->node)
			k++;
		if (k < n && k < max)
			continue;
		if (n < max)
			out[n] = (struct lock_edge){.waiter = e->node,
			        .blocker = o->node,
			        .entry = entry,
			        .soft = !o->held,
			        .likely = e->likely || o->likely};
		n++;
	}
	return n;
}

static void find_blocked(struct lock_graph *g, const struct lock_queue *q)
{
	struct lock_stand held = {.present = 0};
	struct lock_stand named = {.present = 0};
	struct lock_stand ahead = {.present = 0};
	enum lock_family f = (enum lock_family)q->family;
	for (uint32_t i = q->first; i < q->first + q->nheld; i++)
		stand_add(g->entries[i].implied ? &named : &held, &g->entries[i]);
	for (uint32_t i = q->first + q->nheld; i < q->first + q->nheld + q->nwaiting; i++) {
		struct lock_entry *e = &g->entries[i];
		e->blocked = e->asked ? e->nnamed > 0
		                      : stand_stops(&held, f, e, lock_conflicts) ||
		                                stand_stops(&named, f, e, NULL) ||
		                                stand_stops(&ahead, f, e, lock_conflicts_ahead);
		stand_add(&ahead, e);
		struct lock_node *n = &g->nodes[e->node];
		if (!e->blocked)
			continue;
		n->blocked = true;
		if (e->waiting_ms > n->waiting_ms || n->waits_in == LOCK_NONE)
			n->waits_in = i;
		if (e->waiting_ms > n->waiting_ms)
			n->waiting_ms = e->waiting_ms;
	}
}

/* 2. The tree. */

/* What was already passed on in a queue: again would reach nobody new. */
struct passed {
	uint64_t held, implied; /* codes whose holders have been passed on, by a second node too: */
	uint64_t held_twice, implied_twice;
	uint32_t first[LOCK_CODES]; /* the earliest waiter of a code that has been passed on, + 1; 0 none */
};

struct walk {
	struct lock_graph *g;
	struct passed *passed; /* one a queue */
	uint32_t *queue;       /* nodes to go on from */
	size_t head, tail;
	bool *reached;
	/* Who was told whom: for each node the waiting entries that named it. */
	uint32_t *told, *told_first;
};

static void order_told(struct walk *w)
{
	const struct lock_graph *g = w->g;
	w->told_first = xcalloc(g->nnodes + 2, sizeof(*w->told_first));
	size_t n = 0;
	for (size_t i = 0; i < g->nentries; i++) {
		const struct lock_entry *e = &g->entries[i];
		for (uint32_t k = e->named; e->asked && k < e->named + e->nnamed; k++, n++)
			w->told_first[g->names[k] + 2]++;
	}
	for (size_t i = 2; i < g->nnodes + 2; i++)
		w->told_first[i] += w->told_first[i - 1];
	w->told = xcalloc(n + 1, sizeof(*w->told));
	for (size_t i = 0; i < g->nentries; i++) {
		const struct lock_entry *e = &g->entries[i];
		for (uint32_t k = e->named; e->asked && k < e->named + e->nnamed; k++)
			w->told[w->told_first[g->names[k] + 1]++] = (uint32_t)i;
	}
}

static void reach(struct walk *w, uint32_t waiter, uint32_t parent, uint32_t via)
{
	struct lock_graph *g = w->g;
	const struct lock_entry *e = &g->entries[waiter];
	struct lock_node *n = &g->nodes[e->node];
	if (w->reached[e->node] || e->node == parent)
		return;
	w->reached[e->node] = true;
	n->parent = parent;
	n->via = via;
	n->waits_in = waiter;
	n->soft = via != LOCK_NONE && !g->entries[via].held;
	n->likely = e->likely || (via != LOCK_NONE && g->entries[via].likely);
	w->queue[w->tail++] = e->node;
}

/* Whether this entry may still reach somebody in its queue. */
static bool passes_on(struct passed *p, const struct lock_queue *q, const struct lock_entry *e, uint32_t at)
{
	uint64_t bit = UINT64_C(1) << e->code;
	if (!e->held) {
		if (p->first[e->code] != 0 && p->first[e->code] <= at + 1)
			return false;
		p->first[e->code] = at + 1;
		return q->nwaiting > 1;
	}
	/* Twice, since the first may have been in its own way. */
	uint64_t *once = e->implied ? &p->implied : &p->held;
	uint64_t *twice = e->implied ? &p->implied_twice : &p->held_twice;
	if (*twice & bit)
		return false;
	*twice |= *once & bit;
	*once |= bit;
	return true;
}

static void pass_on(struct walk *w, uint32_t node)
{
	struct lock_graph *g = w->g;
	const struct lock_node *n = &g->nodes[node];
	for (uint32_t i = n->entries; i < n->entries + n->nentries; i++) {
		uint32_t at = g->of_node[i];
		const struct lock_entry *e = &g->entries[at];
		const struct lock_queue *q = &g->queues[e->queue];
		if ((!e->held && !e->blocked) || !passes_on(&w->passed[e->queue], q, e, at))
			continue;
		uint32_t from = e->held ? q->first + q->nheld : at + 1;
		for (uint32_t k = from; k < q->first + q->nheld + q->nwaiting; k++) {
			const struct lock_entry *o = &g->entries[k];
			if (!o->asked && o->blocked && !w->reached[o->node] && locks_stops(g, o, e))
				reach(w, k, node, at);
		}
	}
	for (uint32_t i = w->told_first[node]; i < w->told_first[node + 1]; i++) {
		uint32_t waiter = w->told[i];
		uint32_t via = LOCK_NONE;
		if (w->reached[g->entries[waiter].node])
			continue;
		for (uint32_t k = n->entries; k < n->entries + n->nentries && via == LOCK_NONE; k++) {
			if (g->entries[g->of_node[k]].queue == g->entries[waiter].queue)
				via = g->of_node[k];
		}
		reach(w, waiter, node, via);
	}
}

static void walk_on(struct walk *w)
{
	while (w->head < w->tail)
		pass_on(w, w->queue[w->head++]);
}

/* One of those in its way. All of them are unreached when it is. */
static uint32_t any_blocker(const struct lock_graph *g, uint32_t node)
{
	const struct lock_node *n = &g->nodes[node];
	for (uint32_t i = n->entries; i < n->entries + n->nentries; i++) {
		const struct lock_entry *e = &g->entries[g->of_node[i]];
		const struct lock_queue *q = &g->queues[e->queue];
		if (!e->blocked)
			continue;
		if (e->asked)
			return g->names[e->named];
		for (uint32_t k = q->first; k < q->first + q->nheld + q->nwaiting; k++) {
			if (locks_stops(g, e, &g->entries[k]))
				return g->entries[k].node;
		}
	}
	return LOCK_NONE;
}

/* From here upwards until somebody comes twice: of that circle the smallest id is the root. */
static uint32_t root_of_circle(const struct lock_graph *g, uint32_t start, uint32_t *mark)
{
	uint32_t at = start;
	while (at != LOCK_NONE && mark[at] != start + 1) {
		mark[at] = start + 1;
		at = any_blocker(g, at);
	}
	uint32_t root = at;
	for (uint32_t k = at == LOCK_NONE ? at : any_blocker(g, at); k != LOCK_NONE && k != at;
	        k = any_blocker(g, k))
		root = k < root ? k : root;
	return root == LOCK_NONE ? start : root;
}

static void walk_circles(struct walk *w)
{
	struct lock_graph *g = w->g;
	uint32_t *mark = NULL;
	for (uint32_t i = 0; i < g->nnodes; i++) {
		if (!g->nodes[i].blocked || w->reached[i])
			continue;
		if (mark == NULL)
			mark = xcalloc(g->nnodes + 1, sizeof(*mark));
		uint32_t root = root_of_circle(g, i, mark);
		if (w->reached[root])
			root = i;
		g->nodes[root].circle = true;
		g->counts.circles++;
		w->reached[root] = true;
		w->queue[w->tail++] = root;
		walk_on(w);
	}
	free(mark);
}

/* 3. Counts. */

/* Children in the order in which they are shown: nodes are numbered by id, so a stable sort by wait. */
static int order_children(const void *a, const void *b, void *arg)
{
	const struct lock_node *nodes = arg;
	uint32_t i = *(const uint32_t *)a;
	uint32_t k = *(const uint32_t *)b;
	const struct lock_node *x = &nodes[i];
	const struct lock_node *y = &nodes[k];
	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->waiting_ms != y->waiting_ms)
		return x->waiting_ms > y->waiting_ms ? -1 : 1;
	return i < k ? -1 : i > k;
}

static void link_children(struct lock_graph *g, struct arena *arena)
{
	size_t n = 0;
	g->children = arena_alloc(arena, (g->nnodes + 1) * sizeof(*g->children));
	g->first_child = arena_alloc(arena, (g->nnodes + 2) * sizeof(*g->first_child));
	for (uint32_t i = 0; i < g->nnodes; i++) {
		if (g->nodes[i].parent == LOCK_NONE)
			continue;
		g->children[n++] = i;
		g->first_child[g->nodes[i].parent + 1]++;
	}
	qsort_r(g->children, n, sizeof(*g->children), order_children, g->nodes);
	for (size_t i = 1; i <= g->nnodes; i++)
		g->first_child[i] += g->first_child[i - 1];
}

/* In the order of the walk a node comes after its parent. */
static void count_tree(struct walk *w)
{
	struct lock_graph *g = w->g;
	for (size_t i = w->tail; i-- > 0;) {
		const struct lock_node *n = &g->nodes[w->queue[i]];
		if (n->parent == LOCK_NONE)
			continue;
		struct lock_node *p = &g->nodes[n->parent];
		int64_t longest = n->longest_ms > n->waiting_ms ? n->longest_ms : n->waiting_ms;
		p->behind += n->behind + 1;
		p->direct++;
		p->longest_ms = longest > p->longest_ms ? longest : p->longest_ms;
	}
}

/* Of the tree a waiter has one way up; in truth it may wait behind several roots. */
static void count_behind_roots(struct lock_graph *g)
{
	if (g->nroots > 64 || g->nroots < 2)
		return;
	struct lock_flow f = {.words = 1, .least = true};
	uint64_t *base = xcalloc(g->nnodes, sizeof(*base));
	f.base = base;
	f.vec = xcalloc(g->nnodes, sizeof(*f.vec));
	for (size_t i = 0; i < g->nroots; i++) {
		base[g->roots[i]] = UINT64_C(1) << i;
		g->nodes[g->roots[i]].behind = 0;
	}
	locks_flow(g, &f);
	for (size_t i = 0; i < g->nnodes; i++) {
		for (uint64_t left = f.vec[i]; left != 0; left &= left - 1) {
			struct lock_node *root = &g->nodes[g->roots[__builtin_ctzll(left)]];
			if (root == &g->nodes[i])
				continue;
			root->behind++;
			if (g->nodes[i].waiting_ms > root->longest_ms)
				root->longest_ms = g->nodes[i].waiting_ms;
		}
	}
	free(base);
	free(f.vec);
}

/* With no root at all, only circles keep somebody waiting. */
static void find_circled(struct lock_graph *g)
{
	struct lock_flow f = {.words = 1};
	uint64_t *base = xcalloc(g->nnodes + 1, sizeof(*base));
	f.base = base;
	f.vec = xcalloc(g->nnodes + 1, sizeof(*f.vec));
	locks_flow(g, &f);
	for (size_t i = 0; i < g->nnodes; i++) {
		g->nodes[i].circled = f.vec[i] != 0;
		g->counts.circled += g->nodes[i].circled;
	}
	free(base);
	free(f.vec);
}

static int order_roots(const void *a, const void *b, void *arg)
{
	const struct lock_node *nodes = arg;
	uint32_t i = *(const uint32_t *)a;
	uint32_t k = *(const uint32_t *)b;
	if (nodes[i].behind != nodes[k].behind)
		return nodes[i].behind > nodes[k].behind ? -1 : 1;
	if (nodes[i].longest_ms != nodes[k].longest_ms)
		return nodes[i].longest_ms > nodes[k].longest_ms ? -1 : 1;
	return i < k ? -1 : i > k;
}

/* Who is waited for. Not told by the tree: not every root has a child. */
static void find_holders(struct lock_graph *g, const struct walk *w)
{
	for (uint32_t i = 0; i < g->nnodes; i++)
		g->nodes[i].blocks = w->told_first[i] < w->told_first[i + 1];
	for (size_t k = 0; k < g->nqueues; k++) {
		const struct lock_queue *q = &g->queues[k];
		struct lock_stand after = {.present = 0};
		for (uint32_t i = q->first + q->nheld + q->nwaiting; i-- > q->first;) {
			const struct lock_entry *e = &g->entries[i];
			if (stand_is_stopped(&after, (enum lock_family)q->family, e,
			            e->held ? lock_conflicts : lock_conflicts_ahead))
				g->nodes[e->node].blocks = true;
			if (e->blocked && !e->asked)
				stand_add(&after, e);
		}
	}
}

void locks_link(struct lock_graph *g, struct arena *arena)
{
	struct walk w = {.g = g,
	        .passed = xcalloc(g->nqueues + 1, sizeof(*w.passed)),
	        .queue = arena_alloc(arena, (g->nnodes + 1) * sizeof(*w.queue)),
	        .reached = xcalloc(g->nnodes + 1, sizeof(*w.reached))};
	for (size_t i = 0; i < g->nqueues; i++)
		find_blocked(g, &g->queues[i]);
	order_told(&w);
	find_holders(g, &w);
	g->roots = arena_alloc(arena, (g->nnodes + 1) * sizeof(*g->roots));
	for (uint32_t i = 0; i < g->nnodes; i++) {
		if (g->nodes[i].blocked || !g->nodes[i].blocks)
			continue;
		w.reached[i] = true;
		w.queue[w.tail++] = i;
	}
	walk_on(&w);
	walk_circles(&w);
	g->counts.longest_ms = -1;
	for (uint32_t i = 0; i < g->nnodes; i++) {
		struct lock_node *n = &g->nodes[i];
		if ((!n->blocked && n->blocks) || n->circle)
			g->roots[g->nroots++] = i;
		g->counts.waiters += n->blocked;
		if (n->blocked && n->waiting_ms > g->counts.longest_ms)
			g->counts.longest_ms = n->waiting_ms;
	}
	g->counts.roots = (uint32_t)g->nroots;
	g->walk = w.queue;
	g->nwalk = w.tail;
	count_tree(&w);
	link_children(g, arena);
	count_behind_roots(g);
	find_circled(g);
	qsort_r(g->roots, g->nroots, sizeof(*g->roots), order_roots, g->nodes);
	free(w.passed);
	free(w.reached);
	free(w.told);
	free(w.told_first);
}
