/* From a key to what happens: what floats takes it first, then the key's command goes to the view, then to
 * the shell. What a view answers is carried out here. */
#include "tui/shell_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"

enum { CTRL_C = 3, CTRL_Z = 26, WORDS_MAX = 128, TWICE_MS = 1000 };

/* ---- intents ---- */

static void open_by_name(struct shell *sh, const struct intent *intent)
{
	size_t view = 0;
	if (intent->view == NULL || !shell_view_index(sh, intent->view, &view)) {
		shell_say(sh, SEVERITY_WARN, "there is no view \"%s\"",
		        intent->view != NULL ? intent->view : "");
		return;
	}
	shell_open(sh, view, intent->scope, &intent->row);
	if (intent->detail)
		shell_command(sh, CMD_DETAIL, NULL);
}

static void copy(struct shell *sh, const struct intent *intent)
{
	const char *text = intent->long_text != NULL ? intent->long_text : intent->text;
	size_t n = strlen(text);
	if (n == 0)
		return;
	if (sh->terminal != NULL)
		terminal_copy(sh->terminal, text, n);
	shell_say(
	        sh, SEVERITY_OK, "copied %zu bytes to the clipboard (OSC 52: the terminal must allow it)", n);
}

/* "host:port", port optional, [v6]:port. */
static void add_instance(struct shell *sh, const struct intent *intent)
{
	struct err e = {.code = ERR_NONE};
	char host[256];
	const char *colon = strrchr(intent->text, ':');
	const char *end = intent->text + strlen(intent->text);
	long port = 0;
	if (colon != NULL && strchr(colon, ']') == NULL) {
		port = strtol(colon + 1, NULL, 10);
		end = colon;
	}
	const char *from = intent->text;
	if (*from == '[' && end > from && end[-1] == ']') {
		from++;
		end--;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(end - from), from);
	if (sh->opt.source->add == NULL || intent->row.instance < 0 || port < 0 || port > 65535)
		shell_say(sh, SEVERITY_WARN, "%s cannot be added", intent->text);
	else if (sh->opt.source->add(
	                 sh->opt.source->arg, (size_t)intent->row.instance, host, (uint16_t)port, &e))
		shell_say(sh, SEVERITY_OK, "%s added for this run: put it into the config to keep it",
		        intent->text);
	else
		shell_say(sh, SEVERITY_WARN, "%s", e.text);
}

static void narrow(struct shell *sh, struct scope scope)
{
	sh->scope = scope;
	sh->ntrail = 0;
	sh->stale = true;
	shell_wants(sh);
}

void shell_intent(struct shell *sh, struct intent *intent)
{
	switch (intent->kind) {
	case INTENT_NONE:
	case INTENT_DONE:
		break;
	case INTENT_VIEW:
		open_by_name(sh, intent);
		break;
	case INTENT_SCOPE:
		narrow(sh, intent->scope);
		break;
	case INTENT_ACT:
		shell_act(sh, intent);
		if (intent->text[0] != '\0' && sh->dialog.kind == DIALOG_PLAN)
			shell_say(sh, SEVERITY_NOTICE, "%s", intent->text);
		break;
	case INTENT_COPY:
		copy(sh, intent);
		break;
	case INTENT_ASK:
		shell_ask(sh, &intent->row, intent->probe);
		break;
	case INTENT_ADD:
		add_instance(sh, intent);
		break;
	case INTENT_PROMPT:
		prompt_open(&sh->prompt, PROMPT_FILTER, intent->text);
		break;
	case INTENT_SAY:
		/* While a filter is being typed, what is wrong with it stands behind it. */
		if (sh->prompt.kind == PROMPT_FILTER)
			snprintf(sh->prompt.error, sizeof(sh->prompt.error), "%.127s", intent->text);
		else
			shell_say(sh, SEVERITY_NOTICE, "%s", intent->text);
		break;
	}
	free(intent->long_text);
	intent->long_text = NULL;
}

/* Gives a command or a mouse event to the open view; false when it is not the view's. */
static bool to_view(struct shell *sh, const struct view_event *ev)
{
	struct view_input in;
	if (sh->shown == NULL || sh->shown->n == 0)
		return false;
	shell_settle(sh);
	shell_input(sh, &in);
	struct intent intent = shell_view(sh)->apply(sh->state[sh->open], &in, ev);
	bool taken = intent.kind != INTENT_NONE;
	/* What the key changed is on the screen with this frame, whether data come or not. */
	sh->stale = sh->stale || taken;
	shell_intent(sh, &intent);
	return taken;
}

void shell_command(struct shell *sh, enum command c, const char *arg)
{
	struct view_event ev = {.command = c, .arg = arg};
	if (c >= CMD_COUNT)
		return;
	if ((command_info(c)->flags & CMD_VIEW) != 0 && to_view(sh, &ev))
		return;
	shell_own_command(sh, c, arg);
}

/* ---- what floats ---- */

static void filter_edited(struct shell *sh, const char *text)
{
	struct view_event ev = {.command = CMD_FILTER, .arg = text};
	sh->prompt.error[0] = '\0';
	sh->told[0] = '\0';
	to_view(sh, &ev);
}

static void prompt_event(struct shell *sh, const struct input_event *ev)
{
	const char *words[WORDS_MAX];
	struct prompt *p = &sh->prompt;
	size_t n = prompt_words(p, shell_view(sh), words, WORDS_MAX);
	enum prompt_answer answer = prompt_key(p, ev, words, n);
	char line[PROMPT_MAX];
	snprintf(line, sizeof(line), "%s", p->text);
	if (answer == PROMPT_CHANGED && p->kind == PROMPT_FILTER) {
		filter_edited(sh, line);
	} else if (answer == PROMPT_CHANGED) {
		p->error[0] = '\0';
	} else if (answer == PROMPT_LEFT) {
		bool filter = p->kind == PROMPT_FILTER;
		prompt_close(p);
		if (filter)
			filter_edited(sh, p->before);
	} else if (answer == PROMPT_ENTERED) {
		bool command = p->kind == PROMPT_COMMAND;
		prompt_close(p);
		if (command) {
			shell_line(sh, line);
		} else {
			/* What stood behind the filter went with the prompt, and is still so. */
			sh->told[0] = '\0';
			shell_trouble(sh);
		}
	}
}

static void overlay_event(struct shell *sh, const struct input_event *ev)
{
	int key = ev->key;
	int page = sh->height > 8 ? sh->height - 8 : 1;
	enum command c = keymap_find(sh->keymap, key);
	if (ev->pasted)
		return;
	if (key == KEYCODE_MOUSE)
		sh->page_top += 3 * ev->wheel;
	else if (c == CMD_DOWN)
		sh->page_top++;
	else if (c == CMD_UP)
		sh->page_top--;
	else if (c == CMD_PAGE_DOWN || key == ' ')
		sh->page_top += page;
	else if (c == CMD_PAGE_UP)
		sh->page_top -= page;
	else if (c == CMD_TOP)
		sh->page_top = 0;
	else if (c == CMD_BOTTOM)
		sh->page_top = PAGE_LINES_MAX * 4;
	else
		sh->overlay = OVERLAY_NONE;
	if (sh->page_top < 0)
		sh->page_top = 0;
	if (sh->overlay == OVERLAY_NONE)
		page_clear(&sh->page);
}

/* ---- mouse, and keys with one meaning everywhere ---- */

static void mouse_event(struct shell *sh, const struct input_event *ev)
{
	struct frame_info info;
	struct frame_layout layout;
	shell_frame(sh, &info, &layout);
	const struct view *tab = ev->wheel == 0 ? frame_tab_at(&info, &layout, ev->x, ev->y) : NULL;
	if (tab != NULL) {
		shell_command(sh, tab->open, NULL);
		return;
	}
	if (ev->wheel == 0 && layout.finding >= 0 && ev->y >= layout.finding &&
	        ev->y < layout.finding + layout.finding_lines) {
		shell_command(sh, CMD_WORST, NULL);
		return;
	}
	struct view_event view = {
	        .command = CMD_COUNT, .x = ev->x, .y = ev->y, .wheel = ev->wheel, .activate = ev->twice};
	to_view(sh, &view);
}

/* Ctrl-C is Esc; twice within a second it quits. True when that is done. */
static bool quits_by_ctrl_c(struct shell *sh, struct input_event *ev)
{
	mono_ns now = shell_now(sh);
	if (ev->key != CTRL_C || ev->pasted)
		return false;
	if (sh->last_ctrl_c != 0 && now - sh->last_ctrl_c <= TWICE_MS * NS_PER_MS) {
		sh->quit = true;
		return true;
	}
	sh->last_ctrl_c = now;
	ev->key = KEYCODE_ESC;
	return false;
}

static void plain_key(struct shell *sh, const struct input_event *ev)
{
	/* Pasted text is never a command, whatever it says. */
	if (ev->pasted)
		return;
	enum command c = keymap_find(sh->keymap, ev->key);
	bool said = sh->message_until == MONO_NEVER;
	if (said)
		sh->message_until = 0;
	if (c == CMD_BACK && said)
		return;
	shell_command(sh, c, NULL);
}

void shell_event(struct shell *sh, const struct input_event *event)
{
	struct input_event ev = *event;
	if (ev.key == KEYCODE_PASTE_BEGIN || ev.key == KEYCODE_PASTE_END)
		return;
	if (ev.key == CTRL_Z && !ev.pasted) {
		sh->suspend = true;
		return;
	}
	if (quits_by_ctrl_c(sh, &ev))
		return;
	if (sh->dialog.kind != DIALOG_NONE)
		shell_dialog_key(sh, &ev);
	else if (sh->prompt.kind != PROMPT_NONE && ev.key != KEYCODE_MOUSE)
		prompt_event(sh, &ev);
	else if (sh->overlay != OVERLAY_NONE)
		overlay_event(sh, &ev);
	else if (ev.key == KEYCODE_MOUSE)
		mouse_event(sh, &ev);
	else
		plain_key(sh, &ev);
}
