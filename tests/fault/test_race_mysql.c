/* Never the wrong victim, on a real MariaDB or MySQL, whichever the client library was built for: a thousand
 * times and more the session that was seen goes on to something else at the very moment the operator
 * confirms. Clients tell who was hit. Then the same once more with the guard taken away, to show that these
 * races do find victims. */
/* ctest: serial */
#include "tests/support/test.h"

#include <inttypes.h>
#include <mysql.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/mysql.h"
#include "tests/support/drive.h"
#include "tests/support/race.h"

enum {
	PAIRS = 3,
	RACES = 320,
	STATEMENT_RACES = 45,
	SLOW_RACES = 30, /* of those whose proof has to wait for InnoDB's cache */
	ACT_MS = 5000,
	ENOUGH = 500 /* pieces of work in which a kill that was sent has surely arrived */
};

struct pair {
	struct drive
	        drive; /* a run of its own: one run has one connection for actions and ends leftovers of it */
	const struct lab_server *server;
	struct conn *admin;
	struct endpoint endpoint;
	MYSQL *pool; /* the one connection that passes from client to client */
	MYSQL *eye;
	MYSQL *bare; /* acts without a guard */
	bool mariadb;
	bool unguarded;
	enum action_kind kind;
	bool whatever;
	bool restarted; /* since it was seen */
	struct session_ref seen;
	char sql[128];
};

/* 1. Clients. */

static MYSQL *open_as(const struct lab_server *server, const char *user)
{
	char password[64];
	lab_password(user, password, sizeof(password));
	MYSQL *m = mysql_init(NULL);
	if (mysql_real_connect(m, server->host, user, password, "app", (unsigned)server->port, NULL, 0) !=
	        NULL)
		return m;
	print_message("%s as %s: %s\n", server->name, user, mysql_error(m));
	mysql_close(m);
	return NULL;
}

static bool is_open(struct race_pair *p)
{
	struct pair *w = p->own;
	if (w->pool == NULL)
		w->pool = open_as(w->server, "app");
	if (w->pool == NULL)
		race_fail(p, "a client cannot connect");
	return w->pool != NULL;
}

/* The rest of an answer; whether all of it is well. */
static bool rest(MYSQL *m)
{
	bool ok = true;
	do {
		MYSQL_RES *r = mysql_store_result(m);
		ok = ok && mysql_errno(m) == 0;
		mysql_free_result(r);
	} while (ok && mysql_next_result(m) == 0);
	return ok && mysql_errno(m) == 0;
}

static bool ends(MYSQL *m, const char *sql)
{
	return mysql_query(m, sql) == 0 && rest(m);
}

static bool answered(MYSQL *m)
{
	return mysql_read_query_result(m) == 0 && rest(m);
}

/* Whether something came in unasked: the server has hung up, which a pool would notice before it hands the
 * connection on. */
static bool hung_up(MYSQL *m)
{
	struct pollfd fd = {.fd = (int)m->net.fd, .events = POLLIN};
	return poll(&fd, 1, 0) > 0;
}

/* A connection that was ended is not used again; whoever was hit has been told. */
static enum race_hit hit(struct pair *w, enum race_hit who)
{
	if (w->kind == ACTION_TERMINATE) {
		mysql_close(w->pool);
		w->pool = NULL;
	}
	return who;
}

/* 2. What was seen. */

/* The first row, columns separated by one blank. */
static bool first_row(MYSQL *m, const char *sql, char *out, size_t cap)
{
	out[0] = '\0';
	if (mysql_query(m, sql) != 0)
		return false;
	MYSQL_RES *r = mysql_store_result(m);
	MYSQL_ROW row = r == NULL ? NULL : mysql_fetch_row(r);
	size_t n = 0;
	for (unsigned i = 0; row != NULL && i < mysql_num_fields(r) && n < cap; i++)
		n += (size_t)snprintf(
		        out + n, cap - n, "%s%s", i == 0 ? "" : " ", row[i] == NULL ? "-" : row[i]);
	mysql_free_result(r);
	return row != NULL;
}

/* InnoDB's own report, which is not a copy: "---TRANSACTION 4711, ACTIVE 0 sec" … "MariaDB thread id 12,". */
static bool see_trx(struct pair *w)
{
	char *text = malloc(1 << 20), mark[64];
	bool found = false;
	snprintf(mark, sizeof(mark), "thread id %" PRId64 ",", w->seen.id);
	if (first_row(w->eye, "SHOW ENGINE INNODB STATUS", text, 1 << 20)) {
		const char *from = NULL, *end = strstr(text, mark);
		for (const char *at = text;
		        (at = strstr(at, "---TRANSACTION ")) != NULL && end != NULL && at < end; at++)
			from = at + strlen("---TRANSACTION ");
		if (from != NULL) {
			snprintf(
			        w->seen.xact_guard, GUARD_MAX, "%.*s", (int)strspn(from, "0123456789"), from);
			found = true;
		}
	}
	free(text);
	return found;
}

static bool see(struct race_pair *p)
{
	struct pair *w = p->own;
	static const char mysql[] =
	        "SELECT e.END_EVENT_ID IS NULL, COALESCE((SELECT CONCAT('e', v.EVENT_ID) FROM "
	        "performance_schema.events_transactions_current v WHERE v.THREAD_ID = t.THREAD_ID AND "
	        "v.STATE = "
	        "'ACTIVE' AND v.AUTOCOMMIT = 'NO'), '-'), e.EVENT_ID FROM performance_schema.threads t JOIN "
	        "performance_schema.events_statements_current e ON e.THREAD_ID = t.THREAD_ID AND "
	        "e.NESTING_EVENT_LEVEL = 0 WHERE t.PROCESSLIST_ID = %lu";
	static const char mariadb[] =
	        "SELECT COMMAND <> 'Sleep', '-', CONCAT(QUERY_ID, ' seen ', UTC_TIMESTAMP(6)) FROM "
	        "information_schema.PROCESSLIST WHERE ID = %lu";
	char sql[1024], row[256], query[GUARD_MAX], running[8], xact[GUARD_MAX];
	snprintf(sql, sizeof(sql), w->mariadb ? mariadb : mysql, mysql_thread_id(w->pool));
	/* performance_schema leaves out a row that is being written. */
	bool found = false;
	for (int i = 0; i < 50 && !found; i++)
		found = first_row(w->eye, sql, row, sizeof(row));
	if (!found || sscanf(row, "%7s %63s %63[^\n]", running, xact, query) != 3)
		return false;
	w->seen = (struct session_ref){.id = (int64_t)mysql_thread_id(w->pool)};
	snprintf(w->seen.query_guard, GUARD_MAX, "%s", query);
	snprintf(w->seen.xact_guard, GUARD_MAX, "%s", strcmp(xact, "-") == 0 ? "" : xact);
	return w->kind == ACTION_TERMINATE || strcmp(running, "1") == 0;
}

/* 3. The operator. */

static enum race_told act_bare(struct race_pair *p)
{
	struct pair *w = p->own;
	char sql[96];
	snprintf(sql, sizeof(sql), "KILL %s %" PRId64, w->kind == ACTION_CANCEL ? "QUERY" : "CONNECTION",
	        w->seen.id);
	return mysql_query(w->bare, sql) == 0 ? TOLD_SENT : TOLD_NOTHING_DONE;
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
	if (w->restarted)
		snprintf(req.server.start, sizeof(req.server.start), "2001-01-01 00:00:00");
	w->restarted = false;
	struct ctx ctx = ctx_within(&w->drive.root, ACT_MS);
	driver->act(&ctx, w->admin, &req, &result);
	switch (result.outcome) {
	case OUTCOME_SENT:
		return TOLD_SENT;
	case OUTCOME_MOVED_ON:
		return TOLD_NOTHING_DONE;
	case OUTCOME_REFUSED:
	case OUTCOME_UNPROVABLE:
		if (result.err.code == ERR_IDENTITY || result.err.code == ERR_GATED)
			return TOLD_NOTHING_DONE;
		__attribute__((fallthrough));
	default:
		race_fail(p, "%s: %s", action_outcome_name(result.outcome), result.err.text);
		return TOLD_UNKNOWN;
	}
}

/* 4. A pooled connection passes from one client's transaction to another's. */

static void begin_xact(struct race_pair *p)
{
	struct pair *w = p->own;
	char sql[96];
	if (!is_open(p))
		return;
	snprintf(sql, sizeof(sql), "UPDATE race_row SET n = n + 1 WHERE id = %lu", mysql_thread_id(w->eye));
	if (!ends(w->pool, "START TRANSACTION") || !ends(w->pool, sql) || !see(p))
		race_fail(p, "the first client cannot begin: %s", mysql_error(w->pool));
}

static enum race_hit pass_on(struct race_pair *p)
{
	struct pair *w = p->own;
	unsigned more = 0;
	if (!ends(w->pool, "COMMIT"))
		return hit(w, HIT_RIGHT);
	while (race_goes_on(p, &more, ENOUGH)) {
		/* A kill that met the first transaction as it was committing ends the connection after it. */
		if (hung_up(w->pool) || !ends(w->pool, "START TRANSACTION"))
			return hit(w, HIT_IDLE);
		if (!ends(w->pool, "SELECT 'another client'") || !ends(w->pool, "COMMIT"))
			return hit(w, HIT_WRONG);
	}
	return HIT_NOBODY;
}

/* The transaction has gone on to further statements since it was seen, so InnoDB has to prove it. */
static void begin_long_xact(struct race_pair *p)
{
	struct pair *w = p->own;
	begin_xact(p);
	if (p->error[0] != '\0')
		return;
	if ((w->mariadb && !see_trx(w)) || !ends(w->pool, "SELECT 'the first client, next statement'"))
		race_fail(p, "the first client's transaction is not seen");
}

static enum race_hit pass_on_later(struct race_pair *p)
{
	struct pair *w = p->own;
	for (unsigned i = race_random(p, p->size); i > 0 && atomic_load(&p->acted) == 0; i--) {
		struct pollfd fd = {.fd = (int)w->pool->net.fd, .events = POLLIN};
		if (poll(&fd, 1, 12) > 0 || !ends(w->pool, "SELECT 'the first client, further'"))
			return hit(w, HIT_RIGHT);
	}
	return pass_on(p);
}

/* 5. The next execution of the same statement, and a procedure that runs on. */

/* The statement is seen while it runs. */
static void begin_statement(struct race_pair *p, const char *before, const char *after)
{
	struct pair *w = p->own;
	if (!is_open(p))
		return;
	for (int i = 0; i < 200; i++) {
		snprintf(w->sql, sizeof(w->sql), "%s%u%s", before, p->size, after);
		if (mysql_send_query(w->pool, w->sql, (unsigned long)strlen(w->sql)) != 0) {
			race_fail(p, "%s: %s", w->sql, mysql_error(w->pool));
			return;
		}
		/* It may not have begun yet. */
		do {
			if (see(p))
				return;
		} while (!hung_up(w->pool));
		answered(w->pool);
		race_resize(p, true);
	}
	race_fail(p, "the statement is never seen running: %s", w->sql);
}

static enum race_hit go_on(struct race_pair *p)
{
	struct pair *w = p->own;
	enum race_hit first = answered(w->pool) ? HIT_NOBODY : HIT_RIGHT;
	unsigned more = 0;
	while (race_goes_on(p, &more, 2)) {
		if (!ends(w->pool, w->sql))
			return HIT_WRONG;
	}
	return first;
}

static void begin_again(struct race_pair *p)
{
	begin_statement(p,
	        "SELECT SUM(a.n) FROM race_n a, race_n b, race_n c WHERE a.n <= 40 AND b.n <= 40 AND c.n <= ",
	        "");
}

static void begin_call(struct race_pair *p)
{
	begin_statement(p, "CALL race_steps(", ")");
}

/* A procedure inside a transaction, insisted on: any statement of that transaction, none of the next. */
static void begin_call_in_xact(struct race_pair *p)
{
	struct pair *w = p->own;
	if (!is_open(p))
		return;
	ends(w->pool, "ROLLBACK");
	w->kind = ACTION_TERMINATE; /* to be seen while it is idle */
	begin_xact(p);
	w->kind = ACTION_CANCEL;
	if (p->error[0] == '\0' && w->mariadb && !see_trx(w))
		race_fail(p, "the transaction is not seen");
	char sql[48];
	int n = snprintf(sql, sizeof(sql), "CALL race_steps(%u)", 10 + race_random(p, p->size * 60));
	if (p->error[0] == '\0' && mysql_send_query(w->pool, sql, (unsigned long)n) != 0)
		race_fail(p, "%s: %s", sql, mysql_error(w->pool));
	if (p->error[0] != '\0' || w->mariadb)
		return;
	struct session_ref idle = w->seen;
	see(p);
	snprintf(w->seen.xact_guard, GUARD_MAX, "%s", idle.xact_guard);
}

static enum race_hit call_on_in_xact(struct race_pair *p)
{
	struct pair *w = p->own;
	unsigned more = 0;
	enum race_hit first = answered(w->pool) ? HIT_NOBODY : HIT_RIGHT;
	if (!ends(w->pool, "COMMIT"))
		return first == HIT_NOBODY ? HIT_RIGHT : HIT_WRONG;
	while (race_goes_on(p, &more, 2)) {
		if (!ends(w->pool, "START TRANSACTION") || !ends(w->pool, "CALL race_steps(200)") ||
		        !ends(w->pool, "COMMIT"))
			return HIT_WRONG;
	}
	return first;
}

/* 6. The session ends. Ids come again only after a restart, and then a living session can have all that was
 * seen of another one, but the server's start. */

static void begin_session(struct race_pair *p)
{
	struct pair *w = p->own;
	if (is_open(p) && !(ends(w->pool, "SELECT 'somebody'") && see(p)))
		race_fail(p, "the session is not seen");
}

static enum race_hit leave(struct race_pair *p)
{
	struct pair *w = p->own;
	unsigned more = 0;
	bool was_hit = hung_up(w->pool);
	mysql_close(w->pool);
	w->pool = NULL;
	if (!is_open(p))
		return HIT_NOBODY;
	while (race_goes_on(p, &more, 20)) {
		if (!ends(w->pool, "SELECT 'somebody else'"))
			return hit(w, HIT_WRONG);
	}
	return was_hit ? HIT_RIGHT : HIT_NOBODY;
}

static void begin_reused(struct race_pair *p)
{
	struct pair *w = p->own;
	begin_session(p);
	w->restarted = true;
}

static enum race_hit stay(struct race_pair *p)
{
	struct pair *w = p->own;
	unsigned more = 0;
	while (race_goes_on(p, &more, ENOUGH)) {
		if (!ends(w->pool, "SELECT 'somebody else'"))
			return hit(w, HIT_WRONG);
	}
	return HIT_NOBODY;
}

/* 7. All of it. */

static const struct {
	struct race_play play;
	enum action_kind kind;
	bool whatever;
	bool harmless; /* finds no victim even without a guard: ids do not come again */
	bool slow;     /* one pair: they would keep InnoDB's cache from each other */
} scenes[] = {
        {.play = {"a pooled session in the next transaction", begin_xact, pass_on, act, 400, 400, false},
                .kind = ACTION_TERMINATE},
        {.play = {"the same, it has gone on since", begin_long_xact, pass_on_later, act, 0, 60000, false},
                .kind = ACTION_TERMINATE,
                .slow = true},
        {.play = {"the next execution of the same statement", begin_again, go_on, act, 0, 4000, false},
                .kind = ACTION_CANCEL},
        {.play = {"a procedure that runs on", begin_call, go_on, act, 0, 3000, false}, .kind = ACTION_CANCEL},
        {.play = {"a procedure, insisted on", begin_call_in_xact, call_on_in_xact, act, 0, 60000, false},
                .kind = ACTION_CANCEL,
                .whatever = true,
                .slow = true},
        {.play = {"gone while confirming", begin_session, leave, act, 400, 600, false},
                .kind = ACTION_TERMINATE,
                .harmless = true},
        {.play = {"gone with a restart, its id reused", begin_reused, stay, act, 0, 0, .never_right = true},
                .kind = ACTION_TERMINATE},
};
enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

struct scene {
	struct drive drive;
	struct lab_server server;
	struct pair own[PAIRS];
	struct race_pair pairs[PAIRS];
};

static void make_work(const struct lab_server *server)
{
	static const char *const work[] = {
	        "CREATE TABLE IF NOT EXISTS race_n (n INT PRIMARY KEY) ENGINE=InnoDB",
	        "REPLACE INTO race_n WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE "
	        "n < 900) "
	        "SELECT n FROM r",
	        "CREATE TABLE IF NOT EXISTS race_row (id BIGINT PRIMARY KEY, n INT) ENGINE=InnoDB",
	        "DROP PROCEDURE IF EXISTS race_steps",
	        "CREATE PROCEDURE race_steps(steps INT) SQL SECURITY INVOKER BEGIN DECLARE i INT DEFAULT 0; "
	        "DECLARE c BIGINT; WHILE i < steps DO SET i = i + 1; SELECT SUM(n) INTO c FROM race_n WHERE "
	        "n <= 40; END "
	        "WHILE; END",
	        "GRANT ALL ON app.* TO 'app'@'%'",
	};
	MYSQL *m = open_as(server, "dba");
	assert_non_null(m);
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++) {
		if (!ends(m, work[i]))
			fail_msg("%s: %s", work[i], mysql_error(m));
	}
	mysql_close(m);
}

static int setup(void **state)
{
	static struct scene s;
	struct err e;
	bool mariadb_library = strncmp(mysql_get_client_info(), "3.", 2) == 0;
	const char *wanted = getenv("DBATOP_RACE_SERVER"); /* by hand: another server of the lab */
	s.server = lab_server(wanted != NULL ? wanted : mariadb_library ? "maria1011" : "mysql97");
	if (!mysql_driver_init(&e))
		fail_msg("%s", e.text);
	drive_start(&s.drive, &mysql_driver);
	make_work(&s.server);
	for (int i = 0; i < PAIRS; i++) {
		struct pair *w = &s.own[i];
		char sql[96];
		w->drive = s.drive;
		snprintf(w->drive.env.run_id, sizeof(w->drive.env.run_id), "race%d", i);
		w->server = &s.server;
		w->admin = drive_open(&w->drive, &s.server, "actor", LANE_ADMIN, &w->endpoint);
		w->eye = open_as(&s.server, "dba");
		w->bare = open_as(&s.server, "dba");
		if (w->eye == NULL || w->bare == NULL)
			fail_msg("cannot connect to %s", s.server.name);
		w->mariadb = s.drive.driver->info(w->admin)->server.engine == ENGINE_MARIADB;
		snprintf(sql, sizeof(sql), "REPLACE INTO race_row VALUES (%lu, 0)", mysql_thread_id(w->eye));
		assert_true(ends(w->eye, sql));
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
		if (s->own[i].pool != NULL)
			mysql_close(s->own[i].pool);
		mysql_close(s->own[i].eye);
		mysql_close(s->own[i].bare);
		s->drive.driver->close(s->own[i].admin);
		endpoint_free(&s->own[i].endpoint);
	}
	free(lab_sql(&s->server, "dba",
	        "DROP PROCEDURE app.race_steps; DROP TABLE app.race_n; DROP TABLE app.race_row;", ACT_MS));
	drive_stop(&s->drive);
	mysql_driver_end();
	return 0;
}

static unsigned prepare(struct scene *s, size_t i, bool unguarded)
{
	for (int k = 0; k < PAIRS; k++) {
		s->own[k].kind = scenes[i].kind;
		s->own[k].whatever = scenes[i].whatever;
		s->own[k].unguarded = unguarded;
		s->own[k].restarted = false;
	}
	return scenes[i].slow ? 1 : PAIRS;
}

static void test_nobody_else_is_hit(void **state)
{
	struct scene *s = *state;
	unsigned races = 0, wrong = 0;
	do {
		for (size_t i = 0; i < SCENES; i++) {
			struct race_tally t;
			unsigned n = prepare(s, i, false);
			race_guarded(&scenes[i].play, s->pairs, n,
			        scenes[i].slow                       ? SLOW_RACES
			        : scenes[i].kind == ACTION_TERMINATE ? RACES
			                                             : STATEMENT_RACES,
			        &t);
			races += t.races;
			wrong += t.wrong;
		}
	} while (race_undecided(wrong, races));
	print_message("%s: %u races, %u wrong victims\n", s->server.name, races, wrong);
	assert_true(races >= 1000);
	assert_true(race_fair(wrong, races));
}

static void test_without_the_guard_they_are(void **state)
{
	struct scene *s = *state;
	for (size_t i = 0; i < SCENES; i++) {
		unsigned n = prepare(s, i, true);
		if (!scenes[i].harmless)
			race_unguarded(&scenes[i].play, s->pairs, n);
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
