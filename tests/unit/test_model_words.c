/* Engines, versions, identities, outcomes and samples: the small facts that everything else compares. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/arena.h"
#include "core/model/action.h"
#include "core/model/engine.h"
#include "core/model/identity.h"
#include "core/model/sample.h"

static void test_engines_have_one_word_each(void **state)
{
	(void)state;
	for (int e = ENGINE_POSTGRES; e <= ENGINE_MARIADB; e++)
		assert_int_equal(engine_parse(engine_name((enum engine)e)), e);
	assert_int_equal(engine_parse("none"), ENGINE_NONE);
	assert_int_equal(engine_parse("oracle"), ENGINE_NONE);
	assert_string_equal(engine_name((enum engine)99), "none");
}

static void test_versions(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int version;
	} cases[] = {
	        {"15", 150000},
	        {"15.18", 151800},
	        {"18beta1", 180000},
	        {"16.4 (Debian 16.4-1.pgdg120+1)", 160400},
	        {"10.11", 101100},
	        {"10.11.19-MariaDB-log", 101119},
	        {"5.5.5-10.6.18-MariaDB", 100618},
	        {"8.0.37", 80037},
	        {"9.7.4-commercial", 90704},
	        {"8.0.", 80000},
	        {"99.120.7", 999907},
	        {"", 0},
	        {"0.9", 0},
	        {"100.1", 0},
	        {"99999999999999999999", 0},
	        {"MariaDB", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(version_parse(cases[i].text), cases[i].version);
}

static void test_unknown_identities_never_match(void **state)
{
	(void)state;
	struct server_identity a = {
	        .engine = ENGINE_POSTGRES, .id = "7301", .start = "12:00", .address = "10.0.0.1:5432"};
	struct server_identity b = a;
	assert_true(server_identity_equal(&a, &b));
	b.start[0] = '9';
	assert_false(server_identity_equal(&a, &b));
	b = a;
	b.address[0] = '\0';
	assert_false(server_identity_equal(&a, &b));
	a.address[0] = '\0';
	assert_false(server_identity_equal(&a, &b));
	struct server_identity none = {.engine = ENGINE_NONE};
	assert_false(server_identity_equal(&none, &none));
}

static void test_outcomes_have_stable_words(void **state)
{
	(void)state;
	for (int o = 0; o < OUTCOME_COUNT; o++) {
		assert_non_null(action_outcome_name((enum action_outcome)o));
		for (int other = 0; other < o; other++)
			assert_string_not_equal(action_outcome_name((enum action_outcome)o),
			        action_outcome_name((enum action_outcome)other));
	}
	assert_string_equal(action_outcome_name(OUTCOME_ROLLING_BACK), "rolling_back");
	assert_string_equal(action_kind_name(ACTION_CANCEL), "cancel");
	assert_string_equal(action_kind_name(ACTION_TERMINATE), "terminate");
}

/* The last reference frees: the address sanitizer's build proves that nothing is left or used again. */
static void test_a_sample_dies_with_its_last_reader(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct sample *s = sample_new(NULL, arena);
	assert_int_equal(atomic_load(&s->refs), 1);
	const struct sample *again = sample_ref(s);
	assert_ptr_equal(again, s);
	assert_int_equal(atomic_load(&s->refs), 2);
	sample_unref(s);
	assert_int_equal(atomic_load(&again->refs), 1);
	sample_unref(again);
	sample_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_engines_have_one_word_each),
	        cmocka_unit_test(test_versions),
	        cmocka_unit_test(test_unknown_identities_never_match),
	        cmocka_unit_test(test_outcomes_have_stable_words),
	        cmocka_unit_test(test_a_sample_dies_with_its_last_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
