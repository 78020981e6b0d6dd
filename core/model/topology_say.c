/* Fourth pass: what is wrong with each link, slot and server, in words, and how bad it is. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/text.h"
#include "core/model/topology_parts.h"

enum { CONFLICT_WARN_MS = 10000 };

static void say(char out[NOTE_MAX], enum severity *severity, enum severity is, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* The first to speak is heard: callers go from worst to least. */
static void say(char out[NOTE_MAX], enum severity *severity, enum severity is, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	if (out[0] != '\0')
		return;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_truncate(out, NOTE_MAX, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1,
	        NOTE_MAX - 20, false);
	*severity = is;
}

static const struct cluster_cfg *cluster_of(const struct build *b, size_t node)
{
	return &b->snap->config->clusters[b->t->node[node].cluster];
}

static const char *put_since(int64_t ms, char out[HUMAN_MAX + 8])
{
	char text[HUMAN_MAX];
	if (ms < 1000)
		out[0] = '\0';
	else
		snprintf(out, HUMAN_MAX + 8, " %s", human_duration(ms, text));
	return out;
}

/* 1. Links. */

/* What failed, without the words that stand around it: "Error 'X' on query. Default database: 'd'. Query:
 * 'Q'" of a statement, "Could not execute X" of an event after where that stood in the log. Its first *n
 * bytes. */
static const char *what_failed(const char *error, int *n)
{
	static const char statement[] = "Error '", after[] = "' on query. Default database: ";
	static const char event[] = "Could not execute ";
	const char *at = strstr(error, statement);
	const char *end = at != NULL ? strstr(at, after) : NULL;
	*n = 300;
	if (end != NULL) {
		at += strlen(statement);
		*n = end - at < *n ? (int)(end - at) : *n;
		return at;
	}
	at = strstr(error, event);
	return at != NULL ? at + strlen(event) : error;
}

static void say_errors(const struct build *b, struct topology_edge *e)
{
	int n;
	const char *error = what_failed(e->error == NULL ? "" : e->error, &n);
	if (e->apply == APPLY_ERROR)
		say(e->say, &e->severity, SEVERITY_CRIT, "error %" PRId64 ": %.*s", e->error_code, n, error);
	if (e->transport == TRANSPORT_ERROR)
		say(e->say, &e->severity, SEVERITY_CRIT, "receiver error %" PRId64 ": %.*s", e->error_code, n,
		        error);
	if (e->apply == APPLY_STOPPED)
		say(e->say, &e->severity, SEVERITY_CRIT, "applier stopped%s%.*s",
		        error[0] != '\0' ? ": " : "", n, error);
	if (e->transport == TRANSPORT_STOPPED && e->kind == EDGE_GROUP)
		say(e->say, &e->severity, SEVERITY_CRIT, "member is %s", b->t->node[e->to].group_state);
	if (e->transport == TRANSPORT_STOPPED && e->kind == EDGE_LOGICAL)
		say(e->say, &e->severity, SEVERITY_WARN, "subscription %s%s%.60s",
		        text_is(half_text(&b->downs[(size_t)(e - b->t->edge)], "state"), "disabled")
		                ? "is disabled"
		                : "has no worker",
		        e->failures != NULL ? "; failures: " : "", e->failures != NULL ? e->failures : "");
	if (e->transport == TRANSPORT_STOPPED)
		say(e->say, &e->severity, SEVERITY_CRIT, "receiver stopped");
}

static void say_waits(struct topology_edge *e)
{
	char since[HUMAN_MAX + 8];
	if (e->transport == TRANSPORT_SILENT && !e->from_says)
		say(e->say, &e->severity, SEVERITY_CRIT, "cut off: its upstream has no connection to it");
	if (e->transport == TRANSPORT_SILENT)
		say(e->say, &e->severity, SEVERITY_CRIT, "no word%s%s", e->word_ms >= 1000 ? " for" : "",
		        put_since(e->word_ms, since));
	if (e->transport == TRANSPORT_CONNECTING)
		say(e->say, &e->severity, SEVERITY_WARN, "connecting%s%.300s", e->error != NULL ? ": " : "",
		        e->error != NULL ? e->error : "");
	if (e->apply == APPLY_CONFLICT && e->reader.id > 0)
		say(e->say, &e->severity,
		        e->conflict_ms >= CONFLICT_WARN_MS ? SEVERITY_WARN : SEVERITY_NOTICE,
		        "waits%s%s for %" PRId64 "%s%.60s%s", put_since(e->conflict_ms, since),
		        e->reader_likely ? ", likely" : "", e->reader.id,
		        e->reader_who[0] != '\0' ? " (" : "", e->reader_who,
		        e->reader_who[0] != '\0' ? ")" : "");
	if (e->apply == APPLY_CONFLICT)
		say(e->say, &e->severity,
		        e->conflict_ms >= CONFLICT_WARN_MS ? SEVERITY_WARN : SEVERITY_NOTICE,
		        "waits%s: %.60s", put_since(e->conflict_ms, since), e->conflict);
	if (e->apply == APPLY_PAUSED)
		say(e->say, &e->severity, SEVERITY_WARN, "replay paused%s", put_since(e->paused_ms, since));
}

static void say_lag(const struct build *b, struct topology_edge *e)
{
	const struct cluster_cfg *cfg = cluster_of(b, e->to);
	int64_t delay = e->delay_ms > 0 ? e->delay_ms : 0;
	char ms[HUMAN_MAX], bytes[HUMAN_MAX];
	bool late = e->lag_ms - delay > cfg->lag_warn_ms && e->confidence == CONFIDENCE_GOOD;
	bool guess = e->lag_ms - delay > cfg->lag_warn_ms && e->behind > 0;
	bool far = delay == 0 && e->behind > cfg->lag_warn_bytes;
	const char *grows = e->grows ? " and falling further" : "";
	if ((late || guess) && e->behind > 0)
		say(e->say, &e->severity, SEVERITY_WARN, "%s, %s behind%s", human_duration(e->lag_ms, ms),
		        human_bytes(e->behind, 0, bytes), grows);
	if (late)
		say(e->say, &e->severity, SEVERITY_WARN, "%s behind%s", human_duration(e->lag_ms, ms), grows);
	if (far)
		say(e->say, &e->severity, SEVERITY_WARN, "%s behind%s", human_bytes(e->behind, 0, bytes),
		        grows);
}

static void say_rest(struct topology_edge *e, const struct topology_node *from)
{
	char ms[HUMAN_MAX];
	if (e->other_timeline)
		say(e->say, &e->severity, SEVERITY_WARN,
		        "on timeline %" PRId64 ", its upstream is on %" PRId64, e->timeline, from->timeline);
	if (e->errant > 0)
		say(e->say, &e->severity, SEVERITY_WARN, "%" PRId64 " errant transaction%s: %.80s", e->errant,
		        e->errant == 1 ? "" : "s", e->errant_set);
	if (e->transport == TRANSPORT_CATCHUP)
		say(e->say, &e->severity, SEVERITY_NOTICE, "catching up");
	if (e->transport == TRANSPORT_BACKUP)
		say(e->say, &e->severity, SEVERITY_OK, "base backup");
	if (e->apply == APPLY_DELAYED)
		say(e->say, &e->severity, SEVERITY_OK, "delayed by %s on purpose",
		        human_duration(e->delay_ms, ms));
}

/* 2. Slots. */

static void say_slot(const struct build *b, struct topology_slot *s)
{
	char kept[HUMAN_MAX], limit[HUMAN_MAX], idle[HUMAN_MAX];
	double part = s->limit > 0 && s->retained >= 0 ? (double)s->retained / (double)s->limit : 0;
	bool much = s->retained > cluster_of(b, s->node)->lag_warn_bytes;
	char how[96] = "";
	if (s->retained >= 0 && s->limit > 0)
		snprintf(how, sizeof(how), "retains %s of %s", human_bytes(s->retained, 0, kept),
		        human_bytes(s->limit, 0, limit));
	else if (s->retained >= 0)
		snprintf(how, sizeof(how), "retains %s", human_bytes(s->retained, 0, kept));
	if (s->invalidation != NULL)
		say(s->say, &s->severity, SEVERITY_CRIT, "lost: %.60s; its consumer must be built anew",
		        s->invalidation);
	if (text_is(s->wal_status, "lost"))
		say(s->say, &s->severity, SEVERITY_CRIT, "lost: the WAL it needs is gone");
	if (text_is(s->wal_status, "unreserved"))
		say(s->say, &s->severity, SEVERITY_CRIT, "its WAL goes with the next checkpoint, %s", how);
	if (part > 0.8)
		say(s->say, &s->severity, SEVERITY_CRIT, "%s: close to being lost", how);
	if (!s->active && part > 0.5)
		say(s->say, &s->severity, SEVERITY_WARN, "inactive, %s", how);
	if (!s->active && much && s->limit <= 0)
		say(s->say, &s->severity, SEVERITY_WARN, "inactive%s%s, %s and nothing limits it",
		        s->inactive_ms >= 0 ? " " : "",
		        s->inactive_ms >= 0 ? human_duration(s->inactive_ms, idle) : "", how);
	if (text_is(s->wal_status, "extended"))
		say(s->say, &s->severity, SEVERITY_NOTICE, "%s, more than max_wal_size", how);
	if (!s->active)
		say(s->say, &s->severity, SEVERITY_NOTICE, "inactive%s%s%s%s", s->inactive_ms >= 0 ? " " : "",
		        s->inactive_ms >= 0 ? human_duration(s->inactive_ms, idle) : "",
		        how[0] != '\0' ? ", " : "", how);
	say(s->say, &s->severity, SEVERITY_OK, "%s", how);
}

/* 3. Servers. */

static const char *denial(const struct build *b, const struct topology_node *n)
{
	const struct sample *s =
	        n->instance < 0 ? NULL : snapshot_slot(b->snap, (size_t)n->instance, "replication").latest;
	return s != NULL && s->err->code != ERR_NONE && s->err->code != ERR_GATED &&
	                       s->err->code != ERR_UNSUPPORTED
	               ? s->err->text
	               : NULL;
}

static void say_node(const struct build *b, size_t i)
{
	struct topology_node *n = &b->t->node[i];
	bool follows = false;
	for (size_t e = 0; e < b->t->nedges; e++)
		follows |= b->t->edge[e].to == i;
	const struct link_view *link = n->instance < 0 ? NULL : &b->snap->instances[n->instance].link;
	const char *denied = denial(b, n);
	if (n->state == NODE_NAMED)
		say(n->say, &n->severity, SEVERITY_OK, "not configured");
	else if (n->state == NODE_SILENT && link != NULL && link->err.code != ERR_NONE)
		say(n->say, &n->severity, SEVERITY_CRIT, "no answer: %.100s", link->err.text);
	else if (denied != NULL)
		say(n->say, &n->severity, SEVERITY_NOTICE, "%.140s", denied);
	else if (n->state == NODE_SILENT)
		say(n->say, &n->severity, SEVERITY_WARN, "no answer");
	if (n->would_wait)
		say(n->say, &n->severity, SEVERITY_CRIT, "commits wait: %d of %d synchronous standbys, %.60s",
		        n->sync_have, n->sync_need, n->sync_names);
	if (n->role == SERVER_REPLICA && !follows && n->state == NODE_UP && b->facts[i].taken != 0)
		say(n->say, &n->severity, SEVERITY_WARN, "replica of nobody");
	if (n->role == SERVER_REPLICA && n->writable == 1)
		say(n->say, &n->severity, SEVERITY_WARN, "replica that accepts writes");
	if (n->group_state != NULL && !text_is(n->group_state, "synced") &&
	        !text_is(n->group_state, "online") && n->state == NODE_UP)
		say(n->say, &n->severity, SEVERITY_WARN, "member is %.40s", n->group_state);
}

void topology_say(struct build *b)
{
	for (size_t e = 0; e < b->t->nedges; e++) {
		struct topology_edge *edge = &b->t->edge[e];
		say_errors(b, edge);
		say_waits(edge);
		say_lag(b, edge);
		say_rest(edge, &b->t->node[edge->from]);
	}
	for (size_t i = 0; i < b->t->nslots; i++)
		say_slot(b, &b->t->slot[i]);
	for (size_t i = 0; i < b->t->nnodes; i++)
		say_node(b, i);
}
