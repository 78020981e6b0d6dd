/* A connection is a thread of the server: its CPU is read there. Statements of other tools are stopped by the
 * server after ten seconds, and printed with a ">". */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/mysql.h"
#include "tests/support/drive.h"
#include "tests/support/lock_bench.h"
#include "tests/support/lock_pile.h"
#include "tests/support/mylock_crowd.h"
#include "tests/support/wait.h"

enum { WARM = 2, ROUNDS = 10, SLOW_MS = 100, WAITERS_MAX = 900, PATIENCE_MS = 25000, PAUSE_MS = 120 };

struct measured {
	double cpu_ms, ms;
	size_t rows;
	bool stopped;
};

struct pile {
	MYSQL *control, *holder, *conn[WAITERS_MAX];
	bool maria;
	int waiters;
};

static bool all_wait(void *arg)
{
	struct pile *p = arg;
	return myc_number(p->control,
	               p->maria ? "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "
	                          "WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'"
	                        : "SELECT VARIABLE_VALUE FROM performance_schema.global_status "
	                          "WHERE VARIABLE_NAME = 'Innodb_row_lock_current_waits'") == p->waiters;
}

static void build(struct pile *p, const struct lab_server *server, int rows, int waiters)
{
	char sql[128];
	p->maria = strcmp(server->engine, "mariadb") == 0;
	p->waiters = waiters;
	p->control = myc_connect(server, "dba");
	p->holder = myc_connect(server, "dba");
	myc_run(p->control, "CREATE DATABASE IF NOT EXISTS lb");
	myc_run(p->control, "CREATE TABLE IF NOT EXISTS lb.t (id INT PRIMARY KEY, v INT)");
	for (int i = 0; i < rows; i++) {
		snprintf(sql, sizeof(sql), "REPLACE INTO lb.t VALUES (%d, 0)", i);
		myc_run(p->control, sql);
	}
	myc_run(p->holder, "BEGIN");
	snprintf(sql, sizeof(sql), "UPDATE lb.t SET v = 1 WHERE id < %d", rows);
	myc_run(p->holder, sql);
	for (int i = 0; i < waiters; i++) {
		p->conn[i] = myc_connect(server, "dba");
		myc_run(p->conn[i], "BEGIN");
		snprintf(sql, sizeof(sql), "UPDATE lb.t SET v = 2 WHERE id = %d", i % rows);
		myc_send(p->conn[i], sql);
	}
	if (!wait_until(all_wait, p, PATIENCE_MS))
		fail_msg("%s: not all of %d wait", server->name, waiters);
}

static bool none_wait(void *arg)
{
	struct pile *p = arg;
	return myc_number(p->control, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB IS NULL "
	                              "AND USER = 'dba' AND COMMAND = 'Query'") <= 1;
}

static void end(struct pile *p)
{
	char sql[64];
	for (int i = 0; i < p->waiters; i++) {
		snprintf(sql, sizeof(sql), "KILL %lu", mysql_thread_id(p->conn[i]));
		myc_run(p->control, sql);
		mysql_close(p->conn[i]);
	}
	mysql_close(p->holder);
	p->waiters = 0;
	wait_until(none_wait, p, PATIENCE_MS);
	mysql_close(p->control);
}

static int64_t thread_of(struct pile *p, int64_t id)
{
	char sql[128];
	snprintf(sql, sizeof(sql),
	        p->maria ? "SELECT TID FROM information_schema.PROCESSLIST WHERE ID = %lld"
	                 : "SELECT THREAD_OS_ID FROM performance_schema.threads "
	                   "WHERE PROCESSLIST_ID = %lld",
	        (long long)id);
	return myc_number(p->control, sql);
}

/* The servers keep copies of InnoDB's lists for a tenth of a second: each round gets a new one. */
static bool later(void *arg)
{
	return wait_now_ms() >= *(int64_t *)arg;
}

static void pause_for_a_new_copy(void)
{
	int64_t at = wait_now_ms() + PAUSE_MS;
	wait_until(later, &at, PAUSE_MS * 2);
}

static struct measured of_probe(const struct drive *d, struct conn *c, int64_t thread, const char *name)
{
	struct measured m = {.rows = 0};
	for (int i = -WARM; i < ROUNDS; i++) {
		struct arena *arena = arena_new();
		pause_for_a_new_copy();
		int64_t cpu = pile_cpu_ns(thread), began = wait_now_us();
		m.rows = drive_table(d, c, name, 0, arena)->nrows;
		if (i >= 0) {
			m.ms += (double)(wait_now_us() - began) / 1e3 / ROUNDS;
			m.cpu_ms += (double)(pile_cpu_ns(thread) - cpu) / 1e6 / ROUNDS;
		}
		arena_free(arena);
	}
	return m;
}

static struct measured of_statement(MYSQL *m, int64_t thread, const char *sql)
{
	struct measured out = {.rows = 0};
	int rounds = ROUNDS, done = 0;
	for (int i = 0; i < rounds && !out.stopped; i++) {
		pause_for_a_new_copy();
		int64_t cpu = pile_cpu_ns(thread), began = wait_now_us();
		MYSQL_RES *r = mysql_real_query(m, sql, strlen(sql)) == 0 ? mysql_store_result(m) : NULL;
		double ms = (double)(wait_now_us() - began) / 1e3;
		out.stopped = r == NULL;
		out.rows = r == NULL ? 0 : (size_t)mysql_num_rows(r);
		mysql_free_result(r);
		rounds = ms > SLOW_MS ? 2 : ROUNDS;
		out.ms += ms;
		out.cpu_ms += (double)(pile_cpu_ns(thread) - cpu) / 1e6;
		done++;
	}
	out.ms /= done;
	out.cpu_ms /= done;
	return out;
}

static void print(const char *what, struct measured m)
{
	printf("    %-26s %1s%9.2f %9.2f %8zu\n", what, m.stopped ? ">" : "", m.cpu_ms, m.ms, m.rows);
	fflush(stdout);
}

static const char maria_join[] =
        "SELECT r.trx_id, r.trx_mysql_thread_id, r.trx_query, b.trx_id, b.trx_mysql_thread_id, b.trx_query "
        "FROM information_schema.INNODB_LOCK_WAITS w "
        "JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id "
        "JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id";
static const char mysql_join[] =
        "SELECT r.trx_id, r.trx_mysql_thread_id, r.trx_query, b.trx_id, b.trx_mysql_thread_id, b.trx_query "
        "FROM performance_schema.data_lock_waits w "
        "JOIN information_schema.INNODB_TRX b ON b.trx_id = w.BLOCKING_ENGINE_TRANSACTION_ID "
        "JOIN information_schema.INNODB_TRX r ON r.trx_id = w.REQUESTING_ENGINE_TRANSACTION_ID";

static void measure(const struct drive *d, const struct lab_server *server, int rows, int waiters)
{
	static struct pile pile;
	struct endpoint ep;
	build(&pile, server, rows, waiters);
	struct conn *c = drive_open(d, server, "monitor", LANE_FAST, &ep);
	int64_t thread = thread_of(&pile, d->driver->info(c)->self.id);
	printf("  %d wait for %d row%s\n", waiters, rows, rows == 1 ? "" : "s");
	print("locks (this view)", of_probe(d, c, thread, "locks"));
	print("blockers (Sessions)", of_probe(d, c, thread, "blockers"));
	print("pulse", of_probe(d, c, thread, "pulse"));
	MYSQL *other = myc_connect(server, "dba");
	thread = thread_of(&pile, (int64_t)mysql_thread_id(other));
	myc_run(other, pile.maria ? "SET SESSION max_statement_time = 10"
	                          : "SET SESSION max_execution_time = 10000");
	print("join of the InnoDB tables", of_statement(other, thread, pile.maria ? maria_join : mysql_join));
	print("sys.innodb_lock_waits", of_statement(other, thread, "SELECT * FROM sys.innodb_lock_waits"));
	mysql_close(other);
	d->driver->close(c);
	endpoint_free(&ep);
	end(&pile);
}

void lock_bench_mysql(void)
{
	static const char *const kinds[] = {"mysql97", "maria1011"};
	static const char *const settings[] = {"max_connections=1100", "innodb_lock_wait_timeout=600", NULL};
	static const int scenes[][2] = {{1, 0}, {1, 150}, {100, 150}, {1, 900}, {100, 900}};
	struct drive d;
	struct err e;
	assert_true(mysql_driver_init(&e));
	drive_start(&d, &mysql_driver);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char name[32];
		snprintf(name, sizeof(name), "benchlocks%s", kinds[i]);
		struct lab_server server = lab_spawn(kinds[i], name, settings);
		printf("%s %s, each on its own connection, mean of %d (of others 2, when slow)\n    %-26s "
		       "%10s %9s %8s\n",
		        strcmp(server.engine, "mysql") == 0 ? "MySQL" : "MariaDB", server.version, ROUNDS, "",
		        "CPU ms", "ms", "rows");
		for (size_t k = 0; k < sizeof(scenes) / sizeof(scenes[0]); k++)
			measure(&d, &server, scenes[k][0], scenes[k][1]);
		lab_kill(name);
		lab_remove(name);
	}
	drive_stop(&d);
	mysql_driver_end();
}
