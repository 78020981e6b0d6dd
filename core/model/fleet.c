/* The Fleet view's figures from the samples of each instance: what a row says, which cluster it belongs to,
 * and which replicas a primary knows that nobody configured. */
#include "core/model/fleet.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* 1. Rows. */

static int64_t int_of(const struct table *t, const char *column)
{
	int64_t v;
	return t != NULL && t->nrows > 0 && table_int(t, 0, table_column(t, column), &v) ? v : -1;
}

static double rate_of(const struct table *t, const char *column)
{
	return t == NULL || t->nrows == 0 ? (double)NAN : table_rate(t, 0, table_column(t, column));
}

static void read_rate(const struct snapshot *snap, struct fleet_row *row)
{
	const struct table *t = snapshot_table(snap, row->instance, "pulse");
	/* MySQL counts statements, PostgreSQL only transactions: the same choice as the series has. */
	row->rate = rate_of(t, "queries");
	row->rate_is_queries = !isnan(row->rate);
	if (!row->rate_is_queries)
		row->rate = rate_of(t, "xacts");
}

static void read_pulse(const struct snapshot *snap, struct fleet_row *row)
{
	const struct table *t = snapshot_table(snap, row->instance, "pulse");
	row->connections = int_of(t, "connections");
	row->limit_used = int_of(t, "limit_used");
	row->limit_max = int_of(t, "limit_max");
	row->active = int_of(t, "active");
	row->idle_xact = int_of(t, "idle_in_xact");
	row->blocked = int_of(t, "lock_waiters");
	if (row->blocked < 0)
		row->blocked = int_of(t, "waiting");
	row->oldest_xact_ms = int_of(t, "oldest_xact_ms");
	row->hidden = int_of(t, "hidden");
	row->limit_name = t == NULL || t->nrows == 0 ? NULL : table_text(t, 0, table_column(t, "limit_name"));
	row->pulse_age_ms = snapshot_age_ms(snap, row->instance, "pulse");
	row->stale = snapshot_is_stale(snap, row->instance, "pulse");
	read_rate(snap, row);
}

static void read_link(const struct snapshot *snap, struct fleet_row *row)
{
	const struct link_view *link = &snap->instances[row->instance].link;
	if (row->state[0] != '\0' || row->answers)
		return;
	if (link->state == LINK_CONNECTING)
		snprintf(row->state, sizeof(row->state), "connecting");
	else if (link->state == LINK_UP)
		snprintf(row->state, sizeof(row->state), "waiting for its first answer");
}

static void read_row(
        const struct snapshot *snap, const struct findings *findings, size_t instance, struct fleet_row *row)
{
	const struct server_facts *facts = &findings->servers[instance];
	const struct finding *worst = findings_of(findings, instance);
	*row = (struct fleet_row){
	        .instance = instance,
	        .role = facts->role,
	        .answers = snapshot_age_ms(snap, instance, "pulse") >= 0,
	        .lag = facts->replication.lag,
	        .lag_ms = facts->replication.lag_ms,
	        .lag_bytes = facts->replication.lag_bytes,
	};
	snprintf(row->lag_source, sizeof(row->lag_source), "%s", facts->replication.source);
	snprintf(row->lag_note, sizeof(row->lag_note), "%s", facts->replication.note);
	read_pulse(snap, row);
	if (worst != NULL) {
		row->health = worst->severity;
		row->answers = row->answers && worst->kind != FINDING_UNREACHABLE;
		snprintf(row->state, sizeof(row->state), "%s", worst->brief);
		snprintf(row->tight, sizeof(row->tight), "%s", worst->tight);
	}
	read_link(snap, row);
}

/* 2. Groups. */

static void count_row(struct fleet *f, struct fleet_group *g, const struct fleet_row *row)
{
	bool warn = row->health == SEVERITY_WARN;
	bool crit = row->health == SEVERITY_CRIT;
	g->n++;
	g->warn += warn;
	g->crit += crit;
	g->ok += !warn && !crit;
	if (row->health > g->health)
		g->health = row->health;
	f->warn += warn;
	f->crit += crit;
	f->ok += !warn && !crit;
	f->unanswered += !row->answers;
}

static size_t cluster_of(const struct snapshot *snap, size_t instance)
{
	return snap->instances[instance].cfg->cluster;
}

static void build_groups(struct fleet *f, const struct snapshot *snap, const struct findings *findings)
{
	size_t clusters = snap->config->nclusters;
	size_t *next = xcalloc(clusters + 1, sizeof(*next));
	f->groups = xcalloc(clusters + 1, sizeof(*f->groups));
	/* 1. Where the rows of each cluster begin. */
	for (size_t i = 0; i < snap->n; i++)
		next[cluster_of(snap, i) + 1]++;
	for (size_t c = 1; c <= clusters; c++)
		next[c] += next[c - 1];
	/* 2. Groups, and rows into their places. */
	size_t *group = xcalloc(clusters + 1, sizeof(*group));
	for (size_t c = 0; c < clusters; c++) {
		if (next[c + 1] == next[c])
			continue;
		group[c] = f->ngroups;
		f->groups[f->ngroups++] = (struct fleet_group){
		        .cluster = c, .name = snap->config->clusters[c].name, .first = next[c]};
	}
	for (size_t i = 0; i < snap->n; i++) {
		size_t c = cluster_of(snap, i);
		struct fleet_row *row = &f->rows[next[c]++];
		read_row(snap, findings, i, row);
		count_row(f, &f->groups[group[c]], row);
	}
	free(group);
	free(next);
}

/* 3. Offered replicas. */

/* "10.0.0.2:51442", "[::1]:51442" or an address alone. The port is the one a connection came from: it says
 * nothing about where the server listens. */
static bool host_of(const char *peer, char host[FLEET_HOST_MAX])
{
	size_t n = strlen(peer);
	const char *colon = strchr(peer, ':');
	if (peer[0] == '[' && strchr(peer, ']') != NULL) {
		n = (size_t)(strchr(peer, ']') - peer) - 1;
		peer++;
	} else if (colon != NULL && strrchr(peer, ':') == colon) {
		n = (size_t)(colon - peer);
	}
	if (n == 0 || n >= FLEET_HOST_MAX)
		return false;
	memcpy(host, peer, n);
	host[n] = '\0';
	for (const char *c = host; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr("-._:%", *c) == NULL)
			return false;
	}
	return strcmp(host, "local") != 0;
}

/* Only the address is known, so any instance there may be the one. */
static bool is_configured(const struct snapshot *snap, const char *host)
{
	for (size_t i = 0; i < snap->n; i++) {
		const struct instance_view *iv = &snap->instances[i];
		char at[FLEET_HOST_MAX];
		if (iv->cfg->endpoint.host != NULL && strcmp(iv->cfg->endpoint.host, host) == 0)
			return true;
		if (host_of(iv->link.server.address, at) && strcmp(at, host) == 0)
			return true;
	}
	return false;
}

static void offer(struct fleet *f, const struct snapshot *snap, size_t primary, const char *peer)
{
	const struct endpoint *ep = &snap->instances[primary].cfg->endpoint;
	uint16_t standard = ep->engine == ENGINE_POSTGRES ? 5432 : 3306;
	struct fleet_offer found = {.primary = primary, .port = ep->port != 0 ? ep->port : standard};
	if (!host_of(peer, found.host) || is_configured(snap, found.host))
		return;
	for (size_t i = 0; i < f->noffers; i++) {
		if (strcmp(f->offers[i].host, found.host) == 0)
			return;
	}
	f->offers = xreallocarray(f->offers, f->noffers + 1, sizeof(*f->offers));
	f->offers[f->noffers++] = found;
}

/* The rows of `probe` where `column` begins with `word` name their client in `peer`. */
static void offer_peers(struct fleet *f, const struct snapshot *snap, size_t instance, const char *probe,
        const char *column, const char *word, const char *peer)
{
	const struct table *t = snapshot_table(snap, instance, probe);
	if (t == NULL)
		return;
	int kind = table_column(t, column);
	int client = table_column(t, peer);
	int state = table_column(t, "state");
	for (size_t row = 0; row < t->nrows; row++) {
		const char *is = table_text(t, row, kind);
		const char *from = table_text(t, row, client);
		const char *does = table_text(t, row, state);
		/* A base backup is sent to whoever takes it, which is no server yet. */
		if (does != NULL && strcmp(does, "backup") == 0)
			continue;
		if (is != NULL && from != NULL && strncmp(is, word, strlen(word)) == 0)
			offer(f, snap, instance, from);
	}
}

static void find_offers(struct fleet *f, const struct snapshot *snap, size_t instance)
{
	offer_peers(f, snap, instance, "replication_brief", "kind", "downstream", "peer");
	/* MariaDB has no list of its replicas: they are sessions that dump the binlog. */
	if (snap->instances[instance].link.server.engine == ENGINE_MARIADB)
		offer_peers(f, snap, instance, "sessions", "command", "Binlog Dump", "client");
}

static int order_offers(const void *a, const void *b)
{
	const struct fleet_offer *x = a;
	const struct fleet_offer *y = b;
	if (x->primary != y->primary)
		return x->primary < y->primary ? -1 : 1;
	return strcmp(x->host, y->host);
}

/* 4. The whole. */

struct fleet *fleet_build(const struct snapshot *snap, const struct findings *findings)
{
	struct fleet *f = xcalloc(1, sizeof(*f));
	f->n = snap->n;
	f->rows = xcalloc(snap->n + 1, sizeof(*f->rows));
	build_groups(f, snap, findings);
	for (size_t i = 0; i < snap->n; i++)
		find_offers(f, snap, i);
	if (f->noffers > 1)
		qsort(f->offers, f->noffers, sizeof(*f->offers), order_offers);
	return f;
}

void fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	free(f->rows);
	free(f->groups);
	free(f->offers);
	free(f);
}
