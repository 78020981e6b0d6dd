/* The filter language: words narrow, all must match. `checkout` is a substring of any column; `~re` an
 * extended regular expression; `!word` excludes; `state:active`, `app:checkout`, `user:!app`, `age:>5s`,
 * `rows_modified:>=1000` name a column; "two words" quotes. Compiled once, matched per row. Pure; the regular
 * expressions are POSIX, matched against at most 1 KiB of a cell. */
#ifndef DBATOP_TUI_FILTER_H
#define DBATOP_TUI_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct filter;

/* How a filter reads a row: text or number of a column; false when unknown (an unknown value matches nothing
 * but !). */
struct filter_row {
	bool (*text)(const void *row, int column, const char **s, size_t *n);
	bool (*number)(const void *row, int column, double *v); /* durations in ms */
	const void *row;
};

/* columns: names that may stand before ':'. ERR_USAGE with column and "did you mean". An empty expression
 * matches all. */
struct filter *filter_compile(const char *expression, const char *const *columns, size_t n, struct err *e);
void filter_free(struct filter *f);
bool filter_match(const struct filter *f, const struct filter_row *row);

#endif
