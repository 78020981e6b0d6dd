/* However the program ends (a signal, a crash, while the terminal takes no bytes), the terminal comes back as
 * it was and no connection stays. The real binary, with real servers answering until then. */
#include "tests/support/test.h"

#include <signal.h>

#include "tests/support/cockpit.h"
#include "tests/support/wait.h"

enum { SOON_MS = 5000 };
#ifdef DBATOP_JOIN_AT_EXIT
enum { DIE_MS = 30000 };
#else
enum { DIE_MS = 1000 };
#endif

static const char user[] = "ends";
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

static int open_cockpit(void **state)
{
	(void)state;
	cockpit_begin(&at, 3000, 800);
	cockpit_cluster(&at, "shop", "lab");
	cockpit_add(&at, "near", &postgres, user, 0, NULL);
	cockpit_add(&at, "other", &mariadb, user, 0, NULL);
	cockpit_open(&at, 30, 140, NULL, NULL);
	cockpit_wait_row(&at, "near", "[0-9]+/[0-9]+", SOON_MS);
	cockpit_wait_row(&at, "other", "[0-9]+/[0-9]+", SOON_MS);
	return 0;
}

static int drop_cockpit(void **state)
{
	(void)state;
	cockpit_drop(&at);
	return 0;
}

static bool nobody_left(void *arg)
{
	(void)arg;
	return cockpit_connections(&postgres, user) == 0 && cockpit_connections(&mariadb, user) == 0;
}

/* The program has ended by itself, this way, and nothing of it is left anywhere. */
static void assert_ended(int code, int signal, bool restored)
{
	struct term_exit end;
	if (!term_wait_exit(at.term, DIE_MS, &end)) {
		term_dump(at.term);
		fail_msg("still there after %d ms", DIE_MS);
	}
	if (end.code != code || end.signal != signal) {
		term_dump(at.term);
		fail_msg("ended with code %d, signal %d, not %d, %d", end.code, end.signal, code, signal);
	}
	if (restored)
		term_assert_restored(at.term);
	assert_true(wait_until(nobody_left, NULL, SOON_MS));
}

static void test_signals_that_end(void **state)
{
	(void)state;
	static const int signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (i > 0)
			open_cockpit(NULL);
		term_signal(at.term, signals[i]);
		assert_ended(128 + signals[i], 0, true);
		cockpit_drop(&at);
	}
}

/* Sanitizers have their own handlers for all but abort(). */
static void test_a_crash_gives_the_terminal_back(void **state)
{
	(void)state;
#ifdef DBATOP_JOIN_AT_EXIT
	static const int signals[] = {SIGABRT};
#else
	static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#endif
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (i > 0)
			open_cockpit(NULL);
		term_signal(at.term, signals[i]);
		assert_ended(-1, signals[i], true);
		cockpit_drop(&at);
	}
}

/* More than the kernel holds for a terminal that is not read. */
static void choke(void)
{
	term_drain(at.term, false);
	for (int i = 0; i < 60; i++)
		term_send(at.term, "\014");
	term_settle(at.term, 200, 1000);
}

static void test_signals_end_it_while_nothing_is_taken(void **state)
{
	(void)state;
	static const int signals[] = {SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (i > 0)
			open_cockpit(NULL);
		choke();
		term_signal(at.term, signals[i]);
		struct term_exit end;
		assert_true(term_wait_exit(at.term, DIE_MS, &end));
		assert_true(end.tty_restored);
		term_drain(at.term, true);
		term_settle(at.term, 50, 2000);
		term_assert_restored(at.term);
		cockpit_drop(&at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_signals_that_end, open_cockpit, drop_cockpit),
	        cmocka_unit_test_setup_teardown(
	                test_a_crash_gives_the_terminal_back, open_cockpit, drop_cockpit),
	        cmocka_unit_test_setup_teardown(
	                test_signals_end_it_while_nothing_is_taken, open_cockpit, drop_cockpit),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
