/* The first screen of somebody who has configured nothing: what this is, and the three ways to begin. */
#include <string.h>

#include "tui/frame.h"

struct line {
	enum style style;
	const char *text;
};

static const struct line lines[] = {
        {STYLE_STRONG, "Nothing to watch yet."},
        {STYLE_TEXT, ""},
        {STYLE_TEXT, "Point it at a server:"},
        {STYLE_ACCENT, "  dbatop postgres://you@host/postgres mysql://you@host"},
        {STYLE_TEXT, ""},
        {STYLE_TEXT, "Or write the fleet down once, a commented file to start from:"},
        {STYLE_ACCENT, "  mkdir -p ~/.config/dbatop"},
        {STYLE_ACCENT, "  dbatop config --print-default > ~/.config/dbatop/config.yaml"},
        {STYLE_TEXT, ""},
        {STYLE_TEXT, "Or look at a living fleet with incidents, on this machine:"},
        {STYLE_ACCENT, "  ./demo"},
        {STYLE_TEXT, ""},
        {STYLE_DIM, "PG* variables, pg_service.conf, ~/.my.cnf and local sockets were tried."},
        {STYLE_DIM, "? shows the keys, q quits."},
};

void welcome_draw(struct surface *s, struct rect r)
{
	int n = sizeof(lines) / sizeof(lines[0]);
	int widest = 0;
	for (int i = 0; i < n; i++) {
		int width = (int)text_width(lines[i].text, strlen(lines[i].text));
		widest = width > widest ? width : widest;
	}
	int x = r.x + (r.w > widest + 2 ? (r.w - widest) / 2 : 1);
	int y = r.y + (r.h > n ? (r.h - n) / 3 : 0);
	for (int i = 0; i < n && y + i < r.y + r.h; i++)
		surface_text(s, x, y + i, r.x + r.w - x, lines[i].style, lines[i].text);
}
