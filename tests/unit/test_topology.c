/* Replication as one picture, in many shapes: who follows whom is found by identity, both ends are joined,
 * and a wire that was cut never reads 0. */
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

static void test_a_cascade(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	size_t b = topo_pg(f, "pg3", "replica", NULL);
	size_t c = topo_pg(f, "pg4", "replica", NULL);
	topo_primary(f, p, 1000000,
	        "downstream | pg2 | 10.0.0.2:4001 | streaming | | | 999000 | 998000 | 997000 | 990000 | 300 "
	        "| 50 | s_pg2 | | | |\n"
	        "downstream | pg3 | 10.0.0.3:4002 | streaming | | | 1000000 | 1000000 | 1000000 | 1000000 | "
	        "| 50 | s_pg3 | | | |\n");
	topo_standby(f, a, "pg2", "pg1:5432", 999000, 990000,
	        "downstream | pg4 | 10.0.0.4:4003 | streaming | | | 999000 | 999000 | 999000 | 980000 | | 50 "
	        "| s_pg4 | | | |\n");
	topo_standby(f, b, "pg3", "pg1:5432", 1000000, 1000000, "");
	topo_standby(f, c, "pg4", "pg2:5432", 999000, 980000, "");
	struct topology *t = build(f);
	assert_int_equal(t->nnodes, 4);
	assert_int_equal(t->nedges, 3);
	topo_assert_tree(t, "pg1\n pg2\n  pg4\n pg3\n");
	const struct topology_edge *e = topo_edge(t, "pg1", "pg2");
	assert_int_equal(e->transport, TRANSPORT_STREAMING);
	assert_int_equal(e->apply, APPLY_RUNNING);
	assert_int_equal(e->unsent, 1000);
	assert_int_equal(e->write, 1000);
	assert_int_equal(e->flush, 1000);
	assert_int_equal(e->replay, 7000);
	assert_int_equal(e->behind, 10000);
	assert_int_equal(e->lag_ms, 300);
	assert_string_equal(e->source, "replay_lag");
	assert_int_equal(e->confidence, CONFIDENCE_GOOD);
	assert_true(e->from_says && e->to_says);
	e = topo_edge(t, "pg1", "pg3");
	assert_int_equal(e->behind, 0);
	assert_int_equal(e->lag_ms, 0);
	assert_string_equal(e->source, "LSN of pg1");
	assert_int_equal(topo_edge(t, "pg2", "pg4")->behind, 19000);
	assert_int_equal(topo_node(t, "pg2")->feeds, 1);
	topology_free(t);
	fixture_free(f);
}

/* Neither end has closed: both say streaming, the standby has replayed all it received. */
static void test_a_cut_wire_never_reads_zero(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	static const char stale[] = "downstream | pg2 | 10.0.0.2:4001 | streaming | | | 500000 | 500000 | "
	                            "500000 | 500000 | | 2000 | s_pg2 | | | |\n";
	topo_primary(f, p, 500000, stale);
	topo_standby(f, a, "pg2", "pg1:5432", 500000, 500000, "");
	topology_free(build(f));
	for (int i = 1; i <= 20; i++) {
		fixture_advance(f, 2000);
		topo_primary(f, p, 500000 + i * 1000, stale);
		topo_standby(f, a, "pg2", "pg1:5432", 500000, 500000, "");
		struct topology *t = build(f);
		const struct topology_edge *e = topo_edge(t, "pg1", "pg2");
		assert_int_equal(e->behind, i * 1000);
		/* The head passed that position when it was first seen beyond it. */
		assert_int_equal(e->lag_ms, (i - 1) * 2000);
		assert_string_equal(e->source, "LSN of pg1 over time");
		if (i >= 5)
			assert_true(e->grows);
		assert_int_equal(e->eta_ms, -1);
		topology_free(t);
	}
	/* The primary gave the connection up; the standby has not noticed. */
	fixture_advance(f, 2000);
	topo_primary(f, p, 600000, "");
	topo_standby(f, a, "pg2", "pg1:5432", 500000, 500000, "");
	struct topology *t = build(f);
	const struct topology_edge *e = topo_edge(t, "pg1", "pg2");
	assert_int_equal(e->transport, TRANSPORT_SILENT);
	assert_string_equal(e->say, "cut off: its upstream has no connection to it");
	assert_int_equal(e->severity, SEVERITY_CRIT);
	assert_int_equal(e->behind, 100000);
	topology_free(t);
	fixture_free(f);
}

static void test_it_catches_up(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	struct topology *t = NULL;
	for (int i = 0; i <= 10; i++) {
		fixture_advance(f, 2000);
		topo_primary(f, p, 10000000, "");
		topo_standby(f, a, "pg2", "pg1:5432", 10000000, 5000000 + i * 400000, "");
		topology_free(t);
		t = build(f);
	}
	const struct topology_edge *e = topo_edge(t, "pg1", "pg2");
	assert_int_equal(e->behind, 1000000);
	assert_in_range((uint64_t)e->eta_ms, 4000, 6000);
	assert_false(e->grows);
	topology_free(t);
	fixture_free(f);
}

static void test_a_proxy_between(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	topo_primary(f, p, 100,
	        "downstream | walreceiver | 172.16.0.9:999 | streaming | | | 100 | 100 | 100 | 100 | | 50 | "
	        "| | | |\n");
	topo_standby(f, a, "", "vip.example:6432", 100, 100, "");
	struct topology *t = build(f);
	/* No slot, no name: only the address is there, and nobody has it. */
	assert_int_equal(t->nnodes, 4);
	topology_free(t);
	topo_primary(f, p, 100,
	        "downstream | pg2 | 172.16.0.9:999 | streaming | | | 100 | 100 | 100 | 100 | | 50 | | | | "
	        "|\n");
	topo_standby(f, a, "pg2", "vip.example:6432", 100, 100, "");
	t = build(f);
	assert_int_equal(t->nnodes, 2);
	assert_int_equal(t->nedges, 1);
	assert_true(topo_edge(t, "pg1", "pg2")->from_says);
	topology_free(t);
	fixture_free(f);
}

static void test_two_primaries(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t q = topo_pg(f, "pg2", "primary", NULL);
	size_t a = topo_pg(f, "pg3", "replica", NULL);
	topo_primary(f, p, 100, "");
	fixture_table(f, q, "replication", "kind | state | lsn | timeline\nnode | primary | 90 | 2");
	fixture_table(f, a, "replication",
	        "kind | peer | state | receiver | applier | lsn | replay_lsn | timeline\n"
	        "node | | replica | | | 80 | 80 | 1\n"
	        "upstream | pg2:5432 | stopped | stopped | running | 80 | 80 | 1\n");
	struct topology *t = build(f);
	topo_assert_tree(t, "pg1\npg2\n pg3\n");
	const struct topology_edge *e = topo_edge(t, "pg2", "pg3");
	assert_true(e->other_timeline);
	assert_int_equal(e->transport, TRANSPORT_STOPPED);
	assert_string_equal(e->say, "receiver stopped");
	topology_free(t);
	fixture_free(f);
}

static void test_a_replica_of_nobody(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	topo_pg(f, "pg1", "replica",
	        "kind | peer | state | receiver | applier | lsn | replay_lsn\nnode | | replica | | | 80 | "
	        "80\n"
	        "upstream | | stopped | stopped | running | 80 | 80\n");
	struct topology *t = build(f);
	assert_int_equal(t->nedges, 0);
	assert_string_equal(t->node[0].say, "replica of nobody");
	assert_int_equal(t->node[0].severity, SEVERITY_WARN);
	topology_free(t);
	fixture_free(f);
}

static void test_an_unreachable_primary(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = fixture_instance(f, "orders", "pg1", ENGINE_POSTGRES);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	topo_standby(f, a, "pg2", "pg1:5432", 100, 100, "");
	fixture_link(f, p, LINK_DOWN, ERR_TIMEOUT, "connect: timed out after 5 s");
	struct topology *t = build(f);
	topo_assert_tree(t, "pg1\n pg2\n");
	assert_int_equal(topo_node(t, "pg1")->state, NODE_SILENT);
	assert_non_null(strstr(topo_node(t, "pg1")->say, "timed out"));
	const struct topology_edge *e = topo_edge(t, "pg1", "pg2");
	/* All received is replayed; what was not received nobody tells. */
	assert_int_equal(e->behind, -1);
	assert_true(e->lag_ms != 0 || e->confidence == CONFIDENCE_GUESS);
	topology_free(t);

	/* One that nobody configured has a place as well. */
	topo_standby(f, a, "pg2", "10.9.9.9:5432", 100, 100, "");
	t = build(f);
	assert_int_equal(topo_node(t, "10.9.9.9:5432")->state, NODE_NAMED);
	topo_assert_tree(t, "pg1\n10.9.9.9:5432\n pg2\n");
	topology_free(t);
	fixture_free(f);
}

static void test_both_ends_old(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	topo_primary(f, p, 100, "");
	topo_standby(f, a, "pg2", "pg1:5432", 100, 100, "");
	fixture_advance(f, 20000);
	struct topology *t = build(f);
	const struct topology_edge *e = topo_edge(t, "pg1", "pg2");
	assert_int_equal(e->lag_ms, -1);
	assert_int_equal(e->behind, -1);
	assert_string_equal(e->source, "neither end answers");
	topology_free(t);
	fixture_free(f);
}

static void test_a_ring(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	static const char *const names[] = {"m1", "m2", "m3"};
	for (size_t i = 0; i < 3; i++) {
		char text[256];
		size_t at = topo_my(f, names[i], ENGINE_MYSQL, "replica");
		snprintf(text, sizeof(text),
		        "kind | peer | peer_id | state | receiver | applier | gtid\nnode | | | | | |\n"
		        "upstream | x:3306 | uuid-of-%s | streaming | ON | ON |\n",
		        names[(i + 2) % 3]);
		fixture_table(f, at, "replication", text);
	}
	struct topology *t = build(f);
	assert_int_equal(t->nedges, 3);
	topo_assert_tree(t, "m1\n m2\n  m3\n   to m1\n");
	topology_free(t);
	fixture_free(f);
}

static void test_one_server_under_two_addresses(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	size_t p = topo_pg(f, "pg1", "primary", NULL);
	size_t vip = topo_pg(f, "vip", "primary", NULL);
	size_t a = topo_pg(f, "pg2", "replica", NULL);
	struct server_identity *id = &fixture_at(f, p)->link.server;
	snprintf(id->address, GUARD_MAX, "10.0.0.1:5432");
	fixture_at(f, vip)->link.server = *id;
	snprintf(fixture_at(f, a)->link.server.address, GUARD_MAX, "10.0.0.2:5432");
	topo_primary(f, p, 100, "");
	topo_standby(f, a, "pg2", "vip:5432", 100, 100, "");
	struct topology *t = build(f);
	topo_assert_tree(t, "pg1\n pg2\n");
	assert_int_equal(topo_node(t, "pg1")->addresses, 2);
	assert_int_equal(t->of_instance[vip], t->of_instance[p]);
	topology_free(t);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_a_cascade, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_cut_wire_never_reads_zero, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_it_catches_up, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_proxy_between, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_two_primaries, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_replica_of_nobody, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_an_unreachable_primary, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_both_ends_old, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_ring, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_one_server_under_two_addresses, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
