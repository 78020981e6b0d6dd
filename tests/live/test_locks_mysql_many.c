/* Random scenes of Locks with as many sessions as a pool has, up to 300, on servers of one's own: long queues
 * of rows, of gaps and of metadata locks behind a queued ALTER at once. On MariaDB more than 100 row waiters
 * are read from InnoDB's monitor. DBATOP_SEED: another scene. */
/* ctest: serial */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "backends/mysql/mysql.h"
#include "tests/support/mylock_scene.h"

enum { SESSIONS_MIN = 150, SESSIONS_MAX = 300, RELEASES = 10 };

static struct drive drive;

static int setup(void **state)
{
	(void)state;
	struct err e;
	assert_true(mysql_driver_init(&e));
	drive_start(&drive, &mysql_driver);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	mysql_driver_end();
	return 0;
}

static void many(const char *kind)
{
	static struct my_crowd crowd;
	static const char *const settings[] = {"max_connections=400", NULL};
	const char *seed = getenv("DBATOP_SEED");
	struct my_scene scene = {.seed = seed != NULL ? strtoull(seed, NULL, 10) : 7044001,
	        .least = SESSIONS_MIN,
	        .most = SESSIONS_MAX,
	        .gaps = true,
	        .releases = RELEASES};
	struct lab_server server = lab_spawn(kind, "lockmany", settings);
	struct endpoint ep;
	struct my_proof p = {.drive = &drive, .conn = drive_open(&drive, &server, "monitor", LANE_FAST, &ep)};
	myc_start(&crowd, &server);
	mys_play(&p, &crowd, &scene);
	printf("%s: %d sessions, %u states, %u waiters (most %u), %u edges, %u likely, %u releases, %u "
	       "looks\n",
	        kind, crowd.world.nsessions, p.states, p.waiters, p.most_waiters, p.edges, p.likely,
	        p.releases, p.looks);
	assert_true(p.edges > 0);
	myc_stop(&crowd);
	drive.driver->close(p.conn);
	endpoint_free(&ep);
	lab_kill(server.name);
	lab_remove(server.name);
}

static void test_many_on_mysql(void **state)
{
	(void)state;
	many("mysql97");
}

static void test_many_on_mariadb(void **state)
{
	(void)state;
	many("maria1011");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_many_on_mysql),
	        cmocka_unit_test(test_many_on_mariadb),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
