/* Ending somebody's work: one statement proves that the session is the one that was seen, on the server that
 * was seen, and signals it. It reads pg_stat_get_activity() and not the view, so that it works while
 * pg_database is locked, and compares timestamps as the server's own text, to the microsecond. */
#include "backends/postgres/pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

enum { ACT_SQL_MAX = 3072, SIGNAL_MAX = 1024, ID_MAX = 24, NAME_MAX_BYTES = 64 };

/* How old a proof may be: what the server needs when nothing interrupts it. Where that stays out of reach,
 * twice what its quickest copy took: each session adds to that. */
enum { WITHIN_US = 10, WITHIN_MOST_US = 20000, STRICT_TRIES = 8, TRIES = 30 };

/* 1. The guarded statement. Its row: may its identity be seen · is this the server · is it the session · is
 * the transaction the same · the statement the same and running · was it signalled, or how many microseconds
 * too old had the proof become by then (NULL: the guard said no). No row: nobody has that id.
 *
 * The server has nothing that compares and signals in one step: between the look at the session and the
 * signal lies a moment in which it may move on. So that this moment is as short as the server allows, all
 * else comes before: the control file is read, our own memberships are in the cache, constants are parsed,
 * the whole row was looked at, which takes some 40 us after it was copied, and the session's place in the
 * list was found. Then, last before the signal, a transaction that has written is asked for by its xid (the
 * look has 32 bits of it, a snapshot the other 32); one that has not, and a statement, by a second look at
 * nothing but their start. That look copies what all sessions do (some us with a few of them, up to
 * milliseconds with thousands), and either can lose its processor, for longer than another client needs to
 * take over: so it is timed by the server itself, and one that took too long signals nothing but says how
 * long it took, and is taken again. */

enum { SIGNALLED, SEEN, SERVER, SESSION, XACT, QUERY };

static const char act_sql[] =
        "SELECT CASE WHEN s.server AND a.backend_start = s.started%s THEN"
        " (SELECT CASE WHEN %s THEN CASE WHEN clock_timestamp() < t.until THEN %s(a.pid)::text"
        " ELSE (%u + 1000000 * extract(epoch FROM clock_timestamp() - t.until))::bigint::text END END"
        " FROM (SELECT clock_timestamp() + interval '%u us' AS until OFFSET 0) t) END AS signalled,"
        " a.backend_start IS NOT NULL AS seen, s.server, a.backend_start = s.started AS session,"
        " a.xact_start IS NOT DISTINCT FROM s.xact AND a.state IS DISTINCT FROM 'disabled' AS xact,"
        " a.query_start = s.query AND a.state NOT LIKE 'idle%%' AS query"
        " FROM (SELECT pg_postmaster_start_time() = $5::timestamptz%s"
        " AND pg_has_role('pg_signal_backend', 'usage') IS NOT NULL AS server,"
        " $2::timestamptz AS started, $3::timestamptz AS xact, $4::timestamptz AS query,"
        " pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax OFFSET 0) s,"
        " LATERAL pg_stat_get_activity(CASE WHEN s.server IS NULL THEN 0 ELSE $1::int END) a,"
        " LATERAL (SELECT max(n) AS n FROM pg_stat_get_backend_idset() n"
        " WHERE pg_stat_get_backend_pid(n) = a.pid) b";
static const char same_xact[] =
        " AND a.xact_start IS NOT DISTINCT FROM s.xact AND a.state IS DISTINCT FROM 'disabled'";
static const char same_query[] = " AND a.query_start = s.query AND a.state NOT LIKE 'idle%'";

/* One row, and its place known before the last look (max does that): a second row, should the places change
 * meanwhile, would be a second signal.
 * Before PostgreSQL 16 a session's place changes when one before it ends: then another pid is found there, as
 * if it had moved on in that very moment, and all is looked at again. */
static const char again[] = "pg_stat_clear_snapshot() IS NOT NULL"
                            " AND pg_stat_get_backend_pid(b.n) = a.pid"
                            " AND pg_stat_get_backend_start(b.n) = s.started";
static const char again_xact[] = " AND pg_stat_get_backend_xact_start(b.n) IS NOT DISTINCT FROM s.xact";
static const char again_query[] = " AND pg_stat_get_backend_activity_start(b.n) = s.query"
                                  " AND pg_stat_get_backend_wait_event(b.n) IS DISTINCT FROM 'ClientRead'";
static const char by_xid[] = "CASE WHEN a.backend_xid IS NULL THEN %s"
                             " ELSE pg_xact_status((a.backend_xid::text::bigint"
                             " + ((s.xmax - a.backend_xid::text::bigint + 2147483648) >> 32 << 32))"
                             "::text::xid8) = 'in progress' END";

struct guarded {
	char sql[ACT_SQL_MAX];
	char id[ID_MAX];
	const char *values[6];
	int n;
};

static const char *or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

/* What is asked last before the signal. */
static void write_last(const struct action_request *req, char *out, size_t cap)
{
	bool cancel = req->kind == ACTION_CANCEL;
	char look[SIGNAL_MAX];
	snprintf(look, sizeof(look), "%s%s%s", again, req->whatever_transaction ? "" : again_xact,
	        cancel ? again_query : "");
	if (cancel || req->whatever_transaction)
		snprintf(out, cap, "%s", look);
	else
		snprintf(out, cap, by_xid, look);
}

static void guard(struct guarded *g, const struct action_request *req, unsigned within_us)
{
	bool identified = req->server.id[0] != '\0';
	char proof[sizeof(same_xact) + sizeof(same_query)];
	char last[2 * SIGNAL_MAX];
	snprintf(proof, sizeof(proof), "%s%s", req->whatever_transaction ? "" : same_xact,
	        req->kind == ACTION_CANCEL ? same_query : "");
	write_last(req, last, sizeof(last));
	snprintf(g->sql, sizeof(g->sql), act_sql, proof, last,
	        req->kind == ACTION_CANCEL ? "pg_cancel_backend" : "pg_terminate_backend", within_us,
	        within_us,
	        identified ? " AND (SELECT system_identifier FROM pg_control_system()) = $6::bigint" : "");
	snprintf(g->id, sizeof(g->id), "%" PRId64, req->target.id);
	g->values[0] = g->id;
	g->values[1] = or_null(req->target.started);
	g->values[2] = or_null(req->target.xact_guard);
	g->values[3] = or_null(req->target.query_guard);
	g->values[4] = or_null(req->server.start);
	g->values[5] = or_null(req->server.id);
	g->n = identified ? 6 : 5;
}

/* For the journal: the statement and its parameters, as the server's own log would show them. */
static void write_sql(const struct guarded *g, char *out, size_t cap)
{
	struct buf b;
	buf_init(&b, cap - 1);
	buf_puts(&b, g->sql);
	for (int i = 0; i < g->n; i++) {
		if (g->values[i] == NULL)
			buf_printf(&b, "%s $%d = NULL", i == 0 ? ";" : ",", i + 1);
		else
			buf_printf(&b, "%s $%d = '%s'", i == 0 ? ";" : ",", i + 1, g->values[i]);
	}
	snprintf(out, cap, "%s", buf_str(&b));
	buf_free(&b);
}

/* 2. What its answer means. */

static bool holds(const PGresult *r, int col)
{
	const char *text = pg_text(r, 0, col);
	return text != NULL && text[0] == 't';
}

static const char *role_of(const struct conn *c)
{
	const char *user = PQuser(c->pg);
	return user == NULL ? "the monitoring role" : user;
}

static void unprovable(const struct conn *c, const struct action_request *req, struct action_result *out)
{
	out->outcome = OUTCOME_UNPROVABLE;
	err_set(&out->err, ERR_DENIED,
	        "session %" PRId64
	        ": its identity cannot be seen, so nothing was done: GRANT pg_monitor TO %s "
	        "(or pg_read_all_stats)",
	        req->target.id, role_of(c));
}

static void moved_on(const PGresult *r, const struct action_request *req, struct action_result *out)
{
	const char *how = "its id belongs to another session now";
	if (!holds(r, SERVER)) {
		out->outcome = OUTCOME_REFUSED;
		err_set(&out->err, ERR_IDENTITY,
		        "session %" PRId64 ": another server answers here now, so nothing was done",
		        req->target.id);
		return;
	}
	if (holds(r, SESSION) && !holds(r, XACT) && !req->whatever_transaction)
		how = "it is in another transaction now";
	else if (holds(r, SESSION))
		how = "that statement is not running any more; a cancel does nothing to an idle session";
	out->outcome = OUTCOME_MOVED_ON;
	out->other_work = holds(r, SESSION);
	err_set(&out->err, ERR_NONE, "session %" PRId64 ": %s, so nothing was done", req->target.id, how);
}

/* 0: it was not too late. */
static int64_t late_us(const PGresult *r)
{
	const char *text = PQntuples(r) == 0 ? NULL : pg_text(r, 0, SIGNALLED);
	return text != NULL && text[0] >= '0' && text[0] <= '9' ? strtoll(text, NULL, 10) : 0;
}

/* Whether only the last look failed: it was too late, or shows something else than the look just before it.
 */
static bool only_just_missed(const PGresult *r, const struct action_request *req)
{
	if (PQntuples(r) == 0)
		return false;
	if (pg_text(r, 0, SIGNALLED) != NULL)
		return late_us(r) > 0;
	return holds(r, SERVER) && holds(r, SESSION) && (holds(r, XACT) || req->whatever_transaction) &&
	       (holds(r, QUERY) || req->kind == ACTION_TERMINATE);
}

static void judge(
        const struct conn *c, const PGresult *r, const struct action_request *req, struct action_result *out)
{
	if (PQntuples(r) == 0) {
		out->outcome = OUTCOME_MOVED_ON;
		err_set(&out->err, ERR_NONE, "session %" PRId64 ": it has ended already, nothing was done",
		        req->target.id);
	} else if (!holds(r, SEEN)) {
		unprovable(c, req, out);
	} else if (pg_text(r, 0, SIGNALLED) == NULL) {
		moved_on(r, req, out);
	} else if (!holds(r, SIGNALLED)) {
		out->outcome = OUTCOME_MOVED_ON;
		err_set(&out->err, ERR_NONE, "session %" PRId64 ": it ended by itself in this very moment",
		        req->target.id);
	} else {
		out->outcome = OUTCOME_SENT;
	}
}

/* After sending, only a refusal for want of a right proves that nothing was done. */
static void failed(const struct conn *c, const struct action_request *req, struct action_result *out)
{
	if (strcmp(out->err.sqlstate, "42501") != 0) {
		out->outcome = OUTCOME_UNKNOWN;
		err_wrap(&out->err, "sent, outcome unknown");
		return;
	}
	char text[ERR_TEXT_MAX];
	snprintf(text, sizeof(text), "%s", out->err.text);
	out->outcome = OUTCOME_REFUSED;
	err_set(&out->err, ERR_DENIED,
	        "%s; to %s other roles' sessions: GRANT pg_signal_backend TO %s; a superuser's need a "
	        "superuser",
	        text, action_kind_name(req->kind), role_of(c));
	snprintf(out->err.sqlstate, sizeof(out->err.sqlstate), "42501");
}

static bool may_try(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct action_result *out)
{
	const struct session_ref *t = &req->target;
	enum err_code code = ctx_done(ctx);
	if (code != ERR_NONE)
		return ctx_fail(ctx, code, clock_now(ctx->clock), action_kind_name(req->kind), &out->err);
	if (admin->busy)
		return err_set(&out->err, ERR_PROTOCOL, "the connection is still in another answer");
	if (!server_identity_equal(&req->server, &admin->info.server)) {
		out->outcome = OUTCOME_REFUSED;
		return err_set(&out->err, ERR_IDENTITY,
		        "the connection for actions reached another server than the one that was seen, so "
		        "nothing "
		        "was done");
	}
	if (t->started[0] == '\0' || (req->kind == ACTION_CANCEL && t->query_guard[0] == '\0')) {
		unprovable(admin, req, out);
		return false;
	}
	return true;
}

bool pg_act(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct action_result *out)
{
	struct guarded g;
	PGresult *r = NULL;
	*out = (struct action_result){.outcome = OUTCOME_NONE, .rows_left = -1};
	if (!may_try(ctx, admin, req, out))
		return false;
	unsigned within = WITHIN_US;
	int64_t quickest = INT64_MAX;
	for (unsigned i = 1; i <= TRIES; i++) {
		guard(&g, req, within);
		write_sql(&g, out->sql, sizeof(out->sql));
		if (!pg_ask(ctx, admin, action_kind_name(req->kind), g.sql, g.n, g.values, &r, &out->err)) {
			failed(admin, req, out);
			return true;
		}
		int64_t late = late_us(r);
		bool missed = only_just_missed(r, req);
		if (!missed)
			judge(admin, r, req, out);
		PQclear(r);
		if (!missed)
			return true;
		quickest = late > 0 && late < quickest ? late : quickest;
		if (i >= STRICT_TRIES && quickest < INT64_MAX && 2 * quickest > within)
			within = 2 * quickest < WITHIN_MOST_US ? (unsigned)(2 * quickest) : WITHIN_MOST_US;
	}
	out->outcome = OUTCOME_UNPROVABLE;
	if (quickest == INT64_MAX)
		err_set(&out->err, ERR_GATED,
		        "session %" PRId64
		        ": it goes on to something else during each look at it, so nothing was done",
		        req->target.id);
	else
		err_set(&out->err, ERR_GATED,
		        "session %" PRId64 ": the server is so busy that each proof was %" PRId64
		        " us old or older before it could be used, so nothing was done",
		        req->target.id, quickest);
	return true;
}

/* 3. Following, and ending what we left behind ourselves. */

bool pg_follow(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct follow_state *out, struct err *e)
{
	static const char sql[] = "SELECT a.backend_start IS NOT NULL,"
	                          " a.backend_start = $2::timestamptz,"
	                          " a.xact_start IS NOT DISTINCT FROM $3::timestamptz,"
	                          " a.query_start = $4::timestamptz,"
	                          " a.state NOT LIKE 'idle%'"
	                          " FROM pg_stat_get_activity($1::int) a";
	char id[ID_MAX];
	PGresult *r = NULL;
	*out = (struct follow_state){.rows_left = -1};
	snprintf(id, sizeof(id), "%" PRId64, req->target.id);
	const char *values[] = {id, or_null(req->target.started), or_null(req->target.xact_guard),
	        or_null(req->target.query_guard)};
	if (!pg_ask(ctx, admin, "follow", sql, 4, values, &r, e))
		return false;
	bool hidden = PQntuples(r) > 0 && !holds(r, 0);
	if (PQntuples(r) > 0) {
		out->visible = true;
		out->same_session = holds(r, 1);
		out->same_xact = out->same_session && holds(r, 2);
		out->same_query = out->same_session && holds(r, 3);
		out->active = holds(r, 4);
	}
	PQclear(r);
	if (hidden)
		return err_set(e, ERR_DENIED, "session %s cannot be followed: GRANT pg_monitor TO %s", id,
		        role_of(admin));
	return true;
}

bool pg_reap(const struct ctx *ctx, struct conn *admin, const struct backend_ref *victim, bool terminate,
        enum reap *out, struct err *e)
{
	static const char sql[] = "SELECT CASE WHEN a.backend_start = $2::timestamptz"
	                          " AND starts_with(a.application_name, $3) THEN %s(a.pid) END"
	                          " FROM pg_stat_get_activity($1::int) a";
	char text[ACT_SQL_MAX];
	char id[ID_MAX];
	char ours[NAME_MAX_BYTES];
	PGresult *r = NULL;
	*out = REAP_OTHER;
	if (victim->started[0] == '\0')
		return err_set(
		        e, ERR_IDENTITY, "reap: the start of backend %" PRId64 " is unknown", victim->id);
	snprintf(text, sizeof(text), sql, terminate ? "pg_terminate_backend" : "pg_cancel_backend");
	snprintf(id, sizeof(id), "%" PRId64, victim->id);
	snprintf(ours, sizeof(ours), "dbatop/%s/", admin->env->run_id);
	const char *values[] = {id, victim->started, ours};
	if (!pg_ask(ctx, admin, "reap", text, 3, values, &r, e))
		return false;
	if (PQntuples(r) == 0)
		*out = REAP_GONE;
	else if (pg_text(r, 0, 0) != NULL)
		*out = holds(r, 0) ? REAP_SENT : REAP_GONE;
	PQclear(r);
	return true;
}
