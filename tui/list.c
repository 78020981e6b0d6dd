/* The cursor, the window and the marks of a list: see list.h for what they promise. */
#include "tui/list.h"

#include <string.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

enum { NO_ROWS = -2 };

bool list_key_equal(struct list_key x, struct list_key y)
{
	return x.a == y.a && x.b == y.b;
}

static bool is_none(struct list_key k)
{
	return k.a == 0 && k.b == 0;
}

uint64_t list_hash(uint64_t seed, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = seed == 0 ? FNV_OFFSET : seed;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * FNV_PRIME;
	return h;
}

uint64_t list_hash_text(uint64_t seed, const char *text)
{
	return text == NULL ? list_hash(seed, "", 1) : list_hash(seed, text, strlen(text) + 1);
}

long list_lines(const struct list *l)
{
	return l->rows + (l->ghost ? 1 : 0);
}

long list_row_at(const struct list *l, long line)
{
	if (line < 0 || line >= list_lines(l))
		return NO_ROWS;
	if (!l->ghost || line < l->at)
		return line;
	return line == l->at ? LIST_GHOST : line - 1;
}

long list_row(const struct list *l)
{
	return list_row_at(l, l->at);
}

static void clamp_window(struct list *l)
{
	long lines = list_lines(l);
	long height = l->height > 0 ? l->height : 1;
	if (l->top > lines - height)
		l->top = lines - height;
	if (l->top < 0)
		l->top = 0;
}

static void show_cursor(struct list *l)
{
	long height = l->height > 0 ? l->height : 1;
	if (l->at < l->top)
		l->top = l->at;
	if (l->at >= l->top + height)
		l->top = l->at - height + 1;
	clamp_window(l);
}

static long find(const struct list_key *keys, size_t n, struct list_key key, long hint)
{
	if (hint >= 0 && (size_t)hint < n && list_key_equal(keys[hint], key))
		return hint;
	for (size_t i = 0; i < n; i++) {
		if (list_key_equal(keys[i], key))
			return (long)i;
	}
	return -1;
}

void list_update(struct list *l, const struct list_key *keys, size_t n, int height)
{
	long before = l->at - l->top;
	bool was_in_sight = before >= 0 && before < l->height;
	l->rows = (long)n;
	l->height = height;
	if (is_none(l->cursor)) {
		l->at = 0;
		l->ghost = false;
		if (n > 0)
			l->cursor = keys[0];
		clamp_window(l);
		return;
	}
	long row = find(keys, n, l->cursor, l->at);
	l->ghost = row < 0;
	if (row >= 0)
		l->at = row;
	else if (l->at > l->rows)
		l->at = l->rows;
	/* The cursor keeps its place on the screen while others move around it, unless the list stands at
	 * its top: there the worst rows come in and must be seen. */
	if (l->top > 0 && was_in_sight)
		l->top = l->at - before;
	if (was_in_sight)
		show_cursor(l);
	else
		clamp_window(l);
}

/* Puts the cursor on a row; the ghost, if there was one, is left behind. */
static void go(struct list *l, const struct list_key *keys, long row)
{
	if (l->rows == 0)
		return;
	if (row >= l->rows)
		row = l->rows - 1;
	if (row < 0)
		row = 0;
	l->ghost = false;
	l->at = row;
	l->cursor = keys[row];
	show_cursor(l);
}

void list_move(struct list *l, const struct list_key *keys, long lines)
{
	/* From a ghost, down is the row that took its place. */
	long from = l->ghost && lines > 0 ? l->at - 1 : l->at;
	go(l, keys, from + lines);
}

void list_page(struct list *l, const struct list_key *keys, int pages)
{
	long page = l->height > 1 ? l->height - 1 : 1;
	list_move(l, keys, page * pages);
}

void list_top(struct list *l, const struct list_key *keys)
{
	go(l, keys, 0);
}

void list_bottom(struct list *l, const struct list_key *keys)
{
	go(l, keys, l->rows - 1);
}

bool list_select(struct list *l, const struct list_key *keys, struct list_key key)
{
	long row = find(keys, (size_t)l->rows, key, -1);
	if (row < 0)
		return false;
	go(l, keys, row);
	return true;
}

void list_select_row(struct list *l, const struct list_key *keys, long row)
{
	if (row >= 0 && row < l->rows)
		go(l, keys, row);
}

void list_wheel(struct list *l, int lines)
{
	l->top += lines;
	clamp_window(l);
}

void list_sideways(struct list *l, const struct list_layout *layout, int columns)
{
	if (columns > 0 && columns > layout->scrolls)
		columns = layout->scrolls;
	l->scroll += columns;
	if (l->scroll < 0)
		l->scroll = 0;
}

static long find_mark(const struct list *l, struct list_key key)
{
	for (size_t i = 0; i < l->nmarks; i++) {
		if (list_key_equal(l->mark[i], key))
			return (long)i;
	}
	return -1;
}

bool list_marked(const struct list *l, struct list_key key)
{
	return find_mark(l, key) >= 0;
}

bool list_mark(struct list *l, struct list_key key)
{
	long i = find_mark(l, key);
	if (i >= 0) {
		l->mark[i] = l->mark[--l->nmarks];
		return true;
	}
	if (l->nmarks == LIST_MARKS_MAX)
		return false;
	l->mark[l->nmarks++] = key;
	l->anchor = key;
	return true;
}

size_t list_mark_range(struct list *l, const struct list_key *keys)
{
	long from = find(keys, (size_t)l->rows, l->anchor, -1);
	long to = list_row(l);
	if (to < 0)
		return l->nmarks;
	if (from < 0)
		from = to;
	if (from > to) {
		long swap = from;
		from = to;
		to = swap;
	}
	for (long i = from; i <= to; i++) {
		if (!list_marked(l, keys[i]) && !list_mark(l, keys[i]))
			break;
	}
	return l->nmarks;
}

void list_unmark(struct list *l)
{
	l->nmarks = 0;
	l->anchor = (struct list_key){.a = 0};
}

void list_marks_prune(struct list *l, const struct list_key *keys, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->nmarks; i++) {
		if (find(keys, n, l->mark[i], -1) >= 0)
			l->mark[kept++] = l->mark[i];
	}
	l->nmarks = kept;
}
