/* The arena: aligned, zeroed, never overlapping, and everything goes at once (the address sanitizer looks
 * on). */
#include "tests/support/test.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/mem.h"

static void test_blocks_are_aligned_and_zeroed(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	for (size_t n = 0; n < 3000; n += 7) {
		char *text = arena_strndup(a, "xyz", n % 3);
		assert_int_equal(strlen(text), n % 3);
		unsigned char *p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xAA, n);
	}
	arena_free(a);
}

static void test_blocks_do_not_overlap(void **state)
{
	(void)state;
	enum { COUNT = 2000 };
	static unsigned char *block[COUNT];
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT; i++) {
		size_t size = i % 97 == 0 ? 9000 : i % 61 + 1;
		block[i] = arena_alloc(a, size);
		memset(block[i], (int)(i & 0xFF), size);
	}
	for (size_t i = 0; i < COUNT; i++) {
		size_t size = i % 97 == 0 ? 9000 : i % 61 + 1;
		for (size_t j = 0; j < size; j++)
			assert_int_equal(block[i][j], i & 0xFF);
	}
	arena_free(a);
}

static void test_large_blocks(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	size_t before = arena_bytes(a);
	unsigned char *p = arena_alloc(a, 3u << 20);
	p[0] = p[(3u << 20) - 1] = 1;
	assert_true(arena_bytes(a) >= before + (3u << 20));
	/* The first chunk still has room: a large block does not waste it. */
	size_t after = arena_bytes(a);
	arena_alloc(a, 100);
	assert_int_equal(arena_bytes(a), after);
	arena_free(a);
}

static void test_resize(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	/* Doubled from small to large: contents stay, new bytes are zero, neighbours are left alone. */
	size_t size = 64;
	unsigned char *p = arena_resize(a, NULL, 0, size);
	for (; size < (1u << 20); size *= 2) {
		memset(p, 0x5a, size);
		char *neighbour = arena_strdup(a, "neighbour");
		p = arena_resize(a, p, size, size * 2);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0x5a);
		for (size_t i = size; i < size * 2; i++)
			assert_int_equal(p[i], 0);
		assert_string_equal(neighbour, "neighbour");
	}
	/* What was outgrown is not kept, and shrinking gives back. */
	assert_true(arena_bytes(a) < size + (size >> 2));
	p = arena_resize(a, p, size, 100000);
	assert_int_equal(p[99999], 0x5a);
	assert_int_equal(p[0], 0x5a);
	assert_true(arena_bytes(a) < 200000);
	arena_free(a);
}

static void test_strings(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_string_equal(arena_strdup(a, ""), "");
	assert_string_equal(arena_strdup(a, "checkout"), "checkout");
	char *with_nul = arena_strndup(a, "a\0b", 3);
	assert_memory_equal(with_nul, "a\0b", 4);
	assert_string_equal(arena_strndup(a, NULL, 0), "");
	assert_string_equal(arena_printf(a, "%s-%d", "pg", 15), "pg-15");
	arena_free(a);
}

static void test_printf_across_chunks(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char *kept[500];
	for (int i = 0; i < 500; i++)
		kept[i] = arena_printf(a, "%0*d", i, 7);
	for (int i = 1; i < 500; i++) {
		assert_int_equal(strlen(kept[i]), i);
		assert_int_equal(kept[i][i - 1], '7');
	}
	char *large = arena_printf(a, "%0*d", 500000, 1);
	assert_int_equal(strlen(large), 500000);
	arena_free(a);
}

static void test_bytes_are_counted(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	size_t payload = 0;
	for (int i = 0; i < 10000; i++) {
		arena_alloc(a, 160);
		payload += 160;
	}
	assert_true(arena_bytes(a) >= payload);
	assert_true(arena_bytes(a) < payload + payload / 2);
	arena_free(a);
	arena_free(NULL);
}

static void test_allocation_never_answers_null(void **state)
{
	(void)state;
	void *p = xmalloc(0);
	assert_non_null(p);
	p = xrealloc(p, 0);
	assert_non_null(p);
	free(p);
	p = xcalloc(0, 8);
	assert_non_null(p);
	p = xreallocarray(p, 4, 8);
	memset(p, 1, 32);
	free(p);
	char *s = xasprintf("%s:%d", "db1", 5432);
	assert_string_equal(s, "db1:5432");
	free(s);
	s = xstrndup("secret", 3);
	assert_string_equal(s, "sec");
	free_secret(s);
	free_secret(NULL);
	free_secret(xstrdup(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_blocks_are_aligned_and_zeroed),
	        cmocka_unit_test(test_blocks_do_not_overlap),
	        cmocka_unit_test(test_large_blocks),
	        cmocka_unit_test(test_resize),
	        cmocka_unit_test(test_strings),
	        cmocka_unit_test(test_printf_across_chunks),
	        cmocka_unit_test(test_bytes_are_counted),
	        cmocka_unit_test(test_allocation_never_answers_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
