/* Where the parts of the Sessions view stand and which columns it has. Columns that say nothing in a scope
 * are left out, so that the others have their room. */
#include <math.h>
#include <string.h>

#include "views/sessions_state.h"

const struct list_column session_columns[SCOL_COUNT] = {
        [SCOL_INSTANCE] = {.name = "instance", .title = "INSTANCE", .min = 8, .ideal = 8, .pinned = true},
        [SCOL_ID] = {.name = "id", .title = "ID", .min = 6, .ideal = 6, .right = true, .pinned = true},
        [SCOL_USER] = {.name = "user", .title = "USER", .priority = 5, .min = 8, .ideal = 10},
        [SCOL_APP] = {.name = "app", .title = "APP", .priority = 3, .min = 12, .ideal = 14},
        [SCOL_STATE] = {.name = "state", .title = "STATE", .priority = 1, .min = 11, .ideal = 19},
        [SCOL_XACT] = {.name = "xact",
                .title = "XACT AGE",
                .brief = "XACT",
                .priority = 1,
                .min = 6,
                .ideal = 8,
                .right = true},
        [SCOL_LOCKS] = {.name = "locks", .title = "LOCKS", .priority = 1, .min = 9, .ideal = 11},
        [SCOL_WAIT] = {.name = "wait", .title = "WAIT", .priority = 4, .min = 12, .ideal = 20},
        [SCOL_AGE] = {.name = "stmt",
                .title = "STMT AGE",
                .brief = "STMT",
                .priority = 6,
                .min = 6,
                .ideal = 8,
                .right = true},
        [SCOL_DB] = {.name = "db", .title = "DB", .priority = 7, .min = 8, .ideal = 10},
        [SCOL_CLIENT] = {.name = "client", .title = "CLIENT", .priority = 10, .min = 12, .ideal = 21},
        [SCOL_ROWS] = {.name = "rows", .title = "ROWS", .priority = 8, .min = 5, .ideal = 5, .right = true},
        [SCOL_PROGRESS] = {.name = "progress", .title = "PROGRESS", .priority = 9, .min = 8, .ideal = 12},
        [SCOL_QUERY] =
                {.name = "query", .title = "STATEMENT", .priority = 2, .min = 16, .ideal = 30, .flex = 6},
};

enum { NAME_NARROW = 12, NAME_WIDE = 28, NARROW = 110, STRIP = 4 };

/* --- Where things stand */

void sessions_arrange(struct sessions_state *st, const struct view_input *in)
{
	struct rect r = in->body;
	pane_arrange(&st->pane, r, &st->head, &st->table);
	st->strip = (struct rect){0};
	if (!st->pane.open && st->wrap && st->table.h >= 4 + STRIP) {
		st->table.h -= STRIP + 1;
		st->strip = (struct rect){r.x, st->table.y + st->table.h, r.w, STRIP + 1};
	}
}

/* Few sessions ever tell their progress. Once one has, the column stays: what comes and goes would move the
 * rest. */
static bool tells_progress(const struct sessions_state *st)
{
	bool any = false;

	for (size_t i = 0; i < st->nmemory && !any; i++)
		any = st->memory[i].tells_progress;
	for (size_t i = 0; any && i < st->n; i++) {
		size_t instance;
		const struct session *s = sessions_row(st, (long)i, &instance);

		if (s != NULL && !isnan(sessions_number(st, instance, s, SCOL_PROGRESS)))
			return true;
	}
	return false;
}

void sessions_choose_columns(struct sessions_state *st, const struct view_input *in)
{
	size_t instances = 0;
	int names = session_columns[SCOL_INSTANCE].min;
	bool rows = false;
	int width = list_width(st->table.w);

	for (size_t i = 0; i < in->snap->n; i++) {
		if (!scope_has(&in->scope, in->snap, i))
			continue;
		const char *name = view_instance_name(in, i);
		int cells = (int)text_width(name, strlen(name));

		names = cells > names ? cells : names;
		instances++;
		rows |= in->snap->instances[i].cfg->endpoint.engine != ENGINE_POSTGRES;
	}
	st->many = instances > 1;
	st->progress = st->progress || st->sort == SCOL_PROGRESS || tells_progress(st);
	st->ncolumns = 0;
	for (int c = 0; c < SCOL_COUNT; c++) {
		st->place[c] = -1;
		if ((c == SCOL_INSTANCE && !st->many) || (c == SCOL_ROWS && !rows) ||
		        (c == SCOL_PROGRESS && !st->progress))
			continue;
		struct list_column *column = &st->columns[st->ncolumns];

		*column = session_columns[c];
		if (c == SCOL_INSTANCE) {
			column->ideal = (uint16_t)(names > NAME_WIDE ? NAME_WIDE : names);
			column->min = width < NARROW && names > NAME_NARROW ? NAME_NARROW : column->ideal;
		}
		if (c == SCOL_ID)
			column->min = column->ideal = (uint16_t)st->id_cells;
		/* Where there is little room, the statement says more than long forms of the rest. */
		if ((c == SCOL_STATE || c == SCOL_XACT || c == SCOL_AGE) && width < NARROW)
			column->ideal = column->min;
		if (c == SCOL_QUERY && !(st->many && width < NARROW))
			column->min = width < NARROW ? 22 : 30;
		st->place[c] = (int)st->ncolumns;
		st->named[st->ncolumns++] = (enum session_column)c;
	}
	list_layout(st->columns, st->ncolumns, width, st->list.scroll, &st->layout);
}

void sessions_measure_ids(struct sessions_state *st)
{
	if (st->id_cells < session_columns[SCOL_ID].min)
		st->id_cells = session_columns[SCOL_ID].min;
	int64_t most = 0;
	int cells = 1;

	for (size_t i = 0; i < st->n; i++)
		most = (int64_t)st->keys[i].b > most ? (int64_t)st->keys[i].b : most;
	for (; most >= 10; most /= 10)
		cells++;
	if (cells > st->id_cells)
		st->id_cells = cells;
}
