/* What the files of the Tree view share. Texts of sessions are borrowed from the samples that the last update
 * saw, and valid until the next one. */
#ifndef DBATOP_VIEWS_TREE_STATE_H
#define DBATOP_VIEWS_TREE_STATE_H

#include "core/model/tree.h"
#include "views/common.h"

enum tree_column { TCOL_COUNT, TCOL_GROUP, TCOL_ON, TCOL_OLDEST, TCOL_GROWTH, TCOL_N };
extern const struct list_column tree_columns[TCOL_N];

/* What the filter knows of a session. */
enum tree_word {
	TWORD_APP,
	TWORD_USER,
	TWORD_DB,
	TWORD_CLIENT,
	TWORD_STATE,
	TWORD_WAIT,
	TWORD_QUERY,
	TWORD_INSTANCE,
	TWORD_CLUSTER,
	TWORD_KIND,
	TWORD_ID,
	TWORD_AGE,
	TWORD_N
};

enum { TREE_TOGGLED_MAX = 256 };

/* What stood under the cursor, for when it goes. */
struct tree_ghost {
	bool known;
	uint8_t depth;
	uint32_t n;
	enum tree_kind kind;
	int64_t id;
	char text[256];
};

struct tree_state {
	struct list list;
	struct list_key *keys;
	size_t keys_cap;
	struct tree tree;
	enum tree_axis axis;
	int sort; /* enum tree_column, or LIST_NO_COLUMN: growing ones first */
	bool reversed, hide_idle, show_own;
	uint64_t toggled[TREE_TOGGLED_MAX];
	size_t ntoggled;
	struct filter_box filter;
	/* what was built last: the same again costs nothing */
	const struct snapshot *built;
	mono_ns built_at;
	struct scope scope;
	bool dirty, explicit; /* as in Sessions: see sessions_state.h */
	/* the model: borrowed, or our own when nobody gave one */
	const struct sessions *all;
	const struct tree_memory *memory;
	struct sessions *own_all;
	struct tree_memory *own_memory;
	bool *in;        /* one for each instance: in scope */
	bool many, read; /* more than one instance in scope; there are rows of at least one */
	struct list_column columns[TCOL_N];
	int place[TCOL_N];
	enum tree_column named[TCOL_N];
	size_t ncolumns;
	struct list_layout layout;
	struct rect head, table;
	struct tree_ghost ghost;
	struct row_ref *acting; /* INTENT_ROWS_MAX; NULL before the first action */
};

/* tree.c */
const struct tree_node *tree_node_at(const struct tree_state *st, long row); /* NULL: the ghost, or outside */
const struct session *tree_session_of(const struct tree_state *st, const struct tree_node *n);

/* tree_layout.c: where things stand */
void tree_arrange(struct tree_state *st, const struct view_input *in);

/* tree_line.c: what a line says */
struct tree_drawing {
	const struct tree_state *st;
	const struct view_input *in;
	struct buf text;
};

/* A line on its way: on a surface, or as text. */
struct tree_line {
	struct surface *s; /* NULL: as text */
	struct buf *out;
	int x, y, right;
	bool stale, brief, ascii;
	bool tiny; /* the application first, then what still fits */
};
void tree_put(struct tree_line *l, enum style style, const char *text); /* what does not fit ends in … */
void tree_put_dot(struct tree_line *l);
int tree_room(const struct tree_line *l);
int tree_width(const char *text);
void tree_put_node(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n);

/* tree_draw.c */
void tree_render(const void *state, const struct view_input *in, struct surface *s);
/* tree_line.c: a line as text, for the clipboard and the ghost. */
void tree_text(
        const struct tree_state *st, const struct view_input *in, const struct tree_node *n, struct buf *out);

/* tree_words.c: the filter, and the words of a line */
bool tree_match(void *arg, size_t instance, const struct session *s); /* arg: struct tree_matching */
struct tree_matching {
	const struct view_input *in;
	const struct filter *filter;
};
extern const struct list_column tree_filter_names[TWORD_N];
extern const char *const tree_words[];
const char *tree_app(const struct session *s); /* "" when unknown */
/* "idle in tx" where there is little room. */
const char *tree_state_name(const struct session *s, bool brief);
/* What it waits for, as a word or two: "ClientRead", "Lock transactionid"; NULL for nothing worth saying. */
const char *tree_wait_name(const struct session *s, char *scratch, size_t cap);
/* Its statement without literals. */
void tree_statement(const struct view_input *in, size_t instance, const struct session *s, struct buf *out);
/* "+37/min", "-" when it is not known. */
const char *tree_growth_text(const struct tree_growth *g, bool ascii, char out[32]);

/* How many of a line's sessions do what. */
struct tree_shares {
	unsigned active, idle_xact, idle, blocked, other;
};
void tree_share(const struct tree_state *st, const struct tree_node *n, struct tree_shares *out);

#endif
