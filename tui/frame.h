/* The frame around every view: first line, tabs, the worst finding as a sentence, hints. Where things stand
 * is a pure function of the size, so that every terminal down to 1×1 has a sane screen; drawing reads one
 * struct. */
#ifndef DBATOP_TUI_FRAME_H
#define DBATOP_TUI_FRAME_H

#include "core/model/severity.h"
#include "tui/view.h"

/* Lines of the screen, -1: not shown. */
struct frame_layout {
	bool compact; /* no rules, short words */
	int head, tabs;
	int rule_top, rule_bottom;
	int finding;       /* first of finding_lines */
	int finding_lines; /* 1, or 2 when the sentence needs them */
	int foot;
	struct rect body;
};
/* sentence: cells of the finding's sentence, so that it gets a second line where there is room. */
void frame_layout(int width, int height, int sentence, struct frame_layout *out);

enum frame_time { FRAME_LIVE, FRAME_PAUSED };

struct frame_info {
	const struct view *const *views;
	const struct view *open;
	const struct keymap *keymap;
	const struct snapshot *snap;
	struct scope scope;
	enum frame_time time;
	wall_us wall;      /* of the data shown */
	int64_t behind_ms; /* PAUSED: how far behind now */
	unsigned ok, warn, crit, pending;
	const struct finding *worst; /* NULL: none */
	bool can_go;                 /* `!` leads somewhere */
	bool read_only;
	int64_t armed_ms;    /* `:arm`: what is left, 0: not armed */
	size_t following;    /* actions on their way */
	const char *message; /* instead of the hints; NULL: none */
	enum severity message_severity;
	/* Which commands make sense now. */
	bool (*offers)(void *arg, enum command c);
	void *offers_arg;
};
int frame_sentence_width(const struct frame_info *info);
void frame_draw(const struct frame_info *info, const struct frame_layout *l, struct surface *s);
/* The tab at x of the tab line; NULL when there is none. */
const struct view *frame_tab_at(const struct frame_info *info, const struct frame_layout *l, int x, int y);
/* "orders ▸ orders-pg-1", "all". */
void frame_scope_text(const struct snapshot *snap, const struct scope *scope, char *out, size_t cap);
/* "Enter", "Space", "Ctrl-L": a key as people write it. */
const char *frame_key(const struct keymap *m, enum command c, char out[16]);

enum style frame_severity_style(enum severity s);
const char *frame_severity_mark(enum severity s); /* "●" "▲" "✖" */

/* The first screen when there is nothing to watch. */
void welcome_draw(struct surface *s, struct rect r);

#endif
