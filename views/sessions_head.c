/* Above the sessions: what the active ones do, who is stuck, and everything that is not in the list. What we
 * cannot see or have not read is said here, so that a short list is never taken for a quiet server. */
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/sessions_state.h"

enum { BAR_FROM = 120, BAR_CELLS = 24 };

struct line {
	struct surface *s;
	int x, y, right;
	bool begun;
};

/* One more clause, after a dot; what does not fit is cut with an ellipsis. */
static void clause(struct line *l, enum style style, const char *text)
{
	const char *dot = l->s->ascii ? ". " : "· ";
	int room = l->right - l->x;

	if (room < 8)
		return;
	if (l->begun)
		l->x += surface_text(l->s, l->x, l->y, 2, STYLE_DIM, dot);
	size_t n = strlen(text);
	int cells = (int)text_width(text, n);

	if (cells > l->right - l->x)
		cells = l->right - l->x;
	surface_field(l->s, l->x, l->y, cells, style, text, n, false);
	l->x += cells + 1;
	l->begun = true;
}

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
static void draw_bar(const struct session_waits *w, struct line *l)
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

static void draw_waits(const struct sessions_state *st, bool old, struct line *l)
{
	const struct session_waits *w = &st->waits;
	const char *dot = l->s->ascii ? " . " : " · ";

	if (old) {
		struct buf b;

		buf_init(&b, 512);
		session_waits_text(w, &b);
		clause(l, STYLE_STALE, buf_str(&b));
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

static void draw_blocked(const struct sessions_state *st, bool old, struct line *l)
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

/* Of which instances the rows are old or missing; false: of none. */
static bool stale_text(const struct sessions_state *st, const struct view_input *in, struct buf *out,
        enum style *style, bool *all_old)
{
	struct buf reason;
	unsigned stale = 0, all = 0;
	size_t first = 0;

	for (size_t i = 0; i < in->snap->n; i++) {
		if (!scope_has(&in->scope, in->snap, i))
			continue;
		all++;
		if (snapshot_is_stale(in->snap, i, "sessions") && !stale++)
			first = i;
	}
	buf_init(&reason, 400);
	for (size_t i = 0; i < in->snap->n && !stale && !reason.len; i++)
		if (scope_has(&in->scope, in->snap, i))
			snapshot_reason(in->snap, first = i, "sessions", &reason);
	if (stale)
		snapshot_reason(in->snap, first, "sessions", &reason);
	if (reason.len && st->many && stale > 1)
		buf_printf(out, "%u of %u instances are not fresh, %s: ", stale, all,
		        view_instance_name(in, first));
	else if (reason.len && st->many)
		buf_printf(out, "%s: ", view_instance_name(in, first));
	buf_puts(out, buf_str(&reason));
	buf_free(&reason);
	*all_old = stale > 0 && stale == all;
	*style = stale ? STYLE_WARN : STYLE_NOTICE;
	return out->len > 0;
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
static void draw_edges_unknown(const struct sessions_state *st, const struct view_input *in, struct line *l)
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
		clause(l, STYLE_NOTICE, b.len > named ? buf_str(&b) : "who blocks whom is being asked");
		buf_free(&b);
		return;
	}
}

static void draw_left_out(const struct sessions_state *st, const struct view_input *in, struct line *l)
{
	char text[320];
	const char *privilege = needs(in);

	if (st->list.nmarks > 0) {
		snprintf(text, sizeof text, "%zu marked", st->list.nmarks);
		clause(l, STYLE_MARKED, text);
	}
	if (st->filter.filter) {
		snprintf(text, sizeof text, "filter %s leaves out %u", st->filter.expression,
		        st->filtered_out);
		clause(l, STYLE_ACCENT, text);
	}
	if (st->hidden > 0) {
		snprintf(text, sizeof text, "%u whose state we may not see%s%s", st->hidden,
		        privilege ? ": needs " : "", privilege ? privilege : "");
		clause(l, STYLE_NOTICE, text);
	}
	if (st->truncated)
		clause(l, STYLE_NOTICE, "more sessions than are read");
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
		clause(l, STYLE_DIM, text);
}

void sessions_draw_head(const struct sessions_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->head;
	struct line first = {.s = s, .x = r.x + 1, .y = r.y, .right = r.x + r.w - 1};
	struct line second = {.s = s, .x = r.x + 1, .y = r.y + 1, .right = r.x + r.w - 1};
	struct buf reason;
	enum style style;
	bool old;

	surface_fill(s, r, STYLE_TEXT, ' ');
	buf_init(&reason, 512);
	bool stale = stale_text(st, in, &reason, &style, &old);

	if (r.h == 1 && stale) {
		clause(&first, style, buf_str(&reason));
	} else if (r.h >= 1) {
		draw_waits(st, old, &first);
		draw_blocked(st, old, &first);
	}
	if (r.h > 1) {
		if (stale)
			clause(&second, style, buf_str(&reason));
		else
			draw_edges_unknown(st, in, &second);
		draw_left_out(st, in, &second);
	}
	buf_free(&reason);
}

/* --- Nothing to show */

static void say(struct line *l, enum style style, const char *text)
{
	surface_field(l->s, l->x, l->y, l->right - l->x, style, text, strlen(text), false);
	l->y++;
}

static bool has_rows(const struct sessions_state *st, const struct view_input *in)
{
	for (size_t i = 0; i < in->snap->n; i++)
		if (scope_has(&in->scope, in->snap, i) && sessions_at(st->all, i)->sample)
			return true;
	return false;
}

static void say_why_nothing(const struct view_input *in, struct line *l, int bottom)
{
	say(l, STYLE_DIM, "No sessions have been read yet.");
	for (size_t i = 0; i < in->snap->n && l->y < bottom; i++) {
		struct buf b;

		if (!scope_has(&in->scope, in->snap, i))
			continue;
		buf_init(&b, 512);
		buf_printf(&b, "%s: ", view_instance_name(in, i));
		size_t before = b.len;

		snapshot_reason(in->snap, i, "sessions", &b);
		if (b.len == before)
			buf_puts(&b, "waiting for the first answer");
		say(l, in->snap->instances[i].link.state == LINK_DOWN ? STYLE_WARN : STYLE_TEXT, buf_str(&b));
		buf_free(&b);
	}
}

void sessions_draw_empty(const struct sessions_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->table;
	struct line l = {.s = s, .x = r.x + 1, .y = r.y + 2, .right = r.x + r.w - 1};
	char text[384];

	if (r.h < 4)
		l.y = r.y + 1;
	if (!has_rows(st, in)) {
		say_why_nothing(in, &l, r.y + r.h);
		return;
	}
	if (st->filter.filter) {
		snprintf(text, sizeof text, "No session matches \"%s\". Esc shows all of them.",
		        st->filter.expression);
		say(&l, STYLE_DIM, text);
		return;
	}
	say(&l, STYLE_DIM, "Nobody is doing anything here.");
	if (st->idle_out > 0) {
		snprintf(text, sizeof text, "%u idle session%s not shown: i shows them.", st->idle_out,
		        st->idle_out == 1 ? " is" : "s are");
		say(&l, STYLE_DIM, text);
	}
}
