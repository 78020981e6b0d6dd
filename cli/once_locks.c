/* What `once --view locks` adds to the JSON of each instance: who waits for whom as edges, and the best move.
 * Of a queue longer than QUEUE_LONG only who is immediately in the way is named: all its pairs are quadratic.
 */
#include "cli/once.h"
#include "cli/once_parts.h"

#include "core/model/locks.h"

enum { QUEUE_LONG = 50 };

static json_t *ms_json(int64_t ms)
{
	return ms >= 0 ? json_real((double)ms / 1000.0) : json_null();
}

/* A session by its id, a prepared transaction by its name; null: nobody names it. */
static json_t *node_json(const struct lock_graph *g, uint32_t node)
{
	const struct lock_node *n = &g->nodes[node];
	if (n->id > 0)
		return json_integer(n->id);
	return n->id == 0 ? once_json_text(n->gid != NULL ? n->gid : "prepared transaction") : json_null();
}

static void add_edge(json_t *edges, const struct lock_graph *g, const struct lock_edge *edge)
{
	const struct lock_entry *e = &g->entries[edge->entry];
	const struct lock_queue *q = &g->queues[e->queue];
	json_t *j = json_object();
	json_object_set_new(j, "waiter", node_json(g, edge->waiter));
	json_object_set_new(j, "blocker", node_json(g, edge->blocker));
	json_object_set_new(j, "kind", json_string(lock_kind_name(q->kind)));
	json_object_set_new(j, "mode", once_json_text(e->mode));
	json_object_set_new(j, "object", once_json_text(q->object));
	json_object_set_new(j, "soft", json_boolean(edge->soft));
	json_object_set_new(j, "likely", json_boolean(edge->likely));
	json_object_set_new(j, "waiting_s", ms_json(e->waiting_ms));
	json_array_append_new(edges, j);
}

static void add_edges_of(json_t *edges, const struct lock_graph *g, uint32_t entry)
{
	struct lock_edge list[QUEUE_LONG];
	const struct lock_entry *e = &g->entries[entry];
	const struct lock_queue *q = &g->queues[e->queue];
	bool long_one = q->nheld + q->nwaiting > QUEUE_LONG;
	size_t n = locks_blockers(g, entry, list, QUEUE_LONG);
	for (size_t i = 0; i < n && i < QUEUE_LONG; i++) {
		/* Holders come first; behind the first who waits nothing is immediate. */
		if (long_one && list[i].soft && i > 0)
			return;
		add_edge(edges, g, &list[i]);
	}
}

static json_t *frees_json(const struct lock_graph *g, const struct lock_frees *f)
{
	json_t *j = json_object();
	json_object_set_new(j, "now", json_integer(f->now));
	json_object_set_new(j, "later", json_integer(f->later));
	json_object_set_new(j, "behind", f->behind == LOCK_NONE ? json_null() : node_json(g, f->behind));
	json_object_set_new(j, "takes", json_boolean(f->takes));
	return j;
}

static json_t *action_json(const struct lock_graph *g, const struct lock_action *a)
{
	static const char *const words[] = {[REMEDY_NONE] = "none",
	        [REMEDY_CANCEL] = "cancel",
	        [REMEDY_TERMINATE] = "terminate",
	        [REMEDY_STATEMENT] = "statement"};
	if (a->node == LOCK_NONE)
		return json_null();
	json_t *j = json_object();
	struct buf statement;
	buf_init(&statement, 4096);
	if (a->remedy == REMEDY_STATEMENT)
		locks_remedy_statement(g, a->node, &statement);
	json_object_set_new(j, "action", json_string(words[a->remedy]));
	json_object_set_new(j, "id", node_json(g, a->node));
	json_object_set_new(j, "statement", once_json_text(buf_str(&statement)));
	json_object_set_new(j, "frees", frees_json(g, &a->alone));
	json_object_set_new(j, "frees_then", frees_json(g, &a->then));
	buf_free(&statement);
	return j;
}

static json_t *move_json(const struct lock_graph *g)
{
	const struct lock_move *m = &g->move;
	if (g->counts.waiters == 0)
		return json_null();
	json_t *j = json_object(), *actions = json_array();
	for (uint32_t i = 0; i < m->n; i++)
		json_array_append_new(actions, action_json(g, &m->action[i]));
	json_object_set_new(j, "actions", actions);
	json_object_set_new(j, "total", json_integer(m->total));
	json_object_set_new(j, "exact", json_boolean(m->exact));
	json_object_set_new(j, "stuck", json_integer(m->stuck));
	json_object_set_new(j, "single_cancel", action_json(g, &m->cancel));
	return j;
}

static void add_instance(json_t *j, const struct lock_graph *g)
{
	json_t *edges = g->known ? json_array() : json_null();
	for (uint32_t i = 0; g->known && i < g->nentries; i++) {
		if (g->entries[i].blocked)
			add_edges_of(edges, g, i);
	}
	json_object_set_new(j, "waiters", g->known ? json_integer(g->counts.waiters) : json_null());
	json_object_set_new(j, "roots", g->known ? json_integer(g->counts.roots) : json_null());
	json_object_set_new(j, "edges", edges);
	json_object_set_new(j, "best_move", move_json(g));
	json_object_set_new(j, "note", once_json_text(g->gate != NULL ? g->gate : g->grouped));
}

void once_locks(const struct snapshot *snap, json_t *root)
{
	struct sessions *sessions = sessions_new();
	struct locks *locks = locks_new();
	json_t *instances = json_object_get(root, "instances");
	sessions_update(sessions, snap);
	locks_update(locks, snap, sessions);
	for (size_t i = 0; i < snap->n; i++)
		add_instance(json_array_get(instances, i), locks_at(locks, i));
	locks_free(locks);
	sessions_free(sessions);
}
