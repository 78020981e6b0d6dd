/* A list on the surface and under the mouse: see list.h. */
#include <string.h>

#include "tui/list.h"

enum { LEFT = 1, THUMB = 1 };

int list_width(int width)
{
	return width > LEFT + THUMB ? width - LEFT - THUMB : 0;
}

static void draw_header(const struct list_column *columns, const struct list_layout *layout, struct rect r,
        const struct list_draw *draw, struct surface *s)
{
	surface_fill(s, (struct rect){r.x, r.y, r.w, 1}, STYLE_HEADER, ' ');
	for (size_t i = 0; i < layout->n; i++) {
		bool sorted = draw->sorted == (int)i;
		const char *title = columns[i].title;
		int room = layout->w[i] - (sorted ? 1 : 0);
		int x = r.x + LEFT + layout->x[i];
		if (layout->w[i] == 0)
			continue;
		size_t n = strlen(title);
		if ((int)text_width(title, n) > room && columns[i].brief != NULL)
			n = strlen(title = columns[i].brief);
		int width = (int)text_width(title, n);
		if (width > room)
			width = room;
		if (columns[i].right)
			x += room - width;
		surface_textn(s, x, r.y, width, sorted ? STYLE_HEADER_SORTED : STYLE_HEADER, title, n);
		if (sorted)
			surface_text(s, x + width, r.y, 1, STYLE_HEADER_SORTED, draw->reversed ? "▴" : "▾");
	}
}

/* How far the window is, for lists that do not fit. */
static void draw_thumb(const struct list *l, struct rect rows, struct surface *s)
{
	long lines = list_lines(l);
	if (lines <= rows.h || rows.h < 3 || rows.w < 2)
		return;
	long size = (long)rows.h * rows.h / lines;
	if (size < 1)
		size = 1;
	long way = lines - rows.h;
	long y = way > 0 ? (l->top * (rows.h - size) + way / 2) / way : 0;
	surface_fill(
	        s, (struct rect){rows.x + rows.w - 1, rows.y + (int)y, 1, (int)size}, STYLE_BORDER, 0x2590);
}

void list_render(const struct list *l, const struct list_column *columns, const struct list_layout *layout,
        struct rect r, const struct list_draw *draw, struct surface *s)
{
	if (r.h <= 0 || r.w <= 0)
		return;
	draw_header(columns, layout, r, draw, s);
	struct rect rows = {r.x, r.y + 1, r.w, r.h - 1};
	surface_fill(s, rows, STYLE_TEXT, ' ');
	for (int i = 0; i < rows.h; i++) {
		long line = l->top + i;
		long row = list_row_at(l, line);
		if (row < LIST_GHOST)
			break;
		draw->row(draw->arg, s, layout, r.x + LEFT, rows.y + i, row);
		if (line == l->at)
			surface_select(s, (struct rect){rows.x, rows.y + i, rows.w, 1});
	}
	draw_thumb(l, rows, s);
}

enum list_hit list_hit(
        const struct list *l, const struct list_layout *layout, struct rect r, int x, int y, long *index)
{
	if (x < r.x || x >= r.x + r.w || y < r.y || y >= r.y + r.h)
		return LIST_HIT_NONE;
	if (y > r.y) {
		*index = list_row_at(l, l->top + (y - r.y - 1));
		return *index >= LIST_GHOST ? LIST_HIT_ROW : LIST_HIT_NONE;
	}
	for (size_t i = 0; i < layout->n; i++) {
		int left = r.x + LEFT + layout->x[i];
		/* The gap after a column belongs to it: headers are small targets. */
		if (layout->w[i] > 0 && x >= left && x < left + layout->w[i] + layout->gap) {
			*index = (long)i;
			return LIST_HIT_HEADER;
		}
	}
	return LIST_HIT_NONE;
}
