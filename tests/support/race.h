/* Races between an action and the world that moves on: a client that goes from one piece of work to the next
 * on the same connection, an operator who acts on what was seen a moment ago, both let go at the same moment
 * and held back by random microseconds. How long depends on what both need on this machine at this moment, so
 * each pair finds out by itself: whoever lost the last race has a little less to wait in the next one. Who
 * was hit is told by the client alone. Several pairs run at once, each two threads; nothing in a play may
 * fail the test from within: it says so in `error`. */
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

enum { RACE_SIZE_LEAST = 5, RACE_SIZE_MOST = 1000000 };

/* One pair. The play's own state is in `own`. */
struct race_pair {
	void *own;
	uint64_t random;
	atomic_int acted; /* 0 until the operator has its answer, then 1 + enum race_told */
	int lead_us;      /* the most the client is held back more, or the operator when it is negative */
	unsigned size;    /* of the work that was seen, for plays that race for its end: grown and shrunk
	                     likewise */
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
	/* The most each is held back, to begin with. client_us 0: the client's own work is what takes time,
	 * `size` of it. */
	unsigned client_us, act_us;
	bool never_right; /* what was seen is over before the action begins */
};

struct race_tally {
	unsigned races, sent, right, wrong, idle, nothing_done, unknown;
	int64_t ms;
	unsigned lies; /* "nothing was done", and yet somebody was hit */
};

/* Runs `races` in all, spread over the pairs, and as many again until both ends of the race were reached;
 * prints one line. Fails the test when they never are, when what the operator was told is not what happened,
 * or on an error of the play. Wrong victims are left to race_fair. */
void race_guarded(const struct race_play *play, struct race_pair *pairs, unsigned n, unsigned races,
        struct race_tally *tally);
/* Whether there are no more wrong victims than one in a thousand. No server can compare and signal in one
 * step: where its process loses the processor just between the two, for as long as another client needs to
 * take over, it hits that one. On a machine that is left alone there is none in tens of thousands; where both
 * processors are taken away thousands of times a second, and every client moves on at just that moment, one
 * in some 3,000 was measured. A guard that fails makes one in three. */
bool race_fair(unsigned wrong, unsigned races);
/* It is not fair so far, but more races may show that it is. */
bool race_undecided(unsigned wrong, unsigned races);
/* With the guard taken away, and the operator later and later, until somebody else was hit. Fails the test
 * when nobody ever is. */
void race_unguarded(const struct race_play *play, struct race_pair *pairs, unsigned n);
/* Until the operator has its answer; then as many pieces more as a signal may need to arrive, none when
 * nothing was sent. `more` counts them, from 0. */
bool race_goes_on(struct race_pair *p, unsigned *more, unsigned most);
unsigned race_random(struct race_pair *p, unsigned below);
/* The work takes longer, or shorter, from now on. */
void race_resize(struct race_pair *p, bool longer);
void race_fail(struct race_pair *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
