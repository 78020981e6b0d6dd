/* Queues in the moments that matter: see the header. */
#include "tests/support/lock_scenes.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "tests/support/scenes.h"

#define LOCK_HEAD "queue | kind | object | id | gid | held | place | mode | waiting_ms | blockers | likely\n"

static const char incident[] = LOCK_HEAD
        "x 901 | transaction | public.stock | 4711 | | t | | ExclusiveLock | | |\n"
        "x 901 | transaction | public.stock | 4802 | | f | 0 | ShareLock | 178000 | 4711 |\n"
        "t 1 7 | tuple | public.stock (0,7) | 4802 | | t | | ExclusiveLock | | |\n"
        "t 1 7 | tuple | public.stock (0,7) | 4903 | | f | 0 | AccessExclusiveLock | 100000 | 4802 |\n"
        "r 1 | relation | public.stock | 4711 | | t | | RowExclusiveLock | | |\n"
        "r 1 | relation | public.stock | 4802 | | t | | RowExclusiveLock | | |\n"
        "r 1 | relation | public.stock | 4903 | | t | | RowShareLock | | |\n"
        "r 1 | relation | public.stock | 5120 | | f | 0 | AccessExclusiveLock | 161000 | 4711 4802 4903 |\n"
        "r 1 | relation | public.stock | 5201 | | f | 1 | AccessShareLock | 160000 | 5120 |\n"
        "r 1 | relation | public.stock | 5202 | | f | 2 | AccessShareLock | 150000 | 5120 |\n"
        "r 1 | relation | public.stock | 5203 | | f | 3 | AccessShareLock | 120000 | 5120 |\n";

static const char metadata[] =
        LOCK_HEAD "m | metadata | bill.invoice | 88122 | | t | | SHARED_WRITE | | |\n"
                  "m | metadata | bill.invoice | 88121 | | f | 0 | EXCLUSIVE | 8000 | |\n";

static void pulse(struct fixture *f, size_t i, int waiters, int deadlocks)
{
	char text[256];
	snprintf(text, sizeof text,
	        "connections | limit_used | limit_max | limit_name | active | lock_waiters | deadlocks\n"
	        "40 | 40 | 500 | max_connections | 9 | %d | %d",
	        waiters, deadlocks);
	fixture_table(f, i, "pulse", text);
}

void locks_incident(struct fixture *f)
{
	scene_incident(f);
	fixture_table(f, 0, "locks", incident);
	pulse(f, 0, 6, 3);
	pulse(f, 3, 1, 12);
	fixture_table(f, 3, "locks", metadata);
	for (size_t i = 1; i < 6; i++) {
		if (i == 3 || i == 4)
			continue;
		pulse(f, i, 0, 0);
		fixture_error(f, i, "locks", ERR_GATED, "");
	}
}

static size_t one(struct fixture *f, int waiters)
{
	size_t i = fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	fixture_table(
	        f, i, "server", "flavour | version | role | writable\nPostgreSQL | 15.18 | primary | t");
	pulse(f, i, waiters, 0);
	return i;
}

struct queue {
	struct buf sessions, locks;
};

static void begin(struct queue *q)
{
	buf_init(&q->sessions, 8 * 1024 * 1024);
	buf_init(&q->locks, 8 * 1024 * 1024);
	buf_puts(&q->sessions,
	        "id | user | db | app | client | kind | state | wait_type | xact_ms | query_ms | "
	        "state_ms | query\n");
	buf_puts(&q->locks, LOCK_HEAD);
}

static void session(struct queue *q, int id, const char *app, bool waits, int ms, const char *query)
{
	buf_printf(&q->sessions,
	        "%d | web | orders | %s | 10.2.4.%d:4100 | client | active | %s | %d | %d | %d | "
	        "'%s'\n",
	        id, app, id % 250, waits ? "Lock" : "CPU", ms, ms, ms, query);
}

static void end(struct fixture *f, size_t i, struct queue *q)
{
	fixture_table(f, i, "sessions", buf_str(&q->sessions));
	fixture_table(f, i, "locks", buf_str(&q->locks));
	buf_free(&q->sessions);
	buf_free(&q->locks);
}

void locks_convoy(struct fixture *f)
{
	size_t i = one(f, 41);
	struct queue q;
	begin(&q);
	for (int k = 0; k < 30; k++) {
		session(&q, 3000 + k, "nightly-report", false, 400000 - k * 1000,
		        "SELECT count(*) FROM stock s JOIN orders o ON o.sku = s.sku");
		buf_printf(&q.locks, "r 1 | relation | public.stock | %d | | t | | AccessShareLock | | |\n",
		        3000 + k);
	}
	session(&q, 5120, "migrate", true, 61000, "ALTER TABLE stock ADD COLUMN reserved int");
	buf_puts(&q.locks,
	        "r 1 | relation | public.stock | 5120 | | f | 0 | AccessExclusiveLock | 61000 | |\n");
	for (int k = 0; k < 40; k++) {
		session(&q, 6000 + k, k % 8 ? "checkout-api" : "search", true, 60000 - k * 1000,
		        "SELECT qty FROM stock WHERE sku = $1");
		buf_printf(&q.locks,
		        "r 1 | relation | public.stock | %d | | f | %d | AccessShareLock | %d | |\n",
		        6000 + k, k + 1, 60000 - k * 1000);
	}
	end(f, i, &q);
}

void locks_nobody(struct fixture *f)
{
	size_t i = one(f, 0);
	fixture_table(f, i, "sessions", "id | kind | state\n1 | client | idle\n");
	fixture_error(f, i, "locks", ERR_GATED, "");
}

void locks_stale(struct fixture *f)
{
	locks_incident(f);
	fixture_advance(f, 14000);
	fixture_error(f, 0, "locks", ERR_TIMEOUT, "timed out after 800 ms");
	pulse(f, 0, 6, 3);
	pulse(f, 3, 0, 12);
}

void locks_denied(struct fixture *f)
{
	scene_denied(f);
	pulse(f, 0, 2, 0);
	fixture_table(f, 0, "locks",
	        LOCK_HEAD "x 9 | transaction | transaction 9 | 501 | | t | | ExclusiveLock | | |\n"
	                  "x 9 | transaction | transaction 9 | 502 | | f | | ShareLock | | 501 |\n"
	                  "x 9 | transaction | transaction 9 | 777 | | f | | ShareLock | | 501 |\n");
	fixture_error(f, 1, "locks", ERR_DENIED, "GRANT PROCESS ON *.* TO monitor");
}

void locks_many(struct fixture *f)
{
	enum { ROOTS = 40, WAITERS = 9960 };
	size_t i = one(f, WAITERS);
	struct queue q;
	begin(&q);
	for (int r = 0; r < ROOTS; r++) {
		session(&q, 100 + r, "checkout-api", false, 90000 + r, "UPDATE stock SET qty = qty - 1");
		buf_printf(&q.locks, "x %d | transaction | public.stock | %d | | t | | ExclusiveLock | | |\n",
		        r, 100 + r);
	}
	for (int k = 0; k < WAITERS; k++) {
		if (k < 1900)
			session(&q, 1000 + k, k % 3 ? "checkout-api" : "basket", true, 80000 - k,
			        "UPDATE stock SET qty = qty - 2");
		buf_printf(&q.locks,
		        "x %d | transaction | public.stock | %d | | f | %d | ShareLock | %d | |\n", k % ROOTS,
		        1000 + k, k, 80000 - k);
	}
	buf_puts(&q.locks, "note | note | grouped: 9960 waiters in 40 queues | | | t | | grouped | | |\n");
	end(f, i, &q);
}

void locks_hostile(struct fixture *f)
{
	scene_hostile(f);
	pulse(f, 0, 3, 0);
	static const char *const columns[] = {
	        "queue", "kind", "object", "id", "gid", "held", "mode", "waiting_ms", "blockers"};
	static const char *const cells[] = {"a", "relation", "注文.在庫\033[31m", "1", NULL, "t",
	        "AccessExclusiveLock", NULL, NULL, "a", "relation", NULL, "2", NULL, "f", "AccessShareLock",
	        "9000", "1", "a", "relation", NULL, "3", NULL, "f", "\033]0;x\007Lock", "8000", "1", "a",
	        "relation", NULL, "5", NULL, "f", "AccessShareLock", "7000", "1", "b", "transaction",
	        /* NOLINTNEXTLINE(misc-misleading-bidirectional): it is hostile on purpose */
	        "\xE2\x80\xAE"
	        "evil",
	        "0", "gid'\033[2J; DROP", "t", "ExclusiveLock", NULL, NULL, "b", "transaction", NULL, "6",
	        NULL, "f", "ShareLock", "99999999999", "0"};
	enum { COLUMNS = sizeof columns / sizeof columns[0] };
	fixture_cells(f, 0, "locks", columns, COLUMNS, cells, sizeof cells / sizeof cells[0] / COLUMNS);
}

void locks_odd(struct fixture *f)
{
	size_t pg = one(f, 7);
	size_t my = fixture_instance(f, "billing", "billing-maria", ENGINE_MARIADB);
	size_t old = fixture_instance(f, "billing", "billing-my-80", ENGINE_MYSQL);
	struct queue q;
	begin(&q);
	for (int id = 11; id <= 17; id++)
		session(&q, id, "shop", true, id * 1000, "UPDATE t SET a = 1 WHERE id = 7");
	buf_puts(&q.locks, "x 1 | transaction | public.t | 0 | order-4711 | t | | ExclusiveLock | | |\n"
	                   "x 1 | transaction | public.t | 11 | | f | | ShareLock | 11000 | 0 |\n"
	                   "x 2 | transaction | | 12 | | t | | ExclusiveLock | | |\n"
	                   "x 2 | transaction | | 13 | | f | | ShareLock | 13000 | 12 |\n"
	                   "x 3 | transaction | | 13 | | t | | ExclusiveLock | | |\n"
	                   "x 3 | transaction | | 12 | | f | | ShareLock | 12000 | 13 |\n"
	                   "p | buffer pin | | -1 | | t | | | | |\n"
	                   "p | buffer pin | | 14 | | f | | | 14000 | |\n"
	                   "a | advisory | key 1, 7 | 15 | | t | | ExclusiveLock | | |\n"
	                   "a | advisory | key 1, 7 | 16 | | f | | ShareLock | 16000 | |\n"
	                   "s | safe snapshot | | 999 | | t | | | | |\n"
	                   "s | safe snapshot | | 17 | | f | | | 17000 | 999 |\n");
	end(f, pg, &q);
	pulse(f, my, 1, 0);
	fixture_table(f, my, "sessions",
	        "id | user | kind | state | xact_ms | query_ms | state_ms | query\n"
	        "5 | app | client | idle in transaction | 50000 | | 48000 | SELECT 1 FROM invoice\n"
	        "6 | app | client | active | | 40000 | 40000 | ALTER TABLE invoice ADD c int\n");
	fixture_table(f, my, "locks",
	        LOCK_HEAD "m | metadata | bill.invoice | 5 | | t | | | | | t\n"
	                  "m | metadata | bill.invoice | 6 | | f | | | 40000 | |\n");
	pulse(f, old, 2, 0);
	fixture_table(f, old, "locks",
	        LOCK_HEAD "note | note | 'not asked before 8.0.37: reading data_lock_waits can stop the "
	                  "server' | | | t | | gate | | |\n");
}
