/* Shapes made of cells: bars, sparklines, boxes. Eighth blocks where the terminal has them, ASCII where it
 * has not. */
#include <math.h>
#include <string.h>

#include "tui/surface.h"

static void put(struct surface *s, int x, int y, enum style style, uint32_t base)
{
	surface_fill(s, (struct rect){x, y, 1, 1}, style, base);
}

void surface_bar(struct surface *s, int x, int y, int cells, double fraction)
{
	if (isnan(fraction) || cells <= 0)
		return;
	double value = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
	int steps = s->ascii ? 1 : 8;
	int filled = (int)lround(value * cells * steps);
	/* What is not nothing shows at least a sliver, and what is not full is not drawn as full. */
	if (value > 0 && filled == 0)
		filled = 1;
	if (value < 1 && filled == cells * steps)
		filled--;
	for (int i = 0; i < cells; i++) {
		int eighths = filled - i * steps;
		double here = (i + 1.0) / cells;
		enum style style = style_gradient(STYLE_BAR_0, here < value ? here : value);
		if (eighths >= steps)
			put(s, x + i, y, style, s->ascii ? '#' : 0x2588);
		else if (eighths > 0)
			put(s, x + i, y, style, 0x2590 - (uint32_t)eighths);
		else
			put(s, x + i, y, s->ascii ? STYLE_BORDER : STYLE_TEXT, s->ascii ? '-' : ' ');
	}
}

void surface_spark(struct surface *s, int x, int y, int cells, const float *values, size_t n)
{
	static const char ascii[] = "_..-==^";
	float largest = 0;
	if (cells <= 0)
		return;
	if (n > (size_t)cells) {
		values += n - (size_t)cells;
		n = (size_t)cells;
	}
	x += cells - (int)n;
	for (size_t i = 0; i < n; i++) {
		if (!isnan(values[i]) && values[i] > largest)
			largest = values[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (isnan(values[i]))
			continue;
		double part = largest > 0 && values[i] > 0 ? (double)values[i] / (double)largest : 0;
		/* A full block would join those of the lines above and below. */
		int step = (int)lround(part * 6);
		put(s, x + (int)i, y, style_gradient(STYLE_PLOT_0, part),
		        s->ascii ? (uint32_t)ascii[step] : 0x2581 + (uint32_t)step);
	}
}

void surface_box(struct surface *s, struct rect r, enum style style, const char *title)
{
	if (r.w < 2 || r.h < 2)
		return;
	int right = r.x + r.w - 1;
	int bottom = r.y + r.h - 1;
	surface_fill(s, r, STYLE_TEXT, ' ');
	surface_fill(s, (struct rect){r.x, r.y, r.w, 1}, style, 0x2500);
	surface_fill(s, (struct rect){r.x, bottom, r.w, 1}, style, 0x2500);
	surface_fill(s, (struct rect){r.x, r.y, 1, r.h}, style, 0x2502);
	surface_fill(s, (struct rect){right, r.y, 1, r.h}, style, 0x2502);
	put(s, r.x, r.y, style, 0x256d);
	put(s, right, r.y, style, 0x256e);
	put(s, r.x, bottom, style, 0x2570);
	put(s, right, bottom, style, 0x256f);
	if (title != NULL && title[0] != '\0' && r.w >= 8) {
		int room = r.w - 6;
		size_t n = strlen(title);
		int width = (int)text_width(title, n);
		int cells = width < room ? width : room;
		put(s, r.x + 2, r.y, style, ' ');
		surface_field(s, r.x + 3, r.y, cells, STYLE_TITLE, title, n, false);
		put(s, r.x + 3 + cells, r.y, style, ' ');
	}
}
