/* The table that Fleet and Sessions share: which columns fit, which rows are in sight, where the cursor is.
 * Layout is a pure function of a width; rows are drawn by the view, only those in sight, so ten thousand rows
 * cost what one screen costs. The cursor holds on to a row's key, never to an index: when the row goes, a
 * ghost stays under the cursor until the operator moves away, so that no key ever hits a neighbour. Plain
 * data, zeroed at first; UI thread; never blocks. */
#ifndef DBATOP_TUI_LIST_H
#define DBATOP_TUI_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/surface.h"

/* Names a row across samples. {0, 0} is no row. */
struct list_key {
	uint64_t a, b;
};
bool list_key_equal(struct list_key x, struct list_key y);
/* Mixes text or numbers into a key's half (FNV-1a); begin with 0. */
uint64_t list_hash(uint64_t seed, const void *data, size_t n);
uint64_t list_hash_text(uint64_t seed, const char *text); /* NULL counts as "" */

/* ---- columns ---- */

enum { LIST_COLUMNS_MAX = 32, LIST_NO_COLUMN = -1 };

struct list_column {
	const char *name;  /* what `sort`, the filter and --help call it */
	const char *title; /* its header */
	const char *brief; /* header when the column has fewer cells than the title; NULL: cut */
	uint8_t priority;  /* 0 always stays; when it gets narrow the highest number goes first */
	uint16_t min;      /* cells below which it is of no use */
	uint16_t ideal;    /* cells that show all that is usual; at least min */
	uint16_t flex;     /* share of what is left over when all have their ideal; 0: none */
	bool right;        /* numbers */
	bool pinned;       /* stays at the left when the list is scrolled sideways */
};

/* Where each column stands: index by the column's place in the array, w 0 when it is not shown. */
struct list_layout {
	int x[LIST_COLUMNS_MAX]; /* relative to the list's left edge */
	int w[LIST_COLUMNS_MAX];
	bool right[LIST_COLUMNS_MAX];
	size_t n;
	int gap;     /* cells between columns: 1, or 2 and 3 when there is room to breathe */
	int hidden;  /* columns that did not fit */
	int scrolls; /* how far this layout can scroll further to the right */
};
/* scroll 0: everything that fits by priority. scroll k: the pinned columns, then from the k-th other one on
 * (counted from 1) as many as fit. */
void list_layout(const struct list_column *columns, size_t n, int width, int scroll, struct list_layout *out);

/* Draws one cell of a row with the column's alignment; nothing when the column is not shown. x0, y: the
 * list's left edge and the row's line. */
void list_cell(struct surface *s, const struct list_layout *l, int x0, int y, int column, enum style style,
        const char *text);
void list_celln(struct surface *s, const struct list_layout *l, int x0, int y, int column, enum style style,
        const char *text, size_t n);
/* Where a cell that the view draws itself (a bar, a sparkline) begins and how wide it is; false: not shown.
 */
bool list_place(const struct list_layout *l, int x0, int column, int *x, int *cells);

/* ---- state ---- */

enum { LIST_MARKS_MAX = 256, LIST_GHOST = -1 };

struct list {
	struct list_key cursor; /* {0, 0} before the first row came */
	long at;                /* display line of the cursor, 0 … list_lines - 1 */
	long top;               /* display line at the top of the window */
	long rows;              /* of the last update */
	int height;             /* lines for rows (without the header), of the last update */
	int scroll;             /* sideways, in columns */
	bool ghost;             /* the cursor's row is gone; a line stays for it at `at` */
	size_t nmarks;
	struct list_key mark[LIST_MARKS_MAX];
	struct list_key anchor; /* the last one that was marked */
};

/* Settles cursor and window after new data, a new order or a new height. keys: one for each row, in display
 * order; unique. A cursor whose row is not there becomes a ghost where it stood. Marks of rows that are gone
 * stay until list_marks_prune. */
void list_update(struct list *l, const struct list_key *keys, size_t n, int height);
/* Display lines: rows, and one for the ghost. */
long list_lines(const struct list *l);
/* The row under the cursor, LIST_GHOST when it is gone; -2 when there are no rows. */
long list_row(const struct list *l);
/* The row on a display line: LIST_GHOST for the ghost, -2 outside. */
long list_row_at(const struct list *l, long line);

/* Moving leaves a ghost behind. keys as given to the last list_update. */
void list_move(struct list *l, const struct list_key *keys, long lines);
void list_page(struct list *l, const struct list_key *keys, int pages);
void list_top(struct list *l, const struct list_key *keys);
void list_bottom(struct list *l, const struct list_key *keys);
bool list_select(struct list *l, const struct list_key *keys, struct list_key key); /* false: not there */
void list_select_row(struct list *l, const struct list_key *keys, long row);
void list_wheel(struct list *l, int lines); /* moves the window; the cursor stays where it is */
void list_sideways(struct list *l, const struct list_layout *layout, int columns);

bool list_marked(const struct list *l, struct list_key key);
/* Marks or unmarks; false when LIST_MARKS_MAX are marked already. */
bool list_mark(struct list *l, struct list_key key);
/* Marks everything between the last one that was marked and the cursor; how many are marked then. */
size_t list_mark_range(struct list *l, const struct list_key *keys);
void list_unmark(struct list *l);
/* Drops the marks of rows that are not in keys. */
void list_marks_prune(struct list *l, const struct list_key *keys, size_t n);

/* ---- drawing and mouse ---- */

struct list_draw {
	void *arg;
	/* Draws row (LIST_GHOST: the ghost, which the view remembers) on line y; x0 is the list's left edge.
	 * The line is blank; the selection is laid over it afterwards. */
	void (*row)(void *arg, struct surface *s, const struct list_layout *layout, int x0, int y, long row);
	int sorted;    /* column, or LIST_NO_COLUMN */
	bool reversed; /* of the column's natural order */
};
/* The header on the first line of r, rows below, a thumb at the right edge when not all lines are in sight.
 * The layout should have been made for list_width(r.w). */
void list_render(const struct list *l, const struct list_column *columns, const struct list_layout *layout,
        struct rect r, const struct list_draw *draw, struct surface *s);
/* Cells for columns in a list of this width: one is kept for the thumb, and one at the left for the marks. */
int list_width(int width);

enum list_hit { LIST_HIT_NONE, LIST_HIT_HEADER, LIST_HIT_ROW };
/* What is under the mouse: *index is a column for HEADER, a row (or LIST_GHOST) for ROW. */
enum list_hit list_hit(
        const struct list *l, const struct list_layout *layout, struct rect r, int x, int y, long *index);

#endif
