/* JSON, format 1: {"format", "taken_at", "view", "instances": [{"name", "engine", "version", "role",
 * "status", "error", "rows": [{column: value}]}]}. Numbers are numbers, unknown is null, rows are null when
 * the server did not say. Views may add more: once_parts.h. */
#include "cli/once.h"

#include <jansson.h>
#include <string.h>

#include "cli/once_parts.h"

enum { TEXT_BYTES = 65536 };

json_t *once_json_text(const char *s)
{
	struct buf text;
	if (s == NULL || s[0] == '\0')
		return json_null();
	buf_init(&text, TEXT_BYTES);
	once_clean(s, strlen(s), &text);
	json_t *j = json_stringn(buf_str(&text), text.len);
	buf_free(&text);
	return j != NULL ? j : json_null();
}

json_t *once_json_number(int64_t v)
{
	return v < 0 ? json_null() : json_integer(v);
}

static json_t *cell_json(
        const struct snapshot *snap, size_t instance, const struct table *t, size_t row, size_t col)
{
	const struct cell *c = table_cell(t, row, (int)col);
	if (c->type == CELL_INT)
		return json_integer(c->u.i);
	if (c->type == CELL_REAL)
		return json_real(c->u.r);
	if (c->type == CELL_BOOL)
		return json_boolean(c->u.i);
	if (c->type == CELL_NULL)
		return json_null();
	struct buf text;
	buf_init(&text, TABLE_BYTES_MAX);
	once_cell(snap, instance, t, row, col, &text);
	json_t *j = json_stringn(buf_str(&text), text.len);
	buf_free(&text);
	return j != NULL ? j : json_null();
}

static json_t *rows_json(const struct snapshot *snap, size_t instance, const struct table *t)
{
	if (t == NULL)
		return json_null();
	json_t *rows = json_array();
	for (size_t r = 0; r < t->nrows; r++) {
		json_t *row = json_object();
		for (size_t c = 0; c < t->ncols; c++)
			json_object_set_new(row, t->columns[c].name, cell_json(snap, instance, t, r, c));
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *instance_json(
        const struct snapshot *snap, size_t i, const struct view *view, int64_t waited_ms)
{
	struct once_instance in;
	once_look(snap, i, view, waited_ms, &in);
	json_t *j = json_object();
	json_object_set_new(j, "name", once_json_text(in.name));
	json_object_set_new(j, "engine", once_json_text(in.engine));
	json_object_set_new(j, "version", once_json_text(in.version));
	json_object_set_new(j, "role", once_json_text(in.role));
	json_object_set_new(j, "status", json_string(once_status_name(in.status)));
	json_object_set_new(j, "error", once_json_text(in.e.code != ERR_NONE ? in.e.text : NULL));
	json_object_set_new(j, "rows", rows_json(snap, i, in.table));
	return j;
}

/* What a view has that is not of one instance. */
static const struct {
	const char *view;
	void (*add)(const struct snapshot *snap, json_t *root);
} parts[] = {{"replication", once_replication}, {"tree", once_tree}, {"locks", once_locks}};

void once_json(const struct snapshot *snap, const struct view *view, int64_t waited_ms, FILE *out)
{
	char at[32];
	wall_format(snap->wall, 1, at);
	json_t *root = json_object(), *instances = json_array();
	json_object_set_new(root, "format", json_integer(ONCE_FORMAT));
	json_object_set_new(root, "taken_at", json_string(at));
	json_object_set_new(root, "view", json_string(view->name));
	json_object_set_new(root, "instances", instances);
	for (size_t i = 0; i < snap->n; i++)
		json_array_append_new(instances, instance_json(snap, i, view, waited_ms));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].view, view->name) == 0)
			parts[i].add(snap, root);
	}
	json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	fputc('\n', out);
	json_decref(root);
}
