/* ADMIN: a connection that is opened early and kept, so that it is there when the server takes no more. It
 * cancels what our own lanes left behind, carries out actions, answers single questions, and pings so that
 * nobody between us and the server forgets it. */
#include "core/run/lane.h"

static mono_ns earlier(mono_ns a, mono_ns b)
{
	return a < b ? a : b;
}

static void ping(struct lane *l)
{
	struct err e;
	err_clear(&e);
	struct ctx ctx = ctx_within(&l->ctx, PING_MS);
	atomic_store(&l->busy_until, ctx.deadline);
	bool ok = l->st->driver->ping(&ctx, l->conn, &e);
	atomic_store(&l->busy_until, 0);
	l->ping_at = lane_now(l) + PING_EVERY_MS * NS_PER_MS;
	if (ok)
		l->connect_failures = 0;
	else
		lane_lost(l, &e, e.code == ERR_TIMEOUT);
}

mono_ns admin_step(struct lane *l)
{
	mono_ns next = MONO_NEVER;
	unsigned kicks = atomic_load(&l->st->p->kicks);
	if (kicks != l->kicked && l->connect_at != MONO_NEVER)
		l->connect_at = lane_now(l);
	l->kicked = kicks;
	if (l->conn == NULL && !lane_connect(l, &next))
		return earlier(next, job_work(l));

	/* A cancel of our own never waits for somebody's action: it is looked for before each job. */
	for (;;) {
		next = reaper_work(l);
		if (l->conn == NULL)
			return earlier(next, job_work(l));
		struct job *j = job_next(l->st);
		if (j == NULL)
			break;
		job_begin(l, j);
		if (l->conn == NULL)
			return lane_now(l);
	}
	next = earlier(next, job_work(l));
	if (l->conn != NULL && lane_now(l) >= l->ping_at)
		ping(l);
	return l->conn != NULL ? earlier(next, l->ping_at) : lane_now(l);
}
