/* Acting: from a view's wish over the plan and its dialog to the end of the action, and single questions
 * about a session. The shell decides nothing here: the plan judges, the dialog asks, the actions interface
 * does. */
#include "tui/shell_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* ---- before ---- */

void shell_act(struct shell *sh, const struct intent *intent)
{
	size_t n = 0;
	if (sh->opt.actions == NULL) {
		shell_say(sh, SEVERITY_NOTICE, "nothing can be changed from here");
		return;
	}
	struct plan_key *keys = xcalloc(intent->nrows + 1, sizeof(*keys));
	for (size_t i = 0; i < intent->nrows && n < INTENT_ROWS_MAX; i++) {
		const struct row_ref *row = &intent->rows[i];
		if (row->instance >= 0 && row->session.id != 0)
			keys[n++] =
			        (struct plan_key){.instance = (size_t)row->instance, .session = row->session};
	}
	if (n == 0) {
		shell_say(sh, SEVERITY_NOTICE, "select a session first");
		free(keys);
		return;
	}
	/* The newest data, also while the screen is frozen: the plan must know what is, not what was. */
	struct plan_input in = {.snap = sh->live,
	        .kind = intent->action,
	        .targets = keys,
	        .n = n,
	        .read_only = sh->opt.read_only,
	        .armed = sh->armed_until > shell_now(sh)};
	struct action_plan *plan = plan_build(&in);
	free(keys);
	if (n == 1 && plan->n == 1 && plan->targets[0].verdict == PLAN_GONE) {
		shell_say(sh, SEVERITY_NOTICE, "%s",
		        plan->targets[0].why[0] != '\0' ? plan->targets[0].why
		                                        : "gone: the session has ended");
		plan_free(plan);
		return;
	}
	dialog_plan(&sh->dialog, plan);
}

/* ---- after the confirmation ---- */

static struct running *free_place(struct shell *sh)
{
	for (size_t i = 0; i < SHELL_RUNS_MAX; i++) {
		if (sh->running[i].run == NULL)
			return &sh->running[i];
	}
	/* All taken: a finished one makes room. */
	for (size_t i = 0; i < SHELL_RUNS_MAX; i++) {
		if (sh->running[i].finished) {
			sh->opt.actions->free(sh->opt.actions->arg, sh->running[i].run);
			sh->running[i] = (struct running){.run = NULL};
			return &sh->running[i];
		}
	}
	return NULL;
}

static void start(struct shell *sh, bool second)
{
	struct err e = {.code = ERR_NONE};
	struct running *place = free_place(sh);
	struct action_plan *plan = sh->dialog.plan;
	if (place == NULL) {
		shell_say(sh, SEVERITY_WARN, "%d actions are under way: wait for one to end", SHELL_RUNS_MAX);
		dialog_close(&sh->dialog);
		return;
	}
	struct running r = {.targets = plan->n, .prod = plan->prod, .kind = plan->kind};
	memcpy(r.title, plan->title, sizeof(r.title));
	sh->dialog.plan = NULL;
	dialog_close(&sh->dialog);
	r.run = sh->opt.actions->start(sh->opt.actions->arg, sh->live, plan, second, &e);
	if (r.run == NULL) {
		shell_say(sh, SEVERITY_CRIT, "nothing was done: %s", e.text);
		return;
	}
	*place = r;
	shell_follow(sh);
}

static void insist(struct shell *sh, size_t run, size_t target)
{
	struct err e = {.code = ERR_NONE};
	struct running *r = &sh->running[run];
	if (r->run == NULL || !sh->opt.actions->insist(sh->opt.actions->arg, r->run, target, &e)) {
		shell_say(sh, SEVERITY_CRIT, "nothing was done: %s", e.text);
		return;
	}
	r->finished = false;
	shell_follow(sh);
}

void shell_dialog_key(struct shell *sh, const struct input_event *ev)
{
	struct dialog *d = &sh->dialog;
	enum dialog_kind kind = d->kind;
	size_t run = d->run;
	size_t target = d->target;
	switch (dialog_key(d, ev, shell_now(sh))) {
	case DIALOG_STAYS:
		return;
	case DIALOG_LEFT:
		dialog_close(d);
		return;
	case DIALOG_YES:
		break;
	}
	if (kind == DIALOG_PLAN || kind == DIALOG_SECOND) {
		start(sh, kind == DIALOG_SECOND);
		return;
	}
	dialog_close(d);
	if (kind == DIALOG_INSIST)
		insist(sh, run, target);
	else
		sh->quit = true;
}

/* ---- until its end ---- */

size_t shell_running(const struct shell *sh)
{
	size_t n = 0;
	for (size_t i = 0; i < SHELL_RUNS_MAX; i++)
		n += sh->running[i].run != NULL && !sh->running[i].finished;
	return n;
}

static enum severity outcome_severity(const struct action_progress *p)
{
	if (!p->finished)
		return SEVERITY_NOTICE;
	return p->outcome == OUTCOME_GONE || p->outcome == OUTCOME_STOPPED ? SEVERITY_OK : SEVERITY_WARN;
}

/* The session lives on with other work: going on anyway is another decision, so it is asked. */
static void offer_to_insist(struct shell *sh, size_t run, size_t target, const struct action_progress *p)
{
	struct running *r = &sh->running[run];
	if (!p->may_insist || r->targets != 1 || sh->dialog.kind != DIALOG_NONE ||
	        sh->opt.actions->insist == NULL)
		return;
	char text[PLAN_LINE_MAX + 64];
	snprintf(text, sizeof(text), "%s %s", p->say,
	        r->kind == ACTION_TERMINATE ? "End the connection anyway?"
	                                    : "Cancel what is left of it anyway?");
	dialog_ask(&sh->dialog, DIALOG_INSIST, r->title, text, r->prod);
	sh->dialog.run = run;
	sh->dialog.target = target;
}

static void follow_one(struct shell *sh, size_t run)
{
	struct running *r = &sh->running[run];
	struct action_progress p = {.n = 0};
	size_t worst = 0;
	for (size_t i = 0; i < r->targets; i++) {
		struct action_progress one = {.n = 0};
		sh->opt.actions->look(sh->opt.actions->arg, r->run, sh->live, i, &one);
		/* Of many, the one to speak of is the first that is not well. */
		if (i == 0 || outcome_severity(&one) > outcome_severity(&p)) {
			p = one;
			worst = i;
		}
	}
	r->finished = sh->opt.actions->finished(sh->opt.actions->arg, r->run);
	if (r->targets > 1)
		shell_say(sh, r->finished ? outcome_severity(&p) : SEVERITY_NOTICE,
		        "%zu of %zu done, %zu ended · %s", p.done, p.n, p.ok, p.say);
	else
		shell_say(sh, outcome_severity(&p), "%s", p.say);
	sh->message_until = MONO_NEVER;
	if (r->finished)
		offer_to_insist(sh, run, worst, &p);
}

static void take_answer(struct shell *sh)
{
	if (sh->question == NULL || sh->answered)
		return;
	err_clear(&sh->answer_err);
	sh->answered =
	        sh->opt.source->answer(sh->opt.source->arg, sh->question, &sh->answer, &sh->answer_err);
	sh->stale = sh->stale || sh->answered;
}

void shell_follow(struct shell *sh)
{
	for (size_t i = 0; i < SHELL_RUNS_MAX; i++) {
		if (sh->running[i].run != NULL && !sh->running[i].finished)
			follow_one(sh, i);
	}
	take_answer(sh);
}

/* ---- single questions ---- */

static void forget_question(struct shell *sh)
{
	if (sh->question != NULL)
		sh->opt.source->forget(sh->opt.source->arg, sh->question);
	sh->question = NULL;
	sh->answer = NULL;
	sh->answered = false;
	sh->asked = (struct row_ref){.instance = -1};
}

void shell_ask(struct shell *sh, const struct row_ref *row, const char *probe)
{
	const struct shell_source *source = sh->opt.source;
	forget_question(sh);
	if (row->instance < 0)
		return;
	sh->asked = *row;
	sh->stale = true;
	err_clear(&sh->answer_err);
	if (source->ask != NULL)
		sh->question = source->ask(source->arg, (size_t)row->instance,
		        probe != NULL ? probe : "statement", &row->session, &sh->answer_err);
	else
		err_set(&sh->answer_err, ERR_UNSUPPORTED, "more about a session cannot be asked for here");
	/* A question that could not be asked is answered: by why. */
	sh->answered = sh->question == NULL;
}

void shell_forget(struct shell *sh)
{
	forget_question(sh);
	for (size_t i = 0; i < SHELL_RUNS_MAX; i++) {
		if (sh->running[i].run != NULL)
			sh->opt.actions->free(sh->opt.actions->arg, sh->running[i].run);
		sh->running[i].run = NULL;
	}
}
