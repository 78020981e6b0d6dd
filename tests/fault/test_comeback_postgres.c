/* A PostgreSQL that comes back as another one (killed, restarted, crashed, promoted) while the dashboard
 * shows it. */
#include "tests/support/test.h"

#include "tests/support/fleet_faults.h"

static int setup(void **state)
{
	(void)state;
	fleet_faults_setup("pg15", "back15");
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
	        cmocka_unit_test_teardown(fleet_faults_killed, fleet_faults_tidy),
	        cmocka_unit_test_teardown(fleet_faults_restarted, fleet_faults_tidy),
	        cmocka_unit_test_teardown(fleet_faults_crashed, fleet_faults_tidy),
	        cmocka_unit_test_teardown(fleet_faults_promoted, fleet_faults_tidy),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
