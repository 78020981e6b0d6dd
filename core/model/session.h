/* The sessions of every instance with what they mean to each other: who blocks whom and how many, who is a
 * worker of whom, what must not be ended. Columns are resolved once for each sample; an instance whose
 * samples have not changed is not computed again, so that 20 × 2,000 sessions a second cost a few
 * milliseconds. n log n throughout, bounded by the probe's row limits. One owner (the reader's thread); may
 * not block. */
#ifndef DBATOP_MODEL_SESSION_H
#define DBATOP_MODEL_SESSION_H

#include "core/model/identity.h"
#include "core/model/snapshot.h"

enum session_kind {
	SESSION_CLIENT,
	SESSION_WORKER, /* parallel worker */
	SESSION_AUTOVACUUM,
	SESSION_WALSENDER,
	SESSION_REPLICATION, /* binlog dump, applier, receiver */
	SESSION_BACKGROUND,
	SESSION_SYSTEM,
	SESSION_PREPARED, /* no session: a prepared transaction that holds locks; id 0 */
	SESSION_UNSEEN    /* no session: a holder that is not among the rows (id), or not named (id -1) */
};

enum session_state {
	STATE_HIDDEN, /* we may not see it */
	STATE_ACTIVE,
	STATE_IDLE,
	STATE_IDLE_XACT,
	STATE_IDLE_ABORTED,
	STATE_FASTPATH,
	STATE_DISABLED,
	STATE_KILLED,
	STATE_NONE /* a process of the server that has none; its name is "" */
};

/* Why an action is refused, or needs a second decision; DESIGN.md §8. */
enum session_guard {
	GUARD_NONE,
	GUARD_OWN,
	GUARD_WALSENDER,
	GUARD_REPLICATION,
	GUARD_BACKGROUND,
	GUARD_WORKER, /* end its leader instead */
	GUARD_ABSENT, /* a prepared transaction or an unseen holder */
	/* From here on: a second decision, and never part of a bulk. */
	GUARD_SUPERUSER,
	GUARD_BACKUP,
	GUARD_WRAPAROUND,
	GUARD_SYNCREP
};
bool session_guard_refuses(enum session_guard g);    /* false for NONE and for second decisions */
const char *session_guard_why(enum session_guard g); /* a sentence; "" for GUARD_NONE */
/* Of one row of a `sessions` table, without a view of all: what a plan asks. */
enum session_guard session_guard_of_row(const struct table *sessions, size_t row);

enum session_group { GROUP_ROOT, GROUP_BLOCKED, GROUP_XACT, GROUP_ACTIVE, GROUP_REST };

enum { SESSION_NONE = UINT32_MAX };

/* Texts are borrowed from the sample and not sanitised; NULL is unknown. Durations are ms, -1 none or
 * unknown. */
struct session {
	int64_t id;
	const char *started; /* "" when the server has none */
	uint64_t born;       /* hash of started: half of a key that lasts from sample to sample */
	uint32_t row;        /* in the sessions table; SESSION_NONE for PREPARED and UNSEEN */
	enum session_kind kind;
	enum session_state state;
	enum session_guard guard;
	const char *user, *db, *app, *client, *wait_type, *wait, *query;
	uint32_t query_n; /* bytes of query */
	int64_t xact_ms, query_ms, state_ms;
	bool own;     /* of dbatop itself */
	bool idle;    /* idle outside a transaction: hidden by default */
	bool waiting; /* for a lock, by its wait or by an edge */
	/* locks; without a `blockers` table nobody has an edge */
	bool blocked;        /* has an edge to a holder */
	uint32_t blocked_by; /* index of the holder on the way to the root, else SESSION_NONE */
	uint32_t root; /* index of who ends the queue when blocked; itself when it is a root; else NONE */
	uint32_t blocks_now;   /* how many wait for it directly */
	uint32_t blocks_all;   /* … and behind those */
	int64_t waiting_ms;    /* blocked: how long; -1 unknown */
	int64_t longest_ms;    /* the longest wait behind it, -1 */
	uint32_t edges, holds; /* first of edges_by_waiter / edges_by_holder; the counts are next */
	uint32_t nedges, nholds;
	/* parallel query */
	uint32_t leader;  /* index, else SESSION_NONE */
	uint32_t workers; /* how many fold under it */
	enum session_group group;
	uint64_t order;   /* smaller comes first in the default order; a worker has its leader's */
	uint32_t letters; /* text_letters of its texts and of the names of its kind and its state, if it has
	                     one */
};

struct session_edge {
	uint32_t waiter, holder;   /* indexes of sessions */
	int64_t waiting_ms;        /* -1 unknown */
	const char *kind, *object; /* borrowed; NULL unknown */
};

enum { WAITS_MAX = 12 };
struct session_waits {
	unsigned active;
	unsigned n;
	struct {
		const char *name; /* "CPU", "Lock", "IO" …, "other"; constant */
		unsigned count;
	} type[WAITS_MAX]; /* most first, then by name */
};

struct session_counts {
	/* clients, own ones left out, workers under their leaders */
	unsigned clients, active, idle, idle_xact, waiting;
	unsigned own, hidden, workers, background; /* hidden: state not shown to us */
	unsigned roots, blocked;
	int64_t longest_wait_ms; /* -1 */
};

struct session_view {
	const struct sample *sample; /* of `sessions`; NULL: none yet, then all is 0 */
	struct session *sessions;
	size_t n;           /* rows of the table */
	size_t extra;       /* sessions[n … n+extra): PREPARED and UNSEEN holders */
	uint32_t *by_id;    /* indexes of all n + extra, sorted by id */
	uint32_t *by_order; /* … and by session_compare */
	struct session_edge *edges_by_waiter, *edges_by_holder;
	size_t nedges;
	bool edges_known; /* the blockers are fresh, or nobody waits */
	struct session_counts counts;
	struct session_waits waits;
};

struct sessions;
struct sessions *sessions_new(void);
void sessions_free(struct sessions *all); /* NULL is allowed */
/* Brings every instance up to date; what was returned before is invalid. Holds references of the samples it
 * borrows from. */
void sessions_update(struct sessions *all, const struct snapshot *snap);
size_t sessions_count(const struct sessions *all); /* instances, as in the snapshot */
const struct session_view *sessions_at(const struct sessions *all, size_t instance);

/* The session of this id and start; NULL when it is gone. An empty `started` matches any. */
const struct session *session_find(const struct session_view *v, int64_t id, const char *started);
/* What identifies it for an action: guards included. */
void session_ref_of(const struct session_view *v, const struct session *s, struct session_ref *out);
/* The default order, total: by `order`, instance, leader before its workers, id. For qsort-like use. */
int session_compare(const struct session_view *va, size_t instance_a, const struct session *a,
        const struct session_view *vb, size_t instance_b, const struct session *b);
/* Adds the waits of one instance to a sum; then "37 active: 21 CPU · 9 Lock · 5 IO". */
void session_waits_add(struct session_waits *sum, const struct session_waits *w);
void session_waits_text(const struct session_waits *w, struct buf *out);
const char *session_kind_name(enum session_kind k);
const char *session_state_name(enum session_state s); /* the vocabulary's words; "hidden" */

#endif
