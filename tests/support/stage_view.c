/* The stage's own view: the least a view must do, with the shared list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/mem.h"
#include "tests/support/stage.h"

enum { COL_INSTANCE, COL_ID, COL_USER, COL_STATE, COL_AGE, COL_QUERY, COLS };

static const struct list_column columns[COLS] = {
        [COL_INSTANCE] = {.name = "instance", .title = "INSTANCE", .min = 11, .ideal = 16, .pinned = true},
        [COL_ID] = {.name = "id", .title = "ID", .min = 6, .ideal = 7, .right = true, .pinned = true},
        [COL_USER] = {.name = "user", .title = "USER", .priority = 3, .min = 8, .ideal = 12},
        [COL_STATE] = {.name = "state", .title = "STATE", .priority = 1, .min = 8, .ideal = 20},
        [COL_AGE] = {.name = "age", .title = "TX AGE", .priority = 2, .min = 6, .ideal = 7, .right = true},
        [COL_QUERY] =
                {.name = "query", .title = "STATEMENT", .priority = 4, .min = 12, .ideal = 30, .flex = 1},
};

struct row {
	int instance;
	struct session_ref ref;
	const char *user, *state, *query;
	int64_t age;
};

struct state {
	struct list list;
	struct list_key *keys;
	struct row *rows;
	size_t n;
	char filter[64];
	struct row_ref acted;
};

static void fini(void *state)
{
	struct state *st = state;
	free(st->keys);
	free(st->rows);
}

static void add_instance(struct state *st, const struct view_input *in, size_t i)
{
	const struct table *t = snapshot_table(in->snap, i, "sessions");
	for (size_t r = 0; t != NULL && r < t->nrows; r++) {
		struct row *row = &st->rows[st->n];
		*row = (struct row){.instance = (int)i,
		        .user = table_text(t, r, table_column(t, "user")),
		        .state = table_text(t, r, table_column(t, "state")),
		        .query = table_text(t, r, table_column(t, "query")),
		        .age = -1};
		table_int(t, r, table_column(t, "id"), &row->ref.id);
		table_int(t, r, table_column(t, "xact_ms"), &row->age);
		if (st->filter[0] != '\0' && (row->user == NULL || strstr(row->user, st->filter) == NULL))
			continue;
		st->keys[st->n++] = (struct list_key){.a = i + 1, .b = (uint64_t)row->ref.id};
	}
}

static void update(void *state, const struct view_input *in)
{
	struct state *st = state;
	size_t most = 0;
	for (size_t i = 0; i < in->snap->n; i++) {
		const struct table *t = snapshot_table(in->snap, i, "sessions");
		most += t != NULL ? t->nrows : 0;
	}
	st->keys = xreallocarray(st->keys, most + 1, sizeof(*st->keys));
	st->rows = xreallocarray(st->rows, most + 1, sizeof(*st->rows));
	st->n = 0;
	for (size_t i = 0; i < in->snap->n; i++) {
		if (scope_has(&in->scope, in->snap, i))
			add_instance(st, in, i);
	}
	list_update(&st->list, st->keys, st->n, in->body.h - 1);
}

/* As of an expression that is switched off. */
static const char *trouble(const void *state)
{
	const struct state *st = state;
	return strstr(st->filter, "slow") != NULL ? "filter: slow takes too long" : NULL;
}

struct draw_arg {
	const struct state *st;
	const struct view_input *in;
};

static void draw_row(void *arg, struct surface *s, const struct list_layout *l, int x0, int y, long row)
{
	const struct draw_arg *a = arg;
	char text[HUMAN_MAX];
	if (row == LIST_GHOST) {
		list_cell(s, l, x0, y, COL_INSTANCE, STYLE_GHOST, "gone");
		return;
	}
	const struct row *r = &a->st->rows[row];
	char id[24];
	snprintf(id, sizeof(id), "%lld", (long long)r->ref.id);
	list_cell(s, l, x0, y, COL_INSTANCE, STYLE_TEXT, a->in->snap->instances[r->instance].cfg->name);
	list_cell(s, l, x0, y, COL_ID, STYLE_STRONG, id);
	list_cell(s, l, x0, y, COL_USER, STYLE_TEXT, r->user);
	list_cell(s, l, x0, y, COL_STATE, r->age > 60000 ? STYLE_WARN : STYLE_TEXT, r->state);
	list_cell(s, l, x0, y, COL_AGE, STYLE_TEXT, r->age >= 0 ? human_duration(r->age, text) : "–");
	list_cell(s, l, x0, y, COL_QUERY, STYLE_DIM, r->query);
}

static void render(const void *state, const struct view_input *in, struct surface *out)
{
	const struct state *st = state;
	struct list_layout layout;
	struct draw_arg arg = {.st = st, .in = in};
	struct list_draw draw = {.arg = &arg, .row = draw_row, .sorted = COL_AGE};
	list_layout(columns, COLS, list_width(in->body.w), st->list.scroll, &layout);
	list_render(&st->list, columns, &layout, in->body, &draw, out);
}

static struct intent act(struct state *st, enum action_kind kind)
{
	long row = list_row(&st->list);
	if (row < 0)
		return (struct intent){.kind = INTENT_SAY, .text = "gone: the session has ended"};
	st->acted = (struct row_ref){.instance = st->rows[row].instance, .session = st->rows[row].ref};
	return (struct intent){.kind = INTENT_ACT, .action = kind, .rows = &st->acted, .nrows = 1};
}

static struct intent apply_filter(struct state *st, const struct view_input *in, const char *arg)
{
	struct intent prompt = {.kind = INTENT_PROMPT};
	if (arg == NULL) {
		snprintf(prompt.text, sizeof(prompt.text), "%s", st->filter);
		return prompt;
	}
	if (strchr(arg, '(') != NULL)
		return (struct intent){.kind = INTENT_SAY, .text = "filter: a ( is open"};
	snprintf(st->filter, sizeof(st->filter), "%s", arg);
	update(st, in);
	return (struct intent){.kind = INTENT_DONE};
}

static struct intent apply(void *state, const struct view_input *in, const struct view_event *ev)
{
	struct state *st = state;
	struct intent done = {.kind = INTENT_DONE};
	switch (ev->command) {
	case CMD_DOWN:
		list_move(&st->list, st->keys, 1);
		return done;
	case CMD_UP:
		list_move(&st->list, st->keys, -1);
		return done;
	case CMD_BOTTOM:
		list_bottom(&st->list, st->keys);
		return done;
	case CMD_FILTER:
		return apply_filter(st, in, ev->arg);
	case CMD_CANCEL:
		return act(st, ACTION_CANCEL);
	case CMD_TERMINATE:
		return act(st, ACTION_TERMINATE);
	case CMD_COPY:
		return (struct intent){.kind = INTENT_COPY, .text = "select 1"};
	case CMD_ADD:
		return (struct intent){.kind = INTENT_ADD, .text = "[::1]:5499", .row = {.instance = 0}};
	case CMD_DETAIL:
		return (struct intent){
		        .kind = INTENT_VIEW, .view = "other", .scope = {.cluster = 0, .instance = 0}};
	case CMD_WRAP:
		return (struct intent){.kind = INTENT_ASK, .row = {.instance = 0, .session = {.id = 4711}}};
	case CMD_COUNT:
		list_wheel(&st->list, ev->wheel * 3);
		return done;
	default:
		return (struct intent){.kind = INTENT_NONE};
	}
}

static bool select_row(void *state, const struct view_input *in, const struct row_ref *row)
{
	struct state *st = state;
	(void)in;
	struct list_key key = {.a = (uint64_t)row->instance + 1, .b = (uint64_t)row->session.id};
	return list_select(&st->list, st->keys, key);
}

static bool offers(const void *state, const struct view_input *in, enum command c)
{
	const struct state *st = state;
	(void)in;
	bool acts = c == CMD_CANCEL || c == CMD_TERMINATE;
	return c == CMD_DETAIL || c == CMD_FILTER || c == CMD_SORT || (acts && list_row(&st->list) >= 0);
}

static const char *const probes[] = {"sessions", NULL};

const struct view stage_view = {.name = "sessions",
        .title = "Sessions",
        .open = CMD_SESSIONS,
        .probes = probes,
        .columns = columns,
        .ncolumns = COLS,
        .state_size = sizeof(struct state),
        .fini = fini,
        .update = update,
        .render = render,
        .apply = apply,
        .select = select_row,
        .offers = offers,
        .trouble = trouble};
const struct view stage_other_view = {.name = "other",
        .title = "Other",
        .open = CMD_FLEET,
        .probes = probes,
        .columns = columns,
        .ncolumns = COLS,
        .state_size = sizeof(struct state),
        .fini = fini,
        .update = update,
        .render = render,
        .apply = apply,
        .select = select_row,
        .offers = offers};
const struct view *const stage_views[] = {&stage_other_view, &stage_view, NULL};
