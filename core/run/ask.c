/* What FAST and SLOW do all day: see which probes somebody looks at, ask those that are due, turn answers
 * into samples. A probe that is not due, not looked at or gated costs the server nothing. */
#include "core/run/lane.h"

#include <stdio.h>
#include <string.h>

/* What somebody looks at and this lane serves, with the probes that gates of those read. */
static uint32_t wanted_slots(const struct lane *l)
{
	const struct station *st = l->st;
	const struct poller *p = st->p;
	uint32_t wanted = hub_wanted(p->opt.hub, st->instance);
	for (unsigned slot = 0; slot < PROBE_NAMES_MAX; slot++) {
		if (wanted & (1U << slot))
			wanted |= p->gate_of[slot];
	}
	/* One round asks everything on one connection. */
	if (p->opt.once)
		return l->kind == LANE_FAST ? wanted & (st->fast | st->slow) : 0;
	return wanted & (l->kind == LANE_FAST ? st->fast : st->slow);
}

static uint32_t fast_pace(const struct lane *l)
{
	return atomic_load(&l->st->p->interval_ms);
}

/* Publishes that a probe was not asked, and why. */
static void publish_refusal(struct lane *l, const struct probe *p, uint32_t again_ms, const struct err *e)
{
	struct sample *s = sample_new(p, arena_new());
	s->started = s->finished = lane_now(l);
	s->taken_at = clock_wall(l->ctx.clock);
	sample_fail(s, e);
	s->interval_ms = again_ms;
	s->retry_ms = again_ms;
	hub_publish(l->st->p->opt.hub, l->st->instance, s);
}

/* Any variant of a slot, for a sample that says there is none for this server. */
static const struct probe *any_variant(const struct probe_set *set, unsigned slot)
{
	for (size_t i = 0; i < probe_set_count(set); i++) {
		if (probe_set_at(set, i)->slot == slot)
			return probe_set_at(set, i);
	}
	return NULL;
}

/* Every parameter has a value without anybody asking for something. */
static bool needs_nobody(const struct probe *p)
{
	for (size_t i = 1; i < p->nparams; i++) {
		if (p->params[i].type != PARAM_SINCE)
			return false;
	}
	return true;
}

static void learn_probe(struct lane *l, unsigned slot, const struct server_identity *server)
{
	struct probe_state *ps = &l->probe[slot];
	const struct probe_set *set = l->st->p->opt.probes;
	const struct probe *before = ps->probe;
	ps->probe = probe_set_find(set, slot, server->engine, server->version, &ps->newer);
	if (ps->probe == NULL || !needs_nobody(ps->probe)) {
		struct err e;
		const struct probe *any = ps->probe != NULL ? ps->probe : any_variant(set, slot);
		err_set(&e, ERR_UNSUPPORTED, "%s: no statement for %s %s", probe_set_name(set, slot),
		        engine_name(server->engine), server->version_text);
		ps->probe = NULL;
		ps->asked = true;
		if (any != NULL)
			publish_refusal(l, any, 0, &e);
		return;
	}
	if (before != ps->probe)
		memset(&ps->when, 0, sizeof(ps->when));
	schedule_configure(&ps->when, ps->probe, &l->st->cluster, fast_pace(l));
	/* What failed by itself keeps its distance over a reconnect. */
	if (ps->when.failures == 0)
		ps->when.due = lane_now(l);
	ps->gated = false;
}

void ask_learn_server(struct lane *l)
{
	if (l->kind == LANE_ADMIN)
		return;
	const struct station *st = l->st;
	const struct server_identity *server = &st->driver->info(l->conn)->server;
	uint32_t mine = l->kind == LANE_FAST ? st->fast : st->slow;
	if (st->p->opt.once)
		mine = st->fast | st->slow;
	for (unsigned slot = 0; slot < PROBE_NAMES_MAX; slot++) {
		if (mine & (1U << slot))
			learn_probe(l, slot, server);
	}
}

void ask_spread(struct lane *l)
{
	mono_ns now = lane_now(l);
	mono_ns offset = (mono_ns)random_below(&l->random, 1000) * NS_PER_MS;
	if (l->conn == NULL && l->connect_at != MONO_NEVER)
		l->connect_at = now + offset;
	if (l->kind == LANE_ADMIN)
		l->ping_at = now + offset;
	for (unsigned slot = 0; slot < PROBE_NAMES_MAX && l->probe != NULL; slot++) {
		struct schedule *when = &l->probe[slot].when;
		if (l->probe[slot].probe == NULL)
			continue;
		mono_ns due = now + (mono_ns)random_below(&l->random, when->interval_ms + 1) * NS_PER_MS;
		when->due = when->failures > 0 && when->due > due ? when->due : due;
	}
}

/* The operator asked for now, or for another pace. */
static void obey_kick(struct lane *l)
{
	unsigned kicks = atomic_load(&l->st->p->kicks);
	if (kicks == l->kicked)
		return;
	l->kicked = kicks;
	mono_ns now = lane_now(l);
	if (l->connect_at != MONO_NEVER)
		l->connect_at = now;
	for (unsigned slot = 0; slot < PROBE_NAMES_MAX; slot++) {
		struct probe_state *ps = &l->probe[slot];
		if (ps->probe == NULL)
			continue;
		schedule_configure(&ps->when, ps->probe, &l->st->cluster, fast_pace(l));
		ps->when.due = now;
	}
}

enum gate_state { GATE_OPEN, GATE_CLOSED, GATE_UNKNOWN };

static bool compares(int64_t v, const char *op, int64_t to)
{
	if (strcmp(op, ">=") == 0)
		return v >= to;
	return strcmp(op, ">") == 0 ? v > to : v == to;
}

static enum gate_state look_at_gate(const struct lane *l, const struct probe_gate *gate)
{
	const struct poller *p = l->st->p;
	int slot = probe_set_slot(p->opt.probes, gate->probe);
	const struct sample *s = slot < 0 ? NULL : hub_good(p->opt.hub, l->st->instance, (unsigned)slot);
	enum gate_state state = GATE_UNKNOWN;
	int64_t v;
	if (s != NULL && s->table->nrows == 1 &&
	        table_int(s->table, 0, table_column(s->table, gate->column), &v))
		state = compares(v, gate->op, gate->value) ? GATE_OPEN : GATE_CLOSED;
	sample_unref(s);
	return state;
}

/* True when the probe may be asked; else it is put off, and the first time a sample says why. */
static bool pass_gate(struct lane *l, struct probe_state *ps)
{
	const struct probe_gate *gate = &ps->probe->gate;
	bool once = l->st->p->opt.once;
	if (gate->probe == NULL)
		return true;
	enum gate_state state = look_at_gate(l, gate);
	if (state == GATE_OPEN) {
		ps->gated = false;
		return true;
	}
	ps->when.due = lane_now(l) + (mono_ns)ps->when.every_ms * NS_PER_MS;
	ps->asked = once;
	if (ps->gated || (state == GATE_UNKNOWN && !once))
		return false;
	struct err e;
	if (state == GATE_UNKNOWN)
		err_set(&e, ERR_GATED, "not asked: %s.%s is not known", gate->probe, gate->column);
	else
		err_set(&e, ERR_GATED, "not asked: only while %s.%s %s %lld", gate->probe, gate->column,
		        gate->op, (long long)gate->value);
	publish_refusal(l, ps->probe, ps->when.every_ms, &e);
	ps->gated = true;
	return false;
}

/* Rates against the last good sample, when it is of the same server process and the same statement. */
static void add_rates(struct lane *l, struct sample *s, struct table *t)
{
	const struct sample *prev = hub_good(l->st->p->opt.hub, l->st->instance, s->probe->slot);
	if (prev != NULL && prev->probe == s->probe && strcmp(prev->server_start, s->server_start) == 0)
		table_rates(
		        t, prev->table, (double)(s->finished - prev->finished) / (double)NS_PER_S, s->arena);
	sample_unref(prev);
}

/* The last good answer, when it came on this very connection: what is left out then is in it. */
static const struct sample *answer_before(const struct lane *l, const struct probe_state *ps)
{
	if (ps->kept_of == 0 || ps->kept_of != l->connects)
		return NULL;
	return hub_good(l->st->p->opt.hub, l->st->instance, ps->probe->slot);
}

/* Runs one probe into a new sample. */
static struct sample *fetch(struct lane *l, struct probe_state *ps)
{
	const struct station *st = l->st;
	struct arena *arena = arena_new();
	struct sample *s = sample_new(ps->probe, arena);
	struct probe_value values[PROBE_PARAMS_MAX] = {{.type = PARAM_INT, .i = ps->probe->rows}};
	const struct sample *before = NULL;
	struct table *t = NULL;
	struct err e;
	for (size_t i = 1; i < ps->probe->nparams; i++) {
		if (before == NULL)
			before = answer_before(l, ps);
		values[i].type = PARAM_SINCE;
		values[i].since = before == NULL ? NULL : before->table;
	}

	s->started = lane_now(l);
	struct ctx ctx = ctx_within(&l->ctx, ps->when.limit_ms);
	atomic_store(&l->busy_until, ctx.deadline);
	bool ok = st->driver->fetch(&ctx, l->conn, ps->probe, values, arena, &t, &e);
	atomic_store(&l->busy_until, 0);
	sample_unref(before);
	s->finished = lane_now(l);
	s->taken_at = clock_wall(l->ctx.clock);
	s->newer = ps->newer;
	snprintf(s->server_start, sizeof(s->server_start), "%.39s", st->driver->info(l->conn)->server.start);
	if (ok) {
		s->table = t;
		ps->kept_of = l->connects;
		add_rates(l, s, t);
	} else {
		sample_fail(s, &e);
	}
	return s;
}

/* After an error: can the connection go on? A timed-out one is cancelled and drained; one whose answer made
 * no sense is drained. */
static void recover(struct lane *l, const struct err *e)
{
	if (e->code == ERR_TIMEOUT) {
		if (!reaper_recover(l))
			lane_lost(l, e, true);
		return;
	}
	if (e->code == ERR_PROTOCOL) {
		struct ctx ctx = ctx_within(&l->ctx, DRAIN_MS);
		if (l->st->driver->drain(&ctx, l->conn) == DRAIN_CLEAN)
			return;
	}
	if (lane_broken(e->code) || e->code == ERR_PROTOCOL)
		lane_lost(l, e, false);
}

/* The answer of probe p came along with s, in the rows of `from`: published as its own, unless it would not
 * be asked before this one is again. Their next times fall together from here on. */
static void publish_passenger(struct lane *l, const struct probe_state *by, const struct sample *s,
        const struct probe *p, const struct table *from)
{
	if (p == NULL || from == NULL)
		return;
	struct probe_state *ps = &l->probe[p->slot];
	if (ps->probe != p || ps->asked || ps->when.due >= by->when.due)
		return;
	struct sample *c = sample_new(p, arena_new());
	struct table *t = table_project(c->arena, from, p->columns, p->ncols);
	c->started = s->started;
	c->finished = s->finished;
	c->taken_at = s->taken_at;
	c->newer = ps->newer;
	memcpy(c->server_start, s->server_start, sizeof(c->server_start));
	c->table = t;
	add_rates(l, c, t);
	ps->when.due = s->started;
	schedule_done(&ps->when, s->started, s->finished, ERR_NONE, &l->random);
	if (ps->when.interval_ms == by->when.interval_ms)
		ps->when.due = by->when.due;
	c->interval_ms = ps->when.interval_ms;
	c->slowed = ps->when.slowed;
	ps->asked = l->st->p->opt.once;
	hub_publish(l->st->p->opt.hub, l->st->instance, c);
}

static void ask(struct lane *l, unsigned slot)
{
	struct probe_state *ps = &l->probe[slot];
	if (!pass_gate(l, ps))
		return;

	/* 1. Ask, and plan the next time. */
	struct sample *s = fetch(l, ps);
	mono_ns took = s->finished - s->started;
	if (s->err->code == ERR_CANCELLED) {
		sample_unref(s);
		lane_disconnect(l, false);
		return;
	}
	schedule_done(&ps->when, s->started, s->finished, s->err->code, &l->random);
	s->interval_ms = ps->when.interval_ms;
	s->retry_ms = ps->when.retry_ms;
	s->slowed = ps->when.slowed;
	ps->asked = l->st->p->opt.once;
	if (s->table != NULL) {
		publish_passenger(l, ps, s, s->probe->carried, s->table->carried);
		publish_passenger(l, ps, s, s->probe->covered, s->table);
	}

	/* 2. The reader learns at once, before we tidy up. */
	struct err e = *s->err;
	if (e.code == ERR_NONE) {
		l->connect_failures = 0;
		report_answer(l, took);
	} else {
		report_failure(l, &e, took);
	}
	hub_publish(l->st->p->opt.hub, l->st->instance, s);
	if (e.code != ERR_NONE)
		recover(l, &e);
}

/* Who may answer for others comes first, who waits for an answer last. */
static int rank(const struct probe *p)
{
	return p->gate.probe != NULL ? 2 : p->carries != NULL || p->covers != NULL ? 0 : 1;
}

/* The slot to ask next: due before `until`, by rank and then by time. -1: none. */
static int pick(const struct lane *l, uint32_t slots, mono_ns until)
{
	int best = -1;
	for (unsigned slot = 0; slot < PROBE_NAMES_MAX; slot++) {
		const struct probe_state *ps = &l->probe[slot];
		if (!(slots & (1U << slot)) || ps->probe == NULL || ps->asked || ps->when.due > until)
			continue;
		if (best < 0) {
			best = (int)slot;
			continue;
		}
		const struct probe_state *other = &l->probe[best];
		int order = rank(ps->probe) - rank(other->probe);
		if (order != 0 ? order < 0 : ps->when.due < other->when.due)
			best = (int)slot;
	}
	return best;
}

static mono_ns next_due(const struct lane *l, uint32_t slots)
{
	mono_ns next = MONO_NEVER;
	for (unsigned slot = 0; slot < PROBE_NAMES_MAX; slot++) {
		const struct probe_state *ps = &l->probe[slot];
		if ((slots & (1U << slot)) && ps->probe != NULL && !ps->asked && ps->when.due < next)
			next = ps->when.due;
	}
	return next;
}

/* Nobody looks: an open FAST connection is kept, SLOW is closed after a while. */
static mono_ns rest(struct lane *l)
{
	if (l->conn == NULL || l->kind == LANE_FAST)
		return MONO_NEVER;
	mono_ns now = lane_now(l);
	if (l->idle_since == 0)
		l->idle_since = now;
	mono_ns until = l->idle_since + IDLE_CLOSE_MS * NS_PER_MS;
	if (now < until)
		return until;
	lane_disconnect(l, false);
	return MONO_NEVER;
}

mono_ns ask_step(struct lane *l)
{
	obey_kick(l);
	uint32_t slots = wanted_slots(l);
	if (slots == 0)
		return rest(l);
	l->idle_since = 0;
	mono_ns next;
	if (l->conn == NULL && !lane_connect(l, &next))
		return next;
	while (ctx_done(&l->ctx) == ERR_NONE) {
		int slot = pick(l, slots, lane_now(l) + SLACK_MS * NS_PER_MS);
		if (slot < 0)
			break;
		ask(l, (unsigned)slot);
		if (l->conn == NULL)
			return lane_now(l);
	}
	return next_due(l, slots);
}
