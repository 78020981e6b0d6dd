/* Which lines the tree has: for each instance with something to say its move, then its roots with those
 * behind them. Many who wait alike are one line; the one under the cursor stays a line of its own, so that
 * the operator never loses it to a fold. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/fingerprint.h"
#include "views/locks_state.h"

enum { FOLD_FROM = 3, ACTIONS_SHOWN = 4, FINGERPRINT_MAX = 256 };

/* --- Names of lines */

struct list_key locks_node_key(const struct view_input *in, size_t instance, const struct lock_node *n)
{
	uint64_t a = list_hash_text(0, view_instance_name(in, instance));

	return (struct list_key){list_hash_text(a, n->gid), (uint64_t)n->id};
}

static struct list_key other_key(const struct view_input *in, size_t instance, const char *what, uint64_t b)
{
	uint64_t a = list_hash_text(0, view_instance_name(in, instance));

	return (struct list_key){list_hash_text(a, what), b + 1};
}

const struct lock_graph *locks_graph(const struct locks_state *st, size_t instance)
{
	return locks_at(st->locks, instance);
}

const struct locks_row *locks_current(const struct locks_state *st)
{
	long row = list_row(&st->list);

	return row < 0 || (size_t)row >= st->n ? NULL : &st->rows[row];
}

bool locks_in_set(const struct list_key *set, size_t n, struct list_key key)
{
	for (size_t i = 0; i < n; i++)
		if (list_key_equal(set[i], key))
			return true;
	return false;
}

static struct locks_row *add_row(struct locks_state *st, struct list_key key)
{
	if (st->n == st->cap) {
		st->cap = st->cap * 2 + 64;
		st->rows = xreallocarray(st->rows, st->cap, sizeof *st->rows);
		st->keys = xreallocarray(st->keys, st->cap, sizeof *st->keys);
	}
	st->keys[st->n] = key;
	st->rows[st->n] = (struct locks_row){.node = LOCK_NONE};
	return &st->rows[st->n++];
}

/* --- The filter */

struct access {
	const struct view_input *in;
	const struct lock_graph *g;
	size_t instance;
	uint32_t node;
	struct buf *b;
};

static bool row_text(const void *arg, int column, const char **s, size_t *n)
{
	const struct access *a = arg;
	const struct lock_node *node = &a->g->nodes[a->node];
	const struct session *session = locks_session(a->g, node);

	buf_reset(a->b);
	switch (column) {
	case LCOL_NODE:
		locks_who_text(a->g, a->node, a->b);
		break;
	case LCOL_WHAT:
		locks_what_text(a->g, a->node, a->b);
		break;
	case LCOL_LOCK:
	case LEXTRA_OBJECT:
		locks_lock_text(a->g, a->node, 0, false, a->b);
		break;
	case LCOL_QUERY:
		if (session && session->query_n > 0)
			buf_put(a->b, session->query, session->query_n);
		break;
	case LEXTRA_APP:
		buf_puts(a->b, session && session->app ? session->app : "");
		break;
	case LEXTRA_USER:
		buf_puts(a->b, session && session->user ? session->user : "");
		break;
	case LEXTRA_DB:
		buf_puts(a->b, session && session->db ? session->db : "");
		break;
	case LEXTRA_INSTANCE:
		buf_puts(a->b, view_instance_name(a->in, a->instance));
		break;
	default:
		return false;
	}
	*s = buf_str(a->b);
	*n = a->b->len;
	return a->b->len > 0;
}

static bool row_number(const void *arg, int column, double *v)
{
	const struct access *a = arg;
	const struct lock_node *node = &a->g->nodes[a->node];

	if (column == LEXTRA_ID)
		*v = (double)node->id;
	else if (column == LEXTRA_AGE && node->waiting_ms >= 0)
		*v = (double)node->waiting_ms / 1000.0;
	else
		return false;
	return true;
}

/* Who matches, and everybody on the way up from there, so that a match keeps its cause. */
static void find_shown(struct locks_state *st, const struct view_input *in, size_t instance, bool *shown)
{
	const struct lock_graph *g = locks_graph(st, instance);
	struct buf b;

	buf_init(&b, 16384);
	for (size_t i = g->nwalk; i-- > 0;) {
		uint32_t at = g->walk[i];
		const struct access access = {.in = in, .g = g, .instance = instance, .node = at, .b = &b};
		const struct filter_row row = {.text = row_text, .number = row_number, .row = &access};

		if (!shown[at] && st->filter.filter && !filter_match(st->filter.filter, &row)) {
			st->filtered_out += g->nodes[at].blocked;
			continue;
		}
		shown[at] = true;
		if (g->nodes[at].parent != LOCK_NONE)
			shown[g->nodes[at].parent] = true;
	}
	buf_free(&b);
}

/* --- Who is alike */

struct alike {
	uint64_t hash;
	uint32_t node, count;
};

static uint64_t hash_of(const struct lock_graph *g, uint32_t node)
{
	const struct lock_node *n = &g->nodes[node];
	const struct session *s = locks_session(g, n);
	const struct lock_entry *e = n->waits_in == LOCK_NONE ? NULL : &g->entries[n->waits_in];
	uint64_t h = list_hash_text(1, locks_app(g, node));
	uint32_t state[4] = {s ? (uint32_t)s->state : 99, e ? e->queue : LOCK_NONE, n->soft, n->likely};

	h = list_hash(h, state, sizeof state);
	h = list_hash_text(h, e ? e->mode : NULL);
	/* Roots are alike when they hold the same up. */
	for (uint32_t i = n->entries; !e && i < n->entries + n->nentries; i++) {
		const struct lock_entry *held = &g->entries[g->of_node[i]];

		if (held->held && g->queues[held->queue].nwaiting > 0)
			h = list_hash(list_hash_text(h, held->mode), &held->queue, sizeof held->queue);
	}
	if (s && s->query_n > 0) {
		uint64_t f = fingerprint_of(g->engine == ENGINE_POSTGRES ? REDACT_POSTGRES : REDACT_MYSQL,
		        s->query, s->query_n < FINGERPRINT_MAX ? s->query_n : FINGERPRINT_MAX);

		h = list_hash(h, &f, sizeof f);
	}
	return h == 0 ? 1 : h;
}

static int compare_alike(const void *a, const void *b)
{
	const struct alike *x = a;
	const struct alike *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* --- The tree */

struct growing {
	struct locks_state *st;
	const struct view_input *in;
	const struct lock_graph *g;
	size_t instance;
	bool *shown;
	/* Of each node: how many are alike and hang at the same place; of all but the first 0. */
	uint32_t *alike;
	uint32_t *next; /* the next one that is alike, + 1 */
};

/* May it stand for others, or disappear among them? */
static bool may_fold(const struct growing *w, uint32_t node, bool root)
{
	const struct lock_node *n = &w->g->nodes[node];
	size_t children;

	if (!w->shown[node] || (!root && n->convoy) || (root && n->circle))
		return false;
	locks_children(w->g, node, &children);
	return children == 0 && (w->st->explicit || !list_key_equal(w->st->list.cursor,
	                                                    locks_node_key(w->in, w->instance, n)));
}

/* Joins those of a list that are alike to chains. */
static void find_alike(struct growing *w, const uint32_t *nodes, size_t n, bool root)
{
	struct alike *list = xcalloc(n + 1, sizeof *list);
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		w->alike[nodes[i]] = 1;
		w->next[nodes[i]] = 0;
		/* Sorted by their place, so that the first of those who are alike stands for them. */
		if (may_fold(w, nodes[i], root))
			list[m++] = (struct alike){.hash = hash_of(w->g, nodes[i]), .node = (uint32_t)i};
	}
	qsort(list, m, sizeof *list, compare_alike);
	for (size_t i = 0, end; i < m; i = end) {
		for (end = i + 1; end < m && list[end].hash == list[i].hash; end++)
			continue;
		if (end - i < FOLD_FROM)
			continue;
		for (size_t k = i; k < end; k++) {
			w->alike[nodes[list[k].node]] = k == i ? (uint32_t)(end - i) : 0;
			w->next[nodes[list[k].node]] = k + 1 < end ? nodes[list[k + 1].node] + 1 : 0;
		}
	}
	free(list);
}

static struct locks_row *add_node(
        struct growing *w, uint32_t node, unsigned depth, uint64_t closed, bool last)
{
	struct list_key key = locks_node_key(w->in, w->instance, &w->g->nodes[node]);
	struct locks_row *r = add_row(w->st, key);

	r->kind = LROW_NODE;
	r->instance = (uint32_t)w->instance;
	r->node = node;
	r->depth = (uint8_t)(depth < LOCKS_DEPTH_MAX ? depth : LOCKS_DEPTH_MAX);
	r->closed = closed;
	r->last = last;
	r->folded = locks_in_set(w->st->closed, w->st->nclosed, key);
	return r;
}

static void add_fold(struct growing *w, uint32_t node, unsigned depth, uint64_t closed, bool last)
{
	uint32_t parent = w->g->nodes[node].parent;
	uint64_t b = hash_of(w->g, node) ^ (parent == LOCK_NONE ? 0 : (uint64_t)w->g->nodes[parent].id << 1);
	struct list_key key = other_key(w->in, w->instance, "fold", b);
	struct locks_row *r = add_row(w->st, key);

	r->kind = LROW_FOLD;
	r->instance = (uint32_t)w->instance;
	r->node = node;
	r->count = w->alike[node];
	r->depth = (uint8_t)(depth < LOCKS_DEPTH_MAX ? depth : LOCKS_DEPTH_MAX);
	r->closed = closed;
	r->last = last;
	r->opened = locks_in_set(w->st->opened, w->st->nopened, key);
	if (!r->opened)
		return;
	for (uint32_t at = node; at != LOCK_NONE; at = w->next[at] ? w->next[at] - 1 : LOCK_NONE)
		add_node(w, at, depth + 1, closed | (last ? UINT64_C(1) << (depth & 63) : 0), !w->next[at]);
}

struct branch {
	const uint32_t *nodes;
	size_t n, at;
	uint64_t closed;
};

static bool is_line(const struct growing *w, uint32_t node)
{
	return w->shown[node] && w->alike[node] > 0;
}

/* The last line of a branch has another corner. */
static bool is_last(const struct growing *w, const struct branch *b)
{
	for (size_t i = b->at; i < b->n; i++)
		if (is_line(w, b->nodes[i]))
			return false;
	return true;
}

/* From a root down, without recursion: chains are as long as people queue. */
static void grow(struct growing *w, const uint32_t *roots, size_t n)
{
	struct branch *stack = xcalloc(w->g->nnodes + 2, sizeof *stack);
	size_t depth = 1;

	find_alike(w, roots, n, true);
	stack[0] = (struct branch){.nodes = roots, .n = n};
	while (depth > 0) {
		struct branch *b = &stack[depth - 1];

		if (b->at == b->n) {
			depth--;
			continue;
		}
		uint32_t node = b->nodes[b->at++];

		if (!is_line(w, node))
			continue;
		bool last = is_last(w, b);

		if (w->alike[node] > 1) {
			add_fold(w, node, (unsigned)depth - 1, b->closed, last);
			continue;
		}
		const struct locks_row *r = add_node(w, node, (unsigned)depth - 1, b->closed, last);
		size_t children;
		const uint32_t *list = locks_children(w->g, node, &children);

		if (children == 0 || r->folded || depth > w->g->nnodes)
			continue;
		find_alike(w, list, children, false);
		stack[depth] = (struct branch){.nodes = list,
		        .n = children,
		        .closed = b->closed |
		                  (last && depth <= LOCKS_DEPTH_MAX ? UINT64_C(1) << (depth - 1) : 0)};
		depth++;
	}
	free(stack);
}

/* --- One instance */

void locks_say_line(struct locks_state *st, const struct view_input *in, size_t instance, enum style style,
        const char *text, const char *name, uint64_t number)
{
	if (st->nlines == st->lines_cap) {
		st->lines_cap = st->lines_cap * 2 + 16;
		st->lines = xreallocarray(st->lines, st->lines_cap, sizeof *st->lines);
	}
	struct locks_row *r = add_row(st, other_key(in, instance, name, number));

	r->kind = LROW_NOTE;
	r->instance = (uint32_t)instance;
	r->index = (uint32_t)st->nlines;
	st->lines[st->nlines].style = style;
	snprintf(st->lines[st->nlines++].text, sizeof st->lines->text, "%s", text);
}

static void add_actions(struct locks_state *st, const struct view_input *in, size_t instance)
{
	const struct lock_graph *g = locks_graph(st, instance);
	const struct lock_move *m = &g->move;
	uint32_t shown = m->n > ACTIONS_SHOWN ? ACTIONS_SHOWN : m->n;
	char text[LOCKS_NOTE_MAX];

	for (uint32_t i = 0; i < shown; i++) {
		struct locks_row *r = add_row(st, other_key(in, instance, "action", i));

		r->kind = LROW_ACTION;
		r->instance = (uint32_t)instance;
		r->index = i;
	}
	if (m->total > shown) {
		snprintf(text, sizeof text, "           and %u more", m->total - shown);
		locks_say_line(st, in, instance, STYLE_DIM, text, "more", 0);
	}
	if (m->cancel.node != LOCK_NONE && (m->n == 0 || m->action[0].node != m->cancel.node)) {
		struct locks_row *r = add_row(st, other_key(in, instance, "cancel", 0));

		r->kind = LROW_ACTION;
		r->instance = (uint32_t)instance;
		r->index = LOCK_NONE;
	}
	if (m->stuck == 0)
		return;
	snprintf(text, sizeof text, "%s%u go%s on waiting: who holds it up is protected, hidden or not named",
	        m->n ? "           " : "", m->stuck, m->stuck == 1 ? "es" : "");
	locks_say_line(st, in, instance, STYLE_NOTICE, text, "stuck", 0);
	st->any_move = true;
}

static void add_instance(struct locks_state *st, const struct view_input *in, size_t instance)
{
	const struct lock_graph *g = locks_graph(st, instance);

	if (g->counts.waiters > 0 && st->many) {
		struct locks_row *r = add_row(st, other_key(in, instance, "instance", 0));

		r->kind = LROW_INSTANCE;
		r->instance = (uint32_t)instance;
	}
	if (g->gate) {
		char text[LOCKS_NOTE_MAX];

		snprintf(text, sizeof text, "%s%s%.200s", st->many ? view_instance_name(in, instance) : "",
		        st->many ? ": " : "", g->gate);
		locks_say_line(st, in, instance, STYLE_NOTICE, text, "gate", 0);
	}
	if (g->counts.waiters == 0)
		return;
	st->waiters += g->counts.waiters;
	st->roots += g->counts.roots;
	if (g->counts.longest_ms > st->longest_ms)
		st->longest_ms = g->counts.longest_ms;
	add_actions(st, in, instance);
	struct growing w = {.st = st,
	        .in = in,
	        .g = g,
	        .instance = instance,
	        .shown = xcalloc(g->nnodes + 1, sizeof *w.shown),
	        .alike = xcalloc(g->nnodes + 1, sizeof *w.alike),
	        .next = xcalloc(g->nnodes + 1, sizeof *w.next)};

	find_shown(st, in, instance, w.shown);
	grow(&w, g->roots, g->nroots);
	free(w.shown);
	free(w.alike);
	free(w.next);
}

static void use_models(struct locks_state *st, const struct view_input *in)
{
	const struct sessions *given = in->findings ? in->findings->sessions : NULL;

	if (!given || sessions_count(given) != in->snap->n) {
		if (!st->own_sessions)
			st->own_sessions = sessions_new();
		sessions_update(st->own_sessions, in->snap);
		given = st->own_sessions;
	}
	st->sessions = given;
	locks_update(st->locks, in->snap, given);
}

static int compare_instances(const void *a, const void *b, void *arg)
{
	const struct locks_state *st = arg;
	const struct lock_counts *x = &locks_graph(st, *(const uint32_t *)a)->counts;
	const struct lock_counts *y = &locks_graph(st, *(const uint32_t *)b)->counts;

	if (x->waiters != y->waiters)
		return x->waiters > y->waiters ? -1 : 1;
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

void locks_collect(struct locks_state *st, const struct view_input *in)
{
	uint32_t *order = xcalloc(in->snap->n + 1, sizeof *order);
	size_t n = 0;

	use_models(st, in);
	for (size_t i = 0; i < in->snap->n; i++)
		if (scope_has(&in->scope, in->snap, i))
			order[n++] = (uint32_t)i;
	st->many = n > 1;
	st->n = st->nlines = 0;
	st->waiters = st->roots = st->filtered_out = 0;
	st->longest_ms = -1;
	st->any_move = false;
	/* Where most wait stands first. */
	qsort_r(order, n, sizeof *order, compare_instances, st);
	for (size_t i = 0; i < n; i++)
		add_instance(st, in, order[i]);
	free(order);
	locks_collect_past(st, in);
}
