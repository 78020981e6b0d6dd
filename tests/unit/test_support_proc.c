/* The helpers that run programs and wait must themselves be true: they are what other tests believe in. */
#include "tests/support/test.h"

#include "tests/support/proc.h"
#include "tests/support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOON_MS = 5000 };

static void test_output_and_exit_code(void **state)
{
	(void)state;
	static const char *const argv[] = {"sh", "-c", "cat; echo out; echo err >&2; exit 7", NULL};
	struct proc *proc = proc_run(argv, NULL, "in\n", SOON_MS);
	assert_true(proc->exited);
	assert_false(proc->timed_out);
	assert_int_equal(proc->exit_code, 7);
	assert_int_equal(proc->signal, 0);
	assert_string_equal(proc->out_bytes.data, "in\nout\n");
	assert_string_equal(proc->err_bytes.data, "err\n");
	proc_free(proc);
}

static void test_deadline_kills(void **state)
{
	(void)state;
	static const char *const argv[] = {"sh", "-c", "echo begun; exec tail -f /dev/null", NULL};
	struct proc *proc = proc_start(argv, NULL);
	assert_true(proc_wait_output(proc, "begun\n", SOON_MS));
	assert_false(proc_wait(proc, 20));
	assert_true(proc->timed_out);
	assert_string_equal(proc->out_bytes.data, "begun\n");
	proc_free(proc);
	int64_t start = wait_now_ms();
	proc = proc_run(argv, NULL, NULL, 100);
	assert_true(proc->timed_out);
	assert_int_equal(proc->signal, SIGKILL);
	assert_true(wait_now_ms() - start < SOON_MS);
	proc_free(proc);
}

static void test_environment_changes(void **state)
{
	(void)state;
	static const char *const argv[] = {
	        "sh", "-c", "echo ${A-none} ${B-none} ${HOME-none} ${LC_ALL-none}", NULL};
	static const char *const env[] = {"A=1", "B=2", "A=3", "B", "HOME", "LC_ALL=C", NULL};
	struct proc *proc = proc_run(argv, env, NULL, SOON_MS);
	assert_string_equal(proc->out_bytes.data, "3 none none C\n");
	proc_free(proc);
}

static void test_a_child_has_three_descriptors(void **state)
{
	(void)state;
	static const char *const argv[] = {"ls", "/proc/self/fd", NULL};
	int extra = dup(1);
	struct proc *proc = proc_run(argv, NULL, NULL, SOON_MS);
	close(extra);
	/* 3 is the folder that ls itself reads. */
	assert_string_equal(proc->out_bytes.data, "0\n1\n2\n3\n");
	proc_free(proc);
}

static void test_a_missing_program(void **state)
{
	(void)state;
	static const char *const argv[] = {"/nonexistent/program", NULL};
	struct proc *proc = proc_run(argv, NULL, NULL, SOON_MS);
	assert_int_equal(proc->exit_code, 127);
	proc_free(proc);
}

static void test_lines_one_by_one(void **state)
{
	(void)state;
	static const char *const argv[] = {"cat", NULL};
	struct proc *proc = proc_start(argv, NULL);
	proc_write(proc, "one\ntwo\n", 8, false);
	char *line = proc_read_line(proc, SOON_MS);
	assert_string_equal(line, "one");
	free(line);
	line = proc_read_line(proc, SOON_MS);
	assert_string_equal(line, "two");
	free(line);
	assert_null(proc_read_line(proc, 30));
	proc_write(proc, "", 0, true);
	assert_true(proc_wait(proc, SOON_MS));
	assert_int_equal(proc->exit_code, 0);
	proc_free(proc);
}

static void test_proc_numbers(void **state)
{
	(void)state;
	long fds = proc_fds(getpid());
	int extra = dup(1);
	assert_int_equal(proc_fds(getpid()), fds + 1);
	close(extra);
	assert_int_equal(proc_threads(getpid()), 1);
	assert_true(proc_rss_kb(getpid()) > 100);
	long rss = proc_rss_kb(getpid());
	assert_true(proc_peak_rss_kb(getpid()) >= rss);
	long cpu = proc_cpu_ms(getpid());
	assert_true(cpu >= 0);
	/* On a machine that is busy the clock runs on without us. */
	int64_t end = wait_now_ms() + 10000;
	while (proc_cpu_ms(getpid()) <= cpu && wait_now_ms() < end)
		continue;
	assert_true(proc_cpu_ms(getpid()) > cpu);
	assert_int_equal(proc_threads(1 << 30), -1);
	assert_int_equal(proc_state(1 << 30), 'X');
}

struct tree {
	pid_t parent;
	pid_t child;
	char state;
};

static bool both_are(void *arg)
{
	const struct tree *tree = arg;
	return proc_state(tree->parent) == tree->state && proc_state(tree->child) == tree->state;
}

static void test_a_tree_stops_and_continues(void **state)
{
	(void)state;
	static const char *const argv[] = {"sh", "-c", "setsid tail -f /dev/null & echo $!; wait", NULL};
	struct proc *proc = proc_start(argv, NULL);
	char *line = proc_read_line(proc, SOON_MS);
	assert_non_null(line);
	struct tree tree = {.parent = proc->pid, .child = (pid_t)strtol(line, NULL, 10), .state = 'T'};
	free(line);
	assert_int_equal(proc_signal_tree(proc->pid, SIGSTOP), 2);
	assert_true(wait_until(both_are, &tree, SOON_MS));
	tree.state = 'S';
	assert_int_equal(proc_signal_tree(proc->pid, SIGCONT), 2);
	assert_true(wait_until(both_are, &tree, SOON_MS));
	proc_signal_tree(proc->pid, SIGKILL);
	assert_true(proc_wait(proc, SOON_MS));
	proc_free(proc);
}

static bool count_down(void *arg)
{
	int *left = arg;
	return --*left <= 0;
}

static void test_waiting_ends(void **state)
{
	(void)state;
	int left = 3;
	assert_true(wait_until(count_down, &left, SOON_MS));
	left = 1000000;
	int64_t start = wait_now_ms();
	assert_false(wait_until(count_down, &left, 50));
	assert_true(wait_now_ms() - start >= 50);
	assert_true(wait_never(count_down, &left, 10));
	left = 1;
	assert_true(wait_until(count_down, &left, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_output_and_exit_code),
	        cmocka_unit_test(test_deadline_kills),
	        cmocka_unit_test(test_environment_changes),
	        cmocka_unit_test(test_a_child_has_three_descriptors),
	        cmocka_unit_test(test_a_missing_program),
	        cmocka_unit_test(test_lines_one_by_one),
	        cmocka_unit_test(test_proc_numbers),
	        cmocka_unit_test(test_a_tree_stops_and_continues),
	        cmocka_unit_test(test_waiting_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
