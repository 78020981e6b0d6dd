/* Editing one line: see prompt.h. */
#include "tui/prompt.h"

#include <stdio.h>
#include <string.h>

#include "tui/theme.h"

enum {
	WORDS_MAX = 128,
	CTRL_A = 1,
	CTRL_C = 3,
	CTRL_E = 5,
	CTRL_K = 11,
	CTRL_N = 14,
	CTRL_P = 16,
	CTRL_U = 21,
	CTRL_W = 23
};

void prompt_open(struct prompt *p, enum prompt_kind kind, const char *text)
{
	p->kind = kind;
	p->n = text_sanitise(p->text, sizeof(p->text), text, strlen(text));
	p->cursor = p->n;
	snprintf(p->before, sizeof(p->before), "%s", p->text);
	p->error[0] = '\0';
	p->stem[0] = '\0';
	p->history_at = 0;
}

void prompt_close(struct prompt *p)
{
	p->kind = PROMPT_NONE;
}

static size_t previous(const struct prompt *p, size_t at)
{
	while (at > 0 && ((unsigned char)p->text[--at] & 0xc0) == 0x80)
		;
	return at;
}

static size_t next(const struct prompt *p, size_t at)
{
	if (at < p->n)
		at++;
	while (at < p->n && ((unsigned char)p->text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void cut(struct prompt *p, size_t from, size_t to)
{
	memmove(p->text + from, p->text + to, p->n - to + 1);
	p->n -= to - from;
	p->cursor = from;
}

static bool insert(struct prompt *p, const char *bytes, size_t n)
{
	if (p->n + n + 1 > sizeof(p->text))
		return false;
	memmove(p->text + p->cursor + n, p->text + p->cursor, p->n - p->cursor + 1);
	memcpy(p->text + p->cursor, bytes, n);
	p->n += n;
	p->cursor += n;
	return true;
}

static bool insert_key(struct prompt *p, int key)
{
	char bytes[4];
	char clean[8];
	if (key < ' ' || key >= KEYCODE_BASE)
		return false;
	size_t n = text_encode_char((uint32_t)key, bytes);
	if (!text_is_clean(bytes, n) || text_sanitise(clean, sizeof(clean), bytes, n) != n)
		return false;
	return insert(p, bytes, n);
}

static size_t word_start(const struct prompt *p, size_t at)
{
	while (at > 0 && p->text[at - 1] == ' ')
		at--;
	while (at > 0 && p->text[at - 1] != ' ')
		at--;
	return at;
}

/* ---- history ---- */

static void remember(struct prompt *p)
{
	if (p->kind != PROMPT_COMMAND || p->n == 0)
		return;
	if (p->nhistory > 0 && strcmp(p->history[p->nhistory - 1], p->text) == 0)
		return;
	if (p->nhistory == PROMPT_HISTORY) {
		memmove(p->history[0], p->history[1], sizeof(p->history[0]) * (PROMPT_HISTORY - 1));
		p->nhistory--;
	}
	memcpy(p->history[p->nhistory++], p->text, sizeof(p->text));
}

static bool walk_history(struct prompt *p, bool older)
{
	if (p->kind != PROMPT_COMMAND || (older ? p->history_at >= p->nhistory : p->history_at == 0))
		return false;
	if (p->history_at == 0)
		memcpy(p->typed, p->text, sizeof(p->typed));
	p->history_at = older ? p->history_at + 1 : p->history_at - 1;
	memcpy(p->text, p->history_at == 0 ? p->typed : p->history[p->nhistory - p->history_at],
	        sizeof(p->text));
	p->n = strlen(p->text);
	p->cursor = p->n;
	return true;
}

/* ---- completion ---- */

/* Where the word to be completed begins: after a blank, and in a filter after ! as well. */
static size_t stem_start(const struct prompt *p)
{
	size_t at = p->cursor;
	while (at > 0 && p->text[at - 1] != ' ' && !(p->kind == PROMPT_FILTER && p->text[at - 1] == '!'))
		at--;
	return at;
}

static bool complete(struct prompt *p, const char *const *words, size_t nwords)
{
	const char *match[WORDS_MAX];
	size_t n = 0;
	if (p->stem[0] == '\0') {
		p->complete_from = stem_start(p);
		snprintf(p->stem, sizeof(p->stem), " %.*s", (int)(p->cursor - p->complete_from),
		        p->text + p->complete_from);
		p->complete_at = 0;
	}
	for (size_t i = 0; i < nwords && n < WORDS_MAX; i++) {
		if (strncmp(words[i], p->stem + 1, strlen(p->stem + 1)) == 0)
			match[n++] = words[i];
	}
	if (n == 0)
		return false;
	cut(p, p->complete_from, p->cursor);
	const char *word = match[p->complete_at++ % n];
	insert(p, word, strlen(word));
	if (p->kind == PROMPT_FILTER)
		insert(p, ":", 1);
	return true;
}

size_t prompt_words(const struct prompt *p, const struct view *open, const char **out, size_t cap)
{
	size_t n = 0;
	size_t first = strcspn(p->text, " ");
	char name[PROMPT_MAX];
	snprintf(name, sizeof(name), "%.*s", (int)first, p->text);
	if (p->kind == PROMPT_COMMAND && p->cursor <= first) {
		for (int c = 0; c < CMD_COUNT && n < cap; c++)
			out[n++] = command_info((enum command)c)->name;
		return n;
	}
	enum command c = p->kind == PROMPT_FILTER ? CMD_FILTER : command_by_name(name);
	if (c == CMD_THEME) {
		size_t count = 0;
		const char *const *names = theme_names(&count);
		for (size_t i = 0; i < count && n < cap; i++)
			out[n++] = names[i];
	} else if (c == CMD_HELP) {
		for (int i = 0; i < CMD_COUNT && n < cap; i++)
			out[n++] = command_info((enum command)i)->name;
	} else if (c == CMD_SCOPE) {
		static const char *const words[] = {"all", "cluster", "instance"};
		for (size_t i = 0; i < 3 && n < cap; i++)
			out[n++] = words[i];
	} else if ((c == CMD_SORT || c == CMD_FILTER) && open != NULL) {
		for (size_t i = 0; i < open->ncolumns && n < cap; i++)
			out[n++] = open->columns[i].name;
		for (size_t i = 0;
		        c == CMD_FILTER && open->extra != NULL && open->extra[i] != NULL && n < cap; i++)
			out[n++] = open->extra[i];
	}
	return n;
}

/* ---- keys ---- */

static bool edit(struct prompt *p, int key)
{
	size_t at = p->cursor;
	switch (key) {
	case KEYCODE_BACKSPACE:
		if (at > 0)
			cut(p, previous(p, at), at);
		return true;
	case KEYCODE_DELETE:
		if (at < p->n)
			cut(p, at, next(p, at));
		return true;
	case CTRL_U:
		cut(p, 0, at);
		return true;
	case CTRL_K:
		cut(p, at, p->n);
		return true;
	case CTRL_W:
		cut(p, word_start(p, at), at);
		return true;
	default:
		return insert_key(p, key);
	}
}

static bool move(struct prompt *p, int key)
{
	switch (key) {
	case KEYCODE_LEFT:
		p->cursor = previous(p, p->cursor);
		return true;
	case KEYCODE_RIGHT:
		p->cursor = next(p, p->cursor);
		return true;
	case KEYCODE_HOME:
	case CTRL_A:
		p->cursor = 0;
		return true;
	case KEYCODE_END:
	case CTRL_E:
		p->cursor = p->n;
		return true;
	default:
		return false;
	}
}

enum prompt_answer prompt_key(
        struct prompt *p, const struct input_event *ev, const char *const *words, size_t nwords)
{
	int key = ev->key;
	/* A pasted line end is a blank: what is pasted is never carried out. */
	if (ev->pasted && (key == KEYCODE_ENTER || key == KEYCODE_TAB))
		key = ' ';
	if (key == KEYCODE_TAB || key == KEYCODE_BACKTAB)
		return complete(p, words, nwords) ? PROMPT_CHANGED : PROMPT_SAME;
	p->stem[0] = '\0';
	if (key == KEYCODE_ESC || key == CTRL_C || (key == KEYCODE_BACKSPACE && p->n == 0))
		return PROMPT_LEFT;
	if (key == KEYCODE_ENTER) {
		remember(p);
		return PROMPT_ENTERED;
	}
	if (key == KEYCODE_UP || key == CTRL_P)
		return walk_history(p, true) ? PROMPT_CHANGED : PROMPT_SAME;
	if (key == KEYCODE_DOWN || key == CTRL_N)
		return walk_history(p, false) ? PROMPT_CHANGED : PROMPT_SAME;
	if (move(p, key))
		return PROMPT_SAME;
	return edit(p, key) ? PROMPT_CHANGED : PROMPT_SAME;
}

void prompt_draw(const struct prompt *p, struct surface *s, int y)
{
	int end = s->width;
	surface_fill(s, (struct rect){0, y, s->width, 1}, STYLE_TEXT, ' ');
	int x = 1 + surface_text(s, 1, y, end - 1, STYLE_KEY, p->kind == PROMPT_FILTER ? "/" : ":");
	/* The part around the cursor when the line is longer than the screen. */
	size_t from = 0;
	while (from < p->cursor && (int)text_width(p->text + from, p->cursor - from) > end - x - 2)
		from = next(p, from);
	int width = (int)text_width(p->text + from, p->cursor - from);
	int used = surface_textn(s, x, y, end - x, STYLE_INPUT, p->text + from, p->n - from);
	/* The cursor is a cell of ours: the terminal's own stays hidden. */
	surface_select(s, (struct rect){x + width, y, 1, 1});
	if (p->error[0] != '\0')
		surface_text(s, x + used + 3, y, end - x - used - 3, STYLE_WARN, p->error);
}
