/* What single views add to the JSON of `once` beside the rows of each instance. */
#ifndef DBATOP_CLI_ONCE_PARTS_H
#define DBATOP_CLI_ONCE_PARTS_H

#include <jansson.h>

#include "core/model/snapshot.h"

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
