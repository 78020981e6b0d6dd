/* What the files of the Sessions view share: its columns, its rows and its state. Texts of sessions are
 * borrowed from the samples that the last update saw, and valid until the next one. */
#ifndef DBATOP_VIEWS_SESSIONS_STATE_H
#define DBATOP_VIEWS_SESSIONS_STATE_H

#include "core/model/session.h"
#include "views/common.h"
#include "views/pane.h"

enum session_column {
	SCOL_INSTANCE,
	SCOL_ID,
	SCOL_USER,
	SCOL_APP,
	SCOL_STATE,
	SCOL_XACT,
	SCOL_LOCKS,
	SCOL_WAIT,
	SCOL_AGE,
	SCOL_DB,
	SCOL_CLIENT,
	SCOL_ROWS,
	SCOL_PROGRESS,
	SCOL_QUERY,
	SCOL_COUNT,
	/* Names for the filter that have no column of their own. */
	SEXTRA_AGE = SCOL_COUNT,
	SEXTRA_KIND,
	SEXTRA_CLUSTER,
	SEXTRA_BLOCKS,
	SEXTRA_PHASE,
	SEXTRA_END
};
extern const struct list_column session_columns[SCOL_COUNT];

struct session_row {
	uint32_t instance, index;
};

/* What is kept of one instance from sample to sample: where its columns are, and the states of the sample
 * before, so that a state that changed can brighten for one tick. */
struct session_memory {
	uint64_t name; /* hash of its name: the instance's half of a key */
	int rows_modified, rows_locked, progress, phase, query_bytes, xmin_age;
	bool tells_progress; /* some session of the sample does */
	mono_ns sampled;     /* when the sample finished that `now` is of; 0: none */
	struct session_was {
		int64_t id;
		enum session_state state;
	} * now, *was; /* sorted by id */
	size_t nnow, nwas;
};

/* What stood under the cursor, for when it ends. */
struct session_ghost {
	bool known;
	int instance; /* index, checked against the name */
	int64_t id;
	char name[128], user[64], app[64], state[64];
	char query[4096];
	size_t query_n;
	struct session_ref ref;
};

enum { OPENED_MAX = 32 };

struct sessions_state {
	struct list list;
	struct session_row *rows;
	struct list_key *keys;
	size_t n, cap;
	struct session_entry *entries; /* room for 2 × cap: what is being put in order */
	struct filter_box filter;
	int sort; /* enum session_column, or LIST_NO_COLUMN: the default order */
	bool reversed, show_idle, show_own, wrap;
	struct list_key opened[OPENED_MAX]; /* leaders whose workers are shown */
	size_t nopened;
	/* what was built last: the same again costs nothing */
	const struct snapshot *built;
	mono_ns built_at;
	bool dirty;    /* a command changed what is in the list */
	bool explicit; /* … and the row under the cursor need not stay */
	/* the model: borrowed, or our own when nobody gave one */
	const struct sessions *all;
	struct sessions *own;
	struct session_memory *memory; /* one an instance */
	size_t nmemory;
	/* the line above the list */
	struct session_waits waits;
	unsigned idle_out, own_out, background_out, filtered_out, workers_in;
	unsigned hidden, total, roots, blocked;
	int64_t longest_wait_ms;
	bool truncated;
	/* what is shown of the table: columns that say nothing in this scope are left out */
	struct list_column columns[SCOL_COUNT];
	int place[SCOL_COUNT];                 /* of a column in `columns`, -1: left out */
	enum session_column named[SCOL_COUNT]; /* the way back */
	size_t ncolumns;
	struct list_layout layout;
	bool many;     /* more than one instance in scope */
	bool progress; /* some session has told its progress: from then on there is a column for it */
	int id_cells;  /* of the longest id seen: ids are never cut, and do not jump */
	struct scope scope;
	struct rect head, table, strip; /* h 0: not shown */
	struct session_ghost ghost;
	/* detail */
	struct pane pane;
	struct list_key detail_key; /* what the document is about */
	/* for INTENT_ACT */
	struct row_ref acting[LIST_MARKS_MAX];
};

/* sessions_rows.c: what is in the list and in which order */
void sessions_collect(struct sessions_state *st, const struct view_input *in);
void sessions_forget(struct sessions_state *st); /* frees all it remembers */
struct list_key sessions_key(const struct sessions_state *st, size_t instance, const struct session *s);
/* The session of a row; NULL for the ghost and outside. */
const struct session *sessions_row(const struct sessions_state *st, long row, size_t *instance);
bool sessions_opened(const struct sessions_state *st, struct list_key key);
bool sessions_changed(const struct sessions_state *st, size_t instance, const struct session *s);
/* sessions_layout.c: where things stand */
void sessions_arrange(struct sessions_state *st, const struct view_input *in);
void sessions_choose_columns(struct sessions_state *st, const struct view_input *in);
void sessions_measure_ids(struct sessions_state *st);
/* sessions_values.c: the values of a row, for filter, order and drawing */
bool sessions_text(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s, int column, char *scratch, size_t cap, const char **text);
double sessions_number(
        const struct sessions_state *st, size_t instance, const struct session *s, int column); /* NaN */
/* What is sorted by: larger is more. */
double sessions_rank(const struct sessions_state *st, size_t instance, const struct session *s, int column);
/* An integer of a column of the probe; -1 unknown. */
int64_t sessions_int(const struct sessions_state *st, size_t instance, const struct session *s, int column);
int64_t session_age(const struct session *s); /* of its transaction, else of its statement; -1 */

/* sessions_draw.c */
void sessions_render(const void *state, const struct view_input *in, struct surface *s);
/* The statement as policy shows it; false when there is none. `most`: bytes of it that are looked at. */
bool sessions_statement(const struct view_input *in, size_t instance, const char *query, size_t n,
        size_t most, struct buf *out);

enum redact_dialect sessions_dialect(const struct view_input *in, size_t instance);
/* sessions_head.c: the lines above the list, and what stands in an empty one */
void sessions_draw_head(const struct sessions_state *st, const struct view_input *in, struct surface *s);
void sessions_draw_empty(const struct sessions_state *st, const struct view_input *in, struct surface *s);

/* sessions_detail.c */
void sessions_describe(struct sessions_state *st, const struct view_input *in);
/* The whole statement of a session: what was fetched when it is the same one, else what the list has. */
const char *sessions_full_query(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s, size_t *n, int64_t *bytes);
bool sessions_query_is_cut(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s);
/* Whether its server remembers what its transaction has run: to be asked for as well. */
bool sessions_transaction_is_told(const struct view_input *in, size_t instance, const struct session *s);

#endif
