/* `dbatop once`: what was seen at one moment, in three forms. JSON is a promise to scripts (format 1): names
 * and types are kept stable by a test. */
#ifndef DBATOP_CLI_ONCE_H
#define DBATOP_CLI_ONCE_H

#include <stdio.h>

#include "core/base/buf.h"
#include "core/model/snapshot.h"
#include "tui/view.h"

enum { ONCE_FORMAT = 1 };

/* NULL when there is no such view. */
const struct view *once_view_find(const char *name);

enum once_status {
	ONCE_UP,      /* everything the view reads was answered */
	ONCE_PARTIAL, /* connected, but a probe of the view failed: `error` says which */
	ONCE_DOWN,    /* not reached, or no answer in time */
	ONCE_STATUS_COUNT
};
const char *once_status_name(enum once_status s);

/* What is known of one instance; text points into the snapshot or to constants, error into `e`. */
struct once_instance {
	const char *name, *engine, *version, *role; /* NULL: unknown */
	enum once_status status;
	struct err e;              /* code ERR_NONE: no error */
	const struct table *table; /* the view's rows; NULL: unknown */
};
/* waited_ms: how long we waited, for the sentence about those that said nothing. */
void once_look(const struct snapshot *snap, size_t instance, const struct view *view, int64_t waited_ms,
        struct once_instance *out);

/* A cell as text for people and CSV ("" for unknown); statements redacted by the cluster's policy, nothing
 * that could act on a terminal. */
void once_cell(const struct snapshot *snap, size_t instance, const struct table *t, size_t row, size_t col,
        struct buf *out);

/* Appends text without what could act on a terminal. */
void once_clean(const char *s, size_t n, struct buf *out);
/* One field, quoted where it must be; the columns of an instance, which every line begins with. */
void once_csv_field(const char *s, FILE *out);
void once_csv_head(const struct once_instance *in, FILE *out);

void once_json(const struct snapshot *snap, const struct view *view, int64_t waited_ms, FILE *out);
void once_csv(const struct snapshot *snap, const struct view *view, int64_t waited_ms, FILE *out);
/* The view as its screen shows it, w × h cells; ascii: no line art. False when the screen cannot be made. */
bool once_text(const struct snapshot *snap, const struct view *view, int w, int h, bool ascii, FILE *out,
        struct err *e);

#endif
