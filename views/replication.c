/* Replication: who follows whom, how far behind and why, and who keeps old rows alive. One tree for all
 * engines; the screen for "the replica lags": what is wrong is a sentence in the last column, Enter tells all
 * of it, `y` copies the statement that helps, and a session that holds something up is ended from here
 * through the gate. */
#include "views/replication.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "views/replication_state.h"

const struct list_column replication_columns[RCOL_COUNT] = {
        [RCOL_SERVER] =
                {.name = "server", .title = "SERVER", .min = 16, .ideal = 28, .flex = 1, .pinned = true},
        [RCOL_STATE] = {.name = "state", .title = "STATE", .priority = 1, .min = 10, .ideal = 12},
        [RCOL_BEHIND] =
                {.name = "behind", .title = "BEHIND", .priority = 2, .min = 8, .ideal = 9, .right = true},
        [RCOL_LAG] = {.name = "lag", .title = "LAG", .priority = 1, .min = 7, .ideal = 7, .right = true},
        [RCOL_ETA] = {.name = "eta", .title = "ETA", .priority = 4, .min = 6, .ideal = 6, .right = true},
        [RCOL_NOTE] = {.name = "note",
                .title = "WHAT IS WRONG, WHAT HELPS",
                .brief = "NOTE",
                .priority = 0,
                .min = 28,
                .ideal = 36,
                .flex = 6},
        [RCOL_UNSENT] =
                {.name = "unsent", .title = "UNSENT", .priority = 6, .min = 6, .ideal = 7, .right = true},
        [RCOL_WRITE] =
                {.name = "write", .title = "WRITE", .priority = 8, .min = 6, .ideal = 13, .right = true},
        [RCOL_FLUSH] =
                {.name = "flush", .title = "FLUSH", .priority = 7, .min = 6, .ideal = 13, .right = true},
        [RCOL_REPLAY] =
                {.name = "replay", .title = "REPLAY", .priority = 5, .min = 6, .ideal = 13, .right = true},
        [RCOL_SYNC] = {.name = "sync", .title = "SYNC", .priority = 9, .min = 6, .ideal = 9},
        [RCOL_SOURCE] = {.name = "source", .title = "LAG FROM", .priority = 10, .min = 14, .ideal = 26},
};

/* --- Where things stand */

enum { NAME_MAX_CELLS = 40, NAME_LEAST = 16, SOURCE_FROM = 190 };

/* Only logs of bytes are split into what is to be sent, written, flushed and replayed. */
static bool says_parts(const struct replication_state *st)
{
	for (size_t i = 0; i < st->n; i++) {
		const struct topology_edge *e = replication_edge(st, &st->rows[i]);

		if (e && (e->kind == EDGE_WAL || e->kind == EDGE_LOGICAL))
			return true;
	}
	return false;
}

static int name_cells(const struct replication_state *st, const struct view_input *in)
{
	int most = NAME_LEAST;

	for (size_t i = 0; i < st->n; i++) {
		const struct replication_row *row = &st->rows[i];
		char name[256];

		if (row->kind == RROW_CLUSTER || row->kind == RROW_HORIZON)
			continue;
		replication_name(st, in, row, name, sizeof name);
		int cells = (int)text_width(name, strlen(name)) + 3 * (int)row->depth + (st->headed ? 2 : 0) +
		            (row->kind == RROW_ALIKE ? 2 : 0);

		most = cells > most ? cells : most;
	}
	return most < NAME_MAX_CELLS ? most : NAME_MAX_CELLS;
}

static void choose_columns(struct replication_state *st, const struct view_input *in)
{
	int width = list_width(st->table.w);
	int names = name_cells(st, in);
	bool parts = says_parts(st);

	st->ncolumns = 0;
	for (int c = 0; c < RCOL_COUNT; c++) {
		bool part = (c >= RCOL_UNSENT && c <= RCOL_REPLAY) || c == RCOL_SYNC;

		st->place[c] = -1;
		if (part && !parts)
			continue;
		struct list_column *column = &st->columns[st->ncolumns];

		*column = replication_columns[c];
		if (c == RCOL_SERVER) {
			column->ideal = (uint16_t)names;
			column->min = (uint16_t)(names < width / 4 ? names : width / 4);
			if (column->min < NAME_LEAST)
				column->min = NAME_LEAST;
		}
		/* The sentence is what one came for: it has a third of the screen before figures are split
		 * up. */
		if (c == RCOL_NOTE && column->min < width * 2 / 5)
			column->min = (uint16_t)(width * 2 / 5);
		if (c == RCOL_NOTE && width < NAME_MAX_CELLS * 2)
			column->min = replication_columns[c].min;
		/* Half a reason is none: where there is room for the column there is room for its words. */
		if (c == RCOL_SOURCE && width >= SOURCE_FROM)
			column->min = column->ideal;
		if (column->ideal < column->min)
			column->ideal = column->min;
		st->place[c] = (int)st->ncolumns++;
	}
	list_layout(st->columns, st->ncolumns, width, st->list.scroll, &st->layout);
}

static void replication_init(void *state)
{
	(void)state; /* all zero is right */
}

static void replication_fini(void *state)
{
	struct replication_state *st = state;

	horizon_free(st->horizon);
	document_free(&st->pane.doc);
	free(st->rows);
	free(st->keys);
	filter_box_free(&st->filter);
}

static void settle(struct replication_state *st, const struct view_input *in)
{
	do
		replication_collect(st, in);
	while (filter_box_gave_up(&st->filter));
	pane_arrange(&st->pane, in->body, &st->head, &st->table);
	choose_columns(st, in);
	list_update(&st->list, st->keys, st->n, st->table.h - 1);
	/* Servers and links do not end: what is not there was folded, filtered, or is out of scope. */
	if (st->list.ghost)
		view_leave_ghost(&st->list, st->keys);
	if (st->pane.open)
		replication_describe(st, in);
}

static void replication_update(void *state, const struct view_input *in)
{
	settle(state, in);
}

/* --- Commands */

static const struct replication_row *current(const struct replication_state *st)
{
	return replication_row(st, list_row(&st->list));
}

static const char *const replication_extra[] = {"cluster", "role", "engine", "channel", NULL};

static struct intent set_filter(
        struct replication_state *st, const struct view_input *in, const char *expression)
{
	filter_box_set(&st->filter, expression, replication_columns, RCOL_COUNT, replication_extra,
	        sizeof replication_extra / sizeof replication_extra[0] - 1, 1u << RCOL_LAG | 1u << RCOL_ETA);
	settle(st, in);
	return st->filter.wrong[0] ? intent_say(st->filter.wrong) : intent_done();
}

/* False: it is so already, or no more are kept. */
static bool set_folded(struct replication_state *st, enum rrow_kind kind, struct list_key key, bool folded)
{
	if (replication_folded(st, kind, key) == folded)
		return false;
	for (size_t i = 0; i < st->nfolded; i++) {
		if (!list_key_equal(st->folded[i], key))
			continue;
		st->folded[i] = st->folded[--st->nfolded];
		return true;
	}
	if (st->nfolded == RFOLDED_MAX)
		return false;
	st->folded[st->nfolded++] = key;
	return true;
}

static struct intent sideways(struct replication_state *st, const struct view_input *in, int way)
{
	const struct replication_row *row = current(st);

	if (row && row->parent && st->list.scroll == 0 &&
	        set_folded(st, row->kind, replication_key(st, in, row), way < 0)) {
		settle(st, in);
		return intent_done();
	}
	list_sideways(&st->list, &st->layout, way);
	return intent_done();
}

static struct intent open_detail(struct replication_state *st, const struct view_input *in)
{
	const struct replication_row *row = current(st);

	if (row && (row->kind == RROW_CLUSTER || row->kind == RROW_HORIZON || row->kind == RROW_ALIKE)) {
		struct list_key key = replication_key(st, in, row);

		set_folded(st, row->kind, key, !replication_folded(st, row->kind, key));
	} else {
		st->pane.open = true;
		st->pane.scroll = 0;
	}
	settle(st, in);
	return intent_done();
}

static struct intent back(struct replication_state *st, const struct view_input *in)
{
	if (st->pane.open) {
		st->pane.open = false;
		settle(st, in);
		return intent_done();
	}
	return st->filter.filter ? set_filter(st, in, "") : intent_none();
}

/* The session that a row leads to: who holds the horizon, or whom recovery waits for. */
static const struct session_ref *session_of(
        const struct replication_state *st, const struct replication_row *row)
{
	const struct topology_edge *e = row ? replication_edge(st, row) : NULL;

	if (row && row->kind == RROW_HOLDER && replication_holder(st, row)->kind == HOLDER_SESSION)
		return &replication_holder(st, row)->session;
	return e && e->reader.id > 0 ? &e->reader : NULL;
}

static struct intent act(struct replication_state *st, const struct view_input *in, enum action_kind kind)
{
	const struct replication_row *row = current(st);
	const struct session_ref *ref = session_of(st, row);
	long instance = row ? replication_instance(st, row) : -1;
	struct intent i = {.kind = INTENT_ACT, .action = kind, .rows = &st->acting, .nrows = 1};

	if (row && row->kind == RROW_ALIKE)
		return intent_say("open the line first (right), and choose whom you mean");
	if (!ref || ref->id == 0 || instance < 0)
		return intent_say(
		        "no session to end here: y copies the statement that helps, when there is one");
	const struct session_view *all = sessions_at(in->findings->sessions, (size_t)instance);
	const struct session *s = session_find(all, ref->id, ref->started[0] ? ref->started : NULL);

	if (!s)
		return intent_say("that session is not in the last list of sessions: look again in a moment");
	st->acting.instance = (int)instance;
	session_ref_of(all, s, &st->acting.session);
	i.row = st->acting;
	return i;
}

static struct intent copy(const struct replication_state *st, const struct view_input *in)
{
	const struct replication_row *row = current(st);
	struct intent i = {.kind = INTENT_COPY};
	char words[512], note[NOTE_MAX + HOLDER_FREES_MAX + 160], name[256];
	enum severity severity;

	if (!row)
		return intent_done();
	replication_remedy(st, in, row, words, sizeof words, i.text, sizeof i.text);
	if (!i.text[0])
		snprintf(i.text, sizeof i.text, "%s: %s", replication_name(st, in, row, name, sizeof name),
		        replication_note(st, in, row, note, sizeof note, &severity));
	return i;
}

static struct intent change_scope(
        const struct replication_state *st, const struct view_input *in, const char *arg)
{
	const struct replication_row *row = current(st);
	long instance = row ? replication_instance(st, row) : -1;

	if (row && row->kind == RROW_CLUSTER)
		return view_scope(in, (int)row->index, -1, arg);
	if (instance < 0)
		return view_scope(in, -1, -1, arg);
	return view_scope(in, (int)in->snap->instances[instance].cfg->cluster, (int)instance, arg);
}

/* To the horizon's holders and back to the tree. */
static struct intent other_part(struct replication_state *st)
{
	const struct replication_row *row = current(st);
	bool below = replication_holder(st, row) || (row && row->kind == RROW_HORIZON);

	for (size_t i = 0; i < st->n; i++) {
		enum rrow_kind kind = st->rows[i].kind;

		if (below ? kind == RROW_NODE : kind == RROW_HORIZON) {
			list_select_row(&st->list, st->keys, (long)i);
			return intent_done();
		}
	}
	return intent_say(below ? "no server is listed" : "nobody holds the horizon back");
}

static struct intent mouse(
        struct replication_state *st, const struct view_input *in, const struct view_event *ev)
{
	long index;

	if (pane_hit(&st->pane, ev->x, ev->y)) {
		pane_scroll(&st->pane, ev->wheel * 3);
		return intent_done();
	}
	if (ev->wheel) {
		list_wheel(&st->list, ev->wheel * 3);
		return intent_done();
	}
	if (list_hit(&st->list, &st->layout, st->table, ev->x, ev->y, &index) != LIST_HIT_ROW)
		return intent_none();
	if (index >= 0)
		list_select_row(&st->list, st->keys, index);
	if (ev->activate)
		return open_detail(st, in);
	settle(st, in);
	return intent_done();
}

static struct intent move(struct replication_state *st, const struct view_input *in, enum command c)
{
	if (pane_key(&st->pane, c))
		return intent_done();
	if (!view_move(&st->list, st->keys, c))
		return intent_none();
	st->pane.scroll = 0;
	if (st->pane.open)
		replication_describe(st, in);
	return intent_done();
}

static struct intent replication_apply(void *state, const struct view_input *in, const struct view_event *ev)
{
	struct replication_state *st = state;

	switch (ev->command) {
	case CMD_COUNT:
		return mouse(st, in, ev);
	case CMD_LEFT:
	case CMD_RIGHT:
		return sideways(st, in, ev->command == CMD_LEFT ? -1 : 1);
	case CMD_DETAIL:
		return open_detail(st, in);
	case CMD_BACK:
		return back(st, in);
	case CMD_FILTER:
		return ev->arg ? set_filter(st, in, ev->arg) : filter_box_prompt(&st->filter);
	case CMD_SORT:
	case CMD_REVERSE:
		return intent_say("replication is a tree: it is not sorted; / filters");
	case CMD_CANCEL:
	case CMD_TERMINATE:
		return act(st, in, ev->command == CMD_CANCEL ? ACTION_CANCEL : ACTION_TERMINATE);
	case CMD_COPY:
		return copy(st, in);
	case CMD_SCOPE:
		return change_scope(st, in, ev->arg);
	case CMD_PANEL:
		return other_part(st);
	default:
		return move(st, in, ev->command);
	}
}

/* What a finding about this server is about, when that has a row of its own. */
static const struct topology_slot *worst_slot(
        const struct replication_state *st, const struct view_input *in, size_t instance)
{
	const struct finding *f = in->findings ? findings_of(in->findings, instance) : NULL;

	if (!f || f->kind != FINDING_SLOT)
		return NULL;
	return topology_worst_slot(st->topology, st->topology->of_instance[instance]);
}

/* Shows the row even when it is folded away or filtered out: somebody was led to it. A session is one that
 * holds something up; then the slot that its server is in trouble for, or who reads it; else the server. */
static long find_row(
        const struct replication_state *st, const struct view_input *in, const struct row_ref *ref)
{
	const struct topology_slot *slot;
	long server = -1;

	if (ref->instance < 0 || (size_t)ref->instance >= in->snap->n)
		return -1;
	slot = ref->session.id > 0 ? NULL : worst_slot(st, in, (size_t)ref->instance);
	for (size_t i = 0; i < st->n; i++) {
		const struct replication_row *row = &st->rows[i];
		const struct session_ref *s = session_of(st, row);

		if (ref->session.id > 0 && s && s->id == ref->session.id &&
		        replication_instance(st, row) == ref->instance)
			return (long)i;
		if (slot && ((row->kind == RROW_SLOT && &st->topology->slot[row->index] == slot) ||
		                    (slot->edge != TOPOLOGY_NONE &&
		                            replication_edge(st, row) == &st->topology->edge[slot->edge])))
			return (long)i;
		if (row->kind == RROW_NODE && server < 0 &&
		        st->topology->of_instance[ref->instance] == row->index)
			server = (long)i;
	}
	return server;
}

/* Among many who are alike, the one who is looked for has a line of its own: the line under the cursor has.
 */
static void keep_apart(struct replication_state *st, const struct view_input *in, const struct row_ref *ref)
{
	for (size_t i = 0; i < st->horizon->n && ref->session.id > 0; i++) {
		const struct replication_row row = {.kind = RROW_HOLDER, .index = i};

		if (st->horizon->item[i].session.id != ref->session.id ||
		        replication_instance(st, &row) != ref->instance)
			continue;
		st->list.cursor = replication_key(st, in, &row);
		settle(st, in);
		return;
	}
}

static bool replication_select(void *state, const struct view_input *in, const struct row_ref *ref)
{
	struct replication_state *st = state;
	long row;

	settle(st, in);
	keep_apart(st, in, ref);
	row = find_row(st, in, ref);
	if (row < 0) {
		st->nfolded = 0;
		set_filter(st, in, "");
		row = find_row(st, in, ref);
	}
	if (row < 0)
		return false;
	list_select_row(&st->list, st->keys, row);
	settle(st, in);
	return true;
}

static bool replication_offers(const void *state, const struct view_input *in, enum command c)
{
	const struct replication_state *st = state;
	const struct replication_row *row = current(st);
	const struct session_ref *session = session_of(st, row);
	char words[512], sql[HOLDER_SQL_MAX];

	switch (c) {
	case CMD_CANCEL:
	case CMD_TERMINATE:
		return session && session->id > 0;
	case CMD_DETAIL:
		return row && !st->pane.open;
	case CMD_COPY:
		if (!row)
			return false;
		replication_remedy(st, in, row, words, sizeof words, sql, sizeof sql);
		return sql[0] != '\0';
	case CMD_BACK:
		return st->pane.open || st->filter.filter;
	case CMD_FILTER:
		return st->n > 0 || st->filter.filter;
	case CMD_PANEL:
		return st->horizon && st->horizon->n > 0;
	case CMD_SCOPE:
		return row && (row->kind == RROW_CLUSTER || replication_instance(st, row) >= 0);
	default:
		return false;
	}
}

static const char *const replication_probes[] = {"server", "pulse", "sessions", "replication_brief",
        "replication", "replication_local", "horizon", NULL};

static const char *replication_trouble(const void *state)
{
	const struct replication_state *st = state;

	return st->filter.trouble;
}

const struct view replication_view = {
        .name = "replication",
        .title = "Replication",
        .open = CMD_REPLICATION,
        .probes = replication_probes,
        .json_probe = "replication",
        .columns = replication_columns,
        .ncolumns = RCOL_COUNT,
        .extra = replication_extra,
        .state_size = sizeof(struct replication_state),
        .init = replication_init,
        .fini = replication_fini,
        .update = replication_update,
        .render = replication_render,
        .apply = replication_apply,
        .select = replication_select,
        .offers = replication_offers,
        .trouble = replication_trouble,
};
