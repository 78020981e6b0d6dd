/* A screen that is stuck in write() (Ctrl-S, a dead SSH session) must still die of SIGTERM, and a crash must
 * not leave a terminal without echo: so signals have a thread of their own, and everything needed to restore
 * the terminal is computed before it is needed. */
#include "core/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/run/thread.h"

enum {
	TRIM_EVERY_S = 1,
	ALT_STACK_BYTES = 64 * 1024,
	JOIN_GRACE_MS = 20000, /* sanitizer builds are slow and wait for every thread */
};

/* The documented exception to "no globals": handlers can be given nothing else. */
static struct {
	struct cancel cancel;
	pthread_t thread;
	bool opened, started;
	atomic_int signal;
	atomic_bool leaving;
	/* The terminal. `armed` is set last and cleared first. */
	atomic_bool armed;
	int fd;     /* a descriptor of our own, that cannot block; -1: use the caller's */
	int theirs; /* the caller's: the terminal's modes */
	char reset[PROCESS_RESET_MAX];
	size_t reset_len;
	struct termios modes;
	char alt_stack[ALT_STACK_BYTES];
} process = {.fd = -1, .theirs = -1};

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void block_signals(void)
{
	static const int blocked[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
		sigaddset(&set, blocked[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void process_prepare(void)
{
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	block_signals();

	/* 200 servers are more descriptors than the usual 1,024. */
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	mallopt(M_ARENA_MAX, 2);
	/* libmariadb takes 256 KiB for each connection's own stack and uses a few pages of them. In a mapping
	 * of its own the rest is never there; in the heap it would stand on pages that others have used. Left
	 * alone, the limit rises with the first large block that is freed. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_TRIM_THRESHOLD, 512 * 1024);
}

/* Async-signal-safe. Drops what the terminal has not taken, so that the reset bytes find room. */
static void restore_terminal(void)
{
	if (!atomic_exchange(&process.armed, false))
		return;
	tcflush(process.theirs, TCOFLUSH);
	int fd = process.fd >= 0 ? process.fd : process.theirs;
	const char *p = process.reset;
	size_t left = process.reset_len;
	while (left > 0) {
		ssize_t n = write(fd, p, left);
		if (n <= 0)
			break;
		p += n;
		left -= (size_t)n;
	}
	tcsetattr(process.theirs, TCSANOW, &process.modes);
}

static void on_crash(int sig)
{
	int saved = errno;
	restore_terminal();
	errno = saved;
	/* SA_RESETHAND has put the default back: this ends the process with the true cause. */
	raise(sig);
}

static void catch_crashes(void)
{
#ifdef DBATOP_JOIN_AT_EXIT
	/* A sanitizer's own handlers say more; only abort() is ours there. */
	const size_t first = sizeof(crashes) / sizeof(crashes[0]) - 1;
#else
	const size_t first = 0;
	const stack_t alt = {.ss_sp = process.alt_stack, .ss_size = sizeof(process.alt_stack)};
	sigaltstack(&alt, NULL);
#endif
	struct sigaction act = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER};
	sigemptyset(&act.sa_mask);
	for (size_t i = first; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &act, NULL);
}

static int grace_ms(void)
{
#ifdef DBATOP_JOIN_AT_EXIT
	return JOIN_GRACE_MS;
#else
	return PROCESS_GRACE_MS;
#endif
}

static void *signal_main(void *arg)
{
	(void)arg;
	static const struct timespec longest = {.tv_sec = TRIM_EVERY_S};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);

	/* 1. The first signal asks the program to end. */
	int sig = 0;
	while (sig <= 0) {
		sig = sigtimedwait(&set, NULL, &longest);
		if (atomic_load(&process.leaving))
			return NULL;
		/* Samples come and go in the gaps that connecting has left: whole pages of them go back. */
		if (sig <= 0)
			malloc_trim(0);
	}
	atomic_store(&process.signal, sig);
	cancel_set(&process.cancel);

	/* 2. Main comes back in time and ends the process, or a second signal comes, or we end it. */
	int ms = grace_ms();
	const struct timespec grace = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	int second = sigtimedwait(&set, NULL, &grace);
	if (atomic_load(&process.leaving))
		return NULL;
	restore_terminal();
	_exit(128 + (second > 0 ? second : sig));
}

bool process_open(struct err *e)
{
	if (process.opened)
		return true;
	process.opened = cancel_init(&process.cancel, NULL, e);
	if (process.opened)
		catch_crashes();
	return process.opened;
}

bool process_start(struct err *e)
{
	if (!process_open(e))
		return false;
	process.started = thread_start(&process.thread, signal_main, NULL, "signals", e);
	return process.started;
}

struct cancel *process_cancel(void)
{
	return &process.cancel;
}

int process_signal(void)
{
	return atomic_load(&process.signal);
}

void process_set_terminal(int fd, const char *reset, size_t n, const struct termios *modes)
{
	atomic_store(&process.armed, false);
	if (process.fd >= 0)
		close(process.fd);
	process.fd = -1;
	process.theirs = fd;
	if (fd < 0)
		return;
	/* Opened anew, because O_NONBLOCK belongs to the open file, which others share. */
	process.fd = open("/dev/tty", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	process.reset_len = n < sizeof(process.reset) ? n : sizeof(process.reset);
	memcpy(process.reset, reset, process.reset_len);
	process.modes = *modes;
	atomic_store(&process.armed, true);
}

int process_leave(int code)
{
	fflush(stdout);
	atomic_store(&process.leaving, true);
#ifdef DBATOP_JOIN_AT_EXIT
	if (process.started) {
		pthread_kill(process.thread, SIGTERM);
		pthread_join(process.thread, NULL);
		process.started = false;
	}
	return code;
#else
	_exit(code);
#endif
}
