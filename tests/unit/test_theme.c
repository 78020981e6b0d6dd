/* Themes: the built-in ones are whole, colours map down sensibly, mistakes name their place; and a picture is
 * well-formed whatever text is in it. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tui/colour.h"
#include "tui/surface.h"
#include "tui/theme.h"

static void test_builtin_themes_are_whole(void **state)
{
	(void)state;
	size_t n = 0;
	const char *const *names = theme_names(&n);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++) {
		struct theme t;
		struct err e = {.code = ERR_NONE};
		if (!theme_load(names[i], &t, &e))
			fail_msg("%s: %s", names[i], e.text);
		assert_string_equal(t.name, names[i]);
		bool mono = strcmp(names[i], "mono") == 0;
		for (int s = 0; s < STYLE_COUNT; s++) {
			struct look l = theme_look(&t, (enum style)s, false, DEPTH_TRUE);
			if (mono)
				assert_true(l.fg == COLOUR_NONE && l.bg == COLOUR_NONE);
			else if (s != STYLE_TEXT && s != STYLE_STRONG && s != STYLE_TITLE)
				assert_true(l.fg != COLOUR_NONE);
			/* The terminal's own background is never painted over by text. */
			assert_true(theme_look(&t, STYLE_TEXT, false, DEPTH_TRUE).bg == COLOUR_NONE);
		}
		/* Selected and critical can be told from plain without any colour. */
		struct look plain = theme_look(&t, STYLE_TEXT, false, DEPTH_NONE);
		assert_true(theme_look(&t, STYLE_TEXT, true, DEPTH_NONE).attrs != plain.attrs);
		assert_true(theme_look(&t, STYLE_CRIT, false, DEPTH_NONE).attrs != plain.attrs);
	}
}

static void test_depths(void **state)
{
	(void)state;
	struct theme t;
	assert_true(theme_load(NULL, &t, NULL));
	struct look l = theme_look(&t, STYLE_ACCENT, false, DEPTH_256);
	assert_int_equal(l.fg256, 75);
	assert_int_equal(l.fg16, 12);
	l = theme_look(&t, STYLE_ACCENT, true, DEPTH_TRUE);
	assert_int_equal(l.bg, 0x303a46);
	l = theme_look(&t, STYLE_ACCENT, true, DEPTH_NONE);
	assert_int_equal(l.fg, COLOUR_NONE);
	assert_true((l.attrs & ATTR_REVERSE) != 0);
}

static void test_colours_map_down(void **state)
{
	(void)state;
	int32_t c = 0;
	assert_true(colour_parse("#5faFff", &c) && c == 0x5fafff);
	assert_true(colour_parse("#fa0", &c) && c == 0xffaa00);
	assert_false(colour_parse("5fafff", &c));
	assert_false(colour_parse("#5fafgg", &c));
	assert_false(colour_parse("#5fafff0", &c));
	assert_int_equal(colour_to_256(0xff0000), 196);
	assert_int_equal(colour_to_256(0x8a8a8a), 245);
	assert_int_equal(colour_to_16(0xff5f5f), 9);
	assert_int_equal(colour_to_16(0xffaf00), 11);
	assert_int_equal(colour_to_16(0x2f5f8f), 6 - 2);
	assert_int_equal(colour_to_16(0x6c6c6c), 8);
	assert_int_equal(colour_mix(0x000000, 0xffffff, 0.5), 0x808080);
	assert_int_equal(colour_index_by_name("bright-red"), 9);
	assert_int_equal(colour_index_by_name("mauve"), -1);
}

static void expect_error(const char *yaml, const char *part)
{
	struct theme t;
	struct err e = {.code = ERR_NONE};
	assert_false(theme_parse("t.yaml", yaml, strlen(yaml), &t, &e));
	assert_int_equal(e.code, ERR_USAGE);
	if (strstr(e.text, part) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", part, e.text);
}

static void test_mistakes_name_their_place(void **state)
{
	(void)state;
	expect_error("styles:\n  wran: {fg: \"#fff\"}\n", "t.yaml:2:3: there is no style \"wran\"");
	expect_error("styles:\n  warn: {fg: red}\n", "t.yaml:2:14: a colour like");
	expect_error("styles:\n  warn: {fg16: mauve}\n", "t.yaml:2:16: one of the 16");
	expect_error("styles:\n  warn: {bg256: 256}\n", "0 to 255");
	expect_error("styles:\n  warn: {attrs: [fat]}\n", "bold, dim");
	expect_error("styles:\n  warn: {foreground: 1}\n", "t.yaml:2:10:");
	expect_error("plot: [\"#fff\"]\n", "two to eight");
	expect_error("bar: [\"#fff\", default]\n", "a gradient needs colours");
	expect_error("picture: {fg: \"#fff\"}\n", "no terminal behind it");
	expect_error("styles: [a]\n", "a map of styles");
}

static void test_a_bad_name_gives_the_default(void **state)
{
	(void)state;
	struct theme t;
	struct err e = {.code = ERR_NONE};
	assert_false(theme_load("lihgt", &t, &e));
	assert_non_null(strstr(e.text, "did you mean \"light\""));
	assert_string_equal(t.name, "dark");
	assert_false(theme_load("/nowhere/at/all.yaml", &t, &e));
	assert_non_null(strstr(e.text, "/nowhere/at/all.yaml"));
	assert_string_equal(t.name, "dark");
}

static void test_gradients(void **state)
{
	(void)state;
	struct theme t;
	static const char yaml[] = "plot: [\"#000000\", \"#707070\"]\n";
	assert_true(theme_parse("t.yaml", yaml, sizeof(yaml) - 1, &t, NULL));
	for (int i = 0; i < STYLE_GRADIENT_STEPS; i++)
		assert_int_equal(t.look[STYLE_PLOT_0 + i].fg, 0x101010 * i);
	assert_int_equal(style_gradient(STYLE_PLOT_0, 0), STYLE_PLOT_0);
	assert_int_equal(style_gradient(STYLE_PLOT_0, 1), STYLE_PLOT_7);
	assert_int_equal(style_gradient(STYLE_PLOT_0, 9), STYLE_PLOT_7);
	assert_int_equal(style_gradient(STYLE_PLOT_0, -1), STYLE_PLOT_0);
	assert_int_equal(style_parse("bar-7"), STYLE_BAR_7);
	assert_int_equal(style_parse("nope"), STYLE_COUNT);
}

static void test_a_picture_escapes_its_text(void **state)
{
	(void)state;
	struct theme t;
	struct surface *s = surface_new(30, 4, false);
	struct buf out;
	buf_init(&out, 1 << 20);
	assert_true(theme_load("dark", &t, NULL));
	surface_text(s, 0, 0, 30, STYLE_CRIT, "</text><script>\"&");
	surface_box(s, (struct rect){2, 1, 20, 3}, STYLE_BORDER, "日本");
	surface_bar(s, 22, 2, 8, 0.7);
	surface_select(s, (struct rect){0, 2, 30, 1});
	surface_to_svg(s, &t, "a <b>", &out);
	assert_false(out.overflow);
	assert_null(strstr(buf_str(&out), "<script"));
	assert_non_null(strstr(buf_str(&out), "&lt;/text&gt;&lt;script&gt;&quot;&amp;"));
	assert_non_null(strstr(buf_str(&out), "<title>a &lt;b&gt;</title>"));
	assert_non_null(strstr(buf_str(&out), "fill=\"#303a46\""));
	buf_free(&out);
	surface_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_builtin_themes_are_whole),
	        cmocka_unit_test(test_depths),
	        cmocka_unit_test(test_colours_map_down),
	        cmocka_unit_test(test_mistakes_name_their_place),
	        cmocka_unit_test(test_a_bad_name_gives_the_default),
	        cmocka_unit_test(test_gradients),
	        cmocka_unit_test(test_a_picture_escapes_its_text),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
