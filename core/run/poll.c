/* Starts and stops the lanes. Starting does not wait for any server, and stopping waits only as long as it is
 * told: what does not come back by then is left behind, memory and all, and the process ends under it. */
#include "core/run/poll.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/run/lane.h"

enum {
	STATEMENT_MARGIN_MS = 500, /* the server's own limit, above the longest of ours */
	LOCK_LIMIT_MS = 500,       /* below the shortest of ours: the server's reason beats our timeout */
	QUERY_MAX_DEFAULT_MS = 5000,
	STUCK_MS = 1000, /* so long beyond its deadline, a call is stuck */
};

static bool own_engine(enum engine probe, enum engine endpoint)
{
	return (probe == ENGINE_POSTGRES) == (endpoint == ENGINE_POSTGRES);
}

/* Which lane serves which slot for this kind of server. */
static void sort_probes(const struct poller *p, struct station *st)
{
	const struct probe_set *set = p->opt.probes;
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *probe = probe_set_at(set, i);
		if (!own_engine(probe->engine, st->endpoint.engine))
			continue;
		if (probe->lane == LANE_FAST)
			st->fast |= 1U << probe->slot;
		else if (probe->lane == LANE_SLOW)
			st->slow |= 1U << probe->slot;
	}
}

static void find_gates(struct poller *p)
{
	const struct probe_set *set = p->opt.probes;
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *probe = probe_set_at(set, i);
		int source = probe->gate.probe != NULL ? probe_set_slot(set, probe->gate.probe) : -1;
		if (source >= 0)
			p->gate_of[probe->slot] |= 1U << source;
	}
}

static bool lane_init(struct lane *l, struct station *st, enum lane_kind kind, struct err *e)
{
	struct poller *p = st->p;
	l->st = st;
	l->kind = kind;
	l->ctx = ctx_root(p->opt.clock, &p->cancel);
	l->random = 1;
	if (getrandom(&l->random, sizeof(l->random), GRND_NONBLOCK) < 0 || l->random == 0)
		l->random = (uint64_t)clock_now(p->opt.clock) + st->instance + 1;

	/* The first connects of a large fleet are spread, the first server is asked at once. */
	uint32_t wait = (uint32_t)st->instance * SPREAD_STEP_MS % SPREAD_MAX_MS;
	if (kind == LANE_ADMIN)
		wait += ADMIN_DELAY_MS;
	l->connect_at = clock_now(p->opt.clock) + (mono_ns)wait * NS_PER_MS;
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return l->wake >= 0 || err_set_errno(e, errno, "cannot open an eventfd");
}

static void station_free(struct station *st)
{
	for (int k = 0; k < LANE_KINDS; k++) {
		if (st->lane[k].wake >= 0)
			close(st->lane[k].wake);
		free(st->lane[k].probe);
	}
	pthread_mutex_destroy(&st->lock);
	free(st->zombie);
	free(st->reap);
	free(st);
}

static struct station *station_new(struct poller *p, size_t instance, struct err *e)
{
	const struct config *cfg = p->opt.config;
	const struct instance_cfg *in = &cfg->instances[instance];
	struct station *st = xcalloc(1, sizeof(*st));
	st->p = p;
	st->instance = instance;
	/* Shallow copies: the arrays of the config may move when a replica is added, their strings do not. */
	st->endpoint = in->endpoint;
	st->cluster = cfg->clusters[in->cluster];
	st->driver = in->endpoint.engine == ENGINE_POSTGRES ? p->opt.postgres : p->opt.mysql;
	st->env = p->opt.env;
	uint32_t max = st->cluster.timeouts.query_max_ms;
	if (st->env.statement_ms == 0)
		st->env.statement_ms = (max != 0 ? max : QUERY_MAX_DEFAULT_MS) + STATEMENT_MARGIN_MS;
	if (st->env.lock_ms == 0)
		st->env.lock_ms = LOCK_LIMIT_MS;
	/* Two configured addresses may lead to one server: each must only ever end its own leftovers there.
	 */
	snprintf(st->env.run_id, sizeof(st->env.run_id), "%.16s.%u", p->opt.env.run_id, (unsigned)instance);
	pthread_mutex_init(&st->lock, NULL);
	sort_probes(p, st);
	for (int k = 0; k < LANE_KINDS; k++)
		st->lane[k].wake = -1;
	for (int k = 0; k < LANE_KINDS; k++) {
		if (!lane_init(&st->lane[k], st, (enum lane_kind)k, e)) {
			station_free(st);
			return NULL;
		}
	}
	return st;
}

/* Under the poller's lock. */
static bool start_lane(struct poller *p, struct lane *l, struct err *e)
{
	if (l->started)
		return true;
	if (!lane_start(l, e))
		return false;
	p->started++;
	return true;
}

/* Somebody began to look at more: FAST is woken, SLOW is started when it is needed for the first time. */
static void on_want(void *arg, size_t instance)
{
	struct poller *p = arg;
	pthread_mutex_lock(&p->lock);
	struct station *st = instance < p->nstations ? p->stations[instance] : NULL;
	if (st != NULL) {
		struct lane *slow = &st->lane[LANE_SLOW];
		lane_wake(&st->lane[LANE_FAST]);
		if (!p->opt.once && (hub_wanted(p->opt.hub, instance) & st->slow) != 0) {
			/* When no thread is left the fast view still works; the next look tries again. */
			struct err e;
			start_lane(p, slow, &e);
			lane_wake(slow);
		}
	}
	pthread_mutex_unlock(&p->lock);
}

bool poller_add(struct poller *p, size_t instance, struct err *e)
{
	struct station *st = station_new(p, instance, e);
	if (st == NULL)
		return false;
	pthread_mutex_lock(&p->lock);
	if (instance >= p->nstations) {
		p->stations = xreallocarray(p->stations, instance + 1, sizeof(struct station *));
		memset(p->stations + p->nstations, 0,
		        (instance + 1 - p->nstations) * sizeof(struct station *));
		p->nstations = instance + 1;
	}
	assert(p->stations[instance] == NULL);
	p->stations[instance] = st;
	bool ok = start_lane(p, &st->lane[LANE_FAST], e) &&
	          (!p->opt.admin || start_lane(p, &st->lane[LANE_ADMIN], e));
	pthread_mutex_unlock(&p->lock);
	if (ok)
		on_want(p, instance);
	return ok;
}

static void poller_free(struct poller *p)
{
	for (size_t i = 0; i < p->nstations; i++) {
		if (p->stations[i] != NULL)
			station_free(p->stations[i]);
	}
	free(p->stations);
	cancel_close(&p->cancel);
	close(p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct poller *poller_start(const struct poller_options *opt, struct err *e)
{
	struct poller *p = xcalloc(1, sizeof(*p));
	p->opt = *opt;
	atomic_init(&p->interval_ms, opt->config->interval_ms);
	pthread_mutex_init(&p->lock, NULL);
	p->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (p->done < 0 || !cancel_init(&p->cancel, NULL, e)) {
		if (p->done < 0)
			err_set_errno(e, errno, "cannot open an eventfd");
		else
			close(p->done);
		pthread_mutex_destroy(&p->lock);
		free(p);
		return NULL;
	}
	find_gates(p);
	hub_on_want(opt->hub, on_want, p);
	for (size_t i = 0; i < opt->config->ninstances; i++) {
		if (poller_add(p, i, e))
			continue;
		struct ctx forever = ctx_root(opt->clock, NULL);
		poller_stop(&forever, p);
		return NULL;
	}
	return p;
}

static void wake_all(struct poller *p)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->nstations; i++) {
		for (int k = 0; p->stations[i] != NULL && k < LANE_KINDS; k++) {
			if (p->stations[i]->lane[k].started)
				lane_wake(&p->stations[i]->lane[k]);
		}
	}
	pthread_mutex_unlock(&p->lock);
}

void poller_kick(struct poller *p, uint32_t interval_ms)
{
	if (interval_ms != 0)
		atomic_store(&p->interval_ms, interval_ms);
	atomic_fetch_add(&p->kicks, 1);
	wake_all(p);
}

/* Sanitizers and gcov look at what is left at the end, so their builds wait for every lane. */
static struct ctx patience(const struct ctx *ctx)
{
#ifdef DBATOP_JOIN_AT_EXIT
	return ctx_root(ctx->clock, NULL);
#else
	return *ctx;
#endif
}

static void join_all(struct poller *p)
{
	for (size_t i = 0; i < p->nstations; i++) {
		for (int k = 0; p->stations[i] != NULL && k < LANE_KINDS; k++) {
			struct lane *l = &p->stations[i]->lane[k];
			if (l->started)
				pthread_join(l->thread, NULL);
		}
	}
}

bool poller_stop(const struct ctx *ctx, struct poller *p)
{
	/* 1. Nobody starts a lane any more; every wait ends, and so does every call into a library. */
	hub_on_want(p->opt.hub, NULL, NULL);
	cancel_set(&p->cancel);
	if (p->opt.env.axe != NULL)
		axe_fell_all(p->opt.env.axe);

	/* 2. Count them in. */
	struct ctx wait = patience(ctx);
	while (p->finished < p->started) {
		uint64_t one;
		if (read(p->done, &one, sizeof(one)) == (ssize_t)sizeof(one))
			p->finished++;
		else if (ctx_wait_fd(&wait, p->done, POLLIN) != ERR_NONE)
			break;
	}
	if (p->finished < p->started)
		return false;
	join_all(p);
	poller_free(p);
	return true;
}

void poller_self(struct poller *p, struct poller_self *out)
{
	*out = (struct poller_self){
	        .queries = atomic_load(&p->queries), .timeouts = atomic_load(&p->timeouts)};
	mono_ns now = clock_now(p->opt.clock);
	pthread_mutex_lock(&p->lock);
	out->lanes = p->started;
	for (size_t i = 0; i < p->nstations; i++) {
		struct station *st = p->stations[i];
		if (st == NULL)
			continue;
		for (int k = 0; k < LANE_KINDS; k++) {
			mono_ns until = atomic_load(&st->lane[k].busy_until);
			out->lanes_stuck += until != 0 && now > until + STUCK_MS * NS_PER_MS;
		}
		pthread_mutex_lock(&st->lock);
		out->connections += st->open;
		for (size_t z = 0; z < st->nzombies; z++)
			out->zombies += st->zombie[z].used;
		pthread_mutex_unlock(&st->lock);
	}
	pthread_mutex_unlock(&p->lock);
}
