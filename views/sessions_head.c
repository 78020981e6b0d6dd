/* Above the sessions: what the active ones do, who is stuck, and everything that is not in the list. What we
 * cannot see or have not read is said here, so that a short list is never taken for a quiet server. */
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/sessions_state.h"

enum { BAR_FROM = 120, BAR_CELLS = 24 };

static enum style wait_style(const char *name)
{
	static const struct {
		const char *name;
		enum style style;
	} styles[] = {{"CPU", STYLE_OK}, {"Lock", STYLE_CRIT}, {"IO", STYLE_ACCENT}, {"LWLock", STYLE_WARN},
	        {"Client", STYLE_DIM}, {"IPC", STYLE_NOTICE}};

	for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
		if (!strcmp(styles[i].name, name))
			return styles[i].style;
	return STYLE_PLOT_4;
}

/* Everybody who is active, a share of the bar for each wait. */
static void draw_bar(const struct session_waits *w, struct view_line *l)
{
	unsigned seen = 0;
	int x = 0;

	for (unsigned i = 0; i < w->n; i++) {
		seen += w->type[i].count;
		int end = (int)((seen * BAR_CELLS + w->active / 2) / w->active);
		struct rect r = {l->x + x, l->y, end - x, 1};

		if (end > x)
			surface_fill(l->s, r, wait_style(w->type[i].name),
			        l->s->ascii ? (uint32_t)w->type[i].name[0] : 0x2586);
		x = end > x ? end : x;
	}
	l->x += BAR_CELLS + 2;
}

static void draw_waits(const struct sessions_state *st, bool old, struct view_line *l)
{
	const struct session_waits *w = &st->waits;
	const char *dot = l->s->ascii ? " . " : " · ";

	if (old) {
		struct buf b;

		buf_init(&b, 512);
		session_waits_text(w, &b);
		view_clause(l, STYLE_STALE, buf_str(&b));
		buf_free(&b);
		return;
	}
	if (w->active > 0 && l->right - l->x >= BAR_FROM)
		draw_bar(w, l);
	l->x += surface_printf(l->s, l->x, l->y, l->right - l->x, STYLE_STRONG, "%u active", w->active);
	for (unsigned i = 0; i < w->n; i++) {
		bool lock = !strcmp(w->type[i].name, "Lock");

		l->x += surface_text(l->s, l->x, l->y, l->right - l->x, STYLE_DIM, i ? dot : ": ");
		l->x += surface_printf(l->s, l->x, l->y, l->right - l->x, lock ? STYLE_CRIT : STYLE_TEXT,
		        "%u ", w->type[i].count);
		l->x += surface_text(
		        l->s, l->x, l->y, l->right - l->x, lock ? STYLE_CRIT : STYLE_DIM, w->type[i].name);
	}
}

static void draw_blocked(const struct sessions_state *st, bool old, struct view_line *l)
{
	char text[96], age[HUMAN_MAX] = "";
	int n;

	if (st->blocked == 0)
		return;
	if (st->longest_wait_ms >= 0)
		human_duration(st->longest_wait_ms, age);
	n = snprintf(text, sizeof text, "%u root%s block%s %u%s%s", st->roots, st->roots == 1 ? "" : "s",
	        st->roots == 1 ? "s" : "", st->blocked, age[0] ? ", longest " : "", age);
	if (l->right - l->x < n + 2)
		return;
	surface_textn(l->s, l->right - n, l->y, n, old ? STYLE_STALE : STYLE_CRIT, text, (size_t)n);
}

static const char *needs(const struct view_input *in)
{
	for (size_t i = 0; i < in->snap->n; i++) {
		struct slot_view slot = snapshot_slot(in->snap, i, "sessions");

		if (scope_has(&in->scope, in->snap, i) && slot.good && slot.good->probe->needs)
			return slot.good->probe->needs;
	}
	return NULL;
}

/* Somebody waits, and we do not know for whom. */
static void draw_edges_unknown(
        const struct sessions_state *st, const struct view_input *in, struct view_line *l)
{
	for (size_t i = 0; i < in->snap->n; i++) {
		const struct session_view *v = sessions_at(st->all, i);
		struct buf b;

		if (!scope_has(&in->scope, in->snap, i) || !v->sample || v->edges_known)
			continue;
		buf_init(&b, 512);
		buf_puts(&b, "who blocks whom is not known");
		buf_puts(&b, st->many ? " on " : "");
		buf_puts(&b, st->many ? view_instance_name(in, i) : "");
		buf_puts(&b, ": ");
		size_t named = b.len;

		snapshot_reason(in->snap, i, "blockers", &b);
		view_clause(l, STYLE_NOTICE, b.len > named ? buf_str(&b) : "who blocks whom is being asked");
		buf_free(&b);
		return;
	}
}

static void draw_left_out(const struct sessions_state *st, const struct view_input *in, struct view_line *l)
{
	char text[320];
	const char *privilege = needs(in);

	if (st->list.nmarks > 0) {
		snprintf(text, sizeof text, "%zu marked", st->list.nmarks);
		view_clause(l, STYLE_MARKED, text);
	}
	filter_box_clause(&st->filter, st->filtered_out, l);
	if (st->hidden > 0) {
		snprintf(text, sizeof text, "%u whose state we may not see%s%s", st->hidden,
		        privilege ? ": needs " : "", privilege ? privilege : "");
		view_clause(l, STYLE_NOTICE, text);
	}
	if (st->truncated)
		view_clause(l, STYLE_NOTICE, "more sessions than are read");
	const struct {
		unsigned n;
		const char *what;
	} out[] = {{st->idle_out, "idle"}, {st->background_out, "background"}, {st->own_out, "own"},
	        {st->workers_in, "workers folded"}};
	size_t used = 0;

	for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
		if (out[i].n)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%u %s",
			        used ? ", " : "not shown: ", out[i].n, out[i].what);
	if (used)
		view_clause(l, STYLE_DIM, text);
}

void sessions_draw_head(const struct sessions_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->head;
	struct view_line first = {.s = s, .x = r.x + 1, .y = r.y, .right = r.x + r.w - 1};
	struct view_line second = {.s = s, .x = r.x + 1, .y = r.y + 1, .right = r.x + r.w - 1};
	struct buf reason;
	enum style style;
	bool old;

	surface_fill(s, r, STYLE_TEXT, ' ');
	buf_init(&reason, 512);
	bool stale = view_stale_text(in, "sessions", st->many, &reason, &style, &old);

	if (r.h == 1 && stale) {
		view_clause(&first, style, buf_str(&reason));
	} else if (r.h >= 1) {
		draw_waits(st, old, &first);
		draw_blocked(st, old, &first);
	}
	if (r.h > 1) {
		if (stale)
			view_clause(&second, style, buf_str(&reason));
		else
			draw_edges_unknown(st, in, &second);
		draw_left_out(st, in, &second);
	}
	buf_free(&reason);
}

/* --- Nothing to show */

static bool has_rows(const struct sessions_state *st, const struct view_input *in)
{
	for (size_t i = 0; i < in->snap->n; i++)
		if (scope_has(&in->scope, in->snap, i) && sessions_at(st->all, i)->sample)
			return true;
	return false;
}

void sessions_draw_empty(const struct sessions_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->table;
	struct view_line l = {.s = s, .x = r.x + 1, .y = r.y + 2, .right = r.x + r.w - 1};
	char text[384];

	if (r.h < 4)
		l.y = r.y + 1;
	if (!has_rows(st, in)) {
		view_say_why_nothing(in, "sessions", &l, r.y + r.h);
		return;
	}
	if (st->filter.filter) {
		snprintf(text, sizeof text, "No session matches \"%s\". Esc shows all of them.",
		        st->filter.expression);
		view_say(&l, STYLE_DIM, text);
		return;
	}
	view_say(&l, STYLE_DIM, "Nobody is doing anything here.");
	if (st->idle_out > 0) {
		snprintf(text, sizeof text, "%u idle session%s not shown: i shows them.", st->idle_out,
		        st->idle_out == 1 ? " is" : "s are");
		view_say(&l, STYLE_DIM, text);
	}
}
