/* Bytes from a terminal to keys, mouse and pasted text. A parser of our own, since it must never wait: what
 * is half there stays until the rest comes or 25 ms have passed (then a lone escape is the Esc key). Knows
 * what xterm, its descendants, tmux, screen, rxvt, PuTTY and the Linux console send. Pure; one owner. */
#ifndef DBATOP_TUI_INPUT_H
#define DBATOP_TUI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/clock.h"
#include "tui/command.h"

enum { INPUT_BUFFER = 4096, INPUT_ESC_MS = 25, INPUT_SEQUENCE_MS = 100, INPUT_DOUBLE_CLICK_MS = 400 };

struct input {
	unsigned char bytes[INPUT_BUFFER];
	size_t n;
	mono_ns fed;   /* when the last bytes came */
	bool pasting;  /* between the marks of a bracketed paste */
	bool flush;    /* drop until the end of an over-long sequence */
	mono_ns click; /* the last press of button 1 */
	int click_x, click_y;
};

struct input_event {
	int key;     /* a character, 1 … 26 for control keys, or enum key; KEYCODE_MOUSE: see below */
	bool pasted; /* text that was pasted, not typed: never a command */
	int x, y;    /* mouse: cell, from 0 */
	int wheel;   /* mouse: -1, 0, 1 */
	bool twice;  /* mouse: the second click of two */
};

/* Takes as many bytes as there is room for; returns how many. */
size_t input_feed(struct input *in, const void *bytes, size_t n, mono_ns now);
/* The next event; false when there is none yet. */
bool input_next(struct input *in, mono_ns now, struct input_event *out);
/* Milliseconds until input_next should be asked again although no byte came; -1: not at all. */
int input_wait_ms(const struct input *in, mono_ns now);

#endif
