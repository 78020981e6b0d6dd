/* A scene is drawn from its seed step by step; every step is checked against the world before it is sent, so
 * that no deadlock comes about but those that a test wants. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/lock_play.h"
#include "tests/support/lock_proof.h"
#include "tests/support/wait.h"

enum { KINDS_MAX = 8, ROUNDS = 3 };

struct scene {
	struct lock_crowd *crowd;
	uint64_t random;
	char seed[48];
	int tables, rows, keys;       /* for each database */
	unsigned end, prepare, burst; /* of 100 steps */
};

static struct drive drive;
static struct lock_crowd crowds[KINDS_MAX];
static struct conn *conns[KINDS_MAX];
static struct endpoint endpoints[KINDS_MAX];
static size_t nkinds;
static size_t first_kind; /* 0 or 1: every second version */
static struct proof_counts counts;

static unsigned below(struct scene *sc, unsigned n)
{
	sc->random += 0x9E3779B97F4A7C15U;
	uint64_t z = sc->random;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
	z = (z ^ z >> 27) * 0x94D049BB133111EBU;
	return (unsigned)((z ^ z >> 31) >> 33) % n;
}

static int setup(void **state)
{
	static const char *const settings[] = {"max_connections=400", "max_prepared_transactions=64", NULL};
	struct lab_server shared[KINDS_MAX * 4];
	(void)state;
	drive_start(&drive, &postgres_driver);
	size_t n = drive_servers("postgres", shared, KINDS_MAX * 4);
	size_t versions = 0;
	for (size_t i = 0; i < n; i++)
		versions += strcmp(shared[i].name, shared[i].kind) == 0;
	size_t seen = 0;
	for (size_t i = 0; i < n && nkinds < KINDS_MAX; i++) {
		char name[64];
		if (strcmp(shared[i].name, shared[i].kind) != 0)
			continue;
		/* A lab with one version has it in both programs. */
		if (seen++ % 2 != first_kind && versions > 1)
			continue;
		snprintf(name, sizeof(name), "locks%zu%s", first_kind, shared[i].kind);
		struct lab_server server = lab_spawn(shared[i].kind, name, settings);
		crowd_start(&crowds[nkinds], &server);
		conns[nkinds] = drive_open(&drive, &server, nkinds % 2 == 0 ? "monitor" : "nobody", LANE_FAST,
		        &endpoints[nkinds]);
		nkinds++;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < nkinds; i++) {
		drive.driver->close(conns[i]);
		endpoint_free(&endpoints[i]);
		struct lab_server server = crowds[i].server;
		crowd_stop(&crowds[i]);
		lab_remove(server.name);
	}
	drive_stop(&drive);
	return 0;
}

static void add_objects(struct world *w, enum world_kind kind, int n)
{
	for (int db = 0; db < CROWD_DATABASES; db++) {
		for (int i = 0; i < n && w->nobjects < WORLD_OBJECTS; i++)
			w->object[w->nobjects++] = (struct world_object){
			        .kind = kind, .db = db, .number = i, .owner = -1, .handler = -1};
	}
}

static int pick_object(struct scene *sc, int s)
{
	const struct world *w = &sc->crowd->world;
	int object;
	do
		object = (int)below(sc, (unsigned)w->nobjects);
	while (w->object[object].db != w->session[s].db);
	return object;
}

static int pick_mode(struct scene *sc, enum world_kind kind)
{
	if (kind == WORLD_ROW)
		return 0;
	if (kind == WORLD_ADVISORY)
		return below(sc, 3) == 0 ? 5 : 7;
	return 1 + (int)below(sc, WORLD_MODES);
}

/* Would it be a deadlock? The server would end one of them after a second. */
static bool is_safe(const struct world *w, int s, int object, int mode)
{
	static struct world trial;
	trial = *w;
	return world_request(&trial, s, object, mode) || !world_circle(&trial, s);
}

static bool is_free(const struct world *w, int s)
{
	return w->session[s].waits < 0 && !w->session[s].prepared && !w->session[s].gone;
}

static void step_ask(struct scene *sc, int s)
{
	const struct world *w = &sc->crowd->world;
	for (int attempt = 0; attempt < 8; attempt++) {
		int object = pick_object(sc, s);
		int mode = pick_mode(sc, w->object[object].kind);
		if (!is_safe(w, s, object, mode))
			continue;
		crowd_ask(sc->crowd, s, object, mode);
		return;
	}
}

/* Some who hold nothing yet ask for one lock that is taken. */
static void step_burst(struct scene *sc)
{
	const struct world *w = &sc->crowd->world;
	int who[WORLD_SESSIONS];
	int n = 0;
	int object = (int)below(sc, (unsigned)w->nobjects);
	const struct world_object *o = &w->object[object];
	int mode = o->kind == WORLD_ROW ? 0 : o->kind == WORLD_ADVISORY ? 7 : 8;
	int most = 2 + (int)below(sc, 12);
	for (int s = 0; s < w->nsessions && n < most; s++) {
		static struct world trial;
		if (!is_free(w, s) || w->session[s].db != o->db || world_holds(w, s))
			continue;
		trial = *w;
		if (!world_request(&trial, s, object, mode))
			who[n++] = s;
	}
	if (n > 0)
		crowd_burst(sc->crowd, who, n, object, mode);
}

static unsigned prepared(const struct world *w)
{
	unsigned n = 0;
	for (int s = 0; s < w->nsessions; s++)
		n += w->session[s].prepared;
	return n;
}

static void step(struct scene *sc)
{
	const struct world *w = &sc->crowd->world;
	unsigned dice = below(sc, 100);
	int s = (int)below(sc, (unsigned)w->nsessions);
	if (w->session[s].gone)
		return;
	if (dice < sc->end) {
		crowd_end(sc->crowd, s, w->session[s].waits >= 0 ? END_CANCEL : END_ROLLBACK);
	} else if (dice < sc->end + sc->burst) {
		step_burst(sc);
	} else if (is_free(w, s)) {
		if (dice >= 100 - sc->prepare && world_holds(w, s) && prepared(w) < 48)
			crowd_prepare(sc->crowd, s);
		else
			step_ask(sc, s);
	}
}

static void build_scene(struct scene *sc, int sessions)
{
	int db[WORLD_SESSIONS];
	struct world *w = &sc->crowd->world;
	unsigned spread = below(sc, 3);
	for (int s = 0; s < sessions; s++)
		db[s] = spread == 0 ? 0 : (int)below(sc, CROWD_DATABASES);
	crowd_reset(sc->crowd, sessions, db, sc->seed);
	add_objects(w, WORLD_RELATION, 1 + (int)below(sc, CROWD_TABLES));
	add_objects(w, WORLD_ROW, 1 + (int)below(sc, sessions > 60 ? 12 : 4));
	add_objects(w, WORLD_ADVISORY, (int)below(sc, 4));
	sc->end = below(sc, 5);
	sc->burst = below(sc, 3) == 0 ? 6 : 0;
	sc->prepare = below(sc, 8);
	int steps = 2 * sessions + (int)below(sc, 2 * (unsigned)sessions);
	for (int i = 0; i < steps; i++)
		step(sc);
	crowd_settle(sc->crowd);
}

/* One scene: the whole truth of it, then what dbatop proposes is done, and again. */
static void play(size_t kind, uint64_t seed, int sessions)
{
	struct scene sc = {.crowd = &crowds[kind], .random = seed};
	enum crowd_end how = END_ROLLBACK;
	snprintf(sc.seed, sizeof(sc.seed), "DBATOP_SEED=%llu, %d sessions", (unsigned long long)seed,
	        sessions);
	build_scene(&sc, sessions);
	counts.scenes++;
	for (int round = 0; round < ROUNDS; round++) {
		crowd_verify(sc.crowd);
		proof_check(&drive, conns[kind], sc.crowd, &counts);
		int s = proof_move(&drive, conns[kind], sc.crowd, &how);
		if (s < 0)
			break;
		crowd_end(sc.crowd, s, how);
	}
	crowd_verify(sc.crowd);
	proof_check(&drive, conns[kind], sc.crowd, &counts);
}

static uint64_t first_seed(void)
{
	const char *text = getenv("DBATOP_SEED");
	return text == NULL ? UINT64_C(18044941523) : strtoull(text, NULL, 10);
}

static void report(int64_t began)
{
	print_message("%u scenes, %u states, %u waiters (%u at most, %u states grouped), %u edges, %u "
	              "releases and %u "
	              "proposals compared in %lld ms: none false, none missed\n",
	        counts.scenes, counts.states, counts.waiters, counts.most_waiters, counts.grouped,
	        counts.edges, counts.releases, counts.moves, (long long)(wait_now_ms() - began));
}

static void test_random_scenes(void **state)
{
	(void)state;
	const char *text = getenv("DBATOP_SCENES");
	size_t scenes = text == NULL ? nkinds : strtoul(text, NULL, 10);
	uint64_t seed = first_seed();
	int64_t began = wait_now_ms();
	print_message("seed %llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < scenes; i++) {
		struct scene size = {.random = seed + i};
		/* Most are small, where rare orders are likely; some are as large as an incident. */
		unsigned dice = below(&size, 20);
		unsigned sessions = dice < 14   ? 2 + below(&size, 30)
		                    : dice < 19 ? 20 + below(&size, 80)
		                                : 300;
		if (text == NULL)
			sessions = 6 + below(&size, 40);
		play(i % nkinds, seed + i, (int)sessions);
	}
	report(began);
}

/* As large as it gets, on one version after the other by the seed. */
static void test_a_large_scene(void **state)
{
	(void)state;
	uint64_t seed = first_seed();
	int64_t began = wait_now_ms();
	play(seed % nkinds, seed, 300);
	report(began);
}

int lock_play(size_t first)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_random_scenes),
	        cmocka_unit_test(test_a_large_scene),
	};
	first_kind = first;
	return cmocka_run_group_tests(tests, setup, teardown);
}
