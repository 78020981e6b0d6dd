/* The commands that are the shell's own, and the `:` line. */
#include "tui/shell_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/human.h"
#include "tui/help.h"

enum { LOG_LINES = 400, PATH_CAP = 4096, ARM_MAX_MS = 60 * 60 * 1000, ARM_USUAL_MS = 10 * 60 * 1000 };

/* ---- overlays ---- */

static void open_overlay(struct shell *sh, enum overlay overlay)
{
	sh->overlay = overlay;
	sh->page_top = 0;
	sh->prompt.kind = PROMPT_NONE;
}

static void add_lines(struct page *page, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		page_add(page, STYLE_TEXT, "%.*s", (int)n, text);
		text += n + (text[n] == '\n' ? 1 : 0);
	}
}

static void show_help(struct shell *sh, const char *arg)
{
	page_clear(&sh->page);
	if (help_page(sh->keymap, arg, &sh->page)) {
		open_overlay(sh, OVERLAY_HELP);
		return;
	}
	const char *near = command_did_you_mean(arg);
	shell_say(sh, SEVERITY_WARN, "there is no command \"%s\"%s%s%s", arg,
	        near != NULL ? ": did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
}

static void show_log(struct shell *sh)
{
	struct buf text;
	buf_init(&text, (size_t)LOG_LINES * LOG_LINE_MAX);
	if (sh->opt.log != NULL)
		log_tail(sh->opt.log, LOG_LINES, &text);
	page_clear(&sh->page);
	add_lines(&sh->page, text.len > 0 ? buf_str(&text) : "nothing has been logged yet");
	buf_free(&text);
	open_overlay(sh, OVERLAY_LOG);
	sh->page_top = PAGE_LINES_MAX * 4; /* the newest lines */
}

static void show_self(struct shell *sh)
{
	static const char *const depths[] = {"no colours", "16 colours", "256 colours", "24-bit colours"};
	char bytes[HUMAN_MAX];
	struct buf text;
	buf_init(&text, 64 * 1024);
	if (sh->opt.source->self != NULL)
		sh->opt.source->self(sh->opt.source->arg, &text);
	if (sh->terminal != NULL)
		buf_printf(&text, "\nterminal       %dx%d · %s · %s written\n", sh->width, sh->height,
		        depths[terminal_depth_used(sh->terminal)],
		        human_bytes((int64_t)terminal_bytes(sh->terminal), 0, bytes));
	page_clear(&sh->page);
	add_lines(&sh->page, buf_str(&text));
	buf_free(&text);
	open_overlay(sh, OVERLAY_SELF);
}

/* ---- screenshot ---- */

static bool write_file(const char *path, const struct buf *text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set_errno(e, errno, "%s", path);
	size_t at = 0;
	while (at < text->len) {
		ssize_t n = write(fd, text->data + at, text->len - at);
		if (n < 0 && errno != EINTR) {
			err_set_errno(e, errno, "%s", path);
			close(fd);
			return false;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return true;
}

static bool make_folders(const char *path, struct err *e)
{
	char part[PATH_CAP];
	size_t n = strlen(path);
	if (n + 1 > sizeof(part))
		return err_set(e, ERR_IO, "%s: the path is too long", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return err_set_errno(e, errno, "%s", part);
	}
	return true;
}

static bool write_screens(struct shell *sh, const struct surface *s, char *path, size_t cap, struct err *e)
{
	char at[32];
	char name[PATH_CAP];
	struct buf text;
	const char *dir = sh->opt.config->state_dir;
	if (dir == NULL)
		return err_set(e, ERR_IO, "there is no state folder: set XDG_STATE_HOME or HOME");
	if (!make_folders(dir, e))
		return false;
	wall_format(clock_wall(sh->opt.clock), 0, at);
	for (char *c = at; *c != '\0'; c++)
		*c = *c == ':' ? '-' : *c;
	snprintf(path, cap, "%s/screen-%s", dir, at);
	buf_init(&text, (size_t)64 * 1024 * 1024);
	surface_to_text(s, &text);
	snprintf(name, sizeof(name), "%s.txt", path);
	bool ok = write_file(name, &text, e);
	buf_reset(&text);
	surface_to_svg(s, &sh->theme, "dbatop", &text);
	snprintf(name, sizeof(name), "%s.svg", path);
	ok = ok && write_file(name, &text, e);
	buf_free(&text);
	return ok;
}

static void screenshot(struct shell *sh)
{
	struct err e = {.code = ERR_NONE};
	char path[PATH_CAP - 8] = "";
	/* A picture of the screen, not of the message about the last picture. */
	sh->message_until = 0;
	struct surface *s = surface_new(sh->width, sh->height, sh->opt.ascii);
	shell_draw(sh, s);
	if (write_screens(sh, s, path, sizeof(path), &e))
		shell_say(sh, SEVERITY_OK, "written: %s.txt and .svg", path);
	else
		shell_say(sh, SEVERITY_WARN, "%s", e.text);
	surface_free(s);
}

/* ---- small ones ---- */

static void change_theme(struct shell *sh, const char *name)
{
	struct err e = {.code = ERR_NONE};
	struct theme theme;
	if (name == NULL || name[0] == '\0') {
		shell_say(sh, SEVERITY_OK,
		        "%s is in use; there are dark, light, colour-blind, high-contrast, mono, or a .yaml "
		        "file",
		        sh->theme.name);
		return;
	}
	if (!theme_load(name, &theme, &e)) {
		shell_say(sh, SEVERITY_WARN, "%s", e.text);
		return;
	}
	sh->theme = theme;
	if (sh->terminal != NULL)
		terminal_set_theme(sh->terminal, &theme);
}

static void change_interval(struct shell *sh, int step)
{
	static const uint32_t steps[] = {250, 500, 1000, 2000, 5000, 10000, 30000, 60000};
	enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
	size_t at = 0;
	char text[HUMAN_MAX];
	while (at + 1 < STEPS && steps[at] < sh->interval_ms)
		at++;
	if (step < 0 && at > 0)
		at--;
	if (step > 0 && at + 1 < STEPS)
		at++;
	sh->interval_ms = steps[at];
	if (sh->opt.source->kick != NULL)
		sh->opt.source->kick(sh->opt.source->arg, sh->interval_ms);
	shell_say(sh, SEVERITY_OK, "servers are asked every %s", human_duration(steps[at], text));
}

static void pause_or_go(struct shell *sh)
{
	if (sh->paused) {
		shell_resume(sh);
		return;
	}
	sh->paused = true;
	sh->paused_at = shell_now(sh);
}

static void arm(struct shell *sh, const char *arg)
{
	int64_t ms = ARM_USUAL_MS;
	char text[HUMAN_MAX];
	if (arg != NULL && strcmp(arg, "off") == 0) {
		sh->armed_until = 0;
		shell_say(sh, SEVERITY_OK, "terminate asks for the session id again");
		return;
	}
	if (arg != NULL && arg[0] != '\0')
		ms = human_parse_duration(arg);
	if (ms <= 0 || ms > ARM_MAX_MS) {
		shell_say(sh, SEVERITY_WARN, "arm takes a duration up to an hour, like 10m, or off");
		return;
	}
	sh->armed_until = shell_now(sh) + ms * NS_PER_MS;
	shell_say(sh, SEVERITY_NOTICE, "for %s, y alone terminates; :arm off ends that",
	        human_duration(ms, text));
}

static void go_to_worst(struct shell *sh)
{
	size_t view = 0;
	struct scope all = {.cluster = -1, .instance = -1};
	if (sh->findings == NULL || sh->findings->n == 0) {
		shell_say(sh, SEVERITY_OK, "nothing needs you");
		return;
	}
	const struct finding *f = &sh->findings->item[0];
	struct row_ref row = {.instance = (int)f->instance, .session = f->culprit};
	if (f->view == NULL || !shell_view_index(sh, f->view, &view))
		view = sh->open;
	/* The scope stays when the culprit is in it. */
	bool in_scope = sh->shown != NULL && scope_has(&sh->scope, sh->shown, f->instance);
	shell_open(sh, view, in_scope ? sh->scope : all, &row);
}

static void quit(struct shell *sh)
{
	char text[160];
	size_t n = shell_running(sh);
	if (n == 0) {
		sh->quit = true;
		return;
	}
	snprintf(text, sizeof(text),
	        "%zu action%s not finished: the journal would only say that nobody looked any more.", n,
	        n == 1 ? " is" : "s are");
	dialog_ask(&sh->dialog, DIALOG_QUIT, "Quit", text, false);
}

static void change_scope(struct shell *sh, const char *arg)
{
	if (arg != NULL && arg[0] != '\0' && strcmp(arg, "all") != 0) {
		shell_say(sh, SEVERITY_WARN, "scope takes all, cluster or instance");
		return;
	}
	sh->scope = (struct scope){.cluster = -1, .instance = -1};
	sh->ntrail = 0;
	sh->stale = true;
	shell_wants(sh);
}

static bool opens_view(struct shell *sh, enum command c)
{
	for (size_t i = 0; i < sh->nviews; i++) {
		if (sh->opt.views[i]->open != c)
			continue;
		if (i != sh->open)
			shell_open(sh, i, sh->scope, NULL);
		return true;
	}
	return false;
}

static void refuse(struct shell *sh, enum command c)
{
	unsigned flags = command_info(c)->flags;
	if (sh->shown == NULL || sh->shown->n == 0)
		shell_say(sh, SEVERITY_NOTICE, "there is nothing to watch yet");
	else if ((flags & CMD_MUTATES) != 0)
		shell_say(sh, SEVERITY_NOTICE, "select a session first: %s is for sessions",
		        command_info(c)->name);
}

void shell_own_command(struct shell *sh, enum command c, const char *arg)
{
	if (opens_view(sh, c))
		return;
	switch (c) {
	case CMD_BACK:
		shell_back(sh);
		break;
	case CMD_SCOPE:
		change_scope(sh, arg);
		break;
	case CMD_ARM:
		arm(sh, arg);
		break;
	case CMD_WORST:
		go_to_worst(sh);
		break;
	case CMD_PAUSE:
		pause_or_go(sh);
		break;
	case CMD_FASTER:
		change_interval(sh, -1);
		break;
	case CMD_SLOWER:
		change_interval(sh, 1);
		break;
	case CMD_REFRESH:
		if (sh->opt.source->kick != NULL)
			sh->opt.source->kick(sh->opt.source->arg, 0);
		sh->repaint = true;
		break;
	case CMD_SCREENSHOT:
		screenshot(sh);
		break;
	case CMD_SELF:
		show_self(sh);
		break;
	case CMD_LOG:
		show_log(sh);
		break;
	case CMD_THEME:
		change_theme(sh, arg);
		break;
	case CMD_LINE:
		prompt_open(&sh->prompt, PROMPT_COMMAND, "");
		break;
	case CMD_HELP:
		show_help(sh, arg);
		break;
	case CMD_QUIT:
		quit(sh);
		break;
	default:
		refuse(sh, c);
		break;
	}
}

/* ---- the `:` line ---- */

/* A name, or the beginning of exactly one; what changes a server is written out. */
static enum command find_command(const char *name)
{
	enum command c = command_by_name(name);
	size_t n = strlen(name);
	size_t hits = 0;
	if (c != CMD_COUNT)
		return c;
	for (int i = 0; i < CMD_COUNT; i++) {
		const struct command_info *info = command_info((enum command)i);
		if (strncmp(info->name, name, n) != 0)
			continue;
		if ((info->flags & CMD_MUTATES) != 0)
			return CMD_COUNT;
		c = (enum command)i;
		hits++;
	}
	return hits == 1 ? c : CMD_COUNT;
}

void shell_line(struct shell *sh, const char *line)
{
	char name[64];
	line += strspn(line, " ");
	size_t n = strcspn(line, " ");
	if (n == 0)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)n, line);
	const char *arg = line + n + strspn(line + n, " ");
	enum command c = find_command(name);
	if (c == CMD_COUNT) {
		const char *near = command_did_you_mean(name);
		shell_say(sh, SEVERITY_WARN, "there is no command \"%s\"%s%s%s (? lists them)", name,
		        near != NULL ? ": did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
		return;
	}
	shell_command(sh, c, arg[0] != '\0' ? arg : NULL);
}
