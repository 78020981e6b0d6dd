/* The session leader of a program under test. If the program were the leader itself, its end would hang the
 * tty up and reset the settings we want to look at, and Ctrl-Z would not stop it (an orphaned process group).
 */
#include "tests/support/term_keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKET_FD = 3 };

static void report(int what, pid_t program, int status)
{
	struct keeper_report message = {.program = program, .status = status};
	message.what = what;
	message.has_settings = tcgetattr(0, &message.settings) == 0;
	ssize_t ignored = send(SOCKET_FD, &message, sizeof(message), MSG_NOSIGNAL);
	(void)ignored;
}

static pid_t start_program(const char *const argv[], const char *const env[], const sigset_t *mask)
{
	pid_t keeper = getpid();
	pid_t program = fork();
	if (program != 0) {
		setpgid(program, program);
		tcsetpgrp(0, program);
		return program;
	}
	setpgid(0, 0);
	tcsetpgrp(0, getpid());
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(127);
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	close(SOCKET_FD);
	execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	static const char message[] = "exec failed\n";
	ssize_t ignored = write(2, message, sizeof(message) - 1);
	(void)ignored;
	_exit(127);
}

/* Tells every change of the program's state; true when it has ended. */
static bool look_at_program(pid_t program)
{
	int status;
	while (waitpid(program, &status, WNOHANG | WUNTRACED | WCONTINUED) == program) {
		if (WIFSTOPPED(status)) {
			tcsetpgrp(0, getpgrp());
			report(KEEPER_STOPPED, program, status);
		} else if (WIFCONTINUED(status)) {
			report(KEEPER_CONTINUED, program, status);
		} else {
			tcsetpgrp(0, getpgrp());
			report(KEEPER_EXITED, program, status);
			return true;
		}
	}
	return false;
}

static _Noreturn void keep(pid_t program, int signals)
{
	bool ended = false;
	for (;;) {
		struct pollfd set[2] = {
		        {.fd = signals, .events = POLLIN}, {.fd = SOCKET_FD, .events = POLLIN}};
		char command;
		struct signalfd_siginfo info;
		if (poll(set, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if ((set[0].revents & POLLIN) != 0 && read(signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo == SIGHUP && !ended) {
				kill(-program, SIGHUP);
				kill(-program, SIGCONT);
			}
			ended = ended || look_at_program(program);
		}
		if (set[1].revents == 0)
			continue;
		if (recv(SOCKET_FD, &command, 1, 0) != 1)
			break;
		if (command == KEEPER_FOREGROUND && !ended) {
			tcsetpgrp(0, program);
			kill(-program, SIGCONT);
		}
	}
	if (!ended) {
		kill(-program, SIGKILL);
		waitpid(program, NULL, 0);
	}
	_exit(0);
}

_Noreturn void keeper_run(int slave, int socket, const char *const argv[], const char *const env[])
{
	sigset_t ours;
	sigset_t none;
	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_SETMASK, &ours, NULL);
	signal(SIGTTOU, SIG_IGN);
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(slave, i);
	dup2(socket, SOCKET_FD);
	syscall(SYS_close_range, 4U, ~0U, 0U);
	int signals = signalfd(-1, &ours, SFD_CLOEXEC);
	report(KEEPER_STARTED, 0, 0);
	pid_t program = start_program(argv, env, &none);
	if (signals < 0 || program < 0)
		_exit(1);
	report(KEEPER_CONTINUED, program, 0);
	keep(program, signals);
}
