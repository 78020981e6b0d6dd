/* The parser of terminal input: see input.h. Each take_* function looks at the front of the buffer and says
 * how many bytes it used, 0 when the rest has not come yet. */
#include "tui/input.h"

#include <string.h>

enum { ESC = 0x1b, PARAMS_MAX = 4 };

/* What a sequence turned out to be. */
struct taken {
	size_t used; /* 0: incomplete */
	bool event;  /* out is filled */
};

size_t input_feed(struct input *in, const void *bytes, size_t n, mono_ns now)
{
	size_t room = sizeof(in->bytes) - in->n;
	if (n > room)
		n = room;
	memcpy(in->bytes + in->n, bytes, n);
	in->n += n;
	in->fed = now;
	return n;
}

static void drop(struct input *in, size_t n)
{
	in->n -= n;
	memmove(in->bytes, in->bytes + n, in->n);
}

static int letter_key(int c)
{
	switch (c) {
	case 'A':
		return KEYCODE_UP;
	case 'B':
		return KEYCODE_DOWN;
	case 'C':
		return KEYCODE_RIGHT;
	case 'D':
		return KEYCODE_LEFT;
	case 'H':
		return KEYCODE_HOME;
	case 'F':
		return KEYCODE_END;
	case 'M':
		return KEYCODE_ENTER;
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
		return KEYCODE_F1 + (c - 'P');
	case 'Z':
		return KEYCODE_BACKTAB;
	default:
		return 0;
	}
}

static int number_key(int n)
{
	static const struct {
		int number, key;
	} table[] = {{1, KEYCODE_HOME}, {2, KEYCODE_INSERT}, {3, KEYCODE_DELETE}, {4, KEYCODE_END},
	        {5, KEYCODE_PGUP}, {6, KEYCODE_PGDN}, {7, KEYCODE_HOME}, {8, KEYCODE_END}, {11, KEYCODE_F1},
	        {12, KEYCODE_F2}, {13, KEYCODE_F3}, {14, KEYCODE_F4}, {15, KEYCODE_F5}, {17, KEYCODE_F6},
	        {18, KEYCODE_F7}, {19, KEYCODE_F8}, {20, KEYCODE_F9}, {21, KEYCODE_F10}, {23, KEYCODE_F11},
	        {24, KEYCODE_F12}, {200, KEYCODE_PASTE_BEGIN}, {201, KEYCODE_PASTE_END}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].number == n)
			return table[i].key;
	}
	return 0;
}

/* A mouse report: button bits, column and row from 1. Only presses and the wheel matter. */
static bool mouse_event(
        struct input *in, int button, int x, int y, bool press, mono_ns now, struct input_event *out)
{
	*out = (struct input_event){.key = KEYCODE_MOUSE, .x = x - 1, .y = y - 1};
	if (!press || (button & 32) != 0)
		return false;
	if ((button & 64) != 0) {
		out->wheel = (button & 3) == 0 ? -1 : (button & 3) == 1 ? 1 : 0;
		return out->wheel != 0;
	}
	if ((button & 3) != 0)
		return false;
	bool near = in->click != 0 && now - in->click <= INPUT_DOUBLE_CLICK_MS * NS_PER_MS;
	out->twice = near && in->click_x == out->x && in->click_y == out->y;
	in->click = out->twice ? 0 : now;
	in->click_x = out->x;
	in->click_y = out->y;
	return true;
}

/* ESC [ … : parameters and a final byte. */
static struct taken take_csi(struct input *in, mono_ns now, struct input_event *out)
{
	const unsigned char *b = in->bytes;
	int param[PARAMS_MAX] = {0};
	size_t params = 0;
	size_t i = 2;
	bool sgr = false;
	if (in->n > 2 && b[2] == '[')
		return in->n < 4 ? (struct taken){0}
		                 : (struct taken){.used = 4,
		                           .event = b[3] >= 'A' && b[3] <= 'E' &&
		                                    (out->key = KEYCODE_F1 + (b[3] - 'A')) != 0};
	if (in->n > 2 && b[2] == 'M') {
		if (in->n < 6)
			return (struct taken){0};
		return (struct taken){.used = 6,
		        .event = mouse_event(in, b[3] - 32, b[4] - 32, b[5] - 32, (b[3] & 3) != 3, now, out)};
	}
	if (in->n > 2 && b[2] == '<') {
		sgr = true;
		i = 3;
	}
	for (; i < in->n && (b[i] < 0x40 || b[i] > 0x7e); i++) {
		if (b[i] == ';')
			params++;
		else if (b[i] >= '0' && b[i] <= '9' && params < PARAMS_MAX && param[params] < 100000)
			param[params] = param[params] * 10 + (b[i] - '0');
		else if (b[i] < 0x20)
			return (struct taken){.used = i};
	}
	if (i == in->n)
		return (struct taken){0};
	struct taken t = {.used = i + 1};
	if (sgr)
		t.event = (b[i] == 'M' || b[i] == 'm') &&
		          mouse_event(in, param[0], param[1], param[2], b[i] == 'M', now, out);
	else if (b[i] == '~')
		t.event = (out->key = number_key(param[0])) != 0;
	else
		t.event = b[i] != 'M' && (out->key = letter_key(b[i])) != 0;
	return t;
}

/* ESC O x: arrows and function keys in application mode, and the numeric pad. */
static struct taken take_ss3(const struct input *in, struct input_event *out)
{
	static const char pad[] = "*+,-./0123456789";
	if (in->n < 3)
		return (struct taken){0};
	int c = in->bytes[2];
	if (c >= 'j' && c <= 'y')
		out->key = (unsigned char)pad[c - 'j'];
	else if (c == 'X')
		out->key = '=';
	else
		out->key = letter_key(c);
	return (struct taken){.used = 3, .event = out->key != 0};
}

/* ESC ] P _ ^ X: an answer of the terminal nobody asked for, until BEL or ESC \. */
static struct taken take_string(struct input *in)
{
	for (size_t i = 2; i < in->n; i++) {
		if (in->bytes[i] == 7)
			return (struct taken){.used = i + 1};
		if (in->bytes[i] == ESC && i + 1 == in->n)
			return (struct taken){0};
		if (in->bytes[i] == ESC)
			return (struct taken){.used = i + 1 < in->n && in->bytes[i + 1] == '\\' ? i + 2 : i};
	}
	if (in->n == sizeof(in->bytes)) {
		in->flush = true;
		return (struct taken){.used = in->n};
	}
	return (struct taken){0};
}

/* A slow line may cut a sequence in two; a lone escape must not be felt. */
static int64_t patience(const struct input *in)
{
	return in->n > 1 && in->bytes[0] == ESC ? INPUT_SEQUENCE_MS : INPUT_ESC_MS;
}

static bool is_string(const struct input *in)
{
	return in->n > 1 && in->bytes[1] != 0 && strchr("]P_^X", in->bytes[1]) != NULL;
}

static struct taken take_escape(struct input *in, mono_ns now, struct input_event *out)
{
	struct taken esc = {.used = 1, .event = true};
	bool late = now - in->fed >= patience(in) * NS_PER_MS;
	struct taken t = {0};
	out->key = KEYCODE_ESC;
	if (in->n == 1)
		return late ? esc : t;
	if (in->bytes[1] == '[')
		t = take_csi(in, now, out);
	else if (in->bytes[1] == 'O')
		t = take_ss3(in, out);
	else if (is_string(in))
		t = take_string(in);
	else
		return esc; /* Esc and another key in one packet */
	if (t.used == 0 && late) {
		/* Cut short: two bytes are a typed Esc and a key, more are rubbish. */
		out->key = KEYCODE_ESC;
		in->flush = in->n > 2 && is_string(in);
		return in->n == 2 ? esc : (struct taken){.used = in->n};
	}
	return t;
}

static struct taken take_character(const struct input *in, mono_ns now, struct input_event *out)
{
	const unsigned char *b = in->bytes;
	size_t length = b[0] < 0x80   ? 1
	                : b[0] < 0xc2 ? 0
	                : b[0] < 0xe0 ? 2
	                : b[0] < 0xf0 ? 3
	                : b[0] < 0xf5 ? 4
	                              : 0;
	if (length == 0)
		return (struct taken){.used = 1};
	if (in->n < length && now - in->fed < INPUT_ESC_MS * NS_PER_MS)
		return (struct taken){0};
	uint32_t c = length == 1 ? b[0] : b[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if (i >= in->n || (b[i] & 0xc0) != 0x80)
			return (struct taken){.used = i};
		c = c << 6 | (b[i] & 0x3f);
	}
	struct taken t = {.used = length, .event = true};
	out->key = (int)c;
	if (c == '\r' || c == '\n')
		out->key = KEYCODE_ENTER;
	else if (c == '\t')
		out->key = KEYCODE_TAB;
	else if (c == 0x7f || c == 8)
		out->key = KEYCODE_BACKSPACE;
	else if (c == 0 || (c >= 0x80 && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || c >= KEYCODE_BASE)
		t.event = false;
	return t;
}

/* A lost end of a string sequence: drop until one of its possible ends. */
static void flush(struct input *in)
{
	size_t i = 0;
	while (i < in->n && in->bytes[i] != 7 && in->bytes[i] != ESC)
		i++;
	if (i < in->n) {
		in->flush = false;
		i += in->bytes[i] == 7 ? 1 : 0;
	}
	drop(in, i);
}

bool input_next(struct input *in, mono_ns now, struct input_event *out)
{
	if (in->flush)
		flush(in);
	while (in->n > 0) {
		*out = (struct input_event){.key = 0};
		struct taken t =
		        in->bytes[0] == ESC ? take_escape(in, now, out) : take_character(in, now, out);
		if (t.used == 0)
			return false;
		drop(in, t.used);
		if (!t.event)
			continue;
		if (out->key == KEYCODE_PASTE_BEGIN || out->key == KEYCODE_PASTE_END)
			in->pasting = out->key == KEYCODE_PASTE_BEGIN;
		else
			out->pasted = in->pasting;
		return true;
	}
	return false;
}

int input_wait_ms(const struct input *in, mono_ns now)
{
	if (in->n == 0 || in->flush)
		return -1;
	mono_ns left = in->fed + patience(in) * NS_PER_MS - now;
	return left > 0 ? (int)((left + NS_PER_MS - 1) / NS_PER_MS) : 0;
}
