/* Locks on every MySQL and MariaDB: random scenes of row locks, metadata locks behind a queued ALTER, LOCK
 * TABLES, user locks and a prepared transaction over two schemas; what is shown is held against what was
 * done, and against who goes on when the root is ended. DBATOP_SCENES: how many scenes a server; DBATOP_SEED:
 * the first. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/mysql/mysql.h"
#include "tests/support/mylock_scene.h"

enum { SERVERS_MAX = 16, SCENES = 1, SESSIONS_MIN = 10, SESSIONS_MAX = 36 };

static struct drive drive;
static struct lab_server servers[SERVERS_MAX];
static size_t nservers;

static int setup(void **state)
{
	(void)state;
	struct err e;
	struct lab_server all[SERVERS_MAX];
	assert_true(mysql_driver_init(&e));
	drive_start(&drive, &mysql_driver);
	size_t n = lab_servers(NULL, all, SERVERS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!lab_is_postgres(&all[i]) && strcmp(all[i].role, "primary") == 0)
			servers[nservers++] = all[i];
	}
	return nservers > 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	mysql_driver_end();
	return 0;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void test_scenes(void **state)
{
	(void)state;
	uint64_t scenes = number_from("DBATOP_SCENES", SCENES);
	uint64_t seed = number_from("DBATOP_SEED", 7041000);
	for (size_t i = 0; i < nservers; i++) {
		static struct my_crowd crowd;
		struct endpoint ep;
		struct my_proof p = {
		        .drive = &drive, .conn = drive_open(&drive, &servers[i], "monitor", LANE_FAST, &ep)};
		myc_start(&crowd, &servers[i]);
		for (uint64_t k = 0; k < scenes; k++)
			mys_play(&p, &crowd, seed + k, SESSIONS_MIN, SESSIONS_MAX);
		myc_stop(&crowd);
		drive.driver->close(p.conn);
		endpoint_free(&ep);
		printf("%s: seeds %llu…: %u scenes, %u states, %u waiters (most %u), %u edges, %u likely, %u "
		       "releases, "
		       "%u looks\n",
		        servers[i].name, (unsigned long long)seed, p.scenes, p.states, p.waiters,
		        p.most_waiters, p.edges, p.likely, p.releases, p.looks);
		assert_true(p.edges > 0 && p.releases > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_scenes),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
