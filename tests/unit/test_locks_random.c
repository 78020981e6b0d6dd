/* Random scenes against a second, slow opinion: a lock manager that keeps every single lock and every pair,
 * and tries all subsets of what could be ended. Edges, who is freed now and later, and the best move must be
 * the same. The scenes are made as servers make them: sessions request locks one after another, are let in or
 * queue up; so deadlocks, queue jumps of those already inside and locks of several modes all happen. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/model/locks.h"
#include "core/model/locks_parts.h"
#include "tests/support/fixture.h"

enum { NODES = 12, QUEUES = 5, LOCKS = 64, ROUNDS = 3000, MODES = 8 };

static uint64_t random_state = 20261122;

static unsigned pick(unsigned n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(random_state >> 33) % n;
}

/* PostgreSQL's own table, written as the manual has it: # where two modes conflict. */
static const char *const mode_names[MODES] = {"AccessShareLock", "RowShareLock", "RowExclusiveLock",
        "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock",
        "AccessExclusiveLock"};
static const char *const manual[MODES] = {
        ".......#",
        "......##",
        "....####",
        "...#####",
        "..##.###",
        "..######",
        ".#######",
        "########",
};

struct one_lock {
	int node, queue, mode;
	bool held;
	int order; /* of arrival, for those who wait */
};

struct world {
	struct one_lock lock[LOCKS];
	int n, arrivals;
	int nodes, queues;
	bool idle[NODES], guarded[NODES];
};

static bool clash(int a, int b)
{
	return manual[a][b] == '#';
}

static bool in_the_way(const struct world *w, int waiter, int other)
{
	const struct one_lock *a = &w->lock[waiter];
	const struct one_lock *b = &w->lock[other];
	return a->queue == b->queue && a->node != b->node && clash(a->mode, b->mode) &&
	       (b->held || b->order < a->order);
}

static bool blocked(const struct world *w, int waiter)
{
	for (int i = 0; i < w->n; i++) {
		if (in_the_way(w, waiter, i))
			return true;
	}
	return false;
}

static bool waits(const struct world *w, int node)
{
	for (int i = 0; i < w->n; i++) {
		if (w->lock[i].node == node && !w->lock[i].held)
			return true;
	}
	return false;
}

static bool edge(const struct world *w, int waiter, int holder)
{
	for (int i = 0; i < w->n; i++) {
		for (int k = 0; k < w->n && w->lock[i].node == waiter && !w->lock[i].held; k++) {
			if (w->lock[k].node == holder && in_the_way(w, i, k))
				return true;
		}
	}
	return false;
}

static bool blocks(const struct world *w, int node)
{
	for (int i = 0; i < w->nodes; i++) {
		if (edge(w, i, node))
			return true;
	}
	return false;
}

static void request(struct world *w)
{
	int node = (int)pick((unsigned)w->nodes);
	if (w->n == LOCKS || waits(w, node))
		return;
	struct one_lock *l = &w->lock[w->n];
	*l = (struct one_lock){
	        .node = node, .queue = (int)pick((unsigned)w->queues), .mode = (int)pick(MODES)};
	/* Exclusive ones in half of the queues, so that some move. */
	if (l->queue % 2 == 1 && pick(2) == 0)
		l->mode = 0;
	for (int i = 0; i < w->n; i++) {
		if (w->lock[i].node == l->node && w->lock[i].queue == l->queue && w->lock[i].mode == l->mode)
			return;
	}
	l->order = ++w->arrivals;
	w->n++;
	l->held = !blocked(w, w->n - 1);
}

static void make_world(struct world *w, int nodes, int queues)
{
	memset(w, 0, sizeof *w);
	w->nodes = nodes;
	w->queues = queues;
	for (unsigned i = 8 + pick(40); i > 0; i--)
		request(w);
	for (int i = 0; i < nodes; i++) {
		w->idle[i] = !waits(w, i) && pick(3) == 0;
		w->guarded[i] = pick(8) == 0;
	}
}

/* ---- what the slow one says ---- */

static void leave(struct world *w, int node)
{
	int to = 0;
	for (int i = 0; i < w->n; i++) {
		if (w->lock[i].node != node)
			w->lock[to++] = w->lock[i];
	}
	w->n = to;
}

/* Everybody who fits is let in, the earliest first, until nothing moves. */
static void let_in(struct world *w)
{
	for (bool moved = true; moved;) {
		int first = -1;
		for (int i = 0; i < w->n; i++) {
			if (!w->lock[i].held && !blocked(w, i) &&
			        (first < 0 || w->lock[i].order < w->lock[first].order))
				first = i;
		}
		moved = first >= 0;
		if (moved)
			w->lock[first].held = true;
	}
}

/* Which nodes still wait, as a mask. */
static unsigned waiting(const struct world *w)
{
	unsigned mask = 0;
	for (int i = 0; i < w->nodes; i++)
		mask |= waits(w, i) ? 1u << i : 0;
	return mask;
}

static struct world without(const struct world *w, unsigned gone)
{
	struct world after = *w;
	for (int i = 0; i < w->nodes; i++) {
		if (gone >> i & 1)
			leave(&after, i);
	}
	let_in(&after);
	return after;
}

/* Those who were let in finish and leave, until nobody is let in any more: who waits then, waits for good. */
static unsigned for_good(const struct world *w, unsigned gone)
{
	struct world after = without(w, gone);
	unsigned before = waiting(w) & ~gone;
	for (unsigned left = before & ~waiting(&after), done = 0; left != 0;
	        left = before & ~waiting(&after) & ~done) {
		done |= left;
		for (int i = 0; i < w->nodes; i++) {
			if (left >> i & 1)
				leave(&after, i);
		}
		let_in(&after);
	}
	return waiting(&after);
}

/* Who waits behind any of these, over nodes that are not gone. */
static unsigned behind(const struct world *w, unsigned of, unsigned gone)
{
	unsigned reached = 0;
	for (bool more = true; more;) {
		more = false;
		for (int i = 0; i < w->nodes; i++) {
			for (int k = 0; k < w->nodes && !(reached >> i & 1); k++) {
				if ((gone >> k & 1) || !((of | reached) >> k & 1) || !edge(w, i, k))
					continue;
				reached |= 1u << i;
				more = true;
			}
		}
	}
	return reached;
}

/* Waits, asks for much, and somebody whom only others who wait hold up stands behind it. */
static unsigned convoys(const struct world *w)
{
	unsigned mask = 0;
	for (int i = 0; i < w->n; i++) {
		bool soft = !w->lock[i].held;
		for (int k = 0; k < w->n; k++)
			soft = soft && !(w->lock[k].held && in_the_way(w, i, k));
		for (int k = 0; k < w->n && soft; k++) {
			if (in_the_way(w, i, k) && w->lock[k].mode >= 3)
				mask |= 1u << w->lock[k].node;
		}
	}
	return mask;
}

static bool has_circle(const struct world *w)
{
	for (int i = 0; i < w->nodes; i++) {
		if (behind(w, 1u << i, 0) >> i & 1)
			return true;
	}
	return false;
}

/* ---- the model's ---- */

struct built {
	struct fixture *f;
	struct sessions *sessions;
	struct locks *locks;
	const struct lock_graph *g;
};

static struct built build(const struct world *w)
{
	struct built b = {.f = fixture_new(), .sessions = sessions_new(), .locks = locks_new()};
	struct buf sessions, locks;
	buf_init(&sessions, 1 << 16);
	buf_init(&locks, 1 << 16);
	buf_puts(&sessions, "id | kind | state | superuser\n");
	buf_puts(&locks, "queue | kind | id | held | place | mode | waiting_ms\n");
	for (int i = 0; i < w->nodes; i++)
		buf_printf(&sessions, "%d | client | %s | %s\n", i + 1,
		        w->idle[i] ? "idle in transaction" : "active", w->guarded[i] ? "t" : "f");
	for (int i = 0; i < w->n; i++) {
		const struct one_lock *l = &w->lock[i];
		buf_printf(&locks, "q%d | relation | %d | %s | %d | %s | 100\n", l->queue, l->node + 1,
		        l->held ? "t" : "f", l->order, mode_names[l->mode]);
	}
	fixture_instance(b.f, "c", "i", ENGINE_POSTGRES);
	fixture_table(b.f, 0, "pulse", "lock_waiters\n1");
	fixture_table(b.f, 0, "sessions", buf_str(&sessions));
	fixture_table(b.f, 0, "locks", buf_str(&locks));
	sessions_update(b.sessions, fixture_snapshot(b.f));
	locks_update(b.locks, fixture_snapshot(b.f), b.sessions);
	b.g = locks_at(b.locks, 0);
	buf_free(&sessions);
	buf_free(&locks);
	return b;
}

static void drop(struct built *b)
{
	locks_free(b->locks);
	sessions_free(b->sessions);
	fixture_free(b->f);
}

static const struct lock_node *node_of(const struct built *b, int i)
{
	return locks_find(b->g, i + 1, NULL);
}

static bool model_edge(const struct built *b, int waiter, int holder)
{
	const struct lock_node *n = node_of(b, waiter);
	for (uint32_t i = 0; n != NULL && i < n->nentries; i++) {
		struct lock_edge e[NODES];
		size_t count = locks_blockers(b->g, b->g->of_node[n->entries + i], e, NODES);
		for (size_t k = 0; k < count; k++) {
			if (b->g->nodes[e[k].blocker].id == holder + 1)
				return true;
		}
	}
	return false;
}

static void check_edges(const struct world *w, const struct built *b)
{
	unsigned waiters = 0, roots = 0;
	for (int i = 0; i < w->nodes; i++) {
		const struct lock_node *n = node_of(b, i);
		for (int k = 0; k < w->nodes; k++)
			assert_int_equal(model_edge(b, i, k), edge(w, i, k));
		waiters += waits(w, i);
		roots += !waits(w, i) && blocks(w, i);
		if (n == NULL)
			continue;
		assert_int_equal(n->blocked, waits(w, i));
		assert_int_equal(n->blocks, blocks(w, i));
		assert_int_equal(n->convoy, convoys(w) >> i & 1);
		if (n->parent != LOCK_NONE)
			assert_true(edge(w, i, (int)b->g->nodes[n->parent].id - 1));
		if (!waits(w, i) && blocks(w, i))
			assert_int_equal(n->behind, __builtin_popcount(behind(w, 1u << i, 0)));
	}
	assert_int_equal(b->g->counts.waiters, waiters);
	assert_int_equal(b->g->counts.roots - b->g->counts.circles, roots);
	assert_int_equal(b->g->counts.circled > 0, has_circle(w));
}

static void check_release(const struct world *w, const struct built *b, unsigned gone)
{
	uint32_t nodes[NODES];
	size_t n = 0;
	struct lock_frees f;
	for (int i = 0; i < w->nodes; i++) {
		if ((gone >> i & 1) && node_of(b, i) != NULL)
			nodes[n++] = (uint32_t)(node_of(b, i) - b->g->nodes);
	}
	struct world after = without(w, gone);
	unsigned before = waiting(w) & ~gone;
	unsigned now = before & ~waiting(&after);
	unsigned later = before & ~now & ~for_good(w, gone) & behind(w, gone, 0);
	locks_release(b->g, nodes, n, REMEDY_TERMINATE, &f);
	assert_int_equal(f.now, __builtin_popcount(now));
	assert_int_equal(f.later, __builtin_popcount(later));
}

/* ---- the best move ---- */

struct cost {
	int stuck, behind, terminates, actions;
};

static int compare_costs(struct cost a, struct cost b)
{
	const int x[] = {a.stuck, a.behind, a.terminates, a.actions};
	const int y[] = {b.stuck, b.behind, b.terminates, b.actions};
	for (int i = 0; i < 4; i++) {
		if (x[i] != y[i])
			return x[i] - y[i];
	}
	return 0;
}

static struct cost cost_of(const struct world *w, unsigned gone)
{
	unsigned heads = convoys(w);
	unsigned count = waiting(w) & ~heads & ~gone;
	unsigned idle = 0;
	for (int i = 0; i < w->nodes; i++)
		idle |= w->idle[i] ? 1u << i : 0;
	return (struct cost){.stuck = __builtin_popcount(for_good(w, gone) & count),
	        .behind = __builtin_popcount(behind(w, heads & ~gone, gone) & count),
	        .terminates = __builtin_popcount(gone & idle),
	        .actions = __builtin_popcount(gone)};
}

static void check_move(const struct world *w, const struct built *b)
{
	unsigned may = 0, chosen = 0;
	struct cost best = cost_of(w, 0);
	for (int i = 0; i < w->nodes; i++) {
		bool root = !waits(w, i) && blocks(w, i);
		if (!w->guarded[i] && (root || (convoys(w) >> i & 1)))
			may |= 1u << i;
	}
	for (unsigned set = may; set != 0; set = (set - 1) & may) {
		struct cost c = cost_of(w, set);
		if (compare_costs(c, best) < 0)
			best = c;
	}
	const struct lock_move *m = &b->g->move;
	for (size_t i = 0; i < m->n; i++)
		chosen |= 1u << (b->g->nodes[m->action[i].node].id - 1);
	assert_int_equal(m->exact, true);
	assert_int_equal(compare_costs(cost_of(w, chosen), best), 0);
	assert_int_equal(m->stuck, best.stuck);
}

static void check_cancel(const struct world *w, const struct built *b)
{
	int most = 0;
	for (int i = 0; i < w->nodes; i++) {
		if (w->idle[i] || w->guarded[i] || !blocks(w, i))
			continue;
		struct world after = without(w, 1u << i);
		int now = __builtin_popcount(waiting(w) & ~waiting(&after) & ~(1u << i));
		most = now > most ? now : most;
	}
	assert_int_equal(
	        b->g->move.cancel.node == LOCK_NONE ? 0 : b->g->move.cancel.alone.now, (uint32_t)most);
}

static void test_random_scenes_against_a_slow_lock_manager(void **state)
{
	(void)state;
	unsigned circles = 0, moves = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct world w;
		make_world(&w, 3 + (int)pick(NODES - 3), 1 + (int)pick(QUEUES));
		struct built b = build(&w);
		check_edges(&w, &b);
		for (int i = 0; i < w.nodes; i++)
			check_release(&w, &b, 1u << i);
		check_release(&w, &b, pick(1u << w.nodes));
		check_cancel(&w, &b);
		circles += has_circle(&w);
		if (!has_circle(&w)) {
			check_move(&w, &b);
			moves += b.g->move.n > 0;
		}
		drop(&b);
	}
	/* The scenes are worth it. */
	assert_true(circles > ROUNDS / 50);
	assert_true(moves > ROUNDS / 10);
}

/* What servers never send must still end, and point nowhere outside. */
static void test_nonsense_ends(void **state)
{
	(void)state;
	static const char *const columns[] = {
	        "queue", "kind", "id", "held", "place", "mode", "waiting_ms", "blockers", "gid"};
	static const char *const kinds[] = {
	        "row", "tuple", "transaction", "relation", "metadata", "user", "?"};
	for (int round = 0; round < 300; round++) {
		enum { ROWS = 60, COLUMNS = sizeof columns / sizeof columns[0] };
		static char text[ROWS][COLUMNS][32];
		const char *cells[ROWS * COLUMNS];
		for (int r = 0; r < ROWS; r++) {
			snprintf(text[r][0], 32, "q%u", pick(6));
			snprintf(text[r][1], 32, "%s", kinds[pick(7)]);
			snprintf(text[r][2], 32, "%d", (int)pick(14) - 2);
			snprintf(text[r][3], 32, "%s", pick(2) ? "t" : "f");
			snprintf(text[r][4], 32, "%u", pick(5));
			snprintf(text[r][5], 32, "%s", pick(3) ? mode_names[pick(MODES)] : "EXCLUSIVE");
			snprintf(text[r][6], 32, "%u", pick(3000));
			snprintf(text[r][7], 32, "%d %d %d", (int)pick(14) - 2, (int)pick(14) - 2,
			        (int)pick(90));
			snprintf(text[r][8], 32, "g%u", pick(3));
			for (int c = 0; c < COLUMNS; c++)
				cells[r * COLUMNS + c] = pick(c == 7 ? 2 : 9) ? text[r][c] : NULL;
		}
		struct fixture *f = fixture_new();
		struct sessions *sessions = sessions_new();
		struct locks *locks = locks_new();
		fixture_instance(f, "c", "i", pick(2) ? ENGINE_POSTGRES : ENGINE_MYSQL);
		fixture_table(f, 0, "pulse", "lock_waiters\n1");
		fixture_cells(f, 0, "locks", columns, COLUMNS, cells, ROWS);
		sessions_update(sessions, fixture_snapshot(f));
		locks_update(locks, fixture_snapshot(f), sessions);
		const struct lock_graph *g = locks_at(locks, 0);
		size_t under = 0;
		for (uint32_t i = 0; i < g->nnodes; i++) {
			size_t n;
			const uint32_t *children = locks_children(g, i, &n);
			for (size_t k = 0; k < n; k++)
				assert_int_equal(g->nodes[children[k]].parent, i);
			under += n;
			unsigned steps = 0;
			for (uint32_t at = i; at != LOCK_NONE; at = g->nodes[at].parent)
				assert_true(steps++ <= g->nnodes);
			/* Whoever waits hangs below somebody, or is the root of a circle. */
			if (g->nodes[i].blocked && !g->nodes[i].circle)
				assert_true(g->nodes[i].parent != LOCK_NONE);
		}
		assert_true(under <= g->nnodes);
		locks_free(locks);
		sessions_free(sessions);
		fixture_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_random_scenes_against_a_slow_lock_manager),
	        cmocka_unit_test(test_nonsense_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
