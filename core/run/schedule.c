/* The monitor must never be the incident: a probe that is slow is asked less often, one that fails is left
 * alone for a while, and an error that fills the server's log is repeated rarely. */
#include "core/run/schedule.h"

#include <string.h>

enum {
	QUERY_DEFAULT_MS = 800, /* of the query tier: a cluster that says otherwise means it */
	QUERY_MAX_DEFAULT_MS = 5000,
	COST_SHARE = 4,         /* a probe may eat a quarter of its interval */
	QUICK_ENOUGH = 3,       /* so many quick answers take the raised limit back */
	LOGGED_FIRST_MS = 2000, /* a cancelled statement is an ERROR in the server's log */
	HOPELESS_MS = 30000,    /* denied, unsupported: only a GRANT or an upgrade changes it */
};

uint32_t random_below(uint64_t *state, uint32_t n)
{
	uint64_t x = *state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return (uint32_t)((x >> 16) % n);
}

static uint32_t doubled(uint32_t first, unsigned failures)
{
	unsigned shift = failures - 1;
	if (shift > 10)
		shift = 10;
	uint64_t ms = (uint64_t)first << shift;
	return ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : (uint32_t)ms;
}

uint32_t backoff_ms(unsigned failures, uint64_t *random)
{
	uint32_t ms = random_below(random, doubled(BACKOFF_FIRST_MS, failures) + 1);
	return ms < BACKOFF_LEAST_MS ? BACKOFF_LEAST_MS : ms;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static const struct probe_override *find_override(const struct cluster_cfg *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->noverrides; i++) {
		if (strcmp(cluster->overrides[i].probe, name) == 0)
			return &cluster->overrides[i];
	}
	return NULL;
}

void schedule_configure(
        struct schedule *s, const struct probe *p, const struct cluster_cfg *cluster, uint32_t interval_ms)
{
	const struct probe_override *over = find_override(cluster, p->name);
	uint32_t query = cluster->timeouts.query_ms;

	/* 1. The interval: the operator's pace moves the probes of a second, and only slows the others. */
	if (over != NULL && over->every_ms != 0)
		s->every_ms = over->every_ms;
	else if (p->lane == LANE_FAST && interval_ms != 0 && p->every_ms <= 1000)
		s->every_ms = larger(1, (uint32_t)((uint64_t)p->every_ms * interval_ms / 1000));
	else
		s->every_ms = p->lane == LANE_FAST ? larger(p->every_ms, interval_ms) : p->every_ms;

	/* 2. The limit. */
	if (over != NULL && over->timeout_ms != 0)
		s->limit_base_ms = over->timeout_ms;
	else if (p->timeout_ms == 0 || (query != 0 && query != QUERY_DEFAULT_MS))
		s->limit_base_ms = query != 0 ? query : QUERY_DEFAULT_MS;
	else
		s->limit_base_ms = p->timeout_ms;
	uint32_t max = cluster->timeouts.query_max_ms;
	s->limit_max_ms = larger(s->limit_base_ms, max != 0 ? max : QUERY_MAX_DEFAULT_MS);

	/* 3. What was learnt stays in force. */
	s->limit_ms = s->slowed ? larger(s->limit_ms, s->limit_base_ms) : s->limit_base_ms;
	s->interval_ms = s->slowed ? larger(s->interval_ms, s->every_ms) : s->every_ms;
}

static void succeeded(struct schedule *s, mono_ns started, mono_ns finished, uint32_t took)
{
	s->failures = 0;
	s->retry_ms = 0;
	s->quick = took * 2 <= s->limit_base_ms ? s->quick + 1 : 0;
	if (s->quick >= QUICK_ENOUGH)
		s->limit_ms = s->limit_base_ms;
	uint32_t cost = took * COST_SHARE;
	s->interval_ms = larger(s->every_ms, cost);
	s->slowed = cost > s->every_ms || s->limit_ms > s->limit_base_ms;

	/* On its grid while it keeps up, so that probes which began together stay together. */
	mono_ns step = (mono_ns)s->interval_ms * NS_PER_MS;
	mono_ns next = s->due + step;
	s->due = next > finished && s->due <= started + step ? next : started + step;
	if (s->due <= finished)
		s->due = finished + step;
}

void schedule_done(
        struct schedule *s, mono_ns started, mono_ns finished, enum err_code code, uint64_t *random)
{
	mono_ns ms = (finished - started) / NS_PER_MS;
	uint32_t took = ms < 0 ? 0 : ms > 3600000 ? 3600000 : (uint32_t)ms;
	if (code == ERR_NONE) {
		succeeded(s, started, finished, took);
		return;
	}

	uint32_t wait;
	s->failures++;
	s->quick = 0;
	switch (code) {
	case ERR_TIMEOUT:
		s->limit_ms = smaller(s->limit_ms * 2, s->limit_max_ms);
		s->interval_ms = larger(s->every_ms, took * COST_SHARE);
		s->slowed = true;
		wait = larger(s->interval_ms, backoff_ms(s->failures, random));
		break;
	case ERR_SERVER_LIMIT:
		wait = doubled(LOGGED_FIRST_MS, s->failures);
		wait = larger(s->every_ms, wait / 2 + random_below(random, wait / 2 + 1));
		break;
	case ERR_DENIED:
	case ERR_UNSUPPORTED:
	case ERR_PROTOCOL:
		wait = larger(s->every_ms, HOPELESS_MS);
		break;
	default:
		wait = larger(s->every_ms, backoff_ms(s->failures, random));
		break;
	}
	s->retry_ms = wait;
	s->due = finished + (mono_ns)wait * NS_PER_MS;
}
