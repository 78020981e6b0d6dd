/* The text form: for eyes and for `watch`, cut at the width that was asked for. */
#include <stdlib.h>

#include "cli/once.h"
#include "core/base/mem.h"
#include "core/base/text.h"

enum { LINE_BYTES = 4096 };

static void put_line(const struct buf *line, int w, bool ascii, FILE *out)
{
	char cut[LINE_BYTES];
	text_truncate(cut, sizeof(cut), buf_str(line), line->len, (size_t)w, ascii);
	fprintf(out, "%s\n", cut);
}

static void put_row(
        const struct snapshot *snap, size_t instance, const struct table *t, size_t row, struct buf *line)
{
	for (size_t c = 0; c < t->ncols; c++) {
		size_t before = line->len;
		buf_puts(line, c == 0 ? "  " : " ");
		once_cell(snap, instance, t, row, c, line);
		if (line->len == before + 1)
			buf_putc(line, '-');
	}
}

static void put_names(const struct table *t, struct buf *line)
{
	for (size_t c = 0; c < t->ncols; c++)
		buf_printf(line, "%s%s", c == 0 ? "  " : " ", t->columns[c].name);
}

/* Prints one instance, returns the lines used. */
static int put_instance(const struct snapshot *snap, size_t i, const struct once_view *view,
        int64_t waited_ms, int w, int h, bool ascii, FILE *out)
{
	struct once_instance in;
	struct buf line;
	once_look(snap, i, view, waited_ms, &in);
	buf_init(&line, TABLE_BYTES_MAX);
	buf_printf(&line, "%s  %s %s  %s  %s%s%s", in.name, in.engine, in.version != NULL ? in.version : "?",
	        in.role != NULL ? in.role : "?", once_status_name(in.status),
	        in.e.code != ERR_NONE ? ": " : "", in.e.code != ERR_NONE ? in.e.text : "");
	put_line(&line, w, ascii, out);
	int used = 1;
	if (in.table != NULL && used < h) {
		buf_reset(&line);
		put_names(in.table, &line);
		put_line(&line, w, ascii, out);
		used++;
	}
	for (size_t r = 0; in.table != NULL && r < in.table->nrows && used < h; r++, used++) {
		buf_reset(&line);
		put_row(snap, i, in.table, r, &line);
		put_line(&line, w, ascii, out);
	}
	buf_free(&line);
	return used;
}

void once_text(const struct snapshot *snap, const struct once_view *view, int64_t waited_ms, int w, int h,
        bool ascii, FILE *out)
{
	for (size_t i = 0; i < snap->n && h > 0; i++)
		h -= put_instance(snap, i, view, waited_ms, w, h, ascii, out);
}
