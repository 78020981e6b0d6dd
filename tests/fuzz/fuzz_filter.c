/* Any expression compiles or says what is wrong, and matches hostile rows without harm. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tui/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct filter_column columns[] = {{.name = "state"}, {.name = "age", .seconds = true}};

static bool row_text(const void *row, int column, const char **s, size_t *n)
{
	(void)column;
	*s = row;
	*n = strlen(row);
	return true;
}

static bool row_number(const void *row, int column, double *v)
{
	(void)row;
	*v = 7000;
	return column == 1;
}

/* The expression up to a NUL, then cells, each up to the next one: as rows of a list that is filtered twice,
 * the second time with what the first has left of an expression's allowance. A term that is off stays off. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {.code = ERR_NONE};
	if (size > 4096)
		return 0;
	char *text = calloc(1, size + 2);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	const char *end = text + size + 1;
	struct filter *f = filter_compile(text, columns, 2, &e);
	if ((f == NULL) != (e.code == ERR_USAGE))
		abort();
	for (int times = 0; f != NULL && times < 2; times++) {
		for (const char *cell = text + strlen(text) + 1; cell <= end; cell += strlen(cell) + 1) {
			struct filter_row row = {.text = row_text, .number = row_number, .row = cell};
			bool off = filter_trouble(f) != NULL;
			filter_match(f, &row);
			if (off && filter_trouble(f) == NULL)
				abort();
		}
	}
	filter_free(f);
	free(text);
	return 0;
}
