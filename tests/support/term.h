/* A real program on a real pseudo-terminal, its screen read back through libvterm. Between the test and the
 * program stands a small keeper process, the session leader, as a shell would be: it notices stops and exits,
 * keeps the tty alive after the program's end and takes its settings then, and forwards a hang-up. Kills
 * everything when the test dies. Calls wait at most as long as they are told; what they wait for in vain
 * fails the test with the screen printed. One thread at a time per struct term. Strings returned are UTF-8
 * and valid until the next call. */
#ifndef DBATOP_TESTS_SUPPORT_TERM_H
#define DBATOP_TESTS_SUPPORT_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct term;

/* What xterm sends in application mode (curses switches it on). */
#define TERM_UP        "\033OA"
#define TERM_DOWN      "\033OB"
#define TERM_RIGHT     "\033OC"
#define TERM_LEFT      "\033OD"
#define TERM_HOME      "\033OH"
#define TERM_END       "\033OF"
#define TERM_PAGE_UP   "\033[5~"
#define TERM_PAGE_DOWN "\033[6~"
#define TERM_DELETE    "\033[3~"
#define TERM_BACK_TAB  "\033[Z"
#define TERM_F1        "\033OP"
#define TERM_ENTER     "\r"
#define TERM_TAB       "\t"
#define TERM_ESCAPE    "\033"
#define TERM_BACKSPACE "\177"

/* Starts argv[0] (searched in PATH) on a terminal of that size. env: changes as for proc_env; before them
 * TERM=xterm-256color and LC_ALL=C.UTF-8 are set, COLORTERM, NO_COLOR, LINES and COLUMNS removed. */
struct term *term_spawn(int rows, int cols, const char *const argv[], const char *const env[]);
/* Kills the program if it lives, closes the terminal, frees. NULL is allowed. */
void term_free(struct term *term);
pid_t term_pid(const struct term *term);

/* Keys and bytes; mouse: button 0 left, 1 middle, 2 right, 64 and 65 the wheel; row and col from 0. */
void term_send(struct term *term, const char *keys);
void term_send_bytes(struct term *term, const char *bytes, size_t size);
void term_mouse(struct term *term, int button, int row, int col);

/* Takes what the program has written and is writing for ms milliseconds, or until nothing came for quiet_ms.
 */
void term_pump(struct term *term, int ms);
void term_settle(struct term *term, int quiet_ms, int ms);
/* false: nothing is read any more ("a terminal that takes no bytes"), until true. */
void term_drain(struct term *term, bool on);

/* The text is (or a line matches the extended regular expression) on the screen within ms; *_sees do not fail
 * the test, ms 0 looks once. term_wait_gone: the text is no longer there. */
void term_wait_text(struct term *term, const char *text, int ms);
void term_wait_match(struct term *term, const char *regex, int ms);
void term_wait_gone(struct term *term, const char *text, int ms);
bool term_sees(struct term *term, const char *text, int ms);
bool term_sees_match(struct term *term, const char *regex, int ms);

/* The screen as it is now, without taking new bytes: one row, or all rows with a newline each; blanks at the
 * ends of rows are cut. */
const char *term_row(struct term *term, int row);
const char *term_screen(struct term *term);
/* Where a text begins (cells from 0); false when it is not on the screen. */
bool term_find(struct term *term, const char *text, int *row, int *col);
/* Prints the screen and what is known about the program to stderr. */
void term_dump(struct term *term);

enum { TERM_DEFAULT_COLOUR = -1, TERM_RGB = 0x1000000 };

/* One cell. Colours: TERM_DEFAULT_COLOUR, a palette index, or TERM_RGB | 0xrrggbb. */
struct term_cell {
	char text[32];
	int width; /* 2: the next cell belongs to it */
	bool bold;
	bool italic;
	bool underline;
	bool blink;
	bool reverse;
	int fg;
	int bg;
};
struct term_cell term_cell(struct term *term, int row, int col);

/* What the program asked of the terminal. mouse: 0 none, 1 click, 2 drag, 3 move. */
struct term_mode {
	bool alt_screen;
	bool cursor_visible;
	int mouse;
	int cursor_row;
	int cursor_col;
	const char *title;
};
struct term_mode term_mode(struct term *term);

/* Every byte the program has written so far: their number (take it as a mark), and a search from a mark on.
 */
size_t term_bytes(struct term *term);
bool term_raw_contains(struct term *term, size_t from, const char *bytes, size_t size);
/* Takes bytes until they hold these ones, or until ms have passed; does not fail the test. */
bool term_wait_raw(struct term *term, size_t from, const char *bytes, size_t size, int ms);
const char *term_raw(struct term *term, size_t *size);

/* Sets the window's size; the program gets SIGWINCH. At least 1 x 1. */
void term_resize(struct term *term, int rows, int cols);
/* Signals the program alone (term_signal) or its process group. */
void term_signal(struct term *term, int signal);
void term_signal_group(struct term *term, int signal);
/* The window is closed, the SSH connection is gone: SIGHUP for the program, no bytes either way any more. */
void term_hang_up(struct term *term);
/* The program stopped itself (Ctrl-Z) within ms; term_continue is the shell's fg and returns when it runs. */
bool term_wait_stopped(struct term *term, int ms);
void term_continue(struct term *term);
/* The main screen is back, the cursor visible, the mouse no longer reported, within ms: the last bytes of a
 * program that stopped may come after the news of it. */
bool term_wait_left(struct term *term, int ms);

/* How the program ended. tty_restored: the tty's settings are those of before the start. */
struct term_exit {
	int code;   /* -1 when a signal killed it */
	int signal; /* else 0 */
	bool tty_restored;
};
/* Waits for the end; false at the deadline. exit may be NULL. Takes the last bytes too (unless not draining).
 */
bool term_wait_exit(struct term *term, int ms, struct term_exit *exit);
/* Fails unless the program has ended and left settings, main screen, cursor and mouse as they were. */
void term_assert_restored(struct term *term);

#endif
