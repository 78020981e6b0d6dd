/* A leak is told from load, from a deploy and from one forgotten psql; its sentence has its parts. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/model/finding.h"
#include "tests/support/fixture.h"

struct scene {
	struct fixture *f;
	struct finding_memory *m;
	struct findings *found;
	struct buf rows;
	int next;
};

static void begin(struct scene *sc)
{
	*sc = (struct scene){.f = fixture_new(), .m = finding_memory_new(false), .next = 100};
	fixture_instance(sc->f, "orders", "orders-1", ENGINE_POSTGRES);
	fixture_at(sc->f, 0)->link.last_answer = 1;
	buf_init(&sc->rows, 1 << 20);
}

static void end(struct scene *sc)
{
	findings_free(sc->found);
	finding_memory_free(sc->m);
	fixture_free(sc->f);
	buf_free(&sc->rows);
}

static void add(struct scene *sc, int n, const char *app, const char *state, int state_ms)
{
	bool xact = strncmp(state, "idle in", 7) == 0;
	for (int i = 0; i < n; i++) {
		buf_printf(&sc->rows, "%d | s | web | %s | 10.0.0.1:%d | client | %s | ", sc->next, app,
		        5000 + i, state);
		if (xact)
			buf_printf(&sc->rows, "%d", state_ms);
		buf_printf(&sc->rows, " | %d | 'SELECT %d'\n", state_ms, i);
		sc->next++;
	}
}

static void look(struct scene *sc, int64_t ms)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	buf_printf(&text,
	        "id | started | user | app | client | kind | state | xact_ms | state_ms | query\n%s",
	        buf_str(&sc->rows));
	fixture_advance(sc->f, ms);
	fixture_table(sc->f, 0, "sessions", buf_str(&text));
	buf_free(&text);
	buf_reset(&sc->rows);
	sc->next = 100;
	findings_free(sc->found);
	sc->found = findings_build(sc->m, fixture_snapshot(sc->f));
}

static const struct finding *leak(const struct scene *sc)
{
	for (size_t i = 0; i < sc->found->n; i++) {
		if (sc->found->item[i].kind == FINDING_LEAK)
			return &sc->found->item[i];
	}
	return NULL;
}

static void test_by_its_score(void **state)
{
	(void)state;
	struct scene sc;
	begin(&sc);
	/* 330 s: 45 + 20 * 30 / 900 = 45; eleven more of them add 20. */
	add(&sc, 12, "checkout", "idle in transaction", 330000);
	look(&sc, 1000);
	assert_null(leak(&sc));
	add(&sc, 12, "checkout", "idle in transaction", 331000);
	look(&sc, 1000);
	const struct finding *f = leak(&sc);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_WARN);
	assert_string_equal(f->view, "tree");
	assert_int_equal(f->culprit.id, 100);
	assert_string_equal(f->text, "orders-1: app=checkout from 10.0.0.1 leaks connections: 12 open, 12 "
	                             "idle in transaction (oldest "
	                             "5m31s); score 65: 45 the worst, 20 for others");
	assert_string_equal(f->brief, "leak: 12 of checkout");
	/* It stays until it is below 50. */
	add(&sc, 3, "checkout", "idle in transaction", 360000);
	look(&sc, 1000);
	assert_non_null(leak(&sc));
	add(&sc, 1, "checkout", "idle in transaction", 1000);
	look(&sc, 1000);
	assert_null(leak(&sc));
	/* Two hours old, many of them: critical. */
	for (int i = 0; i < 2; i++) {
		add(&sc, 12, "checkout", "idle in transaction", 7200000);
		look(&sc, 1000);
	}
	assert_int_equal(leak(&sc)->severity, SEVERITY_CRIT);
	end(&sc);
}

static void test_what_is_none(void **state)
{
	(void)state;
	struct scene sc;
	begin(&sc);
	for (int i = 0; i < 5; i++) {
		add(&sc, 1, "psql", "idle in transaction", 7200000);
		add(&sc, 400, "load", "active", 900000);
		add(&sc, 200, "pool", "idle", 7200000);
		look(&sc, 1000);
		assert_null(leak(&sc));
	}
	end(&sc);
}

/* n(seconds) sessions, for three minutes; how often a leak was said. */
static unsigned watch(struct scene *sc, const char *state, int (*n)(int s))
{
	unsigned said = 0;
	for (int s = 0; s < 180; s += 5) {
		add(sc, n(s), "checkout", state, 4000);
		add(sc, 20, "other", "active", 10);
		look(sc, 5000);
		said += leak(sc) != NULL;
	}
	return said;
}

static int leaking(int s)
{
	return 20 + s * 40 / 60;
}

static int deployed(int s)
{
	return s < 90 ? 20 : 80;
}

static int breathing(int s)
{
	return s / 10 % 2 == 0 ? 40 : 80;
}

static void test_by_its_growth(void **state)
{
	(void)state;
	struct scene sc;
	begin(&sc);
	/* Known within the first minute and a half; nothing is old. */
	assert_true(watch(&sc, "idle in transaction", leaking) >= 15);
	const struct finding *f = leak(&sc);
	assert_non_null(f);
	assert_non_null(strstr(f->text, "app=checkout from 10.0.0.1 leaks connections: 1"));
	assert_non_null(strstr(f->text, "+40/min"));
	assert_non_null(strstr(f->brief, "+40/min"));
	/* How long the server will take it. */
	fixture_table(sc.f, 0, "pulse", "limit_used | limit_max\n180 | 310\n");
	add(&sc, 145, "checkout", "idle in transaction", 4000);
	look(&sc, 5000);
	assert_non_null(strstr(leak(&sc)->text, "at the limit in 3 min"));
	assert_int_equal(leak(&sc)->severity, SEVERITY_CRIT);
	end(&sc);
	/* Load that grows, a deploy that fills its pool at once, a pool that breathes. */
	static const struct {
		const char *state;
		int (*n)(int s);
	} none[] = {{"active", leaking}, {"idle", deployed}, {"idle", breathing}};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		begin(&sc);
		assert_int_equal(watch(&sc, none[i].state, none[i].n), 0);
		end(&sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_its_score),
	        cmocka_unit_test(test_what_is_none), cmocka_unit_test(test_by_its_growth)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
