/* Fleets for the tests of the topology: servers by name, and what is looked up in the picture. */
#ifndef DBATOP_TESTS_SUPPORT_TOPOLOGY_H
#define DBATOP_TESTS_SUPPORT_TOPOLOGY_H

#include "core/model/topology.h"
#include "tests/support/fixture.h"

/* A PostgreSQL of cluster "orders", system c1, that listens at NAME:5432; its rows are of `replication`,
 * NULL: none. */
size_t topo_pg(struct fixture *f, const char *name, const char *role, const char *rows);
/* A server of cluster "billing" with the id uuid-of-NAME. */
size_t topo_my(struct fixture *f, const char *name, enum engine engine, const char *role);
/* Rows of a primary whose log ends at head, and of those that follow it (columns: see TOPO_HEAD). */
void topo_primary(struct fixture *f, size_t i, int64_t head, const char *followers);
/* Rows of a standby that follows peer and uses slot s_APP; more: rows of its own followers. */
void topo_standby(struct fixture *f, size_t i, const char *app, const char *peer, int64_t received,
        int64_t replayed, const char *more);

/* Fail the test when there is none. */
const struct topology_edge *topo_edge(const struct topology *t, const char *from, const char *to);
const struct topology_node *topo_node(const struct topology *t, const char *name);
/* "a\n b\n  slot c\n  to d\n": the tree as it stands. */
void topo_assert_tree(const struct topology *t, const char *expected);

#endif
