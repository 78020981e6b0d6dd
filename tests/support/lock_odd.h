/* A few sessions of one PostgreSQL that do what random scenes do not, one statement at a time, and what
 * dbatop makes of it: who waits for whom, by a role with pg_monitor and by one without. What does not come
 * true fails the test. One thread; a call waits at most 15 s. */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_ODD_H
#define DBATOP_TESTS_SUPPORT_LOCK_ODD_H

#include <libpq-fe.h>

#include "core/model/locks.h"
#include "tests/support/drive.h"
#include "tests/support/lab.h"

enum { ACTORS_MAX = 6, SQL_MAX = 512 };

struct odd_stage {
	struct lab_server server; /* the test's own */
	struct drive *drive;
	PGconn *control; /* superuser */
	struct conn *monitor, *nobody;
	struct endpoint ends[2];
	PGconn *actor[ACTORS_MAX]; /* NULL: not there; connected to the database app by what they do first */
	int pid[ACTORS_MAX];
};

/* before: a statement to run first, or NULL. Closing removes the server. */
void odd_open(struct odd_stage *st, struct drive *drive, const char *before);
void odd_close(struct odd_stage *st);

/* The caller clears. */
PGresult *odd_run(PGconn *pg, const char *sql);
void odd_control(struct odd_stage *st, const char *sql);
long odd_number(struct odd_stage *st, const char *sql);
/* Until this number is more than 0. */
void odd_until(struct odd_stage *st, const char *sql);

void odd_enter(struct odd_stage *st, int a, const char *database);
void odd_does(struct odd_stage *st, int a, const char *sql);
/* Sent, not waited for. */
void odd_begins(struct odd_stage *st, int a, const char *sql);
/* Until it waits for a lock of pg_locks. */
void odd_waits(struct odd_stage *st, int a);
void odd_all_leave(struct odd_stage *st);

struct odd_shown {
	struct arena *arena;
	struct table *table;
	struct lock_graph graph;
};

/* The caller frees s->arena. */
void odd_look(struct odd_stage *st, bool as_nobody, struct odd_shown *s);
const struct lock_entry *odd_wait_of(const struct odd_shown *s, int pid);
/* Its wait, with that one in the way and nobody else. */
const struct lock_entry *odd_blocked_by(const struct odd_shown *s, int waiter, int64_t blocker, bool likely);
/* object NULL: any. */
void odd_check_lock(
        const struct odd_shown *s, const struct lock_entry *e, enum lock_kind kind, const char *object);
void odd_only_root(const struct odd_shown *s, int64_t id);
/* Actor 1 waits for actor 0, for both kinds of role; then all leave. */
void odd_expect(struct odd_stage *st, enum lock_kind kind, const char *object);
/* The same after actor 0 did the first and actor 1 began the second. */
void odd_play(
        struct odd_stage *st, const char *first, const char *second, enum lock_kind kind, const char *object);

#endif
