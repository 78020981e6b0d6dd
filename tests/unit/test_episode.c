/* Stalls have a beginning, a peak and an end; a blink is none, an answer that did not come ends none;
 * deadlocks are counted from when we look. */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/model/episode.h"
#include "tests/support/fixture.h"

struct scene {
	struct fixture *f;
	struct sessions *sessions;
	struct episodes *e;
};

static void look(struct scene *sc)
{
	sessions_update(sc->sessions, fixture_snapshot(sc->f));
	episodes_update(sc->e, fixture_snapshot(sc->f), sc->sessions);
}

static struct scene begin(void)
{
	struct scene sc = {.f = fixture_new(), .sessions = sessions_new(), .e = episodes_new()};
	fixture_instance(sc.f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	return sc;
}

static void end(struct scene *sc)
{
	episodes_free(sc->e);
	sessions_free(sc->sessions);
	fixture_free(sc->f);
}

static void step(struct scene *sc, const char *blockers, int deadlocks)
{
	char text[64];
	fixture_advance(sc->f, 1000);
	snprintf(text, sizeof text, "lock_waiters | deadlocks\n%d | %d", blockers != NULL, deadlocks);
	fixture_table(sc->f, 0, "pulse", text);
	fixture_table(sc->f, 0, "sessions",
	        "id | app | kind | state | query\n"
	        "1 | checkout | client | idle in transaction | UPDATE stock\n"
	        "2 | web | client | active | UPDATE stock\n"
	        "3 | web | client | active | UPDATE stock\n");
	if (blockers != NULL)
		fixture_table(sc->f, 0, "blockers", blockers);
	else
		fixture_error(sc->f, 0, "blockers", ERR_GATED, "");
	look(sc);
}

static void test_a_stall_from_its_beginning_to_its_end(void **state)
{
	(void)state;
	struct scene sc = begin();
	size_t n;
	step(&sc, NULL, 0);
	episodes_of(sc.e, 0, &n);
	assert_int_equal(n, 0);
	wall_us now = fixture_snapshot(sc.f)->wall + 1000000;
	step(&sc, "waiter | blocker | waiting_ms\n2 | 1 | 5000", 0);
	step(&sc, "waiter | blocker | waiting_ms\n2 | 1 | 6000\n3 | 1 | 500", 0);
	step(&sc, "waiter | blocker | waiting_ms\n3 | 1 | 1500", 0);
	const struct episode *ep = episodes_of(sc.e, 0, &n);
	assert_int_equal(n, 1);
	assert_false(ep->over);
	assert_true(ep->began == now - 5000000);
	assert_int_equal(ep->peak, 2);
	assert_int_equal(ep->longest_ms, 6000);
	assert_int_equal(ep->head, 1);
	assert_string_equal(ep->app, "checkout");
	assert_int_equal(ep->length_ms, 7000);
	/* Nothing is said: it goes on. */
	fixture_advance(sc.f, 1000);
	fixture_error(sc.f, 0, "sessions", ERR_TIMEOUT, "timed out");
	look(&sc);
	assert_false(episodes_of(sc.e, 0, &n)->over);
	step(&sc, NULL, 0);
	ep = episodes_of(sc.e, 0, &n);
	assert_true(ep->over);
	assert_int_equal(ep->length_ms, 9000);
	end(&sc);
}

static void test_a_blink_is_no_stall(void **state)
{
	(void)state;
	struct scene sc = begin();
	size_t n;
	step(&sc, "waiter | blocker | waiting_ms\n2 | 1 | 0", 0);
	step(&sc, NULL, 0);
	episodes_of(sc.e, 0, &n);
	assert_int_equal(n, 0);
	for (int i = 0; i < 40; i++) {
		step(&sc, "waiter | blocker | waiting_ms\n2 | 1 | 9000", 0);
		step(&sc, NULL, 0);
	}
	episodes_of(sc.e, 0, &n);
	assert_int_equal(n, EPISODES_MAX);
	end(&sc);
}

static void test_deadlocks_are_counted_from_here_on(void **state)
{
	(void)state;
	struct scene sc = begin();
	look(&sc);
	assert_false(episodes_deadlocks(sc.e, 0)->known);
	step(&sc, NULL, 700);
	assert_int_equal(episodes_deadlocks(sc.e, 0)->since, 0);
	step(&sc, NULL, 703);
	const struct deadlocks *d = episodes_deadlocks(sc.e, 0);
	assert_int_equal(d->since, 3);
	assert_int_equal(d->now, 703);
	assert_true(d->last > 0);
	assert_true(isnan(d->per_min));
	for (int i = 0; i < 60; i++)
		step(&sc, NULL, 703);
	assert_true(d->per_min > 2.5 && d->per_min < 3.5);
	/* A reset begins anew. */
	step(&sc, NULL, 1);
	assert_int_equal(d->since, 0);
	end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_stall_from_its_beginning_to_its_end),
	        cmocka_unit_test(test_a_blink_is_no_stall),
	        cmocka_unit_test(test_deadlocks_are_counted_from_here_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
