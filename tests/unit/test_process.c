/* The process around everything, on a real terminal: a program that is stuck still dies of its signal and
 * gives the terminal back, and so does one that crashes, in whatever thread. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/run/process.h"
#include "core/run/thread.h"
#include "tests/support/wait.h"

enum { SOON_MS = 10000 };

static const char reset_bytes[] = "<reset>";

struct child {
	pid_t pid;
	int tty;
	int slave; /* kept open, or reading the other end fails once the child has gone */
	char seen[4096];
	size_t len;
};

/* What the child does once its terminal is set up. */
typedef void child_main(void);

static void begin(child_main *run)
{
	struct err e;
	struct termios before, raw;
	process_prepare();
	if (!process_start(&e) || tcgetattr(0, &before) != 0)
		_exit(99);
	raw = before;
	cfmakeraw(&raw);
	tcsetattr(0, TCSANOW, &raw);
	process_set_terminal(0, reset_bytes, strlen(reset_bytes), &before);
	(void)!write(1, "ready", 5);
	/* Giving the terminal back drops what it has not taken yet: "ready" must have been read. */
	char go;
	if (read(0, &go, 1) == 1)
		run();
	_exit(98);
}

static bool collect(struct child *c, const char *text, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	while (strstr(c->seen, text) == NULL) {
		if (!wait_readable(c->tty, deadline))
			return false;
		ssize_t n = read(c->tty, c->seen + c->len, sizeof(c->seen) - 1 - c->len);
		if (n <= 0)
			return strstr(c->seen, text) != NULL;
		c->len += (size_t)n;
	}
	return true;
}

/* The terminal is not the child's controlling one: the end of a session's leader hangs its terminal up, and
 * what the kernel has not yet passed on to us is dropped. */
static struct child start(child_main *run)
{
	struct child c = {0};
	assert_int_equal(openpty(&c.tty, &c.slave, NULL, NULL, NULL), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int fd = 0; fd < 3; fd++)
			dup2(c.slave, fd);
		begin(run);
	}
	assert_true(collect(&c, "ready", SOON_MS));
	assert_int_equal(write(c.tty, "g", 1), 1);
	return c;
}

/* The wait status; the child must end within 10 s. */
static bool has_ended(void *arg)
{
	int *status = arg;
	return waitpid(status[0], &status[1], WNOHANG) == status[0];
}

static int finish(struct child *c, bool want_reset)
{
	int status[2] = {c->pid, 0};
	if (!wait_until(has_ended, status, SOON_MS)) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
		fail_msg("the child did not end");
	}
	assert_int_equal(collect(c, reset_bytes, want_reset ? SOON_MS : 200), want_reset);
	/* The master's side sees the modes of the terminal. */
	struct termios modes;
	assert_int_equal(tcgetattr(c->tty, &modes), 0);
	if (want_reset)
		assert_true((modes.c_lflag & ICANON) != 0 && (modes.c_lflag & ECHO) != 0);
	close(c->tty);
	close(c->slave);
	return status[1];
}

static void hang(void)
{
	for (;;)
		pause();
}

static void test_a_stuck_program_dies_of_its_signal(void **state)
{
	(void)state;
	static const int signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	for (size_t i = 0; i < 4; i++) {
		struct child c = start(hang);
		int64_t began = wait_now_ms();
		kill(c.pid, signals[i]);
#ifdef DBATOP_JOIN_AT_EXIT
		/* Such builds wait long for their threads; a second signal is obeyed at once. */
		kill(c.pid, signals[i] == SIGTERM ? SIGINT : SIGTERM);
#endif
		int status = finish(&c, true);
		assert_true(WIFEXITED(status));
		assert_true(WEXITSTATUS(status) > 128);
#ifndef DBATOP_JOIN_AT_EXIT
		assert_int_equal(WEXITSTATUS(status), 128 + signals[i]);
		assert_true(wait_now_ms() - began >= PROCESS_GRACE_MS - 20);
#endif
		assert_true(wait_now_ms() - began < 5000);
	}
}

static void obey(void)
{
	struct ctx_wait {
		struct pollfd fd;
	} w = {.fd = {.fd = process_cancel()->fd, .events = POLLIN}};
	poll(&w.fd, 1, 10000);
	(void)!write(1, "bye", 3);
	process_set_terminal(-1, NULL, 0, NULL);
	_exit(process_leave(process_signal() == SIGTERM ? 7 : 8));
}

static void test_a_living_program_ends_by_itself(void **state)
{
	(void)state;
	struct child c = start(obey);
	kill(c.pid, SIGTERM);
	assert_true(collect(&c, "bye", SOON_MS));
	/* It restored its terminal itself, so nobody does it again. */
	int status = finish(&c, false);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void crash_by_abort(void)
{
	abort();
}

static void test_abort_gives_the_terminal_back(void **state)
{
	(void)state;
	struct child c = start(crash_by_abort);
	int status = finish(&c, true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

#ifndef DBATOP_JOIN_AT_EXIT
static int overflow(volatile int *depth)
{
	volatile char frame[1024];
	frame[0] = (char)*depth;
	*depth += 1;
	if (*depth > 1000000)
		return 0;
	return overflow(depth) + frame[0];
}

static void *overflow_main(void *arg)
{
	volatile int depth = 0;
	overflow(&depth);
	return arg;
}

static void crash_in_a_thread(void)
{
	pthread_t t;
	struct err e;
	if (thread_start(&t, overflow_main, NULL, "deep", &e))
		pthread_join(t, NULL);
}

/* Even a thread without a byte of stack left. */
static void test_a_stack_overflow_gives_the_terminal_back(void **state)
{
	(void)state;
	struct child c = start(crash_in_a_thread);
	int status = finish(&c, true);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}
#endif

static void tell_limits(void)
{
	struct rlimit files, core;
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_CORE, &core);
	struct sigaction pipe_action;
	sigaction(SIGPIPE, NULL, &pipe_action);
	bool ok = files.rlim_cur == files.rlim_max && core.rlim_max == 0 && core.rlim_cur == 0 &&
	          pipe_action.sa_handler == SIG_IGN;
	(void)!write(1, ok ? "limits ok" : "limits bad", 9);
	process_set_terminal(-1, NULL, 0, NULL);
	_exit(process_leave(0));
}

static void test_limits(void **state)
{
	(void)state;
	struct child c = start(tell_limits);
	assert_true(collect(&c, "limits ok", SOON_MS));
	assert_int_equal(finish(&c, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_stuck_program_dies_of_its_signal),
	        cmocka_unit_test(test_a_living_program_ends_by_itself),
	        cmocka_unit_test(test_abort_gives_the_terminal_back),
#ifndef DBATOP_JOIN_AT_EXIT
	        cmocka_unit_test(test_a_stack_overflow_gives_the_terminal_back),
#endif
	        cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
