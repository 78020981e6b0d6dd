/* Wrapped lines and boxes: see page.h. */
#include "tui/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { LINE_MAX_BYTES = 1024, GAP = 2, MARGIN = 2 };

void page_clear(struct page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->line[i].left);
		free(p->line[i].text);
	}
	free(p->line);
	*p = (struct page){.n = 0};
}

static struct page_line *grow(struct page *p)
{
	if (p->n == PAGE_LINES_MAX)
		return NULL;
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		p->line = xreallocarray(p->line, p->cap, sizeof(*p->line));
	}
	p->line[p->n] = (struct page_line){.style = STYLE_TEXT};
	return &p->line[p->n++];
}

void page_add(struct page *p, enum style style, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct page_line *l = grow(p);
	if (l == NULL)
		return;
	l->style = style;
	l->text = xstrdup(text);
}

void page_pair(struct page *p, enum style left_style, const char *left, enum style style, const char *text)
{
	struct page_line *l = grow(p);
	if (l == NULL)
		return;
	*l = (struct page_line){
	        .left_style = left_style, .style = style, .left = xstrdup(left), .text = xstrdup(text)};
	int width = (int)text_width(left, strlen(left));
	if (width > p->left_cells)
		p->left_cells = width;
}

void page_prefix(struct page *p, struct page_line *l, const char *text)
{
	char *left = xasprintf("%s %s", text, l->left != NULL ? l->left : "");
	free(l->left);
	l->left = left;
	int width = (int)text_width(left, strlen(left));
	if (width > p->left_cells)
		p->left_cells = width;
}

/* How many bytes of text go on a line of `cells`, and where the next one begins. */
static size_t wrap(const char *text, size_t n, int cells, size_t *next)
{
	size_t pos = 0;
	size_t fits = 0;
	size_t blank = 0;
	int used = 0;
	struct glyph g;
	while (text_next(text, n, &pos, &g)) {
		used += g.width;
		if (used > cells && fits > 0) {
			*next = blank > 0 ? blank + 1 : fits;
			return blank > 0 ? blank : fits;
		}
		if (g.base == ' ' && fits > 0)
			blank = fits;
		fits = pos;
	}
	*next = n;
	return n;
}

/* The line's parts for its box: where text begins and how wide it is. */
static int text_x(const struct page *p, const struct page_line *l)
{
	return l->left != NULL ? p->left_cells + GAP : 0;
}

static int line_height(const struct page *p, const struct page_line *l, int cells)
{
	int room = cells - text_x(p, l);
	size_t n = strlen(l->text);
	int lines = 0;
	size_t at = 0;
	do {
		size_t next = 0;
		wrap(l->text + at, n - at, room > 1 ? room : 1, &next);
		at += next;
		lines++;
	} while (at < n);
	return lines;
}

int page_height(const struct page *p, int cells)
{
	int lines = 0;
	for (size_t i = 0; i < p->n; i++)
		lines += line_height(p, &p->line[i], cells);
	return lines;
}

void page_draw(const struct page *p, struct surface *s, struct rect r, int top)
{
	int y = -top;
	for (size_t i = 0; i < p->n && y < r.h; i++) {
		const struct page_line *l = &p->line[i];
		int x = text_x(p, l);
		int room = r.w - x > 1 ? r.w - x : 1;
		size_t n = strlen(l->text);
		size_t at = 0;
		if (l->left != NULL && y >= 0)
			surface_text(s, r.x, r.y + y, r.w, l->left_style, l->left);
		do {
			size_t next = 0;
			size_t used = wrap(l->text + at, n - at, room, &next);
			if (y >= 0 && y < r.h)
				surface_textn(s, r.x + x, r.y + y, room, l->style, l->text + at, used);
			at += next;
			y++;
		} while (at < n);
	}
}

struct rect page_box(const struct page *p, struct surface *s, struct rect within, int cells,
        enum style border, const char *title, const char *hint, int *top)
{
	int widest = within.w - 2 * MARGIN - 2;
	int inner = cells < widest ? cells : widest;
	if (inner < 1)
		inner = within.w > 2 ? within.w - 2 : 1;
	int lines = page_height(p, inner);
	int room = within.h - 2 > 0 ? within.h - 2 : 0;
	int height = lines < room ? lines : room;
	bool padded = within.w >= inner + 4;
	int width = inner + (padded ? 4 : 2);
	struct rect box = {
	        within.x + (within.w - width) / 2, within.y + (within.h - height - 2) / 2, width, height + 2};
	if (box.x < within.x)
		box.x = within.x;
	if (*top > lines - height)
		*top = lines - height;
	if (*top < 0)
		*top = 0;
	surface_box(s, box, border, title);
	page_draw(p, s, (struct rect){box.x + (padded ? 2 : 1), box.y + 1, inner, height}, *top);
	int bottom = box.y + box.h - 1;
	if (hint != NULL && box.w > 12) {
		char text[160];
		snprintf(text, sizeof(text), " %s%s ", hint, lines > height ? " · j k scroll" : "");
		surface_text(s, box.x + 2, bottom, box.w - 4, STYLE_DIM, text);
	}
	if (lines > height && height > 0 && lines > 0) {
		int size = height * height / lines > 0 ? height * height / lines : 1;
		int y = *top * (height - size) / (lines - height);
		surface_fill(s, (struct rect){box.x + box.w - 1, box.y + 1 + y, 1, size}, border, 0x2590);
	}
	return box;
}
