/* Moments in which sessions wait for locks, for screens, benches and tests. Each fills an empty fixture. */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_SCENES_H
#define DBATOP_TESTS_SUPPORT_LOCK_SCENES_H

#include "tests/support/fixture.h"

/* The incident of scenes.h with its queues, a metadata lock on billing-my-1, a stall that is over, deadlocks.
 */
void locks_incident(struct fixture *f);
/* One PostgreSQL: a queued ALTER holds 40 readers up, behind 30 others that only read. */
void locks_convoy(struct fixture *f);
/* One PostgreSQL, nobody waits. */
void locks_nobody(struct fixture *f);
void locks_stale(struct fixture *f);
/* Names of sessions hidden, the other server denies the question. */
void locks_denied(struct fixture *f);
/* 10,000 places in queues behind 40 roots. */
void locks_many(struct fixture *f);
void locks_hostile(struct fixture *f);
/* A prepared transaction, a holder nobody names, a circle, a guess, a gate. */
void locks_odd(struct fixture *f);

#endif
