/* The buffer never passes its limit, never lacks its NUL, and says when something was dropped. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

static void test_empty(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 10);
	assert_string_equal(buf_str(&b), "");
	char *s = buf_steal(&b);
	assert_string_equal(s, "");
	free(s);
	buf_reset(&b);
	buf_put(&b, NULL, 0);
	assert_string_equal(buf_str(&b), "");
	buf_free(&b);
	buf_free(&b);
}

static void test_appending(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_puts(&b, "SELECT");
	buf_putc(&b, ' ');
	buf_printf(&b, "%d", 42);
	buf_put(&b, "\0x", 2);
	assert_int_equal(b.len, 11);
	assert_memory_equal(buf_str(&b), "SELECT 42\0x", 12);
	assert_false(b.overflow);
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void test_growth(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_putc(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_printf(&b, "%0*d", 5000, 9);
	assert_int_equal(b.len, 105000);
	assert_int_equal(b.data[104999], '9');
	assert_int_equal(b.data[105000], 0);
	buf_free(&b);
}

static void test_the_limit(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 8);
	buf_puts(&b, "12345678");
	assert_false(b.overflow);
	buf_puts(&b, "");
	assert_false(b.overflow);
	buf_putc(&b, '9');
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "12345678");
	buf_reset(&b);
	assert_false(b.overflow);
	buf_puts(&b, "abc");
	buf_puts(&b, "defghijk");
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "abcdefgh");
	assert_true(b.cap <= 9);
	buf_free(&b);
}

static void test_printf_at_the_limit(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 8);
	buf_printf(&b, "%s", "12345678");
	assert_false(b.overflow);
	assert_string_equal(buf_str(&b), "12345678");
	buf_printf(&b, "%s", "");
	assert_false(b.overflow);
	buf_printf(&b, "%d", 9);
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "12345678");
	buf_reset(&b);
	buf_printf(&b, "%s", "abcdefghijklmnopqrstuvwxyz");
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "abcdefgh");
	buf_free(&b);
	buf_init(&b, 0);
	buf_printf(&b, "x");
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "");
	buf_free(&b);
}

static void test_steal(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 4);
	buf_puts(&b, "keeps");
	char *s = buf_steal(&b);
	assert_string_equal(s, "keep");
	assert_string_equal(buf_str(&b), "");
	assert_false(b.overflow);
	buf_puts(&b, "more");
	assert_string_equal(buf_str(&b), "more");
	free(s);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_empty),
	        cmocka_unit_test(test_appending),
	        cmocka_unit_test(test_growth),
	        cmocka_unit_test(test_the_limit),
	        cmocka_unit_test(test_printf_at_the_limit),
	        cmocka_unit_test(test_steal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
