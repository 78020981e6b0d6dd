/* How we stand with a server, as the reader sees it: state, error, identity, our own cost there. Every line
 * of `:self` and of the fleet's link column comes from here. */
#include "core/run/lane.h"

#include <string.h>

struct change {
	const struct conn_info *info;
	const struct err *err;
	mono_ns now, at;
	wall_us wall;
	float queries_per_s, server_ms_per_s;
	uint64_t timeouts, reconnects;
};

static struct change change_now(const struct lane *l)
{
	return (struct change){.now = lane_now(l), .wall = clock_wall(l->ctx.clock)};
}

static void set_state(struct link_view *link, enum link_state state, mono_ns now)
{
	if (link->state == state)
		return;
	link->state = state;
	link->since = now;
}

static void edit_connecting(struct link_view *link, void *arg)
{
	const struct change *c = arg;
	/* "Down" stays until it is up again: the error is what the operator wants to read. */
	if (link->state == LINK_IDLE)
		set_state(link, LINK_CONNECTING, c->now);
	link->retry_at = 0;
}

void report_connecting(struct lane *l)
{
	struct change c = change_now(l);
	if (l->kind == LANE_FAST)
		hub_link(l->st->p->opt.hub, l->st->instance, edit_connecting, &c);
}

static void edit_up(struct link_view *link, void *arg)
{
	const struct change *c = arg;
	set_state(link, LINK_UP, c->now);
	err_clear(&link->err);
	link->retry_at = 0;
	link->last_answer = c->now;
	link->last_answer_wall = c->wall;
	link->server = c->info->server;
	link->tls = c->info->tls;
	memcpy(link->tls_text, c->info->tls_text, sizeof(link->tls_text));
	link->superuser = c->info->superuser;
	link->sees_all = c->info->sees_all;
	link->skew_us = c->info->skew_us;
	link->reconnects = c->reconnects;
}

static void edit_admin_up(struct link_view *link, void *arg)
{
	const struct change *c = arg;
	link->admin = c->info->server;
	link->admin_up = true;
}

void report_up(struct lane *l)
{
	struct station *st = l->st;
	struct change c = change_now(l);
	c.info = st->driver->info(l->conn);
	if (l->kind == LANE_FAST) {
		c.reconnects = l->connects > 0 ? l->connects - 1 : 0;
		hub_link(st->p->opt.hub, st->instance, edit_up, &c);
	} else if (l->kind == LANE_ADMIN) {
		hub_link(st->p->opt.hub, st->instance, edit_admin_up, &c);
	}
}

static void edit_down(struct link_view *link, void *arg)
{
	const struct change *c = arg;
	set_state(link, LINK_DOWN, c->now);
	link->err = *c->err;
	link->retry_at = c->at == MONO_NEVER ? 0 : c->at;
}

static void edit_admin_down(struct link_view *link, void *arg)
{
	(void)arg;
	link->admin_up = false;
}

void report_down(struct lane *l, const struct err *e, mono_ns retry_at)
{
	struct station *st = l->st;
	struct change c = change_now(l);
	c.err = e;
	c.at = retry_at;
	if (l->kind == LANE_FAST)
		hub_link(st->p->opt.hub, st->instance, edit_down, &c);
	else if (l->kind == LANE_ADMIN)
		hub_link(st->p->opt.hub, st->instance, edit_admin_down, &c);
}

/* Adds one query to this second's account, and sums the last ten seconds. */
static void account(struct lane *l, mono_ns took, bool timed_out, struct change *c)
{
	struct station *st = l->st;
	int64_t second = c->now / NS_PER_S;
	size_t i = (size_t)(second % COST_SECONDS);
	uint64_t queries = 0, us = 0;
	pthread_mutex_lock(&st->lock);
	if (st->cost_second[i] != second) {
		st->cost_second[i] = second;
		st->cost_queries[i] = 0;
		st->cost_us[i] = 0;
	}
	st->cost_queries[i]++;
	st->cost_us[i] += (uint64_t)(took / 1000);
	st->timeouts += timed_out;
	c->timeouts = st->timeouts;
	for (size_t k = 0; k < COST_SECONDS; k++) {
		if (second - st->cost_second[k] >= COST_SECONDS)
			continue;
		queries += st->cost_queries[k];
		us += st->cost_us[k];
	}
	pthread_mutex_unlock(&st->lock);
	c->queries_per_s = (float)queries / COST_SECONDS;
	c->server_ms_per_s = (float)us / 1000.0F / COST_SECONDS;
	atomic_fetch_add(&st->p->queries, 1);
	if (timed_out)
		atomic_fetch_add(&st->p->timeouts, 1);
}

static void edit_cost(struct link_view *link, const struct change *c)
{
	link->queries_per_s = c->queries_per_s;
	link->server_ms_per_s = c->server_ms_per_s;
	link->timeouts = c->timeouts;
}

static void edit_answer(struct link_view *link, void *arg)
{
	const struct change *c = arg;
	edit_cost(link, c);
	link->last_answer = c->now;
	link->last_answer_wall = c->wall;
	if (link->state == LINK_UP)
		err_clear(&link->err);
}

/* An error that the server answered with is the probe's affair, and stands in its sample: the server is
 * there. */
static bool is_answer(enum err_code code)
{
	return code == ERR_DENIED || code == ERR_UNSUPPORTED || code == ERR_SERVER ||
	       code == ERR_SERVER_LIMIT;
}

static void edit_failure(struct link_view *link, void *arg)
{
	const struct change *c = arg;
	if (is_answer(c->err->code)) {
		edit_answer(link, arg);
		return;
	}
	edit_cost(link, c);
	if (c->err->code == ERR_TIMEOUT || c->err->code == ERR_LOST || c->err->code == ERR_IO)
		link->err = *c->err;
}

void report_answer(struct lane *l, mono_ns took)
{
	struct change c = change_now(l);
	account(l, took, false, &c);
	hub_link(l->st->p->opt.hub, l->st->instance, edit_answer, &c);
}

void report_failure(struct lane *l, const struct err *e, mono_ns took)
{
	struct change c = change_now(l);
	c.err = e;
	account(l, took, e->code == ERR_TIMEOUT, &c);
	hub_link(l->st->p->opt.hub, l->st->instance, edit_failure, &c);
}

/* The station's lock is taken under the link's, never the other way round: so the last edit has the last
 * counts. */
static void edit_counts(struct link_view *link, void *arg)
{
	struct station *st = arg;
	pthread_mutex_lock(&st->lock);
	link->connections = st->open;
	link->zombies = 0;
	for (size_t i = 0; i < st->nzombies; i++)
		link->zombies += st->zombie[i].used;
	pthread_mutex_unlock(&st->lock);
}

void report_counts(struct station *st)
{
	hub_link(st->p->opt.hub, st->instance, edit_counts, st);
}
