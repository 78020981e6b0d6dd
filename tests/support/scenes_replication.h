/* Moments of replication that its screen is judged by. Each fills an empty fixture. */
#ifndef DBATOP_TESTS_SUPPORT_SCENES_REPLICATION_H
#define DBATOP_TESTS_SUPPORT_SCENES_REPLICATION_H

#include "tests/support/fixture.h"

/* A primary, two replicas, one of them feeding a third: all is well. */
void scene_cascade(struct fixture *f);
/* The same; one replica's replay is paused, a slot nobody reads nears its limit, a reader holds recovery up,
 * and there is a server nobody configured. Transactions, a slot and a prepared transaction hold the horizon.
 */
void scene_paused(struct fixture *f);
/* MySQL: a duplicate key has stopped the applier, and somebody wrote on the replica. MariaDB with two
 * channels, one connecting. */
void scene_broken(struct fixture *f);
/* The paused moment while 30 sessions of one application, 5001 to 5030, sit idle in transactions older than
 * all else but the slot. */
void scene_horizon_leak(struct fixture *f);
void scene_replication_empty(struct fixture *f);
void scene_replication_error(struct fixture *f);
void scene_replication_stale(struct fixture *f);
void scene_replication_denied(struct fixture *f);
void scene_replication_hostile(struct fixture *f);

#endif
