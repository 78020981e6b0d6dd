/* The screen's side of term.h: libvterm's cells as text, colours and modes, and waiting for what they show.
 */
#include "tests/support/test.h"

#include "tests/support/term_internal.h"
#include "tests/support/wait.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES = VTERM_MAX_CHARS_PER_CELL * 4, BACKLOG_MS = 200 };

static int on_cursor(VTermPos pos, VTermPos old, int visible, void *user)
{
	struct term *term = user;
	(void)old;
	(void)visible;
	term->cursor = pos;
	return 1;
}

static int on_property(VTermProp property, VTermValue *value, void *user)
{
	struct term *term = user;
	switch (property) {
	case VTERM_PROP_CURSORVISIBLE:
		term->cursor_visible = value->boolean != 0;
		break;
	case VTERM_PROP_ALTSCREEN:
		term->alt_screen = value->boolean != 0;
		break;
	case VTERM_PROP_MOUSE:
		term->mouse = value->number;
		break;
	case VTERM_PROP_TITLE:
		snprintf(term->title, sizeof(term->title), "%s", value->string);
		break;
	default:
		break;
	}
	return 1;
}

static const VTermScreenCallbacks callbacks = {.movecursor = on_cursor, .settermprop = on_property};

void term_screen_open(struct term *term)
{
	term->vterm = vterm_new(term->rows, term->cols);
	assert_non_null(term->vterm);
	vterm_set_utf8(term->vterm, 1);
	term->screen = vterm_obtain_screen(term->vterm);
	vterm_screen_enable_altscreen(term->screen, 1);
	vterm_screen_set_callbacks(term->screen, &callbacks, term);
	vterm_screen_reset(term->screen, 1);
}

void term_screen_close(struct term *term)
{
	vterm_free(term->vterm);
}

void term_screen_write(struct term *term, const char *bytes, size_t size)
{
	char answer[256];
	vterm_input_write(term->vterm, bytes, size);
	/* A terminal answers questions (where is the cursor, what are you); the program may wait for it. */
	size_t length = vterm_output_read(term->vterm, answer, sizeof(answer));
	if (length > 0)
		term_send_bytes(term, answer, length);
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* One cell's UTF-8: a blank for an empty cell, nothing for the second half of a wide one. */
static size_t put_cell(const struct term *term, int row, int col, char *out)
{
	VTermScreenCell cell;
	size_t size = 0;
	if (vterm_screen_get_cell(term->screen, (VTermPos){.row = row, .col = col}, &cell) == 0)
		return 0;
	if (cell.chars[0] == (uint32_t)-1)
		return 0;
	if (cell.chars[0] == 0) {
		out[0] = ' ';
		return 1;
	}
	for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; i++)
		size += put_utf8(out + size, cell.chars[i]);
	return size;
}

/* Room for the whole screen's text; longer-lived than one answer. */
static char *text_room(struct term *term)
{
	size_t room = (size_t)term->rows * ((size_t)term->cols * CELL_BYTES + 1) + 1;
	if (room > term->text_room) {
		term->text = realloc(term->text, room);
		assert_non_null(term->text);
		term->text_room = room;
	}
	return term->text;
}

static size_t put_row(const struct term *term, int row, char *out)
{
	size_t size = 0;
	for (int col = 0; col < term->cols; col++)
		size += put_cell(term, row, col, out + size);
	while (size > 0 && out[size - 1] == ' ')
		size--;
	out[size] = '\0';
	return size;
}

const char *term_row(struct term *term, int row)
{
	char *text = text_room(term);
	assert_true(row >= 0 && row < term->rows);
	put_row(term, row, text);
	return text;
}

const char *term_screen(struct term *term)
{
	char *text = text_room(term);
	size_t size = 0;
	for (int row = 0; row < term->rows; row++) {
		size += put_row(term, row, text + size);
		text[size++] = '\n';
	}
	text[size] = '\0';
	return text;
}

bool term_find(struct term *term, const char *text, int *row, int *col)
{
	for (int i = 0; i < term->rows; i++) {
		const char *line = term_row(term, i);
		const char *at = strstr(line, text);
		if (at == NULL)
			continue;
		size_t offset = (size_t)(at - line);
		size_t size = 0;
		char cell[CELL_BYTES];
		int column = 0;
		while (size < offset)
			size += put_cell(term, i, column++, cell);
		/* The second half of a wide character has no bytes; the text begins behind it. */
		while (column < term->cols && put_cell(term, i, column, cell) == 0)
			column++;
		*row = i;
		*col = column;
		return true;
	}
	return false;
}

void term_dump(struct term *term)
{
	fprintf(stderr, "terminal %dx%d, %zu bytes, cursor %d,%d%s%s, program %d %s\n", term->cols,
	        term->rows, term->raw_size, term->cursor.row, term->cursor.col,
	        term->cursor_visible ? "" : " (hidden)", term->alt_screen ? ", alternate screen" : "",
	        (int)term->program,
	        term->exited    ? "has ended"
	        : term->stopped ? "is stopped"
	                        : "runs");
	for (int row = 0; row < term->rows; row++)
		fprintf(stderr, "%3d|%s\n", row, term_row(term, row));
}

/* What a wait looks for: a text, or a compiled expression. */
struct look {
	const char *text;
	const regex_t *regex;
	bool gone;
};

static bool seen(struct term *term, const struct look *look)
{
	const char *screen = term_screen(term);
	bool there = look->text != NULL ? strstr(screen, look->text) != NULL
	                                : regexec(look->regex, screen, 0, NULL, 0) == 0;
	return there != look->gone;
}

static bool wait_look(struct term *term, const struct look *look, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	/* What is there already is taken first, so that a look with 0 ms is not a look at the past; but a
	 * program that never stops writing must not hold us. */
	while (term_round(term, 0) && wait_now_ms() < deadline + BACKLOG_MS)
		continue;
	while (!seen(term, look)) {
		if (wait_now_ms() >= deadline)
			return false;
		if (term->exited && !term_round(term, wait_now_ms() + 20))
			return seen(term, look);
		term_round(term, deadline);
	}
	return true;
}

bool term_sees(struct term *term, const char *text, int ms)
{
	return wait_look(term, &(struct look){.text = text}, ms);
}

bool term_sees_match(struct term *term, const char *expression, int ms)
{
	regex_t regex;
	if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
		fail_msg("not a regular expression: %s", expression);
	bool there = wait_look(term, &(struct look){.regex = &regex}, ms);
	regfree(&regex);
	return there;
}

static void missed(struct term *term, const char *what, const char *text, int ms)
{
	term_dump(term);
	fail_msg("%s within %d ms: %s", what, ms, text);
}

void term_wait_text(struct term *term, const char *text, int ms)
{
	if (!term_sees(term, text, ms))
		missed(term, "text not seen", text, ms);
}

void term_wait_match(struct term *term, const char *regex, int ms)
{
	if (!term_sees_match(term, regex, ms))
		missed(term, "no line matches", regex, ms);
}

void term_wait_gone(struct term *term, const char *text, int ms)
{
	if (!wait_look(term, &(struct look){.text = text, .gone = true}, ms))
		missed(term, "text still there", text, ms);
}

static int colour(const VTermColor *from)
{
	if (VTERM_COLOR_IS_DEFAULT_FG(from) || VTERM_COLOR_IS_DEFAULT_BG(from))
		return TERM_DEFAULT_COLOUR;
	if (VTERM_COLOR_IS_INDEXED(from))
		return from->indexed.idx;
	return TERM_RGB | from->rgb.red << 16 | from->rgb.green << 8 | from->rgb.blue;
}

struct term_cell term_cell(struct term *term, int row, int col)
{
	VTermScreenCell from;
	struct term_cell cell = {.width = 1};
	if (vterm_screen_get_cell(term->screen, (VTermPos){.row = row, .col = col}, &from) == 0)
		fail_msg("no cell %d,%d", row, col);
	cell.text[put_cell(term, row, col, cell.text)] = '\0';
	cell.width = (unsigned char)from.width;
	cell.bold = from.attrs.bold;
	cell.italic = from.attrs.italic;
	cell.underline = from.attrs.underline != 0;
	cell.blink = from.attrs.blink;
	cell.reverse = from.attrs.reverse;
	cell.fg = colour(&from.fg);
	cell.bg = colour(&from.bg);
	return cell;
}

struct term_mode term_mode(struct term *term)
{
	return (struct term_mode){
	        .alt_screen = term->alt_screen,
	        .cursor_visible = term->cursor_visible,
	        .mouse = term->mouse,
	        .cursor_row = term->cursor.row,
	        .cursor_col = term->cursor.col,
	        .title = term->title,
	};
}
