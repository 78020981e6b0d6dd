/* A PostgreSQL that cannot be reached, in every way there is, or is full, beside two that work. */
#include "tests/support/test.h"

#include "tests/support/fleet_faults.h"

static int setup(void **state)
{
	(void)state;
	fleet_faults_setup("pg15", "out15");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fleet_faults_teardown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(fleet_faults_ways_in, fleet_faults_tidy),
	        cmocka_unit_test_teardown(fleet_faults_full, fleet_faults_tidy),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
