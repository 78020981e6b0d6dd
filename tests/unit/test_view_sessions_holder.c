/* A lock may be held by what is no session: a prepared transaction, or somebody whom the server does not
 * name. The detail says which, and shows no number that means nothing. */
#include "tests/support/test.h"

#include <locale.h>

#include "tests/support/viewer.h"
#include "views/sessions.h"

static struct fixture *two_waiters(void)
{
	struct fixture *f = fixture_new();
	fixture_instance(f, "orders", "pg", ENGINE_POSTGRES);
	fixture_table(f, 0, "sessions",
	        "id | started | user | kind | state | wait_type | xact_ms | query_ms | query\n"
	        "1 | a | app | client | active | Lock | 3000 | 3000 | SELECT 1\n"
	        "2 | b | app | client | active | Lock | 3000 | 3000 | SELECT 1\n");
	return f;
}

static void expect(const char *blockers, const char *yes, const char *no)
{
	struct fixture *f = two_waiters();
	struct viewer v;
	fixture_table(f, 0, "pulse", "lock_waiters\n2");
	fixture_table(f, 0, "blockers", blockers);
	viewer_open(&v, &sessions_view, f, 132, 40, false);
	viewer_key(&v, CMD_TOP);
	viewer_key(&v, CMD_DETAIL);
	assert_true(viewer_find(&v, yes) >= 0);
	assert_true(viewer_find(&v, "BLOCKS 2") >= 0);
	assert_int_equal(viewer_find(&v, no), -1);
	assert_int_equal(viewer_find(&v, " -1 "), -1);
	viewer_close(&v);
	fixture_free(f);
}

static void test_a_prepared_transaction(void **state)
{
	(void)state;
	expect("waiter | blocker\n1 | 0\n2 | 0\n", " prepared transaction ", " 0 ─");
}

static void test_a_holder_without_a_name(void **state)
{
	(void)state;
	expect("waiter | blocker\n1 | -1\n2 | -1\n", "a holder the server does not name", "hidden from us");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_prepared_transaction),
	        cmocka_unit_test(test_a_holder_without_a_name),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
