/* The guards, by engine. Connection ids are not used twice by a running server, so an id names a session; but
 * a pool hands one session from client to client, so what is ended must also be what it was doing:
 *
 *   its last statement     MySQL's EVENT_ID, MariaDB's QUERY_ID: both move with each statement, and while
 *                          they have not moved the session is where it was, transaction and all
 *   when that began        MariaDB: QUERY_ID moves on inside a procedure, but TIME_MS counts from the begin
 * of what the client sent, in microseconds. What began before it was seen, and was seen, is what was seen;
 * likewise nothing has come in since when nothing began since its transaction        MySQL with
 * performance_schema: the transaction's own EVENT_ID else InnoDB's trx_id, unless it is only an address that
 * comes again
 *
 * information_schema.INNODB_TRX is a copy up to 0.1 s old, and older while others keep reading it: a guard
 * that believes it ends the next transaction of a busy session. So a look at it counts only when it shows
 * the looking statement itself, which proves that it was copied meanwhile; and on MariaDB only when the
 * target has begun nothing since before the look.
 *
 * With --sysdate-is-now a server's SYSDATE stands still, so nothing can be timed there, and nothing is done.
 *
 * MySQL has no conditional statement outside procedures: KILL takes a variable there, and NULL ends nothing.
 * A managed service's procedure is kept from running by a statement before it in the packet that fails. */
#include "backends/mysql/guard.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/conn.h"

/* A transaction that only read has no id of its own: MariaDB prints 0, MySQL an address with this bit. */
static const uint64_t pseudo_trx = UINT64_C(1) << 48;

/* MySQL without performance_schema: from before the look at InnoDB's list to KILL. */
enum { FRESH_WITHIN_US = 2000 };

/* What may lie between proof and act, in microseconds. On a loopback a client has gone on to its next
 * transaction after some 30 at the quickest, when it shares a processor with its server, and after 70 when
 * both have to be woken. MySQL's way takes 23 when nobody has to be woken and 40 when somebody has;
 * MariaDB's, of which reading the list of sessions is the most, some hundred, but only its last step counts,
 * which takes 7 to 12. So many attempts keep to each. */
static const struct {
	unsigned attempts, within_us;
} mysql_steps[] = {{30, 30}, {20, 45}, {10, 70}, {10, 140}, {10, 280}};
enum { MARIADB_WITHIN_US = 500, STEP_US = 20, STEP_MOST_US = 50 };
/* At MySQL's row of a statement, in one packet. */
enum { LOOKS = 5 };
/* After so many the time is doubled. */
enum { STRICT_STEPS = 8, MARIADB_STRICT = 12 };

/* What has run longer is not expected to end within the next half millisecond. */
enum { LONG_MS = 1000 };

struct allowance {
	unsigned within_us, step_us;
};

static unsigned mysql_within(unsigned attempt)
{
	size_t i = 0, last = sizeof(mysql_steps) / sizeof(mysql_steps[0]) - 1;
	for (; i < last && attempt >= mysql_steps[i].attempts; i++)
		attempt -= mysql_steps[i].attempts;
	return mysql_steps[i].within_us;
}

static struct allowance allowance(const struct guard_server *s, unsigned attempt)
{
	return (struct allowance){
	        .within_us = s->mariadb ? (unsigned)MARIADB_WITHIN_US << (attempt / MARIADB_STRICT)
	                                : mysql_within(attempt),
	        .step_us = attempt < STRICT_STEPS ? STEP_US : STEP_MOST_US};
}

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

bool guard_statement(const char *query_guard, struct guard_statement *out)
{
	static const char between[] = " seen ";
	size_t digits = strspn(query_guard, "0123456789");
	const char *rest = query_guard + digits;
	*out = (struct guard_statement){0};
	if (digits == 0 || digits >= sizeof(out->id))
		return false;
	if (*rest != '\0') {
		if (strncmp(rest, between, strlen(between)) != 0)
			return false;
		rest += strlen(between);
		if (*rest == '\0' || strlen(rest) >= sizeof(out->seen) ||
		        rest[strspn(rest, "0123456789-:. ")] != '\0')
			return false;
		memcpy(out->seen, rest, strlen(rest) + 1);
	}
	memcpy(out->id, query_guard, digits);
	return true;
}

static bool has_query(const struct action_request *req)
{
	struct guard_statement statement;
	return guard_statement(req->target.query_guard, &statement);
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
	struct guard_statement statement;
	guard_statement(req->target.query_guard, &statement);
	buf_printf(b,
	        "SELECT %" PRId64 " FROM performance_schema.events_statements_current e "
	        "WHERE e.THREAD_ID = @dbatop_thread AND e.NESTING_EVENT_LEVEL = 0 AND e.EVENT_ID = %s",
	        req->target.id, statement.id);
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
}

/* Whether its transaction is a proof: of what is to be terminated, or when that is insisted on. */
static bool by_transaction(const struct action_request *req)
{
	return (req->kind == ACTION_CANCEL) == req->whatever_transaction && has_event(req);
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
		/* The next is only looked at when the one before it found no row: see guard_over. */
		for (unsigned i = 0; i < LOOKS; i++) {
			buf_puts(b, i == 0 ? "(" : ", (");
			statement_events(req, b);
			buf_putc(b, ')');
		}
	} else {
		buf_puts(b, "NULL");
	}
	if (by_transaction(req)) {
		buf_puts(b, ", (");
		transaction_events(req, b);
		buf_putc(b, ')');
	}
	buf_putc(b, ')');
}

void guard_over(const struct action_request *req, struct buf *out)
{
	struct guard_statement statement;
	buf_puts(out, "@dbatop_thread IS NULL OR (TRUE");
	if (!req->whatever_transaction && guard_statement(req->target.query_guard, &statement))
		buf_printf(out,
		        " AND EXISTS (SELECT * FROM performance_schema.events_statements_current e "
		        "WHERE e.THREAD_ID = @dbatop_thread AND e.NESTING_EVENT_LEVEL = 0 AND "
		        "(e.EVENT_ID <> %s%s))",
		        statement.id, req->kind == ACTION_CANCEL ? " OR e.END_EVENT_ID IS NOT NULL" : "");
	if (by_transaction(req))
		buf_printf(out,
		        " AND EXISTS (SELECT * FROM performance_schema.events_transactions_current x "
		        "WHERE x.THREAD_ID = @dbatop_thread AND (x.EVENT_ID <> %s OR x.STATE <> 'ACTIVE'))",
		        req->target.xact_guard + 1);
	buf_putc(out, ')');
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

/* Between the proof and KILL lie some 40 us, unless the server's thread has to wait for a processor
 * meanwhile: then the proof is too old, and KILL gets NULL. DO, because SET takes 20 us more for a subquery.
 */
static void mysql_act(const struct action_request *req, const char *since, const char *target,
        unsigned within_us, struct buf *b)
{
	if (req->dialect == KILL_NATIVE)
		buf_printf(b,
		        "DO @dbatop_at := %s, @dbatop_target := %s; KILL %s "
		        "IF(TIMESTAMPDIFF(MICROSECOND, "
		        "@dbatop_at, SYSDATE(6)) < %u AND SYSDATE(6) > NOW(6), @dbatop_target, NULL)",
		        since, target, what(req), within_us);
	else
		buf_printf(b,
		        "DO (SELECT 1 UNION ALL SELECT 2 FROM DUAL WHERE %s IS NULL); CALL %s(%" PRId64 ")",
		        target, procedures[req->dialect][req->kind == ACTION_TERMINATE], req->target.id);
}

static void mariadb_signal(int number, const char *text, struct buf *b)
{
	buf_printf(b, "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = '%s'; ", number, text);
}

/* Begins the block that acts. dbatop_query is what the target runs or ran last; 0 when there is nothing to
 * cancel; NULL when it has begun that since `since`, an expression, or is not at the statement `id` where one
 * is given. dbatop_brief: it idles or began a moment ago. SYSDATE is read after the list, so that what began
 * since is never taken for older. */
static void mariadb_begin(const struct action_request *req, const char *id, const char *since, struct buf *b)
{
	buf_printf(b,
	        "BEGIN NOT ATOMIC DECLARE dbatop_at DATETIME(6) DEFAULT SYSDATE(6); "
	        "DECLARE dbatop_query BIGINT UNSIGNED; DECLARE dbatop_brief BOOL; SET @dbatop_half = FALSE; "
	        "SELECT %s, p.COMMAND = 'Sleep' OR p.TIME_MS < %u INTO dbatop_query, dbatop_brief FROM "
	        "information_schema.PROCESSLIST p WHERE p.ID = %" PRId64,
	        req->kind == ACTION_CANCEL ? "IF(p.COMMAND = 'Sleep', 0, p.QUERY_ID)" : "p.QUERY_ID", LONG_MS,
	        req->target.id);
	if (since != NULL) {
		buf_puts(b, " AND (");
		if (id != NULL)
			buf_printf(b, "p.QUERY_ID = %s OR ", id);
		buf_printf(b, "SYSDATE(6) - INTERVAL p.TIME_MS * 1000 MICROSECOND < %s)", since);
	} else if (id != NULL) {
		buf_printf(b, " AND p.QUERY_ID = %s", id);
	}
	buf_puts(b, "; ");
}

/* Nothing is done any more once the time allowed has passed since dbatop_at: as KILL's own argument, so that
 * nothing lies between the look at the clock and the act. After the target's statement was cancelled by its
 * id nothing had to be read, so that the step allowed is less than a client needs for a COMMIT. 0 is nobody's
 * id. */
static void mariadb_kill_in_time(
        const struct action_request *req, const struct allowance *allowed, struct buf *b)
{
	if (allowed == NULL)
		buf_printf(b, "KILL %s %" PRId64 "; ", what(req), req->target.id);
	else
		buf_printf(b,
		        "KILL %s IF(TIMESTAMPDIFF(MICROSECOND, dbatop_at, SYSDATE(6)) < "
		        "IF(@dbatop_half, %u, %u) AND (@dbatop_half OR SYSDATE(6) > NOW(6)), %" PRId64
		        ", 0); ",
		        what(req), allowed->step_us, allowed->within_us, req->target.id);
}

static void mariadb_call_in_time(
        const struct action_request *req, const struct allowance *allowed, struct buf *b)
{
	if (allowed != NULL) {
		buf_printf(b,
		        "IF TIMESTAMPDIFF(MICROSECOND, dbatop_at, SYSDATE(6)) >= %u OR SYSDATE(6) = NOW(6) "
		        "THEN ",
		        allowed->within_us);
		mariadb_signal(GUARD_LATE, "late", b);
		buf_puts(b, "END IF; ");
	}
	buf_printf(b, "CALL %s(%" PRId64 "); ", procedures[req->dialect][req->kind == ACTION_TERMINATE],
	        req->target.id);
}

/* allowed: NULL when the session itself is meant, whatever it does.
 * KILL QUERY ID is the one thing that compares and acts in a single step: while the target is still at the
 * statement that was proved, that is the last proof, also before the end of its connection. A procedure may
 * be at another statement by then, and the next try finds it there. What has run for a second is not expected
 * to end within the next half millisecond: there the clock is proof enough, and the server is spared a second
 * kill of a statement that is just ending, for which it waits up to two seconds. */
static void mariadb_act(
        const struct action_request *req, const char *id, const struct allowance *allowed, struct buf *b)
{
	bool cancel = req->kind == ACTION_CANCEL, native = req->dialect == KILL_NATIVE;
	bool exact = id != NULL && (native || (req->dialect == KILL_RDS && cancel));
	if (exact && cancel)
		buf_printf(b, "IF dbatop_query = %s OR dbatop_brief THEN %sdbatop_query%s; ELSE ", id,
		        native ? "KILL QUERY ID " : "CALL mysql.rds_kill_query_id(", native ? "" : ")");
	else if (exact)
		buf_puts(b, "IF dbatop_brief THEN SET @dbatop_half = TRUE, dbatop_at = SYSDATE(6); "
		            "KILL QUERY ID dbatop_query; END IF; ");
	if (native)
		mariadb_kill_in_time(req, allowed, b);
	else
		mariadb_call_in_time(req, allowed, b);
	buf_puts(b, exact && cancel ? "END IF; END" : "END");
}

/* 3. The packets. */

static void mariadb_live(
        const struct guard_server *s, const struct action_request *req, unsigned attempt, struct buf *out)
{
	struct guard_statement statement;
	struct allowance allowed = allowance(s, attempt);
	bool known = !req->whatever_transaction && guard_statement(req->target.query_guard, &statement);
	char since[sizeof(statement.seen) + 2];
	if (known && statement.seen[0] != '\0')
		snprintf(since, sizeof(since), "'%s'", statement.seen);
	mariadb_begin(
	        req, known ? statement.id : NULL, known && statement.seen[0] != '\0' ? since : NULL, out);
	buf_puts(out, "IF COALESCE(dbatop_query, 0) = 0 OR NOT (");
	same_server(s, req->server.id, out);
	buf_puts(out, ") THEN ");
	mariadb_signal(GUARD_SIGNAL, "moved on", out);
	buf_puts(out, "END IF; ");
	mariadb_act(req, known ? statement.id : NULL, known ? &allowed : NULL, out);
}

void guard_live(
        const struct guard_server *s, const struct action_request *req, unsigned attempt, struct buf *out)
{
	struct buf target;
	if (s->mariadb) {
		mariadb_live(s, req, attempt, out);
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
	mysql_act(req, "SYSDATE(6)", buf_str(&target), allowance(s, attempt).within_us, out);
	buf_free(&target);
}

static void mariadb_fresh(
        const struct guard_server *s, const struct action_request *req, unsigned attempt, struct buf *out)
{
	struct allowance allowed = allowance(s, attempt);
	mariadb_begin(req, NULL, "@dbatop_before", out);
	buf_puts(out, "IF @dbatop_fresh = 0 THEN ");
	mariadb_signal(GUARD_STALE, "stale", out);
	buf_puts(out, "END IF; IF @dbatop_same = 0 OR dbatop_query = 0 OR NOT (");
	same_server(s, req->server.id, out);
	buf_puts(out, ") THEN ");
	mariadb_signal(GUARD_SIGNAL, "moved on", out);
	buf_puts(out, "END IF; IF dbatop_query IS NULL THEN ");
	mariadb_signal(GUARD_LATE, "late", out);
	buf_puts(out, "END IF; ");
	mariadb_act(req, NULL, &allowed, out);
}

void guard_fresh(const struct guard_server *s, const struct action_request *req, unsigned look,
        unsigned attempt, struct buf *out)
{
	struct buf target;
	bool idle = stays_idle(s, req);
	buf_printf(out,
	        "SET @dbatop_before := SYSDATE(6); "
	        "START TRANSACTION WITH CONSISTENT SNAPSHOT; /* dbatop-look %u */ SELECT COUNT(*), "
	        "COUNT(IF(x.trx_mysql_thread_id = %" PRId64 " AND x.trx_id = %s, 1, NULL)), "
	        "COUNT(IF(x.trx_mysql_thread_id = %" PRId64 ", 1, NULL)) "
	        "INTO @dbatop_fresh, @dbatop_same, @dbatop_any FROM information_schema.INNODB_TRX x "
	        "JOIN information_schema.INNODB_TRX o ON o.trx_mysql_thread_id = CONNECTION_ID() "
	        "AND o.trx_query LIKE '/* dbatop-look %u */%%'; COMMIT; ",
	        look, req->target.id, idle ? "0" : req->target.xact_guard, req->target.id, look);
	if (s->mariadb) {
		mariadb_fresh(s, req, attempt, out);
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
	mysql_act(req, "@dbatop_before", buf_str(&target), FRESH_WITHIN_US, out);
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
		buf_printf(out, ") THEN KILL %s %" PRId64 "; ELSE ", kind, id);
		mariadb_signal(GUARD_SIGNAL, "moved on", out);
		buf_puts(out, "END IF; END");
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
