/* CSV as RFC 4180 has it: one line for each row of the view, the instance's columns first; an instance
 * without rows still has a line, so that what did not answer is not overlooked. Unknown is an empty field. */
#include <stdlib.h>
#include <string.h>

#include "cli/once.h"
#include "cli/once_tree.h"
#include "core/base/mem.h"

enum { COLUMNS_MAX = 128 };

struct columns {
	const char *name[COLUMNS_MAX];
	size_t n;
};

/* Engines add columns of their own: the header has each name once, in the order of their first appearance. */
static void collect(struct columns *all, const struct table *t)
{
	for (size_t c = 0; t != NULL && c < t->ncols; c++) {
		size_t k = 0;
		while (k < all->n && strcmp(all->name[k], t->columns[c].name) != 0)
			k++;
		if (k == all->n && all->n < COLUMNS_MAX)
			all->name[all->n++] = t->columns[c].name;
	}
}

void once_csv_field(const char *s, FILE *out)
{
	if (strpbrk(s, ",\"\r\n") == NULL) {
		fputs(s, out);
		return;
	}
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			fputc('"', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

void once_csv_head(const struct once_instance *in, FILE *out)
{
	const char *fields[] = {in->name, in->engine, in->version, in->role, once_status_name(in->status),
	        in->e.code != ERR_NONE ? in->e.text : NULL};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (i > 0)
			fputc(',', out);
		once_csv_field(fields[i] != NULL ? fields[i] : "", out);
	}
}

static void put_row(const struct snapshot *snap, size_t instance, const struct columns *all,
        const struct table *t, size_t row, FILE *out)
{
	for (size_t k = 0; k < all->n; k++) {
		int col = t != NULL ? table_column(t, all->name[k]) : -1;
		struct buf text;
		buf_init(&text, TABLE_BYTES_MAX);
		if (col >= 0)
			once_cell(snap, instance, t, row, (size_t)col, &text);
		fputc(',', out);
		once_csv_field(buf_str(&text), out);
		buf_free(&text);
	}
	fputs("\r\n", out);
}

static const char instance_columns[] = "instance,engine,version,server_role,status,error";

static void put_tree(const struct snapshot *snap, const struct view *view, int64_t waited_ms, FILE *out)
{
	struct once_tree *t = once_tree_new(snap);
	fputs(instance_columns, out);
	once_tree_csv_head(out);
	fputs("\r\n", out);
	for (size_t i = 0; i < snap->n; i++) {
		struct once_instance in;
		once_look(snap, i, view, waited_ms, &in);
		once_tree_csv_rows(t, i, &in, out);
	}
	once_tree_free(t);
}

void once_csv(const struct snapshot *snap, const struct view *view, int64_t waited_ms, FILE *out)
{
	if (strcmp(view->name, "tree") == 0) {
		put_tree(snap, view, waited_ms, out);
		return;
	}
	struct columns *all = xcalloc(1, sizeof(*all));
	for (size_t i = 0; i < snap->n; i++)
		collect(all, snapshot_table(snap, i, view->json_probe));
	fputs(instance_columns, out);
	for (size_t k = 0; k < all->n; k++) {
		fputc(',', out);
		once_csv_field(all->name[k], out);
	}
	fputs("\r\n", out);
	for (size_t i = 0; i < snap->n; i++) {
		struct once_instance in;
		once_look(snap, i, view, waited_ms, &in);
		size_t rows = in.table != NULL && in.table->nrows > 0 ? in.table->nrows : 1;
		for (size_t r = 0; r < rows; r++) {
			once_csv_head(&in, out);
			put_row(snap, i, all, in.table != NULL && in.table->nrows > 0 ? in.table : NULL, r,
			        out);
		}
	}
	free(all);
}
