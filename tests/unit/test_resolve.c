/* Names under a deadline, with name servers that answer, fail, or never return: a caller waits as long as its
 * ctx says, and a lookup that hangs costs its own worker and nothing else. */
#include "tests/support/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/run/resolve.h"

/* The double of getaddrinfo: names that begin with "hang" wait for `release`. */
static struct {
	struct cancel release;
	atomic_uint calls;
	atomic_uint running;
	atomic_uint most; /* at the same time */
	atomic_bool broken;
} server;

static void note_running(void)
{
	unsigned running = atomic_fetch_add(&server.running, 1) + 1;
	unsigned most = atomic_load(&server.most);
	while (running > most && !atomic_compare_exchange_weak(&server.most, &most, running))
		;
}

static int numeric(const char *address, struct addrinfo **out)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}; /* every socket type: duplicates */
	return getaddrinfo(address, NULL, &hints, out);
}

static int lookup(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)port;
	int failed = EAI_NONAME;
	atomic_fetch_add(&server.calls, 1);
	note_running();
	if (strncmp(host, "hang", 4) == 0) {
		struct ctx ctx = ctx_root(&clock_real, &server.release);
		ctx_sleep(&ctx, 60000);
	}
	if (atomic_load(&server.broken)) {
		errno = ENETDOWN;
		failed = EAI_SYSTEM;
	} else if (strncmp(host, "no", 2) != 0) {
		failed = numeric(strcmp(host, "six") == 0 ? "2001:db8::1" : "192.0.2.7", out);
	}
	atomic_fetch_sub(&server.running, 1);
	return hints->ai_socktype == SOCK_STREAM ? failed : EAI_BADFLAGS;
}

static int reset_server(void **state)
{
	(void)state;
	atomic_store(&server.calls, 0);
	atomic_store(&server.most, 0);
	atomic_store(&server.broken, false);
	return cancel_init(&server.release, NULL, NULL) ? 0 : -1;
}

static int close_server(void **state)
{
	(void)state;
	cancel_close(&server.release);
	return 0;
}

static struct ctx within(uint32_t ms)
{
	struct ctx root = ctx_root(&clock_real, NULL);
	return ctx_within(&root, ms);
}

static void close_resolver(struct resolver *r)
{
	struct ctx ctx = within(10000);
	cancel_set(&server.release);
	resolver_close(&ctx, r);
	assert_int_equal(ctx_done(&ctx), ERR_NONE);
}

static void test_an_address_needs_no_lookup(void **state)
{
	(void)state;
	struct resolver *r = resolver_new(&clock_real, lookup);
	static const char *const hosts[] = {"127.0.0.1", "::1", "fe80::1%lo", "2001:db8::1"};
	struct ctx over = within(0);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct addresses a;
		assert_true(resolve_host(&over, r, hosts[i], &a, NULL));
		assert_int_equal(a.n, 1);
		assert_string_equal(a.text[0], hosts[i]);
	}
	assert_int_equal(atomic_load(&server.calls), 0);
	close_resolver(r);
}

static void test_a_name(void **state)
{
	(void)state;
	struct resolver *r = resolver_new(&clock_real, lookup);
	struct ctx ctx = within(10000);
	struct addresses a;
	assert_true(resolve_host(&ctx, r, "db1", &a, NULL));
	assert_int_equal(a.n, 1); /* the double answers once for each socket type */
	assert_string_equal(a.text[0], "192.0.2.7");
	assert_true(resolve_host(&ctx, r, "six", &a, NULL));
	assert_string_equal(a.text[0], "2001:db8::1");
	close_resolver(r);
}

static void test_failures_say_why(void **state)
{
	(void)state;
	struct resolver *r = resolver_new(&clock_real, lookup);
	struct ctx ctx = within(10000);
	struct addresses a;
	struct err e;
	assert_false(resolve_host(&ctx, r, "no-such-host", &a, &e));
	assert_int_equal(e.code, ERR_RESOLVE);
	assert_string_equal(e.text, "cannot resolve no-such-host: Name or service not known");
	assert_int_equal(a.n, 0);
	atomic_store(&server.broken, true);
	assert_false(resolve_host(&ctx, r, "db1", &a, &e));
	assert_string_equal(e.text, "cannot resolve db1: Network is down");
	assert_false(resolve_host(&ctx, r, "db2", &a, NULL));
	close_resolver(r);
}

static void test_answers_are_kept(void **state)
{
	(void)state;
	struct manual_clock manual;
	manual_clock_init(&manual, NS_PER_S, 0);
	struct resolver *r = resolver_new(&manual.clock, lookup);
	struct ctx ctx = within(10000);
	struct ctx over = within(0);
	struct addresses a;

	/* 1. A name for 30 s, whatever its case; even a ctx that has expired gets it. */
	assert_true(resolve_host(&ctx, r, "db1", &a, NULL));
	assert_true(resolve_host(&ctx, r, "DB1", &a, NULL));
	manual_clock_advance(&manual, 29999);
	assert_true(resolve_host(&over, r, "db1", &a, NULL));
	assert_int_equal(atomic_load(&server.calls), 1);
	manual_clock_advance(&manual, 1);
	assert_true(resolve_host(&ctx, r, "db1", &a, NULL));
	assert_int_equal(atomic_load(&server.calls), 2);

	/* 2. A failure for 2 s. */
	struct err e;
	assert_false(resolve_host(&ctx, r, "no1", &a, &e));
	manual_clock_advance(&manual, 1999);
	assert_false(resolve_host(&ctx, r, "no1", &a, &e));
	assert_int_equal(e.code, ERR_RESOLVE);
	assert_int_equal(atomic_load(&server.calls), 3);
	manual_clock_advance(&manual, 1);
	assert_false(resolve_host(&ctx, r, "no1", &a, &e));
	assert_int_equal(atomic_load(&server.calls), 4);
	close_resolver(r);
}

static void test_a_lookup_that_hangs_costs_the_deadline(void **state)
{
	(void)state;
	struct manual_clock manual;
	manual_clock_init(&manual, NS_PER_S, 0);
	struct resolver *r = resolver_new(&manual.clock, lookup);
	struct ctx ctx = within(20);
	struct addresses a;
	struct err e;
	assert_false(resolve_host(&ctx, r, "hang1", &a, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_non_null(strstr(e.text, "cannot resolve hang1: timed out after "));

	/* Others are answered meanwhile. */
	ctx = within(10000);
	assert_true(resolve_host(&ctx, r, "db1", &a, &e));

	/* It is counted when it has hung for long. */
	assert_int_equal(resolver_stuck(r), 0);
	manual_clock_advance(&manual, 10001);
	assert_int_equal(resolver_stuck(r), 1);

	/* Its answer is still good when it comes. */
	cancel_set(&server.release);
	assert_true(resolve_host(&ctx, r, "hang1", &a, &e));
	assert_int_equal(resolver_stuck(r), 0);
	assert_int_equal(atomic_load(&server.calls), 2);
	close_resolver(r);
}

static void test_a_cancel_ends_the_wait(void **state)
{
	(void)state;
	struct resolver *r = resolver_new(&clock_real, lookup);
	struct cancel cancel;
	struct addresses a;
	struct err e;
	assert_true(cancel_init(&cancel, NULL, NULL));
	cancel_set(&cancel);
	struct ctx ctx = ctx_root(&clock_real, &cancel);
	assert_false(resolve_host(&ctx, r, "hang1", &a, &e));
	assert_int_equal(e.code, ERR_CANCELLED);
	assert_string_equal(e.text, "cannot resolve hang1: cancelled");
	cancel_close(&cancel);
	close_resolver(r);
}

struct asker {
	struct resolver *r;
	pthread_t thread;
	char host[32];
	bool ok;
	struct err e;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	struct addresses out;
	struct ctx ctx = within(20000);
	a->ok = resolve_host(&ctx, a->r, a->host, &out, &a->e);
	return NULL;
}

static void wait_for(const atomic_uint *counter, unsigned value)
{
	struct ctx ctx = within(10000);
	while (atomic_load(counter) != value) {
		if (ctx_done(&ctx) != ERR_NONE)
			fail_msg("waited in vain for %u", value);
		struct ctx root = ctx_root(&clock_real, NULL);
		ctx_sleep(&root, 1);
	}
}

static void test_one_worker_for_each_name(void **state)
{
	(void)state;
	enum { ASKERS = 12 };
	struct resolver *r = resolver_new(&clock_real, lookup);
	struct asker askers[ASKERS];
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.r = r};
		snprintf(askers[i].host, sizeof(askers[i].host), "hang%d", i % 3);
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	wait_for(&server.running, 3);
	cancel_set(&server.release);
	for (int i = 0; i < ASKERS; i++) {
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
		assert_true(askers[i].ok);
	}
	assert_int_equal(atomic_load(&server.calls), 3);
	assert_int_equal(atomic_load(&server.most), 3);
	close_resolver(r);
}

static void test_at_most_eight_at_a_time(void **state)
{
	(void)state;
	enum { ASKERS = 30 };
	struct resolver *r = resolver_new(&clock_real, lookup);
	struct asker askers[ASKERS];
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.r = r};
		snprintf(askers[i].host, sizeof(askers[i].host), "hang%d", i);
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	wait_for(&server.running, RESOLVE_WORKERS);

	/* Whoever is behind them waits for its own deadline, and is forgotten when it gives up. */
	struct ctx ctx = within(5);
	struct addresses a;
	struct err e;
	assert_false(resolve_host(&ctx, r, "late", &a, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
	cancel_set(&server.release);
	for (int i = 0; i < ASKERS; i++) {
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
		if (!askers[i].ok)
			fail_msg("%s", askers[i].e.text);
	}
	assert_int_equal(atomic_load(&server.most), RESOLVE_WORKERS);
	assert_int_equal(atomic_load(&server.calls), ASKERS);
	close_resolver(r);
}

static void test_closing_abandons_what_hangs(void **state)
{
	(void)state;
	struct resolver *r = resolver_new(&clock_real, lookup);
	struct ctx ctx = within(5);
	struct addresses a;
	assert_false(resolve_host(&ctx, r, "hang1", &a, NULL));
	mono_ns start = clock_now(&clock_real);
	ctx = within(20);
	resolver_close(&ctx, r);
	assert_true(clock_now(&clock_real) - start < 10 * NS_PER_S);

	/* It comes back after all: what it needs is still there. */
	cancel_set(&server.release);
	wait_for(&server.running, 0);
}

static void test_the_real_one(void **state)
{
	(void)state;
	struct resolver *r = resolver_new(&clock_real, getaddrinfo);
	struct ctx ctx = within(10000);
	struct addresses a;
	struct err e;
	if (!resolve_host(&ctx, r, "localhost", &a, &e))
		fail_msg("%s", e.text);
	assert_true(a.n >= 1);
	assert_true(strcmp(a.text[0], "127.0.0.1") == 0 || strcmp(a.text[0], "::1") == 0);
	close_resolver(r);
}

static struct CMUnitTest with_server(const char *name, CMUnitTestFunction test)
{
	return (struct CMUnitTest){
	        .name = name, .test_func = test, .setup_func = reset_server, .teardown_func = close_server};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        with_server("an address needs no lookup", test_an_address_needs_no_lookup),
	        with_server("a name", test_a_name),
	        with_server("failures say why", test_failures_say_why),
	        with_server("answers are kept", test_answers_are_kept),
	        with_server("a lookup that hangs costs the deadline",
	                test_a_lookup_that_hangs_costs_the_deadline),
	        with_server("a cancel ends the wait", test_a_cancel_ends_the_wait),
	        with_server("one worker for each name", test_one_worker_for_each_name),
	        with_server("at most eight at a time", test_at_most_eight_at_a_time),
	        with_server("closing abandons what hangs", test_closing_abandons_what_hangs),
	        with_server("the real one", test_the_real_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
