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

/* Appends the whole packet that acts on req's target if it is still what was seen, and does nothing
 * otherwise. ERR_DENIED or ERR_UNSUPPORTED when nothing there can prove the target. */
bool guard_action(
        const struct guard_server *s, const struct action_request *req, struct buf *out, struct err *e);
/* The same for a connection of our own: its program name or its statement must carry run, "dbatop/<run id>/".
 */
void guard_reap(const struct guard_server *s, int64_t id, const char *run, bool terminate, struct buf *out);

/* Numbers by which a packet says that its condition did not hold. */
enum { GUARD_SIGNAL = 31999, GUARD_NO_THREAD = 1094, GUARD_TWO_ROWS = 1242, GUARD_NO_QUERY = 1957 };

#endif
