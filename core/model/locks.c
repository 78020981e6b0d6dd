/* The blocking graphs of the fleet: built when their samples change, kept until then. */
#include "core/model/locks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/locks_parts.h"

enum { APART_MAX_MS = 15000 };

struct place {
	struct lock_graph graph;
	struct arena *arena;
	const struct sample *locks, *sessions; /* held */
	bool gated, failed;
};

struct locks {
	struct place *places;
	size_t n, cap;
};

void locks_build(struct lock_graph *g, const struct table *t, enum engine engine,
        const struct session_view *v, bool ended, struct arena *arena)
{
	g->engine = (uint8_t)engine;
	g->sessions = v;
	locks_read(g, t, ended, arena);
	locks_link(g, arena);
	locks_find_convoys(g);
	locks_find_remedies(g);
	locks_find_move(g);
}

const struct lock_node *locks_find(const struct lock_graph *g, int64_t id, const char *gid)
{
	size_t low = 0;
	size_t high = g->nnodes;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (g->nodes[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < g->nnodes && g->nodes[low].id == id; low++) {
		const char *have = g->nodes[low].gid;
		if (gid == NULL || (have != NULL && strcmp(have, gid) == 0))
			return &g->nodes[low];
	}
	return NULL;
}

const uint32_t *locks_children(const struct lock_graph *g, uint32_t node, size_t *n)
{
	*n = g->first_child[node + 1] - g->first_child[node];
	return g->children + g->first_child[node];
}

/* ---- the cache ---- */

struct locks *locks_new(void)
{
	return xcalloc(1, sizeof(struct locks));
}

static void place_clear(struct place *p)
{
	sample_unref(p->locks);
	sample_unref(p->sessions);
	arena_free(p->arena);
	*p = (struct place){.gated = false};
}

void locks_free(struct locks *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->n; i++)
		place_clear(&all->places[i]);
	free(all->places);
	free(all);
}

static mono_ns apart(const struct sample *a, const struct sample *b)
{
	return a->finished > b->finished ? a->finished - b->finished : b->finished - a->finished;
}

static void place_build(struct place *p, enum engine engine, const struct session_view *v)
{
	/* Sessions of another time say nothing about these locks. */
	bool fit = p->sessions != NULL && apart(p->locks, p->sessions) <= APART_MAX_MS * NS_PER_MS;
	bool ended = fit && !p->sessions->table->truncated && p->sessions->started >= p->locks->finished;
	p->arena = arena_new();
	p->graph.sample = p->locks;
	locks_build(&p->graph, p->locks->table, engine, fit ? v : NULL, ended, p->arena);
}

static void place_update(
        struct place *p, const struct snapshot *snap, size_t instance, const struct session_view *v)
{
	struct slot_view slot = snapshot_slot(snap, instance, "locks");
	bool gated = snapshot_is_gated(snap, instance, "locks");
	bool failed = slot.latest != NULL && slot.latest->err->code != ERR_NONE && !gated;
	if (p->locks != slot.good || p->sessions != v->sample || p->gated != gated) {
		place_clear(p);
		p->locks = slot.good == NULL ? NULL : sample_ref(slot.good);
		p->sessions = v->sample == NULL ? NULL : sample_ref(v->sample);
		p->gated = gated;
		const struct instance_view *in = &snap->instances[instance];
		enum engine engine = in->link.server.engine != ENGINE_NONE ? in->link.server.engine
		                                                           : in->cfg->endpoint.engine;
		p->graph.counts.longest_ms = -1;
		p->graph.move.cancel.node = LOCK_NONE;
		p->graph.engine = (uint8_t)engine;
		if (p->locks != NULL && !gated)
			place_build(p, engine, v);
	}
	/* The rows may stand elsewhere by now, in the same order. */
	if (p->graph.sessions != NULL)
		p->graph.sessions = v;
	p->graph.gated = gated;
	p->graph.known = gated || (p->locks != NULL && !failed);
}

void locks_update(struct locks *all, const struct snapshot *snap, const struct sessions *sessions)
{
	if (snap->n > all->cap) {
		all->cap = snap->n * 2;
		all->places = xreallocarray(all->places, all->cap, sizeof(*all->places));
	}
	while (all->n > snap->n)
		place_clear(&all->places[--all->n]);
	while (all->n < snap->n)
		all->places[all->n++] = (struct place){.gated = false};
	for (size_t i = 0; i < all->n; i++)
		place_update(&all->places[i], snap, i, sessions_at(sessions, i));
}

const struct lock_graph *locks_at(const struct locks *all, size_t instance)
{
	assert(instance < all->n);
	return &all->places[instance].graph;
}
