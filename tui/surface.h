/* A grid of semantic cells: what views draw on and what golden tests, screenshots and the terminal read. Text
 * enters through one door that sanitises it, so nothing a server says can act on a terminal. Pure data, one
 * owner. */
#ifndef DBATOP_TUI_SURFACE_H
#define DBATOP_TUI_SURFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/text.h"
#include "tui/style.h"

enum { CELL_SELECTED = 1, CELL_CONTINUES = 2 /* the right half of a wide glyph */ };

struct surface_cell {
	uint32_t base; /* 0 in the right half of a wide glyph */
	uint32_t mark[TEXT_MARKS_MAX];
	uint8_t marks;
	uint8_t style;
	uint8_t flags;
	uint8_t spare; /* always 0: rows are compared by memcmp */
};

struct surface {
	int width, height;
	struct surface_cell *cells; /* height rows of width */
	bool ascii; /* --ascii, or a locale without UTF-8: line art and blocks have ASCII forms */
};

struct rect {
	int x, y, w, h;
};

struct surface *surface_new(int width, int height, bool ascii);
void surface_free(struct surface *s);
void surface_resize(struct surface *s, int width, int height); /* contents become blank */
void surface_clear(struct surface *s);
struct surface_cell *surface_at(struct surface *s, int x, int y); /* NULL outside */

/* Draws text at x, y within `cells`; outside the surface nothing happens, a wide glyph is never cut in half.
 * Returns the cells used. */
int surface_text(struct surface *s, int x, int y, int cells, enum style style, const char *text);
int surface_textn(struct surface *s, int x, int y, int cells, enum style style, const char *text, size_t n);
/* The same with an ellipsis when it does not fit; right-aligned when `right`. Uses exactly `cells`. */
void surface_field(
        struct surface *s, int x, int y, int cells, enum style style, const char *text, size_t n, bool right);
int surface_printf(struct surface *s, int x, int y, int cells, enum style style, const char *fmt, ...)
        __attribute__((format(printf, 6, 7)));
void surface_fill(struct surface *s, struct rect r, enum style style, uint32_t base);
void surface_select(struct surface *s, struct rect r); /* sets CELL_SELECTED */
/* A horizontal bar of eighth blocks ('#' and '-' in ASCII), fraction 0 … 1, coloured by value; NaN draws
 * nothing. */
void surface_bar(struct surface *s, int x, int y, int cells, double fraction);
/* One column a value, eighth blocks (ASCII: _.-=^), scaled to the largest; NaN is a blank: unknown is not
 * zero. */
void surface_spark(struct surface *s, int x, int y, int cells, const float *values, size_t n);
/* Rounded border with a title; the inside is cleared. */
void surface_box(struct surface *s, struct rect r, enum style style, const char *title);

/* As UTF-8, a line a row, trailing blanks cut. */
void surface_to_text(const struct surface *s, struct buf *out);
/* Text, then the styles as runs ("y x n style-name"): what golden files hold. */
void surface_to_golden(const struct surface *s, struct buf *out);
/* A picture, with the theme's truecolor values. */
struct theme;
void surface_to_svg(const struct surface *s, const struct theme *theme, const char *title, struct buf *out);

#endif
