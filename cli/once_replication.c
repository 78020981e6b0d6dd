/* What `once --view replication` adds to the JSON: the picture that the screen draws, as nodes and edges.
 * Indexes are those of `nodes`; unknown is null. */
#include <math.h>

#include "cli/once_parts.h"
#include "core/model/finding.h"

static json_t *text(const char *s)
{
	json_t *j = s == NULL || s[0] == '\0' ? json_null() : json_string(s);
	return j != NULL ? j : json_null(); /* not UTF-8 */
}

static json_t *number(int64_t v)
{
	return v < 0 ? json_null() : json_integer(v);
}

static json_t *node_json(const struct snapshot *snap, const struct topology_node *n)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", text(n->name));
	json_object_set_new(
	        j, "instance", n->instance < 0 ? json_null() : text(snap->instances[n->instance].cfg->name));
	json_object_set_new(j, "cluster", text(snap->config->clusters[n->cluster].name));
	json_object_set_new(
	        j, "engine", n->engine == ENGINE_NONE ? json_null() : text(engine_name(n->engine)));
	json_object_set_new(j, "state", text(node_state_name(n->state)));
	json_object_set_new(j, "role", text(server_role_name(n->role)));
	json_object_set_new(j, "writable", n->writable < 0 ? json_null() : json_boolean(n->writable));
	json_object_set_new(j, "position", number(n->head));
	json_object_set_new(j, "timeline", number(n->timeline));
	json_object_set_new(j, "gtid", text(n->gtid));
	json_object_set_new(j, "commit_waits", n->sync_need < 0 ? json_null() : json_boolean(n->would_wait));
	json_object_set_new(j, "group_state", text(n->group_state));
	json_object_set_new(j, "severity", text(severity_name(n->severity)));
	json_object_set_new(j, "note", text(n->say));
	return j;
}

static json_t *edge_json(const struct topology *t, const struct topology_edge *e)
{
	json_t *j = json_object();
	json_object_set_new(j, "from", json_integer((json_int_t)e->from));
	json_object_set_new(j, "to", json_integer((json_int_t)e->to));
	json_object_set_new(j, "kind", text(edge_kind_name(e->kind)));
	json_object_set_new(j, "channel", text(e->channel));
	json_object_set_new(j, "transport", text(edge_transport_name(e->transport)));
	json_object_set_new(j, "apply", text(edge_apply_name(e->apply)));
	json_object_set_new(j, "told_by",
	        text(e->from_says && e->to_says ? "both"
	                : e->from_says          ? "from"
	                                        : "to"));
	json_object_set_new(j, "behind_bytes", number(e->behind));
	json_object_set_new(j, "behind_transactions", number(e->transactions));
	json_object_set_new(j, "unsent_bytes", number(e->unsent));
	json_object_set_new(j, "write_bytes", number(e->write));
	json_object_set_new(j, "flush_bytes", number(e->flush));
	json_object_set_new(j, "replay_bytes", number(e->replay));
	json_object_set_new(j, "lag_ms", number(e->lag_ms));
	json_object_set_new(j, "lag_source", text(e->source));
	json_object_set_new(j, "lag_confidence", text(lag_confidence_name(e->confidence)));
	json_object_set_new(j, "delay_ms", number(e->delay_ms));
	json_object_set_new(j, "errant_transactions", number(e->errant));
	json_object_set_new(j, "errant", text(e->errant_set));
	json_object_set_new(j, "sync", text(e->sync));
	json_object_set_new(j, "error_code", e->error_code > 0 ? number(e->error_code) : json_null());
	json_object_set_new(j, "error", text(e->error));
	json_object_set_new(j, "slot", e->slot == TOPOLOGY_NONE ? json_null() : text(t->slot[e->slot].name));
	json_object_set_new(j, "waits_for", e->reader.id > 0 ? number(e->reader.id) : json_null());
	json_object_set_new(j, "severity", text(severity_name(e->severity)));
	json_object_set_new(j, "note", text(e->say));
	return j;
}

static json_t *slot_json(const struct topology_slot *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "node", json_integer((json_int_t)s->node));
	json_object_set_new(j, "name", text(s->name));
	json_object_set_new(j, "type", text(s->type));
	json_object_set_new(j, "active", json_boolean(s->active));
	json_object_set_new(j, "wal_status", text(s->wal_status));
	json_object_set_new(j, "retained_bytes", number(s->retained));
	json_object_set_new(j, "limit_bytes", number(s->limit));
	json_object_set_new(j, "inactive_ms", number(s->inactive_ms));
	json_object_set_new(j, "severity", text(severity_name(s->severity)));
	json_object_set_new(j, "note", text(s->say));
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
