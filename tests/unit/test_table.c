/* Cells keep what the server said: unknown stays unknown, what does not fit is an error that names the
 * column, and a counter that was reset never becomes a rate. */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/model/table.h"

static const struct column columns[] = {
        {.name = "id", .role = ROLE_COUNT, .key = true},
        {.name = "started", .role = ROLE_TIME, .key = true},
        {.name = "user", .role = ROLE_LABEL},
        {.name = "xacts", .role = ROLE_COUNTER},
        {.name = "progress", .role = ROLE_PERCENT},
        {.name = "own", .role = ROLE_BOOL},
};
enum { COLS = sizeof(columns) / sizeof(columns[0]) };

static bool set(struct table_builder *b, size_t col, const char *s, struct err *e)
{
	return table_build_set(b, col, s, s == NULL ? 0 : strlen(s), e);
}

/* One row from text; NULL is NULL. */
static void add(struct table_builder *b, const char *const text[COLS])
{
	struct err e = {.code = ERR_NONE};
	assert_non_null(table_build_row(b));
	for (size_t i = 0; i < COLS; i++) {
		if (!set(b, i, text[i], &e))
			fail_msg("%s", e.text);
	}
}

static void test_roles(void **state)
{
	(void)state;
	for (int r = 0; r < ROLE_COUNT_; r++) {
		assert_int_equal(column_role_parse(column_role_name((enum column_role)r)), r);
		assert_int_not_equal(column_cell_type((enum column_role)r), CELL_NULL);
	}
	assert_int_equal(column_role_parse("counters"), ROLE_COUNT_);
}

static void test_cells_are_read_by_name_and_type(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct table_builder *b = table_build(arena, columns, COLS, 10);
	add(b, (const char *const[]){"4711", "13:58", "checkout", "10", "12.5", "t"});
	add(b, (const char *const[]){NULL, NULL, NULL, NULL, NULL, NULL});
	const struct table *t = table_build_finish(b);
	int64_t i = -7;
	double r = -7;
	bool own = false;
	assert_int_equal(t->nrows, 2);
	assert_int_equal(table_column(t, "user"), 2);
	assert_int_equal(table_column(t, "nope"), -1);
	assert_true(table_int(t, 0, 0, &i));
	assert_int_equal(i, 4711);
	assert_string_equal(table_text(t, 0, 2), "checkout");
	assert_true(table_real(t, 0, 4, &r) && r > 12.4 && r < 12.6);
	assert_true(table_real(t, 0, 0, &r) && r > 4710 && r < 4712);
	assert_true(table_bool(t, 0, 5, &own) && own);

	i = -7;
	for (int col = -1; col < COLS; col++) {
		assert_int_equal(table_cell(t, 1, col)->type, CELL_NULL);
		assert_false(table_int(t, 1, col, &i));
		assert_false(table_bool(t, 1, col, &own));
		assert_null(table_text(t, 1, col));
		assert_true(isnan(table_rate(t, 1, col)));
	}
	assert_int_equal(i, -7);
	assert_false(table_int(t, 0, 2, &i));
	assert_null(table_text(t, 0, 0));
	arena_free(arena);
}

static void test_the_forms_of_both_engines(void **state)
{
	(void)state;
	static const struct {
		size_t col;
		const char *text;
		bool good;
		int64_t i;
	} cases[] = {
	        {0, "-5", true, -5},
	        {0, "12.000", true, 12},
	        {0, "18446744073709551615", true, INT64_MAX},
	        {0, "", false, 0},
	        {0, "12x", false, 0},
	        {0, "99999999999999999999999", false, 0},
	        {0, "1111111111111111111111111111111111111111111111111111111111111111111111111", false, 0},
	        {5, "YES", true, 1},
	        {5, "off", true, 0},
	        {5, "f", true, 0},
	        {5, "1", true, 1},
	        {5, "maybe", false, 0},
	        {4, "nan", false, 0},
	        {4, "12%", false, 0},
	};
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct err e = {.code = ERR_NONE};
		struct arena *arena = arena_new();
		struct table_builder *b = table_build(arena, columns, COLS, 10);
		struct cell *row = table_build_row(b);
		assert_int_equal(set(b, cases[n].col, cases[n].text, &e), cases[n].good);
		if (cases[n].good) {
			assert_int_equal(row[cases[n].col].u.i, cases[n].i);
		} else {
			assert_int_equal(e.code, ERR_PROTOCOL);
			assert_non_null(strstr(e.text, columns[cases[n].col].name));
			assert_int_equal(row[cases[n].col].type, CELL_NULL);
		}
		arena_free(arena);
	}
}

static void test_text_may_hold_any_byte(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct table_builder *b = table_build(arena, columns, COLS, 10);
	table_build_row(b);
	assert_true(table_build_set(b, 2, "a\0\xff", 3, NULL));
	const struct cell *c = table_cell(table_build_finish(b), 0, 2);
	assert_int_equal(c->n, 3);
	assert_memory_equal(c->u.s, "a\0\xff", 4);
	arena_free(arena);
}

/* Rows that are nearly the same are kept as what differs: they must read as what was set, and a change of one
 * must not show in another. */
static void test_rows_like_others_read_as_set(void **state)
{
	(void)state;
	enum { ROWS = 60 };
	struct arena *arena = arena_new();
	struct table_builder *b = table_build(arena, columns, COLS, ROWS);
	for (int i = 0; i < ROWS; i++) {
		char id[16];
		snprintf(id, sizeof(id), "%d", i);
		bool odd = i % 7 == 3;
		add(b, (const char *const[]){id, odd ? NULL : "13:58", odd ? "root" : "app", odd ? "9" : NULL,
		               i % 5 == 0 ? "12.5" : NULL, odd ? "t" : "f"});
	}
	struct table *t = table_build_finish(b);
	size_t alike = 0;
	assert_int_equal(t->nrows, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		bool odd = i % 7 == 3, own = !odd;
		const char *started = table_text(t, i, 1);
		int64_t id = -1, xacts = -1;
		assert_true(table_int(t, i, 0, &id));
		assert_int_equal(id, i);
		assert_true(odd ? started == NULL : started != NULL && strcmp(started, "13:58") == 0);
		assert_string_equal(table_text(t, i, 2), odd ? "root" : "app");
		assert_int_equal(table_int(t, i, 3, &xacts), odd);
		assert_int_equal(xacts, odd ? 9 : -1);
		assert_int_equal(table_cell(t, i, 4)->type, i % 5 == 0 ? CELL_REAL : CELL_NULL);
		assert_true(table_bool(t, i, 5, &own) && own == odd);
		alike += t->rows[i]->like != t->rows[i]->cells;
	}
	assert_true(alike > ROWS / 2);

	/* The first is whole, and others are like it. */
	for (size_t i = 0; i < 2; i++) {
		struct cell *c = table_cell_edit(arena, t, i, 2);
		*c = (struct cell){.type = CELL_TEXT, .u.s = "edited", .n = 6};
		assert_ptr_equal(table_cell_edit(arena, t, i, 2), c);
		assert_string_equal(table_text(t, i, 2), "edited");
		assert_string_equal(table_text(t, i, 1), "13:58");
	}
	assert_string_equal(table_text(t, 2, 2), "app");
	const struct table *copy = table_project(arena, t, t->columns, t->ncols);
	for (size_t i = 0; i < ROWS; i++) {
		assert_int_equal(table_find(t, copy, i), i);
		assert_string_equal(table_text(copy, i, 2), table_text(t, i, 2));
	}
	arena_free(arena);
}

static void test_limits_are_said(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct table_builder *b = table_build(arena, columns, COLS, 40);
	for (int i = 0; i < 40; i++) {
		char id[16];
		snprintf(id, sizeof(id), "%d", i);
		add(b, (const char *const[]){id, NULL, "user", NULL, NULL, NULL});
	}
	assert_false(table_build_finish(b)->truncated);
	assert_null(table_build_row(b));
	const struct table *t = table_build_finish(b);
	assert_true(t->truncated);
	assert_int_equal(t->nrows, 40);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(table_cell(t, (size_t)i, 0)->u.i, i);
		assert_string_equal(table_text(t, (size_t)i, 2), "user");
	}

	/* Ten megabytes of text: the cell is cut, no row follows. */
	static char big[10 * 1024 * 1024];
	memset(big, 'x', sizeof(big));
	b = table_build(arena, columns, COLS, 40);
	table_build_row(b);
	assert_true(table_build_set(b, 2, big, sizeof(big), NULL));
	assert_true(table_build_finish(b)->truncated);
	assert_true(table_cell(table_build_finish(b), 0, 2)->n < TABLE_BYTES_MAX);
	assert_null(table_build_row(b));
	arena_free(arena);
}

static void test_rates(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct table_builder *b = table_build(arena, columns, COLS, 10);
	add(b, (const char *const[]){"1", "a", NULL, "100", NULL, NULL});
	add(b, (const char *const[]){"2", "a", NULL, "500", NULL, NULL});
	add(b, (const char *const[]){"3", NULL, NULL, "7", NULL, NULL});
	add(b, (const char *const[]){"4", "a", NULL, NULL, NULL, NULL});
	struct table *prev = table_build_finish(b);
	b = table_build(arena, columns, COLS, 10);
	add(b, (const char *const[]){"4", "a", NULL, "9", NULL, NULL});
	add(b, (const char *const[]){"3", NULL, NULL, "27", NULL, NULL});
	add(b, (const char *const[]){"2", "a", NULL, "499", NULL, NULL});
	add(b, (const char *const[]){"1", "b", NULL, "101", NULL, NULL});
	add(b, (const char *const[]){"1", "a", NULL, "150", NULL, NULL});
	struct table *now = table_build_finish(b);

	assert_int_equal(table_find(now, prev, 1), 2);
	assert_int_equal(table_find(now, prev, 3), -1);
	table_rates(now, prev, 2.0, arena);
	assert_true(isnan(table_rate(now, 0, 3))); /* unknown before */
	assert_true(table_rate(now, 1, 3) > 9.9 && table_rate(now, 1, 3) < 10.1);
	assert_true(isnan(table_rate(now, 2, 3))); /* reset */
	assert_true(isnan(table_rate(now, 3, 3))); /* another session of the same id */
	assert_true(table_rate(now, 4, 3) > 24.9 && table_rate(now, 4, 3) < 25.1);
	assert_true(isnan(table_rate(now, 4, 0))); /* a gauge has no rate */

	table_rates(now, prev, 0, arena);
	assert_true(isnan(table_rate(now, 4, 3)));
	table_rates(now, NULL, 1, arena);
	assert_true(isnan(table_rate(now, 4, 3)));
	arena_free(arena);
}

static void test_rows_are_written_again(void **state)
{
	(void)state;
	static const struct column ages[] = {{.name = "id", .role = ROLE_COUNT, .key = true},
	        {.name = "query", .role = ROLE_SQLTEXT}, {.name = "state_ms", .role = ROLE_DURATION},
	        {.name = "xact_ms", .role = ROLE_DURATION}};
	struct arena *old = arena_new();
	struct arena *arena = arena_new();
	struct table_builder *b = table_build(old, ages, 4, 2);
	static const char *const cells[] = {"5", "SELECT 1", "200", NULL};
	table_build_row(b);
	for (size_t i = 0; i < 4; i++)
		assert_true(set(b, i, cells[i], NULL));
	struct table *before = table_build_finish(b);
	b = table_build(arena, ages, 4, 1);
	assert_true(table_build_copy(b, before, 0, 1000));
	assert_false(table_build_copy(b, before, 0, 1000)); /* the limit holds for copies, too */
	struct table *now = table_build_finish(b);
	struct table *same = table_project(arena, before, ages, 4);
	static const struct column fewer[] = {
	        {.name = "xact_ms", .role = ROLE_DURATION}, {.name = "query", .role = ROLE_SQLTEXT}};
	struct table *cut = table_project(arena, before, fewer, 2);
	arena_free(old);

	/* Nothing points into what is gone; ages went on, what was unknown is. */
	int64_t ms;
	assert_int_equal(now->nrows, 1);
	assert_true(now->truncated);
	assert_string_equal(table_text(now, 0, 1), "SELECT 1");
	assert_true(table_int(now, 0, 2, &ms));
	assert_int_equal(ms, 1200);
	assert_false(table_int(now, 0, 3, &ms));
	assert_true(table_int(now, 0, 0, &ms));
	assert_int_equal(ms, 5);
	assert_int_equal(same->nrows, 1);
	assert_false(same->truncated);
	assert_true(table_int(same, 0, 2, &ms));
	assert_int_equal(ms, 200);
	assert_ptr_equal(cut->columns, fewer);
	assert_int_equal(cut->nrows, 1);
	assert_false(table_int(cut, 0, 0, &ms));
	assert_string_equal(table_text(cut, 0, 1), "SELECT 1");
	arena_free(arena);
}

/* More rows than stand in one block, and texts that repeat. */
static void test_many_rows(void **state)
{
	(void)state;
	enum { ROWS = 1000 };
	struct arena *arena = arena_new();
	struct table_builder *b = table_build(arena, columns, COLS, ROWS);
	char id[16], user[16];
	for (int i = 0; i < ROWS; i++) {
		snprintf(id, sizeof id, "%d", i);
		snprintf(user, sizeof user, "user-%d", i % 3);
		add(b, (const char *const[]){id, i % 7 == 0 ? NULL : "13:58", user, id, "1", "f"});
	}
	assert_null(table_build_row(b));
	const struct table *t = table_build_finish(b);
	assert_int_equal(t->nrows, ROWS);
	for (int i = 0; i < ROWS; i++) {
		int64_t found = -1;
		snprintf(user, sizeof user, "user-%d", i % 3);
		assert_true(table_int(t, (size_t)i, 0, &found) && found == i);
		assert_string_equal(table_text(t, (size_t)i, 2), user);
		assert_true((table_text(t, (size_t)i, 1) == NULL) == (i % 7 == 0));
	}
	/* Kept once: three users take three places, whatever the number of rows. */
	assert_ptr_equal(table_text(t, 3, 2), table_text(t, 0, 2));
	assert_ptr_equal(table_text(t, ROWS - 1, 2), table_text(t, 0, 2));
	assert_ptr_not_equal(table_text(t, 1, 2), table_text(t, 0, 2));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_roles),
	        cmocka_unit_test(test_cells_are_read_by_name_and_type),
	        cmocka_unit_test(test_the_forms_of_both_engines),
	        cmocka_unit_test(test_text_may_hold_any_byte),
	        cmocka_unit_test(test_rows_like_others_read_as_set),
	        cmocka_unit_test(test_limits_are_said),
	        cmocka_unit_test(test_many_rows),
	        cmocka_unit_test(test_rates),
	        cmocka_unit_test(test_rows_are_written_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
