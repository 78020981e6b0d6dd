/* Sessions: who is connected, what they do, who holds up whom; both engines in one list and one vocabulary.
 * What an operator does here is seldom undone, so the cursor holds on to its session: it follows it through
 * every order, and when it ends a ghost stays. This file keeps cursor and commands. */
#include "views/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "views/sessions_state.h"

/* --- What stands under the cursor */

static void copy_text(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text ? text : "");
}

static void remember_cursor(struct sessions_state *st, const struct view_input *in)
{
	struct session_ghost *g = &st->ghost;
	size_t instance;
	const struct session *s = sessions_row(st, list_row(&st->list), &instance);

	/* A ghost is remembered until the cursor leaves it; without rows there is nothing to remember. */
	if (!s && !st->list.ghost)
		g->known = false;
	if (!s)
		return;
	*g = (struct session_ghost){.known = true, .instance = (int)instance, .id = s->id};
	copy_text(g->name, sizeof g->name, view_instance_name(in, instance));
	copy_text(g->user, sizeof g->user, s->user);
	copy_text(g->app, sizeof g->app, s->app);
	copy_text(g->state, sizeof g->state, session_state_name(s->state));
	g->query_n = s->query_n < sizeof g->query ? s->query_n : sizeof g->query;
	if (g->query_n)
		memcpy(g->query, s->query, g->query_n);
	session_ref_of(sessions_at(st->all, instance), s, &g->ref);
}

static void settle(struct sessions_state *st, const struct view_input *in)
{
	bool moved = st->scope.cluster != in->scope.cluster || st->scope.instance != in->scope.instance;

	if (moved)
		st->explicit = true;
	if (moved || st->dirty || st->built != in->snap || st->built_at != in->snap->now) {
		do
			sessions_collect(st, in);
		while (filter_box_gave_up(&st->filter));
		sessions_measure_ids(st);
	}
	st->built = in->snap;
	st->built_at = in->snap->now;
	st->scope = in->scope;
	st->dirty = false;
	sessions_arrange(st, in);
	sessions_choose_columns(st, in);
	list_update(&st->list, st->keys, st->n, st->table.h > 1 ? st->table.h - 1 : 1);
	/* The operator changed what is listed: what is not there now has not ended. */
	if (st->explicit && st->list.ghost)
		view_leave_ghost(&st->list, st->keys);
	st->explicit = false;
	remember_cursor(st, in);
	if (st->pane.open || st->strip.h)
		sessions_describe(st, in);
}

static void sessions_init(void *state)
{
	struct sessions_state *st = state;

	st->sort = LIST_NO_COLUMN;
	st->scope = (struct scope){.cluster = -1, .instance = -1};
	buf_init(&st->pane.doc.text, 1);
}

static void sessions_fini(void *state)
{
	struct sessions_state *st = state;

	sessions_forget(st);
	sessions_free(st->own);
	document_free(&st->pane.doc);
	filter_box_free(&st->filter);
	free(st->rows);
	free(st->keys);
	free(st->entries);
}

static void sessions_update_view(void *state, const struct view_input *in)
{
	settle(state, in);
}

/* --- Commands */

static struct intent done(struct sessions_state *st)
{
	st->dirty = true;
	return intent_done();
}

static const struct session *current(const struct sessions_state *st, size_t *instance)
{
	return sessions_row(st, list_row(&st->list), instance);
}

/* The list has only the beginning of a long statement, and only the last one of a transaction: with the
 * detail open, the rest is fetched. */
static struct intent ask(const struct sessions_state *st, const struct view_input *in)
{
	size_t instance;
	const struct session *s = current(st, &instance);
	struct intent i = intent_done();

	if (!st->pane.open || !s || s->id <= 0 ||
	        !(sessions_query_is_cut(st, in, instance, s) ||
	                sessions_transaction_is_told(in, instance, s)))
		return i;
	i.kind = INTENT_ASK;
	i.row.instance = (int)instance;
	session_ref_of(sessions_at(st->all, instance), s, &i.row.session);
	return i;
}

static struct intent gone(const struct sessions_state *st)
{
	struct intent i = {.kind = INTENT_SAY};

	if (st->ghost.id > 0)
		snprintf(i.text, sizeof i.text, "%lld is gone already: nothing was done",
		        (long long)st->ghost.id);
	else
		snprintf(i.text, sizeof i.text, "nobody waits for it any more: nothing was done");
	return i;
}

static struct intent absent(const struct session *s)
{
	if (s->kind == SESSION_PREPARED)
		return intent_say("a prepared transaction has no session to end: COMMIT PREPARED or ROLLBACK "
		                  "PREPARED (XA on MySQL) ends it");
	return intent_say("the server does not say who holds this lock, so there is nothing to act on");
}

static struct intent act(struct sessions_state *st, enum action_kind kind)
{
	struct intent i = {.kind = INTENT_ACT, .action = kind, .rows = st->acting};

	for (size_t r = 0; r < st->n && st->list.nmarks > 0 && i.nrows < LIST_MARKS_MAX; r++) {
		size_t instance;
		const struct session *s = sessions_row(st, (long)r, &instance);

		if (!list_marked(&st->list, st->keys[r]) || s->row == SESSION_NONE)
			continue;
		st->acting[i.nrows].instance = (int)instance;
		session_ref_of(sessions_at(st->all, instance), s, &st->acting[i.nrows++].session);
	}
	if (i.nrows > 0) {
		i.row = st->acting[0];
		return i;
	}
	size_t instance;
	const struct session *s = current(st, &instance);

	if (!s)
		return list_row(&st->list) == LIST_GHOST ? gone(st) : intent_say("there is no session here");
	if (s->row == SESSION_NONE)
		return absent(s);
	st->acting[0].instance = (int)instance;
	session_ref_of(sessions_at(st->all, instance), s, &st->acting[0].session);
	i.row = st->acting[0];
	i.nrows = 1;
	return i;
}

static struct intent copy(const struct sessions_state *st, const struct view_input *in)
{
	size_t instance;
	const struct session *s = current(st, &instance);
	const char *query = st->ghost.query;
	size_t n = st->ghost.query_n;
	int64_t bytes;
	struct buf b;

	if (s)
		query = sessions_full_query(st, in, instance, s, &n, &bytes);
	else if (list_row(&st->list) != LIST_GHOST)
		return intent_say("there is no session here");
	else
		instance = (size_t)st->ghost.instance;
	buf_init(&b, 2 * 1024 * 1024);
	if (!sessions_statement(in, instance, query, n, n, &b)) {
		buf_free(&b);
		return intent_say("this session shows no statement");
	}
	struct intent i = {.kind = INTENT_COPY};

	i.long_text = buf_steal(&b);
	return i;
}

static const char *const session_extra[] = {"age", "kind", "cluster", "blocks", "phase", NULL};

static struct intent set_filter(struct sessions_state *st, const char *expression)
{
	const uint32_t durations = 1u << SCOL_XACT | 1u << SCOL_AGE | 1u << SEXTRA_AGE;

	filter_box_set(&st->filter, expression, session_columns, SCOL_COUNT, session_extra,
	        sizeof session_extra / sizeof session_extra[0] - 1, durations);
	st->explicit = true;
	st->dirty = true;
	return st->filter.wrong[0] ? intent_say(st->filter.wrong) : intent_done();
}

static struct intent toggle(struct sessions_state *st, bool *flag)
{
	*flag = !*flag;
	st->explicit = true;
	return done(st);
}

static bool set_opened(struct sessions_state *st, struct list_key key, bool opened)
{
	for (size_t i = 0; i < st->nopened; i++) {
		if (!list_key_equal(st->opened[i], key))
			continue;
		if (!opened)
			st->opened[i] = st->opened[--st->nopened];
		return !opened;
	}
	if (!opened || st->nopened == OPENED_MAX)
		return false;
	st->opened[st->nopened++] = key;
	return true;
}

/* Right opens a leader, left folds it, from a worker too; else the columns move. */
static struct intent sideways(struct sessions_state *st, int way)
{
	size_t instance;
	const struct session *s = current(st, &instance);

	if (s && s->leader != SESSION_NONE && way < 0 && st->list.scroll == 0) {
		struct list_key key =
		        sessions_key(st, instance, &sessions_at(st->all, instance)->sessions[s->leader]);

		if (set_opened(st, key, false))
			list_select(&st->list, st->keys, key);
		return done(st);
	}
	if (s && s->workers > 0 && st->list.scroll == 0 &&
	        set_opened(st, sessions_key(st, instance, s), way > 0))
		return done(st);
	list_sideways(&st->list, &st->layout, way);
	return intent_done();
}

static struct intent sort_by(struct sessions_state *st, const char *name)
{
	struct intent i = view_sort(&st->sort, &st->reversed, session_columns, SCOL_COUNT, name);

	/* A column that is not there in this scope. */
	if (st->sort >= 0 && st->place[st->sort] < 0 && !(name && name[0]))
		i = view_sort(&st->sort, &st->reversed, session_columns, SCOL_COUNT, name);
	st->dirty = true;
	return i;
}

static struct intent scope_of(const struct sessions_state *st, const struct view_input *in, const char *arg)
{
	size_t instance;

	if (!current(st, &instance))
		return view_scope(in, -1, -1, arg);
	return view_scope(in, (int)in->snap->instances[instance].cfg->cluster, (int)instance, arg);
}

static struct intent back(struct sessions_state *st)
{
	if (st->pane.open) {
		st->pane.open = false;
		return intent_done();
	}
	if (st->list.nmarks > 0) {
		list_unmark(&st->list);
		return intent_done();
	}
	if (st->filter.filter)
		return set_filter(st, "");
	return intent_none();
}

static struct intent mark(struct sessions_state *st)
{
	size_t instance;
	const struct session *s = current(st, &instance);

	if (!s)
		return list_row(&st->list) == LIST_GHOST ? gone(st) : intent_done();
	if (s->row == SESSION_NONE)
		return absent(s);
	return list_mark(&st->list, sessions_key(st, instance, s))
	               ? intent_done()
	               : intent_say("256 sessions are marked: no more");
}

static struct intent open_detail(struct sessions_state *st, const struct view_input *in)
{
	st->pane.open = true;
	st->pane.scroll = 0;
	return ask(st, in);
}

static struct intent mouse(
        struct sessions_state *st, const struct view_input *in, const struct view_event *ev)
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
	switch (list_hit(&st->list, &st->layout, st->table, ev->x, ev->y, &index)) {
	case LIST_HIT_HEADER:
		return sort_by(st, session_columns[st->named[index]].name);
	case LIST_HIT_ROW:
		if (index >= 0)
			list_select_row(&st->list, st->keys, index);
		return ev->activate ? open_detail(st, in) : ask(st, in);
	case LIST_HIT_NONE:
		break;
	}
	return intent_none();
}

static struct intent move(struct sessions_state *st, const struct view_input *in, enum command c)
{
	if (pane_key(&st->pane, c))
		return intent_done();
	if (!view_move(&st->list, st->keys, c))
		return intent_none();
	st->pane.scroll = 0;
	return ask(st, in);
}

static struct intent sessions_apply(void *state, const struct view_input *in, const struct view_event *ev)
{
	struct sessions_state *st = state;

	switch (ev->command) {
	case CMD_COUNT:
		return mouse(st, in, ev);
	case CMD_LEFT:
	case CMD_RIGHT:
		return sideways(st, ev->command == CMD_LEFT ? -1 : 1);
	case CMD_DETAIL:
		return open_detail(st, in);
	case CMD_BACK:
		return back(st);
	case CMD_FILTER:
		return ev->arg ? set_filter(st, ev->arg) : filter_box_prompt(&st->filter);
	case CMD_SORT:
		return sort_by(st, ev->arg);
	case CMD_REVERSE:
		st->reversed = !st->reversed;
		return done(st);
	case CMD_CANCEL:
	case CMD_TERMINATE:
		return act(st, ev->command == CMD_CANCEL ? ACTION_CANCEL : ACTION_TERMINATE);
	case CMD_MARK:
		return mark(st);
	case CMD_UNMARK:
		list_unmark(&st->list);
		return intent_done();
	case CMD_COPY:
		return copy(st, in);
	case CMD_WRAP:
		st->wrap = !st->wrap;
		return intent_done();
	case CMD_IDLE:
		return toggle(st, &st->show_idle);
	case CMD_OWN:
		return toggle(st, &st->show_own);
	case CMD_SCOPE:
		return scope_of(st, in, ev->arg);
	default:
		return move(st, in, ev->command);
	}
}

/* Shows the row even when the list would leave it out: somebody was led to it. */
static bool sessions_select(void *state, const struct view_input *in, const struct row_ref *row)
{
	struct sessions_state *st = state;

	settle(st, in);
	if (row->instance < 0 || (size_t)row->instance >= in->snap->n)
		return false;
	if (row->session.id == 0) {
		for (size_t i = 0; i < st->n; i++) {
			if (st->rows[i].instance == (uint32_t)row->instance) {
				list_select_row(&st->list, st->keys, (long)i);
				return true;
			}
		}
		return false;
	}
	const struct session *s = session_find(
	        sessions_at(st->all, (size_t)row->instance), row->session.id, row->session.started);

	if (!s || !scope_has(&in->scope, in->snap, (size_t)row->instance))
		return false;
	if (s->leader != SESSION_NONE)
		set_opened(st,
		        sessions_key(st, (size_t)row->instance,
		                &sessions_at(st->all, (size_t)row->instance)->sessions[s->leader]),
		        true);
	st->list.cursor = sessions_key(st, (size_t)row->instance, s);
	st->dirty = true;
	settle(st, in);
	return list_select(&st->list, st->keys, st->list.cursor);
}

static bool sessions_offers(const void *state, const struct view_input *in, enum command c)
{
	const struct sessions_state *st = state;
	size_t instance;
	const struct session *s = current(st, &instance);
	bool someone = st->list.nmarks > 0 || (s && !session_guard_refuses(s->guard));

	switch (c) {
	case CMD_CANCEL:
		return st->list.nmarks > 0 ||
		       (someone && (s->state == STATE_ACTIVE || s->state == STATE_FASTPATH));
	case CMD_TERMINATE:
		return someone;
	case CMD_DETAIL:
	case CMD_MARK:
		return s && !(c == CMD_DETAIL && st->pane.open);
	case CMD_COPY:
		return s && s->query_n > 0;
	case CMD_BACK:
		return st->pane.open || st->list.nmarks > 0 || st->filter.filter;
	case CMD_SCOPE:
		return st->many || in->scope.instance >= 0;
	case CMD_FILTER:
	case CMD_SORT:
		return st->n > 0 || st->filter.filter;
	case CMD_IDLE:
		return st->idle_out > 0 || st->show_idle;
	default:
		return false;
	}
}

static const char *const sessions_probes[] = {"sessions", "blockers", "pulse", "server", NULL};

static const char *sessions_trouble(const void *state)
{
	const struct sessions_state *st = state;

	return st->filter.trouble;
}

const struct view sessions_view = {
        .name = "sessions",
        .title = "Sessions",
        .open = CMD_SESSIONS,
        .probes = sessions_probes,
        .json_probe = "sessions",
        .columns = session_columns,
        .ncolumns = SCOL_COUNT,
        .extra = session_extra,
        .state_size = sizeof(struct sessions_state),
        .init = sessions_init,
        .fini = sessions_fini,
        .update = sessions_update_view,
        .render = sessions_render,
        .apply = sessions_apply,
        .select = sessions_select,
        .offers = sessions_offers,
        .trouble = sessions_trouble,
};
