/* First pass: the servers of the config, two addresses of one server being one node, and what each of them
 * says: of itself, of whom it follows, of who follows it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/model/topology_parts.h"

/* Where rows stand: a MariaDB needs two statements. */
static const char *const probes[] = {"replication", "replication_local"};
enum { PROBES = sizeof(probes) / sizeof(probes[0]) };

bool text_is(const char *text, const char *word)
{
	return text != NULL && strcasecmp(text, word) == 0;
}

const char *half_text(const struct half *h, const char *column)
{
	const char *s = h->t == NULL ? NULL : table_text(h->t, h->row, table_column(h->t, column));
	return s != NULL && s[0] != '\0' ? s : NULL;
}

int64_t half_int(const struct half *h, const char *column)
{
	int64_t v;
	return h->t != NULL && table_int(h->t, h->row, table_column(h->t, column), &v) ? v : -1;
}

bool half_true(const struct half *h, const char *column)
{
	bool v;
	return h->t != NULL && table_bool(h->t, h->row, table_column(h->t, column), &v) && v;
}

void host_of_peer(const char *peer, char host[HOST_MAX])
{
	const char *colon = strrchr(peer, ':');
	size_t n = strlen(peer);
	if (peer[0] == '[' && strchr(peer, ']') != NULL) {
		n = (size_t)(strchr(peer, ']') - peer) - 1;
		peer++;
	} else if (colon != NULL && strchr(peer, ':') == colon) {
		n = (size_t)(colon - peer);
	}
	snprintf(host, HOST_MAX, "%.*s", (int)(n < HOST_MAX ? n : HOST_MAX - 1), peer);
}

static size_t add_node(struct build *b, struct topology_node node)
{
	struct topology *t = b->t;
	if (t->nnodes == b->nodes_cap) {
		b->nodes_cap = b->nodes_cap == 0 ? 16 : b->nodes_cap * 2;
		t->node = xreallocarray(t->node, b->nodes_cap, sizeof(*t->node));
		b->facts = xreallocarray(b->facts, b->nodes_cap, sizeof(*b->facts));
	}
	b->facts[t->nnodes] = (struct node_facts){.replayed = -1};
	t->node[t->nnodes] = node;
	return t->nnodes++;
}

static struct topology_node blank_node(void)
{
	return (struct topology_node){.instance = -1,
	        .writable = -1,
	        .parent = TOPOLOGY_NONE,
	        .head = -1,
	        .per_s = (double)__builtin_nan(""),
	        .timeline = -1,
	        .sync_need = -1,
	        .sync_have = -1,
	        .semi_clients = -1};
}

size_t topology_named(struct build *b, size_t by, const char *name)
{
	size_t cluster = b->t->node[by].cluster;
	for (size_t i = 0; i < b->t->nnodes; i++) {
		const struct topology_node *n = &b->t->node[i];
		if (n->state == NODE_NAMED && n->cluster == cluster && strcmp(n->name, name) == 0)
			return i;
	}
	struct topology_node n = blank_node();
	n.state = NODE_NAMED;
	n.name = arena_strdup(b->t->arena, name);
	n.engine = b->t->node[by].engine;
	n.cluster = cluster;
	return add_node(b, n);
}

/* 1. Who is who. */

static int order_servers(const void *x, const void *y, void *arg)
{
	const struct instance_view *iv = arg;
	uint32_t i = *(const uint32_t *)x;
	uint32_t k = *(const uint32_t *)y;
	const struct server_identity *a = &iv[i].link.server;
	const struct server_identity *b = &iv[k].link.server;
	int order = strcmp(a->id, b->id);
	if (order == 0)
		order = strcmp(a->start, b->start);
	if (order == 0)
		order = strcmp(a->address, b->address);
	return order != 0 ? order : (i > k) - (i < k);
}

/* first[i]: the first instance that is the same server as i. */
static uint32_t *find_same(const struct snapshot *snap)
{
	uint32_t *order = xcalloc(snap->n + 1, sizeof(*order));
	uint32_t *first = xcalloc(snap->n + 1, sizeof(*first));
	for (size_t i = 0; i < snap->n; i++)
		order[i] = (uint32_t)i;
	if (snap->n > 1)
		qsort_r(order, snap->n, sizeof(*order), order_servers, snap->instances);
	for (size_t i = 0; i < snap->n; i++) {
		first[order[i]] = order[i];
		if (i > 0 && server_identity_equal(&snap->instances[order[i - 1]].link.server,
		                     &snap->instances[order[i]].link.server))
			first[order[i]] = first[order[i - 1]];
	}
	free(order);
	return first;
}

static bool answers(const struct snapshot *snap, size_t instance)
{
	const struct link_view *link = &snap->instances[instance].link;
	return link->state != LINK_DOWN && !(link->state == LINK_CONNECTING && link->err.code != ERR_NONE);
}

static size_t node_of_instance(struct build *b, size_t instance)
{
	const struct instance_view *iv = &b->snap->instances[instance];
	struct topology_node n = blank_node();
	n.state = answers(b->snap, instance) ? NODE_UP : NODE_SILENT;
	n.instance = (long)instance;
	n.addresses = 1;
	n.name = iv->cfg->name;
	n.engine = iv->link.server.engine != ENGINE_NONE ? iv->link.server.engine : iv->cfg->endpoint.engine;
	n.cluster = iv->cfg->cluster;
	return add_node(b, n);
}

/* 2. What it says. */

static void read_self(struct build *b, size_t node, const struct half *h)
{
	struct topology_node *n = &b->t->node[node];
	struct node_facts *f = &b->facts[node];
	n->head = half_int(h, "lsn");
	n->timeline = half_int(h, "timeline");
	n->gtid = table_text(h->t, h->row, table_column(h->t, "gtid"));
	n->sync_names = half_text(h, "sync_names");
	n->failures = half_text(h, "failures");
	n->semi_sync = half_text(h, "sync_state");
	n->semi_clients = half_int(h, "sync_clients");
	f->own_id = half_text(h, "own_id");
	f->app = half_text(h, "app");
	f->replayed = half_int(h, "replay_lsn");
	f->applied = table_text(h->t, h->row, table_column(h->t, "received"));
}

static void keep(struct halves *to, struct half h)
{
	if ((to->n & (to->n - 1)) == 0)
		to->item = xreallocarray(to->item, to->n == 0 ? 1 : to->n * 2, sizeof(*to->item));
	to->item[to->n++] = h;
}

static void read_rows(struct build *b, size_t node, size_t instance, const char *probe)
{
	const struct table *t = snapshot_table(b->snap, instance, probe);
	for (size_t row = 0; t != NULL && row < t->nrows; row++) {
		struct half h = {.t = t, .row = row, .node = node, .edge = TOPOLOGY_NONE};
		const char *kind = half_text(&h, "kind");
		if (text_is(kind, "node"))
			read_self(b, node, &h);
		else if (text_is(kind, "upstream"))
			keep(&b->upstream, h);
		else if (text_is(kind, "downstream"))
			keep(&b->downstream, h);
		else if (text_is(kind, "slot"))
			keep(&b->slot, h);
		else if (text_is(kind, "subscription"))
			keep(&b->subscription, h);
		else if (text_is(kind, "reader"))
			keep(&b->reader, h);
		else if (text_is(kind, "member"))
			keep(&b->member, h);
	}
}

static void read_server(struct build *b, size_t node, size_t instance)
{
	struct topology_node *n = &b->t->node[node];
	struct node_facts *f = &b->facts[node];
	const struct table *t = snapshot_table(b->snap, instance, "server");
	bool writable;
	if (t != NULL && t->nrows > 0) {
		const char *role = table_text(t, 0, table_column(t, "role"));
		n->role = text_is(role, "primary")   ? SERVER_PRIMARY
		          : text_is(role, "replica") ? SERVER_REPLICA
		                                     : SERVER_UNKNOWN;
		if (table_bool(t, 0, table_column(t, "writable"), &writable))
			n->writable = writable;
		f->system = table_text(t, 0, table_column(t, "cluster_id"));
	}
	if (n->engine == ENGINE_MYSQL && b->snap->instances[instance].link.server.id[0] != '\0')
		f->own_id = b->snap->instances[instance].link.server.id;
	int64_t age = -1;
	for (size_t p = 0; p < PROBES; p++) {
		const struct sample *good = snapshot_slot(b->snap, instance, probes[p]).good;
		int64_t old = snapshot_age_ms(b->snap, instance, probes[p]);
		if (good != NULL && old > age) {
			age = old;
			f->taken = good->finished;
		}
	}
	f->fresh = n->state == NODE_UP && age >= 0 && age <= TOPOLOGY_FRESH_MS;
	if (n->state == NODE_UP && age > TOPOLOGY_FRESH_MS)
		n->state = NODE_SILENT;
}

void topology_read(struct build *b)
{
	struct topology *t = b->t;
	uint32_t *first = find_same(b->snap);
	t->of_instance = xcalloc(b->snap->n + 1, sizeof(*t->of_instance));
	for (size_t i = 0; i < b->snap->n; i++) {
		if (first[i] == i)
			t->of_instance[i] = node_of_instance(b, i);
	}
	for (size_t i = 0; i < b->snap->n; i++) {
		if (first[i] != i) {
			t->of_instance[i] = t->of_instance[first[i]];
			t->node[t->of_instance[i]].addresses++;
		}
	}
	for (size_t i = 0; i < b->snap->n; i++) {
		if (first[i] != i)
			continue;
		for (size_t p = 0; p < PROBES; p++)
			read_rows(b, t->of_instance[i], i, probes[p]);
		read_server(b, t->of_instance[i], i);
	}
	free(first);
}
