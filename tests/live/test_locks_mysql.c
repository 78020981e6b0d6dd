/* Locks on every MySQL and MariaDB: random scenes of row locks, metadata locks behind a queued ALTER, LOCK
 * TABLES, inserts into a gap, user locks and a prepared transaction over two schemas; what is shown is held
 * against what was done, and against who goes on when the root is ended. DBATOP_SEED: another first scene in
 * place of those kept here, which found something once; DBATOP_SCENES: how many from there on; DBATOP_GAPS:
 * with gaps. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/mysql/mysql.h"
#include "tests/support/mylock_scene.h"

enum { SERVERS_MAX = 16, SESSIONS_MIN = 10, SESSIONS_MAX = 36 };

/* 1366000: who holds a table and waits for another one. 10748000: guesses in most queues. */
static const struct my_scene kept[] = {
        {.seed = 7041000, .least = SESSIONS_MIN, .most = SESSIONS_MAX},
        {.seed = 1366000, .least = SESSIONS_MIN, .most = SESSIONS_MAX},
        {.seed = 10748000, .least = SESSIONS_MIN, .most = SESSIONS_MAX},
        {.seed = 7043000, .least = SESSIONS_MIN, .most = SESSIONS_MAX, .gaps = true},
};

static struct drive drive;
static struct lab_server servers[SERVERS_MAX];
static size_t nservers;

static int setup(void **state)
{
	(void)state;
	struct err e;
	assert_true(mysql_driver_init(&e));
	drive_start(&drive, &mysql_driver);
	nservers = drive_served(&drive, true, servers, SERVERS_MAX);
	return 0;
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

static void play(struct my_proof *p, struct my_crowd *crowd)
{
	uint64_t seed = number_from("DBATOP_SEED", 0), scenes = number_from("DBATOP_SCENES", 1);
	for (uint64_t k = 0; seed != 0 && k < scenes; k++) {
		struct my_scene scene = kept[0];
		scene.seed = seed + k;
		scene.gaps = getenv("DBATOP_GAPS") != NULL;
		mys_play(p, crowd, &scene);
	}
	for (size_t k = 0; seed == 0 && k < sizeof(kept) / sizeof(kept[0]); k++)
		mys_play(p, crowd, &kept[k]);
}

static void test_scenes(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++) {
		static struct my_crowd crowd;
		struct endpoint ep;
		struct my_proof p = {
		        .drive = &drive, .conn = drive_open(&drive, &servers[i], "monitor", LANE_FAST, &ep)};
		myc_start(&crowd, &servers[i]);
		play(&p, &crowd);
		myc_stop(&crowd);
		drive.driver->close(p.conn);
		endpoint_free(&ep);
		printf("%s: %u scenes, %u states, %u waiters (most %u), %u edges, %u likely, %u releases, "
		       "%u looks\n",
		        servers[i].name, p.scenes, p.states, p.waiters, p.most_waiters, p.edges, p.likely,
		        p.releases, p.looks);
		/* One scene alone may have nothing but guesses on MariaDB. */
		assert_true(p.edges > 0 && (p.releases > 0 || getenv("DBATOP_SEED") != NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_scenes),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
