/* Keys by name and what they do: the defaults of the command table, then what the config binds. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/model/config.h"
#include "tui/command.h"

enum { BINDINGS_MAX = 256 };

struct binding {
	int key;
	enum command command;
};

struct keymap {
	size_t n;
	struct binding binding[BINDINGS_MAX];
};

static const struct {
	const char *name;
	int key;
} key_names[] = {
        {"space", ' '},
        {"up", KEYCODE_UP},
        {"down", KEYCODE_DOWN},
        {"left", KEYCODE_LEFT},
        {"right", KEYCODE_RIGHT},
        {"pgup", KEYCODE_PGUP},
        {"pgdn", KEYCODE_PGDN},
        {"home", KEYCODE_HOME},
        {"end", KEYCODE_END},
        {"enter", KEYCODE_ENTER},
        {"esc", KEYCODE_ESC},
        {"tab", KEYCODE_TAB},
        {"backtab", KEYCODE_BACKTAB},
        {"backspace", KEYCODE_BACKSPACE},
        {"delete", KEYCODE_DELETE},
        {"insert", KEYCODE_INSERT},
};

bool key_parse(const char *text, int *key)
{
	for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
		if (strcmp(key_names[i].name, text) == 0) {
			*key = key_names[i].key;
			return true;
		}
	}
	if (strncmp(text, "ctrl-", 5) == 0 && text[5] >= 'a' && text[5] <= 'z' && text[6] == '\0') {
		*key = text[5] & 0x1f;
		return true;
	}
	if (text[0] == 'f' && text[1] >= '1' && text[1] <= '9') {
		char *end = NULL;
		long n = strtol(text + 1, &end, 10);
		if (*end == '\0' && n >= 1 && n <= 12) {
			*key = KEYCODE_F1 + (int)n - 1;
			return true;
		}
	}
	struct glyph g;
	size_t pos = 0;
	size_t n = strlen(text);
	if (!text_is_clean(text, n) || !text_next(text, n, &pos, &g) || pos != n || g.marks != 0 ||
	        g.base <= ' ')
		return false;
	*key = (int)g.base;
	return true;
}

const char *key_text(int key, char out[16])
{
	for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
		if (key_names[i].key == key) {
			snprintf(out, 16, "%s", key_names[i].name);
			return out;
		}
	}
	if (key >= KEYCODE_F1 && key <= KEYCODE_F12) {
		snprintf(out, 16, "f%d", key - KEYCODE_F1 + 1);
	} else if (key >= 1 && key < ' ') {
		snprintf(out, 16, "ctrl-%c", key + 'a' - 1);
	} else if (key > ' ' && key < KEYCODE_BASE) {
		char text[4];
		size_t n = text_encode_char((uint32_t)key, text);
		snprintf(out, 16, "%.*s", (int)n, text);
	} else {
		out[0] = '\0';
	}
	return out;
}

const char *key_pretty(char key[16])
{
	size_t n = strlen(key);
	if (n < 2 || !islower((unsigned char)key[0]))
		return key;
	key[0] = (char)toupper((unsigned char)key[0]);
	if (strcmp(key, "Pgup") == 0 || strcmp(key, "Pgdn") == 0)
		key[2] = (char)toupper((unsigned char)key[2]);
	if (strcmp(key, "Backtab") == 0)
		snprintf(key, 16, "Shift-Tab");
	else if (key[n - 2] == '-')
		key[n - 1] = (char)toupper((unsigned char)key[n - 1]);
	return key;
}

/* A key has one meaning: the later binding replaces the earlier. */
static void bind_key(struct keymap *m, int key, enum command c)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->binding[i].key == key) {
			memmove(&m->binding[i], &m->binding[i + 1], (m->n - i - 1) * sizeof(m->binding[0]));
			m->n--;
			break;
		}
	}
	if (c != CMD_COUNT && m->n < BINDINGS_MAX)
		m->binding[m->n++] = (struct binding){.key = key, .command = c};
}

static void bind_defaults(struct keymap *m)
{
	for (int c = 0; c < CMD_COUNT; c++) {
		const char *at = command_info((enum command)c)->keys;
		while (*at != '\0') {
			char word[16];
			size_t n = strcspn(at, " ");
			int key = 0;
			snprintf(word, sizeof(word), "%.*s", (int)n, at);
			if (key_parse(word, &key))
				bind_key(m, key, (enum command)c);
			at += n + strspn(at + n, " ");
		}
	}
}

static bool bind_config(struct keymap *m, const struct config *cfg, struct err *e)
{
	for (size_t i = 0; i < cfg->nkeys; i++) {
		const struct key_binding *b = &cfg->keys[i];
		const char *file = cfg->file != NULL ? cfg->file : "config";
		int key = 0;
		if (!key_parse(b->key, &key))
			return err_set(e, ERR_USAGE,
			        "%s:%d:%d: there is no key \"%s\": a character, ctrl-a to ctrl-z, f1 to f12, "
			        "or a name like pgup, enter, space",
			        file, b->line, b->column, b->key);
		if (key == 3 || key == KEYCODE_ESC)
			return err_set(e, ERR_USAGE, "%s:%d:%d: %s always means back and cannot be bound",
			        file, b->line, b->column, b->key);
		enum command c = command_by_name(b->command);
		if (c == CMD_COUNT && strcmp(b->command, "none") != 0) {
			const char *near = command_did_you_mean(b->command);
			return err_set(e, ERR_USAGE, "%s:%d:%d: there is no command \"%s\"%s%s%s", file,
			        b->line, b->column, b->command, near != NULL ? ": did you mean \"" : "",
			        near != NULL ? near : "", near != NULL ? "\"?" : "");
		}
		if (c != CMD_COUNT && (command_info(c)->flags & CMD_MUTATES) != 0 && key >= 'a' && key <= 'z')
			return err_set(e, ERR_USAGE,
			        "%s:%d:%d: \"%s\" changes a server, and lower-case keys never do: bind an "
			        "upper-case one",
			        file, b->line, b->column, b->command);
		bind_key(m, key, c);
	}
	return true;
}

struct keymap *keymap_new(const struct config *cfg, struct err *e)
{
	struct keymap *m = xcalloc(1, sizeof(*m));
	bind_defaults(m);
	if (cfg == NULL || bind_config(m, cfg, e))
		return m;
	keymap_free(m);
	return NULL;
}

void keymap_free(struct keymap *m)
{
	free(m);
}

enum command keymap_find(const struct keymap *m, int key)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->binding[i].key == key)
			return m->binding[i].command;
	}
	return CMD_COUNT;
}

const char *keymap_nth(const struct keymap *m, enum command c, size_t n, char out[16])
{
	out[0] = '\0';
	for (size_t i = 0; i < m->n; i++) {
		if (m->binding[i].command == c && n-- == 0)
			return key_text(m->binding[i].key, out);
	}
	return out;
}

const char *keymap_key(const struct keymap *m, enum command c, char out[16])
{
	return keymap_nth(m, c, 0, out);
}
