/* What dbatop shows of locks on MySQL and MariaDB, held against a world whose every edge is known. Zero
 * false, zero missed: who is immediately in whose way, who is reached, the roots, how many go on when
 * somebody is ended. What is marked likely may be false, but nothing may be missing. */
#ifndef DBATOP_TESTS_SUPPORT_MYLOCK_PROOF_H
#define DBATOP_TESTS_SUPPORT_MYLOCK_PROOF_H

#include "core/model/locks.h"
#include "tests/support/drive.h"
#include "tests/support/mylock_crowd.h"

struct my_proof {
	const struct drive *drive;
	struct conn *conn; /* `locks` is fetched over it */
	bool plugin;       /* MariaDB: metadata_lock_info is there */
	unsigned scenes, states, waiters, edges, likely, releases, looks, most_waiters;
};

/* The server's own pairs are those of the world; then dbatop's, within a few looks. */
void myp_check(struct my_proof *p, struct my_crowd *c);
/* Ends s, and compares who goes on with what dbatop says of it before. */
void myp_end(struct my_proof *p, struct my_crowd *c, int s);
/* The root with most behind it, -1 when nobody waits. */
int myp_root(const struct my_crowd *c);

#endif
