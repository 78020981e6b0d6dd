/* Who keeps old rows from being cleaned up is named once it has been so for an hour, and nobody is who only
 * might. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/model/finding.h"
#include "tests/support/fixture.h"

struct scene {
	struct fixture *f;
	struct finding_memory *m;
	struct findings *found;
};

static struct scene scene(enum engine engine)
{
	struct scene sc = {.f = fixture_new(), .m = finding_memory_new(false)};
	fixture_instance(sc.f, "orders", "orders-1", engine);
	return sc;
}

static void look(struct scene *sc)
{
	findings_free(sc->found);
	sc->found = findings_build(sc->m, fixture_snapshot(sc->f));
}

static void end(struct scene *sc)
{
	findings_free(sc->found);
	finding_memory_free(sc->m);
	fixture_free(sc->f);
}

static void quiet(struct scene *sc)
{
	look(sc);
	if (sc->found->n > 0)
		fail_msg("unexpected: %s", sc->found->item[0].text);
}

/* This one, and no other. */
static void found(struct scene *sc, enum severity severity, const char *text, const char *brief)
{
	look(sc);
	if (sc->found->n == 0)
		fail_msg("nothing found, expected: %s", text);
	const struct finding *f = &sc->found->item[0];
	assert_string_equal(f->text, text);
	assert_string_equal(f->brief, brief);
	assert_int_equal(f->severity, severity);
	if (sc->found->n > 1)
		fail_msg("also found: %s", sc->found->item[1].text);
	assert_ptr_equal(findings_of(sc->found, f->instance), f);
}

static void test_history_list(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_MYSQL);
	static const char *const growing[] = {"900000", "1000001", "1000002", "1200000"};
	for (int i = 0; i < 4; i++) {
		char text[64];
		snprintf(text, sizeof(text), "history_list\n%s", growing[i]);
		fixture_advance(sc.f, 1000);
		fixture_table(sc.f, 0, "pulse", text);
		if (i < 3)
			quiet(&sc);
	}
	found(&sc, SEVERITY_WARN,
	        "orders-1: the InnoDB history list has 1.2M entries and grows: an old transaction holds back "
	        "purge",
	        "history list 1.2M");

	/* Where the transactions are known, the oldest is named. */
	fixture_table(sc.f, 0, "sessions", "id | kind | state | user\n71 | client | active | batch");
	fixture_table(sc.f, 0, "horizon",
	        "kind | id | user | state | age_ms\nsession | 70 | app | running | 9000\n"
	        "session | 71 | batch | running | 5000000\nprepared | | | | 60000");
	fixture_advance(sc.f, 1000);
	fixture_table(sc.f, 0, "pulse", "history_list\n1300000");
	found(&sc, SEVERITY_WARN,
	        "orders-1: the InnoDB history list has 1.3M entries and grows; the oldest transaction: id 71 "
	        "(user=batch, running), for 1h23m",
	        "history list 1.3M");
	assert_int_equal(sc.found->item[0].culprit.id, 71);
	assert_string_equal(sc.found->item[0].view, "sessions");
	end(&sc);
}

/* A new sample of who holds the horizon. */
static void holders(struct scene *sc, const char *rows)
{
	char text[1024];
	snprintf(text, sizeof(text),
	        "kind | id | name | started | user | app | state | xmin_age | age_ms | held_ms | catalog\n%s",
	        rows);
	fixture_advance(sc->f, 5000);
	fixture_table(sc->f, 0, "pulse", "active\n1");
	fixture_table(sc->f, 0, "horizon", text);
}

static void test_horizon(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	static const char long_ago[] =
	        "session | 4711 | | t1 | app | report | idle in transaction | 500 | 4000000 | 4000000 | f";
	/* An old transaction whose statements are young, what holds the catalogs alone, a standby that does
	 * not say since when: nobody has held anything for an hour. */
	for (int i = 0; i < 4; i++) {
		holders(&sc, "session | 1 | | t1 | app | a | active | 10 | 9000000 | 2000 | f\n"
		             "slot | | debezium | | | | inactive | 4100000 | 10800000 | 10800000 | t\n"
		             "feedback | 812 | | t2 | repl | r | active | 1200 | | | f");
		quiet(&sc);
	}
	/* Three samples in a row. */
	for (int i = 0; i < 3; i++) {
		holders(&sc, long_ago);
		fixture_table(sc.f, 0, "sessions", "id | started | kind | state\n4711 | t1 | client | idle");
		if (i < 2)
			quiet(&sc);
	}
	found(&sc, SEVERITY_WARN,
	        "orders-1: nothing that was deleted in the last 1h07m can be vacuumed: pid 4711 (app=report, "
	        "idle in transaction) holds the horizon",
	        "horizon held for 1h07m");
	assert_int_equal(sc.found->item[0].kind, FINDING_HORIZON);
	assert_int_equal(sc.found->item[0].culprit.id, 4711);
	assert_string_equal(sc.found->item[0].view, "sessions");

	/* What is no session is in the list of Replication. */
	holders(&sc, "prepared | | order-771 | | app | | prepared | 70000 | 90000000 | 90000000 | f");
	found(&sc, SEVERITY_WARN,
	        "orders-1: nothing that was deleted in the last 1d01h can be vacuumed: the prepared "
	        "transaction order-771 holds the horizon",
	        "horizon held for 1d01h");
	assert_int_equal(sc.found->item[0].culprit.id, 0);
	assert_string_equal(sc.found->item[0].view, "replication");

	/* An old sample proves nothing; a freed horizon is over at once. */
	fixture_advance(sc.f, 16000);
	fixture_table(sc.f, 0, "pulse", "active\n1");
	fixture_table(sc.f, 0, "sessions", "id | started | kind | state\n4711 | t1 | client | idle");
	quiet(&sc);
	holders(&sc, long_ago);
	holders(&sc, "session | 9 | | t1 | app | a | active | 10 | 2000 | 2000 | f");
	quiet(&sc);
	end(&sc);
}

static void test_a_standby_holds_no_horizon(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "server", "role\nreplica");
	for (int i = 0; i < 4; i++) {
		holders(&sc, "session | 4711 | | t1 | app | report | active | 500 | 4000000 | 4000000 | f");
		fixture_table(sc.f, 0, "server", "role\nreplica");
		quiet(&sc);
	}
	end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_history_list),
	        cmocka_unit_test(test_horizon),
	        cmocka_unit_test(test_a_standby_holds_no_horizon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
