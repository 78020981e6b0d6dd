/* The server's own CPU is read from its backend's process: it does not depend on what else the machine does,
 * as the time until the answer does. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/drive.h"
#include "tests/support/lock_bench.h"
#include "tests/support/lock_crowd.h"
#include "tests/support/lock_pile.h"
#include "tests/support/wait.h"

enum { WARM = 6, ROUNDS = 20, SLOW_MS = 100 };

/* As it is copied from handbook to tool: every lock beside every other one on the same thing. */
static const char self_join[] = "SELECT waits.pid, waits.mode, wants.query, holds.pid, holds.mode, has.query"
                                "  FROM pg_catalog.pg_locks waits"
                                "  JOIN pg_catalog.pg_stat_activity wants ON wants.pid = waits.pid"
                                "  JOIN pg_catalog.pg_locks holds ON holds.locktype = waits.locktype"
                                "   AND holds.database IS NOT DISTINCT FROM waits.database"
                                "   AND holds.relation IS NOT DISTINCT FROM waits.relation"
                                "   AND holds.page IS NOT DISTINCT FROM waits.page"
                                "   AND holds.tuple IS NOT DISTINCT FROM waits.tuple"
                                "   AND holds.virtualxid IS NOT DISTINCT FROM waits.virtualxid"
                                "   AND holds.transactionid IS NOT DISTINCT FROM waits.transactionid"
                                "   AND holds.classid IS NOT DISTINCT FROM waits.classid"
                                "   AND holds.objid IS NOT DISTINCT FROM waits.objid"
                                "   AND holds.objsubid IS NOT DISTINCT FROM waits.objsubid"
                                "   AND holds.pid <> waits.pid"
                                "  JOIN pg_catalog.pg_stat_activity has ON has.pid = holds.pid"
                                " WHERE NOT waits.granted";

struct measured {
	double cpu_ms, ms;
	size_t rows;
};

static struct measured of_probe(const struct drive *d, struct conn *c, const char *name)
{
	struct measured m = {.rows = 0};
	int64_t pid = d->driver->info(c)->self.id;
	for (int i = -WARM; i < ROUNDS; i++) {
		struct arena *arena = arena_new();
		int64_t cpu = pile_cpu_ns(pid);
		int64_t began = wait_now_us();
		m.rows = drive_table(d, c, name, 0, arena)->nrows;
		if (i >= 0) {
			m.ms += (double)(wait_now_us() - began) / 1e3 / ROUNDS;
			m.cpu_ms += (double)(pile_cpu_ns(pid) - cpu) / 1e6 / ROUNDS;
		}
		arena_free(arena);
	}
	return m;
}

static struct measured of_statement(PGconn *pg, const char *sql)
{
	struct measured m = {.rows = 0};
	int rounds = ROUNDS;
	for (int i = -1; i < rounds; i++) {
		int64_t cpu = pile_cpu_ns(PQbackendPID(pg));
		int64_t began = wait_now_us();
		PGresult *r = PQexec(pg, sql);
		double ms = (double)(wait_now_us() - began) / 1e3;
		if (PQresultStatus(r) != PGRES_TUPLES_OK)
			fail_msg("%s", PQresultErrorMessage(r));
		m.rows = (size_t)PQntuples(r);
		PQclear(r);
		if (i < 0) {
			rounds = ms > SLOW_MS ? 2 : ROUNDS;
			continue;
		}
		m.ms += ms / rounds;
		m.cpu_ms += (double)(pile_cpu_ns(PQbackendPID(pg)) - cpu) / 1e6 / rounds;
	}
	return m;
}

static void print(const char *what, struct measured m)
{
	printf("    %-22s %9.2f %9.2f %8zu\n", what, m.cpu_ms, m.ms, m.rows);
	fflush(stdout);
}

static void measure(const struct drive *d, const struct lab_server *server, int rows, int waiters)
{
	struct lock_pile pile;
	struct endpoint ep;
	pile_build(&pile, server, rows, waiters);
	struct conn *c = drive_open(d, server, "monitor", LANE_FAST, &ep);
	PGconn *other = crowd_connect(server, "app", "monitor");
	printf("  %d wait for %d row%s\n", waiters, rows, rows == 1 ? "" : "s");
	print("locks (this view)", of_probe(d, c, "locks"));
	print("blockers (Sessions)", of_probe(d, c, "blockers"));
	print("pg_locks self-join", of_statement(other, self_join));
	PQfinish(other);
	d->driver->close(c);
	endpoint_free(&ep);
	pile_end(&pile);
}

void lock_bench_postgres(void)
{
	static const char *const kinds[] = {"pg15", "pg18"};
	static const char *const settings[] = {"max_connections=1200", "deadlock_timeout=10min", NULL};
	struct drive d;
	drive_start(&d, &postgres_driver);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char name[32];
		snprintf(name, sizeof(name), "benchlocks%s", kinds[i]);
		struct lab_server server = lab_spawn(kinds[i], name, settings);
		crowd_trust(&server);
		printf("PostgreSQL %s, each on its own connection, mean of %d%28s\n    %-22s %9s %9s %8s\n",
		        server.version, ROUNDS, "", "", "CPU ms", "ms", "rows");
		measure(&d, &server, 1, 0);
		measure(&d, &server, 1, 150);
		measure(&d, &server, 100, 150);
		measure(&d, &server, 1, 900);
		measure(&d, &server, 100, 900);
		lab_remove(name);
	}
	drive_stop(&d);
}
