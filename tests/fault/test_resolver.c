/* A resolver that does not answer, under the real dashboard: what is concerned says so, all else goes on. */
#include "tests/support/test.h"

#include <stdio.h>

#include "tests/support/cockpit.h"

enum { PATIENCE_MS = 12000 };

static const char user[] = "resolver";
static struct lab_server postgres, mariadb;
static struct cockpit at;

static int setup(void **state)
{
	(void)state;
	postgres = lab_server("pg15");
	mariadb = lab_server("maria1011");
	lab_add_account(&postgres, user);
	lab_add_account(&mariadb, user);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_drop_account(&postgres, user);
	lab_drop_account(&mariadb, user);
	return 0;
}

static int tidy(void **state)
{
	(void)state;
	cockpit_drop(&at);
	return 0;
}

static void begin(void)
{
	cockpit_begin(&at, 1000, 500);
	cockpit_cluster(&at, "well", "prod");
	cockpit_add(&at, "near", &postgres, user, 0, NULL);
	cockpit_add(&at, "other", &mariadb, user, 0, NULL);
	cockpit_cluster(&at, "ill", "lab");
}

static void others_are_well(void)
{
	cockpit_assert_fresh(&at, "near", &postgres);
	cockpit_assert_fresh(&at, "other", &mariadb);
	cockpit_assert_keys_live(&at);
}

/* More names than the resolver has workers: the ninth waits for a place, never for an answer. */
static void test_a_resolver_that_does_not_answer(void **state)
{
	(void)state;
	enum { NAMES = 12 };
	char name[32];
	char url[128];
	static const char *const env[] = {
	        "LD_PRELOAD=" TEST_MUTE_RESOLVER, "ASAN_OPTIONS=verify_asan_link_order=0", NULL};
	begin();
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "mute%d", i);
		snprintf(url, sizeof(url), "%s://monitor@db%d.mute/%s", i % 2 ? "postgres" : "mysql", i,
		        i % 2 ? "app" : "");
		cockpit_add_url(&at, name, url);
	}
	cockpit_open(&at, 30, 160, NULL, env);
	cockpit_wait_row(&at, "near", "[0-9]+/[0-9]+", PATIENCE_MS);
	cockpit_wait_row(&at, "other", "[0-9]+/[0-9]+", PATIENCE_MS);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "mute%d", i);
		cockpit_wait_row(&at, name, "✖.*(timed out|resolv|look)", PATIENCE_MS);
	}
	others_are_well();
	cockpit_wait_connections(&at, &postgres, user, 2, PATIENCE_MS);
	cockpit_wait_connections(&at, &mariadb, user, 2, PATIENCE_MS);
	cockpit_mark(&at);
	term_pump(at.term, 3000);
	cockpit_assert_no_leak(&at, 1000);
	others_are_well();
	cockpit_quit(&at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_a_resolver_that_does_not_answer, tidy)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
