/* Random steps of a crowd on one server; what they come to is printed as the seed. */
#include "tests/support/mylock_scene.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

enum { STEPS_EACH = 3, MANY = 60, LOOK_EACH = 3, LOOK_EACH_MANY = 8 };

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
	if (kind == MYW_GAP)
		return fresh && dice < 5 ? MYW_FREE : MYW_INSERT;
	return kind == MYW_ROW && dice < 3 ? MYW_S : MYW_X;
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
	/* What is new begins or ends at s. */
	myw_reach(&trial, s, who);
	return who[s];
}

static bool is_done(const struct my_crowd *c, int s)
{
	const struct myw_session *me = &c->world.session[s];
	return me->waits >= 0 || me->gone || me->prepared || me->locks;
}

static void step(struct my_crowd *c, uint64_t *random)
{
	int s = (int)below(random, (unsigned)c->world.nsessions);
	int object = (int)below(random, (unsigned)c->world.nobjects);
	const struct myw_object *o = &c->world.object[object];
	bool fresh = !myw_holds_any(&c->world, s) && !c->open[s];
	enum myw_mode mode = mode_for(random, o->kind, fresh);
	if (is_done(c, s) || o->held[s] != 0)
		return;
	/* An older snapshot may not read a table that was altered. A gap that somebody waits for is looked at
	 * once more when its turn has come, so nobody new is to keep it. */
	if ((o->kind == MYW_TABLE && c->world.session[s].repeats) || (mode == MYW_FREE && o->nwaiting > 0))
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

void mys_play(struct my_proof *p, struct my_crowd *c, const struct my_scene *scene)
{
	char name[64];
	uint64_t random = scene->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	int sessions = scene->least + (int)below(&random, (unsigned)(scene->most - scene->least + 1));
	int each = sessions > MANY ? LOOK_EACH_MANY : LOOK_EACH, ended = 0;
	snprintf(name, sizeof(name), "%.30s, seed %llu", c->server.name, (unsigned long long)scene->seed);
	c->gaps = scene->gaps;
	myc_reset(c, sessions, name);
	for (int i = 0; i < sessions * STEPS_EACH; i++)
		step(c, &random);
	myp_check(p, c);
	for (int root = myp_root(c); root >= 0 && (scene->releases == 0 || ended < scene->releases);
	        root = myp_root(c), ended++) {
		myp_end(p, c, root);
		if (ended % each == 0)
			myp_check(p, c);
	}
	if (scene->releases == 0)
		assert_int_equal(myw_waiting(&c->world), 0);
	myp_check(p, c);
	myc_clear(c);
	p->scenes++;
}
