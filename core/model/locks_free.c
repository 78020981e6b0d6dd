/* What an action frees, by playing what the lock manager does when somebody leaves: from the head of each
 * queue everybody is let in who fits with those inside and with those who still wait before. Whoever was let
 * in goes on (freed now) and keeps its locks until its own end; the rest has its turn when those have
 * finished (later), or waits on for somebody else (neither). */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/locks_parts.h"

enum { CASES_MAX = 64 };

struct play {
	const struct lock_graph *g;
	size_t n;
	uint64_t *left;    /* for each entry: the cases in which it is gone */
	uint64_t *acted;   /* for each node: the cases in which something is done to it */
	uint64_t *freed;   /* for each node */
	uint64_t *queues;  /* for each queue: the cases that touch it */
	uint64_t *let_in;  /* for each entry */
	uint32_t *pending; /* for each node: places at which it still waits, of the case at hand */
};

/* 1. Who leaves. */

bool locks_entry_stays(const struct lock_graph *g, const struct lock_entry *e, enum lock_remedy remedy)
{
	enum lock_kind kind = g->queues[e->queue].kind;
	if (remedy == REMEDY_NONE)
		return true;
	if (remedy != REMEDY_CANCEL || !e->held)
		return false;
	/* An aborted transaction holds nothing in PostgreSQL, but for advisory locks of its session. */
	if (g->engine == ENGINE_POSTGRES)
		return kind == LOCK_ADVISORY;
	if (locks_is_ddl(g, e->node))
		return kind == LOCK_USER;
	/* Only the statement ends: its transaction keeps what it has. */
	return true;
}

static void take_leave(struct play *p, const struct lock_case *cases)
{
	const struct lock_graph *g = p->g;
	for (size_t c = 0; c < p->n; c++) {
		uint64_t bit = UINT64_C(1) << c;
		for (size_t i = 0; i < cases[c].n; i++) {
			const struct lock_node *n = &g->nodes[cases[c].nodes[i]];
			p->acted[cases[c].nodes[i]] |= bit;
			for (uint32_t k = n->entries; k < n->entries + n->nentries; k++) {
				uint32_t at = g->of_node[k];
				if (locks_entry_stays(g, &g->entries[at], cases[c].remedies[i]))
					continue;
				p->left[at] |= bit;
				p->queues[g->entries[at].queue] |= bit;
			}
		}
	}
}

/* 2. Who is let in. */

/* Is any of those the server named for e still in its way? */
static bool named_stops(const struct play *p, const struct lock_entry *e, bool in_turn, uint64_t bit)
{
	const struct lock_graph *g = p->g;
	for (uint32_t i = e->named; i < e->named + e->nnamed; i++) {
		const struct lock_node *n = &g->nodes[g->names[i]];
		for (uint32_t k = n->entries; k < n->entries + n->nentries; k++) {
			uint32_t at = g->of_node[k];
			const struct lock_entry *o = &g->entries[at];
			if (o->queue == e->queue && !(p->left[at] & bit) &&
			        (o->held || (in_turn && !(p->let_in[at] & bit))))
				return true;
		}
	}
	return false;
}

/* Was one of those whom the server named for e, in this queue, and who leave? */
static bool named_left(const struct play *p, const struct lock_entry *e, uint64_t bit)
{
	const struct lock_graph *g = p->g;
	for (uint32_t i = e->named; i < e->named + e->nnamed; i++) {
		const struct lock_node *n = &g->nodes[g->names[i]];
		for (uint32_t k = n->entries; k < n->entries + n->nentries; k++) {
			uint32_t at = g->of_node[k];
			if (g->entries[at].queue == e->queue && (p->left[at] & bit))
				return true;
		}
	}
	return false;
}

/* Who is let in to a tuple lock goes on to wait for what those wait for who left it. */
static bool waits_on(const struct play *p, const struct lock_queue *q, uint64_t bit)
{
	const struct lock_graph *g = p->g;
	for (uint32_t i = q->first; q->kind == LOCK_TUPLE && i < q->first + q->nheld; i++) {
		const struct lock_node *n = &g->nodes[g->entries[i].node];
		for (uint32_t k = n->entries; (p->left[i] & bit) && k < n->entries + n->nentries; k++) {
			const struct lock_entry *w = &g->entries[g->of_node[k]];
			const struct lock_queue *next = &g->queues[w->queue];
			for (uint32_t o = next->first; w->blocked && o < next->first + next->nheld; o++) {
				if (!(p->left[o] & bit) && locks_stops(g, w, &g->entries[o]))
					return true;
			}
		}
	}
	return false;
}

static void play_queue(struct play *p, uint32_t queue, uint64_t bit)
{
	const struct lock_graph *g = p->g;
	const struct lock_queue *q = &g->queues[queue];
	enum lock_family f = (enum lock_family)q->family;
	struct lock_stand held = {.present = 0};
	struct lock_stand named = {.present = 0};
	struct lock_stand ahead = {.present = 0};
	struct lock_stand gone = {.present = 0};
	bool on = waits_on(p, q, bit);
	bool in_turn = !lock_passes_by((enum engine)g->engine, q->kind);
	for (uint32_t i = q->first; i < q->first + q->nheld; i++) {
		if (p->left[i] & bit)
			stand_add(&gone, &g->entries[i]);
		else
			stand_add(g->entries[i].implied ? &named : &held, &g->entries[i]);
	}
	struct lock_stand newly = {.present = 0};
	for (uint32_t i = q->first + q->nheld; i < q->first + q->nheld + q->nwaiting; i++) {
		const struct lock_entry *e = &g->entries[i];
		if (p->left[i] & bit) {
			stand_add(&gone, e);
			continue;
		}
		/* Where others are passed by, only those are looked at whom a leaver had stopped. */
		bool looked_at = in_turn || (e->asked ? named_left(p, e, bit)
		                                      : stand_stops(&gone, f, e, lock_conflicts));
		bool stopped = e->asked
		                       ? named_stops(p, e, in_turn, bit)
		                       : stand_stops(&held, f, e, lock_conflicts) ||
		                                 stand_stops(&named, f, e, NULL) ||
		                                 (in_turn && stand_stops(&ahead, f, e, lock_conflicts_ahead));
		if (!looked_at || stopped || stand_stops(&newly, f, e, lock_conflicts)) {
			stand_add(&ahead, e);
			continue;
		}
		p->let_in[i] |= bit;
		stand_add(&newly, e);
		if (e->blocked && !on && p->pending[e->node] > 0)
			p->pending[e->node]--;
	}
}

static void play_case(struct play *p, size_t c)
{
	const struct lock_graph *g = p->g;
	uint64_t bit = UINT64_C(1) << c;
	memset(p->pending, 0, g->nnodes * sizeof(*p->pending));
	for (size_t i = 0; i < g->nentries; i++)
		p->pending[g->entries[i].node] += g->entries[i].blocked;
	for (uint32_t i = 0; i < g->nqueues; i++) {
		if (p->queues[i] & bit)
			play_queue(p, i, bit);
	}
	for (size_t i = 0; i < g->nnodes; i++) {
		if (g->nodes[i].blocked && p->pending[i] == 0 && !(p->acted[i] & bit))
			p->freed[i] |= bit;
	}
}

/* 3. Whose turn comes later. */

/* In which cases a node waits, directly or not, behind one that something is done to. */
static uint64_t *behind_acted(const struct play *p)
{
	struct lock_flow f = {.words = 1, .base = p->acted, .least = true};
	f.vec = xcalloc(p->g->nnodes + 1, sizeof(*f.vec));
	locks_flow(p->g, &f);
	return f.vec;
}

/* In which cases it waits for good: behind a root that stays, or in a circle. */
static uint64_t *waits_for_good(const struct play *p)
{
	const struct lock_graph *g = p->g;
	struct lock_flow f = {.words = 1, .left = p->left};
	uint64_t *base = xcalloc(g->nnodes + 1, sizeof(*base));
	for (size_t i = 0; i < g->nnodes; i++)
		base[i] = g->nodes[i].blocked ? p->acted[i] : UINT64_MAX;
	f.base = base;
	f.vec = xcalloc(g->nnodes + 1, sizeof(*f.vec));
	locks_flow(g, &f);
	free(base);
	return f.vec;
}

/* Behind whom of those let in each node has its turn: in its own queue, else what is so for its parent. */
static void find_turns(const struct play *p, const uint32_t *taker, uint64_t bit, uint32_t *turn)
{
	const struct lock_graph *g = p->g;
	memset(turn, 0xff, g->nnodes * sizeof(*turn));
	for (size_t i = 0; i < g->nwalk; i++) {
		uint32_t at = g->walk[i];
		const struct lock_node *n = &g->nodes[at];
		uint32_t queue = n->waits_in == LOCK_NONE ? LOCK_NONE : g->entries[n->waits_in].queue;
		if (queue != LOCK_NONE && taker[queue] != LOCK_NONE && taker[queue] != at)
			turn[at] = taker[queue];
		else if (n->parent != LOCK_NONE)
			turn[at] = p->freed[n->parent] & bit ? n->parent : turn[n->parent];
	}
}

struct counting {
	const uint64_t *behind, *stuck;
	uint32_t *taker; /* of each queue the first that was let in */
	uint32_t *turn, *count;
};

static void count_case(const struct play *p, size_t c, const struct counting *w, struct lock_frees *out)
{
	const struct lock_graph *g = p->g;
	uint64_t bit = UINT64_C(1) << c;
	*out = (struct lock_frees){.behind = LOCK_NONE};
	memset(w->taker, 0xff, g->nqueues * sizeof(*w->taker));
	memset(w->count, 0, g->nnodes * sizeof(*w->count));
	for (size_t i = g->nentries; i-- > 0;) {
		if (p->let_in[i] & bit)
			w->taker[g->entries[i].queue] = g->entries[i].node;
	}
	find_turns(p, w->taker, bit, w->turn);
	uint32_t most = 0;
	for (uint32_t i = 0; i < g->nnodes; i++) {
		if (!g->nodes[i].blocked || (p->acted[i] & bit))
			continue;
		if (p->freed[i] & bit) {
			out->now++;
			continue;
		}
		if (!(w->behind[i] & bit) || (w->stuck[i] & bit))
			continue;
		out->later++;
		uint32_t by = w->turn[i];
		if (by != LOCK_NONE && ++w->count[by] > most) {
			most = w->count[by];
			out->behind = by;
			out->takes = (p->freed[by] & bit) != 0;
		}
	}
}

static void count_cases(const struct play *p, struct lock_frees *out)
{
	const struct lock_graph *g = p->g;
	uint64_t *behind = behind_acted(p);
	uint64_t *stuck = waits_for_good(p);
	struct counting w = {.behind = behind,
	        .stuck = stuck,
	        .taker = xcalloc(g->nqueues + 1, sizeof(*w.taker)),
	        .turn = xcalloc(g->nnodes + 1, sizeof(*w.turn)),
	        .count = xcalloc(g->nnodes + 1, sizeof(*w.count))};
	for (size_t c = 0; c < p->n; c++)
		count_case(p, c, &w, &out[c]);
	free(behind);
	free(stuck);
	free(w.taker);
	free(w.turn);
	free(w.count);
}

static void play_cases(struct play *p, const struct lock_graph *g, const struct lock_case *cases, size_t n)
{
	*p = (struct play){.g = g,
	        .n = n < CASES_MAX ? n : CASES_MAX,
	        .left = xcalloc(g->nentries + 1, sizeof(*p->left)),
	        .acted = xcalloc(g->nnodes + 1, sizeof(*p->acted)),
	        .freed = xcalloc(g->nnodes + 1, sizeof(*p->freed)),
	        .queues = xcalloc(g->nqueues + 1, sizeof(*p->queues)),
	        .let_in = xcalloc(g->nentries + 1, sizeof(*p->let_in)),
	        .pending = xcalloc(g->nnodes + 1, sizeof(*p->pending))};
	take_leave(p, cases);
	for (size_t c = 0; c < p->n; c++)
		play_case(p, c);
}

static void play_end(struct play *p)
{
	free(p->left);
	free(p->acted);
	free(p->freed);
	free(p->queues);
	free(p->let_in);
	free(p->pending);
}

void locks_simulate(
        const struct lock_graph *g, const struct lock_case *cases, size_t n, struct lock_frees *out)
{
	struct play p;
	play_cases(&p, g, cases, n);
	count_cases(&p, out);
	play_end(&p);
}

void locks_freed_now(const struct lock_graph *g, const struct lock_case *cases, size_t n, uint32_t *now)
{
	struct play p;
	play_cases(&p, g, cases, n);
	memset(now, 0, p.n * sizeof(*now));
	for (size_t i = 0; i < g->nnodes; i++) {
		for (uint64_t left = p.freed[i]; left != 0; left &= left - 1)
			now[__builtin_ctzll(left)]++;
	}
	play_end(&p);
}

void locks_release(const struct lock_graph *g, const uint32_t *nodes, size_t n, enum lock_remedy remedy,
        struct lock_frees *out)
{
	enum lock_remedy *remedies = xcalloc(n + 1, sizeof(*remedies));
	for (size_t i = 0; i < n; i++)
		remedies[i] = remedy;
	const struct lock_case one = {.nodes = nodes, .remedies = remedies, .n = n};
	locks_simulate(g, &one, 1, out);
	free(remedies);
}
