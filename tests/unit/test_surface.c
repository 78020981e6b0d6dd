/* What reaches the grid, cell by cell: text of any kind, wide glyphs at every edge, fields, bars, exports. */
#include "tests/support/test.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/surface.h"

static void expect_row(const struct surface *s, int y, const char *text)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	surface_to_text(s, &out);
	const char *at = buf_str(&out);
	for (int i = 0; i < y; i++)
		at = strchr(at, '\n') + 1;
	char line[512];
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	assert_string_equal(line, text);
	buf_free(&out);
}

static struct surface *grid(int w, int h)
{
	return surface_new(w, h, false);
}

static void test_text_stays_inside(void **state)
{
	(void)state;
	struct surface *s = grid(10, 2);
	assert_int_equal(surface_text(s, 2, 0, 4, STYLE_OK, "abcdef"), 4);
	assert_int_equal(surface_text(s, 7, 0, 90, STYLE_OK, "xyzzy"), 3);
	assert_int_equal(surface_text(s, 0, 2, 4, STYLE_OK, "no"), 0);
	assert_int_equal(surface_text(s, 0, -1, 4, STYLE_OK, "no"), 0);
	assert_int_equal(surface_text(s, 11, 1, 4, STYLE_OK, "no"), 0);
	expect_row(s, 0, "  abcd xyz");
	expect_row(s, 1, "");
	assert_int_equal(surface_at(s, 2, 0)->style, STYLE_OK);
	assert_int_equal(surface_at(s, 6, 0)->style, STYLE_TEXT);
	assert_null(surface_at(s, 10, 0));
	surface_free(s);
}

static void test_text_that_begins_left_of_the_edge(void **state)
{
	(void)state;
	struct surface *s = grid(6, 1);
	surface_text(s, -2, 0, 6, STYLE_TEXT, "abcdef");
	expect_row(s, 0, "cdef");
	surface_text(s, -1, 0, 6, STYLE_TEXT, "日本語");
	expect_row(s, 0, " 本語");
	surface_free(s);
}

static void test_wide_glyphs_are_never_halved(void **state)
{
	(void)state;
	struct surface *s = grid(6, 1);
	assert_int_equal(surface_text(s, 0, 0, 5, STYLE_TEXT, "日本語"), 4);
	expect_row(s, 0, "日本");
	assert_int_equal(surface_text(s, 5, 0, 2, STYLE_TEXT, "語"), 0);
	/* Over the right half: the left one goes. */
	surface_text(s, 1, 0, 1, STYLE_TEXT, "x");
	expect_row(s, 0, " x本");
	/* Over the left half: the right one goes. */
	surface_text(s, 2, 0, 1, STYLE_TEXT, "y");
	expect_row(s, 0, " xy");
	surface_text(s, 0, 0, 4, STYLE_TEXT, "日本");
	surface_fill(s, (struct rect){1, 0, 2, 1}, STYLE_TEXT, '.');
	expect_row(s, 0, " ..");
	surface_free(s);
}

static void test_hostile_text_is_tamed(void **state)
{
	(void)state;
	static const char text[] = "a\033[31mb\0c\xe2\x80\xae"
	                           "d\xff\x80";
	struct surface *s = grid(40, 1);
	surface_textn(s, 0, 0, 40, STYLE_TEXT, text, sizeof(text) - 1);
	for (int x = 0; x < 40; x++) {
		uint32_t c = surface_at(s, x, 0)->base;
		assert_true(c >= ' ' && c != 0x7f && !(c >= 0x80 && c < 0xa0) && c != 0x202e);
	}
	assert_int_equal(surface_at(s, 1, 0)->base, TEXT_REPLACEMENT);
	surface_free(s);
}

static void test_marks_stay_with_their_base(void **state)
{
	(void)state;
	struct surface *s = grid(8, 1);
	assert_int_equal(surface_text(s, 0, 0, 8, STYLE_TEXT, "ae\u0301z"), 3);
	assert_int_equal(surface_at(s, 1, 0)->base, 'e');
	assert_int_equal(surface_at(s, 1, 0)->marks, 1);
	assert_int_equal(surface_at(s, 1, 0)->mark[0], 0x301);
	expect_row(s, 0, "ae\u0301z");
	surface_free(s);
}

static void test_fields(void **state)
{
	(void)state;
	struct surface *s = grid(8, 1);
	surface_field(s, 0, 0, 8, STYLE_TEXT, "12", 2, true);
	expect_row(s, 0, "      12");
	surface_field(s, 0, 0, 8, STYLE_TEXT, "12345678", 8, false);
	expect_row(s, 0, "12345678");
	surface_field(s, 0, 0, 8, STYLE_TEXT, "123456789", 9, true);
	expect_row(s, 0, "1234567…");
	surface_field(s, 0, 0, 8, STYLE_TEXT, "日本語日本語", strlen("日本語日本語"), false);
	expect_row(s, 0, "日本語…");
	surface_field(s, 0, 0, 8, STYLE_TEXT, "日本語日", strlen("日本語日"), false);
	expect_row(s, 0, "日本語日");
	surface_field(s, 0, 0, 8, STYLE_TEXT, NULL, 0, false);
	expect_row(s, 0, "");
	surface_field(s, 0, 0, 1, STYLE_TEXT, "ab", 2, false);
	expect_row(s, 0, "…");
	surface_field(s, 4, 0, 8, STYLE_TEXT, "abcdefghij", 10, false);
	expect_row(s, 0, "…   abcd");
	surface_free(s);
}

static void test_ascii_forms(void **state)
{
	(void)state;
	struct surface *s = surface_new(20, 3, true);
	surface_text(s, 0, 0, 20, STYLE_TEXT, "● ▲ ✖ … – é 日");
	expect_row(s, 0, "* ! x ~ - ? ?");
	surface_bar(s, 0, 1, 8, 0.5);
	expect_row(s, 1, "####----");
	surface_clear(s);
	surface_box(s, (struct rect){0, 0, 12, 3}, STYLE_BORDER, "hey");
	expect_row(s, 0, "+- hey ----+");
	surface_free(s);
}

static void test_ascii_in_the_c_locale(void **state)
{
	(void)state;
	struct surface *s = surface_new(20, 1, true);
	assert_non_null(setlocale(LC_CTYPE, "C"));
	surface_text(s, 0, 0, 20, STYLE_TEXT, "● up · née");
	expect_row(s, 0, "* up - n?e");
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	surface_free(s);
}

static void test_bars(void **state)
{
	(void)state;
	struct surface *s = grid(8, 1);
	surface_bar(s, 0, 0, 8, 0.5);
	expect_row(s, 0, "████");
	surface_bar(s, 0, 0, 8, 0.999);
	expect_row(s, 0, "███████▉");
	surface_bar(s, 0, 0, 8, 1);
	expect_row(s, 0, "████████");
	assert_int_equal(surface_at(s, 7, 0)->style, STYLE_BAR_7);
	surface_bar(s, 0, 0, 8, 0.0001);
	expect_row(s, 0, "▏");
	surface_bar(s, 0, 0, 8, 0);
	expect_row(s, 0, "");
	surface_text(s, 0, 0, 8, STYLE_TEXT, "?");
	surface_bar(s, 0, 0, 8, NAN);
	expect_row(s, 0, "?");
	surface_free(s);
}

static void test_sparks_leave_unknown_blank(void **state)
{
	(void)state;
	static const float values[] = {0, 7, NAN, 3.5f, 14};
	struct surface *s = grid(8, 1);
	surface_spark(s, 0, 0, 5, values, 5);
	expect_row(s, 0, "▁▄ ▃▇");
	surface_spark(s, 0, 0, 2, values, 5);
	expect_row(s, 0, "▃▇ ▃▇");
	surface_clear(s);
	surface_spark(s, 0, 0, 8, values, 2);
	expect_row(s, 0, "      ▁▇");
	surface_free(s);
}

static void test_box_at_any_size(void **state)
{
	(void)state;
	struct surface *s = grid(12, 4);
	surface_box(s, (struct rect){0, 0, 12, 4}, STYLE_BORDER, "a long title");
	expect_row(s, 0, "╭─ a lon… ─╮");
	expect_row(s, 3, "╰──────────╯");
	for (int w = -1; w < 15; w++) {
		for (int h = -1; h < 6; h++)
			surface_box(s, (struct rect){w - 3, h - 2, w, h}, STYLE_BORDER, "t");
	}
	surface_free(s);
}

static void test_golden_form(void **state)
{
	(void)state;
	struct surface *s = grid(5, 2);
	struct buf out;
	buf_init(&out, 1 << 12);
	surface_text(s, 0, 0, 5, STYLE_CRIT, "down");
	surface_text(s, 1, 1, 5, STYLE_TEXT, "up");
	surface_select(s, (struct rect){0, 1, 5, 1});
	surface_to_golden(s, &out);
	assert_string_equal(buf_str(&out), "down\n up\n-- styles: y x n\n0 0 4 crit\n1 0 5 text selected\n");
	buf_free(&out);
	surface_free(s);
}

static void test_no_size_is_too_small(void **state)
{
	(void)state;
	for (int w = 0; w < 4; w++) {
		for (int h = 0; h < 3; h++) {
			struct surface *s = grid(w, h);
			surface_text(s, 0, 0, 9, STYLE_TEXT, "日本");
			surface_field(s, 0, 0, 9, STYLE_TEXT, "abc", 3, true);
			surface_bar(s, 0, 0, 9, 0.3);
			surface_box(s, (struct rect){0, 0, 9, 9}, STYLE_BORDER, "x");
			surface_select(s, (struct rect){-5, -5, 50, 50});
			surface_resize(s, h, w);
			surface_free(s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text_stays_inside),
	        cmocka_unit_test(test_text_that_begins_left_of_the_edge),
	        cmocka_unit_test(test_wide_glyphs_are_never_halved),
	        cmocka_unit_test(test_hostile_text_is_tamed),
	        cmocka_unit_test(test_marks_stay_with_their_base),
	        cmocka_unit_test(test_fields),
	        cmocka_unit_test(test_ascii_forms),
	        cmocka_unit_test(test_ascii_in_the_c_locale),
	        cmocka_unit_test(test_bars),
	        cmocka_unit_test(test_sparks_leave_unknown_blank),
	        cmocka_unit_test(test_box_at_any_size),
	        cmocka_unit_test(test_golden_form),
	        cmocka_unit_test(test_no_size_is_too_small),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
