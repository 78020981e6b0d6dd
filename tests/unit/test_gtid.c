/* What one server has executed and another has not, told exactly, and never guessed from a text that is no
 * set. */
#include "tests/support/test.h"

#include <string.h>

#include "core/model/gtid.h"

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "4e11fa47-71ca-11e1-9e33-c80aa9429562"

static void test_missing(void **state)
{
	(void)state;
	static const struct {
		const char *set, *other, *but;
		int64_t n;
		const char *out;
	} cases[] = {
	        {"", "", NULL, 0, ""},
	        {A ":1-5", "", NULL, 5, A ":1-5"},
	        {A ":1-5", A ":1-5", NULL, 0, ""},
	        {A ":1-10", A ":1-3:5-6", NULL, 5, A ":4," A ":7-10"},
	        {A ":1-10:20-30", A ":5-25", NULL, 9, A ":1-4," A ":26-30"},
	        {A ":7", B ":1-9", NULL, 1, A ":7"},
	        {A ":1-5,\n" B ":1-3", A ":1-9", NULL, 3, B ":1-3"},
	        {A ":1-5," B ":1-3", "", B, 5, A ":1-5"},
	        {A ":1-5," B ":1-3", "", A " " B, 0, ""},
	        {A ":1-5:blue:1-2", A ":1-5", NULL, 2, A ":blue:1-2"},
	        /* A tag is its source's: another source's of the same name has nothing to do with it. */
	        {A ":blue:1-2", B ":blue:1-9", NULL, 2, A ":blue:1-2"},
	        {A ":blue:1-2:red:1-4," B ":blue:7", A ":blue:1:red:2-4," B ":blue:1-6", NULL, 3,
	                A ":blue:2," A ":red:1," B ":blue:7"},
	        {A ":1-5:blue:1-2," B ":blue:1-3", "", B, 7, A ":1-5," A ":blue:1-2"},
	        {"3E11FA47-71CA-11E1-9E33-C80AA9429562:1-2", A ":1-2", NULL, 0, ""},
	        {NULL, "", NULL, -1, ""},
	        {"nonsense", "", NULL, -1, ""},
	        {A ":5-1", "", NULL, -1, ""},
	        {A ":1-5", "0-1-5", NULL, -1, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		buf_init(&out, 1024);
		assert_int_equal(gtid_missing(cases[i].set, cases[i].other, cases[i].but, &out), cases[i].n);
		assert_string_equal(buf_str(&out), cases[i].out);
		buf_free(&out);
	}
	assert_int_equal(gtid_count(A ":1-5:9," B ":3"), 7);
}

static void test_maria(void **state)
{
	(void)state;
	assert_int_equal(gtid_maria_sum("0-1-100,1-2-5"), 105);
	assert_int_equal(gtid_maria_sum("0-1-100,0-2-7"), 100);
	assert_int_equal(gtid_maria_sum(""), 0);
	assert_int_equal(gtid_maria_sum("0-1"), -1);
	assert_int_equal(gtid_maria_sum(NULL), -1);
	assert_int_equal(gtid_maria_behind("0-1-90", "0-1-100"), 10);
	assert_int_equal(gtid_maria_behind("0-1-100", "0-1-90"), 0);
	assert_int_equal(gtid_maria_behind("0-1-100", "0-1-100,7-1-3"), 3);
	assert_int_equal(gtid_maria_behind("", "0-1-4"), 4);
	/* A text with more domains than are read tells nothing, rather than too little. */
	struct buf many;
	buf_init(&many, 8192);
	for (int i = 0; i < 257; i++)
		buf_printf(&many, "%s%d-1-5", i > 0 ? "," : "", i);
	assert_int_equal(gtid_maria_behind(buf_str(&many), "0-1-4"), -1);
	assert_int_equal(gtid_maria_sum(buf_str(&many)), -1);
	buf_free(&many);

	struct buf out;
	buf_init(&out, 256);
	/* It wrote two of its own after the 100th of its primary. */
	assert_int_equal(gtid_maria_errant("0-1-100,0-2-102", "0-1-100", "0-1-100", "2", &out), 2);
	assert_string_equal(buf_str(&out), "0-2-102");
	/* A former primary's writes that everybody has are none. */
	assert_int_equal(gtid_maria_errant("0-1-100,0-2-40", "0-1-100", "0-1-100,0-2-40", "2", NULL), 0);
	assert_int_equal(gtid_maria_errant("0-2-3", "", "0-1-100", "2", NULL), 1);
	assert_int_equal(gtid_maria_errant("0-1-5", "0-1-5", "0-1-5", "2", NULL), 0);
	assert_int_equal(gtid_maria_errant("x", "", "", "2", NULL), -1);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_missing),
	        cmocka_unit_test(test_maria),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
