/* The axe cuts what is due and nothing else: thousands of calls that end while their deadline passes, whose
 * descriptors are closed and reused at once, and never a stranger's socket shut down. */
#include "tests/support/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/run/axe.h"

struct pair {
	int ours;
	int theirs;
};

static struct pair open_pair(void)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		fail_msg("socketpair: %d", errno);
	return (struct pair){.ours = fds[0], .theirs = fds[1]};
}

static void close_pair(struct pair p)
{
	close(p.ours);
	close(p.theirs);
}

static bool is_open(struct pair p)
{
	char c = 0;
	return send(p.ours, "x", 1, MSG_NOSIGNAL) == 1 && recv(p.theirs, &c, 1, MSG_DONTWAIT) == 1;
}

/* Waits until the other side was shut down, at most ten seconds. */
static bool is_cut(struct pair p)
{
	struct ctx root = ctx_root(&clock_real, NULL);
	struct ctx ctx = ctx_within(&root, 10000);
	char c;
	return ctx_wait_fd(&ctx, p.ours, POLLIN) == ERR_NONE && recv(p.ours, &c, 1, MSG_DONTWAIT) == 0;
}

static struct ctx due_in(mono_ns ns)
{
	return (struct ctx){.clock = &clock_real, .deadline = clock_now(&clock_real) + ns};
}

static struct axe *start(const struct clock *clock)
{
	struct err e;
	struct axe *axe = axe_start(clock, &e);
	if (axe == NULL)
		fail_msg("%s", e.text);
	return axe;
}

static void test_it_falls_at_the_deadline(void **state)
{
	(void)state;
	struct axe *axe = start(&clock_real);
	struct pair p = open_pair();
	struct ctx ctx = due_in(20 * NS_PER_MS);
	struct axe_entry entry;
	axe_arm(axe, &entry, &ctx, p.ours);
	assert_true(is_open(p));
	assert_true(is_cut(p));
	mono_ns late = clock_now(&clock_real) - ctx.deadline;
	assert_true(late >= 0 && late < 5 * NS_PER_S);
	assert_true(axe_disarm(axe, &entry));
	assert_int_equal(axe_count(axe), 1);
	close_pair(p);
	axe_stop(axe);
}

static void test_what_is_disarmed_is_left_alone(void **state)
{
	(void)state;
	struct axe *axe = start(&clock_real);
	struct pair early = open_pair();
	struct pair later = open_pair();
	struct ctx soon = due_in(5 * NS_PER_MS);
	struct ctx after = due_in(10 * NS_PER_MS);
	struct axe_entry first;
	struct axe_entry second;
	axe_arm(axe, &first, &soon, early.ours);
	axe_arm(axe, &second, &after, later.ours);
	bool fell = axe_disarm(axe, &first);
	assert_true(is_cut(later));
	assert_int_equal(is_open(early), !fell);
	assert_true(axe_disarm(axe, &second));
	close_pair(early);
	close_pair(later);
	axe_stop(axe);
}

static void test_any_order(void **state)
{
	(void)state;
	enum { COUNT = 50 };
	struct manual_clock manual;
	manual_clock_init(&manual, NS_PER_S, 0);
	struct axe *axe = start(&manual.clock);
	struct ctx root = ctx_root(&manual.clock, NULL);
	struct axe_entry entries[COUNT];
	struct pair pairs[COUNT];
	for (uint32_t i = 0; i < COUNT; i++) {
		/* 1 to 50 seconds, shuffled. */
		struct ctx ctx = ctx_within(&root, (i * 37 % COUNT + 1) * 1000);
		pairs[i] = open_pair();
		axe_arm(axe, &entries[i], &ctx, pairs[i].ours);
	}
	manual_clock_advance(&manual, 25 * 1000);
	for (uint32_t i = 0; i < COUNT; i++) {
		bool due = i * 37 % COUNT + 1 <= 25;
		if (due)
			assert_true(is_cut(pairs[i]));
		assert_int_equal(axe_disarm(axe, &entries[i]), due);
		assert_int_equal(is_open(pairs[i]), !due);
		close_pair(pairs[i]);
	}
	assert_int_equal(axe_count(axe), 25);
	axe_stop(axe);
}

static void test_no_deadline_is_never_cut(void **state)
{
	(void)state;
	struct axe *axe = start(&clock_real);
	struct ctx never = ctx_root(&clock_real, NULL);
	struct ctx soon = due_in(NS_PER_MS);
	struct pair p = open_pair();
	struct pair q = open_pair();
	struct axe_entry a;
	struct axe_entry b;
	axe_arm(axe, &a, &never, p.ours);
	axe_arm(axe, &b, &soon, q.ours);
	assert_true(is_cut(q));
	assert_false(axe_disarm(axe, &a));
	assert_true(is_open(p));
	axe_disarm(axe, &b);
	close_pair(p);
	close_pair(q);
	axe_stop(axe);
}

static void test_too_late_falls_at_once(void **state)
{
	(void)state;
	struct axe *axe = start(&clock_real);
	struct cancel cancel;
	assert_true(cancel_init(&cancel, NULL, NULL));
	cancel_set(&cancel);
	struct ctx contexts[] = {due_in(-1), ctx_root(&clock_real, &cancel)};
	for (size_t i = 0; i < 2; i++) {
		struct pair p = open_pair();
		struct axe_entry entry;
		axe_arm(axe, &entry, &contexts[i], p.ours);
		assert_false(is_open(p));
		assert_true(axe_disarm(axe, &entry));
		close_pair(p);
	}
	cancel_close(&cancel);
	axe_stop(axe);
}

static void test_a_socket_that_appears_later(void **state)
{
	(void)state;
	struct axe *axe = start(&clock_real);
	struct pair p = open_pair();
	struct pair q = open_pair();
	struct axe_entry entry;

	/* 1. Before the deadline. */
	struct ctx ctx = due_in(5 * NS_PER_MS);
	axe_arm(axe, &entry, &ctx, -1);
	axe_set_fd(axe, &entry, p.ours);
	assert_true(is_cut(p));

	/* 2. After it: the library tries the next address, which is cut at once. */
	axe_set_fd(axe, &entry, q.ours);
	assert_false(is_open(q));
	axe_set_fd(axe, &entry, -1);
	assert_true(axe_disarm(axe, &entry));
	assert_int_equal(axe_count(axe), 1);
	close_pair(p);
	close_pair(q);
	axe_stop(axe);
}

static void test_quitting_cuts_everything(void **state)
{
	(void)state;
	struct axe *axe = start(&clock_real);
	struct ctx never = ctx_root(&clock_real, NULL);
	struct pair p = open_pair();
	struct pair q = open_pair();
	struct axe_entry a;
	struct axe_entry b;
	axe_arm(axe, &a, &never, p.ours);
	axe_fell_all(axe);
	assert_false(is_open(p));
	axe_arm(axe, &b, &never, q.ours);
	assert_false(is_open(q));
	assert_true(axe_disarm(axe, &a));
	assert_true(axe_disarm(axe, &b));
	close_pair(p);
	close_pair(q);
	axe_stop(axe);
}

static void test_a_library_may_close_its_socket_inside_the_call(void **state)
{
	(void)state;
	struct axe *axe = start(&clock_real);
	struct pair p = open_pair();
	struct ctx ctx = due_in(5 * NS_PER_MS);
	struct axe_entry entry;
	axe_arm(axe, &entry, &ctx, p.ours);
	int number = p.ours;
	close(p.ours);
	struct pair stranger = open_pair();
	assert_int_equal(stranger.ours, number);

	/* The other end sees the fall; the stranger with our number does not. */
	struct ctx root = ctx_root(&clock_real, NULL);
	assert_int_equal(ctx_wait_fd(&root, p.theirs, POLLIN), ERR_NONE);
	assert_true(axe_disarm(axe, &entry));
	assert_true(is_open(stranger));
	close(p.theirs);
	close_pair(stranger);
	axe_stop(axe);
}

/* One of several threads whose calls end just when their deadlines pass. */
struct racer {
	struct axe *axe;
	pthread_t thread;
	unsigned seed;
	unsigned long fell;
	unsigned long kept;
	const char *failure;
};

static unsigned next(struct racer *r)
{
	r->seed = r->seed * 1103515245u + 12345u;
	return r->seed >> 16 & 0x7FFF;
}

static void *race(void *arg)
{
	struct racer *r = arg;
	for (int i = 0; i < 3000 && r->failure == NULL; i++) {
		struct pair p = open_pair();
		struct ctx ctx = due_in(next(r) % 60000);
		struct axe_entry entry;
		axe_arm(r->axe, &entry, &ctx, p.ours);
		mono_ns end = ctx.deadline - 30000 + next(r) % 60000;
		while (clock_now(&clock_real) < end)
			;
		bool fell = axe_disarm(r->axe, &entry);
		*(fell ? &r->fell : &r->kept) += 1;
		/* Disarmed: it was cut before or it never is, and its number can be anybody's. */
		if (is_open(p) == fell)
			r->failure = fell ? "fell, but is open" : "did not fall, but is cut";
		close_pair(p);
		struct pair stranger = open_pair();
		if (!is_open(stranger))
			r->failure = "a stranger was cut";
		close_pair(stranger);
	}
	return NULL;
}

static void test_races(void **state)
{
	(void)state;
	enum { RACERS = 4 };
	struct axe *axe = start(&clock_real);
	struct racer racers[RACERS];
	unsigned long fell = 0;
	unsigned long kept = 0;
	for (unsigned i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){.axe = axe, .seed = i + 1};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (unsigned i = 0; i < RACERS; i++) {
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
		if (racers[i].failure != NULL)
			fail_msg("%s", racers[i].failure);
		fell += racers[i].fell;
		kept += racers[i].kept;
	}
	assert_int_equal(axe_count(axe), fell);
	/* A race that only ever ends one way shows nothing. */
	assert_true(fell > 100);
	assert_true(kept > 100);
	axe_stop(axe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_it_falls_at_the_deadline),
	        cmocka_unit_test(test_what_is_disarmed_is_left_alone),
	        cmocka_unit_test(test_any_order),
	        cmocka_unit_test(test_no_deadline_is_never_cut),
	        cmocka_unit_test(test_too_late_falls_at_once),
	        cmocka_unit_test(test_a_socket_that_appears_later),
	        cmocka_unit_test(test_quitting_cuts_everything),
	        cmocka_unit_test(test_a_library_may_close_its_socket_inside_the_call),
	        cmocka_unit_test(test_races),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
