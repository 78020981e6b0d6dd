/* Passwords from files and commands: the first line, nothing readable by others, and no command outlives its
 * deadline. The gate of TLS handshakes is tested here as well: both are waits of a connect. */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/run/credential.h"
#include "core/run/driver.h"
#include "tests/support/wait.h"

static struct ctx within(uint32_t ms)
{
	struct ctx root = ctx_root(&clock_real, NULL);
	return ctx_within(&root, ms);
}

static void expect_password(const char *command, const char *want)
{
	struct endpoint ep = {.password_command = (char *)(uintptr_t)command};
	struct ctx ctx = within(10000);
	struct err e = {0};
	char *got = NULL;
	if (!credential_password(&ctx, &ep, &got, &e))
		fail_msg("%s: %s", command, e.text);
	assert_string_equal(got, want);
	free_secret(got);
}

static void expect_error(struct endpoint ep, uint32_t ms, enum err_code code, const char *part)
{
	struct ctx ctx = within(ms);
	struct err e = {0};
	char *got = NULL;
	assert_false(credential_password(&ctx, &ep, &got, &e));
	assert_null(got);
	assert_int_equal(e.code, code);
	if (strstr(e.text, part) == NULL)
		fail_msg("'%s' does not say '%s'", e.text, part);
}

static void test_first_line_of_a_command(void **state)
{
	(void)state;
	expect_password("echo secret; echo more", "secret");
	expect_password("printf 'pass word \\303\\251'", "pass word \xc3\xa9");
	/* More output than a pipe holds must not block the command. */
	expect_password("echo first; head -c 300000 /dev/zero | tr '\\0' x", "first");
}

static void test_command_at_fault(void **state)
{
	(void)state;
	expect_error((struct endpoint){.password_command = (char[]){"echo x; exit 3"}}, 10000, ERR_AUTH,
	        "exit status 3");
	expect_error((struct endpoint){.password_command = (char[]){"true"}}, 10000, ERR_AUTH, "empty");
	expect_error(
	        (struct endpoint){.password_command = (char[]){"kill -9 $$"}}, 10000, ERR_AUTH, "signal 9");
}

static bool is_gone(void *arg)
{
	const pid_t *pid = arg;
	return kill(*pid, 0) != 0 && errno == ESRCH;
}

static void test_command_is_killed_with_its_children(void **state)
{
	(void)state;
	char path[] = "/tmp/dbatop-test-XXXXXX";
	int fd = mkstemp(path);
	char command[128];
	snprintf(command, sizeof(command), "sleep 600 & echo $! > %s; wait", path);
	int64_t began = wait_now_ms();
	expect_error((struct endpoint){.password_command = command}, 400, ERR_TIMEOUT, "timed out");
	assert_true(wait_now_ms() - began < 5000);

	/* The grandchild died with its group; init reaps it. */
	char text[32] = {0};
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	assert_true(pid > 1);
	assert_true(wait_until(is_gone, &pid, 5000));
	close(fd);
	unlink(path);
}

static void test_command_has_plain_surroundings(void **state)
{
	(void)state;
	int leak = open("/dev/null", O_RDONLY);
	assert_true(leak >= 0);
	sigset_t term, before;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, &before);
	signal(SIGPIPE, SIG_IGN);
	/* No descriptor but 0, 1, 2 (and ls's own), no blocked and no ignored signal (28 bits hold 1 … 28).
	 */
	expect_password("ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 ");
	expect_password("grep -E 'Sig(Blk|Ign)' /proc/self/status | grep -o '.......$' | tr -d '\\n'",
	        "00000000000000");
	signal(SIGPIPE, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(leak);
}

static void test_file(void **state)
{
	(void)state;
	char path[] = "/tmp/dbatop-test-XXXXXX";
	int fd = mkstemp(path);
	struct endpoint ep = {.password_file = path};
	expect_error(ep, 1000, ERR_AUTH, "empty");
	assert_int_equal(write(fd, "abc def\r\nxyz\n", 13), 13);
	struct ctx ctx = within(1000);
	struct err e = {0};
	char *got = NULL;
	assert_true(credential_password(&ctx, &ep, &got, &e));
	assert_string_equal(got, "abc def");
	free_secret(got);

	fchmod(fd, 0640);
	expect_error(ep, 1000, ERR_AUTH, "chmod 600");
	close(fd);
	unlink(path);
	expect_error(ep, 1000, ERR_AUTH, "password_file");
	/* A password of its own needs no file. */
	ep.password = (char[]){"own"};
	assert_true(credential_password(&ctx, &ep, &got, &e));
	assert_string_equal(got, "own");
	free_secret(got);
}

static void *enter_and_leave(void *arg)
{
	struct gate *g = arg;
	struct ctx ctx = within(10000);
	for (int i = 0; i < 200; i++) {
		if (gate_enter(&ctx, g) != ERR_NONE)
			return g;
		gate_leave(g);
	}
	return NULL;
}

static void test_gate(void **state)
{
	(void)state;
	struct err e;
	struct gate *g = gate_new(2, &e);
	assert_non_null(g);
	struct ctx ctx = within(20);
	assert_int_equal(gate_enter(&ctx, g), ERR_NONE);
	assert_int_equal(gate_enter(&ctx, g), ERR_NONE);
	assert_int_equal(gate_enter(&ctx, g), ERR_TIMEOUT);
	gate_leave(g);
	ctx = within(10000);
	assert_int_equal(gate_enter(&ctx, g), ERR_NONE);
	gate_leave(g);
	gate_leave(g);

	pthread_t threads[6];
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, enter_and_leave, g), 0);
	for (size_t i = 0; i < 6; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	gate_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_first_line_of_a_command),
	        cmocka_unit_test(test_command_at_fault),
	        cmocka_unit_test(test_command_is_killed_with_its_children),
	        cmocka_unit_test(test_command_has_plain_surroundings),
	        cmocka_unit_test(test_file),
	        cmocka_unit_test(test_gate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
