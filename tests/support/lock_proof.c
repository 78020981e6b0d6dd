/* The graph is asked through its own functions, the world by arithmetic; every node is translated to the
 * session of the crowd it stands for, and one that stands for none fails. */
#include "tests/support/test.h"

#include "tests/support/lock_proof.h"

#include <stdio.h>
#include <string.h>

enum { GROUPED_ABOVE = 200 };

struct proof {
	struct lock_crowd *crowd;
	struct lock_graph graph;
	int of_node[2 * WORLD_SESSIONS]; /* the crowd's session */
	int node_of[WORLD_SESSIONS];     /* -1 */
	bool grouped;
};

static void name_nodes(struct proof *p)
{
	const struct lock_graph *g = &p->graph;
	assert_true(g->nnodes <= sizeof(p->of_node) / sizeof(p->of_node[0]));
	memset(p->node_of, -1, sizeof(p->node_of));
	for (size_t n = 0; n < g->nnodes; n++) {
		int s = crowd_session(p->crowd, (long)g->nodes[n].id, g->nodes[n].gid);
		if (s < 0)
			fail_msg("%s %s: node %ld '%s' is nobody of the crowd", p->crowd->server.name,
			        p->crowd->seed, (long)g->nodes[n].id,
			        g->nodes[n].gid == NULL ? "" : g->nodes[n].gid);
		p->of_node[n] = s;
		p->node_of[s] = (int)n;
	}
}

/* The entry in which a node waits; the crowd's sessions wait for one lock at most. */
static uint32_t waiting_entry(const struct lock_graph *g, size_t node)
{
	uint32_t found = LOCK_NONE;
	for (uint32_t i = 0; i < g->nodes[node].nentries; i++) {
		uint32_t e = g->of_node[g->nodes[node].entries + i];
		if (!g->entries[e].held) {
			assert_int_equal(found, LOCK_NONE);
			found = e;
		}
	}
	return found;
}

/* Sessions immediately in the way of s, as dbatop shows it. */
static void shown_blockers(const struct proof *p, int s, bool *who)
{
	static struct lock_edge edges[4 * WORLD_SESSIONS];
	memset(who, 0, WORLD_SESSIONS * sizeof(*who));
	if (p->node_of[s] < 0)
		return;
	uint32_t entry = waiting_entry(&p->graph, (size_t)p->node_of[s]);
	if (entry == LOCK_NONE)
		return;
	size_t n = locks_blockers(&p->graph, entry, edges, 4 * (size_t)WORLD_SESSIONS);
	assert_true(n <= 4 * (size_t)WORLD_SESSIONS);
	for (size_t i = 0; i < n; i++) {
		assert_false(edges[i].likely);
		assert_int_equal(edges[i].waiter, p->node_of[s]);
		who[p->of_node[edges[i].blocker]] = true;
	}
}

static void shown_reach(const struct proof *p, int s, bool *who)
{
	int stack[WORLD_SESSIONS];
	size_t n = 0;
	memset(who, 0, WORLD_SESSIONS * sizeof(*who));
	stack[n++] = s;
	while (n > 0) {
		bool next[WORLD_SESSIONS];
		shown_blockers(p, stack[--n], next);
		for (int i = 0; i < p->crowd->world.nsessions; i++) {
			if (next[i] && !who[i]) {
				who[i] = true;
				stack[n++] = i;
			}
		}
	}
}

static void compare(const struct proof *p, int s, const char *what, const bool *shown, const bool *real)
{
	for (int i = 0; i < p->crowd->world.nsessions; i++) {
		if (shown[i] != real[i])
			fail_msg("%s %s: %s of session %d (%d): %s %d (%d)", p->crowd->server.name,
			        p->crowd->seed, what, s, crowd_id(p->crowd, s), shown[i] ? "false" : "missed",
			        i, crowd_id(p->crowd, i));
	}
}

/* Of those reached, only they who do not wait. */
static void keep_roots(const struct world *w, bool *who)
{
	for (int i = 0; i < w->nsessions; i++)
		who[i] = who[i] && w->session[i].waits < 0;
}

static void check_edges(const struct proof *p, struct proof_counts *counts)
{
	const struct world *w = &p->crowd->world;
	for (int s = 0; s < w->nsessions; s++) {
		bool shown[WORLD_SESSIONS];
		bool real[WORLD_SESSIONS] = {false};
		int who[WORLD_SESSIONS];
		size_t n = world_blockers(w, s, who);
		for (size_t i = 0; i < n; i++)
			real[who[i]] = true;
		shown_blockers(p, s, shown);
		if (!p->grouped)
			compare(p, s, "blockers", shown, real);
		counts->edges += (unsigned)n;
		if (n == 0)
			continue;
		shown_reach(p, s, shown);
		world_reach(w, s, real);
		if (p->grouped) {
			keep_roots(w, shown);
			keep_roots(w, real);
		}
		compare(p, s, p->grouped ? "roots" : "reach", shown, real);
	}
}

static void check_roots(const struct proof *p)
{
	const struct world *w = &p->crowd->world;
	bool shown[WORLD_SESSIONS] = {false};
	bool real[WORLD_SESSIONS] = {false};
	for (size_t i = 0; i < p->graph.nroots; i++)
		shown[p->of_node[p->graph.roots[i]]] = true;
	for (int s = 0; s < w->nsessions; s++) {
		bool who[WORLD_SESSIONS];
		world_reach(w, s, who);
		for (int i = 0; i < w->nsessions; i++)
			real[i] = real[i] || (who[i] && w->session[i].waits < 0);
	}
	compare(p, 0, "the list of roots", shown, real);
	assert_int_equal(p->graph.counts.waiters, world_waiting(w));
	assert_int_equal(p->graph.counts.circles, 0);
}

/* Who goes on at once, and who in the end when each of those finishes. */
static void real_frees(const struct world *from, const int *ended, size_t n, uint32_t *now, uint32_t *later)
{
	static struct world w;
	w = *from;
	for (size_t i = 0; i < n; i++)
		world_leave(&w, ended[i]);
	*now = 0;
	for (int s = 0; s < w.nsessions; s++)
		*now += from->session[s].waits >= 0 && w.session[s].waits < 0 && !w.session[s].gone;
	uint32_t total = *now;
	for (bool moved = true; moved;) {
		moved = false;
		for (int s = 0; s < w.nsessions; s++) {
			if (from->session[s].waits < 0 || w.session[s].waits >= 0 || w.session[s].gone)
				continue;
			world_leave(&w, s);
			moved = true;
		}
	}
	total = 0;
	for (int s = 0; s < w.nsessions; s++)
		total += from->session[s].waits >= 0 && w.session[s].waits < 0;
	for (size_t i = 0; i < n; i++)
		total -= from->session[ended[i]].waits >= 0;
	*later = total - *now;
}

static void check_frees(const struct proof *p, struct proof_counts *counts)
{
	for (uint32_t node = 0; node < p->graph.nnodes; node++) {
		struct lock_frees frees;
		uint32_t now;
		uint32_t later;
		int s = p->of_node[node];
		locks_release(&p->graph, &node, 1, REMEDY_TERMINATE, &frees);
		real_frees(&p->crowd->world, &s, 1, &now, &later);
		if (frees.now != now || frees.later != later)
			fail_msg("%s %s: ending session %d (%d) is said to free %u now and %u later, it "
			         "frees %u and %u",
			        p->crowd->server.name, p->crowd->seed, s, crowd_id(p->crowd, s), frees.now,
			        frees.later, now, later);
		counts->releases++;
	}
}

/* After the proposal is done, in its order, who still waits is who it says. */
static void check_move(const struct proof *p, struct proof_counts *counts)
{
	const struct lock_move *m = &p->graph.move;
	int ended[LOCK_ACTIONS_MAX];
	if (p->graph.counts.waiters == 0)
		return;
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t now;
		uint32_t later;
		ended[i] = p->of_node[m->action[i].node];
		real_frees(&p->crowd->world, &ended[i], 1, &now, &later);
		assert_int_equal(m->action[i].alone.now, now);
		assert_int_equal(m->action[i].alone.later, later);
	}
	counts->moves += m->n;
}

static void build(
        const struct drive *d, struct conn *c, struct lock_crowd *crowd, struct arena *arena, struct proof *p)
{
	struct table *t = drive_table(d, c, "locks", 0, arena);
	assert_false(t->truncated);
	*p = (struct proof){.crowd = crowd};
	locks_build(&p->graph, t, ENGINE_POSTGRES, NULL, false, arena);
	p->grouped = p->graph.grouped != NULL;
	assert_int_equal(p->grouped, world_waiting(&crowd->world) > GROUPED_ABOVE);
	name_nodes(p);
}

void proof_check(const struct drive *d, struct conn *c, struct lock_crowd *crowd, struct proof_counts *counts)
{
	static struct proof p;
	struct arena *arena = arena_new();
	size_t waiting = world_waiting(&crowd->world);
	build(d, c, crowd, arena, &p);
	check_edges(&p, counts);
	check_roots(&p);
	if (!p.grouped) {
		check_frees(&p, counts);
		check_move(&p, counts);
	}
	counts->states++;
	counts->grouped += p.grouped;
	counts->waiters += (unsigned)waiting;
	if (waiting > counts->most_waiters)
		counts->most_waiters = (unsigned)waiting;
	arena_free(arena);
}

int proof_move(const struct drive *d, struct conn *c, struct lock_crowd *crowd, enum crowd_end *how)
{
	static struct proof p;
	struct arena *arena = arena_new();
	int s = -1;
	build(d, c, crowd, arena, &p);
	if (p.graph.move.n > 0)
		s = p.of_node[p.graph.move.action[0].node];
	else if (p.graph.nroots > 0)
		s = p.of_node[p.graph.roots[0]];
	if (s >= 0)
		*how = crowd->world.session[s].waits >= 0 ? END_CANCEL : END_TERMINATE;
	arena_free(arena);
	return s;
}
