/* What terminals do to a program that runs on them for days: they are resized, stopped, closed, they take no
 * bytes, they vanish. The real binary, with real servers answering meanwhile. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tests/support/cockpit.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

enum { SOON_MS = 5000, PATIENCE_MS = 20000 };
#ifdef DBATOP_JOIN_AT_EXIT
enum { DIE_MS = 30000 };
#else
enum { DIE_MS = 1000 };
#endif

static const char user[] = "terminal";
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

static void others_are_well(void)
{
	cockpit_assert_fresh(&at, "near", &postgres);
	cockpit_assert_fresh(&at, "other", &mariadb);
	cockpit_assert_keys_live(&at);
}

static void test_a_storm_of_resizes_and_a_single_cell(void **state)
{
	(void)state;
	term_settle(at.term, 200, 1000);
	cockpit_wait_connections(&at, &postgres, user, 2, PATIENCE_MS);
	cockpit_wait_connections(&at, &mariadb, user, 2, PATIENCE_MS);
	cockpit_mark(&at);
	for (int i = 0; i < 400; i++) {
		term_resize(at.term, 1 + (i * 7) % 60, 1 + (i * 13) % 250);
		if (i % 32 == 0)
			term_pump(at.term, 1);
	}
	term_resize(at.term, 1, 1);
	term_send(at.term, "jk/near\r\033cs");
	term_settle(at.term, 100, 2000);
	term_resize(at.term, 30, 140);
	term_send(at.term, "\033\033");
	others_are_well();
	cockpit_assert_no_leak(&at, SOON_MS);
	cockpit_quit(&at);
}

static void test_suspended_and_resumed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			term_send(at.term, "\032");
		else
			term_signal(at.term, SIGTSTP);
		if (!term_wait_stopped(at.term, SOON_MS)) {
			term_dump(at.term);
			fail_msg("not stopped, round %d", i);
		}
		assert_true(term_wait_left(at.term, SOON_MS));
		term_continue(at.term);
		others_are_well();
	}
	cockpit_quit(&at);
}

/* Stopped for so long that servers and clocks have moved on. */
static void test_a_long_stop(void **state)
{
	(void)state;
	term_signal(at.term, SIGSTOP);
	assert_true(term_wait_stopped(at.term, SOON_MS));
	term_pump(at.term, 3000);
	term_continue(at.term);
	others_are_well();
	cockpit_quit(&at);
}

static void test_a_window_that_is_closed(void **state)
{
	(void)state;
	pid_t pid = term_pid(at.term);
	term_hang_up(at.term);
	struct term_exit end;
	assert_true(term_wait_exit(at.term, DIE_MS, &end));
	assert_int_equal(proc_state(pid), 'X');
	assert_true(wait_until(nobody_left, NULL, SOON_MS));
}

/* More than the kernel holds for a terminal that is not read. */
static void choke(void)
{
	term_drain(at.term, false);
	for (int i = 0; i < 60; i++)
		term_send(at.term, "\014");
	term_settle(at.term, 200, 1000);
}

static void test_a_terminal_that_takes_no_bytes_for_a_while(void **state)
{
	(void)state;
	choke();
	/* Lanes go on meanwhile: the servers are asked. */
	long before = lab_sql_number(&postgres, "dba",
	        "SELECT extract(epoch FROM max(query_start))::bigint FROM pg_stat_activity WHERE usename = "
	        "'terminal'",
	        SOON_MS);
	int64_t until = wait_now_ms() + SOON_MS;
	long now = before;
	while (now <= before + 1 && wait_now_ms() < until) {
		term_pump(at.term, 100);
		now = lab_sql_number(&postgres, "dba",
		        "SELECT extract(epoch FROM max(query_start))::bigint FROM pg_stat_activity WHERE "
		        "usename = 'terminal'",
		        SOON_MS);
	}
	assert_true(now > before + 1);
	term_drain(at.term, true);
	others_are_well();
	cockpit_quit(&at);
}

static int open_slave(void)
{
	char path[64];
	char name[64];
	snprintf(path, sizeof(path), "/proc/%ld/fd/0", (long)term_pid(at.term));
	ssize_t n = readlink(path, name, sizeof(name) - 1);
	assert_true(n > 0);
	name[n] = '\0';
	int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* The key is a key like any other; what stops output is the terminal's own flow control. */
static void test_ctrl_s(void **state)
{
	(void)state;
	term_send(at.term, "\023");
	others_are_well();
	int fd = open_slave();
	assert_int_equal(tcflow(fd, TCOOFF), 0);
	for (int i = 0; i < 60; i++)
		term_send(at.term, "\014?\033");
	term_settle(at.term, 200, 1000);
	assert_int_equal(tcflow(fd, TCOON), 0);
	others_are_well();
	assert_int_equal(tcflow(fd, TCOOFF), 0);
	for (int i = 0; i < 60; i++)
		term_send(at.term, "\014");
	term_settle(at.term, 200, 1000);
	term_signal(at.term, SIGTERM);
	struct term_exit end;
	assert_true(term_wait_exit(at.term, DIE_MS, &end));
	assert_true(end.tty_restored);
	close(fd);
	assert_true(wait_until(nobody_left, NULL, SOON_MS));
}

/* No screen to begin with: a sentence, not a hang, and nothing is made. */
static void test_no_terminal(void **state)
{
	(void)state;
	static const char *const shells[] = {"exec \"$0\" postgres://x@127.0.0.1/x >&-",
	        "exec \"$0\" postgres://x@127.0.0.1/x <&-",
	        "exec \"$0\" postgres://x@127.0.0.1/x 2>&- >&- <&-",
	        "exec \"$0\" postgres://x@127.0.0.1/x </dev/null >/dev/null",
	        "exec \"$0\" postgres://x@127.0.0.1/x >/dev/full"};
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		const char *const argv[] = {"sh", "-c", shells[i], TEST_DBATOP, NULL};
		const char *const env[] = {"HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", NULL};
		struct proc *p = proc_run(argv, env, NULL, SOON_MS);
		if (p->timed_out || p->exit_code != 2)
			fail_msg("%s: code %d, %s", shells[i], p->exit_code, p->err_bytes.data);
		proc_free(p);
	}
	const char *const once[] = {"sh", "-c",
	        "exec \"$0\" once -d 1s postgres://x@127.0.0.1:1/x >/dev/full", TEST_DBATOP, NULL};
	struct proc *p = proc_run(once, NULL, NULL, SOON_MS);
	assert_false(p->timed_out);
	assert_int_equal(p->exit_code, 1);
	proc_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                test_a_storm_of_resizes_and_a_single_cell, open_cockpit, drop_cockpit),
	        cmocka_unit_test_setup_teardown(test_suspended_and_resumed, open_cockpit, drop_cockpit),
	        cmocka_unit_test_setup_teardown(test_a_long_stop, open_cockpit, drop_cockpit),
	        cmocka_unit_test_setup_teardown(test_a_window_that_is_closed, open_cockpit, drop_cockpit),
	        cmocka_unit_test_setup_teardown(
	                test_a_terminal_that_takes_no_bytes_for_a_while, open_cockpit, drop_cockpit),
	        cmocka_unit_test_setup_teardown(test_ctrl_s, open_cockpit, drop_cockpit),
	        cmocka_unit_test(test_no_terminal),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
