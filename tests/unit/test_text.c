/* Text of servers on its way to a terminal: whatever the bytes, what comes out is valid UTF-8 that cannot act
 * on a terminal, and its width is what libc says. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/base/text.h"

/* U+FFFD as it is written. */
static const char bad[] = "\xef\xbf\xbd";

struct conversion {
	const char *in;
	const char *out; /* with R for U+FFFD */
	size_t cells;
};

static const char *clean(const char *s, size_t n)
{
	static char out[256];
	text_sanitise(out, sizeof(out), s, n);
	return out;
}

static void check(const struct conversion *c)
{
	char expected[256];
	size_t n = 0;
	for (const char *p = c->out; *p != '\0'; p++) {
		size_t length = *p == 'R' ? 3 : 1;
		memcpy(expected + n, *p == 'R' ? bad : p, length);
		n += length;
	}
	expected[n] = '\0';
	assert_string_equal(clean(c->in, strlen(c->in)), expected);
	assert_int_equal(text_width(c->in, strlen(c->in)), c->cells);
}

static void test_invalid_utf8(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {"a\x80z", "aRz", 3},                             /* a continuation alone */
	        {"a\xffz", "aRz", 3},                             /* never a byte of UTF-8 */
	        {"\xc0\xaf", "RR", 2},                            /* overlong / */
	        {"\xc1\xbf", "RR", 2},                            /* overlong */
	        {"\xe0\x80\xaf", "RRR", 3},                       /* overlong, three bytes */
	        {"\xf0\x80\x80\xaf", "RRRR", 4},                  /* overlong, four bytes */
	        {"\xed\xa0\x80", "RRR", 3},                       /* a surrogate */
	        {"\xf4\x90\x80\x80", "RRRR", 4},                  /* beyond U+10FFFF */
	        {"\xf5\x80\x80\x80", "RRRR", 4},                  /* far beyond */
	        {"\xe2\x82", "R", 1},                             /* cut off */
	        {"\xe2\x82z", "Rz", 2},                           /* cut off in the middle */
	        {"\xf0\x9f\x98", "R", 1},                         /* cut off, four bytes */
	        {"\xf0\x9f\x98\xe2\x82\xac", "R\xe2\x82\xac", 2}, /* cut off before a good one */
	        {"\xe9t\xe9", "RtR", 3},                          /* latin1 */
	        {"\xc3", "R", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
}

static void test_controls(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {"\033[2J", "R[2J", 4}, {"\033]0;title\a", "R]0;titleR", 10},
	        {"a\tb\nc\rd\r\ne", "a b c d e", 9}, {"\x01\x1f\x7f", "RRR", 3}, {"\v\f\b", "RRR", 3},
	        {"\xc2\x80\xc2\x9b\xc2\x9f", "RRR", 3},    /* C1, of which U+009B begins a sequence */
	        {"\x9b\x31m", "R1m", 3},                   /* the same, raw */
	        {"a\xe2\x80\xa8z\xe2\x80\xa9", "a z ", 4}, /* line and paragraph separator */
	        {"\xef\xbf\xbe", "R", 1},                  /* not a character */
	        {"\xcd\xb8", "R", 1},                      /* U+0378, not assigned */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
	assert_int_equal(text_width("a\0b", 3), 3);
	assert_memory_equal(clean("a\0b", 3),
	        "a\xef\xbf\xbd"
	        "b",
	        6);
}

static void encode(uint32_t c, char out[5])
{
	out[text_encode_char(c, out)] = '\0';
}

static void test_what_misleads_is_dropped(void **state)
{
	(void)state;
	static const uint32_t dropped[] = {0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x061C, 0x202A, 0x202B,
	        0x202C, 0x202D, 0x202E, 0x2060, 0x2063, 0x2066, 0x2067, 0x2068, 0x2069, 0xFE00, 0xFE0E,
	        0xFE0F, 0xFEFF, 0xE0001, 0xE0041, 0xE0100, 0xE01EF, 0x034F, 0x180E};
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
		char c[5];
		char s[32];
		encode(dropped[i], c);
		snprintf(s, sizeof(s), "a%sb%s", c, c);
		assert_string_equal(clean(s, strlen(s)), "ab");
		assert_int_equal(text_width(s, strlen(s)), 2);
		struct glyph g;
		size_t pos = 0;
		assert_false(text_next(c, strlen(c), &pos, &g));
		assert_int_equal(pos, strlen(c));
	}
}

static void test_wide_characters(void **state)
{
	(void)state;
	static const struct conversion cases[] = {
	        {"日本語", "日本語", 6},
	        {"데이터베이스", "데이터베이스", 12},
	        {"ｱﾂﾌﾟ", "ｱﾂﾌﾟ", 4}, /* half width */
	        {"😀", "😀", 2},
	        {"👨‍👩‍👧", "👨👩👧", 6}, /* joined by ZWJ, which is dropped */
	        {"🇩🇪", "🇩🇪", 2},                  /* a flag is two letters */
	        {"👍🏽", "👍🏽", 4},
	        {"❤️", "❤", 1},  /* with a variation selector */
	        {"1️⃣", "1⃣", 1}, /* a keycap is a mark */
	        {"naïve", "naïve", 5},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
}

static struct glyph first(const char *s, size_t *pos)
{
	struct glyph g = {0};
	assert_true(text_next(s, strlen(s), pos, &g));
	return g;
}

static void test_marks(void **state)
{
	(void)state;
	size_t pos = 0;
	struct glyph g = first("e\u0301x", &pos);
	assert_int_equal(g.base, 'e');
	assert_int_equal(g.marks, 1);
	assert_int_equal(g.mark[0], 0x301);
	assert_int_equal(g.width, 1);
	assert_int_equal(pos, 3);

	/* The fifth and all after it are dropped, and belong to the same glyph. */
	pos = 0;
	g = first("日\u0301\u0302\u0303\u0304\u0305\u0306!", &pos);
	assert_int_equal(g.marks, TEXT_MARKS_MAX);
	assert_int_equal(g.mark[3], 0x304);
	assert_int_equal(g.width, 2);
	assert_int_equal(pos, 15);

	/* Without a base they stand on a space. */
	pos = 0;
	g = first("\u0301\u0302x", &pos);
	assert_int_equal(g.base, ' ');
	assert_int_equal(g.marks, 2);
	assert_int_equal(g.width, 1);
	assert_int_equal(pos, 4);
	assert_int_equal(text_width("\u0301x", 3), 2);

	/* What is dropped does not part a mark from its base. */
	pos = 0;
	g = first("e\u200d\u0301x", &pos);
	assert_int_equal(g.marks, 1);
	assert_int_equal(pos, 6);
}

static void test_jamo(void **state)
{
	(void)state;
	/* A leading consonant is two cells, its vowel and final join it. */
	size_t pos = 0;
	struct glyph g = first("\u1112\u1161\u11ab", &pos);
	assert_int_equal(g.base, 0x1112);
	assert_int_equal(g.width, 2);
	assert_int_equal(g.marks, 2);
	assert_int_equal(pos, 9);
}

static void test_glyphs_encode_to_what_was_read(void **state)
{
	(void)state;
	const char *s = "a\u00e9\u20ac\U0001F600e\u0301\u0302\u0303\u0304\U0010FFFF";
	char out[TEXT_ENCODED_MAX];
	struct glyph g;
	for (size_t pos = 0, from = 0; text_next(s, strlen(s), &pos, &g); from = pos) {
		size_t n = text_encode(&g, out);
		assert_true(n <= TEXT_ENCODED_MAX);
		if (g.base != TEXT_REPLACEMENT)
			assert_memory_equal(out, s + from, n);
	}
	struct glyph widest = {.base = 0x10FFFF, .marks = TEXT_MARKS_MAX};
	for (size_t i = 0; i < TEXT_MARKS_MAX; i++)
		widest.mark[i] = 0xE01EF;
	assert_int_equal(text_encode(&widest, out), 20);
	assert_int_equal(text_encode_char(0xD800, out), 3);
	assert_memory_equal(out, bad, 3);
	assert_int_equal(text_encode_char(0x110000, out), 3);
	assert_memory_equal(out, bad, 3);
}

static void test_every_character_agrees_with_libc(void **state)
{
	(void)state;
	for (uint32_t c = 0xA0; c <= 0x10FFFF; c++) {
		char s[5];
		struct glyph g;
		size_t pos = 0;
		encode(c, s);
		if (!text_next(s, strlen(s), &pos, &g)) {
			assert_true(wcwidth((wchar_t)c) <= 1); /* dropped: never something visible */
			continue;
		}
		assert_int_equal(pos, strlen(s));
		if (g.marks == 1)
			assert_int_equal(wcwidth((wchar_t)c), 0);
		else if (g.base == c)
			assert_int_equal(g.width, c == TEXT_REPLACEMENT ? 1 : wcwidth((wchar_t)c));
		else
			assert_true(g.base == TEXT_REPLACEMENT || c == 0x2028 || c == 0x2029);
	}
}

/* The slow way to the same result: glyph by glyph. */
static size_t slow_width(const char *s, size_t n)
{
	size_t cells = 0;
	struct glyph g;
	for (size_t pos = 0; text_next(s, n, &pos, &g);)
		cells += g.width;
	return cells;
}

static void test_the_fast_path_is_exact(void **state)
{
	(void)state;
	static const char *const odd[] = {"", "\x7f", "\x1f", "\x80", "\u0301", "日", "\n", "~", " ", "\xff"};
	for (size_t k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
		for (size_t before = 0; before < 20; before++) {
			for (size_t after = 0; after < 20; after++) {
				char s[64];
				int n = snprintf(s, sizeof(s), "%.*s%s%.*s", (int)before,
				        "SELECT now(), pg_sleep(1)", odd[k], (int)after,
				        "~ FROM t WHERE id=42;");
				assert_int_equal(text_width(s, (size_t)n), slow_width(s, (size_t)n));
				const char *out = clean(s, (size_t)n);
				assert_true(text_is_clean(out, strlen(out)));
				assert_int_equal(text_width(out, strlen(out)), slow_width(s, (size_t)n));
			}
		}
	}
}

static void test_sanitise_into_little_room(void **state)
{
	(void)state;
	const char *s = "ab日本e\u0301\u0302z";
	char out[32];
	assert_int_equal(text_sanitise(out, 0, s, strlen(s)), 0);
	for (size_t cap = 1; cap <= sizeof(out); cap++) {
		memset(out, 'X', sizeof(out));
		size_t n = text_sanitise(out, cap, s, strlen(s));
		assert_true(n < cap);
		assert_int_equal(out[n], 0);
		assert_memory_equal(out, s, n);
		assert_true(text_is_clean(out, n));
	}
	assert_int_equal(text_sanitise(out, 5, s, strlen(s)), 2);
	assert_int_equal(text_sanitise(out, sizeof(out), s, strlen(s)), strlen(s));
}

static void check_cut(const char *s, size_t cells, bool ascii, const char *expected)
{
	char out[64];
	size_t n = text_truncate(out, sizeof(out), s, strlen(s), cells, ascii);
	assert_string_equal(out, expected);
	assert_int_equal(n, strlen(expected));
}

static void test_truncate(void **state)
{
	(void)state;
	check_cut("checkout", 8, false, "checkout");
	check_cut("checkout", 7, false, "checko…");
	check_cut("checkout", 7, true, "checko~");
	check_cut("checkout", 1, false, "…");
	check_cut("checkout", 0, false, "");
	check_cut("", 0, false, "");
	check_cut("", 5, false, "");
	check_cut("日本語", 6, false, "日本語");
	check_cut("日本語", 5, false, "日本…");
	check_cut("日本語", 4, false, "日…"); /* a half would not be a character */
	check_cut("日本語", 3, false, "日…");
	check_cut("日本語", 2, false, "…");
	check_cut("日本語", 1, true, "~");
	check_cut("abe\u0301", 3, false, "abe\u0301"); /* marks need no cell */
	check_cut("abe\u0301d", 3, false, "ab…");
	check_cut("ab\u200b\u200e", 2, false, "ab"); /* nothing visible was cut */
	check_cut("a\033b", 2, false, "a…");
}

static void test_truncate_into_little_room(void **state)
{
	(void)state;
	const char *s = "ab日本語cd";
	char out[40];
	assert_int_equal(text_truncate(out, 0, s, strlen(s), 80, false), 0);
	for (size_t cap = 1; cap <= 20; cap++) {
		for (size_t cells = 0; cells < 14; cells++) {
			memset(out, 'X', sizeof(out));
			size_t n = text_truncate(out, cap, s, strlen(s), cells, false);
			assert_true(n < cap);
			assert_int_equal(out[n], 0);
			assert_int_equal(out[cap], 'X');
			assert_true(text_is_clean(out, n));
			assert_true(text_width(out, n) <= cells);
		}
	}
}

static void test_is_clean(void **state)
{
	(void)state;
	assert_true(text_is_clean("", 0));
	assert_true(text_is_clean("a\tb\r\n日本 \u00a0", 14));
	assert_true(text_is_clean(bad, 3));
	static const char *const dirty[] = {"\033", "\x7f", "\xc2\x85", "\x80", "\xe2\x82", "\xed\xa0\x80"};
	for (size_t i = 0; i < sizeof(dirty) / sizeof(dirty[0]); i++)
		assert_false(text_is_clean(dirty[i], strlen(dirty[i])));
	assert_false(text_is_clean("a\0b", 3));
}

static void test_a_megabyte_is_no_work(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20 };
	static char s[SIZE];
	char out[64];
	/* One glyph with half a million marks, and nothing but characters that are dropped. */
	for (size_t i = 0; i < SIZE; i += 2)
		memcpy(s + i, "\u0301", 2);
	assert_int_equal(text_width(s, SIZE), 1);
	assert_int_equal(text_truncate(out, sizeof(out), s, SIZE, 10, false), 9);
	for (size_t i = 0; i + 3 <= SIZE; i += 3)
		memcpy(s + i, "\u200b", 3);
	assert_int_equal(text_width(s, SIZE - SIZE % 3), 0);
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(text_distance("timeout", "timeout", 9), 0);
	assert_int_equal(text_distance("timeuot", "timeout", 9), 1); /* swapped */
	assert_int_equal(text_distance("timeot", "timeout", 9), 1);
	assert_int_equal(text_distance("timeoutt", "timeout", 9), 1);
	assert_int_equal(text_distance("timeoud", "timeout", 9), 1);
	assert_int_equal(text_distance("kitten", "sitting", 9), 3);
	assert_int_equal(text_distance("kitten", "sitting", 2), 2);
	assert_int_equal(text_distance("", "abc", 9), 3);
	assert_int_equal(text_distance("abc", "", 3), 3);
	assert_int_equal(text_distance("", "", 1), 0);
	assert_int_equal(text_distance("abcdefgh", "x", 3), 3);
	assert_int_equal(text_distance("abcdef", "badcfe", 9), 3);
	assert_int_equal(text_distance("abcdef", "ghijkl", 4), 4);
}

static void test_did_you_mean(void **state)
{
	(void)state;
	static const char *const names[] = {"interval", "timeout", "theme", "themes", "tags"};
	assert_string_equal(text_did_you_mean("timeuot", names, 5), "timeout");
	assert_string_equal(text_did_you_mean("intervall", names, 5), "interval");
	assert_string_equal(text_did_you_mean("theme", names, 5), "theme");
	assert_string_equal(text_did_you_mean("themess", names, 5), "themes");
	assert_string_equal(text_did_you_mean("tag", names, 5), "tags");
	assert_null(text_did_you_mean("password", names, 5));
	assert_null(text_did_you_mean("x", names, 5));
	assert_null(text_did_you_mean("timeout", names, 0));
}

static void test_letters(void **state)
{
	(void)state;
	assert_int_equal(text_letters("", 0), 0);
	assert_int_equal(text_letters("aZ", 2), 1U | 1U << 25);
	assert_int_equal(text_letters("abc", 1), 1U);
	/* What stands next to the letters, and what is none of ours. */
	assert_int_equal(text_letters("@[`{ 09_\xC3\xA4\x00\xFF", 12), 0);
}

int main(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_invalid_utf8),
	        cmocka_unit_test(test_controls),
	        cmocka_unit_test(test_what_misleads_is_dropped),
	        cmocka_unit_test(test_wide_characters),
	        cmocka_unit_test(test_marks),
	        cmocka_unit_test(test_jamo),
	        cmocka_unit_test(test_glyphs_encode_to_what_was_read),
	        cmocka_unit_test(test_every_character_agrees_with_libc),
	        cmocka_unit_test(test_the_fast_path_is_exact),
	        cmocka_unit_test(test_sanitise_into_little_room),
	        cmocka_unit_test(test_truncate),
	        cmocka_unit_test(test_truncate_into_little_room),
	        cmocka_unit_test(test_is_clean),
	        cmocka_unit_test(test_a_megabyte_is_no_work),
	        cmocka_unit_test(test_distance),
	        cmocka_unit_test(test_did_you_mean),
	        cmocka_unit_test(test_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
