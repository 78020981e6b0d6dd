/* Any bytes become text that a terminal can be given: valid UTF-8, no control, no BiDi, and as wide as said.
 */
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		abort();
	return 0;
}

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool shows_nothing(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
	       (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x061C;
}

static void check_glyph(const struct glyph *g)
{
	check(g->width == 1 || g->width == 2);
	check(g->marks <= TEXT_MARKS_MAX);
	check(!shows_nothing(g->base));
	for (size_t i = 0; i < g->marks; i++)
		check(!shows_nothing(g->mark[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct glyph g;

	/* 1. Glyphs are harmless, move forward, and add up to the width. */
	size_t width = 0;
	for (size_t pos = 0, last = 0; text_next(s, size, &pos, &g); last = pos) {
		check(pos > last && pos <= size);
		check_glyph(&g);
		width += g.width;
	}
	check(width == text_width(s, size));

	/* 2. The copy is clean, as wide as the original, and its own copy. */
	size_t cap = size * 4 + 8;
	char *copy = malloc(cap);
	char *again = malloc(cap);
	if (copy == NULL || again == NULL)
		abort();
	size_t n = text_sanitise(copy, cap, s, size);
	check(n < cap && copy[n] == '\0');
	check(text_is_clean(copy, n) && memchr(copy, '\033', n) == NULL && memchr(copy, '\n', n) == NULL);
	check(text_width(copy, n) == width);
	check(text_sanitise(again, cap, copy, n) == n && memcmp(copy, again, n) == 0);

	/* 3. Where all of it fits, a cut is the same copy. */
	check(text_truncate(again, cap, s, size, width, false) == n && memcmp(copy, again, n) == 0);

	/* 4. Cut to any width and any room, it stays clean and inside both. */
	size_t cells = size > 0 ? data[0] : 0;
	size_t room = size > 1 ? data[1] : 0;
	if (room > 0 && room <= cap) {
		n = text_truncate(copy, room, s, size, cells, size % 2 == 0);
		check(n < room && copy[n] == '\0' && text_is_clean(copy, n));
		check(text_width(copy, n) <= cells);
	}
	free(copy);
	free(again);
	return 0;
}
