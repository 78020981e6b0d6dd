/* ctest: serial */
/* 200 instances of which 100 never answer: the others are as fresh as without them, quitting does not wait
 * for the dead ones, and no thread and no descriptor is left. */
#include "tests/support/test.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/postgres/postgres.h"
#include "core/run/poll.h"
#include "tests/support/chaos.h"
#include "tests/support/drive.h"
#include "tests/support/lab.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

enum { INSTANCES = 200, FRESH_MS = 2500, HEALTHY_MS = 20000, STOP_MS = 250 };

static struct chaos *chaos;
static struct lab_server server;
static struct drive drive;

static int setup(void **state)
{
	(void)state;
	static const char *const settings[] = {"max_connections=150", NULL};
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	server = lab_spawn("pg15", "halffleet15", settings);
	chaos = chaos_start();
	drive_start(&drive, &postgres_driver);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	chaos_stop(chaos);
	lab_remove(server.name);
	return 0;
}

struct fleet {
	struct instance_cfg instances[INSTANCES];
	struct cluster_cfg cluster;
	struct config cfg;
	struct hub *hub;
	struct poller *poller;
};

static void start(struct fleet *f)
{
	struct err e = {.code = ERR_NONE};
	struct chaos_door hole = chaos_blackhole(chaos);
	f->cluster.timeouts = (struct timeouts){
	        .connect_ms = 5000, .query_ms = 800, .query_max_ms = 5000, .check_ms = 30000};
	f->cfg = (struct config){.clusters = &f->cluster,
	        .nclusters = 1,
	        .instances = f->instances,
	        .ninstances = INSTANCES,
	        .interval_ms = 1000};
	for (size_t i = 0; i < INSTANCES; i++)
		drive_endpoint(
		        &server, "monitor", i % 2 == 0 ? 0 : hole.port, "disable", &f->instances[i].endpoint);
	f->hub = hub_new(&clock_real, &f->cfg, drive.probes, INSTANCES, &e);
	assert_non_null(f->hub);
	for (size_t i = 0; i < INSTANCES; i++)
		hub_want(f->hub, i, 1U << probe_set_slot(drive.probes, "pulse"));
	struct poller_options opt = {.config = &f->cfg,
	        .probes = drive.probes,
	        .postgres = drive.driver,
	        .mysql = drive.driver,
	        .env = drive.env,
	        .hub = f->hub,
	        .clock = &clock_real};
	opt.env.statement_ms = 0;
	opt.env.lock_ms = 0;
	f->poller = poller_start(&opt, &e);
	if (f->poller == NULL)
		fail_msg("%s", e.text);
}

/* How many of the living are fresh, and of the dead known to be down. */
static void count(struct fleet *f, unsigned *fresh, unsigned *down)
{
	struct snapshot *snap = hub_take(f->hub);
	*fresh = *down = 0;
	for (size_t i = 0; i < INSTANCES; i++) {
		int64_t age = snapshot_age_ms(snap, i, "pulse");
		if (i % 2 == 0)
			*fresh += age >= 0 && age <= FRESH_MS;
		else
			*down += snap->instances[i].link.state == LINK_DOWN;
	}
	snapshot_free(snap);
}

static bool all_known(void *arg)
{
	unsigned fresh, down;
	count(arg, &fresh, &down);
	return fresh == INSTANCES / 2 && down == INSTANCES / 2;
}

static void test_half_of_them_never_answer(void **state)
{
	(void)state;
	struct fleet *f = calloc(1, sizeof(*f));
	long threads = proc_threads(getpid()), fds = proc_fds(getpid());
	start(f);
	unsigned fresh, down;
	if (!wait_until(all_known, f, HEALTHY_MS)) {
		count(f, &fresh, &down);
		fail_msg("%u of 100 fresh, %u of 100 known to be down", fresh, down);
	}

	struct ctx root = ctx_root(&clock_real, NULL), soon = ctx_within(&root, STOP_MS);
	int64_t began = wait_now_ms();
	bool all = poller_stop(&soon, f->poller);
	assert_true(wait_now_ms() - began < 5000);
	/* On a busy machine a second call collects the last ones. */
	soon = ctx_within(&root, 5000);
	if (!all)
		assert_true(poller_stop(&soon, f->poller));
	hub_free(f->hub);
	for (size_t i = 0; i < INSTANCES; i++)
		endpoint_free(&f->instances[i].endpoint);
	free(f);
	assert_true(proc_threads(getpid()) <= threads + 1);
	assert_true(proc_fds(getpid()) <= fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_half_of_them_never_answer),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
