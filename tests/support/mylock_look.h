/* Looking at the locks of a server until something is shown. */
#ifndef DBATOP_TESTS_SUPPORT_MYLOCK_LOOK_H
#define DBATOP_TESTS_SUPPORT_MYLOCK_LOOK_H

#include "core/model/locks.h"
#include "tests/support/drive.h"
#include "tests/support/mylock_crowd.h"

struct my_look {
	const struct drive *drive;
	struct conn *c;
	int64_t waiter, root; /* what myl_root looks for */
	size_t waiters;       /* at least */
	bool (*right)(struct my_look *l);
	/* The last look; the caller frees the arena. */
	struct arena *arena;
	struct lock_graph g;
	struct table *t;
	int64_t next, took_ms;
};

int64_t myl_id(MYSQL *m);
void myl_table(MYSQL *m); /* lp.t with three rows */
/* For wait_until: one look, and whether it is right. */
bool myl_look(void *arg);
/* Until the waiter's way up ends at the root. */
void myl_root(struct my_look *l, const char *what);

#endif
