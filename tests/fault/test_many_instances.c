/* ctest: serial */
/* 200 instances of which 100 are black holes: the hundred that answer are fresh, keys are answered, threads
 * and descriptors stay where they were, and quitting takes no time. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/chaos.h"
#include "tests/support/cockpit.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

#ifdef DBATOP_JOIN_AT_EXIT
/* Sanitizers look for races and leaks, which need no scale, and slow four hundred threads to a crawl. */
enum { EACH = 10, HOLES = 20 };
#else
enum { EACH = 50, HOLES = 100 };
#endif
enum { PATIENCE_MS = 20000, LANES = 2, OTHER_THREADS = 16 };

static const char user[] = "many";
static struct lab_server postgres, mariadb;
static struct chaos *chaos;
static struct cockpit at;

static int setup(void **state)
{
	(void)state;
	static const char *const settings[] = {"max_connections=200", NULL};
	chaos = chaos_start();
	postgres = lab_spawn("pg15", "many15", settings);
	mariadb = lab_server("maria1011");
	lab_add_account(&postgres, user);
	lab_add_account(&mariadb, user);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cockpit_drop(&at);
	lab_remove(postgres.name);
	lab_drop_account(&mariadb, user);
	chaos_stop(chaos);
	return 0;
}

static void add_many(const char *prefix, const struct lab_server *server, int port, int n)
{
	char name[32];
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i + 1);
		cockpit_add(&at, name, server, user, port, "tls: disable");
	}
}

static int count_rows(const char *prefix, const char *word)
{
	int n = 0;
	char name[32];
	for (int i = 0; i < HOLES; i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i + 1);
		n += strstr(cockpit_row(&at, name), word) != NULL;
	}
	return n;
}

static bool all_there(void *arg)
{
	(void)arg;
	term_pump(at.term, 50);
	return count_rows("pg", "/197") == EACH && count_rows("my", "/200") == EACH &&
	       count_rows("hole", "timed out") == HOLES;
}

static void test_half_of_the_fleet_is_a_black_hole(void **state)
{
	(void)state;
	cockpit_begin(&at, 2000, 800);
	/* The servers of a hundred instances share this machine's processors with the screen. */
	at.key_ms = 4000;
	cockpit_cluster(&at, "well", "prod");
	add_many("pg", &postgres, 0, EACH);
	add_many("my", &mariadb, 0, EACH);
	cockpit_cluster(&at, "void", "lab");
	add_many("hole", &postgres, chaos_blackhole(chaos).port, HOLES);
	/* A terminal tall enough for all of them; its writing is part of the load. */
	cockpit_open(&at, 220, 140, NULL, NULL);
	term_wait_text(at.term, "LIVE", COCKPIT_SOON_MS);
	cockpit_assert_keys_live(&at);
	if (!wait_until(all_there, NULL, PATIENCE_MS)) {
		term_dump(at.term);
		fail_msg("answer: %d pg, %d my; %d holes said so", count_rows("pg", "/197"),
		        count_rows("my", "/200"), count_rows("hole", "timed out"));
	}
	cockpit_assert_keys_live(&at);

	/* Two lanes for each, and what the process itself needs. */
	cockpit_wait_connections(&at, &postgres, user, 2 * EACH, PATIENCE_MS);
	cockpit_wait_connections(&at, &mariadb, user, 2 * EACH, PATIENCE_MS);
	cockpit_mark(&at);
	assert_true(at.threads <= LANES * (2 * EACH + HOLES) + OTHER_THREADS);
	assert_true(cockpit_connections(&postgres, user) <= 3 * EACH);
	at.fds += HOLES; /* each hole may be in the middle of a connect */
	int64_t until = wait_now_ms() + 3000;
	while (wait_now_ms() < until)
		cockpit_assert_keys_live(&at);
	cockpit_assert_no_leak(&at, 2000);
	for (int i = 1; i <= EACH; i += 7) {
		char name[32];
		snprintf(name, sizeof(name), "pg%d", i);
		cockpit_assert_fresh(&at, name, &postgres);
		snprintf(name, sizeof(name), "my%d", i);
		cockpit_assert_fresh(&at, name, &mariadb);
	}
	cockpit_quit(&at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_half_of_the_fleet_is_a_black_hole)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
