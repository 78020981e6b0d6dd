/* The tty under the terminal: modes, size, and a queue of bytes that is written without ever waiting. Used by
 * term_curses.c only. */
#ifndef DBATOP_TUI_TERM_TTY_H
#define DBATOP_TUI_TERM_TTY_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "core/base/buf.h"
#include "core/base/err.h"

enum { TTY_QUEUE_MAX = 4 * 1024 * 1024 };

struct tty {
	int in, out;          /* non-blocking descriptions of our own where the system gives them */
	bool own_in, own_out; /* to be closed */
	bool blocking;        /* no description of our own: small writes after poll */
	bool gone;
	struct termios saved;
	struct buf queue;
	size_t sent; /* bytes of the queue that are written */
	uint64_t bytes;
};

bool tty_open(struct tty *tty, int in_fd, int out_fd, struct err *e);
/* Drops what is queued; does not touch the modes. */
void tty_close(struct tty *tty);
void tty_raw(struct tty *tty);
void tty_restore(struct tty *tty);
void tty_size(const struct tty *tty, int *width, int *height);
void tty_queue(struct tty *tty, const void *bytes, size_t n);
bool tty_pending(const struct tty *tty);
/* Writes what the terminal takes; false when it is gone. */
bool tty_flush(struct tty *tty);
/* The same, waiting for the terminal at most ms. */
void tty_flush_within(struct tty *tty, int ms);
/* Reads what is there: bytes, 0 for nothing yet; sets gone at the end. */
size_t tty_read(struct tty *tty, void *bytes, size_t n);

#endif
