/* YAML as nodes that know where they stand, and a table-driven decoder on top, so that every mistake in a
 * config or theme is one sentence with file:line:column, what was expected and "did you mean". libyaml does
 * the parsing; aliases, tags and several documents are refused: nobody needs them here, and they hide where a
 * value came from. Pure, one owner, no I/O. */
#ifndef DBATOP_MODEL_YAML_H
#define DBATOP_MODEL_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/err.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };
enum { YAML_DEPTH_MAX = 16, YAML_BYTES_MAX = 1024 * 1024 };

struct yaml_node {
	enum yaml_kind kind;
	int line, column;          /* from 1 */
	const char *text;          /* scalar: NUL-terminated; "" for an empty one */
	bool plain;                /* scalar without quotes: may mean null, true, a number */
	struct yaml_node **keys;   /* map: n scalars, in file order, all different */
	struct yaml_node **values; /* map: n values; list: n items */
	size_t n;
};

/* Parses one document; everything is in the arena. `file` is for messages and is kept by pointer. NULL with e
 * set (ERR_USAGE) on any mistake; an empty document is an empty map. */
const struct yaml_node *yaml_parse(
        struct arena *arena, const char *file, const char *text, size_t n, struct err *e);

/* What a field of a map is decoded into, at `offset` of the object. Strings are malloc'ed and replace (free)
 * what was there. */
enum field_type {
	FIELD_STRING,     /* char *; null gives NULL */
	FIELD_BOOL,       /* bool: true false yes no on off */
	FIELD_UINT,       /* uint32_t within min … max */
	FIELD_DURATION,   /* uint32_t ms: "800ms" "5s" "2m" "1h", min … max in ms */
	FIELD_DURATION64, /* int64_t ms */
	FIELD_FRACTION,   /* double 0 … 1: "80%" or 0.8 */
	FIELD_BYTES,      /* int64_t: "256MB" "1 GiB" 1048576 */
	FIELD_CUSTOM      /* decode() does it */
};

struct decoder {
	const char *file;
	struct err *err;
	void *user; /* for custom fields */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	int64_t min, max; /* 0, 0: no bounds */
	bool (*decode)(struct decoder *d, const struct yaml_node *node, void *object);
	const char *help; /* for the manual: one clause, no full stop; NULL where no manual lists it */
};

/* Decodes a map into object: unknown and repeated keys are errors. Fields that are not mentioned stay as they
 * are. */
bool yaml_decode(
        struct decoder *d, const struct yaml_node *map, const struct field *fields, size_t n, void *object);
/* Fails with "file:line:column: …" at a node; returns false. */
bool yaml_fail(const struct decoder *d, const struct yaml_node *at, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* "a map", "a list", "text": what a message says was found. */
const char *yaml_kind_name(const struct yaml_node *n);
/* Parts for custom decoders. */
bool yaml_expect(const struct decoder *d, const struct yaml_node *n, enum yaml_kind kind, const char *what);
bool yaml_is_null(const struct yaml_node *n);
bool yaml_bool(const struct decoder *d, const struct yaml_node *n, bool *out);
bool yaml_bytes(const struct decoder *d, const struct yaml_node *n, int64_t *out);

#endif
