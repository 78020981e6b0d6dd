/* One lane: a thread with at most one connection, that connects, does its step, and sleeps until the next.
 * Everything it waits for is under a ctx, so a lane can be late but never lost. */
#include "core/run/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/run/credential.h"
#include "core/run/thread.h"

enum {
	CONNECT_DEFAULT_MS = 5000,
	/* A wrong password does not heal by itself, and some servers lock the account after a few. */
	HOPELESS_LEAST_MS = 15000,
};

mono_ns lane_now(const struct lane *l)
{
	return clock_now(l->ctx.clock);
}

void lane_wake(struct lane *l)
{
	const uint64_t one = 1;
	ssize_t n = write(l->wake, &one, sizeof(one));
	(void)n;
}

bool lane_broken(enum err_code code)
{
	return code == ERR_TIMEOUT || code == ERR_CANCELLED || code == ERR_LOST || code == ERR_IO;
}

static void drain_wake(struct lane *l)
{
	uint64_t n;
	ssize_t got = read(l->wake, &n, sizeof(n));
	(void)got;
}

void lane_sleep_until(struct lane *l, mono_ns until)
{
	struct ctx ctx = l->ctx;
	mono_ns from = lane_now(l);
	ctx.deadline = until;
	if (until == MONO_NEVER || until - from > SHED_FROM_MS * NS_PER_MS)
		thread_shed_stack();
	if (ctx_wait_fd(&ctx, l->wake, POLLIN) == ERR_NONE)
		drain_wake(l);

	/* Woken much too late, the machine was asleep: 200 lanes must not all begin at once. */
	mono_ns expected = until > from ? until : from;
	if (until == MONO_NEVER || lane_now(l) - expected <= GAP_MS * NS_PER_MS)
		return;
	ask_spread(l);
}

static bool fetch_password(struct lane *l, const struct ctx *ctx, struct err *e)
{
	free_secret(l->password);
	l->password = NULL;
	l->endpoint = l->st->endpoint;
	if (l->endpoint.password != NULL)
		return true;
	if (!credential_password(ctx, &l->endpoint, &l->password, e))
		return false;
	if (l->password != NULL) {
		log_add_secret(l->st->env.log, l->password);
		l->endpoint.password = l->password;
	}
	return true;
}

/* Plans the next attempt after a failure; returns when. */
static mono_ns plan_reconnect(struct lane *l, enum err_code code)
{
	if (l->st->p->opt.once)
		return l->connect_at = MONO_NEVER;
	l->connect_failures++;
	uint32_t wait = backoff_ms(l->connect_failures, &l->random);
	if (code == ERR_AUTH || code == ERR_POOLER)
		wait = HOPELESS_LEAST_MS + random_below(&l->random, HOPELESS_LEAST_MS);
	return l->connect_at = lane_now(l) + (mono_ns)wait * NS_PER_MS;
}

static void set_identity(struct lane *l, const struct server_identity *server)
{
	struct station *st = l->st;
	pthread_mutex_lock(&st->lock);
	if (server != NULL)
		st->identity[l->kind] = *server;
	else
		st->identity[l->kind] = (struct server_identity){0};
	pthread_mutex_unlock(&st->lock);
}

/* SLOW must speak to the server that FAST speaks to: their samples stand side by side. */
static bool same_server(struct lane *l, const struct server_identity *reached, struct err *e)
{
	if (l->kind != LANE_SLOW)
		return true;
	struct station *st = l->st;
	pthread_mutex_lock(&st->lock);
	bool other = st->identity[LANE_FAST].engine != ENGINE_NONE &&
	             !server_identity_equal(&st->identity[LANE_FAST], reached);
	pthread_mutex_unlock(&st->lock);
	return !other || err_set(e, ERR_IDENTITY, "another server answers here than on the first connection");
}

static bool try_connect(struct lane *l, struct err *e)
{
	struct station *st = l->st;
	uint32_t ms = st->cluster.timeouts.connect_ms;
	struct ctx ctx = ctx_within(&l->ctx, ms != 0 ? ms : CONNECT_DEFAULT_MS);
	atomic_store(&l->busy_until, ctx.deadline);
	bool ok = fetch_password(l, &ctx, e) &&
	          st->driver->connect(&ctx, &st->env, &l->endpoint, l->kind, &l->conn, e);
	atomic_store(&l->busy_until, 0);
	thread_shed_stack();
	if (!ok) {
		l->conn = NULL;
		return false;
	}
	if (!same_server(l, &st->driver->info(l->conn)->server, e)) {
		st->driver->close(l->conn);
		l->conn = NULL;
		return false;
	}
	return true;
}

bool lane_connect(struct lane *l, mono_ns *next)
{
	struct err e;
	mono_ns now = lane_now(l);
	if (l->connect_at > now) {
		*next = l->connect_at;
		return false;
	}
	if (!reaper_take_place(l, next))
		return false;
	report_connecting(l);
	err_clear(&e);
	if (!try_connect(l, &e)) {
		reaper_give_place(l, false);
		*next = plan_reconnect(l, e.code);
		if (e.code != ERR_CANCELLED)
			report_down(l, &e, *next);
		return false;
	}
	set_identity(l, &l->st->driver->info(l->conn)->server);
	l->connects++;
	l->ping_at = lane_now(l) + PING_EVERY_MS * NS_PER_MS;
	report_up(l);
	ask_learn_server(l);
	return true;
}

void lane_disconnect(struct lane *l, bool zombie)
{
	if (l->conn == NULL)
		return;
	set_identity(l, NULL);
	reaper_give_place(l, zombie);
	l->st->driver->close(l->conn);
	l->conn = NULL;
}

void lane_lost(struct lane *l, const struct err *e, bool zombie)
{
	lane_disconnect(l, zombie);
	mono_ns next = plan_reconnect(l, e->code);
	if (e->code != ERR_CANCELLED)
		report_down(l, e, next);
}

static void *lane_main(void *arg);

static bool start_thread(struct lane *l, pthread_t *out, struct err *e)
{
	static const char *const names[LANE_KINDS] = {
	        [LANE_FAST] = "fast", [LANE_SLOW] = "slow", [LANE_ADMIN] = "admin"};
	char name[16];
	snprintf(name, sizeof(name), "%s %zu", names[l->kind], l->st->instance);
	return thread_start(out, lane_main, l, name, e);
}

/* A login frees hundreds of small pieces, and the C library keeps some of every size for the thread that
 * freed them, 20 KB and more, for as long as it lives. So after a login the lane goes on on another thread,
 * which waits for the end of this one. False: there is none to be had, the lane stays. */
static bool relieve(struct lane *l, mono_ns resume_at)
{
	pthread_t next;
	l->before = pthread_self();
	l->relieved = true;
	l->resume_at = resume_at;
	if (!start_thread(l, &next, NULL))
		return l->relieved = false;
	l->thread = next;
	return true;
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;
	struct poller *p = l->st->p;
	thread_stand_back();
	if (l->relieved) {
		pthread_join(l->before, NULL);
		lane_sleep_until(l, l->resume_at);
	}
	unsigned connects = l->connects;
	while (ctx_done(&l->ctx) == ERR_NONE) {
		mono_ns next = l->kind == LANE_ADMIN ? admin_step(l) : ask_step(l);
		if (l->connects != connects && relieve(l, next))
			return NULL;
		connects = l->connects;
		lane_sleep_until(l, next);
	}
	if (l->kind == LANE_ADMIN)
		job_drop_all(l);
	lane_disconnect(l, false);
	free_secret(l->password);
	l->password = NULL;
	const uint64_t one = 1;
	ssize_t n = write(p->done, &one, sizeof(one));
	(void)n;
	return NULL;
}

bool lane_start(struct lane *l, struct err *e)
{
	if (l->kind != LANE_ADMIN && l->probe == NULL)
		l->probe = xcalloc(PROBE_NAMES_MAX, sizeof(*l->probe));
	if (!start_thread(l, &l->thread, e))
		return false;
	l->started = true;
	return true;
}
