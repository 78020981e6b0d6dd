/* A random scene: sessions lock and wait, what dbatop shows is compared; then root after root is ended, and
 * compared again. The same seed gives the same scene. Fails the test with the seed in its message. */
#ifndef DBATOP_TESTS_SUPPORT_MYLOCK_SCENE_H
#define DBATOP_TESTS_SUPPORT_MYLOCK_SCENE_H

#include "tests/support/mylock_proof.h"

struct my_scene {
	uint64_t seed;
	int least, most; /* sessions */
	bool gaps;       /* gaps between rows too */
	int releases;    /* end with so many roots; 0: until nobody waits */
};
void mys_play(struct my_proof *p, struct my_crowd *c, const struct my_scene *scene);

#endif
