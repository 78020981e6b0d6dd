/* Every byte a server sends goes through text_next before it becomes a cell. It is on the render path: plain
 * ASCII costs two comparisons, everything else is decoded by hand and measured by libc. */
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/base/mem.h"

/* 1. Decoding */

/* The character at s, in *used bytes. Anything that is not UTF-8 (overlong, surrogate, beyond U+10FFFF, cut
 * off) is U+FFFD and as long as the part that could have become a character. */
static uint32_t decode(const unsigned char *s, size_t n, size_t *used)
{
	unsigned char c = s[0];
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t need;
	uint32_t code;
	*used = 1;
	if (c < 0x80)
		return c;
	if (c < 0xC2 || c > 0xF4)
		return TEXT_REPLACEMENT;
	if (c < 0xE0) {
		need = 2;
		code = c & 0x1F;
	} else if (c < 0xF0) {
		need = 3;
		code = c & 0x0F;
		low = c == 0xE0 ? 0xA0 : 0x80;
		high = c == 0xED ? 0x9F : 0xBF;
	} else {
		need = 4;
		code = c & 0x07;
		low = c == 0xF0 ? 0x90 : 0x80;
		high = c == 0xF4 ? 0x8F : 0xBF;
	}
	for (size_t i = 1; i < need; i++) {
		*used = i;
		if (i >= n || s[i] < low || s[i] > high)
			return TEXT_REPLACEMENT;
		code = code << 6 | (s[i] & 0x3F);
		low = 0x80;
		high = 0xBF;
	}
	*used = need;
	return code;
}

size_t text_encode_char(uint32_t c, char out[4])
{
	if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		c = TEXT_REPLACEMENT;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xE0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3F));
		out[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3F));
	out[2] = (char)(0x80 | (c >> 6 & 0x3F));
	out[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

/* 2. What a character may do on a screen */

struct range {
	uint32_t first, last;
};

/* Characters without a width of their own that join, reorder, select or annotate: they mislead a reader or
 * the terminal, and a table loses nothing without them. */
static const struct range dropped[] = {
        {0x034F, 0x034F},   /* combining grapheme joiner */
        {0x061C, 0x061C},   /* Arabic letter mark */
        {0x180B, 0x180F},   /* Mongolian variation selectors */
        {0x200B, 0x200F},   /* zero-width space, ZWNJ, ZWJ, LRM, RLM */
        {0x202A, 0x202E},   /* BiDi embeddings and overrides */
        {0x2060, 0x206F},   /* word joiner, invisible operators, BiDi isolates */
        {0xFE00, 0xFE0F},   /* variation selectors */
        {0xFEFF, 0xFEFF},   /* byte order mark */
        {0xFFF0, 0xFFFB},   /* interlinear annotation */
        {0x1BCA0, 0x1BCA3}, /* shorthand format controls */
        {0x1D173, 0x1D17A}, /* musical format controls */
        {0xE0000, 0xE0FFF}, /* tags and more variation selectors */
};

static bool is_dropped(uint32_t c)
{
	/* Nearly all text lies below the first row or in the ideographs and syllables. */
	if (c < 0x034F || (c >= 0x2070 && c < 0xFE00))
		return false;
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]) && c >= dropped[i].first; i++) {
		if (c <= dropped[i].last)
			return true;
	}
	return false;
}

static bool is_line_end(uint32_t c)
{
	return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

enum { WIDTH_DROPPED = -1 };

/* Replaces *c by what is shown; returns its cells: 1 or 2, 0 for a mark, WIDTH_DROPPED for nothing. */
static int place(uint32_t *c)
{
	if (*c >= 0x20 && *c < 0x7F)
		return 1;
	if (*c == '\t' || is_line_end(*c)) {
		*c = ' ';
		return 1;
	}
	if (is_control(*c)) {
		*c = TEXT_REPLACEMENT;
		return 1;
	}
	if (is_dropped(*c))
		return WIDTH_DROPPED;
	int width = wcwidth((wchar_t)*c);
	if (width < 0 || width > 2) {
		*c = TEXT_REPLACEMENT;
		return 1;
	}
	return width;
}

/* Takes the marks that follow a base. */
static void take_marks(const unsigned char *s, size_t n, size_t *pos, struct glyph *out)
{
	while (*pos < n && s[*pos] >= 0x80) {
		size_t used;
		uint32_t c = decode(s + *pos, n - *pos, &used);
		int width = place(&c);
		if (width > 0)
			return;
		if (width == 0 && out->marks < TEXT_MARKS_MAX)
			out->mark[out->marks++] = c;
		*pos += used;
	}
}

bool text_next(const char *text, size_t n, size_t *pos, struct glyph *out)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t at = *pos;

	/* 1. A printable ASCII character that no mark can follow. */
	if (at < n && s[at] >= 0x20 && s[at] < 0x7F && (at + 1 >= n || s[at + 1] < 0x80)) {
		*out = (struct glyph){.base = s[at], .width = 1};
		*pos = at + 1;
		return true;
	}

	/* 2. Anything else: the first character that shows something is the base. */
	while (at < n) {
		size_t used;
		uint32_t c = decode(s + at, n - at, &used);
		if (c == '\r' && at + 1 < n && s[at + 1] == '\n')
			used = 2;
		int width = place(&c);
		if (width == WIDTH_DROPPED) {
			at += used;
			continue;
		}
		/* A mark without a base stands on a space: take_marks finds it where it is. */
		*out = (struct glyph){.base = ' ', .width = 1};
		if (width > 0) {
			*out = (struct glyph){.base = c, .width = (uint8_t)width};
			at += used;
		}
		take_marks(s, n, &at, out);
		*pos = at;
		return true;
	}
	*pos = at;
	return false;
}

size_t text_encode(const struct glyph *g, char out[TEXT_ENCODED_MAX])
{
	size_t n = text_encode_char(g->base, out);
	for (size_t i = 0; i < g->marks; i++)
		n += text_encode_char(g->mark[i], out + n);
	return n;
}

/* 3. Whole strings */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes at s that are printable ASCII and that no mark can follow: each is one byte and one cell. */
static size_t plain_run(const char *s, size_t n)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;
	/* Eight at a time: the high bit of each sum or difference tells < 0x20, 0x7F and >= 0x80. */
	for (; i + 8 <= n; i += 8) {
		uint64_t w;
		memcpy(&w, s + i, sizeof(w));
		uint64_t odd = w | (w + ones) | (w - ones * 0x20);
		if (odd & high)
			break;
	}
	while (i < n && s[i] >= 0x20 && s[i] < 0x7F)
		i++;
	if (i > 0 && i < n && (unsigned char)s[i] >= 0x80)
		i--;
	return i;
}

size_t text_width(const char *s, size_t n)
{
	size_t cells = 0;
	struct glyph g;
	for (size_t pos = 0;;) {
		size_t run = plain_run(s + pos, n - pos);
		cells += run;
		pos += run;
		if (!text_next(s, n, &pos, &g))
			return cells;
		cells += g.width;
	}
}

size_t text_sanitise(char *dst, size_t cap, const char *s, size_t n)
{
	if (cap == 0)
		return 0;
	size_t len = 0;
	for (size_t pos = 0;;) {
		size_t run = plain_run(s + pos, n - pos);
		if (run > cap - 1 - len)
			run = cap - 1 - len;
		memcpy(dst + len, s + pos, run);
		len += run;
		pos += run;

		struct glyph g;
		char bytes[TEXT_ENCODED_MAX];
		if (!text_next(s, n, &pos, &g))
			break;
		size_t used = text_encode(&g, bytes);
		if (used > cap - 1 - len)
			break;
		memcpy(dst + len, bytes, used);
		len += used;
	}
	dst[len] = '\0';
	return len;
}

size_t text_truncate(char *dst, size_t cap, const char *s, size_t n, size_t cells, bool ascii)
{
	if (cap == 0)
		return 0;
	const char *sign = ascii ? "~" : "\xe2\x80\xa6";
	size_t sign_bytes = ascii ? 1 : 3;
	size_t room = cap - 1;
	struct glyph g;

	/* 1. Plain ASCII as far as it goes and fits; one byte more shows whether a mark follows. */
	size_t fits = least(cells, room);
	size_t len = least(plain_run(s, least(n, fits + 1)), fits);
	memcpy(dst, s, len);

	/* 2. `cut` is the longest beginning that leaves room for the sign. */
	bool can_cut = cells > 0 && room >= sign_bytes;
	size_t cut = can_cut ? least(len, least(cells - 1, room - sign_bytes)) : 0;
	size_t width = len;
	for (size_t pos = len; text_next(s, n, &pos, &g);) {
		char bytes[TEXT_ENCODED_MAX];
		size_t used = text_encode(&g, bytes);
		if (width < cells && sign_bytes <= room - len)
			cut = len;
		if (width + g.width > cells || used > room - len) {
			len = cut;
			if (can_cut) {
				memcpy(dst + len, sign, sign_bytes);
				len += sign_bytes;
			}
			break;
		}
		memcpy(dst + len, bytes, used);
		len += used;
		width += g.width;
	}
	dst[len] = '\0';
	return len;
}

bool text_is_clean(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	for (size_t pos = 0; pos < n;) {
		size_t used;
		uint32_t c = decode(s + pos, n - pos, &used);
		if (is_control(c) && c != '\t' && c != '\n' && c != '\r')
			return false;
		/* A replacement character is fine when it was sent as one. */
		if (c == TEXT_REPLACEMENT && (used != 3 || s[pos] != 0xEF))
			return false;
		pos += used;
	}
	return true;
}

/* 4. Words that were mistyped */

size_t text_distance(const char *a, const char *b, size_t cap)
{
	size_t n = strlen(a);
	size_t m = strlen(b);
	if ((n > m ? n - m : m - n) >= cap)
		return cap;

	/* Three rows of the usual table; the swap of two neighbours looks two rows back. */
	size_t *rows = xcalloc(3 * (m + 1), sizeof(*rows));
	size_t *before = rows;
	size_t *last = rows + m + 1;
	size_t *row = last + m + 1;
	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t best = row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(change, least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
			best = least(best, row[j]);
		}
		/* Rows never get better; a swap starts one row up, whose best is at least this one's less 1.
		 */
		if (best > cap) {
			last[m] = cap;
			break;
		}
		size_t *oldest = before;
		before = last;
		last = row;
		row = oldest;
	}
	size_t distance = least(last[m], cap);
	free(rows);
	return distance;
}

const char *text_did_you_mean(const char *word, const char *const *names, size_t n)
{
	size_t limit = strlen(word) / 3;
	if (limit == 0)
		limit = 1;
	const char *nearest = NULL;
	for (size_t i = 0; i < n; i++) {
		size_t distance = text_distance(word, names[i], limit + 1);
		if (distance <= limit) {
			nearest = names[i];
			if (distance == 0)
				break;
			limit = distance - 1;
		}
	}
	return nearest;
}

uint32_t text_letters(const char *s, size_t n)
{
	uint32_t letters = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned letter = ((unsigned char)s[i] | 0x20U) - 'a';
		letters |= letter < 26 ? 1U << letter : 0;
	}
	return letters;
}
