/* How the Tree view looks: counts and figures in columns, branches between them, what is not shown said
 * above. Only lines in sight are put together. */
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/tree_state.h"

enum { LINE_BYTES = 4096, BRIEF = 64, TINY = 36, AXES = 43, TOTALS = 28 };

/* --- Cells */

static void draw_count(
        const struct tree_drawing *d, const struct tree_line *l, int x0, const struct tree_node *n)
{
	char text[HUMAN_MAX];

	if (n->kind >= TREE_SESSION)
		return;
	snprintf(text, sizeof text, "%u", n->n);
	list_cell(l->s, &d->st->layout, x0, l->y, d->st->place[TCOL_COUNT],
	        l->stale        ? STYLE_STALE
	        : n->depth == 0 ? STYLE_STRONG
	                        : STYLE_TEXT,
	        text);
}

/* Rails of the parents, a branch of its own, and whether there is more inside. */
static void draw_branch(struct tree_line *l, const struct tree_node *n)
{
	unsigned depth = n->depth < 31 ? n->depth : 31;

	/* Where there is no room for twenty of them, the last ones are what matters. */
	unsigned most = (unsigned)(tree_room(l) > 48 ? tree_room(l) / 6 : tree_room(l) / 8),
	         from = depth > most ? depth - most : 1;

	for (unsigned i = from; i < depth; i++)
		tree_put(l, STYLE_BORDER, (n->rails >> i & 1) == 0 ? "  " : l->ascii ? "| " : "│ ");
	if (depth > 0)
		tree_put(l, STYLE_BORDER, n->last ? (l->ascii ? "`-" : "└─") : (l->ascii ? "|-" : "├─"));
	if (n->opens)
		tree_put(l, STYLE_DIM, n->open ? (l->ascii ? "- " : "▾ ") : (l->ascii ? "+ " : "▸ "));
	else if (depth == 0 || n->kind <= TREE_SESSION)
		tree_put(l, STYLE_DIM, depth > 0 ? " " : "  ");
	else
		tree_put(l, STYLE_DIM, " ");
}

struct part {
	const char *name;
	uint32_t n;
};

static void add_part(struct part parts[3], struct part p)
{
	for (int i = 0; i < 3; i++) {
		if (p.n > parts[i].n) {
			struct part less = parts[i];

			parts[i] = p;
			p = less;
		}
	}
}

/* The largest shares, while there is room: "pg-1 218 · pg-2 120 · 2 more". Entries of one server stand
 * together. */
static void draw_servers(
        const struct tree_drawing *d, struct tree_line *l, const struct tree_node *n, int cells)
{
	const struct tree_entry *e = &d->st->tree.entries[n->first];
	struct part parts[3] = {{0}};
	uint32_t shown = 0;
	char text[160];

	for (uint32_t i = 0; i < n->n;) {
		uint32_t from = i;

		while (i < n->n && e[i].instance == e[from].instance)
			i++;
		add_part(parts, (struct part){view_instance_name(d->in, e[from].instance), i - from});
	}
	l->right = l->x + cells;
	for (int i = 0; i < 3 && parts[i].n > 0; i++) {
		snprintf(text, sizeof text, "%.100s %u", parts[i].name, parts[i].n);
		if (tree_room(l) < tree_width(text) + (n->servers > shown + 1 ? 10 : 3))
			break;
		if (i > 0)
			tree_put_dot(l);
		tree_put(l, STYLE_DIM, text);
		shown++;
	}
	if (shown == n->servers)
		return;
	snprintf(text, sizeof text, shown ? " +%u more" : "%u servers", n->servers - shown);
	tree_put(l, STYLE_DIM, text);
}

static void draw_on(const struct tree_drawing *d, struct tree_line *l, int x0, const struct tree_node *n)
{
	struct tree_line on = *l;
	char name[256];
	int cells;
	bool group = n->kind < TREE_SESSION && n->kind != TREE_INSTANCE && n->kind != TREE_CLUSTER;

	if (!list_place(&d->st->layout, x0, d->st->place[TCOL_ON], &on.x, &cells))
		return;
	if (n->depth > 0 ? !group || n->servers <= 1 : !group && n->kind != TREE_SESSION)
		return;
	on.right = on.x + cells;
	if (n->servers > 1) {
		draw_servers(d, &on, n, cells);
		return;
	}
	view_name(view_instance_name(d->in, n->instance), cells, name, sizeof name);
	tree_put(&on, STYLE_DIM, name);
}

static enum style growth_style(const struct tree_growth *g)
{
	if (!g->known || g->per_minute < 0.5)
		return STYLE_DIM;
	return g->per_minute >= 10 && g->rising >= 4 ? STYLE_WARN : STYLE_TEXT;
}

static void draw_figures(
        const struct tree_drawing *d, const struct tree_line *l, int x0, const struct tree_node *n)
{
	char text[32], age[HUMAN_MAX];

	if (n->kind > TREE_SESSION)
		return;
	if (n->oldest_ms >= 0)
		list_cell(l->s, &d->st->layout, x0, l->y, d->st->place[TCOL_OLDEST],
		        l->stale ? STYLE_STALE : STYLE_TEXT, human_duration(n->oldest_ms, age));
	/* Of these, how many there were is not kept. */
	bool counted = n->kind < TREE_ACCOUNT && n->heading == HEADING_NONE &&
	               (n->depth == 0 || n->kind == TREE_INSTANCE);

	if (counted)
		list_cell(l->s, &d->st->layout, x0, l->y, d->st->place[TCOL_GROWTH],
		        l->stale ? STYLE_STALE : growth_style(&n->growth),
		        tree_growth_text(&n->growth, l->ascii, text));
}

/* --- Rows */

/* Old when all it comes from is old. */
static bool is_stale(const struct tree_drawing *d, const struct tree_node *n)
{
	uint32_t last = UINT32_MAX;

	for (uint32_t i = n->first; i < n->first + n->n; i++) {
		uint32_t instance = d->st->tree.entries[i].instance;

		if (instance != last && !snapshot_is_stale(d->in->snap, instance, "sessions"))
			return false;
		last = instance;
	}
	return true;
}

static void draw_ghost(const struct tree_drawing *d, struct tree_line *l)
{
	const struct tree_ghost *g = &d->st->ghost;

	l->stale = false;
	for (unsigned i = 0; i < g->depth && i < 8; i++)
		tree_put(l, STYLE_GHOST, "  ");
	tree_put(l, STYLE_GHOST, g->kind < TREE_SESSION ? (l->ascii ? "gone: " : "∅ gone: ") : "gone: ");
	tree_put(l, STYLE_GHOST, g->text);
}

static void draw_row(void *arg, struct surface *s, const struct list_layout *layout, int x0, int y, long row)
{
	struct tree_drawing *d = arg;
	const struct tree_node *n = tree_node_at(d->st, row);
	struct tree_line l = {.s = s, .y = y, .ascii = s->ascii};
	int cells;

	if (!list_place(layout, x0, d->st->place[TCOL_GROUP], &l.x, &cells))
		return;
	l.right = l.x + cells;
	l.brief = cells < BRIEF;
	l.tiny = cells < TINY;
	if (!n) {
		draw_ghost(d, &l);
		return;
	}
	l.stale = is_stale(d, n);
	draw_count(d, &l, x0, n);
	draw_branch(&l, n);
	if (n->depth == 0 && n->kind < TREE_HEADING && !l.tiny)
		tree_put(&l, STYLE_DIM, "@ ");
	tree_put_node(d, &l, n);
	draw_on(d, &l, x0, n);
	draw_figures(d, &l, x0, n);
}

/* --- Above the list */

static void draw_axes(const struct tree_state *st, struct view_line *l)
{
	bool all = l->right - l->x >= AXES + TOTALS;

	l->x += surface_text(l->s, l->x, l->y, l->right - l->x, STYLE_DIM, "by");
	for (int a = 0; a < TREE_AXES; a++) {
		bool on = a == (int)st->axis;

		if (!on && !all)
			continue;
		l->x++;
		l->x += surface_text(l->s, l->x, l->y, l->right - l->x, on ? STYLE_TAB_ACTIVE : STYLE_TAB,
		        tree_axis_name((enum tree_axis)a));
	}
}

static void draw_totals(const struct tree_state *st, bool old, struct view_line *l)
{
	char text[160], age[HUMAN_MAX] = "";
	const struct tree *t = &st->tree;
	int n;

	if (st->axis == TREE_BY_BLOCKER && t->blocked > 0) {
		if (t->longest_wait_ms >= 0)
			human_duration(t->longest_wait_ms, age);
		n = snprintf(text, sizeof text, "%u root%s block%s %u%s%s", t->roots,
		        t->roots == 1 ? "" : "s", t->roots == 1 ? "s" : "", t->blocked,
		        age[0] ? ", longest " : "", age);
	} else {
		n = snprintf(text, sizeof text, "%u session%s in %u group%s", t->sessions,
		        t->sessions == 1 ? "" : "s", t->groups, t->groups == 1 ? "" : "s");
	}
	bool crit = st->axis == TREE_BY_BLOCKER && t->blocked > 0;

	if (st->axis == TREE_BY_BLOCKER && t->blocked == 0)
		n = snprintf(text, sizeof text, "nobody waits for anybody");
	if (l->right - l->x >= n + 2)
		surface_textn(l->s, l->right - n, l->y, n,
		        old    ? STYLE_STALE
		        : crit ? STYLE_CRIT
		               : STYLE_STRONG,
		        text, (size_t)n);
}

static void draw_edges_unknown(const struct tree_state *st, const struct view_input *in, struct view_line *l)
{
	for (size_t i = 0; i < in->snap->n; i++) {
		const struct session_view *v = sessions_at(st->all, i);

		if (!st->in[i] || !v->sample || v->edges_known)
			continue;
		struct buf b;

		buf_init(&b, 512);
		buf_printf(&b, "who blocks whom is not known%s%s: ", st->many ? " on " : "",
		        st->many ? view_instance_name(in, i) : "");
		size_t named = b.len;

		snapshot_reason(in->snap, i, "blockers", &b);
		view_clause(l, STYLE_NOTICE, b.len > named ? buf_str(&b) : "who blocks whom is being asked");
		buf_free(&b);
		return;
	}
}

static void draw_left_out(const struct tree_state *st, struct view_line *l)
{
	char text[320];
	const struct tree *t = &st->tree;
	const struct {
		unsigned n;
		const char *what;
	} out[] = {{t->idle_out, "idle"}, {t->own_out, "own"}};
	size_t used = 0;

	filter_box_clause(&st->filter, t->filtered_out, l);
	if (t->hidden > 0) {
		snprintf(text, sizeof text, "%u whose state we may not see", t->hidden);
		view_clause(l, STYLE_NOTICE, text);
	}
	if (t->truncated)
		view_clause(l, STYLE_NOTICE, "more sessions than are read");
	for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
		if (out[i].n)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%u %s",
			        used ? ", " : "not shown: ", out[i].n, out[i].what);
	if (used)
		view_clause(l, STYLE_DIM, text);
}

static void draw_head(const struct tree_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->head;
	struct view_line first = {.s = s, .x = r.x + 1, .y = r.y, .right = r.x + r.w - 1};
	struct view_line second = {.s = s, .x = r.x + 1, .y = r.y + 1, .right = r.x + r.w - 1};
	struct buf reason;
	enum style style;
	bool old;

	buf_init(&reason, 512);
	bool stale = view_stale_text(in, "sessions", st->many, &reason, &style, &old);

	if (r.h == 1 && stale) {
		view_clause(&first, style, buf_str(&reason));
	} else if (r.h >= 1) {
		draw_axes(st, &first);
		if (st->read)
			draw_totals(st, old, &first);
	}
	if (r.h > 1) {
		if (stale)
			view_clause(&second, style, buf_str(&reason));
		else if (st->axis == TREE_BY_BLOCKER)
			draw_edges_unknown(st, in, &second);
		draw_left_out(st, &second);
	}
	buf_free(&reason);
}

static void draw_empty(const struct tree_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->table;
	struct view_line l = {.s = s, .x = r.x + 1, .y = r.y + (r.h < 4 ? 1 : 2), .right = r.x + r.w - 1};
	char text[384];

	if (!st->read) {
		view_say_why_nothing(in, "sessions", &l, r.y + r.h);
		return;
	}
	if (st->filter.filter) {
		snprintf(text, sizeof text, "No session matches \"%s\". Esc shows all of them.",
		        st->filter.expression);
		view_say(&l, STYLE_DIM, text);
		return;
	}
	view_say(&l, STYLE_DIM, "Nobody is connected.");
	if (st->tree.idle_out > 0) {
		snprintf(text, sizeof text, "%u idle session%s not shown: i shows them.", st->tree.idle_out,
		        st->tree.idle_out == 1 ? " is" : "s are");
		view_say(&l, STYLE_DIM, text);
	}
}

void tree_render(const void *state, const struct view_input *in, struct surface *s)
{
	const struct tree_state *st = state;
	struct tree_drawing d = {.st = st, .in = in};
	struct list_draw draw = {.arg = &d,
	        .row = draw_row,
	        .sorted = st->sort >= 0 ? st->place[st->sort] : LIST_NO_COLUMN,
	        .reversed = st->reversed};

	if (!st->all)
		return;
	buf_init(&d.text, LINE_BYTES);
	draw_head(st, in, s);
	if (st->table.h > 0)
		list_render(&st->list, st->columns, &st->layout, st->table, &draw, s);
	if (st->table.h > 1 && st->tree.n == 0 && !st->list.ghost)
		draw_empty(st, in, s);
	buf_free(&d.text);
}
