/* See the header. */
#include "tests/support/scenes_replication.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
        "kind | name | peer | state | receiver | applier | lsn | write_lsn | flush_lsn | replay_lsn | "
        "write_ms | "
        "flush_ms | replay_ms | word_ms | slot_name | app | timeline | paused | replay_age_ms | sync_state | "
        "sync_names | slot_type | plugin | active | wal_status | retained_bytes | limit_bytes | inactive_ms "
        "| "
        "conflict | conflict_ms | pid | user\n";

static size_t server(
        struct fixture *f, const char *cluster, const char *name, enum engine engine, const char *role)
{
	char text[256];
	size_t i = fixture_instance(f, cluster, name, engine);
	snprintf(text, sizeof text,
	        "flavour | version | role | writable | cluster_id\n%s | %s | %s | %s | %.40s",
	        engine == ENGINE_POSTGRES ? "PostgreSQL" : "MySQL",
	        engine == ENGINE_POSTGRES ? "18.4" : "9.7.4", role, strcmp(role, "primary") == 0 ? "t" : "f",
	        cluster);
	fixture_table(f, i, "server", text);
	fixture_table(f, i, "pulse", "connections | active\n10 | 1");
	return i;
}

static void rows(struct fixture *f, size_t i, const char *text)
{
	char all[8192];
	snprintf(all, sizeof all, "%s%s", head, text);
	fixture_table(f, i, "replication", all);
}

static void cascade_at(struct fixture *f, long long head_lsn)
{
	char text[4096];
	snprintf(text, sizeof text,
	        "node | | | primary | | | %lld | | | | | | | | | p | 1\n"
	        "downstream | orders-pg-2 | 10.2.1.2:50001 | streaming | | | %lld | %lld | %lld | %lld | 100 "
	        "| 120 | 300 | "
	        "900 | pg2 | | | | | async\n"
	        "downstream | orders-pg-3 | 10.2.1.3:50002 | streaming | | | %lld | %lld | %lld | %lld | 1 | "
	        "1 | 2 | 900 | "
	        "pg3 | | | | | sync\n"
	        "slot | pg2 | | active | | | | | | | | | | | pg2 | | | | | | | physical | | t | reserved | "
	        "1100000\n"
	        "slot | pg3 | | active | | | | | | | | | | | pg3 | | | | | | | physical | | t | reserved | "
	        "0\n",
	        head_lsn, head_lsn - 100000, head_lsn - 200000, head_lsn - 300000, head_lsn - 1100000,
	        head_lsn, head_lsn, head_lsn, head_lsn);
	rows(f, 0, text);
	snprintf(text, sizeof text,
	        "node | | | replica | | | %lld | | | %lld | | | | | | orders-pg-2 | 1\n"
	        "upstream | | orders-pg-1:5432 | streaming | streaming | running | %lld | | | %lld | | | | "
	        "200 | pg2 | | 1 | "
	        "f | 300\n"
	        "downstream | orders-pg-4 | 10.2.1.4:50003 | streaming | | | %lld | %lld | %lld | %lld | 2 | "
	        "3 | 900 | 400 | "
	        "pg4 | | | | | async\n",
	        head_lsn - 100000, head_lsn - 1100000, head_lsn - 100000, head_lsn - 1100000,
	        head_lsn - 100000, head_lsn - 100000, head_lsn - 100000, head_lsn - 5000000);
	rows(f, 1, text);
	snprintf(text, sizeof text,
	        "node | | | replica | | | %lld | | | %lld | | | | | | orders-pg-3 | 1\n"
	        "upstream | | orders-pg-1:5432 | streaming | streaming | running | %lld | | | %lld | | | | "
	        "100 | pg3 | | 1 | "
	        "f | 2\n",
	        head_lsn, head_lsn, head_lsn, head_lsn);
	rows(f, 2, text);
	snprintf(text, sizeof text,
	        "node | | | replica | | | %lld | | | %lld | | | | | | orders-pg-4 | 1\n"
	        "upstream | | orders-pg-2:5432 | streaming | streaming | running | %lld | | | %lld | | | | "
	        "100 | pg4 | | 1 | "
	        "f | 900\n",
	        head_lsn - 100000, head_lsn - 5000000, head_lsn - 100000, head_lsn - 5000000);
	rows(f, 3, text);
}

static void orders(struct fixture *f)
{
	server(f, "orders", "orders-pg-1", ENGINE_POSTGRES, "primary");
	server(f, "orders", "orders-pg-2", ENGINE_POSTGRES, "replica");
	server(f, "orders", "orders-pg-3", ENGINE_POSTGRES, "replica");
	server(f, "orders", "orders-pg-4", ENGINE_POSTGRES, "replica");
}

void scene_cascade(struct fixture *f)
{
	orders(f);
	cascade_at(f, 15701000000);
}

void scene_paused(struct fixture *f)
{
	orders(f);
	cascade_at(f, 15701000000);
	rows(f, 0,
	        "node | | | primary | | | 15701000000 | | | | | | | | | p | 1 | | | | 'FIRST 1 "
	        "(orders-pg-9)'\n"
	        "downstream | orders-pg-2 | 10.2.1.2:50001 | streaming | | | 15700900000 | 15700800000 | "
	        "15700700000 | "
	        "15699900000 | 100 | 120 | 300 | 900 | pg2 | | | | | async\n"
	        "downstream | orders-pg-3 | 10.2.1.3:50002 | streaming | | | 15701000000 | 15701000000 | "
	        "15701000000 | "
	        "5901000000 | 1 | 1 | | 900 | pg3 | | | | | async\n"
	        "downstream | reports | 10.7.7.7:41000 | streaming | | | 15701000000 | 15701000000 | "
	        "15701000000 | "
	        "15701000000 | 1 | 1 | 2 | 900 | | | | | | async\n"
	        "slot | pg2 | | active | | | | | | | | | | | pg2 | | | | | | | physical | | t | reserved | "
	        "1100000 | "
	        "250000000000\n"
	        "slot | pg3 | | active | | | | | | | | | | | pg3 | | | | | | | physical | | t | reserved | 0 "
	        "| 250000000000\n"
	        "slot | debezium | | inactive | | | | | | | | | | | debezium | | | | | | | logical | "
	        "pgoutput | f | extended "
	        "| 214000000000 | 250000000000 | 10800000\n");
	rows(f, 2,
	        "node | | | replica | | | 15701000000 | | | 5901000000 | | | | | | orders-pg-3 | 1\n"
	        "upstream | | orders-pg-1:5432 | paused | streaming | paused | 15701000000 | | | 5901000000 "
	        "| | | | 100 | pg3 "
	        "| | 1 | t | 2460000\n");
	rows(f, 3,
	        "node | | | replica | | | 15700900000 | | | 15696000000 | | | | | | orders-pg-4 | 1\n"
	        "upstream | | orders-pg-2:5432 | streaming | streaming | running | 15700900000 | | | "
	        "15696000000 | | | | 100 | "
	        "pg4 | | 1 | f | 45000 | | | | | | | | | | relation stock | 42000\n"
	        "reader | | | active | | | | | | | | | | | | report | | | | | | | | | | | | | | | 7741 | "
	        "nightly\n");
	fixture_table(f, 0, "horizon",
	        "kind | id | name | started | user | app | client | state | xmin_age | age_ms | catalog\n"
	        "slot | | debezium | | | | | inactive | 4100000 | 10800000 | t\n"
	        "session | 4711 | | t1 | checkout | checkout-api | 10.2.3.4:51442 | idle in transaction | "
	        "91000 | 192000 | f\n"
	        "prepared | | order-771 | | app | | | prepared | 70000 | 150000 | f\n"
	        "feedback | 812 | | t2 | repl | orders-pg-2 | 10.2.1.2:50001 | active | 1200 | | f\n");
}

void scene_horizon_leak(struct fixture *f)
{
	char text[8192];
	int n = snprintf(text, sizeof text,
	        "kind | id | name | started | user | app | client | state | xmin_age | age_ms | catalog\n"
	        "slot | | debezium | | | | | inactive | 4100000 | 10800000 | t\n"
	        "session | 4711 | | t1 | report | nightly | 10.2.3.4:51442 | active | 70100 | 152000 | f\n"
	        "prepared | | order-771 | | app | | | prepared | 70000 | 150000 | f\n"
	        "feedback | 812 | | t2 | repl | orders-pg-2 | 10.2.1.2:50001 | active | 1200 | | f\n");

	scene_paused(f);
	for (int i = 0; i < 30; i++)
		n += snprintf(text + n, sizeof text - (size_t)n,
		        "session | %d | | t1 | checkout | checkout-api | 10.2.3.4:51442 | idle in "
		        "transaction | %d | %d | f\n",
		        5001 + i, 91000 - 10 * i, 192000 - 10 * i);
	fixture_table(f, 0, "horizon", text);
}

void scene_broken(struct fixture *f)
{
#define U1 "11111111-1111-1111-1111-111111111111"
#define U2 "22222222-2222-2222-2222-222222222222"
	static const char my[] =
	        "kind | name | peer | peer_id | own_id | state | receiver | applier | gtid | lag_ms | "
	        "lag_source | error | "
	        "error_code | word_ms | word_limit_ms | workers | workers_busy | sync_state | sync_clients\n";
	char text[2048];
	size_t a = server(f, "billing", "billing-my-1", ENGINE_MYSQL, "primary");
	size_t b = server(f, "billing", "billing-my-2", ENGINE_MYSQL, "replica");
	size_t m1 = server(f, "search", "search-eu", ENGINE_MARIADB, "primary");
	size_t m2 = server(f, "search", "search-us", ENGINE_MARIADB, "primary");
	size_t m3 = server(f, "search", "search-all", ENGINE_MARIADB, "replica");
	snprintf(fixture_at(f, a)->link.server.id, IDENTITY_MAX, U1);
	snprintf(fixture_at(f, b)->link.server.id, IDENTITY_MAX, U2);
	snprintf(text, sizeof text,
	        "%snode | | | | " U1 " | writable | | | '" U1 ":1-91822' | | | | | | | | | on | 1\n"
	        "downstream | | 10.3.0.2:41234 | " U2 " | | streaming\n"
	        "downstream | | 10.3.0.9:51000 | 33333333-3333-3333-3333-333333333333 | | streaming\n",
	        my);
	fixture_table(f, a, "replication", text);
	snprintf(text, sizeof text,
	        "%snode | | | | " U2 " | read only | | | '" U1 ":1-90100," U2 ":1-2'\n"
	        "upstream | | billing-my-1:3306 | " U1
	        " | | error | ON | OFF | | | 'all received is applied' | "
	        "'Worker 1 failed executing transaction at source log binlog.000007, end_log_pos 1182; Could "
	        "not execute "
	        "Write_rows event on table billing.invoice; Duplicate entry 4711 for key invoice.PRIMARY' | "
	        "1062 | 900 | "
	        "30000 | 4 | 0\n",
	        my);
	fixture_table(f, b, "replication", text);
	fixture_table(f, m1, "replication_local",
	        "kind | name | peer | state | own_id | gtid | received\nnode | | | writable | 1 | '0-1-5000' "
	        "| ''\n"
	        "downstream | repl | 10.4.0.3:1 | streaming\n");
	fixture_table(f, m2, "replication_local",
	        "kind | name | peer | state | own_id | gtid | received\nnode | | | writable | 2 | '5-2-700' "
	        "| ''\n");
	fixture_table(f, m3, "replication_local",
	        "kind | name | peer | state | own_id | gtid | received\n"
	        "node | | | read only | 3 | '0-1-5000,5-2-640' | '0-1-5000,5-2-640'\n");
	fixture_table(f, m1, "replication", "kind | name\n");
	fixture_table(f, m2, "replication", "kind | name\n");
	fixture_table(f, m3, "replication",
	        "kind | name | peer | peer_id | receiver | applier | lag_ms | lag_source | delay_ms | "
	        "receiver_error | "
	        "receiver_code\n"
	        "upstream | eu | search-eu:3306 | 1 | Yes | Yes | 0 | Seconds_Behind_Master | 0 | |\n"
	        "upstream | us | search-us:3306 | 2 | Connecting | Yes | | Seconds_Behind_Master | 0 | "
	        "'error connecting "
	        "to master repl@search-us:3306 - retry-time: 60' | 2003\n");
	fixture_table(f, a, "horizon",
	        "kind | id | name | user | client | state | age_ms\n"
	        "prepared | 0 | 771002 | | | running | 7300000\n"
	        "session | 88 | 771005 | etl | 10.3.1.1:3000 | idle in transaction | 64000\n");
#undef U1
#undef U2
}

void scene_replication_empty(struct fixture *f)
{
	server(f, "orders", "orders-pg-1", ENGINE_POSTGRES, "primary");
	rows(f, 0, "node | | | primary | | | 15701000000 | | | | | | | | | p | 1\n");
}

void scene_replication_error(struct fixture *f)
{
	size_t down = fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
	size_t up = server(f, "orders", "orders-pg-2", ENGINE_POSTGRES, "replica");
	fixture_link(f, down, LINK_DOWN, ERR_TIMEOUT, "connect: timed out after 5 s");
	rows(f, up,
	        "node | | | replica | | | 15700900000 | | | 15700900000 | | | | | | orders-pg-2 | 1\n"
	        "upstream | | orders-pg-1:5432 | stopped | stopped | running | 15700900000 | | | 15700900000 "
	        "| | | | | pg2 | | "
	        "1 | f | 61000\n");
}

void scene_replication_stale(struct fixture *f)
{
	scene_cascade(f);
	fixture_advance(f, 14000);
	for (size_t i = 0; i < 4; i++)
		fixture_error(f, i, "replication", ERR_TIMEOUT, "timed out after 800 ms");
}

void scene_replication_denied(struct fixture *f)
{
	size_t pg = server(f, "orders", "orders-pg-1", ENGINE_POSTGRES, "primary");
	size_t my = server(f, "billing", "billing-my-1", ENGINE_MYSQL, "primary");
	fixture_at(f, pg)->link.sees_all = false;
	rows(f, pg,
	        "node | | | primary | | | 15701000000 | | | | | | | | | p | 1\ndownstream | orders-pg-2 | | "
	        "| | |\n");
	fixture_error(
	        f, my, "replication", ERR_DENIED, "denied: GRANT SELECT ON performance_schema.* TO monitor");
}

void scene_replication_hostile(struct fixture *f)
{
	size_t i = server(f, "注文", "データベース-東京-1号機", ENGINE_POSTGRES, "primary");
	rows(f, i,
	        "node | | | primary | | | 15701000000 | | | | | | | | | p | 1\n"
	        "downstream | '\033[31mred\033[0m' | '\033]0;owned\007' | streaming | | | 15701000000 | "
	        "15701000000 | "
	        "15701000000 | 15700000000 | | | | 1 | 's\xE2\x80\xAE"
	        "evil'\n"
	        "downstream | 'emoji😀replica🎉' | 10.0.0.2:2 | streaming | | | 15701000000 | 15701000000 | "
	        "15701000000 | "
	        "15701000000 | | | | 1 |\n"
	        "downstream | 'a\rb\nc\td' | 'bad\xFF\xFE' | catchup | | | 1 | 1 | 1 | 1 | | | | 1 |\n"
	        "downstream | '複製サーバー二号機' | '[fe80::1%eth0]:5' | streaming | | | 15701000000 | "
	        "15701000000 | "
	        "15701000000 | 9223372036854775807 | | | | 1 |\n"
	        "slot | 'z\xCD\xA1\xCD\xA2\xCD\xA3\xCD\xA4\xCD\xA5\xCD\xA6' | | inactive | | | | | | | | | | "
	        "| x | | | | | | | "
	        "logical | '\033[2J' | f | lost | | | | |\n");
	fixture_table(f, i, "horizon",
	        "kind | id | name | user | app | state | xmin_age | age_ms\n"
	        "prepared | | 'its\033[2J' | '\033]52;c;aGk=\007' | | prepared | 9000 | 9000\n"
	        "session | 1 | | '注文係' | '\xE2\x80\xAE"
	        "evil' | 'idle in transaction' | 900 | 5000\n");
}
