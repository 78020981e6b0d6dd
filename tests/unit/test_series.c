/* The ring keeps five minutes, columns of a sparkline do not crawl, unknown stays unknown. */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>

#include "core/model/series.h"

static const mono_ns start = 7 * NS_PER_S;

static void test_unknown_without_points(void **state)
{
	(void)state;
	static struct series s;
	float out[4];
	double slope = -1;
	series_columns(&s, start, 60, out, 4);
	for (int i = 0; i < 4; i++)
		assert_true(isnan(out[i]));
	assert_false(series_slope(&s, start, 60, &slope));
}

static void test_columns_are_means(void **state)
{
	(void)state;
	static struct series s;
	float out[3];
	for (int i = 0; i < 6; i++)
		series_add(&s, start + i * NS_PER_S, i == 3 ? NAN : i);
	/* Columns of two seconds: 0 1 | 2 ? | 4 5 */
	series_columns(&s, start + 5 * NS_PER_S, 6, out, 3);
	assert_float_equal(out[0], 0.5f, 0.001);
	assert_float_equal(out[1], 2, 0.001);
	assert_float_equal(out[2], 4.5f, 0.001);

	/* Four seconds of silence are two empty columns. */
	series_columns(&s, start + 9 * NS_PER_S, 6, out, 3);
	assert_float_equal(out[0], 4.5f, 0.001);
	assert_true(isnan(out[1]) && isnan(out[2]));
}

static void test_finished_columns_stand_still(void **state)
{
	(void)state;
	static struct series s;
	float a[8];
	float b[8];
	for (int i = 0; i < 100; i++)
		series_add(&s, start + i * NS_PER_S, i * i % 17);
	series_columns(&s, start + 96 * NS_PER_S, 32, a, 8);
	for (int ms = 0; ms < 3900; ms += 100) {
		series_columns(&s, start + 96 * NS_PER_S + ms * NS_PER_MS, 32, b, 8);
		for (int i = 0; i < 7; i++)
			assert_float_equal(a[i], b[i], 0.0001);
	}
}

static void test_the_ring_keeps_the_last(void **state)
{
	(void)state;
	static struct series s;
	float out[310];
	for (int i = 0; i < 1000; i++)
		series_add(&s, start + i * NS_PER_S, i);
	assert_int_equal(s.count, SERIES_POINTS);
	series_columns(&s, start + 999 * NS_PER_S, 310, out, 310);
	assert_float_equal(out[309], 999, 0.001);
	assert_float_equal(out[10], 700, 0.001);
	assert_true(isnan(out[9]));

	/* A kick between two ticks does not push the ring on. */
	series_add(&s, start + 999 * NS_PER_S + 100 * NS_PER_MS, 5);
	series_columns(&s, start + 999 * NS_PER_S + 100 * NS_PER_MS, 310, out, 310);
	assert_float_equal(out[309], 5, 0.001);
	assert_float_equal(out[308], 998, 0.001);
}

static void test_slope(void **state)
{
	(void)state;
	static struct series s;
	double slope = 0;
	for (int i = 0; i < 4; i++)
		series_add(&s, start + i * NS_PER_S, 100 + 2 * i);
	assert_false(series_slope(&s, start + 4 * NS_PER_S, 60, &slope));
	for (int i = 4; i < 30; i++)
		series_add(&s, start + i * NS_PER_S, i == 10 ? NAN : 100 + 2 * i);
	assert_true(series_slope(&s, start + 30 * NS_PER_S, 60, &slope));
	assert_float_equal((float)slope, 120, 0.01);
	assert_false(series_slope(&s, start + 300 * NS_PER_S, 60, &slope));
}

static void test_a_copy_is_its_own(void **state)
{
	(void)state;
	struct series s = {.count = 0}, empty = {.count = 0}, copy;
	float out[3];
	series_copy(&copy, &empty);
	assert_null(copy.points);

	for (int i = 0; i < 32; i++)
		series_add(&s, start + i * NS_PER_S, i);
	series_copy(&copy, &s);
	/* Both go on by themselves: the copy past what it had room for. */
	series_add(&s, start + 32 * NS_PER_S, 100);
	for (int i = 32; i < 34; i++)
		series_add(&copy, start + i * NS_PER_S, -i);
	series_columns(&copy, start + 33 * NS_PER_S, 3, out, 3);
	assert_float_equal(out[0], 31, 0.001);
	assert_float_equal(out[1], -32, 0.001);
	assert_float_equal(out[2], -33, 0.001);
	series_columns(&s, start + 32 * NS_PER_S, 3, out, 3);
	assert_float_equal(out[2], 100, 0.001);
	series_clear(&s);
	assert_int_equal(s.count, 0);
	series_clear(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_unknown_without_points),
	        cmocka_unit_test(test_columns_are_means),
	        cmocka_unit_test(test_finished_columns_stand_still),
	        cmocka_unit_test(test_the_ring_keeps_the_last),
	        cmocka_unit_test(test_slope),
	        cmocka_unit_test(test_a_copy_is_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
