/* What dbatop shows of locks, held against a world whose every edge is known. Zero false, zero missed: who is
 * immediately in whose way, who is reached, the roots, how many go on when somebody is ended. */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_PROOF_H
#define DBATOP_TESTS_SUPPORT_LOCK_PROOF_H

#include "core/model/locks.h"
#include "tests/support/drive.h"
#include "tests/support/lock_crowd.h"

struct proof_counts {
	unsigned scenes, states, waiters, edges, releases, moves, grouped, most_waiters;
};

/* Fetches `locks` over c and compares all of it with the crowd's world. */
void proof_check(
        const struct drive *d, struct conn *c, struct lock_crowd *crowd, struct proof_counts *counts);
/* The session to end next: of dbatop's own proposal when there is one. -1: nobody waits. */
int proof_move(const struct drive *d, struct conn *c, struct lock_crowd *crowd, enum crowd_end *how);

#endif
