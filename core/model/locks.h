/* Who waits for whom, for what, and what the smallest way out is: one blocking graph for each instance. It is
 * kept as queues (who holds a lock, who waits for it and in which order), never as pairs, so that a hot row
 * with 900 waiters is 900 entries. Fed by the probe `locks`, one row for each entry of a queue:
 *
 *   queue, kind, object   the lock: opaque name, what it is, what a person calls it
 *   id, gid               who: a session; 0 and gid: a prepared transaction; -1: a holder nobody names
 *   held, mode, place     granted or waiting; the engine's word; order among those waiting (NULL unknown)
 *   waiting_ms            NULL unknown
 *   blockers              of a waiter the server was asked for: the ids that block it now, "4711 4802 0";
 *                         these are its edges and no others. NULL: not asked, the modes decide
 *   likely                a guess: edges to this holder, or of this waiter
 *
 * A row of kind `note` carries a sentence of the feed (object) and what it is (mode: grouped, gate, note).
 * An entry waits for every holder of its queue whose mode conflicts, and for every waiter before it whose
 * mode does (a soft edge); nobody waits for itself, whoever of a parallel query waits or holds does it for
 * the leader. Rows may repeat, contradict each other, form circles or name sessions that have ended.
 *
 * One owner (the reader's thread); may not block; texts are borrowed from the samples, not sanitised, NULL is
 * unknown; durations are ms, -1 is unknown. Costs n log n of the rows. */
#ifndef DBATOP_MODEL_LOCKS_H
#define DBATOP_MODEL_LOCKS_H

#include "core/model/session.h"
#include "core/model/snapshot.h"

enum { LOCK_NONE = UINT32_MAX };

enum lock_kind {
	LOCK_ROW,
	LOCK_TUPLE, /* PostgreSQL: who gets it goes on to wait for what its last holder waited for */
	LOCK_TRANSACTION,
	LOCK_VIRTUAL,
	LOCK_RELATION,
	LOCK_EXTEND,
	LOCK_PAGE,
	LOCK_OBJECT,
	LOCK_ADVISORY,
	LOCK_METADATA,
	LOCK_TABLE,
	LOCK_GLOBAL_READ,
	LOCK_BACKUP,
	LOCK_USER,
	LOCK_SAFE_SNAPSHOT,
	LOCK_BUFFER_PIN,
	LOCK_RECOVERY,
	LOCK_OTHER,
	LOCK_KINDS
};
const char *lock_kind_name(enum lock_kind k); /* the feed's word: "row", "virtual transaction", "other" */

/* One place in one queue. */
struct lock_entry {
	uint32_t node, queue;
	const char *mode;
	int64_t waiting_ms;
	uint32_t named; /* of a waiter that was asked for: first of `names` in the graph */
	uint16_t nnamed;
	uint8_t code; /* of the mode, for lock_conflicts; 0: unknown, conflicts with all */
	/* Not a row of its own: named by one who was asked; in the way of those of the same code only. */
	bool implied;
	bool held, asked, likely;
	bool blocked; /* waits, and somebody is in its way */
};

/* A lock: its holders first, then those who wait, in order. */
struct lock_queue {
	const char *name, *object;
	enum lock_kind kind;
	uint8_t family;
	uint32_t first, nheld, nwaiting; /* of `entries` */
};

/* What would end a node's part in this, and whether it may be part of a proposal. */
enum lock_remedy {
	REMEDY_NONE,      /* protected, not a session, or not known */
	REMEDY_CANCEL,    /* its statement; with it goes what it holds */
	REMEDY_TERMINATE, /* a cancel would not help: it is idle in a transaction, or keeps its locks */
	REMEDY_STATEMENT  /* a prepared transaction: a statement to copy */
};

/* A session, a prepared transaction, recovery, an unknown holder. */
struct lock_node {
	int64_t id;
	const char *gid;
	uint32_t session;           /* index in the session view; LOCK_NONE: not among them */
	enum session_kind kind;     /* PREPARED and UNSEEN included */
	enum session_guard guard;   /* GUARD_ABSENT when there is no session */
	uint32_t entries, nentries; /* of `of_node`: its places */
	uint32_t waits_in;          /* the entry that waits longest; LOCK_NONE: it does not wait */
	uint32_t parent;            /* the node above it in the tree; LOCK_NONE: a root, or nobody */
	uint32_t via;               /* the entry that stands between: parent's entry; LOCK_NONE */
	int64_t waiting_ms;         /* -1 unknown or not waiting */
	int64_t longest_ms;         /* the longest wait behind it, -1 */
	uint32_t behind;            /* how many wait behind it, directly or not; at least, above 64 roots */
	uint32_t direct;            /* … directly */
	bool blocked, blocks;
	bool soft;    /* the edge to its parent: it waits behind another one that waits */
	bool likely;  /* … is a guess */
	bool convoy;  /* it waits, and others who could go on wait behind it */
	bool circle;  /* root of a circle: each of these waits for another of them */
	bool circled; /* in a circle, or behind one */
	enum lock_remedy remedy;
};

struct lock_edge {
	uint32_t waiter, blocker; /* nodes */
	uint32_t entry;           /* of the waiter */
	bool soft, likely;
};

/* What ending one or several nodes does. */
struct lock_frees {
	uint32_t now;    /* go on at once */
	uint32_t later;  /* their turn comes when those have finished */
	uint32_t behind; /* node that most of the latter wait behind; LOCK_NONE */
	bool takes;      /* `behind` is one of those who go on: it then takes the lock */
};

struct lock_action {
	uint32_t node;
	enum lock_remedy remedy;
	struct lock_frees alone; /* done by itself */
	struct lock_frees then;  /* done after those before it in the list: what it adds */
};

/* The smallest set of actions after which nobody waits for what a root holds, or behind a queued DDL:
 * see locks_move.c for the order of preference and the search. */
enum { LOCK_ACTIONS_MAX = 64, LOCK_EXACT_MAX = 12 };
struct lock_move {
	struct lock_action action[LOCK_ACTIONS_MAX]; /* in the order in which to do them */
	uint32_t n;
	uint32_t total; /* how many it would take: more than n when the list is cut */
	uint32_t stuck; /* who would wait on all the same: behind what may not or cannot be ended */
	bool exact;     /* false: found greedily, above LOCK_EXACT_MAX candidates */
	struct lock_action cancel; /* the single cancel that frees most now; node LOCK_NONE: none frees any */
};

struct lock_counts {
	uint32_t waiters, roots;
	uint32_t circles;   /* of roots: circles that no other root leads to */
	uint32_t circled;   /* who is in any circle, or waits behind one */
	int64_t longest_ms; /* -1 */
};

struct lock_graph {
	const struct sample *sample; /* of `locks`; NULL: none yet, then all is 0 */
	const struct session_view *sessions;
	struct lock_node *nodes; /* sorted by id, then gid */
	struct lock_entry *entries;
	struct lock_queue *queues;
	uint32_t *of_node;  /* indexes of entries, by node */
	uint32_t *names;    /* nodes, what entries were told */
	uint32_t *walk;     /* nodes of the tree, parents before their children */
	uint32_t *roots;    /* nodes: most behind them first, then the longest wait, then by id */
	uint32_t *children; /* nodes by parent: see locks_children */
	uint32_t *first_child;
	size_t nnodes, nentries, nqueues, nroots, nwalk;
	struct lock_counts counts;
	struct lock_move move;
	const char *grouped, *gate, *note; /* sentences of the feed; NULL */
	bool known;                        /* fresh, or nobody waits */
	bool gated;                        /* nobody waits, so it is not asked */
	uint8_t engine;                    /* enum engine */
};

struct locks;
struct locks *locks_new(void);
void locks_free(struct locks *all); /* NULL is allowed */
/* Brings every instance up to date; what was returned before is invalid. `sessions` is of the same snapshot
 * and outlives the graphs. */
void locks_update(struct locks *all, const struct snapshot *snap, const struct sessions *sessions);
const struct lock_graph *locks_at(const struct locks *all, size_t instance);

/* The graph of one table, without cache and sessions (v may be NULL): for tests and benches. */
struct arena;
void locks_build(struct lock_graph *g, const struct table *t, enum engine engine,
        const struct session_view *v, bool ended, struct arena *arena);

/* The node of this id (and gid, NULL any); NULL when it is not there. */
const struct lock_node *locks_find(const struct lock_graph *g, int64_t id, const char *gid);
/* Its children in the tree: who waits longest first. */
const uint32_t *locks_children(const struct lock_graph *g, uint32_t node, size_t *n);
/* Who is immediately in an entry's way: nodes, each once, holders first; the number there are, of which at
 * most `max` are written. A queue's head blocks all the rest: ask with a small max. */
size_t locks_blockers(const struct lock_graph *g, uint32_t entry, struct lock_edge *out, size_t max);
/* Is `other`, of the same queue, in the way of e, who waits? */
bool locks_stops(const struct lock_graph *g, const struct lock_entry *e, const struct lock_entry *other);
/* What happens when these nodes are ended as `remedy` says (CANCEL or TERMINATE; of all of them). */
void locks_release(const struct lock_graph *g, const uint32_t *nodes, size_t n, enum lock_remedy remedy,
        struct lock_frees *out);
/* "frees 2 now, 7 later (behind 5120, which then takes the lock)"; "frees nobody". */
void locks_frees_text(const struct lock_graph *g, const struct lock_frees *f, struct buf *out);
/* "4711", "prepared transaction 'gid'", "a holder the server does not name". */
void locks_node_text(const struct lock_graph *g, uint32_t node, struct buf *out);
/* "ROLLBACK PREPARED 'gid';" or the XA form: what REMEDY_STATEMENT is. */
void locks_remedy_statement(const struct lock_graph *g, uint32_t node, struct buf *out);

#endif
