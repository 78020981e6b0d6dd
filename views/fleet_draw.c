/* How the Fleet view looks. Colour is spent on what needs a person; a server that does not answer says so
 * across its line, and figures that are old are dimmed, never dropped. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/text.h"
#include "views/fleet_state.h"

/* --- Drawing
 * ---------------------------------------------------------------------------------------------------- */

struct drawing {
	const struct fleet_state *st;
	const struct view_input *in;
};

static void draw_group(const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_group *g)
{
	const struct cluster_cfg *c = &d->in->snap->config->clusters[g->cluster];
	bool folded = fleet_folded(d->st,
	        fleet_key(d->st, d->in, (struct fleet_line){ROW_GROUP, (size_t)(g - d->st->fleet->groups)}));
	const char *fold_mark = s->ascii ? (folded ? "+" : "-") : (folded ? "▸" : "▾");
	int right = d->st->table.x + list_width(d->st->table.w);
	int x = x0;

	x += surface_text(s, x, y, right - x, STYLE_DIM, fold_mark) + 1;
	x += surface_text(s, x, y, right - x, STYLE_STRONG, g->name[0] ? g->name : "no cluster") + 2;
	for (size_t i = 0; i < c->ntags; i++)
		x += surface_text(s, x, y, right - x, c->danger == DANGER_PROD ? STYLE_PROD : STYLE_DIM,
		             c->tags[i]) +
		     1;
	if (!folded)
		return;
	x += 1;
	x += surface_printf(s, x, y, right - x, STYLE_DIM, "%zu instances", g->n) + 2;
	if (g->crit)
		x += surface_printf(s, x, y, right - x, STYLE_CRIT, "%s %u",
		             severity_mark(SEVERITY_CRIT, s->ascii), g->crit) +
		     2;
	if (g->warn)
		surface_printf(s, x, y, right - x, STYLE_WARN, "%s %u",
		        severity_mark(SEVERITY_WARN, s->ascii), g->warn);
}

static void draw_count(const struct drawing *d, struct surface *s, int x0, int y, enum fleet_column col,
        int64_t v, enum style style)
{
	char text[HUMAN_MAX];

	if (v < 0)
		list_cell(s, &d->st->layout, x0, y, col, STYLE_DIM, "-");
	else
		list_cell(s, &d->st->layout, x0, y, col, v ? style : STYLE_DIM, human_count((double)v, text));
}

enum { CONN_BAR = 7, CONN_NARROW = 11 };

/* "412/500" with a bar before it where there is room, and one eighth-block cell after it where there is
 * little. */
static void draw_connections(const struct drawing *d, struct surface *s, int x0, int y,
        const struct fleet_row *r, enum style style)
{
	const struct cluster_cfg *c = d->in->snap->instances[r->instance].cluster;
	int x, cells;

	if (!list_place(&d->st->layout, x0, COL_CONN, &x, &cells))
		return;
	if (r->limit_used < 0 || r->limit_max <= 0) {
		surface_text(s, x, y, cells, STYLE_DIM, "-");
		return;
	}
	double share = (double)r->limit_used / (double)r->limit_max;
	char text[48];
	int n = snprintf(text, sizeof text, "%lld/%lld", (long long)r->limit_used, (long long)r->limit_max);
	int bar = cells - n - 1 > CONN_BAR ? CONN_BAR : cells - n - 1;

	if (share >= c->connections_crit)
		style = STYLE_CRIT;
	else if (share >= c->connections_warn)
		style = STYLE_WARN;
	/* Where a bar has no room, one block after the figure says how full it is. */
	if (cells <= CONN_NARROW) {
		surface_field(s, x, y, cells - 1, style, text, (size_t)n, true);
		if (!s->ascii)
			surface_fill(s, (struct rect){x + cells - 1, y, 1, 1},
			        r->stale ? STYLE_STALE : style_gradient(STYLE_BAR_0, share),
			        0x2581 + (uint32_t)(share >= 1 ? 7 : share * 8));
		return;
	}
	if (bar > 0)
		surface_bar(s, x, y, bar, share);
	else
		bar = -1;
	surface_field(s, x + bar + 1, y, cells - bar - 1, style, text, (size_t)n, true);
}

static void draw_lag(
        const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_row *r, enum style base)
{
	const struct cluster_cfg *c = d->in->snap->instances[r->instance].cluster;
	char ms[HUMAN_MAX], bytes[HUMAN_MAX], text[64];
	int x, cells;

	if (!list_place(&d->st->layout, x0, COL_LAG, &x, &cells))
		return;
	switch (r->lag) {
	case LAG_NONE:
		surface_text(s, x, y, cells, STYLE_DIM, s->ascii ? "-" : "–");
		return;
	case LAG_UNKNOWN:
		surface_text(s, x, y, cells, r->answers ? STYLE_NOTICE : STYLE_DIM,
		        cells < (int)sizeof "unknown" - 1 ? "?" : "unknown");
		return;
	case LAG_STOPPED:
		surface_text(
		        s, x, y, cells, STYLE_CRIT, cells < (int)sizeof "stopped" - 1 ? "stop" : "stopped");
		return;
	case LAG_PAUSED:
		snprintf(text, sizeof text, "paused %s", r->lag_ms >= 0 ? human_duration(r->lag_ms, ms) : "");
		if ((int)strlen(text) > cells)
			text[sizeof "paused" - 1] = '\0';
		surface_text(s, x, y, cells, STYLE_WARN, text);
		return;
	case LAG_RUNS:
		break;
	}
	bool late = r->lag_ms > c->lag_warn_ms || r->lag_bytes > c->lag_warn_bytes;
	int used = 0;

	if (r->lag_ms >= 0)
		used = surface_text(s, x, y, cells, late ? STYLE_WARN : base, human_duration(r->lag_ms, ms));
	if (r->lag_bytes >= 0 && cells >= (used ? 13 : 6))
		surface_text(s, x + (used ? 7 : 0), y, cells - (used ? 7 : 0), late ? STYLE_WARN : STYLE_DIM,
		        human_bytes(r->lag_bytes, 1, bytes));
}

static void draw_spark(const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_row *r)
{
	const struct series *series = d->in->snap->instances[r->instance].series;
	float values[64];
	int x, cells;

	if (!series || !list_place(&d->st->layout, x0, COL_SPARK, &x, &cells))
		return;
	if (cells > 64)
		cells = 64;
	series_columns(&series[METRIC_RATE], d->in->snap->now, 60, values, (size_t)cells);
	surface_spark(s, x, y, cells, values, (size_t)cells);
}

static void draw_state(const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_row *r)
{
	int x, cells;

	if (!list_place(&d->st->layout, x0, COL_STATE, &x, &cells))
		return;
	enum style style = severity_style(r->health);
	bool cut = r->tight[0] && (int)text_width(r->state, strlen(r->state)) > cells - 2;
	const char *text = cut ? r->tight : r->state;

	surface_text(s, x, y, 2, style, severity_mark(r->health, s->ascii));
	if (text[0])
		surface_field(s, x + 2, y, cells - 2, r->health == SEVERITY_OK ? STYLE_DIM : style, text,
		        strlen(text), false);
}

/* No answer: the sentence takes the place of the figures, from the second column on. */
static void draw_silent(const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_row *r)
{
	int x, cells;

	if (!list_place(&d->st->layout, x0, COL_INSTANCE, &x, &cells))
		return;
	int gap = d->st->layout.gap;
	int from = x + cells + gap;
	int right = x0 + list_width(d->st->table.w);
	enum style style = r->health >= SEVERITY_WARN ? severity_style(r->health) : STYLE_DIM;

	const struct link_view *link = &d->in->snap->instances[r->instance].link;
	const char *text = r->state;

	struct buf reason;

	/* It is there, and does not tell us: the reason is worth more than that we wait. */
	buf_init(&reason, 512);
	if (link->state == LINK_UP && snapshot_slot(d->in->snap, r->instance, "pulse").latest)
		snapshot_reason(d->in->snap, r->instance, "pulse", &reason);
	if (reason.len)
		text = buf_str(&reason);
	else if (!text[0])
		text = link->state == LINK_DOWN ? link->err.text : "no answer yet";
	from += surface_text(s, from, y, 2, style, severity_mark(r->health, s->ascii)) + 1;
	surface_field(s, from, y, right - from, style, text, strlen(text), false);
	buf_free(&reason);
}

static void draw_role(
        const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_row *r, enum style base)
{
	const char *name = server_role_name(r->role);
	size_t n = strlen(name);
	int x, cells;

	if (!list_place(&d->st->layout, x0, COL_ROLE, &x, &cells))
		return;
	/* "prim", "repl": a cut with an ellipsis would say less. */
	if ((size_t)cells < n)
		n = (size_t)cells;
	surface_textn(s, x, y, cells, r->role == SERVER_PRIMARY ? base : STYLE_DIM, name, n);
}

static void draw_instance(
        const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_row *r)
{
	const struct list_layout *l = &d->st->layout;
	const char *name = view_instance_name(d->in, r->instance);
	enum style base = r->stale ? STYLE_STALE : STYLE_TEXT;
	bool grouped = d->st->fleet->ngroups > 1 || d->st->fleet->groups[0].name[0];
	char text[HUMAN_MAX], cut[256] = "", shown[260];

	int x, cells, indent = grouped ? 2 : 0;

	if (list_place(l, x0, COL_INSTANCE, &x, &cells))
		view_name(name, cells - indent, cut, sizeof cut);
	snprintf(shown, sizeof shown, "%*s%s", indent, "", cut);
	list_cell(s, l, x0, y, COL_INSTANCE, base, shown);
	if (!r->answers) {
		draw_silent(d, s, x0, y, r);
		return;
	}
	draw_role(d, s, x0, y, r, base);
	draw_connections(d, s, x0, y, r, base);
	draw_count(d, s, x0, y, COL_ACTIVE, r->active, base);
	draw_count(d, s, x0, y, COL_IDLE_XACT, r->idle_xact, base);
	draw_count(d, s, x0, y, COL_BLOCKED, r->blocked, r->stale ? base : STYLE_CRIT);
	if (r->oldest_xact_ms >= 0)
		list_cell(s, l, x0, y, COL_OLDEST, base, human_duration(r->oldest_xact_ms, text));
	else
		list_cell(s, l, x0, y, COL_OLDEST, STYLE_DIM, "-");
	draw_lag(d, s, x0, y, r, base);
	list_cell(s, l, x0, y, COL_RATE, isnan(r->rate) ? STYLE_DIM : base,
	        isnan(r->rate) ? "-" : human_count(r->rate, text));
	draw_spark(d, s, x0, y, r);
	draw_state(d, s, x0, y, r);
}

static void draw_offer(const struct drawing *d, struct surface *s, int x0, int y, const struct fleet_offer *o)
{
	const char *primary = view_instance_name(d->in, o->primary);
	int right = x0 + list_width(d->st->table.w);
	char port[16] = "";

	if (o->port)
		snprintf(port, sizeof port, ":%u", o->port);
	surface_printf(s, x0, y, right - x0, STYLE_DIM,
	        "  + %s%s  replica of %s, not configured: a adds it for this run", o->host, port, primary);
}

static void draw_row(void *arg, struct surface *s, const struct list_layout *l, int x0, int y, long row)
{
	const struct drawing *d = arg;

	(void)l;
	if (row == LIST_GHOST) {
		surface_text(s, x0, y, list_width(d->st->table.w), STYLE_GHOST, "gone");
		return;
	}
	struct fleet_line line = d->st->lines[row];

	if (line.kind == ROW_GROUP)
		draw_group(d, s, x0, y, &d->st->fleet->groups[line.index]);
	else if (line.kind == ROW_OFFER)
		draw_offer(d, s, x0, y, &d->st->fleet->offers[line.index]);
	else
		draw_instance(d, s, x0, y, &d->st->fleet->rows[line.index]);
}

static void draw_findings(const struct fleet_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->panel;
	size_t total = fleet_findings_in_scope(in);
	int y = r.y + 1;

	surface_printf(s, r.x + 1, y++, r.w - 1, STYLE_HEADER, "FINDINGS");
	for (size_t i = 0; i < in->findings->n && y < r.y + r.h; i++) {
		const struct finding *f = &in->findings->item[i];

		if (!fleet_lists_finding(in, i))
			continue;
		int left = (int)total - (y - r.y - 2);

		if (y == r.y + r.h - 1 && left > 1) {
			surface_printf(s, r.x + 1, y, r.w - 2, STYLE_DIM, "and %d more", left);
			break;
		}
		surface_text(
		        s, r.x + 1, y, 2, severity_style(f->severity), severity_mark(f->severity, s->ascii));
		surface_field(s, r.x + 3, y, r.w - 4, f->severity >= SEVERITY_WARN ? STYLE_TEXT : STYLE_DIM,
		        f->text, strlen(f->text), false);
		y++;
	}
}

static void draw_empty(const struct fleet_state *st, const struct view_input *in, struct surface *s)
{
	int y = in->body.y + 2;

	if (st->filter.wrong[0])
		surface_printf(s, in->body.x + 2, y, in->body.w - 4, STYLE_WARN, "%s", st->filter.wrong);
	else if (st->filtered)
		surface_printf(s, in->body.x + 2, y, in->body.w - 4, STYLE_DIM,
		        "%u instances, none matches '%s'. Esc shows them all.", st->filtered,
		        st->filter.expression);
}

void fleet_render(const void *state, const struct view_input *in, struct surface *s)
{
	const struct fleet_state *st = state;
	struct drawing d = {.st = st, .in = in};
	struct list_draw draw = {.arg = &d, .row = draw_row, .sorted = st->sort, .reversed = st->reversed};

	list_render(&st->list, fleet_columns, &st->layout, st->table, &draw, s);
	if (!st->n)
		draw_empty(st, in, s);
	if (st->panel.h)
		draw_findings(st, in, s);
}
