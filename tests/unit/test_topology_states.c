/* What the picture of replication says of each kind of server and state: transactions, slots, pauses, groups;
 * and of rows that make no sense. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/topology.h"

static struct topology_memory *memory;

static struct topology *build(struct fixture *f)
{
	return topology_build(memory, fixture_snapshot(f));
}

static int setup(void **state)
{
	(void)state;
	memory = topology_memory_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	topology_memory_free(memory);
	memory = NULL;
	return 0;
}

#define UUID1 "11111111-1111-1111-1111-111111111111"
#define UUID2 "22222222-2222-2222-2222-222222222222"

static const char channel_head[] =
        "kind | name | peer | peer_id | own_id | state | receiver | applier | gtid | lag_ms | lag_source | "
        "error | error_code | delay_ms | word_ms | word_limit_ms\n";

static void mysql_pair(
        struct fixture *f, const char *primary_set, const char *replica_set, const char *channel)
{
	char text[1024];
	snprintf(fixture_at(f, 0)->link.server.id, IDENTITY_MAX, UUID1);
	snprintf(fixture_at(f, 1)->link.server.id, IDENTITY_MAX, UUID2);
	snprintf(text, sizeof(text),
	        "%snode | | | | " UUID1 " | writable | | | '%s' | | | | | | |\n"
	        "downstream | | 10.0.0.2:9 | " UUID2 " | | streaming | | | | | | | | | |\n",
	        channel_head, primary_set);
	fixture_table(f, 0, "replication", text);
	snprintf(text, sizeof(text),
	        "%snode | | | | " UUID2 " | read only | | | '%s' | | | | | | |\n"
	        "upstream | | m1:3306 | " UUID1 " | | %s\n",
	        channel_head, replica_set, channel);
	fixture_table(f, 1, "replication", text);
}

static void test_mysql(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	topo_my(f, "m1", ENGINE_MYSQL, "primary");
	topo_my(f, "m2", ENGINE_MYSQL, "replica");
	static const char well[] =
	        "streaming | ON | ON | | 0 | all received is applied | | | 0 | 1000 | 30000";
	mysql_pair(f, UUID1 ":1-100", UUID1 ":1-100", well);
	struct topology *t = build(f);
	assert_int_equal(t->nedges, 1);
	const struct topology_edge *e = topo_edge(t, "m1", "m2");
	assert_int_equal(e->lag_ms, 0);
	assert_int_equal(e->transactions, 0);
	assert_int_equal(e->errant, 0);
	assert_string_equal(e->source, "GTID of m1");
	topology_free(t);

	/* "0 behind" with transactions that have not arrived: seen over time. */
	fixture_advance(f, 2000);
	mysql_pair(f, UUID1 ":1-150", UUID1 ":1-100", well);
	topology_free(build(f));
	fixture_advance(f, 4000);
	mysql_pair(f, UUID1 ":1-180", UUID1 ":1-100," UUID2 ":1-2", well);
	t = build(f);
	e = topo_edge(t, "m1", "m2");
	assert_int_equal(e->transactions, 80);
	assert_int_equal(e->lag_ms, 4000);
	assert_int_equal(e->errant, 2);
	assert_string_equal(e->errant_set, UUID2 ":1-2");
	assert_non_null(strstr(e->say, "2 errant transactions"));
	topology_free(t);

	mysql_pair(f, UUID1 ":1-180", UUID1 ":1-100",
	        "error | ON | OFF | | | | Duplicate entry '1' | 1062 | 0 | 1000 | 30000");
	t = build(f);
	e = topo_edge(t, "m1", "m2");
	assert_int_equal(e->apply, APPLY_ERROR);
	assert_string_equal(e->say, "error 1062: Duplicate entry '1'");
	assert_int_equal(e->severity, SEVERITY_CRIT);
	topology_free(t);

	/* Without the words around it, and without the statement, which may tell more than it should. */
	mysql_pair(f, UUID1 ":1-180", UUID1 ":1-100",
	        "error | ON | OFF | | | | Error 'Duplicate entry '1' for key 'PRIMARY'' on query. Default "
	        "database: 'app'. Query: 'INSERT INTO t VALUES (1)' | 1062 | 0 | 1000 | 30000");
	t = build(f);
	e = topo_edge(t, "m1", "m2");
	assert_string_equal(e->say, "error 1062: Duplicate entry '1' for key 'PRIMARY'");
	topology_free(t);

	mysql_pair(
	        f, UUID1 ":1-180", UUID1 ":1-100", "streaming | ON | ON | | 0 | x | | | 0 | 40000 | 30000");
	t = build(f);
	assert_int_equal(topo_edge(t, "m1", "m2")->transport, TRANSPORT_SILENT);
	topology_free(t);

	mysql_pair(f, UUID1 ":1-100", UUID1 ":1-100",
	        "streaming | ON | ON | | 0 | x | | | 3600000 | 100 | 30000");
	t = build(f);
	assert_int_equal(topo_edge(t, "m1", "m2")->apply, APPLY_DELAYED);
	assert_int_equal(topo_edge(t, "m1", "m2")->severity, SEVERITY_OK);
	topology_free(t);
	fixture_free(f);
}

/* The replica was asked after its primary: what its primary wrote in between is no errant transaction. */
static void test_skew_is_not_errant(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	topo_my(f, "m1", ENGINE_MYSQL, "primary");
	topo_my(f, "m2", ENGINE_MYSQL, "replica");
	static const char well[] = "streaming | ON | ON | | 0 | x | | | 0 | 1000 | 30000";
	char text[512];
	mysql_pair(f, UUID1 ":1-100", UUID1 ":1-100", well);
	fixture_advance(f, 500);
	snprintf(text, sizeof(text),
	        "%snode | | | | " UUID2 " | read only | | | '" UUID1 ":1-130' | | | | | | |\n"
	        "upstream | | m1:3306 | " UUID1 " | | %s\n",
	        channel_head, well);
	fixture_table(f, 1, "replication", text);
	struct topology *t = build(f);
	assert_int_equal(topo_edge(t, "m1", "m2")->errant, 0);
	topology_free(t);
	fixture_free(f);
}

static void test_mariadb_with_channels(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	topo_my(f, "m1", ENGINE_MARIADB, "primary");
	topo_my(f, "m2", ENGINE_MARIADB, "primary");
	topo_my(f, "m3", ENGINE_MARIADB, "replica");
	static const char head[] = "kind | name | peer | own_id | gtid | received\n";
	char text[512];
	snprintf(text, sizeof(text),
	        "%snode | | | 1 | '0-1-100' | ''\ndownstream | repl | 10.0.0.3:1 | | |\n", head);
	fixture_table(f, 0, "replication_local", text);
	snprintf(text, sizeof(text), "%snode | | | 2 | '5-2-7' | ''\n", head);
	fixture_table(f, 1, "replication_local", text);
	snprintf(text, sizeof(text), "%snode | | | 3 | '0-1-90,0-3-92' | '0-1-90,5-2-7'\n", head);
	fixture_table(f, 2, "replication_local", text);
	fixture_table(f, 2, "replication",
	        "kind | name | peer | peer_id | receiver | applier | lag_ms | lag_source | gtid | error | "
	        "error_code\n"
	        "upstream | eu | m1:3306 | 1 | Yes | Yes | 0 | Seconds_Behind_Master | '0-1-90,5-2-7' | |\n"
	        "upstream | us | m2:3306 | 2 | Connecting | Yes | | Seconds_Behind_Master | '0-1-90,5-2-7' | "
	        "|\n");
	struct topology *t = build(f);
	topo_assert_tree(t, "m1\n m3\nm2\n to m3\n");
	const struct topology_edge *e = topo_edge(t, "m1", "m3");
	assert_string_equal(e->channel, "eu");
	assert_int_equal(e->transactions, 10);
	assert_int_equal(e->errant, 2);
	assert_int_equal(topo_edge(t, "m2", "m3")->transport, TRANSPORT_CONNECTING);
	assert_int_equal(topo_edge(t, "m2", "m3")->transactions, 0);
	topology_free(t);
	fixture_free(f);
}

static void test_slots(void **state)
{
	(void)state;
	static const struct {
		const char *row, *say;
		enum severity severity;
	} cases[] = {
	        {"slot | a | logical | f | reserved | 1000 | | | 5000 |", "inactive 5.0s, retains 1.0 kB",
	                SEVERITY_NOTICE},
	        {"slot | a | physical | t | reserved | 1000 | | | |", "retains 1.0 kB", SEVERITY_OK},
	        {"slot | a | physical | f | extended | 214000000000 | 250000000000 | | 10800000 |",
	                "retains 214 GB of 250 GB: close to being lost", SEVERITY_CRIT},
	        {"slot | a | physical | f | reserved | 150000000 | 250000000 | | |",
	                "inactive, retains 150 MB of 250 MB", SEVERITY_WARN},
	        {"slot | a | physical | f | unreserved | 300000000 | 250000000 | | |",
	                "its WAL goes with the next checkpoint, retains 300 MB of 250 MB", SEVERITY_CRIT},
	        {"slot | a | physical | f | lost | | 250000000 | | |", "lost: the WAL it needs is gone",
	                SEVERITY_CRIT},
	        {"slot | a | logical | f | lost | | | | | wal_removed",
	                "lost: wal_removed; its consumer must be built anew", SEVERITY_CRIT},
	        {"slot | a | physical | f | extended | 300000000000 | | | 3600000 |",
	                "inactive 1h00m, retains 300 GB and nothing limits it", SEVERITY_WARN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct fixture *f = fixture_new();
		snprintf(text, sizeof(text),
		        "kind | name | slot_type | active | wal_status | retained_bytes | limit_bytes | "
		        "safe_bytes | "
		        "inactive_ms | invalidation\n%s",
		        cases[i].row);
		topo_pg(f, "pg1", "primary", text);
		struct topology *t = build(f);
		assert_int_equal(t->nslots, 1);
		assert_string_equal(t->slot[0].say, cases[i].say);
		assert_int_equal(t->slot[0].severity, cases[i].severity);
		topology_free(t);
		fixture_free(f);
	}
}

static void test_states_of_a_standby(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	static const char head[] = "kind | peer | state | receiver | applier | lsn | replay_lsn | paused | "
	                           "delay_ms | conflict | conflict_ms | pid | user | app | replay_age_ms\n"
	                           "node | | replica | | | 900 | 100 | | | | | | | pg2 |\n";
	static const struct {
		const char *row, *say;
		enum edge_apply apply;
	} cases[] = {
	        {"upstream | pg1:5432 | paused | streaming | paused | 900 | 100 | t | 0 | | | | | | 60000",
	                "replay paused", APPLY_PAUSED},
	        {"upstream | pg1:5432 | streaming | streaming | running | 900 | 100 | f | 0 | relation 16384 "
	         "| 12000 | | | | 900\n"
	         "reader | | idle in transaction | | | | | | | | | 4711 | report | psql |",
	                "waits 12s for 4711 (report, psql)", APPLY_CONFLICT},
	        {"upstream | pg1:5432 | streaming | streaming | running | 900 | 100 | f | 0 | BufferPin | "
	         "12000 | | | | 900",
	                "waits 12s: BufferPin", APPLY_CONFLICT},
	        {"upstream | pg1:5432 | streaming | streaming | running | 900 | 100 | f | 3600000 | | | | | "
	         "| 900",
	                "delayed by 1h00m on purpose", APPLY_DELAYED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		topo_primary(f, p, 1000,
		        "downstream | pg2 | 10.0.0.2:4001 | streaming | | | 900 | 900 | 900 | 100 | | 50 | | "
		        "| | |\n");
		snprintf(text, sizeof(text), "%s%s", head, cases[i].row);
		fixture_table(f, a, "replication", text);
		struct topology *t = topology_build(NULL, fixture_snapshot(f));
		const struct topology_edge *e = topo_edge(t, "pg1", "pg2");
		assert_string_equal(e->say, cases[i].say);
		assert_int_equal(e->apply, cases[i].apply);
		assert_int_equal(e->behind, 900);
		topology_free(t);
	}
	fixture_free(f);
}

static void test_would_a_commit_wait(void **state)
{
	(void)state;
	static const struct {
		const char *names, *sync;
		int need, have;
	} cases[] = {{"pg2", "sync", 1, 1}, {"FIRST 2 (pg2, pg3)", "sync", 2, 1},
	        {"ANY 1 (*)", "quorum", 1, 1}, {"2 (a, b)", "async", 2, 0}, {"a, b", "potential", 1, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct fixture *f = fixture_new();
		snprintf(text, sizeof(text),
		        "kind | name | peer | state | lsn | replay_lsn | sync_names | sync_state\n"
		        "node | | | primary | 100 | | '%s' |\n"
		        "downstream | pg2 | 10.0.0.2:1 | streaming | 100 | 100 | | %s\n",
		        cases[i].names, cases[i].sync);
		topo_pg(f, "pg1", "primary", text);
		struct topology *t = build(f);
		assert_int_equal(topo_node(t, "pg1")->sync_need, cases[i].need);
		assert_int_equal(topo_node(t, "pg1")->sync_have, cases[i].have);
		assert_int_equal(topo_node(t, "pg1")->would_wait, cases[i].have < cases[i].need);
		topology_free(t);
		fixture_free(f);
	}
}

static void test_logical(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t s = fixture_instance(f, "reports", "dwh", ENGINE_POSTGRES);
	fixture_table(f, s, "server", "role | cluster_id\nprimary | c9");
	fixture_table(f, p, "replication",
	        "kind | name | peer | state | lsn | replay_lsn | slot_name | slot_type | active\n"
	        "node | | | primary | 1000 | | | |\n"
	        "downstream | sub1 | 10.0.0.8:1 | streaming | 1000 | 900 | sub1 | |\n"
	        "downstream | debezium | 10.0.0.9:1 | streaming | 1000 | 700 | cdc | |\n"
	        "slot | sub1 | | active | | | sub1 | logical | t\n"
	        "slot | cdc | | active | | | cdc | logical | t\n");
	fixture_table(f, s, "replication",
	        "kind | name | state | lsn | replay_lsn | slot_name | failures\nnode | | primary | 50 | | |\n"
	        "subscription | sub1 | streaming | 1000 | 900 | sub1 | '3 while copying'\n"
	        "subscription | other | stopped | | | elsewhere | '12 while applying'\n"
	        "subscription | third | disabled | | | nowhere |\n");
	struct topology *t = build(f);
	assert_int_equal(topo_edge(t, "pg1", "dwh")->kind, EDGE_LOGICAL);
	assert_int_equal(topo_edge(t, "pg1", "dwh")->behind, 100);
	assert_true(topo_edge(t, "pg1", "dwh")->from_says && topo_edge(t, "pg1", "dwh")->to_says);
	assert_int_equal(topo_edge(t, "pg1", "cdc@10.0.0.9")->kind, EDGE_LOGICAL);
	/* What failed once is no trouble while it streams. */
	assert_string_equal(topo_edge(t, "pg1", "dwh")->failures, "3 while copying");
	assert_string_equal(topo_edge(t, "pg1", "dwh")->say, "");
	assert_string_equal(topo_edge(t, "publisher of other", "dwh")->say,
	        "subscription has no worker; failures: 12 while applying");
	assert_string_equal(topo_edge(t, "publisher of third", "dwh")->say, "subscription is disabled");
	topo_assert_tree(t, "pg1\n to dwh\n cdc@10.0.0.9\ndwh\npublisher of other\n to dwh\n"
	                    "publisher of third\n to dwh\n");
	topology_free(t);
	fixture_free(f);
}

static void test_groups(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t a = topo_my(f, "g1", ENGINE_MYSQL, "primary");
	topo_my(f, "g2", ENGINE_MYSQL, "replica");
	size_t galera = topo_my(f, "w1", ENGINE_MARIADB, "primary");
	fixture_table(f, a, "replication",
	        "kind | peer | peer_id | own_id | state | receiver\nnode | | | uuid-of-g1 | writable |\n"
	        "member | g1:3306 | uuid-of-g1 | | online | primary\n"
	        "member | g2:3306 | uuid-of-g2 | | recovering | secondary\n"
	        "member | g3:3306 | uuid-of-g3 | | unreachable | secondary\n");
	fixture_table(f, galera, "replication_local",
	        "kind | name | state | sync_state | members\nnode | | writable | |\n"
	        "member | c | donor/desynced | primary | 'w1:3306,w2:3306'\n");
	struct topology *t = build(f);
	assert_int_equal(topo_edge(t, "g1", "g2")->kind, EDGE_GROUP);
	assert_int_equal(topo_edge(t, "g1", "g2")->transport, TRANSPORT_CATCHUP);
	assert_string_equal(topo_edge(t, "g1", "g3:3306")->say, "member is unreachable");
	assert_string_equal(topo_node(t, "w1")->group_state, "donor/desynced");
	assert_int_equal(topo_node(t, "w2:3306")->state, NODE_NAMED);
	topology_free(t);
	fixture_free(f);
}

/* Names of people who mean harm, rows that make no sense, privileges that hide all: nothing breaks. */
static void test_hostile(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t a = topo_pg(f, "pg1", "primary",
	        "kind | name | peer | state | lsn | replay_lsn | slot_name\n"
	        "downstream | '\033[2J' | ':::[]' | streaming | -5 | 9223372036854775807 | ''\n"
	        "downstream | '' | '[' | | | | \n"
	        "downstream | | | | | |\n"
	        "upstream | | ':5432' | | | |\n"
	        "upstream | | 'pg1:5432' | | | |\n"
	        "slot | '\033]0;x\007' | | | | | \n"
	        "subscription | | | | | |\n"
	        "member | | | | | |\n"
	        "reader | | | | | |\n"
	        "nonsense | | | | | |\n");
	struct topology *t = build(f);
	assert_true(t->nedges >= 3);
	topology_free(t);
	char many[8192] = "kind | name | peer | state\n";
	for (int i = 0; i < 100; i++) {
		size_t n = strlen(many);
		snprintf(many + n, sizeof(many) - n, "downstream | r%d | 10.0.0.%d:1 | streaming\n", i, i);
	}
	fixture_table(f, a, "replication", many);
	t = build(f);
	assert_int_equal(t->nedges, 100);
	assert_int_equal(t->nlines, 101);
	topology_free(t);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_mysql, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_skew_is_not_errant, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_mariadb_with_channels, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_states_of_a_standby, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_would_a_commit_wait, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_logical, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
