/* Grants that an account lacks, on MariaDB and MySQL: each probe that needs one says which, all others go on;
 * under the real dashboard the server goes on being shown with what may be read, and comes back whole. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/mysql.h"
#include "tests/support/chaos.h"
#include "tests/support/cockpit.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

enum { SQL_MS = 10000, FETCH_MS = 5000 };
#ifdef DBATOP_JOIN_AT_EXIT
enum { CONNECT_MS = 4000, QUERY_MS = 1500, PATIENCE_MS = 40000 };
#else
enum { CONNECT_MS = 1000, QUERY_MS = 500, PATIENCE_MS = 12000 };
#endif

static const char user[] = "rightsmy";
static struct lab_server servers[2];
static struct drive drive;
static struct chaos *chaos;
static struct cockpit at;

static int setup(void **state)
{
	(void)state;
	struct err e;
	if (!mysql_driver_init(&e))
		fail_msg("%s", e.text);
	servers[0] = lab_spawn("maria1011", "rights1011", NULL);
	servers[1] = lab_spawn("mysql97", "rights97", NULL);
	drive_start(&drive, &mysql_driver);
	chaos = chaos_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cockpit_drop(&at);
	chaos_stop(chaos);
	drive_stop(&drive);
	lab_remove(servers[0].name);
	lab_remove(servers[1].name);
	mysql_driver_end();
	return 0;
}

/* A grant that is missing while all others are there, and probes that name it then; what does not need it
 * answers. */
struct lack {
	const char *granted;
	const char *needs;
	const char *denied[8];
};

static const char monitor_of_mariadb[] = "PROCESS, BINLOG MONITOR, SLAVE MONITOR ON *.*";
static const struct lack of_mariadb[] = {
        {"BINLOG MONITOR, SLAVE MONITOR ON *.*", "PROCESS", {"sessions", "blockers", "horizon"}},
        {"PROCESS, BINLOG MONITOR ON *.*", "SLAVE MONITOR", {"replication", "replication_brief"}},
        {"PROCESS, SLAVE MONITOR ON *.*", "BINLOG MONITOR", {NULL}},
};
static const char monitor_of_mysql[] =
        "PROCESS, REPLICATION CLIENT ON *.* TO rightsmy; GRANT SELECT ON performance_schema.*";
static const struct lack of_mysql[] = {
        {"REPLICATION CLIENT ON *.* TO rightsmy; GRANT SELECT ON performance_schema.*", "PROCESS",
                {"sessions", "blockers", "horizon"}},
        {"PROCESS, REPLICATION CLIENT ON *.*", "SELECT on performance_schema",
                {"sessions", "blockers", "replication", "replication_brief"}},
        {"PROCESS ON *.* TO rightsmy; GRANT SELECT ON performance_schema.*", "REPLICATION CLIENT", {NULL}},
};
enum { LACKS = sizeof(of_mysql) / sizeof(of_mysql[0]) };
_Static_assert(sizeof(of_mariadb) == sizeof(of_mysql), "as many for each");

/* Whoever is connected keeps the rights of before. */
static void grant(const struct lab_server *server, const char *granted)
{
	char sql[512];
	snprintf(sql, sizeof(sql),
	        "CREATE USER IF NOT EXISTS %s IDENTIFIED BY '%s-pw'; REVOKE ALL PRIVILEGES, GRANT OPTION "
	        "FROM %s; "
	        "GRANT %s TO %s",
	        user, user, user, granted, user);
	free(lab_sql(server, "dba", sql, SQL_MS));
}

static bool is_denied(const struct lack *lack, const char *probe)
{
	for (const char *const *name = lack->denied; *name != NULL; name++) {
		if (strcmp(*name, probe) == 0)
			return true;
	}
	return false;
}

/* Denied only what names the grant; and denied what is known to need it. */
static void try_probe(
        const struct lab_server *server, struct conn *c, const char *probe, const struct lack *lack)
{
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct err e = {.code = ERR_NONE};
	int64_t self = drive.driver->info(c)->self.id;
	bool answered = drive_fetch(&drive, c, probe, self, FETCH_MS, arena, &t, &e);
	const char *says = answered ? NULL : strstr(e.text, "it needs ");
	if (answered ? is_denied(lack, probe)
	             : e.code != ERR_DENIED || says == NULL || strstr(says, lack->needs) == NULL)
		fail_msg("%s without %s: %s: %s", server->name, lack->needs, probe,
		        answered ? "answered" : e.text);
	arena_free(arena);
}

static void each_probe_says_its_grant(const struct lab_server *server, const struct lack *lacks)
{
	for (size_t i = 0; i < LACKS; i++) {
		struct endpoint ep;
		grant(server, lacks[i].granted);
		struct conn *c = drive_open(&drive, server, user, LANE_FAST, &ep);
		for (unsigned slot = 0; slot < probe_set_names(drive.probes); slot++) {
			const struct server_identity *s = &drive.driver->info(c)->server;
			if (probe_set_find(drive.probes, slot, s->engine, s->version, NULL) != NULL)
				try_probe(server, c, probe_set_name(drive.probes, slot), &lacks[i]);
		}
		drive.driver->close(c);
		endpoint_free(&ep);
	}
}

static void test_each_probe_says_its_grant(void **state)
{
	(void)state;
	each_probe_says_its_grant(&servers[0], of_mariadb);
	each_probe_says_its_grant(&servers[1], of_mysql);
}

/* Rights count from the next connect on: all are cut, and everything is asked at once. */
static void grant_and_cut(const struct lab_server *server, struct chaos_door door, const char *granted)
{
	grant(server, granted);
	long before = chaos_stat(door).accepted;
	chaos_set_only(door, "both", "open", "reset");
	int64_t until = wait_now_ms() + PATIENCE_MS;
	while (chaos_stat(door).accepted == before && wait_now_ms() < until)
		term_pump(at.term, 20);
	term_send(at.term, "\014");
}

static void the_server_goes_on(const struct lab_server *server, const char *monitor, const struct lack *lacks)
{
	struct chaos_door door = chaos_listen(chaos, server->host, server->port);
	char denied[128];
	grant(server, monitor);
	cockpit_begin(&at, CONNECT_MS, QUERY_MS);
	cockpit_cluster(&at, "ill", "lab");
	cockpit_add(&at, "strict", server, user, door.port, NULL);
	cockpit_open(&at, 30, 160, NULL, NULL);
	for (size_t i = 0; i < LACKS; i++) {
		cockpit_wait_row(&at, "strict", "[0-9]+/[0-9]+", PATIENCE_MS);
		grant_and_cut(server, door, lacks[i].granted);
		cockpit_assert_fresh(&at, "strict", server);
		cockpit_assert_keys_live(&at);
		term_send(at.term, "2");
		snprintf(denied, sizeof(denied), "denied: needs .*%s", lacks[i].needs);
		if (is_denied(&lacks[i], "sessions"))
			term_wait_match(at.term, denied, PATIENCE_MS);
		grant_and_cut(server, door, monitor);
		term_wait_gone(at.term, "denied", PATIENCE_MS);
		term_send(at.term, "1");
	}
	cockpit_assert_fresh(&at, "strict", server);
	cockpit_quit(&at);
}

static void test_the_server_goes_on(void **state)
{
	(void)state;
	the_server_goes_on(&servers[0], monitor_of_mariadb, of_mariadb);
	the_server_goes_on(&servers[1], monitor_of_mysql, of_mysql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_probe_says_its_grant),
	        cmocka_unit_test(test_the_server_goes_on),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
