/* How the Sessions view looks: the culprit in colour, everything else calm. Only rows in sight are formatted,
 * and of a statement only what can be seen. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/sessions_state.h"

enum { STATEMENT_MIN = 512, STATEMENT_PREVIEW = 2048 };

struct drawing {
	const struct sessions_state *st;
	const struct view_input *in;
	struct buf text; /* of one cell */
};

/* One row being drawn. */
struct row {
	struct surface *s;
	const struct session *session;
	size_t instance;
	int x0, y;
	enum style base; /* STYLE_STALE when its instance's rows are old: then nothing else is coloured */
	bool stale;
};

enum redact_dialect sessions_dialect(const struct view_input *in, size_t instance)
{
	return in->snap->instances[instance].cfg->endpoint.engine == ENGINE_POSTGRES ? REDACT_POSTGRES
	                                                                             : REDACT_MYSQL;
}

bool sessions_statement(const struct view_input *in, size_t instance, const char *query, size_t n,
        size_t most, struct buf *out)
{
	enum redact_dialect dialect = sessions_dialect(in, instance);

	if (!query || n == 0)
		return false;
	if (n > most)
		n = most;
	if (in->snap->instances[instance].cluster->show_literals)
		redact_passwords(dialect, query, n, out);
	else
		redact_sql(dialect, query, n, out);
	return true;
}

static bool place(const struct drawing *d, const struct row *r, int column, int *x, int *cells)
{
	return list_place(&d->st->layout, r->x0, d->st->place[column], x, cells);
}

static void cell(const struct drawing *d, const struct row *r, int column, enum style style, const char *text)
{
	list_cell(r->s, &d->st->layout, r->x0, r->y, d->st->place[column], r->stale ? r->base : style, text);
}

static const char *dash(const struct row *r)
{
	return r->s->ascii ? "-" : "–";
}

/* --- Cells */

static void draw_text(const struct drawing *d, const struct row *r, int column, enum style style)
{
	char scratch[256];
	const char *text;

	if (sessions_text(d->st, d->in, r->instance, r->session, column, scratch, sizeof scratch, &text))
		cell(d, r, column, style, text);
}

static void draw_gutter(const struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;
	struct list_key key = sessions_key(d->st, r->instance, s);
	bool ascii = r->s->ascii;

	if (list_marked(&d->st->list, key))
		surface_text(r->s, r->x0 - 1, r->y, 1, STYLE_MARKED, ascii ? "*" : "✓");
	else if (s->workers > 0 && sessions_opened(d->st, key))
		surface_text(r->s, r->x0 - 1, r->y, 1, STYLE_DIM, ascii ? "-" : "▾");
	else if (s->workers > 0)
		surface_text(r->s, r->x0 - 1, r->y, 1, STYLE_DIM, ascii ? "+" : "▸");
	else if (s->leader != SESSION_NONE)
		surface_text(r->s, r->x0 - 1, r->y, 1, STYLE_DIM, ascii ? "`" : "└");
}

static void draw_id(const struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;
	char text[32];
	enum style style = s->group == GROUP_ROOT ? STYLE_CRIT : s->own ? STYLE_OWN : r->base;

	if (s->kind == SESSION_PREPARED)
		snprintf(text, sizeof text, "2pc");
	else if (s->id < 0)
		snprintf(text, sizeof text, "?");
	else
		snprintf(text, sizeof text, "%lld", (long long)s->id);
	cell(d, r, SCOL_ID, style, text);
}

static void draw_instance(const struct drawing *d, const struct row *r)
{
	char name[256];
	int x, cells;

	if (!place(d, r, SCOL_INSTANCE, &x, &cells))
		return;
	view_name(view_instance_name(d->in, r->instance), cells, name, sizeof name);
	cell(d, r, SCOL_INSTANCE, r->base, name);
}

static void draw_app(const struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;
	int x, cells;

	if (s->app && s->app[0])
		cell(d, r, SCOL_APP, r->base, s->app);
	else if (s->kind == SESSION_CLIENT && !place(d, r, SCOL_USER, &x, &cells))
		/* Somebody must be named. */
		cell(d, r, SCOL_APP, r->base, s->user ? s->user : "");
	else if (s->kind != SESSION_CLIENT && s->row != SESSION_NONE)
		cell(d, r, SCOL_APP, STYLE_DIM, session_kind_name(s->kind));
}

static const char *short_state(enum session_state state)
{
	switch (state) {
	case STATE_IDLE_XACT:
		return "idle in tx";
	case STATE_IDLE_ABORTED:
		return "aborted tx";
	default:
		return session_state_name(state);
	}
}

static enum style state_style(const struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;
	const struct cluster_cfg *c = d->in->snap->instances[r->instance].cluster;

	if (s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED) {
		if (s->group == GROUP_ROOT)
			return STYLE_CRIT;
		if (s->state == STATE_IDLE_ABORTED || s->state_ms >= c->idle_xact_warn_ms)
			return STYLE_WARN;
		return s->state_ms >= c->idle_xact_notice_ms ? STYLE_NOTICE : STYLE_TEXT;
	}
	if (sessions_changed(d->st, r->instance, s))
		return STYLE_CHANGED;
	switch (s->state) {
	case STATE_KILLED:
		return STYLE_NOTICE;
	case STATE_ACTIVE:
	case STATE_FASTPATH:
		return STYLE_TEXT;
	default:
		return STYLE_DIM;
	}
}

static void draw_state(const struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;
	char text[64], with_wait[32] = "";
	int x, cells;

	if (!place(d, r, SCOL_STATE, &x, &cells))
		return;
	if (s->row == SESSION_NONE || s->state == STATE_NONE) {
		cell(d, r, SCOL_STATE, STYLE_DIM,
		        s->kind == SESSION_PREPARED && cells < 20 ? "prepared" : session_kind_name(s->kind));
		return;
	}
	const char *name = session_state_name(s->state);

	if ((int)strlen(name) > cells)
		name = short_state(s->state);
	int wx, wcells;
	/* Without a column of its own, what it waits for stands here. */
	if (s->state == STATE_ACTIVE && s->wait_type && !place(d, r, SCOL_WAIT, &wx, &wcells))
		snprintf(with_wait, sizeof with_wait, "active %s", s->wait_type);
	if (with_wait[0])
		name = (int)strlen(with_wait) + (s->workers > 0 ? 3 : 0) <= cells ? with_wait : s->wait_type;
	if (s->workers > 0)
		snprintf(text, sizeof text, (int)strlen(name) + 12 <= cells ? "%s +%u workers" : "%s +%u",
		        name, s->workers);
	else
		snprintf(text, sizeof text, "%s", name);
	cell(d, r, SCOL_STATE, state_style(d, r), text);
}

static void draw_age(const struct drawing *d, const struct row *r, int column, int64_t ms, int64_t warn_ms)
{
	char text[HUMAN_MAX];
	/* Who waits for a lock is late because of somebody else: colour is kept for that one. */
	bool late =
	        warn_ms > 0 && ms >= warn_ms && !r->session->waiting && r->session->kind == SESSION_CLIENT;

	if (ms < 0)
		cell(d, r, column, STYLE_DIM, dash(r));
	else
		cell(d, r, column,
		        r->session->group == GROUP_ROOT ? STYLE_CRIT
		        : late                          ? STYLE_WARN
		                                        : r->base,
		        human_duration(ms, text));
}

static void draw_locks(const struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;

	draw_text(d, r, SCOL_LOCKS, s->group == GROUP_ROOT || s->blocks_all > 0 ? STYLE_CRIT : STYLE_WARN);
}

static void draw_wait(const struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;
	bool calm = s->state != STATE_ACTIVE && s->state != STATE_FASTPATH;
	enum style style = calm ? STYLE_DIM : r->base;
	int x, cells;

	/* Where both have no room, what is waited for says more than its class. */
	if (s->wait_type && s->wait && s->wait[0] && place(d, r, SCOL_WAIT, &x, &cells) &&
	        (int)(strlen(s->wait_type) + 1 + text_width(s->wait, strlen(s->wait))) > cells)
		cell(d, r, SCOL_WAIT, style, s->wait);
	else
		draw_text(d, r, SCOL_WAIT, style);
}

static void draw_rows_modified(const struct drawing *d, const struct row *r)
{
	char text[HUMAN_MAX];
	double n = sessions_number(d->st, r->instance, r->session, SCOL_ROWS);

	cell(d, r, SCOL_ROWS, isnan(n) || n == 0 ? STYLE_DIM : r->base,
	        isnan(n) ? dash(r) : human_count(n, text));
}

static void draw_progress(const struct drawing *d, const struct row *r)
{
	int x, cells;
	double percent = sessions_number(d->st, r->instance, r->session, SCOL_PROGRESS);

	if (isnan(percent) || !place(d, r, SCOL_PROGRESS, &x, &cells))
		return;
	int bar = cells - 5;

	for (int i = 0; i < bar; i++)
		surface_text(r->s, x + i, r->y, 1, STYLE_BORDER, r->s->ascii ? "." : "░");
	int filled = (int)lround(percent / 100 * bar);

	surface_fill(r->s, (struct rect){x, r->y, filled < bar ? filled : bar, 1},
	        r->stale ? STYLE_STALE : STYLE_ACCENT, r->s->ascii ? '#' : 0x2588);
	surface_printf(r->s, x + bar + 1, r->y, 4, r->base, "%3.0f%%", percent);
}

static void draw_query(struct drawing *d, const struct row *r)
{
	const struct session *s = r->session;
	int x, cells, px, pcells;

	if (!place(d, r, SCOL_QUERY, &x, &cells))
		return;
	double percent = sessions_number(d->st, r->instance, s, SCOL_PROGRESS);

	if (!isnan(percent) && !place(d, r, SCOL_PROGRESS, &px, &pcells)) {
		int used = surface_printf(
		        r->s, x, r->y, cells, r->stale ? r->base : STYLE_ACCENT, "%.0f%% ", percent);

		x += used;
		cells -= used;
	}
	size_t most = (size_t)cells * 4 > STATEMENT_MIN ? (size_t)cells * 4 : STATEMENT_MIN;

	buf_reset(&d->text);
	if (!sessions_statement(d->in, r->instance, s->query, s->query_n, most, &d->text))
		return;
	bool running = s->query_ms >= 0 || s->state == STATE_ACTIVE;

	surface_field(r->s, x, r->y, cells, r->stale || running ? r->base : STYLE_DIM, d->text.data,
	        d->text.len, false);
}

/* --- Rows */

static void draw_ghost(const struct drawing *d, struct row *r)
{
	const struct session_ghost *g = &d->st->ghost;
	char id[32];

	snprintf(id, sizeof id, "%lld", (long long)g->id);
	r->stale = true;
	r->base = STYLE_GHOST;
	cell(d, r, SCOL_INSTANCE, STYLE_GHOST, g->name);
	cell(d, r, SCOL_ID, STYLE_GHOST, id);
	cell(d, r, SCOL_USER, STYLE_GHOST, g->user);
	cell(d, r, SCOL_APP, STYLE_GHOST, g->app);
	cell(d, r, SCOL_STATE, STYLE_GHOST, "gone");
}

static void draw_row(void *arg, struct surface *s, const struct list_layout *l, int x0, int y, long index)
{
	struct drawing *d = arg;
	struct row r = {.s = s, .x0 = x0, .y = y};

	(void)l;
	r.session = sessions_row(d->st, index, &r.instance);
	if (!r.session) {
		draw_ghost(d, &r);
		return;
	}
	const struct cluster_cfg *c = d->in->snap->instances[r.instance].cluster;

	r.stale = snapshot_is_stale(d->in->snap, r.instance, "sessions");
	r.base = r.stale ? STYLE_STALE : r.session->leader != SESSION_NONE ? STYLE_DIM : STYLE_TEXT;
	draw_gutter(d, &r);
	draw_instance(d, &r);
	draw_id(d, &r);
	draw_text(d, &r, SCOL_USER, r.base);
	draw_app(d, &r);
	draw_state(d, &r);
	draw_age(d, &r, SCOL_XACT, r.session->xact_ms, c->statement_warn_ms);
	draw_locks(d, &r);
	draw_wait(d, &r);
	draw_age(d, &r, SCOL_AGE, r.session->query_ms, 0);
	draw_text(d, &r, SCOL_DB, r.base);
	draw_text(d, &r, SCOL_CLIENT, STYLE_DIM);
	draw_rows_modified(d, &r);
	draw_progress(d, &r);
	draw_query(d, &r);
}

/* The statement under the cursor, wrapped: what `w` asks for. */
static void draw_strip(const struct sessions_state *st, struct surface *s)
{
	struct rect r = st->strip;

	surface_fill(s, r, STYLE_TEXT, ' ');
	surface_fill(s, (struct rect){r.x + 1, r.y, r.w - 2, 1}, STYLE_BORDER, s->ascii ? '-' : 0x2500);
	document_draw(&st->pane.doc, s, (struct rect){r.x + 1, r.y + 1, r.w - 2, r.h - 1}, 0);
}

static void draw_pane(const struct sessions_state *st, struct surface *s)
{
	char title[192];
	char id[32];

	/* Only sessions have an id; what is no session has 0, or less where the server does not name it. */
	snprintf(id, sizeof id, "%s", st->ghost.id == 0 ? "prepared transaction" : "not named");
	if (st->ghost.id > 0)
		snprintf(id, sizeof id, "%" PRId64, st->ghost.id);
	snprintf(title, sizeof title, "%s%s%s", id, st->many ? " on " : "", st->many ? st->ghost.name : "");
	pane_draw(&st->pane, st->ghost.known ? title : "Detail", s);
}

void sessions_render(const void *state, const struct view_input *in, struct surface *s)
{
	const struct sessions_state *st = state;
	struct drawing d = {.st = st, .in = in};
	struct list_draw draw = {.arg = &d,
	        .row = draw_row,
	        .sorted = st->sort >= 0 ? st->place[st->sort] : LIST_NO_COLUMN,
	        .reversed = st->reversed};

	if (!st->all)
		return;
	buf_init(&d.text, STATEMENT_PREVIEW * 4);
	sessions_draw_head(st, in, s);
	if (st->table.h > 0)
		list_render(&st->list, st->columns, &st->layout, st->table, &draw, s);
	if (st->table.h > 1 && st->n == 0 && !st->list.ghost)
		sessions_draw_empty(st, in, s);
	if (st->strip.h > 0)
		draw_strip(st, s);
	if (st->pane.at.h > 0)
		draw_pane(st, s);
	buf_free(&d.text);
}
