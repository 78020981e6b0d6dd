/* The dashboard on three servers, one of which goes wrong. What is asserted after each fault is the same:
 * the row says what happened, the others stay fresh, keys are answered, at most three connections are there,
 * nothing of ours runs on, and when the fault is over the row comes back and nothing was leaked. */
#include "tests/support/test.h"

#include "tests/support/fleet_faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/chaos.h"
#include "tests/support/cockpit.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

#ifdef DBATOP_JOIN_AT_EXIT
/* Sanitizers slow TLS and logins down by the order of ten. */
enum { CONNECT_MS = 4000, QUERY_MS = 1500, PATIENCE_MS = 40000 };
#else
enum { CONNECT_MS = 1000, QUERY_MS = 500, PATIENCE_MS = 12000 };
#endif
enum {
	CONNECTIONS_MAX = 3,
	/* The server ends a statement of ours after 5,500 ms; none may come near that. */
	LIMIT_MS = 5000,
	SQL_MS = 10000,
	HOGS_MAX = 64,
	/* Some attempts that a busy machine does not finish in time, and the pauses between them. */
	RETRIES_MS = 30000,
	/* Until a server that has much to do notices a closed socket. */
	NOTICED_MS = 2000,
};

static struct lab_server sick, postgres, mariadb;
static char user[64]; /* the dashboard's on all of them: other tests look at the shared servers as well */
static char replica_name[80]; /* "": none */
static struct chaos *chaos;
static struct cockpit at;
static struct proc *hogs[HOGS_MAX];

void fleet_faults_setup(const char *kind, const char *name)
{
	postgres = lab_server("pg15");
	mariadb = lab_server("maria1011");
	chaos = chaos_start();
	sick = lab_spawn(kind, name, NULL);
	snprintf(user, sizeof(user), "%s", name);
	lab_add_account(&postgres, user);
	lab_add_account(&mariadb, user);
	lab_add_account(&sick, user);
}

static void free_hogs(void)
{
	for (size_t i = 0; i < HOGS_MAX; i++) {
		proc_free(hogs[i]);
		hogs[i] = NULL;
	}
}

int fleet_faults_tidy(void **state)
{
	(void)state;
	cockpit_drop(&at);
	free_hogs();
	lab_resume(&sick);
	return 0;
}

void fleet_faults_teardown(void)
{
	fleet_faults_tidy(NULL);
	if (replica_name[0] != '\0')
		lab_remove(replica_name);
	lab_remove(sick.name);
	lab_drop_account(&postgres, user);
	lab_drop_account(&mariadb, user);
	chaos_stop(chaos);
}

/* ---- what they share ---- */

static void begin(void)
{
	cockpit_drop(&at);
	cockpit_begin(&at, CONNECT_MS, QUERY_MS);
	cockpit_cluster(&at, "well", "prod");
	cockpit_add(&at, "near", &postgres, user, 0, NULL);
	cockpit_add(&at, "other", &mariadb, user, 0, NULL);
	cockpit_cluster(&at, "ill", "lab");
}

static void open_cockpit(void)
{
	cockpit_open(&at, 30, 200, NULL, NULL);
	cockpit_wait_row(&at, "near", "[0-9]+/[0-9]+", PATIENCE_MS);
	cockpit_wait_row(&at, "other", "[0-9]+/[0-9]+", PATIENCE_MS);
}

/* The usual: one dashboard, `sick` through port (0: its own). */
static void start(int port)
{
	begin();
	cockpit_add(&at, "sick", &sick, user, port, NULL);
	open_cockpit();
	cockpit_wait_row(&at, "sick", "[0-9]+/[0-9]+", PATIENCE_MS);
	cockpit_assert_keys_live(&at);
	term_settle(at.term, 300, 1500);
	cockpit_mark(&at);
}

static void others_are_well(void)
{
	cockpit_assert_fresh(&at, "near", &postgres);
	cockpit_assert_fresh(&at, "other", &mariadb);
	cockpit_assert_keys_live(&at);
}

static bool few_connections(void *arg)
{
	(void)arg;
	term_pump(at.term, 20);
	return cockpit_connections(&sick, user) <= CONNECTIONS_MAX;
}

/* At no moment while the row comes back are there more than three. A closed socket is noticed by the server
 * a moment later than by us, so what counts is that it goes on for no longer than that. */
static void comes_back(const char *what)
{
	int64_t deadline = wait_now_ms() + PATIENCE_MS + RETRIES_MS;
	for (;;) {
		long n = cockpit_connections(&sick, user);
		if (n > CONNECTIONS_MAX && !wait_until(few_connections, NULL, NOTICED_MS))
			fail_msg("%s: %ld connections at once", what, n);
		if (cockpit_running(&sick, user, LIMIT_MS) > 0)
			fail_msg("%s: a statement of ours runs on", what);
		const char *row = cockpit_row(&at, "sick");
		if (strstr(row, "no answer") == NULL && strstr(row, "cannot") == NULL &&
		        strchr(row, '/') != NULL)
			break;
		if (wait_now_ms() >= deadline) {
			term_dump(at.term);
			fail_msg("%s: did not come back", what);
		}
		term_pump(at.term, 50);
	}
	cockpit_assert_fresh(&at, "sick", &sick);
	others_are_well();
	cockpit_assert_no_leak(&at, PATIENCE_MS);
}

static bool nobody_left(void *arg)
{
	(void)arg;
	return cockpit_connections(&sick, user) == 0;
}

static void leave(void)
{
	cockpit_quit(&at);
	assert_true(wait_until(nobody_left, NULL, PATIENCE_MS));
}

/* ---- before there is a connection ---- */

static void another_ca(char *path, size_t size)
{
	char key[256];
	snprintf(path, size, "%s/another-ca.pem", at.home);
	snprintf(key, sizeof(key), "%s/another-ca.key", at.home);
	const char *const argv[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
	        "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=nobody knows me", "-days", "2",
	        "-keyout", key, "-out", path, NULL};
	struct proc *p = proc_run(argv, NULL, NULL, SQL_MS);
	assert_int_equal(p->exit_code, 0);
	proc_free(p);
}

static void add_door(const char *name, const struct lab_server *server, const char *fault, const char *mode)
{
	struct chaos_door door = chaos_listen(chaos, server->host, server->port);
	if (fault != NULL)
		chaos_set(door, "down", fault);
	if (mode != NULL)
		chaos_accept(door, mode);
	cockpit_add(&at, name, server, user, door.port, "tls: disable");
}

void fleet_faults_ways_in(void **state)
{
	(void)state;
	/* What is wrong with the row; the server behind the doors is one that works. */
	static const struct {
		const char *name, *regex;
	} rows[] = {
	        {"stopped", "timed out"},
	        {"hole", "timed out"},
	        {"mute", "timed out"},
	        {"stalled", "timed out"},
	        {"dripped", "timed out"},
	        {"reset", "✖"},
	        {"refused", "refused"},
	        {"stranger", "password|denied"},
	        {"tls", "certificate|TLS|SSL"},
	};
	const struct lab_server *well = lab_is_postgres(&sick) ? &postgres : &mariadb;
	char ca[256];
	char more[400];
	char url[256];
	begin();
	lab_pause(&sick);
	cockpit_add(&at, "stopped", &sick, user, 0, NULL);
	cockpit_add(&at, "hole", well, user, chaos_blackhole(chaos).port, NULL);
	add_door("mute", well, NULL, "mute");
	add_door("stalled", well, "stall 120", NULL);
	add_door("dripped", well, "drip 1000", NULL);
	add_door("reset", well, "reset", NULL);
	add_door("refused", well, NULL, "refuse");
	snprintf(url, sizeof(url), "%s://monitor:wrong@%s:%d", lab_is_postgres(well) ? "postgres" : "mysql",
	        well->host, well->port);
	cockpit_add_url(&at, "stranger", url);
	another_ca(ca, sizeof(ca));
	snprintf(more, sizeof(more), "tls: verify-full, ca: %s", ca);
	cockpit_add(&at, "tls", well, user, 0, more);
	cockpit_add(&at, "norights", well, "nobody", 0, NULL);

	open_cockpit();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cockpit_wait_row(&at, rows[i].name, rows[i].regex, PATIENCE_MS);
	cockpit_wait_row(&at, "norights", "[0-9]+/[0-9]+|denied|GRANT", PATIENCE_MS);
	others_are_well();
	/* A while later nothing has grown: every attempt gives back what it took. */
	cockpit_mark(&at);
	at.fds += 12;
	term_pump(at.term, 3000);
	cockpit_assert_no_leak(&at, PATIENCE_MS);
	others_are_well();
	lab_resume(&sick);
	cockpit_wait_row(&at, "stopped", "[0-9]+/[0-9]+", PATIENCE_MS + 15000);
	leave();
}

/* ---- while it runs ---- */

void fleet_faults_stopped(void **state)
{
	(void)state;
	start(0);
	lab_pause(&sick);
	cockpit_wait_row(&at, "sick", "no answer.*timed out", PATIENCE_MS);
	others_are_well();
	lab_resume(&sick);
	comes_back("stopped");
	leave();
}

void fleet_faults_stalled(void **state)
{
	(void)state;
	struct chaos_door door = chaos_listen(chaos, sick.host, sick.port);
	start(door.port);
	chaos_set(door, "down", "stall 700");
	cockpit_wait_row(&at, "sick", "no answer.*timed out", PATIENCE_MS);
	others_are_well();
	chaos_set(door, "down", "none");
	comes_back("stalled");
	leave();
}

void fleet_faults_dripped(void **state)
{
	(void)state;
	struct chaos_door door = chaos_listen(chaos, sick.host, sick.port);
	start(door.port);
	chaos_set(door, "both", "drip 1000");
	cockpit_wait_row(&at, "sick", "no answer.*timed out", PATIENCE_MS);
	others_are_well();
	chaos_set(door, "both", "none");
	comes_back("dripped");
	leave();
}

void fleet_faults_cut(void **state)
{
	(void)state;
	struct chaos_door door = chaos_listen(chaos, sick.host, sick.port);
	start(door.port);
	chaos_set(door, "down", "reset");
	cockpit_wait_row(&at, "sick", "✖", PATIENCE_MS);
	others_are_well();
	chaos_set(door, "down", "none");
	comes_back("reset");
	chaos_accept(door, "refuse");
	chaos_set_only(door, "down", "open", "reset");
	cockpit_wait_row(&at, "sick", "refused", PATIENCE_MS);
	others_are_well();
	chaos_accept(door, "hang");
	cockpit_wait_row(&at, "sick", "timed out", PATIENCE_MS);
	others_are_well();
	chaos_accept(door, "open");
	comes_back("black hole");
	leave();
}

void fleet_faults_killed(void **state)
{
	(void)state;
	start(0);
	lab_kill(sick.name);
	cockpit_wait_row(&at, "sick", "✖", PATIENCE_MS);
	others_are_well();
	sick = lab_start(sick.name);
	comes_back("killed");
	cockpit_wait_row(&at, "sick", "restarted", PATIENCE_MS);
	leave();
}

void fleet_faults_restarted(void **state)
{
	(void)state;
	start(0);
	sick = lab_restart(sick.name);
	cockpit_wait_row(&at, "sick", "restarted", PATIENCE_MS + 8000);
	comes_back("restarted");
	leave();
}

void fleet_faults_crashed(void **state)
{
	(void)state;
	/* That its processes are younger than itself shows only when it is some seconds old. */
	free(lab_sql(&sick, "dba",
	        "SELECT pg_sleep(greatest(0, 3 - extract(epoch FROM clock_timestamp() - "
	        "pg_postmaster_start_time())))",
	        SQL_MS));
	start(0);
	pid_t one = (pid_t)lab_sql_number(&sick, "dba",
	        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'background writer'", SQL_MS);
	assert_true(one > 1);
	assert_int_equal(kill(one, SIGKILL), 0);
	cockpit_wait_row(&at, "sick", "crashed", PATIENCE_MS);
	comes_back("crashed");
	leave();
}

/* ---- no connection is left ---- */

/* Connections of an application until the server refuses: their clients wait for input that never comes. */
static void fill(void)
{
	char port[16];
	snprintf(port, sizeof(port), "%d", sick.port);
	const char *const psql[] = {
	        "psql", "-XqAt", "-h", sick.host, "-p", port, "-U", "app", "-d", "app", NULL};
	const char *const mariadb_cli[] = {"mariadb", "--no-defaults", "-n", "-N", "-u", "app",
	        "--protocol=tcp", "-h", sick.host, "-P", port, NULL};
	const char *const env[] = {"PGPASSWORD=app-pw", "MYSQL_PWD=app-pw", NULL};
	for (size_t i = 0; i < HOGS_MAX; i++) {
		hogs[i] = proc_start(lab_is_postgres(&sick) ? psql : mariadb_cli, env);
		proc_write(hogs[i], "SELECT 'in';\n", 13, false);
		if (!proc_wait_output(hogs[i], "in", SQL_MS))
			return;
	}
	fail_msg("%s is never full", sick.name);
}

static bool is_full(void *arg)
{
	(void)arg;
	term_pump(at.term, 50);
	return strstr(cockpit_row(&at, "late"), "✖") != NULL;
}

void fleet_faults_full(void **state)
{
	(void)state;
	if (lab_is_postgres(&sick)) {
		free(lab_sql(&sick, "dba", "ALTER SYSTEM SET max_connections = 20", SQL_MS));
		sick = lab_restart(sick.name);
	} else {
		free(lab_sql(&sick, "dba", "SET GLOBAL max_connections = 20", SQL_MS));
	}
	start(0);
	fill();
	/* The dashboard that was there first goes on and says so. */
	cockpit_wait_row(&at, "sick", "[0-9]+/[0-9]+ connections", PATIENCE_MS);
	others_are_well();
	cockpit_assert_no_leak(&at, PATIENCE_MS);
	cockpit_quit(&at);
	/* One that comes late cannot get in, and comes in when there is room. */
	begin();
	cockpit_add(&at, "late", &sick, user, 0, NULL);
	free_hogs();
	fill();
	open_cockpit();
	if (!wait_until(is_full, NULL, PATIENCE_MS)) {
		term_dump(at.term);
		fail_msg("the server is not full");
	}
	cockpit_wait_row(&at, "late", "[Tt]oo many|remaining connection slots|connections", PATIENCE_MS);
	others_are_well();
	free_hogs();
	cockpit_wait_row(&at, "late", "[0-9]+/[0-9]+", PATIENCE_MS);
	leave();
}

/* ---- a replica becomes a primary ---- */

void fleet_faults_promoted(void **state)
{
	(void)state;
	snprintf(replica_name, sizeof(replica_name), "%.60s_r", sick.name);
	struct lab_server replica = lab_spawn_replica(sick.kind, replica_name, sick.name);
	begin();
	cockpit_add(&at, "sick", &sick, user, 0, NULL);
	cockpit_add(&at, "second", &replica, user, 0, NULL);
	open_cockpit();
	cockpit_wait_row(&at, "second", "replica", PATIENCE_MS);
	cockpit_wait_row(&at, "sick", "primary", PATIENCE_MS);
	free(lab_sql(&replica, "dba",
	        lab_is_postgres(&sick) ? "SELECT pg_promote()"
	                               : "STOP ALL SLAVES; RESET SLAVE ALL; SET GLOBAL read_only = OFF",
	        SQL_MS));
	cockpit_wait_row(&at, "second", "primary", PATIENCE_MS);
	term_wait_match(at.term, "was a replica until|two|writable primaries", PATIENCE_MS);
	others_are_well();
	cockpit_assert_fresh(&at, "second", &replica);
	leave();
}
