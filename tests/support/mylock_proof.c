/* A look is compared until it is equal or time is up: the servers' lists of InnoDB are copies that are a
 * moment old. */
#include "tests/support/mylock_proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/support/test.h"
#include "tests/support/wait.h"

enum { LOOK_MS = 4000, PAUSE_MS = 150, WRONG_MAX = 200, TRIES = 4 };

/* Who stands in whose way, one bit a pair, as a matrix of the crowd's sessions. */
struct edges {
	bool sure[MYW_SESSIONS][MYW_SESSIONS], any[MYW_SESSIONS][MYW_SESSIONS];
	bool waits[MYW_SESSIONS];
};

/* 1. The server's own pairs, of rows only. */

static bool rows_wait(const struct my_crowd *c, int s)
{
	int o = c->world.session[s].waits;
	return o >= 0 && (c->world.object[o].kind == MYW_ROW || c->world.object[o].kind == MYW_GAP);
}

static void server_pairs(struct my_crowd *c, struct edges *out)
{
	static const char mysql[] =
	        "SELECT r.PROCESSLIST_ID, x.trx_mysql_thread_id FROM performance_schema.data_lock_waits w "
	        "JOIN performance_schema.threads r ON r.THREAD_ID = w.REQUESTING_THREAD_ID "
	        "JOIN information_schema.INNODB_TRX x ON x.trx_id = w.BLOCKING_ENGINE_TRANSACTION_ID";
	static const char maria[] = "SELECT r.trx_mysql_thread_id, b.trx_mysql_thread_id FROM "
	                            "information_schema.INNODB_LOCK_WAITS w "
	                            "JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id "
	                            "JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id "
	                            "WHERE r.trx_id <> 0 AND b.trx_id <> 0";
	const char *sql = c->maria ? maria : mysql;
	memset(out, 0, sizeof(*out));
	if (mysql_real_query(c->control, sql, strlen(sql)) != 0)
		fail_msg("%s", mysql_error(c->control));
	MYSQL_RES *r = mysql_store_result(c->control);
	for (MYSQL_ROW row = mysql_fetch_row(r); row != NULL; row = mysql_fetch_row(r)) {
		int waiter = myc_session(c, strtoll(row[0], NULL, 10));
		int blocker = myc_session(c, strtoll(row[1], NULL, 10));
		if (waiter >= 0 && blocker >= 0)
			out->any[waiter][blocker] = true;
	}
	mysql_free_result(r);
}

/* MariaDB has no number for transactions that have not written, so its pairs cannot name them. */
static bool unnamed(const struct my_crowd *c, int s)
{
	return c->maria && s % 2 != 0;
}

static bool server_agrees(struct my_crowd *c, char wrong[WRONG_MAX])
{
	static struct edges e;
	int found[MYW_SESSIONS];
	server_pairs(c, &e);
	for (int s = 0; s < c->world.nsessions; s++) {
		bool in_the_way[MYW_SESSIONS] = {false};
		int n = myw_blockers(&c->world, s, found);
		for (int i = 0; i < n; i++)
			in_the_way[found[i]] = true;
		for (int b = 0; rows_wait(c, s) && b < c->world.nsessions; b++) {
			if (unnamed(c, s) || unnamed(c, b) || e.any[s][b] == in_the_way[b])
				continue;
			snprintf(wrong, WRONG_MAX, "the server %s that %d waits for %d",
			        e.any[s][b] ? "says" : "does not say", s, b);
			return false;
		}
	}
	return true;
}

/* 2. What dbatop shows. */

static void read_node(const struct my_crowd *c, const struct lock_graph *g, const struct lock_node *n, int s,
        struct edges *out)
{
	struct lock_edge *edge = calloc(g->nnodes + 1, sizeof(*edge));
	for (uint32_t k = n->entries; k < n->entries + n->nentries; k++) {
		uint32_t entry = g->of_node[k];
		if (g->entries[entry].held)
			continue;
		out->waits[s] = true;
		size_t m = locks_blockers(g, entry, edge, g->nnodes);
		for (size_t i = 0; i < m; i++) {
			int b = myc_session(c, g->nodes[edge[i].blocker].id);
			if (b < 0)
				continue;
			out->any[s][b] = true;
			out->sure[s][b] |= !edge[i].likely;
		}
	}
	free(edge);
}

static void read_graph(struct my_proof *p, struct lock_graph *g, struct arena *arena)
{
	struct table *t = drive_table(p->drive, p->conn, "locks", 0, arena);
	*g = (struct lock_graph){0};
	locks_build(g, t, p->drive->driver->info(p->conn)->server.engine, NULL, false, arena);
	assert_false(t->truncated);
}

static void read_shown(struct my_proof *p, struct my_crowd *c, struct edges *out)
{
	struct arena *arena = arena_new();
	struct lock_graph g;
	read_graph(p, &g, arena);
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < g.nnodes; i++) {
		int s = myc_session(c, g.nodes[i].id);
		if (s >= 0)
			read_node(c, &g, &g.nodes[i], s, out);
	}
	arena_free(arena);
}

static void reach(const bool (*edges)[MYW_SESSIONS], int n, int s, bool *who)
{
	int todo[MYW_SESSIONS], m = 0;
	memset(who, 0, (size_t)n * sizeof(*who));
	todo[m++] = s;
	while (m > 0) {
		int at = todo[--m];
		for (int b = 0; b < n; b++) {
			if (edges[at][b] && !who[b]) {
				who[b] = true;
				todo[m++] = b;
			}
		}
	}
}

/* Those whom nobody can see on MariaDB without its plugin: LOCK TABLES with nothing to do. */
static bool invisible(const struct my_proof *p, const struct my_crowd *c, int s)
{
	return c->maria && !p->plugin && c->world.session[s].locks;
}

/* Who is immediately in whose way, by the world. */
static void read_world(const struct my_world *w, bool (*out)[MYW_SESSIONS])
{
	int found[MYW_SESSIONS];
	memset(out, 0, MYW_SESSIONS * sizeof(*out));
	for (int s = 0; s < w->nsessions; s++) {
		int m = myw_blockers(w, s, found);
		for (int i = 0; i < m; i++)
			out[s][found[i]] = true;
	}
}

static bool same(struct my_proof *p, const struct my_crowd *c, const struct edges *e, char wrong[WRONG_MAX])
{
	static bool world[MYW_SESSIONS][MYW_SESSIONS];
	bool truly[MYW_SESSIONS], any[MYW_SESSIONS], sure[MYW_SESSIONS];
	int n = c->world.nsessions;
	read_world(&c->world, world);
	for (int s = 0; s < n; s++) {
		const bool *now = world[s];
		if (e->waits[s] != (c->world.session[s].waits >= 0)) {
			snprintf(wrong, WRONG_MAX, "session %d is shown %swaiting", s,
			        e->waits[s] ? "" : "not ");
			return false;
		}
		reach(world, n, s, truly);
		reach(e->any, n, s, any);
		reach(e->sure, n, s, sure);
		for (int b = 0; b < n; b++) {
			const char *what = sure[b] && !truly[b]       ? "reaches, falsely,"
			                   : e->sure[s][b] && !now[b] ? "waits, falsely, for"
			                   : truly[b] && !any[b] && !invisible(p, c, b) ? "does not reach"
			                                                                : NULL;
			if (what != NULL) {
				snprintf(wrong, WRONG_MAX, "session %d (object %d, mode %d) %s %d", s,
				        c->world.session[s].waits, c->world.session[s].mode, what, b);
				return false;
			}
		}
	}
	return true;
}

/* 3. Until they are equal. */

struct look {
	struct my_proof *p;
	struct my_crowd *c;
	int64_t next;
	bool server;
	char wrong[WRONG_MAX];
};

static bool looks_right(void *arg)
{
	struct look *l = arg;
	static struct edges e;
	if (wait_now_ms() < l->next)
		return false;
	l->p->looks++;
	bool right = l->server ? server_agrees(l->c, l->wrong)
	                       : (read_shown(l->p, l->c, &e), same(l->p, l->c, &e, l->wrong));
	l->next = wait_now_ms() + PAUSE_MS;
	return right;
}

static void count(struct my_proof *p, struct my_crowd *c)
{
	static struct edges e;
	int found[MYW_SESSIONS];
	read_shown(p, c, &e);
	unsigned waiters = (unsigned)myw_waiting(&c->world);
	p->states++;
	p->waiters += waiters;
	if (waiters > p->most_waiters)
		p->most_waiters = waiters;
	for (int s = 0; s < c->world.nsessions; s++) {
		p->edges += (unsigned)myw_blockers(&c->world, s, found);
		for (int b = 0; b < c->world.nsessions; b++)
			p->likely += e.any[s][b] && !e.sure[s][b];
	}
}

/* For the log of a failed test: who holds and who waits, object by object. */
static void print_world(const struct my_world *w)
{
	for (int o = 0; o < w->nobjects; o++) {
		const struct myw_object *at = &w->object[o];
		if (at->nwaiting == 0)
			continue;
		fprintf(stderr, "object %d, held by", o);
		for (int i = 0; i < w->nsessions; i++) {
			if (at->held[i] != 0)
				fprintf(stderr, " %d:%x", i, at->held[i]);
		}
		fprintf(stderr, ", wanted by");
		for (int k = 0; k < at->nwaiting; k++)
			fprintf(stderr, " %d:%d", at->waiter[k], at->mode[k]);
		fprintf(stderr, "\n");
	}
}

/* … and what the feed has of it, with sessions by their number. */
static void print_shown(struct my_proof *p, const struct my_crowd *c)
{
	static const char *const columns[] = {
	        "queue", "held", "place", "mode", "waiting_ms", "likely", "blockers"};
	struct arena *arena = arena_new();
	const struct table *t = drive_table(p->drive, p->conn, "locks", 0, arena);
	for (size_t row = 0; row < t->nrows; row++) {
		const struct cell *id = drive_cell(t, row, "id");
		fprintf(stderr, "session %d (id %lld)", myc_session(c, id->u.i), (long long)id->u.i);
		for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
			const struct cell *cell = drive_cell(t, row, columns[i]);
			if (cell->type == CELL_TEXT)
				fprintf(stderr, ", %s %s", columns[i], cell->u.s);
			else if (cell->type != CELL_NULL)
				fprintf(stderr, ", %s %lld", columns[i], (long long)cell->u.i);
		}
		fprintf(stderr, "\n");
	}
	arena_free(arena);
}

void myp_check(struct my_proof *p, struct my_crowd *c)
{
	for (int server = 1; server >= 0; server--) {
		struct look l = {.p = p, .c = c, .server = server};
		bool right = wait_until(looks_right, &l, LOOK_MS);
		if (!right)
			print_world(&c->world);
		if (!right)
			print_shown(p, c);
		if (!right)
			fail_msg("%s: %s", c->scene, l.wrong);
	}
	count(p, c);
}

/* 4. Ending somebody. */

int myp_root(const struct my_crowd *c)
{
	static bool world[MYW_SESSIONS][MYW_SESSIONS];
	bool who[MYW_SESSIONS];
	int behind[MYW_SESSIONS] = {0}, best = -1;
	read_world(&c->world, world);
	for (int s = 0; s < c->world.nsessions; s++) {
		reach(world, c->world.nsessions, s, who);
		for (int b = 0; b < c->world.nsessions; b++)
			behind[b] += who[b] && c->world.session[b].waits < 0;
	}
	for (int s = 0; s < c->world.nsessions; s++) {
		if (behind[s] > 0 && (best < 0 || behind[s] > behind[best]))
			best = s;
	}
	return best;
}

/* Somebody waits in its turn in a queue of this node, or holds there, by a guess. */
static bool rests_on_guess(const struct lock_graph *g, const struct lock_node *n)
{
	for (uint32_t k = n->entries; k < n->entries + n->nentries; k++) {
		const struct lock_queue *q = &g->queues[g->entries[g->of_node[k]].queue];
		for (uint32_t i = q->first; i < q->first + q->nheld + q->nwaiting; i++) {
			if (g->entries[i].likely)
				return true;
		}
	}
	return false;
}

/* How many dbatop says go on at once, -1 when that rests on a guess: those are in queues that s is in. */
static int said(struct my_proof *p, struct my_crowd *c, int s)
{
	struct arena *arena = arena_new();
	struct lock_graph g;
	int now = -1;
	read_graph(p, &g, arena);
	const struct lock_node *n = locks_find(&g, c->world.session[s].prepared ? 0 : c->id[s], NULL);
	if (n != NULL && !rests_on_guess(&g, n)) {
		uint32_t node = (uint32_t)(n - g.nodes);
		struct lock_frees frees;
		locks_release(&g, &node, 1, REMEDY_TERMINATE, &frees);
		now = (int)frees.now;
	}
	arena_free(arena);
	return now;
}

/* How many are let in at once; -1 when it is the server's choice, as between readers and a writer that blocks
 * others on MySQL. */
static int predicted(const struct my_crowd *c, int s)
{
	static struct my_world trial;
	int who[MYW_SESSIONS], n = 0;
	trial = c->world;
	myw_leave(&trial, s);
	for (int o = 0; o < trial.nobjects; o++) {
		const struct myw_object *at = &trial.object[o];
		if (!myw_can_let_in(&trial, o))
			continue;
		for (int k = 1; !trial.in_turn && at->kind == MYW_ROW && k < at->nwaiting; k++) {
			if (at->mode[k] != at->mode[0])
				return -1;
		}
		n += myw_let_in(&trial, o, -1, who);
	}
	return n;
}

struct saying {
	struct my_proof *p;
	struct my_crowd *c;
	int s, expected, said;
	int64_t next;
	int tries;
};

static bool says_right(void *arg)
{
	struct saying *y = arg;
	if (wait_now_ms() < y->next)
		return false;
	y->said = said(y->p, y->c, y->s);
	y->next = wait_now_ms() + PAUSE_MS;
	/* The lists are older when others ask too: who is not in them, or is guessed, may be so soon. */
	if (y->expected >= 0 && y->said < 0 && y->tries++ < TRIES)
		return false;
	return y->expected < 0 || y->said < 0 || y->said == y->expected;
}

void myp_end(struct my_proof *p, struct my_crowd *c, int s)
{
	struct saying y = {.p = p, .c = c, .s = s, .expected = predicted(c, s)};
	bool right = wait_until(says_right, &y, LOOK_MS);
	if (!right)
		print_world(&c->world);
	if (!right)
		fail_msg("%s: ending %d is said to free %d now, and frees %d", c->scene, s, y.said,
		        y.expected);
	int went_on = myc_end(c, s);
	if (y.expected >= 0 && went_on != y.expected)
		fail_msg("%s: %d went on when %d was ended, not %d", c->scene, went_on, s, y.expected);
	p->releases += y.said >= 0 && y.expected >= 0;
}
