/* Which columns fit into a width and where they stand. Pure arithmetic: see list.h. */
#include <string.h>

#include "tui/list.h"

enum { GAP_MAX = 3, ROOMY_WIDTH = 100 };

struct fit {
	const struct list_column *columns;
	size_t n;
	int width;
	bool roomy; /* a number and the word after it stand two cells apart */
	int w[LIST_COLUMNS_MAX];
};

static int shown(const struct fit *f)
{
	int count = 0;
	for (size_t i = 0; i < f->n; i++)
		count += f->w[i] > 0;
	return count;
}

/* A number ends where the next word begins: one cell between them reads as one word. */
static int joint(const struct fit *f, size_t i)
{
	if (!f->roomy || !f->columns[i].right)
		return 0;
	for (i++; i < f->n; i++) {
		if (f->w[i] > 0)
			return f->columns[i].right ? 0 : 1;
	}
	return 0;
}

static int total(const struct fit *f, int gap)
{
	int sum = 0;
	for (size_t i = 0; i < f->n; i++)
		sum += f->w[i] > 0 ? f->w[i] + (gap < 2 ? joint(f, i) : 0) : 0;
	int count = shown(f);
	return sum + (count > 0 ? (count - 1) * gap : 0);
}

/* Takes columns away, the least important first, until the smallest widths fit. */
static void drop_by_priority(struct fit *f)
{
	while (total(f, 1) > f->width) {
		int worst = -1;
		for (size_t i = 0; i < f->n; i++) {
			if (f->w[i] > 0 && f->columns[i].priority > 0 &&
			        (worst < 0 || f->columns[i].priority >= f->columns[worst].priority))
				worst = (int)i;
		}
		if (worst < 0)
			return;
		f->w[worst] = 0;
	}
}

/* Scrolled sideways: pinned columns, then the others without the first few, as many as fit. */
static void keep_from(struct fit *f, int skip)
{
	int skipped = 0;
	bool full = false;
	for (size_t i = 0; i < f->n; i++) {
		if (!f->columns[i].pinned && skipped < skip) {
			f->w[i] = 0;
			skipped++;
		}
	}
	for (size_t i = f->n; i-- > 0 && !full;) {
		full = total(f, 1) <= f->width;
		if (!full && !f->columns[i].pinned)
			f->w[i] = 0;
	}
}

/* Nothing else fits: the first columns share what there is. */
static void squeeze(struct fit *f)
{
	for (size_t i = f->n; i-- > 0 && total(f, 1) > f->width;) {
		int over = total(f, 1) - f->width;
		if (f->w[i] == 0)
			continue;
		f->w[i] = f->w[i] > over ? f->w[i] - over : 0;
	}
}

/* Grows towards the ideal widths, the most important columns first. */
static void grow(struct fit *f, int gap)
{
	int left = f->width - total(f, gap);
	for (int priority = 0; priority < 256 && left > 0; priority++) {
		for (size_t i = 0; i < f->n && left > 0; i++) {
			int want = f->columns[i].ideal - f->w[i];
			if (f->w[i] == 0 || f->columns[i].priority != priority || want <= 0)
				continue;
			int take = want < left ? want : left;
			f->w[i] += take;
			left -= take;
		}
	}
}

static bool all_ideal(const struct fit *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->w[i] > 0 && f->w[i] < f->columns[i].ideal)
			return false;
	}
	return true;
}

/* What is left over goes to the flexible columns by their shares. */
static void flex(struct fit *f, int gap)
{
	int left = f->width - total(f, gap);
	int shares = 0;
	for (size_t i = 0; i < f->n; i++)
		shares += f->w[i] > 0 ? f->columns[i].flex : 0;
	for (size_t i = 0; i < f->n && shares > 0 && left > 0; i++) {
		if (f->w[i] == 0 || f->columns[i].flex == 0)
			continue;
		int take = left * f->columns[i].flex / shares;
		f->w[i] += take;
		left -= take;
		shares -= f->columns[i].flex;
	}
}

/* With room for all ideal widths, columns stand further apart, as far as that is not dearer than text. */
static int breathe(const struct fit *f, int gap)
{
	int count = shown(f);
	while (gap < GAP_MAX && count > 1 && total(f, gap + 1) + count * 2 * gap <= f->width)
		gap++;
	return gap;
}

void list_layout(const struct list_column *columns, size_t n, int width, int scroll, struct list_layout *out)
{
	if (n > LIST_COLUMNS_MAX)
		n = LIST_COLUMNS_MAX;
	struct fit f = {.columns = columns, .n = n, .width = width > 0 ? width : 0};
	int others = 0;
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		f.w[i] = columns[i].min > 0 ? columns[i].min : 1;
		others += !columns[i].pinned;
	}
	if (scroll > others)
		scroll = others;
	if (scroll > 0)
		keep_from(&f, scroll - 1);
	else
		drop_by_priority(&f);
	squeeze(&f);
	f.roomy = width >= ROOMY_WIDTH;
	f.roomy = f.roomy && total(&f, 1) <= width;
	grow(&f, 1);
	out->gap = all_ideal(&f) ? breathe(&f, 1) : 1;
	flex(&f, out->gap);
	out->n = n;
	int x = 0;
	int last = -1;
	for (size_t i = 0; i < n; i++) {
		out->right[i] = columns[i].right;
		out->w[i] = f.w[i];
		out->x[i] = x;
		if (f.w[i] > 0) {
			x += f.w[i] + out->gap + (out->gap < 2 ? joint(&f, i) : 0);
			last = (int)i;
		} else {
			out->hidden++;
		}
	}
	bool more = scroll == 0 ? out->hidden > 0 : last < (int)n - 1;
	out->scrolls = more ? others - scroll : 0;
}

bool list_place(const struct list_layout *l, int x0, int column, int *x, int *cells)
{
	if (column < 0 || (size_t)column >= l->n || l->w[column] == 0)
		return false;
	*x = x0 + l->x[column];
	*cells = l->w[column];
	return true;
}

void list_celln(struct surface *s, const struct list_layout *l, int x0, int y, int column, enum style style,
        const char *text, size_t n)
{
	int x = 0;
	int cells = 0;
	if (list_place(l, x0, column, &x, &cells))
		surface_field(s, x, y, cells, style, text, n, l->right[column]);
}

void list_cell(struct surface *s, const struct list_layout *l, int x0, int y, int column, enum style style,
        const char *text)
{
	list_celln(s, l, x0, y, column, style, text, text == NULL ? 0 : strlen(text));
}
