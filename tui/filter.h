/* The filter language: words narrow, all must match. `checkout` is a substring of any column; `~re` a regular
 * expression; `!word` excludes; `state:active`, `app:checkout`, `user:!app`, `age:>5s`,
 * `rows_modified:>=1000`, `state:=active` (the whole value), `user:~^app` name a column; "two words" quotes.
 * Letters match whatever their case. Numbers take k, M, G, kB, MB, GB or a duration. Compiled once, matched
 * per row, by one thread at a time. Pure.
 *
 * A regular expression is PCRE2's, whose parentheses only group; it is matched against at most 1 KiB of a
 * cell, ^ and $ are the cell's ends, and bytes that are not UTF-8 match nothing. Work is counted, not timed:
 * one match ends after about a millisecond, and an expression that takes too much is off for good. It then
 * leaves out nothing, since a row too many is better than a culprit that is hidden; filter_trouble says so.
 */
#ifndef DBATOP_TUI_FILTER_H
#define DBATOP_TUI_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct filter;

enum { FILTER_WORDS_MAX = 32 };
#define FILTER_STAYS SIZE_MAX

/* A name that may stand before ':'. With `seconds` a bare number is seconds (`age:>5` is `age:>5s`). */
struct filter_column {
	const char *name;
	bool seconds;
};

/* One pass over a long list in which many rows have the same texts, at the same place. */
struct filter_pass {
	const int *words;                     /* the columns that a word without a name is looked for in */
	size_t nwords;                        /* at most FILTER_WORDS_MAX */
	size_t nlettered;                     /* the first of them, whose letters each row tells */
	const char *missed[FILTER_WORDS_MAX]; /* for the filter; NULL at first */
};

/* How a filter reads a row: text or number of a column; false when unknown (an unknown value matches nothing
 * but !). In a pass, n FILTER_STAYS says: up to its NUL, and the same bytes stay there until the pass is
 * over. */
struct filter_row {
	bool (*text)(const void *row, int column, const char **s, size_t *n);
	bool (*number)(const void *row, int column, double *v); /* durations in ms */
	const void *row;
	struct filter_pass *pass; /* NULL: a row alone; a word is looked for in every column */
	uint32_t letters; /* in a pass: text_letters of the row's lettered columns, no more and no less */
};

/* ERR_USAGE with "did you mean" for an unknown column; a word whose left part is no name ("10.0.0.7:5432") is
 * plain text. columns are borrowed for the call. An empty expression matches all; NULL is returned on error
 * only. */
struct filter *filter_compile(
        const char *expression, const struct filter_column *columns, size_t n, struct err *e);
void filter_free(struct filter *f);
/* f NULL matches all. */
bool filter_match(const struct filter *f, const struct filter_row *row);
/* One sentence when an expression is off; NULL when all is well or f is NULL. Lives as long as the filter. */
const char *filter_trouble(const struct filter *f);

#endif
