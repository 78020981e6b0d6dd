/* When a probe is asked again: the pace, the raised limit after a timeout, the distance after errors. */
#include "tests/support/test.h"

#include "core/run/schedule.h"

static const struct probe fast_probe = {
        .name = "pulse", .lane = LANE_FAST, .every_ms = 1000, .timeout_ms = 800, .rows = 1};
static const struct cluster_cfg plain = {.timeouts = {.query_ms = 800, .query_max_ms = 5000}};

static struct schedule fresh(void)
{
	struct schedule s = {0};
	schedule_configure(&s, &fast_probe, &plain, 1000);
	return s;
}

static mono_ns ms(int64_t n)
{
	return n * NS_PER_MS;
}

static void test_configured_pace(void **state)
{
	(void)state;
	struct schedule s = fresh();
	assert_int_equal(s.interval_ms, 1000);
	assert_int_equal(s.limit_ms, 800);

	/* The pace moves probes of a second; those of five are only ever slowed. */
	struct probe five = fast_probe;
	five.every_ms = 5000;
	struct schedule t = {0};
	schedule_configure(&s, &fast_probe, &plain, 250);
	schedule_configure(&t, &five, &plain, 250);
	assert_int_equal(s.every_ms, 250);
	assert_int_equal(t.every_ms, 5000);
	schedule_configure(&t, &five, &plain, 10000);
	assert_int_equal(t.every_ms, 10000);

	/* A cluster that names a limit means it; an override of the probe wins over both. */
	struct cluster_cfg c = plain;
	c.timeouts.query_ms = 2000;
	schedule_configure(&s, &fast_probe, &c, 1000);
	assert_int_equal(s.limit_ms, 2000);
	struct probe_override over = {.probe = (char[]){"pulse"}, .every_ms = 3000, .timeout_ms = 300};
	c.overrides = &over;
	c.noverrides = 1;
	schedule_configure(&s, &fast_probe, &c, 250);
	assert_int_equal(s.limit_ms, 300);
	assert_int_equal(s.every_ms, 3000);
}

static void test_keeps_its_grid(void **state)
{
	(void)state;
	struct schedule s = fresh();
	uint64_t random = 1;
	s.due = ms(1000);
	schedule_done(&s, ms(1005), ms(1010), ERR_NONE, &random);
	assert_int_equal(s.due, ms(2000));
	schedule_done(&s, ms(1990), ms(1995), ERR_NONE, &random);
	assert_true(s.due == ms(2990) || s.due == ms(3000));

	/* Far behind, it goes on from now instead of catching up. */
	s.due = ms(3000);
	schedule_done(&s, ms(9000), ms(9010), ERR_NONE, &random);
	assert_int_equal(s.due, ms(10000));
	assert_false(s.slowed);
}

static void test_slowed_when_it_eats_a_quarter(void **state)
{
	(void)state;
	struct schedule s = fresh();
	uint64_t random = 1;
	schedule_done(&s, ms(0), ms(250), ERR_NONE, &random);
	assert_false(s.slowed);
	schedule_done(&s, ms(1000), ms(1400), ERR_NONE, &random);
	assert_true(s.slowed);
	assert_int_equal(s.interval_ms, 1600);
	assert_true(s.due >= ms(2600));
	schedule_done(&s, ms(2600), ms(2610), ERR_NONE, &random);
	assert_false(s.slowed);
	assert_int_equal(s.interval_ms, 1000);
}

static void test_adapts_after_a_timeout(void **state)
{
	(void)state;
	struct schedule s = fresh();
	uint64_t random = 1;
	const uint32_t limits[] = {1600, 3200, 5000, 5000};
	mono_ns t = 0;
	for (size_t i = 0; i < 4; i++) {
		mono_ns end = t + ms(s.limit_ms);
		schedule_done(&s, t, end, ERR_TIMEOUT, &random);
		assert_int_equal(s.limit_ms, limits[i]);
		assert_true(s.slowed);
		assert_true(s.due >= end + 3 * (end - t));
		t = s.due;
	}
	/* A slow answer keeps the raised limit, three quick ones in a row take it back. */
	schedule_done(&s, t, t + ms(1900), ERR_NONE, &random);
	assert_int_equal(s.limit_ms, 5000);
	assert_int_equal(s.interval_ms, 7600);
	for (int i = 0; i < 3; i++)
		schedule_done(&s, t, t + ms(5), ERR_NONE, &random);
	assert_int_equal(s.limit_ms, 800);
	assert_int_equal(s.interval_ms, 1000);
	assert_false(s.slowed);
	assert_int_equal(s.failures, 0);
}

static void test_backoff_is_full_jitter_and_bounded(void **state)
{
	(void)state;
	uint64_t random = 42;
	for (unsigned failures = 1; failures < 40; failures++) {
		uint32_t cap = failures > 6 ? BACKOFF_MAX_MS : (uint32_t)BACKOFF_FIRST_MS << (failures - 1);
		uint32_t least = UINT32_MAX, most = 0;
		for (int i = 0; i < 400; i++) {
			uint32_t wait = backoff_ms(failures, &random);
			assert_true(wait >= BACKOFF_LEAST_MS && wait <= cap && wait <= BACKOFF_MAX_MS);
			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
		/* Spread over the whole range, not around its end. */
		assert_true(least < cap / 4 + BACKOFF_LEAST_MS);
		assert_true(most > cap / 4 * 3);
	}
}

static void test_errors_keep_their_distance(void **state)
{
	(void)state;
	uint64_t random = 7;
	/* Each one is a line in the server's log: from 2 s up to 30 s. */
	struct schedule s = fresh();
	for (int i = 0; i < 12; i++) {
		schedule_done(&s, 0, ms(500), ERR_SERVER_LIMIT, &random);
		assert_true(s.retry_ms >= 1000 && s.retry_ms <= 30000);
		assert_int_equal(s.due, ms(500) + ms(s.retry_ms));
	}
	assert_true(s.retry_ms >= 15000);

	/* What only a GRANT changes. */
	s = fresh();
	schedule_done(&s, 0, ms(3), ERR_DENIED, &random);
	assert_int_equal(s.retry_ms, 30000);
	schedule_done(&s, 0, ms(3), ERR_NONE, &random);
	assert_int_equal(s.retry_ms, 0);

	/* Any other error: never sooner than its interval. */
	schedule_done(&s, 0, ms(3), ERR_SERVER, &random);
	assert_int_equal(s.retry_ms, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_configured_pace),
	        cmocka_unit_test(test_keeps_its_grid),
	        cmocka_unit_test(test_slowed_when_it_eats_a_quarter),
	        cmocka_unit_test(test_adapts_after_a_timeout),
	        cmocka_unit_test(test_backoff_is_full_jitter_and_bounded),
	        cmocka_unit_test(test_errors_keep_their_distance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
