/* The terminal: the only part that knows curses, and the only I/O of the UI thread. Nothing here waits for
 * the terminal: what it does not take at once is queued, and while something is queued no new frame is made,
 * so a slow line loses frames, not time, and a dead one never keeps the program from quitting. Curses works
 * on memory: it turns cells into the fewest bytes; the bytes, the tty's modes and the input are ours. One
 * terminal a process; UI thread; opened before the first other thread starts (it changes the environment for
 * a moment). */
#ifndef DBATOP_TUI_TERM_H
#define DBATOP_TUI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "tui/input.h"
#include "tui/surface.h"
#include "tui/theme.h"

struct terminal;

struct terminal_options {
	int in_fd, out_fd;     /* 0 and 1; borrowed */
	const char *term;      /* $TERM, or NULL */
	const char *colorterm; /* $COLORTERM, or NULL */
	const char *no_color;  /* $NO_COLOR, or NULL */
	bool mouse;
	const struct theme *theme; /* copied */
};

/* What the environment promises; the terminal's own description may lower it. Pure. */
enum depth terminal_depth(const char *term, const char *colorterm, const char *no_color);

/* Enters the alternate screen, raw mode, bracketed paste, mouse. ERR_USAGE with a sentence that names `dbatop
 * once` when there is no terminal, TERM is unset, unknown or dumb. Paints nothing yet. */
bool terminal_open(const struct terminal_options *opt, struct terminal **out, struct err *e);
/* Puts the terminal back as it was: waits at most 50 ms for it to take the bytes, then drops them. NULL is
 * allowed. */
void terminal_close(struct terminal *t);

/* For poll(): POLLIN on the one always, POLLOUT on the other while terminal_pending; then terminal_flush. */
int terminal_fd(const struct terminal *t);
int terminal_out_fd(const struct terminal *t);
bool terminal_pending(const struct terminal *t);
/* Writes what it takes now. False when the terminal is gone (hung up, closed): time to quit. */
bool terminal_flush(struct terminal *t);
/* Reads what is there and gives the next key; false when there is none yet. */
bool terminal_read(struct terminal *t, mono_ns now, struct input_event *out);
/* Milliseconds until terminal_read should be asked again without a byte; -1: not at all. */
int terminal_wait_ms(const struct terminal *t, mono_ns now);
bool terminal_gone(const struct terminal *t); /* reading or writing found it closed */

/* Asks the tty for its size and takes it over; at least 1×1. */
void terminal_size(struct terminal *t, int *width, int *height);
void terminal_set_theme(struct terminal *t, const struct theme *theme);
/* Only rows that differ from the last frame are looked at. False while earlier bytes are still queued:
 * nothing is done, paint again when terminal_pending is false. The surface's size should be terminal_size's.
 */
bool terminal_paint(struct terminal *t, const struct surface *s);
void terminal_repaint(struct terminal *t); /* the next paint sends everything again */
/* Own sequences, sent after the next paint: the clipboard (OSC 52) and the title. */
void terminal_copy(struct terminal *t, const char *text, size_t n);
void terminal_title(struct terminal *t, const char *title);
enum depth terminal_depth_used(const struct terminal *t);
uint64_t terminal_bytes(const struct terminal *t); /* written so far, for :self */

/* Gives the screen back and stops this process (SIGSTOP) until it is continued, then takes the screen again;
 * everything is painted anew. */
void terminal_suspend(struct terminal *t);

/* What a crash handler needs, computed once: plain bytes and settings, no curses call. Copy it to where the
 * handler finds it (core/run/process.h). */
enum { TERMINAL_RESET_MAX = 256 };
struct terminal_reset {
	int fd; /* non-blocking; -1: none */
	struct termios modes;
	size_t n;
	char bytes[TERMINAL_RESET_MAX];
};
void terminal_reset(const struct terminal *t, struct terminal_reset *out);

#endif
