/* The best move: the smallest set of actions after which nobody waits for what a root holds, or behind a
 * queued DDL.
 *
 * Candidates are the roots (and who is in a circle) that may be ended, and the convoy heads that may be
 * cancelled, each with one remedy. Of all sets of candidates the best is, in this order: the one after which
 * fewest wait for good (behind a root that stays, or in a circle); fewest wait behind a convoy head that
 * stays (so a queued DDL is cancelled before a holder is ended: it costs no terminate and frees those behind
 * it at once); fewest terminates (a statement to copy counts as one); fewest actions; most freed now. Convoy
 * heads themselves do not count as waiters: their work is what is given up.
 *
 * Whether somebody waits for good is a question of reaching: over those in its way that are not ended, to a
 * root that is not ended. With up to LOCK_EXACT_MAX candidates all sets are judged at once: bit s of a node's
 * vector says whether it waits for good when set s is ended (locks_flow). With more, each candidate is left
 * out of the full set in turn, again a bit for each: who is not missed is dropped. Reaching a root is a
 * matter of each root alone, so this drops too little only where candidates hide each other. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/locks_parts.h"

enum { CANDIDATES_MAX = 4096, TIES_MAX = 16, CANCELS_MAX = 64, CIRCLED_MAX = 8 };

struct search {
	struct lock_graph *g;
	uint32_t *node; /* candidates */
	size_t n;
	bool *in;     /* of nodes: is a candidate */
	size_t words; /* of vectors: a bit for each set */
	size_t sets;
	uint64_t *keep;           /* of each candidate, × words: the sets in which it is not ended */
	uint32_t *keep_of;        /* of nodes: their place among the candidates */
	uint32_t *stuck, *behind; /* for each set: how many wait for good, behind a convoy head */
};

/* 1. Candidates. */

static void add_candidate(struct search *s, uint32_t node)
{
	enum lock_remedy remedy = s->g->nodes[node].remedy;
	bool convoy = s->g->nodes[node].convoy;
	if (remedy == REMEDY_NONE || s->in[node] || s->n == CANDIDATES_MAX ||
	        (convoy && !s->g->nodes[node].circled && remedy != REMEDY_CANCEL))
		return;
	s->in[node] = true;
	s->node[s->n++] = node;
}

static void find_candidates(struct search *s)
{
	struct lock_graph *g = s->g;
	for (uint32_t i = 0; i < g->nnodes; i++) {
		if (g->nodes[i].convoy)
			add_candidate(s, i);
	}
	for (size_t i = 0; i < g->nroots; i++)
		add_candidate(s, g->roots[i]);
	unsigned circled = 0;
	for (uint32_t i = 0; i < g->nnodes && g->counts.circled > 0 && circled < CIRCLED_MAX; i++) {
		if (!g->nodes[i].circled || !g->nodes[i].blocks)
			continue;
		add_candidate(s, i);
		circled++;
	}
}

/* 2. All sets at once. */

/* Bit-sliced: a counter's digits in several words, so that adding a vector costs its words and a carry. */
struct slices {
	uint64_t *digit; /* DIGITS × words */
	size_t words;
};
enum { DIGITS = 24 };

static void slices_add(struct slices *s, const uint64_t *vec)
{
	for (size_t k = 0; k < s->words; k++) {
		uint64_t carry = vec[k];
		for (size_t d = 0; d < DIGITS && carry != 0; d++) {
			uint64_t *digit = &s->digit[d * s->words + k];
			uint64_t both = *digit & carry;
			*digit ^= carry;
			carry = both;
		}
	}
}

static uint32_t *flow_counts(struct search *s, const uint64_t *base, bool least)
{
	const struct lock_graph *g = s->g;
	struct lock_flow f = {
	        .words = s->words, .base = base, .keep = s->keep, .keep_of = s->keep_of, .least = least};
	struct slices slices = {.digit = xcalloc(DIGITS * s->words, sizeof(uint64_t)), .words = s->words};
	uint32_t *count = xcalloc(s->words * 64, sizeof(*count));
	f.vec = xcalloc(g->nnodes + 1, s->words * sizeof(*f.vec));
	uint64_t *vec = xcalloc(s->words, sizeof(*vec));
	locks_flow(g, &f);
	for (size_t i = 0; i < g->nnodes; i++) {
		if (!g->nodes[i].blocked || g->nodes[i].convoy)
			continue;
		const uint64_t *of = f.vec + i * s->words;
		const uint64_t *keep = s->keep_of[i] == LOCK_NONE ? NULL : s->keep + s->keep_of[i] * s->words;
		for (size_t k = 0; k < s->words && keep != NULL; k++)
			vec[k] = of[k] & keep[k];
		slices_add(&slices, keep == NULL ? of : vec);
	}
	for (size_t i = 0; i < s->words * 64; i++) {
		for (size_t d = 0; d < DIGITS; d++)
			count[i] |= (uint32_t)(slices.digit[d * s->words + i / 64] >> (i % 64) & 1) << d;
	}
	free(slices.digit);
	free(f.vec);
	free(vec);
	return count;
}

static void judge_sets(struct search *s)
{
	const struct lock_graph *g = s->g;
	uint64_t *base = xcalloc(g->nnodes + 1, sizeof(*base));
	for (size_t i = 0; i < g->nnodes; i++)
		base[i] = g->nodes[i].blocked ? 0 : UINT64_MAX;
	s->stuck = flow_counts(s, base, false);
	bool convoys = false;
	for (size_t i = 0; i < g->nnodes; i++) {
		base[i] = g->nodes[i].convoy ? UINT64_MAX : 0;
		convoys = convoys || g->nodes[i].convoy;
	}
	s->behind = convoys ? flow_counts(s, base, true) : xcalloc(s->words * 64, sizeof(*s->behind));
	free(base);
}

/* A vector for each candidate, of all sets at first. */
static void keep_all(struct search *s)
{
	s->keep = xmalloc((s->n + 1) * s->words * sizeof(*s->keep));
	memset(s->keep, 0xff, (s->n + 1) * s->words * sizeof(*s->keep));
	s->keep_of = xmalloc((s->g->nnodes + 1) * sizeof(*s->keep_of));
	memset(s->keep_of, 0xff, (s->g->nnodes + 1) * sizeof(*s->keep_of));
	for (size_t i = 0; i < s->n; i++)
		s->keep_of[s->node[i]] = (uint32_t)i;
}

/* 3. The choice. */

static bool costs_session(const struct lock_graph *g, uint32_t node)
{
	return g->nodes[node].remedy != REMEDY_CANCEL;
}

static unsigned terminates_of(const struct search *s, size_t set)
{
	unsigned n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += (set >> i & 1) && costs_session(s->g, s->node[i]);
	return n;
}

static int compare_sets(const struct search *s, size_t a, size_t b)
{
	unsigned ta = terminates_of(s, a), tb = terminates_of(s, b);
	int na = __builtin_popcountll(a), nb = __builtin_popcountll(b);
	if (s->stuck[a] != s->stuck[b])
		return s->stuck[a] < s->stuck[b] ? -1 : 1;
	if (s->behind[a] != s->behind[b])
		return s->behind[a] < s->behind[b] ? -1 : 1;
	if (ta != tb)
		return ta < tb ? -1 : 1;
	return na < nb ? -1 : na > nb;
}

static uint32_t freed_by(const struct search *s, size_t set)
{
	uint32_t nodes[LOCK_EXACT_MAX];
	enum lock_remedy remedies[LOCK_EXACT_MAX];
	struct lock_case one = {.nodes = nodes, .remedies = remedies};
	uint32_t now;
	for (size_t i = 0; i < s->n; i++) {
		if (!(set >> i & 1))
			continue;
		nodes[one.n] = s->node[i];
		remedies[one.n++] = s->g->nodes[s->node[i]].remedy;
	}
	locks_freed_now(s->g, &one, 1, &now);
	return now;
}

/* Bits of the best set; *stuck: who waits on all the same. */
static uint64_t choose_exactly(struct search *s, uint32_t *stuck)
{
	static const uint64_t low[6] = {0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
	        0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000};
	size_t best = 0;
	uint32_t most = 0;
	s->sets = (size_t)1 << s->n;
	s->words = (s->sets + 63) / 64;
	keep_all(s);
	for (size_t i = 0; i < s->n; i++) {
		uint64_t *keep = s->keep + i * s->words;
		for (size_t k = 0; k < s->words; k++)
			keep[k] = i < 6 ? ~low[i] : (k >> (i - 6) & 1) ? 0 : UINT64_MAX;
	}
	judge_sets(s);
	for (size_t set = 1; set < s->sets; set++) {
		if (compare_sets(s, set, best) < 0)
			best = set;
	}
	/* Of equals, who frees most now. */
	unsigned ties = 0;
	for (size_t set = best, first = best; set < s->sets && ties < TIES_MAX; set++) {
		if (compare_sets(s, set, first) != 0)
			continue;
		uint32_t now = first == set && ties == 0 ? 0 : freed_by(s, set);
		if (ties++ == 1)
			most = freed_by(s, first);
		if (ties > 1 && now > most) {
			most = now;
			best = set;
		}
	}
	*stuck = s->stuck[best];
	return best;
}

/* Case 0 ends all candidates, case i + 1 all but candidate i. */
static void choose_greedily(struct search *s, bool *chosen, uint32_t *stuck)
{
	s->sets = s->n + 1;
	s->words = (s->sets + 63) / 64;
	keep_all(s);
	for (size_t i = 0; i < s->n; i++) {
		uint64_t *keep = s->keep + i * s->words;
		memset(keep, 0, s->words * sizeof(*keep));
		keep[(i + 1) / 64] |= UINT64_C(1) << ((i + 1) % 64);
	}
	judge_sets(s);
	for (size_t i = 0; i < s->n; i++)
		chosen[i] = s->stuck[i + 1] > s->stuck[0] || s->behind[i + 1] > s->behind[0];
	*stuck = s->stuck[0];
}

/* 4. What each of it does. */

struct ranked {
	struct lock_action action;
	bool waits;
	uint32_t weight;
};

/* Cancels of those who wait, other cancels, terminates, statements; in each what frees most first. */
static int order_actions(const void *a, const void *b)
{
	const struct ranked *x = a;
	const struct ranked *y = b;
	if (x->action.remedy != y->action.remedy)
		return x->action.remedy < y->action.remedy ? -1 : 1;
	if (x->waits != y->waits)
		return x->waits ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->action.node < y->action.node ? -1 : x->action.node > y->action.node;
}

static void describe_actions(struct lock_graph *g)
{
	struct lock_move *m = &g->move;
	uint32_t nodes[LOCK_ACTIONS_MAX];
	enum lock_remedy remedies[LOCK_ACTIONS_MAX];
	struct lock_case cases[LOCK_ACTIONS_MAX];
	struct lock_frees frees[LOCK_ACTIONS_MAX];
	for (size_t i = 0; i < m->n; i++) {
		nodes[i] = m->action[i].node;
		remedies[i] = m->action[i].remedy;
		cases[i] = (struct lock_case){.nodes = nodes + i, .remedies = remedies + i, .n = 1};
	}
	locks_simulate(g, cases, m->n, frees);
	for (size_t i = 0; i < m->n; i++)
		m->action[i].alone = frees[i];
	for (size_t i = 0; i < m->n; i++)
		cases[i] = (struct lock_case){.nodes = nodes, .remedies = remedies, .n = i + 1};
	locks_simulate(g, cases, m->n, frees);
	for (size_t i = 0; i < m->n; i++) {
		struct lock_frees *then = &m->action[i].then;
		uint32_t before = i == 0 ? 0 : frees[i - 1].now;
		*then = frees[i];
		then->now = frees[i].now > before ? frees[i].now - before : 0;
		if (i > 0)
			then->later =
			        frees[i].later > frees[i - 1].later ? frees[i].later - frees[i - 1].later : 0;
	}
}

static void write_down(struct search *s, const bool *chosen)
{
	struct lock_graph *g = s->g;
	struct ranked *list = xcalloc(s->n + 1, sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct lock_node *it = &g->nodes[s->node[i]];
		if (chosen[i])
			list[n++] = (struct ranked){.action = {.node = s->node[i], .remedy = it->remedy},
			        .waits = it->blocked,
			        .weight = it->behind};
	}
	qsort(list, n, sizeof(*list), order_actions);
	g->move.total = (uint32_t)n;
	g->move.n = (uint32_t)(n < LOCK_ACTIONS_MAX ? n : LOCK_ACTIONS_MAX);
	for (size_t i = 0; i < g->move.n; i++)
		g->move.action[i] = list[i].action;
	free(list);
	describe_actions(g);
}

/* 5. The single cancel that frees most now. */

static int order_by_behind(const void *a, const void *b, void *arg)
{
	const struct lock_node *nodes = arg;
	const struct lock_node *x = &nodes[*(const uint32_t *)a];
	const struct lock_node *y = &nodes[*(const uint32_t *)b];
	if (x->convoy != y->convoy)
		return x->convoy ? -1 : 1;
	if (x->blocked != y->blocked)
		return x->blocked ? 1 : -1;
	if (x->behind != y->behind)
		return x->behind > y->behind ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void find_cancel(struct lock_graph *g)
{
	uint32_t *nodes = xcalloc(g->nnodes + 1, sizeof(*nodes));
	enum lock_remedy remedies[CANCELS_MAX];
	struct lock_case cases[CANCELS_MAX];
	uint32_t now[CANCELS_MAX];
	size_t n = 0, best = 0;
	g->move.cancel = (struct lock_action){.node = LOCK_NONE};
	for (uint32_t i = 0; i < g->nnodes; i++) {
		if (g->nodes[i].remedy == REMEDY_CANCEL && g->nodes[i].blocks)
			nodes[n++] = i;
	}
	qsort_r(nodes, n, sizeof(*nodes), order_by_behind, g->nodes);
	n = n < CANCELS_MAX ? n : CANCELS_MAX;
	for (size_t i = 0; i < n; i++) {
		remedies[i] = REMEDY_CANCEL;
		cases[i] = (struct lock_case){.nodes = nodes + i, .remedies = remedies + i, .n = 1};
	}
	if (n > 0)
		locks_freed_now(g, cases, n, now);
	for (size_t i = 1; i < n; i++)
		best = now[i] > now[best] ? i : best;
	if (n > 0 && now[best] > 0) {
		struct lock_action *a = &g->move.cancel;
		*a = (struct lock_action){.node = nodes[best], .remedy = REMEDY_CANCEL};
		locks_simulate(g, &cases[best], 1, &a->alone);
		a->then = a->alone;
	}
	free(nodes);
}

void locks_find_move(struct lock_graph *g)
{
	struct search s = {.g = g};
	g->move.cancel.node = LOCK_NONE;
	g->move.exact = true;
	if (g->counts.waiters == 0)
		return;
	s.node = xcalloc(g->nnodes + 1, sizeof(*s.node));
	s.in = xcalloc(g->nnodes + 1, sizeof(*s.in));
	find_candidates(&s);
	bool *chosen = xcalloc(s.n + 1, sizeof(*chosen));
	g->move.exact = s.n <= LOCK_EXACT_MAX;
	if (g->move.exact) {
		uint64_t set = choose_exactly(&s, &g->move.stuck);
		for (size_t i = 0; i < s.n; i++)
			chosen[i] = set >> i & 1;
	} else {
		choose_greedily(&s, chosen, &g->move.stuck);
	}
	write_down(&s, chosen);
	find_cancel(g);
	free(chosen);
	free(s.node);
	free(s.in);
	free(s.keep);
	free(s.keep_of);
	free(s.stuck);
	free(s.behind);
}
