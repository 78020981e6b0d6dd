/* InnoDB's monitor as text: what MariaDB 10.11 and MySQL 9.7 print for the same scenes, and what must not be
 * taken for more than a statement. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/innodb_text.h"

static const char head[] = "\n=====================================\n"
                           "2026-11-22 15:04:12 0x7f29a57586c0 INNODB MONITOR OUTPUT\n"
                           "=====================================\n";

static const char deadlock[] =
        "------------------------\nLATEST DETECTED DEADLOCK\n------------------------\n"
        "2026-11-22 15:04:09 0x7f29a57586c0\n"
        "*** (1) TRANSACTION:\n"
        "TRANSACTION 114, ACTIVE 0 sec starting index read\n"
        "mysql tables in use 1, locked 1\n"
        "LOCK WAIT 3 lock struct(s), heap size 1128, 2 row lock(s), undo log entries 1\n"
        "MariaDB thread id 17, OS thread handle 139816846329536, query id 114 127.0.0.1 app Updating\n"
        "update lx set v = '\n*** of mine' where id=1 /* it's */\n"
        "*** WAITING FOR THIS LOCK TO BE GRANTED:\n"
        "RECORD LOCKS space id 12 page no 3 n bits 320 index PRIMARY of table `app`.`lx` trx id 114 "
        "lock_mode X "
        "locks rec but not gap waiting\n"
        "Record lock, heap no 2 PHYSICAL RECORD: n_fields 5; compact format; info bits 0\n"
        " 0: len 4; hex 80000001; asc     ;;\n\n"
        "*** CONFLICTING WITH:\n"
        "RECORD LOCKS space id 12 page no 3 n bits 320 index PRIMARY of table `app`.`lx` trx id 113 "
        "lock_mode X "
        "locks rec but not gap\n"
        "Record lock, heap no 2 PHYSICAL RECORD: n_fields 5; compact format; info bits 0\n\n"
        "*** (2) TRANSACTION:\n"
        "TRANSACTION 113, ACTIVE 0 sec starting index read\n"
        "MySQL thread id 16, OS thread handle 139817023813312, query id 113 127.0.0.1 app Updating\n"
        "update lx set v=6 where id=2\n\n"
        "*** (2) HOLDS THE LOCK(S):\n"
        "RECORD LOCKS space id 12 page no 3 n bits 72 index PRIMARY of table `app`.`lx` trx id 113 lock_mode "
        "X "
        "locks rec but not gap\n"
        "Record lock, heap no 2 PHYSICAL RECORD: n_fields 5; compact format; info bits 0\n\n"
        "*** (2) WAITING FOR THIS LOCK TO BE GRANTED:\n"
        "RECORD LOCKS space id 12 page no 3 n bits 72 index k of table `app`.`lx` trx id 113 lock mode S "
        "locks gap before rec insert intention waiting\n"
        "Record lock, heap no 3 PHYSICAL RECORD: n_fields 5; compact format; info bits 0\n\n"
        "*** WE ROLL BACK TRANSACTION (2)\n"
        "------------\nTRANSACTIONS\n------------\n";

static const char transactions[] =
        "Trx id counter 3060\nLIST OF TRANSACTIONS FOR EACH SESSION:\n"
        "---TRANSACTION 3059, ACTIVE 2 sec starting index read\n"
        "mysql tables in use 1, locked 1\n"
        "LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)\n"
        "MariaDB thread id 1520, OS thread handle 131127571166912, query id 5242 127.0.0.1 dba Updating\n"
        "update lx set v=v+1 where id=1 -- thread id 7, ---TRANSACTION\n"
        "------- TRX HAS BEEN WAITING 2057825 us FOR THIS LOCK TO BE GRANTED:\n"
        "RECORD LOCKS space id 8 page no 3 n bits 320 index PRIMARY of table `app`.`l``x` trx id 3059 "
        "lock_mode X "
        "locks rec but not gap waiting\n"
        "Record lock, heap no 2 PHYSICAL RECORD: n_fields 5; compact format; info bits 0\n"
        " 0: len 4; hex 80000001; asc     ;;\n\n"
        "------------------\n"
        "---TRANSACTION (0x7f428d35c280), ACTIVE 3 sec starting index read\n"
        "LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)\n"
        "MariaDB thread id 1516, OS thread handle 139923794757312, query id 5230 127.0.0.1 dba Statistics\n"
        "select * from lx where id=1 lock in share mode\n"
        "------- TRX HAS BEEN WAITING 3 SEC FOR THIS LOCK TO BE GRANTED:\n"
        "RECORD LOCKS space id 8 page no 3 n bits 320 index PRIMARY of table `app`.`lx` trx id 0 lock mode S "
        "locks rec but not gap waiting\n"
        "Record lock, heap no 2 PHYSICAL RECORD: n_fields 5; compact format; info bits 0\n\n"
        "------------------\n"
        "---TRANSACTION 3054, ACTIVE (PREPARED) 9 sec recovered trx\n"
        "2 lock struct(s), heap size 1128, 4 row lock(s), undo log entries 1\n"
        "---TRANSACTION 3055, ACTIVE 4 sec\n"
        "LOCK WAIT 1 lock struct(s), heap size 1128, 0 row lock(s)\n"
        "MariaDB thread id 12, OS thread handle 1, query id 5 127.0.0.1 dba \n"
        "insert into lx values (1)\n"
        "------- TRX HAS BEEN WAITING 1000 us FOR THIS LOCK TO BE GRANTED:\n"
        "TABLE LOCK table `app`.`lx` trx id 3055 lock mode AUTO-INC waiting\n"
        "------------------\n"
        "---TRANSACTION (0x7f428d359680), not started\n"
        "0 lock struct(s), heap size 1128, 0 row lock(s)\n"
        "--------\nFILE I/O\n--------\n"
        "---TRANSACTION 1, ACTIVE 1 sec\n";

static void test_transactions(void **state)
{
	(void)state;
	struct innodb_text t;
	struct innodb_trx_text x;
	assert_false(innodb_text_open(&t, head, sizeof(head) - 1));
	assert_true(innodb_text_open(&t, transactions, sizeof(transactions) - 1));
	assert_false(t.truncated);
	assert_true(innodb_text_next(&t, &x));
	assert_int_equal(x.id, 1520);
	assert_true(x.waits);
	assert_int_equal(x.waiting_us, 2057825);
	assert_int_equal(x.row_locks, 1);
	assert_string_equal(x.lock.record, "8:3:2");
	assert_string_equal(x.lock.object, "app.lx.PRIMARY");
	assert_string_equal(x.lock.mode, "X,REC_NOT_GAP");
	assert_true(innodb_text_next(&t, &x));
	assert_int_equal(x.id, 1516);
	assert_int_equal(x.waiting_us, 3000000);
	assert_string_equal(x.lock.mode, "S,REC_NOT_GAP");
	assert_true(innodb_text_next(&t, &x)); /* prepared: nobody's */
	assert_int_equal(x.id, 0);
	assert_false(x.waits);
	assert_int_equal(x.row_locks, 4);
	assert_int_equal(x.active_s, 9);
	assert_true(innodb_text_next(&t, &x));
	assert_true(x.lock.table);
	assert_string_equal(x.lock.record, "table app.lx");
	assert_string_equal(x.lock.mode, "AUTO-INC");
	assert_false(innodb_text_next(&t, &x));
}

static void test_the_last_deadlock(void **state)
{
	(void)state;
	static char text[16384];
	struct innodb_deadlock_text d;
	assert_false(innodb_text_deadlock(head, sizeof(head) - 1, &d));
	snprintf(text, sizeof(text), "%s%s%s", head, deadlock, transactions);
	assert_true(innodb_text_deadlock(text, strlen(text), &d));
	assert_string_equal(d.at, "2026-11-22 15:04:09");
	assert_int_equal(d.age_ms, 3000);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.victim, 2);
	assert_int_equal(d.trx[0].id, 17);
	assert_int_equal(d.trx[1].id, 16);
	assert_string_equal(d.trx[0].lock.mode, "X,REC_NOT_GAP");
	assert_string_equal(d.trx[0].lock.record, "12:3:2");
	assert_string_equal(d.trx[1].lock.mode, "S,GAP,INSERT_INTENTION");
	assert_string_equal(d.trx[1].lock.object, "app.lx.k");
	static const char second[] = "update lx set v=6 where id=2";
	assert_int_equal(d.trx[1].query_n, sizeof(second) - 1);
	assert_memory_equal(d.trx[1].query, second, sizeof(second) - 1);
}

/* Cut anywhere, nothing is read beyond the end. */
static void test_cut_texts(void **state)
{
	(void)state;
	static char text[16384];
	snprintf(text, sizeof(text), "%s%s%s", head, deadlock, transactions);
	for (size_t n = strlen(text); n > 0; n--) {
		struct innodb_text t;
		struct innodb_trx_text x;
		struct innodb_deadlock_text d;
		char *copy = malloc(n + 1); /* the caller's texts end with a NUL */
		memcpy(copy, text, n);
		copy[n] = '\0';
		innodb_text_deadlock(copy, n, &d);
		assert_true(d.n <= 2);
		size_t found = 0;
		if (innodb_text_open(&t, copy, n)) {
			while (innodb_text_next(&t, &x))
				found++;
		}
		assert_true(found <= 5);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_transactions),
	        cmocka_unit_test(test_the_last_deadlock),
	        cmocka_unit_test(test_cut_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
