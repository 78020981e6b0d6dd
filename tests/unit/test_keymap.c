/* Keys by name, the command table's own rules, and what a config may bind. */
#include "tests/support/test.h"

#include <locale.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/config.h"
#include "tui/command.h"

static void test_key_names_read_back(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "K", "!", "/", "?", "[", "ctrl-l", "ctrl-a", "f1", "f12",
	        "space", "up", "down", "left", "right", "pgup", "pgdn", "home", "end", "enter", "esc", "tab",
	        "backtab", "backspace", "delete", "insert", "é"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char out[16];
		int key = 0;
		if (!key_parse(names[i], &key))
			fail_msg("%s is a key", names[i]);
		assert_string_equal(key_text(key, out), names[i]);
	}
	static const char *const wrong[] = {
	        "", "ab", "ctrl-", "ctrl-1", "f0", "f13", "f1x", "page-up", "\x1b", " "};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int key = 0;
		if (key_parse(wrong[i], &key))
			fail_msg("\"%s\" is no key", wrong[i]);
	}
}

static void test_the_table_keeps_its_rules(void **state)
{
	(void)state;
	struct keymap *m = keymap_new(NULL, NULL);
	assert_non_null(m);
	for (int c = 0; c < CMD_COUNT; c++) {
		const struct command_info *info = command_info((enum command)c);
		assert_int_equal(command_by_name(info->name), c);
		assert_true(strlen(info->help) > 0 && strlen(info->help) <= 60);
		const char *at = info->keys;
		while (*at != '\0') {
			char word[16] = "";
			size_t n = strcspn(at, " ");
			int key = 0;
			assert_true(n < sizeof(word));
			memcpy(word, at, n);
			if (!key_parse(word, &key))
				fail_msg("%s: no key %s", info->name, word);
			/* A later command that takes the same key would leave this one without it. */
			assert_int_equal(keymap_find(m, key), c);
			if ((info->flags & CMD_MUTATES) != 0)
				assert_false(islower((unsigned char)word[0]) && n == 1);
			at += n + strspn(at + n, " ");
		}
	}
	keymap_free(m);
}

static void test_did_you_mean(void **state)
{
	(void)state;
	assert_int_equal(command_by_name("sorrt"), CMD_COUNT);
	assert_string_equal(command_did_you_mean("sorrt"), "sort");
	assert_string_equal(command_did_you_mean("termnate"), "terminate");
	assert_null(command_did_you_mean("xyzzyxyzzy"));
}

static struct keymap *bind(const char *key, const char *command, struct err *e)
{
	struct key_binding b = {.key = strdup(key), .command = strdup(command), .line = 7, .column = 3};
	char file[] = "c.yaml";
	struct config cfg = {.keys = &b, .nkeys = 1, .file = file};
	struct keymap *m = keymap_new(&cfg, e);
	free(b.key);
	free(b.command);
	return m;
}

static void expect_refused(const char *key, const char *command, const char *part)
{
	struct err e = {.code = ERR_NONE};
	struct keymap *m = bind(key, command, &e);
	assert_null(m);
	assert_int_equal(e.code, ERR_USAGE);
	if (strstr(e.text, part) == NULL || strstr(e.text, "c.yaml:7:3:") == NULL)
		fail_msg("expected \"%s\" in \"%s\"", part, e.text);
}

static void test_config_binds(void **state)
{
	(void)state;
	struct err e = {.code = ERR_NONE};
	char out[16];
	struct keymap *m = bind("f5", "refresh", &e);
	assert_non_null(m);
	assert_int_equal(keymap_find(m, KEYCODE_F5), CMD_REFRESH);
	assert_string_equal(keymap_key(m, CMD_REFRESH, out), "ctrl-l");
	keymap_free(m);
	m = bind("ctrl-l", "none", &e);
	assert_non_null(m);
	assert_int_equal(keymap_find(m, 'l' & 0x1f), CMD_COUNT);
	assert_string_equal(keymap_key(m, CMD_REFRESH, out), "");
	keymap_free(m);
	expect_refused("page", "refresh", "no key \"page\"");
	expect_refused("f5", "refersh", "did you mean \"refresh\"");
	expect_refused("x", "terminate", "lower-case");
	expect_refused("esc", "quit", "cannot be bound");
	expect_refused("ctrl-c", "quit", "cannot be bound");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_key_names_read_back),
	        cmocka_unit_test(test_the_table_keeps_its_rules),
	        cmocka_unit_test(test_did_you_mean),
	        cmocka_unit_test(test_config_binds),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
