/* Where the parts of the Tree view stand and which columns it has: as many as there is something to say in.
 */
#include <string.h>

#include "views/tree_state.h"

enum { NAME_MIN = 10, NAME_WIDE = 28, NARROW = 60, WIDE = 150, SHARES = 44 };

const struct list_column tree_columns[TCOL_N] = {
        [TCOL_COUNT] =
                {.name = "count", .title = "COUNT", .min = 5, .ideal = 6, .right = true, .pinned = true},
        [TCOL_GROUP] = {.name = "name", .title = "GROUP", .min = 18, .ideal = 30, .flex = 6},
        [TCOL_ON] = {.name = "instance", .title = "ON", .priority = 3, .min = 8, .ideal = 12},
        [TCOL_OLDEST] =
                {.name = "oldest", .title = "OLDEST", .priority = 2, .min = 6, .ideal = 6, .right = true},
        [TCOL_GROWTH] = {.name = "growth",
                .title = "GROWTH",
                .brief = "GROW",
                .priority = 1,
                .min = 8,
                .ideal = 8,
                .right = true},
};

static const char *const titles[TREE_AXES] = {
        [TREE_BY_SIGNATURE] = "STATE, WAIT, STATEMENT, APPLICATION",
        [TREE_BY_APP] = "APPLICATION",
        [TREE_BY_CLIENT] = "CLIENT HOST",
        [TREE_BY_USER] = "USER",
        [TREE_BY_BLOCKER] = "WHO BLOCKS WHOM",
        [TREE_BY_SERVER] = "CLUSTER, INSTANCE, USER AND APPLICATION",
};

void tree_arrange(struct tree_state *st, const struct view_input *in)
{
	struct rect r = in->body;
	int head = r.h >= 9 ? 2 : 1, width = list_width(r.w), names = NAME_MIN;

	st->head = (struct rect){r.x, r.y, r.w, head < r.h ? head : r.h};
	st->table = (struct rect){r.x, r.y + st->head.h, r.w, r.h - st->head.h};
	for (size_t i = 0; i < in->snap->n; i++) {
		const char *name = view_instance_name(in, i);
		int cells = st->in[i] ? (int)text_width(name, strlen(name)) : 0;

		names = cells > names ? cells : names;
	}
	st->ncolumns = 0;
	for (int c = 0; c < TCOL_N; c++) {
		struct list_column *column = &st->columns[st->ncolumns];

		st->place[c] = -1;
		if ((c == TCOL_ON && !st->many) || (c == TCOL_GROWTH && st->axis == TREE_BY_BLOCKER))
			continue;
		*column = tree_columns[c];
		if (c == TCOL_GROUP) {
			column->title = titles[st->axis];
			column->min = width < NARROW ? 22 : 28;
		}
		if (c == TCOL_ON) {
			column->min = (uint16_t)(names > 12 ? 12 : names);
			column->ideal = (uint16_t)(names > NAME_WIDE ? NAME_WIDE : names);
			/* Where there is room, each server's share stands here. */
			if (width >= WIDE)
				column->ideal = SHARES;
		}
		st->place[c] = (int)st->ncolumns;
		st->named[st->ncolumns++] = (enum tree_column)c;
	}
	list_layout(st->columns, st->ncolumns, width, st->list.scroll, &st->layout);
}
