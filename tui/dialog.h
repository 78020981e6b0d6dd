/* The dialog that stands before every action: who, what it means, how it must be confirmed. Keys typed before
 * the operator can have read it do nothing: those that came before it was painted and for 300 ms after. Enter
 * never confirms. What must be typed first only arms it; `y` is the one key that acts. Pure: the shell gives
 * it keys and the time, and carries out what it answers. */
#ifndef DBATOP_TUI_DIALOG_H
#define DBATOP_TUI_DIALOG_H

#include "core/model/plan.h"
#include "tui/input.h"
#include "tui/page.h"

enum { DIALOG_DEAF_MS = 300 };

enum dialog_kind {
	DIALOG_NONE,
	DIALOG_PLAN,   /* an action plan */
	DIALOG_SECOND, /* the second question about the same plan */
	DIALOG_INSIST, /* the session lives on in another transaction: end it anyway? */
	DIALOG_QUIT    /* an action is still followed */
};

struct dialog {
	enum dialog_kind kind;
	struct action_plan *plan; /* PLAN, SECOND: owned */
	char typed[24];
	mono_ns painted; /* 0: not yet */
	int top;         /* first line shown */
	bool prod;
	char title[PLAN_LINE_MAX];
	struct page page;
	size_t run, target; /* INSIST: which one */
};

/* Takes the plan over. A plan in which nothing can be done becomes a dialog that only says why. */
void dialog_plan(struct dialog *d, struct action_plan *plan);
/* A question that `y` answers. */
void dialog_ask(struct dialog *d, enum dialog_kind kind, const char *title, const char *text, bool prod);
void dialog_close(struct dialog *d);

enum dialog_answer { DIALOG_STAYS, DIALOG_LEFT, DIALOG_YES };
/* DIALOG_YES for a plan: take d->plan (set it NULL), then dialog_close. A plan with second decisions asks
 * twice before it says yes. */
enum dialog_answer dialog_key(struct dialog *d, const struct input_event *ev, mono_ns now);
/* now: the moment of this paint; the first one starts the 300 ms. */
void dialog_draw(struct dialog *d, struct surface *s, struct rect within, mono_ns now);
/* False while keys are dropped. */
bool dialog_listens(const struct dialog *d, mono_ns now);

#endif
