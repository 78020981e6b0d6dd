/* Clocks: the real one moves forward, the manual one only when told, and times print as UTC. */
#include "tests/support/test.h"

#include "core/base/clock.h"

static void test_the_real_clock_moves(void **state)
{
	(void)state;
	mono_ns start = clock_now(&clock_real);
	assert_true(start > 0);
	while (clock_now(&clock_real) == start)
		;
	assert_true(clock_now(&clock_real) > start);
	/* 2025-01-01: the machine's date is set, and the unit is microseconds. */
	assert_true(clock_wall(&clock_real) > INT64_C(1735689600000000));
	assert_true(clock_wall(&clock_real) < INT64_C(1735689600000000) * 4);
}

static void test_the_manual_clock_stands(void **state)
{
	(void)state;
	struct manual_clock m;
	manual_clock_init(&m, 5 * NS_PER_S, 1000);
	assert_int_equal(clock_now(&m.clock), 5 * NS_PER_S);
	assert_int_equal(clock_wall(&m.clock), 1000);
	manual_clock_advance(&m, 250);
	assert_int_equal(clock_now(&m.clock), 5 * NS_PER_S + 250 * NS_PER_MS);
	assert_int_equal(clock_wall(&m.clock), 251000);
}

static void test_format(void **state)
{
	(void)state;
	char out[32];
	wall_format(INT64_C(1795356127123456), 0, out);
	assert_string_equal(out, "2026-11-22T14:02:07Z");
	wall_format(INT64_C(1795356127123999), 1, out);
	assert_string_equal(out, "2026-11-22T14:02:07.123Z");
	wall_format(0, 1, out);
	assert_string_equal(out, "1970-01-01T00:00:00.000Z");
	wall_format(-1, 1, out);
	assert_string_equal(out, "1969-12-31T23:59:59.999Z");
	wall_format(-1000000, 1, out);
	assert_string_equal(out, "1969-12-31T23:59:59.000Z");
	wall_format(INT64_MAX, 1, out);
	assert_string_equal(out, "294247-01-10T04:00:54.775Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_real_clock_moves),
	        cmocka_unit_test(test_the_manual_clock_stands),
	        cmocka_unit_test(test_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
