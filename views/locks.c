/* Locks: who waits for whom and what is the smallest way out, true edges only, both engines in one tree. What
 * an operator does here is seldom undone, so the cursor holds on to its session, and acting goes through the
 * same gate as everywhere. This file keeps cursor and commands. */
#include "views/locks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "views/locks_state.h"

const struct list_column locks_columns[LCOL_COUNT] = {
        [LCOL_NODE] =
                {.name = "session", .title = "SESSION", .min = 20, .ideal = 34, .flex = 1, .pinned = true},
        [LCOL_WHAT] = {.name = "state", .title = "STATE", .priority = 1, .min = 12, .ideal = 18},
        [LCOL_LOCK] = {.name = "lock", .title = "LOCK", .priority = 2, .min = 14, .ideal = 34, .flex = 1},
        [LCOL_QUERY] =
                {.name = "query", .title = "STATEMENT", .priority = 3, .min = 16, .ideal = 30, .flex = 4},
};

static const char *const locks_extra[] = {"app", "user", "db", "id", "age", "object", "instance", NULL};

enum { NARROW = 110 };

/* --- Where things stand */

static void arrange(struct locks_state *st, const struct view_input *in)
{
	pane_arrange(&st->pane, in->body, &st->head, &st->table);
	memcpy(st->columns, locks_columns, sizeof st->columns);
	/* Where there is little room, what it waits for says more than long names and statements. */
	if (st->table.w < NARROW) {
		st->columns[LCOL_NODE].ideal = 24;
		st->columns[LCOL_WHAT].ideal = 16;
		st->columns[LCOL_LOCK].ideal = 20;
		st->columns[LCOL_QUERY].ideal = 16;
		st->columns[LCOL_QUERY].flex = 2;
	}
	list_layout(st->columns, LCOL_COUNT, list_width(st->table.w), 0, &st->layout);
}

static const struct lock_node *node_of(const struct locks_state *st, const struct locks_row *r)
{
	return r && r->node != LOCK_NONE ? &locks_graph(st, r->instance)->nodes[r->node] : NULL;
}

static void ref_of(const struct locks_state *st, size_t instance, uint32_t node, struct row_ref *out)
{
	const struct lock_graph *g = locks_graph(st, instance);
	const struct session *s = locks_session(g, &g->nodes[node]);

	*out = (struct row_ref){.instance = (int)instance, .session = {.id = g->nodes[node].id}};
	if (s)
		session_ref_of(g->sessions, s, &out->session);
}

static void remember_cursor(struct locks_state *st, const struct view_input *in)
{
	const struct locks_row *r = locks_current(st);
	struct locks_ghost *g = &st->ghost;

	if (!r && st->list.ghost)
		return;
	g->known = r && r->kind == LROW_NODE;
	if (!g->known)
		return;
	struct row_ref ref;
	const char *app = locks_app(locks_graph(st, r->instance), r->node);

	ref_of(st, r->instance, r->node, &ref);
	*g = (struct locks_ghost){
	        .known = true, .instance = (int)r->instance, .id = ref.session.id, .ref = ref.session};
	snprintf(g->name, sizeof g->name, "%s", view_instance_name(in, r->instance));
	snprintf(g->app, sizeof g->app, "%s", app ? app : "");
}

/* The first root, not the proposal above it: what is under the cursor is a session whenever there is one. */
static void begin_cursor(struct locks_state *st)
{
	for (size_t i = 0; i < st->n; i++) {
		if (st->rows[i].kind != LROW_NODE)
			continue;
		list_select_row(&st->list, st->keys, (long)i);
		return;
	}
}

static void settle(struct locks_state *st, const struct view_input *in)
{
	bool moved = st->scope.cluster != in->scope.cluster || st->scope.instance != in->scope.instance;
	bool fresh = st->list.cursor.a == 0 && st->list.cursor.b == 0;

	if (moved)
		st->explicit = true;
	if (moved || st->dirty || st->built != in->snap || st->built_at != in->snap->now) {
		do
			locks_collect(st, in);
		while (filter_box_gave_up(&st->filter));
	}
	st->built = in->snap;
	st->built_at = in->snap->now;
	st->scope = in->scope;
	st->dirty = false;
	arrange(st, in);
	list_update(&st->list, st->keys, st->n, st->table.h > 1 ? st->table.h - 1 : 1);
	if (fresh || st->untouched)
		begin_cursor(st);
	if (st->wanted.a != 0 && list_select(&st->list, st->keys, st->wanted))
		st->wanted = (struct list_key){0, 0};
	if (st->explicit && st->list.ghost)
		view_leave_ghost(&st->list, st->keys);
	st->explicit = false;
	remember_cursor(st, in);
	if (st->pane.open)
		locks_describe(st, in);
}

static void locks_init(void *state)
{
	struct locks_state *st = state;

	st->scope = (struct scope){.cluster = -1, .instance = -1};
	st->locks = locks_new();
	st->untouched = true;
	buf_init(&st->pane.doc.text, 1);
}

static void locks_fini(void *state)
{
	struct locks_state *st = state;

	locks_free(st->locks);
	sessions_free(st->own_sessions);
	document_free(&st->pane.doc);
	filter_box_free(&st->filter);
	free(st->rows);
	free(st->keys);
	free(st->lines);
}

static void locks_update_view(void *state, const struct view_input *in)
{
	settle(state, in);
}

/* --- Commands */

/* The locks of one session are asked for when somebody looks at them. */
static struct intent ask(const struct locks_state *st)
{
	const struct locks_row *r = locks_current(st);
	const struct lock_node *n = node_of(st, r);
	struct intent i = intent_done();

	if (!st->pane.open || !n || n->id <= 0)
		return i;
	i.kind = INTENT_ASK;
	i.probe = "lock_rows";
	ref_of(st, r->instance, r->node, &i.row);
	return i;
}

static struct intent absent(const struct locks_state *st, const struct locks_row *r)
{
	const struct lock_node *n = node_of(st, r);
	struct intent i = intent_say("");
	struct buf b;

	if (n->kind != SESSION_PREPARED)
		return intent_say(
		        n->id < 0 ? "the server does not say who holds this lock, so there is nothing "
		                    "to act on"
		                  : "this session is not shown to us, so nothing proves who it is");
	buf_init(&b, 512);
	locks_remedy_statement(locks_graph(st, r->instance), r->node, &b);
	snprintf(i.text, sizeof i.text, "a prepared transaction has no session to end%s%s%s",
	        b.len ? ": " : "", buf_str(&b), b.len ? " ends it (y copies)" : "");
	buf_free(&b);
	return i;
}

static bool add_target(struct locks_state *st, struct intent *i, size_t instance, uint32_t node)
{
	if (i->nrows == INTENT_ROWS_MAX || locks_graph(st, instance)->nodes[node].session == LOCK_NONE)
		return false;
	ref_of(st, instance, node, &st->acting[i->nrows++]);
	return true;
}

/* The next step of the proposal: all of its cancels, then its terminates. A single cancel that frees most is
 * a line of its own. */
static struct intent act_on_proposal(struct locks_state *st, const struct locks_row *r)
{
	const struct lock_graph *g = locks_graph(st, r->instance);
	const struct lock_move *m = &g->move;
	struct intent i = {.kind = INTENT_ACT, .rows = st->acting};

	if (r->index == LOCK_NONE) {
		i.action = ACTION_CANCEL;
		add_target(st, &i, r->instance, m->cancel.node);
	} else {
		enum lock_remedy first = m->action[0].remedy;

		i.action = first == REMEDY_CANCEL ? ACTION_CANCEL : ACTION_TERMINATE;
		for (uint32_t k = 0; k < m->n && first != REMEDY_STATEMENT; k++)
			if (m->action[k].remedy == first)
				add_target(st, &i, r->instance, m->action[k].node);
	}
	if (i.nrows == 0)
		return absent(st, &(struct locks_row){.instance = r->instance, .node = m->action[0].node});
	i.row = st->acting[0];
	return i;
}

static struct intent act(struct locks_state *st, enum action_kind kind)
{
	const struct locks_row *r = locks_current(st);
	struct intent i = {.kind = INTENT_ACT, .action = kind, .rows = st->acting};

	for (size_t k = 0; k < st->n && st->list.nmarks > 0; k++)
		if (st->rows[k].kind == LROW_NODE && list_marked(&st->list, st->keys[k]))
			add_target(st, &i, st->rows[k].instance, st->rows[k].node);
	if (i.nrows == 0 && !r && list_row(&st->list) == LIST_GHOST)
		return intent_say("it does not wait or block any more: nothing was done");
	if (i.nrows == 0 && r && r->kind == LROW_ACTION)
		return act_on_proposal(st, r);
	if (i.nrows == 0 && (!r || r->node == LOCK_NONE))
		return intent_say("put the cursor on a session, or on the best move");
	if (i.nrows == 0 && r->kind == LROW_FOLD)
		return intent_say("open the line first (right), and mark whom you mean");
	if (i.nrows == 0 && !add_target(st, &i, r->instance, r->node))
		return absent(st, r);
	i.row = st->acting[0];
	return i;
}

static struct intent copy(const struct locks_state *st)
{
	const struct locks_row *r = locks_current(st);
	const struct lock_node *n = node_of(st, r);
	struct intent i = {.kind = INTENT_COPY};
	struct buf b;

	if (r && r->kind == LROW_ACTION) {
		buf_init(&b, 4096);
		locks_action_text(locks_graph(st, r->instance), r->index, 1000, false, &b);
		i.long_text = buf_steal(&b);
		return i;
	}
	if (!n)
		return intent_say("put the cursor on a session");
	const struct session *s = locks_session(locks_graph(st, r->instance), n);

	buf_init(&b, 64 * 1024);
	if (n->kind == SESSION_PREPARED)
		locks_remedy_statement(locks_graph(st, r->instance), r->node, &b);
	else if (s && s->query_n > 0)
		buf_put(&b, s->query, s->query_n);
	if (b.len == 0) {
		buf_free(&b);
		return intent_say("there is no statement to copy");
	}
	i.long_text = buf_steal(&b);
	return i;
}

static struct intent set_filter(struct locks_state *st, const char *expression)
{
	filter_box_set(&st->filter, expression, locks_columns, LCOL_COUNT, locks_extra,
	        sizeof locks_extra / sizeof locks_extra[0] - 1, 1u << LEXTRA_AGE);
	st->explicit = true;
	st->dirty = true;
	return st->filter.wrong[0] ? intent_say(st->filter.wrong) : intent_done();
}

static bool set_key(struct list_key *set, size_t *n, struct list_key key, bool in)
{
	for (size_t i = 0; i < *n; i++) {
		if (!list_key_equal(set[i], key))
			continue;
		if (!in)
			set[i] = set[--*n];
		return !in;
	}
	if (!in || *n == LOCKS_OPENED_MAX)
		return false;
	set[(*n)++] = key;
	return true;
}

/* The line that one hangs on: the next above it that is less deep. */
static long above(const struct locks_state *st, long row)
{
	for (long i = row - 1; i >= 0 && st->rows[row].depth > 0; i--) {
		const struct locks_row *r = &st->rows[i];

		if (r->instance != st->rows[row].instance || (r->kind != LROW_NODE && r->kind != LROW_FOLD))
			break;
		if (r->depth < st->rows[row].depth)
			return i;
	}
	return -1;
}

/* Right opens what is folded; left folds a branch, and from a leaf goes to what it hangs on. */
static struct intent sideways(struct locks_state *st, int way)
{
	long row = list_row(&st->list);
	const struct locks_row *r = locks_current(st);
	size_t children = 0;

	if (!r || (r->kind != LROW_NODE && r->kind != LROW_FOLD))
		return intent_done();
	struct list_key key = st->keys[row];

	if (r->kind == LROW_FOLD && set_key(st->opened, &st->nopened, key, way > 0)) {
		st->dirty = true;
		return intent_done();
	}
	if (r->kind == LROW_NODE)
		locks_children(locks_graph(st, r->instance), r->node, &children);
	if (children > 0 && set_key(st->closed, &st->nclosed, key, way < 0)) {
		st->dirty = true;
		return intent_done();
	}
	long to = way < 0 ? above(st, row) : -1;

	if (to >= 0)
		list_select_row(&st->list, st->keys, to);
	return intent_done();
}

static struct intent back(struct locks_state *st)
{
	if (st->pane.open) {
		st->pane.open = false;
		return intent_done();
	}
	if (st->list.nmarks > 0) {
		list_unmark(&st->list);
		return intent_done();
	}
	return st->filter.filter ? set_filter(st, "") : intent_none();
}

static struct intent mark(struct locks_state *st)
{
	const struct locks_row *r = locks_current(st);

	if (!r || r->kind != LROW_NODE)
		return intent_say("put the cursor on a session");
	if (node_of(st, r)->session == LOCK_NONE)
		return absent(st, r);
	return list_mark(&st->list, st->keys[list_row(&st->list)])
	               ? intent_done()
	               : intent_say("256 sessions are marked: no more");
}

static struct intent scope_of(const struct locks_state *st, const struct view_input *in, const char *arg)
{
	const struct locks_row *r = locks_current(st);

	if (!r)
		return view_scope(in, -1, -1, arg);
	return view_scope(in, (int)in->snap->instances[r->instance].cfg->cluster, (int)r->instance, arg);
}

static struct intent open_detail(struct locks_state *st)
{
	const struct locks_row *r = locks_current(st);

	/* On the proposal, Enter leads to the session it speaks of. */
	if (r && r->kind == LROW_ACTION) {
		const struct lock_move *m = &locks_graph(st, r->instance)->move;
		uint32_t node = r->index == LOCK_NONE ? m->cancel.node : m->action[r->index].node;

		for (size_t i = 0; i < st->n; i++)
			if (st->rows[i].kind == LROW_NODE && st->rows[i].instance == r->instance &&
			        st->rows[i].node == node)
				list_select_row(&st->list, st->keys, (long)i);
		return intent_done();
	}
	if (r && r->kind == LROW_FOLD)
		return sideways(st, r->opened ? -1 : 1);
	st->pane.open = true;
	st->pane.scroll = 0;
	return ask(st);
}

static struct intent mouse(struct locks_state *st, const struct view_event *ev)
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
	return ev->activate ? open_detail(st) : ask(st);
}

static struct intent move(struct locks_state *st, enum command c)
{
	if (pane_key(&st->pane, c))
		return intent_done();
	if (!view_move(&st->list, st->keys, c))
		return intent_none();
	st->pane.scroll = 0;
	return ask(st);
}

static struct intent locks_apply(void *state, const struct view_input *in, const struct view_event *ev)
{
	struct locks_state *st = state;

	st->untouched = false;
	st->wanted = (struct list_key){0, 0};
	switch (ev->command) {
	case CMD_COUNT:
		return mouse(st, ev);
	case CMD_LEFT:
	case CMD_RIGHT:
		return sideways(st, ev->command == CMD_LEFT ? -1 : 1);
	case CMD_DETAIL:
		return open_detail(st);
	case CMD_BACK:
		return back(st);
	case CMD_FILTER:
		return ev->arg ? set_filter(st, ev->arg) : filter_box_prompt(&st->filter);
	case CMD_SORT:
	case CMD_REVERSE:
		return intent_say("the tree has its own order: most behind it first, then who waits longest");
	case CMD_CANCEL:
	case CMD_TERMINATE:
		return act(st, ev->command == CMD_CANCEL ? ACTION_CANCEL : ACTION_TERMINATE);
	case CMD_MARK:
		return mark(st);
	case CMD_UNMARK:
		list_unmark(&st->list);
		return intent_done();
	case CMD_COPY:
		return copy(st);
	case CMD_SCOPE:
		return scope_of(st, in, ev->arg);
	default:
		return move(st, ev->command);
	}
}

/* Somebody was led to this session. Its locks may not have been read yet: then the cursor goes there when
 * they come. */
static bool locks_select(void *state, const struct view_input *in, const struct row_ref *row)
{
	struct locks_state *st = state;

	settle(st, in);
	if (row->instance < 0 || (size_t)row->instance >= in->snap->n ||
	        !scope_has(&in->scope, in->snap, (size_t)row->instance))
		return false;
	const struct lock_graph *g = locks_graph(st, (size_t)row->instance);
	const struct lock_node *n = locks_find(g, row->session.id, NULL);
	const struct lock_node wanted = {.id = row->session.id};

	st->untouched = false;
	st->wanted = locks_node_key(in, (size_t)row->instance, n ? n : &wanted);
	/* What hides it is opened. */
	for (const struct lock_node *up = n; up && up->parent != LOCK_NONE; up = &g->nodes[up->parent])
		set_key(st->closed, &st->nclosed,
		        locks_node_key(in, (size_t)row->instance, &g->nodes[up->parent]), false);
	st->list.cursor = st->wanted;
	st->dirty = true;
	settle(st, in);
	if (!n && st->list.ghost)
		view_leave_ghost(&st->list, st->keys);
	return n != NULL || !g->sample || snapshot_is_stale(in->snap, (size_t)row->instance, "locks");
}

static bool locks_offers(const void *state, const struct view_input *in, enum command c)
{
	const struct locks_state *st = state;
	const struct locks_row *r = locks_current(st);
	const struct lock_node *n = node_of(st, r);
	bool proposal = r && r->kind == LROW_ACTION;
	bool someone =
	        st->list.nmarks > 0 || proposal ||
	        (n && r->kind == LROW_NODE && n->session != LOCK_NONE && !session_guard_refuses(n->guard));

	switch (c) {
	case CMD_CANCEL: {
		const struct session *s = n ? locks_session(locks_graph(st, r->instance), n) : NULL;

		return someone && (!s || s->state == STATE_ACTIVE || s->state == STATE_FASTPATH);
	}
	case CMD_TERMINATE:
		return someone;
	case CMD_DETAIL:
		return n && !st->pane.open;
	case CMD_MARK:
	case CMD_COPY:
		return n != NULL;
	case CMD_RIGHT:
		return r && r->kind == LROW_FOLD;
	case CMD_BACK:
		return st->pane.open || st->list.nmarks > 0 || st->filter.filter;
	case CMD_SCOPE:
		return st->many || in->scope.instance >= 0;
	case CMD_FILTER:
		return st->waiters > 0 || st->filter.filter;
	default:
		return false;
	}
}

static const char *const locks_probes[] = {"locks", "sessions", "pulse", "server", "deadlock", NULL};

static const char *locks_trouble(const void *state)
{
	const struct locks_state *st = state;

	return st->filter.trouble;
}

const struct view locks_view = {
        .name = "locks",
        .title = "Locks",
        .open = CMD_LOCKS,
        .probes = locks_probes,
        .json_probe = "locks",
        .columns = locks_columns,
        .ncolumns = LCOL_COUNT,
        .extra = locks_extra,
        .state_size = sizeof(struct locks_state),
        .init = locks_init,
        .fini = locks_fini,
        .update = locks_update_view,
        .render = locks_render,
        .apply = locks_apply,
        .select = locks_select,
        .offers = locks_offers,
        .trouble = locks_trouble,
};
