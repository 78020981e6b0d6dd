/* The grid of cells and the one door through which text reaches it. What a frame costs is decided here, so
 * plain ASCII takes a short path: one store a cell, no decoding. */
#include "tui/surface.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tui/surface_ascii.h"

enum { PRINTF_MAX = 1024 };

static const struct surface_cell blank_cell = {.base = ' '};

struct surface *surface_new(int width, int height, bool ascii)
{
	struct surface *s = xcalloc(1, sizeof(*s));
	s->ascii = ascii;
	surface_resize(s, width, height);
	return s;
}

void surface_free(struct surface *s)
{
	if (s == NULL)
		return;
	free(s->cells);
	free(s);
}

void surface_resize(struct surface *s, int width, int height)
{
	s->width = width > 0 ? width : 0;
	s->height = height > 0 ? height : 0;
	size_t n = (size_t)s->width * (size_t)s->height;
	s->cells = xreallocarray(s->cells, n > 0 ? n : 1, sizeof(*s->cells));
	surface_clear(s);
}

void surface_clear(struct surface *s)
{
	size_t n = (size_t)s->width * (size_t)s->height;
	for (size_t i = 0; i < n; i++)
		s->cells[i] = blank_cell;
}

struct surface_cell *surface_at(struct surface *s, int x, int y)
{
	if (x < 0 || y < 0 || x >= s->width || y >= s->height)
		return NULL;
	return &s->cells[(size_t)y * (size_t)s->width + (size_t)x];
}

/* Writing over one half of a wide glyph leaves no other half behind: call before cells [x, end) change. */
static void mend_edges(struct surface_cell *row, int width, int x, int end)
{
	if (x > 0 && x < width && (row[x].flags & CELL_CONTINUES) != 0)
		row[x - 1] = (struct surface_cell){.base = ' ', .style = row[x - 1].style};
	if (end > 0 && end < width && (row[end].flags & CELL_CONTINUES) != 0)
		row[end] = (struct surface_cell){.base = ' ', .style = row[end].style};
}

/* The next glyph as this surface can show it. */
static bool next_glyph(const struct surface *s, const char *text, size_t n, size_t *pos, struct glyph *g)
{
	if (s->ascii && *pos < n && (unsigned char)text[*pos] >= 0x80) {
		size_t used = 0;
		char form = surface_ascii_form(text + *pos, n - *pos, &used);
		if (form != 0) {
			*pos += used;
			*g = (struct glyph){.base = (uint32_t)form, .width = 1};
			return true;
		}
	}
	if (!text_next(text, n, pos, g))
		return false;
	if (s->ascii) {
		if (g->base < ' ' || g->base > '~')
			*g = (struct glyph){.base = '?', .width = 1};
		g->marks = 0;
		memset(g->mark, 0, sizeof(g->mark));
	}
	return true;
}

/* Plain and not the base of a mark that follows. */
static bool is_plain(const char *text, size_t n, size_t i)
{
	unsigned char c = (unsigned char)text[i];
	return c >= 0x20 && c < 0x7f && (i + 1 >= n || (unsigned char)text[i + 1] < 0x80);
}

static void put_glyph(struct surface_cell *row, int width, int x, enum style style, const struct glyph *g)
{
	struct surface_cell cell = {.base = g->base, .marks = g->marks, .style = (uint8_t)style};
	for (int i = 0; i < g->marks && i < TEXT_MARKS_MAX; i++)
		cell.mark[i] = g->mark[i];
	if (g->width < 2) {
		if (x >= 0)
			row[x] = cell;
		return;
	}
	struct surface_cell half = {.style = (uint8_t)style, .flags = CELL_CONTINUES};
	if (x >= 0 && x + 1 < width) {
		row[x] = cell;
		row[x + 1] = half;
	} else if (x == -1 && width > 0) {
		row[0] = (struct surface_cell){.base = ' ', .style = (uint8_t)style};
	}
}

int surface_textn(struct surface *s, int x, int y, int cells, enum style style, const char *text, size_t n)
{
	if (y < 0 || y >= s->height || cells <= 0 || x >= s->width || text == NULL)
		return 0;
	struct surface_cell *row = &s->cells[(size_t)y * (size_t)s->width];
	int end = cells > s->width - x ? s->width : x + cells;
	int at = x;
	size_t i = 0;
	struct surface_cell plain = {.style = (uint8_t)style};
	mend_edges(row, s->width, x, 0);
	while (i < n && at < end) {
		if (at >= 0 && is_plain(text, n, i)) {
			plain.base = (unsigned char)text[i++];
			row[at++] = plain;
			continue;
		}
		struct glyph g;
		if (!next_glyph(s, text, n, &i, &g) || at + g.width > end)
			break;
		put_glyph(row, s->width, at, style, &g);
		at += g.width;
	}
	/* The cell after the last one may have been the right half of what was overwritten. */
	if (at > x && at > 0 && at < s->width && (row[at].flags & CELL_CONTINUES) != 0)
		row[at] = (struct surface_cell){.base = ' ', .style = row[at].style};
	return at - x;
}

int surface_text(struct surface *s, int x, int y, int cells, enum style style, const char *text)
{
	return text == NULL ? 0 : surface_textn(s, x, y, cells, style, text, strlen(text));
}

int surface_printf(struct surface *s, int x, int y, int cells, enum style style, const char *fmt, ...)
{
	char text[PRINTF_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return surface_text(s, x, y, cells, style, text);
}

/* Cells that text needs, and how many of its bytes fit in `cells` and in `cells - 1`; stops when it is sure
 * that it does not fit, so that a statement of 4 KiB costs no more than its column. */
struct measure {
	int used;      /* cells of what fits */
	size_t cut;    /* bytes that fit in cells - 1 */
	int cut_cells; /* and their cells */
	bool fits;
};

static struct measure measure_text(const struct surface *s, const char *text, size_t n, int cells)
{
	struct measure m = {.fits = true};
	size_t i = 0;
	size_t plain = 0;
	while (plain < n && plain <= (size_t)cells && (unsigned char)text[plain] >= 0x20 &&
	        (unsigned char)text[plain] < 0x7f)
		plain++;
	if (plain == n && n <= (size_t)cells)
		return (struct measure){.used = (int)n, .fits = true};
	if (plain > (size_t)cells)
		return (struct measure){.used = cells, .cut = (size_t)cells - 1, .cut_cells = cells - 1};
	struct glyph g;
	for (;;) {
		if (m.used <= cells - 1) {
			m.cut = i;
			m.cut_cells = m.used;
		}
		if (!next_glyph(s, text, n, &i, &g))
			return m;
		if (m.used + g.width > cells) {
			m.fits = false;
			return m;
		}
		m.used += g.width;
	}
}

void surface_field(
        struct surface *s, int x, int y, int cells, enum style style, const char *text, size_t n, bool right)
{
	if (cells <= 0 || y < 0 || y >= s->height)
		return;
	if (text == NULL)
		n = 0;
	struct measure m = measure_text(s, text == NULL ? "" : text, n, cells);
	if (m.fits) {
		int pad = cells - m.used;
		int left = right ? pad : 0;
		if (left > 0)
			surface_fill(s, (struct rect){x, y, left, 1}, style, ' ');
		surface_textn(s, x + left, y, m.used, style, text == NULL ? "" : text, n);
		if (!right && pad > 0)
			surface_fill(s, (struct rect){x + m.used, y, pad, 1}, style, ' ');
		return;
	}
	surface_textn(s, x, y, m.cut_cells, style, text, m.cut);
	surface_text(s, x + m.cut_cells, y, 1, style, "…");
	int rest = cells - m.cut_cells - 1;
	if (rest > 0)
		surface_fill(s, (struct rect){x + m.cut_cells + 1, y, rest, 1}, style, ' ');
}

/* The part of r that lies on the surface. */
static struct rect clip(const struct surface *s, struct rect r)
{
	if (r.x < 0) {
		r.w += r.x;
		r.x = 0;
	}
	if (r.y < 0) {
		r.h += r.y;
		r.y = 0;
	}
	if (r.w > s->width - r.x)
		r.w = s->width - r.x;
	if (r.h > s->height - r.y)
		r.h = s->height - r.y;
	return r;
}

void surface_fill(struct surface *s, struct rect r, enum style style, uint32_t base)
{
	r = clip(s, r);
	if (r.w <= 0 || r.h <= 0)
		return;
	if (s->ascii && base > '~')
		base = (uint32_t)surface_ascii_char(base);
	struct surface_cell cell = {.base = base, .style = (uint8_t)style};
	for (int y = r.y; y < r.y + r.h; y++) {
		struct surface_cell *row = &s->cells[(size_t)y * (size_t)s->width];
		mend_edges(row, s->width, r.x, r.x + r.w);
		for (int x = r.x; x < r.x + r.w; x++)
			row[x] = cell;
	}
}

void surface_select(struct surface *s, struct rect r)
{
	r = clip(s, r);
	for (int y = r.y; y < r.y + r.h; y++) {
		for (int x = r.x; x < r.x + r.w; x++)
			s->cells[(size_t)y * (size_t)s->width + (size_t)x].flags |= CELL_SELECTED;
	}
}
