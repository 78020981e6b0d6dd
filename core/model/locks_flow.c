/* What reaches a waiter over everybody in its way, for many cases at once: a case is a bit, a queue is passed
 * through once for all of them, and of those who stand before a waiter only the union by mode is kept.
 * Repeated until nothing changes, for queues that hang on each other; values only ever grow (or only shrink),
 * so it ends. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/locks_parts.h"

/* What stands before a waiter, by mode. */
struct sums {
	uint64_t present;
	uint64_t *sum; /* LOCK_CODES × words */
};

struct flowing {
	const struct lock_graph *g;
	struct lock_flow *f;
	uint64_t *entry; /* nentries × words: what came to each place */
	uint64_t *come;  /* words */
	struct sums held, implied, ahead;
	uint32_t *list; /* queues to pass through: a ring of nqueues + 1 */
	size_t head, tail;
	bool *listed;
	bool changed; /* a node, in the queue at hand */
};

static void list_queue(struct flowing *w, uint32_t queue)
{
	if (w->listed[queue])
		return;
	w->listed[queue] = true;
	w->list[w->tail] = queue;
	w->tail = (w->tail + 1) % (w->g->nqueues + 1);
}

/* Who gets a tuple lock goes on to wait for what its last holder waited for: that stays in the way. */
static bool hands_on(const struct flowing *w, const struct lock_entry *e)
{
	return e->held && w->g->queues[e->queue].kind == LOCK_TUPLE;
}

static void come_from(const struct flowing *w, const struct lock_entry *e, uint64_t *sum)
{
	const struct lock_flow *f = w->f;
	const uint64_t *vec = f->vec + (size_t)e->node * f->words;
	uint64_t base = f->base[e->node];
	uint64_t stays = f->left == NULL ? UINT64_MAX : ~f->left[e - w->g->entries];
	uint32_t kept = f->keep == NULL ? LOCK_NONE : f->keep_of[e->node];
	if (kept == LOCK_NONE && stays == UINT64_MAX) {
		for (size_t k = 0; k < f->words; k++)
			sum[k] |= base | vec[k];
		return;
	}
	uint64_t always = hands_on(w, e) ? UINT64_MAX : 0;
	for (size_t k = 0; k < f->words; k++) {
		uint64_t keep = kept == LOCK_NONE ? stays : stays & f->keep[kept * f->words + k];
		sum[k] |= (keep & (base | vec[k])) | (always & vec[k]);
	}
}

static void sums_add(const struct flowing *w, struct sums *s, const struct lock_entry *e)
{
	uint64_t bit = UINT64_C(1) << e->code;
	uint64_t *sum = s->sum + (size_t)e->code * w->f->words;
	if (!(s->present & bit))
		memset(sum, 0, w->f->words * sizeof(*sum));
	come_from(w, e, sum);
	s->present |= bit;
}

static void take_sums(const struct flowing *w, const struct sums *s, enum lock_family family, uint8_t code,
        bool (*conflicts)(enum lock_family, uint8_t, uint8_t))
{
	for (uint64_t left = s->present; left != 0; left &= left - 1) {
		uint8_t c = (uint8_t)__builtin_ctzll(left);
		if (conflicts == NULL ? c != code : !conflicts(family, code, c))
			continue;
		for (size_t k = 0; k < w->f->words; k++)
			w->come[k] |= s->sum[(size_t)c * w->f->words + k];
	}
}

/* It holds or waits twice in this queue: what it does itself must not count. */
static bool is_twice(const struct lock_graph *g, const struct lock_entry *e)
{
	const struct lock_node *n = &g->nodes[e->node];
	unsigned here = 0;
	for (uint32_t i = n->entries; i < n->entries + n->nentries && here < 2; i++)
		here += g->entries[g->of_node[i]].queue == e->queue;
	return here > 1;
}

static void come_one_by_one(const struct flowing *w, const struct lock_queue *q, const struct lock_entry *e)
{
	for (uint32_t i = q->first; i < q->first + q->nheld + q->nwaiting; i++) {
		const struct lock_entry *o = &w->g->entries[i];
		if (locks_stops(w->g, e, o))
			come_from(w, o, w->come);
	}
}

/* Everything of a named node that stands in the same queue. */
static void come_from_named(const struct flowing *w, const struct lock_entry *e)
{
	const struct lock_graph *g = w->g;
	for (uint32_t i = e->named; i < e->named + e->nnamed; i++) {
		const struct lock_node *n = &g->nodes[g->names[i]];
		for (uint32_t k = n->entries; k < n->entries + n->nentries; k++) {
			const struct lock_entry *o = &g->entries[g->of_node[k]];
			if (o->queue == e->queue)
				come_from(w, o, w->come);
		}
	}
}

/* The node's vector anew, from all its places; true when it changed. */
static bool settle_node(struct flowing *w, uint32_t node)
{
	const struct lock_graph *g = w->g;
	const struct lock_node *n = &g->nodes[node];
	bool changed = false;
	for (size_t k = 0; k < w->f->words; k++) {
		uint64_t sum = 0;
		for (uint32_t i = n->entries; i < n->entries + n->nentries; i++) {
			uint32_t at = g->of_node[i];
			if (g->entries[at].blocked)
				sum |= w->entry[(size_t)at * w->f->words + k];
		}
		uint64_t *vec = &w->f->vec[(size_t)node * w->f->words + k];
		changed = changed || *vec != sum;
		*vec = sum;
	}
	return changed;
}

static void pass_waiter(struct flowing *w, const struct lock_queue *q, uint32_t at)
{
	const struct lock_graph *g = w->g;
	const struct lock_entry *e = &g->entries[at];
	enum lock_family family = (enum lock_family)q->family;
	size_t words = w->f->words;
	memset(w->come, 0, words * sizeof(*w->come));
	if (e->asked) {
		come_from_named(w, e);
	} else if (is_twice(g, e)) {
		come_one_by_one(w, q, e);
	} else {
		take_sums(w, &w->held, family, e->code, lock_conflicts);
		take_sums(w, &w->implied, family, e->code, NULL);
		take_sums(w, &w->ahead, family, e->code, lock_conflicts_ahead);
	}
	uint64_t *entry = w->entry + (size_t)at * words;
	if (memcmp(entry, w->come, words * sizeof(*entry)) == 0)
		return;
	memcpy(entry, w->come, words * sizeof(*entry));
	if (!settle_node(w, e->node))
		return;
	w->changed = true;
	const struct lock_node *n = &g->nodes[e->node];
	for (uint32_t i = n->entries; i < n->entries + n->nentries; i++) {
		/* Those behind this place are passed next. */
		if (g->of_node[i] != at)
			list_queue(w, g->entries[g->of_node[i]].queue);
	}
}

static void pass_queue(struct flowing *w, uint32_t queue)
{
	const struct lock_graph *g = w->g;
	const struct lock_queue *q = &g->queues[queue];
	bool asked = false;
	w->changed = false;
	w->held.present = w->implied.present = w->ahead.present = 0;
	for (uint32_t i = q->first; i < q->first + q->nheld; i++)
		sums_add(w, g->entries[i].implied ? &w->implied : &w->held, &g->entries[i]);
	for (uint32_t i = q->first + q->nheld; i < q->first + q->nheld + q->nwaiting; i++) {
		const struct lock_entry *e = &g->entries[i];
		asked = asked || e->asked;
		if (e->blocked)
			pass_waiter(w, q, i);
		sums_add(w, &w->ahead, e);
	}
	/* The server may have named somebody who stands behind. */
	if (asked && w->changed)
		list_queue(w, queue);
}

void locks_flow(const struct lock_graph *g, struct lock_flow *f)
{
	size_t words = f->words;
	struct flowing w = {.g = g,
	        .f = f,
	        .entry = xcalloc(g->nentries + 1, words * sizeof(*w.entry)),
	        .come = xcalloc(words, sizeof(*w.come)),
	        .held.sum = xcalloc(LOCK_CODES, words * sizeof(uint64_t)),
	        .implied.sum = xcalloc(LOCK_CODES, words * sizeof(uint64_t)),
	        .ahead.sum = xcalloc(LOCK_CODES, words * sizeof(uint64_t)),
	        .list = xcalloc(g->nqueues + 1, sizeof(*w.list)),
	        .listed = xcalloc(g->nqueues + 1, sizeof(*w.listed))};
	for (size_t i = 0; i < g->nentries && !f->least; i++) {
		if (g->entries[i].blocked)
			memset(w.entry + i * words, 0xff, words * sizeof(*w.entry));
	}
	for (size_t i = 0; i < g->nnodes && !f->least; i++) {
		if (g->nodes[i].blocked)
			memset(f->vec + i * words, 0xff, words * sizeof(*f->vec));
	}
	for (uint32_t i = 0; i < g->nqueues; i++)
		list_queue(&w, i);
	while (w.head != w.tail) {
		uint32_t queue = w.list[w.head];
		w.head = (w.head + 1) % (g->nqueues + 1);
		w.listed[queue] = false;
		pass_queue(&w, queue);
	}
	free(w.entry);
	free(w.come);
	free(w.held.sum);
	free(w.implied.sum);
	free(w.ahead.sum);
	free(w.list);
	free(w.listed);
}
