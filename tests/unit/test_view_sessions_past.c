/* What an idle transaction has done so far, where its server remembers: the last statement alone seldom tells
 * why others wait for it. */
#include "tests/support/test.h"

#include <locale.h>
#include <string.h>

#include "tests/support/viewer.h"
#include "views/sessions.h"

static struct fixture *one_idle(enum engine engine, const char *xact)
{
	struct fixture *f = fixture_new();
	fixture_instance(f, "billing", "my", engine);
	fixture_table(f, 0, "sessions",
	        "id | user | kind | state | xact_ms | query | xact_guard\n"
	        "7 | app | client | idle in transaction | 60000 | 'SELECT 3' | e12\n");
	fixture_table(f, 0, "statement", xact);
	return f;
}

static void open_detail(struct viewer *v, struct fixture *f)
{
	viewer_open(v, &sessions_view, f, 132, 40, false);
	viewer_key(v, CMD_TOP);
	struct intent i = viewer_key(v, CMD_DETAIL);
	assert_int_equal(i.kind, INTENT_ASK);
	assert_null(i.probe);
	assert_int_equal(i.row.session.id, 7);
	v->in.answer = fixture_sample(f, 0, "statement");
	v->in.asked = i.row;
}

static void test_its_statements_are_shown(void **state)
{
	(void)state;
	struct fixture *f =
	        one_idle(ENGINE_MYSQL, "id | query | xact | event | ago_ms | took_ms | rows_modified\n"
	                               "7 | | | | | |\n"
	                               "7 | 'SELECT 3' | e12 | 14 | 2000 | 1 | 0\n"
	                               "7 | 'UPDATE stock SET qty = 4711' | e12 | 13 | 58000 | 3200 | 1\n");
	struct viewer v;
	open_detail(&v, f);
	int at = viewer_find(&v, "ITS TRANSACTION, statements that ended, the latest first");
	assert_true(at >= 0);
	assert_non_null(strstr(viewer_line(&v, at + 1), "2.0s ago: SELECT ?"));
	assert_non_null(strstr(viewer_line(&v, at + 2), "58s ago, took 3.2s, 1 row: UPDATE stock SET qty = ?"));
	/* Nothing of it is said to be the statement that runs. */
	assert_int_equal(viewer_find(&v, "4711"), -1);
	viewer_close(&v);
	fixture_free(f);
}

static void test_another_transaction_is_not(void **state)
{
	(void)state;
	struct fixture *f =
	        one_idle(ENGINE_MYSQL, "id | query | xact | event | ago_ms | took_ms | rows_modified\n"
	                               "7 | 'DELETE FROM stock' | e9 | 11 | 2000 | 1 | 5\n");
	struct viewer v;
	open_detail(&v, f);
	assert_int_equal(viewer_find(&v, "ITS TRANSACTION"), -1);
	assert_int_equal(viewer_find(&v, "DELETE"), -1);
	viewer_close(&v);
	fixture_free(f);
}

static void test_no_question_where_nothing_is_remembered(void **state)
{
	(void)state;
	static const enum engine others[] = {ENGINE_POSTGRES, ENGINE_MARIADB};
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = one_idle(others[i], "id | query\n7 | x\n");
		struct viewer v;
		viewer_open(&v, &sessions_view, f, 132, 40, false);
		viewer_key(&v, CMD_TOP);
		assert_int_equal(viewer_key(&v, CMD_DETAIL).kind, INTENT_DONE);
		viewer_close(&v);
		fixture_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_its_statements_are_shown),
	        cmocka_unit_test(test_another_transaction_is_not),
	        cmocka_unit_test(test_no_question_where_nothing_is_remembered),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
