/* Never the wrong victim, on a real PostgreSQL: a thousand times and more the session that was seen turns
 * into something else at the very moment the operator confirms. Clients tell who was hit. Then the same once
 * more with the guard taken away, to show that these races do find victims. */
/* ctest: serial */
#include "tests/support/test.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/postgres/postgres.h"
#include "tests/support/drive.h"
#include "tests/support/race.h"
#include "tests/support/wait.h"

enum {
	PAIRS = 3,
	RACES = 160,
	CONNINFO_MAX = 512,
	ACT_MS = 5000,
	ENOUGH = 500 /* pieces of work in which a signal that was sent has surely arrived */
};

struct pair {
	struct drive drive; /* a run of its own: one run has one connection for actions */
	struct conn *admin;
	struct endpoint endpoint;
	char conninfo[CONNINFO_MAX];
	PGconn *pool; /* the one connection that passes from client to client */
	PGconn *eye;
	PGconn *bare; /* acts without a guard */
	bool unguarded;
	enum action_kind kind;
	bool whatever;
	struct session_ref seen;
	char sql[96];
	unsigned reused; /* how often a new session really got the old one's pid */
};

/* 1. Clients. */

static bool is_open(struct race_pair *p, PGconn **pg)
{
	const struct pair *w = p->own;
	if (*pg != NULL && PQstatus(*pg) == CONNECTION_OK)
		return true;
	PQfinish(*pg);
	*pg = PQconnectdb(w->conninfo);
	if (PQstatus(*pg) == CONNECTION_OK)
		return true;
	race_fail(p, "connect: %s", PQerrorMessage(*pg));
	return false;
}

/* "" when it worked, "lost" when the connection went, else the SQLSTATE. */
static const char *answer(PGconn *pg, char state[6])
{
	state[0] = '\0';
	for (PGresult *r = PQgetResult(pg); r != NULL; r = PQgetResult(pg)) {
		const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		if (PQresultStatus(r) == PGRES_FATAL_ERROR && state[0] == '\0')
			snprintf(state, 6, "%s", s == NULL ? "lost" : s);
		PQclear(r);
	}
	if (PQstatus(pg) == CONNECTION_BAD && state[0] == '\0')
		snprintf(state, 6, "lost");
	return state;
}

static bool ends(PGconn *pg, const char *sql, char state[6])
{
	if (PQsendQuery(pg, sql) != 1) {
		snprintf(state, 6, "lost");
		return false;
	}
	return answer(pg, state)[0] == '\0';
}

/* Whether something came in unasked: the server has hung up, which a pooler would notice before it hands the
 * connection on. */
static bool hung_up(PGconn *pg)
{
	struct pollfd fd = {.fd = PQsocket(pg), .events = POLLIN};
	return PQstatus(pg) == CONNECTION_BAD || poll(&fd, 1, 0) > 0;
}

static bool see(struct race_pair *p)
{
	struct pair *w = p->own;
	static const char sql[] = "SELECT backend_start, xact_start, query_start, state "
	                          "FROM pg_stat_get_activity($1::int)";
	char id[16];
	snprintf(id, sizeof(id), "%d", PQbackendPID(w->pool));
	const char *values[] = {id};
	PGresult *r = PQexecParams(w->eye, sql, 1, NULL, values, NULL, NULL, 0);
	bool ok = PQntuples(r) == 1;
	if (ok) {
		w->seen = (struct session_ref){.id = PQbackendPID(w->pool)};
		snprintf(w->seen.started, GUARD_MAX, "%s", PQgetvalue(r, 0, 0));
		snprintf(w->seen.xact_guard, GUARD_MAX, "%s", PQgetvalue(r, 0, 1));
		snprintf(w->seen.query_guard, GUARD_MAX, "%s", PQgetvalue(r, 0, 2));
		ok = w->kind == ACTION_TERMINATE || strcmp(PQgetvalue(r, 0, 3), "active") == 0;
	}
	PQclear(r);
	return ok;
}

/* A connection that was ended is not used again; whoever was hit has been told. */
static enum race_hit hit(struct pair *w, enum race_hit who)
{
	if (w->kind == ACTION_TERMINATE) {
		PQfinish(w->pool);
		w->pool = NULL;
	}
	return who;
}

/* 2. The operator. */

static enum race_told act_bare(struct race_pair *p)
{
	struct pair *w = p->own;
	char sql[96];
	snprintf(sql, sizeof(sql), "SELECT pg_%s_backend(%" PRId64 ")",
	        w->kind == ACTION_CANCEL ? "cancel" : "terminate", w->seen.id);
	PGresult *r = PQexec(w->bare, sql);
	bool sent = PQntuples(r) == 1 && PQgetvalue(r, 0, 0)[0] == 't';
	PQclear(r);
	return sent ? TOLD_SENT : TOLD_NOTHING_DONE;
}

static enum race_told act(struct race_pair *p)
{
	struct pair *w = p->own;
	if (w->unguarded)
		return act_bare(p);
	const struct driver *driver = w->drive.driver;
	struct action_request req = {.kind = w->kind,
	        .target = w->seen,
	        .server = driver->info(w->admin)->server,
	        .whatever_transaction = w->whatever};
	struct action_result result;
	struct ctx ctx = ctx_within(&w->drive.root, ACT_MS);
	driver->act(&ctx, w->admin, &req, &result);
	switch (result.outcome) {
	case OUTCOME_SENT:
		return TOLD_SENT;
	case OUTCOME_MOVED_ON:
		return TOLD_NOTHING_DONE;
	case OUTCOME_UNPROVABLE:
		if (result.err.code == ERR_GATED)
			return TOLD_NOTHING_DONE;
		__attribute__((fallthrough));
	default:
		race_fail(p, "%s: %s", action_outcome_name(result.outcome), result.err.text);
		return TOLD_UNKNOWN;
	}
}

/* 3. A pooled connection passes from one client's transaction to another's. */

static void begin_xact(struct race_pair *p, const char *work)
{
	struct pair *w = p->own;
	char state[6];
	if (!is_open(p, &w->pool) || !is_open(p, &w->eye))
		return;
	if (!ends(w->pool, "BEGIN", state) || !ends(w->pool, work, state) || !see(p))
		race_fail(p, "the first client cannot begin: %s", state);
}

static void begin_reading(struct race_pair *p)
{
	begin_xact(p, "SELECT 'first client'");
}

static void begin_writing(struct race_pair *p)
{
	begin_xact(p, "SELECT pg_current_xact_id()");
}

static enum race_hit pass_on(struct race_pair *p)
{
	struct pair *w = p->own;
	char state[6];
	unsigned more = 0;
	if (!ends(w->pool, "COMMIT", state))
		return hit(w, HIT_RIGHT);
	while (race_goes_on(p, &more, ENOUGH)) {
		/* A signal that met the first transaction as it was committing ends the connection after it.
		 */
		if (hung_up(w->pool) || !ends(w->pool, "BEGIN", state))
			return hit(w, HIT_IDLE);
		if (!ends(w->pool, "SELECT 'another client'", state) || !ends(w->pool, "COMMIT", state))
			return hit(w, HIT_WRONG);
	}
	return HIT_NOBODY;
}

/* 4. The next execution of the same statement, and a procedure that runs on. */

/* The statement is seen while it runs. */
static void begin_statement(struct race_pair *p, const char *before, const char *after)
{
	struct pair *w = p->own;
	char state[6];
	if (!is_open(p, &w->pool) || !is_open(p, &w->eye))
		return;
	for (int i = 0; i < 200; i++) {
		snprintf(w->sql, sizeof(w->sql), "%s%u%s", before, p->size, after);
		if (PQsendQuery(w->pool, w->sql) != 1) {
			race_fail(p, "%s: %s", w->sql, PQerrorMessage(w->pool));
			return;
		}
		/* It may not have begun yet. */
		do {
			if (see(p))
				return;
		} while (!hung_up(w->pool));
		answer(w->pool, state);
		race_resize(p, true);
	}
	race_fail(p, "the statement is never seen running: %s", w->sql);
}

static enum race_hit go_on(struct race_pair *p)
{
	struct pair *w = p->own;
	char state[6];
	enum race_hit first = answer(w->pool, state)[0] == '\0' ? HIT_NOBODY : HIT_RIGHT;
	unsigned more = 0;
	while (race_goes_on(p, &more, 2)) {
		if (!ends(w->pool, w->sql, state))
			return hit(w, HIT_WRONG);
	}
	return first;
}

static void begin_again(struct race_pair *p)
{
	begin_statement(p, "SELECT count(*) FROM generate_series(1, ", " * 100)");
}

static void begin_call(struct race_pair *p)
{
	begin_statement(p, "CALL race_steps(", ")");
}

static void begin_committing_call(struct race_pair *p)
{
	begin_statement(p, "CALL race_commits(", ")");
}

/* 5. The session ends, and its pid goes to a new one. Where the kernel lets us choose the next pid it is
 * really the same; else the id of the new session stands for it. */

static bool choose_pid(int pid)
{
	FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");
	if (f == NULL)
		return false;
	bool ok = fprintf(f, "%d", pid - 1) > 0;
	return fclose(f) == 0 && ok;
}

static void begin_session(struct race_pair *p)
{
	struct pair *w = p->own;
	if (is_open(p, &w->pool) && is_open(p, &w->eye) && !see(p))
		race_fail(p, "the session is not seen");
}

static enum race_hit leave_and_reuse(struct race_pair *p)
{
	struct pair *w = p->own;
	char state[6];
	int pid = PQbackendPID(w->pool);
	bool was_hit = hung_up(w->pool);
	PQfinish(w->pool);
	if (choose_pid(pid))
		w->pool = PQconnectdb(w->conninfo);
	else
		w->pool = NULL;
	if (!is_open(p, &w->pool))
		return HIT_NOBODY;
	bool same = PQbackendPID(w->pool) == pid;
	w->reused += same;
	unsigned more = 0;
	while (race_goes_on(p, &more, 20)) {
		if (!ends(w->pool, "SELECT 'somebody else'", state))
			return hit(w, HIT_WRONG);
	}
	return was_hit ? HIT_RIGHT : HIT_NOBODY;
}

/* The dialog was open for a while: the session is gone, its pid belongs to another, then Enter. */
static void begin_reused(struct race_pair *p)
{
	struct pair *w = p->own;
	begin_session(p);
	struct session_ref first = w->seen;
	int pid = PQbackendPID(w->pool);
	for (int i = 0; i < 3; i++) {
		PQfinish(w->pool);
		choose_pid(pid);
		w->pool = PQconnectdb(w->conninfo);
		if (PQbackendPID(w->pool) == pid)
			break;
	}
	if (!is_open(p, &w->pool))
		return;
	w->reused += PQbackendPID(w->pool) == pid;
	w->seen = first;
	w->seen.id = PQbackendPID(w->pool);
}

static enum race_hit stay(struct race_pair *p)
{
	struct pair *w = p->own;
	char state[6];
	unsigned more = 0;
	while (race_goes_on(p, &more, ENOUGH)) {
		if (!ends(w->pool, "SELECT 'somebody else'", state))
			return hit(w, HIT_WRONG);
	}
	return HIT_NOBODY;
}

/* 6. All of it. */

static const struct {
	struct race_play play;
	enum action_kind kind;
	bool whatever;
	bool harmless; /* finds no victim even without a guard: ids are not reused that fast */
} scenes[] = {
        {.play = {"a pooled backend in the next transaction", begin_writing, pass_on, act, 400, 400, false},
                .kind = ACTION_TERMINATE},
        {.play = {"the same, nothing was written", begin_reading, pass_on, act, 400, 400, false},
                .kind = ACTION_TERMINATE},
        {.play = {"the next execution of the same statement", begin_again, go_on, act, 0, 3000, false},
                .kind = ACTION_CANCEL},
        {.play = {"a procedure that runs on", begin_call, go_on, act, 0, 3000, false}, .kind = ACTION_CANCEL},
        {.play = {"a procedure that commits", begin_committing_call, go_on, act, 0, 3000, false},
                .kind = ACTION_CANCEL,
                .whatever = true},
        {.play = {"gone while confirming", begin_session, leave_and_reuse, act, 400, 1500, false},
                .kind = ACTION_TERMINATE,
                .harmless = true},
        {.play = {"gone before, its pid reused", begin_reused, stay, act, 0, 0, .never_right = true},
                .kind = ACTION_TERMINATE},
};
enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

struct scene {
	struct drive drive;
	struct lab_server server;
	struct pair own[PAIRS];
	struct race_pair pairs[PAIRS];
};

static int setup(void **state)
{
	static struct scene s;
	s.server = lab_server("pg15");
	drive_start(&s.drive, &postgres_driver);
	free(lab_sql(&s.server, "dba",
	        "CREATE OR REPLACE PROCEDURE race_steps(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n "
	        "LOOP "
	        "PERFORM count(*) FROM generate_series(1, 200); END LOOP; END $$; "
	        "CREATE OR REPLACE PROCEDURE race_commits(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n "
	        "LOOP "
	        "PERFORM count(*) FROM generate_series(1, 200); COMMIT; END LOOP; END $$;",
	        ACT_MS));
	for (int i = 0; i < PAIRS; i++) {
		struct pair *w = &s.own[i];
		char url[256];
		w->drive = s.drive;
		snprintf(w->drive.env.run_id, sizeof(w->drive.env.run_id), "race%d", i);
		w->admin = drive_open(&w->drive, &s.server, "actor", LANE_ADMIN, &w->endpoint);
		lab_url_with_password(&s.server, "dba", 0, url, sizeof(url));
		w->eye = PQconnectdb(url);
		w->bare = PQconnectdb(url);
		PQclear(PQexec(w->eye, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'"));
		lab_url_with_password(&s.server, "app", 0, w->conninfo, CONNINFO_MAX);
		s.pairs[i].own = w;
	}
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	if (s == NULL)
		return 0;
	for (int i = 0; i < PAIRS; i++) {
		PQfinish(s->own[i].pool);
		PQfinish(s->own[i].eye);
		PQfinish(s->own[i].bare);
		s->drive.driver->close(s->own[i].admin);
		endpoint_free(&s->own[i].endpoint);
	}
	free(lab_sql(&s->server, "dba", "DROP PROCEDURE race_steps; DROP PROCEDURE race_commits;", ACT_MS));
	drive_stop(&s->drive);
	return 0;
}

static void prepare(struct scene *s, size_t i, bool unguarded)
{
	for (int k = 0; k < PAIRS; k++) {
		s->own[k].kind = scenes[i].kind;
		s->own[k].whatever = scenes[i].whatever;
		s->own[k].unguarded = unguarded;
	}
}

static void test_nobody_else_is_hit(void **state)
{
	struct scene *s = *state;
	unsigned races = 0, wrong = 0;
	do {
		for (size_t i = 0; i < SCENES; i++) {
			struct race_tally t;
			prepare(s, i, false);
			race_guarded(&scenes[i].play, s->pairs, PAIRS, RACES, &t);
			races += t.races;
			wrong += t.wrong;
		}
	} while (race_undecided(wrong, races));
	print_message("%u races, %u wrong victims\n", races, wrong);
	assert_true(races >= 1000);
	assert_true(race_fair(wrong, races));
}

static void test_without_the_guard_they_are(void **state)
{
	struct scene *s = *state;
	for (size_t i = 0; i < SCENES; i++) {
		prepare(s, i, true);
		if (!scenes[i].harmless)
			race_unguarded(&scenes[i].play, s->pairs, PAIRS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_nobody_else_is_hit),
	        cmocka_unit_test(test_without_the_guard_they_are),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
