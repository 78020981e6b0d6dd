/* Lag is what the best witness says, its source is named, and unknown never becomes 0. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/replication.h"
#include "tests/support/fixture.h"

static struct fixture *pair(enum engine engine)
{
	struct fixture *f = fixture_new();
	fixture_instance(f, "orders", "orders-1", engine);
	fixture_instance(f, "orders", "orders-2", engine);
	fixture_table(f, 0, "server", "role | cluster_id | lsn\nprimary | c1 | 100000000");
	fixture_table(f, 1, "server", "role | cluster_id | lsn\nreplica | c1 | 90000000");
	return f;
}

static struct server_facts facts_of(struct fixture *f, size_t instance)
{
	struct server_facts *all = server_facts_build(fixture_snapshot(f));
	struct server_facts out = all[instance];
	free(all);
	return out;
}

static enum server_role role_of(struct fixture *f)
{
	return facts_of(f, 0).role;
}

static struct replication_facts facts(struct fixture *f, const char *brief)
{
	if (brief != NULL)
		fixture_table(f, 1, "replication_brief", brief);
	return facts_of(f, 1).replication;
}

static void test_roles(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	fixture_instance(f, "billing", "billing-my-1", ENGINE_MARIADB);
	assert_int_equal(role_of(f), SERVER_UNKNOWN);
	fixture_table(f, 0, "server", "role\nprimary");
	assert_int_equal(role_of(f), SERVER_PRIMARY);
	fixture_table(f, 0, "replication_brief", "kind | state\nupstream | stopped");
	assert_int_equal(role_of(f), SERVER_REPLICA);
	assert_int_equal(server_role_of(fixture_snapshot(f), 0), SERVER_REPLICA);
	fixture_table(f, 0, "server", "role | writable\n| f");
	fixture_table(f, 0, "replication_brief", "kind | state\ndownstream | streaming");
	assert_int_equal(role_of(f), SERVER_PRIMARY);
	fixture_free(f);
}

static void test_a_primary_has_no_lag(void **state)
{
	(void)state;
	struct fixture *f = pair(ENGINE_POSTGRES);
	struct replication_facts out = facts_of(f, 0).replication;
	assert_int_equal(out.lag, LAG_NONE);
	assert_int_equal(out.lag_ms, -1);
	out = facts(f, NULL);
	assert_int_equal(out.lag, LAG_UNKNOWN);
	assert_int_equal(out.lag_bytes, -1);
	fixture_free(f);
}

static void test_the_distance_to_the_primary_counts(void **state)
{
	(void)state;
	struct fixture *f = pair(ENGINE_POSTGRES);
	static const char own[] = "kind | state | lag_ms | lag_bytes | lag_source | replay_lsn\n"
	                          "upstream | streaming | 0 | 0 | all received is replayed | 90000000";
	struct replication_facts out = facts(f, own);
	assert_int_equal(out.lag, LAG_RUNS);
	assert_int_equal(out.lag_bytes, 10000000);
	assert_string_equal(out.source, "LSN of orders-1");
	assert_int_equal(out.lag_ms, 0);

	/* The links of the primary are newer than its own row; 30 MB not received are not "0 s". */
	fixture_table(
	        f, 0, "replication_brief", "kind | replay_lsn | lag_bytes\ndownstream | 90000000 | 30000000");
	out = facts(f, own);
	assert_int_equal(out.lag_bytes, 30000000);
	assert_int_equal(out.lag_ms, -1);

	/* A primary that has not answered for long is no witness. */
	fixture_advance(f, 11000);
	out = facts(f, own);
	assert_int_equal(out.lag_bytes, 0);
	assert_int_equal(out.lag_ms, 0);
	assert_string_equal(out.source, "all received is replayed");
	fixture_free(f);
}

static void test_states(void **state)
{
	(void)state;
	static const struct {
		const char *row;
		enum lag_state lag;
		const char *note;
	} cases[] = {
	        {"upstream | paused | streaming | paused | 2460000 | t |", LAG_PAUSED, "replay paused"},
	        {"upstream | streaming | yes | no | | | error 1062 on write", LAG_STOPPED,
	                "error 1062 on write"},
	        {"upstream | | Yes | No | | |", LAG_STOPPED, "applier stopped"},
	        {"upstream | | No | Yes | 5 | |", LAG_STOPPED, "receiver stopped"},
	        {"upstream | stopped | | | | |", LAG_STOPPED, "stopped"},
	        {"upstream | | Connecting | Yes | | |", LAG_UNKNOWN, "connecting to its primary"},
	        {"upstream | | Connecting | Yes | | | error connecting to 10.0.0.1", LAG_STOPPED,
	                "error connecting to 10.0.0.1"},
	        {"upstream | streaming | yes | yes | | |", LAG_UNKNOWN, ""},
	        {"upstream | streaming | yes | yes | 300 | |", LAG_RUNS, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct fixture *f = pair(ENGINE_MYSQL);
		snprintf(text, sizeof(text),
		        "kind | state | receiver | applier | lag_ms | paused | error\n%s", cases[i].row);
		struct replication_facts out = facts(f, text);
		assert_int_equal(out.lag, cases[i].lag);
		assert_string_equal(out.note, cases[i].note);
		fixture_free(f);
	}
}

static void test_the_worst_channel_is_named(void **state)
{
	(void)state;
	struct fixture *f = pair(ENGINE_MYSQL);
	struct replication_facts out = facts(f, "kind | name | state | receiver | lag_ms\n"
	                                        "upstream | eu | streaming | yes | 900\n"
	                                        "upstream | us | streaming | yes | 45000\n"
	                                        "downstream | x | streaming | | 99000");
	assert_int_equal(out.lag_ms, 45000);
	assert_string_equal(out.note, "us");
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_roles),
	        cmocka_unit_test(test_a_primary_has_no_lag),
	        cmocka_unit_test(test_the_distance_to_the_primary_counts),
	        cmocka_unit_test(test_states),
	        cmocka_unit_test(test_the_worst_channel_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
