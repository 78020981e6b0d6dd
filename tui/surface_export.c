/* A surface as text, and as what golden files hold: text first, for eyes, then every style as a run. */
#include <string.h>

#include "tui/surface.h"

static const struct surface_cell *row_of(const struct surface *s, int y)
{
	return &s->cells[(size_t)y * (size_t)s->width];
}

static void put_row(const struct surface_cell *row, int width, struct buf *out)
{
	char text[TEXT_ENCODED_MAX];
	int end = width;
	while (end > 0 && row[end - 1].base == ' ' && row[end - 1].marks == 0)
		end--;
	for (int x = 0; x < end; x++) {
		if (row[x].base == 0)
			continue;
		struct glyph g = {.base = row[x].base, .marks = row[x].marks, .width = 1};
		memcpy(g.mark, row[x].mark, sizeof(g.mark));
		buf_put(out, text, text_encode(&g, text));
	}
	buf_putc(out, '\n');
}

void surface_to_text(const struct surface *s, struct buf *out)
{
	for (int y = 0; y < s->height; y++)
		put_row(row_of(s, y), s->width, out);
}

/* Length of the run of cells that look like the one at x. */
static int run_length(const struct surface_cell *row, int width, int x)
{
	int n = 1;
	while (x + n < width && row[x + n].style == row[x].style &&
	        (row[x + n].flags & CELL_SELECTED) == (row[x].flags & CELL_SELECTED))
		n++;
	return n;
}

void surface_to_golden(const struct surface *s, struct buf *out)
{
	surface_to_text(s, out);
	buf_puts(out, "-- styles: y x n\n");
	for (int y = 0; y < s->height; y++) {
		const struct surface_cell *row = row_of(s, y);
		for (int x = 0, n = 0; x < s->width; x += n) {
			bool selected = (row[x].flags & CELL_SELECTED) != 0;
			n = run_length(row, s->width, x);
			if (row[x].style != STYLE_TEXT || selected)
				buf_printf(out, "%d %d %d %s%s\n", y, x, n, style_name(row[x].style),
				        selected ? " selected" : "");
		}
	}
}
