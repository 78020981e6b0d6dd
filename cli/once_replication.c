/* What `once --view replication` adds to the JSON: the picture that the screen draws, as nodes and edges.
 * Indexes are those of `nodes`; unknown is null. */
#include "cli/once_parts.h"
#include "core/model/finding.h"

static json_t *node_json(const struct snapshot *snap, const struct topology_node *n)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", once_json_text(n->name));
	json_object_set_new(j, "instance",
	        n->instance < 0 ? json_null() : once_json_text(snap->instances[n->instance].cfg->name));
	json_object_set_new(j, "cluster", once_json_text(snap->config->clusters[n->cluster].name));
	json_object_set_new(
	        j, "engine", n->engine == ENGINE_NONE ? json_null() : once_json_text(engine_name(n->engine)));
	json_object_set_new(j, "state", once_json_text(node_state_name(n->state)));
	json_object_set_new(j, "role", once_json_text(server_role_name(n->role)));
	json_object_set_new(j, "writable", n->writable < 0 ? json_null() : json_boolean(n->writable));
	json_object_set_new(j, "position", once_json_number(n->head));
	json_object_set_new(j, "timeline", once_json_number(n->timeline));
	json_object_set_new(j, "gtid", once_json_text(n->gtid));
	json_object_set_new(j, "commit_waits", n->sync_need < 0 ? json_null() : json_boolean(n->would_wait));
	json_object_set_new(j, "group_state", once_json_text(n->group_state));
	json_object_set_new(j, "severity", once_json_text(severity_name(n->severity)));
	json_object_set_new(j, "note", once_json_text(n->say));
	return j;
}

static json_t *edge_json(const struct topology *t, const struct topology_edge *e)
{
	json_t *j = json_object();
	json_object_set_new(j, "from", json_integer((json_int_t)e->from));
	json_object_set_new(j, "to", json_integer((json_int_t)e->to));
	json_object_set_new(j, "kind", once_json_text(edge_kind_name(e->kind)));
	json_object_set_new(j, "channel", once_json_text(e->channel));
	json_object_set_new(j, "transport", once_json_text(edge_transport_name(e->transport)));
	json_object_set_new(j, "apply", once_json_text(edge_apply_name(e->apply)));
	json_object_set_new(j, "told_by",
	        once_json_text(e->from_says && e->to_says ? "both"
	                       : e->from_says             ? "from"
	                                                  : "to"));
	json_object_set_new(j, "behind_bytes", once_json_number(e->behind));
	json_object_set_new(j, "behind_transactions", once_json_number(e->transactions));
	json_object_set_new(j, "unsent_bytes", once_json_number(e->unsent));
	json_object_set_new(j, "write_bytes", once_json_number(e->write));
	json_object_set_new(j, "flush_bytes", once_json_number(e->flush));
	json_object_set_new(j, "replay_bytes", once_json_number(e->replay));
	json_object_set_new(j, "lag_ms", once_json_number(e->lag_ms));
	json_object_set_new(j, "lag_source", once_json_text(e->source));
	json_object_set_new(j, "lag_confidence", once_json_text(lag_confidence_name(e->confidence)));
	json_object_set_new(j, "delay_ms", once_json_number(e->delay_ms));
	json_object_set_new(j, "errant_transactions", once_json_number(e->errant));
	json_object_set_new(j, "errant", once_json_text(e->errant_set));
	json_object_set_new(j, "sync", once_json_text(e->sync));
	json_object_set_new(
	        j, "error_code", e->error_code > 0 ? once_json_number(e->error_code) : json_null());
	json_object_set_new(j, "error", once_json_text(e->error));
	json_object_set_new(j, "failures", once_json_text(e->failures));
	json_object_set_new(
	        j, "slot", e->slot == TOPOLOGY_NONE ? json_null() : once_json_text(t->slot[e->slot].name));
	json_object_set_new(j, "waits_for", e->reader.id > 0 ? once_json_number(e->reader.id) : json_null());
	json_object_set_new(j, "waits_for_likely", json_boolean(e->reader.id > 0 && e->reader_likely));
	json_object_set_new(j, "severity", once_json_text(severity_name(e->severity)));
	json_object_set_new(j, "note", once_json_text(e->say));
	return j;
}

static json_t *slot_json(const struct topology_slot *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "node", json_integer((json_int_t)s->node));
	json_object_set_new(j, "name", once_json_text(s->name));
	json_object_set_new(j, "type", once_json_text(s->type));
	json_object_set_new(j, "active", json_boolean(s->active));
	json_object_set_new(j, "wal_status", once_json_text(s->wal_status));
	json_object_set_new(j, "retained_bytes", once_json_number(s->retained));
	json_object_set_new(j, "limit_bytes", once_json_number(s->limit));
	json_object_set_new(j, "inactive_ms", once_json_number(s->inactive_ms));
	json_object_set_new(j, "severity", once_json_text(severity_name(s->severity)));
	json_object_set_new(j, "note", once_json_text(s->say));
	return j;
}

void once_replication(const struct snapshot *snap, json_t *root)
{
	struct topology *t = topology_build(NULL, snap);
	json_t *nodes = json_array(), *edges = json_array(), *slots = json_array();
	for (size_t i = 0; i < t->nnodes; i++)
		json_array_append_new(nodes, node_json(snap, &t->node[i]));
	for (size_t i = 0; i < t->nedges; i++)
		json_array_append_new(edges, edge_json(t, &t->edge[i]));
	for (size_t i = 0; i < t->nslots; i++)
		json_array_append_new(slots, slot_json(&t->slot[i]));
	json_object_set_new(root, "nodes", nodes);
	json_object_set_new(root, "edges", edges);
	json_object_set_new(root, "slots", slots);
	topology_free(t);
}
