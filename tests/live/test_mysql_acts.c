/* Actions, the reaper and the graph of blockers against real sessions of every MySQL and MariaDB; the managed
 * services' procedures as stubs of our own, since those services cannot be had here. */
#include "tests/support/test.h"

#include <inttypes.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/mysql.h"
#include "tests/support/client_mysql.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

enum { SERVERS_MAX = 16, SEEN_MS = 5000, RACES = 170 };

static struct drive drive;
static struct lab_server servers[SERVERS_MAX];
static size_t nservers;

static int setup(void **state)
{
	(void)state;
	struct err e;
	assert_true(mysql_driver_init(&e));
	drive_start(&drive, &mysql_driver);
	nservers = drive_served(&drive, true, servers, SERVERS_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	mysql_driver_end();
	return 0;
}

static bool is_mysql(const struct lab_server *s)
{
	return strcmp(s->engine, "mysql") == 0;
}

/* 1. Seeing other people's sessions, as a view would. */

struct seen {
	struct conn *c;
	int64_t id;
	const char *wait_type; /* NULL: any */
	const char *state;
	int64_t next; /* not before: who reads INNODB_TRX all the time only gets the same old copy */
	struct session_ref ref;
};

static bool look(void *arg)
{
	struct seen *s = arg;
	if (wait_now_ms() < s->next)
		return false;
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, s->c, "sessions", 0, arena);
	long row = drive_row(t, "id", s->id);
	bool found = row >= 0 && drive_cell_is(t, (size_t)row, "wait_type", s->wait_type) &&
	             drive_cell_is(t, (size_t)row, "state", s->state);
	if (found) {
		s->ref.id = s->id;
		drive_guard(t, (size_t)row, "xact_guard", s->ref.xact_guard);
		drive_guard(t, (size_t)row, "query_guard", s->ref.query_guard);
	}
	arena_free(arena);
	s->next = wait_now_ms() + (found ? 0 : 120);
	return found;
}

static struct session_ref see_id(struct conn *c, int64_t id, const char *state, const char *wait_type)
{
	struct seen s = {.c = c, .id = id, .state = state, .wait_type = wait_type};
	if (!wait_until(look, &s, SEEN_MS))
		fail_msg("%s: session %" PRId64 " is not seen %s / %s",
		        drive.driver->info(c)->server.version_text, id, state,
		        wait_type == NULL ? "-" : wait_type);
	/* MariaDB knows a procedure by when it began, and that must be before the look. */
	if (strcmp(state, "active") == 0)
		assert_true(wait_until(look, &s, SEEN_MS));
	return s.ref;
}

static struct session_ref see(struct conn *c, MYSQL *victim, const char *state, const char *wait_type)
{
	return see_id(c, (int64_t)mysql_thread_id(victim), state, wait_type);
}

/* Not before the statement before it is over: its client has the answer earlier. */
static void begin(struct conn *c, MYSQL *victim, const char *sql)
{
	see(c, victim, "idle", NULL);
	client_begin(victim, sql);
}

static struct action_result act_as(struct conn *admin, enum action_kind kind, const struct session_ref *ref,
        enum kill_dialect dialect, bool whatever)
{
	struct action_request req = {.kind = kind,
	        .target = *ref,
	        .server = drive.driver->info(admin)->server,
	        .dialect = dialect,
	        .whatever_transaction = whatever};
	struct action_result result;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	drive.driver->act(&ctx, admin, &req, &result);
	return result;
}

static struct action_result act(struct conn *admin, enum action_kind kind, const struct session_ref *ref)
{
	return act_as(admin, kind, ref, KILL_NATIVE, false);
}

static void expect(struct action_result got, enum action_outcome outcome)
{
	if (got.outcome != outcome)
		fail_msg("expected %s, got %s: %s: %s", action_outcome_name(outcome),
		        action_outcome_name(got.outcome), got.err.text, got.sql);
}

struct followed {
	struct conn *admin;
	const struct session_ref *ref;
	struct follow_state state;
};

static void follow(struct followed *f)
{
	struct action_request req = {.target = *f->ref};
	struct err e;
	struct ctx ctx = ctx_within(&drive.root, 5000);
	if (!drive.driver->follow(&ctx, f->admin, &req, &f->state, &e))
		fail_msg("%s", e.text);
}

static bool is_gone(void *arg)
{
	struct followed *f = arg;
	follow(f);
	return !f->state.visible;
}

static bool is_quiet(void *arg)
{
	struct followed *f = arg;
	follow(f);
	return f->state.visible && !f->state.active && !f->state.same_query;
}

static void expect_gone(struct conn *admin, MYSQL *victim, const struct session_ref *ref)
{
	struct followed f = {.admin = admin, .ref = ref};
	assert_true(wait_until(is_gone, &f, SEEN_MS));
	assert_false(client_try(victim, "SELECT 1"));
	mysql_close(victim);
}

/* 2. The tests. */

static void cancel_and_terminate(const struct lab_server *server)
{
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, server, "actor", LANE_ADMIN, &ep);
	MYSQL *victim = client_open(server, "app");

	/* A running statement is cancelled; the session lives on. */
	begin(admin, victim, "SELECT SLEEP(30)");
	struct session_ref ref = see(admin, victim, "active", NULL);
	struct followed f = {.admin = admin, .ref = &ref};
	follow(&f);
	assert_true(f.state.visible && f.state.active && f.state.same_query);
	struct action_result sent = act(admin, ACTION_CANCEL, &ref);
	expect(sent, OUTCOME_SENT);
	assert_non_null(strstr(sent.sql, "KILL QUERY"));
	client_outcome(victim);
	assert_true(wait_until(is_quiet, &f, SEEN_MS));

	/* The same guard once more: that statement is over. So it is with the next execution of its text. */
	expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_MOVED_ON);
	begin(admin, victim, "SELECT SLEEP(30)");
	see(admin, victim, "active", NULL);
	expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_MOVED_ON);
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_MOVED_ON);

	/* The second decision needs a transaction: here is none. */
	expect(act_as(admin, ACTION_CANCEL, &ref, KILL_NATIVE, true), OUTCOME_UNPROVABLE);
	ref = see(admin, victim, "active", NULL);
	expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_SENT);
	client_outcome(victim);
	begin(admin, victim, "SELECT SLEEP(30)");
	ref = see(admin, victim, "active", NULL);
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_SENT);
	assert_int_not_equal(client_outcome(victim), 0);
	expect_gone(admin, victim, &ref);
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_MOVED_ON);
	expect(act_as(admin, ACTION_TERMINATE, &ref, KILL_NATIVE, true), OUTCOME_MOVED_ON);
	drive.driver->close(admin);
	endpoint_free(&ep);
}

/* A transaction that wrote has an id of its own; one that only read shares an address with the next; and a
 * session without one is known by its last statement. */
static void idle_sessions(const struct lab_server *server)
{
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, server, "actor", LANE_ADMIN, &ep);
	for (int i = 0; i < 2; i++) {
		MYSQL *victim = client_open(server, "app");
		client_run(victim, "DROP TABLE IF EXISTS acts");
		client_run(victim, "CREATE TABLE acts (id INT PRIMARY KEY, v INT)");
		client_run(victim, "REPLACE INTO acts VALUES (1, 1)");
		client_run(victim, "BEGIN");
		client_run(victim, i == 0 ? "UPDATE acts SET v = v + 1" : "SELECT COUNT(*) FROM acts");
		struct session_ref ref = see(admin, victim, "idle in transaction", NULL);
		assert_true(ref.xact_guard[0] != '\0');
		expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_MOVED_ON);
		/* The next transaction in the same session is somebody else's work. */
		client_run(victim, "COMMIT");
		client_run(victim, "BEGIN");
		client_run(victim, i == 0 ? "UPDATE acts SET v = v + 1" : "SELECT COUNT(*) FROM acts");
		expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_MOVED_ON);
		ref = see(admin, victim, "idle in transaction", NULL);
		expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_SENT);
		expect_gone(admin, victim, &ref);
	}
	MYSQL *idle = client_open(server, "app");
	client_run(idle, "SELECT 1");
	struct session_ref ref = see(admin, idle, "idle", NULL);
	assert_string_equal(ref.xact_guard, "");
	client_run(idle, "SELECT 1");
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_MOVED_ON);
	ref = see(admin, idle, "idle", NULL);
	expect(act(admin, ACTION_TERMINATE, &ref), OUTCOME_SENT);
	expect_gone(admin, idle, &ref);
	drive.driver->close(admin);
	endpoint_free(&ep);
}

struct cancelled {
	struct followed f;
	uint64_t step;
};

/* Whether it is over; a cancel that the server forgot is sent again. One more statement of the procedure may
 * have begun, only to end at once. */
static bool is_cancelled(void *arg)
{
	struct cancelled *c = arg;
	uint64_t before = c->step;
	if (is_quiet(&c->f))
		return true;
	c->step = c->f.state.step;
	if (before == 0 || c->step <= before)
		return false;
	c->step = 0;
	struct action_result again = act(c->f.admin, ACTION_CANCEL, c->f.ref);
	if (again.outcome != OUTCOME_MOVED_ON)
		expect(again, OUTCOME_SENT);
	return false;
}

static void cancel_call(struct conn *admin, MYSQL *victim, const struct session_ref *ref)
{
	struct cancelled c = {.f = {.admin = admin, .ref = ref}};
	follow(&c.f);
	assert_true(c.f.state.active && c.f.state.same_query);
	expect(act(admin, ACTION_CANCEL, ref), OUTCOME_SENT);
	assert_true(wait_until(is_cancelled, &c, SEEN_MS));
	assert_int_equal(client_outcome(victim), 1317);
}

/* A procedure's inner statements move on; the CALL is what was meant: MySQL can name it, and MariaDB knows
 * since when it runs. */
static void procedures(const struct lab_server *server)
{
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, server, "actor", LANE_ADMIN, &ep);
	MYSQL *victim = client_open(server, "app");
	client_run(victim, "DROP PROCEDURE IF EXISTS runs_on");
	client_run(victim,
	        "CREATE PROCEDURE runs_on() BEGIN DECLARE i INT DEFAULT 0; "
	        "WHILE i >= 0 DO SELECT COUNT(*) INTO i FROM information_schema.COLUMNS; END WHILE; END");
	begin(admin, victim, "CALL runs_on()");
	struct session_ref ref = see(admin, victim, "active", NULL);
	cancel_call(admin, victim, &ref);

	/* The next CALL is another statement. */
	begin(admin, victim, "CALL runs_on()");
	see(admin, victim, "active", NULL);
	expect(act(admin, ACTION_CANCEL, &ref), OUTCOME_MOVED_ON);
	ref = see(admin, victim, "active", NULL);
	cancel_call(admin, victim, &ref);
	client_run(victim, "DROP PROCEDURE runs_on");
	mysql_close(victim);
	drive.driver->close(admin);
	endpoint_free(&ep);
}

/* A thousand times over all servers: what was seen is over and the same text runs again, or the same
 * transaction began anew. Nothing may be sent. */
static void races(const struct lab_server *server, const char *first, const char *again)
{
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, server, "actor", LANE_ADMIN, &ep);
	MYSQL *victim = client_open(server, "app");
	client_run(victim, "CREATE TABLE IF NOT EXISTS acts (id INT PRIMARY KEY, v INT)");
	if (*first != '\0')
		client_run(victim, first);
	client_run(victim, again);
	struct seen s = {.c = admin, .id = (int64_t)mysql_thread_id(victim)};
	for (int i = 0; i < RACES; i++) {
		assert_true(look(&s));
		if (*first != '\0') {
			client_run(victim, "ROLLBACK");
			client_run(victim, first);
		}
		client_run(victim, again);
		enum action_kind kind = i % 2 == 0 ? ACTION_TERMINATE : ACTION_CANCEL;
		expect(act(admin, kind, &s.ref), OUTCOME_MOVED_ON);
	}
	mysql_close(victim);
	drive.driver->close(admin);
	endpoint_free(&ep);
}

static void all_races(const struct lab_server *server)
{
	races(server, "", "SELECT 1");
	races(server, "BEGIN", "SELECT COUNT(*) FROM acts");
}

static void rights(const struct lab_server *server)
{
	struct endpoint ends[3];
	struct conn *actor = drive_open(&drive, server, "actor", LANE_ADMIN, &ends[0]);
	struct conn *monitor = drive_open(&drive, server, "monitor", LANE_ADMIN, &ends[1]);
	struct conn *nobody = drive_open(&drive, server, "nobody", LANE_ADMIN, &ends[2]);
	MYSQL *app = client_open(server, "app");
	client_run(app, "SELECT 1");
	struct session_ref ref = see(actor, app, "idle", NULL);
	struct action_result r = act(monitor, ACTION_TERMINATE, &ref);
	expect(r, OUTCOME_REFUSED);
	assert_int_equal(r.err.code, ERR_DENIED);
	assert_non_null(strstr(r.err.text, is_mysql(server) ? "CONNECTION_ADMIN" : "CONNECTION ADMIN"));
	r = act(nobody, ACTION_TERMINATE, &ref);
	expect(r, OUTCOME_UNPROVABLE);
	assert_non_null(strstr(r.err.text, "GRANT PROCESS"));

	/* Another server, and a server that was restarted since. */
	struct action_request req = {
	        .kind = ACTION_TERMINATE, .target = ref, .server = drive.driver->info(actor)->server};
	struct ctx ctx = ctx_within(&drive.root, 5000);
	snprintf(req.server.start, sizeof(req.server.start), "2020-01-01 00:00:00");
	assert_false(drive.driver->act(&ctx, actor, &req, &r));
	expect(r, OUTCOME_REFUSED);
	assert_int_equal(r.err.code, ERR_IDENTITY);
	client_run(app, "SELECT 1");
	mysql_close(app);
	drive.driver->close(actor);
	drive.driver->close(monitor);
	drive.driver->close(nobody);
	for (int k = 0; k < 3; k++)
		endpoint_free(&ends[k]);
}

/* Our own statement, timed out: the reaper ends it, the lane drains and goes on. Somebody else's is not
 * touched, and what a lane of this run left behind is ended when it comes back. */
static void reaps(const struct lab_server *server)
{
	static const struct column columns[] = {{.name = "a", .role = ROLE_LABEL}};
	static const struct probe_param params[] = {{.name = "rows", .type = PARAM_INT}};
	struct probe sleeping = {.name = "sleeping",
	        .file = "sleeping.sql",
	        .columns = columns,
	        .ncols = 1,
	        .params = params,
	        .nparams = 1,
	        .rows = 1,
	        .sql = "SELECT SLEEP(20) AS a LIMIT :rows"};
	struct endpoint ends[2];
	struct conn *admin = drive_open(&drive, server, "monitor", LANE_ADMIN, &ends[0]);
	struct conn *fast = drive_open(&drive, server, "monitor", LANE_FAST, &ends[1]);
	MYSQL *app = client_open(server, "monitor");
	struct ctx ctx = ctx_within(&drive.root, 5000), soon = ctx_within(&drive.root, 50);
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct err e;
	enum reap reap;
	struct probe_value rows = {.type = PARAM_INT, .i = 1};

	begin(admin, app, "SELECT SLEEP(3)");
	struct backend_ref victim = {.id = see(admin, app, "active", NULL).id};
	assert_true(drive.driver->reap(&ctx, admin, &victim, true, &reap, &e));
	assert_int_equal(reap, REAP_OTHER);

	assert_false(drive.driver->fetch(&soon, fast, &sleeping, &rows, arena, &t, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
	victim = drive.driver->info(fast)->self;
	/* On a busy server the statement may not even have begun: what idles is not ours to cancel. */
	see_id(admin, victim.id, "active", NULL);
	assert_true(drive.driver->reap(&ctx, admin, &victim, false, &reap, &e));
	assert_int_equal(reap, REAP_SENT);
	assert_int_equal(drive.driver->drain(&ctx, fast), DRAIN_CLEAN);
	assert_true(drive.driver->ping(&ctx, fast, &e));

	/* Left behind, and found by the lane's next connection. */
	soon = ctx_within(&drive.root, 50);
	assert_false(drive.driver->fetch(&soon, fast, &sleeping, &rows, arena, &t, &e));
	drive.driver->close(fast);
	fast = drive_connect(&drive, &ends[1], LANE_FAST);
	struct session_ref zombie = {.id = victim.id};
	struct followed f = {.admin = admin, .ref = &zombie};
	assert_true(wait_until(is_gone, &f, SEEN_MS));
	assert_true(drive.driver->reap(&ctx, admin, &victim, true, &reap, &e));
	assert_int_equal(reap, REAP_GONE);
	assert_int_equal(client_outcome(app), 0);
	mysql_close(app);
	arena_free(arena);
	drive.driver->close(fast);
	drive.driver->close(admin);
	endpoint_free(&ends[0]);
	endpoint_free(&ends[1]);
}

struct edge {
	struct conn *c;
	MYSQL *waiter;
	int64_t blocker;
	const char *kind, *object;
	unsigned of_waiter; /* edges; other tests have waiters of their own on the same server */
	int64_t next;
};

static bool blocks(void *arg)
{
	struct edge *edge = arg;
	if (wait_now_ms() < edge->next)
		return false;
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, edge->c, "blockers", 0, arena);
	bool found = false;
	edge->of_waiter = 0;
	for (size_t row = 0; row < t->nrows; row++) {
		if (drive_cell(t, row, "waiter")->u.i != (int64_t)mysql_thread_id(edge->waiter))
			continue;
		edge->of_waiter++;
		if (drive_cell(t, row, "blocker")->u.i == edge->blocker)
			found = drive_cell_is(t, row, "kind", edge->kind) &&
			        drive_cell_is(t, row, "object", edge->object);
	}
	arena_free(arena);
	edge->next = wait_now_ms() + 120;
	return found;
}

/* Returns how many the waiter has. */
static unsigned expect_edge(
        struct conn *c, MYSQL *waiter, int64_t blocker, const char *kind, const char *object)
{
	struct edge edge = {.c = c, .waiter = waiter, .blocker = blocker, .kind = kind, .object = object};
	if (!wait_until(blocks, &edge, SEEN_MS))
		fail_msg("%lu is not blocked by %" PRId64 " (%s)", mysql_thread_id(waiter), blocker, kind);
	return edge.of_waiter;
}

static void blockers(const struct lab_server *server)
{
	struct endpoint ep;
	struct conn *c = drive_open(&drive, server, "monitor", LANE_FAST, &ep);
	MYSQL *holder = client_open(server, "app"), *first = client_open(server, "app"),
	      *second = client_open(server, "app");
	int64_t holds = (int64_t)mysql_thread_id(holder);
	client_run(holder, "DROP TABLE IF EXISTS acts");
	client_run(holder, "CREATE TABLE IF NOT EXISTS acts (id INT PRIMARY KEY, v INT)");
	client_run(holder, "REPLACE INTO acts VALUES (1, 1)");
	client_run(holder, "BEGIN");
	client_run(holder, "UPDATE acts SET v = v + 1 WHERE id = 1");
	client_begin(first, "UPDATE acts SET v = v + 1 WHERE id = 1");
	see(c, first, "active", "Lock");
	client_begin(second, "UPDATE acts SET v = v + 1 WHERE id = 1");
	see(c, second, "active", "Lock");
	/* Both wait for the one that holds the row, and not for each other. */
	assert_int_equal(expect_edge(c, first, holds, "row", "app.acts"), 1);
	assert_int_equal(expect_edge(c, second, holds, "row", "app.acts"), 1);
	struct arena *arena = arena_new();
	struct table *t = drive_table(&drive, c, "pulse", 0, arena);
	assert_true(drive_cell(t, 0, "lock_waiters")->u.i >= 2);
	arena_free(arena);
	client_run(holder, "COMMIT");
	assert_int_equal(client_outcome(first), 0);
	assert_int_equal(client_outcome(second), 0);

	/* A convoy: the queued DDL is what the next one waits for. */
	client_run(holder, "BEGIN");
	client_run(holder, "SELECT COUNT(*) FROM acts");
	client_begin(first, "ALTER TABLE acts ADD COLUMN w INT");
	see(c, first, "active", "Lock");
	bool knows = is_mysql(server);
	client_begin(second, "ALTER TABLE acts ADD COLUMN x INT");
	see(c, second, "active", "Lock");
	expect_edge(c, first, knows ? holds : -1, "metadata", knows ? "app.acts" : NULL);
	expect_edge(c, second, knows ? (int64_t)mysql_thread_id(first) : -1, "metadata",
	        knows ? "app.acts" : NULL);
	client_run(holder, "COMMIT");
	assert_int_equal(client_outcome(first), 0);
	assert_int_equal(client_outcome(second), 0);
	client_run(holder, "DROP TABLE acts");
	mysql_close(holder);
	mysql_close(first);
	mysql_close(second);
	drive.driver->close(c);
	endpoint_free(&ep);
}

/* Stubs of the procedures that managed services give in place of KILL. */
static void managed(const struct lab_server *server, enum kill_dialect dialect)
{
	static const char *const names[][2] = {
	        [KILL_RDS] = {"rds_kill_query", "rds_kill"}, [KILL_AZURE] = {"az_kill_query", "az_kill"}};
	char sql[256];
	struct endpoint ep;
	struct conn *admin = drive_open(&drive, server, "dba", LANE_ADMIN, &ep);
	MYSQL *dba = client_open(server, "dba"), *victim = client_open(server, "app");
	for (int i = 0; i < 2; i++) {
		snprintf(sql, sizeof(sql), "DROP PROCEDURE IF EXISTS mysql.%s", names[dialect][i]);
		client_run(dba, sql);
		snprintf(sql, sizeof(sql), "CREATE PROCEDURE mysql.%s(IN thread BIGINT) KILL %s thread",
		        names[dialect][i], i == 0 ? "QUERY" : "CONNECTION");
		client_run(dba, sql);
	}
	if (!is_mysql(server) && dialect == KILL_RDS) {
		client_run(dba, "DROP PROCEDURE IF EXISTS mysql.rds_kill_query_id");
		client_run(
		        dba, "CREATE PROCEDURE mysql.rds_kill_query_id(IN query BIGINT) KILL QUERY ID query");
	}
	begin(admin, victim, "SELECT SLEEP(30)");
	struct session_ref ref = see(admin, victim, "active", NULL);
	struct action_result sent = act_as(admin, ACTION_CANCEL, &ref, dialect, false);
	expect(sent, OUTCOME_SENT);
	assert_non_null(strstr(sent.sql, names[dialect][0]));
	client_outcome(victim);
	begin(admin, victim, "SELECT SLEEP(30)");
	see(admin, victim, "active", NULL);
	expect(act_as(admin, ACTION_CANCEL, &ref, dialect, false), OUTCOME_MOVED_ON);
	expect(act_as(admin, ACTION_TERMINATE, &ref, dialect, false), OUTCOME_MOVED_ON);
	ref = see(admin, victim, "active", NULL);
	expect(act_as(admin, ACTION_TERMINATE, &ref, dialect, false), OUTCOME_SENT);
	expect_gone(admin, victim, &ref);
	mysql_close(dba);
	drive.driver->close(admin);
	endpoint_free(&ep);
}

static void all_managed(const struct lab_server *server)
{
	managed(server, KILL_RDS);
	managed(server, KILL_AZURE);
}

/* Each of these runs on every server. */
struct scene {
	const char *name;
	void (*play)(const struct lab_server *server);
};

static const struct scene scenes[] = {
        {"test_cancel_and_terminate", cancel_and_terminate},
        {"test_idle_sessions", idle_sessions},
        {"test_procedures", procedures},
        {"test_races_have_no_wrong_victim", all_races},
        {"test_rights_that_are_missing", rights},
        {"test_the_reaper_ends_only_our_own", reaps},
        {"test_blockers", blockers},
        {"test_managed_services", all_managed},
};
enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

static void play(void **state)
{
	const struct scene *scene = *state;
	for (size_t i = 0; i < nservers; i++)
		scene->play(&servers[i]);
}

int main(void)
{
	struct CMUnitTest tests[SCENES];
	for (size_t i = 0; i < SCENES; i++)
		tests[i] = (struct CMUnitTest){.name = scenes[i].name,
		        .test_func = play,
		        .initial_state = (void *)(uintptr_t)&scenes[i]};
	return cmocka_run_group_tests(tests, setup, teardown);
}
