/* A view: one screen, one file, pure. update() takes new data, a new size, another scope, an answer or what a
 * command changed, and settles the view's state (order, cursor, scroll); the shell calls it before render,
 * apply or select whenever one of these changed, and when the view is opened. render() draws the state and
 * reads nothing but its arguments: no clock, locale, environment, theme or server. apply() answers a command
 * with an intent, which the shell carries out; what it took is settled by update(). State is plain data of
 * state_size bytes, zeroed at first. UI thread only; may not block. Snapshot and findings live until the next
 * update: a pointer into them may stay in the state until then. */
#ifndef DBATOP_TUI_VIEW_H
#define DBATOP_TUI_VIEW_H

#include "core/model/action.h"
#include "core/model/finding.h"
#include "core/model/snapshot.h"
#include "tui/command.h"
#include "tui/filter.h"
#include "tui/list.h"
#include "tui/surface.h"

/* What is in sight: everything, one cluster, one instance. */
struct scope {
	int cluster;  /* index into the config's clusters, -1: all */
	int instance; /* index into the snapshot's instances, -1: all of the cluster */
};
bool scope_has(const struct scope *s, const struct snapshot *snap, size_t instance);

/* The row that an intent or a finding speaks of; survives sorting and refresh. */
struct row_ref {
	int instance;               /* -1: none */
	struct session_ref session; /* id 0: the instance itself */
};

struct view_input {
	const struct snapshot *snap;
	const struct findings *findings; /* of this snapshot, worst first */
	mono_ns now;
	struct scope scope;
	bool live; /* false while PAUSED: ages stand still, now is that of the snapshot */
	bool read_only;
	const struct keymap *keymap;
	struct rect body; /* set by the shell: where the view draws */
	/* The answer to INTENT_ASK, once it has come: the sample of the probe that was asked about `asked`.
	 * NULL before. */
	const struct sample *answer;
	const struct err *answer_err;
	struct row_ref asked;
};

enum intent_kind {
	INTENT_NONE,   /* not mine: the shell tries its own */
	INTENT_DONE,   /* handled, redraw */
	INTENT_VIEW,   /* open `view`, with `scope` and `row` selected there; `detail`: and open it */
	INTENT_SCOPE,  /* narrow or widen to `scope`, same view */
	INTENT_ACT,    /* open the action dialog for `rows`; `text`: to be said besides */
	INTENT_COPY,   /* `text` to the clipboard */
	INTENT_ASK,    /* ask `probe` about `row`'s session over ADMIN */
	INTENT_ADD,    /* add the replica `text` (host:port), like instance row.instance */
	INTENT_PROMPT, /* open the filter prompt with `text`; each edit comes back as CMD_FILTER with arg */
	INTENT_SAY     /* `text` in the message line; also the answer to a filter or column that is wrong */
};

/* As many as a dialog can list. */
enum { INTENT_ROWS_MAX = 512 };
struct intent {
	enum intent_kind kind;
	const char *view;  /* name of a view */
	const char *probe; /* INTENT_ASK; NULL: its full statement */
	struct scope scope;
	struct row_ref row;
	bool detail;
	enum action_kind action;
	const struct row_ref *rows; /* borrowed from the view's state until its next call */
	size_t nrows;
	char text[1024];
	char *long_text; /* INTENT_COPY: owned by the receiver; NULL: text */
};

struct view_event {
	enum command command; /* CMD_COUNT: a mouse event at x, y */
	const char *arg;      /* from the `:` line or the filter prompt; NULL when there is none */
	int x, y, wheel;      /* mouse, relative to the surface; wheel -1, 0, 1 */
	bool activate;        /* double click */
};

struct view {
	const char *name;                  /* "fleet": --view, the `:` line, JSON */
	const char *title;                 /* "Fleet" */
	enum command open;                 /* the command that opens it */
	const char *const *probes;         /* what must be polled while it is visible, NULL-terminated */
	const char *json_probe;            /* whose rows `once --format json|csv` prints */
	const struct list_column *columns; /* what `sort` and the filter know: completion, manual */
	size_t ncolumns;
	const char *const *extra; /* further names for the filter, NULL-terminated; NULL: none */
	size_t state_size;
	void (*init)(void *state);
	void (*fini)(void *state); /* frees what the state owns */
	void (*update)(void *state, const struct view_input *in);
	void (*render)(const void *state, const struct view_input *in, struct surface *out);
	struct intent (*apply)(void *state, const struct view_input *in, const struct view_event *ev);
	/* Puts the cursor on a row (from a finding or another view); false when it is not there. */
	bool (*select)(void *state, const struct view_input *in, const struct row_ref *row);
	/* Which commands make sense for what is selected: footer hints. */
	bool (*offers)(const void *state, const struct view_input *in, enum command c);
	/* One sentence when the last update() could not filter as was asked; NULL: it could. NULL: it always
	 * can. */
	const char *(*trouble)(const void *state);
};

/* The registry, in tab order, NULL-terminated (views/registry.c). */
extern const struct view *const views[];

#endif
