/* The moments at which a server can stop, each as a test. The bounds are generous: how precisely the deadline
 * is kept is for deadline_bench.c to say. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/chaos.h"
#include "tests/support/deadline.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

#ifdef DBATOP_JOIN_AT_EXIT
/* A TLS handshake cannot be left in the middle of its arithmetic, which sanitizers make long. */
enum { LATEST_MS = 10000 };
#else
enum { LATEST_MS = 2000 };
#endif
enum { DEADLINE_MS = 300, EARLIEST_MS = 280 };

static const struct deadline_engine *tried;
static struct drive drive;
static struct lab_server server;
static struct chaos *chaos;
static struct chaos_door door;

static const char *const modes[] = {"disable", "require"};
enum { MODES = sizeof(modes) / sizeof(modes[0]) };

static int setup(void **state)
{
	(void)state;
	char name[64];
	snprintf(name, sizeof(name), "deadline-%s", tried->kind);
	drive_start(&drive, tried->driver);
	server = lab_spawn(tried->kind, name, NULL);
	chaos = chaos_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_resume(&server);
	chaos_stop(chaos);
	lab_remove(server.name);
	drive_stop(&drive);
	return 0;
}

static int open_door(void **state)
{
	(void)state;
	door = chaos_listen(chaos, server.host, server.port);
	return 0;
}

/* Fails unless the call that began at `started` ended by its deadline and not long after. */
static void in_time(const char *phase, const char *mode, int64_t started, const struct err *e)
{
	int64_t took = wait_now_ms() - started;
	if (e->code != ERR_TIMEOUT || took > LATEST_MS || took < EARLIEST_MS)
		fail_msg("%s, sslmode %s: %s after %lld ms: %s", phase, mode, err_code_name(e->code),
		        (long long)took, e->text);
}

static void connect_times_out(const char *phase, const char *mode, int port)
{
	struct endpoint ep;
	struct conn *c = NULL;
	struct err e = {.code = ERR_NONE};
	drive_endpoint(&server, "monitor", port, mode, &ep);
	int64_t started = wait_now_ms();
	struct ctx ctx = ctx_within(&drive.root, DEADLINE_MS);
	bool ok = drive.driver->connect(&ctx, &drive.env, &ep, LANE_FAST, &c, &e);
	if (ok)
		fail_msg("%s, sslmode %s: connected", phase, mode);
	in_time(phase, mode, started, &e);
	endpoint_free(&ep);
}

static void test_connect_to_a_stopped_server(void **state)
{
	(void)state;
	lab_pause(&server);
	for (int i = 0; i < MODES; i++)
		connect_times_out("stopped before connect", modes[i], 0);
	lab_resume(&server);
}

static void test_connect_to_nothing_that_answers(void **state)
{
	(void)state;
	struct chaos_door hole = chaos_blackhole(chaos);
	for (int i = 0; i < MODES; i++) {
		connect_times_out("black hole", modes[i], hole.port);
		chaos_accept(door, "mute");
		connect_times_out("mute", modes[i], door.port);
		chaos_accept(door, "open");
	}
}

/* The server's bytes stop after each of these: in the TLS handshake, in authentication, between the first
 * questions. */
static void test_connect_that_stalls(void **state)
{
	(void)state;
	static const char *const faults[] = {
	        "stall 0", "stall 1", "stall 20", "stall 100", "stall 300", "stall 900", "drip 1", "drip 20"};
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		chaos_set(door, "down", faults[f]);
		for (int i = 0; i < MODES; i++)
			connect_times_out(faults[f], modes[i], door.port);
		chaos_set(door, "down", "none");
	}
	chaos_set(door, "up", "stall 40");
	for (int i = 0; i < MODES; i++)
		connect_times_out("our bytes stall", modes[i], door.port);
	chaos_set(door, "up", "none");
}

static void fetch_times_out(const char *phase, const char *mode, struct conn *c, const char *probe)
{
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct err e = {.code = ERR_NONE};
	int64_t started = wait_now_ms();
	bool ok = drive_fetch(&drive, c, probe, 0, DEADLINE_MS, arena, &t, &e);
	if (ok)
		fail_msg("%s, sslmode %s: answered", phase, mode);
	in_time(phase, mode, started, &e);
	arena_free(arena);
}

static void drains(const char *phase, const char *mode, struct conn *c)
{
	struct ctx ctx = ctx_within(&drive.root, 5000);
	struct arena *arena = arena_new();
	if (drive.driver->drain(&ctx, c) != DRAIN_CLEAN)
		fail_msg("%s, sslmode %s: not drained", phase, mode);
	drive_table(&drive, c, "pulse", 0, arena);
	arena_free(arena);
}

static void test_stopped_mid_query(void **state)
{
	(void)state;
	for (int i = 0; i < MODES; i++) {
		struct endpoint ep;
		drive_endpoint(&server, "monitor", 0, modes[i], &ep);
		struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
		assert_int_equal(drive.driver->info(c)->tls, i == 1);
		lab_pause(&server);
		fetch_times_out("stopped mid-query", modes[i], c, "sessions");
		struct ctx ctx = ctx_within(&drive.root, DEADLINE_MS);
		int64_t started = wait_now_ms();
		assert_int_equal(drive.driver->drain(&ctx, c), DRAIN_BROKEN);
		assert_true(wait_now_ms() - started < LATEST_MS);
		lab_resume(&server);
		drains("stopped mid-query", modes[i], c);
		drive.driver->close(c);
		endpoint_free(&ep);
	}
}

static void test_stalled_mid_result(void **state)
{
	(void)state;
	static const char *const faults[] = {"stall 0", "stall 7", "stall 700", "drip 100"};
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		for (int i = 0; i < MODES; i++) {
			struct endpoint ep;
			drive_endpoint(&server, "monitor", door.port, modes[i], &ep);
			struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
			chaos_set(door, "down", faults[f]);
			fetch_times_out(faults[f], modes[i], c, "sessions");
			chaos_set(door, "down", "none");
			drains(faults[f], modes[i], c);
			drive.driver->close(c);
			endpoint_free(&ep);
		}
	}
}

static void test_cut_and_reset(void **state)
{
	(void)state;
	static const char *const faults[] = {"close 0", "close 50", "reset"};
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		for (int i = 0; i < MODES; i++) {
			struct endpoint ep;
			struct table *t = NULL;
			struct err e = {.code = ERR_NONE};
			struct arena *arena = arena_new();
			drive_endpoint(&server, "monitor", door.port, modes[i], &ep);
			struct conn *c = drive_connect(&drive, &ep, LANE_FAST);
			chaos_set(door, "down", faults[f]);
			assert_false(drive_fetch(&drive, c, "sessions", 0, 5000, arena, &t, &e));
			if (e.code != ERR_LOST)
				fail_msg("%s, sslmode %s: %s: %s", faults[f], modes[i], err_code_name(e.code),
				        e.text);
			chaos_set(door, "down", "none");
			drive.driver->close(c);
			arena_free(arena);
			endpoint_free(&ep);
		}
	}
}

static void test_a_cancelled_ctx_returns_at_once(void **state)
{
	(void)state;
	struct endpoint ep;
	struct cancel cancel;
	struct err e = {.code = ERR_NONE};
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct probe_value values[] = {{.type = PARAM_INT, .i = 10}, {.type = PARAM_SINCE}};
	struct conn *c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep);
	assert_true(cancel_init(&cancel, NULL, &e));
	struct ctx ctx = ctx_within(&drive.root, 5000);
	ctx.cancel = &cancel;
	cancel_set(&cancel);
	const struct probe *p = drive_probe(&drive, c, "sessions");
	assert_false(drive.driver->fetch(&ctx, c, p, values, arena, &t, &e));
	assert_int_equal(e.code, ERR_CANCELLED);
	drive.driver->close(c);
	cancel_close(&cancel);
	arena_free(arena);
	endpoint_free(&ep);
}

/* The server's own limit, set at connect, ends what nobody waits for any more. */
static void test_the_server_ends_what_we_left(void **state)
{
	(void)state;
	static const struct column columns[] = {{.name = "a", .role = ROLE_LABEL}};
	static const struct probe_param params[] = {{.name = "rows", .type = PARAM_INT}};
	const struct probe sleeping = {.name = "sleeping",
	        .file = "sleeping.sql",
	        .engine = tried->engine,
	        .columns = columns,
	        .ncols = 1,
	        .params = params,
	        .nparams = 1,
	        .rows = 1,
	        .sql = tried->sleep20};
	struct endpoint ep;
	struct err e = {.code = ERR_NONE};
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct probe_value rows = {.type = PARAM_INT, .i = 1};
	struct conn *c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep);
	struct ctx ctx = ctx_within(&drive.root, 8000);
	int64_t started = wait_now_ms();
	assert_false(drive.driver->fetch(&ctx, c, &sleeping, &rows, arena, &t, &e));
	assert_int_equal(e.code, ERR_SERVER_LIMIT);
	if (tried->limit_sqlstate != NULL)
		assert_string_equal(e.sqlstate, tried->limit_sqlstate);
	else
		assert_int_equal(e.native, tried->limit_native);
	assert_true(wait_now_ms() - started < 5000);
	drive_table(&drive, c, "pulse", 0, arena);
	drive.driver->close(c);
	arena_free(arena);
	endpoint_free(&ep);
}

int deadline_suite(const struct deadline_engine *engine)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_connect_to_a_stopped_server),
	        cmocka_unit_test_setup(test_connect_to_nothing_that_answers, open_door),
	        cmocka_unit_test_setup(test_connect_that_stalls, open_door),
	        cmocka_unit_test(test_stopped_mid_query),
	        cmocka_unit_test_setup(test_stalled_mid_result, open_door),
	        cmocka_unit_test_setup(test_cut_and_reset, open_door),
	        cmocka_unit_test(test_a_cancelled_ctx_returns_at_once),
	        cmocka_unit_test(test_the_server_ends_what_we_left),
	};
	tried = engine;
	return cmocka_run_group_tests(tests, setup, teardown);
}
