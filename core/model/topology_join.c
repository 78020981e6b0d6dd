/* Second pass: both ends of a link find each other. A receiver names an address, which may be a proxy's; a
 * sender names a slot, an application, a client's address. What fits best wins, identity before names before
 * addresses, and what fits nobody of the config becomes a node that is only named. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/model/topology_parts.h"

static size_t add_edge(struct build *b, enum edge_kind kind, size_t from, size_t to)
{
	struct topology *t = b->t;
	if (t->nedges == b->edges_cap) {
		b->edges_cap = b->edges_cap == 0 ? 16 : b->edges_cap * 2;
		t->edge = xreallocarray(t->edge, b->edges_cap, sizeof(*t->edge));
		b->ups = xreallocarray(b->ups, b->edges_cap, sizeof(*b->ups));
		b->downs = xreallocarray(b->downs, b->edges_cap, sizeof(*b->downs));
	}
	b->ups[t->nedges] = b->downs[t->nedges] = (struct half){.t = NULL};
	t->edge[t->nedges] = (struct topology_edge){.kind = kind,
	        .from = from,
	        .to = to,
	        .channel = "",
	        .unsent = -1,
	        .write = -1,
	        .flush = -1,
	        .replay = -1,
	        .behind = -1,
	        .transactions = -1,
	        .write_ms = -1,
	        .flush_ms = -1,
	        .replay_ms = -1,
	        .lag_ms = -1,
	        .eta_ms = -1,
	        .delay_ms = -1,
	        .paused_ms = -1,
	        .word_ms = -1,
	        .timeline = -1,
	        .errant = -1,
	        .workers = -1,
	        .workers_busy = -1,
	        .slot = TOPOLOGY_NONE,
	        .conflict_ms = -1};
	return t->nedges++;
}

/* 1. Addresses. */

static uint16_t port_of_peer(const char *peer)
{
	const char *colon = strrchr(peer, ':');
	return colon == NULL ? 0 : (uint16_t)strtoul(colon + 1, NULL, 10);
}

static uint16_t port_of(const struct instance_view *iv)
{
	uint16_t standard = iv->cfg->endpoint.engine == ENGINE_POSTGRES ? 5432 : 3306;
	return iv->cfg->endpoint.port != 0 ? iv->cfg->endpoint.port : standard;
}

/* What a server is called by another one, taken apart once for all that it is compared with. */
struct address {
	const char *peer;
	char host[HOST_MAX];
	uint16_t port;
};

static struct address address_of(const char *peer)
{
	struct address a = {.peer = peer, .port = port_of_peer(peer)};
	host_of_peer(peer, a.host);
	return a;
}

/* Is this the address of that instance, as configured or as the server itself says? */
static bool is_address(const struct instance_view *iv, const struct address *a)
{
	const char *host = a->host;
	const char *listens = iv->cfg->endpoint.host;
	if (iv->link.server.address[0] != '\0' && strcasecmp(iv->link.server.address, a->peer) == 0)
		return true;
	if (a->port != port_of(iv))
		return false;
	if (listens != NULL && strcasecmp(listens, host) == 0)
		return true;
	/* A socket, or the same machine by another name. */
	bool local = listens == NULL || strcmp(listens, "localhost") == 0 || strncmp(listens, "127.", 4) == 0;
	return local && (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || host[0] == '/');
}

static bool is_host(const struct instance_view *iv, const char *host)
{
	char at[HOST_MAX];
	if (iv->cfg->endpoint.host != NULL && strcasecmp(iv->cfg->endpoint.host, host) == 0)
		return true;
	host_of_peer(iv->link.server.address, at);
	return at[0] != '\0' && strcasecmp(at, host) == 0;
}

static bool node_is_at(const struct build *b, size_t node, const char *peer, bool whole)
{
	const struct address a = address_of(peer);
	for (size_t i = 0; i < b->snap->n; i++) {
		if (b->t->of_instance[i] != node)
			continue;
		const struct instance_view *iv = &b->snap->instances[i];
		if (whole ? is_address(iv, &a) : is_host(iv, peer))
			return true;
	}
	return false;
}

/* A node of the config at this address that could be one end of a link with `self`. */
static size_t find_address(const struct build *b, size_t self, const char *peer)
{
	const char *system = b->facts[self].system;
	const struct address a = address_of(peer);
	for (size_t i = 0; i < b->snap->n; i++) {
		size_t node = b->t->of_instance[i];
		const char *other = b->facts[node].system;
		bool postgres = b->snap->instances[i].cfg->endpoint.engine == ENGINE_POSTGRES;
		bool fits = postgres == (b->t->node[self].engine == ENGINE_POSTGRES) &&
		            (system == NULL || other == NULL || strcmp(system, other) == 0);
		if (node != self && fits && is_address(&b->snap->instances[i], &a))
			return node;
	}
	return TOPOLOGY_NONE;
}

static size_t find_id(const struct build *b, size_t self, const char *id)
{
	for (size_t i = 0; id != NULL && i < b->t->nnodes; i++) {
		bool both = b->t->node[i].engine == b->t->node[self].engine;
		if (i != self && both && b->facts[i].own_id != NULL &&
		        strcasecmp(b->facts[i].own_id, id) == 0)
			return i;
	}
	return TOPOLOGY_NONE;
}

/* 2. From below: whom a server follows. */

/* Another server of the same cluster that sends to a client of this name or through this slot. */
static size_t find_sender(const struct build *b, const struct half *h)
{
	const char *slot = half_text(h, "slot_name");
	const char *app = b->facts[h->node].app;
	const char *system = b->facts[h->node].system;
	size_t by_app = TOPOLOGY_NONE;
	for (size_t i = 0; i < b->downstream.n; i++) {
		const struct half *d = &b->downstream.item[i];
		const char *other = b->facts[d->node].system;
		if (d->node == h->node || system == NULL || other == NULL || strcmp(system, other) != 0)
			continue;
		const char *through = half_text(d, "slot_name");
		const char *name = half_text(d, "name");
		if (slot != NULL && through != NULL && strcmp(slot, through) == 0)
			return d->node;
		if (by_app == TOPOLOGY_NONE && app != NULL && name != NULL && strcmp(app, name) == 0)
			by_app = d->node;
	}
	if (by_app != TOPOLOGY_NONE)
		return by_app;
	/* Nobody sends to it now; its slot still waits there. */
	for (size_t i = 0; slot != NULL && system != NULL && i < b->slot.n; i++) {
		const struct half *s = &b->slot.item[i];
		const char *other = b->facts[s->node].system;
		const char *name = half_text(s, "name");
		if (s->node != h->node && other != NULL && strcmp(system, other) == 0 && name != NULL &&
		        strcmp(name, slot) == 0 && !text_is(half_text(s, "slot_type"), "logical"))
			return s->node;
	}
	return TOPOLOGY_NONE;
}

/* The server that dumps its log to a replica with this one's id; or, since a receiver that was stopped or cut
 * may not name its source, the only one whose transactions it has received. */
static size_t find_dumper(const struct build *b, const struct half *h)
{
	const char *own = b->facts[h->node].own_id;
	const char *received = half_text(h, "received");
	size_t found = TOPOLOGY_NONE;
	unsigned n = 0;
	for (size_t i = 0; own != NULL && i < b->downstream.n; i++) {
		const struct half *d = &b->downstream.item[i];
		const char *id = half_text(d, "peer_id");
		if (d->node != h->node && id != NULL && strcasecmp(id, own) == 0)
			return d->node;
	}
	for (size_t i = 0; received != NULL && i < b->t->nnodes; i++) {
		const char *id = b->facts[i].own_id;
		if (i != h->node && id != NULL && b->t->node[i].engine == ENGINE_MYSQL &&
		        strstr(received, id) != NULL) {
			found = i;
			n++;
		}
	}
	return n == 1 ? found : TOPOLOGY_NONE;
}

static size_t find_upstream(struct build *b, const struct half *h)
{
	const char *peer = half_text(h, "peer");
	size_t from = find_id(b, h->node, half_text(h, "peer_id"));
	bool postgres = b->t->node[h->node].engine == ENGINE_POSTGRES;
	if (from == TOPOLOGY_NONE && peer != NULL)
		from = find_address(b, h->node, peer);
	if (from == TOPOLOGY_NONE)
		from = postgres ? find_sender(b, h) : find_dumper(b, h);
	/* An address that is somebody's of the config, but not by that name: one named by its id. */
	if (from == TOPOLOGY_NONE && peer != NULL && strchr(peer, ':') != peer)
		from = topology_named(b, h->node, peer);
	return from;
}

static void join_upstreams(struct build *b)
{
	for (size_t i = 0; i < b->upstream.n; i++) {
		struct half *h = &b->upstream.item[i];
		bool postgres = b->t->node[h->node].engine == ENGINE_POSTGRES;
		size_t from = find_upstream(b, h);
		if (from == TOPOLOGY_NONE)
			continue;
		size_t e = add_edge(b, postgres ? EDGE_WAL : EDGE_BINLOG, from, h->node);
		h->edge = e;
		b->downs[e] = *h;
		b->t->edge[e].to_says = true;
		const char *channel = half_text(h, "name");
		if (channel != NULL)
			b->t->edge[e].channel = channel;
	}
}

/* 3. From above: who follows a server. */

static int fit(const struct build *b, const struct half *h, size_t e)
{
	const struct topology_edge *edge = &b->t->edge[e];
	const struct half *down = &b->downs[e];
	char host[HOST_MAX];
	if (edge->from != h->node || b->ups[e].t != NULL || edge->kind == EDGE_LOGICAL)
		return 0;
	const char *id = half_text(h, "peer_id");
	const char *own = b->facts[edge->to].own_id;
	if (id != NULL && own != NULL)
		return strcasecmp(id, own) == 0 ? 4 : 0;
	const char *slot = half_text(h, "slot_name");
	const char *uses = half_text(down, "slot_name");
	if (slot != NULL && uses != NULL)
		return strcmp(slot, uses) == 0 ? 4 : 0;
	const char *name = half_text(h, "name");
	const char *app = b->facts[edge->to].app;
	if (app != NULL && name != NULL && strcmp(app, name) == 0)
		return 3;
	const char *peer = half_text(h, "peer");
	host_of_peer(peer == NULL ? "" : peer, host);
	if (edge->kind == EDGE_BINLOG)
		return peer != NULL && node_is_at(b, edge->to, host, false) ? 2 : 1;
	/* A receiver that goes by no name of its own, perhaps through a proxy; or by one its conninfo has. */
	bool nameless = app == NULL || name == NULL || text_is(name, "walreceiver");
	return (nameless ? 1 : 0) + (peer != NULL && node_is_at(b, edge->to, host, false) ? 1 : 0);
}

static bool is_logical(const struct build *b, const struct half *h)
{
	const char *slot = half_text(h, "slot_name");
	for (size_t i = 0; slot != NULL && i < b->slot.n; i++) {
		const struct half *s = &b->slot.item[i];
		const char *name = half_text(s, "name");
		if (s->node == h->node && name != NULL && strcmp(name, slot) == 0)
			return text_is(half_text(s, "slot_type"), "logical");
	}
	return false;
}

/* An instance of the config that does not tell whom it follows, and goes by this name or sits at this
 * address. */
static size_t find_quiet(const struct build *b, const struct half *h, const char *name, const char *host)
{
	size_t found = TOPOLOGY_NONE;
	for (size_t i = 0; i < b->snap->n; i++) {
		size_t node = b->t->of_instance[i];
		const struct topology_node *n = &b->t->node[node];
		bool follows = false;
		for (size_t e = 0; e < b->t->nedges; e++)
			follows |= b->t->edge[e].to == node;
		if (node == h->node || follows || n->engine != b->t->node[h->node].engine ||
		        n->role == SERVER_PRIMARY)
			continue;
		if (name != NULL && strcmp(n->name, name) == 0)
			return node;
		if (n->cluster == b->t->node[h->node].cluster && n->state != NODE_UP &&
		        is_host(&b->snap->instances[i], host))
			found = found == TOPOLOGY_NONE ? node : found;
	}
	return found;
}

/* "walreceiver@10.2.3.4", or what there is of it. */
static size_t name_follower(struct build *b, const struct half *h, bool logical)
{
	const char *name = half_text(h, "name");
	const char *peer = half_text(h, "peer");
	const char *slot = half_text(h, "slot_name");
	char host[HOST_MAX] = "";
	char text[2 * HOST_MAX];
	if (peer != NULL)
		host_of_peer(peer, host);
	if (b->t->node[h->node].engine != ENGINE_POSTGRES)
		name = NULL;
	if (logical && slot != NULL)
		name = slot;
	size_t quiet = logical ? TOPOLOGY_NONE : find_quiet(b, h, name, host);
	if (quiet != TOPOLOGY_NONE)
		return quiet;
	/* The port of a client says nothing about where it listens, but tells two clients of one host apart.
	 */
	if (name == NULL)
		snprintf(text, sizeof(text), "%s", peer != NULL ? peer : "a client it hides");
	else
		snprintf(text, sizeof(text), "%.200s%s%s", name, host[0] != '\0' ? "@" : "", host);
	return topology_named(b, h->node, text);
}

static void join_downstreams(struct build *b)
{
	for (int least = 4; least >= 1; least--) {
		for (size_t i = 0; i < b->downstream.n; i++) {
			struct half *h = &b->downstream.item[i];
			bool backup = h->edge == TOPOLOGY_NONE && text_is(half_text(h, "state"), "backup");
			for (size_t e = 0; h->edge == TOPOLOGY_NONE && !backup && e < b->t->nedges; e++) {
				if (fit(b, h, e) >= least)
					h->edge = e;
			}
			if (h->edge != TOPOLOGY_NONE && b->ups[h->edge].t == NULL) {
				b->ups[h->edge] = *h;
				b->t->edge[h->edge].from_says = true;
			}
		}
	}
	for (size_t i = 0; i < b->downstream.n; i++) {
		struct half *h = &b->downstream.item[i];
		if (h->edge != TOPOLOGY_NONE)
			continue;
		bool logical = is_logical(b, h);
		bool postgres = b->t->node[h->node].engine == ENGINE_POSTGRES;
		size_t to = name_follower(b, h, logical);
		enum edge_kind kind = logical ? EDGE_LOGICAL : postgres ? EDGE_WAL : EDGE_BINLOG;
		h->edge = add_edge(b, kind, h->node, to);
		b->ups[h->edge] = *h;
		b->t->edge[h->edge].from_says = true;
		if (b->t->node[to].role == SERVER_UNKNOWN && !logical)
			b->t->node[to].role = SERVER_REPLICA;
	}
}

/* 4. Subscriptions, slots, groups. */

static size_t find_publisher(const struct build *b, const struct half *h, size_t *edge)
{
	const char *slot = half_text(h, "slot_name");
	size_t found = TOPOLOGY_NONE;
	*edge = TOPOLOGY_NONE;
	for (size_t i = 0; slot != NULL && i < b->downstream.n; i++) {
		const struct half *d = &b->downstream.item[i];
		const char *through = half_text(d, "slot_name");
		if (through != NULL && strcmp(through, slot) == 0 && d->node != h->node && is_logical(b, d))
			*edge = d->edge;
	}
	for (size_t i = 0; slot != NULL && i < b->slot.n; i++) {
		const struct half *s = &b->slot.item[i];
		const char *name = half_text(s, "name");
		if (s->node != h->node && name != NULL && strcmp(name, slot) == 0 &&
		        text_is(half_text(s, "slot_type"), "logical"))
			found = s->node;
	}
	return *edge != TOPOLOGY_NONE ? b->t->edge[*edge].from : found;
}

static void join_subscriptions(struct build *b)
{
	for (size_t i = 0; i < b->subscription.n; i++) {
		struct half *h = &b->subscription.item[i];
		const char *name = half_text(h, "name");
		char text[HOST_MAX];
		size_t e;
		size_t from = find_publisher(b, h, &e);
		if (from == TOPOLOGY_NONE) {
			snprintf(text, sizeof(text), "publisher of %.200s", name == NULL ? "it" : name);
			from = topology_named(b, h->node, text);
		}
		/* The publisher's walsender had named a client: it is this one. */
		if (e == TOPOLOGY_NONE)
			e = add_edge(b, EDGE_LOGICAL, from, h->node);
		b->t->edge[e].to = h->node;
		b->t->edge[e].to_says = true;
		b->t->edge[e].channel = name == NULL ? "" : name;
		b->downs[e] = *h;
		h->edge = e;
	}
}

static void join_slots(struct build *b)
{
	struct topology *t = b->t;
	t->slot = xcalloc(b->slot.n + 1, sizeof(*t->slot));
	for (size_t i = 0; i < b->slot.n; i++) {
		const struct half *h = &b->slot.item[i];
		struct topology_slot *s = &t->slot[t->nslots];
		const char *name = half_text(h, "name");
		*s = (struct topology_slot){.node = h->node,
		        .edge = TOPOLOGY_NONE,
		        .name = name == NULL ? "" : name,
		        .type = half_text(h, "slot_type"),
		        .plugin = half_text(h, "plugin"),
		        .wal_status = half_text(h, "wal_status"),
		        .invalidation = half_text(h, "invalidation"),
		        .active = half_true(h, "active"),
		        .retained = half_int(h, "retained_bytes"),
		        .limit = half_int(h, "limit_bytes"),
		        .safe = half_int(h, "safe_bytes"),
		        .inactive_ms = half_int(h, "inactive_ms")};
		for (size_t e = 0; e < t->nedges; e++) {
			if (t->edge[e].from != h->node)
				continue;
			const char *up = half_text(&b->ups[e], "slot_name");
			const char *uses = up != NULL ? up : half_text(&b->downs[e], "slot_name");
			if (uses != NULL && strcmp(uses, s->name) == 0) {
				s->edge = e;
				t->edge[e].slot = t->nslots;
			}
		}
		t->nslots++;
	}
}

/* Group Replication: each member lists all. Galera: each lists addresses. */
static void join_member(struct build *b, const struct half *h, size_t *primary)
{
	const char *id = half_text(h, "peer_id");
	const char *peer = half_text(h, "peer");
	const char *state = half_text(h, "state");
	size_t node = h->node;
	if (b->t->node[h->node].engine != ENGINE_MARIADB) {
		bool self = id != NULL && b->facts[h->node].own_id != NULL &&
		            strcasecmp(id, b->facts[h->node].own_id) == 0;
		node = self ? h->node : find_id(b, h->node, id);
		if (node == TOPOLOGY_NONE && peer != NULL)
			node = find_address(b, h->node, peer);
		if (node == TOPOLOGY_NONE)
			node = topology_named(b, h->node, peer != NULL ? peer : "a member");
		if (text_is(half_text(h, "receiver"), "primary"))
			*primary = node;
	}
	if (b->t->node[node].group_state == NULL)
		b->t->node[node].group_state = state != NULL ? state : "member";
}

static void name_galera(struct build *b, const struct half *h)
{
	const char *s = half_text(h, "members");
	while (s != NULL && *s != '\0') {
		char peer[HOST_MAX];
		size_t n = strcspn(s, ",");
		snprintf(peer, sizeof(peer), "%.*s", (int)(n < HOST_MAX ? n : HOST_MAX - 1), s);
		if (peer[0] != '\0' && !node_is_at(b, h->node, peer, true) &&
		        find_address(b, h->node, peer) == TOPOLOGY_NONE) {
			size_t node = topology_named(b, h->node, peer);
			b->t->node[node].group_state = "member";
		}
		s += n + (s[n] == ',');
	}
}

static void join_members(struct build *b)
{
	size_t primary = TOPOLOGY_NONE;
	for (size_t i = 0; i < b->member.n; i++) {
		join_member(b, &b->member.item[i], &primary);
		if (b->t->node[b->member.item[i].node].engine == ENGINE_MARIADB)
			name_galera(b, &b->member.item[i]);
	}
	size_t n = b->t->nnodes;
	for (size_t i = 0; primary != TOPOLOGY_NONE && i < n; i++) {
		const struct topology_node *node = &b->t->node[i];
		if (i == primary || node->group_state == NULL || node->cluster != b->t->node[primary].cluster)
			continue;
		size_t e = add_edge(b, EDGE_GROUP, primary, i);
		b->t->edge[e].transport = text_is(node->group_state, "online")       ? TRANSPORT_STREAMING
		                          : text_is(node->group_state, "recovering") ? TRANSPORT_CATCHUP
		                                                                     : TRANSPORT_STOPPED;
	}
}

void topology_join(struct build *b)
{
	join_upstreams(b);
	join_downstreams(b);
	join_subscriptions(b);
	join_slots(b);
	join_members(b);
	for (size_t e = 0; e < b->t->nedges; e++)
		b->t->node[b->t->edge[e].from].feeds++;
}
