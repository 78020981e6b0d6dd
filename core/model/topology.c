/* One picture of replication from a snapshot: read what each server says, join both ends, compute, say, lay
 * out as a tree. Each step is a file of its own. */
#include "core/model/topology.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/model/topology_parts.h"

const char *node_state_name(enum node_state s)
{
	static const char *const names[] = {
	        [NODE_UP] = "up", [NODE_SILENT] = "silent", [NODE_NAMED] = "not configured"};
	return names[s];
}

const char *edge_kind_name(enum edge_kind k)
{
	static const char *const names[] = {[EDGE_WAL] = "wal",
	        [EDGE_BINLOG] = "binlog",
	        [EDGE_LOGICAL] = "logical",
	        [EDGE_GROUP] = "group"};
	return names[k];
}

const char *edge_transport_name(enum edge_transport t)
{
	static const char *const names[] = {[TRANSPORT_UNKNOWN] = "unknown",
	        [TRANSPORT_STREAMING] = "streaming",
	        [TRANSPORT_CATCHUP] = "catching up",
	        [TRANSPORT_BACKUP] = "backup",
	        [TRANSPORT_CONNECTING] = "connecting",
	        [TRANSPORT_SILENT] = "silent",
	        [TRANSPORT_STOPPED] = "stopped",
	        [TRANSPORT_ERROR] = "error"};
	return names[t];
}

const char *edge_apply_name(enum edge_apply a)
{
	static const char *const names[] = {[APPLY_UNKNOWN] = "unknown",
	        [APPLY_RUNNING] = "running",
	        [APPLY_DELAYED] = "delayed",
	        [APPLY_PAUSED] = "paused",
	        [APPLY_CONFLICT] = "conflict",
	        [APPLY_STOPPED] = "stopped",
	        [APPLY_ERROR] = "error"};
	return names[a];
}

const char *lag_confidence_name(enum lag_confidence c)
{
	static const char *const names[] = {
	        [CONFIDENCE_NONE] = "unknown", [CONFIDENCE_GUESS] = "guess", [CONFIDENCE_GOOD] = "good"};
	return names[c];
}

struct topology *topology_build(struct topology_memory *m, const struct snapshot *snap)
{
	struct topology *t = xcalloc(1, sizeof(*t));
	struct build b = {.t = t, .snap = snap, .memory = m};
	t->arena = arena_new();
	topology_read(&b);
	/* A replica whose threads are all stopped looks like a primary; its channel is still there. */
	for (size_t i = 0; i < b.upstream.n; i++)
		t->node[b.upstream.item[i].node].role = SERVER_REPLICA;
	for (size_t i = 0; i < b.downstream.n; i++) {
		struct topology_node *n = &t->node[b.downstream.item[i].node];
		if (n->role == SERVER_UNKNOWN)
			n->role = SERVER_PRIMARY;
	}
	topology_join(&b);
	topology_figures(&b);
	topology_say(&b);
	topology_tree(&b);
	if (m != NULL)
		memory_forget(m, snap->now);
	free(b.facts);
	free(b.ups);
	free(b.downs);
	free(b.upstream.item);
	free(b.downstream.item);
	free(b.subscription.item);
	free(b.reader.item);
	free(b.slot.item);
	free(b.member.item);
	return t;
}

void topology_free(struct topology *t)
{
	if (t == NULL)
		return;
	free(t->node);
	free(t->edge);
	free(t->slot);
	free(t->line);
	free(t->of_instance);
	arena_free(t->arena);
	free(t);
}

const struct topology_edge *topology_upstream(const struct topology *t, size_t node)
{
	const struct topology_edge *worst = NULL;
	for (size_t e = 0; e < t->nedges; e++) {
		const struct topology_edge *edge = &t->edge[e];
		if (edge->to == node && (worst == NULL || edge->severity > worst->severity))
			worst = edge;
	}
	return worst;
}

const struct topology_slot *topology_worst_slot(const struct topology *t, size_t node)
{
	const struct topology_slot *worst = NULL;
	for (size_t i = 0; i < t->nslots; i++) {
		const struct topology_slot *s = &t->slot[i];
		if (s->node != node || s->severity < SEVERITY_WARN)
			continue;
		if (worst == NULL || s->severity > worst->severity ||
		        (s->severity == worst->severity && s->retained > worst->retained))
			worst = s;
	}
	return worst;
}
