/* The order of findings, and the memory that keeps them from flickering. The rules themselves are in
 * finding_*.c; what takes two instances to see is here. */
#include "core/model/finding.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/mem.h"
#include "core/model/finding_rule.h"

enum { FRESH_MS = 15000 };

struct finding_memory {
	bool once;
	struct sessions *sessions;
	struct episodes *episodes;
	struct tree_memory *tree;
	struct topology_memory *topology;
	struct instance_memory *instances;
	size_t n;
};

const char *finding_kind_name(enum finding_kind k)
{
	static const char *const names[FINDING_KINDS] = {
	        [FINDING_SPLIT_BRAIN] = "split_brain",
	        [FINDING_OTHER_SERVER] = "other_server",
	        [FINDING_UNREACHABLE] = "unreachable",
	        [FINDING_CRASH_RECOVERY] = "crash_recovery",
	        [FINDING_BLOCKED] = "blocked",
	        [FINDING_CONNECTIONS] = "connections",
	        [FINDING_WRAPAROUND] = "wraparound",
	        [FINDING_COMMIT_WAITS] = "commit_waits",
	        [FINDING_SLOT] = "slot",
	        [FINDING_RECOVERY_CONFLICT] = "recovery_conflict",
	        [FINDING_REPLICATION] = "replication",
	        [FINDING_ERRANT] = "errant_transactions",
	        [FINDING_ORPHAN] = "replica_of_nobody",
	        [FINDING_ROLE_FLIP] = "role_flip",
	        [FINDING_RESTART] = "restart",
	        [FINDING_WRITABLE_REPLICA] = "writable_replica",
	        [FINDING_READ_ONLY_PRIMARY] = "read_only_primary",
	        [FINDING_ARCHIVER] = "archiver",
	        [FINDING_LEAK] = "leak",
	        [FINDING_IDLE_XACT] = "idle_in_transaction",
	        [FINDING_LONG_STATEMENT] = "long_statement",
	        [FINDING_LONG_XACT] = "long_transaction",
	        [FINDING_HORIZON] = "horizon",
	        [FINDING_HISTORY] = "history_list",
	        [FINDING_NOT_SUPER_READ_ONLY] = "not_super_read_only",
	        [FINDING_NEWER_SERVER] = "newer_server",
	};
	return names[k];
}

struct finding_memory *finding_memory_new(bool once)
{
	struct finding_memory *m = xcalloc(1, sizeof(*m));
	m->once = once;
	m->sessions = sessions_new();
	m->episodes = episodes_new();
	m->tree = tree_memory_new();
	m->topology = topology_memory_new();
	return m;
}

void finding_memory_free(struct finding_memory *m)
{
	if (m == NULL)
		return;
	tree_memory_free(m->tree);
	sessions_free(m->sessions);
	episodes_free(m->episodes);
	topology_memory_free(m->topology);
	free(m->instances);
	free(m);
}

void findings_free(struct findings *f)
{
	if (f == NULL)
		return;
	free(f->item);
	free(f->servers);
	topology_free(f->topology);
	free(f);
}

/* 1. What rules use. */

struct finding *finding_add(struct step *st, enum finding_kind kind, enum severity severity, int64_t weight)
{
	struct findings *out = st->out;
	if (out->n == st->cap) {
		st->cap = st->cap == 0 ? 16 : st->cap * 2;
		out->item = xreallocarray(out->item, st->cap, sizeof(*out->item));
	}
	struct finding *f = &out->item[out->n++];
	*f = (struct finding){.kind = kind,
	        .severity = severity,
	        .instance = st->instance,
	        .view = "fleet",
	        .weight = weight};
	return f;
}

void finding_text(struct step *st, struct finding *f, const char *fmt, ...)
{
	int n = snprintf(f->text, sizeof(f->text), "%.60s: ", st->iv->cfg->name);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->text + n, sizeof(f->text) - (size_t)n, fmt, ap);
	va_end(ap);
}

void finding_brief(struct finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->brief, sizeof(f->brief), fmt, ap);
	va_end(ap);
}

void finding_tight(struct finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->tight, sizeof(f->tight), fmt, ap);
	va_end(ap);
}

bool finding_sustained(struct step *st, enum finding_kind kind, const struct sample *sample, bool over,
        bool clear, unsigned need)
{
	struct rule_memory *r = &st->mem->rule[kind];
	if (sample != NULL && sample->finished != r->counted) {
		r->counted = sample->finished;
		if (over)
			r->streak++;
		else if (clear || !r->on)
			r->streak = 0;
		r->on = r->streak >= (st->once ? 1 : need);
	}
	return r->on;
}

const char *finding_span(int64_t ms, char out[24])
{
	if (ms >= 60000)
		return human_duration(ms, out);
	snprintf(out, 24, "%" PRId64 " s", ms < 0 ? 0 : ms / 1000);
	return out;
}

/* 2. Two primaries. */

struct writable {
	const char *key; /* cluster id, or name of the cluster */
	size_t instance;
	bool postgres;
};

static int order_writable(const void *a, const void *b)
{
	const struct writable *x = a;
	const struct writable *y = b;
	if (x->postgres != y->postgres)
		return x->postgres ? -1 : 1;
	int order = strcmp(x->key, y->key);
	if (order != 0)
		return order;
	return x->instance < y->instance ? -1 : x->instance > y->instance;
}

static bool is_writable_primary(const struct step *st, size_t i)
{
	const struct table *t = snapshot_table(st->snap, i, "server");
	bool writable = false;
	int64_t age = snapshot_age_ms(st->snap, i, "server");
	return st->out->servers[i].role == SERVER_PRIMARY && age >= 0 && age <= FRESH_MS &&
	       table_bool(t, 0, table_column(t, "writable"), &writable) && writable;
}

/* Two addresses of one server are no split brain. */
static bool same_server(const struct step *st, size_t i, size_t k)
{
	return server_identity_equal(
	        &st->snap->instances[i].link.server, &st->snap->instances[k].link.server);
}

static void say_split(struct step *st, const struct finding_memory *m, const struct writable *a,
        const struct writable *b, size_t more)
{
	const struct instance_view *iv = st->snap->instances;
	/* MySQL does not say that two servers were one: the cluster of the config does, and it may be meant
	 * so. */
	bool flipped = m->instances[a->instance].flipped_at != 0 || m->instances[b->instance].flipped_at != 0;
	char others[32] = "";
	if (more > 0)
		snprintf(others, sizeof(others), " and %zu more", more);
	/* Who became one last is the news: it comes first. */
	bool b_is_newer = m->instances[b->instance].flipped_at > m->instances[a->instance].flipped_at;
	for (int i = 0; i < 2; i++) {
		st->instance = i == 0 ? a->instance : b->instance;
		st->iv = &iv[st->instance];
		int64_t weight = 2 * (int64_t)more + (b_is_newer == (i == 1));
		struct finding *f = finding_add(st, FINDING_SPLIT_BRAIN,
		        a->postgres || flipped ? SEVERITY_CRIT : SEVERITY_WARN, weight);
		f->view = "replication";
		snprintf(f->text, sizeof(f->text), "%.60s: two writable primaries: %.60s and %.60s%s",
		        iv[a->instance].cluster->name, iv[a->instance].cfg->name, iv[b->instance].cfg->name,
		        others);
		finding_brief(f, "writable primary beside %.60s", iv[(i == 0 ? b : a)->instance].cfg->name);
	}
}

static void find_split_brains(struct step *st, const struct finding_memory *m)
{
	struct writable *w = xcalloc(st->snap->n + 1, sizeof(*w));
	size_t n = 0;
	for (size_t i = 0; i < st->snap->n; i++) {
		if (!is_writable_primary(st, i))
			continue;
		bool postgres = st->snap->instances[i].link.server.engine == ENGINE_POSTGRES;
		const char *key =
		        postgres ? st->out->servers[i].cluster_id : st->snap->instances[i].cluster->name;
		if (key != NULL && key[0] != '\0')
			w[n++] = (struct writable){.key = key, .instance = i, .postgres = postgres};
	}
	if (n > 1)
		qsort(w, n, sizeof(*w), order_writable);
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		size_t second = 0;
		size_t others = 0;
		for (; end < n && w[end].postgres == w[i].postgres && strcmp(w[end].key, w[i].key) == 0;
		        end++) {
			if (same_server(st, w[i].instance, w[end].instance))
				continue;
			second = others++ == 0 ? end : second;
		}
		if (others > 0)
			say_split(st, m, &w[i], &w[second], others - 1);
		i = end;
	}
	free(w);
}

/* 3. The whole. */

static int order_findings(const void *a, const void *b)
{
	const struct finding *x = a;
	const struct finding *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	if (x->instance != y->instance)
		return x->instance < y->instance ? -1 : 1;
	return x->culprit.id < y->culprit.id ? -1 : x->culprit.id > y->culprit.id;
}

static void grow_memory(struct finding_memory *m, size_t n)
{
	if (n <= m->n)
		return;
	m->instances = xreallocarray(m->instances, n, sizeof(*m->instances));
	memset(m->instances + m->n, 0, (n - m->n) * sizeof(*m->instances));
	m->n = n;
}

struct findings *findings_build(struct finding_memory *m, const struct snapshot *snap)
{
	struct findings *out = xcalloc(1, sizeof(*out));
	grow_memory(m, snap->n);
	sessions_update(m->sessions, snap);
	tree_memory_update(m->tree, m->sessions, snap);
	episodes_update(m->episodes, snap, m->sessions);
	out->episodes = m->episodes;
	out->sessions = m->sessions;
	out->tree = m->tree;
	out->servers = server_facts_build(snap);
	out->topology = topology_build(m->topology, snap);
	struct step st = {.out = out, .snap = snap, .tree = m->tree, .once = m->once};
	for (size_t i = 0; i < snap->n; i++) {
		st.instance = i;
		st.iv = &snap->instances[i];
		st.mem = &m->instances[i];
		st.sessions = sessions_at(m->sessions, i);
		st.facts = &out->servers[i];
		if (finding_link_rules(&st))
			continue;
		finding_server_rules(&st);
		finding_session_rules(&st);
		finding_leak_rules(&st);
	}
	find_split_brains(&st, m);
	if (out->n > 1)
		qsort(out->item, out->n, sizeof(*out->item), order_findings);
	return out;
}

const struct finding *findings_of(const struct findings *f, size_t instance)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->item[i].instance == instance)
			return &f->item[i];
	}
	return NULL;
}
