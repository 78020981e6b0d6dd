/* Many sessions of one PostgreSQL that lock what they are told and wait, some of which become prepared
 * transactions. Each step is followed until the server has granted it or the session waits, so that the order
 * in every queue is known; a burst asks all at once. What the server does not do as lock_world says fails the
 * test. One thread; a call waits at most 20 s. */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_CROWD_H
#define DBATOP_TESTS_SUPPORT_LOCK_CROWD_H

#include <libpq-fe.h>

#include "tests/support/lab.h"
#include "tests/support/lock_world.h"

enum { CROWD_DATABASES = 2, CROWD_TABLES = 6, CROWD_ROWS = 32 };

struct lock_crowd {
	struct lab_server server;
	const char *seed; /* for messages */
	PGconn *control[CROWD_DATABASES];
	PGconn *conn[WORLD_SESSIONS]; /* NULL: not connected */
	int db[WORLD_SESSIONS], pid[WORLD_SESSIONS];
	bool open[WORLD_SESSIONS]; /* in a transaction */
	char gid[WORLD_SESSIONS][32];
	unsigned gids; /* given out so far */
	struct world world;
};

/* Makes the tables; server is the test's own. */
void crowd_start(struct lock_crowd *c, const struct lab_server *server);
void crowd_stop(struct lock_crowd *c);
/* Everybody rolled back, an empty world; sessions 0 … n-1 are connected, each to a database. */
void crowd_reset(struct lock_crowd *c, int n, const int *db, const char *seed);

/* True when it was granted. */
bool crowd_ask(struct lock_crowd *c, int s, int object, int mode);
/* All ask for the same at the same moment; who came first is then read from the server. They must exclude
 * each other, and all wait. */
void crowd_burst(struct lock_crowd *c, const int *sessions, int n, int object, int mode);
void crowd_prepare(struct lock_crowd *c, int s);

/* Ends a session's part and waits until those who should go on, and nobody else, do. */
enum crowd_end { END_ROLLBACK, END_CANCEL, END_TERMINATE };
void crowd_end(struct lock_crowd *c, int s, enum crowd_end how);

/* Until the server shows waiting who should. */
void crowd_settle(struct lock_crowd *c);
/* Everybody's blockers as the server tells them, twice 200 ms apart; both, and what the world says, are
 * equal. */
void crowd_verify(struct lock_crowd *c);
/* What the server shows of a session: 0 for prepared ones. */
int crowd_id(const struct lock_crowd *c, int s);
int crowd_session(const struct lock_crowd *c, long pid, const char *gid); /* -1 */

/* One statement of the superuser; the caller clears. */
PGresult *crowd_sql(struct lock_crowd *c, int db, const char *sql);
/* The superuser needs no password from now on, on a server that is the test's own. */
void crowd_trust(const struct lab_server *server);
PGconn *crowd_connect(const struct lab_server *server, const char *database, const char *user);

#endif
