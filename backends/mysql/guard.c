/* The guards, by engine. Connection ids are not used twice by a running server, so an id names a session; but
 * a pool hands one session from client to client, so what is ended must also be what it was doing:
 *
 *   a transaction with an id   InnoDB's trx_id: never used twice
 *   a read-only transaction    its trx_id is an address and comes again: the last statement counts as well
 *   no transaction             the last statement: MySQL's EVENT_ID, MariaDB's QUERY_ID, which move with each
 *   a cancel                   the running statement itself
 *
 * MySQL has no conditional statement outside procedures: KILL takes a variable there, and NULL ends nothing.
 * A managed service's procedure is kept from running by a statement before it in the packet that fails. */
#include "backends/mysql/guard.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/conn.h"

/* InnoDB prints this bit when a transaction has no id of its own. */
static const uint64_t pseudo_trx = UINT64_C(1) << 48;

enum proof {
	PROOF_TRX,       /* trx_id */
	PROOF_TRX_QUERY, /* trx_id and the last statement */
	PROOF_QUERY,     /* the last statement, running or not */
	PROOF_RUNNING,   /* this statement, still running */
	PROOF_IDLE,      /* still idle and without a transaction */
	PROOF_ACTIVE,    /* still running something, in the same transaction if there is one */
	PROOF_SESSION,   /* the session alone */
	PROOF_NONE
};

static bool is_number(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (!isdigit((unsigned char)*s))
			return false;
	}
	return true;
}

static enum proof choose(const struct guard_server *s, const struct action_request *req)
{
	const struct session_ref *t = &req->target;
	bool xact = is_number(t->xact_guard), query = is_number(t->query_guard);
	if (req->kind == ACTION_CANCEL) {
		if (req->whatever_transaction)
			return PROOF_ACTIVE;
		return query ? PROOF_RUNNING : PROOF_NONE;
	}
	if (req->whatever_transaction)
		return PROOF_SESSION;
	if (xact && strtoull(t->xact_guard, NULL, 10) < pseudo_trx)
		return PROOF_TRX;
	if (xact)
		return query ? PROOF_TRX_QUERY : PROOF_NONE;
	if (query)
		return PROOF_QUERY;
	return !s->mariadb && !s->performance_schema ? PROOF_IDLE : PROOF_NONE;
}

/* 1. The condition, as the FROM and WHERE of a query that has a row when it holds. */

static void trx_from(const struct action_request *req, struct buf *b)
{
	buf_printf(b,
	        "information_schema.INNODB_TRX x WHERE x.trx_mysql_thread_id = %" PRId64 " AND x.trx_id = %s",
	        req->target.id, req->target.xact_guard);
}

static void mysql_from(enum proof proof, const struct action_request *req, struct buf *b)
{
	const struct session_ref *t = &req->target;
	static const char statement[] =
	        "performance_schema.threads t JOIN performance_schema.events_statements_current"
	        " e ON e.THREAD_ID = t.THREAD_ID AND e.NESTING_EVENT_LEVEL = 0 ";
	switch (proof) {
	case PROOF_TRX:
		trx_from(req, b);
		break;
	case PROOF_TRX_QUERY:
	case PROOF_QUERY:
	case PROOF_RUNNING:
		buf_printf(b, "%sWHERE t.PROCESSLIST_ID = %" PRId64 " AND e.EVENT_ID = %s", statement, t->id,
		        t->query_guard);
		if (proof == PROOF_RUNNING)
			buf_puts(b, " AND e.END_EVENT_ID IS NULL");
		if (proof == PROOF_TRX_QUERY) {
			buf_puts(b, " AND EXISTS (SELECT 1 FROM ");
			trx_from(req, b);
			buf_putc(b, ')');
		}
		break;
	case PROOF_ACTIVE:
		buf_printf(b, "%sWHERE t.PROCESSLIST_ID = %" PRId64 " AND e.END_EVENT_ID IS NULL", statement,
		        t->id);
		if (is_number(t->xact_guard)) {
			buf_puts(b, " AND EXISTS (SELECT 1 FROM ");
			trx_from(req, b);
			buf_putc(b, ')');
		}
		break;
	default:
		buf_printf(b, "information_schema.PROCESSLIST p WHERE p.ID = %" PRId64, t->id);
		if (proof == PROOF_IDLE)
			buf_printf(b,
			        " AND p.COMMAND = 'Sleep' AND NOT EXISTS (SELECT 1 FROM "
			        "information_schema.INNODB_TRX x "
			        "WHERE x.trx_mysql_thread_id = %" PRId64 ")",
			        t->id);
		break;
	}
}

static void mariadb_from(enum proof proof, const struct action_request *req, struct buf *b)
{
	const struct session_ref *t = &req->target;
	if (proof == PROOF_TRX) {
		trx_from(req, b);
		return;
	}
	buf_printf(b, "information_schema.PROCESSLIST p WHERE p.ID = %" PRId64, t->id);
	if (proof == PROOF_TRX_QUERY || proof == PROOF_QUERY || proof == PROOF_RUNNING)
		buf_printf(b, " AND p.QUERY_ID = %s", t->query_guard);
	if (proof == PROOF_RUNNING || proof == PROOF_ACTIVE)
		buf_puts(b, " AND p.COMMAND <> 'Sleep'");
	if (proof == PROOF_TRX_QUERY || (proof == PROOF_ACTIVE && is_number(t->xact_guard))) {
		buf_puts(b, " AND EXISTS (SELECT 1 FROM ");
		trx_from(req, b);
		buf_putc(b, ')');
	}
}

/* 2. The packets. */

static void same_server(const struct guard_server *s, const char *id, struct buf *b)
{
	if (s->mariadb && !s->uid)
		buf_puts(b, "CONCAT(@@hostname, ':', @@port, ':', @@datadir) = ");
	else
		buf_puts(b, s->mariadb ? "@@server_uid = " : "@@server_uuid = ");
	conn_quote(b, id);
}

static const char *const procedures[][2] = {
        [KILL_RDS] = {"mysql.rds_kill_query", "mysql.rds_kill"},
        [KILL_AZURE] = {"mysql.az_kill_query", "mysql.az_kill"},
};

static void mysql_packet(
        enum proof proof, const struct action_request *req, const struct guard_server *s, struct buf *b)
{
	bool end = req->kind == ACTION_TERMINATE;
	if (req->dialect == KILL_NATIVE)
		buf_printf(b, "SET @dbatop_target := (SELECT %" PRId64 " FROM ", req->target.id);
	else
		buf_puts(b, "DO (SELECT 1 UNION ALL SELECT 2 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ");
	mysql_from(proof, req, b);
	buf_puts(b, " AND ");
	same_server(s, req->server.id, b);
	if (req->dialect == KILL_NATIVE)
		buf_printf(b, "); KILL %s @dbatop_target", end ? "CONNECTION" : "QUERY");
	else
		buf_printf(b, ")); CALL %s(%" PRId64 ")", procedures[req->dialect][end], req->target.id);
}

static void mariadb_packet(
        enum proof proof, const struct action_request *req, const struct guard_server *s, struct buf *b)
{
	bool end = req->kind == ACTION_TERMINATE, exact = proof == PROOF_RUNNING;
	buf_puts(b, "BEGIN NOT ATOMIC IF ");
	same_server(s, req->server.id, b);
	buf_puts(b, " AND EXISTS (SELECT 1 FROM ");
	mariadb_from(proof, req, b);
	buf_puts(b, ") THEN ");
	if (req->dialect == KILL_RDS && exact)
		buf_printf(b, "CALL mysql.rds_kill_query_id(%s)", req->target.query_guard);
	else if (req->dialect != KILL_NATIVE)
		buf_printf(b, "CALL %s(%" PRId64 ")", procedures[req->dialect][end], req->target.id);
	else if (exact)
		buf_printf(b, "KILL QUERY ID %s", req->target.query_guard);
	else
		buf_printf(b, "KILL %s %" PRId64, end ? "CONNECTION" : "QUERY", req->target.id);
	buf_printf(b,
	        "; ELSE SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'moved on'; END IF; END",
	        GUARD_SIGNAL);
}

bool guard_action(
        const struct guard_server *s, const struct action_request *req, struct buf *out, struct err *e)
{
	enum proof proof = choose(s, req);
	bool statements = proof == PROOF_TRX_QUERY || proof == PROOF_QUERY || proof == PROOF_RUNNING ||
	                  proof == PROOF_ACTIVE;
	if (!s->mariadb && !s->performance_schema && (statements || proof == PROOF_NONE))
		return err_set(e, ERR_UNSUPPORTED,
		        "performance_schema is OFF there: which statement the session runs cannot be proved");
	if (proof == PROOF_NONE)
		return err_set(e, ERR_DENIED, "what the session runs is not visible to us: %s",
		        s->mariadb ? "GRANT PROCESS ON *.*"
		                   : "GRANT PROCESS ON *.*, SELECT ON performance_schema.*");
	if (s->mariadb)
		mariadb_packet(proof, req, s, out);
	else
		mysql_packet(proof, req, s, out);
	return true;
}

/* One of our own by its statement's comment; to be ended, also when it is idle, as our user: its id cannot be
 * somebody else's while this server runs, and the caller has compared the servers. */
static void put_own(int64_t id, const char *run, bool terminate, struct buf *out)
{
	buf_printf(out, "ID = %" PRId64 " AND (INFO LIKE '/* %s%%'%s)", id, run,
	        terminate ? " OR COMMAND = 'Sleep' AND USER = SUBSTRING_INDEX(USER(), '@', 1)" : "");
}

void guard_reap(const struct guard_server *s, int64_t id, const char *run, bool terminate, struct buf *out)
{
	const char *what = terminate ? "CONNECTION" : "QUERY";
	if (s->mariadb) {
		buf_puts(out,
		        "BEGIN NOT ATOMIC IF EXISTS (SELECT 1 FROM information_schema.PROCESSLIST WHERE ");
		put_own(id, run, terminate, out);
		buf_printf(out,
		        ") THEN KILL %s %" PRId64
		        "; ELSE SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'moved on'; "
		        "END IF; END",
		        what, id, GUARD_SIGNAL);
		return;
	}
	if (s->performance_schema) {
		buf_printf(out,
		        "SET @dbatop_target := (SELECT PROCESSLIST_ID FROM "
		        "performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = %" PRId64
		        " AND ATTR_NAME = 'program_name' AND ATTR_VALUE LIKE '%s%%')",
		        id, run);
	} else {
		buf_puts(out, "SET @dbatop_target := (SELECT ID FROM information_schema.PROCESSLIST WHERE ");
		put_own(id, run, terminate, out);
		buf_puts(out, ")");
	}
	buf_printf(out, "; KILL %s @dbatop_target", what);
}
