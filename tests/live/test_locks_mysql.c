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
#include "tests/support/mylock_proof.h"

enum { SERVERS_MAX = 16, SCENES = 1, SESSIONS_MAX = 36, STEPS_EACH = 3 };

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

static unsigned below(uint64_t *random, unsigned n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (unsigned)(*random % n);
}

/* 1. One random step, when it is one that a server would take without a circle. */

static enum myw_mode mode_for(uint64_t *random, enum myw_kind kind, bool fresh)
{
	unsigned dice = below(random, 10);
	if (kind == MYW_TABLE)
		return dice < 5 || (!fresh && dice < 7) ? MYW_READ
		       : !fresh || dice < 7             ? MYW_WRITE
		       : dice < 9                       ? MYW_EXCLUSIVE
		                                        : MYW_LOCKED;
	return kind == MYW_ROW && dice < 6 ? MYW_S : MYW_X;
}

static bool makes_circle(const struct my_crowd *c, int s, int object, enum myw_mode mode)
{
	static struct my_world trial;
	bool who[MYW_SESSIONS];
	trial = c->world;
	if (mode != MYW_EXCLUSIVE)
		myw_request(&trial, s, object, mode);
	else if (myw_request(&trial, s, object, MYW_UPGRADABLE))
		myw_request(&trial, s, object, MYW_EXCLUSIVE);
	for (int i = 0; i < trial.nsessions; i++) {
		myw_reach(&trial, i, who);
		if (who[i])
			return true;
	}
	return false;
}

/* MySQL lets those in first who block others: who asks for a row of mixed modes there does nothing else. */
static bool is_done(const struct my_crowd *c, int s)
{
	const struct myw_session *me = &c->world.session[s];
	if (me->waits >= 0 || me->gone || me->prepared || me->locks)
		return true;
	for (int o = 0; !c->maria && o < c->world.nobjects; o++) {
		if (c->world.object[o].kind == MYW_ROW && c->world.object[o].held[s] != 0)
			return true;
	}
	return false;
}

static void step(struct my_crowd *c, uint64_t *random)
{
	int s = (int)below(random, (unsigned)c->world.nsessions);
	int object = (int)below(random, (unsigned)c->world.nobjects);
	const struct myw_object *o = &c->world.object[object];
	bool fresh = !myw_holds_any(&c->world, s) && !c->open[s];
	enum myw_mode mode = mode_for(random, o->kind, fresh);
	if (is_done(c, s) || o->held[s] != 0 || (!c->maria && o->kind == MYW_ROW && !fresh))
		return;
	if (makes_circle(c, s, object, mode))
		return;
	if (fresh && c->prepared < 0 && object < MYC_ROWS && o->nwaiting == 0 && below(random, 4) == 0) {
		for (int i = 0; i < c->world.nsessions; i++) {
			if (o->held[i] != 0)
				return;
		}
		myc_prepare(c, s, object);
		return;
	}
	myc_ask(c, s, object, mode);
}

/* 2. A scene: steps, a look; then root after root is ended, with a look now and then. */

static void play(struct my_proof *p, struct my_crowd *c, uint64_t seed)
{
	char name[64];
	uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	int sessions = 10 + (int)below(&random, SESSIONS_MAX - 9);
	snprintf(name, sizeof(name), "%.30s, seed %llu", c->server.name, (unsigned long long)seed);
	myc_reset(c, sessions, name);
	for (int i = 0; i < sessions * STEPS_EACH; i++)
		step(c, &random);
	myp_check(p, c);
	for (int root = myp_root(c), n = 0; root >= 0; root = myp_root(c), n++) {
		myp_end(p, c, root);
		if (n % 3 == 0)
			myp_check(p, c);
	}
	assert_int_equal(myw_waiting(&c->world), 0);
	myp_check(p, c);
	myc_clear(c);
	p->scenes++;
}

static void test_scenes(void **state)
{
	(void)state;
	uint64_t scenes = number_from("DBATOP_SCENES", SCENES);
	uint64_t seed = number_from("DBATOP_SEED", (uint64_t)getpid() * 1000);
	for (size_t i = 0; i < nservers; i++) {
		static struct my_crowd crowd;
		struct endpoint ep;
		struct my_proof p = {
		        .drive = &drive, .conn = drive_open(&drive, &servers[i], "monitor", LANE_FAST, &ep)};
		myc_start(&crowd, &servers[i]);
		for (uint64_t k = 0; k < scenes; k++)
			play(&p, &crowd, seed + k);
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
