/* What the files of the Locks view share. Texts are borrowed from the samples that the last update saw, and
 * valid until the next one. */
#ifndef DBATOP_VIEWS_LOCKS_STATE_H
#define DBATOP_VIEWS_LOCKS_STATE_H

#include "core/model/locks.h"
#include "views/common.h"
#include "views/pane.h"

enum locks_column {
	LCOL_NODE,
	LCOL_WHAT,
	LCOL_LOCK,
	LCOL_QUERY,
	LCOL_COUNT,
	/* Names for the filter that have no column of their own. */
	LEXTRA_APP = LCOL_COUNT,
	LEXTRA_USER,
	LEXTRA_DB,
	LEXTRA_ID,
	LEXTRA_AGE,
	LEXTRA_OBJECT,
	LEXTRA_INSTANCE,
	LEXTRA_END
};
extern const struct list_column locks_columns[LCOL_COUNT];

enum locks_row_kind {
	LROW_INSTANCE, /* its name and figures, when there are several */
	LROW_NOTE,     /* `index`: of the lines: why nothing is known, what is over */
	LROW_ACTION,   /* `index`: of the best move; n: the single cancel */
	LROW_NODE,
	LROW_FOLD /* `count` nodes that are alike; `node` is the first of them */
};

enum { LOCKS_DEPTH_MAX = 60, LOCKS_OPENED_MAX = 64, LOCKS_NOTE_MAX = 256 };

struct locks_row {
	enum locks_row_kind kind;
	uint32_t instance, node, count, index;
	uint8_t depth;
	bool last;       /* of its siblings */
	uint64_t closed; /* bit: at this depth the branch above has ended */
	bool folded;     /* what hangs below is not shown */
	bool opened;     /* LROW_FOLD: its nodes follow */
};

/* A line that is no session's. */
struct locks_line {
	enum style style;
	char text[320];
};

struct locks_ghost {
	bool known;
	int instance;
	int64_t id;
	char name[128], app[64];
	struct session_ref ref;
};

struct locks_state {
	struct list list;
	struct locks_row *rows;
	struct list_key *keys;
	size_t n, cap;
	struct filter_box filter;
	/* what was built last: the same again costs nothing */
	const struct snapshot *built;
	mono_ns built_at;
	bool dirty, explicit;
	bool untouched;         /* nobody has moved the cursor yet: it begins at the first root */
	struct list_key wanted; /* to be selected as soon as it is there; {0, 0}: nothing */
	/* the models: borrowed, or our own when nobody gave one */
	const struct sessions *sessions;
	struct sessions *own_sessions;
	struct locks *locks;
	/* folds that are open, and nodes whose branch is closed */
	struct list_key opened[LOCKS_OPENED_MAX], closed[LOCKS_OPENED_MAX];
	size_t nopened, nclosed;
	struct locks_line *lines;
	size_t nlines, lines_cap;
	/* the line above */
	uint32_t waiters, roots, filtered_out;
	int64_t longest_ms;
	bool any_move;
	struct list_column columns[LCOL_COUNT]; /* as this width wants them */
	struct list_layout layout;
	struct scope scope;
	bool many;
	struct rect head, table; /* h 0: not shown */
	struct locks_ghost ghost;
	/* detail */
	struct pane pane;
	/* for INTENT_ACT */
	struct row_ref acting[INTENT_ROWS_MAX];
};

/* locks_rows.c */
void locks_collect(struct locks_state *st, const struct view_input *in);
struct list_key locks_node_key(const struct view_input *in, size_t instance, const struct lock_node *n);
const struct lock_graph *locks_graph(const struct locks_state *st, size_t instance);
/* The row under the cursor; NULL for a ghost and outside. */
const struct locks_row *locks_current(const struct locks_state *st);
/* Adds a line; name and number tell it apart. */
void locks_say_line(struct locks_state *st, const struct view_input *in, size_t instance, enum style style,
        const char *text, const char *name, uint64_t number);
bool locks_in_set(const struct list_key *set, size_t n, struct list_key key);
/* locks_past.c: stalls that are over, deadlocks */
void locks_collect_past(struct locks_state *st, const struct view_input *in);
/* locks_text.c: what a node says */
const struct session *locks_session(const struct lock_graph *g, const struct lock_node *n);
void locks_who_text(const struct lock_graph *g, uint32_t node, struct buf *out);  /* "4711 checkout" */
void locks_what_text(const struct lock_graph *g, uint32_t node, struct buf *out); /* "waits 2m58s" */
/* "AccessExclusive stock", of a root "holds RowExclusive stock"; with few cells without that word, and with
 * less of the mode rather than of the object: "AccessExclus… stock". cells 0: as long as it is. */
void locks_lock_text(const struct lock_graph *g, uint32_t node, int cells, bool ascii, struct buf *out);
const char *locks_app(const struct lock_graph *g, uint32_t node); /* or user, or kind */
/* Words and length of an action's line: the longest that fits into `cells`. */
void locks_action_text(
        const struct lock_graph *g, uint32_t index, int cells, bool with_label, struct buf *out);
/* A mode as people say it: "AccessExclusive". */
void locks_mode_text(const char *mode, struct buf *out);
/* locks_draw.c */
void locks_render(const void *state, const struct view_input *in, struct surface *s);
/* locks_head.c */
void locks_draw_head(const struct locks_state *st, const struct view_input *in, struct surface *s);
void locks_draw_empty(const struct locks_state *st, const struct view_input *in, struct surface *s);
/* locks_detail.c */
void locks_describe(struct locks_state *st, const struct view_input *in);

#endif
