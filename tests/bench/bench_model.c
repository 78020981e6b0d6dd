/* What the model costs for each new set of samples: 20 instances × 1,000 sessions with a lock pile-up each,
 * and a fleet of 200, alone and
 * in clusters of four. Prints a table; asserts nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/model/fleet.h"
#include "tests/support/fixture.h"

enum { ROUNDS = 20, SESSIONS = 1000, WAITERS = 200 };

static const char *const columns[] = {"id", "started", "user", "db", "app", "client", "kind", "state",
        "wait_type", "wait", "xact_ms", "query_ms", "state_ms", "query", "xact_guard", "query_guard",
        "superuser", "own"};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* A thousand sessions: a head that idles in its transaction, waiters in two queues behind it, a hundred
 * active, the rest idle. */
static void fill(struct fixture *f, size_t instance, size_t sessions)
{
	static char ids[SESSIONS][16];
	static char ages[SESSIONS][16];
	static const char *cells[SESSIONS][COLUMNS];
	static const char *edges[WAITERS][3];
	for (size_t i = 0; i < sessions; i++) {
		bool head = i == 0;
		bool waits = i > 0 && i <= WAITERS;
		bool active = waits || (i > WAITERS && i < WAITERS + 100);
		/* Ids in no order, as servers have them. */
		snprintf(ids[i], sizeof(ids[i]), "%zu", 1000 + (i * 7919) % 100003);
		snprintf(ages[i], sizeof(ages[i]), "%zu", 60000 + i);
		const char *row[COLUMNS] = {ids[i], "2026-11-22 14:00:00.123456+00", "shop", "shop",
		        "checkout-api", "10.2.3.4:51442", "client",
		        head     ? "idle in transaction"
		        : active ? "active"
		                 : "idle",
		        waits    ? "Lock"
		        : active ? "CPU"
		                 : "Client",
		        "transactionid", head || active ? ages[i] : NULL, active ? ages[i] : NULL, ages[i],
		        "UPDATE stock SET qty = qty - 1 WHERE sku = 'A-4711' AND warehouse = 7",
		        "2026-11-22 14:00:00.123456+00", "2026-11-22 14:00:00.123456+00", "f", "f"};
		for (size_t c = 0; c < COLUMNS; c++)
			cells[i][c] = row[c];
		if (waits) {
			edges[i - 1][0] = ids[i];
			edges[i - 1][1] = ids[i % 4 == 0 ? 0 : i / 4 * 4];
			edges[i - 1][2] = ages[i];
		}
	}
	fixture_table(f, instance, "server",
	        "role | writable | cluster_id | uptime_ms\nprimary | t | c | 99999999");
	fixture_table(f, instance, "pulse",
	        "connections | limit_used | limit_max | active | lock_waiters | xacts\n1000 | 400 | 2000 | "
	        "300 | 200 "
	        "| 5");
	if (sessions == 0)
		return;
	fixture_cells(f, instance, "sessions", columns, COLUMNS, cells[0], sessions);
	fixture_cells(f, instance, "blockers", (const char *const[]){"waiter", "blocker", "waiting_ms"}, 3,
	        edges[0], WAITERS);
}

/* One of a cluster of four: a primary with a slot for each of three standbys, or one of those. */
static void replicate(struct fixture *f, size_t i, int round)
{
	char text[4096];
	char *at = text;
	char *end = text + sizeof(text);
	long long head = 1000000LL * (round + 1);
	at += snprintf(at, sizeof(text),
	        "kind | name | peer | state | receiver | applier | lsn | write_lsn | flush_lsn | replay_lsn "
	        "| "
	        "replay_ms | word_ms | slot_name | app | timeline | lag_ms\n");
	if (i % 4 != 0) {
		snprintf(at, (size_t)(end - at),
		        "node | | | replica | | | %lld | | | %lld | | | | s%zu | 1 |\n"
		        "upstream | | instance-%zu:5432 | streaming | streaming | running | %lld | | | %lld "
		        "| "
		        "| 100 | slot_%zu | | 1 | 500\n",
		        head, head - 5000, i % 4, i - i % 4, head, head - 5000, i % 4);
	} else {
		at += snprintf(at, (size_t)(end - at),
		        "node | | | primary | | | %lld | | | | | | | p | 1 |\n", head);
		for (size_t k = 1; k < 4; k++)
			at += snprintf(at, (size_t)(end - at),
			        "downstream | s%zu | 10.0.%zu.%zu:5433 | streaming | | | %lld | %lld | %lld "
			        "| "
			        "%lld | 3 | 100 | slot_%zu | | | 3\n"
			        "slot | slot_%zu | | active | | | %lld | | | | | | slot_%zu | | |\n",
			        k, i / 4, k, head, head, head, head - 5000, k, k, head - 5000, k);
	}
	fixture_table(f, i, "replication", text);
	fixture_table(f, i, "server",
	        i % 4 == 0 ? "role | writable | uptime_ms\nprimary | t | 99999999"
	                   : "role | writable | uptime_ms\nreplica | f | 99999999");
}

static double ms_since(mono_ns start)
{
	return (double)(clock_now(&clock_real) - start) / (double)NS_PER_MS;
}

static void measure(const char *name, size_t instances, size_t sessions, bool replicas)
{
	struct fixture *f = fixture_new();
	struct finding_memory *m = finding_memory_new(false);
	double fresh = 0;
	double again = 0;
	double fleet = 0;
	size_t found = 0;
	for (size_t i = 0; i < instances; i++) {
		char instance[32];
		char cluster[32];
		snprintf(instance, sizeof(instance), "instance-%zu", i);
		snprintf(cluster, sizeof(cluster), "cluster-%zu", i / 4);
		fixture_instance(f, cluster, instance, ENGINE_POSTGRES);
	}
	for (int round = 0; round < ROUNDS; round++) {
		fixture_advance(f, 1000);
		for (size_t i = 0; i < instances; i++)
			fill(f, i, sessions);
		for (size_t i = 0; i < instances && replicas; i++)
			replicate(f, i, round);
		mono_ns start = clock_now(&clock_real);
		struct findings *first = findings_build(m, fixture_snapshot(f));
		fresh += ms_since(start);
		start = clock_now(&clock_real);
		struct findings *second = findings_build(m, fixture_snapshot(f));
		again += ms_since(start);
		start = clock_now(&clock_real);
		struct fleet *rows = fleet_build(fixture_snapshot(f), second);
		fleet += ms_since(start);
		found = second->n;
		fleet_free(rows);
		findings_free(first);
		findings_free(second);
	}
	printf("%-34s %8.2f %8.2f %8.2f %8zu\n", name, fresh / ROUNDS, again / ROUNDS, fleet / ROUNDS, found);
	finding_memory_free(m);
	fixture_free(f);
}

int main(void)
{
	printf("%-34s %8s %8s %8s %8s\n", "ms, mean of 20 (sessions+findings)", "all new", "cached", "fleet",
	        "found");
	measure("20 instances x 1,000 sessions", 20, SESSIONS, false);
	measure("1 instance x 1,000 sessions", 1, SESSIONS, false);
	measure("200 instances, no sessions", 200, 0, false);
	measure("200 instances, 150 of them replicas", 200, 0, true);
	return 0;
}
