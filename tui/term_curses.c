/* The one file that knows curses. Curses draws into memory: it is given a file without a terminal behind it,
 * finds the fewest bytes from the last frame to this one, and we queue them to the tty. So nothing in curses
 * can wait, no signal handler of curses runs, and its idea of the tty's modes does not matter. */
#include "tui/term.h"

#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

#include "core/base/embedded.h"
#include "core/base/mem.h"
#include "tui/term_tty.h"

extern const struct embedded_file embedded_terminfo[];

enum { PAIRS_MAX = 256, CLOSE_WAIT_MS = 50, COPY_MAX = 74000, EXTRA_MAX = 128 * 1024 };

/* A colour pair as curses numbers it. */
struct pair {
	int fg, bg;
};

struct terminal {
	struct tty tty;
	int memory; /* where curses writes */
	FILE *memory_file, *null_file;
	SCREEN *screen;
	struct theme theme;
	enum depth depth;
	bool mouse;
	cchar_t template[STYLE_COUNT][2]; /* a blank in each style, plain and selected */
	struct pair pair[PAIRS_MAX];
	int pairs;
	int width, height;
	struct surface_cell *last; /* what curses was told last */
	bool fresh;                /* last is meaningless: tell everything */
	bool clear;                /* the next paint clears the screen first */
	cchar_t *line;
	struct buf extra; /* own sequences that wait for the next paint */
	struct input input;
	struct terminal_reset reset;
};

/* ---- which terminal ---- */

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

enum depth terminal_depth(const char *term, const char *colorterm, const char *no_color)
{
	if (term == NULL || (no_color != NULL && no_color[0] != '\0'))
		return DEPTH_NONE;
	if (colorterm != NULL && (strcmp(colorterm, "truecolor") == 0 || strcmp(colorterm, "24bit") == 0))
		return DEPTH_TRUE;
	return strstr(term, "256color") != NULL ? DEPTH_256 : DEPTH_16;
}

/* Our own entry for this family of terminals, NULL when it is none we know to take 24-bit colours. */
static const char *truecolour_entry(const char *term)
{
	static const char *const xterms[] = {"xterm", "alacritty", "foot", "konsole", "vte", "gnome",
	        "wezterm", "iterm", "ghostty", "st-", "mintty"};
	if (begins(term, "tmux") || begins(term, "screen"))
		return "dbatop-tmux";
	for (size_t i = 0; i < sizeof(xterms) / sizeof(xterms[0]); i++) {
		if (begins(term, xterms[i]))
			return "dbatop-xterm";
	}
	return NULL;
}

/* ncurses reads a compiled entry right from the variable. */
static char *entry_as_variable(const char *name)
{
	for (const struct embedded_file *f = embedded_terminfo; f->name != NULL; f++) {
		if (strcmp(f->name, name) != 0)
			continue;
		char *out = xmalloc(4 + 2 * f->size + 1);
		memcpy(out, "hex:", 4);
		for (size_t i = 0; i < f->size; i++)
			snprintf(out + 4 + 2 * i, 3, "%02X", (unsigned char)f->data[i]);
		return out;
	}
	return NULL;
}

/* Opens curses on memory. Signal handlers that curses would install are put back. */
static SCREEN *open_screen(struct terminal *t, const char *name)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH, SIGHUP, SIGQUIT};
	enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };
	struct sigaction saved[SIGNALS];
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], NULL, &saved[i]);
	SCREEN *screen = newterm(name, t->memory_file, t->null_file);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &saved[i], NULL);
	return screen;
}

static SCREEN *open_truecolour(struct terminal *t, const char *term)
{
	const char *name = truecolour_entry(term);
	char *entry = name == NULL ? NULL : entry_as_variable(name);
	if (entry == NULL)
		return NULL;
	const char *was = getenv("TERMINFO");
	char *keep = was == NULL ? NULL : xstrdup(was);
	setenv("TERMINFO", entry, 1);
	SCREEN *screen = open_screen(t, name);
	if (keep != NULL)
		setenv("TERMINFO", keep, 1);
	else
		unsetenv("TERMINFO");
	free(keep);
	free(entry);
	return screen;
}

static bool start_curses(struct terminal *t, const struct terminal_options *opt, struct err *e)
{
	t->depth = terminal_depth(opt->term, opt->colorterm, opt->no_color);
	if (t->depth == DEPTH_TRUE) {
		t->screen = open_truecolour(t, opt->term);
		if (t->screen == NULL)
			t->depth = DEPTH_256;
	}
	if (t->screen == NULL)
		t->screen = open_screen(t, opt->term);
	if (t->screen == NULL)
		return err_set(e, ERR_USAGE,
		        "the terminal type \"%s\" is not known on this machine: set TERM, for example to "
		        "xterm-256color, or use `dbatop once`",
		        opt->term);
	if (tigetstr("cup") == NULL || tigetstr("cup") == (char *)-1)
		return err_set(e, ERR_USAGE,
		        "the terminal type \"%s\" cannot move its cursor: `dbatop once` prints one frame as "
		        "text",
		        opt->term);
	if (t->depth != DEPTH_NONE && start_color() == OK) {
		use_default_colors();
		if (COLORS < 8)
			t->depth = DEPTH_NONE;
		else if (COLORS < 256 && t->depth > DEPTH_16)
			t->depth = DEPTH_16;
	} else {
		t->depth = DEPTH_NONE;
	}
	typeahead(-1); /* an update is never broken off for waiting keys */
	leaveok(stdscr, TRUE);
	scrollok(stdscr, FALSE);
	idlok(stdscr, FALSE);
	curs_set(0);
	return true;
}

/* ---- styles to cells ---- */

static int pair_of(struct terminal *t, int fg, int bg)
{
	if (fg < 0 && bg < 0)
		return 0;
	for (int i = 1; i <= t->pairs; i++) {
		if (t->pair[i].fg == fg && t->pair[i].bg == bg)
			return i;
	}
	if (t->pairs + 1 >= PAIRS_MAX || t->pairs + 1 >= COLOR_PAIRS)
		return 0;
	int n = ++t->pairs;
	t->pair[n] = (struct pair){.fg = fg, .bg = bg};
	init_extended_pair(n, fg, bg);
	return n;
}

/* A terminal of eight colours shows a bright one as bold. */
static int index16(int c, attr_t *attrs)
{
	if (c >= 8 && COLORS < 16) {
		*attrs |= A_BOLD;
		return c - 8;
	}
	return c;
}

static void make_template(struct terminal *t, enum style style, bool selected)
{
	static const struct {
		uint8_t ours;
		attr_t theirs;
	} table[] = {{ATTR_BOLD, A_BOLD}, {ATTR_DIM, A_DIM}, {ATTR_UNDERLINE, A_UNDERLINE},
	        {ATTR_REVERSE, A_REVERSE}, {ATTR_ITALIC, A_ITALIC}};
	struct look l = theme_look(&t->theme, style, selected, t->depth);
	attr_t attrs = A_NORMAL;
	int pair = 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if ((l.attrs & table[i].ours) != 0)
			attrs |= table[i].theirs;
	}
	if (t->depth == DEPTH_TRUE) {
		pair = pair_of(t, l.fg, l.bg);
	} else if (t->depth == DEPTH_256) {
		pair = pair_of(t, l.fg256, l.bg256);
	} else if (t->depth == DEPTH_16) {
		attr_t ignored = 0;
		int fg = index16(l.fg16, &attrs);
		pair = pair_of(t, fg, index16(l.bg16, &ignored));
	}
	setcchar(&t->template[style][selected ? 1 : 0], L" ", attrs, 0, &pair);
}

static void make_templates(struct terminal *t)
{
	t->pairs = 0;
	if (t->depth != DEPTH_NONE)
		reset_color_pairs();
	for (int s = 0; s < STYLE_COUNT; s++) {
		make_template(t, (enum style)s, false);
		make_template(t, (enum style)s, true);
	}
	t->fresh = true;
}

/* ---- bytes ---- */

/* Takes what curses has written and queues it. */
static void collect(struct terminal *t)
{
	char bytes[16384];
	fflush(t->memory_file);
	off_t end = lseek(t->memory, 0, SEEK_CUR);
	for (off_t at = 0; at < end;) {
		size_t left = (size_t)(end - at);
		ssize_t n = pread(t->memory, bytes, left < sizeof(bytes) ? left : sizeof(bytes), at);
		if (n <= 0)
			break;
		tty_queue(&t->tty, bytes, (size_t)n);
		at += n;
	}
	lseek(t->memory, 0, SEEK_SET);
}

static void queue_text(struct terminal *t, const char *s)
{
	tty_queue(&t->tty, s, strlen(s));
}

static const char *const modes_on = "\033[?2004h";
static const char *const mouse_on = "\033[?1000h\033[?1006h";
static const char *const modes_off = "\033[?1006l\033[?1000l\033[?2004l";

static void switch_on(struct terminal *t)
{
	queue_text(t, modes_on);
	if (t->mouse)
		queue_text(t, mouse_on);
}

/* A capability without its padding, for bytes that a crash handler may write. */
static void add_capability(struct terminal_reset *r, const char *name)
{
	const char *s = tigetstr(name);
	if (s == NULL || s == (const char *)-1)
		return;
	while (*s != '\0' && r->n < sizeof(r->bytes)) {
		if (s[0] == '$' && s[1] == '<') {
			s += strcspn(s, ">");
			s += *s == '>' ? 1 : 0;
			continue;
		}
		r->bytes[r->n++] = *s++;
	}
}

static void make_reset(struct terminal *t)
{
	struct terminal_reset *r = &t->reset;
	*r = (struct terminal_reset){.fd = t->tty.out, .modes = t->tty.saved};
	memcpy(r->bytes, modes_off, strlen(modes_off));
	r->n = strlen(modes_off);
	add_capability(r, "sgr0");
	add_capability(r, "op");
	add_capability(r, "rmkx");
	add_capability(r, "rmcup");
	/* Last: with the screen some terminals give back the cursor as it was when they saved it, hidden. */
	add_capability(r, "cnorm");
}

void terminal_reset(const struct terminal *t, struct terminal_reset *out)
{
	*out = t->reset;
}

/* ---- life ---- */

static void take_size(struct terminal *t)
{
	int width = 0;
	int height = 0;
	tty_size(&t->tty, &width, &height);
	if (width == t->width && height == t->height)
		return;
	t->width = width;
	t->height = height;
	resizeterm(height, width);
	size_t n = (size_t)width * (size_t)height;
	t->last = xreallocarray(t->last, n, sizeof(*t->last));
	t->line = xreallocarray(t->line, (size_t)width + 1, sizeof(*t->line));
	t->fresh = true;
	t->clear = true;
}

void terminal_size(struct terminal *t, int *width, int *height)
{
	take_size(t);
	*width = t->width;
	*height = t->height;
}

static bool open_memory(struct terminal *t, struct err *e)
{
	t->memory = memfd_create("screen", MFD_CLOEXEC);
	if (t->memory < 0)
		return err_set_errno(e, errno, "memory for the screen");
	t->memory_file = fdopen(t->memory, "w");
	t->null_file = fopen("/dev/null", "re");
	if (t->memory_file == NULL || t->null_file == NULL)
		return err_set_errno(e, errno, "memory for the screen");
	return true;
}

static void free_terminal(struct terminal *t)
{
	if (t->screen != NULL)
		delscreen(t->screen);
	if (t->memory_file != NULL)
		fclose(t->memory_file);
	else if (t->memory >= 0)
		close(t->memory);
	if (t->null_file != NULL)
		fclose(t->null_file);
	tty_close(&t->tty);
	buf_free(&t->extra);
	free(t->last);
	free(t->line);
	free(t);
}

bool terminal_open(const struct terminal_options *opt, struct terminal **out, struct err *e)
{
	if (opt->term == NULL || opt->term[0] == '\0' || strcmp(opt->term, "dumb") == 0)
		return err_set(e, ERR_USAGE,
		        "TERM is %s: a screen cannot be drawn there, `dbatop once` prints one frame as text",
		        opt->term == NULL || opt->term[0] == '\0' ? "not set" : "\"dumb\"");
	struct terminal *t = xcalloc(1, sizeof(*t));
	t->memory = -1;
	t->mouse = opt->mouse;
	t->theme = *opt->theme;
	buf_init(&t->extra, EXTRA_MAX);
	if (!tty_open(&t->tty, opt->in_fd, opt->out_fd, e) || !open_memory(t, e) ||
	        !start_curses(t, opt, e)) {
		free_terminal(t);
		return false;
	}
	make_templates(t);
	make_reset(t);
	take_size(t);
	tty_raw(&t->tty);
	collect(t);
	switch_on(t);
	*out = t;
	return true;
}

/* Leaves the alternate screen: curses says how, we switch off what we switched on. */
static void leave(struct terminal *t)
{
	const char *shown = tigetstr("cnorm");
	queue_text(t, modes_off);
	endwin();
	collect(t);
	/* Once more: see make_reset. */
	if (shown != NULL && shown != (const char *)-1)
		queue_text(t, shown);
}

void terminal_close(struct terminal *t)
{
	if (t == NULL)
		return;
	leave(t);
	tty_flush_within(&t->tty, CLOSE_WAIT_MS);
	if (tty_pending(&t->tty)) {
		/* It takes nothing: drop the frame, and leave the reset bytes for when it wakes. */
		tcflush(t->tty.out, TCOFLUSH);
		buf_reset(&t->tty.queue);
		t->tty.sent = 0;
		tty_queue(&t->tty, t->reset.bytes, t->reset.n);
		tty_flush(&t->tty);
	}
	tty_restore(&t->tty);
	free_terminal(t);
}

void terminal_suspend(struct terminal *t)
{
	leave(t);
	tty_flush_within(&t->tty, CLOSE_WAIT_MS);
	tty_restore(&t->tty);
	raise(SIGSTOP);
	tty_raw(&t->tty);
	switch_on(t);
	terminal_repaint(t);
}

/* ---- painting ---- */

void terminal_set_theme(struct terminal *t, const struct theme *theme)
{
	t->theme = *theme;
	make_templates(t);
	t->clear = true;
}

void terminal_repaint(struct terminal *t)
{
	t->fresh = true;
	t->clear = true;
}

static void put_row(struct terminal *t, const struct surface_cell *row, int width, int y)
{
	int n = 0;
	for (int x = 0; x < width; x++) {
		const struct surface_cell *c = &row[x];
		if (c->base == 0)
			continue;
		bool selected = (c->flags & CELL_SELECTED) != 0;
		cchar_t *out = &t->line[n++];
		*out = t->template[c->style < STYLE_COUNT ? c->style : 0][selected ? 1 : 0];
		out->chars[0] = (wchar_t)c->base;
		for (int i = 0; i < c->marks && i + 1 < CCHARW_MAX; i++)
			out->chars[i + 1] = (wchar_t)c->mark[i];
	}
	mvadd_wchnstr(y, 0, t->line, n);
}

bool terminal_paint(struct terminal *t, const struct surface *s)
{
	if (!tty_flush(&t->tty) || tty_pending(&t->tty))
		return false;
	int width = s->width < t->width ? s->width : t->width;
	int height = s->height < t->height ? s->height : t->height;
	if (t->clear)
		clearok(curscr, TRUE);
	for (int y = 0; y < height; y++) {
		const struct surface_cell *row = &s->cells[(size_t)y * (size_t)s->width];
		struct surface_cell *last = &t->last[(size_t)y * (size_t)t->width];
		size_t bytes = (size_t)width * sizeof(*row);
		if (!t->fresh && memcmp(last, row, bytes) == 0)
			continue;
		memcpy(last, row, bytes);
		put_row(t, row, width, y);
	}
	t->fresh = false;
	t->clear = false;
	wnoutrefresh(stdscr);
	doupdate();
	collect(t);
	if (t->extra.len > 0) {
		tty_queue(&t->tty, t->extra.data, t->extra.len);
		buf_reset(&t->extra);
	}
	tty_flush(&t->tty);
	return true;
}

/* ---- the rest ---- */

int terminal_fd(const struct terminal *t)
{
	return t->tty.in;
}

int terminal_out_fd(const struct terminal *t)
{
	return t->tty.out;
}

bool terminal_pending(const struct terminal *t)
{
	return tty_pending(&t->tty);
}

bool terminal_flush(struct terminal *t)
{
	return tty_flush(&t->tty);
}

bool terminal_gone(const struct terminal *t)
{
	return t->tty.gone;
}

bool terminal_read(struct terminal *t, mono_ns now, struct input_event *out)
{
	if (input_next(&t->input, now, out))
		return true;
	char bytes[1024];
	size_t room = INPUT_BUFFER - t->input.n;
	size_t n = tty_read(&t->tty, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (n == 0)
		return false;
	input_feed(&t->input, bytes, n, now);
	return input_next(&t->input, now, out);
}

int terminal_wait_ms(const struct terminal *t, mono_ns now)
{
	return input_wait_ms(&t->input, now);
}

enum depth terminal_depth_used(const struct terminal *t)
{
	return t->depth;
}

uint64_t terminal_bytes(const struct terminal *t)
{
	return t->tty.bytes;
}

void terminal_copy(struct terminal *t, const char *text, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	if (n > COPY_MAX)
		n = COPY_MAX;
	buf_puts(&t->extra, "\033]52;c;");
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)text[i] << 16;
		v |= i + 1 < n ? (uint32_t)(unsigned char)text[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint32_t)(unsigned char)text[i + 2] : 0;
		buf_putc(&t->extra, digits[v >> 18]);
		buf_putc(&t->extra, digits[(v >> 12) & 63]);
		buf_putc(&t->extra, i + 1 < n ? digits[(v >> 6) & 63] : '=');
		buf_putc(&t->extra, i + 2 < n ? digits[v & 63] : '=');
	}
	buf_puts(&t->extra, "\033\\");
}

void terminal_title(struct terminal *t, const char *title)
{
	char clean[256];
	text_sanitise(clean, sizeof(clean), title, strlen(title));
	buf_printf(&t->extra, "\033]2;%s\033\\", clean);
}
