/* See the header. */
#include "tests/support/lock_odd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lock_crowd.h"
#include "tests/support/test.h"
#include "tests/support/wait.h"

enum { PATIENCE_MS = 15000 };

static void quiet(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

PGresult *odd_run(PGconn *pg, const char *sql)
{
	PGresult *r = PQexec(pg, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	return r;
}

void odd_control(struct odd_stage *st, const char *sql)
{
	PQclear(odd_run(st->control, sql));
}

long odd_number(struct odd_stage *st, const char *sql)
{
	PGresult *r = odd_run(st->control, sql);
	long n = strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return n;
}

void odd_open(struct odd_stage *st, struct drive *drive, const char *before)
{
	st->drive = drive;
	st->control = crowd_connect(&st->server, "app", "dba");
	PQsetNoticeReceiver(st->control, quiet, NULL);
	odd_control(st, "SET statement_timeout = '10s'");
	/* Before dbatop connects: it looks for new databases every few seconds only. */
	if (before != NULL)
		odd_control(st, before);
	st->monitor = drive_open(drive, &st->server, "monitor", LANE_FAST, &st->ends[0]);
	st->nobody = drive_open(drive, &st->server, "nobody", LANE_FAST, &st->ends[1]);
}

void odd_close(struct odd_stage *st)
{
	PQfinish(st->control);
	st->drive->driver->close(st->monitor);
	st->drive->driver->close(st->nobody);
	endpoint_free(&st->ends[0]);
	endpoint_free(&st->ends[1]);
	lab_remove(st->server.name);
}

/* --- Actors */

void odd_enter(struct odd_stage *st, int a, const char *database)
{
	st->actor[a] = crowd_connect(&st->server, database, "dba");
	PQsetNoticeReceiver(st->actor[a], quiet, NULL);
	st->pid[a] = PQbackendPID(st->actor[a]);
}

void odd_does(struct odd_stage *st, int a, const char *sql)
{
	if (st->actor[a] == NULL)
		odd_enter(st, a, "app");
	PQclear(odd_run(st->actor[a], sql));
}

void odd_begins(struct odd_stage *st, int a, const char *sql)
{
	if (st->actor[a] == NULL)
		odd_enter(st, a, "app");
	if (!PQsendQuery(st->actor[a], sql))
		fail_msg("%s: %s", sql, PQerrorMessage(st->actor[a]));
}

struct condition {
	struct odd_stage *st;
	const char *sql;
};

static bool holds_true(void *arg)
{
	const struct condition *c = arg;
	return odd_number(c->st, c->sql) > 0;
}

void odd_until(struct odd_stage *st, const char *sql)
{
	struct condition c = {st, sql};
	if (!wait_until(holds_true, &c, PATIENCE_MS))
		fail_msg("%s: never: %s", st->server.name, sql);
}

void odd_waits(struct odd_stage *st, int a)
{
	char sql[SQL_MAX];
	snprintf(
	        sql, sizeof(sql), "SELECT count(1) FROM pg_locks WHERE NOT granted AND pid = %d", st->pid[a]);
	odd_until(st, sql);
}

/* Signals first: while a catalog is locked not even the list of sessions can be asked for. */
void odd_all_leave(struct odd_stage *st)
{
	char sql[SQL_MAX];
	for (int a = ACTORS_MAX - 1; a >= 0; a--) {
		if (st->actor[a] == NULL)
			continue;
		snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", st->pid[a]);
		odd_control(st, sql);
	}
	for (int a = 0; a < ACTORS_MAX; a++) {
		if (st->actor[a] == NULL)
			continue;
		PQfinish(st->actor[a]);
		st->actor[a] = NULL;
		snprintf(sql, sizeof(sql), "SELECT (count(1) = 0)::int FROM pg_stat_get_activity(%d)",
		        st->pid[a]);
		odd_until(st, sql);
	}
}

/* --- What dbatop shows */

void odd_look(struct odd_stage *st, bool as_nobody, struct odd_shown *s)
{
	*s = (struct odd_shown){.arena = arena_new()};
	s->table = drive_table(st->drive, as_nobody ? st->nobody : st->monitor, "locks", 0, s->arena);
	locks_build(&s->graph, s->table, ENGINE_POSTGRES, NULL, false, s->arena);
}

const struct lock_entry *odd_wait_of(const struct odd_shown *s, int pid)
{
	const struct lock_node *n = locks_find(&s->graph, pid, NULL);
	for (uint32_t i = 0; n != NULL && i < n->nentries; i++) {
		const struct lock_entry *e = &s->graph.entries[s->graph.of_node[n->entries + i]];
		if (!e->held)
			return e;
	}
	fail_msg("%d does not wait", pid);
	return NULL;
}

/* The one and only in its way. */
const struct lock_entry *odd_blocked_by(const struct odd_shown *s, int waiter, int64_t blocker, bool likely)
{
	struct lock_edge edges[8];
	const struct lock_entry *e = odd_wait_of(s, waiter);
	size_t n = locks_blockers(&s->graph, (uint32_t)(e - s->graph.entries), edges, 8);
	assert_int_equal(n, 1);
	assert_int_equal(s->graph.nodes[edges[0].blocker].id, blocker);
	assert_int_equal(edges[0].likely, likely);
	return e;
}

void odd_check_lock(
        const struct odd_shown *s, const struct lock_entry *e, enum lock_kind kind, const char *object)
{
	const struct lock_queue *q = &s->graph.queues[e->queue];
	assert_int_equal(q->kind, kind);
	if (object == NULL)
		return;
	assert_non_null(q->object);
	assert_string_equal(q->object, object);
}

void odd_only_root(const struct odd_shown *s, int64_t id)
{
	assert_int_equal(s->graph.nroots, 1);
	assert_int_equal(s->graph.nodes[s->graph.roots[0]].id, id);
}

/* Actor 1 waits for actor 0, for both kinds of role. */
void odd_expect(struct odd_stage *st, enum lock_kind kind, const char *object)
{
	odd_waits(st, 1);
	for (int role = 0; role < 2; role++) {
		struct odd_shown s;
		odd_look(st, role == 1, &s);
		odd_check_lock(&s, odd_blocked_by(&s, st->pid[1], st->pid[0], false), kind, object);
		odd_only_root(&s, st->pid[0]);
		assert_int_equal(s.graph.counts.waiters, 1);
		arena_free(s.arena);
	}
	odd_all_leave(st);
}

void odd_play(
        struct odd_stage *st, const char *first, const char *second, enum lock_kind kind, const char *object)
{
	odd_does(st, 0, first);
	odd_begins(st, 1, second);
	odd_expect(st, kind, object);
}
