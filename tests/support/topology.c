/* See the header. */
#include "tests/support/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

size_t topo_pg(struct fixture *f, const char *name, const char *role, const char *rows)
{
	char text[256];
	size_t i = fixture_instance(f, "orders", name, ENGINE_POSTGRES);
	snprintf(text, sizeof(text), "role | cluster_id | writable\n%s | c1 | %s", role,
	        strcmp(role, "primary") == 0 ? "t" : "f");
	fixture_table(f, i, "server", text);
	if (rows != NULL)
		fixture_table(f, i, "replication", rows);
	return i;
}

size_t topo_my(struct fixture *f, const char *name, enum engine engine, const char *role)
{
	char text[128];
	size_t i = fixture_instance(f, "billing", name, engine);
	snprintf(text, sizeof(text), "role | writable\n%s | %s", role,
	        strcmp(role, "primary") == 0 ? "t" : "f");
	fixture_table(f, i, "server", text);
	snprintf(fixture_at(f, i)->link.server.id, IDENTITY_MAX, "uuid-of-%.40s", name);
	return i;
}

const struct topology_edge *topo_edge(const struct topology *t, const char *from, const char *to)
{
	for (size_t e = 0; e < t->nedges; e++) {
		if (strcmp(t->node[t->edge[e].from].name, from) == 0 &&
		        strcmp(t->node[t->edge[e].to].name, to) == 0)
			return &t->edge[e];
	}
	fail_msg("no edge from %s to %s", from, to);
	return NULL;
}

const struct topology_node *topo_node(const struct topology *t, const char *name)
{
	for (size_t i = 0; i < t->nnodes; i++) {
		if (strcmp(t->node[i].name, name) == 0)
			return &t->node[i];
	}
	fail_msg("no node %s", name);
	return NULL;
}

void topo_assert_tree(const struct topology *t, const char *expected)
{
	char text[2048] = "";
	for (size_t i = 0; i < t->nlines; i++) {
		const struct topology_line *l = &t->line[i];
		const char *what = l->kind == LINE_NODE   ? t->node[l->index].name
		                   : l->kind == LINE_SLOT ? t->slot[l->index].name
		                                          : t->node[t->edge[l->index].to].name;
		size_t n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%*s%s%s\n", (int)l->depth, "",
		        l->kind == LINE_NODE   ? ""
		        : l->kind == LINE_SLOT ? "slot "
		                               : "to ",
		        what);
	}
	assert_string_equal(text, expected);
}

#define NODE_HEAD                                                                                            \
	"kind | name | peer | state | receiver | applier | lsn | write_lsn | flush_lsn | replay_lsn | "      \
	"replay_ms | word_ms | slot_name | app | timeline | paused | replay_age_ms\n"

void topo_primary(struct fixture *f, size_t i, int64_t head, const char *followers)
{
	char text[2048];
	snprintf(text, sizeof(text), NODE_HEAD "node | | | primary | | | %lld | | | | | | | p | 1 | |\n%s",
	        (long long)head, followers);
	fixture_table(f, i, "replication", text);
}

void topo_standby(struct fixture *f, size_t i, const char *app, const char *peer, int64_t received,
        int64_t replayed, const char *more)
{
	char text[2048];
	snprintf(text, sizeof(text),
	        NODE_HEAD "node | | | replica | | | %lld | | | %lld | | | | %s | 1 | |\n"
	                  "upstream | | %s | streaming | streaming | running | %lld | | | %lld | | 100 | "
	                  "s_%s | | 1 | f | 500\n%s",
	        (long long)received, (long long)replayed, app, peer, (long long)received, (long long)replayed,
	        app, more);
	fixture_table(f, i, "replication", text);
}
