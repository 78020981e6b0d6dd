/* Statements are sent without waiting for their answer; whether a session waits is asked of pg_locks. */
#include "tests/support/test.h"

#include "tests/support/lock_crowd.h"
#include "tests/support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 20000, APART_MS = 200, SQL_MAX = 512 };
static const char *const databases[CROWD_DATABASES] = {"app", "lockother"};

PGconn *crowd_connect(const struct lab_server *server, const char *database, const char *user)
{
	char port[16];
	char password[64];
	snprintf(port, sizeof(port), "%d", server->port);
	lab_password(user, password, sizeof(password));
	const char *const keys[] = {
	        "host", "port", "user", "password", "dbname", "sslmode", "application_name", NULL};
	const char *const values[] = {server->host, port, user, password, database, "disable", "crowd", NULL};
	PGconn *pg = PQconnectdbParams(keys, values, 0);
	if (PQstatus(pg) != CONNECTION_OK)
		fail_msg("%s %s: %s", server->name, database, PQerrorMessage(pg));
	return pg;
}

/* A password costs both sides ten milliseconds of hashing: too much for a thousand sessions. */
void crowd_trust(const struct lab_server *server)
{
	char path[512];
	char *old = NULL;
	size_t room = 0;
	snprintf(path, sizeof(path), "%s/pg_hba.conf", server->datadir);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	ssize_t n = getdelim(&old, &room, '\0', file);
	fclose(file);
	assert_true(n > 0);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "host all dba 127.0.0.1/32 trust\n%s", old);
	fclose(file);
	free(old);
	free(lab_sql(server, "dba", "SELECT pg_reload_conf()", PATIENCE_MS));
}

static PGresult *run(PGconn *pg, const char *sql)
{
	PGresult *r = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(r);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	return r;
}

PGresult *crowd_sql(struct lock_crowd *c, int db, const char *sql)
{
	return run(c->control[db], sql);
}

static void quiet_notices(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

void crowd_start(struct lock_crowd *c, const struct lab_server *server)
{
	memset(c, 0, sizeof(*c));
	c->server = *server;
	c->seed = "";
	crowd_trust(server);
	for (int db = 0; db < CROWD_DATABASES; db++) {
		char sql[SQL_MAX];
		if (db > 0)
			PQclear(run(c->control[0], "CREATE DATABASE lockother"));
		c->control[db] = crowd_connect(server, databases[db], "dba");
		PQsetNoticeReceiver(c->control[db], quiet_notices, NULL);
		for (int t = 0; t < CROWD_TABLES; t++) {
			snprintf(sql, sizeof(sql), "CREATE TABLE lock_t%d (id int)", t);
			PQclear(run(c->control[db], sql));
		}
		snprintf(sql, sizeof(sql),
		        "CREATE TABLE lock_rows (id int PRIMARY KEY);"
		        "INSERT INTO lock_rows SELECT generate_series(0, %d)",
		        CROWD_ROWS - 1);
		PQclear(run(c->control[db], sql));
	}
}

void crowd_stop(struct lock_crowd *c)
{
	for (int s = 0; s < WORLD_SESSIONS; s++)
		PQfinish(c->conn[s]);
	for (int db = 0; db < CROWD_DATABASES; db++)
		PQfinish(c->control[db]);
	memset(c, 0, sizeof(*c));
}

/* What has arrived is thrown away, but an error that is not our own doing fails; true when the session is
 * idle.
 */
static bool is_idle(PGconn *pg)
{
	if (!PQconsumeInput(pg))
		return true;
	while (!PQisBusy(pg)) {
		PGresult *r = PQgetResult(pg);
		if (r == NULL)
			return true;
		const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		if (state != NULL && strcmp(state, "57014") != 0 && strcmp(state, "57P01") != 0)
			fail_msg("%s", PQresultErrorMessage(r));
		PQclear(r);
	}
	return false;
}

struct waiting {
	struct lock_crowd *c;
	int s;
};

static bool went_on(void *arg)
{
	const struct waiting *w = arg;
	return is_idle(w->c->conn[w->s]);
}

static void expect_idle(struct lock_crowd *c, int s)
{
	struct waiting w = {c, s};
	if (!wait_until(went_on, &w, PATIENCE_MS))
		fail_msg("%s %s: session %d (%d) should have gone on", c->server.name, c->seed, s, c->pid[s]);
}

/* Everybody who waits is cancelled until nobody is busy. */
static bool all_idle(void *arg)
{
	struct lock_crowd *c = arg;
	bool idle = true;
	PQclear(run(c->control[0],
	        "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND pid IS NOT NULL"));
	for (int s = 0; s < WORLD_SESSIONS; s++)
		idle = (c->conn[s] == NULL || is_idle(c->conn[s])) && idle;
	return idle;
}

static void roll_back_prepared(struct lock_crowd *c)
{
	for (int s = 0; s < c->world.nsessions; s++) {
		char sql[SQL_MAX];
		if (!c->world.session[s].prepared || c->world.session[s].gone)
			continue;
		snprintf(sql, sizeof(sql), "ROLLBACK PREPARED '%s'", c->gid[s]);
		PQclear(run(c->control[c->db[s]], sql));
	}
}

void crowd_reset(struct lock_crowd *c, int n, const int *db, const char *seed)
{
	roll_back_prepared(c);
	if (!wait_until(all_idle, c, PATIENCE_MS))
		fail_msg("%s %s: the crowd does not come to rest", c->server.name, c->seed);
	c->seed = seed;
	memset(&c->world, 0, sizeof(c->world));
	c->world.nsessions = n;
	for (int s = 0; s < WORLD_SESSIONS; s++) {
		if (c->conn[s] != NULL && c->open[s] && PQstatus(c->conn[s]) == CONNECTION_OK)
			PQclear(PQexec(c->conn[s], "ROLLBACK"));
		c->open[s] = false;
		if (s >= n)
			continue;
		if (c->conn[s] != NULL && (c->db[s] != db[s] || PQstatus(c->conn[s]) != CONNECTION_OK)) {
			PQfinish(c->conn[s]);
			c->conn[s] = NULL;
		}
		if (c->conn[s] == NULL)
			c->conn[s] = crowd_connect(&c->server, databases[db[s]], "dba");
		PQsetNoticeReceiver(c->conn[s], quiet_notices, NULL);
		c->db[s] = db[s];
		c->pid[s] = PQbackendPID(c->conn[s]);
		c->world.session[s] = (struct world_session){.db = db[s], .waits = -1};
	}
}

int crowd_id(const struct lock_crowd *c, int s)
{
	return c->world.session[s].prepared ? 0 : c->pid[s];
}

int crowd_session(const struct lock_crowd *c, long pid, const char *gid)
{
	for (int s = 0; s < c->world.nsessions; s++) {
		bool prepared = c->world.session[s].prepared;
		if (c->world.session[s].gone)
			continue;
		if (prepared ? pid == 0 && gid != NULL && strcmp(gid, c->gid[s]) == 0 : pid == c->pid[s])
			return s;
	}
	return -1;
}

static void send_request(struct lock_crowd *c, int s, int object, int mode)
{
	const struct world_object *o = &c->world.object[object];
	char sql[SQL_MAX];
	const char *begin = c->open[s] ? "" : "BEGIN;";
	if (o->kind == WORLD_RELATION && mode == 8 && o->number % 2 == 1)
		snprintf(sql, sizeof(sql), "%sALTER TABLE lock_t%d ADD COLUMN IF NOT EXISTS c%d int", begin,
		        o->number, s);
	else if (o->kind == WORLD_RELATION)
		snprintf(sql, sizeof(sql), "%sLOCK TABLE lock_t%d IN %s MODE", begin, o->number,
		        world_mode_name(mode));
	else if (o->kind == WORLD_ROW)
		snprintf(sql, sizeof(sql), "%sSELECT 1 FROM lock_rows WHERE id = %d FOR UPDATE", begin,
		        o->number);
	else if (o->number % 2 == 0)
		snprintf(sql, sizeof(sql), "%sSELECT pg_advisory_xact_lock%s(%d)", begin,
		        mode == 5 ? "_shared" : "", o->number);
	else
		snprintf(sql, sizeof(sql), "%sSELECT pg_advisory_xact_lock%s(%d, -7)", begin,
		        mode == 5 ? "_shared" : "", o->number);
	c->open[s] = true;
	if (!PQsendQuery(c->conn[s], sql))
		fail_msg("%s: %s", sql, PQerrorMessage(c->conn[s]));
}

static long waiters_of(struct lock_crowd *c, int pid)
{
	char sql[SQL_MAX];
	snprintf(sql, sizeof(sql), "SELECT count(1) FROM pg_locks WHERE NOT granted AND (pid = %d OR %d = 0)",
	        pid, pid);
	PGresult *r = run(c->control[0], sql);
	long n = strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return n;
}

static bool waits_or_went_on(void *arg)
{
	const struct waiting *w = arg;
	return is_idle(w->c->conn[w->s]) || waiters_of(w->c, w->c->pid[w->s]) > 0;
}

bool crowd_ask(struct lock_crowd *c, int s, int object, int mode)
{
	struct waiting w = {c, s};
	send_request(c, s, object, mode);
	if (world_request(&c->world, s, object, mode)) {
		expect_idle(c, s);
		return true;
	}
	if (!wait_until(waits_or_went_on, &w, PATIENCE_MS) || is_idle(c->conn[s]))
		fail_msg("%s %s: session %d should wait for object %d", c->server.name, c->seed, s, object);
	return false;
}

void crowd_prepare(struct lock_crowd *c, int s)
{
	char sql[SQL_MAX];
	snprintf(c->gid[s], sizeof(c->gid[s]), "crowd %u", ++c->gids);
	snprintf(sql, sizeof(sql), "PREPARE TRANSACTION '%s'", c->gid[s]);
	PQclear(run(c->conn[s], sql));
	c->open[s] = false;
	c->world.session[s].prepared = true;
}

/* The blockers of all who wait, by pid: "pid:1,2;" as text; the result's rows are pid and an array. */
static PGresult *read_blockers(struct lock_crowd *c)
{
	return run(c->control[0],
	        "SELECT w.pid, (SELECT coalesce(string_agg(b::text, ' ' ORDER BY b), '') FROM"
	        " (SELECT DISTINCT b FROM unnest(pg_blocking_pids(w.pid)) b) x) FROM"
	        " (SELECT DISTINCT pid FROM pg_locks WHERE NOT granted) w ORDER BY w.pid");
}

static long count_words(const char *text)
{
	long n = *text != '\0';
	for (; *text != '\0'; text++)
		n += *text == ' ';
	return n;
}

struct burst {
	struct lock_crowd *c;
	long waiting;
};

static bool all_wait(void *arg)
{
	const struct burst *b = arg;
	return waiters_of(b->c, 0) == b->waiting;
}

/* How many are before it; whoever holds the tuple waits for the row's owner and is before all others. */
static long place_of(const struct lock_crowd *c, const PGresult *r, int pid, const char *owner)
{
	for (int row = 0; row < PQntuples(r); row++) {
		const char *blockers = PQgetvalue(r, row, 1);
		if (strtol(PQgetvalue(r, row, 0), NULL, 10) == pid)
			return strcmp(blockers, owner) == 0 ? 0 : count_words(blockers);
	}
	fail_msg("%s %s: %d does not wait", c->server.name, c->seed, pid);
	return -1;
}

void crowd_burst(struct lock_crowd *c, const int *sessions, int n, int object, int mode)
{
	const struct world_object *o = &c->world.object[object];
	int order[WORLD_SESSIONS];
	long ahead[WORLD_SESSIONS];
	char owner[16] = "-";
	struct burst b = {c, (long)world_waiting(&c->world) + n};
	for (int i = 0; i < n; i++)
		send_request(c, sessions[i], object, mode);
	if (!wait_until(all_wait, &b, PATIENCE_MS))
		fail_msg("%s %s: a burst of %d at object %d does not wait", c->server.name, c->seed, n,
		        object);
	PGresult *r = read_blockers(c);
	if (o->kind == WORLD_ROW)
		snprintf(owner, sizeof(owner), "%d", crowd_id(c, o->owner));
	for (int i = 0; i < n; i++) {
		int at = i;
		ahead[i] = place_of(c, r, c->pid[sessions[i]], owner);
		for (; at > 0 && ahead[order[at - 1]] > ahead[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	PQclear(r);
	for (int i = 0; i < n; i++) {
		if (world_request(&c->world, sessions[order[i]], object, mode))
			fail_msg("%s: the world grants what the server does not", c->seed);
	}
}

static void end_session(struct lock_crowd *c, int s, enum crowd_end how)
{
	char sql[SQL_MAX];
	if (c->world.session[s].prepared) {
		snprintf(sql, sizeof(sql), "ROLLBACK PREPARED '%s'", c->gid[s]);
		PQclear(run(c->control[c->db[s]], sql));
		return;
	}
	if (how == END_ROLLBACK) {
		PQclear(run(c->conn[s], "ROLLBACK"));
		c->open[s] = false;
		return;
	}
	snprintf(sql, sizeof(sql), "SELECT pg_%s_backend(%d)", how == END_CANCEL ? "cancel" : "terminate",
	        c->pid[s]);
	PQclear(run(c->control[0], sql));
	expect_idle(c, s);
}

void crowd_end(struct lock_crowd *c, int s, enum crowd_end how)
{
	static struct world before;
	before = c->world;
	end_session(c, s, how);
	world_leave(&c->world, s);
	for (int i = 0; i < c->world.nsessions; i++) {
		if (i != s && before.session[i].waits >= 0 && c->world.session[i].waits < 0)
			expect_idle(c, i);
	}
	crowd_settle(c);
}

static bool as_the_world(void *arg)
{
	struct lock_crowd *c = arg;
	PGresult *r = run(c->control[0], "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted");
	bool same = (size_t)PQntuples(r) == world_waiting(&c->world);
	for (int row = 0; row < PQntuples(r) && same; row++) {
		int s = crowd_session(c, strtol(PQgetvalue(r, row, 0), NULL, 10), NULL);
		same = s >= 0 && c->world.session[s].waits >= 0;
	}
	PQclear(r);
	return same;
}

/* Who waits and should not, or the other way round. */
static void explain(struct lock_crowd *c, char *text, size_t size)
{
	PGresult *r =
	        run(c->control[0], "SELECT DISTINCT pid, locktype, relation::regclass, mode FROM pg_locks"
	                           " WHERE NOT granted");
	size_t used = 0;
	text[0] = '\0';
	for (int s = 0; s < c->world.nsessions; s++) {
		int found = -1;
		for (int row = 0; row < PQntuples(r); row++) {
			if (!c->world.session[s].prepared &&
			        strtol(PQgetvalue(r, row, 0), NULL, 10) == c->pid[s])
				found = row;
		}
		bool should = c->world.session[s].waits >= 0;
		if (should == (found >= 0) || used > size / 2)
			continue;
		const struct world_object *o = should ? &c->world.object[c->world.session[s].waits] : NULL;
		used += (size_t)snprintf(text + used, size - used, "; %d (%d) %s %d/%d mode %d", s, c->pid[s],
		        should ? "should wait for" : "waits", should ? (int)o->kind : -1,
		        should ? o->number : -1, c->world.session[s].mode);
		if (found >= 0)
			used += (size_t)snprintf(text + used, size - used, " %s %s %s",
			        PQgetvalue(r, found, 1), PQgetvalue(r, found, 2), PQgetvalue(r, found, 3));
		else
			used += (size_t)snprintf(text + used, size - used, " %s", PQerrorMessage(c->conn[s]));
	}
	PQclear(r);
}

void crowd_settle(struct lock_crowd *c)
{
	char text[2048];
	if (wait_until(as_the_world, c, PATIENCE_MS))
		return;
	explain(c, text, sizeof(text));
	fail_msg("%s %s: %zu should wait%s", c->server.name, c->seed, world_waiting(&c->world), text);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

static void expected_blockers(const struct lock_crowd *c, int s, char *text, size_t size)
{
	int who[WORLD_SESSIONS];
	size_t n = world_blockers(&c->world, s, who);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		who[i] = crowd_id(c, who[i]);
	qsort(who, n, sizeof(who[0]), by_number);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && who[i] == who[i - 1])
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%d", used == 0 ? "" : " ", who[i]);
	}
}

static bool same_answer(const PGresult *a, const PGresult *b)
{
	bool same = PQntuples(a) == PQntuples(b);
	for (int row = 0; row < PQntuples(a) && same; row++) {
		same = strcmp(PQgetvalue(a, row, 0), PQgetvalue(b, row, 0)) == 0 &&
		       strcmp(PQgetvalue(a, row, 1), PQgetvalue(b, row, 1)) == 0;
	}
	return same;
}

/* Two equal readings in a row: whoever was just let go on has come to where it waits next. */
static PGresult *read_twice(struct lock_crowd *c)
{
	int64_t deadline = wait_now_ms() + PATIENCE_MS;
	PGresult *first = read_blockers(c);
	for (;;) {
		wait_never(never, NULL, APART_MS);
		PGresult *second = read_blockers(c);
		bool same = same_answer(first, second);
		PQclear(first);
		if (same)
			return second;
		if (wait_now_ms() > deadline)
			fail_msg("%s %s: the server does not come to rest", c->server.name, c->seed);
		first = second;
	}
}

void crowd_verify(struct lock_crowd *c)
{
	PGresult *r = read_twice(c);
	assert_int_equal(PQntuples(r), (int)world_waiting(&c->world));
	for (int row = 0; row < PQntuples(r); row++) {
		char expected[WORLD_SESSIONS * 12];
		int s = crowd_session(c, strtol(PQgetvalue(r, row, 0), NULL, 10), NULL);
		assert_true(s >= 0);
		expected_blockers(c, s, expected, sizeof(expected));
		if (strcmp(expected, PQgetvalue(r, row, 1)) != 0)
			fail_msg("%s %s: session %d (%d) is blocked by {%s}, the world says {%s}",
			        c->server.name, c->seed, s, c->pid[s], PQgetvalue(r, row, 1), expected);
	}
	PQclear(r);
}
