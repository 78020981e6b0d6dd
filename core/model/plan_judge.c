/* Whether a session may be ended at all. Some may never be (our own, those that feed or are replicas, the
 * server's own), some only after a second question and never as one of many, and one whose identity cannot be
 * proved is left alone with the GRANT that would change that. */
#include "core/model/plan_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/human.h"
#include "core/model/session.h"

/* Guards make an old look harmless; a very old one is of no use to a person. */
enum { TOO_OLD_MS = 300000 };

static void say(struct plan_target *t, enum plan_verdict verdict, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

static void say(struct plan_target *t, enum plan_verdict verdict, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
	t->verdict = verdict;
}

static bool is(const char *text, const char *word)
{
	return text != NULL && strcasecmp(text, word) == 0;
}

/* 1. Reasons that hold for every session of an instance. */

bool plan_refuse_all(const struct plan_input *in, size_t instance, struct plan_target *t)
{
	const struct instance_view *v = &in->snap->instances[instance];
	const struct link_view *link = &v->link;
	const struct sample *good = snapshot_slot(in->snap, instance, "sessions").good;
	char age[HUMAN_MAX];
	if (in->read_only || in->snap->config->read_only)
		say(t, PLAN_REFUSED, "read-only: dbatop was started so that it changes nothing");
	else if (v->cluster->read_only)
		say(t, PLAN_REFUSED, "read-only: the config says so for cluster %.100s", v->cluster->name);
	else if (good == NULL)
		say(t, PLAN_REFUSED, "the sessions of %.100s have not been read yet", v->cfg->name);
	else if (link->admin.engine != ENGINE_NONE && !server_identity_equal(&link->server, &link->admin))
		say(t, PLAN_REFUSED,
		        "our connections to %.80s reached different servers: an id of one means nothing at "
		        "the "
		        "other",
		        v->cfg->name);
	else if (strncmp(good->server_start, link->server.start, sizeof(good->server_start) - 1) != 0)
		say(t, PLAN_GONE, "the server restarted, or another one answers now: the session is gone");
	else if (snapshot_age_ms(in->snap, instance, "sessions") > TOO_OLD_MS)
		say(t, PLAN_REFUSED, "the last look at %.100s is %s old", v->cfg->name,
		        human_duration(snapshot_age_ms(in->snap, instance, "sessions"), age));
	else
		return false;
	return true;
}

/* 2. Sessions that are never ended from here. */

static bool never(const struct plan_row *r, enum session_guard guard, struct plan_target *t)
{
	if (guard == GUARD_WORKER)
		say(t, PLAN_REFUSED, "a parallel worker whose leader is not in sight: act on its leader");
	else if (guard == GUARD_BACKGROUND && r->wait != NULL)
		say(t, PLAN_REFUSED, "%s: %.60s", session_guard_why(guard), r->wait);
	else if (session_guard_refuses(guard))
		say(t, PLAN_REFUSED, "%s", session_guard_why(guard));
	else
		return false;
	return true;
}

/* 3. Without its identity nothing can be proved. */

/* Whether statements of others, or our own look, are told apart there. */
static bool guards_are_seen(const struct plan_input *in, size_t instance)
{
	const struct table *sessions = snapshot_table(in->snap, instance, "sessions");
	int guard = table_column(sessions, "query_guard");
	for (size_t row = 0; row < sessions->nrows; row++) {
		if (table_text(sessions, row, guard) != NULL)
			return true;
	}
	return false;
}

static bool unprovable(
        const struct plan_input *in, size_t instance, const struct plan_row *r, struct plan_target *t)
{
	const struct instance_view *v = &in->snap->instances[instance];
	const char *user = v->cfg->endpoint.user != NULL ? v->cfg->endpoint.user : "the monitoring account";
	bool postgres = r->engine == ENGINE_POSTGRES;
	bool cancel = in->kind == ACTION_CANCEL;
	if (postgres && (r->started == NULL || r->state == NULL))
		say(t, PLAN_REFUSED, "its identity cannot be seen: GRANT pg_monitor TO %.60s", user);
	else if (is(r->state, "disabled"))
		say(t, PLAN_REFUSED,
		        "track_activities is off in it, so neither its transaction nor its statement "
		        "can be proved");
	else if (!postgres && !v->link.sees_all && (r->state == NULL || !cancel))
		say(t, PLAN_REFUSED, "its transaction cannot be seen: GRANT PROCESS ON *.* TO %.60s", user);
	else if (!cancel || r->query_guard != NULL || plan_row_idle(r))
		return false;
	else if (postgres)
		say(t, PLAN_REFUSED,
		        "its statement cannot be told from the next one: GRANT pg_monitor TO %.60s", user);
	else if (r->engine == ENGINE_MARIADB)
		say(t, PLAN_REFUSED, "its statement has no QUERY_ID here: GRANT PROCESS ON *.* TO %.60s",
		        user);
	else if (guards_are_seen(in, instance))
		say(t, PLAN_REFUSED, "the server did not show its statement in the last look: try again");
	else
		say(t, PLAN_REFUSED,
		        "its statement cannot be told from the next one: needs performance_schema and GRANT "
		        "SELECT "
		        "ON performance_schema.* TO %.60s",
		        user);
	return true;
}

/* 4. A cancel that would do nothing. */

static bool nothing_to_cancel(const struct plan_input *in, const struct plan_row *r, struct plan_target *t)
{
	if (is(r->state, "killed")) {
		say(t, PLAN_REFUSED, "it has been ended already and is rolling back");
		return true;
	}
	if (in->kind != ACTION_CANCEL || !plan_row_idle(r))
		return false;
	if (!plan_row_in_xact(r)) {
		say(t, PLAN_REFUSED, "idle: no statement is running, there is nothing to cancel");
		snprintf(t->offer, sizeof(t->offer), "terminate (K) ends its connection");
		return true;
	}
	say(t, PLAN_REFUSED, "idle in transaction: no statement is running. %s",
	        r->engine == ENGINE_POSTGRES ? "The server would say yes to a cancel and do nothing"
	                                     : "A cancel would do nothing, the transaction stays open");
	snprintf(t->offer, sizeof(t->offer),
	        "terminate (K) ends its connection and rolls the transaction back");
	return true;
}

/* 5. What is asked twice. */

static void asked_twice(const struct plan_input *in, enum session_guard guard, struct plan_target *t)
{
	const char *what = "";
	if (guard == GUARD_SYNCREP)
		what = in->kind == ACTION_CANCEL ? "; its client will be told that all is well"
		                                 : "; its client will not be told that it committed";
	else if (guard == GUARD_WRAPAROUND)
		what = ": it starts again at once, from the beginning";
	else if (guard == GUARD_BACKUP)
		what = ": that backup will be incomplete";
	else if (guard == GUARD_SUPERUSER)
		what = ": somebody may be at work on this incident";
	if (guard != GUARD_NONE)
		say(t, PLAN_SECOND, "%s%s", session_guard_why(guard), what);
}

void plan_judge(const struct plan_input *in, size_t instance, const struct plan_row *r, struct plan_target *t)
{
	enum session_guard guard = session_guard_of_row(r->table, r->row);
	t->verdict = PLAN_OPEN;
	if (never(r, guard, t) || unprovable(in, instance, r, t) || nothing_to_cancel(in, r, t))
		return;
	asked_twice(in, guard, t);
}
