/* All of replication as one picture: servers, the links between them, slots. Both ends of each link are
 * joined, by identity and not by name; a server that is only named by others is a node as well. Positions of
 * a replica are held against the head its primary reported to us, so that a cut network never reads 0; the
 * memory knows how the head grew, which gives a lag in time where no server does, and an ETA. Unknown is -1
 * (NaN for rates), never 0. Pure functions of a snapshot and that memory; one owner; may not block. Text is
 * borrowed from the snapshot or owned by the topology, as servers wrote it: sanitise before showing. */
#ifndef DBATOP_MODEL_TOPOLOGY_H
#define DBATOP_MODEL_TOPOLOGY_H

#include "core/model/replication.h"
#include "core/model/severity.h"
#include "core/model/snapshot.h"

#define TOPOLOGY_NONE SIZE_MAX

enum node_state {
	NODE_UP,     /* configured, and what we know is fresh */
	NODE_SILENT, /* configured; does not answer, or not this question: what is shown is old or others'
	                word */
	NODE_NAMED   /* another server names it, nobody configured it */
};
const char *node_state_name(enum node_state s); /* "up", "silent", "not configured": stable, for JSON */

struct topology_node {
	enum node_state state;
	long instance;      /* the first that reaches it; -1 */
	unsigned addresses; /* how many instances of the config reach it */
	const char *name;   /* of the instance, or what others call it */
	enum engine engine; /* ENGINE_NONE unknown */
	enum server_role role;
	int writable;   /* 1, 0, -1 unknown */
	size_t cluster; /* of the config */
	size_t parent;  /* the edge it hangs on in the tree, TOPOLOGY_NONE: a root */
	unsigned feeds; /* edges from it */
	int64_t head;   /* PostgreSQL: end of its log in bytes; others: transactions in its log */
	double per_s;   /* how fast that grows over the last minute; NaN */
	int64_t timeline;
	const char *gtid;         /* what it has executed; NULL unknown */
	const char *sync_names;   /* synchronous_standby_names; NULL none */
	int sync_need, sync_have; /* standbys a commit waits for, and those that can answer; -1 unknown */
	bool would_wait;          /* a commit waits now */
	const char *semi_sync;    /* "on", "off"; NULL: not there */
	int64_t semi_clients;
	const char *failures; /* of a standby: readers that replay ended, by why: "3 over locks"; NULL none */
	const char *group_state; /* of a Galera or Group Replication member: "synced", "online"; NULL: none */
	enum severity severity;
	char say[NOTE_MAX]; /* what is wrong with the node itself: "replica of nobody"; "" */
};

enum edge_kind { EDGE_WAL, EDGE_BINLOG, EDGE_LOGICAL, EDGE_GROUP };
const char *edge_kind_name(enum edge_kind k); /* "wal", "binlog", "logical", "group" */

enum edge_transport {
	TRANSPORT_UNKNOWN,
	TRANSPORT_STREAMING,
	TRANSPORT_CATCHUP,
	TRANSPORT_BACKUP, /* a base backup, which is no replica */
	TRANSPORT_CONNECTING,
	TRANSPORT_SILENT,  /* connected as far as an end knows; no word for too long */
	TRANSPORT_STOPPED, /* one end has no connection */
	TRANSPORT_ERROR
};
enum edge_apply {
	APPLY_UNKNOWN,
	APPLY_RUNNING,
	APPLY_DELAYED, /* on purpose */
	APPLY_PAUSED,
	APPLY_CONFLICT, /* recovery waits for a reader */
	APPLY_STOPPED,
	APPLY_ERROR
};
const char *edge_transport_name(enum edge_transport t);
const char *edge_apply_name(enum edge_apply a);

enum lag_confidence {
	CONFIDENCE_NONE,  /* the lag is unknown */
	CONFIDENCE_GUESS, /* from one end, or a figure known to mislead */
	CONFIDENCE_GOOD   /* measured, or both ends compared */
};
const char *lag_confidence_name(enum lag_confidence c); /* "unknown", "guess", "good" */

struct topology_edge {
	enum edge_kind kind;
	enum edge_transport transport;
	enum edge_apply apply;
	enum lag_confidence confidence; /* of the lag */
	enum severity severity;
	bool from_says, to_says; /* which end knows of it */
	bool grows;              /* it falls behind further */
	bool other_timeline;     /* than its upstream's */
	size_t from, to;         /* nodes: upstream, downstream */
	const char *channel;     /* of MySQL or MariaDB; a subscription's name; "" */
	/* Bytes left to send, write, flush and replay, by the upstream's word; all together in `behind`,
	 * against the head as we read it. */
	int64_t unsent, write, flush, replay, behind;
	int64_t transactions; /* MySQL, MariaDB: how many the upstream has and this one not */
	int64_t write_ms, flush_ms, replay_ms;
	int64_t lag_ms;
	char source[64]; /* of the lag; why it is not known */
	int64_t eta_ms;  /* until it has caught up, at the speed of the last minute; -1 */
	int64_t delay_ms, paused_ms, word_ms; /* configured; how long seen; since the last word */
	int64_t timeline;
	const char *sync; /* "sync", "quorum", "async", "potential"; NULL unknown */
	int64_t errant;   /* transactions the upstream has not; -1 unknown */
	const char *errant_set;
	const char *error;    /* NULL none */
	const char *failures; /* of a subscription, ever: "12 while applying"; NULL none, or not counted */
	int64_t error_code;
	int64_t workers, workers_busy;
	size_t slot;          /* that it uses; TOPOLOGY_NONE */
	const char *conflict; /* what recovery waits for */
	int64_t conflict_ms;
	struct session_ref reader; /* whom it waits for; id 0 unknown */
	const char *reader_who;    /* "report@10.1.1.1 psql"; NULL */
	bool reader_likely;        /* the server does not say who: the one with the oldest snapshot */
	char say[NOTE_MAX];        /* "replay paused 41m", "error 1062: …"; "" when well */
};

struct topology_slot {
	size_t node, edge; /* who keeps it; who uses it, TOPOLOGY_NONE */
	const char *name, *type, *plugin, *wal_status, *invalidation;
	bool active;
	int64_t retained, limit, safe, inactive_ms; /* bytes; limit -1: none */
	enum severity severity;
	char say[NOTE_MAX];
};

/* The tree, as it is read from above: a node after the node it hangs on. */
enum topology_line_kind {
	LINE_NODE, /* a node, with the edge it hangs on */
	LINE_EDGE, /* one more link of a node that stands elsewhere */
	LINE_SLOT  /* under its node: one nobody uses, or in trouble */
};
struct topology_line {
	enum topology_line_kind kind;
	size_t index; /* of nodes, edges or slots */
	unsigned depth;
	uint64_t more; /* bit d: a sibling follows at depth d, for the tree's lines */
	size_t cluster;
};

struct topology {
	struct topology_node *node;
	size_t nnodes;
	struct topology_edge *edge;
	size_t nedges;
	struct topology_slot *slot;
	size_t nslots;
	struct topology_line *line; /* by cluster of the config, then roots by name of the config */
	size_t nlines;
	size_t *of_instance; /* node of each instance of the snapshot */
	struct arena *arena;
};

struct topology_memory;
struct topology_memory *topology_memory_new(void);
void topology_memory_free(struct topology_memory *m);
/* Never NULL. m NULL: no memory, so neither ETA nor how long. The caller frees it, before or after snap. */
struct topology *topology_build(struct topology_memory *m, const struct snapshot *snap);
void topology_free(struct topology *t);

/* The worst of the edges into a node, NULL when there is none. */
/* The slot of this server that needs somebody most; NULL when none does. */
const struct topology_slot *topology_worst_slot(const struct topology *t, size_t node);
const struct topology_edge *topology_upstream(const struct topology *t, size_t node);

#endif
