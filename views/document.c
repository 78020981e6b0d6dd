/* Wraps styled text into lines once, so that scrolling through a statement of a megabyte costs what one
 * screen costs. */
#include "views/document.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { TEXT_LIMIT = 4 * 1024 * 1024, LABEL_WIDTH = 13 };

void document_begin(struct document *d, int width)
{
	d->width = width > 1 ? width : 1;
	d->x = 0;
	d->indent = 0;
	d->nspans = 0;
	d->nlines = 0;
	d->text.limit = TEXT_LIMIT;
	buf_reset(&d->text);
}

void document_free(struct document *d)
{
	buf_free(&d->text);
	free(d->spans);
	free(d->lines);
	*d = (struct document){.width = 0};
}

static struct document_line *line_of(struct document *d)
{
	if (d->nlines == 0)
		document_newline(d);
	return &d->lines[d->nlines - 1];
}

void document_newline(struct document *d)
{
	if (d->nlines == d->lines_cap) {
		d->lines_cap = d->lines_cap == 0 ? 64 : d->lines_cap * 2;
		d->lines = xreallocarray(d->lines, d->lines_cap, sizeof *d->lines);
	}
	d->lines[d->nlines++] = (struct document_line){.first = (uint32_t)d->nspans};
	d->x = 0;
}

/* One piece that fits where it stands. */
static void put(struct document *d, enum style style, const char *text, size_t n, int cells)
{
	struct document_line *line = line_of(d);
	struct document_span *last = line->n > 0 ? &d->spans[line->first + line->n - 1] : NULL;
	size_t from = d->text.len;

	buf_put(&d->text, text, n);
	if (d->text.len - from != n)
		return;
	if (last != NULL && last->style == (uint8_t)style && last->from + last->n == from) {
		last->n += (uint32_t)n;
		d->x += cells;
		return;
	}
	if (d->nspans == d->spans_cap) {
		d->spans_cap = d->spans_cap == 0 ? 128 : d->spans_cap * 2;
		d->spans = xreallocarray(d->spans, d->spans_cap, sizeof *d->spans);
	}
	d->spans[d->nspans++] = (struct document_span){
	        .from = (uint32_t)from, .n = (uint32_t)n, .x = (uint16_t)d->x, .style = (uint8_t)style};
	line->n++;
	d->x += cells;
}

static void go_on(struct document *d)
{
	document_newline(d);
	d->x = d->indent < d->width / 2 ? d->indent : 0;
}

/* A word longer than a line is cut where it must be, never inside a character. */
static void put_long(struct document *d, enum style style, const char *text, size_t n)
{
	size_t pos = 0;
	struct glyph g;

	while (pos < n) {
		size_t end = pos;
		int cells = 0;

		for (size_t next = pos; text_next(text, n, &next, &g); end = next) {
			if (d->x + cells + g.width > d->width)
				break;
			cells += g.width;
		}
		/* What is left of the input shows nothing. */
		if (end == pos && d->x == 0)
			return;
		if (end > pos)
			put(d, style, text + pos, end - pos, cells);
		if (end < n && end > pos)
			go_on(d);
		else if (end == pos)
			go_on(d);
		pos = end;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void document_text(struct document *d, enum style style, const char *text, size_t n)
{
	size_t pos = 0;

	while (pos < n) {
		size_t end = pos;
		bool blank = is_blank(text[pos]);

		while (end < n && is_blank(text[end]) == blank)
			end++;
		if (blank) {
			if (d->x > 0 && d->x < d->width)
				put(d, style, " ", 1, 1);
			pos = end;
			continue;
		}
		int cells = (int)text_width(text + pos, end - pos);

		if (d->x > 0 && d->x + cells > d->width && cells <= d->width - d->indent)
			go_on(d);
		if (d->x + cells <= d->width)
			put(d, style, text + pos, end - pos, cells);
		else
			put_long(d, style, text + pos, end - pos);
		pos = end;
	}
}

void document_puts(struct document *d, enum style style, const char *text)
{
	document_text(d, style, text, strlen(text));
}

void document_printf(struct document *d, enum style style, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, 8192);
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	document_text(d, style, buf_str(&b), b.len);
	buf_free(&b);
}

void document_field(struct document *d, const char *label, enum style style, const char *value)
{
	document_newline(d);
	document_puts(d, STYLE_DIM, label);
	if (d->x < LABEL_WIDTH && d->width > LABEL_WIDTH * 2)
		d->x = LABEL_WIDTH;
	else
		d->x++;
	d->indent = d->width > LABEL_WIDTH * 2 ? LABEL_WIDTH : 1;
	document_puts(d, style, value);
}

void document_draw(const struct document *d, struct surface *s, struct rect r, int scroll)
{
	for (int y = 0; y < r.h && (size_t)scroll + (size_t)y < d->nlines; y++) {
		const struct document_line *line = &d->lines[scroll + y];

		for (uint32_t i = 0; i < line->n; i++) {
			const struct document_span *span = &d->spans[line->first + i];

			if (span->x < r.w)
				surface_textn(s, r.x + span->x, r.y + y, r.w - span->x,
				        (enum style)span->style, d->text.data + span->from, span->n);
		}
	}
}
