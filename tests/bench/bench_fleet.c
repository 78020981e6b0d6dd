/* 200 instances on a few servers: what the engine without a screen costs. `bench_fleet SECONDS URL…` gives
 * each URL its share of the 200, polls the Fleet's probes at their default pace with ADMIN lanes open, and
 * prints memory, threads, descriptors, CPU and freshness; run it once for each way of TLS. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/mysql/mysql.h"
#include "backends/postgres/postgres.h"
#include "core/base/mem.h"
#include "core/run/poll.h"
#include "core/run/process.h"
#include "tests/support/proc.h"

enum { INSTANCES = 200, PLACES = 8, WARM_MS = 5000 };

static struct probe_set *load(void)
{
	struct err e;
	const struct driver *const drivers[] = {&postgres_driver, &mysql_driver};
	struct probe_set *set = probe_set_new(&e);
	for (size_t d = 0; d < 2; d++) {
		for (const struct embedded_file *f = drivers[d]->probes(); f->name != NULL; f++) {
			if (!probe_set_add(set, f, &e))
				abort();
		}
	}
	if (!probe_set_finish(set, &e))
		abort();
	return set;
}

static void fill(struct config *cfg, char **urls, size_t n)
{
	struct err e;
	for (size_t i = 0; i < INSTANCES; i++) {
		struct instance_cfg *in = &cfg->instances[i];
		if (!endpoint_parse(urls[i % n], &in->endpoint, &e)) {
			fprintf(stderr, "%s\n", e.text);
			exit(2);
		}
		in->name = xasprintf("instance-%zu", i);
	}
	cfg->ninstances = INSTANCES;
}

/* Takes snapshots as a screen would, at most ten a second, for so long. */
static void watch(struct hub *hub, const struct ctx *parent, uint32_t ms, unsigned *takes)
{
	struct ctx ctx = ctx_within(parent, ms);
	while (ctx_wait_fd(&ctx, hub_fd(hub), POLLIN) == ERR_NONE && ctx_sleep(&ctx, 100) == ERR_NONE) {
		snapshot_free(hub_take(hub));
		*takes += 1;
	}
}

static void report(struct hub *hub, struct poller *poller, double cpu_ms, double seconds, unsigned takes)
{
	struct poller_self self;
	unsigned up = 0, fresh = 0, admin = 0;
	const char *first_error = "";
	struct snapshot *snap = hub_take(hub);
	for (size_t i = 0; i < snap->n; i++) {
		const struct link_view *l = &snap->instances[i].link;
		int64_t age = snapshot_age_ms(snap, i, "pulse");
		up += l->state == LINK_UP;
		admin += l->admin_up;
		fresh += age >= 0 && age <= 2500;
		if (l->state == LINK_DOWN && *first_error == '\0')
			first_error = l->err.text;
	}
	poller_self(poller, &self);
	printf("instances up %u, fresh %u, ADMIN up %u of %d  %s\n", up, fresh, admin, INSTANCES,
	        first_error);
	printf("connections %u, threads %ld, descriptors %ld\n", self.connections, proc_threads(getpid()),
	        proc_fds(getpid()));
	printf("RSS %.1f MB, peak %.1f MB\n", (double)proc_rss_kb(getpid()) / 1024,
	        (double)proc_peak_rss_kb(getpid()) / 1024);
	printf("CPU %.1f %% of one core, %.0f statements/s, %llu timeouts, %.1f snapshots/s\n",
	        cpu_ms / seconds / 10, (double)self.queries / (seconds + WARM_MS / 1000.0),
	        (unsigned long long)self.timeouts, takes / seconds);
	snapshot_free(snap);
}

int main(int argc, char **argv)
{
	struct err e = {.code = ERR_NONE};
	if (argc < 3) {
		fprintf(stderr, "usage: bench_fleet SECONDS URL…\n");
		return 2;
	}
	process_prepare();
	if (!mysql_driver_init(&e) || !process_start(&e))
		return 1;
	static struct instance_cfg instances[INSTANCES];
	static struct cluster_cfg cluster = {
	        .timeouts = {.connect_ms = 5000, .query_ms = 800, .query_max_ms = 5000, .check_ms = 30000}};
	struct config cfg = {
	        .clusters = &cluster, .nclusters = 1, .instances = instances, .interval_ms = 1000};
	fill(&cfg, argv + 2, (size_t)argc - 2);
	struct probe_set *probes = load();
	struct hub *hub = hub_new(&clock_real, &cfg, probes, INSTANCES, &e);
	const char *const wanted[] = {"server", "pulse", "replication_brief"};
	uint32_t slots = 0;
	for (size_t i = 0; i < 3; i++)
		slots |= 1U << probe_set_slot(probes, wanted[i]);
	for (size_t i = 0; i < INSTANCES; i++)
		hub_want(hub, i, slots);
	struct poller_options opt = {.config = &cfg,
	        .probes = probes,
	        .postgres = &postgres_driver,
	        .mysql = &mysql_driver,
	        .env = {.axe = axe_start(&clock_real, &e),
	                .resolver = resolver_new(&clock_real, getaddrinfo),
	                .tls_gate = gate_new(PLACES, &e),
	                .run_id = "bench"},
	        .hub = hub,
	        .clock = &clock_real,
	        .admin = true};
	struct poller *poller = poller_start(&opt, &e);
	if (poller == NULL) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	struct ctx root = ctx_root(&clock_real, process_cancel());
	unsigned takes = 0;
	uint32_t seconds = (uint32_t)strtoul(argv[1], NULL, 10);
	watch(hub, &root, WARM_MS, &takes);
	takes = 0;
	long before = proc_cpu_ms(getpid());
	watch(hub, &root, seconds * 1000, &takes);
	report(hub, poller, (double)(proc_cpu_ms(getpid()) - before), seconds, takes);
	long cpu = proc_cpu_ms(getpid());
	mono_ns began = clock_now(&clock_real);
	struct ctx soon = ctx_root(&clock_real, NULL);
	soon = ctx_within(&soon, 250);
	bool all = poller_stop(&soon, poller);
	printf("stopped in %.1f ms, %ld ms of CPU%s\n", (double)(clock_now(&clock_real) - began) / 1e6,
	        proc_cpu_ms(getpid()) - cpu, all ? "" : ", some lanes left behind");
	return process_leave(0);
}
