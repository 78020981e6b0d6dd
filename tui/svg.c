/* A surface as a picture that stands on its own: for README, screenshots and notes about an incident. Blocks
 * and lines are drawn as shapes, so that bars and boxes join whatever font the reader has. */
#include <stdio.h>
#include <string.h>

#include "tui/surface.h"
#include "tui/theme.h"

enum { MARGIN = 16, ROW = 19, FONT = 14 };

static const double cell_width = 8.4;

struct picture {
	const struct surface *s;
	const struct theme *theme;
	struct buf *out;
};

static double left_of(int x)
{
	return MARGIN + x * cell_width;
}

static int top_of(int y)
{
	return MARGIN + y * ROW;
}

static void put_escaped(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		switch (text[i]) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		default:
			buf_putc(out, text[i]);
		}
	}
}

static const struct surface_cell *cell_at(const struct picture *p, int x, int y)
{
	return &p->s->cells[(size_t)y * (size_t)p->s->width + (size_t)x];
}

static struct look look_at(const struct picture *p, const struct surface_cell *c)
{
	struct look l =
	        theme_look(p->theme, (enum style)c->style, (c->flags & CELL_SELECTED) != 0, DEPTH_TRUE);
	if (l.fg == COLOUR_NONE)
		l.fg = p->theme->svg_fg;
	if ((l.attrs & ATTR_REVERSE) != 0) {
		int32_t fg = l.fg;
		l.fg = l.bg == COLOUR_NONE ? p->theme->svg_bg : l.bg;
		l.bg = fg;
	}
	return l;
}

static bool same_look(const struct surface_cell *a, const struct surface_cell *b)
{
	return a->style == b->style && (a->flags & CELL_SELECTED) == (b->flags & CELL_SELECTED);
}

static void put_backgrounds(const struct picture *p, int y)
{
	for (int x = 0, n = 1; x < p->s->width; x += n) {
		const struct surface_cell *c = cell_at(p, x, y);
		struct look l = look_at(p, c);
		for (n = 1; x + n < p->s->width && look_at(p, cell_at(p, x + n, y)).bg == l.bg;)
			n++;
		if (l.bg != COLOUR_NONE)
			buf_printf(p->out,
			        "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#%06x\"/>\n",
			        left_of(x), top_of(y), n * cell_width, ROW, (unsigned)l.bg);
	}
}

/* Eighth blocks and halves. */
static bool put_block(const struct picture *p, int x, int y, unsigned fill)
{
	const struct surface_cell *cell = cell_at(p, x, y);
	uint32_t c = cell->base;
	bool bar = cell->style >= STYLE_BAR_0 && cell->style <= STYLE_BAR_7;
	double left = left_of(x);
	double top = top_of(y);
	double w = cell_width;
	double h = ROW;
	if (c >= 0x2581 && c <= 0x2588) {
		h = ROW * (c - 0x2580) / 8.0;
		top += ROW - h;
	} else if (c >= 0x2589 && c <= 0x258f) {
		w = cell_width * (0x2590 - c) / 8.0;
	} else if (c == 0x2590) {
		w = cell_width / 2;
		left += w;
	} else {
		return false;
	}
	/* A bar is a little lower than its row, so that rows of bars stay apart; a plot stands on its line.
	 */
	if ((c > 0x2588 && c < 0x2590) || (c == 0x2588 && bar)) {
		top += 3;
		h -= 6;
	}
	buf_printf(p->out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"#%06x\"/>\n",
	        left, top, w, h, fill);
	return true;
}

/* Lines by the sides they reach: up 1, down 2, left 4, right 8; 16: rounded. */
static int line_sides(uint32_t c)
{
	static const struct {
		uint32_t c;
		int sides;
	} table[] = {{0x2500, 12}, {0x2502, 3}, {0x251c, 11}, {0x2514, 9}, {0x250c, 10}, {0x2510, 6},
	        {0x2518, 5}, {0x2524, 7}, {0x252c, 14}, {0x2534, 13}, {0x253c, 15}, {0x256d, 26},
	        {0x256e, 22}, {0x256f, 21}, {0x2570, 25}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].c == c)
			return table[i].sides;
	}
	return 0;
}

static bool put_line(const struct picture *p, int x, int y, uint32_t c, unsigned stroke)
{
	int sides = line_sides(c);
	double cx = left_of(x) + cell_width / 2;
	double cy = top_of(y) + ROW / 2.0;
	if (sides == 0)
		return false;
	buf_printf(p->out, "<path fill=\"none\" stroke=\"#%06x\" d=\"", stroke);
	if ((sides & 16) != 0) {
		double ex = (sides & 4) != 0 ? left_of(x) : left_of(x + 1);
		double ey = (sides & 1) != 0 ? top_of(y) : top_of(y + 1);
		buf_printf(p->out, "M%.2f %.2fQ%.2f %.2f %.2f %.2f", cx, ey, cx, cy, ex, cy);
	} else {
		if ((sides & 3) != 0)
			buf_printf(p->out, "M%.2f %.2fV%.2f", cx, (sides & 1) != 0 ? top_of(y) : cy,
			        (sides & 2) != 0 ? top_of(y + 1) : cy);
		if ((sides & 12) != 0)
			buf_printf(p->out, "M%.2f %.2fH%.2f", (sides & 4) != 0 ? left_of(x) : cx, cy,
			        (sides & 8) != 0 ? left_of(x + 1) : cx);
	}
	buf_puts(p->out, "\"/>\n");
	return true;
}

static bool is_shape(uint32_t c)
{
	return (c >= 0x2581 && c <= 0x2590) || line_sides(c) != 0;
}

static bool starts_text(const struct surface_cell *c)
{
	return c->base != 0 && c->base != ' ' && !is_shape(c->base);
}

/* A run of text cells of one look; wide glyphs and symbols stand alone, so that the grid holds in any font.
 */
static int run_of_text(const struct picture *p, int x, int y)
{
	const struct surface_cell *first = cell_at(p, x, y);
	int end = x + 1;
	if (first->base > 0x7e)
		return end < p->s->width && (cell_at(p, end, y)->flags & CELL_CONTINUES) != 0 ? 2 : 1;
	while (end < p->s->width && cell_at(p, end, y)->base >= ' ' && cell_at(p, end, y)->base <= '~' &&
	        same_look(first, cell_at(p, end, y)))
		end++;
	while (cell_at(p, end - 1, y)->base == ' ')
		end--;
	return end - x;
}

static void put_text(const struct picture *p, int x, int y, int n)
{
	struct look l = look_at(p, cell_at(p, x, y));
	buf_printf(p->out, "<text x=\"%.1f\" y=\"%d\" textLength=\"%.1f\" fill=\"#%06x\"%s%s%s%s>",
	        left_of(x), top_of(y) + 14, n * cell_width, (unsigned)l.fg,
	        (l.attrs & ATTR_BOLD) != 0 ? " font-weight=\"bold\"" : "",
	        (l.attrs & ATTR_ITALIC) != 0 ? " font-style=\"italic\"" : "",
	        (l.attrs & ATTR_UNDERLINE) != 0 ? " text-decoration=\"underline\"" : "",
	        (l.attrs & ATTR_DIM) != 0 ? " opacity=\"0.6\"" : "");
	for (int i = x; i < x + n; i++) {
		const struct surface_cell *c = cell_at(p, i, y);
		char text[TEXT_ENCODED_MAX];
		if (c->base == 0)
			continue;
		struct glyph g = {.base = c->base, .marks = c->marks, .width = 1};
		memcpy(g.mark, c->mark, sizeof(g.mark));
		put_escaped(p->out, text, text_encode(&g, text));
	}
	buf_puts(p->out, "</text>\n");
}

static void put_row(const struct picture *p, int y)
{
	put_backgrounds(p, y);
	for (int x = 0, n = 1; x < p->s->width; x += n) {
		const struct surface_cell *c = cell_at(p, x, y);
		n = 1;
		if (starts_text(c)) {
			n = run_of_text(p, x, y);
			put_text(p, x, y, n);
		} else if (is_shape(c->base)) {
			unsigned colour = (unsigned)look_at(p, c).fg;
			if (!put_block(p, x, y, colour))
				put_line(p, x, y, c->base, colour);
		}
	}
}

void surface_to_svg(const struct surface *s, const struct theme *theme, const char *title, struct buf *out)
{
	struct picture p = {.s = s, .theme = theme, .out = out};
	int width = (int)(s->width * cell_width) + 2 * MARGIN;
	int height = s->height * ROW + 2 * MARGIN;
	buf_printf(out,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
	        "%d\">\n",
	        width, height, width, height);
	buf_puts(out, "<title>");
	if (title != NULL)
		put_escaped(out, title, strlen(title));
	buf_printf(out, "</title>\n<rect width=\"%d\" height=\"%d\" rx=\"10\" fill=\"#%06x\"/>\n", width,
	        height, (unsigned)theme->svg_bg);
	buf_printf(out,
	        "<g font-family=\"'DejaVu Sans Mono','Menlo','Consolas',monospace\" font-size=\"%d\" "
	        "xml:space=\"preserve\">\n",
	        FONT);
	for (int y = 0; y < s->height; y++)
		put_row(&p, y);
	buf_puts(out, "</g>\n</svg>\n");
}
