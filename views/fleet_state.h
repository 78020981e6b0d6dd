/* What the two files of the Fleet view share: its columns, its lines and its state. */
#ifndef DBATOP_VIEWS_FLEET_STATE_H
#define DBATOP_VIEWS_FLEET_STATE_H

#include "core/model/fleet.h"
#include "views/common.h"

enum fleet_column {
	COL_INSTANCE,
	COL_ROLE,
	COL_CONN,
	COL_ACTIVE,
	COL_IDLE_XACT,
	COL_BLOCKED,
	COL_OLDEST,
	COL_LAG,
	COL_RATE,
	COL_SPARK,
	COL_STATE,
	COL_COUNT
};

extern const struct list_column fleet_columns[COL_COUNT];

enum row_kind { ROW_GROUP, ROW_INSTANCE, ROW_OFFER };

struct fleet_line {
	enum row_kind kind;
	size_t index; /* of fleet.groups, fleet.rows or fleet.offers */
};

enum { FOLDED_MAX = 64, FINDINGS_LEAST = 4 };

struct fleet_state {
	struct list list;
	struct fleet *fleet;
	struct fleet_line *lines;
	struct list_key *keys;
	size_t n;
	struct filter_box filter;
	int sort; /* column, or LIST_NO_COLUMN: the order of the config */
	bool reversed;
	struct list_key folded[FOLDED_MAX];
	size_t nfolded;
	unsigned filtered; /* instances the filter hides */
	struct list_layout layout;
	struct rect table; /* list with header */
	struct rect panel; /* findings; h 0: not shown */
};

struct list_key fleet_key(const struct fleet_state *st, const struct view_input *in, struct fleet_line line);
bool fleet_folded(const struct fleet_state *st, struct list_key key);
/* Whether the finding is one of those the panel lists: in scope, and not the sentence above it again. */
bool fleet_lists_finding(const struct view_input *in, size_t i);
size_t fleet_findings_in_scope(const struct view_input *in);
/* fleet_draw.c */
void fleet_render(const void *state, const struct view_input *in, struct surface *s);

#endif
