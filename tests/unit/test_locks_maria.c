/* How MariaDB's lists become queues of locks: what a live server shows too rarely, or only by the
 * microsecond. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "backends/mysql/locks_maria.h"

static struct maria_look look_new(void)
{
	return (struct maria_look){.arena = arena_new()};
}

static void session(
        struct maria_look *l, int64_t id, const char *kind, const char *name, const char *db, int64_t us)
{
	*maria_row_add(l, MARIA_SESSION) = (struct maria_row){.id = id,
	        .kind = kind,
	        .name = name,
	        .mode = kind != NULL ? "MDL_SHARED_READ" : NULL,
	        .other = db,
	        .us = us,
	        .n = 2,
	        .holder = -1,
	        .info = kind != NULL ? name : NULL};
}

/* lock NULL: it does not wait. */
static void transaction(struct maria_look *l, int64_t id, const char *number, const char *lock)
{
	*maria_row_add(l, MARIA_TRANSACTION) = (struct maria_row){
	        .id = id, .name = lock, .other = number, .us = lock != NULL ? 3000000 : -1, .n = 1};
}

static void pairs(struct maria_look *l, const char *lock, const char *numbers)
{
	*maria_row_add(l, MARIA_PAIRS) = (struct maria_row){.name = lock, .other = numbers};
}

static void lock(struct maria_look *l, const char *name, const char *mode)
{
	*maria_row_add(l, MARIA_LOCK) =
	        (struct maria_row){.kind = "RECORD", .name = name, .mode = mode, .other = "app.t.PRIMARY"};
}

static const struct maria_entry *entry(const struct maria_look *l, int64_t id, bool held)
{
	const struct maria_entry *found = NULL;
	for (size_t i = 0; i < l->n; i++) {
		if (l->entry[i].id == id && l->entry[i].held == held) {
			assert_null(found);
			found = &l->entry[i];
		}
	}
	return found;
}

static const char *blockers(const struct maria_look *l, int64_t id)
{
	const struct maria_entry *e = entry(l, id, false);
	assert_non_null(e);
	return e->blockers;
}

/* 10 holds; 11 and 13 have written, 12 has not. */
static void test_a_queue(void **state)
{
	(void)state;
	struct maria_look l = look_new();
	session(&l, 10, NULL, NULL, "app", 9000000);
	session(&l, 11, NULL, NULL, "app", 2500900);
	session(&l, 12, NULL, NULL, "app", 2500600);
	session(&l, 13, NULL, NULL, "app", 2500300);
	transaction(&l, 10, "70", NULL);
	transaction(&l, 11, "71", "71:5:3:2");
	transaction(&l, 12, "0", "0:5:3:2");
	transaction(&l, 13, "73", "73:5:3:2");
	lock(&l, "0:5:3:2", "X");
	lock(&l, "70:5:3:2", "X");
	lock(&l, "71:5:3:2", "X");
	lock(&l, "73:5:3:2", "X,GAP");
	pairs(&l, "71:5:3:2", "70");
	pairs(&l, "0:5:3:2", "70 71");
	pairs(&l, "73:5:3:2", "0 70 71");
	maria_add_rows(&l);
	assert_int_equal(l.n, 4);
	const struct maria_entry *holder = entry(&l, 10, true);
	assert_non_null(holder);
	assert_false(holder->likely);
	assert_string_equal(holder->queue, "row/5:3:2");
	assert_string_equal(holder->mode, "X");
	assert_string_equal(blockers(&l, 11), "10");
	assert_string_equal(blockers(&l, 12), "10 11");
	assert_string_equal(blockers(&l, 13), "12 10 11");
	const struct maria_entry *last = entry(&l, 13, false);
	assert_string_equal(last->mode, "X,GAP,INSERT_INTENTION");
	assert_string_equal(last->object, "app.t.PRIMARY");
	assert_int_equal(last->place, 3);
	assert_int_equal(last->waiting_ms, 2500);
	arena_free(l.arena);
}

/* The statement of 12 is older, but the server lists it behind 11. */
static void test_the_server_tells_who_is_first(void **state)
{
	(void)state;
	struct maria_look l = look_new();
	session(&l, 11, NULL, NULL, NULL, 2100000);
	session(&l, 12, NULL, NULL, NULL, 2900000);
	transaction(&l, 10, "70", NULL);
	transaction(&l, 11, "71", "71:5:3:2");
	transaction(&l, 12, "72", "72:5:3:2");
	pairs(&l, "71:5:3:2", "70");
	pairs(&l, "72:5:3:2", "70 71");
	maria_add_rows(&l);
	assert_int_equal(entry(&l, 11, false)->place, 1);
	assert_int_equal(entry(&l, 12, false)->place, 2);
	assert_string_equal(blockers(&l, 11), "10");
	assert_string_equal(blockers(&l, 12), "10 11");
	arena_free(l.arena);
}

/* Who holds has no number: one transaction may be it, then two. */
static void test_a_holder_without_a_number(void **state)
{
	(void)state;
	for (int others = 1; others <= 2; others++) {
		struct maria_look l = look_new();
		transaction(&l, 10, "0", NULL);
		if (others == 2)
			transaction(&l, 20, "0", NULL);
		transaction(&l, 11, "71", "71:5:3:2");
		pairs(&l, "71:5:3:2", "0");
		maria_add_rows(&l);
		assert_int_equal(entry(&l, 10, true)->likely, others == 2);
		assert_int_equal(entry(&l, 20, true) != NULL, others == 2);
		assert_string_equal(blockers(&l, 11), others == 2 ? "10 20" : "10");
		assert_int_equal(entry(&l, 11, false)->waiting_ms, 3000);
		arena_free(l.arena);
	}
}

/* 10 has a transaction and waits for another table: it may hold this one. 30 has one elsewhere. */
static void test_who_may_hold_a_table(void **state)
{
	(void)state;
	struct maria_look l = look_new();
	session(&l, 10, "metadata", "app.u", "app", 1000000);
	session(&l, 11, "metadata", "app.t", "app", 2000000);
	session(&l, 12, "metadata", "app.t", NULL, 1500000);
	session(&l, 30, NULL, NULL, "other", 9000000);
	transaction(&l, 10, "70", NULL);
	transaction(&l, 30, "71", NULL);
	maria_add_metadata(&l);
	const struct maria_entry *holder = entry(&l, 10, true);
	assert_non_null(holder);
	assert_true(holder->likely);
	assert_string_equal(holder->queue, "metadata/app.t");
	assert_null(entry(&l, 30, true));
	assert_string_equal(entry(&l, 11, false)->queue, "metadata/app.t");
	assert_int_equal(entry(&l, 11, false)->place, 1);
	assert_int_equal(entry(&l, 12, false)->place, 2);
	/* Nobody is there who may hold what 10 waits for. */
	assert_string_equal(entry(&l, -1, true)->queue, "metadata/app.u");
	arena_free(l.arena);
}

static void test_user_locks_are_sure(void **state)
{
	(void)state;
	struct maria_look l = look_new();
	session(&l, 11, "user", "job", "app", 2000000);
	l.from[MARIA_SESSION].row[0].holder = 40;
	maria_add_metadata(&l);
	assert_int_equal(l.n, 2);
	assert_false(entry(&l, 40, true)->likely);
	assert_false(entry(&l, 11, false)->likely);
	arena_free(l.arena);
}

/* Above 100 row waiters: InnoDB's monitor, which also tells who has a transaction. */
static void test_the_monitors_text(void **state)
{
	(void)state;
	static const char text[] =
	        "LIST OF TRANSACTIONS FOR EACH SESSION:\n"
	        "---TRANSACTION 71, ACTIVE 2 sec starting index read\n"
	        "LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)\n"
	        "MariaDB thread id 11, OS thread handle 1, query id 5 127.0.0.1 app Updating\n"
	        "update t set v=1 where id=1\n"
	        "------- TRX HAS BEEN WAITING 2057825 us FOR THIS LOCK TO BE GRANTED:\n"
	        "RECORD LOCKS space id 8 page no 3 n bits 320 index PRIMARY of table `app`.`t` trx id 71 "
	        "lock_mode X locks rec but not gap waiting\n"
	        "Record lock, heap no 2 PHYSICAL RECORD: n_fields 4; compact format; info bits 0\n\n"
	        "---TRANSACTION 70, ACTIVE 9 sec\n"
	        "2 lock struct(s), heap size 1128, 1 row lock(s), undo log entries 1\n"
	        "MariaDB thread id 10, OS thread handle 2, query id 4 127.0.0.1 app \n"
	        "--------\nFILE I/O\n--------\n";
	struct maria_look l = look_new();
	maria_add_text(&l, text, sizeof(text) - 1);
	assert_int_equal(l.from[MARIA_TRANSACTION].n, 2);
	assert_int_equal(l.n, 3);
	assert_false(entry(&l, 10, true)->likely);
	assert_string_equal(entry(&l, 10, true)->queue, "row/8:3:2");
	assert_string_equal(entry(&l, 11, false)->mode, "X,REC_NOT_GAP");
	assert_int_equal(entry(&l, 11, false)->waiting_ms, 2057);
	assert_string_equal(l.entry[2].object, "grouped: 1 row waiters in 1 queues, from InnoDB's monitor");
	arena_free(l.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_queue),
	        cmocka_unit_test(test_the_server_tells_who_is_first),
	        cmocka_unit_test(test_a_holder_without_a_number),
	        cmocka_unit_test(test_who_may_hold_a_table),
	        cmocka_unit_test(test_user_locks_are_sure),
	        cmocka_unit_test(test_the_monitors_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
