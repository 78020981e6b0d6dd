/* The command table: one record for each thing a user can do. Keys, footer hints, `:` line, help, man page,
 * completions and README come from it. A second list is a bug. */
#ifndef DBATOP_TUI_COMMAND_H
#define DBATOP_TUI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum command {
#define COMMAND(id, name, keys, flags, arg, help) CMD_##id,
#include "tui/commands.def"
#undef COMMAND
	CMD_COUNT
};

enum {
	CMD_MUTATES = 1, /* changes a server: goes through the gate */
	CMD_VIEW = 2,    /* handled by the view, else by the shell */
	CMD_FOOTER = 4,  /* shown as a footer hint where it applies */
	CMD_LIVE = 8,    /* only on live data */
	CMD_HIDDEN = 16  /* no help line: it is a variant of its neighbour */
};

struct command_info {
	enum command id;
	unsigned flags;
	const char *name; /* what `:` and the config call it: "sort", "terminate" */
	const char *keys; /* default keys, space separated: "j down"; "" for none */
	const char *arg;  /* what may follow on the `:` line: "[column]", "" */
	const char *help; /* one clause, lower case, no full stop */
};

const struct command_info *command_info(enum command c);
enum command command_by_name(const char *name); /* CMD_COUNT when unknown */
const char *command_did_you_mean(const char *name);

/* Keys as one integer: a Unicode character, KEY_CTRL('x'), or one of these. */
enum key {
	KEYCODE_BASE = 0x110000,
	KEYCODE_UP,
	KEYCODE_DOWN,
	KEYCODE_LEFT,
	KEYCODE_RIGHT,
	KEYCODE_PGUP,
	KEYCODE_PGDN,
	KEYCODE_HOME,
	KEYCODE_END,
	KEYCODE_ENTER,
	KEYCODE_ESC,
	KEYCODE_TAB,
	KEYCODE_BACKTAB,
	KEYCODE_BACKSPACE,
	KEYCODE_DELETE,
	KEYCODE_INSERT,
	KEYCODE_F1,
	KEYCODE_F2,
	KEYCODE_F3,
	KEYCODE_F4,
	KEYCODE_F5,
	KEYCODE_F6,
	KEYCODE_F7,
	KEYCODE_F8,
	KEYCODE_F9,
	KEYCODE_F10,
	KEYCODE_F11,
	KEYCODE_F12,
	KEYCODE_MOUSE,
	KEYCODE_RESIZE,
	KEYCODE_PASTE_BEGIN,
	KEYCODE_PASTE_END
};
bool key_parse(const char *text, int *key); /* "K", "ctrl-l", "pgup", "f5", "space" */
const char *key_text(int key, char out[16]);
/* The same as people write it, in place: "Enter", "PgUp", "Ctrl-L"; a letter is itself. */
const char *key_pretty(char key[16]);

struct keymap;
struct config;
struct err;
/* Defaults from the table, then the config's bindings; ERR_USAGE names file:line:column of an unknown key or
 * command. */
struct keymap *keymap_new(const struct config *cfg, struct err *e);
void keymap_free(struct keymap *m);
enum command keymap_find(const struct keymap *m, int key); /* CMD_COUNT when unbound */
/* The first key of a command as the footer shows it, "" when there is none. */
const char *keymap_key(const struct keymap *m, enum command c, char out[16]);
/* All of them, from 0; "" after the last. */
const char *keymap_nth(const struct keymap *m, enum command c, size_t n, char out[16]);

#endif
