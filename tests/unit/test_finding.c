/* Each finding in the scene that makes it, its sentence as it will be read, and the scenes that must stay
 * quiet. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/finding.h"
#include "tests/support/fixture.h"

struct scene {
	struct fixture *f;
	struct finding_memory *m;
	struct findings *found;
};

static struct scene scene(enum engine engine)
{
	struct scene sc = {.f = fixture_new(), .m = finding_memory_new(false)};
	fixture_instance(sc.f, "orders", "orders-1", engine);
	return sc;
}

static struct scene scene_once(enum engine engine)
{
	struct scene sc = scene(engine);
	finding_memory_free(sc.m);
	sc.m = finding_memory_new(true);
	return sc;
}

static void look(struct scene *sc)
{
	findings_free(sc->found);
	sc->found = findings_build(sc->m, fixture_snapshot(sc->f));
}

static void end(struct scene *sc)
{
	findings_free(sc->found);
	finding_memory_free(sc->m);
	fixture_free(sc->f);
}

static void quiet(struct scene *sc)
{
	look(sc);
	if (sc->found->n > 0)
		fail_msg("unexpected: %s", sc->found->item[0].text);
}

/* Exactly these, worst first; NULL ends. */
static void found(struct scene *sc, enum severity severity, const char *text, const char *brief)
{
	look(sc);
	if (sc->found->n == 0)
		fail_msg("nothing found, expected: %s", text);
	const struct finding *f = &sc->found->item[0];
	assert_string_equal(f->text, text);
	assert_string_equal(f->brief, brief);
	assert_int_equal(f->severity, severity);
	if (sc->found->n > 1)
		fail_msg("also found: %s", sc->found->item[1].text);
	assert_ptr_equal(findings_of(sc->found, f->instance), f);
}

static void test_all_is_well(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	quiet(&sc);
	fixture_table(sc.f, 0, "server",
	        "role | writable | uptime_ms | xid_age | xid_limit | archive_failing | started\n"
	        "primary | t | 900000 | 200 | 2147483648 | f | 10:00");
	fixture_table(sc.f, 0, "pulse", "limit_used | limit_max | limit_name\n44 | 500 | max_connections");
	fixture_table(sc.f, 0, "sessions",
	        "id | kind | state | xact_ms | query_ms | state_ms\n1 | client | active | 900 | 900 | 900\n"
	        "2 | client | idle in transaction | 9000 | | 50000\n3 | client | idle | | | 9000000\n"
	        "4 | walsender | active | | 90000000 | \n5 | background | | 99999999 | 999999999 | ");
	quiet(&sc);
	assert_null(findings_of(sc.found, 0));
	end(&sc);
}

static void test_unreachable(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	struct link_view *link = &fixture_at(sc.f, 0)->link;
	link->last_answer = 0;
	fixture_link(sc.f, 0, LINK_CONNECTING, ERR_NONE, "");
	quiet(&sc);
	fixture_link(sc.f, 0, LINK_DOWN, ERR_REFUSED, "connect to db1: connection refused");
	found(&sc, SEVERITY_CRIT, "orders-1: cannot connect: connect to db1: connection refused",
	        "connection refused");

	fixture_link(sc.f, 0, LINK_DOWN, ERR_TIMEOUT, "connect: log in: timed out after 5 s");
	found(&sc, SEVERITY_CRIT, "orders-1: cannot connect: log in: timed out after 5 s",
	        "log in: timed out after 5 s");

	fixture_link(sc.f, 0, LINK_DOWN, ERR_RESOLVE, "cannot resolve db1: no such name");
	found(&sc, SEVERITY_CRIT, "orders-1: cannot resolve db1: no such name",
	        "cannot resolve db1: no such name");

	fixture_link(sc.f, 0, LINK_UP, ERR_NONE, "");
	fixture_table(sc.f, 0, "pulse", "active\n1");
	fixture_advance(sc.f, 4000);
	fixture_error(sc.f, 0, "pulse", ERR_TIMEOUT, "pulse: timed out after 800 ms");
	quiet(&sc);
	fixture_advance(sc.f, 10000);
	found(&sc, SEVERITY_CRIT, "orders-1: no answer for 14 s: timed out after 800 ms, last seen 14:02:07",
	        "no answer for 14 s \xC2\xB7 timed out after 800 ms \xC2\xB7 last seen 14:02:07");
	/* A connection that is lost and made again within moments is no news. */
	fixture_table(sc.f, 0, "pulse", "active\n1");
	fixture_link(sc.f, 0, LINK_DOWN, ERR_LOST, "the server ended the connection");
	fixture_advance(sc.f, 1900);
	quiet(&sc);
	fixture_advance(sc.f, 100);
	found(&sc, SEVERITY_CRIT,
	        "orders-1: no answer for 2 s: the server ended the connection, last seen 14:02:21",
	        "no answer for 2 s \xC2\xB7 the server ended the connection \xC2\xB7 last seen 14:02:21");
	/* While it connects again the finding stays. */
	fixture_link(sc.f, 0, LINK_CONNECTING, ERR_LOST, "the server ended the connection");
	look(&sc);
	assert_int_equal(sc.found->item[0].kind, FINDING_UNREACHABLE);
	end(&sc);
}

static const char pile[] =
        "id | started | kind | state | wait_type | app | user | xact_ms | query_ms | state_ms\n"
        "4711 | 13:00 | client | idle in transaction | Client | checkout | shop | 200000 | | 192000\n"
        "4802 | 13:01 | client | active | Lock | web | shop | 178000 | 178000 | 178000\n"
        "4803 | 13:01 | client | active | Lock | web | shop | 4000 | 4000 | 4000\n";

static void test_blocked(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n2");
	fixture_table(sc.f, 0, "sessions", pile);
	fixture_table(sc.f, 0, "blockers",
	        "waiter | blocker | waiting_ms\n4802 | 4711 | 178000\n4803 | 4802 | 3000");
	found(&sc, SEVERITY_CRIT,
	        "orders-1: 2 sessions wait for pid 4711 (idle in transaction 3m12s, app=checkout)",
	        "2 wait for 4711");
	assert_string_equal(sc.found->item[0].view, "locks");
	assert_string_equal(sc.found->item[0].tight, "4711 blocks 2");
	assert_int_equal(sc.found->item[0].culprit.id, 4711);
	assert_string_equal(sc.found->item[0].culprit.started, "13:00");

	/* Not yet five seconds; then half a minute is the limit of a warning. */
	fixture_table(sc.f, 0, "blockers", "waiter | blocker | waiting_ms\n4803 | 4711 | 4900");
	look(&sc);
	for (size_t i = 0; i < sc.found->n; i++)
		assert_int_not_equal(sc.found->item[i].kind, FINDING_BLOCKED);
	fixture_table(sc.f, 0, "blockers", "waiter | blocker | waiting_ms\n4803 | 4711 | 5000");
	found(&sc, SEVERITY_WARN,
	        "orders-1: 1 session waits for pid 4711 (idle in transaction 3m12s, app=checkout)",
	        "1 waits for 4711");

	/* Holders that are no sessions lead to a waiter. */
	fixture_table(sc.f, 0, "blockers", "waiter | blocker | waiting_ms\n4803 | 0 | 6000");
	look(&sc);
	assert_string_equal(sc.found->item[0].text, "orders-1: 1 session waits for a prepared transaction");
	assert_int_equal(sc.found->item[0].culprit.id, 4803);
	fixture_table(sc.f, 0, "blockers", "waiter | blocker | waiting_ms\n4803 | -1 | 6000");
	look(&sc);
	assert_string_equal(sc.found->item[0].text,
	        "orders-1: 1 session waits for a holder that the server does not name");
	end(&sc);
}

static void test_a_convoy_is_named(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n4");
	fixture_table(sc.f, 0, "sessions",
	        "id | kind | state | app | xact_ms | query_ms | state_ms\n"
	        "4711 | client | idle in transaction | report | 200000 | | 192000\n"
	        "5120 | client | active | migrate | 9000 | 9000 | 9000\n"
	        "5201 | client | active | web | 8000 | 8000 | 8000\n"
	        "5202 | client | active | web | 8000 | 8000 | 8000\n"
	        "5203 | client | active | web | 8000 | 8000 | 8000\n");
	fixture_table(sc.f, 0, "blockers",
	        "waiter | blocker | waiting_ms | kind\n5120 | 4711 | 9000 | relation\n"
	        "5201 | 5120 | 8000 | relation\n5202 | 5120 | 8000 | relation\n5203 | 5120 | 8000 | "
	        "relation");
	look(&sc);
	assert_string_equal(sc.found->item[0].text,
	        "orders-1: 4 sessions wait for pid 4711 (idle in transaction 3m12s, app=report), "
	        "3 of them behind pid 5120 (app=migrate)");
	assert_int_equal(sc.found->item[0].culprit.id, 4711);
	end(&sc);
}

/* MariaDB does not name who holds a metadata lock: said as a guess, and only of one who can be it. */
static void test_a_likely_holder(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_MARIADB);
	static const char sessions[] =
	        "id | kind | state | user | db | xact_ms | query_ms | state_ms\n"
	        "21 | client | idle in transaction | other | mail | 900000 | | 900000\n"
	        "22 | client | idle in transaction | young | shop | 3000 | | 3000\n"
	        "23 | client | idle in transaction | report | shop | 20000 | | 14000\n"
	        "24 | client | active | migrate | shop | 9000 | 9000 | 9000\n";
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n1");
	fixture_table(sc.f, 0, "sessions", sessions);
	fixture_table(sc.f, 0, "blockers", "waiter | blocker | waiting_ms | kind\n24 | -1 | 9000 | metadata");
	look(&sc);
	assert_string_equal(sc.found->item[0].text,
	        "orders-1: 1 session waits for a metadata lock, likely of id 23 (idle in transaction 14s, "
	        "user=report)");
	assert_string_equal(sc.found->item[0].brief, "1 waits for 23, likely");
	assert_string_equal(sc.found->item[0].tight, "23 may block 1");
	assert_int_equal(sc.found->item[0].culprit.id, 23);
	fixture_table(
	        sc.f, 0, "blockers", "waiter | blocker | waiting_ms | kind\n24 | -1 | 60000 | metadata");
	look(&sc);
	assert_string_equal(sc.found->item[0].text,
	        "orders-1: 1 session waits for a holder that the server does not name");
	end(&sc);
}

static void test_blocked_without_pairs(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_MARIADB);
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n2");
	fixture_table(sc.f, 0, "sessions", pile);
	fixture_error(sc.f, 0, "blockers", ERR_DENIED, "needs PROCESS");
	look(&sc);
	assert_string_equal(sc.found->item[0].text, "orders-1: 1 session waits for a lock, id 4802 in a "
	                                            "statement of 2m58s; who holds it is not visible");
	assert_int_equal(sc.found->item[0].culprit.id, 4802);
	end(&sc);
}

static void test_the_worst_queue_comes_first(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	char sessions[4096] = "id | kind | state\n";
	char blockers[4096] = "waiter | blocker | waiting_ms\n";
	/* Twenty holders, number n with n waiters. */
	for (int n = 1; n <= 20; n++) {
		size_t at = strlen(sessions);
		snprintf(sessions + at, sizeof(sessions) - at, "%d | client | active\n", n);
		for (int w = 0; w < (n < 6 ? n : 1); w++) {
			at = strlen(sessions);
			snprintf(sessions + at, sizeof(sessions) - at, "%d | client | active\n", n * 100 + w);
			at = strlen(blockers);
			snprintf(blockers + at, sizeof(blockers) - at, "%d | %d | 6000\n", n * 100 + w, n);
		}
	}
	fixture_table(sc.f, 0, "pulse", "lock_waiters\n2");
	fixture_table(sc.f, 0, "sessions", sessions);
	fixture_table(sc.f, 0, "blockers", blockers);
	look(&sc);
	assert_int_equal(sc.found->n, 8);
	static const int expect[] = {5, 4, 3, 2, 1, 6, 7, 8};
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(sc.found->item[i].culprit.id, expect[i]);
	assert_int_equal(sc.found->item[0].severity, SEVERITY_CRIT);
	assert_int_equal(sc.found->item[1].severity, SEVERITY_WARN);
	end(&sc);
}

static void test_old_sessions(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "sessions",
	        "id | kind | state | app | xact_ms | query_ms | state_ms\n"
	        "1 | client | idle in transaction | shop | 70000 | | 61000\n"
	        "2 | client | idle in transaction | | 90000 | | 62000");
	found(&sc, SEVERITY_NOTICE, "orders-1: pid 2 is idle in transaction for 1m02s, and 1 more",
	        "2 idle in transaction 1m02s");
	fixture_table(sc.f, 0, "sessions",
	        "id | kind | state | user | xact_ms | query_ms\n"
	        "5120 | client | active | reports | 720000 | 720000\n"
	        "5121 | client | active | reports | 130000 | 119000");
	found(&sc, SEVERITY_WARN, "orders-1: pid 5120 runs one statement for 12m00s (user=reports)",
	        "5120 runs for 12m00s");
	fixture_table(sc.f, 0, "sessions",
	        "id | kind | state | own | xact_ms | query_ms\n"
	        "5121 | client | active | f | 400000 | 5\n6 | client | active | t | 400000 | 5");
	found(&sc, SEVERITY_WARN, "orders-1: pid 5121 has a transaction open for 6m40s",
	        "5121 in transaction 6m40s");
	/* A cluster of batch jobs allows more; stale rows say nothing. */
	fixture_cluster(sc.f, "orders")->statement_warn_ms = 1800000;
	quiet(&sc);
	fixture_cluster(sc.f, "orders")->statement_warn_ms = 120000;
	fixture_advance(sc.f, 16000);
	fixture_table(sc.f, 0, "pulse", "active\n1");
	quiet(&sc);
	end(&sc);
}

static void test_connections(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	static const char columns[] = "limit_used | limit_max | limit_name | connections";
	static const struct {
		const char *row;
		int severity;
	} steps[] = {
	        {"412 | 500 | max_connections | 412", SEVERITY_OK}, /* the first of two */
	        {"399 | 500 | max_connections | 399", SEVERITY_OK},
	        {"412 | 500 | max_connections | 412", SEVERITY_OK},
	        {"412 | 500 | max_connections | 412", SEVERITY_WARN},
	        {"385 | 500 | max_connections | 385", SEVERITY_WARN}, /* hysteresis */
	        {"476 | 500 | max_connections | 476", SEVERITY_CRIT},
	        {"379 | 500 | max_connections | 379", SEVERITY_OK},
	        {"| | | 900", SEVERITY_OK},
	        {"| | | 900", SEVERITY_WARN},
	        {"| | | ", SEVERITY_OK},
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "%s\n%s", columns, steps[i].row);
		fixture_advance(sc.f, 1000);
		fixture_table(sc.f, 0, "pulse", text);
		look(&sc);
		look(&sc); /* the same sample counts once */
		if (steps[i].severity == SEVERITY_OK
		                ? sc.found->n != 0
		                : sc.found->n != 1 || (int)sc.found->item[0].severity != steps[i].severity)
			fail_msg("step %zu: %s", i, sc.found->n == 0 ? "nothing" : sc.found->item[0].text);
	}
	end(&sc);

	sc = scene_once(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "pulse", "limit_used | limit_max | limit_name\n19 | 20 | database app");
	found(&sc, SEVERITY_CRIT, "orders-1: 19 of 20 connections are in use (database app)",
	        "19/20 connections");
	end(&sc);
}

/* One look at a `server` row of a replica or a primary. */
static void server_says(
        enum engine engine, const char *columns_and_row, enum severity severity, const char *text)
{
	struct scene sc = scene_once(engine);
	fixture_table(sc.f, 0, "server", columns_and_row);
	fixture_table(sc.f, 0, "pulse", "active\n1");
	look(&sc);
	if (sc.found->n != 1)
		fail_msg("%zu findings for: %s", sc.found->n, columns_and_row);
	assert_string_equal(sc.found->item[0].text, text);
	assert_int_equal(sc.found->item[0].severity, severity);
	end(&sc);
}

static void test_what_a_server_says_of_itself(void **state)
{
	(void)state;
	server_says(ENGINE_MARIADB, "role | writable | read_only\nreplica | t | f", SEVERITY_WARN,
	        "orders-1: is a replica, but accepts writes (read_only is off)");
	server_says(ENGINE_MYSQL, "role | writable | read_only | super_read_only\nprimary | f | t | t",
	        SEVERITY_WARN, "orders-1: is a primary, but accepts no writes (super_read_only is on)");
	server_says(ENGINE_MYSQL, "role | writable | read_only | super_read_only\nreplica | f | t | f",
	        SEVERITY_NOTICE,
	        "orders-1: is a replica that privileged users may write to (super_read_only is off)");
	server_says(ENGINE_POSTGRES, "role | uptime_ms | processes_ms\nprimary | 9000000 | 42000",
	        SEVERITY_WARN, "orders-1: recovered from a crash 42 s ago: all its sessions were ended");
	server_says(ENGINE_POSTGRES, "uptime_ms\n42000", SEVERITY_NOTICE, "orders-1: started 42 s ago");
	server_says(ENGINE_POSTGRES, "xid_age | xid_limit | mxid_age | mxid_limit\n1200 | 2000 | 100 | 2000",
	        SEVERITY_WARN,
	        "orders-1: 60 % of the transaction ids are used up: vacuum the database with the oldest "
	        "ones");
	server_says(ENGINE_POSTGRES, "xid_age | xid_limit | mxid_age | mxid_limit\n1200 | 2000 | 1700 | 2000",
	        SEVERITY_CRIT,
	        "orders-1: 85 % of the multixact ids are used up: vacuum the database with the oldest ones");
	server_says(ENGINE_POSTGRES, "archive_failing | archive_age_ms\nt | 600000", SEVERITY_WARN,
	        "orders-1: archiving WAL fails, the last success was 10m00s ago: the disk fills");
	server_says(ENGINE_POSTGRES, "archive_failing | archive_age_ms\nt | 3700000", SEVERITY_CRIT,
	        "orders-1: archiving WAL fails, the last success was 1h02m ago: the disk fills");
	server_says(ENGINE_POSTGRES, "archive_failing\nt", SEVERITY_WARN,
	        "orders-1: archiving WAL fails: the disk fills");
}

static void test_role_flip_and_restart(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "server", "role | started | uptime_ms\nreplica | 10:00 | 9000000");
	quiet(&sc);
	fixture_advance(sc.f, 5000);
	fixture_table(sc.f, 0, "server", "role | started | uptime_ms\nprimary | 10:00 | 9005000");
	found(&sc, SEVERITY_WARN, "orders-1: is a primary now, was a replica until 0 s ago",
	        "was a replica until 0 s ago");
	fixture_advance(sc.f, 14 * 60 * 1000);
	fixture_table(sc.f, 0, "server", "role | started | uptime_ms\nprimary | 14:15 | 3000");
	look(&sc);
	assert_int_equal(sc.found->n, 2);
	assert_string_equal(
	        sc.found->item[0].text, "orders-1: is a primary now, was a replica until 14m00s ago");
	assert_string_equal(sc.found->item[1].text, "orders-1: restarted 3 s ago");
	assert_int_equal(sc.found->item[1].severity, SEVERITY_WARN);
	fixture_advance(sc.f, 16 * 60 * 1000);
	fixture_table(sc.f, 0, "server", "role | started | uptime_ms\nprimary | 14:15 | 963000");
	quiet(&sc);
	end(&sc);
}

static void test_a_newer_server(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "server", "role | version\nprimary | 19.1");
	quiet(&sc);
	fixture_sample(sc.f, 0, "server")->newer = true;
	found(&sc, SEVERITY_NOTICE,
	        "orders-1: version 19.1 is newer than this dbatop knows: read like the newest it knows",
	        "newer than known");
	end(&sc);
}

/* A stopped MySQL replica that restarts looks like a primary until its channels are read. */
static void test_no_flip_before_the_channels_are_known(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_MYSQL);
	fixture_table(sc.f, 0, "server", "role | writable\nprimary | t");
	quiet(&sc);
	fixture_table(sc.f, 0, "replication_brief", "kind | state\nupstream | streaming");
	look(&sc);
	for (size_t i = 0; i < sc.found->n; i++)
		assert_int_not_equal(sc.found->item[i].kind, FINDING_ROLE_FLIP);
	end(&sc);
}

static void test_split_brain(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	static const char primary[] = "role | writable | cluster_id\nprimary | t | c1";
	fixture_instance(sc.f, "orders", "orders-2", ENGINE_POSTGRES);
	fixture_instance(sc.f, "orders", "orders-3", ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "server", primary);
	fixture_table(sc.f, 1, "server", "role | writable | cluster_id\nprimary | t | c2");
	fixture_table(sc.f, 2, "server", "role | writable | cluster_id\nreplica | f | c1");
	quiet(&sc);
	fixture_table(sc.f, 2, "server", primary);
	look(&sc);
	assert_int_equal(sc.found->item[0].kind, FINDING_SPLIT_BRAIN);
	assert_int_equal(sc.found->item[0].severity, SEVERITY_CRIT);
	assert_string_equal(sc.found->item[0].text, "orders: two writable primaries: orders-1 and orders-3");
	/* The one that became one last comes first. */
	assert_int_equal(sc.found->item[0].instance, 2);
	assert_string_equal(sc.found->item[0].brief, "writable primary beside orders-1");
	assert_string_equal(sc.found->item[1].brief, "writable primary beside orders-3");
	/* Two addresses of one server are one primary. */
	fixture_at(sc.f, 2)->link.server = fixture_at(sc.f, 0)->link.server;
	fixture_at(sc.f, 2)->link.admin = fixture_at(sc.f, 0)->link.server;
	look(&sc);
	for (size_t i = 0; i < sc.found->n; i++)
		assert_int_not_equal(sc.found->item[i].kind, FINDING_SPLIT_BRAIN);
	end(&sc);

	sc = scene(ENGINE_MYSQL);
	fixture_instance(sc.f, "orders", "orders-2", ENGINE_MYSQL);
	fixture_table(sc.f, 0, "server", "role | writable\nprimary | t");
	fixture_table(sc.f, 1, "server", "role | writable\nprimary | t");
	look(&sc);
	assert_int_equal(sc.found->n, 2);
	assert_int_equal(sc.found->item[0].severity, SEVERITY_WARN);
	end(&sc);
}

static void test_another_server(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	struct link_view *link = &fixture_at(sc.f, 0)->link;
	snprintf(link->server.address, GUARD_MAX, "10.0.0.1:5432");
	snprintf(link->admin.address, GUARD_MAX, "10.0.0.2:5432");
	fixture_table(sc.f, 0, "pulse", "active\n1");
	quiet(&sc);
	fixture_advance(sc.f, 1000);
	fixture_table(sc.f, 0, "pulse", "active\n1");
	found(&sc, SEVERITY_CRIT,
	        "orders-1: its address leads to different servers (10.0.0.1:5432 and 10.0.0.2:5432): actions "
	        "are refused",
	        "lanes reach different servers");
	link->admin = link->server;
	quiet(&sc);
	/* After a failover both lanes are somewhere else. */
	snprintf(link->server.address, GUARD_MAX, "10.0.0.9:5432");
	link->admin = link->server;
	found(&sc, SEVERITY_WARN, "orders-1: another server answers at its address since 0 s",
	        "another server since 0 s");
	/* What is not known does not differ. */
	end(&sc);
	sc = scene_once(ENGINE_POSTGRES);
	fixture_at(sc.f, 0)->link.admin.address[0] = '\0';
	fixture_table(sc.f, 0, "pulse", "active\n1");
	quiet(&sc);
	fixture_link(sc.f, 0, LINK_DOWN, ERR_IDENTITY, "another server answers here than before");
	look(&sc);
	assert_int_equal(sc.found->item[0].kind, FINDING_OTHER_SERVER);
	end(&sc);
}

static void replica_says(const char *brief, enum severity severity, const char *text)
{
	struct scene sc = scene_once(ENGINE_MYSQL);
	fixture_table(sc.f, 0, "server", "role | writable\nreplica | f");
	fixture_table(sc.f, 0, "replication_brief", brief);
	look(&sc);
	if (text == NULL) {
		assert_int_equal(sc.found->n, 0);
	} else {
		assert_int_equal(sc.found->n, 1);
		assert_string_equal(sc.found->item[0].text, text);
		assert_int_equal(sc.found->item[0].severity, severity);
	}
	end(&sc);
}

static void test_replication(void **state)
{
	(void)state;
	replica_says(
	        "kind | state | paused | lag_ms | lag_bytes\nupstream | paused | t | 2460000 | 9800000000",
	        SEVERITY_WARN, "orders-1: replay is paused, 41m00s, 9.8 GB behind");
	replica_says("kind | receiver | applier | error\nupstream | yes | no | Duplicate entry '7'",
	        SEVERITY_CRIT, "orders-1: replication is stopped: Duplicate entry '7'");
	replica_says("kind | state | lag_ms | lag_source\nupstream | streaming | 31000 | heartbeat",
	        SEVERITY_WARN, "orders-1: the replica is 31s behind (heartbeat)");
	replica_says("kind | state | lag_ms | delay_ms | lag_bytes\nupstream | streaming | 3601000 | 3600000 "
	             "| 999999999",
	        SEVERITY_OK, NULL);
	replica_says("kind | state | receiver\nupstream | | connecting", SEVERITY_WARN,
	        "orders-1: is connecting to its primary, its lag is unknown");
	replica_says("kind | state | lag_ms\nupstream | streaming |", SEVERITY_OK, NULL);
}

static void test_hostile_text_stays_short(void **state)
{
	(void)state;
	struct scene sc = scene(ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "sessions",
	        "id | kind | state | app | query_ms\n"
	        "7 | client | active | '\x1b[31m\xff "
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' | 130000");
	look(&sc);
	assert_null(strchr(sc.found->item[0].text, '\x1b'));
	assert_true(strlen(sc.found->item[0].text) < 120);
	end(&sc);
}

static void test_worst_first(void **state)
{
	(void)state;
	struct scene sc = scene_once(ENGINE_POSTGRES);
	fixture_instance(sc.f, "orders", "orders-2", ENGINE_POSTGRES);
	fixture_table(sc.f, 0, "server", "uptime_ms | archive_failing\n5000 | t");
	fixture_table(sc.f, 0, "pulse", "limit_used | limit_max\n99 | 100");
	fixture_link(sc.f, 1, LINK_DOWN, ERR_REFUSED, "connection refused");
	look(&sc);
	assert_int_equal(sc.found->n, 4);
	static const enum finding_kind expect[] = {
	        FINDING_UNREACHABLE, FINDING_CONNECTIONS, FINDING_ARCHIVER, FINDING_RESTART};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(sc.found->item[i].kind, expect[i]);
	for (int k = 0; k < FINDING_KINDS; k++)
		assert_non_null(finding_kind_name((enum finding_kind)k));
	end(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_all_is_well),
	        cmocka_unit_test(test_unreachable),
	        cmocka_unit_test(test_blocked),
	        cmocka_unit_test(test_a_convoy_is_named),
	        cmocka_unit_test(test_a_likely_holder),
	        cmocka_unit_test(test_blocked_without_pairs),
	        cmocka_unit_test(test_the_worst_queue_comes_first),
	        cmocka_unit_test(test_old_sessions),
	        cmocka_unit_test(test_connections),
	        cmocka_unit_test(test_what_a_server_says_of_itself),
	        cmocka_unit_test(test_role_flip_and_restart),
	        cmocka_unit_test(test_a_newer_server),
	        cmocka_unit_test(test_no_flip_before_the_channels_are_known),
	        cmocka_unit_test(test_split_brain),
	        cmocka_unit_test(test_another_server),
	        cmocka_unit_test(test_replication),
	        cmocka_unit_test(test_hostile_text_stays_short),
	        cmocka_unit_test(test_worst_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
