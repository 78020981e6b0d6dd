/* Inside topology.c: the halves of links as each server tells them, and what is remembered from one snapshot
 * to the next. */
#ifndef DBATOP_MODEL_TOPOLOGY_PARTS_H
#define DBATOP_MODEL_TOPOLOGY_PARTS_H

#include "core/base/arena.h"
#include "core/model/topology.h"

enum { TOPOLOGY_FRESH_MS = 10000, HOST_MAX = 256 };

/* What a server itself says beyond its node. */
struct node_facts {
	bool fresh;          /* its replication sample is */
	mono_ns taken;       /* when that sample finished; 0: never */
	const char *own_id;  /* server_uuid; MariaDB: server_id */
	const char *applied; /* MariaDB: gtid_slave_pos */
	const char *app;     /* cluster_name: what its receiver calls itself */
	const char *system;  /* PostgreSQL: system_identifier */
	const char *members; /* Galera: addresses of all */
	int64_t replayed;    /* standby */
};

/* One end's word on a link: a row of its sample. */
struct half {
	const struct table *t;
	size_t row;
	size_t node; /* who says so */
	size_t edge; /* that it became part of; TOPOLOGY_NONE */
};

struct halves {
	struct half *item;
	size_t n;
};

struct build {
	struct topology *t;
	const struct snapshot *snap;
	struct topology_memory *memory;
	struct node_facts *facts; /* one a node */
	struct half *ups;   /* kind downstream: an upstream's word, one an edge; t NULL: it says nothing */
	struct half *downs; /* kind upstream: a downstream's word, one an edge */
	struct halves upstream, downstream, subscription, reader, slot, member;
	size_t nodes_cap, edges_cap, slots_cap;
};

/* Cells of a half; text NULL and -1 when unknown. */
const char *half_text(const struct half *h, const char *column);
int64_t half_int(const struct half *h, const char *column);
bool half_true(const struct half *h, const char *column);
bool text_is(const char *text, const char *word); /* ignoring case; NULL is nothing */

/* topology_read.c: nodes of the config with what they say of themselves, and all halves. */
void topology_read(struct build *b);
size_t topology_named(struct build *b, size_t by, const char *name); /* found or made */
/* "10.0.0.1:5432", "[::1]:5432", a name alone: without the port. */
void host_of_peer(const char *peer, char host[HOST_MAX]);

/* topology_join.c: halves become edges. */
void topology_join(struct build *b);

/* topology_figures.c: how far behind, and since when. */
void topology_figures(struct build *b);
/* topology_say.c: what is wrong, in words. */
void topology_say(struct build *b);
/* topology_tree.c: lines. */
void topology_tree(struct build *b);

/* topology_memory.c */
/* The position `head` of a node was reached at `at`. */
void memory_head(struct topology_memory *m, const char *node, mono_ns at, int64_t head);
/* How long ago the head passed `position`, in ms. False: it has not been seen to; *at_least is then how long
 * it must be (0 unknown). */
bool memory_passed(const struct topology_memory *m, const char *node, mono_ns now, int64_t position,
        int64_t *ms, int64_t *at_least);
/* Growth a second over the last minute; NaN. */
double memory_speed(const struct topology_memory *m, const char *node, mono_ns now);
/* One more point of what a link has left; the slope a minute over the last minute. */
bool memory_left(
        struct topology_memory *m, const char *edge, mono_ns at, mono_ns now, double left, double *slope);
/* Since when a condition of a link holds, as seen so far, in ms; 0 when it begins now. */
int64_t memory_since(struct topology_memory *m, const char *edge, mono_ns now, bool holds);
void memory_forget(struct topology_memory *m, mono_ns now); /* what was not seen for ten minutes */

#endif
