/* Typing a line: editing by characters, history, completion, and what a paste may do. Then pages and the
 * frame's places at every size. */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tui/frame.h"
#include "tui/page.h"
#include "tui/prompt.h"

static const char *const words[] = {"theme", "terminate", "top", "sort"};

static enum prompt_answer key(struct prompt *p, int k)
{
	struct input_event ev = {.key = k};
	return prompt_key(p, &ev, words, 4);
}

static void type(struct prompt *p, const char *text)
{
	for (; *text != '\0'; text++)
		key(p, (unsigned char)*text);
}

static void test_editing(void **state)
{
	(void)state;
	static struct prompt p;
	prompt_open(&p, PROMPT_COMMAND, "");
	type(&p, "sort age");
	key(&p, KEYCODE_HOME);
	key(&p, KEYCODE_DELETE);
	assert_string_equal(p.text, "ort age");
	key(&p, 0xe9);
	assert_string_equal(p.text, "éort age");
	key(&p, KEYCODE_LEFT);
	key(&p, KEYCODE_RIGHT);
	key(&p, KEYCODE_BACKSPACE);
	assert_string_equal(p.text, "ort age");
	key(&p, KEYCODE_END);
	key(&p, 'w' & 0x1f);
	assert_string_equal(p.text, "ort ");
	key(&p, 'u' & 0x1f);
	assert_string_equal(p.text, "");
	assert_int_equal(key(&p, KEYCODE_BACKSPACE), PROMPT_LEFT);
	/* Controls and what reorders a line are not text. */
	assert_int_equal(key(&p, 0x202e), PROMPT_SAME);
	assert_int_equal(key(&p, 2), PROMPT_SAME);
	assert_int_equal(p.n, 0);
}

static void test_it_never_overflows(void **state)
{
	(void)state;
	static struct prompt p;
	prompt_open(&p, PROMPT_FILTER, "");
	for (int i = 0; i < 2 * PROMPT_MAX; i++)
		key(&p, i % 2 == 0 ? 0x65e5 : 'x');
	assert_true(p.n < PROMPT_MAX);
	assert_int_equal(strlen(p.text), p.n);
	struct surface *s = surface_new(20, 1, false);
	prompt_draw(&p, s, 0);
	key(&p, KEYCODE_HOME);
	prompt_draw(&p, s, 0);
	surface_free(s);
}

static void test_history(void **state)
{
	(void)state;
	static struct prompt p;
	static const char *const lines[] = {"one", "two", "two", "three"};
	for (size_t i = 0; i < 4; i++) {
		prompt_open(&p, PROMPT_COMMAND, "");
		type(&p, lines[i]);
		assert_int_equal(key(&p, KEYCODE_ENTER), PROMPT_ENTERED);
	}
	assert_int_equal(p.nhistory, 3);
	prompt_open(&p, PROMPT_COMMAND, "");
	type(&p, "ne");
	key(&p, KEYCODE_UP);
	assert_string_equal(p.text, "three");
	key(&p, KEYCODE_UP);
	key(&p, KEYCODE_UP);
	assert_string_equal(p.text, "one");
	assert_int_equal(key(&p, KEYCODE_UP), PROMPT_SAME);
	for (int i = 0; i < 3; i++)
		key(&p, KEYCODE_DOWN);
	assert_string_equal(p.text, "ne");
	for (int i = 0; i < 2 * PROMPT_HISTORY; i++) {
		char line[16];
		snprintf(line, sizeof(line), "n%d", i);
		prompt_open(&p, PROMPT_COMMAND, line);
		key(&p, KEYCODE_ENTER);
	}
	assert_int_equal(p.nhistory, PROMPT_HISTORY);
}

static void test_completion(void **state)
{
	(void)state;
	static struct prompt p;
	prompt_open(&p, PROMPT_COMMAND, "");
	type(&p, "t");
	assert_int_equal(key(&p, KEYCODE_TAB), PROMPT_CHANGED);
	assert_string_equal(p.text, "theme");
	key(&p, KEYCODE_TAB);
	assert_string_equal(p.text, "terminate");
	key(&p, KEYCODE_TAB);
	key(&p, KEYCODE_TAB);
	assert_string_equal(p.text, "theme");
	type(&p, " so");
	key(&p, KEYCODE_TAB);
	assert_string_equal(p.text, "theme sort");
	prompt_open(&p, PROMPT_FILTER, "!so");
	key(&p, KEYCODE_TAB);
	assert_string_equal(p.text, "!sort:");
	prompt_open(&p, PROMPT_COMMAND, "zzz");
	assert_int_equal(key(&p, KEYCODE_TAB), PROMPT_SAME);
}

static void test_a_paste_is_only_text(void **state)
{
	(void)state;
	static struct prompt p;
	struct input_event ev = {.key = KEYCODE_ENTER, .pasted = true};
	prompt_open(&p, PROMPT_COMMAND, "");
	type(&p, "q");
	assert_int_equal(prompt_key(&p, &ev, words, 4), PROMPT_CHANGED);
	assert_string_equal(p.text, "q ");
}

static void test_pages_wrap(void **state)
{
	(void)state;
	struct page p = {.n = 0};
	struct buf out;
	page_add(&p, STYLE_TEXT, "%s", "one two three");
	page_pair(&p, STYLE_KEY, "k", STYLE_TEXT, "four five");
	page_add(&p, STYLE_TEXT, "%s", "");
	page_add(&p, STYLE_TEXT, "%s", "unbreakable");
	assert_int_equal(page_height(&p, 8), 7);
	struct surface *s = surface_new(8, 7, false);
	page_draw(&p, s, (struct rect){0, 0, 8, 7}, 0);
	buf_init(&out, 4096);
	surface_to_text(s, &out);
	assert_string_equal(buf_str(&out), "one two\nthree\nk  four\n   five\n\nunbreaka\nble\n");
	surface_clear(s);
	buf_reset(&out);
	page_draw(&p, s, (struct rect){0, 0, 8, 2}, 3);
	surface_to_text(s, &out);
	assert_string_equal(buf_str(&out), "   five\n\n\n\n\n\n\n");
	for (int w = 0; w < 30; w++) {
		for (int h = 0; h < 8; h++) {
			int top = 99;
			page_box(&p, s, (struct rect){0, 0, w, h}, 12, STYLE_BORDER, "title", "hint", &top);
			assert_true(top >= 0 && top <= page_height(&p, 12) + 64);
		}
	}
	surface_free(s);
	buf_free(&out);
	page_clear(&p);
}

static void test_the_frame_has_its_places(void **state)
{
	(void)state;
	for (int w = 1; w < 210; w++) {
		for (int h = 1; h < 70; h++) {
			struct frame_layout l;
			frame_layout(w, h, 120, &l);
			int lines = (l.head >= 0) + (l.tabs >= 0) + (l.rule_top >= 0) + (l.rule_bottom >= 0) +
			            (l.foot >= 0) + (l.finding >= 0 ? l.finding_lines : 0);
			assert_int_equal(lines + l.body.h, h);
			assert_true(l.body.y + l.body.h <= h);
			assert_true(l.finding >= 0 && l.finding + l.finding_lines <= h);
		}
	}
	struct frame_layout l;
	frame_layout(80, 24, 60, &l);
	assert_true(l.compact && l.body.h == 20);
	frame_layout(200, 60, 60, &l);
	assert_true(!l.compact && l.body.h == 54);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_editing),
	        cmocka_unit_test(test_it_never_overflows),
	        cmocka_unit_test(test_history),
	        cmocka_unit_test(test_completion),
	        cmocka_unit_test(test_a_paste_is_only_text),
	        cmocka_unit_test(test_pages_wrap),
	        cmocka_unit_test(test_the_frame_has_its_places),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
