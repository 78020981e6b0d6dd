/* A process of PostgreSQL that crashes takes every session with it, while the server's own start stays what
 * it was: the age of its processes tells. */
#include "tests/support/test.h"

#include <stdio.h>

#include "core/model/finding.h"
#include "tests/support/fixture.h"

struct scene {
	struct fixture *f;
	struct finding_memory *memory;
	struct findings *found;
};

static struct scene scene(void)
{
	struct scene sc = {.f = fixture_new(), .memory = finding_memory_new(false)};
	fixture_instance(sc.f, "orders", "orders-1", ENGINE_POSTGRES);
	return sc;
}

static void end(struct scene *sc)
{
	findings_free(sc->found);
	finding_memory_free(sc->memory);
	fixture_free(sc->f);
}

/* Five seconds later the server says this of itself; whether that is called a crash. */
static bool says(struct scene *sc, const char *row)
{
	char text[256];
	fixture_advance(sc->f, 5000);
	snprintf(text, sizeof(text), "role | started | uptime_ms | processes_ms\n%s", row);
	fixture_table(sc->f, 0, "server", text);
	findings_free(sc->found);
	sc->found = findings_build(sc->memory, fixture_snapshot(sc->f));
	for (size_t i = 0; i < sc->found->n; i++) {
		if (sc->found->item[i].kind == FINDING_CRASH_RECOVERY)
			return true;
	}
	return false;
}

static void test_seen_as_it_happens(void **state)
{
	(void)state;
	struct scene sc = scene();
	/* Its processes began 4 s after it: it had to recover, before PostgreSQL 15. */
	assert_false(says(&sc, "primary | 10:00 | 20000 | 16000"));
	assert_false(says(&sc, "primary | 10:00 | 25000 | 21010"));
	assert_true(says(&sc, "primary | 10:00 | 30000 | 2000"));
	assert_true(says(&sc, "primary | 10:00 | 35000 | 7000"));
	/* A whole restart is another thing. */
	assert_false(says(&sc, "primary | 10:01 | 3000 | 2900"));
	end(&sc);
}

static void test_found_afterwards(void **state)
{
	(void)state;
	struct scene sc = scene();
	assert_true(says(&sc, "primary | 10:00 | 9000000 | 840000"));
	assert_false(says(&sc, "primary | 10:00 | 9100000 | 940000"));
	end(&sc);
}

static void test_what_is_none(void **state)
{
	(void)state;
	struct scene sc = scene();
	/* Before PostgreSQL 15 a standby has no checkpointer until the first WAL arrives. */
	assert_false(says(&sc, "replica | 10:00 | 9000000 | 300000"));
	end(&sc);
	sc = scene();
	assert_false(says(&sc, "primary | 10:00 | 9000000 | "));
	assert_false(says(&sc, "primary | 10:00 | 9005000 | 9004990"));
	end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_seen_as_it_happens),
	        cmocka_unit_test(test_found_afterwards),
	        cmocka_unit_test(test_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
