/* Shared by term.c (the program and its bytes) and term_screen.c (what they look like). Not for tests. */
#ifndef DBATOP_TESTS_SUPPORT_TERM_INTERNAL_H
#define DBATOP_TESTS_SUPPORT_TERM_INTERNAL_H

#include "tests/support/term.h"

#include <stdint.h>
#include <termios.h>
#include <vterm.h>

struct term {
	int rows;
	int cols;
	int master; /* -1 after a hang-up */
	int socket; /* to the keeper; -1 when it is gone */
	pid_t keeper;
	pid_t program;
	bool draining;
	bool stopped;
	bool exited;
	int status;
	bool has_before;
	bool has_after;
	struct termios before;
	struct termios after;
	char *raw;
	size_t raw_size;
	size_t raw_room;
	VTerm *vterm;
	VTermScreen *screen;
	VTermPos cursor;
	bool alt_screen;
	bool cursor_visible;
	int mouse;
	char title[512];
	char *text; /* the last answer of term_row, term_screen */
	size_t text_room;
};

/* The libvterm half: made with the size in term->rows and cols; bytes go in through term_screen_write. */
void term_screen_open(struct term *term);
void term_screen_close(struct term *term);
void term_screen_write(struct term *term, const char *bytes, size_t size);

/* Reads what is there, waiting until the deadline at most for something to happen. True when bytes came. */
bool term_round(struct term *term, int64_t deadline_ms);

#endif
