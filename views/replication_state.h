/* What the files of the Replication view share: its columns, its lines and its state. The topology is that of
 * the findings, borrowed until the next update; the horizon is the view's own. */
#ifndef DBATOP_VIEWS_REPLICATION_STATE_H
#define DBATOP_VIEWS_REPLICATION_STATE_H

#include "core/model/horizon.h"
#include "core/model/topology.h"
#include "views/common.h"
#include "views/pane.h"

enum replication_column {
	RCOL_SERVER,
	RCOL_STATE,
	RCOL_UNSENT,
	RCOL_WRITE,
	RCOL_FLUSH,
	RCOL_REPLAY,
	RCOL_BEHIND,
	RCOL_LAG,
	RCOL_ETA,
	RCOL_SYNC,
	RCOL_SOURCE,
	RCOL_NOTE,
	RCOL_COUNT,
	/* Names for the filter that have no column of their own. */
	REXTRA_CLUSTER = RCOL_COUNT,
	REXTRA_ROLE,
	REXTRA_ENGINE,
	REXTRA_CHANNEL,
	REXTRA_END
};
extern const struct list_column replication_columns[RCOL_COUNT];

enum rrow_kind {
	RROW_CLUSTER, /* index: of the config */
	RROW_NODE,    /* of the topology, with the edge it hangs on */
	RROW_EDGE,    /* a further link, to a node that stands elsewhere */
	RROW_SLOT,
	RROW_HORIZON, /* the heading */
	RROW_HOLDER,
	RROW_ALIKE /* `count` holders that are alike; `index` is the worst of them */
};

struct replication_row {
	enum rrow_kind kind;
	size_t index;
	unsigned depth;
	uint64_t more;  /* as in struct topology_line */
	uint32_t count; /* RROW_ALIKE */
	bool parent;    /* has lines beneath it that fold away */
};

enum { RFOLDED_MAX = 64 };

struct replication_state {
	struct list list;
	const struct topology *topology; /* borrowed */
	struct horizon *horizon;
	struct replication_row *rows;
	struct list_key *keys;
	size_t n, cap;
	struct filter_box filter;
	struct list_key folded[RFOLDED_MAX]; /* of RROW_ALIKE those that are open: they begin folded */
	size_t nfolded;
	unsigned filtered;
	bool headed; /* clusters have headings */
	/* what is shown of the table: columns that say nothing in this scope are left out */
	struct list_column columns[RCOL_COUNT];
	int place[RCOL_COUNT]; /* of a column in `columns`, -1: left out */
	size_t ncolumns;
	struct list_layout layout;
	struct rect head, table; /* h 0: not shown */
	struct pane pane;
	struct row_ref acting; /* for INTENT_ACT */
};

/* replication_rows.c: what is in the list */
void replication_collect(struct replication_state *st, const struct view_input *in);
struct list_key replication_key(
        const struct replication_state *st, const struct view_input *in, const struct replication_row *row);
bool replication_folded(const struct replication_state *st, enum rrow_kind kind, struct list_key key);
/* The row of a display row; NULL for the ghost and outside. */
const struct replication_row *replication_row(const struct replication_state *st, long row);
/* The link a row is about, NULL when there is none. */
const struct topology_edge *replication_edge(
        const struct replication_state *st, const struct replication_row *row);
/* The holder a row is about, the worst of those who are alike; NULL when there is none. */
const struct holder *replication_holder(
        const struct replication_state *st, const struct replication_row *row);
/* The instance a row belongs to, -1 when it is of no server of the config. */
long replication_instance(const struct replication_state *st, const struct replication_row *row);

/* replication_words.c: what a row says */
const char *replication_name(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, char *out, size_t cap);
/* In one word, "streaming"; *style is its meaning. */
const char *replication_word(
        const struct replication_state *st, const struct replication_row *row, enum style *style);
/* What is wrong or worth a sentence, with its severity. */
const char *replication_note(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, char *out, size_t cap, enum severity *severity);
/* What helps, in words, and the statement to run there: "" when there is none. */
void replication_remedy(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, char *words, size_t cap, char *sql, size_t sql_cap);
bool replication_text(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, int column, char *scratch, size_t cap, const char **text);
double replication_number(const struct replication_state *st, const struct replication_row *row, int column);

/* replication_draw.c */
void replication_render(const void *state, const struct view_input *in, struct surface *s);
/* replication_detail.c */
void replication_describe(struct replication_state *st, const struct view_input *in);

#endif
