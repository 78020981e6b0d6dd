/* What a timeout leaves behind on a real MariaDB: nothing. The statement is ended long before the server's
 * own limit, never more than three connections are there, and the lane comes back. */
#include "tests/support/test.h"

#include "backends/mysql/mysql.h"
#include "tests/support/rig_faults.h"

static int setup(void **state)
{
	(void)state;
	struct err e;
	assert_true(mysql_driver_init(&e));
	rig_faults_setup(&mysql_driver, "maria1011", "reaper1011");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_faults_teardown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rig_faults_timed_out),
	        cmocka_unit_test(rig_faults_cut_off),
	        cmocka_unit_test(rig_faults_stopped),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
