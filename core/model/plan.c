/* Builds the plan of an action from a snapshot. The target's row is read again here: what the dialog shows is
 * what will be proved, and what changed since the row was picked is said. */
#include "core/model/plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/model/locks.h"
#include "core/model/plan_parts.h"

static void keep(char *dst, size_t cap, const char *text)
{
	snprintf(dst, cap, "%s", text == NULL ? "" : text);
}

/* 1. From a picked row to a target. */

static void take_identity(const struct plan_row *r, struct session_ref *out)
{
	*out = (struct session_ref){.id = r->id};
	keep(out->started, sizeof(out->started), r->started);
	keep(out->xact_guard, sizeof(out->xact_guard), r->xact_guard);
	keep(out->query_guard, sizeof(out->query_guard), r->query_guard);
}

static void gone(struct plan_target *t, const char *why)
{
	t->verdict = PLAN_GONE;
	keep(t->why, sizeof(t->why), why);
}

/* A prepared transaction holds locks and has no session: there is only a statement to copy. */
static bool is_prepared(struct plan_target *t)
{
	if (t->session.id != 0)
		return false;
	t->verdict = PLAN_REFUSED;
	keep(t->why, sizeof(t->why), "a prepared transaction has no session: it ends by a statement");
	keep(t->offer, sizeof(t->offer),
	        "SELECT format('ROLLBACK PREPARED %L', gid), prepared, owner FROM pg_prepared_xacts WHERE "
	        "database = "
	        "current_database() ORDER BY prepared");
	return true;
}

/* Ending a parallel worker alone makes its leader fail in odd ways: the leader is the target. */
static long follow_leader(const struct table *sessions, long row, enum engine engine, int64_t *worker)
{
	struct plan_row r;
	plan_row_read(sessions, (size_t)row, engine, &r);
	if (r.kind == NULL || strcmp(r.kind, "parallel worker") != 0 || r.leader <= 0 || r.leader == r.id)
		return row;
	long leader = plan_row_of(sessions, r.leader);
	if (leader < 0)
		return row;
	*worker = r.id;
	return leader;
}

static void say_changes(const struct session_ref *was, struct plan_target *t, int64_t worker)
{
	if (worker != 0 && t->nlines < PLAN_LINES)
		snprintf(t->line[t->nlines++], PLAN_LINE_MAX,
		        "%" PRId64 " is a parallel worker of %" PRId64 ": its leader is what this acts on",
		        worker, t->session.id);
	else if (t->nlines < PLAN_LINES && was->xact_guard[0] != '\0' &&
	         strcmp(was->xact_guard, t->session.xact_guard) != 0)
		keep(t->line[t->nlines++], PLAN_LINE_MAX,
		        "since you picked it, it has moved on to another transaction: this is how it is now");
}

static void plan_target_build(const struct plan_input *in, const struct plan_key *key, struct plan_target *t)
{
	*t = (struct plan_target){.instance = key->instance,
	        .session = key->session,
	        .frees_now = -1,
	        .frees_later = -1,
	        .rows_to_undo = -1};
	assert(key->instance < in->snap->n);
	if (plan_refuse_all(in, key->instance, t) || is_prepared(t))
		return;
	const struct table *sessions = snapshot_table(in->snap, key->instance, "sessions");
	enum engine engine = in->snap->instances[key->instance].link.server.engine;
	struct plan_row r;
	int64_t worker = 0;
	long row = plan_row_of(sessions, key->session.id);
	if (row < 0 && sessions->truncated) {
		t->verdict = PLAN_REFUSED;
		keep(t->why, sizeof(t->why),
		        "it is not among the sessions that were read: there are too many");
		return;
	}
	if (row < 0) {
		gone(t, "gone: the session has ended");
		return;
	}
	plan_row_read(sessions, (size_t)row, engine, &r);
	if (key->session.started[0] != '\0' &&
	        (r.started == NULL || strcmp(key->session.started, r.started) != 0)) {
		gone(t, "gone: its id belongs to another session now");
		return;
	}
	row = follow_leader(sessions, row, engine, &worker);
	plan_row_read(sessions, (size_t)row, engine, &r);
	take_identity(&r, &t->session);
	plan_judge(in, key->instance, &r, t);
	say_changes(&key->session, t, worker);
	plan_describe(in, key->instance, &r, t);
}

/* 2. The plan. */

static bool has_target(const struct action_plan *plan, const struct plan_target *t)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->targets[i].instance == t->instance && plan->targets[i].session.id == t->session.id)
			return true;
	}
	return false;
}

/* What is asked twice is never one of many. */
static void settle_bulk(struct action_plan *plan)
{
	char why[PLAN_LINE_MAX];
	plan->doable = 0;
	for (size_t i = 0; i < plan->n; i++) {
		struct plan_target *t = &plan->targets[i];
		if (plan->n > 1 && t->verdict == PLAN_SECOND) {
			t->verdict = PLAN_REFUSED;
			keep(why, sizeof(why), t->why);
			snprintf(t->why, sizeof(t->why), "left out of a bulk, act on it alone: %.190s", why);
		}
		plan->doable += t->verdict == PLAN_OPEN || t->verdict == PLAN_SECOND;
	}
}

static bool is_one_place(const struct action_plan *plan)
{
	for (size_t i = 1; i < plan->n; i++) {
		if (plan->targets[i].instance != plan->targets[0].instance)
			return false;
	}
	return plan->n > 0;
}

/* Of one the title says which it is. In a list each begins with its id, and its server where there are
 * several: pooled sessions look alike in everything else. */
static void name_victims(const struct snapshot *snap, struct action_plan *plan)
{
	bool one_place = is_one_place(plan);
	for (size_t i = 0; plan->n > 1 && i < plan->n; i++) {
		struct plan_target *t = &plan->targets[i];
		const char *name = snap->instances[t->instance].cfg->name;
		char whole[2 * PLAN_LINE_MAX];
		char place[PLAN_LINE_MAX] = "";
		if (!one_place)
			text_truncate(place, sizeof(place), name, strlen(name), 40, false);
		snprintf(whole, sizeof(whole), "%" PRId64 "%s%s%s%s", t->session.id, one_place ? "" : " on ",
		        place, t->nlines > 0 ? "  " : "", t->nlines > 0 ? t->line[0] : "");
		text_truncate(t->line[0], sizeof(t->line[0]), whole, strlen(whole), PLAN_LINE_MAX, false);
		t->nlines += t->nlines == 0;
	}
}

static void say_how(const struct plan_input *in, struct action_plan *plan)
{
	if (plan->doable == 0) {
		plan->confirm = CONFIRM_NONE;
	} else if (plan->n > 1) {
		plan->confirm = CONFIRM_COUNT;
		snprintf(plan->expect, sizeof(plan->expect), "%zu", plan->doable);
	} else if (plan->kind == ACTION_TERMINATE && plan->prod && !in->armed) {
		plan->confirm = CONFIRM_ID;
		snprintf(plan->expect, sizeof(plan->expect), "%" PRId64, plan->targets[0].session.id);
	} else {
		plan->confirm = CONFIRM_Y;
		snprintf(plan->expect, sizeof(plan->expect), "y");
	}
}

static void say_title(const struct snapshot *snap, struct action_plan *plan)
{
	const char *verb = plan->kind == ACTION_TERMINATE ? "Terminate" : "Cancel the statement of";
	char where[PLAN_LINE_MAX];
	const struct instance_view *v = plan->n > 0 ? &snap->instances[plan->targets[0].instance] : NULL;
	const char *danger = plan->prod                           ? "prod"
	                     : v != NULL && v->cluster->ntags > 0 ? v->cluster->tags[0]
	                                                          : "relaxed";
	text_truncate(where, sizeof(where), v == NULL ? "" : v->cfg->name,
	        v == NULL ? 0 : strlen(v->cfg->name), 100, false);
	if (plan->n == 1)
		snprintf(plan->title, sizeof(plan->title), "%s session %" PRId64 " on %.100s (%.20s)", verb,
		        plan->targets[0].session.id, where, danger);
	else if (is_one_place(plan))
		snprintf(plan->title, sizeof(plan->title), "%s %zu sessions on %.100s (%.20s)", verb,
		        plan->doable, where, danger);
	else
		snprintf(plan->title, sizeof(plan->title), "%s %zu sessions on several servers (%.20s)", verb,
		        plan->doable, danger);
}

static struct action_plan *build(const struct plan_input *in)
{
	struct action_plan *plan = xcalloc(1, sizeof(*plan));
	plan->kind = in->kind;
	plan->targets = xcalloc(in->n + 1, sizeof(*plan->targets));
	for (size_t i = 0; i < in->n; i++) {
		struct plan_target *t = &plan->targets[plan->n];
		plan_target_build(in, &in->targets[i], t);
		if (has_target(plan, t))
			continue;
		plan->n++;
		plan->prod = plan->prod || in->snap->instances[t->instance].cluster->danger == DANGER_PROD;
	}
	settle_bulk(plan);
	name_victims(in->snap, plan);
	say_how(in, plan);
	say_title(in->snap, plan);
	return plan;
}

struct action_plan *plan_build(const struct plan_input *in)
{
	struct plan_input with = *in;
	struct sessions *sessions = sessions_new();
	struct locks *locks = locks_new();
	sessions_update(sessions, in->snap);
	locks_update(locks, in->snap, sessions);
	with.locks = locks;
	struct action_plan *plan = build(&with);
	locks_free(locks);
	sessions_free(sessions);
	return plan;
}

void plan_free(struct action_plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->targets);
	free(plan);
}

void plan_request(const struct action_plan *plan, const struct snapshot *snap, size_t target,
        struct action_request *out)
{
	assert(target < plan->n);
	const struct plan_target *t = &plan->targets[target];
	const struct instance_view *v = &snap->instances[t->instance];
	*out = (struct action_request){.kind = plan->kind,
	        .target = t->session,
	        .server = v->link.server,
	        .dialect = v->cfg->endpoint.kill};
}
