/* What must still hold for an action to be right, as a condition in the server's own SQL. Building it is
 * pure, so that a test can read every form without a server. */
#ifndef DBATOP_BACKENDS_MYSQL_GUARD_H
#define DBATOP_BACKENDS_MYSQL_GUARD_H

#include "core/base/buf.h"
#include "core/model/action.h"

struct guard_server {
	bool mariadb;
	bool performance_schema;
	bool uid; /* MariaDB: @@server_uid exists */
};

/* How a target can be proved, in the order in which it is tried. */
struct guard_ways {
	bool live;  /* guard_live: what the server knows at this moment */
	bool fresh; /* guard_fresh: InnoDB's list of transactions, which is cached, when it was read anew */
};

/* ERR_DENIED or ERR_UNSUPPORTED when nothing there can prove req's target. */
bool guard_choose(const struct guard_server *s, const struct action_request *req, struct guard_ways *out,
        struct err *e);
/* A query_guard taken apart: MySQL's EVENT_ID alone; MariaDB's QUERY_ID and the server's UTC just before the
 * statement was seen, "4711 seen 2026-11-22 14:02:07.123456". */
struct guard_statement {
	char id[24], seen[32]; /* seen: "" when there is none */
};
bool guard_statement(const char *query_guard, struct guard_statement *out);

/* Appends the whole packet that acts on req's target if it is still what was seen, and does nothing
 * otherwise. Where proof and act are two steps, nothing is done either when too much time lies between them,
 * or between the begin of a look at the list of sessions and the act: then it fails with GUARD_LATE or
 * GUARD_NO_THREAD, and may be tried again. `attempt` counts from 0; after the first ones more time is
 * allowed, for a server that is slow or short of processors. MySQL leaves @dbatop_target and @dbatop_thread
 * set; MariaDB sets @dbatop_half when it has cancelled the target's statement, which comes before the end of
 * a connection. */
void guard_live(
        const struct guard_server *s, const struct action_request *req, unsigned attempt, struct buf *out);
/* Appends an expression for after such a packet, on MySQL: true when the target is seen at other work or
 * gone. performance_schema leaves out the row of a thread that is writing it, as one in a procedure of short
 * statements does most of the time, so that not to be seen is no proof. */
void guard_over(const struct action_request *req, struct buf *out);
/* The same by transaction. look is a number that no earlier packet of this connection had. */
void guard_fresh(const struct guard_server *s, const struct action_request *req, unsigned look,
        unsigned attempt, struct buf *out);
/* For a connection of our own: its program name or its statement must carry run, "dbatop/<run id>/". */
void guard_reap(const struct guard_server *s, int64_t id, const char *run, bool terminate, struct buf *out);

/* Numbers by which a packet says that its condition did not hold; STALE: that it could not be looked at;
 * LATE: that too much time passed after it held. */
enum {
	GUARD_LATE = 31997,
	GUARD_SIGNAL = 31999,
	GUARD_STALE = 31998,
	GUARD_NO_THREAD = 1094,
	GUARD_TWO_ROWS = 1242,
	GUARD_NO_QUERY = 1957
};

#endif
