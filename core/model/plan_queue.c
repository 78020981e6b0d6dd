/* What an action frees, by the queues of the Locks view where they have just been read: the dialog must not
 * say something else than the screen behind it. */
#include "core/model/locks.h"
#include "core/model/plan_parts.h"

enum { EDGES_MAX = 16 };

static bool waits_for_prepared(const struct lock_graph *g, const struct lock_node *n)
{
	struct lock_edge edges[EDGES_MAX];
	if (n->waits_in == LOCK_NONE)
		return false;
	size_t count = locks_blockers(g, n->waits_in, edges, EDGES_MAX);
	for (size_t i = 0; i < count && i < EDGES_MAX; i++) {
		if (g->nodes[edges[i].blocker].kind == SESSION_PREPARED)
			return true;
	}
	return false;
}

bool plan_frees_by_queues(const struct plan_input *in, size_t instance, const struct plan_row *r,
        const struct locks *locks, struct plan_effect *out)
{
	if (locks == NULL || snapshot_is_stale(in->snap, instance, "locks"))
		return false;
	const struct lock_graph *g = locks_at(locks, instance);
	if (g->sample == NULL || g->gated || g->gate != NULL)
		return false;
	*out = (struct plan_effect){.now = 0};
	const struct lock_node *n = locks_find(g, r->id, NULL);
	if (n == NULL)
		return true;
	uint32_t node = (uint32_t)(n - g->nodes);
	bool cancel = in->kind == ACTION_CANCEL;
	struct lock_frees f;
	locks_release(g, &node, 1, cancel ? REMEDY_CANCEL : REMEDY_TERMINATE, &f);
	out->now = f.now;
	out->later = f.later;
	out->behind = f.behind == LOCK_NONE || g->nodes[f.behind].id <= 0 ? 0 : g->nodes[f.behind].id;
	out->behind_prepared = waits_for_prepared(g, n);
	/* Outside PostgreSQL a cancelled statement gives its locks back only if it is all of its
	 * transaction, which is not known. */
	if (cancel && r->engine != ENGINE_POSTGRES && !n->blocked && n->blocks && f.now == 0)
		out->now = out->later = -1;
	return true;
}
