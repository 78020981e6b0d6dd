/* See the header. The servers are spawned once; each test leaves the link it used healed, the last one
 * promotes. */
#include "tests/support/replication_postgres.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/chaos.h"
#include "tests/support/test.h"
#include "tests/support/wait.h"
#include "tests/support/watch.h"

enum { SQL_MS = 20000 };

static const struct driver *the_driver;
static char kind[32];
static int servers;      /* 4, or 3: no cascading one, and what happens to A is its own test */
static char name[4][48]; /* primary, replica, replica, cascading */
static struct lab_server server[4];
static struct watch w;
static struct chaos *chaos;
static struct chaos_door door;

enum { P, B, A, C };

/* --- Words */

static void sql(int who, const char *text)
{
	free(lab_sql(&server[who], "dba", text, SQL_MS));
}

struct question {
	int who;
	const char *sql;
};

static bool is_true(void *arg)
{
	const struct question *q = arg;
	return lab_sql_number(&server[q->who], "dba", q->sql, SQL_MS) > 0;
}

static void until_true(int who, const char *text)
{
	struct question q = {who, text};
	if (!wait_until(is_true, &q, WATCH_SOON_MS))
		fail_msg("%s: never: %s", name[who], text);
}

/* In one transaction of its own each: ALTER SYSTEM takes none. */
static void set(int who, const char *setting)
{
	char text[256];
	snprintf(text, sizeof text, "ALTER SYSTEM SET %s", setting);
	sql(who, text);
	sql(who, "SELECT pg_reload_conf()");
}

static void reset(int who, const char *setting)
{
	char text[256];
	snprintf(text, sizeof text, "ALTER SYSTEM RESET %s", setting);
	sql(who, text);
	sql(who, "SELECT pg_reload_conf()");
}

static void work(void)
{
	sql(P, "UPDATE stock SET qty = qty + 1 WHERE sku <= 100");
}

static bool is_well(const struct topology_edge *e)
{
	return e->transport == TRANSPORT_STREAMING && e->apply == APPLY_RUNNING && e->behind == 0 &&
	       e->lag_ms == 0 && e->confidence == CONFIDENCE_GOOD && e->from_says && e->to_says;
}

static bool is_paused(const struct topology_edge *e)
{
	return e->apply == APPLY_PAUSED && e->behind > 0 && e->lag_ms > 0;
}

static bool is_delayed(const struct topology_edge *e)
{
	return e->apply == APPLY_DELAYED && e->behind > 0 && e->delay_ms == 3600000;
}

static bool is_conflict(const struct topology_edge *e)
{
	return e->apply == APPLY_CONFLICT && e->reader.id > 0;
}

/* Whatever both ends call it: it is behind, and says for how long. */
static bool is_behind(const struct topology_edge *e)
{
	return e->behind > 0 && e->lag_ms > 500;
}

static bool is_stopped(const struct topology_edge *e)
{
	return e->transport == TRANSPORT_STOPPED && e->behind > 0;
}

static bool is_waiting(const struct topology_node *n)
{
	return n->would_wait && n->sync_need == 1 && n->sync_have == 0;
}

static bool is_primary(const struct topology_node *n)
{
	return n->role == SERVER_PRIMARY && n->timeline == 2 && n->parent == TOPOLOGY_NONE;
}

static bool is_subscribed(const struct topology_edge *e)
{
	return e->kind == EDGE_LOGICAL && e->transport == TRANSPORT_STREAMING && e->from_says && e->to_says &&
	       e->behind >= 0 && strcmp(e->channel, "orders_in") == 0;
}

/* Before 15 the server counts no failures. */
static bool fails(const struct topology_edge *e)
{
	return e->kind == EDGE_LOGICAL && e->transport == TRANSPORT_STOPPED &&
	       (strcmp(kind, "pg13") == 0 ||
	               (e->failures != NULL && strstr(e->failures, " while applying") != NULL));
}

static bool has_cancelled(const struct topology_node *n)
{
	return n->failures != NULL && strcmp(n->failures, "1 over locks") == 0;
}

static void all_well(void)
{
	watch_until_edge(&w, name[P], name[B], is_well, "the second replica is not well", WATCH_SOON_MS);
	if (servers < 4)
		return;
	watch_until_edge(&w, name[P], name[A], is_well, "the first replica is not well", WATCH_SOON_MS);
	watch_until_edge(&w, name[A], name[C], is_well, "the cascading replica is not well", WATCH_SOON_MS);
}

/* --- States */

static void test_the_tree(void **state)
{
	(void)state;
	all_well();
	const struct topology *t = w.found->topology;
	assert_int_equal(t->nnodes, 4);
	assert_int_equal(t->nedges, 3);
	assert_int_equal(t->nlines, 4);
	assert_string_equal(t->node[t->line[0].index].name, name[P]);
	assert_int_equal(
	        watch_node(&w, name[C])->parent, (size_t)(watch_edge(&w, name[A], name[C]) - t->edge));
	/* The server that is between both knows its part too. */
	assert_true(watch_edge(&w, name[P], name[A])->slot != TOPOLOGY_NONE);
}

static void test_paused(void **state)
{
	(void)state;
	sql(B, "SELECT pg_wal_replay_pause()");
	work();
	watch_until_edge(&w, name[P], name[B], is_paused, "replay is not seen paused", WATCH_SOON_MS);
	const struct finding *f = watch_until_finding(&w, name[B], FINDING_REPLICATION, WATCH_SOON_MS);
	assert_non_null(strstr(f->text, "replay is paused"));
	assert_string_equal(f->view, "replication");
	sql(B, "SELECT pg_wal_replay_resume()");
	all_well();
	watch_until_no_finding(&w, name[B], FINDING_REPLICATION, WATCH_SOON_MS);
}

static void test_delayed(void **state)
{
	(void)state;
	set(B, "recovery_min_apply_delay = '1h'");
	work();
	watch_until_edge(&w, name[P], name[B], is_delayed, "a delay on purpose is not seen", WATCH_SOON_MS);
	assert_null(watch_finding(&w, name[B], FINDING_REPLICATION));
	reset(B, "recovery_min_apply_delay");
	all_well();
}

static void test_the_receiver_is_stopped(void **state)
{
	(void)state;
	set(B, "primary_conninfo = 'host=127.0.0.1 port=1 user=repl'");
	work();
	watch_until_edge(&w, name[P], name[B], is_stopped, "a stopped receiver is not seen", WATCH_SOON_MS);
	watch_until_finding(&w, name[B], FINDING_REPLICATION, WATCH_SOON_MS);
	/* Its slot waits for it, and is no replica of its own. */
	assert_int_equal(w.found->topology->nnodes, 4);
	reset(B, "primary_conninfo");
	all_well();
}

static void test_a_commit_waits(void **state)
{
	(void)state;
	set(P, "synchronous_standby_names = 'nobody_there'");
	watch_until_node(&w, name[P], is_waiting, "a commit that would wait is not seen", WATCH_SOON_MS);
	watch_until_finding(&w, name[P], FINDING_COMMIT_WAITS, WATCH_SOON_MS);
	reset(P, "synchronous_standby_names");
	watch_until_no_finding(&w, name[P], FINDING_COMMIT_WAITS, WATCH_SOON_MS);
}

static void test_a_slot_at_its_limit(void **state)
{
	(void)state;
	sql(P, "SELECT pg_create_physical_replication_slot('forgotten', true)");
	for (int i = 0; i < 3; i++) {
		work();
		sql(P, "SELECT pg_switch_wal()");
	}
	const struct finding *f = watch_until_finding(&w, name[P], FINDING_SLOT, WATCH_SOON_MS);
	assert_int_equal(f->severity, SEVERITY_CRIT);
	assert_non_null(strstr(f->text, "slot forgotten"));
	sql(P, "SELECT pg_drop_replication_slot('forgotten')");
	watch_until_no_finding(&w, name[P], FINDING_SLOT, WATCH_SOON_MS);
}

/* A reader on the first replica holds up what the primary did to its table: seen at once, a finding after ten
 * seconds, in which other tests go on. */
static PGconn *reader;
static int reader_pid;

static const char locked_change[] =
        "BEGIN; LOCK TABLE stock IN ACCESS EXCLUSIVE MODE; UPDATE stock SET qty = 1 WHERE sku = 1; COMMIT";

static void read_on_standby(void)
{
	char url[256];
	lab_url_with_password(&server[A], "app", 0, url, sizeof url);
	reader = PQconnectdb(url);
	PQclear(PQexec(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ"));
	PGresult *r = PQexec(reader, "SELECT pg_backend_pid() FROM stock LIMIT 1");
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	reader_pid = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
}

static void test_a_recovery_conflict(void **state)
{
	(void)state;
	read_on_standby();
	sql(P, locked_change);
	watch_until_edge(&w, name[P], name[A], is_conflict, "the conflict is not seen", WATCH_SOON_MS);
	assert_int_equal(watch_edge(&w, name[P], name[A])->reader.id, reader_pid);
}

static void test_the_reader_is_the_culprit(void **state)
{
	(void)state;
	const struct finding *f = watch_until_finding(&w, name[A], FINDING_RECOVERY_CONFLICT, WATCH_SOON_MS);
	assert_int_equal(f->culprit.id, reader_pid);
	PQfinish(reader);
	watch_until_edge(&w, name[P], name[A], is_well, "replay does not go on", WATCH_SOON_MS);
	watch_until_no_finding(&w, name[A], FINDING_RECOVERY_CONFLICT, WATCH_SOON_MS);
}

/* One that replay does not wait for is ended, and counted. */
static void test_a_reader_is_cancelled(void **state)
{
	(void)state;
	set(A, "max_standby_streaming_delay = 0");
	until_true(A, "SELECT (current_setting('max_standby_streaming_delay') = '0')::int");
	read_on_standby();
	sql(P, locked_change);
	watch_until_node(&w, name[A], has_cancelled, "a cancelled reader is not counted", WATCH_SOON_MS);
	PQfinish(reader);
}

/* The promoted one subscribes to what its old primary publishes; a row it has already stops that. */
static void test_a_subscription(void **state)
{
	(void)state;
	char text[320];
	sql(P, "CREATE PUBLICATION orders_out FOR TABLE stock");
	snprintf(text, sizeof text,
	        "CREATE SUBSCRIPTION orders_in CONNECTION 'host=127.0.0.1 port=%d dbname=app user=dba "
	        "password=dba-pw' PUBLICATION orders_out WITH (copy_data = false)",
	        server[P].port);
	sql(B, text);
	watch_until_edge(&w, name[P], name[B], is_subscribed, "a subscription is not seen", WATCH_SOON_MS);
	sql(B, "INSERT INTO stock VALUES (900001, 1)");
	sql(P, "INSERT INTO stock VALUES (900001, 2)");
	watch_until_edge(&w, name[P], name[B], fails, "a failing subscription is not seen", WATCH_SOON_MS);
	sql(B, "DELETE FROM stock WHERE sku = 900001");
	watch_until_edge(&w, name[P], name[B], is_subscribed, "it does not go on", WATCH_SOON_MS);
	sql(B, "DROP SUBSCRIPTION orders_in");
}

/* Cut without a word, one way and the other: what calls itself streaming is behind all the same. */
static void cut(const char *direction)
{
	chaos_set(door, direction, "stall 0");
	for (int i = 0; i < 3; i++)
		work();
	watch_until_edge(&w, name[P], name[B], is_behind, direction, WATCH_SOON_MS);
	for (int i = 0; i < 20; i++) {
		watch_look(&w);
		const struct topology_edge *e = watch_edge(&w, name[P], name[B]);
		assert_true(e != NULL && e->behind > 0 && e->lag_ms != 0);
	}
	chaos_set(door, direction, "none");
	all_well();
}

static void test_a_cut_network(void **state)
{
	(void)state;
	char setting[192];
	chaos = chaos_start();
	door = chaos_listen(chaos, server[P].host, server[P].port);
	snprintf(setting, sizeof setting,
	        "primary_conninfo = 'host=127.0.0.1 port=%d user=repl password=repl-pw sslmode=disable'",
	        door.port);
	set(B, setting);
	/* The address it names is nobody's, and yet it is the same link. */
	all_well();
	assert_int_equal(w.found->topology->nnodes, servers);
	cut("down");
	cut("both");
	/* Only its replies are lost: it has replayed all, and its own word counts. */
	chaos_set(door, "up", "stall 0");
	work();
	watch_until_edge(&w, name[P], name[B], is_well, "lost replies read as lag", WATCH_SOON_MS);
	chaos_set(door, "up", "none");
	reset(B, "primary_conninfo");
	all_well();
	chaos_stop(chaos);
	chaos = NULL;
}

static bool holds_horizon(const char *table, const char *word)
{
	const struct table *t = snapshot_table(w.snap, 0, "horizon");
	for (size_t i = 0; t != NULL && i < t->nrows; i++) {
		const char *is = table_text(t, i, table_column(t, "kind"));
		const char *called = table_text(t, i, table_column(t, "name"));
		if (is != NULL && strcmp(is, table) == 0 &&
		        (word == NULL || (called != NULL && strcmp(called, word) == 0)))
			return true;
	}
	return false;
}

/* The session has written, and the prepared transaction tells since when: how long both have held is known.
 */
static bool known_since(const char *holder)
{
	const struct table *t = snapshot_table(w.snap, 0, "horizon");
	for (size_t i = 0; t != NULL && i < t->nrows; i++) {
		const char *is = table_text(t, i, table_column(t, "kind"));
		int64_t age, held;
		if (is != NULL && strcmp(is, holder) == 0 &&
		        table_int(t, i, table_column(t, "age_ms"), &age) &&
		        table_int(t, i, table_column(t, "held_ms"), &held) && held <= age + 1000 &&
		        held + 1000 >= age)
			return true;
	}
	return false;
}

static bool has_holders(const struct topology_node *n)
{
	(void)n;
	return known_since("session") && known_since("prepared") && holds_horizon("session", NULL) &&
	       holds_horizon("prepared", "left behind") && holds_horizon("slot", "logical_one");
}

static void test_the_horizon(void **state)
{
	(void)state;
	char url[256];
	lab_url_with_password(&server[P], "app", 0, url, sizeof url);
	/* It waits for all transactions there are to end: before the one that is to stay. */
	sql(P, "SELECT pg_create_logical_replication_slot('logical_one', 'test_decoding')");
	PGconn *holder = PQconnectdb(url);
	PQclear(PQexec(holder, "BEGIN"));
	PQclear(PQexec(holder, "UPDATE stock SET qty = 2 WHERE sku = 998"));
	sql(P, "BEGIN; UPDATE stock SET qty = 3 WHERE sku = 997; PREPARE TRANSACTION 'left behind'");
	watch_until_node(&w, name[P], has_holders, "a holder of the horizon is missing", WATCH_SOON_MS);
	PQfinish(holder);
	sql(P, "ROLLBACK PREPARED 'left behind'");
	sql(P, "SELECT pg_drop_replication_slot('logical_one')");
}

static void test_promoted(void **state)
{
	(void)state;
	sql(B, "SELECT pg_promote(false)");
	watch_until_node(&w, name[B], is_primary, "the promotion is not seen", WATCH_SOON_MS);
	const struct finding *f = watch_until_finding(&w, name[B], FINDING_SPLIT_BRAIN, WATCH_SOON_MS);
	assert_int_equal(f->severity, SEVERITY_CRIT);
	assert_string_equal(f->view, "replication");
	f = watch_until_finding(&w, name[B], FINDING_ROLE_FLIP, WATCH_SOON_MS);
	assert_non_null(strstr(f->text, "is a primary now, was a replica"));
	/* Its old link is gone; its slot at the old primary stays. */
	assert_null(watch_edge(&w, name[P], name[B]));
}

/* --- All */

static int setup(void **state)
{
	(void)state;
	static const char *const settings[] = {"max_slot_wal_keep_size=32MB", "wal_keep_size=0",
	        "max_standby_streaming_delay=-1", "autovacuum=off", NULL};
	static const char *const suffix[] = {"p", "b", "a", "c"};
	static const int follows[] = {-1, P, P, A};
	for (int i = 0; i < servers; i++)
		snprintf(name[i], sizeof name[i], "repl%d_%s_%s", servers, kind, suffix[i]);
	server[P] = lab_spawn(kind, name[P], settings);
	for (int i = 1; i < servers; i++)
		server[i] = lab_spawn_replica(kind, name[i], name[follows[i]]);
	watch_start(&w, the_driver, server, (size_t)servers);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watch_stop(&w);
	chaos_stop(chaos);
	for (int i = servers - 1; i >= 0; i--) {
		if (server[i].name[0] != '\0')
			lab_remove(name[i]);
	}
	return 0;
}

int replication_postgres_states(const struct driver *driver, const char *of_kind)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_tree),
	        cmocka_unit_test(test_paused),
	        cmocka_unit_test(test_delayed),
	        cmocka_unit_test(test_the_receiver_is_stopped),
	        cmocka_unit_test(test_a_commit_waits),
	        cmocka_unit_test(test_a_slot_at_its_limit),
	        cmocka_unit_test(test_the_horizon),
	};
	the_driver = driver;
	servers = 4;
	snprintf(kind, sizeof kind, "%s", of_kind);
	return cmocka_run_group_tests(tests, setup, teardown);
}

int replication_postgres_breaks(const struct driver *driver, const char *of_kind)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_recovery_conflict),
	        cmocka_unit_test(test_a_cut_network),
	        cmocka_unit_test(test_promoted),
	        cmocka_unit_test(test_the_reader_is_the_culprit),
	        cmocka_unit_test(test_a_reader_is_cancelled),
	        cmocka_unit_test(test_a_subscription),
	};
	the_driver = driver;
	servers = 3;
	snprintf(kind, sizeof kind, "%s", of_kind);
	return cmocka_run_group_tests(tests, setup, teardown);
}
