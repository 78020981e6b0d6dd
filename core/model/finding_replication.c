/* Findings about replication. Where both ends of a link were asked, what they say together counts; else the
 * brief word of the replica. Each names what holds it up, and leads to the server in the Replication view. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "core/model/finding_rule.h"

enum { OLD_MS = 15000, CONFLICT_MS = 10000 };

static struct finding *add(struct step *st, enum finding_kind kind, enum severity severity, int64_t weight)
{
	struct finding *f = finding_add(st, kind, severity, weight);
	f->view = "replication";
	return f;
}

/* 1. Links. */

static bool is_behind(const struct cluster_cfg *cfg, const struct replication_facts *r, double factor)
{
	/* A delay that was configured is no lag, and its bytes say nothing. */
	int64_t delay = r->delay_ms > 0 ? r->delay_ms : 0;
	return (double)(r->lag_ms - delay) > (double)cfg->lag_warn_ms * factor ||
	       (delay == 0 && (double)r->lag_bytes > (double)cfg->lag_warn_bytes * factor);
}

static void say_lag(struct step *st, const struct replication_facts *r)
{
	char ms[HUMAN_MAX];
	char bytes[HUMAN_MAX];
	char how[80] = "";
	if (r->lag_ms >= 0 && r->lag_bytes > 0)
		snprintf(how, sizeof(how), "%s, %s behind", human_duration(r->lag_ms, ms),
		        human_bytes(r->lag_bytes, 0, bytes));
	else if (r->lag_ms >= 0)
		snprintf(how, sizeof(how), "%s behind", human_duration(r->lag_ms, ms));
	else if (r->lag_bytes >= 0)
		snprintf(how, sizeof(how), "%s behind", human_bytes(r->lag_bytes, 0, bytes));
	/* Since dbatop looks, that is: it may have been so for long. */
	bool longer = strncmp(r->source, "at least", strlen("at least")) == 0;
	const char *comma = how[0] == '\0' ? "" : longer ? ", at least " : ", ";
	struct finding *f = add(
	        st, FINDING_REPLICATION, r->lag == LAG_STOPPED ? SEVERITY_CRIT : SEVERITY_WARN, r->lag_ms);
	if (r->lag == LAG_STOPPED) {
		finding_text(st, f, "replication is stopped: %.100s%s%s", r->note, comma, how);
		finding_brief(f, "replication stopped: %.60s", r->note);
		/* "error 1062": what it is of is said in the column of the lag. */
		finding_tight(f, "%.*s", (int)strcspn(r->note, ":"), r->note);
	} else if (r->lag == LAG_PAUSED) {
		finding_text(st, f, "replay is paused%s%s", comma, how);
		finding_brief(f, "replay paused");
	} else if (how[0] == '\0') {
		finding_text(st, f, "is %.100s, its lag is unknown", r->note);
		finding_brief(f, "%.90s", r->note);
	} else {
		finding_text(
		        st, f, "the replica is %s (%.44s)", how, r->source[0] == '\0' ? "lag" : r->source);
		finding_brief(f, "%s", how);
	}
}

/* The link's state in the words of the brief probe, so that both are judged alike. */
static struct replication_facts facts_of(const struct topology_edge *e)
{
	bool silent = e->transport == TRANSPORT_SILENT || e->transport == TRANSPORT_CONNECTING;
	struct replication_facts r = {
	        .lag = LAG_RUNS, .lag_ms = e->lag_ms, .lag_bytes = e->behind, .delay_ms = e->delay_ms};
	/* A guess is no reason to wake somebody while it has nothing left to replay. */
	if (e->confidence == CONFIDENCE_GUESS && e->behind <= 0 && e->transactions <= 0)
		r.lag_ms = -1;
	snprintf(r.source, sizeof(r.source), "%.47s", e->source);
	if (e->apply == APPLY_ERROR || e->apply == APPLY_STOPPED || e->transport == TRANSPORT_ERROR ||
	        e->transport == TRANSPORT_STOPPED || e->transport == TRANSPORT_SILENT)
		r.lag = LAG_STOPPED;
	else if (e->apply == APPLY_PAUSED)
		r.lag = LAG_PAUSED;
	else if (silent)
		r.lag = LAG_UNKNOWN;
	if (r.lag != LAG_RUNS)
		snprintf(r.note, sizeof(r.note), "%s", e->say);
	return r;
}

/* The worst link into this server that both of us have fresh figures of. */
static const struct topology_edge *link_of(const struct step *st)
{
	const struct topology *t = st->out->topology;
	int64_t age = snapshot_age_ms(st->snap, st->instance, "replication");
	size_t node = t->of_instance[st->instance];
	if (age < 0 || age > OLD_MS || t->node[node].instance != (long)st->instance)
		return NULL;
	return topology_upstream(t, node);
}

static void find_lag(struct step *st, const struct topology_edge *e)
{
	struct replication_facts r = e != NULL ? facts_of(e) : st->facts->replication;
	const char *probe = e != NULL ? "replication" : "replication_brief";
	const struct sample *sample = snapshot_slot(st->snap, st->instance, probe).good;
	int64_t age = snapshot_age_ms(st->snap, st->instance, probe);
	bool broken =
	        r.lag == LAG_STOPPED || r.lag == LAG_PAUSED || (r.lag == LAG_UNKNOWN && r.note[0] != '\0');
	bool replica = st->facts->role == SERVER_REPLICA || e != NULL;
	bool over = replica && (broken || is_behind(st->iv->cluster, &r, 1));
	bool clear = !broken && !is_behind(st->iv->cluster, &r, 0.8);
	if (age < 0 || age > OLD_MS)
		return;
	if (finding_sustained(st, FINDING_REPLICATION, sample, over, clear, 2) && !clear)
		say_lag(st, &r);
}

static void find_conflict(struct step *st, const struct topology_edge *e, const struct sample *sample)
{
	char span[HUMAN_MAX];
	bool waits = e->apply == APPLY_CONFLICT && e->conflict_ms >= CONFLICT_MS;
	if (!finding_sustained(st, FINDING_RECOVERY_CONFLICT, sample, waits, !waits, 1) || !waits)
		return;
	struct finding *f = add(st, FINDING_RECOVERY_CONFLICT, SEVERITY_WARN, e->conflict_ms);
	finding_span(e->conflict_ms, span);
	if (e->reader.id == 0) {
		finding_text(st, f, "replay has waited %s for a reader (%.60s)", span, e->conflict);
		finding_brief(f, "replay waits for a reader");
		return;
	}
	f->culprit = e->reader;
	finding_text(st, f, "replay has waited %s%s for the reader %" PRId64 "%s%.60s%s: cancel it there",
	        span, e->reader_likely ? ", likely" : "", e->reader.id, e->reader_who[0] != '\0' ? " (" : "",
	        e->reader_who, e->reader_who[0] != '\0' ? ")" : "");
	finding_brief(f, "replay %swaits for %" PRId64, e->reader_likely ? "likely " : "", e->reader.id);
	finding_tight(f, "%" PRId64 " %s replay", e->reader.id, e->reader_likely ? "may block" : "blocks");
}

static void find_errant(struct step *st, const struct topology_edge *e, const struct sample *sample)
{
	if (!finding_sustained(st, FINDING_ERRANT, sample, e->errant > 0, e->errant == 0, 2) ||
	        e->errant <= 0)
		return;
	struct finding *f = add(st, FINDING_ERRANT, SEVERITY_WARN, e->errant);
	finding_text(st, f, "has %" PRId64 " transaction%s that its primary has not: %.100s", e->errant,
	        e->errant == 1 ? "" : "s", e->errant_set);
	finding_brief(f, "%" PRId64 " errant transaction%s", e->errant, e->errant == 1 ? "" : "s");
}

/* 2. Servers. */

static void find_slot(struct step *st, size_t node, const struct sample *sample)
{
	const struct topology_slot *worst = topology_worst_slot(st->out->topology, node);
	if (!finding_sustained(st, FINDING_SLOT, sample, worst != NULL, worst == NULL, 2) || worst == NULL)
		return;
	struct finding *f = add(st, FINDING_SLOT, worst->severity, worst->retained);
	finding_text(st, f, "slot %.60s %.150s", worst->name, worst->say);
	finding_brief(f, "slot %.30s %.50s", worst->name, worst->say);
}

static void find_node(struct step *st, size_t i, const struct sample *sample)
{
	const struct topology_node *n = &st->out->topology->node[i];
	bool orphan = strcmp(n->say, "replica of nobody") == 0;
	if (finding_sustained(st, FINDING_COMMIT_WAITS, sample, n->would_wait, !n->would_wait, 2) &&
	        n->would_wait) {
		struct finding *f = add(st, FINDING_COMMIT_WAITS, SEVERITY_CRIT, n->sync_need - n->sync_have);
		finding_text(st, f, "commits wait: %d of %d synchronous standbys are connected (%.80s)",
		        n->sync_have, n->sync_need, n->sync_names);
		finding_brief(f, "commits wait for a standby");
	}
	if (finding_sustained(st, FINDING_ORPHAN, sample, orphan, !orphan, 2) && orphan) {
		struct finding *f = add(st, FINDING_ORPHAN, SEVERITY_WARN, 0);
		finding_text(st, f, "is a replica of nobody: no primary is configured, it stands still");
		finding_brief(f, "replica of nobody");
	}
}

void finding_replication_rules(struct step *st)
{
	const struct topology *t = st->out->topology;
	const struct topology_edge *e = link_of(st);
	const struct sample *sample = snapshot_slot(st->snap, st->instance, "replication").good;
	int64_t age = snapshot_age_ms(st->snap, st->instance, "replication");
	size_t node = t->of_instance[st->instance];
	find_lag(st, e);
	if (sample == NULL || age > OLD_MS || t->node[node].instance != (long)st->instance)
		return;
	if (e != NULL) {
		find_conflict(st, e, sample);
		find_errant(st, e, sample);
	}
	find_slot(st, node, sample);
	find_node(st, node, sample);
}
