/* One line of text being typed: the command line and the filter. Editing by cells, history, completion with
 * Tab. Pure; owned by the shell. */
#ifndef DBATOP_TUI_PROMPT_H
#define DBATOP_TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/input.h"
#include "tui/surface.h"
#include "tui/view.h"

enum { PROMPT_MAX = 256, PROMPT_HISTORY = 50 };
enum prompt_kind { PROMPT_NONE, PROMPT_COMMAND, PROMPT_FILTER };

struct prompt {
	enum prompt_kind kind;
	char text[PROMPT_MAX];   /* UTF-8 */
	size_t n, cursor;        /* bytes */
	char before[PROMPT_MAX]; /* FILTER: what Esc brings back */
	char error[128];         /* shown behind the text; "" for none */
	size_t history_at;       /* 0: the line being typed, 1: the last one … */
	char typed[PROMPT_MAX];  /* the line being typed, while history is looked at */
	size_t complete_from;    /* Tab: where the completed word begins */
	char stem[PROMPT_MAX];   /* and what it began with; "" when Tab was not the last key */
	size_t complete_at;
	size_t nhistory; /* of commands */
	char history[PROMPT_HISTORY][PROMPT_MAX];
};

void prompt_open(struct prompt *p, enum prompt_kind kind, const char *text);
void prompt_close(struct prompt *p);

enum prompt_answer { PROMPT_SAME, PROMPT_CHANGED, PROMPT_ENTERED, PROMPT_LEFT };
/* words: what Tab may put at the place of the word under the cursor, from prompt_words. */
enum prompt_answer prompt_key(
        struct prompt *p, const struct input_event *ev, const char *const *words, size_t nwords);
/* What may stand where the cursor is: command names, then themes, columns, views by the command. Returns how
 * many. */
size_t prompt_words(const struct prompt *p, const struct view *open, const char **out, size_t cap);
void prompt_draw(const struct prompt *p, struct surface *s, int y);

#endif
