/* The shared list: columns at every width, and the cursor's promises while rows come, go and change places.
 */
#include "tests/support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tui/list.h"

static const struct list_column columns[] = {
        {.name = "instance", .title = "INSTANCE", .priority = 0, .min = 12, .ideal = 18, .pinned = true},
        {.name = "id", .title = "ID", .priority = 0, .min = 7, .ideal = 7, .right = true, .pinned = true},
        {.name = "user", .title = "USER", .priority = 3, .min = 8, .ideal = 12},
        {.name = "db", .title = "DB", .priority = 5, .min = 8, .ideal = 12},
        {.name = "client", .title = "CLIENT", .priority = 7, .min = 12, .ideal = 21},
        {.name = "state", .title = "STATE", .priority = 1, .min = 8, .ideal = 19},
        {.name = "xact",
                .title = "XACT AGE",
                .brief = "TX",
                .priority = 1,
                .min = 6,
                .ideal = 8,
                .right = true},
        {.name = "query", .title = "STATEMENT", .priority = 2, .min = 16, .ideal = 30, .flex = 1},
};
enum { NCOLUMNS = sizeof(columns) / sizeof(columns[0]), STATE = 5, QUERY = 7 };

static void test_columns_fit_any_width(void **state)
{
	(void)state;
	for (int width = 0; width <= 260; width++) {
		struct list_layout l;
		int before = -1;
		list_layout(columns, NCOLUMNS, width, 0, &l);
		for (int i = 0; i < NCOLUMNS; i++) {
			if (l.w[i] == 0)
				continue;
			assert_true(l.x[i] > before);
			before = l.x[i] + l.w[i] - 1;
		}
		assert_true(before < width);
	}
}

static void test_priority_decides_what_goes(void **state)
{
	(void)state;
	struct list_layout l;
	list_layout(columns, NCOLUMNS, 200, 0, &l);
	assert_int_equal(l.hidden, 0);
	assert_true(l.gap >= 2);
	assert_int_equal(l.w[STATE], 19);
	assert_true(l.w[QUERY] > 60);
	list_layout(columns, NCOLUMNS, 80, 0, &l);
	assert_int_equal(l.w[4], 0); /* client goes first */
	assert_true(l.w[2] > 0 && l.w[3] > 0);
	list_layout(columns, NCOLUMNS, 40, 0, &l);
	assert_true(l.w[0] > 0 && l.w[1] > 0 && l.w[STATE] > 0);
	assert_int_equal(l.w[QUERY], 0);
	list_layout(columns, NCOLUMNS, 10, 0, &l);
	assert_true(l.w[0] > 0 && l.w[0] <= 10);
}

static void test_sideways_shows_every_column(void **state)
{
	(void)state;
	bool seen[NCOLUMNS] = {false};
	struct list list = {.rows = 0};
	for (int step = 0; step < 20; step++) {
		struct list_layout l;
		list_layout(columns, NCOLUMNS, 60, list.scroll, &l);
		assert_true(l.w[0] > 0 && l.w[1] > 0);
		for (int i = 0; i < NCOLUMNS; i++)
			seen[i] = seen[i] || l.w[i] > 0;
		list_sideways(&list, &l, 1);
	}
	for (int i = 0; i < NCOLUMNS; i++)
		assert_true(seen[i]);
	assert_true(list.scroll < NCOLUMNS);
	struct list_layout l;
	list_layout(columns, NCOLUMNS, 300, 0, &l);
	assert_int_equal(l.scrolls, 0);
}

enum { ROWS = 100, HEIGHT = 10 };

struct rows {
	struct list_key key[ROWS + 8];
	size_t n;
};

static struct rows rows_of(size_t n)
{
	struct rows r = {.n = n};
	for (size_t i = 0; i < n; i++)
		r.key[i] = (struct list_key){.a = 1, .b = i + 1};
	return r;
}

static void remove_row(struct rows *r, size_t at)
{
	memmove(&r->key[at], &r->key[at + 1], (--r->n - at) * sizeof(r->key[0]));
}

static void insert_row(struct rows *r, size_t at, uint64_t id)
{
	memmove(&r->key[at + 1], &r->key[at], (r->n++ - at) * sizeof(r->key[0]));
	r->key[at] = (struct list_key){.a = 2, .b = id};
}

static void test_the_cursor_follows_its_row(void **state)
{
	(void)state;
	struct rows r = rows_of(ROWS);
	struct list l = {.rows = 0};
	list_update(&l, r.key, r.n, HEIGHT);
	assert_int_equal(list_row(&l), 0);
	list_move(&l, r.key, 50);
	assert_int_equal(list_row(&l), 50);
	long line = l.at - l.top;
	insert_row(&r, 3, 900);
	insert_row(&r, 3, 901);
	list_update(&l, r.key, r.n, HEIGHT);
	assert_int_equal(list_row(&l), 52);
	assert_int_equal(l.at - l.top, line);
	remove_row(&r, 0);
	list_update(&l, r.key, r.n, HEIGHT);
	assert_int_equal(list_row(&l), 51);
	assert_int_equal(l.at - l.top, line);
}

static void test_at_the_top_new_rows_are_seen(void **state)
{
	(void)state;
	struct rows r = rows_of(ROWS);
	struct list l = {.rows = 0};
	list_update(&l, r.key, r.n, HEIGHT);
	insert_row(&r, 0, 900);
	list_update(&l, r.key, r.n, HEIGHT);
	assert_int_equal(list_row(&l), 1);
	assert_int_equal(l.top, 0);
}

static void test_a_row_that_goes_leaves_a_ghost(void **state)
{
	(void)state;
	struct rows r = rows_of(ROWS);
	struct list l = {.rows = 0};
	list_update(&l, r.key, r.n, HEIGHT);
	list_move(&l, r.key, 5);
	struct list_key gone = l.cursor;
	remove_row(&r, 5);
	list_update(&l, r.key, r.n, HEIGHT);
	assert_true(l.ghost);
	assert_int_equal(list_row(&l), LIST_GHOST);
	assert_int_equal(list_lines(&l), ROWS);
	assert_int_equal(list_row_at(&l, 4), 4);
	assert_int_equal(list_row_at(&l, 5), LIST_GHOST);
	assert_int_equal(list_row_at(&l, 6), 5);
	/* It stays as long as the operator does, and it comes back when the row does. */
	insert_row(&r, 0, 900);
	list_update(&l, r.key, r.n, HEIGHT);
	assert_true(l.ghost && list_key_equal(l.cursor, gone));
	r.key[20] = gone;
	list_update(&l, r.key, r.n, HEIGHT);
	assert_false(l.ghost);
	assert_int_equal(list_row(&l), 20);
}

static void test_moving_leaves_the_ghost(void **state)
{
	(void)state;
	for (int step = -1; step <= 1; step += 2) {
		struct rows r = rows_of(20);
		struct list l = {.rows = 0};
		list_update(&l, r.key, r.n, HEIGHT);
		list_move(&l, r.key, 5);
		remove_row(&r, 5);
		list_update(&l, r.key, r.n, HEIGHT);
		list_move(&l, r.key, step);
		assert_false(l.ghost);
		assert_int_equal(l.cursor.b, step > 0 ? 7 : 5);
	}
}

static void test_all_rows_gone(void **state)
{
	(void)state;
	struct rows r = rows_of(3);
	struct list l = {.rows = 0};
	list_update(&l, r.key, r.n, HEIGHT);
	list_bottom(&l, r.key);
	list_update(&l, r.key, 0, HEIGHT);
	assert_int_equal(list_row(&l), LIST_GHOST);
	assert_int_equal(list_lines(&l), 1);
	list_move(&l, r.key, 1);
	list_page(&l, r.key, -1);
	list_top(&l, r.key);
	assert_int_equal(list_row(&l), LIST_GHOST);
	struct list empty = {.rows = 0};
	list_update(&empty, r.key, 0, 0);
	assert_int_equal(list_row(&empty), -2);
	list_move(&empty, r.key, 1);
	assert_int_equal(list_row(&empty), -2);
}

static void test_moving_and_paging(void **state)
{
	(void)state;
	struct rows r = rows_of(ROWS);
	struct list l = {.rows = 0};
	list_update(&l, r.key, r.n, HEIGHT);
	list_move(&l, r.key, -3);
	assert_int_equal(list_row(&l), 0);
	list_page(&l, r.key, 1);
	assert_int_equal(list_row(&l), HEIGHT - 1);
	list_bottom(&l, r.key);
	assert_int_equal(list_row(&l), ROWS - 1);
	assert_int_equal(l.top, ROWS - HEIGHT);
	list_wheel(&l, -30);
	assert_int_equal(l.top, ROWS - HEIGHT - 30);
	assert_int_equal(list_row(&l), ROWS - 1);
	/* The wheel's window stays where it was put when data come. */
	list_update(&l, r.key, r.n, HEIGHT);
	assert_int_equal(l.top, ROWS - HEIGHT - 30);
	list_move(&l, r.key, -1);
	assert_true(l.at >= l.top && l.at < l.top + HEIGHT);
	assert_true(list_select(&l, r.key, (struct list_key){.a = 1, .b = 7}));
	assert_int_equal(list_row(&l), 6);
	assert_false(list_select(&l, r.key, (struct list_key){.a = 9, .b = 9}));
	list_update(&l, r.key, r.n, 3);
	assert_true(l.at >= l.top && l.at < l.top + 3);
}

static void test_marks(void **state)
{
	(void)state;
	struct rows r = rows_of(ROWS);
	struct list l = {.rows = 0};
	list_update(&l, r.key, r.n, HEIGHT);
	assert_true(list_mark(&l, r.key[4]));
	list_move(&l, r.key, 8);
	assert_int_equal(list_mark_range(&l, r.key), 5);
	assert_true(list_marked(&l, r.key[6]));
	assert_true(list_mark(&l, r.key[6]));
	assert_false(list_marked(&l, r.key[6]));
	remove_row(&r, 4);
	list_marks_prune(&l, r.key, r.n);
	assert_int_equal(l.nmarks, 3);
	list_unmark(&l);
	assert_int_equal(l.nmarks, 0);
	for (uint64_t i = 0; i < LIST_MARKS_MAX; i++)
		assert_true(list_mark(&l, (struct list_key){.a = 3, .b = i}));
	assert_false(list_mark(&l, (struct list_key){.a = 4, .b = 1}));
}

static void draw_row(void *arg, struct surface *s, const struct list_layout *layout, int x0, int y, long row)
{
	int *drawn = arg;
	char text[32];
	(*drawn)++;
	snprintf(text, sizeof(text), row == LIST_GHOST ? "gone" : "row %ld", row);
	list_cell(s, layout, x0, y, 0, row == LIST_GHOST ? STYLE_GHOST : STYLE_TEXT, text);
	list_cell(s, layout, x0, y, 1, STYLE_TEXT, "42");
}

static void test_only_what_is_in_sight_is_drawn(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	static struct list_key keys[MANY];
	for (size_t i = 0; i < MANY; i++)
		keys[i] = (struct list_key){.a = 1, .b = i + 1};
	struct list l = {.rows = 0};
	struct list_layout layout;
	struct surface *s = surface_new(80, 12, false);
	struct rect r = {0, 0, 80, 12};
	int drawn = 0;
	struct list_draw draw = {.arg = &drawn, .row = draw_row, .sorted = 6};
	list_update(&l, keys, MANY, 11);
	list_move(&l, keys, 3);
	list_layout(columns, NCOLUMNS, list_width(80), 0, &layout);
	list_render(&l, columns, &layout, r, &draw, s);
	assert_int_equal(drawn, 11);
	struct buf out;
	buf_init(&out, 1 << 14);
	surface_to_text(s, &out);
	assert_non_null(strstr(buf_str(&out), "INSTANCE"));
	assert_non_null(strstr(buf_str(&out), "TX▾"));
	assert_non_null(strstr(buf_str(&out), " row 3"));
	assert_true((surface_at(s, 5, 4)->flags & CELL_SELECTED) != 0);
	buf_free(&out);
	long index = 0;
	assert_int_equal(list_hit(&l, &layout, r, 5, 4, &index), LIST_HIT_ROW);
	assert_int_equal(index, 3);
	assert_int_equal(list_hit(&l, &layout, r, 1 + layout.x[STATE], 0, &index), LIST_HIT_HEADER);
	assert_int_equal(index, STATE);
	assert_int_equal(list_hit(&l, &layout, r, 5, 12, &index), LIST_HIT_NONE);
	surface_free(s);
}

static void test_drawing_fits_any_rectangle(void **state)
{
	(void)state;
	struct rows r = rows_of(30);
	struct surface *s = surface_new(40, 8, true);
	for (int w = 0; w < 44; w += 3) {
		for (int h = 0; h < 10; h++) {
			struct list l = {.rows = 0};
			struct list_layout layout;
			int drawn = 0;
			struct list_draw draw = {.arg = &drawn, .row = draw_row, .sorted = LIST_NO_COLUMN};
			list_update(&l, r.key, r.n, h - 1);
			list_bottom(&l, r.key);
			list_layout(columns, NCOLUMNS, list_width(w), 0, &layout);
			list_render(&l, columns, &layout, (struct rect){0, 0, w, h}, &draw, s);
			assert_true(drawn <= (h > 0 ? h - 1 : 0));
		}
	}
	surface_free(s);
}

static void test_hashes_tell_apart(void **state)
{
	(void)state;
	assert_true(list_hash_text(0, "a") != list_hash_text(0, "b"));
	assert_true(
	        list_hash_text(list_hash_text(0, "ab"), "c") != list_hash_text(list_hash_text(0, "a"), "bc"));
	assert_true(list_hash_text(0, NULL) == list_hash_text(0, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_columns_fit_any_width),
	        cmocka_unit_test(test_priority_decides_what_goes),
	        cmocka_unit_test(test_sideways_shows_every_column),
	        cmocka_unit_test(test_the_cursor_follows_its_row),
	        cmocka_unit_test(test_at_the_top_new_rows_are_seen),
	        cmocka_unit_test(test_a_row_that_goes_leaves_a_ghost),
	        cmocka_unit_test(test_moving_leaves_the_ghost),
	        cmocka_unit_test(test_all_rows_gone),
	        cmocka_unit_test(test_moving_and_paging),
	        cmocka_unit_test(test_marks),
	        cmocka_unit_test(test_only_what_is_in_sight_is_drawn),
	        cmocka_unit_test(test_drawing_fits_any_rectangle),
	        cmocka_unit_test(test_hashes_tell_apart),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
