/* Text from servers, on its way to a terminal: decoded defensively, stripped of everything that could act
 * on a terminal or reorder a line, measured in cells. Width is libc wcwidth, since that is what ncurses
 * uses. Pure functions, any thread; LC_CTYPE must have been set once at start. */
#ifndef DBATOP_BASE_TEXT_H
#define DBATOP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_MARKS_MAX = 4, TEXT_REPLACEMENT = 0xFFFD, TEXT_ENCODED_MAX = 24 };

/* What one cell (or two, for a wide character) shows: a base and its combining marks. */
struct glyph {
	uint32_t base;
	uint32_t mark[TEXT_MARKS_MAX];
	uint8_t marks;
	uint8_t width; /* 1 or 2 */
};

/* Takes the next glyph from s[*pos .. n). Returns false at the end. Invalid UTF-8 → one U+FFFD for each
 * maximal bad part; C0, C1, DEL, NUL, escape → U+FFFD except tab and line ends, which become one space;
 * ZWJ, ZWNJ, variation selectors, BiDi controls and other zero-width format characters are dropped; an
 * unprintable or unknown character → U+FFFD; marks beyond the fourth are dropped; a mark without a base
 * stands on a space. */
bool text_next(const char *s, size_t n, size_t *pos, struct glyph *out);

/* Writes g as UTF-8 to out (TEXT_ENCODED_MAX bytes), returns the length; no NUL is added. */
size_t text_encode(const struct glyph *g, char out[TEXT_ENCODED_MAX]);
size_t text_encode_char(uint32_t c, char out[4]);

/* Cells that s needs on one line after sanitising. */
size_t text_width(const char *s, size_t n);
/* Sanitised copy into dst (always NUL-terminated, never cut inside a character). Returns bytes written. */
size_t text_sanitise(char *dst, size_t cap, const char *s, size_t n);
/* Sanitised, at most `cells` wide; when something was cut it ends in … ('~' when ascii). */
size_t text_truncate(char *dst, size_t cap, const char *s, size_t n, size_t cells, bool ascii);
/* True when s is valid UTF-8 without control characters but tab and line ends. */
bool text_is_clean(const char *s, size_t n);

/* Edits between a and b (insert, delete, replace, swap), capped: returns cap when further apart. */
size_t text_distance(const char *a, const char *b, size_t cap);
/* The nearest of `names` within a third of the word's length (at least 1 edit), else NULL. */
const char *text_did_you_mean(const char *word, const char *const *names, size_t n);

/* Which of the letters a to z stand in it, in either case: bit 0 is a. */
uint32_t text_letters(const char *s, size_t n);

#endif
