/* The tree says what is there: every session once, counts that add up, growth only when it is known, and the
 * same line again in the next sample. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/model/finding.h"
#include "tests/support/fixture.h"
#include "tests/support/scenes.h"

enum { INSTANCES_MAX = 64 };

#define HEAD                                                                                                 \
	"id | started | user | app | client | kind | state | wait_type | wait | xact_ms | query_ms | "       \
	"state_ms | leader | own | query\n"

struct world {
	struct fixture *f;
	struct sessions *sessions;
	struct tree_memory *memory;
	struct tree tree;
	struct tree_query q;
	bool in[INSTANCES_MAX];
	const struct snapshot *snap;
};

static void begin(struct world *w)
{
	*w = (struct world){.f = fixture_new(), .sessions = sessions_new(), .memory = tree_memory_new()};
	w->q.in = w->in;
}

static void look(struct world *w)
{
	w->snap = fixture_snapshot(w->f);
	for (size_t i = 0; i < w->snap->n && i < INSTANCES_MAX; i++)
		w->in[i] = true;
	sessions_update(w->sessions, w->snap);
	tree_memory_update(w->memory, w->sessions, w->snap);
	tree_build(&w->tree, &w->q, w->memory, w->sessions, w->snap);
}

static void end(struct world *w)
{
	tree_free(&w->tree);
	tree_memory_free(w->memory);
	sessions_free(w->sessions);
	fixture_free(w->f);
}

static const struct session *session_of(const struct world *w, const struct tree_node *n)
{
	return &sessions_at(w->sessions, n->instance)->sessions[n->index];
}

/* n sessions of app, each with a literal of its own, ids from `from` on. */
static void put_sessions(struct buf *b, int from, int n, const char *app, const char *state, int state_ms)
{
	for (int i = 0; i < n; i++)
		buf_printf(b,
		        "%d | s%d | web | %s | 10.0.0.%d:%d | client | %s | Client | ClientRead | %d | | %d "
		        "| | f | "
		        "'UPDATE stock SET qty = qty - %d WHERE sku IN (%d, 7)'\n",
		        from + i, from + i, app, 1 + i % 2, 5000 + i, state, state_ms, state_ms - i, i, i);
}

static void set(struct world *w, size_t instance, struct buf *b)
{
	fixture_table(w->f, instance, "sessions", buf_str(b));
	buf_reset(b);
	buf_puts(b, HEAD);
}

static void test_one_line_for_all_that_are_alike(void **state)
{
	(void)state;
	struct world w;
	struct buf b;
	begin(&w);
	buf_init(&b, 1 << 20);
	buf_puts(&b, HEAD);
	size_t one = fixture_instance(w.f, "orders", "pg-1", ENGINE_POSTGRES);
	size_t two = fixture_instance(w.f, "orders", "pg-2", ENGINE_POSTGRES);
	size_t three = fixture_instance(w.f, "billing", "my-1", ENGINE_MYSQL);
	put_sessions(&b, 100, 9, "checkout", "idle in transaction", 60000);
	put_sessions(&b, 200, 3, "report", "active", 10);
	buf_puts(&b, "900 | s | monitor | 'dbatop/1' | local | client | active | CPU | | 1 | 1 | 1 | | t | "
	             "'SELECT 1'\n");
	buf_puts(&b,
	        "901 | s | | | | autovacuum | active | IO | | 1 | 1 | 1 | | f | 'autovacuum: VACUUM a'\n");
	buf_puts(&b, "902 | s | | | | walsender | active | | | | | 1 | | f | 'START_REPLICATION'\n");
	buf_puts(&b, "903 | s | | | | system | | Activity | | | | | | f | \n");
	set(&w, one, &b);
	put_sessions(&b, 100, 2, "checkout", "idle in transaction", 90000);
	set(&w, two, &b);
	put_sessions(&b, 100, 4, "checkout", "idle in transaction", 30000);
	set(&w, three, &b);
	look(&w);

	/* Checkout on three servers is one line; its oldest is on the second. */
	assert_int_equal(w.tree.groups, 2);
	assert_int_equal(w.tree.sessions, 18);
	assert_int_equal(w.tree.own_out, 1);
	const struct tree_node *n = &w.tree.nodes[0];
	assert_int_equal(n->kind, TREE_SIGNATURE);
	assert_int_equal(n->n, 15);
	assert_int_equal(n->servers, 3);
	assert_int_equal(n->oldest_ms, 90000);
	assert_int_equal(n->instance, two);
	assert_false(n->growth.known);
	assert_int_equal(w.tree.nodes[1].n, 3);
	/* Those that are no clients, under their headings. */
	assert_int_equal(w.tree.n, 5);
	for (int i = 0; i < 3; i++)
		assert_int_equal(w.tree.nodes[2 + i].kind, TREE_HEADING);
	assert_int_equal(w.tree.nodes[2].heading, HEADING_AUTOVACUUM);
	assert_int_equal(w.tree.nodes[4].heading, HEADING_SERVER);

	/* Opened: its share on each. */
	uint64_t key = n->key;
	w.q.toggled = &key;
	w.q.ntoggled = 1;
	look(&w);
	assert_int_equal(w.tree.nodes[0].key, key);
	assert_int_equal(w.tree.nodes[1].kind, TREE_INSTANCE);
	assert_int_equal(w.tree.nodes[1].n, 9);
	assert_int_equal(w.tree.nodes[2].n + w.tree.nodes[3].n, 6);
	assert_true(w.tree.nodes[3].last);
	/* The entries of a line are its sessions, and no others. */
	for (size_t i = 0; i < w.tree.nodes[1].n; i++) {
		const struct tree_entry *e = &w.tree.entries[w.tree.nodes[1].first + i];
		const struct session *s = &sessions_at(w.sessions, e->instance)->sessions[e->index];
		assert_int_equal(e->instance, one);
		assert_string_equal(s->app, "checkout");
	}
	/* A narrower scope has its own counts. */
	w.in[one] = w.in[two] = false;
	tree_build(&w.tree, &w.q, w.memory, w.sessions, w.snap);
	assert_int_equal(w.tree.nodes[0].n, 4);
	assert_int_equal(w.tree.nodes[0].servers, 1);
	/* One server needs no line of its own: sessions follow, the oldest first. */
	assert_int_equal(w.tree.nodes[1].kind, TREE_SESSION);
	assert_int_equal(session_of(&w, &w.tree.nodes[1])->id, 100);
	buf_free(&b);
	end(&w);
}

static bool is_even(void *arg, size_t instance, const struct session *s)
{
	(void)arg;
	(void)instance;
	return s->id % 2 == 0;
}

/* Whatever the axis and whatever is opened, each session is in one group on top, and children add up. */
static void check_sums(const struct world *w, size_t sessions)
{
	size_t top = 0;
	for (size_t i = 0; i < w->tree.n; i++) {
		const struct tree_node *n = &w->tree.nodes[i];
		if (n->depth == 0)
			top += n->in_queue ? 0 : n->n;
		if (!n->open || n->kind == TREE_SESSION)
			continue;
		size_t below = 0;
		for (size_t k = i + 1; k < w->tree.n && w->tree.nodes[k].depth > n->depth; k++)
			below += w->tree.nodes[k].depth == n->depth + 1 ? w->tree.nodes[k].n : 0;
		assert_int_equal(below, n->n);
	}
	if (w->q.axis != TREE_BY_BLOCKER)
		assert_int_equal(top, sessions);
}

static void test_sums_on_every_axis(void **state)
{
	(void)state;
	struct world w;
	uint64_t keys[4096];
	begin(&w);
	scene_many(w.f, 5, 200);
	w.q.toggled = keys;
	for (int axis = 0; axis < TREE_AXES; axis++) {
		w.q.axis = (enum tree_axis)axis;
		for (int filtered = 0; filtered < 2; filtered++) {
			w.q.match = filtered ? is_even : NULL;
			w.q.ntoggled = 0;
			/* Open all, level by level. */
			for (int round = 0; round < 5; round++) {
				look(&w);
				check_sums(&w, filtered ? 500 : 1000);
				assert_int_equal(w.tree.filtered_out, filtered ? 500 : 0);
				for (size_t i = 0; i < w.tree.n && w.q.ntoggled < 4096; i++) {
					if (w.tree.nodes[i].opens && !w.tree.nodes[i].open)
						keys[w.q.ntoggled++] = w.tree.nodes[i].key;
				}
			}
			assert_true(w.tree.n > 300);
			/* No two lines have one key. */
			for (size_t i = 0; i < w.tree.n; i++) {
				for (size_t k = 0; k < i; k++)
					assert_true(w.tree.nodes[i].key != w.tree.nodes[k].key);
			}
		}
	}
	end(&w);
}

/* --- Growth */

static void step(struct world *w, size_t instance, int n, struct buf *b)
{
	put_sessions(b, 1000, n, "checkout", "idle in transaction", 60000);
	put_sessions(b, 9000, 30, "steady", "idle", 60000);
	set(w, instance, b);
	look(w);
	fixture_advance(w->f, 5000);
}

static void test_growth_is_known_after_a_minute(void **state)
{
	(void)state;
	struct world w;
	struct buf b;
	begin(&w);
	buf_init(&b, 1 << 20);
	buf_puts(&b, HEAD);
	size_t one = fixture_instance(w.f, "orders", "pg-1", ENGINE_POSTGRES);
	for (int s = 0; s < 60; s += 5) {
		step(&w, one, 10 + s * 37 / 60, &b);
		assert_false(w.tree.nodes[0].growth.known);
	}
	for (int s = 60; s <= 120; s += 5)
		step(&w, one, 10 + s * 37 / 60, &b);
	assert_true(w.tree.nodes[0].growth.known);
	assert_true(w.tree.nodes[0].growth.per_minute > 35 && w.tree.nodes[0].growth.per_minute < 39);
	assert_true(w.tree.nodes[0].growth.rising >= 5);
	assert_int_equal(w.tree.nodes[0].n, 10 + 74);
	/* Who does not grow is below, and says so. */
	assert_true(w.tree.nodes[1].growth.known);
	assert_true(w.tree.nodes[1].growth.per_minute > -0.1 && w.tree.nodes[1].growth.per_minute < 0.1);
	/* A group that begins now began at nothing: that was seen. */
	put_sessions(&b, 5000, 40, "new", "idle", 1000);
	fixture_advance(w.f, 10000);
	set(&w, one, &b);
	look(&w);
	assert_int_equal(w.tree.nodes[0].n, 40);
	assert_true(w.tree.nodes[0].growth.known && w.tree.nodes[0].growth.per_minute > 5);
	/* A part of a group has grown nobody knows how. */
	w.q.match = is_even;
	look(&w);
	assert_int_equal(w.tree.nodes[0].n, 20);
	assert_false(w.tree.nodes[0].growth.known);
	/* A server that does not answer stands still for nobody. */
	w.q.match = NULL;
	for (int s = 0; s < 240; s += 10) {
		fixture_advance(w.f, 10000);
		fixture_error(w.f, one, "sessions", ERR_TIMEOUT, "timed out after 800 ms");
		look(&w);
	}
	assert_false(w.tree.nodes[0].growth.known);
	buf_free(&b);
	end(&w);
}

/* Ten thousand groups of one, other ones every time, are not remembered; the real one is. */
static void test_what_is_forgotten(void **state)
{
	(void)state;
	struct world w;
	struct buf b;
	begin(&w);
	buf_init(&b, 4 << 20);
	buf_puts(&b, HEAD);
	for (int i = 0; i < 5; i++) {
		char name[16];
		snprintf(name, sizeof(name), "pg-%d", i);
		fixture_instance(w.f, "orders", name, ENGINE_POSTGRES);
	}
	for (int s = 0; s <= 140; s += 10) {
		for (size_t i = 0; i < 5; i++) {
			for (int k = 0; k < 900; k++)
				buf_printf(&b,
				        "%d | s | u%d | app%d-%d | 10.%d.%d.%d:1 | client | idle | | | | | 5 "
				        "| | f | 'S%dx%d'\n",
				        k, k, k, s, s, k / 250, k % 250, k, s);
			if (i == 3)
				put_sessions(&b, 10000, 10 + s, "checkout", "idle in transaction", 60000);
			set(&w, i, &b);
		}
		look(&w);
		fixture_advance(w.f, 10000);
	}
	assert_true(w.tree.nodes[0].n >= 150);
	assert_true(w.tree.nodes[0].growth.known && w.tree.nodes[0].growth.per_minute > 50);
	buf_free(&b);
	end(&w);
}

/* --- Queues */

static const struct tree_node *find(const struct world *w, int64_t id)
{
	for (size_t i = 0; i < w->tree.n; i++) {
		const struct tree_node *n = &w->tree.nodes[i];
		if (n->kind == TREE_SESSION && session_of(w, n)->id == id)
			return n;
	}
	return NULL;
}

static void test_blocked_under_blockers(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	scene_incident(w.f);
	w.q.axis = TREE_BY_BLOCKER;
	look(&w);
	const struct tree_node *root = &w.tree.nodes[0];
	assert_int_equal(session_of(&w, root)->id, 4711);
	assert_int_equal(root->depth, 0);
	assert_int_equal(find(&w, 4802)->depth, 1);
	assert_int_equal(find(&w, 4903)->depth, 2);
	assert_int_equal(find(&w, 5120)->depth, 1);
	/* Three readers that wait alike are one line. */
	size_t i = 0;
	while (w.tree.nodes[i].kind != TREE_WAITERS)
		i++;
	assert_int_equal(w.tree.nodes[i].n, 3);
	assert_int_equal(w.tree.nodes[i].oldest_ms, 160000);
	assert_null(find(&w, 5201));
	uint64_t key = w.tree.nodes[i].key;
	w.q.toggled = &key;
	w.q.ntoggled = 1;
	look(&w);
	assert_int_equal(find(&w, 5203)->depth, 3);
	/* The others wait for nobody; nobody is in both. */
	size_t n = 0;
	for (i = 0; i < w.tree.n; i++)
		n += w.tree.nodes[i].depth == 0 && w.tree.nodes[i].heading == HEADING_FREE ? w.tree.nodes[i].n
		                                                                           : 0;
	assert_int_equal(n + 7, w.tree.sessions);
	end(&w);
}

static void test_a_circle_and_a_deep_queue(void **state)
{
	(void)state;
	struct world w;
	struct buf b;
	struct buf edges;
	begin(&w);
	buf_init(&b, 1 << 20);
	buf_init(&edges, 1 << 20);
	buf_puts(&b, HEAD);
	buf_puts(&edges, "waiter | blocker | waiting_ms\n");
	size_t one = fixture_instance(w.f, "orders", "pg-1", ENGINE_POSTGRES);
	put_sessions(&b, 1, 3, "circle", "active", 9000);
	put_sessions(&b, 100, 80, "deep", "active", 9000);
	buf_puts(&edges, "1 | 2 | 5000\n2 | 3 | 5000\n3 | 1 | 5000\n");
	for (int i = 101; i < 180; i++)
		buf_printf(&edges, "%d | %d | 5000\n", i, i - 1);
	/* A prepared transaction holds somebody up, and one that we cannot see. */
	buf_puts(&b, "700 | s | u | x | | client | active | Lock | | 5 | 5 | 5 | | f | 'A'\n");
	buf_puts(&b, "701 | s | u | y | | client | active | Lock | | 5 | 5 | 5 | | f | 'B'\n");
	buf_puts(&edges, "700 | 0 | 5000\n701 | -1 | 5000\n");
	fixture_table(w.f, one, "blockers", buf_str(&edges));
	set(&w, one, &b);
	w.q.axis = TREE_BY_BLOCKER;
	look(&w);
	assert_int_equal(find(&w, 100)->depth, 0);
	assert_int_equal(find(&w, 110)->depth, 10);
	for (size_t i = 0; i < w.tree.n; i++)
		assert_true(w.tree.nodes[i].depth <= 32);
	assert_non_null(find(&w, 1));
	assert_non_null(find(&w, 3));
	assert_non_null(find(&w, 0));
	assert_int_equal(find(&w, 701)->depth, 1);
	buf_free(&b);
	buf_free(&edges);
	end(&w);
}

static void test_workers_under_their_leader(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	scene_incident(w.f);
	w.q.axis = TREE_BY_APP;
	w.q.show_own = true;
	look(&w);
	uint64_t keys[64];
	w.q.toggled = keys;
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < w.tree.n && w.q.ntoggled < 64; i++) {
			const char *app = session_of(&w, &w.tree.nodes[i])->app;
			if (w.tree.nodes[i].opens && !w.tree.nodes[i].open && app != NULL &&
			        strcmp(app, "loader") == 0)
				keys[w.q.ntoggled++] = w.tree.nodes[i].key;
		}
		look(&w);
	}
	const struct tree_node *leader = find(&w, 6001);
	assert_non_null(leader);
	assert_true(leader->open);
	assert_int_equal(leader[1].kind, TREE_XACT);
	assert_int_equal(leader[2].kind, TREE_WAIT);
	assert_int_equal(leader[3].kind, TREE_STATEMENT);
	assert_true(find(&w, 6002)->worker);
	assert_int_equal(find(&w, 6003)->depth, leader->depth + 1);
	end(&w);
}

static void test_hosts(void **state)
{
	(void)state;
	static const struct {
		const char *client;
		size_t n;
	} cases[] = {{"10.0.0.1:5432", 8}, {"[::1]:99", 5}, {"local", 5}, {"", 0}, {"::1", 3},
	        {"fe80::1:22", 10}, {"db.example:3306", 10}, {"host:", 5}, {":1", 2}, {"1", 1}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tree_host(cases[i].client), cases[i].n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_line_for_all_that_are_alike),
	        cmocka_unit_test(test_sums_on_every_axis),
	        cmocka_unit_test(test_growth_is_known_after_a_minute),
	        cmocka_unit_test(test_what_is_forgotten), cmocka_unit_test(test_blocked_under_blockers),
	        cmocka_unit_test(test_a_circle_and_a_deep_queue),
	        cmocka_unit_test(test_workers_under_their_leader), cmocka_unit_test(test_hosts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
