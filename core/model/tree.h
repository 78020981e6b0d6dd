/* Sessions as a goroutine dump is read: those of all servers that are alike become one line with a count, its
 * oldest and its growth, and every line opens into what it is made of. Two parts. The memory is fed at every
 * snapshot: what each session is grouped by, and how many there were of each group over the last minutes. The
 * tree is built from it for a screen: one axis, one scope, what is opened. n log n in the sessions in scope.
 * One owner (the reader's thread); may not block. */
#ifndef DBATOP_MODEL_TREE_H
#define DBATOP_MODEL_TREE_H

#include "core/model/session.h"

enum tree_axis {
	TREE_BY_SIGNATURE, /* state, wait, statement, application */
	TREE_BY_APP,
	TREE_BY_CLIENT, /* host */
	TREE_BY_USER,
	TREE_BY_BLOCKER,
	TREE_BY_SERVER, /* cluster, instance, user and application */
	TREE_AXES
};
const char *tree_axis_name(enum tree_axis a); /* "signature", "app", "client", "user", "blocker", "server" */

/* --- What is remembered */

/* What a session is grouped by; 0 is unknown. */
struct tree_fact {
	uint64_t statement, signature, app, client, user;
	uint64_t source; /* user, application and client host: whose pool it is */
};

struct tree_memory;
struct tree_memory *tree_memory_new(void);
void tree_memory_free(struct tree_memory *m); /* NULL is allowed */
/* Brings it up to date. Facts are computed for instances with a new sample only; counts are taken every ten
 * seconds. A group is counted from its second session on (what it had before counts as none), at most 16,384
 * pairs of group and instance are remembered, and one is forgotten when it was none for three minutes: who is
 * not remembered has no growth. */
void tree_memory_update(struct tree_memory *m, const struct sessions *all, const struct snapshot *snap);
/* One for each of the instance's rows (session_view.n, not the extra ones); valid until the next update. */
const struct tree_fact *tree_facts(const struct tree_memory *m, size_t instance);

/* Which groups are counted; other axes have no growth. */
enum tree_count { COUNT_SIGNATURE, COUNT_APP, COUNT_CLIENT, COUNT_USER, COUNT_SERVER, COUNT_SOURCE };
struct tree_growth {
	bool known;        /* false in the first minute that a server is watched, and after gaps */
	double per_minute; /* least squares over the last three minutes */
	unsigned rising;   /* of the last six counts, how many were above the one before */
};
/* Of the group on one instance, or on all that `in` says (one for each instance; those of which nothing is
 * known are left out). COUNT_SERVER has the key 1. */
struct tree_growth tree_growth_at(
        const struct tree_memory *m, enum tree_count what, uint64_t key, size_t instance);
struct tree_growth tree_growth_of(
        const struct tree_memory *m, enum tree_count what, uint64_t key, const bool *in);

/* --- The tree */

enum tree_kind {
	TREE_SIGNATURE,
	TREE_APP,
	TREE_CLIENT,
	TREE_USER,
	TREE_CLUSTER,
	TREE_INSTANCE, /* a group's share on one server */
	TREE_ACCOUNT,  /* user and application */
	TREE_HEADING,  /* processes that are no clients; TREE_BY_BLOCKER: those who wait for nobody */
	TREE_WAITERS,  /* sessions that wait alike behind the same one */
	TREE_SESSION,
	TREE_XACT, /* lines about the session above */
	TREE_WAIT,
	TREE_STATEMENT
};

enum tree_heading {
	HEADING_NONE,
	HEADING_FREE,
	HEADING_AUTOVACUUM,
	HEADING_WALSENDER,
	HEADING_REPLICATION,
	HEADING_SERVER
};
const char *tree_heading_name(enum tree_heading h); /* "autovacuum", …; HEADING_FREE: "waits for nobody" */

struct tree_entry {
	uint32_t instance, index; /* into session_view.sessions */
};

struct tree_node {
	enum tree_kind kind;
	enum tree_heading heading;
	uint64_t key; /* of its way from the top: the same in the next sample */
	uint8_t depth;
	bool opens, open, last;   /* last: of its parent's children */
	uint32_t rails;           /* bit d: at depth d the parent's line goes on below */
	bool in_queue;            /* stands where it does because of a lock */
	bool worker;              /* a parallel worker below its leader */
	uint32_t first, n;        /* its sessions among the entries: what an action on it means */
	uint32_t instance, index; /* an example: the oldest; of a session and its lines: itself */
	uint32_t servers;
	int64_t oldest_ms; /* -1 unknown */
	struct tree_growth growth;
};

struct tree {
	struct tree_node *nodes; /* in the order of the screen */
	size_t n, cap;
	struct tree_entry *entries;
	size_t nentries, entries_cap;
	/* what is counted, and what is not in it */
	unsigned sessions, groups, own_out, idle_out, filtered_out, hidden, blocked, roots;
	int64_t longest_wait_ms; /* -1 */
	bool truncated;          /* more sessions than are read */
};

enum tree_sort { TREE_SORT_GROWTH, TREE_SORT_COUNT, TREE_SORT_OLDEST, TREE_SORT_NAME };

struct tree_query {
	enum tree_axis axis;
	enum tree_sort sort; /* of the groups on top. GROWTH: growing ones, then others, idle ones last */
	bool reversed;
	const bool *in; /* one for each instance: in scope */
	bool hide_idle, show_own;
	bool (*match)(void *arg, size_t instance, const struct session *s); /* NULL: all */
	void *arg;
	const uint64_t *toggled; /* keys of nodes that are not as they are by themselves: open or folded */
	size_t ntoggled;
};
/* Texts stay where the sessions are. `t` may be used again; zeroed at first. */
void tree_build(struct tree *t, const struct tree_query *q, const struct tree_memory *m,
        const struct sessions *all, const struct snapshot *snap);
void tree_free(struct tree *t);

/* Since when it is in this state, or its statement runs; ms, -1 unknown. */
int64_t tree_age(const struct session *s);
/* Bytes of `client` that name the host; without the port. */
size_t tree_host(const char *client);

#endif
