/* The process around everything: limits and signals in the order that DESIGN.md §3 names, one thread that
 * ends the program when a screen no longer can, and a crash handler that gives the terminal back. This is the
 * one place with state of its own: signal handlers have no other way to know the terminal. */
#ifndef DBATOP_RUN_PROCESS_H
#define DBATOP_RUN_PROCESS_H

#include <stddef.h>
#include <termios.h>

#include "core/base/cancel.h"

enum { PROCESS_GRACE_MS = 250, PROCESS_RESET_MAX = 512 };

/* First call of main, before any thread and before curses: LC_CTYPE, SIGPIPE ignored, TERM HUP INT QUIT WINCH
 * TSTP CONT blocked (WINCH, TSTP, CONT for a signalfd of the screen), as many descriptors as are allowed, no
 * core file (it would hold passwords), few malloc arenas. Does not fail: what the system refuses stays as it
 * was. */
void process_prepare(void);

/* The crash handler and the root cancel, which a first frame needs before there is any thread. Signals that
 * come until process_start wait. */
bool process_open(struct err *e);

/* Starts the signal thread, after process_open when that was not done. After this: no setenv, no setlocale,
 * no exit() but process_leave. */
bool process_start(struct err *e);

/* Set when the program should end: by a signal, or by whoever calls cancel_set. The root of every ctx. */
struct cancel *process_cancel(void);
/* The signal that set it; 0 when none did. */
int process_signal(void);

/* While a screen is up: how to give the terminal back. `reset` is what must be written to leave the screen as
 * it was found (at most PROCESS_RESET_MAX bytes, copied), `modes` the terminal's modes before (copied). The
 * signal thread and the crash handler use it; fd stays the caller's. fd -1: the terminal is restored, nothing
 * is to be done any more. UI thread; does not block. */
void process_set_terminal(int fd, const char *reset, size_t n, const struct termios *modes);

/* The last call of main: `return process_leave(code)`. Ends the process at once with _exit, so that lanes
 * that are stuck in a library cannot hold it; stdout is flushed first. Builds for sanitizers and gcov join
 * the signal thread and return. */
int process_leave(int code);

#endif
