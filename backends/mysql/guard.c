/* The guards, by engine. Connection ids are not used twice by a running server, so an id names a session; but
 * a pool hands one session from client to client, so what is ended must also be what it was doing:
 *
 *   its last statement     MySQL's EVENT_ID, MariaDB's QUERY_ID: both move with each statement, and while
 *                          they have not moved the session is where it was, transaction and all
 *   its transaction        MySQL with performance_schema: the transaction's own EVENT_ID
 *                          else InnoDB's trx_id, unless it is only an address that comes again
 *
 * information_schema.INNODB_TRX is a copy up to 0.1 s old, and older while others keep reading it: a guard
 * that believes it ends the next transaction of a busy session. So a look at it counts only when it shows
 * the looking statement itself, which proves that it was copied meanwhile.
 *
 * MySQL has no conditional statement outside procedures: KILL takes a variable there, and NULL ends nothing.
 * A managed service's procedure is kept from running by a statement before it in the packet that fails. */
#include "backends/mysql/guard.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/conn.h"

/* A transaction that only read has no id of its own: MariaDB prints 0, MySQL an address with this bit. */
static const uint64_t pseudo_trx = UINT64_C(1) << 48;

/* A look at InnoDB's list is made by a statement of its own. */
enum { FRESH_WITHIN_US = 1000 };

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

static bool has_query(const struct action_request *req)
{
	return is_number(req->target.query_guard);
}

/* "e12": the EVENT_ID of a transaction. */
static bool has_event(const struct action_request *req)
{
	const char *g = req->target.xact_guard;
	return *g == 'e' && is_number(g + 1);
}

static bool has_trx(const struct action_request *req)
{
	const char *g = req->target.xact_guard;
	uint64_t id = is_number(g) ? strtoull(g, NULL, 10) : 0;
	return id > 0 && id < pseudo_trx;
}

/* Without a transaction and without a view of statements: still idle, still without one. */
static bool stays_idle(const struct guard_server *s, const struct action_request *req)
{
	return !s->mariadb && !s->performance_schema && req->target.xact_guard[0] == '\0';
}

bool guard_choose(
        const struct guard_server *s, const struct action_request *req, struct guard_ways *out, struct err *e)
{
	bool statements = s->mariadb || s->performance_schema;
	*out = (struct guard_ways){0};
	if (req->kind == ACTION_CANCEL && req->whatever_transaction) {
		/* Insisted on: whatever the session runs, but in the transaction that was seen. */
		out->live = statements && has_event(req);
		out->fresh = has_trx(req);
	} else if (req->kind == ACTION_CANCEL) {
		out->live = statements && has_query(req);
	} else if (req->whatever_transaction) {
		out->live = true;
	} else {
		out->live = statements && (has_query(req) || has_event(req));
		out->fresh = has_trx(req) || stays_idle(s, req);
	}
	if (out->live || out->fresh)
		return true;
	if (req->kind == ACTION_CANCEL && req->whatever_transaction)
		return err_set(e, ERR_UNSUPPORTED,
		        "it runs another statement now, and no transaction proves that it is still the same "
		        "work");
	if (!statements)
		return err_set(e, ERR_UNSUPPORTED,
		        "performance_schema is OFF there: which statement the session runs cannot be proved");
	return err_set(e, ERR_DENIED, "what the session runs is not visible to us: %s",
	        s->mariadb ? "GRANT PROCESS ON *.*" : "GRANT PROCESS ON *.*, SELECT ON performance_schema.*");
}

/* 1. Conditions, each a query with one row when it holds. */

static void same_server(const struct guard_server *s, const char *id, struct buf *b)
{
	if (s->mariadb && !s->uid)
		buf_puts(b, "CONCAT(@@hostname, ':', @@port, ':', @@datadir) = ");
	else
		buf_puts(b, s->mariadb ? "@@server_uid = " : "@@server_uuid = ");
	conn_quote(b, id);
}

/* By @dbatop_thread, which was looked up before: a look by key takes half the time of a join, and time is
 * what passes between the proof and KILL. */
static void statement_events(const struct action_request *req, struct buf *b)
{
	buf_printf(b,
	        "SELECT %" PRId64 " FROM performance_schema.events_statements_current e "
	        "WHERE e.THREAD_ID = @dbatop_thread AND e.NESTING_EVENT_LEVEL = 0 AND e.EVENT_ID = %s",
	        req->target.id, req->target.query_guard);
	if (req->kind == ACTION_CANCEL)
		buf_puts(b, " AND e.END_EVENT_ID IS NULL");
}

static void transaction_events(const struct action_request *req, struct buf *b)
{
	buf_printf(b,
	        "SELECT %" PRId64 " FROM performance_schema.events_transactions_current x "
	        "WHERE x.THREAD_ID = @dbatop_thread AND x.EVENT_ID = %s AND x.STATE = 'ACTIVE'",
	        req->target.id, req->target.xact_guard + 1);
}

static void in_processlist(const struct action_request *req, struct buf *b)
{
	buf_printf(
	        b, "SELECT p.ID FROM information_schema.PROCESSLIST p WHERE p.ID = %" PRId64, req->target.id);
	if (req->kind == ACTION_CANCEL)
		buf_puts(b, " AND p.COMMAND <> 'Sleep'");
	if (!req->whatever_transaction)
		buf_printf(b, " AND p.QUERY_ID = %s", req->target.query_guard);
}

/* The id of the target while it is what was seen, else NULL: an expression. */
static void mysql_target(const struct action_request *req, struct buf *b)
{
	buf_puts(b, "COALESCE(");
	if (req->kind == ACTION_TERMINATE && req->whatever_transaction) {
		buf_putc(b, '(');
		in_processlist(req, b);
		buf_puts(b, " AND @dbatop_thread IS NOT NULL)");
	} else if (has_query(req) && !req->whatever_transaction) {
		buf_putc(b, '(');
		statement_events(req, b);
		buf_putc(b, ')');
	} else {
		buf_puts(b, "NULL");
	}
	if ((req->kind == ACTION_CANCEL) == req->whatever_transaction && has_event(req)) {
		buf_puts(b, ", (");
		transaction_events(req, b);
		buf_putc(b, ')');
	}
	buf_putc(b, ')');
}

/* 2. What is done when it holds. */

static const char *const procedures[][2] = {
        [KILL_RDS] = {"mysql.rds_kill_query", "mysql.rds_kill"},
        [KILL_AZURE] = {"mysql.az_kill_query", "mysql.az_kill"},
};

static const char *what(const struct action_request *req)
{
	return req->kind == ACTION_TERMINATE ? "CONNECTION" : "QUERY";
}

/* Between the proof and KILL lie some 50 us, unless the server's thread has to wait for a processor
 * meanwhile: then the proof is too old, and KILL gets NULL. */
static void mysql_act(const struct action_request *req, const char *target, unsigned within_us, struct buf *b)
{
	if (req->dialect == KILL_NATIVE)
		buf_printf(b,
		        "SET @dbatop_at := SYSDATE(6), @dbatop_target := %s; KILL %s "
		        "IF(TIMESTAMPDIFF(MICROSECOND, "
		        "@dbatop_at, SYSDATE(6)) < %u, @dbatop_target, NULL)",
		        target, what(req), within_us);
	else
		buf_printf(b,
		        "DO (SELECT 1 UNION ALL SELECT 2 FROM DUAL WHERE %s IS NULL); CALL %s(%" PRId64 ")",
		        target, procedures[req->dialect][req->kind == ACTION_TERMINATE], req->target.id);
}

/* query: the statement that the session must still be at, NULL for any. KILL QUERY ID is the one thing that
 * compares and acts in a single step, so it also stands before the end of a connection, as the last proof:
 * the look before it takes longer than a client needs for its next transaction. */
static void mariadb_act(const struct action_request *req, const char *query, struct buf *b)
{
	bool exact = query != NULL && req->kind == ACTION_CANCEL;
	if (req->dialect == KILL_RDS && exact)
		buf_printf(b, "CALL mysql.rds_kill_query_id(%s)", query);
	else if (req->dialect != KILL_NATIVE)
		buf_printf(b, "CALL %s(%" PRId64 ")", procedures[req->dialect][req->kind == ACTION_TERMINATE],
		        req->target.id);
	else if (query != NULL)
		buf_printf(b, "KILL QUERY ID %s", query);
	if (req->dialect == KILL_NATIVE && !exact)
		buf_printf(b, "%sKILL %s %" PRId64, query != NULL ? "; " : "", what(req), req->target.id);
}

static void mariadb_else(struct buf *b)
{
	buf_printf(b,
	        "; ELSE SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'moved on'; END IF; END",
	        GUARD_SIGNAL);
}

/* 3. The packets. */

void guard_live(
        const struct guard_server *s, const struct action_request *req, unsigned within_us, struct buf *out)
{
	struct buf target;
	if (s->mariadb) {
		buf_puts(out, "BEGIN NOT ATOMIC IF ");
		same_server(s, req->server.id, out);
		buf_puts(out, " AND EXISTS (");
		in_processlist(req, out);
		buf_puts(out, ") THEN ");
		mariadb_act(req, req->whatever_transaction ? NULL : req->target.query_guard, out);
		mariadb_else(out);
		return;
	}
	buf_init(&target, 2048);
	buf_puts(out, "SET @dbatop_thread := IF(");
	same_server(s, req->server.id, out);
	buf_printf(out,
	        ", (SELECT t.THREAD_ID FROM performance_schema.threads t WHERE t.PROCESSLIST_ID = %" PRId64
	        "), NULL); ",
	        req->target.id);
	mysql_target(req, &target);
	mysql_act(req, buf_str(&target), within_us, out);
	buf_free(&target);
}

void guard_fresh(
        const struct guard_server *s, const struct action_request *req, unsigned look, struct buf *out)
{
	struct buf target;
	bool idle = stays_idle(s, req);
	buf_printf(out,
	        "START TRANSACTION WITH CONSISTENT SNAPSHOT; /* dbatop-look %u */ SELECT COUNT(*), "
	        "COUNT(IF(x.trx_mysql_thread_id = %" PRId64 " AND x.trx_id = %s, 1, NULL)), "
	        "COUNT(IF(x.trx_mysql_thread_id = %" PRId64 ", 1, NULL)) "
	        "INTO @dbatop_fresh, @dbatop_same, @dbatop_any FROM information_schema.INNODB_TRX x "
	        "JOIN information_schema.INNODB_TRX o ON o.trx_mysql_thread_id = CONNECTION_ID() "
	        "AND o.trx_query LIKE '/* dbatop-look %u */%%'; COMMIT; ",
	        look, req->target.id, idle ? "0" : req->target.xact_guard, req->target.id, look);
	if (s->mariadb) {
		buf_puts(out, "BEGIN NOT ATOMIC IF @dbatop_same > 0 AND ");
		same_server(s, req->server.id, out);
		buf_puts(out, " THEN ");
		mariadb_act(req, NULL, out);
		buf_printf(out,
		        "; ELSEIF @dbatop_fresh = 0 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, "
		        "MESSAGE_TEXT = 'stale'",
		        GUARD_STALE);
		mariadb_else(out);
		return;
	}
	/* A stale look ends in an error of its own: a user variable may not be set to a row of two. */
	buf_puts(out, "DO (SELECT 1 UNION ALL SELECT 2 FROM DUAL WHERE @dbatop_fresh = 0); ");
	buf_init(&target, 1024);
	buf_puts(&target, "IF(");
	same_server(s, req->server.id, &target);
	if (idle)
		buf_printf(&target,
		        " AND @dbatop_any = 0, (SELECT p.ID FROM information_schema.PROCESSLIST p "
		        "WHERE p.ID = %" PRId64 " AND p.COMMAND = 'Sleep'), NULL)",
		        req->target.id);
	else
		buf_printf(&target, " AND @dbatop_same > 0, %" PRId64 ", NULL)", req->target.id);
	mysql_act(req, buf_str(&target), FRESH_WITHIN_US, out);
	buf_free(&target);
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
	const char *kind = terminate ? "CONNECTION" : "QUERY";
	if (s->mariadb) {
		buf_puts(out,
		        "BEGIN NOT ATOMIC IF EXISTS (SELECT 1 FROM information_schema.PROCESSLIST WHERE ");
		put_own(id, run, terminate, out);
		buf_printf(out, ") THEN KILL %s %" PRId64, kind, id);
		mariadb_else(out);
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
	buf_printf(out, "; KILL %s @dbatop_target", kind);
}
