/* Figures keep their width from tick to tick, and no boundary shows a number that people never say. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "core/base/human.h"

static void duration(int64_t ms, const char *expected)
{
	char out[HUMAN_MAX];
	assert_string_equal(human_duration(ms, out), expected);
}

static void test_durations(void **state)
{
	(void)state;
	duration(0, "0.0s");
	duration(-1, "0.0s");
	duration(INT64_MIN, "0.0s");
	duration(49, "0.0s");
	duration(50, "0.1s");
	duration(300, "0.3s");
	duration(9949, "9.9s");
	duration(9950, "10s");
	duration(12000, "12s");
	duration(59499, "59s");
	duration(59500, "1m00s");
	duration(59950, "1m00s");
	duration(60000, "1m00s");
	duration(192000, "3m12s");
	duration(3599499, "59m59s");
	duration(3599500, "1h00m");
	duration(7500000, "2h05m");
	duration(INT64_C(86369999), "23h59m");
	duration(INT64_C(86370000), "1d00h");
	duration(INT64_C(86400000) * 41 + 3600000 * 3, "41d03h");
	duration(INT64_C(86400000) * 100 - 1800001, "99d23h");
	duration(INT64_C(86400000) * 100 - 1800000, "100d");
	duration(INT64_C(86400000) * 99999, "99999d");
	duration(INT64_C(86400000) * 100000, ">273y");
	duration(INT64_MAX, ">273y");
}

static void bytes(int64_t n, const char *wide, const char *tight)
{
	char out[HUMAN_MAX];
	assert_string_equal(human_bytes(n, 0, out), wide);
	assert_string_equal(human_bytes(n, 1, out), tight);
}

static void test_bytes(void **state)
{
	(void)state;
	bytes(0, "0 B", "0B");
	bytes(512, "512 B", "512B");
	bytes(999, "999 B", "999B");
	bytes(1000, "1.0 kB", "1.0kB");
	bytes(1049, "1.0 kB", "1.0kB");
	bytes(1050, "1.1 kB", "1.1kB");
	bytes(9949, "9.9 kB", "9.9kB");
	bytes(9950, "10 kB", "10kB");
	bytes(999499, "999 kB", "999kB");
	bytes(999500, "1.0 MB", "1.0MB");
	bytes(1100000, "1.1 MB", "1.1MB");
	bytes(INT64_C(214000000000), "214 GB", "214GB");
	bytes(INT64_C(999499999999999), "999 TB", "999TB");
	bytes(INT64_C(999500000000000), "1.0 PB", "1.0PB");
	bytes(INT64_MAX, "9.2 EB", "9.2EB");
	bytes(-1100000, "-1.1 MB", "-1.1MB");
	bytes(INT64_MIN, "-9.2 EB", "-9.2EB");
}

static void count(double v, const char *expected)
{
	char out[HUMAN_MAX];
	assert_string_equal(human_count(v, out), expected);
}

static void test_counts(void **state)
{
	(void)state;
	count(0, "0");
	count(-0.0, "0");
	count(7, "7");
	count(940, "940");
	count(0.001, "<0.1");
	count(0.3, "0.3");
	count(0.94, "0.9");
	count(0.96, "1");
	count(999.4, "999");
	count(999.5, "1.0k");
	count(8200, "8.2k");
	count(9949, "9.9k");
	count(9951, "10k");
	count(999499, "999k");
	count(999501, "1.0M");
	count(1300000, "1.3M");
	count(-999499, "-999k");
	count(1e18, "1.0E");
	count(1e30, ">999E");
	count(-1e30, "-999E");
	count(INFINITY, ">999E");
	count(NAN, "-");
}

/* Every magnitude and both sides of each power: never wider than promised. */
static void test_widths_hold(void **state)
{
	(void)state;
	char out[HUMAN_MAX];
	for (int64_t base = 1; base < INT64_MAX / 10; base *= 10) {
		for (int64_t digit = 1; digit < 10; digit++) {
			for (int64_t step = -1; step <= 1; step++) {
				int64_t v = base * digit + step * (base / 20 > 0 ? base / 20 : 1);
				assert_true(strlen(human_duration(v, out)) <= 6);
				assert_true(strlen(human_bytes(v, 0, out)) <= 6);
				assert_true(strlen(human_bytes(v, 1, out)) <= 5);
				assert_true(strlen(human_count((double)v, out)) <= 5);
				assert_true(strlen(human_count(-(double)v, out)) <= 5);
				assert_true(strlen(human_count((double)v / 1e10, out)) <= 5);
			}
		}
	}
	for (int64_t ms = 0; ms < 4000000; ms += 7)
		assert_true(strlen(human_duration(ms, out)) <= 6);
}

static void test_parse(void **state)
{
	(void)state;
	assert_int_equal(human_parse_duration("800ms"), 800);
	assert_int_equal(human_parse_duration("5s"), 5000);
	assert_int_equal(human_parse_duration("2m"), 120000);
	assert_int_equal(human_parse_duration("1h"), 3600000);
	assert_int_equal(human_parse_duration("0s"), 0);
	static const char *const wrong[] = {"", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5S",
	        "5sec", "5d", "ms", "99999999999999999999s", "0x5s", "5mss"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(human_parse_duration(wrong[i]), -1);
	assert_true(human_parse_duration("1000000000000h") > 0);
	assert_int_equal(human_parse_duration("1000000000001h"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_durations),
	        cmocka_unit_test(test_bytes),
	        cmocka_unit_test(test_counts),
	        cmocka_unit_test(test_widths_hold),
	        cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
