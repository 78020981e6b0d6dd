/* A MariaDB that falls silent while the dashboard shows it beside two that work. */
#include "tests/support/test.h"

#include "tests/support/fleet_faults.h"

static int setup(void **state)
{
	(void)state;
	fleet_faults_setup("maria1011", "mute1011");
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
	        cmocka_unit_test_teardown(fleet_faults_stopped, fleet_faults_tidy),
	        cmocka_unit_test_teardown(fleet_faults_stalled, fleet_faults_tidy),
	        cmocka_unit_test_teardown(fleet_faults_dripped, fleet_faults_tidy),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
