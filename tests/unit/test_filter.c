/* The filter language, word by word, on rows of a little table; what is unknown, and what is refused. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/text.h"
#include "tui/filter.h"

struct row {
	const char *text[3]; /* user, app, state; NULL: unknown */
	double age;          /* ms; < 0: unknown */
};

enum { USER, APP, STATE, AGE, ROWS };

static const struct filter_column columns[] = {{.name = "user"}, {.name = "app"}, {.name = "state"},
        {.name = "age", .seconds = true}, {.name = "rows"}};

static bool row_text(const void *row, int column, const char **s, size_t *n)
{
	const struct row *r = row;
	if (column > STATE || r->text[column] == NULL)
		return false;
	*s = r->text[column];
	*n = strlen(*s);
	return true;
}

static bool row_number(const void *row, int column, double *v)
{
	const struct row *r = row;
	if (column != AGE || r->age < 0)
		return false;
	*v = r->age;
	return true;
}

static const struct row checkout = {.text = {"shop", "Checkout-API", "active"}, .age = 7000};
static const struct row reader = {.text = {"report", "reader", "idle in transaction"}, .age = 192000};
static const struct row dark = {.text = {NULL, NULL, "active"}, .age = -1};

/* As of a list: the texts stay, and many rows share them. Figures are no words. */
static bool row_stays(const void *row, int column, const char **s, size_t *n)
{
	bool known = row_text(row, column, s, n);
	*n = FILTER_STAYS;
	return known;
}

struct sample {
	const char *expression;
	bool checkout, reader, dark;
};

static bool matches(const char *expression, const struct row *row)
{
	struct err e = {.code = ERR_NONE};
	struct filter *f = filter_compile(expression, columns, 5, &e);
	if (f == NULL)
		fail_msg("%s: %s", expression, e.text);
	struct filter_row fr = {.text = row_text, .number = row_number, .row = row};
	bool yes = filter_match(f, &fr);
	filter_free(f);
	return yes;
}

static uint32_t letters_of(const struct row *row, size_t texts)
{
	uint32_t letters = 0;
	for (size_t i = 0; i < texts; i++)
		letters |= row->text[i] == NULL ? 0 : text_letters(row->text[i], strlen(row->text[i]));
	return letters;
}

/* Rows of a pass, and the same ones again, are what they are alone; however many columns tell their letters.
 */
static void passes(const struct sample *s, size_t lettered)
{
	static const int words[] = {USER, APP, STATE};
	static const struct row *const rows[] = {&checkout, &reader, &dark, &dark, &checkout, &reader};
	const bool expected[] = {s->checkout, s->reader, s->dark, s->dark, s->checkout, s->reader};
	struct filter_pass pass = {.words = words, .nwords = 3, .nlettered = lettered};
	struct filter *f = filter_compile(s->expression, columns, 5, NULL);
	assert_non_null(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter_row fr = {.text = row_stays,
		        .number = row_number,
		        .row = rows[i],
		        .pass = &pass,
		        .letters = letters_of(rows[i], lettered)};
		if (filter_match(f, &fr) != expected[i])
			fail_msg("\"%s\" matches the wrong rows of a pass", s->expression);
	}
	filter_free(f);
}

static void test_words(void **state)
{
	(void)state;
	static const struct sample samples[] = {
	        {"", true, true, true},
	        {"   ", true, true, true},
	        {"checkout", true, false, false},
	        {"CHECK", true, false, false},
	        {"!checkout", false, true, true},
	        {"active", true, false, true},
	        {"state:active", true, false, true},
	        {"state:idle", false, true, false},
	        {"\"idle in\"", false, true, false},
	        {"state:\"in transaction\"", false, true, false},
	        {"app:=reader", false, true, false},
	        {"app:=read", false, false, false},
	        {"user:!shop", false, true, true},
	        {"!user:shop", false, true, true},
	        {"!user:!shop", true, false, false},
	        {"age:>5s", true, true, false},
	        {"age:>5", true, true, false},
	        {"age:>=7s", true, true, false},
	        {"age:>7s", false, true, false},
	        {"age:<1m", true, false, false},
	        {"!age:>5s", false, false, true},
	        {"~^chec", true, false, false},
	        {"~^(report|shop)$", true, true, false},
	        {"!~^(report|shop)$", false, false, true},
	        {"app:~api$", true, false, false},
	        {"app:!~api$", false, true, true},
	        {"state:active age:>5s", true, false, false},
	        {"10.0.0.7:5432", false, false, false},
	        {"!", true, true, true},
	        {"~", true, true, true},
	        {"rows:>1k", false, false, false},
	        {"kout-a", true, false, false},
	        {"T-API", true, false, false},
	        {"idle in transaction", false, true, false},
	        {"transactions", false, false, false},
	        {"s", true, true, false},
	        {"-", true, false, false},
	        {"e", true, true, true},
	        {"reader !shop", false, true, false},
	        {"i n", false, true, false},
	};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		if (matches(s->expression, &checkout) != s->checkout ||
		        matches(s->expression, &reader) != s->reader ||
		        matches(s->expression, &dark) != s->dark)
			fail_msg("\"%s\" matches the wrong rows", s->expression);
		for (size_t lettered = 0; lettered <= 3; lettered++)
			passes(s, lettered);
	}
}

static void expect_error(const char *expression, const char *part)
{
	struct err e = {.code = ERR_NONE};
	struct filter *f = filter_compile(expression, columns, 5, &e);
	assert_null(f);
	assert_int_equal(e.code, ERR_USAGE);
	if (strstr(e.text, part) == NULL)
		fail_msg("\"%s\": expected \"%s\" in \"%s\"", expression, part, e.text);
}

static void test_mistakes_are_explained(void **state)
{
	(void)state;
	char many[200];
	char wide[600];
	expect_error("sate:active", "did you mean \"state\"");
	expect_error("zzzzzz:1", "no column \"zzzzzz\"");
	expect_error("age:>soon", "not a number or a duration");
	expect_error("rows:>many", "not a number");
	expect_error("\"open", "quote");
	expect_error("~(", "~(");
	expect_error("~(a)\\1", "simpler");
	expect_error("~((a{100}){100}){100}", "simpler");
	expect_error("~a+++++++++++++++++++++++", "simpler");
	memset(wide, 'a', sizeof(wide));
	wide[sizeof(wide) - 1] = '\0';
	expect_error(wide, "longer than");
	for (size_t i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 == 0 ? 'a' : ' ';
	many[sizeof(many) - 1] = '\0';
	expect_error(many, "more than");
}

static void test_no_filter_matches_all(void **state)
{
	(void)state;
	struct filter_row fr = {.text = row_text, .number = row_number, .row = &dark};
	assert_true(filter_match(NULL, &fr));
	filter_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_words),
	        cmocka_unit_test(test_mistakes_are_explained),
	        cmocka_unit_test(test_no_filter_matches_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
