/* Races between an action and the world that moves on: a client that goes from one piece of work to the next
 * on the same connection, an operator who acts on what was seen a moment ago, both let go at the same moment
 * and held back by random microseconds. Who was hit is told by the client alone. Several pairs run at once,
 * each two threads; nothing in a play may fail the test from within: it says so in `error`. */
#ifndef DBATOP_TESTS_SUPPORT_RACE_H
#define DBATOP_TESTS_SUPPORT_RACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum race_hit {
	HIT_NOBODY,
	HIT_RIGHT, /* the piece of work that was seen */
	HIT_WRONG, /* any other */
	HIT_IDLE   /* the connection, after one client's work and before the next one's had begun */
};

/* What the operator was told. */
enum race_told { TOLD_SENT, TOLD_NOTHING_DONE, TOLD_UNKNOWN };

/* One pair. The play's own state is in `own`. */
struct race_pair {
	void *own;
	uint64_t random;
	atomic_int acted; /* 0 until the operator has its answer, then 1 + enum race_told */
	char error[256];  /* set by the play: the pair stops, the test fails */
};

struct race_play {
	const char *name;
	/* The work that will be acted on begins and is seen; both threads wait meanwhile. */
	void (*prepare)(struct race_pair *p);
	/* Client thread: goes on to the next pieces while race_goes_on, then tells who was hit. */
	enum race_hit (*client)(struct race_pair *p);
	/* Operator's thread. */
	enum race_told (*act)(struct race_pair *p);
	unsigned client_us, act_us; /* the most each is held back */
};

struct race_tally {
	unsigned races, sent, right, wrong, idle, nothing_done, unknown;
	int64_t ms;
	unsigned lies; /* "nothing was done", and yet somebody was hit */
};

/* Runs `races` in all, spread over the pairs. Fails the test on an error of a play. */
void race_run(const struct race_play *play, struct race_pair *pairs, unsigned n, unsigned races,
        struct race_tally *tally);
/* One line for the log. */
void race_print(const struct race_play *play, const struct race_tally *tally);
/* Until the operator has its answer; then as many pieces more as a signal may need to arrive, none when
 * nothing was sent. `more` counts them, from 0. */
bool race_goes_on(struct race_pair *p, unsigned *more, unsigned most);
unsigned race_random(struct race_pair *p, unsigned below);
void race_fail(struct race_pair *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
