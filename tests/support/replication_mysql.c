/* See the header. Each test leaves the link healed; the last one promotes. */
#include "tests/support/replication_mysql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/chaos.h"
#include "tests/support/test.h"
#include "tests/support/watch.h"

enum { SQL_MS = 20000, P = 0, R = 1 };

static const struct driver *the_driver;
static char kind[32];
static bool maria;
static char name[2][48];
static struct lab_server server[2];
static struct watch w;
static struct chaos *chaos;
static struct chaos_door door;
static int64_t errant; /* that there are already: they stay */
static int row = 5000;

/* --- Words */

static void sql(int who, const char *text)
{
	free(lab_sql(&server[who], "dba", text, SQL_MS));
}

/* MariaDB kept the old words. */
static void replica(const char *words)
{
	char text[256], *s;
	snprintf(text, sizeof text, "%s", words);
	if (maria && (s = strstr(text, "REPLICA")) != NULL) {
		memmove(s + 5, s + 7, strlen(s + 7) + 1);
		memcpy(s, "SLAVE", 5);
	}
	sql(R, text);
}

static void change(const char *mysql, const char *mariadb)
{
	char text[512];
	if (maria)
		snprintf(text, sizeof text, "STOP SLAVE; CHANGE MASTER TO %s; START SLAVE", mariadb);
	else
		snprintf(text, sizeof text, "STOP REPLICA; CHANGE REPLICATION SOURCE TO %s; START REPLICA",
		        mysql);
	sql(R, text);
}

static void work(void)
{
	char text[128];
	snprintf(text, sizeof text, "INSERT INTO app.stock VALUES (%d, 1)", row++);
	sql(P, text);
}

static bool is_well(const struct topology_edge *e)
{
	return e->transport == TRANSPORT_STREAMING && e->apply == APPLY_RUNNING && e->transactions == 0 &&
	       e->lag_ms == 0 && e->confidence == CONFIDENCE_GOOD && e->errant == errant;
}

/* Lag is never 0 while there is something left, and not a guess of 0 either. */
static bool is_behind(const struct topology_edge *e)
{
	return e->transactions > 0 && e->lag_ms != 0;
}

static bool is_applier_stopped(const struct topology_edge *e)
{
	return e->apply == APPLY_STOPPED && is_behind(e);
}

static bool is_receiver_stopped(const struct topology_edge *e)
{
	return e->transport == TRANSPORT_STOPPED && is_behind(e);
}

static bool is_duplicate(const struct topology_edge *e)
{
	return e->apply == APPLY_ERROR && e->error_code == 1062 && is_behind(e);
}

static bool is_delayed(const struct topology_edge *e)
{
	return e->apply == APPLY_DELAYED && e->delay_ms == 3600000 && e->transactions > 0;
}

static bool is_errant(const struct topology_edge *e)
{
	return e->errant == errant + 1;
}

/* Seen for a while: the lag is then known from how the primary's log grew. */
static bool is_behind_for_long(const struct topology_edge *e)
{
	return e->transactions > 0 && e->lag_ms > 1000;
}

static bool is_primary(const struct topology_node *n)
{
	return n->role == SERVER_PRIMARY && n->writable == 1 && n->parent == TOPOLOGY_NONE;
}

static void well(void)
{
	watch_until_edge(&w, name[P], name[R], is_well, "the replica is not well", WATCH_SOON_MS);
}

static void until(bool (*holds)(const struct topology_edge *e), const char *what)
{
	watch_until_edge(&w, name[P], name[R], holds, what, WATCH_SOON_MS);
}

/* --- States */

static void test_the_pair(void **state)
{
	(void)state;
	work();
	well();
	assert_int_equal(w.found->topology->nnodes, 2);
	assert_int_equal(w.found->topology->nedges, 1);
	const struct topology_edge *e = watch_edge(&w, name[P], name[R]);
	assert_true(e->from_says && e->to_says);
	assert_int_equal(e->errant, 0);
}

static void test_the_applier_is_stopped(void **state)
{
	(void)state;
	replica("STOP REPLICA SQL_THREAD");
	work();
	until(is_applier_stopped, "a stopped applier is not seen");
	const struct finding *f = watch_until_finding(&w, name[R], FINDING_REPLICATION, WATCH_SOON_MS);
	assert_int_equal(f->severity, SEVERITY_CRIT);
	assert_non_null(strstr(f->text, "applier stopped"));
	assert_string_equal(f->view, "replication");
	replica("START REPLICA SQL_THREAD");
	well();
	watch_until_no_finding(&w, name[R], FINDING_REPLICATION, WATCH_SOON_MS);
}

static void test_the_receiver_is_stopped(void **state)
{
	(void)state;
	replica("STOP REPLICA IO_THREAD");
	work();
	until(is_receiver_stopped, "a stopped receiver is not seen");
	replica("START REPLICA IO_THREAD");
	well();
}

static void test_error_1062(void **state)
{
	(void)state;
	char text[128];
	snprintf(text, sizeof text, "SET sql_log_bin = 0; INSERT INTO app.stock VALUES (%d, 7)", row);
	sql(R, text);
	work();
	until(is_duplicate, "error 1062 is not seen");
	const struct finding *f = watch_until_finding(&w, name[R], FINDING_REPLICATION, WATCH_SOON_MS);
	assert_non_null(strstr(f->text, "error 1062"));
	snprintf(text, sizeof text, "SET sql_log_bin = 0; DELETE FROM app.stock WHERE sku = %d", row - 1);
	sql(R, text);
	replica("START REPLICA SQL_THREAD");
	well();
}

static void test_delayed(void **state)
{
	(void)state;
	change("SOURCE_DELAY = 3600", "MASTER_DELAY = 3600");
	work();
	until(is_delayed, "a delay on purpose is not seen");
	change("SOURCE_DELAY = 0", "MASTER_DELAY = 0");
	well();
}

static void test_a_cut_network(void **state)
{
	(void)state;
	char mysql[160], mariadb[160];
	chaos = chaos_start();
	door = chaos_listen(chaos, server[P].host, server[P].port);
	snprintf(mysql, sizeof mysql,
	        "SOURCE_PORT = %d, SOURCE_HEARTBEAT_PERIOD = 1, SOURCE_SSL = 0, GET_SOURCE_PUBLIC_KEY = 1",
	        door.port);
	snprintf(mariadb, sizeof mariadb, "MASTER_PORT = %d", door.port);
	change(mysql, mariadb);
	/* The address it names is nobody's, and yet it is the same link. */
	well();
	assert_int_equal(w.found->topology->nnodes, 2);
	static const char *const directions[] = {"down", "both"};
	for (int i = 0; i < 2; i++) {
		chaos_set(door, directions[i], "stall 0");
		work();
		until(is_behind, "a cut wire is not seen");
		if (i == 1)
			until(is_behind_for_long, "how long it is behind is not known");
		chaos_set(door, directions[i], "none");
		well();
	}
	snprintf(mysql, sizeof mysql, "SOURCE_PORT = %d", server[P].port);
	snprintf(mariadb, sizeof mariadb, "MASTER_PORT = %d", server[P].port);
	change(mysql, mariadb);
	well();
	chaos_stop(chaos);
	chaos = NULL;
}

/* Last but one: they cannot be taken back. */
static void test_an_errant_transaction(void **state)
{
	(void)state;
	sql(R, "INSERT INTO app.stock VALUES (900001, 1)");
	until(is_errant, "an errant transaction is not seen");
	const struct finding *f = watch_until_finding(&w, name[R], FINDING_ERRANT, WATCH_SOON_MS);
	assert_non_null(strstr(f->text, "1 transaction that its primary has not"));
	errant++;
	work();
	well();
}

static void test_promoted(void **state)
{
	(void)state;
	sql(R, maria ? "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = OFF"
	             : "STOP REPLICA; RESET REPLICA ALL; SET GLOBAL super_read_only = OFF; SET GLOBAL "
	               "read_only = OFF");
	watch_until_node(&w, name[R], is_primary, "the promotion is not seen", WATCH_SOON_MS);
	const struct finding *f = watch_until_finding(&w, name[R], FINDING_SPLIT_BRAIN, WATCH_SOON_MS);
	assert_string_equal(f->view, "replication");
	watch_until_finding(&w, name[R], FINDING_ROLE_FLIP, WATCH_SOON_MS);
	assert_null(watch_edge(&w, name[P], name[R]));
}

/* --- All */

static int setup(void **state)
{
	(void)state;
	snprintf(name[P], sizeof name[P], "repl_%s_p", kind);
	snprintf(name[R], sizeof name[R], "repl_%s_r", kind);
	server[P] = lab_spawn(kind, name[P], NULL);
	server[R] = lab_spawn_replica(kind, name[R], name[P]);
	watch_start(&w, the_driver, server, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	watch_stop(&w);
	chaos_stop(chaos);
	for (int i = R; i >= P; i--) {
		if (server[i].name[0] != '\0')
			lab_remove(name[i]);
	}
	return 0;
}

int replication_mysql(const struct driver *driver, const char *of_kind)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_pair),
	        cmocka_unit_test(test_the_applier_is_stopped),
	        cmocka_unit_test(test_the_receiver_is_stopped),
	        cmocka_unit_test(test_error_1062),
	        cmocka_unit_test(test_delayed),
	        cmocka_unit_test(test_a_cut_network),
	        cmocka_unit_test(test_an_errant_transaction),
	        cmocka_unit_test(test_promoted),
	};
	the_driver = driver;
	maria = strncmp(of_kind, "maria", 5) == 0;
	snprintf(kind, sizeof kind, "%s", of_kind);
	return cmocka_run_group_tests(tests, setup, teardown);
}
