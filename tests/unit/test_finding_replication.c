/* Findings about replication name the cause and lead to the server, or to the session, that is the cause. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/model/finding.h"
#include "tests/support/scenes_replication.h"
#include "tests/support/topology.h"

static const struct finding *find(const struct findings *f, size_t instance, enum finding_kind kind)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->item[i].instance == instance && f->item[i].kind == kind)
			return &f->item[i];
	}
	return NULL;
}

struct expected {
	size_t instance;
	enum finding_kind kind;
	enum severity severity;
	const char *text;
	int64_t culprit;
};

static void check(void (*scene)(struct fixture *f), const struct expected *e, size_t n)
{
	struct fixture *f = fixture_new();
	struct finding_memory *m = finding_memory_new(true);
	scene(f);
	struct findings *found = findings_build(m, fixture_snapshot(f));
	for (size_t i = 0; i < n; i++) {
		const struct finding *x = find(found, e[i].instance, e[i].kind);
		if (x == NULL)
			fail_msg("no %s of %zu", finding_kind_name(e[i].kind), e[i].instance);
		assert_string_equal(x->text, e[i].text);
		assert_int_equal(x->severity, e[i].severity);
		assert_string_equal(x->view, "replication");
		assert_int_equal(x->culprit.id, e[i].culprit);
	}
	findings_free(found);
	finding_memory_free(m);
	fixture_free(f);
}

static void test_postgres(void **state)
{
	(void)state;
	static const struct expected expected[] = {
	        {0, FINDING_COMMIT_WAITS, SEVERITY_CRIT,
	                "orders-pg-1: commits wait: 0 of 1 synchronous standbys are connected (FIRST 1 "
	                "(orders-pg-9))",
	                0},
	        {0, FINDING_SLOT, SEVERITY_CRIT,
	                "orders-pg-1: slot debezium retains 214 GB of 250 GB: close to being lost", 0},
	        {2, FINDING_REPLICATION, SEVERITY_WARN,
	                "orders-pg-3: replay is paused, 41m00s, 9.8 GB behind", 0},
	        {3, FINDING_RECOVERY_CONFLICT, SEVERITY_WARN,
	                "orders-pg-4: replay has waited 42 s for the reader 7741 (nightly, report): cancel "
	                "it there",
	                7741},
	};
	check(scene_paused, expected, sizeof expected / sizeof expected[0]);
}

/* Rows that a snapshot needs: the server does not say whose it is. */
static void test_a_likely_reader(void **state)
{
	(void)state;
	static const char *const waits_on[] = {"RecoveryConflictSnapshot", "BufferPin"};
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = fixture_new();
		struct finding_memory *m = finding_memory_new(true);
		char rows[1024];
		scene_paused(f);
		snprintf(rows, sizeof rows,
		        "kind | peer | state | receiver | applier | lsn | replay_lsn | word_ms | slot_name | "
		        "app | "
		        "conflict | conflict_ms | pid | user\n"
		        "node | | replica | | | 15700900000 | 15696000000 | | | orders-pg-4 | | | |\n"
		        "upstream | orders-pg-2:5432 | streaming | streaming | running | 15700900000 | "
		        "15696000000 | 100 | pg4 | | %s | 42000 | |\n"
		        "reader | | active | | | | | | | nightly | | | 7741 | report\n",
		        waits_on[i]);
		fixture_table(f, 3, "replication", rows);
		struct findings *found = findings_build(m, fixture_snapshot(f));
		const struct finding *x = find(found, 3, FINDING_RECOVERY_CONFLICT);
		assert_non_null(x);
		assert_string_equal(x->text,
		        "orders-pg-4: replay has waited 42 s, likely for the reader 7741 (report, nightly): "
		        "cancel it there");
		assert_string_equal(x->brief, "replay likely waits for 7741");
		assert_string_equal(x->tight, "7741 may block replay");
		assert_int_equal(x->culprit.id, 7741);
		findings_free(found);
		finding_memory_free(m);
		fixture_free(f);
	}
}

static void test_mysql(void **state)
{
	(void)state;
	static const struct expected expected[] = {
	        {1, FINDING_REPLICATION, SEVERITY_CRIT,
	                "billing-my-2: replication is stopped: error 1062: Write_rows event on table "
	                "billing.invoice; "
	                "Duplicate entry 4711 for key invoice.PRIMARY",
	                0},
	        {1, FINDING_ERRANT, SEVERITY_WARN,
	                "billing-my-2: has 2 transactions that its primary has not: "
	                "22222222-2222-2222-2222-222222222222:1-2",
	                0},
	};
	check(scene_broken, expected, sizeof expected / sizeof expected[0]);
	/* Where there is little room, the error comes first: that it stopped is said beside it. */
	struct fixture *f = fixture_new();
	struct finding_memory *m = finding_memory_new(true);
	scene_broken(f);
	struct findings *found = findings_build(m, fixture_snapshot(f));
	const struct finding *stopped = find(found, 1, FINDING_REPLICATION);
	assert_non_null(stopped);
	assert_string_equal(stopped->tight, "error 1062");
	findings_free(found);
	finding_memory_free(m);
	fixture_free(f);
}

/* How long it has been so is known since dbatop looks only. */
static void test_since_it_is_seen(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct finding_memory *m = finding_memory_new(true);
	scene_broken(f);
	findings_free(findings_build(m, fixture_snapshot(f)));
	fixture_advance(f, 5000);
	struct findings *found = findings_build(m, fixture_snapshot(f));
	const struct finding *x = find(found, 1, FINDING_REPLICATION);
	assert_non_null(x);
	assert_non_null(strstr(x->text, ", at least 5.0s behind"));
	findings_free(found);
	finding_memory_free(m);
	fixture_free(f);
}

static void test_all_is_well(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct finding_memory *m = finding_memory_new(true);
	scene_cascade(f);
	struct findings *found = findings_build(m, fixture_snapshot(f));
	assert_int_equal(found->n, 0);
	findings_free(found);
	finding_memory_free(m);
	fixture_free(f);
}

static void test_a_replica_of_nobody(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct finding_memory *m = finding_memory_new(false);
	size_t i = topo_pg(f, "pg1", "replica", NULL);
	struct findings *found = NULL;
	for (int k = 0; k < 2; k++) {
		fixture_advance(f, 2000);
		fixture_table(f, i, "replication",
		        "kind | peer | state | receiver | applier | lsn | replay_lsn\nnode | | replica | | | "
		        "80 | 80\n"
		        "upstream | | stopped | stopped | running | 80 | 80\n");
		findings_free(found);
		found = findings_build(m, fixture_snapshot(f));
		/* One sample is no finding yet. */
		assert_int_equal(find(found, i, FINDING_ORPHAN) != NULL, k == 1);
	}
	findings_free(found);
	finding_memory_free(m);
	fixture_free(f);
}

/* A standby is promoted, and its clients stay or do not. */
static void test_a_flip_tells_of_the_sessions(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct finding_memory *m = finding_memory_new(false);
	size_t i = topo_pg(f, "pg1", "replica", NULL);
	fixture_table(f, i, "pulse", "connections\n44");
	findings_free(findings_build(m, fixture_snapshot(f)));
	fixture_advance(f, 1000);
	fixture_table(f, i, "server", "role | cluster_id\nprimary | c1");
	struct findings *found = findings_build(m, fixture_snapshot(f));
	const struct finding *flip = find(found, i, FINDING_ROLE_FLIP);
	assert_non_null(flip);
	assert_null(strstr(flip->text, "clients"));
	findings_free(found);
	fixture_advance(f, 1000);
	fixture_table(f, i, "pulse", "connections\n412");
	found = findings_build(m, fixture_snapshot(f));
	flip = find(found, i, FINDING_ROLE_FLIP);
	assert_string_equal(
	        flip->text, "pg1: is a primary now, was a replica until 1 s ago; 44 clients before, 412 now");
	assert_string_equal(flip->view, "replication");
	findings_free(found);
	finding_memory_free(m);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_postgres),
	        cmocka_unit_test(test_a_likely_reader),
	        cmocka_unit_test(test_mysql),
	        cmocka_unit_test(test_since_it_is_seen),
	        cmocka_unit_test(test_all_is_well),
	        cmocka_unit_test(test_a_replica_of_nobody),
	        cmocka_unit_test(test_a_flip_tells_of_the_sessions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
