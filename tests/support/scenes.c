/* Fleets in the moments that matter: see the header. */
#include "tests/support/scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#define SESSION_HEAD                                                                                         \
	"id | started | user | db | app | client | kind | state | wait_type | wait | xact_ms | query_ms | "  \
	"state_ms | leader | progress | phase | query | query_bytes | own\n"
#define MY_HEAD                                                                                              \
	"id | user | db | client | kind | state | command | wait_type | wait | xact_ms | query_ms | "        \
	"state_ms "                                                                                          \
	"| rows_locked | rows_modified | query\n"

static const char pg1_sessions[] = SESSION_HEAD
        "4711 | t1 | checkout | orders | checkout-api | 10.2.3.4:51442 | client | idle in transaction | "
        "Client "
        "| ClientRead | 192000 | | 192000 | | | | 'UPDATE stock SET qty = qty - 3 WHERE sku = 17' | 44 | "
        "f\n"
        "4802 | t2 | checkout | orders | checkout-api | 10.2.3.5:40110 | client | active | Lock | "
        "transactionid | 178000 | 178000 | 178000 | | | | 'UPDATE stock SET qty = qty - 1 WHERE sku = $1' | "
        "42 | "
        "f\n"
        "4903 | t3 | report | orders | nightly-report | 10.2.9.1:39002 | client | active | Lock | tuple | "
        "100000 | 100000 | 100000 | | | | 'SELECT s.sku, sum(o.qty) FROM stock s JOIN orders o ON o.sku = "
        "s.sku "
        "WHERE o.day BETWEEN $1 AND $2 AND s.region IN (SELECT id FROM regions WHERE name LIKE $3) GROUP BY "
        "s.sku ORDER BY 2 DESC LIMIT 100 FOR UPDATE' | 220 | f\n"
        "5120 | t4 | deploy | orders | migrate | 10.2.7.7:55120 | client | active | Lock | relation | 161000 "
        "| "
        "161000 | 161000 | | | | 'ALTER TABLE stock ADD COLUMN reserved int NOT NULL DEFAULT 0' | 58 | f\n"
        "5201 | t5 | web | orders | reader | 10.2.4.1:41000 | client | active | Lock | relation | 160000 | "
        "160000 | 160000 | | | | 'SELECT qty FROM stock WHERE sku = $1' | 37 | f\n"
        "5202 | t6 | web | orders | reader | 10.2.4.2:41001 | client | active | Lock | relation | 150000 | "
        "150000 | 150000 | | | | 'SELECT qty FROM stock WHERE sku = $1' | 37 | f\n"
        "5203 | t7 | web | orders | reader | 10.2.4.3:41002 | client | active | Lock | relation | 120000 | "
        "120000 | 120000 | | | | 'SELECT qty FROM stock WHERE sku = $1' | 37 | f\n"
        "6001 | t8 | etl | orders | loader | 10.2.8.1:38111 | client | active | IO | DataFileRead | 64000 | "
        "61000 | 61000 | | | | 'SELECT count(*) FROM events WHERE at > now() - interval $1' | 66 | f\n"
        "6002 | t9 | etl | orders | loader | | parallel worker | active | IO | DataFileRead | 64000 | 61000 "
        "| "
        "61000 | 6001 | | | 'SELECT count(*) FROM events WHERE at > now() - interval $1' | 66 | f\n"
        "6003 | t10 | etl | orders | loader | | parallel worker | active | CPU | | 64000 | 61000 | "
        "61000 | 6001 | | | 'SELECT count(*) FROM events WHERE at > now() - interval $1' | 66 | f\n"
        "6100 | t11 | admin | orders | psql | local | client | active | CPU | | 312000 | 311000 | 311000 | | "
        "43.5 | 'create index: building' | 'CREATE INDEX CONCURRENTLY events_at ON events (at)' | 48 | f\n"
        "6200 | t12 | web | orders | checkout-api | 10.2.3.6:40222 | client | active | CPU | | 12 | 11 | 11 "
        "| | "
        "| | 'SELECT * FROM basket WHERE id = $1' | 34 | f\n"
        "6201 | t13 | web | orders | checkout-api | 10.2.3.6:40223 | client | idle in transaction | Client | "
        "ClientRead | 80 | | 20 | | | | 'INSERT INTO basket VALUES ($1, $2)' | 34 | f\n"
        "6300 | t14 | web | orders | checkout-api | 10.2.3.6:40224 | client | idle | Client | ClientRead | | "
        "| "
        "5000 | | | | 'COMMIT' | 6 | f\n"
        "6301 | t15 | web | orders | checkout-api | 10.2.3.6:40225 | client | idle | Client | ClientRead | | "
        "| "
        "9000 | | | | 'COMMIT' | 6 | f\n"
        "7000 | t16 | | orders | | | autovacuum | active | IO | DataFileRead | 900000 | 900000 | 900000 | | "
        "71 | 'vacuum: scanning heap' | 'autovacuum: VACUUM public.events' | 32 | f\n"
        "7100 | t17 | repl | | walreceiver | 10.2.1.2:50001 | walsender | active | Activity | WalSenderMain "
        "| | "
        "| 86400000 | | | | 'START_REPLICATION 3/A8000000' | 28 | f\n"
        "8000 | t18 | | | | | system | | Activity | CheckpointerMain | | | | | | | | | f\n"
        "9000 | t19 | monitor | postgres | 'dbatop/1f3a' | local | client | active | CPU | | 1 | 1 | 1 | | | "
        "| "
        "'SELECT 1' | 8 | t\n";

static const char pg1_blockers[] = "waiter | blocker | waiting_ms | kind | object\n"
                                   "4802 | 4711 | 178000 | transactionid |\n"
                                   "4903 | 4802 | 100000 | tuple | stock\n"
                                   "5120 | 4711 | 161000 | relation | stock\n"
                                   "5201 | 5120 | 160000 | relation | stock\n"
                                   "5202 | 5120 | 150000 | relation | stock\n"
                                   "5203 | 5120 | 120000 | relation | stock\n";

static const char my1_sessions[] =
        MY_HEAD "88121 | billing | bill | 10.3.1.9:50122 | client | active | Query | CPU | 'executing' | "
                "8000 | 7900 | 8000 "
                "| 12 | 3400 | 'UPDATE invoice SET state = \"sent\" WHERE id IN (1, 2, 3)'\n"
                "88122 | billing | bill | 10.3.1.9:50123 | client | idle in transaction | Sleep | Client | | "
                "12000 | | "
                "4000 | 1 | 1 | 'SELECT * FROM invoice WHERE id = 7 FOR UPDATE'\n"
                "88130 | app | bill | 10.3.1.10:51000 | client | idle | Sleep | Client | | | | 60000 | | | \n"
                "5 | event_scheduler | | localhost | system | active | Daemon | Activity | 'Waiting on empty "
                "queue' | | | "
                "| | | \n";

static void pulse(struct fixture *f, size_t i, const char *figures)
{
	char text[512];
	snprintf(text, sizeof text,
	        "connections | limit_used | limit_max | limit_name | active | idle_in_xact | lock_waiters | "
	        "oldest_xact_ms | hidden | xacts\n%s",
	        figures);
	fixture_table(f, i, "pulse", text);
}

static const char replica_head[] =
        "kind | peer | state | receiver | applier | lag_ms | lag_bytes | lag_source "
        "| paused | error\n";

static void replica(struct fixture *f, size_t i, const char *row)
{
	char text[512];
	fixture_table(
	        f, i, "server", "flavour | version | role | writable\nPostgreSQL | 15.18 | replica | f");
	snprintf(text, sizeof text, "%s%s", replica_head, row);
	fixture_table(f, i, "replication_brief", text);
	fixture_table(f, i, "sessions", "id | kind | state\n100 | client | idle\n");
}

enum { PG1, PG2, PG3, MY1, MY2, MARIA };

/* Everything but what does not answer: called a second apart, so that there are rates. */
static void read_all(struct fixture *f, const char *const xacts[6])
{
	static const char *const figures[6] = {
	        [PG1] = "412 | 412 | 500 | max_connections | 37 | 12 | 6 | 192000 | 0 |",
	        [PG2] = "44 | 44 | 500 | max_connections | 3 | 0 | 0 | 1200 | 0 |",
	        [PG3] = "9 | 9 | 500 | max_connections | 1 | 0 | 0 | 100 | 0 |",
	        [MY1] = "301 | 301 | 800 | max_connections | 21 | 1 | 0 | 12000 | 0 |",
	        [MARIA] = "12 | 12 | 151 | max_connections | 0 | 0 | 0 | | 0 |",
	};
	for (size_t i = 0; i < 6; i++) {
		char text[256];
		snprintf(text, sizeof text, "%s %s", figures[i] ? figures[i] : "", xacts[i]);
		if (figures[i])
			pulse(f, i, text);
	}
	fixture_table(f, PG1, "server",
	        "flavour | version | role | writable | statement_timeout_ms | idle_xact_timeout_ms | "
	        "lock_timeout_ms\nPostgreSQL | 15.18 | primary | t | 0 | 0 | 5000");
	fixture_table(f, PG1, "sessions", pg1_sessions);
	fixture_table(f, PG1, "blockers", pg1_blockers);
	replica(f, PG2,
	        "upstream | 10.2.1.1:5432 | streaming | streaming | running | 300 | 1100000 | LSN | f |\n");
	replica(f, PG3,
	        "upstream | 10.2.1.1:5432 | streaming | streaming | paused | 2460000 | 9800000000 | LSN | t "
	        "|\n");
	fixture_table(f, MY1, "server", "flavour | version | role | writable\nMySQL | 9.7.4 | primary | t");
	fixture_table(f, MY1, "sessions", my1_sessions);
	fixture_table(
	        f, MARIA, "server", "flavour | version | role | writable\nMariaDB | 10.11.19 | primary | t");
	fixture_table(f, MARIA, "sessions",
	        MY_HEAD
	        "41 | search | idx | 10.4.0.2:33000 | client | idle | Sleep | Client | | | | 1000 | | | \n");
}

void scene_incident(struct fixture *f)
{
	static const char *const before[6] = {"100000", "5000", "5000", "5000", "", "900"};
	static const char *const after[6] = {"108200", "8100", "5200", "10400", "", "940"};
	fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	fixture_instance(f, "orders", "orders-pg-2", ENGINE_POSTGRES);
	fixture_instance(f, "orders", "orders-pg-3", ENGINE_POSTGRES);
	fixture_instance(f, "billing", "billing-my-1", ENGINE_MYSQL);
	fixture_instance(f, "billing", "billing-my-2", ENGINE_MYSQL);
	fixture_instance(f, "search", "search-maria", ENGINE_MARIADB);
	fixture_link(f, MY2, LINK_DOWN, ERR_TIMEOUT, "connect: timed out after 5 s");
	fixture_advance(f, 14000);
	read_all(f, before);
	fixture_advance(f, 1000);
	read_all(f, after);
	struct cluster_cfg *search = fixture_cluster(f, "search");
	search->danger = DANGER_RELAXED;
	free(search->tags[0]);
	search->tags[0] = xstrdup("test");
	fixture_series(f, PG1, METRIC_RATE,
	        "4100 5200 6100 7300 8000 8100 7900 8200 8300 6100 5200 4800 5000 5600 7000 7700 8100 8000 "
	        "8200 "
	        "8100 7900 8300 8200 8100 6000 3000 2800 2900 3200 4100 5200 6100 7300 8000 8100 7900 8200 "
	        "8300 "
	        "6100 5200 4800 5000 5600 7000 7700 8100 8000 8200 8100 7900 8300 8200 8100 6000 8000 8200");
	fixture_series(
	        f, PG2, METRIC_RATE, "3000 3100 3050 3100 3000 3100 2900 3000 3100 3000 3000 3050 3100");
	fixture_series(f, PG3, METRIC_RATE, "200 210 190 200 200 200 - - 200 200 190 200 210 200");
	fixture_series(f, MY1, METRIC_RATE, "5000 5100 5200 5300 5000 5400 5400 5300 5400");
	fixture_series(f, MARIA, METRIC_RATE, "40 41 38 44 40 40 39");
}

void scene_empty(struct fixture *f)
{
	size_t i = fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	fixture_table(
	        f, i, "server", "flavour | version | role | writable\nPostgreSQL | 15.18 | primary | t");
	pulse(f, i, "3 | 3 | 500 | max_connections | 0 | 0 | 0 | | 0 | 900");
	fixture_table(f, i, "sessions",
	        SESSION_HEAD
	        "6300 | t1 | web | orders | checkout-api | 10.2.3.6:40224 | client | idle | Client | "
	        "ClientRead | | | 5000 | | | | 'COMMIT' | 6 | f\n"
	        "6301 | t2 | web | orders | checkout-api | 10.2.3.6:40225 | client | idle | Client | "
	        "ClientRead | | | 5000 | | | | 'COMMIT' | 6 | f\n"
	        "9000 | t3 | monitor | postgres | 'dbatop/1f3a' | local | client | active | CPU | | 1 | "
	        "1 | 1 | | | | 'SELECT 1' | 8 | t\n");
}

void scene_stale(struct fixture *f)
{
	scene_incident(f);
	fixture_advance(f, 14000);
	for (size_t i = PG1; i <= PG3; i++) {
		fixture_error(f, i, "sessions", ERR_TIMEOUT, "timed out after 800 ms");
		fixture_error(f, i, "pulse", ERR_TIMEOUT, "timed out after 800 ms");
	}
	fixture_table(f, MY1, "sessions", my1_sessions);
	pulse(f, MY1, "301 | 301 | 800 | max_connections | 21 | 1 | 0 | 12000 | 0 | 90400");
	pulse(f, MARIA, "12 | 12 | 151 | max_connections | 0 | 0 | 0 | | 0 | 1740");
}

void scene_error(struct fixture *f)
{
	size_t down = fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	size_t up = fixture_instance(f, "orders", "orders-pg-2", ENGINE_POSTGRES);
	fixture_link(
	        f, down, LINK_DOWN, ERR_AUTH, "connect: password authentication failed for user \"monitor\"");
	fixture_at(f, down)->link.last_answer = 0;
	fixture_link(f, up, LINK_CONNECTING, ERR_NONE, "");
	fixture_at(f, up)->link.last_answer = 0;
}

void scene_denied(struct fixture *f)
{
	size_t pg = fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	size_t my = fixture_instance(f, "orders", "orders-my-1", ENGINE_MYSQL);
	fixture_at(f, pg)->link.sees_all = false;
	fixture_table(
	        f, pg, "server", "flavour | version | role | writable\nPostgreSQL | 15.18 | primary | t");
	pulse(f, pg, "40 | 40 | 500 | max_connections | 1 | 0 | 0 | | 39 | 900");
	fixture_table(f, pg, "sessions",
	        SESSION_HEAD
	        "501 | t1 | app | orders | | | | | | | | | | | | | | | f\n"
	        "502 | t2 | app | orders | | | | | | | | | | | | | | | f\n"
	        "503 | t3 | monitor | orders | psql | local | client | active | CPU | | 900 | 900 | 900 | "
	        "| | | 'SELECT pg_sleep(10)' | 20 | f\n");
	fixture_table(f, my, "server", "flavour | version | role | writable\nMySQL | 9.7.4 | primary | t");
	fixture_error(f, my, "pulse", ERR_DENIED, "GRANT PROCESS ON *.* TO monitor");
	fixture_error(f, my, "sessions", ERR_DENIED, "GRANT PROCESS ON *.* TO monitor");
}

/* --- Many */

enum { MANY_COLUMNS = 13, CELL = 64 };

void scene_many_again(struct fixture *f, size_t instance, int sessions)
{
	static const char *const columns[MANY_COLUMNS] = {"id", "started", "user", "db", "app", "client",
	        "kind", "state", "wait_type", "wait", "xact_ms", "query_ms", "query"};
	char(*text)[CELL] = xcalloc((size_t)sessions * 4, CELL);
	const char **cells = xcalloc((size_t)sessions * MANY_COLUMNS, sizeof *cells);
	for (int i = 0; i < sessions; i++) {
		const char **c = &cells[i * MANY_COLUMNS];
		char(*t)[CELL] = &text[i * 4];
		bool active = i % 10 == 0;
		snprintf(t[0], CELL, "%d", 1000 + i);
		snprintf(t[1], CELL, "2026-11-22 13:%02d:%02d.%06d+00", i / 60 % 60, i % 60, i);
		snprintf(t[2], CELL, "10.1.%d.%d:%d", i / 250 % 250, i % 250, 30000 + i % 30000);
		snprintf(t[3], CELL, "%d", 10 + i * 7 % 90000);
		c[0] = t[0];
		c[1] = t[1];
		c[2] = i % 3 ? "web" : "batch";
		c[3] = "orders";
		c[4] = i % 3 ? "checkout-api" : "nightly-report";
		c[5] = t[2];
		c[6] = "client";
		c[7] = active ? "active" : i % 10 == 1 ? "idle in transaction" : "idle";
		c[8] = active ? (i % 40 == 0 ? "Lock" : i % 20 == 0 ? "IO" : "CPU") : "Client";
		c[9] = active ? (i % 40 == 0          ? "transactionid"
		                        : i % 20 == 0 ? "DataFileRead"
		                                      : NULL)
		              : "ClientRead";
		c[10] = active || i % 10 == 1 ? t[3] : NULL;
		c[11] = active ? t[3] : NULL;
		c[12] = "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id "
		        "WHERE "
		        "o.state = 'open' AND o.created_at > now() - interval '7 days' ORDER BY o.created_at "
		        "DESC "
		        "LIMIT 50";
	}
	fixture_cells(f, instance, "sessions", columns, MANY_COLUMNS, cells, (size_t)sessions);
	free(cells);
	free(text);
}

void scene_many(struct fixture *f, int instances, int sessions)
{
	for (int i = 0; i < instances; i++) {
		char name[32], cluster[32];
		snprintf(cluster, sizeof cluster, "shard-%02d", i / 10);
		snprintf(name, sizeof name, "pg-%03d", i);
		size_t at = fixture_instance(f, cluster, name, ENGINE_POSTGRES);
		fixture_table(f, at, "server",
		        i % 10 == 0
		                ? "flavour | version | role | writable\nPostgreSQL | 15.18 | primary | t"
		                : "flavour | version | role | writable\nPostgreSQL | 15.18 | replica | f");
		pulse(f, at, "112 | 112 | 500 | max_connections | 11 | 10 | 0 | 90000 | 0 | 900");
		if (sessions > 0)
			scene_many_again(f, at, sessions);
	}
}

/* --- Text */

void scene_hostile(struct fixture *f)
{
	static const char *const columns[] = {"id", "user", "db", "app", "client", "kind", "state",
	        "wait_type", "wait", "xact_ms", "query_ms", "query"};
	static const char *const cells[] = {"1", "注文係", "在庫データベース", "結帳服務システム",
	        "10.0.0.1:1", "client", "active", "CPU", NULL, "1000", "1000",
	        "SELECT 数量 FROM 在庫 WHERE 品番 = 'あいうえお'", "2", "emoji😀user", "db🎉",
	        "app👩‍👩‍👧‍👦family", "10.0.0.2:2", "client", "active", "IO", "Data🔥FileRead",
	        "2000", "2000",
	        "SELECT '🎉' AS \"🚀\", e\xCC\x81t"
	        "e\xCC\x81 FROM \"caf\xC3\xA9\"",
	        "3", "\033[31mred\033[0m", "\033]0;owned\007", "a\rb\nc\td",
	        "\x9b"
	        "31m",
	        "client", "active", "Lock", "\033[2J", "3000", "3000",
	        "SELECT \033[2J\033[H 1 -- \033]52;c;aGk=\007 \b\b\b", "4",
	        "\xE2\x80\xAE"
	        "evil\xE2\x80\xAC",
	        /* NOLINTNEXTLINE(misc-misleading-bidirectional): it is hostile on purpose */
	        "x\xE2\x81\xA6y", "\xEF\xBB\xBFzero\xE2\x80\x8Bwidth", "10.0.0.4:4", "client",
	        "idle in transaction", "Client", "ClientRead", "4000", NULL,
	        "SELECT \xE2\x80\xAE'1' = '1'\xE2\x80\xAC FROM t", "5", "bad\xFF\xFE", "\xC0\x80",
	        "cut\xE2\x82", "10.0.0.5:5", "client", "active", "CPU", NULL, "5000", "5000",
	        "SELECT '\xED\xA0\x80' || \xF8\x88\x80\x80\x80 || '\x80'", "6",
	        "z\xCD\xA1\xCD\xA2\xCD\xA3\xCD\xA4\xCD\xA5\xCD\xA6"
	        "algo",
	        "", "", "", "client", "active", "", "", "6000", "6000",
	        "SELECT a\xCD\xA1\xCD\xA2\xCD\xA3\xCD\xA4\xCD\xA5 FROM \"x\"\"y\" WHERE $$unterminated"};
	enum { COLUMNS = sizeof columns / sizeof columns[0] };
	size_t i = fixture_instance(f, "注文", "データベース-東京-1号機", ENGINE_POSTGRES);
	fixture_table(
	        f, i, "server", "flavour | version | role | writable\nPostgreSQL | 15.18 | primary | t");
	pulse(f, i, "6 | 6 | 500 | max_connections | 5 | 1 | 0 | 6000 | 0 | 900");
	fixture_cells(f, i, "sessions", columns, COLUMNS, cells, sizeof cells / sizeof cells[0] / COLUMNS);
	/* A NUL byte inside a statement; the fixture's texts end at theirs. */
	const struct table *t = fixture_sample(f, i, "sessions")->table;
	struct cell *query = &t->rows[0]->cells[table_column(t, "query")];
	static const char with_nul[] = "SELECT 1\0 + 2 FROM \"after NUL\"";
	query->u.s = with_nul;
	query->n = sizeof with_nul - 1;
}
