/* What each probe costs: round trip over loopback, p50 and p95 in ms, and bytes of the sample, on the servers
 * named as arguments (default: every PostgreSQL of the lab). Put load on them before to see it with many
 * sessions. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

enum { ROUNDS = 100, SERVERS_MAX = 16 };

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void measure(const struct drive *d, struct conn *c, const char *name)
{
	int64_t took[ROUNDS];
	size_t rows = 0;
	size_t bytes = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct arena *arena = arena_new();
		int64_t started = wait_now_us();
		struct table *t = drive_table(d, c, name, 0, arena);
		took[i] = wait_now_us() - started;
		rows = t->nrows;
		bytes = arena_bytes(arena);
		arena_free(arena);
	}
	qsort(took, ROUNDS, sizeof(took[0]), by_value);
	size_t half = ROUNDS / 2;
	size_t most = ROUNDS * 95 / 100;
	printf("  %-18s %8.2f %8.2f %6zu %8zu\n", name, (double)took[half] / 1000.0,
	        (double)took[most] / 1000.0, rows, bytes);
}

static void bench(const struct drive *d, const struct lab_server *server)
{
	struct endpoint ep;
	int64_t started = wait_now_us();
	struct conn *c = drive_open(d, server, "monitor", LANE_FAST, &ep);
	printf("%s %s: connected in %.1f ms%s%s\n", server->name, server->version,
	        (double)(wait_now_us() - started) / 1000.0, d->driver->info(c)->tls ? ", " : "",
	        d->driver->info(c)->tls_text);
	printf("  %-18s %8s %8s %6s %8s\n", "probe", "p50 ms", "p95 ms", "rows", "bytes");
	for (unsigned slot = 0; slot < probe_set_names(d->probes); slot++)
		measure(d, c, probe_set_name(d->probes, slot));
	d->driver->close(c);
	endpoint_free(&ep);
}

int main(int argc, char **argv)
{
	struct drive d;
	struct lab_server servers[SERVERS_MAX];
	size_t n = 0;
	drive_start(&d, &postgres_driver);
	if (argc > 1) {
		for (int i = 1; i < argc && n < SERVERS_MAX; i++)
			servers[n++] = lab_server(argv[i]);
	} else {
		n = drive_servers("postgres", servers, SERVERS_MAX);
	}
	for (size_t i = 0; i < n; i++)
		bench(&d, &servers[i]);
	drive_stop(&d);
	return 0;
}
