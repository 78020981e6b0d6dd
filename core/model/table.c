/* Typed cells from the server's text, found by name: a column that moves, is missing or is NULL must never
 * turn into a zero on a screen. */
#include "core/model/table.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

enum { FIRST_ROWS = 8, ROWS_GROW = 4, LOOK_BACK = 4, NUMBER_MAX = 64, MASK_BITS = 64 };

static const struct cell null_cell = {.type = CELL_NULL};

static const char *const role_names[ROLE_COUNT_] = {
        [ROLE_LABEL] = "label",
        [ROLE_STATE] = "state",
        [ROLE_TIME] = "time",
        [ROLE_SQLTEXT] = "sqltext",
        [ROLE_COUNT] = "count",
        [ROLE_COUNTER] = "counter",
        [ROLE_BYTES] = "bytes",
        [ROLE_DURATION] = "duration",
        [ROLE_LSN] = "lsn",
        [ROLE_PERCENT] = "percent",
        [ROLE_BOOL] = "bool",
};

const char *column_role_name(enum column_role role)
{
	return (size_t)role < ROLE_COUNT_ ? role_names[role] : "unknown";
}

enum column_role column_role_parse(const char *word)
{
	for (size_t i = 0; i < ROLE_COUNT_; i++) {
		if (strcmp(word, role_names[i]) == 0)
			return (enum column_role)i;
	}
	return ROLE_COUNT_;
}

enum cell_type column_cell_type(enum column_role role)
{
	switch (role) {
	case ROLE_LABEL:
	case ROLE_STATE:
	case ROLE_TIME:
	case ROLE_SQLTEXT:
		return CELL_TEXT;
	case ROLE_COUNT:
	case ROLE_COUNTER:
	case ROLE_BYTES:
	case ROLE_DURATION:
	case ROLE_LSN:
		return CELL_INT;
	case ROLE_PERCENT:
		return CELL_REAL;
	case ROLE_BOOL:
		return CELL_BOOL;
	case ROLE_COUNT_:
		break;
	}
	return CELL_NULL;
}

/* 1. Reading. */

int table_column(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->ncols; i++) {
		if (strcmp(t->columns[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static const struct cell *row_cell(const struct table_row *row, size_t col)
{
	uint64_t bit = col < MASK_BITS ? (uint64_t)1 << col : 0;
	if ((row->differs & bit) == 0)
		return &row->like[col];
	return &row->cells[__builtin_popcountll(row->differs & (bit - 1))];
}

const struct cell *table_cell(const struct table *t, size_t row, int col)
{
	if (col < 0)
		return &null_cell;
	assert(row < t->nrows && (size_t)col < t->ncols);
	return row_cell(t->rows[row], (size_t)col);
}

struct cell *table_cell_edit(struct arena *arena, struct table *t, size_t row, size_t col)
{
	assert(row < t->nrows && col < t->ncols);
	const struct table_row *old = t->rows[row];
	/* Other rows may look at its cells: from here on it has its own, and says so by naming them all. */
	uint64_t all = t->ncols < MASK_BITS ? ((uint64_t)1 << t->ncols) - 1 : UINT64_MAX;
	if (old->differs != all) {
		struct table_row *own = arena_alloc(arena, sizeof(*own) + t->ncols * sizeof(struct cell));
		for (size_t i = 0; i < t->ncols; i++)
			own->cells[i] = *row_cell(old, i);
		own->like = own->cells;
		own->differs = all;
		t->rows[row] = own;
	}
	return &t->rows[row]->cells[col];
}

bool table_int(const struct table *t, size_t row, int col, int64_t *out)
{
	const struct cell *c = table_cell(t, row, col);
	if (c->type != CELL_INT)
		return false;
	*out = c->u.i;
	return true;
}

bool table_real(const struct table *t, size_t row, int col, double *out)
{
	const struct cell *c = table_cell(t, row, col);
	if (c->type == CELL_REAL)
		*out = c->u.r;
	else if (c->type == CELL_INT)
		*out = (double)c->u.i;
	else
		return false;
	return true;
}

bool table_bool(const struct table *t, size_t row, int col, bool *out)
{
	const struct cell *c = table_cell(t, row, col);
	if (c->type != CELL_BOOL)
		return false;
	*out = c->u.i != 0;
	return true;
}

const char *table_text(const struct table *t, size_t row, int col)
{
	const struct cell *c = table_cell(t, row, col);
	return c->type == CELL_TEXT ? c->u.s : NULL;
}

double table_rate(const struct table *t, size_t row, int col)
{
	if (t->rates == NULL || col < 0)
		return NAN;
	return t->rates[row * t->ncols + (size_t)col];
}

/* 2. Rows across samples. */

static int cell_compare(const struct cell *a, const struct cell *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type == CELL_NULL)
		return 0;
	if (a->type == CELL_REAL)
		return a->u.r < b->u.r ? -1 : a->u.r > b->u.r;
	if (a->type != CELL_TEXT)
		return a->u.i < b->u.i ? -1 : a->u.i > b->u.i;
	size_t n = a->n < b->n ? a->n : b->n;
	int order = n == 0 ? 0 : memcmp(a->u.s, b->u.s, n);
	if (order != 0)
		return order;
	return a->n < b->n ? -1 : a->n > b->n;
}

/* By key columns; both tables are of one probe. A table without keys has one row of each kind: all equal. */
static int row_compare(const struct table *a, size_t row_a, const struct table *b, size_t row_b)
{
	for (size_t col = 0; col < a->ncols; col++) {
		if (!a->columns[col].key)
			continue;
		int order = cell_compare(table_cell(a, row_a, (int)col), table_cell(b, row_b, (int)col));
		if (order != 0)
			return order;
	}
	return 0;
}

long table_find(const struct table *t, const struct table *other, size_t row)
{
	assert(t->ncols == other->ncols);
	for (size_t i = 0; i < other->nrows; i++) {
		if (row_compare(t, row, other, i) == 0)
			return (long)i;
	}
	return -1;
}

static int order_rows(const void *a, const void *b, void *arg)
{
	const struct table *t = arg;
	return row_compare(t, *(const uint32_t *)a, t, *(const uint32_t *)b);
}

/* Row numbers sorted by key, so that matching two tables is n log n. The caller frees. */
static uint32_t *rows_by_key(const struct table *t)
{
	uint32_t *rows = xmalloc(t->nrows * sizeof(*rows) + 1);
	for (size_t i = 0; i < t->nrows; i++)
		rows[i] = (uint32_t)i;
	struct table copy = *t;
	qsort_r(rows, t->nrows, sizeof(*rows), order_rows, &copy);
	return rows;
}

static long find_sorted(const struct table *t, size_t row, const struct table *other, const uint32_t *rows)
{
	size_t low = 0;
	size_t high = other->nrows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = row_compare(t, row, other, rows[mid]);
		if (order == 0)
			return (long)rows[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

static void rate_row(struct table *now, size_t row, const struct table *prev, long before, double seconds)
{
	for (size_t col = 0; col < now->ncols; col++) {
		double *rate = &now->rates[row * now->ncols + col];
		int64_t was;
		int64_t is;
		*rate = NAN;
		if (before < 0 || now->columns[col].role != ROLE_COUNTER)
			continue;
		if (!table_int(now, row, (int)col, &is) || !table_int(prev, (size_t)before, (int)col, &was))
			continue;
		if (is >= was)
			*rate = ((double)is - (double)was) / seconds;
	}
}

void table_rates(struct table *now, const struct table *prev, double seconds, struct arena *arena)
{
	bool counters = false;
	for (size_t col = 0; col < now->ncols; col++)
		counters = counters || now->columns[col].role == ROLE_COUNTER;
	now->rates = NULL;
	if (!counters || prev == NULL || prev->columns != now->columns || !(seconds > 0) || now->nrows == 0)
		return;
	now->rates = arena_alloc(arena, now->nrows * now->ncols * sizeof(*now->rates));
	uint32_t *rows = rows_by_key(prev);
	for (size_t row = 0; row < now->nrows; row++)
		rate_row(now, row, prev, find_sorted(now, row, prev, rows), seconds);
	free(rows);
}

/* 3. Building. */

struct table_builder {
	struct table *table;
	struct arena *arena;
	size_t max_rows;
	size_t room;             /* rows that fit in table->rows */
	struct table_row *last;  /* the row being filled, with all its cells; kept for the next when packed */
	const struct cell *like; /* the last row that holds all its cells; NULL: none yet */
	size_t whole;            /* how many there are of those */
	size_t bytes;            /* cells and text together, against TABLE_BYTES_MAX */
};

struct table_builder *table_build(
        struct arena *arena, const struct column *columns, size_t ncols, size_t max_rows)
{
	struct table_builder *b = arena_alloc(arena, sizeof(*b));
	b->table = arena_alloc(arena, sizeof(*b->table));
	b->table->columns = columns;
	b->table->ncols = ncols;
	b->arena = arena;
	b->max_rows = max_rows;
	return b;
}

/* Texts by address: what is the same as in that row was given its text. */
static bool same_cell(const struct cell *a, const struct cell *b)
{
	if (a->type == CELL_TEXT && b->type == CELL_TEXT)
		return a->u.s == b->u.s && a->n == b->n;
	return cell_compare(a, b) == 0;
}

/* The last row is complete: it stays as it is, for others to be like it, or becomes what differs. */
static void settle_row(struct table_builder *b)
{
	struct table *t = b->table;
	uint64_t differs = 0;
	if (t->nrows == 0 || b->last == NULL || t->rows[t->nrows - 1] != b->last)
		return;
	for (size_t col = 0; b->like != NULL && t->ncols <= MASK_BITS && col < t->ncols; col++)
		differs |= (uint64_t)!same_cell(&b->last->cells[col], &b->like[col]) << col;
	size_t n = (size_t)__builtin_popcountll(differs);
	/* The first of the many idle ones does not look like the busy one before it: they follow it. Where
	 * every row is another, a few are enough to be like. */
	bool odd = n > t->ncols / 4 && b->whole <= t->nrows / 8;
	if (b->like == NULL || t->ncols > MASK_BITS || n > t->ncols / 2 || odd) {
		b->whole++;
		b->like = b->last->cells;
		b->last = NULL;
		return;
	}
	struct table_row *row = arena_alloc(b->arena, sizeof(*row) + n * sizeof(struct cell));
	*row = (struct table_row){.like = b->like, .differs = differs};
	for (size_t col = 0, to = 0; col < t->ncols; col++) {
		if (differs >> col & 1)
			row->cells[to++] = b->last->cells[col];
	}
	t->rows[t->nrows - 1] = row;
}

static void add_room(struct table_builder *b)
{
	struct table *t = b->table;
	size_t room = b->room == 0 ? FIRST_ROWS : b->room * ROWS_GROW, one = sizeof(*t->rows);
	if (room > b->max_rows)
		room = b->max_rows;
	t->rows = arena_resize(b->arena, t->rows, b->room * one, room * one);
	b->room = room;
}

struct cell *table_build_row(struct table_builder *b)
{
	struct table *t = b->table;
	size_t row_bytes = t->ncols * sizeof(struct cell);
	if (t->nrows >= b->max_rows || b->bytes + row_bytes > TABLE_BYTES_MAX) {
		t->truncated = true;
		return NULL;
	}
	settle_row(b);
	if (t->nrows == b->room)
		add_room(b);
	if (b->last == NULL)
		b->last = arena_alloc(b->arena, sizeof(*b->last) + row_bytes);
	else
		memset(b->last->cells, 0, row_bytes);
	b->last->like = b->last->cells;
	b->bytes += row_bytes;
	t->rows[t->nrows++] = b->last;
	return b->last->cells;
}

static bool parse_int(const char *s, int64_t *out)
{
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (end == s || errno == ERANGE)
		return false;
	/* MySQL sums and PostgreSQL extracts come as decimals: whole ones are integers. */
	if (*end == '.') {
		end++;
		while (isdigit((unsigned char)*end))
			end++;
	}
	*out = v;
	return *end == '\0';
}

/* 20 digits from an unsigned counter: beyond what is counted here, but still a number, not an error. */
static bool parse_unsigned(const char *s, int64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (!isdigit((unsigned char)s[0]) || errno == ERANGE || *end != '\0')
		return false;
	*out = v > INT64_MAX ? INT64_MAX : (int64_t)v;
	return true;
}

static bool parse_real(const char *s, double *out)
{
	char *end;
	double v = strtod(s, &end);
	if (end == s || *end != '\0' || !isfinite(v))
		return false;
	*out = v;
	return true;
}

static bool parse_bool(const char *s, int64_t *out)
{
	static const char *const yes[] = {"t", "true", "1", "yes", "on"};
	static const char *const no[] = {"f", "false", "0", "no", "off"};
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(s, yes[i]) == 0 || strcasecmp(s, no[i]) == 0) {
			*out = strcasecmp(s, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

static bool parse_number(enum cell_type type, const char *s, struct cell *cell)
{
	switch (type) {
	case CELL_INT:
		return parse_int(s, &cell->u.i) || parse_unsigned(s, &cell->u.i);
	case CELL_REAL:
		return parse_real(s, &cell->u.r);
	case CELL_BOOL:
		return parse_bool(s, &cell->u.i);
	case CELL_NULL:
	case CELL_TEXT:
		break;
	}
	return false;
}

/* Neighbours often say the same (a user, a state, the statement of a pool): their text is kept once. */
static const char *same_text(const struct table_builder *b, size_t col, const char *s, size_t n)
{
	const struct table *t = b->table;
	const struct cell *c = b->like != NULL ? &b->like[col] : &null_cell;
	for (size_t back = 1; back <= t->nrows && back < 2 + LOOK_BACK; back++) {
		if (back > 1)
			c = row_cell(t->rows[t->nrows - back], col);
		if (c->type == CELL_TEXT && c->n == n && memcmp(c->u.s, s, n) == 0)
			return c->u.s;
	}
	return NULL;
}

/* The limit counts what the server sent: a text that is kept once still came again. */
static void set_text(struct table_builder *b, struct cell *cell, size_t col, const char *s, size_t n)
{
	size_t left = b->bytes < TABLE_BYTES_MAX ? TABLE_BYTES_MAX - b->bytes : 0;
	if (n > left) {
		n = left;
		b->table->truncated = true;
	}
	const char *kept = same_text(b, col, s, n);
	cell->u.s = kept != NULL ? kept : arena_strndup(b->arena, s, n);
	cell->n = (uint32_t)n;
	b->bytes += n + 1;
}

bool table_build_set(struct table_builder *b, size_t col, const char *s, size_t n, struct err *e)
{
	struct table *t = b->table;
	assert(t->nrows > 0 && col < t->ncols);
	struct cell *cell = &b->last->cells[col];
	const struct column *column = &t->columns[col];
	*cell = null_cell;
	if (s == NULL)
		return true;
	enum cell_type type = column_cell_type(column->role);
	if (type == CELL_TEXT) {
		set_text(b, cell, col, s, n);
	} else {
		char number[NUMBER_MAX];
		size_t length = n < sizeof(number) ? n : sizeof(number) - 1;
		memcpy(number, s, length);
		number[length] = '\0';
		if (n >= sizeof(number) || strlen(number) != n || !parse_number(type, number, cell))
			return err_set(e, ERR_PROTOCOL, "column %s: expected a %s, the server sent \"%s\"",
			        column->name, column_role_name(column->role), number);
	}
	cell->type = (uint8_t)type;
	return true;
}

bool table_build_copy(struct table_builder *b, const struct table *from, size_t row, int64_t grown_ms)
{
	assert(from->ncols == b->table->ncols && row < from->nrows);
	struct cell *to = table_build_row(b);
	if (to == NULL)
		return false;
	for (size_t col = 0; col < from->ncols; col++) {
		const struct cell *cell = table_cell(from, row, (int)col);
		to[col] = *cell;
		if (cell->type == CELL_TEXT)
			set_text(b, &to[col], col, cell->u.s, cell->n);
		else if (cell->type == CELL_INT && from->columns[col].role == ROLE_DURATION)
			to[col].u.i += grown_ms;
	}
	return true;
}

struct table *table_build_finish(struct table_builder *b)
{
	settle_row(b);
	return b->table;
}

struct table *table_project(
        struct arena *arena, const struct table *t, const struct column *columns, size_t ncols)
{
	struct table_builder *b = table_build(arena, columns, ncols, t->nrows);
	struct cell *to;
	for (size_t row = 0; row < t->nrows && (to = table_build_row(b)) != NULL; row++) {
		for (size_t col = 0; col < ncols; col++) {
			int at = table_column(t, columns[col].name);
			assert(at >= 0 && t->columns[at].role == columns[col].role);
			const struct cell *cell = table_cell(t, row, at);
			to[col] = *cell;
			if (cell->type == CELL_TEXT)
				set_text(b, &to[col], col, cell->u.s, cell->n);
		}
	}
	struct table *made = table_build_finish(b);
	made->truncated = made->truncated || t->truncated;
	return made;
}
