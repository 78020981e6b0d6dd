/* A password may live in a vault: its command runs on the lane that connects, so a vault that hangs delays
 * one instance. Children are started by posix_spawn only: the process has threads, and libraries' sockets
 * that are not close-on-exec. */
#include "core/run/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { PASSWORD_MAX = 4096 };

extern char **environ;

/* Copies the first line of n bytes; NULL when it is empty. */
static char *first_line(const char *data, size_t n)
{
	size_t len = 0;
	while (len < n && data[len] != '\n' && data[len] != '\r' && data[len] != '\0')
		len++;
	return len == 0 ? NULL : xstrndup(data, len);
}

static bool from_file(const char *path, char **out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		err_set_errno(e, errno, "password_file %s", path);
		if (e != NULL)
			e->code = ERR_AUTH;
		return false;
	}
	struct stat st;
	char *data = NULL;
	bool ok = false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err_set(e, ERR_AUTH, "password_file %s: not a regular file", path);
	} else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		err_set(e, ERR_AUTH, "password_file %s: others can read it, run: chmod 600 %s", path, path);
	} else {
		data = xcalloc(PASSWORD_MAX, 1);
		ssize_t n = read(fd, data, PASSWORD_MAX - 1);
		*out = n > 0 ? first_line(data, (size_t)n) : NULL;
		ok = *out != NULL || err_set(e, ERR_AUTH, "password_file %s: its first line is empty", path);
	}
	free_secret(data);
	close(fd);
	return ok;
}

/* Starts `/bin/sh -c command` in a process group of its own; *out is the read end of its standard output. */
static bool start(const char *command, pid_t *pid, int *out, struct err *e)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set_errno(e, errno, "cannot open a pipe");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);

	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, ends[1], 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(
	        &attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, xstrdup(command), NULL};
	int failed = posix_spawn(pid, "/bin/sh", &files, &attr, argv, environ);
	free_secret(argv[2]);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	close(ends[1]);
	if (failed != 0) {
		close(ends[0]);
		return err_set_errno(e, failed, "cannot run /bin/sh");
	}
	*out = ends[0];
	return true;
}

/* Reads what is there; false at the end of the output. What does not fit is read and dropped. */
static bool take_output(int fd, char *data, size_t *len)
{
	char spill[256];
	for (;;) {
		size_t room = PASSWORD_MAX - 1 - *len;
		ssize_t n = room > 0 ? read(fd, data + *len, room) : read(fd, spill, sizeof(spill));
		if (n > 0 && room > 0)
			*len += (size_t)n;
		if (n == 0)
			return false;
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
	}
}

/* Collects output until the command has exited; ERR_NONE, or why we stopped waiting. */
static enum err_code attend(const struct ctx *ctx, int pidfd, int fd, char *data, size_t *len)
{
	bool open_end = true;
	for (;;) {
		struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
		enum err_code code = ctx_wait_fds(ctx, fds, open_end ? 2 : 1);
		if (code != ERR_NONE)
			return code;
		if (open_end)
			open_end = take_output(fd, data, len);
		if (fds[0].revents != 0)
			return ERR_NONE;
	}
}

static bool from_command(const struct ctx *ctx, const char *command, char **out, struct err *e)
{
	mono_ns started = clock_now(ctx->clock);
	pid_t pid = -1;
	int fd = -1;
	if (!start(command, &pid, &fd, e))
		return err_wrap(e, "password_command");

	/* 1. Wait for its end under our deadline. */
	char *data = xcalloc(PASSWORD_MAX, 1);
	size_t len = 0;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	enum err_code code = pidfd < 0 ? ERR_IO : attend(ctx, pidfd, fd, data, &len);
	int cause = errno;
	if (code != ERR_NONE)
		kill(-pid, SIGKILL);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pidfd >= 0)
		close(pidfd);
	close(fd);

	/* 2. Judge it by its exit status: half an answer is none. */
	bool ok = false;
	errno = cause;
	if (code != ERR_NONE)
		ctx_fail(ctx, code, started, "password_command", e);
	else if (WIFSIGNALED(status))
		err_set(e, ERR_AUTH, "password_command: ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		err_set(e, ERR_AUTH, "password_command: exit status %d", WEXITSTATUS(status));
	else if ((*out = first_line(data, len)) == NULL)
		err_set(e, ERR_AUTH, "password_command: its first line is empty");
	else
		ok = true;
	memset(data, 'x', PASSWORD_MAX - 1);
	free_secret(data);
	return ok;
}

bool credential_password(const struct ctx *ctx, const struct endpoint *ep, char **out, struct err *e)
{
	*out = NULL;
	if (ep->password != NULL)
		*out = xstrdup(ep->password);
	else if (ep->password_file != NULL)
		return from_file(ep->password_file, out, e);
	else if (ep->password_command != NULL)
		return from_command(ctx, ep->password_command, out, e);
	return true;
}
