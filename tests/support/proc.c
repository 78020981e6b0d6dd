/* Starts programs for tests with fork and exec rather than posix_spawn, because the child asks the kernel to
 * be killed with its parent: a test that crashes must not leave a proxy or a server behind. */
#include "tests/support/test.h"

#include "tests/support/proc.h"
#include "tests/support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool names_match(const char *entry, const char *change)
{
	size_t length = strcspn(change, "=");
	return strncmp(entry, change, length) == 0 && (entry[length] == '=' || entry[length] == '\0');
}

/* Does a later change speak of the same name? */
static bool overridden(const char *const changes[], size_t i)
{
	for (size_t j = i + 1; changes[j] != NULL; j++) {
		if (names_match(changes[i], changes[j]))
			return true;
	}
	return false;
}

const char **proc_env(const char *const changes[])
{
	size_t room = 1;
	size_t count = 0;
	for (char **at = environ; *at != NULL; at++)
		room++;
	for (size_t i = 0; changes != NULL && changes[i] != NULL; i++)
		room++;
	const char **merged = calloc(room, sizeof(*merged));
	assert_non_null(merged);
	for (char **at = environ; *at != NULL; at++) {
		bool changed = false;
		for (size_t i = 0; changes != NULL && changes[i] != NULL; i++)
			changed = changed || names_match(*at, changes[i]);
		if (!changed)
			merged[count++] = *at;
	}
	for (size_t i = 0; changes != NULL && changes[i] != NULL; i++) {
		if (strchr(changes[i], '=') != NULL && !overridden(changes, i))
			merged[count++] = changes[i];
	}
	return merged;
}

/* Runs in the child: only calls that are safe between fork and exec of a threaded process. */
static _Noreturn void child_exec(const char *const argv[], const char **env, const int fds[3], pid_t parent)
{
	sigset_t none;
	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], i);
	syscall(SYS_close_range, 3U, ~0U, 0U);
	execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	static const char message[] = "exec failed\n";
	ssize_t ignored = write(2, message, sizeof(message) - 1);
	(void)ignored;
	_exit(127);
}

struct proc *proc_start(const char *const argv[], const char *const env[])
{
	struct proc *proc = calloc(1, sizeof(*proc));
	int in[2];
	int out[2];
	int err[2];
	assert_non_null(proc);
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		fail_msg("pipe: %s", strerror(errno));
	const char **merged = proc_env(env);
	int fds[3] = {in[0], out[1], err[1]};
	/* Out of the way of 0, 1, 2, which the child is about to fill one after the other. */
	for (int i = 0; i < 3; i++) {
		int high = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		assert_true(high >= 3);
		close(fds[i]);
		fds[i] = high;
	}
	pid_t parent = getpid();
	proc->pid = fork();
	if (proc->pid == 0)
		child_exec(argv, merged, fds, parent);
	if (proc->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	setpgid(proc->pid, proc->pid);
	free(merged);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	proc->in = in[1];
	proc->out = out[0];
	proc->err = err[0];
	proc->out_bytes.data = calloc(1, 1);
	proc->err_bytes.data = calloc(1, 1);
	return proc;
}

void proc_write(struct proc *proc, const char *bytes, size_t size, bool close_after)
{
	size_t at = 0;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	sigaction(SIGPIPE, &ignore, &before);
	while (at < size && proc->in >= 0) {
		ssize_t sent = write(proc->in, bytes + at, size - at);
		if (sent < 0 && errno != EINTR)
			break;
		at += sent > 0 ? (size_t)sent : 0;
	}
	sigaction(SIGPIPE, &before, NULL);
	if (close_after && proc->in >= 0) {
		close(proc->in);
		proc->in = -1;
	}
}

/* Appends what is there to read; closes the descriptor at its end. */
static void collect(int *fd, struct proc_bytes *bytes)
{
	char chunk[8192];
	ssize_t got = read(*fd, chunk, sizeof(chunk));
	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0) {
		close(*fd);
		*fd = -1;
		return;
	}
	char *grown = realloc(bytes->data, bytes->size + (size_t)got + 1);
	assert_non_null(grown);
	memcpy(grown + bytes->size, chunk, (size_t)got);
	bytes->data = grown;
	bytes->size += (size_t)got;
	bytes->data[bytes->size] = '\0';
}

static void reap(struct proc *proc)
{
	int status;
	if (proc->exited || waitpid(proc->pid, &status, WNOHANG) != proc->pid)
		return;
	proc->exited = true;
	proc->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	proc->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* One round: waits for output (at most 5 ms when only the exit is missing), takes it, looks for the exit. */
static void proc_round(struct proc *proc, int64_t deadline)
{
	struct pollfd set[2] = {{.fd = proc->out, .events = POLLIN}, {.fd = proc->err, .events = POLLIN}};
	int64_t left = deadline - wait_now_ms();
	int pause = left < 0 ? 0 : left > 5 ? 5 : (int)left;
	if (poll(set, 2, pause) > 0) {
		if (set[0].revents != 0)
			collect(&proc->out, &proc->out_bytes);
		if (set[1].revents != 0)
			collect(&proc->err, &proc->err_bytes);
	}
	reap(proc);
}

bool proc_wait(struct proc *proc, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	while (!proc->exited || proc->out >= 0 || proc->err >= 0) {
		if (wait_now_ms() >= deadline) {
			reap(proc);
			proc->timed_out = !proc->exited;
			return proc->exited;
		}
		proc_round(proc, deadline);
	}
	proc->timed_out = false;
	return true;
}

bool proc_wait_output(struct proc *proc, const char *text, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	while (memmem(proc->out_bytes.data, proc->out_bytes.size, text, strlen(text)) == NULL) {
		if (proc->out < 0 || wait_now_ms() >= deadline)
			return false;
		proc_round(proc, deadline);
	}
	return true;
}

char *proc_read_line(struct proc *proc, int ms)
{
	struct proc_bytes *bytes = &proc->out_bytes;
	if (!proc_wait_output(proc, "\n", ms))
		return NULL;
	char *end = memchr(bytes->data, '\n', bytes->size);
	size_t length = (size_t)(end - bytes->data);
	char *line = strndup(bytes->data, length);
	assert_non_null(line);
	bytes->size -= length + 1;
	memmove(bytes->data, end + 1, bytes->size + 1);
	return line;
}

void proc_signal(struct proc *proc, int signal)
{
	if (!proc->exited)
		kill(proc->pid, signal);
}

void proc_free(struct proc *proc)
{
	if (proc == NULL)
		return;
	if (!proc->exited) {
		kill(-proc->pid, SIGKILL);
		kill(proc->pid, SIGKILL);
		waitpid(proc->pid, NULL, 0);
	}
	int fds[3] = {proc->in, proc->out, proc->err};
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(proc->out_bytes.data);
	free(proc->err_bytes.data);
	free(proc);
}

struct proc *proc_run(const char *const argv[], const char *const env[], const char *input, int ms)
{
	struct proc *proc = proc_start(argv, env);
	proc_write(proc, input == NULL ? "" : input, input == NULL ? 0 : strlen(input), true);
	if (!proc_wait(proc, ms)) {
		kill(-proc->pid, SIGKILL);
		proc_wait(proc, 2000);
		proc->timed_out = true;
	}
	return proc;
}
