/* One row an instance: what is unknown stays unknown, what is wrong is said, groups and counts add up. */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/model/fleet.h"
#include "tests/support/fixture.h"

struct scene {
	struct fixture *f;
	struct finding_memory *m;
	struct findings *found;
	struct fleet *fleet;
};

static void look(struct scene *sc)
{
	fleet_free(sc->fleet);
	findings_free(sc->found);
	sc->found = findings_build(sc->m, fixture_snapshot(sc->f));
	sc->fleet = fleet_build(fixture_snapshot(sc->f), sc->found);
}

static struct scene scene(void)
{
	return (struct scene){.f = fixture_new(), .m = finding_memory_new(true)};
}

static void end(struct scene *sc)
{
	fleet_free(sc->fleet);
	findings_free(sc->found);
	finding_memory_free(sc->m);
	fixture_free(sc->f);
}

static void test_an_empty_fleet(void **state)
{
	(void)state;
	struct scene sc = scene();
	look(&sc);
	assert_int_equal(sc.fleet->n, 0);
	assert_int_equal(sc.fleet->ngroups, 0);
	assert_int_equal(sc.fleet->noffers, 0);
	end(&sc);
}

static void test_a_row(void **state)
{
	(void)state;
	struct scene sc = scene();
	fixture_instance(sc.f, "orders", "orders-1", ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "server", "role | writable\nprimary | t");
	fixture_table(sc.f, 0, "pulse", "connections | xacts\n90 | 1000");
	fixture_advance(sc.f, 2000);
	fixture_table(sc.f, 0, "pulse",
	        "connections | limit_used | limit_max | limit_name | active | idle_in_xact | lock_waiters | "
	        "oldest_xact_ms | hidden | xacts\n112 | 112 | 500 | max_connections | 37 | 12 | 9 | 192000 | "
	        "0 | 9000");
	look(&sc);
	const struct fleet_row *r = &sc.fleet->rows[0];
	assert_true(r->answers);
	assert_false(r->stale);
	assert_int_equal(r->role, SERVER_PRIMARY);
	assert_int_equal(r->connections, 112);
	assert_int_equal(r->limit_max, 500);
	assert_string_equal(r->limit_name, "max_connections");
	assert_int_equal(r->active, 37);
	assert_int_equal(r->idle_xact, 12);
	assert_int_equal(r->blocked, 9);
	assert_int_equal(r->oldest_xact_ms, 192000);
	assert_int_equal(r->lag, LAG_NONE);
	assert_float_equal((float)r->rate, 4000, 0.1);
	assert_false(r->rate_is_queries);
	assert_int_equal(r->health, SEVERITY_OK);
	assert_string_equal(r->state, "");
	end(&sc);
}

static void test_unknown_is_not_zero(void **state)
{
	(void)state;
	struct scene sc = scene();
	fixture_instance(sc.f, "billing", "billing-my-1", ENGINE_MYSQL);
	look(&sc);
	const struct fleet_row *r = &sc.fleet->rows[0];
	assert_false(r->answers);
	assert_string_equal(r->state, "waiting for its first answer");
	assert_int_equal(r->connections, -1);
	assert_int_equal(r->pulse_age_ms, -1);
	fixture_table(sc.f, 0, "pulse", "queries\n100");
	fixture_advance(sc.f, 1000);
	fixture_table(sc.f, 0, "pulse", "queries | active\n160 |");
	look(&sc);
	r = &sc.fleet->rows[0];
	assert_int_equal(r->active, -1);
	assert_int_equal(r->blocked, -1);
	assert_int_equal(r->limit_max, -1);
	assert_null(r->limit_name);
	assert_true(r->rate_is_queries);
	assert_float_equal((float)r->rate, 60, 0.1);
	assert_int_equal(r->role, SERVER_UNKNOWN);

	/* A restart: no rate until the next sample. */
	snprintf(fixture_at(sc.f, 0)->link.server.start, GUARD_MAX, "later");
	fixture_table(sc.f, 0, "pulse", "queries\n5");
	look(&sc);
	assert_true(isnan(sc.fleet->rows[0].rate));
	end(&sc);
}

static void test_one_that_does_not_answer(void **state)
{
	(void)state;
	struct scene sc = scene();
	fixture_instance(sc.f, "billing", "billing-my-2", ENGINE_MARIADB);
	fixture_table(sc.f, 0, "pulse", "connections\n40");
	fixture_advance(sc.f, 14000);
	fixture_error(sc.f, 0, "pulse", ERR_TIMEOUT, "pulse: timed out after 800 ms");
	look(&sc);
	const struct fleet_row *r = &sc.fleet->rows[0];
	assert_false(r->answers);
	assert_true(r->stale);
	assert_int_equal(r->connections, 40);
	assert_int_equal(r->health, SEVERITY_CRIT);
	assert_string_equal(
	        r->state, "no answer for 14 s \xC2\xB7 timed out after 800 ms \xC2\xB7 last seen 14:02:07");
	assert_int_equal(sc.fleet->unanswered, 1);
	end(&sc);
}

static void test_groups_and_counts(void **state)
{
	(void)state;
	struct scene sc = scene();
	fixture_instance(sc.f, "orders", "orders-1", ENGINE_POSTGRES);
	fixture_instance(sc.f, "billing", "billing-1", ENGINE_MYSQL);
	fixture_instance(sc.f, "orders", "orders-2", ENGINE_POSTGRES);
	fixture_cluster(sc.f, "empty");
	for (size_t i = 0; i < 3; i++)
		fixture_table(sc.f, i, "pulse", "limit_used | limit_max\n1 | 100");
	fixture_table(sc.f, 2, "pulse", "limit_used | limit_max\n90 | 100");
	fixture_link(sc.f, 1, LINK_DOWN, ERR_AUTH, "password authentication failed");
	look(&sc);
	assert_int_equal(sc.fleet->n, 3);
	assert_int_equal(sc.fleet->ngroups, 2);
	const struct fleet_group *g = sc.fleet->groups;
	assert_string_equal(g[0].name, "orders");
	assert_int_equal(g[0].first, 0);
	assert_int_equal(g[0].n, 2);
	assert_int_equal(g[0].health, SEVERITY_WARN);
	assert_int_equal(g[0].ok, 1);
	assert_int_equal(g[0].warn, 1);
	assert_string_equal(g[1].name, "billing");
	assert_int_equal(g[1].first, 2);
	assert_int_equal(g[1].crit, 1);
	assert_int_equal(sc.fleet->rows[0].instance, 0);
	assert_int_equal(sc.fleet->rows[1].instance, 2);
	assert_string_equal(sc.fleet->rows[1].state, "90/100 connections");
	assert_int_equal(sc.fleet->rows[2].instance, 1);
	assert_int_equal(sc.fleet->ok, 1);
	assert_int_equal(sc.fleet->warn, 1);
	assert_int_equal(sc.fleet->crit, 1);
	end(&sc);
}

static void test_lag(void **state)
{
	(void)state;
	struct scene sc = scene();
	fixture_instance(sc.f, "orders", "orders-1", ENGINE_POSTGRES);
	fixture_instance(sc.f, "orders", "orders-2", ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "server", "role | cluster_id | lsn\nprimary | c1 | 5000");
	fixture_table(sc.f, 1, "server", "role | cluster_id\nreplica | c1");
	fixture_table(sc.f, 1, "pulse", "active\n1");
	fixture_table(sc.f, 1, "replication_brief",
	        "kind | state | lag_ms | lag_bytes | replay_lsn | paused\nupstream | paused | 2460000 | 10 | "
	        "4000 | "
	        "t");
	look(&sc);
	const struct fleet_row *r = &sc.fleet->rows[1];
	assert_int_equal(r->lag, LAG_PAUSED);
	assert_int_equal(r->lag_ms, 2460000);
	assert_int_equal(r->lag_bytes, 1000);
	assert_string_equal(r->lag_source, "LSN of orders-1");
	assert_string_equal(r->state, "replay paused");
	end(&sc);
}

static void test_offered_replicas(void **state)
{
	(void)state;
	struct scene sc = scene();
	fixture_instance(sc.f, "orders", "orders-1", ENGINE_POSTGRES);
	fixture_instance(sc.f, "orders", "10.0.0.3", ENGINE_POSTGRES);
	fixture_instance(sc.f, "orders", "orders-3", ENGINE_POSTGRES);
	fixture_instance(sc.f, "billing", "billing-1", ENGINE_MARIADB);
	snprintf(fixture_at(sc.f, 2)->link.server.address, GUARD_MAX, "[2001:db8::3]:5432");
	fixture_table(sc.f, 0, "replication_brief",
	        "kind | peer | state\ndownstream | 10.0.0.9:51442 | streaming\n"
	        "downstream | 10.0.0.9:51443 | catchup\ndownstream | 10.0.0.3:4 |\n"
	        "downstream | [2001:db8::3]:5 |\ndownstream | [2001:db8::4]:6 |\n"
	        "downstream | local, pid 7 |\ndownstream | local |\ndownstream | |\n"
	        "upstream | 10.0.0.1:5432 |\ndownstream | 'a b' |\ndownstream | 10.0.0.8:51444 | backup");
	fixture_table(sc.f, 3, "sessions",
	        "id | kind | command | client\n1 | replication | Binlog Dump | 10.0.1.2:7\n"
	        "2 | client | Query | 10.0.1.3:8");
	look(&sc);
	assert_int_equal(sc.fleet->noffers, 3);
	assert_string_equal(sc.fleet->offers[0].host, "10.0.0.9");
	assert_int_equal(sc.fleet->offers[0].primary, 0);
	assert_int_equal(sc.fleet->offers[0].port, 5432);
	assert_string_equal(sc.fleet->offers[1].host, "2001:db8::4");
	assert_string_equal(sc.fleet->offers[2].host, "10.0.1.2");
	assert_int_equal(sc.fleet->offers[2].primary, 3);
	end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_an_empty_fleet),
	        cmocka_unit_test(test_a_row),
	        cmocka_unit_test(test_unknown_is_not_zero),
	        cmocka_unit_test(test_one_that_does_not_answer),
	        cmocka_unit_test(test_groups_and_counts),
	        cmocka_unit_test(test_lag),
	        cmocka_unit_test(test_offered_replicas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
