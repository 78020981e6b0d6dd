/* See the header. */
#include "tests/support/watch.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/drive.h"
#include "tests/support/test.h"
#include "tests/support/wait.h"

enum { EVERY_MS = 300, STOP_MS = 8000 };

static char cluster_name[] = "watched";
static char probe_names[][24] = {
        "server", "pulse", "sessions", "replication_brief", "replication", "replication_local", "horizon"};
enum { PROBES = sizeof probe_names / sizeof probe_names[0] };

static void load_probes(struct watch *w, const struct driver *driver)
{
	struct err e = {.code = ERR_NONE};
	w->probes = probe_set_new(&e);
	for (const struct embedded_file *f = driver->probes(); f->name != NULL; f++) {
		if (!probe_set_add(w->probes, f, &e))
			fail_msg("%s", e.text);
	}
	if (!probe_set_finish(w->probes, &e))
		fail_msg("%s", e.text);
}

static void make_config(struct watch *w, const struct lab_server *servers, size_t n)
{
	w->cluster = (struct cluster_cfg){.name = cluster_name,
	        .timeouts = {.connect_ms = 5000, .query_ms = 5000, .query_max_ms = 5000, .check_ms = 30000},
	        .overrides = w->overrides,
	        .noverrides = PROBES,
	        .statement_warn_ms = 120000,
	        .idle_xact_notice_ms = 60000,
	        .idle_xact_warn_ms = 300000,
	        .connections_warn = 0.8,
	        .connections_crit = 0.95,
	        .lag_warn_ms = 30000,
	        .lag_warn_bytes = INT64_C(256) << 20};
	for (size_t i = 0; i < PROBES; i++)
		w->overrides[i] = (struct probe_override){
		        .probe = probe_names[i], .every_ms = EVERY_MS, .timeout_ms = 5000};
	for (size_t i = 0; i < n; i++) {
		snprintf(w->names[i], sizeof w->names[i], "%s", servers[i].name);
		w->instances[i].name = w->names[i];
		drive_endpoint(&servers[i], "monitor", 0, NULL, &w->instances[i].endpoint);
	}
	w->cfg = (struct config){.clusters = &w->cluster,
	        .nclusters = 1,
	        .instances = w->instances,
	        .ninstances = n,
	        .nconfigured = n,
	        .interval_ms = EVERY_MS};
}

void watch_start(struct watch *w, const struct driver *driver, const struct lab_server *servers, size_t n)
{
	struct err e = {.code = ERR_NONE};
	uint32_t slots = 0;
	assert_true(n <= WATCH_MAX);
	*w = (struct watch){.memory = finding_memory_new(false)};
	make_config(w, servers, n);
	load_probes(w, driver);
	w->env.resolver = resolver_new(&clock_real, getaddrinfo);
	w->env.tls_gate = gate_new(8, &e);
	w->env.axe = axe_start(&clock_real, &e);
	snprintf(w->env.run_id, sizeof(w->env.run_id), "w%ld", (long)getpid());
	w->hub = hub_new(&clock_real, &w->cfg, w->probes, n, &e);
	assert_non_null(w->hub);
	for (size_t i = 0; i < PROBES; i++) {
		int slot = probe_set_slot(w->probes, probe_names[i]);
		slots |= slot < 0 ? 0 : 1U << slot;
	}
	for (size_t i = 0; i < n; i++)
		hub_want(w->hub, i, slots);
	struct poller_options opt = {.config = &w->cfg,
	        .probes = w->probes,
	        .postgres = driver,
	        .mysql = driver,
	        .env = w->env,
	        .hub = w->hub,
	        .clock = &clock_real};
	w->poller = poller_start(&opt, &e);
	if (w->poller == NULL)
		fail_msg("%s", e.text);
}

void watch_stop(struct watch *w)
{
	struct ctx root = ctx_root(&clock_real, NULL), ctx = ctx_within(&root, STOP_MS);
	if (w->poller == NULL)
		return;
	assert_true(poller_stop(&ctx, w->poller));
	findings_free(w->found);
	snapshot_free(w->snap);
	finding_memory_free(w->memory);
	hub_free(w->hub);
	probe_set_free(w->probes);
	resolver_close(&ctx, w->env.resolver);
	gate_free(w->env.tls_gate);
	axe_stop(w->env.axe);
	for (size_t i = 0; i < w->cfg.ninstances; i++)
		endpoint_free(&w->instances[i].endpoint);
	w->poller = NULL;
}

void watch_look(struct watch *w)
{
	struct snapshot *snap = hub_take(w->hub);
	struct findings *found = findings_build(w->memory, snap);
	findings_free(w->found);
	snapshot_free(w->snap);
	w->snap = snap;
	w->found = found;
}

const struct topology_edge *watch_edge(const struct watch *w, const char *from, const char *to)
{
	const struct topology *t = w->found->topology;
	for (size_t e = 0; e < t->nedges; e++) {
		if (strcmp(t->node[t->edge[e].from].name, from) == 0 &&
		        strcmp(t->node[t->edge[e].to].name, to) == 0)
			return &t->edge[e];
	}
	return NULL;
}

const struct topology_node *watch_node(const struct watch *w, const char *name)
{
	const struct topology *t = w->found->topology;
	for (size_t i = 0; i < t->nnodes; i++) {
		if (strcmp(t->node[i].name, name) == 0)
			return &t->node[i];
	}
	return NULL;
}

const struct finding *watch_finding(const struct watch *w, const char *name, enum finding_kind kind)
{
	for (size_t i = 0; i < w->found->n; i++) {
		const struct finding *f = &w->found->item[i];
		if (f->kind == kind && strcmp(w->names[f->instance], name) == 0)
			return f;
	}
	return NULL;
}

static void give_up(const struct watch *w, const char *what)
{
	const struct topology *t = w->found->topology;
	for (size_t i = 0; i < t->nnodes; i++)
		print_error("%s: %s %s, head %" PRId64 ", gtid %.100s: %s\n", t->node[i].name,
		        node_state_name(t->node[i].state), server_role_name(t->node[i].role), t->node[i].head,
		        t->node[i].gtid ? t->node[i].gtid : "-", t->node[i].say);
	for (size_t i = 0; i < t->nedges; i++) {
		const struct topology_edge *e = &t->edge[i];
		print_error("%s to %s: %s, %s, behind %" PRId64 " B, %" PRId64 " trx, errant %" PRId64
		            ", lag %" PRId64 " ms (%s, %s), word %" PRId64 " ms: %s\n",
		        t->node[e->from].name, t->node[e->to].name, edge_transport_name(e->transport),
		        edge_apply_name(e->apply), e->behind, e->transactions, e->errant, e->lag_ms,
		        e->source, lag_confidence_name(e->confidence), e->word_ms, e->say);
	}
	for (size_t i = 0; i < t->nslots; i++)
		print_error("slot %s: %s\n", t->slot[i].name, t->slot[i].say);
	for (size_t i = 0; i < w->found->n; i++)
		print_error("finding: %s\n", w->found->item[i].text);
	fail_msg("%s", what);
}

struct wish {
	struct watch *w;
	const char *from, *to;
	bool (*edge)(const struct topology_edge *e);
	bool (*node)(const struct topology_node *n);
	enum finding_kind kind;
	bool none;
	mono_ns since;
};

/* What was asked before does not count. */
static bool is_newer(const struct watch *w, mono_ns since)
{
	static const char *const asked[] = {"replication", "replication_local", "server", "horizon"};
	for (size_t i = 0; i < w->cfg.ninstances; i++) {
		for (size_t k = 0; k < sizeof asked / sizeof asked[0]; k++) {
			const struct sample *s = snapshot_slot(w->snap, i, asked[k]).good;
			if (s != NULL ? s->started < since : k == 0)
				return false;
		}
	}
	return true;
}

static bool granted(void *arg)
{
	struct wish *x = arg;
	watch_look(x->w);
	if (!is_newer(x->w, x->since))
		return false;
	if (x->edge != NULL) {
		const struct topology_edge *e = watch_edge(x->w, x->from, x->to);
		return e != NULL && x->edge(e);
	}
	if (x->node != NULL) {
		const struct topology_node *n = watch_node(x->w, x->from);
		return n != NULL && x->node(n);
	}
	return (watch_finding(x->w, x->from, x->kind) == NULL) == x->none;
}

void watch_until_edge(struct watch *w, const char *from, const char *to,
        bool (*holds)(const struct topology_edge *e), const char *what, int ms)
{
	struct wish wish = {.w = w, .from = from, .to = to, .edge = holds, .since = clock_now(&clock_real)};
	if (!wait_until(granted, &wish, ms))
		give_up(w, what);
}

void watch_until_node(struct watch *w, const char *name, bool (*holds)(const struct topology_node *n),
        const char *what, int ms)
{
	struct wish wish = {.w = w, .from = name, .node = holds, .since = clock_now(&clock_real)};
	if (!wait_until(granted, &wish, ms))
		give_up(w, what);
}

const struct finding *watch_until_finding(struct watch *w, const char *name, enum finding_kind kind, int ms)
{
	struct wish wish = {.w = w, .from = name, .kind = kind, .since = clock_now(&clock_real)};
	if (!wait_until(granted, &wish, ms))
		give_up(w, finding_kind_name(kind));
	return watch_finding(w, name, kind);
}

void watch_until_no_finding(struct watch *w, const char *name, enum finding_kind kind, int ms)
{
	struct wish wish = {
	        .w = w, .from = name, .kind = kind, .none = true, .since = clock_now(&clock_real)};
	if (!wait_until(granted, &wish, ms))
		give_up(w, finding_kind_name(kind));
}
