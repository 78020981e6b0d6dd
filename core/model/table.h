/* Typed cells: what a probe's SELECT returned, found by column name and role, never by position. A table
 * lives in its sample's arena and never changes once frozen: any thread may read it. */
#ifndef DBATOP_MODEL_TABLE_H
#define DBATOP_MODEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/err.h"

/* What a column means: decides its cell type, its unit and how it is shown. */
enum column_role {
	ROLE_LABEL,    /* short text */
	ROLE_STATE,    /* short text of a fixed vocabulary */
	ROLE_TIME,     /* a timestamp as the server wrote it: opaque text, compared for equality only */
	ROLE_SQLTEXT,  /* a statement: redacted by policy before it is shown or kept */
	ROLE_COUNT,    /* integer, a gauge */
	ROLE_COUNTER,  /* integer that only grows until a reset: becomes a rate per second */
	ROLE_BYTES,    /* integer, bytes */
	ROLE_DURATION, /* integer, milliseconds, computed on the server's clock; the name ends in _ms */
	ROLE_LSN,      /* integer, a byte position in the log */
	ROLE_PERCENT,  /* real, 0 … 100 */
	ROLE_BOOL,
	ROLE_COUNT_
};

enum cell_type { CELL_NULL, CELL_INT, CELL_REAL, CELL_BOOL, CELL_TEXT };

struct cell {
	union {
		int64_t i; /* CELL_INT, CELL_BOOL (0, 1) */
		double r;
		const char *s; /* CELL_TEXT: n bytes of any kind, NUL-terminated besides */
	} u;
	uint32_t n;
	uint8_t type; /* enum cell_type; unknown is CELL_NULL, never 0 */
};

struct column_source; /* probe.h */

struct column {
	const char *name;
	enum column_role role;
	bool key;                         /* the keys of a row together name it across samples */
	const struct column_source *from; /* of a SHOW statement; NULL: the result names it itself */
};

/* What lets the next answer leave out rows that have not changed: the server names them by key and stamp. */
struct table_kept {
	const char *taken; /* the server's moment of this answer, in its own words */
	const char
	        *before; /* … and of the one before it: what changed since then comes whole; NULL unknown */
	int64_t now_us;  /* the server's clock at this answer */
	const int64_t *stamp; /* of each row, above 0; 0: it must come whole again */
};

/* Most sessions of a server differ from their neighbour in an id and a duration: a row may hold only the
 * cells in which it differs from an earlier one. */
struct table_row {
	const struct cell *like; /* ncols cells: those of another row, or its own when that one holds all */
	uint64_t differs;        /* which columns are in `cells`, in their order, instead */
	struct cell cells[];
};

struct table {
	const struct column *columns; /* borrowed from the probe */
	size_t ncols;
	size_t nrows;
	struct table_row **rows; /* see table_cell */
	double *rates; /* nrows × ncols: per second for ROLE_COUNTER, NaN unknown; NULL before the second good
	                  sample */
	bool truncated;                /* the row or byte limit cut it: the view says so */
	const struct table_kept *kept; /* NULL: the next answer must be whole */
	const struct table *carried;   /* the answer of probe->carried, in the same arena; NULL: none */
};

const char *column_role_name(enum column_role role);
enum column_role column_role_parse(const char *word); /* ROLE_COUNT_ when unknown */
enum cell_type column_cell_type(enum column_role role);

int table_column(const struct table *t, const char *name);                 /* index, or -1 */
const struct cell *table_cell(const struct table *t, size_t row, int col); /* a NULL cell for col -1 */
/* False when the cell is NULL or of another type; out is untouched then. */
bool table_int(const struct table *t, size_t row, int col, int64_t *out);
bool table_real(const struct table *t, size_t row, int col, double *out); /* also from CELL_INT */
bool table_bool(const struct table *t, size_t row, int col, bool *out);
const char *table_text(const struct table *t, size_t row, int col); /* NULL when NULL or not text */
double table_rate(const struct table *t, size_t row, int col);      /* NaN when unknown */
/* The row whose key cells equal those of `row` in `other` (a table of the same probe); -1 if there is none.
 */
long table_find(const struct table *t, const struct table *other, size_t row);

/* Building, by one owner: rows are added until a limit says stop. */
struct table_builder;
enum { TABLE_BYTES_MAX = 8 * 1024 * 1024 };
struct table_builder *table_build(
        struct arena *arena, const struct column *columns, size_t ncols, size_t max_rows);
/* A new row of NULL cells, to be filled before the next one is begun; NULL when max_rows or TABLE_BYTES_MAX
 * is reached (then table.truncated). */
struct cell *table_build_row(struct table_builder *b);
/* Sets cell `col` of the last row from the server's text form, by the column's role: integers, reals,
 * booleans (t/f, true/false, 0/1, YES/NO, ON/OFF). s NULL is CELL_NULL. ERR_PROTOCOL naming the column when
 * the text does not fit. */
bool table_build_set(struct table_builder *b, size_t col, const char *s, size_t n, struct err *e);
/* Adds a row as it is in `from`, a table of the same columns; its durations have grown by grown_ms. False
 * when a limit is reached. */
bool table_build_copy(struct table_builder *b, const struct table *from, size_t row, int64_t grown_ms);
struct table *table_build_finish(struct table_builder *b);
/* A cell to put something else into, by the owner of a table that nobody else sees yet, in its arena. Texts
 * may be shared with other rows: they are replaced, never written to. */
struct cell *table_cell_edit(struct arena *arena, struct table *t, size_t row, size_t col);
/* The rows alone, with these columns: each takes the cells of the column of its name and role, which t must
 * have. Neither rates nor what is kept or carried. */
struct table *table_project(
        struct arena *arena, const struct table *t, const struct column *columns, size_t ncols);

/* Fills now->rates from prev, `seconds` apart, rows matched by key. A value that went down, a new row,
 * seconds ≤ 0 or prev NULL is NaN: a counter that was reset drops a sample. Both must share their columns. */
void table_rates(struct table *now, const struct table *prev, double seconds, struct arena *arena);

#endif
