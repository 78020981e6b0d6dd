/* Findings about sessions: who blocks, who idles in a transaction, who runs too long. Each names one culprit,
 * the one to look at first. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/text.h"
#include "core/model/finding_rule.h"

enum {
	WAIT_NOTED_MS = 5000,
	WAIT_CRIT_MS = 30000,
	WAITERS_CRIT = 5,
	ROOTS_MAX = 8,
	OLD_MS = 15000,
	APART_MS = 2000, /* transactions are dated in whole seconds, and read a moment apart from waits */
	WHO_MAX = 96,
};

/* "pid 4711" or "id 4711": the server's own word. */
static const char *id_word(const struct step *st)
{
	return st->iv->link.server.engine == ENGINE_POSTGRES ? "pid" : "id";
}

static const char *clean(const char *text, char out[WHO_MAX])
{
	text_truncate(out, WHO_MAX, text, strlen(text), 24, false);
	return out;
}

/* ", app=checkout", else the user, else nothing. */
static const char *whose(const struct session *s, char out[WHO_MAX])
{
	char name[WHO_MAX];
	out[0] = '\0';
	if (s->app != NULL && s->app[0] != '\0')
		snprintf(out, WHO_MAX, ", app=%.80s", clean(s->app, name));
	else if (s->user != NULL && s->user[0] != '\0')
		snprintf(out, WHO_MAX, ", user=%.80s", clean(s->user, name));
	return out;
}

static int64_t idle_ms(const struct session *s)
{
	return s->state_ms >= 0 ? s->state_ms : s->xact_ms;
}

static bool is_idle_xact(const struct session *s)
{
	return s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED;
}

/* Who waits for whom is best seen in Locks, where the server has a statement for it. */
static const char *view_of_blocked(const struct step *st)
{
	const struct probe_set *probes = st->snap->probes;
	const struct server_identity *server = &st->iv->link.server;
	int slot = probe_set_slot(probes, "locks");
	bool served = slot >= 0 &&
	              probe_set_find(probes, (unsigned)slot, server->engine, server->version, NULL) != NULL;
	return served ? "locks" : "sessions";
}

/* A holder that is no session leads to the first that waits for it. */
static void point_at(struct step *st, struct finding *f, const struct session *s)
{
	const struct session_view *v = st->sessions;
	f->view = "sessions";
	if (s->row == SESSION_NONE)
		s = &v->sessions[v->edges_by_holder[s->holds].waiter];
	session_ref_of(v, s, &f->culprit);
}

/* 1. Blocked. */

static bool is_unnamed(const struct session *s)
{
	return s->kind == SESSION_UNSEEN && s->id <= 0;
}

/* "pid 4711 (idle in transaction 3m12s, app=checkout)". */
static void describe_root(const struct step *st, const struct session *s, char *out, size_t cap)
{
	char age[HUMAN_MAX];
	char who[WHO_MAX];
	if (s->kind == SESSION_PREPARED) {
		snprintf(out, cap, "a prepared transaction");
		return;
	}
	if (is_unnamed(s)) {
		snprintf(out, cap, "a holder that the server does not name");
		return;
	}
	int n = snprintf(out, cap, "%s %" PRId64, id_word(st), s->id);
	if (s->kind == SESSION_UNSEEN || s->state == STATE_HIDDEN) {
		snprintf(out + n, cap - (size_t)n, " (not visible to us)");
		return;
	}
	int64_t ms = is_idle_xact(s) ? idle_ms(s) : s->query_ms >= 0 ? s->query_ms : s->xact_ms;
	snprintf(out + n, cap - (size_t)n, " (%s%s%s%s)", session_state_name(s->state), ms < 0 ? "" : " ",
	        ms < 0 ? "" : human_duration(ms, age), whose(s, who));
}

static bool is_heavier(const struct session *a, const struct session *b)
{
	if (a->blocks_all != b->blocks_all)
		return a->blocks_all > b->blocks_all;
	if (a->longest_ms != b->longest_ms)
		return a->longest_ms > b->longest_ms;
	return a->id < b->id;
}

/* A table's queue, where one who waits holds up those who could go on; the first in a row's queue holds up
 * nobody. */
static bool is_of_table(const struct session_edge *e)
{
	return e->kind != NULL && (strcmp(e->kind, "relation") == 0 || strcmp(e->kind, "metadata") == 0);
}

/* ", 5 of them behind pid 5120 (app=migrate)": most wait for one who waits itself, which is another cause. */
static void describe_convoy(const struct step *st, const struct session *root, char *out, size_t cap)
{
	const struct session_view *v = st->sessions;
	const struct session *head = NULL;
	char who[WHO_MAX];
	out[0] = '\0';
	for (size_t i = root->holds; i < (size_t)root->holds + root->nholds; i++) {
		const struct session *s = &v->sessions[v->edges_by_holder[i].waiter];
		if (s != root && s->blocks_now > 0 && is_of_table(&v->edges_by_holder[i]) &&
		        (head == NULL || is_heavier(s, head)))
			head = s;
	}
	if (head == NULL || head->blocks_all < 2 || head->blocks_all * 2 < root->blocks_all ||
	        head->blocks_all >= root->blocks_all)
		return;
	const char *owner = whose(head, who);
	snprintf(out, cap, ", %" PRIu32 " of them behind %s %" PRId64 "%s%s%s", head->blocks_all, id_word(st),
	        head->id, owner[0] == '\0' ? "" : " (", owner[0] == '\0' ? "" : owner + 2,
	        owner[0] == '\0' ? "" : ")");
}

/* MariaDB does not say who holds a metadata lock. Whoever has been in a transaction, or in a statement, of
 * that database for longer than somebody has waited may: of these the one whose transaction stands open for
 * longest. *more: how many others. NULL: there is none, or the server says itself who holds what is waited
 * for.
 */
static const struct session *likely_holder(
        const struct step *st, const struct session *unseen, unsigned *more)
{
	const struct session_view *v = st->sessions;
	const struct session_edge *e = &v->edges_by_holder[unseen->holds];
	const struct session *waiter = &v->sessions[e->waiter];
	const struct session *best = NULL;
	unsigned n = 0;
	if (st->iv->link.server.engine != ENGINE_MARIADB || e->kind == NULL ||
	        strcmp(e->kind, "metadata") != 0)
		return NULL;
	for (size_t i = 0; i < v->n; i++) {
		const struct session *s = &v->sessions[i];
		bool here = s->db != NULL && waiter->db != NULL && strcmp(s->db, waiter->db) == 0;
		int64_t ms = s->xact_ms >= 0 ? s->xact_ms : s->query_ms;
		if (s->kind != SESSION_CLIENT || s->own || s->waiting || !here ||
		        ms + APART_MS < unseen->longest_ms)
			continue;
		n++;
		if (best == NULL || s->xact_ms > best->xact_ms ||
		        (s->xact_ms == best->xact_ms && s->query_ms > best->query_ms))
			best = s;
	}
	*more = n > 0 ? n - 1 : 0;
	return best;
}

static bool heads_a_queue(const struct session *s, uint32_t index)
{
	return s->blocks_now > 0 && (!s->blocked || s->root == index);
}

/* Recovery alone waits for it, and that has been said, with what it means for the standby. */
static bool is_said_as_conflict(const struct step *st, const struct session *s)
{
	const struct session_view *v = st->sessions;
	const struct findings *out = st->out;
	if (s->blocks_all != 1 || v->sessions[v->edges_by_holder[s->holds].waiter].kind == SESSION_CLIENT)
		return false;
	for (size_t i = out->n; i > 0 && out->item[i - 1].instance == st->instance; i--) {
		if (out->item[i - 1].kind == FINDING_RECOVERY_CONFLICT)
			return true;
	}
	return false;
}

static void say_blocked(struct step *st, const struct session *s)
{
	/* How long is not always known; then it has been seen, which is long enough. */
	if ((s->longest_ms >= 0 && s->longest_ms < WAIT_NOTED_MS) || is_said_as_conflict(st, s))
		return;
	char root[2 * WHO_MAX];
	char convoy[2 * WHO_MAX];
	uint32_t n = s->blocks_all;
	bool crit = n >= WAITERS_CRIT || s->longest_ms >= WAIT_CRIT_MS;
	struct finding *f = finding_add(st, FINDING_BLOCKED, crit ? SEVERITY_CRIT : SEVERITY_WARN, n);
	unsigned more = 0;
	const struct session *likely = is_unnamed(s) ? likely_holder(st, s, &more) : NULL;
	point_at(st, f, likely != NULL ? likely : s);
	f->view = view_of_blocked(st);
	describe_root(st, likely != NULL ? likely : s, root, sizeof(root));
	if (likely != NULL) {
		char others[32] = "";
		if (more > 0)
			snprintf(others, sizeof(others), " or %u more", more);
		finding_text(st, f, "%" PRIu32 " session%s for a metadata lock, likely of %s%s", n,
		        n == 1 ? " waits" : "s wait", root, others);
		finding_brief(
		        f, "%" PRIu32 " wait%s for %" PRId64 ", likely", n, n == 1 ? "s" : "", likely->id);
		finding_tight(f, "%" PRId64 " may block %" PRIu32, likely->id, n);
		return;
	}
	describe_convoy(st, s, convoy, sizeof(convoy));
	finding_text(st, f, "%" PRIu32 " session%s for %s%s", n, n == 1 ? " waits" : "s wait", root, convoy);
	if (s->kind == SESSION_PREPARED) {
		finding_brief(f, "%" PRIu32 " wait%s for a prepared transaction", n, n == 1 ? "s" : "");
		finding_tight(f, "prepared blocks %" PRIu32, n);
	} else if (s->id <= 0) {
		finding_brief(f, "%" PRIu32 " wait%s for a lock", n, n == 1 ? "s" : "");
		finding_tight(f, "%" PRIu32 " await%s a lock", n, n == 1 ? "s" : "");
	} else {
		finding_brief(f, "%" PRIu32 " wait%s for %" PRId64, n, n == 1 ? "s" : "", s->id);
		finding_tight(f, "%" PRId64 " blocks %" PRIu32, s->id, n);
	}
}

/* Somebody waits, and nothing says for whom. */
static void say_unknown_holder(struct step *st)
{
	const struct session_view *v = st->sessions;
	const struct session *longest = NULL;
	unsigned n = 0;
	for (size_t i = 0; i < v->n; i++) {
		const struct session *s = &v->sessions[i];
		if (!s->waiting || s->own || s->query_ms < WAIT_NOTED_MS)
			continue;
		n++;
		if (longest == NULL || s->query_ms > longest->query_ms)
			longest = s;
	}
	if (n == 0)
		return;
	char age[HUMAN_MAX];
	struct finding *f =
	        finding_add(st, FINDING_BLOCKED, n >= WAITERS_CRIT ? SEVERITY_CRIT : SEVERITY_WARN, n);
	point_at(st, f, longest);
	f->view = view_of_blocked(st);
	finding_text(st, f,
	        "%u session%s for a lock, %s %" PRId64 " in a statement of %s; who holds it is not visible",
	        n, n == 1 ? " waits" : "s wait", id_word(st), longest->id,
	        human_duration(longest->query_ms, age));
	finding_brief(f, "%u wait%s for a lock", n, n == 1 ? "s" : "");
	finding_tight(f, "%u await%s a lock", n, n == 1 ? "s" : "");
}

static void find_blocked(struct step *st)
{
	const struct session_view *v = st->sessions;
	const struct session *roots[ROOTS_MAX];
	size_t n = 0;
	if (v->counts.waiting > 0 && v->counts.blocked == 0 && !v->edges_known) {
		say_unknown_holder(st);
		return;
	}
	for (size_t i = 0; v->nedges > 0 && i < v->n + v->extra; i++) {
		const struct session *s = &v->sessions[i];
		if (!heads_a_queue(s, (uint32_t)i))
			continue;
		if (n == ROOTS_MAX && !is_heavier(s, roots[n - 1]))
			continue;
		size_t at = n < ROOTS_MAX ? n++ : ROOTS_MAX - 1;
		for (; at > 0 && is_heavier(s, roots[at - 1]); at--)
			roots[at] = roots[at - 1];
		roots[at] = s;
	}
	for (size_t i = 0; i < n; i++)
		say_blocked(st, roots[i]);
}

/* 2. Old ones. */

struct oldest {
	const struct session *session;
	int64_t ms;
	unsigned more;
};

static void note_oldest(struct oldest *o, const struct session *s, int64_t ms)
{
	o->more += o->session != NULL;
	if (o->session == NULL || ms > o->ms || (ms == o->ms && s->id < o->session->id)) {
		o->session = s;
		o->ms = ms;
	}
}

static void say_oldest(struct step *st, const struct oldest *o, enum finding_kind kind,
        enum severity severity, const char *what, const char *brief)
{
	char age[HUMAN_MAX];
	char who[WHO_MAX];
	char more[32] = "";
	if (o->session == NULL)
		return;
	if (o->more > 0)
		snprintf(more, sizeof(more), ", and %u more", o->more);
	struct finding *f = finding_add(st, kind, severity, o->ms);
	point_at(st, f, o->session);
	const char *owner = whose(o->session, who);
	finding_text(st, f, "%s %" PRId64 " %s %s%s%s%s%s", id_word(st), o->session->id, what,
	        human_duration(o->ms, age), owner[0] == '\0' ? "" : " (", owner[0] == '\0' ? "" : owner + 2,
	        owner[0] == '\0' ? "" : ")", more);
	finding_brief(f, "%" PRId64 " %s %s", o->session->id, brief, age);
}

static void find_old(struct step *st)
{
	const struct session_view *v = st->sessions;
	const struct cluster_cfg *cfg = st->iv->cluster;
	struct oldest idle = {.more = 0};
	struct oldest statement = {.more = 0};
	struct oldest xact = {.more = 0};
	for (size_t i = 0; i < v->n; i++) {
		const struct session *s = &v->sessions[i];
		/* Who waits or is waited for is in BLOCKED. */
		if (s->kind != SESSION_CLIENT || s->own || s->waiting || s->blocks_now > 0)
			continue;
		if (is_idle_xact(s)) {
			if (idle_ms(s) > cfg->idle_xact_notice_ms)
				note_oldest(&idle, s, idle_ms(s));
		} else if (s->query_ms > cfg->statement_warn_ms) {
			note_oldest(&statement, s, s->query_ms);
		} else if (s->xact_ms > cfg->idle_xact_warn_ms && s->xact_ms > cfg->statement_warn_ms) {
			note_oldest(&xact, s, s->xact_ms);
		}
	}
	say_oldest(st, &idle, FINDING_IDLE_XACT,
	        idle.ms > cfg->idle_xact_warn_ms ? SEVERITY_WARN : SEVERITY_NOTICE,
	        "is idle in transaction for", "idle in transaction");
	say_oldest(
	        st, &statement, FINDING_LONG_STATEMENT, SEVERITY_WARN, "runs one statement for", "runs for");
	say_oldest(
	        st, &xact, FINDING_LONG_XACT, SEVERITY_WARN, "has a transaction open for", "in transaction");
}

void finding_session_rules(struct step *st)
{
	int64_t age = snapshot_age_ms(st->snap, st->instance, "sessions");
	if (age < 0 || age > OLD_MS)
		return;
	find_blocked(st);
	find_old(st);
}
