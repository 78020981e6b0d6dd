/* How the Replication view looks: a tree of servers, each with how far it is behind and what is wrong with it
 * in words; colour only where somebody is needed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/replication_state.h"

struct drawing {
	const struct replication_state *st;
	const struct view_input *in;
};

struct line {
	struct surface *s;
	int x0, y;
	const struct replication_row *row;
	const struct topology_edge *edge;
	enum style base;
};

static bool place(const struct drawing *d, const struct line *l, int column, int *x, int *cells)
{
	return d->st->place[column] >= 0 && list_place(&d->st->layout, l->x0, d->st->place[column], x, cells);
}

/* --- The tree's own lines */

static int draw_branches(const struct line *l, int x, int cells)
{
	const struct surface *s = l->s;
	int used = 0;

	for (unsigned d = 1; d <= l->row->depth; d++) {
		bool more = l->row->more >> (d < 63 ? d : 63) & 1;
		const char *branch = d < l->row->depth ? (more ? "│  " : "   ") : more ? "├─ " : "└─ ";

		if (s->ascii)
			branch = d < l->row->depth ? (more ? "|  " : "   ") : more ? "|- " : "`- ";
		used += surface_text(l->s, x + used, l->y, cells - used, STYLE_BORDER, branch);
	}
	return used;
}

static const char *fold_mark(const struct drawing *d, const struct line *l)
{
	bool folded = replication_folded(d->st, l->row->kind, replication_key(d->st, d->in, l->row));

	if (l->s->ascii)
		return folded ? "+" : "-";
	return folded ? "▸" : "▾";
}

static void draw_name(const struct drawing *d, const struct line *l)
{
	char name[256], cut[256];
	int x, cells;

	if (!place(d, l, RCOL_SERVER, &x, &cells))
		return;
	int used = d->st->headed ? 2 : 0;

	used += draw_branches(l, x + used, cells - used);
	bool folded = l->row->parent &&
	              replication_folded(d->st, l->row->kind, replication_key(d->st, d->in, l->row));

	if (folded)
		used += surface_text(
		        l->s, x + used, l->y, cells - used, STYLE_DIM, l->s->ascii ? "+ " : "▸ ");
	replication_name(d->st, d->in, l->row, name, sizeof name);
	view_name(name, cells - used, cut, sizeof cut);
	surface_text(l->s, x + used, l->y, cells - used, l->base, cut);
}

/* --- Cells */

static void cell(
        const struct drawing *d, const struct line *l, int column, enum style style, const char *text)
{
	if (d->st->place[column] >= 0)
		list_cell(l->s, &d->st->layout, l->x0, l->y, d->st->place[column], style, text);
}

static const char *dash(const struct line *l)
{
	return l->s->ascii ? "-" : "–";
}

static void draw_behind(const struct drawing *d, const struct line *l)
{
	char text[HUMAN_MAX + 4];
	const struct topology_edge *e = l->edge;
	const struct cluster_cfg *c = &d->in->snap->config->clusters[d->st->topology->node[e->to].cluster];

	if (e->behind >= 0) {
		bool far = e->behind > c->lag_warn_bytes && e->delay_ms <= 0;

		cell(d, l, RCOL_BEHIND,
		        far         ? STYLE_WARN
		        : e->behind ? l->base
		                    : STYLE_DIM,
		        human_bytes(e->behind, 0, text));
	} else if (e->transactions >= 0) {
		char count[HUMAN_MAX];

		snprintf(text, sizeof text, "%s trx", human_count((double)e->transactions, count));
		cell(d, l, RCOL_BEHIND, e->transactions ? l->base : STYLE_DIM, text);
	} else if (e->kind != EDGE_GROUP) {
		cell(d, l, RCOL_BEHIND, STYLE_DIM, dash(l));
	}
}

static void draw_lag(const struct drawing *d, const struct line *l)
{
	char text[HUMAN_MAX + 2];
	const struct topology_edge *e = l->edge;
	const struct cluster_cfg *c = &d->in->snap->config->clusters[d->st->topology->node[e->to].cluster];
	int64_t delay = e->delay_ms > 0 ? e->delay_ms : 0;

	if (e->kind == EDGE_GROUP || e->transport == TRANSPORT_BACKUP)
		return;
	/* Of one that only its upstream names nobody expects a figure. */
	if (e->lag_ms < 0 && d->st->topology->node[e->to].state == NODE_NAMED) {
		cell(d, l, RCOL_LAG, STYLE_DIM, dash(l));
		return;
	}
	if (e->lag_ms < 0) {
		cell(d, l, RCOL_LAG, l->base == STYLE_STALE ? STYLE_STALE : STYLE_NOTICE, "unknown");
		return;
	}
	/* A figure known to mislead says so: "~3m12s". */
	char span[HUMAN_MAX];

	snprintf(text, sizeof text, "%s%s", e->confidence == CONFIDENCE_GUESS ? "~" : "",
	        human_duration(e->lag_ms, span));
	cell(d, l, RCOL_LAG,
	        e->lag_ms - delay > c->lag_warn_ms ? STYLE_WARN
	        : e->lag_ms                        ? l->base
	                                           : STYLE_DIM,
	        text);
}

static void draw_eta(const struct drawing *d, const struct line *l)
{
	char text[HUMAN_MAX];
	const struct topology_edge *e = l->edge;

	if (e->grows)
		cell(d, l, RCOL_ETA, STYLE_WARN, "grows");
	else if (e->eta_ms >= 0)
		cell(d, l, RCOL_ETA, l->base, human_duration(e->eta_ms, text));
	else
		cell(d, l, RCOL_ETA, STYLE_DIM, dash(l));
}

/* Time where it was measured, bytes where there is room for both, or nothing else. */
static void draw_part(const struct drawing *d, const struct line *l, int column, int64_t bytes, int64_t ms)
{
	char a[HUMAN_MAX], b[HUMAN_MAX], text[2 * HUMAN_MAX + 2];
	int x, cells;

	if (!place(d, l, column, &x, &cells))
		return;
	if (bytes < 0 && ms < 0)
		snprintf(text, sizeof text, "%s", dash(l));
	else if (ms < 0 || (bytes > 0 && ms == 0 && cells < 13))
		human_bytes(bytes, 0, text);
	else if (bytes < 0 || cells < 13)
		human_duration(ms, text);
	else
		snprintf(text, sizeof text, "%s %6s", human_duration(ms, a), human_bytes(bytes, 0, b));
	cell(d, l, column, bytes > 0 || ms > 0 ? l->base : STYLE_DIM, text);
}

static void draw_note(const struct drawing *d, const struct line *l)
{
	char text[NOTE_MAX + HOLDER_FREES_MAX + 160];
	enum severity severity;
	int x, cells;

	if (!place(d, l, RCOL_NOTE, &x, &cells))
		return;
	replication_note(d->st, d->in, l->row, text, sizeof text, &severity);
	if (severity >= SEVERITY_WARN) {
		surface_text(
		        l->s, x, l->y, 2, severity_style(severity), severity_mark(severity, l->s->ascii));
		x += 2;
		cells -= 2;
	}
	enum style style = severity >= SEVERITY_NOTICE ? severity_style(severity) : STYLE_DIM;

	surface_field(l->s, x, l->y, cells, style, text, strlen(text), false);
}

/* --- Lines */

static void draw_edge(const struct drawing *d, const struct line *l)
{
	enum style style;
	const struct topology_edge *e = l->edge;
	const char *word = replication_word(d->st, l->row, &style);

	cell(d, l, RCOL_STATE, l->base == STYLE_STALE ? STYLE_STALE : style, word);
	draw_behind(d, l);
	draw_lag(d, l);
	draw_eta(d, l);
	if (e->kind == EDGE_WAL || e->kind == EDGE_LOGICAL) {
		draw_part(d, l, RCOL_UNSENT, e->unsent, -1);
		draw_part(d, l, RCOL_WRITE, e->write, e->write_ms);
		draw_part(d, l, RCOL_FLUSH, e->flush, e->flush_ms);
		draw_part(d, l, RCOL_REPLAY, e->replay, e->replay_ms);
	}
	cell(d, l, RCOL_SYNC, STYLE_DIM, e->sync ? e->sync : "");
	cell(d, l, RCOL_SOURCE, STYLE_DIM, e->source);
}

static void draw_slot(const struct drawing *d, const struct line *l)
{
	const struct topology_slot *s = &d->st->topology->slot[l->row->index];
	char text[HUMAN_MAX];
	enum style style;
	int x, cells;
	const char *word = replication_word(d->st, l->row, &style);

	cell(d, l, RCOL_STATE, style, word);
	if (s->retained >= 0)
		cell(d, l, RCOL_BEHIND, s->severity >= SEVERITY_WARN ? severity_style(s->severity) : l->base,
		        human_bytes(s->retained, 0, text));
	if (s->inactive_ms >= 0)
		cell(d, l, RCOL_LAG, l->base, human_duration(s->inactive_ms, text));
	/* How near its limit it is. */
	if (s->limit > 0 && s->retained >= 0 && place(d, l, RCOL_REPLAY, &x, &cells))
		surface_bar(l->s, x, l->y, cells, (double)s->retained / (double)s->limit);
}

static void draw_holder(const struct drawing *d, const struct line *l)
{
	const struct holder *h = replication_holder(d->st, l->row);
	char text[HUMAN_MAX + 6], count[HUMAN_MAX];
	enum style style;
	const char *word = replication_word(d->st, l->row, &style);

	cell(d, l, RCOL_STATE, style, word);
	if (h->xmin_age >= 0) {
		snprintf(text, sizeof text, "%s xid", human_count((double)h->xmin_age, count));
		cell(d, l, RCOL_BEHIND, l->base, text);
	}
	bool old = h->age_ms > (int64_t)3600 * 1000;

	if (h->age_ms >= 0)
		cell(d, l, RCOL_LAG, old ? STYLE_WARN : l->base, human_duration(h->age_ms, text));
}

static void draw_cluster(const struct drawing *d, const struct line *l)
{
	const struct cluster_cfg *c = &d->in->snap->config->clusters[l->row->index];
	int right = d->st->table.x + list_width(d->st->table.w);
	int x = l->x0;

	x += surface_text(l->s, x, l->y, right - x, STYLE_DIM, fold_mark(d, l)) + 1;
	x += surface_text(l->s, x, l->y, right - x, STYLE_STRONG, c->name[0] ? c->name : "no cluster") + 2;
	for (size_t i = 0; i < c->ntags; i++)
		x += surface_text(l->s, x, l->y, right - x, c->danger == DANGER_PROD ? STYLE_PROD : STYLE_DIM,
		             c->tags[i]) +
		     1;
}

static void draw_horizon(const struct drawing *d, const struct line *l)
{
	int right = d->st->table.x + list_width(d->st->table.w);
	int x = l->x0;

	x += surface_text(l->s, x, l->y, right - x, STYLE_DIM, fold_mark(d, l)) + 1;
	x += surface_text(l->s, x, l->y, right - x, STYLE_HEADER, "WHO HOLDS THE HORIZON") + 2;
	x += surface_text(
	        l->s, x, l->y, right - x, STYLE_DIM, "what keeps old rows from being removed, worst first");
	if (d->st->horizon->truncated)
		surface_text(l->s, x, l->y, right - x, STYLE_NOTICE, "; there are more sessions");
}

static bool is_old(const struct drawing *d, const struct replication_row *row)
{
	long instance = replication_instance(d->st, row);

	if (instance < 0)
		return false;
	return snapshot_is_stale(
	        d->in->snap, (size_t)instance, replication_holder(d->st, row) ? "horizon" : "replication");
}

static void draw_row(
        void *arg, struct surface *s, const struct list_layout *layout, int x0, int y, long index)
{
	const struct drawing *d = arg;
	const struct topology *t = d->st->topology;
	struct line l = {.s = s, .x0 = x0, .y = y, .base = STYLE_TEXT};
	enum style style;

	(void)layout;
	l.row = replication_row(d->st, index);
	if (!l.row)
		return;
	l.edge = replication_edge(d->st, l.row);
	if (l.row->kind == RROW_CLUSTER) {
		draw_cluster(d, &l);
		return;
	}
	if (l.row->kind == RROW_HORIZON) {
		draw_horizon(d, &l);
		return;
	}
	l.base = is_old(d, l.row) ? STYLE_STALE : STYLE_TEXT;
	if (l.row->kind == RROW_NODE && t->node[l.row->index].state == NODE_NAMED)
		l.base = STYLE_DIM;
	draw_name(d, &l);
	if (l.edge)
		draw_edge(d, &l);
	else if (l.row->kind == RROW_SLOT)
		draw_slot(d, &l);
	else if (replication_holder(d->st, l.row))
		draw_holder(d, &l);
	else {
		const char *word = replication_word(d->st, l.row, &style);

		cell(d, &l, RCOL_STATE, l.base == STYLE_STALE ? STYLE_STALE : style, word);
	}
	draw_note(d, &l);
}

/* --- Around the list */

/* Whose figures are old or missing, and why. */
static void draw_stale(const struct view_input *in, struct surface *s, struct rect r)
{
	struct buf reason;
	unsigned old = 0;
	size_t first = 0;

	for (size_t i = 0; i < in->snap->n; i++) {
		bool link = in->snap->instances[i].link.state == LINK_UP;

		if (!scope_has(&in->scope, in->snap, i) || !link ||
		        !snapshot_is_stale(in->snap, i, "replication"))
			continue;
		first = old++ ? first : i;
	}
	if (!old)
		return;
	buf_init(&reason, 1024);
	buf_printf(&reason, "%s: ", view_instance_name(in, first));
	snapshot_reason(in->snap, first, "replication", &reason);
	if (old > 1)
		buf_printf(&reason, ", and %u more", old - 1);
	surface_field(s, r.x, r.y, r.w, STYLE_STALE, buf_str(&reason), reason.len, true);
	buf_free(&reason);
}

static void draw_head(const struct replication_state *st, const struct view_input *in, struct surface *s)
{
	const struct topology *t = st->topology;
	unsigned servers = 0, links = 0, trouble = 0, named = 0;
	struct rect r = st->head;
	int x = r.x + 1;

	for (size_t i = 0; i < st->n; i++) {
		const struct replication_row *row = &st->rows[i];
		const struct topology_edge *e = replication_edge(st, row);
		const struct topology_node *n = row->kind == RROW_NODE ? &t->node[row->index] : NULL;

		servers += n && n->state != NODE_NAMED;
		named += n && n->state == NODE_NAMED;
		links += e != NULL;
		trouble += (e && e->severity >= SEVERITY_WARN) || (n && n->severity >= SEVERITY_WARN) ||
		           (row->kind == RROW_SLOT && t->slot[row->index].severity >= SEVERITY_WARN);
	}
	x += surface_printf(
	        s, x, r.y, r.x + r.w - x, STYLE_STRONG, "%u server%s", servers, servers == 1 ? "" : "s");
	x += surface_printf(
	        s, x, r.y, r.x + r.w - x, STYLE_DIM, " · %u link%s", links, links == 1 ? "" : "s");
	if (named)
		x += surface_printf(s, x, r.y, r.x + r.w - x, STYLE_DIM, " · %u not configured", named);
	if (st->filtered)
		x += surface_printf(s, x, r.y, r.x + r.w - x, STYLE_DIM, " · %u filtered out", st->filtered);
	if (trouble)
		x += surface_printf(s, x, r.y, r.x + r.w - x, STYLE_WARN, " · %u need%s you", trouble,
		        trouble == 1 ? "s" : "");
	if (r.x + r.w - x > 24)
		draw_stale(in, s, (struct rect){x + 2, r.y, r.x + r.w - x - 3, 1});
}

static void draw_empty(const struct replication_state *st, const struct view_input *in, struct surface *s)
{
	int y = st->table.y + 2;

	if (st->filter.wrong[0])
		surface_printf(s, st->table.x + 2, y, st->table.w - 4, STYLE_WARN, "%s", st->filter.wrong);
	else if (st->filtered)
		surface_printf(s, st->table.x + 2, y, st->table.w - 4, STYLE_DIM,
		        "%u servers, none matches '%s'. Esc shows them all.", st->filtered,
		        st->filter.expression);
	else if (in->snap->n == 0)
		surface_text(s, st->table.x + 2, y, st->table.w - 4, STYLE_DIM, "No server is configured.");
}

static void draw_pane(const struct replication_state *st, const struct view_input *in, struct surface *s)
{
	const struct replication_row *row = replication_row(st, list_row(&st->list));
	char title[256];

	pane_draw(&st->pane, row ? replication_name(st, in, row, title, sizeof title) : "Detail", s);
}

void replication_render(const void *state, const struct view_input *in, struct surface *s)
{
	const struct replication_state *st = state;
	struct drawing d = {.st = st, .in = in};
	struct list_draw draw = {.arg = &d, .row = draw_row, .sorted = LIST_NO_COLUMN};

	if (!st->topology)
		return;
	draw_head(st, in, s);
	if (st->table.h > 0)
		list_render(&st->list, st->columns, &st->layout, st->table, &draw, s);
	if (!st->n)
		draw_empty(st, in, s);
	if (st->pane.at.h > 0)
		draw_pane(st, in, s);
}
