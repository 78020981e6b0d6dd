/* The frame: see frame.h. */
#include "tui/frame.h"

#include <stdio.h>
#include <string.h>

#include "core/base/human.h"

enum {
	NAMED_WIDTH = 28,
	COMPACT_WIDTH = 100,
	COMPACT_HEIGHT = 30,
	TWO_LINES_HEIGHT = 18,
	GO_CELLS = 13,
	TEXT_CAP = 512
};

void frame_layout(int width, int height, int sentence, struct frame_layout *out)
{
	struct frame_layout l = {
	        .head = -1, .tabs = -1, .rule_top = -1, .rule_bottom = -1, .finding = -1, .foot = -1};
	int top = 0;
	int bottom = height;
	l.compact = width < COMPACT_WIDTH || height < COMPACT_HEIGHT;
	if (height >= 5)
		l.head = top++;
	if (height >= 9)
		l.tabs = top++;
	if (!l.compact)
		l.rule_top = top++;
	if (height >= 4)
		l.foot = --bottom;
	if (height >= 1) {
		l.finding_lines = height >= TWO_LINES_HEIGHT && sentence > width - 2 ? 2 : 1;
		bottom -= l.finding_lines;
		l.finding = bottom;
	}
	if (!l.compact)
		l.rule_bottom = --bottom;
	l.body = (struct rect){0, top, width, bottom > top ? bottom - top : 0};
	*out = l;
}

enum style frame_severity_style(enum severity s)
{
	static const enum style styles[] = {STYLE_OK, STYLE_NOTICE, STYLE_WARN, STYLE_CRIT};
	return styles[s <= SEVERITY_CRIT ? s : SEVERITY_OK];
}

const char *frame_severity_mark(enum severity s)
{
	static const char *const marks[] = {"●", "●", "▲", "✖"};
	return marks[s <= SEVERITY_CRIT ? s : SEVERITY_OK];
}

const char *frame_key(const struct keymap *m, enum command c, char out[16])
{
	keymap_key(m, c, out);
	return key_pretty(out);
}

/* ---- first line ---- */

static int put_count(
        struct surface *s, int x, int y, int room, enum severity sev, const char *mark, unsigned n)
{
	char text[32];
	snprintf(text, sizeof(text), "%s %u", mark, n);
	return surface_text(s, x, y, room, n > 0 ? frame_severity_style(sev) : STYLE_DIM, text);
}

static int put_health(const struct frame_info *info, int x, int y, int room, struct surface *s)
{
	int from = x;
	int end = x + room;
	x += put_count(s, x, y, end - x, SEVERITY_OK, "●", info->ok) + 2;
	x += put_count(s, x, y, end - x, SEVERITY_WARN, "▲", info->warn) + 2;
	x += put_count(s, x, y, end - x, SEVERITY_CRIT, "✖", info->crit) + 2;
	if (info->pending > 0)
		x += surface_printf(s, x, y, end - x, STYLE_DIM, "○ %u", info->pending) + 2;
	return x - from;
}

/* Draws right-aligned before `end`, returns the new end. */
static int put_right(struct surface *s, int end, int least, int y, enum style style, const char *text)
{
	int width = (int)text_width(text, strlen(text));
	if (end - width < least)
		return end;
	surface_text(s, end - width, y, width, style, text);
	return end - width - 2;
}

static int put_time(const struct frame_info *info, int end, int least, int y, struct surface *s)
{
	char at[32];
	char age[HUMAN_MAX];
	char text[96];
	wall_format(info->wall, 0, at);
	const char *clock = strlen(at) > 11 ? at + 11 : at;
	if (info->time == FRAME_LIVE) {
		int stop = put_right(s, end, least, y, STYLE_TEXT, clock);
		return stop == end ? end : put_right(s, stop + 1, least, y, STYLE_OK, "LIVE");
	}
	snprintf(text, sizeof(text), "PAUSED %s  %s ago", clock, human_duration(info->behind_ms, age));
	return put_right(s, end, least, y, STYLE_MARKED, text);
}

static void put_clusters(const struct frame_info *info, int x, int end, int y, struct surface *s)
{
	const struct config *cfg = info->snap->config;
	bool first = true;
	for (size_t i = 0; i < cfg->nclusters; i++) {
		const struct cluster_cfg *c = &cfg->clusters[i];
		int width = (int)text_width(c->name, strlen(c->name));
		if (c->name[0] == '\0')
			continue;
		if (x + width + 3 > end) {
			surface_text(s, x, y, end - x, STYLE_DIM, first ? "…" : " …");
			return;
		}
		if (!first)
			x += surface_text(s, x, y, end - x, STYLE_DIM, " · ");
		x += surface_text(
		        s, x, y, end - x, c->danger == DANGER_PROD ? STYLE_PROD : STYLE_DIM, c->name);
		first = false;
	}
}

static void draw_head(const struct frame_info *info, const struct frame_layout *l, struct surface *s)
{
	char text[64];
	char left[HUMAN_MAX];
	int y = l->head;
	int end = s->width - 1;
	int x = 1;
	/* What is wrong comes before whose screen it is. */
	if (s->width >= NAMED_WIDTH)
		x += surface_text(s, x, y, end - x, STYLE_TITLE, "dbatop") + (l->compact ? 1 : 2);
	x += put_health(info, x, y, end - x, s);
	end = put_time(info, end, x, y, s);
	if (info->armed_ms > 0) {
		snprintf(text, sizeof(text), "ARMED %s", human_duration(info->armed_ms, left));
		end = put_right(s, end, x, y, STYLE_CRIT, text);
	}
	if (info->read_only)
		end = put_right(s, end, x, y, STYLE_NOTICE, "read-only");
	if (info->following > 0) {
		snprintf(text, sizeof(text), "%zu under way", info->following);
		end = put_right(s, end, x, y, STYLE_MARKED, text);
	}
	if (!l->compact)
		put_clusters(info, x + 1, end, y, s);
}

/* ---- tabs ---- */

void frame_scope_text(const struct snapshot *snap, const struct scope *scope, char *out, size_t cap)
{
	const char *cluster = "";
	if (scope->instance >= 0 && (size_t)scope->instance < snap->n) {
		const struct instance_view *i = &snap->instances[scope->instance];
		cluster = i->cluster != NULL ? i->cluster->name : "";
		snprintf(out, cap, "%s%s%s", cluster, cluster[0] != '\0' ? " ▸ " : "", i->cfg->name);
	} else if (scope->cluster >= 0 && (size_t)scope->cluster < snap->config->nclusters) {
		cluster = snap->config->clusters[scope->cluster].name;
		snprintf(out, cap, "%s", cluster[0] != '\0' ? cluster : "(no cluster)");
	} else {
		snprintf(out, cap, "all");
	}
}

/* The danger colour: of what the scope is narrowed to. */
static bool scope_is_prod(const struct frame_info *info)
{
	const struct snapshot *snap = info->snap;
	if (info->scope.instance >= 0 && (size_t)info->scope.instance < snap->n) {
		const struct cluster_cfg *c = snap->instances[info->scope.instance].cluster;
		return c == NULL || c->danger == DANGER_PROD;
	}
	if (info->scope.cluster >= 0 && (size_t)info->scope.cluster < snap->config->nclusters)
		return snap->config->clusters[info->scope.cluster].danger == DANGER_PROD;
	return false;
}

static bool is_narrow(const struct frame_info *info)
{
	return info->scope.cluster >= 0 || info->scope.instance >= 0;
}

/* Cells of one tab: " 2 Sessions " without the outer blanks. */
static int tab_width(const struct frame_info *info, const struct view *v)
{
	char key[16];
	const char *k = keymap_key(info->keymap, v->open, key);
	int n = (int)text_width(v->title, strlen(v->title));
	return n + (k[0] != '\0' ? (int)text_width(k, strlen(k)) + 1 : 0);
}

static void draw_tabs(const struct frame_info *info, const struct frame_layout *l, struct surface *s)
{
	char scope[TEXT_CAP];
	char text[TEXT_CAP + 16];
	int y = l->tabs;
	int x = 1;
	int end = s->width - 1;
	for (size_t i = 0; info->views[i] != NULL; i++) {
		const struct view *v = info->views[i];
		char key[16];
		bool open = v == info->open;
		const char *k = keymap_key(info->keymap, v->open, key);
		if (x + tab_width(info, v) > end)
			break;
		if (k[0] != '\0')
			x += surface_text(s, x, y, end - x, open ? STYLE_TAB_ACTIVE : STYLE_KEY, k) + 1;
		x += surface_text(s, x, y, end - x, open ? STYLE_TAB_ACTIVE : STYLE_TAB, v->title) + 3;
	}
	frame_scope_text(info->snap, &info->scope, scope, sizeof(scope));
	snprintf(text, sizeof(text), "%s%s", is_narrow(info) ? "" : "scope: ", scope);
	int width = (int)text_width(text, strlen(text));
	int room = end - x;
	if (room < 6)
		return;
	width = width < room ? width : room;
	surface_field(s, end - width, y, width,
	        scope_is_prod(info) ? STYLE_PROD
	        : is_narrow(info)   ? STYLE_ACCENT
	                            : STYLE_DIM,
	        text, strlen(text), false);
}

const struct view *frame_tab_at(const struct frame_info *info, const struct frame_layout *l, int x, int y)
{
	int at = 1;
	if (l->tabs < 0 || y != l->tabs)
		return NULL;
	for (size_t i = 0; info->views[i] != NULL; i++) {
		int width = tab_width(info, info->views[i]);
		if (x >= at - 1 && x < at + width + 1)
			return info->views[i];
		at += width + 3;
	}
	return NULL;
}

/* ---- the worst finding ---- */

static void quiet_sentence(const struct frame_info *info, char *out, size_t cap)
{
	size_t n = info->snap->n;
	if (n == 0)
		snprintf(out, cap, "nothing is watched yet");
	else if (info->pending > 0)
		snprintf(out, cap, "waiting for the first answer of %u of %zu", info->pending, n);
	else
		snprintf(out, cap, "nothing needs you");
}

int frame_sentence_width(const struct frame_info *info)
{
	if (info->worst == NULL)
		return 0;
	return 2 + (int)text_width(info->worst->text, strlen(info->worst->text)) +
	       (info->can_go ? GO_CELLS : 0);
}

/* Bytes of text that fit into cells, broken at a blank when there is one. */
static size_t break_at(const char *text, int cells)
{
	size_t pos = 0;
	size_t fits = 0;
	size_t blank = 0;
	int used = 0;
	size_t n = strlen(text);
	struct glyph g;
	while (text_next(text, n, &pos, &g)) {
		used += g.width;
		if (used > cells)
			return blank > 0 ? blank : fits;
		if (g.base == ' ')
			blank = fits;
		fits = pos;
	}
	return n;
}

static void draw_finding(const struct frame_info *info, const struct frame_layout *l, struct surface *s)
{
	char quiet[128];
	char key[16];
	int y = l->finding;
	int end = s->width - 1;
	int left = s->width < 4 ? 0 : 1; /* one cell still says how bad it is */
	if (info->worst == NULL) {
		quiet_sentence(info, quiet, sizeof(quiet));
		bool waits = info->pending > 0 || info->snap->n == 0;
		int x = left +
		        surface_text(s, left, y, s->width, waits ? STYLE_DIM : STYLE_OK, waits ? "○ " : "● ");
		surface_text(s, x, y, end - x, STYLE_DIM, quiet);
		return;
	}
	const struct finding *f = info->worst;
	enum style style = frame_severity_style(f->severity);
	if (info->can_go && s->width >= 40) {
		const char *k = frame_key(info->keymap, CMD_WORST, key);
		end = put_right(s, end, 20, y, STYLE_DIM, s->width < 90 ? "go" : "go there");
		if (k[0] != '\0')
			end = put_right(s, end + 1, 20, y, STYLE_KEY, k) - 1;
	}
	int x = left + surface_printf(s, left, y, s->width, style, "%s ", frame_severity_mark(f->severity));
	size_t n = strlen(f->text);
	size_t first = l->finding_lines > 1 ? break_at(f->text, end - x) : n;
	surface_field(s, x, y, end - x, style, f->text, first, false);
	if (first < n)
		surface_field(
		        s, x, y + 1, s->width - 1 - x, style, f->text + first + 1, n - first - 1, false);
}

/* ---- hints ---- */

static int put_hint(const struct frame_info *info, int x, int y, int end, enum command c, struct surface *s)
{
	char key[16];
	const char *k = frame_key(info->keymap, c, key);
	const char *name = command_info(c)->name;
	int width = (int)text_width(k, strlen(k)) + 1 + (int)strlen(name);
	if (k[0] == '\0' || x + width > end)
		return 0;
	x += surface_text(s, x, y, end - x, STYLE_KEY, k) + 1;
	surface_text(s, x, y, end - x, STYLE_DIM, name);
	return width;
}

static void draw_foot(const struct frame_info *info, const struct frame_layout *l, struct surface *s)
{
	static const enum command always[] = {CMD_HELP, CMD_LINE};
	int y = l->foot;
	int gap = l->compact ? 1 : 2;
	int x = 1;
	int end = s->width - 1;
	if (info->message != NULL) {
		surface_field(s, x, y, end - x, frame_severity_style(info->message_severity), info->message,
		        strlen(info->message), false);
		return;
	}
	/* Help and the command line are always there: they keep their place at the end. */
	int tail = 0;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		tail += (int)strlen(command_info(always[i])->name) + 2 + gap;
	for (int c = 0; c < CMD_COUNT; c++) {
		unsigned flags = command_info((enum command)c)->flags;
		bool own = c == CMD_HELP || c == CMD_LINE || c == CMD_WORST;
		if ((flags & CMD_FOOTER) == 0 || own || !info->offers(info->offers_arg, (enum command)c))
			continue;
		int used = put_hint(info, x, y, end - tail, (enum command)c, s);
		x += used > 0 ? used + gap : 0;
	}
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		int used = put_hint(info, x, y, end, always[i], s);
		x += used > 0 ? used + gap : 0;
	}
}

void frame_draw(const struct frame_info *info, const struct frame_layout *l, struct surface *s)
{
	enum style rule = scope_is_prod(info) ? STYLE_PROD : STYLE_BORDER;
	if (l->head >= 0)
		draw_head(info, l, s);
	if (l->tabs >= 0)
		draw_tabs(info, l, s);
	if (l->rule_top >= 0)
		surface_fill(s, (struct rect){0, l->rule_top, s->width, 1}, rule, 0x2500);
	if (l->rule_bottom >= 0)
		surface_fill(s, (struct rect){0, l->rule_bottom, s->width, 1}, rule, 0x2500);
	if (l->finding >= 0)
		draw_finding(info, l, s);
	if (l->foot >= 0)
		draw_foot(info, l, s);
}
