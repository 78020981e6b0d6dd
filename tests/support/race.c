/* Runs races: see race.h. */
#include "tests/support/test.h"

#include "tests/support/race.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "tests/support/wait.h"

/* How far one may wait for the other. */
enum { LEAD_MOST_US = 20000 };
enum { SIZE_FIRST = 50 };

struct run {
	const struct race_play *play;
	struct race_pair *pair;
	unsigned races;
	struct race_tally tally;
	pthread_barrier_t bell;
	enum race_hit hit;
	enum race_told told;
	unsigned client_us, act_us;
	bool fair; /* whoever loses has less to wait */
	bool over;
};

unsigned race_random(struct race_pair *p, unsigned below)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return below == 0 ? 0 : (unsigned)((p->random >> 11) % below);
}

bool race_goes_on(struct race_pair *p, unsigned *more, unsigned most)
{
	int acted = atomic_load(&p->acted);
	if (acted == 0)
		return true;
	return (*more)++ < (acted == 1 + TOLD_NOTHING_DONE ? 1 : most);
}

void race_fail(struct race_pair *p, const char *fmt, ...)
{
	va_list ap;
	if (p->error[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(p->error, sizeof(p->error), fmt, ap);
	va_end(ap);
}

void race_resize(struct race_pair *p, bool longer)
{
	p->size = longer ? p->size + p->size / 5 + 1 : p->size - p->size / 8;
	p->size = p->size < RACE_SIZE_LEAST  ? RACE_SIZE_LEAST
	          : p->size > RACE_SIZE_MOST ? RACE_SIZE_MOST
	                                     : p->size;
}

/* After a race: whoever lost it has less to wait in the next one. */
static void handicap(const struct race_play *play, struct race_pair *p, bool won)
{
	int step = 10 + abs(p->lead_us) / 8;
	bool by_work = play->client_us == 0;
	if (by_work && (won ? p->size > RACE_SIZE_LEAST : p->lead_us >= 0))
		race_resize(p, !won);
	else
		p->lead_us += won ? -step : step;
	p->lead_us = p->lead_us < -LEAD_MOST_US  ? -LEAD_MOST_US
	             : p->lead_us > LEAD_MOST_US ? LEAD_MOST_US
	                                         : p->lead_us;
}

static void draw(struct run *r)
{
	int lead = r->pair->lead_us;
	r->client_us = race_random(r->pair, r->play->client_us + (lead > 0 ? (unsigned)lead : 0) + 1);
	r->act_us = race_random(r->pair, r->play->act_us + (lead < 0 ? (unsigned)-lead : 0) + 1);
}

/* Microseconds matter here, so it does not give up the processor. */
static void hold_back(unsigned us)
{
	int64_t until = wait_now_us() + us;
	while (wait_now_us() < until)
		;
}

static void *client(void *arg)
{
	struct run *r = arg;
	for (;;) {
		pthread_barrier_wait(&r->bell);
		if (r->over)
			return NULL;
		hold_back(r->client_us);
		r->hit = r->play->client(r->pair);
		pthread_barrier_wait(&r->bell);
	}
}

static void count(struct run *r)
{
	struct race_tally *t = &r->tally;
	t->races++;
	t->sent += r->told == TOLD_SENT;
	t->nothing_done += r->told == TOLD_NOTHING_DONE;
	t->unknown += r->told == TOLD_UNKNOWN;
	t->right += r->hit == HIT_RIGHT;
	t->wrong += r->hit == HIT_WRONG;
	t->idle += r->hit == HIT_IDLE;
	t->lies += r->told == TOLD_NOTHING_DONE && r->hit != HIT_NOBODY;
}

static void *operator(void *arg)
{
	struct run *r = arg;
	for (unsigned i = 0; i < r->races && r->pair->error[0] == '\0'; i++) {
		atomic_store(&r->pair->acted, 0);
		r->play->prepare(r->pair);
		if (r->pair->error[0] != '\0')
			break;
		draw(r);
		pthread_barrier_wait(&r->bell);
		hold_back(r->act_us);
		r->told = r->play->act(r->pair);
		atomic_store(&r->pair->acted, 1 + (int)r->told);
		pthread_barrier_wait(&r->bell);
		count(r);
		if (r->fair)
			handicap(r->play, r->pair, r->hit == HIT_RIGHT);
	}
	r->over = true;
	pthread_barrier_wait(&r->bell);
	return NULL;
}

static void run_all(const struct race_play *play, bool fair, struct race_pair *pairs, unsigned n,
        unsigned races, struct race_tally *tally)
{
	struct run *runs = xcalloc(n, sizeof(*runs));
	pthread_t *threads = xcalloc((size_t)n * 2, sizeof(*threads));
	int64_t began = wait_now_ms();
	for (unsigned i = 0; i < n; i++) {
		runs[i] = (struct run){
		        .play = play, .pair = &pairs[i], .races = (races + n - 1) / n, .fair = fair};
		pairs[i].error[0] = '\0';
		assert_int_equal(pthread_barrier_init(&runs[i].bell, NULL, 2), 0);
		assert_int_equal(pthread_create(&threads[2 * i], NULL, client, &runs[i]), 0);
		assert_int_equal(pthread_create(&threads[2 * i + 1], NULL, operator, & runs[i]), 0);
	}
	for (unsigned i = 0; i < n * 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < n; i++) {
		const struct race_tally *t = &runs[i].tally;
		if (pairs[i].error[0] != '\0')
			fail_msg("%s: %s", play->name, pairs[i].error);
		tally->races += t->races;
		tally->sent += t->sent;
		tally->right += t->right;
		tally->wrong += t->wrong;
		tally->idle += t->idle;
		tally->nothing_done += t->nothing_done;
		tally->unknown += t->unknown;
		tally->lies += t->lies;
		pthread_barrier_destroy(&runs[i].bell);
	}
	tally->ms += wait_now_ms() - began;
	free(threads);
	free(runs);
}

static void print(const struct race_play *play, const struct race_tally *t)
{
	print_message("%-44s %5u races  %4u sent  %4u right  %4u nothing done  %3u idle  %3u WRONG  %u lies  "
	              "%5lld ms\n",
	        play->name, t->races, t->sent, t->right, t->nothing_done, t->idle, t->wrong, t->lies,
	        (long long)t->ms);
}

static void begin(struct race_pair *pairs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pairs[i].lead_us = 0;
		pairs[i].size = SIZE_FIRST;
		pairs[i].random = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
	}
}

void race_guarded(const struct race_play *play, struct race_pair *pairs, unsigned n, unsigned races,
        struct race_tally *tally)
{
	enum { ROUNDS = 8 };
	struct race_tally t = {.races = 0};
	begin(pairs, n);
	for (int i = 0; i < ROUNDS && (t.nothing_done == 0 || (t.right == 0 && !play->never_right)); i++)
		run_all(play, true, pairs, n, races, &t);
	print(play, &t);
	if (t.unknown > 0 || t.lies > 0 || t.nothing_done == 0 ||
	        (play->never_right ? t.sent > 0 : t.right == 0))
		fail_msg("%s: this was no race, or what was told of it is not true", play->name);
	*tally = t;
}

bool race_fair(unsigned wrong, unsigned races)
{
	return wrong * 1000 <= races;
}

bool race_undecided(unsigned wrong, unsigned races)
{
	return !race_fair(wrong, races) && races < 6000;
}

void race_unguarded(const struct race_play *play, struct race_pair *pairs, unsigned n)
{
	enum { RACES = 30, ROUNDS = 40 };
	struct race_play later = *play;
	struct race_tally tally = {.races = 0};
	begin(pairs, n);
	for (int i = 0; i < ROUNDS && tally.wrong == 0; i++) {
		run_all(&later, false, pairs, n, RACES, &tally);
		later.act_us += play->act_us;
	}
	print(play, &tally);
	if (tally.wrong == 0)
		fail_msg(
		        "%s: nobody else was hit even without the guard, so this proves nothing", play->name);
}
