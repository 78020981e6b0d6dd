/* Last pass: the picture as lines. A server stands once, under the first it follows; its other links stand
 * where they begin. What nobody feeds is a root; a ring of servers that feed each other begins at the first
 * of them. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/topology_parts.h"

enum { DEPTH_MAX = 60 };

struct walk {
	struct build *b;
	bool *placed; /* nodes */
	size_t cap;
};

static void add_line(
        struct walk *w, enum topology_line_kind kind, size_t index, unsigned depth, size_t cluster)
{
	struct topology *t = w->b->t;
	if (t->nlines == w->cap) {
		w->cap = w->cap == 0 ? 32 : w->cap * 2;
		t->line = xreallocarray(t->line, w->cap, sizeof(*t->line));
	}
	t->line[t->nlines++] =
	        (struct topology_line){.kind = kind, .index = index, .depth = depth, .cluster = cluster};
}

static bool is_tree_edge(const struct topology_edge *e)
{
	return e->kind != EDGE_LOGICAL;
}

/* A consumer that only a logical slot names has no place but under that slot's server. */
static bool hangs_on(const struct topology *t, const struct topology_edge *e)
{
	return is_tree_edge(e) || t->node[e->to].state == NODE_NAMED;
}

static bool shows_slot(const struct topology *t, const struct topology_slot *s)
{
	return s->edge == TOPOLOGY_NONE || s->severity >= SEVERITY_NOTICE ||
	       t->edge[s->edge].transport >= TRANSPORT_SILENT;
}

static void place(struct walk *w, size_t node, unsigned depth, size_t cluster)
{
	struct topology *t = w->b->t;
	w->placed[node] = true;
	add_line(w, LINE_NODE, node, depth, cluster);
	if (depth >= DEPTH_MAX)
		return;
	for (size_t e = 0; e < t->nedges; e++) {
		if (t->edge[e].from != node)
			continue;
		size_t to = t->edge[e].to;
		if (!w->placed[to] && hangs_on(t, &t->edge[e])) {
			t->node[to].parent = e;
			place(w, to, depth + 1, cluster);
		} else {
			add_line(w, LINE_EDGE, e, depth + 1, cluster);
		}
	}
	for (size_t s = 0; s < t->nslots; s++) {
		if (t->slot[s].node == node && shows_slot(t, &t->slot[s]))
			add_line(w, LINE_SLOT, s, depth + 1, cluster);
	}
}

static bool is_fed(const struct topology *t, size_t node)
{
	for (size_t e = 0; e < t->nedges; e++) {
		if (t->edge[e].to == node && hangs_on(t, &t->edge[e]))
			return true;
	}
	return false;
}

static bool has_links(const struct topology *t, size_t node)
{
	for (size_t e = 0; e < t->nedges; e++) {
		if (t->edge[e].to == node || t->edge[e].from == node)
			return true;
	}
	return false;
}

/* From below: whether more of the same parent follows decides how the line of a branch goes on. */
static void mark_siblings(struct topology *t)
{
	uint64_t open = 0;
	for (size_t i = t->nlines; i-- > 0;) {
		struct topology_line *l = &t->line[i];
		uint64_t deeper = l->depth >= 63 ? 0 : ~UINT64_C(0) << (l->depth + 1);
		l->more = open & ~deeper;
		open = (open & ~deeper) | UINT64_C(1) << l->depth;
		if (l->depth == 0)
			open = 0;
	}
}

void topology_tree(struct build *b)
{
	struct topology *t = b->t;
	struct walk w = {.b = b, .placed = xcalloc(t->nnodes + 1, sizeof(bool))};
	for (size_t c = 0; c < b->snap->config->nclusters; c++) {
		for (int round = 0; round < 2; round++) {
			for (size_t i = 0; i < t->nnodes; i++) {
				const struct topology_node *n = &t->node[i];
				bool nothing =
				        n->state == NODE_NAMED && n->group_state == NULL && !has_links(t, i);
				if (n->cluster == c && !w.placed[i] && !nothing &&
				        (round == 1 || !is_fed(t, i)))
					place(&w, i, 0, c);
			}
		}
	}
	mark_siblings(t);
	free(w.placed);
}
