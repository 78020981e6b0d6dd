/* Ending what others run, and what we run ourselves: one packet that proves its target and acts, then looks
 * at what became of it. mysql_kill() is never called: it kills the connection, whatever one meant. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/conn.h"
#include "backends/mysql/guard.h"

enum { FRESH_TRIES = 20, FRESH_WAIT_MS = 115, LIVE_TRIES = 80, QUICK_TRIES = 8, QUICK_WAIT_MS = 20 };

static struct guard_server guard_server(const struct conn *c)
{
	return (struct guard_server){
	        .mariadb = conn_is_mariadb(c), .performance_schema = c->performance_schema, .uid = c->uid};
}

static bool unheld(const struct err *e)
{
	return e->native == GUARD_SIGNAL || e->native == GUARD_NO_THREAD || e->native == GUARD_TWO_ROWS ||
	       e->native == GUARD_NO_QUERY;
}

/* 1. Acting. */

/* What the server's answer means. `done` statements of the packet had succeeded before it. */
static enum action_outcome outcome(const struct conn *c, bool ok, unsigned done, struct err *e)
{
	if (ok)
		return OUTCOME_SENT;
	if (unheld(e)) {
		err_clear(e);
		return OUTCOME_MOVED_ON;
	}
	switch (e->code) {
	case ERR_DENIED:
		if (e->native == 1095 || e->native == 1979 || done > 0 || e->native == 1370) {
			size_t n = strlen(e->text);
			snprintf(e->text + n, sizeof e->text - n, "; ending others' sessions needs %s",
			        conn_is_mariadb(c) ? "GRANT CONNECTION ADMIN ON *.*"
			                           : "GRANT CONNECTION_ADMIN ON *.*, and SYSTEM_USER for "
			                             "accounts that have it");
			return OUTCOME_REFUSED;
		}
		return OUTCOME_UNPROVABLE;
	case ERR_TIMEOUT:
	case ERR_CANCELLED:
	case ERR_LOST:
	case ERR_IO:
	case ERR_SERVER_LIMIT:
		return OUTCOME_UNKNOWN;
	default:
		return OUTCOME_REFUSED;
	}
}

/* Returns the server's own number of what it said. */
static int send_packet(const struct ctx *ctx, struct conn *admin, struct action_result *out, unsigned *done)
{
	snprintf(out->sql, sizeof out->sql, "%s", buf_str(&admin->sql));
	err_clear(&out->err);
	bool ok = conn_query(ctx, admin, NULL, done, &out->err);
	int native = ok ? 0 : out->err.native;
	out->outcome = outcome(admin, ok, *done, &out->err);
	return native;
}

/* Whether the target was still what was seen, and only the time ran out between proof and act; or it cannot
 * be told, since a procedure of it had gone on to its next statement at just that moment. half: becomes true
 * when its statement was cancelled. */
static bool was_late(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        const struct action_result *out, int native, bool *half)
{
	struct answer a;
	struct err e;
	if (conn_is_mariadb(admin)) {
		bool cut = native == GUARD_NO_THREAD || out->err.code == ERR_SERVER_LIMIT;
		*half = *half || (cut && conn_ask(ctx, admin, &a, &e, "SELECT @dbatop_half = TRUE") &&
		                         !a.null[0] && strcmp(a.value[0], "1") == 0);
		return native == GUARD_LATE || native == GUARD_NO_THREAD || native == GUARD_NO_QUERY;
	}
	if (out->outcome != OUTCOME_MOVED_ON)
		return false;
	struct buf over;
	buf_init(&over, 1024);
	guard_over(req, &over);
	bool asked = conn_ask(ctx, admin, &a, &e, "SELECT @dbatop_target, %s", buf_str(&over));
	buf_free(&over);
	bool found = asked && !a.null[0] && req->dialect == KILL_NATIVE;
	return asked && (found || a.null[1] || strcmp(a.value[1], "1") != 0);
}

static void live(const struct ctx *ctx, struct conn *admin, const struct guard_server *s,
        const struct action_request *req, struct action_result *out)
{
	bool half = false;
	for (unsigned i = 0; i < LIVE_TRIES; i++) {
		unsigned done = 0;
		buf_reset(&admin->sql);
		guard_live(s, req, i, &admin->sql);
		int native = send_packet(ctx, admin, out, &done);
		if (!was_late(ctx, admin, req, out, native, &half)) {
			/* Its statement was cancelled, which is not nothing; and a kill that the server's
			 * limit cut short has been marked before it is waited for. To be followed. */
			if (half && out->outcome != OUTCOME_REFUSED)
				out->outcome = OUTCOME_SENT;
			return;
		}
		/* A procedure of short statements. MariaDB finds it at another one each time; once it has run
		 * for a second the clock is proof enough. */
		if (native == GUARD_NO_QUERY && i >= QUICK_TRIES && ctx_sleep(ctx, QUICK_WAIT_MS) != ERR_NONE)
			break;
	}
	out->outcome = half ? OUTCOME_SENT : OUTCOME_UNPROVABLE;
	if (half) {
		err_clear(&out->err);
		return;
	}
	err_set(&out->err, ERR_GATED,
	        "the server is so busy that each proof was too old before it could be used: the session was "
	        "not ended");
}

/* Until InnoDB's list was copied during our own look: it is, when nobody has read it for 0.1 s; and until the
 * target began nothing during that look. */
static void fresh(const struct ctx *ctx, struct conn *admin, const struct guard_server *s,
        const struct action_request *req, struct action_result *out)
{
	bool late = false;
	for (unsigned i = 0; i < FRESH_TRIES; i++) {
		unsigned done = 0;
		buf_reset(&admin->sql);
		guard_fresh(s, req, ++admin->looks, i, &admin->sql);
		int native = send_packet(ctx, admin, out, &done);
		late = native == GUARD_LATE || (s->mariadb && native == GUARD_NO_THREAD);
		/* MySQL says so by its fifth statement, before anything was tried. */
		if (s->mariadb ? !late && native != GUARD_STALE
		               : done != 4 || out->outcome != OUTCOME_MOVED_ON)
			return;
		if (ctx_sleep(ctx, FRESH_WAIT_MS) != ERR_NONE)
			break;
	}
	err_set(&out->err, ERR_GATED,
	        late ? "its statements follow each other so quickly that none lasts as long as a look at its "
	               "transaction: that cannot be proved, and nothing was done"
	             : "InnoDB's list of transactions is read by others all the time, so the copy we get "
	               "is old: the transaction cannot be proved");
	out->outcome = OUTCOME_UNPROVABLE;
}

/* Connection ids name a session as long as the server runs. */
static void tell_what_moved(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct action_result *out)
{
	struct answer a;
	struct err e;
	if (!conn_ask(ctx, admin, &a, &e,
	            "SELECT COMMAND FROM information_schema.PROCESSLIST WHERE ID = %" PRId64, req->target.id))
		return;
	out->other_work = a.rows > 0 && strcmp(a.value[0], "Killed") != 0;
	err_set(&out->err, ERR_NONE, "session %" PRId64 ": %s", req->target.id,
	        !out->other_work ? "it has ended already, nothing was done"
	        : req->kind == ACTION_CANCEL
	                ? "that statement is not running any more, so nothing was done"
	                : "it is in another transaction or statement now, so nothing was done");
}

bool my_act(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct action_result *out)
{
	struct guard_server s = guard_server(admin);
	*out = (struct action_result){.outcome = OUTCOME_NONE, .rows_left = -1};
	if (!server_identity_equal(&admin->info.server, &req->server)) {
		err_set(&out->err, ERR_IDENTITY, "another server answers here than the one that was seen");
		out->outcome = OUTCOME_REFUSED;
		return false;
	}
	if (!admin->info.sees_all) {
		err_set(&out->err, ERR_DENIED,
		        "the session's identity is not visible to us: GRANT PROCESS ON *.*");
		out->outcome = OUTCOME_UNPROVABLE;
		return false;
	}
	if (io_busy(admin->io)) {
		err_set(&out->err, ERR_PROTOCOL, "the connection is still reading an earlier answer");
		out->outcome = OUTCOME_REFUSED;
		return false;
	}
	struct guard_ways ways;
	if (!guard_choose(&s, req, &ways, &out->err)) {
		out->outcome = OUTCOME_UNPROVABLE;
		return false;
	}
	if (ways.live)
		live(ctx, admin, &s, req, out);
	if (ways.fresh && (!ways.live || out->outcome == OUTCOME_MOVED_ON))
		fresh(ctx, admin, &s, req, out);
	if (out->outcome == OUTCOME_MOVED_ON)
		tell_what_moved(ctx, admin, req, out);
	return true;
}

/* 2. Following. */

static const char follow_mysql[] =
        "SELECT t.PROCESSLIST_COMMAND, COALESCE(CONCAT('e', v.EVENT_ID), x.trx_id), x.trx_state, "
        "x.trx_rows_modified, e.EVENT_ID, "
        "e.END_EVENT_ID IS NULL, (SELECT MAX(s.EVENT_ID) "
        "FROM performance_schema.events_statements_current s WHERE s.THREAD_ID = t.THREAD_ID) "
        "FROM (SELECT %" PRId64 " AS id) i "
        "LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = i.id "
        "LEFT JOIN performance_schema.events_statements_current e "
        "ON e.THREAD_ID = t.THREAD_ID AND e.NESTING_EVENT_LEVEL = 0 "
        "LEFT JOIN performance_schema.events_transactions_current v "
        "ON v.THREAD_ID = t.THREAD_ID AND v.STATE = 'ACTIVE' AND v.AUTOCOMMIT = 'NO' "
        "LEFT JOIN information_schema.INNODB_TRX x ON x.trx_mysql_thread_id = i.id LIMIT 1";

static const char follow_processlist[] =
        "SELECT p.COMMAND, x.trx_id, x.trx_state, x.trx_rows_modified, %s, p.COMMAND <> 'Sleep', %s "
        "FROM (SELECT %" PRId64 " AS id) i "
        "LEFT JOIN information_schema.PROCESSLIST p ON p.ID = i.id "
        "LEFT JOIN information_schema.INNODB_TRX x ON x.trx_mysql_thread_id = i.id LIMIT 1";

bool my_follow(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct follow_state *out, struct err *e)
{
	struct answer a;
	*out = (struct follow_state){.same_session = true, .rows_left = -1};
	if (!admin->info.sees_all)
		return err_set(e, ERR_DENIED, "the session is not visible to us: GRANT PROCESS ON *.*");
	bool statements = !conn_is_mariadb(admin) && admin->performance_schema;
	struct guard_statement seen;
	char same[128] = "NULL";
	const char *step = conn_is_mariadb(admin) ? "p.QUERY_ID" : "NULL";
	if (!guard_statement(req->target.query_guard, &seen))
		seen.id[0] = '\0';
	else if (conn_is_mariadb(admin))
		snprintf(same, sizeof same,
		        seen.seen[0] == '\0' ? "p.QUERY_ID"
		                             : "IF(SYSDATE(6) - INTERVAL p.TIME_MS * 1000 MICROSECOND < "
		                               "'%s', %s, p.QUERY_ID)",
		        seen.seen, seen.id);
	bool ok = statements ? conn_ask(ctx, admin, &a, e, follow_mysql, req->target.id)
	                     : conn_ask(ctx, admin, &a, e, follow_processlist, same, step, req->target.id);
	if (!ok)
		return err_wrap(e, "cannot look at session %" PRId64, req->target.id);
	/* MariaDB's "Killed" may be a cancel that is pending, and that can still be forgotten. */
	bool running =
	        !a.null[0] && strcmp(a.value[0], "Sleep") != 0 && !a.null[5] && strcmp(a.value[5], "1") == 0;
	bool undoing = !a.null[2] && strcmp(a.value[2], "ROLLING BACK") == 0;
	if (!a.null[6])
		out->step = strtoull(a.value[6], NULL, 10);
	const char *xact = req->target.xact_guard;
	/* Without performance_schema a killed session is in MySQL's list of transactions alone. */
	out->visible = !a.null[0] || (!statements && !conn_is_mariadb(admin) && !a.null[1]);
	out->active = running || undoing;
	out->killed = undoing || (!a.null[0] && strcmp(a.value[0], "Killed") == 0);
	out->same_xact = *xact == '\0' ? a.null[1] : !a.null[1] && strcmp(a.value[1], xact) == 0;
	/* Not seen is no proof, see guard_over; and who insisted meant whatever runs in that transaction. */
	bool unseen = statements && a.null[4], same_id = !a.null[4] && strcmp(a.value[4], seen.id) == 0;
	if (req->whatever_transaction && req->kind == ACTION_CANCEL)
		out->same_query = running && out->same_xact;
	else
		out->same_query = running && seen.id[0] != '\0' && (unseen || same_id);
	if (undoing && !a.null[3])
		out->rows_left = strtoll(a.value[3], NULL, 10);
	return true;
}

/* 3. Our own. Where connection attributes are not kept (performance_schema off), the comment before the
 * running statement is the proof; a connection of ours that runs nothing needs no cancel. */

bool my_reap(const struct ctx *ctx, struct conn *admin, const struct backend_ref *victim, bool terminate,
        enum reap *out, struct err *e)
{
	struct guard_server s = guard_server(admin);
	struct answer a;
	char run[TAG_MAX];
	snprintf(run, sizeof run, "dbatop/%s/", admin->env->run_id);
	buf_reset(&admin->sql);
	guard_reap(&s, victim->id, run, terminate, &admin->sql);
	if (conn_query(ctx, admin, NULL, NULL, e)) {
		*out = REAP_SENT;
		return true;
	}
	if (!unheld(e))
		return err_wrap(e, "cannot end connection %" PRId64 " of ours", victim->id);
	/* Not ours any more, idle, or gone: nothing was done; which of them? */
	err_clear(e);
	if (!conn_ask(ctx, admin, &a, e,
	            "SELECT COMMAND = 'Sleep' FROM information_schema.PROCESSLIST WHERE ID = %" PRId64,
	            victim->id))
		return err_wrap(e, "cannot look for connection %" PRId64 " of ours", victim->id);
	*out = a.rows == 0 ? REAP_GONE : REAP_OTHER;
	return true;
}
