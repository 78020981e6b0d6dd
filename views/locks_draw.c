/* How the Locks view looks: a tree of who waits behind whom, the root in colour, the proposal above it. Only
 * rows in sight are formatted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/locks_state.h"
#include "views/sessions_state.h"

enum { WIDE_FROM = 110, NAME_CELLS = 12 };

struct drawing {
	const struct locks_state *st;
	const struct view_input *in;
	struct buf text;
};

struct row {
	struct surface *s;
	const struct locks_row *r;
	const struct lock_graph *g;
	int x0, y;
	enum style base;
	bool stale;
};

static void cell(const struct drawing *d, const struct row *r, int column, enum style style)
{
	list_celln(r->s, &d->st->layout, r->x0, r->y, column, r->stale ? r->base : style, d->text.data,
	        d->text.len);
}

/* --- The branch a node hangs on */

static const char *corner(const struct row *r, bool wide)
{
	bool likely = r->g->nodes[r->r->node].likely;

	if (r->s->ascii)
		return likely ? (wide ? "|~ " : "|~") : (wide ? "|- " : "|-");
	if (likely)
		return r->r->last ? (wide ? "└╌ " : "└╌") : (wide ? "├╌ " : "├╌");
	return r->r->last ? (wide ? "└─ " : "└ ") : (wide ? "├─ " : "├ ");
}

/* As many levels as leave room for a name; of more, how many are left out. */
static int draw_branch(const struct row *r, int x, int cells)
{
	bool wide = r->s->width >= WIDE_FROM;
	int step = wide ? 3 : 2;
	int most = (cells - NAME_CELLS) / step;
	int depth = r->r->depth;
	int from = depth > most && most > 1 ? depth - most + 2 : 0;
	int at = x;

	if (depth == 0)
		return 0;
	if (from > 0)
		at += surface_printf(r->s, at, r->y, cells, STYLE_DIM, r->s->ascii ? "+%-*d" : "⋯%-*d",
		        step * 2 - 1, from);
	/* Level 0 are the roots, which have no branch. */
	for (int level = from > 0 ? from : 1; level < depth; level++) {
		bool over = r->r->closed >> (level & 63) & 1;

		surface_text(r->s, at, r->y, 1, STYLE_BORDER, over ? " " : r->s->ascii ? "|" : "│");
		at += step;
	}
	at += surface_text(r->s, at, r->y, x + cells - at, STYLE_BORDER, corner(r, wide));
	return at - x;
}

static void draw_gutter(const struct drawing *d, const struct row *r)
{
	bool ascii = r->s->ascii;
	size_t children = 0;
	const char *mark = NULL;

	if (r->r->kind == LROW_NODE && list_marked(&d->st->list, d->st->keys[r->r - d->st->rows])) {
		surface_text(r->s, r->x0 - 1, r->y, 1, STYLE_MARKED, ascii ? "*" : "✓");
		return;
	}
	if (r->r->kind == LROW_NODE)
		locks_children(r->g, r->r->node, &children);
	if (r->r->kind == LROW_FOLD)
		mark = r->r->opened ? (ascii ? "-" : "▾") : (ascii ? "+" : "▸");
	else if (r->r->folded && children > 0)
		mark = ascii ? "+" : "▸";
	if (mark)
		surface_text(r->s, r->x0 - 1, r->y, 1, STYLE_DIM, mark);
}

/* --- Cells */

static enum style node_style(const struct row *r)
{
	const struct lock_node *n = &r->g->nodes[r->r->node];

	if (!n->blocked || n->circle)
		return STYLE_CRIT;
	return n->convoy ? STYLE_WARN : STYLE_TEXT;
}

static void draw_node(struct drawing *d, const struct row *r)
{
	int x, cells;
	const struct lock_node *n = &r->g->nodes[r->r->node];

	if (!list_place(&d->st->layout, r->x0, LCOL_NODE, &x, &cells))
		return;
	int used = draw_branch(r, x, cells);

	buf_reset(&d->text);
	if (r->r->kind == LROW_FOLD) {
		const char *app = locks_app(r->g, r->r->node);

		buf_printf(&d->text, "%" PRIu32 " %s %s", r->r->count, r->s->ascii ? "x" : "×",
		        app ? app : "session");
	} else {
		locks_who_text(r->g, r->r->node, &d->text);
		if (r->r->folded && n->behind > 0)
			buf_printf(&d->text, " (+%" PRIu32 ")", n->behind);
	}
	surface_field(r->s, x + used, r->y, cells - used, r->stale ? r->base : node_style(r), d->text.data,
	        d->text.len, false);
}

static void draw_what(struct drawing *d, const struct row *r)
{
	const struct lock_node *n = &r->g->nodes[r->r->node];
	char age[HUMAN_MAX];

	buf_reset(&d->text);
	if (r->r->kind == LROW_FOLD && n->blocked && n->waiting_ms >= 0)
		buf_printf(
		        &d->text, "wait %s%s", r->s->ascii ? "<" : "≤", human_duration(n->waiting_ms, age));
	else
		locks_what_text(r->g, r->r->node, &d->text);
	cell(d, r, LCOL_WHAT, !n->blocked ? STYLE_CRIT : r->base);
}

static void draw_lock(struct drawing *d, const struct row *r)
{
	int x, cells;

	if (!list_place(&d->st->layout, r->x0, LCOL_LOCK, &x, &cells))
		return;
	buf_reset(&d->text);
	locks_lock_text(r->g, r->r->node, cells, r->s->ascii, &d->text);
	cell(d, r, LCOL_LOCK, r->g->nodes[r->r->node].likely ? STYLE_DIM : r->base);
}

static void draw_query(struct drawing *d, const struct row *r)
{
	const struct lock_node *n = &r->g->nodes[r->r->node];
	const struct session *session = locks_session(r->g, n);
	const char *mark = r->s->ascii ? "< convoy head" : "◀ convoy head";
	int x, cells;

	if (!list_place(&d->st->layout, r->x0, LCOL_QUERY, &x, &cells))
		return;
	if (n->convoy && r->r->kind == LROW_NODE) {
		int need = cells >= 34 ? 13 : 1;

		surface_text(r->s, x + cells - need, r->y, need, r->stale ? r->base : STYLE_WARN, mark);
		cells -= need + 1;
	}
	buf_reset(&d->text);
	if (n->kind == SESSION_PREPARED && n->remedy == REMEDY_STATEMENT)
		locks_remedy_statement(r->g, r->r->node, &d->text);
	else if (!session || !sessions_statement(d->in, r->r->instance, session->query, session->query_n,
	                             (size_t)cells * 4 + 64, &d->text))
		return;
	bool running = session && (session->query_ms >= 0 || session->state == STATE_ACTIVE);

	surface_field(r->s, x, r->y, cells, r->stale || running ? r->base : STYLE_DIM, d->text.data,
	        d->text.len, false);
}

/* --- Lines that are no session */

static void draw_instance(const struct drawing *d, const struct row *r, int width)
{
	const struct lock_counts *c = &r->g->counts;
	const char *dot = r->s->ascii ? " . " : " · ";
	char age[HUMAN_MAX], name[128];
	int x = r->x0;

	view_name(view_instance_name(d->in, r->r->instance), width / 2, name, sizeof name);
	x += surface_printf(r->s, x, r->y, width, STYLE_STRONG, "%s  ", name);
	surface_printf(r->s, x, r->y, r->x0 + width - x, r->stale ? STYLE_STALE : STYLE_CRIT,
	        "%" PRIu32 " wait%s%s%" PRIu32 " root%s%s%s", c->waiters, c->waiters == 1 ? "s" : "", dot,
	        c->roots, c->roots == 1 ? "" : "s", c->longest_ms >= 0 ? dot : "",
	        c->longest_ms >= 0 ? "longest " : "");
	if (c->longest_ms < 0)
		return;
	x += snprintf(NULL, 0, "%" PRIu32 " wait%s   %" PRIu32 " root%s   longest ", c->waiters,
	        c->waiters == 1 ? "s" : "", c->roots, c->roots == 1 ? "" : "s");
	surface_text(r->s, x, r->y, r->x0 + width - x, r->stale ? STYLE_STALE : STYLE_CRIT,
	        human_duration(c->longest_ms, age));
}

static void draw_action(struct drawing *d, const struct row *r, int width)
{
	enum { LABEL = 11 };
	struct buf *b = &d->text;

	locks_action_text(r->g, r->r->index, width, true, b);
	const char *text = buf_str(b);

	surface_textn(r->s, r->x0, r->y, LABEL, r->stale ? r->base : STYLE_ACCENT, text, LABEL);
	if (b->len > LABEL)
		surface_field(r->s, r->x0 + LABEL, r->y, width - LABEL, r->stale ? r->base : STYLE_STRONG,
		        text + LABEL, b->len - LABEL, false);
}

static void draw_note(const struct drawing *d, const struct row *r, int width)
{
	const struct locks_line *l = &d->st->lines[r->r->index];

	surface_field(
	        r->s, r->x0, r->y, width, r->stale ? r->base : l->style, l->text, strlen(l->text), false);
}

static void draw_ghost(const struct drawing *d, struct surface *s, int x0, int y, int width)
{
	const struct locks_ghost *g = &d->st->ghost;

	if (g->known)
		surface_printf(s, x0, y, width, STYLE_GHOST, "%" PRId64 " %s does not wait or block any more",
		        g->id, g->app);
	else
		surface_printf(s, x0, y, width, STYLE_GHOST, "nothing is left to do here");
}

static void draw_row(void *arg, struct surface *s, const struct list_layout *l, int x0, int y, long index)
{
	struct drawing *d = arg;
	struct row r = {.s = s, .x0 = x0, .y = y};
	int width = d->st->table.w - 2;

	(void)l;
	if (index < 0 || (size_t)index >= d->st->n) {
		draw_ghost(d, s, x0, y, width);
		return;
	}
	r.r = &d->st->rows[index];
	r.g = locks_graph(d->st, r.r->instance);
	r.stale = snapshot_is_stale(d->in->snap, r.r->instance, "locks");
	r.base = r.stale ? STYLE_STALE : STYLE_TEXT;
	draw_gutter(d, &r);
	switch (r.r->kind) {
	case LROW_INSTANCE:
		draw_instance(d, &r, width);
		return;
	case LROW_ACTION:
		draw_action(d, &r, width);
		return;
	case LROW_NOTE:
		draw_note(d, &r, width);
		return;
	case LROW_NODE:
	case LROW_FOLD:
		break;
	}
	draw_node(d, &r);
	draw_what(d, &r);
	draw_lock(d, &r);
	draw_query(d, &r);
}

static void draw_pane(const struct locks_state *st, struct surface *s)
{
	char title[192];

	snprintf(title, sizeof title, "%" PRId64 "%s%s", st->ghost.id, st->many ? " on " : "",
	        st->many ? st->ghost.name : "");
	pane_draw(&st->pane, st->ghost.known ? title : "Detail", s);
}

void locks_render(const void *state, const struct view_input *in, struct surface *s)
{
	const struct locks_state *st = state;
	struct drawing d = {.st = st, .in = in};
	struct list_draw draw = {.arg = &d, .row = draw_row, .sorted = LIST_NO_COLUMN};

	if (!st->sessions)
		return;
	buf_init(&d.text, 16384);
	locks_draw_head(st, in, s);
	if (st->table.h > 0)
		list_render(&st->list, st->columns, &st->layout, st->table, &draw, s);
	if (st->table.h > 1 && st->waiters == 0)
		locks_draw_empty(st, in, s);
	if (st->pane.at.h > 0)
		draw_pane(st, s);
	buf_free(&d.text);
}
