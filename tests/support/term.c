/* The program's side of term.h: start, keys in, bytes out, signals, the end. */
#include "tests/support/test.h"

#include "tests/support/proc.h"
#include "tests/support/term_internal.h"
#include "tests/support/term_keeper.h"
#include "tests/support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	START_MS = 5000,
	CONTINUE_MS = 5000,
	SEND_MS = 5000,
	LAST_BYTES_MS = 30,
	QUIET_AT_LAST_MS = 2000,
	TAIL_BYTES = 400,
	MAX_ENV = 64,
	MAX_RAW = 256 << 20
};

static void set_window(struct term *term)
{
	struct winsize size = {.ws_row = (unsigned short)term->rows, .ws_col = (unsigned short)term->cols};
	ioctl(term->master, TIOCSWINSZ, &size);
}

/* The caller's changes behind those every program under test gets. */
static const char **term_env(const char *const env[])
{
	static const char *const defaults[] = {
	        "TERM=xterm-256color", "LC_ALL=C.UTF-8", "COLORTERM", "NO_COLOR", "LINES", "COLUMNS"};
	const char *changes[MAX_ENV] = {NULL};
	size_t count = 0;
	for (; count < sizeof(defaults) / sizeof(defaults[0]); count++)
		changes[count] = defaults[count];
	for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
		assert_true(count < MAX_ENV - 1);
		changes[count++] = env[i];
	}
	return proc_env(changes);
}

struct term *term_spawn(int rows, int cols, const char *const argv[], const char *const env[])
{
	int sockets[2];
	struct term *term = calloc(1, sizeof(*term));
	assert_non_null(term);
	*term = (struct term){.rows = rows, .cols = cols, .draining = true, .cursor_visible = true};
	term->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (term->master < 0 || grantpt(term->master) != 0 || unlockpt(term->master) != 0)
		fail_msg("no pseudo-terminal: %s", strerror(errno));
	set_window(term);
	int slave = open(ptsname(term->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		fail_msg("no pseudo-terminal: %s", strerror(errno));
	const char **merged = term_env(env);
	term_screen_open(term);
	term->keeper = fork();
	if (term->keeper == 0)
		keeper_run(slave, sockets[1], argv, merged);
	if (term->keeper < 0)
		fail_msg("fork: %s", strerror(errno));
	free(merged);
	close(slave);
	close(sockets[1]);
	term->socket = sockets[0];
	int64_t deadline = wait_now_ms() + START_MS;
	while (term->program == 0) {
		if (term->socket < 0 || wait_now_ms() >= deadline)
			fail_msg("the program on the terminal did not start");
		term_round(term, deadline);
	}
	return term;
}

void term_free(struct term *term)
{
	if (term == NULL)
		return;
	if (term->socket >= 0)
		close(term->socket);
	if (term->master >= 0)
		close(term->master);
	waitpid(term->keeper, NULL, 0);
	term_screen_close(term);
	free(term->raw);
	free(term->text);
	free(term);
}

pid_t term_pid(const struct term *term)
{
	return term->program;
}

static void take_report(struct term *term)
{
	struct keeper_report report;
	ssize_t got = recv(term->socket, &report, sizeof(report), 0);
	if (got < 0 && errno == EINTR)
		return;
	if (got != sizeof(report)) {
		close(term->socket);
		term->socket = -1;
		return;
	}
	switch (report.what) {
	case KEEPER_STARTED:
		term->has_before = report.has_settings;
		term->before = report.settings;
		break;
	case KEEPER_STOPPED:
		term->stopped = true;
		break;
	case KEEPER_CONTINUED:
		term->stopped = false;
		term->program = report.program;
		break;
	case KEEPER_EXITED:
		term->exited = true;
		term->status = report.status;
		term->has_after = report.has_settings;
		term->after = report.settings;
		break;
	}
}

/* Takes one piece of output; false when there is none. */
static bool take_bytes(struct term *term)
{
	char chunk[65536];
	ssize_t got = read(term->master, chunk, sizeof(chunk));
	if (got <= 0)
		return false;
	if (term->raw_size + (size_t)got > term->raw_room) {
		term->raw_room = 2 * term->raw_room + sizeof(chunk);
		if (term->raw_room > MAX_RAW)
			fail_msg("the program wrote more than %d bytes", MAX_RAW);
		term->raw = realloc(term->raw, term->raw_room);
		assert_non_null(term->raw);
	}
	memcpy(term->raw + term->raw_size, chunk, (size_t)got);
	term->raw_size += (size_t)got;
	term_screen_write(term, chunk, (size_t)got);
	return true;
}

bool term_round(struct term *term, int64_t deadline_ms)
{
	int64_t left = deadline_ms - wait_now_ms();
	struct pollfd set[2] = {{.fd = term->draining ? term->master : -1, .events = POLLIN},
	        {.fd = term->socket, .events = POLLIN}};
	if (poll(set, 2, left > 0 ? (int)left : 0) <= 0)
		return false;
	/* Bytes before the report: what the program wrote before its end belongs to the screen at its end. */
	bool bytes = (set[0].revents & POLLIN) != 0 && take_bytes(term);
	if (set[0].revents != 0 && (set[0].revents & POLLIN) == 0)
		term_hang_up(term);
	if (set[1].revents != 0)
		take_report(term);
	return bytes;
}

void term_pump(struct term *term, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	do
		term_round(term, deadline);
	while (wait_now_ms() < deadline);
}

void term_settle(struct term *term, int quiet_ms, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	int64_t quiet = wait_now_ms() + quiet_ms;
	while (wait_now_ms() < deadline && wait_now_ms() < quiet) {
		if (term_round(term, quiet < deadline ? quiet : deadline))
			quiet = wait_now_ms() + quiet_ms;
	}
}

void term_drain(struct term *term, bool on)
{
	term->draining = on;
}

void term_send_bytes(struct term *term, const char *bytes, size_t size)
{
	int64_t deadline = wait_now_ms() + SEND_MS;
	size_t at = 0;
	while (at < size) {
		ssize_t sent = write(term->master, bytes + at, size - at);
		if (sent > 0) {
			at += (size_t)sent;
			continue;
		}
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			fail_msg("cannot send keys: %s", strerror(errno));
		if (wait_now_ms() >= deadline) {
			term_dump(term);
			fail_msg("the program reads no keys");
		}
		term_round(term, wait_now_ms() + 5);
	}
}

void term_send(struct term *term, const char *keys)
{
	term_send_bytes(term, keys, strlen(keys));
}

void term_mouse(struct term *term, int button, int row, int col)
{
	char keys[64];
	bool wheel = button >= 64;
	int length = snprintf(keys, sizeof(keys), "\033[<%d;%d;%dM", button, col + 1, row + 1);
	if (!wheel)
		snprintf(keys + length, sizeof(keys) - (size_t)length, "\033[<%d;%d;%dm", button, col + 1,
		        row + 1);
	term_send(term, keys);
}

size_t term_bytes(struct term *term)
{
	return term->raw_size;
}

const char *term_raw(struct term *term, size_t *size)
{
	*size = term->raw_size;
	return term->raw == NULL ? "" : term->raw;
}

bool term_raw_contains(struct term *term, size_t from, const char *bytes, size_t size)
{
	if (from >= term->raw_size)
		return false;
	return memmem(term->raw + from, term->raw_size - from, bytes, size) != NULL;
}

bool term_wait_raw(struct term *term, size_t from, const char *bytes, size_t size, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	while (!term_raw_contains(term, from, bytes, size)) {
		if (wait_now_ms() >= deadline)
			return false;
		term_round(term, deadline);
	}
	return true;
}

void term_resize(struct term *term, int rows, int cols)
{
	assert_true(rows >= 1 && cols >= 1);
	term->rows = rows;
	term->cols = cols;
	vterm_set_size(term->vterm, rows, cols);
	set_window(term);
}

void term_signal(struct term *term, int signal)
{
	if (!term->exited)
		kill(term->program, signal);
}

void term_signal_group(struct term *term, int signal)
{
	if (!term->exited)
		kill(-term->program, signal);
}

void term_hang_up(struct term *term)
{
	if (term->master >= 0)
		close(term->master);
	term->master = -1;
}

bool term_wait_stopped(struct term *term, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	while (!term->stopped && !term->exited && wait_now_ms() < deadline)
		term_round(term, deadline);
	return term->stopped;
}

void term_continue(struct term *term)
{
	char command = KEEPER_FOREGROUND;
	int64_t deadline = wait_now_ms() + CONTINUE_MS;
	assert_int_equal(send(term->socket, &command, 1, MSG_NOSIGNAL), 1);
	/* Until the keeper has told so: what is waited for next may be another stop. */
	while (term->stopped && !term->exited && wait_now_ms() < deadline)
		term_round(term, deadline);
	if (term->stopped)
		fail_msg("the program did not go on");
}

static bool has_left(const struct term *term)
{
	return !term->alt_screen && term->cursor_visible && term->mouse == 0;
}

bool term_wait_left(struct term *term, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	while (!has_left(term) && wait_now_ms() < deadline)
		term_round(term, deadline);
	return has_left(term);
}

static bool settings_equal(const struct term *term)
{
	const struct termios *a = &term->before;
	const struct termios *b = &term->after;
	return term->has_before && term->has_after && a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag &&
	       a->c_cflag == b->c_cflag && a->c_lflag == b->c_lflag &&
	       memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

bool term_wait_exit(struct term *term, int ms, struct term_exit *exit)
{
	int64_t deadline = wait_now_ms() + ms;
	while (!term->exited && term->socket >= 0 && wait_now_ms() < deadline)
		term_round(term, deadline);
	if (!term->exited)
		return false;
	/* The last bytes are on their way in the kernel; other news than bytes must not cut this short. */
	if (term->draining)
		term_settle(term, LAST_BYTES_MS, QUIET_AT_LAST_MS);
	if (exit != NULL) {
		*exit = (struct term_exit){
		        .code = WIFEXITED(term->status) ? WEXITSTATUS(term->status) : -1,
		        .signal = WIFSIGNALED(term->status) ? WTERMSIG(term->status) : 0,
		        .tty_restored = settings_equal(term),
		};
	}
	return true;
}

static void dump_last_bytes(const struct term *term)
{
	size_t from = term->raw_size > TAIL_BYTES ? term->raw_size - TAIL_BYTES : 0;
	fprintf(stderr, "last bytes: ");
	for (size_t i = from; i < term->raw_size; i++) {
		unsigned char byte = (unsigned char)term->raw[i];
		if (byte < ' ' || byte > '~')
			fprintf(stderr, "\\x%02x", byte);
		else
			fputc(byte, stderr);
	}
	fputc('\n', stderr);
}

void term_assert_restored(struct term *term)
{
	const char *wrong = NULL;
	if (!term->exited)
		wrong = "the program still runs";
	else if (!settings_equal(term))
		wrong = "the tty's settings are not those of before";
	else if (term->alt_screen)
		wrong = "the alternate screen was not left";
	else if (!term->cursor_visible)
		wrong = "the cursor is still hidden";
	else if (term->mouse != 0)
		wrong = "the mouse is still reported";
	if (wrong == NULL)
		return;
	term_dump(term);
	dump_last_bytes(term);
	fail_msg("terminal not restored: %s", wrong);
}
