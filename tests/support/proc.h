/* Child programs in tests, and what /proc says about a process. A child gets default signals, its own process
 * group and no descriptor but 0, 1, 2; when the test's process dies, the kernel kills the child too. Failures
 * to start fail the test. One thread at a time per struct proc. */
#ifndef DBATOP_TESTS_SUPPORT_PROC_H
#define DBATOP_TESTS_SUPPORT_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Bytes of one stream: always a NUL behind them, data is never NULL. */
struct proc_bytes {
	char *data;
	size_t size;
};

struct proc {
	pid_t pid;
	int in;  /* the child's stdin; -1 once closed */
	int out; /* its stdout and stderr; -1 at their end */
	int err;
	bool exited;
	bool timed_out; /* the last proc_wait met its deadline */
	int exit_code;  /* of an exited child; -1 when a signal killed it */
	int signal;     /* that signal, else 0 */
	struct proc_bytes out_bytes;
	struct proc_bytes err_bytes;
};

/* This process's environment with changes: "NAME=value" replaces or adds, "NAME" alone removes, the last of
 * two wins; NULL changes nothing. The array is the caller's to free, the strings are not. */
const char **proc_env(const char *const changes[]);

/* Starts argv[0] (searched in PATH). env: NULL, or a NULL-terminated list of "NAME=value" that is added to
 * this process's environment, where "NAME" alone removes it. Does not block. End it with proc_free. */
struct proc *proc_start(const char *const argv[], const char *const env[]);

/* Writes to the child's stdin (the child must read: blocks otherwise), then closes it when asked to. */
void proc_write(struct proc *proc, const char *bytes, size_t size, bool close_after);

/* Collects output until the child has exited and its output has ended, or until ms have passed. True: exited.
 */
bool proc_wait(struct proc *proc, int ms);

/* Collects output until stdout holds the text, or until ms have passed, or the output ended. True: it does.
 */
bool proc_wait_output(struct proc *proc, const char *text, int ms);

/* The next line of stdout without its newline, removed from out_bytes; the caller frees it. NULL at the
 * deadline. */
char *proc_read_line(struct proc *proc, int ms);

/* Signals the child alone. */
void proc_signal(struct proc *proc, int signal);

/* Kills the child's process group if it still runs, waits for it, frees. NULL is allowed. */
void proc_free(struct proc *proc);

/* All at once: start, write input (may be NULL), close stdin, wait. At the deadline the child's group is
 * killed and timed_out is set. Free with proc_free. */
struct proc *proc_run(const char *const argv[], const char *const env[], const char *input, int ms);

/* From /proc/<pid>; -1 when the process is gone. Memory in KiB (RSS, and its high-water mark), CPU in ms. */
long proc_threads(pid_t pid);
long proc_fds(pid_t pid);
long proc_rss_kb(pid_t pid);
long proc_peak_rss_kb(pid_t pid);
long proc_cpu_ms(pid_t pid);
/* The state letter of /proc/<pid>/stat (R, S, D, T, Z); 'X' when the process is gone. */
char proc_state(pid_t pid);

/* Sends a signal to a process and everything below it, also to children in sessions of their own
 * (PostgreSQL's backends); repeats until no new child appears. SIGSTOP, SIGCONT. Returns the number of
 * processes signalled. */
int proc_signal_tree(pid_t pid, int signal);

#endif
