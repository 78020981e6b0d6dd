/* One look is a fetch and a graph of it; the servers' lists are a moment old, so it is repeated. */
#include "tests/support/mylock_look.h"

#include "tests/support/test.h"
#include "tests/support/wait.h"

enum { PATIENCE_MS = 20000, PAUSE_MS = 150 };

int64_t myl_id(MYSQL *m)
{
	return (int64_t)mysql_thread_id(m);
}

void myl_table(MYSQL *m)
{
	static const char *const sql[] = {"CREATE DATABASE IF NOT EXISTS lp", "DROP TABLE IF EXISTS lp.t",
	        "CREATE TABLE lp.t (id INT PRIMARY KEY, v INT)",
	        "INSERT INTO lp.t VALUES (1, 1), (2, 2), (3, 3)"};
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
		myc_run(m, sql[i]);
}

bool myl_look(void *arg)
{
	struct my_look *g = arg;
	if (wait_now_ms() < g->next)
		return false;
	arena_free(g->arena);
	g->arena = arena_new();
	int64_t start = wait_now_ms();
	g->t = drive_table(g->drive, g->c, "locks", 0, g->arena);
	g->took_ms = wait_now_ms() - start;
	g->g = (struct lock_graph){0};
	locks_build(&g->g, g->t, g->drive->driver->info(g->c)->server.engine, NULL, false, g->arena);
	g->next = wait_now_ms() + PAUSE_MS;
	return g->right(g);
}

/* The waiter's way up ends at the root. */
static bool leads_to_root(struct my_look *g)
{
	const struct lock_node *n = locks_find(&g->g, g->waiter, NULL);
	if (n == NULL || !n->blocked || g->g.counts.waiters < g->waiters)
		return false;
	while (n->parent != LOCK_NONE)
		n = &g->g.nodes[n->parent];
	return n->id == g->root;
}

void myl_root(struct my_look *g, const char *what)
{
	g->right = leads_to_root;
	if (!wait_until(myl_look, g, PATIENCE_MS))
		fail_msg("%s: %lld does not lead to %lld", what, (long long)g->waiter, (long long)g->root);
}
