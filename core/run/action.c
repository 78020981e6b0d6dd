/* A confirmed plan on its way: asked of each instance's ADMIN lane, followed to its end, told in sentences.
 * The order is the promise: all targets are in the journal and on disk before the first one is sent. */
#include "core/run/action.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/mem.h"
#include "core/run/journal.h"

enum {
	FOLLOW_MS = 600000, /* a rollback can outlast the incident */
	WAITERS_MAX = 64,
	GOES_ON_MS = 3000 /* from here on a sentence says that it is still there */
};

struct target {
	struct action_request req;
	const char *cluster, *instance; /* of the config */
	char ref[32];
	struct job *job;
	bool doable, finished;
	struct action_result result; /* as last seen */
	enum job_state state;
	mono_ns started, changed;
	/* Who waited for it when it was asked; how many of them went on since. -1: not known (yet). */
	int64_t waiter[WAITERS_MAX];
	size_t nwaiters;
	int64_t resumed;
	/* Rolling back: the first figure, for a rate. */
	int64_t rows_first;
	mono_ns rows_at;
	bool journal_failed;
};

struct action_run {
	struct poller *poller;
	struct journal *journal;
	struct action_plan *plan;
	struct target *targets; /* plan->n */
};

/* 1. Starting. */

static void note_waiters(struct target *t, const struct snapshot *snap, size_t instance)
{
	const struct table *b = snapshot_table(snap, instance, "blockers");
	t->nwaiters = 0;
	if (b == NULL || snapshot_is_gated(snap, instance, "blockers"))
		return;
	int waiter = table_column(b, "waiter"), blocker = table_column(b, "blocker");
	int64_t w, by;
	for (size_t row = 0; row < b->nrows && t->nwaiters < WAITERS_MAX; row++) {
		if (!table_int(b, row, blocker, &by) || by != t->req.target.id ||
		        !table_int(b, row, waiter, &w))
			continue;
		bool known = false;
		for (size_t i = 0; i < t->nwaiters; i++)
			known = known || t->waiter[i] == w;
		if (!known)
			t->waiter[t->nwaiters++] = w;
	}
}

static long row_of(const struct table *sessions, int64_t id)
{
	int64_t found;
	for (size_t row = 0; sessions != NULL && row < sessions->nrows; row++) {
		if (table_int(sessions, row, table_column(sessions, "id"), &found) && found == id)
			return (long)row;
	}
	return -1;
}

static void prepare(struct action_run *run, const struct snapshot *snap, size_t i, bool second)
{
	const struct plan_target *p = &run->plan->targets[i];
	const struct instance_view *v = &snap->instances[p->instance];
	struct target *t = &run->targets[i];
	t->cluster = v->cluster->name;
	t->instance = v->cfg->name;
	t->doable = p->verdict == PLAN_OPEN || (p->verdict == PLAN_SECOND && second);
	t->finished = !t->doable;
	t->resumed = t->rows_first = t->result.rows_left = -1;
	plan_request(run->plan, snap, i, &t->req);
	journal_ref(run->journal, t->ref);
	note_waiters(t, snap, p->instance);
}

static bool write_asked(struct action_run *run, const struct snapshot *snap, size_t i, struct err *e)
{
	const struct target *t = &run->targets[i];
	const struct table *sessions =
	        snap == NULL ? NULL : snapshot_table(snap, run->plan->targets[i].instance, "sessions");
	struct journal_entry entry = {.event = JOURNAL_ASKED,
	        .ref = t->ref,
	        .req = &t->req,
	        .cluster = t->cluster,
	        .instance = t->instance,
	        .sessions = sessions,
	        .row = row_of(sessions, t->req.target.id)};
	return journal_write(run->journal, &entry, e);
}

static void write_end(struct action_run *run, struct target *t, enum journal_event event)
{
	struct err e;
	struct journal_entry entry = {.event = event,
	        .ref = t->ref,
	        .req = &t->req,
	        .cluster = t->cluster,
	        .instance = t->instance,
	        .row = -1,
	        .result = event == JOURNAL_OUTCOME ? &t->result : NULL,
	        .after_ms = (t->changed - t->started) / NS_PER_MS};
	/* Not waited for: it outlives the process, and the line before it is on disk. */
	t->journal_failed = !journal_write(run->journal, &entry, &e);
}

static void finish(struct action_run *run, struct target *t)
{
	t->finished = true;
	write_end(run, t, JOURNAL_OUTCOME);
}

static void send_off(struct action_run *run, size_t i, struct err *e)
{
	struct target *t = &run->targets[i];
	err_clear(e);
	t->finished = false;
	t->state = JOB_QUEUED;
	t->job = poller_act(run->poller, run->plan->targets[i].instance, &t->req, FOLLOW_MS, e);
	if (t->job != NULL)
		return;
	t->result = (struct action_result){.outcome = OUTCOME_REFUSED, .err = *e, .rows_left = -1};
	t->state = JOB_DONE;
	finish(run, t);
}

struct action_run *action_start(struct poller *p, struct journal *j, const struct snapshot *snap,
        struct action_plan *plan, bool second, struct err *e)
{
	if (j == NULL) {
		err_set(e, ERR_IO, "nothing was done: the journal cannot be written");
		return NULL;
	}
	struct action_run *run = xcalloc(1, sizeof(*run));
	run->poller = p;
	run->journal = j;
	run->plan = plan;
	run->targets = xcalloc(plan->n + 1, sizeof(*run->targets));

	/* 1. All of them into the journal, once onto the disk. */
	bool ok = true;
	for (size_t i = 0; i < plan->n && ok; i++) {
		prepare(run, snap, i, second);
		ok = !run->targets[i].doable || write_asked(run, snap, i, e);
	}
	if (!ok || !journal_sync(j, e)) {
		err_wrap(e, "nothing was done");
		free(run->targets);
		free(run);
		return NULL;
	}

	/* 2. Then off they go. */
	struct err why;
	for (size_t i = 0; i < plan->n; i++) {
		if (run->targets[i].doable)
			send_off(run, i, &why);
	}
	return run;
}

static bool may_insist(const struct target *t)
{
	return t->finished && t->result.outcome == OUTCOME_MOVED_ON && t->result.other_work &&
	       !t->req.whatever_transaction &&
	       (t->req.kind == ACTION_TERMINATE || t->req.target.xact_guard[0] != '\0');
}

bool action_insist(struct action_run *run, size_t target, struct err *e)
{
	assert(target < run->plan->n);
	struct target *t = &run->targets[target];
	if (!may_insist(t))
		return err_set(e, ERR_USAGE, "there is nothing to insist on");
	t->req.whatever_transaction = true;
	if (!write_asked(run, NULL, target, e) || !journal_sync(run->journal, e)) {
		t->req.whatever_transaction = false;
		return err_wrap(e, "nothing was done");
	}
	job_unref(t->job);
	struct err why;
	send_off(run, target, &why);
	return true;
}

/* 2. Watching. */

static void watch(struct action_run *run, struct target *t)
{
	struct job_view v;
	if (t->job == NULL || t->finished)
		return;
	job_look(t->job, &v);
	t->state = v.state;
	t->result = v.result;
	t->started = v.started;
	t->changed = v.changed;
	if (t->rows_first < 0 && v.result.rows_left >= 0) {
		t->rows_first = v.result.rows_left;
		t->rows_at = v.changed;
	}
	if (v.state == JOB_DONE)
		finish(run, t);
}

/* Whether a session still waits, in a look that began after the target had ended. */
static bool waits_still(const struct table *sessions, int64_t id)
{
	long row = row_of(sessions, id);
	if (row < 0)
		return false;
	const char *type = table_text(sessions, (size_t)row, table_column(sessions, "wait_type"));
	return type != NULL && strcmp(type, "Lock") == 0;
}

static void count_resumed(struct target *t, const struct snapshot *snap, size_t instance)
{
	struct slot_view slot = snapshot_slot(snap, instance, "sessions");
	bool ended = t->result.outcome == OUTCOME_GONE || t->result.outcome == OUTCOME_STOPPED;
	if (!ended || t->resumed >= 0 || t->nwaiters == 0 || slot.good == NULL ||
	        slot.good->started <= t->changed)
		return;
	t->resumed = 0;
	for (size_t i = 0; i < t->nwaiters; i++)
		t->resumed += !waits_still(slot.good->table, t->waiter[i]);
}

/* 3. Telling. */

static void say_rolling_back(const struct target *t, char *say, size_t cap)
{
	char left[HUMAN_MAX], rate[HUMAN_MAX];
	double seconds = (double)(t->changed - t->rows_at) / (double)NS_PER_S;
	int64_t done = t->rows_first - t->result.rows_left;
	human_count((double)t->result.rows_left, left);
	if (seconds > 0.5 && done > 0)
		snprintf(say, cap, "%" PRId64 ": rolling back, %s rows left, %s a second", t->req.target.id,
		        left, human_count((double)done / seconds, rate));
	else
		snprintf(say, cap, "%" PRId64 ": rolling back, %s rows left", t->req.target.id, left);
}

static void say_ended(const struct target *t, const char *how, char *say, size_t cap)
{
	char after[HUMAN_MAX];
	int n = snprintf(say, cap, "%" PRId64 ": %s after %s", t->req.target.id, how,
	        human_duration((t->changed - t->started) / NS_PER_MS, after));
	if (t->resumed >= 0 && n > 0 && (size_t)n < cap)
		n += snprintf(say + n, cap - (size_t)n, ", %" PRId64 " session%s resumed", t->resumed,
		        t->resumed == 1 ? "" : "s");
	size_t still = t->nwaiters - (size_t)(t->resumed >= 0 ? t->resumed : 0);
	if (t->resumed >= 0 && still > 0 && n > 0 && (size_t)n < cap)
		n += snprintf(say + n, cap - (size_t)n, ", %zu still wait%s", still, still == 1 ? "s" : "");
	if (t->result.signals > 1 && n > 0 && (size_t)n < cap)
		snprintf(say + n, cap - (size_t)n, "; the server forgot %u of %u cancels",
		        t->result.signals - 1, t->result.signals);
}

static const char *signalled(const struct target *t, char how[32])
{
	if (t->result.signals > 1)
		snprintf(how, 32, "signalled %u times", t->result.signals);
	else
		snprintf(how, 32, "signalled");
	return how;
}

static void say_following(const struct target *t, const struct snapshot *snap, char *say, size_t cap)
{
	char since[HUMAN_MAX], how[32];
	int64_t ms = (snap->now - t->started) / NS_PER_MS;
	const char *sent = t->result.outcome == OUTCOME_UNKNOWN ? "sent, no answer" : signalled(t, how);
	if (t->result.outcome == OUTCOME_ROLLING_BACK)
		say_rolling_back(t, say, cap);
	else if (t->result.signals > 1)
		snprintf(say, cap, "%" PRId64 ": its procedure goes on, %s in %s \u2026", t->req.target.id,
		        sent, human_duration(ms, since));
	else if (ms < GOES_ON_MS)
		snprintf(say, cap, "%" PRId64 ": %s \u2026", t->req.target.id, sent);
	else
		snprintf(say, cap, "%" PRId64 ": %s %s ago, %s goes on", t->req.target.id, sent,
		        human_duration(ms, since), t->req.kind == ACTION_CANCEL ? "its statement" : "it");
}

/* The error says what happened; its sentences name the session themselves or get its id. */
static void say_error(const struct target *t, const char *otherwise, char *say, size_t cap)
{
	const char *why = t->result.err.text[0] != '\0' ? t->result.err.text : otherwise;
	if (strncmp(why, "session ", strlen("session ")) == 0)
		why += strlen("session ");
	char id[24];
	snprintf(id, sizeof(id), "%" PRId64 ":", t->req.target.id);
	if (strncmp(why, id, strlen(id)) == 0)
		snprintf(say, cap, "%s", why);
	else
		snprintf(say, cap, "%s %s", id, why);
}

static void say_done(const struct target *t, char *say, size_t cap)
{
	char how[32];
	switch (t->result.outcome) {
	case OUTCOME_GONE:
		say_ended(t, "gone", say, cap);
		break;
	case OUTCOME_STOPPED:
		say_ended(t, "statement stopped", say, cap);
		break;
	case OUTCOME_ROLLING_BACK:
		say_rolling_back(t, say, cap);
		break;
	case OUTCOME_MOVED_ON:
		say_error(t, "it moved on, nothing was done", say, cap);
		break;
	case OUTCOME_UNPROVABLE:
		say_error(t, "its identity cannot be proved, nothing was done", say, cap);
		break;
	case OUTCOME_REFUSED:
		say_error(t, "the server refused", say, cap);
		break;
	case OUTCOME_STILL_THERE:
		snprintf(say, cap, "%" PRId64 ": %s, and it is still there", t->req.target.id,
		        signalled(t, how));
		break;
	case OUTCOME_NONE:
	case OUTCOME_SENT:
	case OUTCOME_UNKNOWN:
	case OUTCOME_COUNT:
		say_error(t, "sent, but there was no answer: it may have happened", say, cap);
		break;
	}
}

static void say(const struct action_run *run, const struct snapshot *snap, size_t i, char *out, size_t cap)
{
	const struct target *t = &run->targets[i];
	const struct plan_target *p = &run->plan->targets[i];
	if (!t->doable)
		snprintf(out, cap, "%" PRId64 ": left alone: %.200s", p->session.id,
		        p->verdict == PLAN_SECOND ? "it was not confirmed a second time" : p->why);
	else if (t->finished)
		say_done(t, out, cap);
	else if (t->state == JOB_FOLLOWING)
		say_following(t, snap, out, cap);
	else
		snprintf(out, cap, "%" PRId64 ": %s \u2026", t->req.target.id,
		        t->state == JOB_RUNNING ? "asking the server"
		                                : "waiting for the connection for actions");
	size_t n = strlen(out);
	if (t->journal_failed && n < cap)
		snprintf(out + n, cap - n, " (the journal could not be written)");
}

void action_look(struct action_run *run, const struct snapshot *snap, size_t i, struct action_progress *out)
{
	assert(i < run->plan->n);
	*out = (struct action_progress){.n = run->plan->doable};
	for (size_t k = 0; k < run->plan->n; k++) {
		struct target *t = &run->targets[k];
		watch(run, t);
		count_resumed(t, snap, run->plan->targets[k].instance);
		if (!t->doable || !t->finished)
			continue;
		out->done++;
		out->ok += t->result.outcome == OUTCOME_GONE || t->result.outcome == OUTCOME_STOPPED;
	}
	out->outcome = run->targets[i].result.outcome;
	out->finished = run->targets[i].finished;
	out->may_insist = may_insist(&run->targets[i]);
	say(run, snap, i, out->say, sizeof(out->say));
}

bool action_finished(const struct action_run *run)
{
	for (size_t i = 0; i < run->plan->n; i++) {
		if (!run->targets[i].finished)
			return false;
	}
	return true;
}

void action_free(struct action_run *run)
{
	if (run == NULL)
		return;
	for (size_t i = 0; i < run->plan->n; i++) {
		struct target *t = &run->targets[i];
		watch(run, t);
		if (!t->finished)
			write_end(run, t, JOURNAL_ABANDONED);
		job_unref(t->job);
	}
	plan_free(run->plan);
	free(run->targets);
	free(run);
}
