/* How precisely a deadline of 300 ms is kept, phase by phase, in one run against one server. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/chaos.h"
#include "tests/support/deadline.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

enum { DEADLINE_MS = 300, ROUNDS_MAX = 1000 };

/* One phase: where the server stops. */
struct phase {
	const char *name;
	const char *fault; /* of the proxy, down; NULL: none */
	bool connect;      /* in connect, else in a fetch of a connection that stands */
	bool stop;         /* the whole server is stopped */
	bool sleeping;     /* a statement that does not end */
	bool hole;
};

static const struct phase phases[] = {
        {.name = "connect, black hole", .connect = true, .hole = true},
        {.name = "connect, server stopped", .connect = true, .stop = true},
        {.name = "connect, no byte comes", .fault = "stall 0", .connect = true},
        {.name = "connect, stops after 100 bytes", .fault = "stall 100", .connect = true},
        {.name = "connect, stops after 900 bytes", .fault = "stall 900", .connect = true},
        {.name = "connect, a byte each 20 ms", .fault = "drip 20", .connect = true},
        {.name = "query, server stopped", .stop = true},
        {.name = "query that sleeps", .sleeping = true},
        {.name = "result stops after 700 bytes", .fault = "stall 700"},
        {.name = "result, a byte each 20 ms", .fault = "drip 20"},
};

struct bench {
	const struct deadline_engine *engine;
	struct drive drive;
	struct lab_server server;
	struct chaos *chaos;
	struct chaos_door door, hole;
};

static const struct column sleep_columns[] = {{.name = "a", .role = ROLE_LABEL}};
static const struct probe_param sleep_params[] = {{.name = "rows", .type = PARAM_INT}};
static struct probe sleep_probe(const struct deadline_engine *engine)
{
	return (struct probe){.name = "sleeping",
	        .file = "sleeping.sql",
	        .engine = engine->engine,
	        .columns = sleep_columns,
	        .ncols = 1,
	        .params = sleep_params,
	        .nparams = 1,
	        .rows = 1,
	        .sql = engine->nap};
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void begin_fault(struct bench *b, const struct phase *p)
{
	if (p->fault != NULL)
		chaos_set(b->door, "down", p->fault);
	if (p->stop)
		lab_pause(&b->server);
}

static void end_fault(struct bench *b, const struct phase *p)
{
	if (p->stop)
		lab_resume(&b->server);
	if (p->fault != NULL)
		chaos_set(b->door, "down", "none");
}

static int64_t round_connect(struct bench *b, const struct phase *p, const struct endpoint *ep)
{
	struct conn *c = NULL;
	struct err e = {.code = ERR_NONE};
	begin_fault(b, p);
	int64_t started = wait_now_us();
	struct ctx ctx = ctx_within(&b->drive.root, DEADLINE_MS);
	bool ok = b->drive.driver->connect(&ctx, &b->drive.env, ep, LANE_FAST, &c, &e);
	int64_t took = wait_now_us() - started;
	end_fault(b, p);
	if (ok || e.code != ERR_TIMEOUT)
		fail_msg("%s: %s", p->name, ok ? "connected" : e.text);
	return took;
}

static int64_t round_fetch(struct bench *b, const struct phase *p, struct conn *c)
{
	struct arena *arena = arena_new();
	struct table *t = NULL;
	struct err e = {.code = ERR_NONE};
	const struct probe nap = sleep_probe(b->engine);
	const struct probe *probe = p->sleeping ? &nap : drive_probe(&b->drive, c, "sessions");
	struct probe_value values[] = {{.type = PARAM_INT, .i = probe->rows}, {.type = PARAM_SINCE}};
	begin_fault(b, p);
	int64_t started = wait_now_us();
	struct ctx ctx = ctx_within(&b->drive.root, DEADLINE_MS);
	bool ok = b->drive.driver->fetch(&ctx, c, probe, values, arena, &t, &e);
	int64_t took = wait_now_us() - started;
	end_fault(b, p);
	if (ok || e.code != ERR_TIMEOUT)
		fail_msg("%s: %s", p->name, ok ? "answered" : e.text);
	struct ctx later = ctx_within(&b->drive.root, 5000);
	if (b->drive.driver->drain(&later, c) != DRAIN_CLEAN)
		fail_msg("%s: not drained", p->name);
	arena_free(arena);
	return took;
}

static void measure(struct bench *b, const struct phase *p, const char *mode, int rounds)
{
	int64_t took[ROUNDS_MAX];
	struct endpoint ep;
	struct conn *c = NULL;
	drive_endpoint(&b->server, "monitor", p->hole ? b->hole.port : b->door.port, mode, &ep);
	if (!p->connect)
		c = drive_connect(&b->drive, &ep, LANE_FAST);
	for (int i = 0; i < rounds; i++)
		took[i] = p->connect ? round_connect(b, p, &ep) : round_fetch(b, p, c);
	b->drive.driver->close(c);
	endpoint_free(&ep);
	qsort(took, (size_t)rounds, sizeof(took[0]), by_value);
	int half = rounds / 2;
	int most = rounds * 99 / 100;
	printf("%-32s %-8s %8.1f %8.1f %8.1f\n", p->name, mode, (double)took[half] / 1000.0,
	        (double)took[most] / 1000.0, (double)took[rounds - 1] / 1000.0);
	fflush(stdout);
}

int deadline_bench(const struct deadline_engine *engine, long rounds)
{
	static const char *const modes[] = {"disable", "require"};
	struct bench b = {.engine = engine};
	char name[64];
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	snprintf(name, sizeof(name), "bench-%s", engine->kind);
	drive_start(&b.drive, engine->driver);
	b.server = lab_spawn(engine->kind, name, NULL);
	b.chaos = chaos_start();
	b.door = chaos_listen(b.chaos, b.server.host, b.server.port);
	b.hole = chaos_blackhole(b.chaos);
	printf("%s, %s %s, deadline %d ms, %ld rounds each\n", engine->library, b.server.engine,
	        b.server.version, DEADLINE_MS, rounds);
	printf("%-32s %-8s %8s %8s %8s\n", "phase", "sslmode", "p50 ms", "p99 ms", "max ms");
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		for (size_t m = 0; m < 2; m++)
			measure(&b, &phases[i], modes[m], (int)rounds);
	}
	chaos_stop(b.chaos);
	lab_remove(b.server.name);
	drive_stop(&b.drive);
	return 0;
}
