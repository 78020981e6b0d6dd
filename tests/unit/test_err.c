/* An error's sentence must stay one readable line, whatever went into it: it ends in a table cell and in
 * JSON. */
#include "tests/support/test.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/err.h"

static void test_set_fills_everything(void **state)
{
	(void)state;
	struct err e = {.native = 7, .sqlstate = "42501"};
	assert_false(err_set(&e, ERR_DENIED, "cannot read %s", "pg_authid"));
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(e.native, 0);
	assert_string_equal(e.sqlstate, "");
	assert_string_equal(e.text, "cannot read pg_authid");
}

static void test_null_is_allowed(void **state)
{
	(void)state;
	assert_false(err_set(NULL, ERR_IO, "x"));
	assert_false(err_set_errno(NULL, EIO, "x"));
	assert_false(err_wrap(NULL, "x"));
	err_clear(NULL);
}

static void test_wrap_prefixes_and_keeps_the_code(void **state)
{
	(void)state;
	struct err e = {.code = ERR_SERVER, .native = 1045, .sqlstate = "28000", .text = "access denied"};
	assert_false(err_wrap(&e, "connect to %s", "db1"));
	assert_false(err_wrap(&e, "probe"));
	assert_string_equal(e.text, "probe: connect to db1: access denied");
	assert_int_equal(e.code, ERR_SERVER);
	assert_int_equal(e.native, 1045);
	assert_string_equal(e.sqlstate, "28000");
}

static void test_errno_is_told(void **state)
{
	(void)state;
	struct err e;
	assert_false(err_set_errno(&e, ENOENT, "open %s", "a.yaml"));
	assert_string_equal(e.text, "open a.yaml: No such file or directory");
	assert_int_equal(e.code, ERR_IO);
	assert_int_equal(e.native, ENOENT);
}

static void test_the_text_is_one_line(void **state)
{
	(void)state;
	struct err e;
	err_set(&e, ERR_SERVER, "%s", "ERROR:  x\nDETAIL:\t y\r\n\n");
	assert_string_equal(e.text, "ERROR: x DETAIL: y");
	err_set(&e, ERR_SERVER, "a\033[2Jb\xe9");
	assert_string_equal(e.text, "a\xef\xbf\xbd[2Jb\xef\xbf\xbd");
	err_wrap(&e, "fetch\n");
	assert_string_equal(e.text, "fetch : a\xef\xbf\xbd[2Jb\xef\xbf\xbd");
	/* What is clean stays as it is, whatever the locale. */
	err_set(&e, ERR_SERVER, "d\u00e9j\u00e0 \u65e5");
	assert_string_equal(e.text, "d\u00e9j\u00e0 \u65e5");
}

static void test_the_arguments_may_be_the_error_itself(void **state)
{
	(void)state;
	struct err e;
	err_set(&e, ERR_IO, "inner");
	err_set(&e, ERR_LOST, "outer (%s)", e.text);
	assert_string_equal(e.text, "outer (inner)");
	err_wrap(&e, "[%s]", e.text);
	assert_string_equal(e.text, "[outer (inner)]: outer (inner)");
}

static void test_a_cut_keeps_characters_whole(void **state)
{
	(void)state;
	struct err e;
	char longer[2000];
	/* Three-byte characters behind 0, 1 and 2 letters: the cut falls on each of their bytes. */
	for (size_t shift = 0; shift < 3; shift++) {
		memset(longer, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(longer); i += 3)
			memcpy(longer + i, "\xe2\x82\xac", 4);
		err_set(&e, ERR_SERVER, "%s", longer);
		size_t n = strlen(e.text);
		assert_true(n >= ERR_TEXT_MAX - 4 && n < ERR_TEXT_MAX);
		assert_int_equal((n - shift) % 3, 0);
		err_wrap(&e, "w");
		assert_int_equal((strlen(e.text) - shift - 3) % 3, 0);
	}
}

static void test_every_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_CODE_COUNT; i++) {
		assert_non_null(err_code_name((enum err_code)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
			        err_code_name((enum err_code)i), err_code_name((enum err_code)j));
	}
	assert_string_equal(err_code_name(ERR_TIMEOUT), "timeout");
	assert_string_equal(err_code_name((enum err_code)ERR_CODE_COUNT), "unknown");
}

static void test_clear(void **state)
{
	(void)state;
	struct err e;
	err_set_errno(&e, EIO, "x");
	err_clear(&e);
	assert_int_equal(e.code, ERR_NONE);
	assert_int_equal(e.native, 0);
	assert_string_equal(e.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_set_fills_everything),
	        cmocka_unit_test(test_null_is_allowed),
	        cmocka_unit_test(test_wrap_prefixes_and_keeps_the_code),
	        cmocka_unit_test(test_errno_is_told),
	        cmocka_unit_test(test_the_text_is_one_line),
	        cmocka_unit_test(test_the_arguments_may_be_the_error_itself),
	        cmocka_unit_test(test_a_cut_keeps_characters_whole),
	        cmocka_unit_test(test_every_code_has_a_name_of_its_own),
	        cmocka_unit_test(test_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
