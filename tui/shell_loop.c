/* The loop: terminal, data, signals and time in one poll(). A key is painted at once; data at most every
 * 100 ms; with neither, the ages move once a second. */
#include "tui/shell_state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { DATA_EVERY_MS = 100, TICK_MS = 1000, FD_KEYS = 0, FD_OUT, FD_DATA, FD_SIGNAL, FD_QUIT, FDS };

struct loop {
	struct shell *sh;
	mono_ns data_at; /* when data were taken last */
	bool data_waits; /* the source has something, and 100 ms have not passed */
	bool paint;      /* the screen is not what it should be */
	enum shell_end end;
};

bool shell_paint(struct shell *sh)
{
	int width = 0;
	int height = 0;
	terminal_size(sh->terminal, &width, &height);
	if (width != sh->surface->width || height != sh->surface->height)
		surface_resize(sh->surface, width, height);
	if (sh->repaint) {
		terminal_repaint(sh->terminal);
		sh->repaint = false;
	}
	bool unseen = sh->dialog.kind != DIALOG_NONE && sh->dialog.painted == 0;
	shell_draw(sh, sh->surface);
	bool painted = terminal_paint(sh->terminal, sh->surface);
	/* The operator has seen a dialog when the terminal has taken all of it. */
	if (unseen && (!painted || terminal_pending(sh->terminal)))
		sh->dialog.painted = 0;
	return painted;
}

static int earlier(int a, int64_t b)
{
	if (b < 0)
		b = 0;
	return a < 0 || b < a ? (int)b : a;
}

/* Milliseconds until something happens by itself. */
static int patience(const struct loop *l, mono_ns now)
{
	const struct shell *sh = l->sh;
	int ms = TICK_MS;
	int keys = terminal_wait_ms(sh->terminal, now);
	if (keys >= 0)
		ms = earlier(ms, keys);
	if (l->data_waits)
		ms = earlier(ms, DATA_EVERY_MS - (now - l->data_at) / NS_PER_MS);
	if (sh->message[0] != '\0' && sh->message_until != MONO_NEVER && sh->message_until > now)
		ms = earlier(ms, (sh->message_until - now) / NS_PER_MS + 1);
	if (sh->dialog.kind != DIALOG_NONE && !dialog_listens(&sh->dialog, now))
		ms = earlier(ms, sh->dialog.painted == 0
		                         ? DIALOG_DEAF_MS
		                         : (sh->dialog.painted - now) / NS_PER_MS + DIALOG_DEAF_MS + 1);
	if (shell_running(sh) > 0)
		ms = earlier(ms, DATA_EVERY_MS);
	return ms;
}

static void take_signals(struct loop *l)
{
	struct signalfd_siginfo info;
	while (read(l->sh->opt.signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			l->sh->suspend = true;
		if (info.ssi_signo == SIGCONT)
			l->sh->repaint = true;
		l->paint = true;
	}
}

static void take_keys(struct loop *l)
{
	struct input_event ev;
	struct shell *sh = l->sh;
	while (!sh->quit && !sh->suspend && terminal_read(sh->terminal, shell_now(sh), &ev)) {
		shell_event(sh, &ev);
		l->paint = true;
	}
}

static void take_data(struct loop *l, mono_ns now)
{
	if (!l->data_waits || now - l->data_at < DATA_EVERY_MS * NS_PER_MS)
		return;
	shell_data(l->sh);
	l->data_waits = false;
	l->data_at = now;
	l->paint = true;
}

/* False when nothing came in its time. */
static bool wait_for_something(struct loop *l, struct pollfd fds[FDS])
{
	struct shell *sh = l->sh;
	int data = l->data_waits ? -1 : sh->opt.source->fd;
	fds[FD_KEYS] = (struct pollfd){.fd = terminal_fd(sh->terminal), .events = POLLIN};
	fds[FD_OUT] = (struct pollfd){
	        .fd = terminal_pending(sh->terminal) ? terminal_out_fd(sh->terminal) : -1, .events = POLLOUT};
	fds[FD_DATA] = (struct pollfd){.fd = data, .events = POLLIN};
	fds[FD_SIGNAL] = (struct pollfd){.fd = sh->opt.signal_fd, .events = POLLIN};
	fds[FD_QUIT] = (struct pollfd){.fd = sh->opt.quit_fd, .events = POLLIN};
	int n = poll(fds, FDS, patience(l, shell_now(sh)));
	for (int i = 0; n < 0 && i < FDS; i++)
		fds[i].revents = 0;
	return n != 0;
}

/* One turn; false at the end. */
static bool turn(struct loop *l)
{
	struct shell *sh = l->sh;
	struct pollfd fds[FDS];
	/* A second without anything: ages, countdowns and dialogs move. */
	if (!wait_for_something(l, fds))
		l->paint = true;
	mono_ns now = shell_now(sh);
	if (fds[FD_QUIT].revents != 0) {
		l->end = SHELL_SIGNAL;
		return false;
	}
	if (fds[FD_OUT].revents != 0)
		terminal_flush(sh->terminal);
	if (fds[FD_SIGNAL].revents != 0)
		take_signals(l);
	if (fds[FD_DATA].revents != 0)
		l->data_waits = true;
	take_keys(l);
	take_data(l, now);
	if (shell_running(sh) > 0)
		shell_follow(sh);
	if (terminal_gone(sh->terminal)) {
		l->end = SHELL_TERMINAL_GONE;
		return false;
	}
	if (sh->suspend) {
		sh->suspend = false;
		terminal_suspend(sh->terminal);
		l->paint = true;
	}
	return !sh->quit;
}

enum shell_end shell_run(struct shell *sh)
{
	struct loop l = {.sh = sh, .end = SHELL_QUIT, .paint = true};
	do {
		if (l.paint && shell_paint(sh))
			l.paint = false;
	} while (turn(&l));
	return l.end;
}
