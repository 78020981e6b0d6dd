/* Lines of text in a box that floats over the view: help, log, own cost, dialogs. Each line may have a left
 * part of its own (a key); the rest wraps at blanks. Pure; owned by the shell. */
#ifndef DBATOP_TUI_PAGE_H
#define DBATOP_TUI_PAGE_H

#include <stddef.h>

#include "tui/surface.h"

enum { PAGE_LINES_MAX = 1024 };

struct page_line {
	enum style left_style, style;
	char *left; /* NULL: none */
	char *text;
};

struct page {
	size_t n, cap;
	struct page_line *line;
	int left_cells; /* width of the left parts; 0: there are none */
};

void page_clear(struct page *p); /* frees the lines; the page can be used again */
void page_add(struct page *p, enum style style, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void page_pair(struct page *p, enum style left_style, const char *left, enum style style, const char *text);
/* Puts text in front of a line's left part. */
void page_prefix(struct page *p, struct page_line *l, const char *text);
/* Lines that the page needs when it wraps at `cells`. */
int page_height(const struct page *p, int cells);
/* Draws from line `top` on. */
void page_draw(const struct page *p, struct surface *s, struct rect r, int top);
/* A box in the middle of `within`, as large as the page asks for, with title and a hint in its lower edge;
 * the page inside from line *top on, which is brought into range. Returns the box. */
struct rect page_box(const struct page *p, struct surface *s, struct rect within, int cells,
        enum style border, const char *title, const char *hint, int *top);

#endif
