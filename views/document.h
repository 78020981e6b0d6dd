/* Text of several styles in lines of one width: what a detail panel scrolls through. Built when data come,
 * drawn as often as asked. Plain data; UI thread; never blocks. */
#ifndef DBATOP_VIEWS_DOCUMENT_H
#define DBATOP_VIEWS_DOCUMENT_H

#include "core/base/redact.h"
#include "tui/surface.h"

struct document_span {
	uint32_t from, n; /* bytes of text */
	uint16_t x;       /* cell in its line */
	uint8_t style;
};

struct document_line {
	uint32_t first, n; /* spans */
};

struct document {
	int width, x; /* x: where the next text goes */
	int indent;   /* of lines that continue */
	struct buf text;
	struct document_span *spans;
	struct document_line *lines;
	size_t nspans, nlines, spans_cap, lines_cap;
};

/* Empties it, keeps its memory. */
void document_begin(struct document *d, int width);
void document_free(struct document *d);
void document_newline(struct document *d);
/* Appends; what does not fit goes on in the next line, at a blank where there is one. */
void document_text(struct document *d, enum style style, const char *text, size_t n);
void document_puts(struct document *d, enum style style, const char *text);
void document_printf(struct document *d, enum style style, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* "label      value": a line of its own. */
void document_field(struct document *d, const char *label, enum style style, const char *value);
/* A statement with its clauses on lines of their own, keywords and literals told apart. Text that is shown:
 * redact it first. */
void document_sql(struct document *d, enum redact_dialect dialect, const char *sql, size_t n);
/* Draws lines from `scroll` on. */
void document_draw(const struct document *d, struct surface *s, struct rect r, int scroll);

#endif
