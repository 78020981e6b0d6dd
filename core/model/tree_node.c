/* The small things that both halves of a tree are made with: names, nodes, entries, keys. */
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/model/tree_build.h"

const char *tree_axis_name(enum tree_axis a)
{
	static const char *const names[TREE_AXES] = {[TREE_BY_SIGNATURE] = "signature",
	        [TREE_BY_APP] = "app",
	        [TREE_BY_CLIENT] = "client",
	        [TREE_BY_USER] = "user",
	        [TREE_BY_BLOCKER] = "blocker",
	        [TREE_BY_SERVER] = "server"};
	return names[a];
}

const char *tree_heading_name(enum tree_heading h)
{
	static const char *const names[] = {[HEADING_NONE] = "",
	        [HEADING_FREE] = "waits for nobody",
	        [HEADING_AUTOVACUUM] = "autovacuum",
	        [HEADING_WALSENDER] = "walsenders, binlog dumps",
	        [HEADING_REPLICATION] = "replication",
	        [HEADING_SERVER] = "the server's own"};
	return names[h];
}

const struct session *tree_session(const struct tree_work *w, uint32_t instance, uint32_t index)
{
	return &sessions_at(w->all, instance)->sessions[index];
}

bool tree_is_toggled(const struct tree_work *w, uint64_t key)
{
	for (size_t i = 0; i < w->q->ntoggled; i++) {
		if (w->q->toggled[i] == key)
			return true;
	}
	return false;
}

struct tree_node *tree_add(struct tree_work *w, enum tree_kind kind, uint64_t key, unsigned depth)
{
	struct tree *t = w->t;
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 256 : t->cap * 2;
		t->nodes = xreallocarray(t->nodes, t->cap, sizeof(*t->nodes));
	}
	struct tree_node *node = &t->nodes[t->n++];
	*node = (struct tree_node){.kind = kind,
	        .key = key,
	        .depth = (uint8_t)(depth < UINT8_MAX ? depth : UINT8_MAX),
	        .oldest_ms = -1};
	return node;
}

uint32_t tree_entry(struct tree_work *w, uint32_t instance, uint32_t index)
{
	struct tree *t = w->t;
	if (t->nentries == t->entries_cap) {
		t->entries_cap = t->entries_cap == 0 ? 256 : t->entries_cap * 2;
		t->entries = xreallocarray(t->entries, t->entries_cap, sizeof(*t->entries));
	}
	t->entries[t->nentries] = (struct tree_entry){.instance = instance, .index = index};
	return (uint32_t)t->nentries++;
}

uint64_t tree_session_key(const struct tree_work *w, uint64_t parent, uint32_t instance, uint32_t index)
{
	const struct session *s = tree_session(w, instance, index);
	uint64_t key = hash_text(hash_number(parent, (uint64_t)s->id), s->started);
	return hash_text(key, w->snap->instances[instance].cfg->name);
}

void tree_free(struct tree *t)
{
	free(t->nodes);
	free(t->entries);
	*t = (struct tree){.n = 0};
}
