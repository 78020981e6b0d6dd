/* Which lines the Replication view has: clusters, the tree of servers with slots, and below it who holds the
 * horizon. What is folded or filtered is left out; a line that matches keeps those it hangs on. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "views/replication_state.h"

static uint64_t of_kind(enum rrow_kind kind)
{
	return (uint64_t)kind + 1;
}

/* Who says the same of themselves, and is freed alike. */
static uint64_t likeness(const struct holder *h)
{
	uint64_t hash = list_hash(0, &h->kind, sizeof h->kind);

	hash = list_hash(hash, &h->instance, sizeof h->instance);
	hash = list_hash_text(hash, h->app ? h->app : h->user);
	hash = list_hash_text(hash, h->state);
	return list_hash_text(hash, h->frees);
}

struct list_key replication_key(
        const struct replication_state *st, const struct view_input *in, const struct replication_row *row)
{
	const struct topology *t = st->topology;
	uint64_t h = 0;

	switch (row->kind) {
	case RROW_CLUSTER:
		h = list_hash_text(0, in->snap->config->clusters[row->index].name);
		break;
	case RROW_NODE:
		h = list_hash_text(0, t->node[row->index].name);
		break;
	case RROW_EDGE:
		h = list_hash_text(0, t->node[t->edge[row->index].from].name);
		h = list_hash_text(h, t->node[t->edge[row->index].to].name);
		h = list_hash_text(h, t->edge[row->index].channel);
		h = list_hash(h, &row->index, sizeof row->index);
		break;
	case RROW_SLOT:
		h = list_hash_text(0, t->node[t->slot[row->index].node].name);
		h = list_hash_text(h, t->slot[row->index].name);
		break;
	case RROW_HORIZON:
		break;
	case RROW_HOLDER: {
		const struct holder *x = &st->horizon->item[row->index];

		h = list_hash_text(0, view_instance_name(in, x->instance));
		h = list_hash(h, &x->kind, sizeof x->kind);
		h = list_hash(h, &x->session.id, sizeof x->session.id);
		h = list_hash_text(h, x->name);
		break;
	}
	case RROW_ALIKE:
		h = list_hash_text(likeness(&st->horizon->item[row->index]),
		        view_instance_name(in, st->horizon->item[row->index].instance));
		break;
	}
	return (struct list_key){of_kind(row->kind), h};
}

bool replication_folded(const struct replication_state *st, enum rrow_kind kind, struct list_key key)
{
	bool begins = kind == RROW_ALIKE;

	for (size_t i = 0; i < st->nfolded; i++)
		if (list_key_equal(st->folded[i], key))
			return !begins;
	return begins;
}

const struct replication_row *replication_row(const struct replication_state *st, long row)
{
	return row >= 0 && (size_t)row < st->n ? &st->rows[row] : NULL;
}

const struct topology_edge *replication_edge(
        const struct replication_state *st, const struct replication_row *row)
{
	const struct topology *t = st->topology;

	if (row->kind == RROW_EDGE)
		return &t->edge[row->index];
	if (row->kind != RROW_NODE || t->node[row->index].parent == TOPOLOGY_NONE)
		return NULL;
	return &t->edge[t->node[row->index].parent];
}

const struct holder *replication_holder(const struct replication_state *st, const struct replication_row *row)
{
	bool holder = row && (row->kind == RROW_HOLDER || row->kind == RROW_ALIKE);

	return holder ? &st->horizon->item[row->index] : NULL;
}

long replication_instance(const struct replication_state *st, const struct replication_row *row)
{
	const struct topology *t = st->topology;

	switch (row->kind) {
	case RROW_NODE:
		return t->node[row->index].instance;
	case RROW_EDGE:
		return t->node[t->edge[row->index].to].instance;
	case RROW_SLOT:
		return t->node[t->slot[row->index].node].instance;
	case RROW_HOLDER:
	case RROW_ALIKE:
		return (long)st->horizon->item[row->index].instance;
	case RROW_CLUSTER:
	case RROW_HORIZON:
		break;
	}
	return -1;
}

static void add(struct replication_state *st, const struct view_input *in, struct replication_row row)
{
	if (st->n == st->cap) {
		st->cap = st->cap ? st->cap * 2 : 64;
		st->rows = xreallocarray(st->rows, st->cap, sizeof *st->rows);
		st->keys = xreallocarray(st->keys, st->cap, sizeof *st->keys);
	}
	st->rows[st->n] = row;
	st->keys[st->n] = replication_key(st, in, &row);
	st->n++;
}

/* --- Scope and filter */

struct access {
	const struct replication_state *st;
	const struct view_input *in;
	const struct replication_row *row;
	char scratch[512];
};

static bool access_text(const void *arg, int column, const char **s, size_t *n)
{
	struct access *a = (struct access *)(uintptr_t)arg;

	if (!replication_text(a->st, a->in, a->row, column, a->scratch, sizeof a->scratch, s))
		return false;
	*n = strlen(*s);
	return true;
}

static bool access_number(const void *arg, int column, double *v)
{
	const struct access *a = arg;

	*v = replication_number(a->st, a->row, column);
	return *v == *v;
}

static bool matches(
        const struct replication_state *st, const struct view_input *in, const struct replication_row *row)
{
	struct access a = {.st = st, .in = in, .row = row};
	const struct filter_row f = {.text = access_text, .number = access_number, .row = &a};

	return filter_match(st->filter.filter, &f);
}

/* A server that is only named belongs to the scope of its cluster. */
static bool in_scope(const struct replication_state *st, const struct view_input *in, size_t node)
{
	const struct topology_node *n = &st->topology->node[node];

	if (in->scope.instance < 0)
		return in->scope.cluster < 0 || (size_t)in->scope.cluster == n->cluster;
	return st->topology->of_instance[in->scope.instance] == node;
}

static bool line_in_scope(
        const struct replication_state *st, const struct view_input *in, const struct topology_line *l)
{
	const struct topology *t = st->topology;

	if (in->scope.instance < 0)
		return in->scope.cluster < 0 || (size_t)in->scope.cluster == l->cluster;
	switch (l->kind) {
	case LINE_EDGE:
		return in_scope(st, in, t->edge[l->index].from) || in_scope(st, in, t->edge[l->index].to);
	case LINE_SLOT:
		return in_scope(st, in, t->slot[l->index].node);
	case LINE_NODE:
		break;
	}
	if (in_scope(st, in, l->index))
		return true;
	/* One instance alone says nothing: its neighbours stay. */
	for (size_t e = 0; e < t->nedges; e++)
		if ((t->edge[e].from == l->index && in_scope(st, in, t->edge[e].to)) ||
		        (t->edge[e].to == l->index && in_scope(st, in, t->edge[e].from)))
			return true;
	return false;
}

static struct replication_row row_of_line(const struct topology_line *l)
{
	static const enum rrow_kind kinds[] = {
	        [LINE_NODE] = RROW_NODE, [LINE_EDGE] = RROW_EDGE, [LINE_SLOT] = RROW_SLOT};

	return (struct replication_row){
	        .kind = kinds[l->kind], .index = l->index, .depth = l->depth, .more = l->more};
}

/* Which lines stay: those that match, and those above them. From below, so that a parent knows. */
static void choose(struct replication_state *st, const struct view_input *in, bool *keep)
{
	const struct topology *t = st->topology;
	uint64_t wanted = 0;

	for (size_t i = t->nlines; i-- > 0;) {
		const struct topology_line *l = &t->line[i];
		unsigned depth = l->depth < 62 ? l->depth : 62;
		struct replication_row row = row_of_line(l);
		bool beneath = wanted >> (depth + 1) & 1;
		bool seen = line_in_scope(st, in, l);
		bool fits = seen && (!st->filter.filter || matches(st, in, &row));

		keep[i] = fits || beneath;
		st->filtered += seen && !keep[i] && row.kind == RROW_NODE;
		wanted &= (UINT64_C(1) << (depth + 1)) - 1;
		wanted |= (uint64_t)keep[i] << depth;
		if (depth == 0)
			wanted = 0;
	}
}

static void add_tree(struct replication_state *st, const struct view_input *in)
{
	const struct topology *t = st->topology;
	bool *keep = xcalloc(t->nlines + 1, sizeof *keep);
	size_t cluster = TOPOLOGY_NONE;
	const struct config *cfg = in->snap->config;
	bool hidden = false;
	unsigned below = ~0u; /* lines deeper than this are folded away */

	/* Without clusters there is nothing to group by. */
	st->headed = cfg->nclusters > 1 || (cfg->nclusters == 1 && cfg->clusters[0].name[0]);
	choose(st, in, keep);
	for (size_t i = 0; i < t->nlines; i++) {
		const struct topology_line *l = &t->line[i];

		if (!keep[i])
			continue;
		if (st->headed && l->cluster != cluster) {
			cluster = l->cluster;
			add(st, in,
			        (struct replication_row){
			                .kind = RROW_CLUSTER, .index = cluster, .parent = true});
			hidden = replication_folded(st, RROW_CLUSTER, st->keys[st->n - 1]);
			below = ~0u;
		}
		if (hidden || l->depth > below)
			continue;
		struct replication_row row = row_of_line(l);

		row.parent = i + 1 < t->nlines && t->line[i + 1].depth > l->depth;
		add(st, in, row);
		below = row.parent && replication_folded(st, row.kind, st->keys[st->n - 1]) ? l->depth : ~0u;
	}
	free(keep);
}

/* --- Who holds the horizon */

enum { FOLD_FROM = 3 }; /* as many alike are one line: a leak must not push a slot off the screen */

struct alike {
	uint64_t hash;
	uint32_t at, next; /* of the horizon; next: the one that is alike and follows, 0 none */
	uint32_t count;    /* for the worst of those who are alike; 0: stands behind another, 1: alone */
};

static int compare_alike(const void *a, const void *b)
{
	const struct alike *x = a;
	const struct alike *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* A slot or a standby is somebody; sessions and prepared transactions come in swarms. The line under the
 * cursor is not taken away into a fold that is closed. */
static bool may_fold(const struct replication_state *st, const struct view_input *in, size_t holder)
{
	enum holder_kind kind = st->horizon->item[holder].kind;
	const struct replication_row row = {.kind = RROW_HOLDER, .index = holder};
	const struct replication_row fold = {.kind = RROW_ALIKE, .index = holder};

	if (kind != HOLDER_SESSION && kind != HOLDER_PREPARED)
		return false;
	return !list_key_equal(replication_key(st, in, &row), st->list.cursor) ||
	       !replication_folded(st, RROW_ALIKE, replication_key(st, in, &fold));
}

/* One for each holder, in their order; count 0 and next 0: left out. */
static struct alike *find_alike(const struct replication_state *st, const struct view_input *in)
{
	size_t m = 0, n = st->horizon->n;
	struct alike *all = xcalloc(n + 1, sizeof *all);
	struct alike *list = xcalloc(n + 1, sizeof *list);

	for (size_t i = 0; i < n; i++) {
		const struct replication_row row = {.kind = RROW_HOLDER, .index = i};

		if (!scope_has(&in->scope, in->snap, st->horizon->item[i].instance) ||
		        (st->filter.filter && !matches(st, in, &row)))
			continue;
		all[i].count = 1;
		if (may_fold(st, in, i))
			list[m++] =
			        (struct alike){.hash = likeness(&st->horizon->item[i]), .at = (uint32_t)i};
	}
	qsort(list, m, sizeof *list, compare_alike);
	for (size_t i = 0, end; i < m; i = end) {
		for (end = i + 1; end < m && list[end].hash == list[i].hash; end++)
			continue;
		for (size_t k = i; end - i >= FOLD_FROM && k < end; k++) {
			all[list[k].at].count = k == i ? (uint32_t)(end - i) : 0;
			all[list[k].at].next = k + 1 < end ? list[k + 1].at : 0;
		}
	}
	free(list);
	return all;
}

static void add_holder(
        struct replication_state *st, const struct view_input *in, const struct alike *all, size_t i)
{
	struct replication_row row = {.kind = RROW_HOLDER, .index = i};

	if (all[i].count == 1) {
		add(st, in, row);
		return;
	}
	row.kind = RROW_ALIKE;
	row.count = all[i].count;
	row.parent = true;
	add(st, in, row);
	if (replication_folded(st, RROW_ALIKE, st->keys[st->n - 1]))
		return;
	row = (struct replication_row){.kind = RROW_HOLDER, .depth = 1};
	do {
		row.index = i;
		row.more = all[i].next ? 1u << 1 : 0;
		add(st, in, row);
		i = all[i].next;
	} while (i);
}

static void add_horizon(struct replication_state *st, const struct view_input *in)
{
	struct alike *all = find_alike(st, in);
	bool begun = false, folded = false;

	for (size_t i = 0; i < st->horizon->n && !folded; i++) {
		if (all[i].count == 0)
			continue;
		if (!begun) {
			begun = true;
			add(st, in, (struct replication_row){.kind = RROW_HORIZON, .parent = true});
			folded = replication_folded(st, RROW_HORIZON, st->keys[st->n - 1]);
		}
		if (!folded)
			add_holder(st, in, all, i);
	}
	free(all);
}

void replication_collect(struct replication_state *st, const struct view_input *in)
{
	horizon_free(st->horizon);
	st->horizon = horizon_build(in->snap);
	st->topology = in->findings->topology;
	st->n = 0;
	st->filtered = 0;
	add_tree(st, in);
	add_horizon(st, in);
}
