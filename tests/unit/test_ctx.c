/* Waits end: at the deadline, at a cancel of any ancestor, or when the descriptor is ready, and a late look
 * finds data that came while the machine was paused. */
#include "tests/support/test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/ctx.h"

struct pipe_fds {
	int reader;
	int writer;
};

static struct pipe_fds make_pipe(void)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	return (struct pipe_fds){.reader = fds[0], .writer = fds[1]};
}

static void close_pipe(struct pipe_fds p)
{
	close(p.reader);
	close(p.writer);
}

static void test_a_child_only_shortens(void **state)
{
	(void)state;
	struct manual_clock m;
	manual_clock_init(&m, 1000 * NS_PER_S, 0);
	struct ctx root = ctx_root(&m.clock, NULL);
	assert_int_equal(root.deadline, MONO_NEVER);
	struct ctx five = ctx_within(&root, 5000);
	assert_int_equal(five.deadline, 1005 * NS_PER_S);
	struct ctx nine = ctx_within(&five, 9000);
	assert_int_equal(nine.deadline, five.deadline);
	struct ctx one = ctx_within(&five, 1000);
	assert_int_equal(one.deadline, 1001 * NS_PER_S);
}

static void test_left(void **state)
{
	(void)state;
	struct manual_clock m;
	manual_clock_init(&m, 0, 0);
	struct ctx ctx = ctx_root(&m.clock, NULL);
	assert_int_equal(ctx_left_ms(&ctx), INT32_MAX);
	ctx.deadline = 1;
	assert_int_equal(ctx_left_ms(&ctx), 1);
	ctx.deadline = NS_PER_MS;
	assert_int_equal(ctx_left_ms(&ctx), 1);
	ctx.deadline = NS_PER_MS + 1;
	assert_int_equal(ctx_left_ms(&ctx), 2);
	ctx.deadline = MONO_NEVER - 1;
	assert_int_equal(ctx_left_ms(&ctx), INT32_MAX);
	ctx.deadline = 0;
	assert_int_equal(ctx_left_ms(&ctx), 0);
	ctx.deadline = -5 * NS_PER_S;
	assert_int_equal(ctx_left_ms(&ctx), 0);
}

static void test_done(void **state)
{
	(void)state;
	struct manual_clock m;
	struct cancel cancel;
	manual_clock_init(&m, 0, 0);
	assert_true(cancel_init(&cancel, NULL, NULL));
	struct ctx root = ctx_root(&m.clock, &cancel);
	struct ctx ctx = ctx_within(&root, 10);
	assert_int_equal(ctx_done(&ctx), ERR_NONE);
	manual_clock_advance(&m, 10);
	assert_int_equal(ctx_done(&ctx), ERR_TIMEOUT);
	cancel_set(&cancel);
	assert_int_equal(ctx_done(&ctx), ERR_CANCELLED);
	struct ctx other = ctx_with_cancel(&ctx, NULL);
	assert_int_equal(other.deadline, ctx.deadline);
	assert_int_equal(ctx_done(&other), ERR_TIMEOUT);
	cancel_close(&cancel);
}

static void test_a_cancel_reaches_its_children_only(void **state)
{
	(void)state;
	struct cancel chain[CANCEL_DEPTH_MAX];
	for (int i = 0; i < CANCEL_DEPTH_MAX; i++)
		assert_true(cancel_init(&chain[i], i == 0 ? NULL : &chain[i - 1], NULL));
	cancel_set(&chain[1]);
	cancel_set(&chain[1]);
	assert_false(cancel_is_set(&chain[0]));
	assert_true(cancel_is_set(&chain[1]));
	assert_true(cancel_is_set(&chain[CANCEL_DEPTH_MAX - 1]));
	assert_false(cancel_is_set(NULL));

	struct ctx ctx = ctx_root(&clock_real, &chain[CANCEL_DEPTH_MAX - 1]);
	assert_int_equal(ctx_sleep(&ctx, 60000), ERR_CANCELLED);
	ctx = ctx_root(&clock_real, &chain[0]);
	assert_int_equal(ctx_sleep(&ctx, 1), ERR_NONE);
	for (int i = 0; i < CANCEL_DEPTH_MAX; i++)
		cancel_close(&chain[i]);
}

static void test_a_ready_descriptor(void **state)
{
	(void)state;
	struct pipe_fds p = make_pipe();
	struct ctx root = ctx_root(&clock_real, NULL);
	struct ctx ctx = ctx_within(&root, 5000);
	assert_int_equal(write(p.writer, "x", 1), 1);
	assert_int_equal(ctx_wait_fd(&ctx, p.reader, POLLIN), ERR_NONE);
	assert_int_equal(ctx_wait_fd(&ctx, p.writer, POLLOUT), ERR_NONE);
	close_pipe(p);
}

static void test_hangup_is_ready(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	struct ctx ctx = ctx_root(&clock_real, NULL);
	assert_int_equal(ctx_wait_fd(&ctx, pair[0], POLLIN), ERR_NONE);
	close(pair[0]);
}

static void test_the_deadline_is_kept(void **state)
{
	(void)state;
	struct pipe_fds p = make_pipe();
	struct ctx root = ctx_root(&clock_real, NULL);
	struct ctx ctx = ctx_within(&root, 20);
	mono_ns start = clock_now(&clock_real);
	assert_int_equal(ctx_wait_fd(&ctx, p.reader, POLLIN), ERR_TIMEOUT);
	mono_ns took = clock_now(&clock_real) - start;
	assert_true(took >= 20 * NS_PER_MS);
	assert_true(took < 10 * NS_PER_S);
	close_pipe(p);
}

static void test_a_last_look_finds_what_came_during_a_pause(void **state)
{
	(void)state;
	struct manual_clock m;
	manual_clock_init(&m, 0, 0);
	struct ctx root = ctx_root(&m.clock, NULL);
	struct ctx ctx = ctx_within(&root, 100);
	struct pipe_fds p = make_pipe();
	manual_clock_advance(&m, 3600 * 1000);
	assert_int_equal(ctx_wait_fd(&ctx, p.reader, POLLIN), ERR_TIMEOUT);
	assert_int_equal(write(p.writer, "x", 1), 1);
	assert_int_equal(ctx_wait_fd(&ctx, p.reader, POLLIN), ERR_NONE);
	close_pipe(p);
}

static void test_a_closed_descriptor_is_an_io_error(void **state)
{
	(void)state;
	struct pipe_fds p = make_pipe();
	close_pipe(p);
	struct ctx root = ctx_root(&clock_real, NULL);
	struct ctx ctx = ctx_within(&root, 5000);
	mono_ns start = clock_now(&clock_real);
	assert_int_equal(ctx_wait_fd(&ctx, p.reader, POLLIN), ERR_IO);
	struct err e;
	ctx_fail(&ctx, ERR_IO, start, "read the answer", &e);
	assert_int_equal(e.native, EBADF);
	assert_string_equal(e.text, "read the answer: Bad file descriptor");
}

static void test_several_descriptors(void **state)
{
	(void)state;
	struct pipe_fds a = make_pipe();
	struct pipe_fds b = make_pipe();
	struct ctx ctx = ctx_root(&clock_real, NULL);
	assert_int_equal(write(b.writer, "x", 1), 1);
	struct pollfd fds[] = {
	        {.fd = a.reader, .events = POLLIN, .revents = POLLIN},
	        {.fd = b.reader, .events = POLLIN},
	};
	assert_int_equal(ctx_wait_fds(&ctx, fds, 2), ERR_NONE);
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(fds[1].revents, POLLIN);
	close_pipe(a);
	close_pipe(b);
}

static void *cancel_later(void *arg)
{
	struct ctx ctx = ctx_root(&clock_real, NULL);
	ctx_sleep(&ctx, 5);
	cancel_set(arg);
	return NULL;
}

static void test_a_cancel_ends_a_wait_from_another_thread(void **state)
{
	(void)state;
	struct cancel parent;
	struct cancel child;
	assert_true(cancel_init(&parent, NULL, NULL));
	assert_true(cancel_init(&child, &parent, NULL));
	struct pipe_fds p = make_pipe();
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &parent), 0);
	struct ctx ctx = ctx_root(&clock_real, &child);
	assert_int_equal(ctx_wait_fd(&ctx, p.reader, POLLIN), ERR_CANCELLED);
	/* A cancel wins over data, and stays set for every later wait. */
	assert_int_equal(write(p.writer, "x", 1), 1);
	assert_int_equal(ctx_wait_fd(&ctx, p.reader, POLLIN), ERR_CANCELLED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_pipe(p);
	cancel_close(&child);
	cancel_close(&parent);
}

static void *advance_later(void *arg)
{
	struct ctx ctx = ctx_root(&clock_real, NULL);
	ctx_sleep(&ctx, 5);
	manual_clock_advance(arg, 60000);
	return NULL;
}

static void test_a_manual_clock_ends_a_wait(void **state)
{
	(void)state;
	struct manual_clock m;
	manual_clock_init(&m, 0, 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, advance_later, &m), 0);
	struct ctx ctx = ctx_root(&m.clock, NULL);
	assert_int_equal(ctx_sleep(&ctx, 60000), ERR_NONE);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_sleep_says_which_end_came_first(void **state)
{
	(void)state;
	struct ctx root = ctx_root(&clock_real, NULL);
	struct ctx ctx = ctx_within(&root, 2);
	assert_int_equal(ctx_sleep(&ctx, 60000), ERR_TIMEOUT);
	assert_int_equal(ctx_sleep(&ctx, 0), ERR_TIMEOUT);
	assert_int_equal(ctx_sleep(&root, 0), ERR_NONE);
	assert_int_equal(ctx_sleep(&root, 2), ERR_NONE);
}

static void test_fail_makes_a_sentence(void **state)
{
	(void)state;
	struct manual_clock m;
	struct err e;
	manual_clock_init(&m, 0, 0);
	struct ctx ctx = ctx_root(&m.clock, NULL);
	manual_clock_advance(&m, 800);
	assert_false(ctx_fail(&ctx, ERR_TIMEOUT, 0, "sessions", &e));
	assert_string_equal(e.text, "sessions: timed out after 800 ms");
	assert_int_equal(e.code, ERR_TIMEOUT);
	/* What it took beyond its limit is not said. */
	manual_clock_advance(&m, 3);
	ctx_fail(&ctx, ERR_TIMEOUT, 0, "sessions", &e);
	assert_string_equal(e.text, "sessions: timed out after 800 ms");
	manual_clock_advance(&m, 1700);
	ctx_fail(&ctx, ERR_TIMEOUT, 0, "sessions", &e);
	assert_string_equal(e.text, "sessions: timed out after 2.5 s");
	manual_clock_advance(&m, 2499);
	ctx_fail(&ctx, ERR_TIMEOUT, 0, "log in", &e);
	assert_string_equal(e.text, "log in: timed out after 5 s");
	manual_clock_advance(&m, 25798);
	ctx_fail(&ctx, ERR_TIMEOUT, 0, "check", &e);
	assert_string_equal(e.text, "check: timed out after 30 s");
	ctx_fail(&ctx, ERR_CANCELLED, 0, "connect", &e);
	assert_string_equal(e.text, "connect: cancelled");
	assert_int_equal(e.code, ERR_CANCELLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_child_only_shortens),
	        cmocka_unit_test(test_left),
	        cmocka_unit_test(test_done),
	        cmocka_unit_test(test_a_cancel_reaches_its_children_only),
	        cmocka_unit_test(test_a_ready_descriptor),
	        cmocka_unit_test(test_hangup_is_ready),
	        cmocka_unit_test(test_the_deadline_is_kept),
	        cmocka_unit_test(test_a_last_look_finds_what_came_during_a_pause),
	        cmocka_unit_test(test_a_closed_descriptor_is_an_io_error),
	        cmocka_unit_test(test_several_descriptors),
	        cmocka_unit_test(test_a_cancel_ends_a_wait_from_another_thread),
	        cmocka_unit_test(test_a_manual_clock_ends_a_wait),
	        cmocka_unit_test(test_sleep_says_which_end_came_first),
	        cmocka_unit_test(test_fail_makes_a_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
