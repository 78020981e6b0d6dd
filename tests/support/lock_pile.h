/* A pile-up on PostgreSQL, as large as a pool: some sessions have changed a row each and stay idle in their
 * transaction, many others want to change the same rows. For the hot row and for benches; the server is the
 * test's own. One thread; building waits at most 25 s. */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_PILE_H
#define DBATOP_TESTS_SUPPORT_LOCK_PILE_H

#include <libpq-fe.h>

#include "tests/support/lab.h"

struct lock_pile {
	struct lab_server server;
	PGconn *control;
	PGconn **conn; /* holders first, in the order of their rows */
	int holders, waiters;
};

/* waiters may be 0. */
void pile_build(struct lock_pile *p, const struct lab_server *server, int rows, int waiters);
void pile_end(struct lock_pile *p);
/* How many wait for a lock now. */
long pile_waiting(struct lock_pile *p);
/* CPU a process of this machine has used so far, in nanoseconds: what a backend's answers cost the server. */
int64_t pile_cpu_ns(int64_t pid);

#endif
