/* The JSON of `once`: how values are written, and what single views add beside the rows of each instance. */
#ifndef DBATOP_CLI_ONCE_PARTS_H
#define DBATOP_CLI_ONCE_PARTS_H

#include <jansson.h>

#include "core/model/snapshot.h"

/* Without what could act on a terminal, and always UTF-8; NULL and "" are null. */
json_t *once_json_text(const char *s);
/* What cannot be negative is unknown there: null. */
json_t *once_json_number(int64_t v);

/* "nodes", "edges" and "slots". */
void once_replication(const struct snapshot *snap, json_t *root);
/* "groups" by signature, in the order of the screen: [{"kind", "state", "wait_type", "wait", "statement",
 * "app", "user", "count", "oldest_ms", "per_minute", "instances": [{"name", "count", "oldest_ms", "sessions":
 * [id]}]}].
 */
void once_tree(const struct snapshot *snap, json_t *root);
/* Into each instance: "waiters", "roots", "edges", "best_move", "note". */
void once_locks(const struct snapshot *snap, json_t *root);

#endif
