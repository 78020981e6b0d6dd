/* Keys as terminals send them, whole and cut at every byte; pastes, mouse, rubbish. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tui/input.h"

struct sample {
	const char *bytes;
	int key[4];
};

static const struct sample samples[] = {
        {"j", {'j'}},
        {"K", {'K'}},
        {"\x0c", {12}},
        {"\r", {KEYCODE_ENTER}},
        {"\n", {KEYCODE_ENTER}},
        {"\t", {KEYCODE_TAB}},
        {"\x7f", {KEYCODE_BACKSPACE}},
        {"\x08", {KEYCODE_BACKSPACE}},
        {"\x03", {3}},
        {"\xc3\xa9", {0xe9}},
        {"\xe6\x97\xa5", {0x65e5}},
        {"\xf0\x9f\x98\x80", {0x1f600}},
        {"\033[A", {KEYCODE_UP}},
        {"\033OA", {KEYCODE_UP}},
        {"\033[1;5C", {KEYCODE_RIGHT}},
        {"\033[5~", {KEYCODE_PGUP}},
        {"\033[6~", {KEYCODE_PGDN}},
        {"\033[1~", {KEYCODE_HOME}},
        {"\033[7~", {KEYCODE_HOME}},
        {"\033[H", {KEYCODE_HOME}},
        {"\033OF", {KEYCODE_END}},
        {"\033[3~", {KEYCODE_DELETE}},
        {"\033[Z", {KEYCODE_BACKTAB}},
        {"\033OP", {KEYCODE_F1}},
        {"\033[[A", {KEYCODE_F1}},
        {"\033[11~", {KEYCODE_F1}},
        {"\033[24~", {KEYCODE_F12}},
        {"\033OM", {KEYCODE_ENTER}},
        {"\033Op", {'0'}},
        {"\033j", {KEYCODE_ESC, 'j'}},
        {"\033\033[A", {KEYCODE_ESC, KEYCODE_UP}},
        {"jk\033[Bx", {'j', 'k', KEYCODE_DOWN, 'x'}},
        {"\033]11;rgb:0000/0000/0000\007j", {'j'}},
        {"\033]11;rgb:0000/0000/0000\033\\j", {'j'}},
        {"\033[?1;2cj", {'j'}},
        {"\033[Ij", {'j'}},
        {"\xff\xfe j", {' ', 'j'}},
        {"\xe6j", {'j'}},
        {"\xed\xa0\x80j", {'j'}},
        {"\033[99999999999999~j", {'j'}},
};

/* Feeds the bytes in two parts and takes what comes; then lets time pass for what is left. */
static int take_all(const char *bytes, size_t n, size_t cut, int key[8])
{
	struct input in = {.n = 0};
	struct input_event ev;
	int count = 0;
	mono_ns now = NS_PER_S;
	input_feed(&in, bytes, cut, now);
	while (count < 8 && input_next(&in, now, &ev))
		key[count++] = ev.key;
	now += NS_PER_MS;
	input_feed(&in, bytes + cut, n - cut, now);
	while (count < 8 && input_next(&in, now, &ev))
		key[count++] = ev.key;
	now += NS_PER_S;
	while (count < 8 && input_next(&in, now, &ev))
		key[count++] = ev.key;
	assert_int_equal(in.n, 0);
	assert_int_equal(input_wait_ms(&in, now), -1);
	return count;
}

static void test_keys_whole_and_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		size_t n = strlen(s->bytes);
		int want = 0;
		while (want < 4 && s->key[want] != 0)
			want++;
		for (size_t cut = 0; cut <= n; cut++) {
			int key[8] = {0};
			int got = take_all(s->bytes, n, cut, key);
			bool same = got == want;
			for (int k = 0; same && k < want; k++)
				same = key[k] == s->key[k];
			if (!same)
				fail_msg("sample %zu cut at %zu: %d keys, first 0x%x", i, cut, got, key[0]);
		}
	}
}

static void test_a_lone_escape_needs_25_ms(void **state)
{
	(void)state;
	struct input in = {.n = 0};
	struct input_event ev;
	mono_ns now = NS_PER_S;
	input_feed(&in, "\033", 1, now);
	assert_false(input_next(&in, now, &ev));
	assert_int_equal(input_wait_ms(&in, now), INPUT_ESC_MS);
	now += INPUT_ESC_MS * NS_PER_MS;
	assert_int_equal(input_wait_ms(&in, now), 0);
	assert_true(input_next(&in, now, &ev));
	assert_int_equal(ev.key, KEYCODE_ESC);
}

static void test_pasted_text_is_told_from_typed(void **state)
{
	(void)state;
	struct input in = {.n = 0};
	struct input_event ev;
	static const char text[] = "\033[200~Ky\r\033[201~q";
	input_feed(&in, text, sizeof(text) - 1, NS_PER_S);
	assert_true(input_next(&in, NS_PER_S, &ev) && ev.key == KEYCODE_PASTE_BEGIN);
	assert_true(input_next(&in, NS_PER_S, &ev) && ev.key == 'K' && ev.pasted);
	assert_true(input_next(&in, NS_PER_S, &ev) && ev.key == 'y' && ev.pasted);
	assert_true(input_next(&in, NS_PER_S, &ev) && ev.key == KEYCODE_ENTER && ev.pasted);
	assert_true(input_next(&in, NS_PER_S, &ev) && ev.key == KEYCODE_PASTE_END);
	assert_true(input_next(&in, NS_PER_S, &ev) && ev.key == 'q' && !ev.pasted);
}

static void test_mouse(void **state)
{
	(void)state;
	struct input in = {.n = 0};
	struct input_event ev;
	mono_ns now = NS_PER_S;
	static const char text[] =
	        "\033[<0;11;6M\033[<0;11;6m\033[<64;1;1M\033[<65;1;1M\033[<32;5;5M\033[<2;5;5M";
	input_feed(&in, text, sizeof(text) - 1, now);
	assert_true(input_next(&in, now, &ev));
	assert_int_equal(ev.key, KEYCODE_MOUSE);
	assert_true(ev.x == 10 && ev.y == 5 && ev.wheel == 0 && !ev.twice);
	assert_true(input_next(&in, now, &ev) && ev.wheel == -1);
	assert_true(input_next(&in, now, &ev) && ev.wheel == 1);
	assert_false(input_next(&in, now, &ev));
	now += 200 * NS_PER_MS;
	input_feed(&in, "\033[<0;11;6M", 10, now);
	assert_true(input_next(&in, now, &ev) && ev.twice);
	now += 200 * NS_PER_MS;
	input_feed(&in, "\033[<0;11;6M", 10, now);
	assert_true(input_next(&in, now, &ev) && !ev.twice);
	input_feed(&in, "\033[M\x20\x2b\x26", 6, now);
	assert_true(input_next(&in, now, &ev) && ev.x == 10 && ev.y == 5);
}

static void test_a_string_without_end_is_swallowed(void **state)
{
	(void)state;
	struct input in = {.n = 0};
	struct input_event ev;
	char rubbish[INPUT_BUFFER];
	memset(rubbish, 'K', sizeof(rubbish));
	rubbish[0] = '\033';
	rubbish[1] = ']';
	assert_int_equal(input_feed(&in, rubbish, sizeof(rubbish), NS_PER_S), sizeof(rubbish));
	assert_int_equal(input_feed(&in, "x", 1, NS_PER_S), 0);
	assert_false(input_next(&in, NS_PER_S, &ev));
	input_feed(&in, "KKKK\007q", 6, NS_PER_S);
	assert_true(input_next(&in, NS_PER_S, &ev));
	assert_int_equal(ev.key, 'q');
	assert_false(input_next(&in, NS_PER_S, &ev));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_keys_whole_and_cut),
	        cmocka_unit_test(test_a_lone_escape_needs_25_ms),
	        cmocka_unit_test(test_pasted_text_is_told_from_typed),
	        cmocka_unit_test(test_mouse),
	        cmocka_unit_test(test_a_string_without_end_is_swallowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
