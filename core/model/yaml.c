/* Builds nodes from libyaml's events. Events rather than libyaml's document tree, because only events tell
 * the position of every key, and because a limit on depth and size can stop a hostile file at once. */
#include "core/model/yaml.h"

#include <string.h>
#include <yaml.h>

struct builder {
	struct arena *arena;
	const char *file;
	yaml_parser_t parser;
	struct err *err;
};

struct items {
	struct yaml_node **at;
	size_t n, cap;
};

static bool fail_at(const struct builder *b, yaml_mark_t mark, const char *what)
{
	return err_set(b->err, ERR_USAGE, "%s:%zu:%zu: %s", b->file, mark.line + 1, mark.column + 1, what);
}

static void items_add(struct arena *arena, struct items *list, struct yaml_node *node)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 8;
		struct yaml_node **grown = arena_alloc(arena, cap * sizeof *grown);

		if (list->n)
			memcpy(grown, list->at, list->n * sizeof *grown);
		list->at = grown;
		list->cap = cap;
	}
	list->at[list->n++] = node;
}

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind, yaml_mark_t mark)
{
	struct yaml_node *node = arena_alloc(b->arena, sizeof *node);

	node->kind = kind;
	node->line = (int)mark.line + 1;
	node->column = (int)mark.column + 1;
	return node;
}

/* The next event, or a sentence from the parser's own complaint. */
static bool next_event(struct builder *b, yaml_event_t *ev)
{
	if (yaml_parser_parse(&b->parser, ev))
		return true;
	const char *problem = b->parser.problem ? b->parser.problem : "this is not YAML";
	/* libyaml reports a reader error (bad UTF-8, control characters) by offset only. */
	return fail_at(b, b->parser.problem_mark, problem);
}

static struct yaml_node *build_node(struct builder *b, yaml_event_t *ev, int depth);

static bool build_list(struct builder *b, struct yaml_node *list, int depth)
{
	struct items items = {0};

	for (;;) {
		yaml_event_t ev;

		if (!next_event(b, &ev))
			return false;
		if (ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		struct yaml_node *item = build_node(b, &ev, depth + 1);

		if (!item)
			return false;
		items_add(b->arena, &items, item);
	}
	list->values = items.at;
	list->n = items.n;
	return true;
}

static bool key_is_new(const struct builder *b, const struct items *keys, const struct yaml_node *key)
{
	for (size_t i = 0; i < keys->n; i++)
		if (!strcmp(keys->at[i]->text, key->text))
			return err_set(b->err, ERR_USAGE, "%s:%d:%d: '%s' is given twice, first on line %d",
			        b->file, key->line, key->column, key->text, keys->at[i]->line);
	return true;
}

static bool build_map(struct builder *b, struct yaml_node *map, int depth)
{
	struct items keys = {0};
	struct items values = {0};

	for (;;) {
		yaml_event_t ev;

		if (!next_event(b, &ev))
			return false;
		if (ev.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&ev);
			break;
		}
		yaml_mark_t mark = ev.start_mark;
		struct yaml_node *key = build_node(b, &ev, depth + 1);

		if (!key)
			return false;
		if (key->kind != YAML_SCALAR)
			return fail_at(b, mark, "a key must be plain text");
		if (!key_is_new(b, &keys, key) || !next_event(b, &ev))
			return false;
		struct yaml_node *value = build_node(b, &ev, depth + 1);

		if (!value)
			return false;
		items_add(b->arena, &keys, key);
		items_add(b->arena, &values, value);
	}
	map->keys = keys.at;
	map->values = values.at;
	map->n = keys.n;
	return true;
}

/* Consumes ev. */
static struct yaml_node *build_node(struct builder *b, yaml_event_t *ev, int depth)
{
	struct yaml_node *node = NULL;
	bool ok = true;

	if (depth > YAML_DEPTH_MAX) {
		ok = fail_at(b, ev->start_mark, "nested too deeply (at most 16 levels)");
	} else if (ev->type == YAML_SCALAR_EVENT) {
		node = node_new(b, YAML_SCALAR, ev->start_mark);
		node->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		node->text =
		        arena_strndup(b->arena, (const char *)ev->data.scalar.value, ev->data.scalar.length);
		if (strlen(node->text) != ev->data.scalar.length)
			ok = fail_at(b, ev->start_mark, "text must not hold a NUL byte");
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		node = node_new(b, YAML_LIST, ev->start_mark);
		ok = build_list(b, node, depth);
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		node = node_new(b, YAML_MAP, ev->start_mark);
		ok = build_map(b, node, depth);
	} else {
		ok = fail_at(b, ev->start_mark,
		        ev->type == YAML_ALIAS_EVENT
		                ? "aliases (*name) are not supported: write the value out"
		                : "a value was expected here");
	}
	yaml_event_delete(ev);
	return ok ? node : NULL;
}

/* Stream start, document start, the root, document end, stream end: each its own event. */
static const struct yaml_node *build_document(struct builder *b)
{
	const struct yaml_node *root = NULL;

	for (;;) {
		yaml_event_t ev;

		if (!next_event(b, &ev))
			return NULL;
		switch (ev.type) {
		case YAML_STREAM_END_EVENT:
			yaml_event_delete(&ev);
			return root ? root : node_new(b, YAML_MAP, (yaml_mark_t){0});
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			yaml_event_delete(&ev);
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (root) {
				fail_at(b, ev.start_mark,
				        "a second document: only one is expected in a file");
				yaml_event_delete(&ev);
				return NULL;
			}
			yaml_event_delete(&ev);
			break;
		default:
			root = build_node(b, &ev, 0);
			if (!root)
				return NULL;
		}
	}
}

const struct yaml_node *yaml_parse(
        struct arena *arena, const char *file, const char *text, size_t n, struct err *e)
{
	struct builder b = {.arena = arena, .file = file, .err = e};

	if (n > YAML_BYTES_MAX) {
		err_set(e, ERR_USAGE, "%s:1:1: the file is larger than 1 MiB", file);
		return NULL;
	}
	if (!yaml_parser_initialize(&b.parser)) {
		err_set(e, ERR_USAGE, "%s:1:1: the YAML parser could not start", file);
		return NULL;
	}
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, n);
	const struct yaml_node *root = build_document(&b);

	yaml_parser_delete(&b.parser);
	/* `key:` with nothing behind it, or a file of comments, is an empty scalar: read it as an empty map.
	 */
	if (root && root->kind == YAML_SCALAR && root->plain && !root->text[0])
		return node_new(&b, YAML_MAP, (yaml_mark_t){0});
	return root;
}
