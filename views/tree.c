/* Tree: sessions as a goroutine dump is read. Hundreds that are alike are one line, what grows is on top, and
 * every line opens into what it is made of; `t` turns it by another axis. A line stands for its sessions:
 * what is done to it is done to each of them, after all of them have been listed. This file keeps cursor and
 * commands. */
#include "views/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "views/sessions_state.h"
#include "views/tree_state.h"

/* --- What is shown */

const struct tree_node *tree_node_at(const struct tree_state *st, long row)
{
	return row >= 0 && (size_t)row < st->tree.n ? &st->tree.nodes[row] : NULL;
}

const struct session *tree_session_of(const struct tree_state *st, const struct tree_node *n)
{
	return &sessions_at(st->all, n->instance)->sessions[n->index];
}

static const struct tree_node *current(const struct tree_state *st)
{
	return tree_node_at(st, list_row(&st->list));
}

static struct list_key key_of(const struct tree_node *n)
{
	return (struct list_key){n->key, (uint64_t)n->kind + 1};
}

static void use_model(struct tree_state *st, const struct view_input *in)
{
	if (in->findings && in->findings->tree && sessions_count(in->findings->sessions) == in->snap->n) {
		st->all = in->findings->sessions;
		st->memory = in->findings->tree;
		return;
	}
	if (!st->own_all) {
		st->own_all = sessions_new();
		st->own_memory = tree_memory_new();
	}
	sessions_update(st->own_all, in->snap);
	tree_memory_update(st->own_memory, st->own_all, in->snap);
	st->all = st->own_all;
	st->memory = st->own_memory;
}

static enum tree_sort sort_of(const struct tree_state *st)
{
	switch (st->sort) {
	case TCOL_COUNT:
		return TREE_SORT_COUNT;
	case TCOL_GROUP:
	case TCOL_ON:
		return TREE_SORT_NAME;
	case TCOL_OLDEST:
		return TREE_SORT_OLDEST;
	default:
		return TREE_SORT_GROWTH;
	}
}

static void collect(struct tree_state *st, const struct view_input *in)
{
	struct tree_matching matching = {.in = in, .filter = st->filter.filter};
	unsigned scoped = 0;

	use_model(st, in);
	st->in = xreallocarray(st->in, in->snap->n + 1, sizeof *st->in);
	st->read = false;
	for (size_t i = 0; i < in->snap->n; i++) {
		st->in[i] = scope_has(&in->scope, in->snap, i);
		st->read |= st->in[i] && sessions_at(st->all, i)->sample;
		scoped += st->in[i];
	}
	st->many = scoped > 1;
	const struct tree_query q = {.axis = st->axis,
	        .sort = sort_of(st),
	        .reversed = st->reversed,
	        .in = st->in,
	        .hide_idle = st->hide_idle,
	        .show_own = st->show_own,
	        .match = st->filter.filter ? tree_match : NULL,
	        .arg = &matching,
	        .toggled = st->toggled,
	        .ntoggled = st->ntoggled};

	tree_build(&st->tree, &q, st->memory, st->all, in->snap);
	if (st->tree.n > st->keys_cap) {
		st->keys_cap = st->tree.n * 2;
		st->keys = xreallocarray(st->keys, st->keys_cap, sizeof *st->keys);
	}
	for (size_t i = 0; i < st->tree.n; i++)
		st->keys[i] = key_of(&st->tree.nodes[i]);
}

static void remember_cursor(struct tree_state *st, const struct view_input *in)
{
	const struct tree_node *n = current(st);
	struct tree_ghost *g = &st->ghost;

	if (!n && !st->list.ghost)
		g->known = false;
	if (!n)
		return;
	struct buf text;

	buf_init(&text, sizeof g->text - 1);
	tree_text(st, in, n, &text);
	*g = (struct tree_ghost){.known = true, .depth = n->depth, .n = n->n, .kind = n->kind};
	g->id = tree_session_of(st, n)->id;
	snprintf(g->text, sizeof g->text, "%s", buf_str(&text));
	buf_free(&text);
}

static void settle(struct tree_state *st, const struct view_input *in)
{
	bool moved = st->scope.cluster != in->scope.cluster || st->scope.instance != in->scope.instance;

	if (moved)
		st->explicit = true;
	if (moved || st->dirty || st->built != in->snap || st->built_at != in->snap->now) {
		do
			collect(st, in);
		while (filter_box_gave_up(&st->filter));
	}
	st->built = in->snap;
	st->built_at = in->snap->now;
	st->scope = in->scope;
	st->dirty = false;
	tree_arrange(st, in);
	list_update(&st->list, st->keys, st->tree.n, st->table.h > 1 ? st->table.h - 1 : 1);
	/* The operator changed what is listed: what is not there now has not ended. */
	if (st->explicit && st->list.ghost)
		view_leave_ghost(&st->list, st->keys);
	st->explicit = false;
	remember_cursor(st, in);
}

static void tree_init(void *state)
{
	struct tree_state *st = state;

	st->sort = LIST_NO_COLUMN;
	st->scope = (struct scope){.cluster = -1, .instance = -1};
}

static void tree_fini(void *state)
{
	struct tree_state *st = state;

	tree_free(&st->tree);
	tree_memory_free(st->own_memory);
	sessions_free(st->own_all);
	filter_box_free(&st->filter);
	free(st->keys);
	free(st->in);
	free(st->acting);
}

static void tree_update_view(void *state, const struct view_input *in)
{
	settle(state, in);
}

/* --- Commands */

static struct intent changed(struct tree_state *st)
{
	st->explicit = true;
	st->dirty = true;
	return intent_done();
}

static void toggle(struct tree_state *st, uint64_t key)
{
	for (size_t i = 0; i < st->ntoggled; i++) {
		if (st->toggled[i] == key) {
			st->toggled[i] = st->toggled[--st->ntoggled];
			return;
		}
	}
	/* The one that was opened first is as it was. */
	if (st->ntoggled == TREE_TOGGLED_MAX)
		memmove(st->toggled, st->toggled + 1, --st->ntoggled * sizeof st->toggled[0]);
	st->toggled[st->ntoggled++] = key;
}

static long parent_of(const struct tree_state *st, long row)
{
	for (long i = row - 1; i >= 0; i--)
		if (st->tree.nodes[i].depth < st->tree.nodes[row].depth)
			return i;
	return -1;
}

/* Right opens, then goes in; left folds, then goes out. */
static struct intent fold(struct tree_state *st, bool open)
{
	long row = list_row(&st->list);
	const struct tree_node *n = tree_node_at(st, row);

	if (!n)
		return intent_done();
	if (n->opens && n->open != open) {
		toggle(st, n->key);
		return changed(st);
	}
	if (open && n->open)
		list_move(&st->list, st->keys, 1);
	long parent = open ? -1 : parent_of(st, row);

	if (parent >= 0)
		list_select_row(&st->list, st->keys, parent);
	return intent_done();
}

/* A session or a line about it leads to Sessions, so does a group of one; others open and fold. */
static struct intent enter(struct tree_state *st, const struct view_input *in)
{
	const struct tree_node *n = current(st);

	if (!n)
		return intent_done();
	if (n->kind < TREE_SESSION && n->n > 1) {
		toggle(st, n->key);
		return changed(st);
	}
	const struct session *s = tree_session_of(st, n);
	struct intent i = {.kind = INTENT_VIEW, .view = "sessions", .scope = in->scope, .detail = true};

	if (s->row == SESSION_NONE)
		return intent_say(
		        s->kind == SESSION_PREPARED
		                ? "a prepared transaction has no session: COMMIT PREPARED or ROLLBACK "
		                  "PREPARED (XA on MySQL) ends it"
		                : "the server does not say who holds this lock");
	i.row.instance = (int)n->instance;
	session_ref_of(sessions_at(st->all, n->instance), s, &i.row.session);
	return i;
}

static bool contains(
        const struct tree_state *st, const struct tree_node *n, uint32_t instance, uint32_t index)
{
	for (uint32_t i = n->first; i < n->first + n->n; i++)
		if (st->tree.entries[i].instance == instance && st->tree.entries[i].index == index)
			return true;
	return false;
}

/* Puts the cursor on the line that stands for the session: the deepest of those that are open. */
static bool select_session(struct tree_state *st, uint32_t instance, uint32_t index, bool deepest)
{
	long best = -1;

	for (size_t i = 0; i < st->tree.n; i++) {
		const struct tree_node *n = &st->tree.nodes[i];

		if ((best >= 0 && !deepest) || !contains(st, n, instance, index))
			continue;
		if (best < 0 || n->depth > st->tree.nodes[best].depth)
			best = (long)i;
	}
	if (best >= 0)
		list_select_row(&st->list, st->keys, best);
	return best >= 0;
}

/* Another axis, or the one that is named; the cursor stays with the session that it was an example of. */
static struct intent turn(struct tree_state *st, const struct view_input *in, const char *name)
{
	const struct tree_node *n = current(st);
	uint32_t instance = n ? n->instance : 0, index = n ? n->index : 0;
	bool had = n != NULL;
	int axis = (int)st->axis;

	if (name && name[0]) {
		for (axis = 0; axis < TREE_AXES && strcmp(tree_axis_name((enum tree_axis)axis), name) != 0;)
			axis++;
		if (axis == TREE_AXES)
			return intent_say("by signature, app, client, user, blocker or server");
	} else {
		axis = (axis + 1) % TREE_AXES;
	}
	st->axis = (enum tree_axis)axis;
	changed(st);
	settle(st, in);
	if (!had || !select_session(st, instance, index, false))
		list_top(&st->list, st->keys);
	remember_cursor(st, in);
	return intent_done();
}

/* --- Acting */

static bool may_be_meant(const struct session *s, enum action_kind kind, bool any_runs)
{
	bool runs = s->state == STATE_ACTIVE || s->state == STATE_FASTPATH;

	return s->row != SESSION_NONE && (kind != ACTION_CANCEL || runs || !any_runs);
}

static struct intent gone(const struct tree_state *st)
{
	struct intent i = {.kind = INTENT_SAY};

	if (st->ghost.kind >= TREE_SESSION)
		snprintf(i.text, sizeof i.text, "%lld is gone already: nothing was done",
		        (long long)st->ghost.id);
	else
		snprintf(i.text, sizeof i.text, "this group is gone: nothing was done");
	return i;
}

static struct intent act(struct tree_state *st, enum action_kind kind)
{
	const struct tree_node *n = current(st);
	struct intent i = {.kind = INTENT_ACT, .action = kind};
	bool any_runs = false;
	size_t meant = 0;

	if (!n)
		return list_row(&st->list) == LIST_GHOST ? gone(st) : intent_say("there is no session here");
	if (n->kind == TREE_HEADING && n->heading != HEADING_FREE)
		return intent_say("these are processes of the server: open the line and act on one of them");
	if (!st->acting)
		st->acting = xcalloc(INTENT_ROWS_MAX, sizeof *st->acting);
	for (uint32_t e = n->first; e < n->first + n->n && !any_runs; e++) {
		const struct tree_entry *entry = &st->tree.entries[e];

		any_runs = may_be_meant(
		        &sessions_at(st->all, entry->instance)->sessions[entry->index], ACTION_CANCEL, true);
	}
	for (uint32_t e = n->first; e < n->first + n->n; e++) {
		const struct tree_entry *entry = &st->tree.entries[e];
		const struct session_view *v = sessions_at(st->all, entry->instance);
		const struct session *s = &v->sessions[entry->index];

		if (!may_be_meant(s, kind, any_runs) || meant++ >= INTENT_ROWS_MAX)
			continue;
		st->acting[i.nrows].instance = (int)entry->instance;
		session_ref_of(v, s, &st->acting[i.nrows++].session);
	}
	if (i.nrows == 0)
		return intent_say("there is no session here to act on");
	if (meant > i.nrows)
		snprintf(i.text, sizeof i.text,
		        "%zu of %zu: no more fit into one decision; the others stay, act on them next",
		        i.nrows, meant);
	i.rows = st->acting;
	i.row = st->acting[0];
	return i;
}

/* --- The rest */

static struct intent copy(const struct tree_state *st, const struct view_input *in)
{
	const struct tree_node *n = current(st);
	struct intent i = {.kind = INTENT_COPY};
	struct buf b;

	if (!n && list_row(&st->list) != LIST_GHOST)
		return intent_say("there is nothing here to copy");
	buf_init(&b, 1024 * 1024);
	const struct session *s = n ? tree_session_of(st, n) : NULL;

	if (!n)
		buf_puts(&b, st->ghost.text);
	else if (n->kind < TREE_SESSION ||
	         !sessions_statement(in, n->instance, s->query, s->query_n, s->query_n, &b))
		tree_text(st, in, n, &b);
	i.long_text = buf_steal(&b);
	return i;
}

static struct intent set_filter(struct tree_state *st, const char *expression)
{
	filter_box_set(&st->filter, expression, tree_filter_names, TWORD_N, NULL, 0, 1u << TWORD_AGE);
	changed(st);
	return st->filter.wrong[0] ? intent_say(st->filter.wrong) : intent_done();
}

static struct intent sort_by(struct tree_state *st, const char *name)
{
	struct intent i = view_sort(&st->sort, &st->reversed, tree_columns, TCOL_N, name);

	/* Growing first is how it stands by itself; one server needs no order of servers. */
	while (!(name && name[0]) && (st->sort == TCOL_ON || st->sort == TCOL_GROWTH))
		i = view_sort(&st->sort, &st->reversed, tree_columns, TCOL_N, name);
	if (st->sort == TCOL_GROWTH)
		st->sort = LIST_NO_COLUMN;
	st->dirty = true;
	return i;
}

static struct intent mouse(struct tree_state *st, const struct view_input *in, const struct view_event *ev)
{
	long index;

	if (ev->wheel) {
		list_wheel(&st->list, ev->wheel * 3);
		return intent_done();
	}
	switch (list_hit(&st->list, &st->layout, st->table, ev->x, ev->y, &index)) {
	case LIST_HIT_HEADER:
		return sort_by(st, tree_columns[st->named[index]].name);
	case LIST_HIT_ROW:
		if (index >= 0)
			list_select_row(&st->list, st->keys, index);
		return ev->activate ? enter(st, in) : intent_done();
	case LIST_HIT_NONE:
		break;
	}
	return intent_none();
}

static struct intent tree_apply(void *state, const struct view_input *in, const struct view_event *ev)
{
	struct tree_state *st = state;
	const struct tree_node *n = current(st);

	switch (ev->command) {
	case CMD_COUNT:
		return mouse(st, in, ev);
	case CMD_LEFT:
	case CMD_RIGHT:
		return fold(st, ev->command == CMD_RIGHT);
	case CMD_DETAIL:
		return enter(st, in);
	case CMD_AXIS:
		return turn(st, in, ev->arg);
	case CMD_BACK:
		return st->filter.filter ? set_filter(st, "") : intent_none();
	case CMD_FILTER:
		return ev->arg ? set_filter(st, ev->arg) : filter_box_prompt(&st->filter);
	case CMD_SORT:
		return sort_by(st, ev->arg);
	case CMD_REVERSE:
		st->reversed = !st->reversed;
		st->dirty = true;
		return intent_done();
	case CMD_CANCEL:
	case CMD_TERMINATE:
		return act(st, ev->command == CMD_CANCEL ? ACTION_CANCEL : ACTION_TERMINATE);
	case CMD_COPY:
		return copy(st, in);
	case CMD_IDLE:
		st->hide_idle = !st->hide_idle;
		return changed(st);
	case CMD_OWN:
		st->show_own = !st->show_own;
		return changed(st);
	case CMD_SCOPE:
		return view_scope(in, n ? (int)in->snap->instances[n->instance].cfg->cluster : -1,
		        n && n->servers <= 1 ? (int)n->instance : -1, ev->arg);
	default:
		return view_move(&st->list, st->keys, ev->command) ? intent_done() : intent_none();
	}
}

/* The group that the session is in: who was led here by a finding is to see how many there are. */
static bool tree_select(void *state, const struct view_input *in, const struct row_ref *row)
{
	struct tree_state *st = state;

	settle(st, in);
	if (row->instance < 0 || (size_t)row->instance >= in->snap->n)
		return false;
	const struct session_view *v = sessions_at(st->all, (size_t)row->instance);
	const struct session *s = row->session.id != 0
	                                  ? session_find(v, row->session.id, row->session.started)
	                          : v->n > 0 ? &v->sessions[0]
	                                     : NULL;

	if (!s)
		return false;
	/* By who blocks whom, or by server, everybody else would be in one line with it. */
	bool coarse = st->axis == TREE_BY_BLOCKER || st->axis == TREE_BY_SERVER;

	if (st->filter.filter || st->hide_idle || coarse) {
		st->axis = coarse ? TREE_BY_SIGNATURE : st->axis;
		st->hide_idle = false;
		set_filter(st, "");
		settle(st, in);
	}
	bool found = select_session(st, (uint32_t)row->instance, (uint32_t)(s - v->sessions), false);

	remember_cursor(st, in);
	return found;
}

static bool tree_offers(const void *state, const struct view_input *in, enum command c)
{
	const struct tree_state *st = state;
	const struct tree_node *n = current(st);
	bool someone = n && (n->kind != TREE_HEADING || n->heading == HEADING_FREE);
	const struct session *s = n ? tree_session_of(st, n) : NULL;

	switch (c) {
	case CMD_CANCEL:
		return someone && (s->state == STATE_ACTIVE || s->state == STATE_FASTPATH);
	case CMD_TERMINATE:
		return someone && !(n->n == 1 && session_guard_refuses(s->guard));
	case CMD_DETAIL:
	case CMD_COPY:
		return n != NULL;
	case CMD_AXIS:
		return true;
	case CMD_BACK:
		return st->filter.filter != NULL;
	case CMD_SCOPE:
		return st->many || in->scope.instance >= 0;
	case CMD_FILTER:
	case CMD_SORT:
		return st->tree.n > 0 || st->filter.filter;
	case CMD_IDLE:
	case CMD_OWN:
		return true;
	default:
		return false;
	}
}

static const char *const tree_probes[] = {"sessions", "blockers", "pulse", "server", NULL};

static const char *tree_trouble(const void *state)
{
	const struct tree_state *st = state;

	return st->filter.trouble;
}

const struct view tree_view = {
        .name = "tree",
        .title = "Tree",
        .open = CMD_TREE,
        .probes = tree_probes,
        .json_probe = "sessions",
        .columns = tree_columns,
        .ncolumns = TCOL_N,
        .extra = tree_words,
        .state_size = sizeof(struct tree_state),
        .init = tree_init,
        .fini = tree_fini,
        .update = tree_update_view,
        .render = tree_render,
        .apply = tree_apply,
        .select = tree_select,
        .offers = tree_offers,
        .trouble = tree_trouble,
};
