/* The states of replication, produced for real on a primary, two replicas and a cascading one of any version,
 * and what dbatop says of them. */
#ifndef DBATOP_TESTS_SUPPORT_REPLICATION_POSTGRES_H
#define DBATOP_TESTS_SUPPORT_REPLICATION_POSTGRES_H

#include "core/run/driver.h"

/* Spawns KIND four times, runs its tests, removes them: paused, delayed, stopped, a commit that waits, a slot
 * at its limit, the horizon. driver: PostgreSQL's. */
int replication_postgres_states(const struct driver *driver, const char *kind);
/* The same with a primary and two replicas: a cut network, a recovery conflict, a promotion. */
int replication_postgres_breaks(const struct driver *driver, const char *kind);

#endif
