/* The filter language, word by word, on rows of a little table; what is unknown, and what is refused. */
#include "tests/support/test.h"

#include <stdio.h>
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
	expect_error("~(a", "filter: ~(a: missing closing parenthesis");
	expect_error("~[a", "filter: ~[a: missing terminating ] for character class");
	expect_error("~*", "filter: ~*: quantifier does not follow a repeatable item");
	expect_error("~a\\Cb", "filter: ~a\\Cb: using \\C is disabled");
	expect_error("~(?<=a+)b", "filter: ~(?<=a+)b: lookbehind assertion is not fixed length");
	expect_error("~\xff(", "filter: ~\xef\xbf\xbd(: UTF-8 error");
	expect_error("~\x1b[(", "filter: ~\xef\xbf\xbd[(: ");
	expect_error("~(a)\\1", "simpler");
	expect_error("~((a{100}){100}){100}", "simpler");
	expect_error("~((a{1000}){1000}", "filter: ~((a{1000}){1000}: ");
	expect_error("~((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))", "simpler");
	expect_error("~[a-\\x{fffff}a-\\x{fffff}a-\\x{fffff}a-\\x{fffff}a-\\x{fffff}]", "simpler");
	expect_error(
	        "~[a-\\x{fffff}a-\\x{fffff}] ~[a-\\x{fffff}a-\\x{fffff}] app:~[a-\\x{fffff}]", "simpler");
	expect_error("~a+++++++++++++++++++++++", "quantifier does not follow a repeatable item");
	memset(wide, 'a', sizeof(wide));
	wide[sizeof(wide) - 1] = '\0';
	expect_error(wide, "longer than");
	wide[0] = '~';
	expect_error(wide, "longer than");
	wide[257] = '\0';
	expect_error(wide, "longer than");
	wide[256] = '\0';
	struct filter *f = filter_compile(wide, columns, 5, NULL);
	assert_non_null(f);
	filter_free(f);
	for (size_t i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 == 0 ? 'a' : ' ';
	many[sizeof(many) - 1] = '\0';
	expect_error(many, "more than");
}

static bool matches_text(const char *expression, const char *app)
{
	return matches(expression, &(const struct row){.text = {NULL, app, NULL}, .age = -1});
}

static void test_expressions(void **state)
{
	(void)state;
	static const struct {
		const char *expression, *text;
		bool yes;
	} samples[] = {
	        {"~^müller$", "MÜLLER", true},
	        {"~Ü", "grün", true},
	        {"~[ä-ü]x", "ÖX", true},
	        {"~a.c", "aßc", true},
	        /* Bytes that are no UTF-8 match nothing; what stands around them is matched. */
	        {"~^caf.$", "caf\xe9", false},
	        {"~^caf", "caf\xe9", true},
	        {"~bar$", "caf\xe9 bar", true},
	        {"~^.?bar", "caf\xe9 bar", false},
	        {"~caf.*bar", "caf\xe9 bar", false},
	        {"~x", "\xc3", false},
	        {"!~x", "\xc3", true},
	        /* The ends of a cell, whatever is in it. */
	        {"~^b", "a\nb", false},
	        {"~a$", "a\nb", false},
	        {"~b$", "a\nb\n", false},
	        {"~(?m)a$", "a\nb", true},
	        {"~^select.*orders$", "select *\nfrom orders", true},
	        {"~^$", "", true},
	        {"~^$", "a", false},
	        {"~(?<!un)safe", "unsafe", false},
	        {"~\\bid\\b", "order id 7", true},
	        {"~[[:digit:]]{3}", "ab123", true},
	        {"~(?i)", "a", true},
	        {"~a(?i)(?-i)", "A", true},
	        {"~a{2}(?m)", "aa", true},
	};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		if (matches_text(samples[i].expression, samples[i].text) != samples[i].yes)
			fail_msg("%zu: \"%s\" and \"%s\"", i, samples[i].expression, samples[i].text);
	}
}

/* What is beyond the first KiB of a cell is not looked at, and no character is cut in two there. */
static void test_long_cells(void **state)
{
	(void)state;
	char text[2000];
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 1100, "needle", 6);
	assert_false(matches_text("~needle", text));
	assert_true(matches_text("needle", text));
	memcpy(text + 1023, "ü", strlen("ü"));
	assert_true(matches_text("~^a+$", text));
}

/* Each takes forever, or all memory, where nothing bounds it. */
static void test_what_takes_too_long_is_off(void **state)
{
	(void)state;
	static const char *const hostile[] = {"~(a+)+$", "~(a|aa)+$", "~(.*)*(.*)*(.*)*[^a.]$",
	        "~(?-n)(.*)*(.*)\\2\\1[^a.]$", "~(?<n>.*)*\\k<n>[^a.]$", "~(a?){50}(a?){50}[^a.]$",
	        "~(((((a*)*)*)*)*)*[^a.]$", "~(?<n>a|a(?&n)a)*[^a.]$", "~(?R)?a(?R)?[^a.]$",
	        "~(?=(.*a)+[^a])b|(a*)*[^a.]$", "~(*LIMIT_MATCH=4000000000)(a+)+[^a.]$",
	        "~(a*?)*?(?C1)(a*?)*?[^a.]$"};
	char text[1100];
	memset(text, 'a', sizeof(text));
	memcpy(text + 1000, "!a.", 4);
	text[sizeof(text) - 1] = '\0';
	const struct row culprit = {.text = {NULL, text, NULL}, .age = -1};
	for (size_t i = 0; i < 2 * (sizeof(hostile) / sizeof(hostile[0])); i++) {
		char expression[100];
		const char *what = hostile[i / 2];
		snprintf(expression, sizeof(expression), "%s%s", i % 2 == 0 ? "" : "!", what);
		struct filter *f = filter_compile(expression, columns, 5, NULL);
		struct filter_row row = {.text = row_text, .number = row_number, .row = &culprit};
		if (f == NULL)
			fail_msg("%s does not compile", expression);
		assert_null(filter_trouble(f));
		for (int n = 0; n < 3; n++) {
			if (!filter_match(f, &row))
				fail_msg("%s hides the row", expression);
		}
		const char *trouble = filter_trouble(f);
		if (trouble == NULL || strstr(trouble, "takes too long, so it is off") == NULL)
			fail_msg("%s: said was \"%s\"", expression, trouble == NULL ? "" : trouble);
		/* It narrows nothing, in rows that it is quick with, too. */
		row.row = &checkout;
		assert_true(filter_match(f, &row));
		filter_free(f);
	}
}

static void test_only_the_term_is_off(void **state)
{
	(void)state;
	char text[1000];
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 4, "!a.", 4);
	const struct row culprit = {.text = {"shop", text, "idle"}, .age = 9000};
	struct filter *f = filter_compile("state:idle ~(a+)+$ !report", columns, 5, NULL);
	struct filter_row row = {.text = row_text, .number = row_number, .row = &culprit};
	assert_non_null(f);
	assert_true(filter_match(f, &row));
	assert_string_equal(
	        filter_trouble(f), "filter: ~(a+)+$: takes too long, so it is off and leaves out nothing");
	row.row = &checkout;
	assert_false(filter_match(f, &row));
	row.row = &reader;
	assert_false(filter_match(f, &row));
	filter_free(f);
}

/* Work is counted over all cells: an expression that is a little slow in each of a long list ends as well,
 * one that people write does not. */
static void test_a_long_list(void **state)
{
	(void)state;
	static const struct {
		const char *expression;
		bool off;
	} samples[] = {
	        {"~a*a*a*b$", true},
	        {"~(insert|update|delete).*orders", false},
	        {"~[a-z]+_(id|key)\\b", false},
	        {"~select.*from.*where", false},
	        {"~[0-9a-f]{8}-[0-9a-f]{4}", false},
	        {"!~^(idle|active)", false},
	        {"~\\d{4}-\\d\\d-\\d\\d", false},
	};
	static const char line[] =
	        "select o.id, o.total_eur from orders o join customers c on c.id = o.customer_id "
	        "where o.placed_at > '2026-11-01 03:00:00' and o.state in ('new', 'paid') ";
	char text[1000];
	char slow[160];
	memset(slow, 'a', sizeof(slow));
	memcpy(slow + sizeof(slow) - 3, "bc", 3);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = line[i % (sizeof(line) - 1)];
	text[sizeof(text) - 1] = '\0';
	const struct row all[] = {{.text = {"shop", text, "active"}}, {.text = {"shop", slow, "active"}}};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct filter *f = filter_compile(samples[i].expression, columns, 5, NULL);
		assert_non_null(f);
		for (size_t n = 0; n < 2000; n++) {
			struct filter_row row = {.text = row_text, .number = row_number, .row = &all[n % 2]};
			filter_match(f, &row);
		}
		if ((filter_trouble(f) != NULL) != samples[i].off)
			fail_msg("%s is %s", samples[i].expression, samples[i].off ? "on" : "off");
		filter_free(f);
	}
}

static void test_no_filter_matches_all(void **state)
{
	(void)state;
	struct filter_row fr = {.text = row_text, .number = row_number, .row = &dark};
	assert_true(filter_match(NULL, &fr));
	assert_null(filter_trouble(NULL));
	filter_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_words),
	        cmocka_unit_test(test_mistakes_are_explained),
	        cmocka_unit_test(test_expressions),
	        cmocka_unit_test(test_long_cells),
	        cmocka_unit_test(test_what_takes_too_long_is_off),
	        cmocka_unit_test(test_only_the_term_is_off),
	        cmocka_unit_test(test_a_long_list),
	        cmocka_unit_test(test_no_filter_matches_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
