/* A tty that never makes us wait: see term_tty.h. The description behind fd 1 is shared with the shell that
 * started us, so it is never made non-blocking; we open the same tty once more. */
#include "tui/term_tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { NAME_MAX_ = 128, SMALL_WRITE = 256, SIZE_MAX_CELLS = 1000 };

/* The same tty once more. After `su` its device belongs to somebody else and cannot be opened by name, but
 * the controlling terminal always can. */
static int reopen(int fd)
{
	static const int flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	char name[NAME_MAX_];
	if (ttyname_r(fd, name, sizeof(name)) == 0) {
		int own = open(name, flags);
		if (own >= 0)
			return own;
	}
	int own = open("/dev/tty", flags);
	if (own >= 0 && tcgetsid(own) == tcgetsid(fd))
		return own;
	if (own >= 0)
		close(own);
	return -1;
}

bool tty_open(struct tty *tty, int in_fd, int out_fd, struct err *e)
{
	*tty = (struct tty){.in = in_fd, .out = out_fd};
	if (isatty(in_fd) == 0 || isatty(out_fd) == 0)
		return err_set(e, ERR_USAGE,
		        "%s is not a terminal: `dbatop once` prints one frame as text, and as JSON or CSV",
		        isatty(out_fd) == 0 ? "standard output" : "standard input");
	if (tcgetattr(in_fd, &tty->saved) != 0)
		return err_set_errno(e, errno, "terminal settings");
	int own = reopen(out_fd);
	tty->own_out = own >= 0;
	tty->blocking = own < 0;
	tty->out = own >= 0 ? own : out_fd;
	own = reopen(in_fd);
	tty->own_in = own >= 0;
	tty->in = own >= 0 ? own : in_fd;
	buf_init(&tty->queue, TTY_QUEUE_MAX);
	return true;
}

void tty_close(struct tty *tty)
{
	if (tty->own_in)
		close(tty->in);
	if (tty->own_out)
		close(tty->out);
	buf_free(&tty->queue);
}

void tty_raw(struct tty *tty)
{
	struct termios raw = tty->saved;
	raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | ISTRIP | IXON);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag |= CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(tty->in, TCSANOW, &raw);
}

void tty_restore(struct tty *tty)
{
	tcsetattr(tty->in, TCSANOW, &tty->saved);
}

void tty_size(const struct tty *tty, int *width, int *height)
{
	struct winsize size = {.ws_col = 0};
	*width = 80;
	*height = 24;
	if (ioctl(tty->out, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		return;
	*width = size.ws_col < SIZE_MAX_CELLS ? size.ws_col : SIZE_MAX_CELLS;
	*height = size.ws_row < SIZE_MAX_CELLS ? size.ws_row : SIZE_MAX_CELLS;
}

void tty_queue(struct tty *tty, const void *bytes, size_t n)
{
	buf_put(&tty->queue, bytes, n);
}

bool tty_pending(const struct tty *tty)
{
	return tty->sent < tty->queue.len;
}

static bool takes_bytes(const struct tty *tty, int ms)
{
	struct pollfd p = {.fd = tty->out, .events = POLLOUT};
	return poll(&p, 1, ms) == 1 && (p.revents & POLLOUT) != 0;
}

bool tty_flush(struct tty *tty)
{
	while (tty_pending(tty) && !tty->gone) {
		size_t n = tty->queue.len - tty->sent;
		if (tty->blocking && n > SMALL_WRITE)
			n = SMALL_WRITE;
		if (tty->blocking && !takes_bytes(tty, 0))
			return true;
		ssize_t done = write(tty->out, tty->queue.data + tty->sent, n);
		if (done > 0) {
			tty->sent += (size_t)done;
			tty->bytes += (size_t)done;
		} else if (done < 0 && errno == EAGAIN) {
			return true;
		} else if (done < 0 && errno != EINTR) {
			tty->gone = true;
		}
	}
	buf_reset(&tty->queue);
	tty->sent = 0;
	return !tty->gone;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void tty_flush_within(struct tty *tty, int ms)
{
	int64_t until = now_ms() + ms;
	while (tty_flush(tty) && tty_pending(tty)) {
		int64_t left = until - now_ms();
		if (left <= 0 || !takes_bytes(tty, (int)left))
			break;
	}
}

size_t tty_read(struct tty *tty, void *bytes, size_t n)
{
	struct pollfd p = {.fd = tty->in, .events = POLLIN};
	if (tty->gone || n == 0 || poll(&p, 1, 0) != 1)
		return 0;
	ssize_t got = read(tty->in, bytes, n);
	if (got > 0)
		return (size_t)got;
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		tty->gone = true;
	return 0;
}
