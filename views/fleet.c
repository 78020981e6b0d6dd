/* Fleet: every instance as one line, grouped by cluster: is it there, is it full, is it stuck, is it behind.
 * The screen somebody opens first; what is wrong here is a sentence in the last column, and Enter leads to
 * the sessions behind it. This file keeps order, filter and cursor; fleet_draw.c draws. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "views/fleet.h"
#include "views/fleet_state.h"

const struct list_column fleet_columns[COL_COUNT] = {
        [COL_INSTANCE] =
                {.name = "instance", .title = "INSTANCE", .min = 12, .ideal = 20, .flex = 1, .pinned = true},
        [COL_ROLE] = {.name = "role", .title = "ROLE", .priority = 5, .min = 4, .ideal = 7},
        [COL_CONN] = {.name = "conn", .title = "CONN", .priority = 2, .min = 8, .ideal = 15},
        [COL_ACTIVE] = {.name = "active", .title = "ACT", .priority = 4, .min = 4, .ideal = 5, .right = true},
        [COL_IDLE_XACT] = {.name = "idle_tx",
                .title = "IDLE TX",
                .brief = "IDTX",
                .priority = 6,
                .min = 4,
                .ideal = 7,
                .right = true},
        [COL_BLOCKED] = {.name = "blocked",
                .title = "BLOCKED",
                .brief = "BLK",
                .priority = 1,
                .min = 3,
                .ideal = 7,
                .right = true},
        [COL_OLDEST] = {.name = "oldest",
                .title = "OLDEST TX",
                .brief = "OLDEST",
                .priority = 3,
                .min = 6,
                .ideal = 9,
                .right = true},
        [COL_LAG] = {.name = "lag", .title = "LAG", .priority = 2, .min = 6, .ideal = 13},
        [COL_RATE] = {.name = "tps", .title = "TPS", .priority = 7, .min = 5, .ideal = 6, .right = true},
        [COL_SPARK] = {.name = "trend", .title = "60 s", .priority = 8, .min = 8, .ideal = 12, .flex = 1},
        [COL_STATE] = {.name = "state", .title = "STATE", .priority = 0, .min = 18, .ideal = 18, .flex = 4},
};

/* --- What a row is called
 * ----------------------------------------------------------------------------------- */

struct list_key fleet_key(const struct fleet_state *st, const struct view_input *in, struct fleet_line line)
{
	uint64_t kind = (uint64_t)line.kind + 1;

	switch (line.kind) {
	case ROW_GROUP:
		return (struct list_key){kind, list_hash_text(0, st->fleet->groups[line.index].name)};
	case ROW_INSTANCE:
		return (struct list_key){kind,
		        list_hash_text(0, view_instance_name(in, st->fleet->rows[line.index].instance))};
	case ROW_OFFER:
		break;
	}
	const struct fleet_offer *offer = &st->fleet->offers[line.index];

	return (struct list_key){
	        kind, list_hash(list_hash_text(0, offer->host), &offer->port, sizeof offer->port)};
}

bool fleet_folded(const struct fleet_state *st, struct list_key key)
{
	for (size_t i = 0; i < st->nfolded; i++)
		if (list_key_equal(st->folded[i], key))
			return true;
	return false;
}

static void fold(struct fleet_state *st, struct list_key key, bool folded)
{
	for (size_t i = 0; i < st->nfolded; i++) {
		if (!list_key_equal(st->folded[i], key))
			continue;
		if (!folded)
			st->folded[i] = st->folded[--st->nfolded];
		return;
	}
	if (folded && st->nfolded < FOLDED_MAX)
		st->folded[st->nfolded++] = key;
}

/* --- Filter and order
 * ---------------------------------------------------------------------------------------- */

struct row_access {
	const struct fleet_row *row;
	const struct view_input *in;
};

static bool row_text(const void *arg, int column, const char **s, size_t *n)
{
	const struct row_access *a = arg;
	const struct instance_view *v = &a->in->snap->instances[a->row->instance];

	switch (column) {
	case COL_INSTANCE:
		*s = v->cfg->name;
		break;
	case COL_ROLE:
		*s = server_role_name(a->row->role);
		break;
	case COL_LAG:
		*s = a->row->lag_note;
		break;
	case COL_STATE:
		*s = a->row->state;
		break;
	case COL_COUNT: /* the cluster, which has no column of its own */
		*s = v->cluster->name;
		break;
	default:
		return false;
	}
	*n = strlen(*s);
	return true;
}

static double row_value(const struct fleet_row *r, int column)
{
	switch (column) {
	case COL_CONN:
		return r->limit_max > 0 ? 100.0 * (double)r->limit_used / (double)r->limit_max : (double)NAN;
	case COL_ACTIVE:
		return r->active < 0 ? (double)NAN : (double)r->active;
	case COL_IDLE_XACT:
		return r->idle_xact < 0 ? (double)NAN : (double)r->idle_xact;
	case COL_BLOCKED:
		return r->blocked < 0 ? (double)NAN : (double)r->blocked;
	case COL_OLDEST:
		return r->oldest_xact_ms < 0 ? (double)NAN : (double)r->oldest_xact_ms;
	case COL_LAG:
		return r->lag_ms < 0 ? (double)NAN : (double)r->lag_ms;
	case COL_RATE:
	case COL_SPARK:
		return r->rate;
	case COL_STATE:
		return (double)r->health;
	default:
		return (double)NAN;
	}
}

static bool row_number(const void *arg, int column, double *v)
{
	const struct row_access *a = arg;

	*v = column < COL_COUNT ? row_value(a->row, column) : (double)NAN;
	return !isnan(*v);
}

static bool row_matches(const struct fleet_state *st, const struct view_input *in, const struct fleet_row *r)
{
	const struct row_access access = {.row = r, .in = in};
	const struct filter_row row = {.text = row_text, .number = row_number, .row = &access};

	return filter_match(st->filter.filter, &row);
}

struct order {
	const struct fleet_state *st;
	const struct view_input *in;
};

/* Text columns ascend, figures descend: what one looks for is on top. Unknown figures come last. */
static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	const struct fleet_row *x = &o->st->fleet->rows[*(const size_t *)a];
	const struct fleet_row *y = &o->st->fleet->rows[*(const size_t *)b];
	int way = o->st->reversed ? -1 : 1;
	int c;

	if (o->st->sort == COL_INSTANCE) {
		c = strcmp(view_instance_name(o->in, x->instance), view_instance_name(o->in, y->instance));
	} else if (o->st->sort == COL_ROLE) {
		c = (int)x->role - (int)y->role;
	} else {
		double p = row_value(x, o->st->sort);
		double q = row_value(y, o->st->sort);

		if (isnan(p) != isnan(q))
			return isnan(p) ? 1 : -1;
		c = isnan(p) ? 0 : (p < q) - (p > q);
	}
	if (c)
		return c * way;
	return (x->instance > y->instance) - (x->instance < y->instance);
}

static void add_line(struct fleet_state *st, const struct view_input *in, enum row_kind kind, size_t index)
{
	st->lines[st->n] = (struct fleet_line){.kind = kind, .index = index};
	st->keys[st->n] = fleet_key(st, in, st->lines[st->n]);
	st->n++;
}

/* Offers stand under the cluster of the primary that names them. */
static void add_offers(struct fleet_state *st, const struct view_input *in, size_t cluster)
{
	for (size_t i = 0; i < st->fleet->noffers; i++) {
		size_t primary = st->fleet->offers[i].primary;

		if (in->snap->instances[primary].cfg->cluster == cluster &&
		        scope_has(&in->scope, in->snap, primary) && !st->filter.filter)
			add_line(st, in, ROW_OFFER, i);
	}
}

static void build_lines(struct fleet_state *st, const struct view_input *in)
{
	const struct fleet *f = st->fleet;
	size_t room = f->n + f->ngroups + f->noffers + 1;
	size_t *order = xcalloc(f->n + 1, sizeof *order);

	st->lines = xreallocarray(st->lines, room, sizeof *st->lines);
	st->keys = xreallocarray(st->keys, room, sizeof *st->keys);
	st->n = 0;
	st->filtered = 0;
	for (size_t g = 0; g < f->ngroups; g++) {
		const struct fleet_group *group = &f->groups[g];
		size_t n = 0;

		for (size_t i = group->first; i < group->first + group->n; i++) {
			if (!scope_has(&in->scope, in->snap, f->rows[i].instance))
				continue;
			if (row_matches(st, in, &f->rows[i]))
				order[n++] = i;
			else
				st->filtered++;
		}
		if (!n)
			continue;
		struct order by = {.st = st, .in = in};

		if (st->sort != LIST_NO_COLUMN)
			qsort_r(order, n, sizeof *order, compare_rows, &by);
		/* Without clusters there is nothing to group by. */
		if (f->ngroups > 1 || group->name[0]) {
			add_line(st, in, ROW_GROUP, g);
			if (fleet_folded(st, st->keys[st->n - 1]))
				continue;
		}
		for (size_t i = 0; i < n; i++)
			add_line(st, in, ROW_INSTANCE, order[i]);
		add_offers(st, in, group->cluster);
	}
	free(order);
}

/* --- Where things stand
 * --------------------------------------------------------------------------------------- */

bool fleet_lists_finding(const struct view_input *in, size_t i)
{
	const struct finding *f = &in->findings->item[i];

	/* Two primaries are one finding of each of them, and one sentence. */
	return scope_has(&in->scope, in->snap, f->instance) &&
	       (i == 0 || strcmp(f->text, in->findings->item[i - 1].text) != 0);
}

size_t fleet_findings_in_scope(const struct view_input *in)
{
	size_t n = 0;

	for (size_t i = 0; in->findings && i < in->findings->n; i++)
		n += fleet_lists_finding(in, i);
	return n;
}

/* The list takes what it needs; what is left below it lists the findings. From 50 lines on a part is kept. */
static void arrange(struct fleet_state *st, const struct view_input *in)
{
	int findings = (int)fleet_findings_in_scope(in);
	int list = (int)st->n + 1 + (st->list.ghost ? 1 : 0);
	int spare = in->body.h - list;
	int want = findings + 2;

	if (in->body.h >= 44 && spare < 10)
		spare = 10;
	st->table = in->body;
	st->panel = (struct rect){0};
	/* The frame says the worst one already. */
	if (findings < 2 || spare < FINDINGS_LEAST)
		return;
	int h = want < spare ? want : spare;

	st->table.h = in->body.h - h;
	st->panel = (struct rect){.x = in->body.x, .y = in->body.y + st->table.h, .w = in->body.w, .h = h};
}

static void fleet_init(void *state)
{
	struct fleet_state *st = state;

	st->sort = LIST_NO_COLUMN;
}

static void fleet_fini(void *state)
{
	struct fleet_state *st = state;

	fleet_free(st->fleet);
	free(st->lines);
	free(st->keys);
	filter_box_free(&st->filter);
}

static void fleet_update(void *state, const struct view_input *in)
{
	struct fleet_state *st = state;

	fleet_free(st->fleet);
	st->fleet = fleet_build(in->snap, in->findings);
	do
		build_lines(st, in);
	while (filter_box_gave_up(&st->filter));
	arrange(st, in);
	list_layout(fleet_columns, COL_COUNT, list_width(st->table.w), st->list.scroll, &st->layout);
	list_update(&st->list, st->keys, st->n, st->table.h - 1);
	/* Instances do not end: one that is not there was folded, filtered, or is out of scope. */
	if (st->list.ghost)
		view_leave_ghost(&st->list, st->keys);
}

/* --- Commands
 * ------------------------------------------------------------------------------------------------------ */

/* The line under the cursor, NULL on a ghost or an empty list. */
static const struct fleet_line *current(const struct fleet_state *st)
{
	long row = list_row(&st->list);

	return row >= 0 && (size_t)row < st->n ? &st->lines[row] : NULL;
}

static const char *const fleet_extra[] = {"cluster", NULL};

static struct intent set_filter(struct fleet_state *st, const char *expression)
{
	filter_box_set(&st->filter, expression, fleet_columns, COL_COUNT, fleet_extra, 1,
	        1u << COL_OLDEST | 1u << COL_LAG);
	return st->filter.wrong[0] ? intent_say(st->filter.wrong) : intent_done();
}

static struct intent descend(struct fleet_state *st, const struct view_input *in)
{
	const struct fleet_line *line = current(st);

	if (!line)
		return intent_done();
	if (line->kind == ROW_GROUP) {
		fold(st, fleet_key(st, in, *line), !fleet_folded(st, fleet_key(st, in, *line)));
		return intent_done();
	}
	if (line->kind == ROW_OFFER)
		return intent_say("not configured: a adds it for this run");
	int instance = (int)st->fleet->rows[line->index].instance;

	return (struct intent){.kind = INTENT_VIEW,
	        .view = "sessions",
	        .scope = {.cluster = (int)in->snap->instances[instance].cfg->cluster, .instance = instance},
	        .row = {.instance = -1}};
}

static struct intent change_scope(const struct fleet_state *st, const struct view_input *in, const char *arg)
{
	const struct fleet_line *line = current(st);
	int instance = -1;

	if (!line || line->kind == ROW_OFFER)
		return view_scope(in, -1, -1, arg);
	if (line->kind == ROW_GROUP)
		return view_scope(in, (int)st->fleet->groups[line->index].cluster, -1, arg);
	instance = (int)st->fleet->rows[line->index].instance;
	return view_scope(in, (int)in->snap->instances[instance].cfg->cluster, instance, arg);
}

static struct intent add_offer(const struct fleet_state *st)
{
	const struct fleet_line *line = current(st);

	if (!line || line->kind != ROW_OFFER)
		return intent_say(
		        "a adds a replica that a primary names and nobody configured: put the cursor on "
		        "such a line");
	const struct fleet_offer *o = &st->fleet->offers[line->index];
	struct intent i = {.kind = INTENT_ADD, .row = {.instance = (int)o->primary}};

	snprintf(i.text, sizeof i.text, strchr(o->host, ':') ? "[%s]:%u" : "%s:%u", o->host, o->port);
	return i;
}

static struct intent copy_row(const struct fleet_state *st, const struct view_input *in)
{
	const struct fleet_line *line = current(st);
	struct intent i = {.kind = INTENT_COPY};

	if (!line || line->kind != ROW_INSTANCE)
		return intent_done();
	const struct fleet_row *r = &st->fleet->rows[line->index];

	snprintf(i.text, sizeof i.text, "%s %s %s", view_instance_name(in, r->instance),
	        server_role_name(r->role), r->state);
	return i;
}

static void move_fold(struct fleet_state *st, const struct view_input *in, bool folded)
{
	const struct fleet_line *line = current(st);

	if (line && line->kind == ROW_GROUP)
		fold(st, fleet_key(st, in, *line), folded);
	else
		list_sideways(&st->list, &st->layout, folded ? -1 : 1);
}

static struct intent mouse(struct fleet_state *st, const struct view_input *in, const struct view_event *ev)
{
	long index;

	if (ev->wheel) {
		list_wheel(&st->list, ev->wheel * 3);
		return intent_done();
	}
	switch (list_hit(&st->list, &st->layout, st->table, ev->x, ev->y, &index)) {
	case LIST_HIT_HEADER:
		return view_sort(
		        &st->sort, &st->reversed, fleet_columns, COL_COUNT, fleet_columns[index].name);
	case LIST_HIT_ROW:
		if (index >= 0)
			list_select_row(&st->list, st->keys, index);
		return ev->activate ? descend(st, in) : intent_done();
	case LIST_HIT_NONE:
		break;
	}
	return intent_none();
}

static struct intent fleet_apply(void *state, const struct view_input *in, const struct view_event *ev)
{
	struct fleet_state *st = state;

	if (ev->command == CMD_COUNT)
		return mouse(st, in, ev);
	if (view_move(&st->list, st->keys, ev->command))
		return intent_done();
	switch (ev->command) {
	case CMD_LEFT:
	case CMD_RIGHT:
		move_fold(st, in, ev->command == CMD_LEFT);
		return intent_done();
	case CMD_DETAIL:
		return descend(st, in);
	case CMD_SCOPE:
		return change_scope(st, in, ev->arg);
	case CMD_SORT:
		return view_sort(&st->sort, &st->reversed, fleet_columns, COL_COUNT, ev->arg);
	case CMD_REVERSE:
		st->reversed = !st->reversed;
		return intent_done();
	case CMD_FILTER:
		if (!ev->arg)
			return filter_box_prompt(&st->filter);
		return set_filter(st, ev->arg);
	case CMD_BACK:
		if (!st->filter.filter)
			return intent_none();
		return set_filter(st, "");
	case CMD_ADD:
		return add_offer(st);
	case CMD_COPY:
		return copy_row(st, in);
	default:
		return intent_none();
	}
}

/* Shows the instance even when it is folded away or filtered out: somebody was led to it. */
static bool fleet_select(void *state, const struct view_input *in, const struct row_ref *row)
{
	struct fleet_state *st = state;

	if (row->instance < 0 || (size_t)row->instance >= in->snap->n)
		return false;
	struct list_key key = {
	        ROW_INSTANCE + 1, list_hash_text(0, view_instance_name(in, (size_t)row->instance))};

	if (list_select(&st->list, st->keys, key))
		return true;
	set_filter(st, "");
	st->nfolded = 0;
	fleet_update(state, in);
	return list_select(&st->list, st->keys, key);
}

static bool fleet_offers(const void *state, const struct view_input *in, enum command c)
{
	const struct fleet_state *st = state;
	const struct fleet_line *line = current(st);

	(void)in;
	switch (c) {
	case CMD_ADD:
		return line && line->kind == ROW_OFFER;
	case CMD_DETAIL:
	case CMD_SCOPE:
		return line && line->kind != ROW_OFFER;
	case CMD_FILTER:
	case CMD_SORT:
		return st->n > 0;
	default:
		return false;
	}
}

static const char *const fleet_probes[] = {"server", "pulse", "sessions", "blockers", "replication_brief",
        "replication", "replication_local", NULL};

static const char *fleet_trouble(const void *state)
{
	const struct fleet_state *st = state;

	return st->filter.trouble;
}

const struct view fleet_view = {
        .name = "fleet",
        .title = "Fleet",
        .open = CMD_FLEET,
        .probes = fleet_probes,
        .json_probe = "pulse",
        .columns = fleet_columns,
        .ncolumns = COL_COUNT,
        .extra = fleet_extra,
        .state_size = sizeof(struct fleet_state),
        .init = fleet_init,
        .fini = fleet_fini,
        .update = fleet_update,
        .render = fleet_render,
        .apply = fleet_apply,
        .select = fleet_select,
        .offers = fleet_offers,
        .trouble = fleet_trouble,
};
