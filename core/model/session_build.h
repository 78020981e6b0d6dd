/* Inside session.c: the lock graph of one instance, computed from the rows that are already there. */
#ifndef DBATOP_MODEL_SESSION_BUILD_H
#define DBATOP_MODEL_SESSION_BUILD_H

#include "core/base/arena.h"
#include "core/model/session.h"

/* Fills edges, blocked, root, counts of waiters and `extra`. blockers NULL: nobody has an edge. v->sessions
 * has room for 2 more sessions for each row of blockers. `ended`: the sessions were read after the blockers
 * and are complete, so that whoever is not among them has ended. */
void session_graph_build(
        struct session_view *v, const struct table *blockers, bool ended, struct arena *arena);
/* Sorts v->by_id: n + extra indexes by id. */
void session_index(struct session_view *v, size_t n);
/* Sets the letters of all n + extra, once everything else is there. */
void session_letters(struct session_view *v);
uint32_t session_index_of(const struct session_view *v, size_t n, int64_t id);

#endif
