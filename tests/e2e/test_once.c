/* `dbatop once` and `dbatop doctor` as scripts use them, on real servers of both engines beside one that
 * never answers: the shape of JSON is a promise, one hung server costs the others nothing, exit codes tell.
 */
#include "tests/support/test.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/chaos.h"
#include "tests/support/lab.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

enum { PATIENCE_MS = 20000, URL_MAX = 256 };

static struct lab_server postgres, mariadb;
static struct chaos *chaos;
static char pg_url[URL_MAX], my_url[URL_MAX], hole_url[URL_MAX];
static char passfile[512];

static int setup(void **state)
{
	(void)state;
	char path[400];
	postgres = lab_server("pg15");
	mariadb = lab_server("maria1011");
	chaos = chaos_start();
	lab_url(&postgres, "monitor", 0, pg_url, sizeof(pg_url));
	lab_url_with_password(&mariadb, "monitor", 0, my_url, sizeof(my_url));
	struct chaos_door door = chaos_blackhole(chaos);
	snprintf(hole_url, sizeof(hole_url), "postgres://monitor@127.0.0.1:%d/app", door.port);
	lab_file("pgpass", path, sizeof(path));
	snprintf(passfile, sizeof(passfile), "PGPASSFILE=%s", path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	chaos_stop(chaos);
	return 0;
}

static struct proc *run(const char *const argv[])
{
	const char *const env[] = {"HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", passfile, NULL};
	struct proc *p = proc_run(argv, env, NULL, PATIENCE_MS);
	assert_false(p->timed_out);
	return p;
}

static json_t *parse(const struct proc *p)
{
	json_error_t error;
	json_t *root = json_loads(p->out_bytes.data, 0, &error);
	if (root == NULL)
		fail_msg("%s: %s%s", error.text, p->out_bytes.data, p->err_bytes.data);
	return root;
}

/* The object begins with exactly these keys, in this order. */
static void expect_keys(json_t *object, const char *const *keys, size_t n, bool only)
{
	size_t i = 0;
	for (void *it = json_object_iter(object); it != NULL && i < n; it = json_object_iter_next(object, it))
		assert_string_equal(json_object_iter_key(it), keys[i++]);
	assert_int_equal(i, n);
	if (only)
		assert_int_equal(json_object_size(object), n);
}

static const char *text(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	if (s == NULL)
		fail_msg("%s is no text", key);
	return s;
}

static const char *const root_keys[] = {"format", "taken_at", "view", "instances"};
static const char *const instance_keys[] = {"name", "engine", "version", "role", "status", "error", "rows"};
/* Format 1: to take one away or to move it is format 2. */
static const char *const pulse_keys[] = {"connections", "active", "idle", "idle_in_xact", "waiting",
        "lock_waiters", "hidden", "background", "oldest_xact_ms", "oldest_idle_xact_ms", "limit_name",
        "limit_used", "limit_max", "xacts", "commits", "rollbacks", "queries", "cache_hits", "cache_reads",
        "deadlocks", "temp_bytes", "aborted", "history_list"};
static const char *const session_keys[] = {"id", "started", "user", "db", "app", "client", "kind", "state",
        "command", "wait_type", "wait", "xact_ms", "query_ms", "state_ms", "leader", "rows_locked",
        "rows_modified", "progress", "phase", "query", "query_bytes", "query_id", "xact_guard", "query_guard",
        "superuser", "sync_wait", "own", "backend_xmin_age"};

static void expect_pulse(json_t *in, const char *engine)
{
	assert_string_equal(text(in, "engine"), engine);
	assert_string_equal(text(in, "role"), "primary");
	assert_string_equal(text(in, "status"), "up");
	assert_true(json_is_null(json_object_get(in, "error")));
	json_t *rows = json_object_get(in, "rows");
	assert_int_equal(json_array_size(rows), 1);
	json_t *row = json_array_get(rows, 0);
	expect_keys(row, pulse_keys, sizeof(pulse_keys) / sizeof(pulse_keys[0]), false);
	assert_true(json_is_integer(json_object_get(row, "connections")));
	assert_true(json_integer_value(json_object_get(row, "connections")) >= 1);
	assert_true(json_is_string(json_object_get(row, "limit_name")));
	/* What an engine cannot know is null, not 0. */
	const char *unknown = strcmp(engine, "postgres") == 0 ? "history_list" : "temp_bytes";
	assert_true(json_is_null(json_object_get(row, unknown)));
}

static void test_fleet_beside_a_black_hole(void **state)
{
	(void)state;
	int64_t began = wait_now_ms();
	struct proc *p = run((const char *[]){
	        TEST_DBATOP, "once", "-f", "json", "-d", "2s", pg_url, hole_url, my_url, NULL});
	assert_true(wait_now_ms() - began < 4000);
	assert_int_equal(p->exit_code, 1);
	json_t *root = parse(p);
	expect_keys(root, root_keys, 4, true);
	assert_int_equal(json_integer_value(json_object_get(root, "format")), 1);
	assert_string_equal(text(root, "view"), "fleet");
	json_t *instances = json_object_get(root, "instances");
	assert_int_equal(json_array_size(instances), 3);
	for (size_t i = 0; i < 3; i++)
		expect_keys(json_array_get(instances, i), instance_keys, 7, true);
	expect_pulse(json_array_get(instances, 0), "postgres");
	expect_pulse(json_array_get(instances, 2), "mariadb");
	assert_string_equal(text(json_array_get(instances, 0), "version"), postgres.version);
	json_t *hole = json_array_get(instances, 1);
	assert_string_equal(text(hole, "status"), "down");
	assert_true(strlen(text(hole, "error")) > 0);
	assert_true(json_is_null(json_object_get(hole, "rows")));
	json_decref(root);
	proc_free(p);
}

/* The same servers by several names: none ends what another has opened there. */
static void test_one_server_by_several_names(void **state)
{
	(void)state;
	struct proc *p = run((const char *[]){TEST_DBATOP, "once", "-d", "15s", "-f", "json", my_url, pg_url,
	        my_url, pg_url, my_url, pg_url, my_url, pg_url, my_url, pg_url, my_url, NULL});
	if (p->exit_code != 0) {
		const char *why = strstr(p->out_bytes.data, "\"error\": \"");
		fail_msg("%.400s", why == NULL ? p->out_bytes.data : why);
	}
	proc_free(p);
}

static void test_sessions(void **state)
{
	(void)state;
	struct proc *p = run((const char *[]){
	        TEST_DBATOP, "once", "--view=sessions", "--format=json", pg_url, my_url, NULL});
	assert_int_equal(p->exit_code, 0);
	json_t *root = parse(p);
	for (size_t i = 0; i < 2; i++) {
		json_t *in = json_array_get(json_object_get(root, "instances"), i);
		json_t *rows = json_object_get(in, "rows");
		bool own = false;
		assert_true(json_array_size(rows) > 0);
		for (size_t r = 0; r < json_array_size(rows); r++) {
			json_t *row = json_array_get(rows, r);
			expect_keys(row, session_keys, sizeof(session_keys) / sizeof(session_keys[0]), false);
			assert_true(json_is_integer(json_object_get(row, "id")));
			own = own || json_is_true(json_object_get(row, "own"));
		}
		assert_true(own);
	}
	json_decref(root);
	proc_free(p);
}

/* A primary and its replica are two nodes and the edge between them, told by both. */
static void test_replication(void **state)
{
	(void)state;
	char replica_url[URL_MAX];
	struct lab_server replica = lab_server("pg15r");
	lab_url(&replica, "monitor", 0, replica_url, sizeof(replica_url));
	struct proc *p = run((const char *[]){
	        TEST_DBATOP, "once", "--view=replication", "--format=json", pg_url, replica_url, NULL});
	assert_int_equal(p->exit_code, 0);
	json_t *root = parse(p);
	json_t *edges = json_object_get(root, "edges");
	bool found = false;
	assert_true(json_array_size(json_object_get(root, "nodes")) >= 2);
	assert_true(json_is_array(json_object_get(root, "slots")));
	for (size_t i = 0; i < json_array_size(edges); i++) {
		json_t *e = json_array_get(edges, i);
		json_t *to = json_array_get(
		        json_object_get(root, "nodes"), (size_t)json_integer_value(json_object_get(e, "to")));
		if (json_is_null(json_object_get(to, "instance")))
			continue;
		found = true;
		assert_string_equal(text(e, "kind"), "wal");
		assert_string_equal(text(e, "told_by"), "both");
		assert_string_equal(text(e, "slot"), "pg15r");
		assert_string_equal(text(to, "role"), "replica");
		assert_true(json_is_integer(json_object_get(e, "behind_bytes")));
	}
	assert_true(found);
	json_decref(root);
	proc_free(p);
}

static void test_literals_are_redacted(void **state)
{
	(void)state;
	char sleeper[] = "SELECT pg_sleep(20), 'geheim' AS word";
	char url[URL_MAX];
	lab_url_with_password(&postgres, "app", 0, url, sizeof(url));
	struct proc *psql = proc_start((const char *[]){"psql", url, "-c", sleeper, NULL}, NULL);
	for (int tries = 0;; tries++) {
		struct proc *p = run(
		        (const char *[]){TEST_DBATOP, "once", "-v", "sessions", "-f", "csv", pg_url, NULL});
		assert_null(strstr(p->out_bytes.data, "geheim"));
		bool seen = strstr(p->out_bytes.data, "SELECT pg_sleep(?)") != NULL;
		proc_free(p);
		if (seen)
			break;
		assert_true(tries < 50);
	}
	proc_free(psql);
}

static void test_csv_and_text(void **state)
{
	(void)state;
	struct proc *p = run((const char *[]){TEST_DBATOP, "once", "-f", "csv", pg_url, my_url, NULL});
	assert_int_equal(p->exit_code, 0);
	const char *head = "instance,engine,version,server_role,status,error,connections,active,idle,";
	assert_int_equal(strncmp(p->out_bytes.data, head, strlen(head)), 0);
	size_t lines = 0;
	for (const char *s = p->out_bytes.data; (s = strstr(s, "\r\n")) != NULL; s += 2)
		lines++;
	assert_int_equal(lines, 3);
	proc_free(p);
	p = run((const char *[]){TEST_DBATOP, "once", "-s", "60x10", pg_url, my_url, NULL});
	assert_int_equal(p->exit_code, 0);
	/* The screen itself, at that size. */
	assert_non_null(strstr(p->out_bytes.data, " 1 Fleet   2 Sessions"));
	lines = 0;
	for (const char *s = p->out_bytes.data; (s = strchr(s, '\n')) != NULL; s++)
		lines++;
	assert_int_equal(lines, 10);
	proc_free(p);
}

static void test_a_wrong_password_is_not_shown(void **state)
{
	(void)state;
	char url[URL_MAX];
	snprintf(url, sizeof(url), "mysql://monitor:falsch-geheim@127.0.0.1:%d", mariadb.port);
	struct proc *p = run((const char *[]){TEST_DBATOP, "once", "-f", "json", url, NULL});
	assert_int_equal(p->exit_code, 1);
	assert_null(strstr(p->out_bytes.data, "geheim"));
	assert_null(strstr(p->err_bytes.data, "geheim"));
	assert_non_null(strstr(p->out_bytes.data, "Access denied"));
	proc_free(p);
}

static void test_a_signal_ends_the_wait(void **state)
{
	(void)state;
	const char *const env[] = {"HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", passfile, NULL};
	struct proc *p = proc_start((const char *[]){TEST_DBATOP, "once", "-d", "20s", hole_url, NULL}, env);
	assert_false(proc_wait(p, 500));
	int64_t began = wait_now_ms();
	proc_signal(p, SIGTERM);
	assert_true(proc_wait(p, 5000));
	assert_true(wait_now_ms() - began < 2000);
	assert_int_equal(p->exit_code, 128 + SIGTERM);
	proc_free(p);
}

static void expect_advice(const char *url, int code, const char *yes, const char *no)
{
	struct proc *p = run((const char *[]){TEST_DBATOP, "doctor", "-d", "3s", url, NULL});
	if (p->exit_code != code || strstr(p->out_bytes.data, yes) == NULL ||
	        (no != NULL && strstr(p->out_bytes.data, no) != NULL))
		fail_msg("doctor %s: exit %d\n%s%s", url, p->exit_code, p->out_bytes.data, p->err_bytes.data);
	proc_free(p);
}

static void test_doctor(void **state)
{
	(void)state;
	char nobody[URL_MAX];
	expect_advice(pg_url, 0, "everything can be seen as \"monitor\"", "GRANT pg_monitor");
	expect_advice(pg_url, 0, "GRANT pg_signal_backend TO \"monitor\";", NULL);
	expect_advice(my_url, 0, "everything can be seen as 'monitor'@", "GRANT PROCESS");
	/* What makes a likely holder a certain one: said in quiet times, not in the incident. */
	expect_advice(my_url, 0, "INSTALL SONAME 'metadata_lock_info';", NULL);
	lab_url(&postgres, "nobody", 0, nobody, sizeof(nobody));
	expect_advice(nobody, 0, "GRANT pg_monitor TO \"nobody\";", "everything can be seen");
	lab_url_with_password(&mariadb, "nobody", 0, nobody, sizeof(nobody));
	expect_advice(nobody, 0, "GRANT PROCESS ON *.* TO 'nobody'@", NULL);
	expect_advice(nobody, 0, "GRANT SLAVE MONITOR ON *.* TO 'nobody'@", NULL);
	/* Every loss is told whole, with the panels that have it. */
	expect_advice(nobody, 0, "who waits for whom is unknown (Fleet, Sessions, Locks,", NULL);
	expect_advice(nobody, 0, "only own statements (detail)\n", NULL);
	lab_url(&postgres, "actor", 0, nobody, sizeof(nobody));
	expect_advice(nobody, 0, "\"actor\" may cancel and terminate", "GRANT");
	expect_advice(hole_url, 1, "missing  connection", "privileges");
}

static void test_doctor_json(void **state)
{
	(void)state;
	struct proc *p = run(
	        (const char *[]){TEST_DBATOP, "doctor", "-f", "json", "-d", "2s", pg_url, hole_url, NULL});
	assert_int_equal(p->exit_code, 1);
	json_t *root = parse(p);
	assert_int_equal(json_integer_value(json_object_get(root, "format")), 1);
	json_t *instances = json_object_get(root, "instances");
	assert_int_equal(json_array_size(instances), 2);
	json_t *first = json_array_get(instances, 0);
	assert_true(json_is_true(json_object_get(first, "reached")));
	json_t *advice = json_object_get(first, "advice");
	assert_true(json_array_size(advice) > 5);
	static const char *const keys[] = {"mark", "topic", "text", "fix"};
	for (size_t i = 0; i < json_array_size(advice); i++)
		expect_keys(json_array_get(advice, i), keys, 4, true);
	assert_true(json_is_false(json_object_get(json_array_get(instances, 1), "reached")));
	json_decref(root);
	proc_free(p);
}

/* It applies nothing and may be written to, and is a replica all the same. */
static void test_a_stopped_writable_replica(void **state)
{
	(void)state;
	char url[URL_MAX];
	struct lab_server replica = lab_spawn_replica("maria1011", "once1011r", "maria1011");
	lab_url_with_password(&replica, "monitor", 0, url, sizeof(url));
	free(lab_sql(&replica, "dba", "STOP ALL SLAVES; SET GLOBAL read_only = OFF;", PATIENCE_MS));
	struct proc *p = run((const char *[]){TEST_DBATOP, "once", "-f", "json", url, NULL});
	json_t *root = parse(p);
	json_t *in = json_array_get(json_object_get(root, "instances"), 0);
	assert_string_equal(text(in, "role"), "replica");
	json_decref(root);
	proc_free(p);
	p = run((const char *[]){TEST_DBATOP, "doctor", "-f", "json", url, NULL});
	root = parse(p);
	assert_string_equal(text(json_array_get(json_object_get(root, "instances"), 0), "role"), "replica");
	json_decref(root);
	proc_free(p);
	lab_remove(replica.name);
}

static void expect_share(json_t *share)
{
	static const char *const keys[] = {"name", "count", "oldest_ms", "sessions"};
	expect_keys(share, keys, sizeof(keys) / sizeof(keys[0]), true);
	assert_int_equal(json_integer_value(json_object_get(share, "count")),
	        json_array_size(json_object_get(share, "sessions")));
}

static void test_tree(void **state)
{
	(void)state;
	static const char *const keys[] = {"kind", "state", "wait_type", "wait", "statement", "app", "user",
	        "count", "oldest_ms", "per_minute", "instances"};
	struct proc *p =
	        run((const char *[]){TEST_DBATOP, "once", "-v", "tree", "-f", "json", pg_url, my_url, NULL});
	json_t *root = parse(p);
	assert_int_equal(p->exit_code, 0);
	expect_keys(root, root_keys, sizeof(root_keys) / sizeof(root_keys[0]), false);
	assert_string_equal(text(root, "view"), "tree");
	json_t *groups = json_object_get(root, "groups");
	bool servers_own = false;
	assert_true(json_array_size(groups) > 0);
	for (size_t i = 0; i < json_array_size(groups); i++) {
		json_t *group = json_array_get(groups, i);
		json_int_t count = 0;
		expect_keys(group, keys, sizeof(keys) / sizeof(keys[0]), true);
		assert_true(json_is_null(json_object_get(group, "per_minute")));
		servers_own = servers_own || strcmp(text(group, "kind"), "system") == 0;
		json_t *shares = json_object_get(group, "instances");
		for (size_t k = 0; k < json_array_size(shares); k++) {
			expect_share(json_array_get(shares, k));
			count += json_integer_value(json_object_get(json_array_get(shares, k), "count"));
		}
		assert_int_equal(count, json_integer_value(json_object_get(group, "count")));
	}
	/* The checkpointer and its like are always there. */
	assert_true(servers_own);
	json_decref(root);
	proc_free(p);

	p = run((const char *[]){TEST_DBATOP, "once", "-v", "tree", "-f", "csv", pg_url, NULL});
	static const char head[] =
	        "instance,engine,version,server_role,status,error,kind,state,wait_type,wait,"
	        "statement,app,user,count,oldest_ms\r\n";
	assert_int_equal(strncmp(p->out_bytes.data, head, strlen(head)), 0);
	assert_non_null(strstr(p->out_bytes.data, ",system,"));
	proc_free(p);

	p = run((const char *[]){TEST_DBATOP, "once", "-v", "tree", pg_url, NULL});
	assert_non_null(strstr(p->out_bytes.data, "by signature"));
	assert_non_null(strstr(p->out_bytes.data, "the server's own"));
	proc_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_tree),
	        cmocka_unit_test(test_fleet_beside_a_black_hole),
	        cmocka_unit_test(test_one_server_by_several_names),
	        cmocka_unit_test(test_sessions),
	        cmocka_unit_test(test_replication),
	        cmocka_unit_test(test_literals_are_redacted),
	        cmocka_unit_test(test_csv_and_text),
	        cmocka_unit_test(test_a_wrong_password_is_not_shown),
	        cmocka_unit_test(test_a_signal_ends_the_wait),
	        cmocka_unit_test(test_doctor),
	        cmocka_unit_test(test_doctor_json),
	        cmocka_unit_test(test_a_stopped_writable_replica),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
