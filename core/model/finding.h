/* What is wrong, worst first, each as one sentence with its cause: the line above the footer, Fleet's state,
 * what `!` jumps to. Built from a snapshot and a small memory (consecutive samples, hysteresis, the last
 * known role and start of each server). Thresholds are the cluster's. Deterministic: no clock but the
 * snapshot's. One owner; may not block. */
#ifndef DBATOP_MODEL_FINDING_H
#define DBATOP_MODEL_FINDING_H

#include "core/model/episode.h"
#include "core/model/identity.h"
#include "core/model/replication.h"
#include "core/model/session.h"
#include "core/model/severity.h"
#include "core/model/snapshot.h"
#include "core/model/topology.h"
#include "core/model/tree.h"

/* In order of rank within one severity. */
enum finding_kind {
	FINDING_SPLIT_BRAIN,
	FINDING_OTHER_SERVER, /* a lane reached another server */
	FINDING_UNREACHABLE,
	FINDING_CRASH_RECOVERY, /* a process crashed, and all sessions with it */
	FINDING_BLOCKED,
	FINDING_COMMIT_WAITS, /* for a synchronous standby that is not there */
	FINDING_CONNECTIONS,
	FINDING_WRAPAROUND,
	FINDING_SLOT,              /* about to be lost, lost, or filling the disk */
	FINDING_RECOVERY_CONFLICT, /* replay waits for a reader */
	FINDING_REPLICATION,       /* stopped, paused, lagging */
	FINDING_ERRANT,            /* transactions that a replica's primary has not */
	FINDING_ORPHAN,            /* a replica of nobody */
	FINDING_ROLE_FLIP,
	FINDING_RESTART,
	FINDING_WRITABLE_REPLICA,
	FINDING_READ_ONLY_PRIMARY,
	FINDING_ARCHIVER,
	FINDING_LEAK,
	FINDING_IDLE_XACT,
	FINDING_LONG_STATEMENT,
	FINDING_LONG_XACT,
	FINDING_HORIZON, /* held for an hour: nothing newer can be vacuumed */
	FINDING_HISTORY,
	FINDING_NOT_SUPER_READ_ONLY,
	FINDING_NEWER_SERVER, /* than this dbatop knows */
	FINDING_KINDS
};
const char *finding_kind_name(enum finding_kind k); /* "blocked": stable, for JSON */

enum { FINDING_TEXT_MAX = 256, FINDING_BRIEF_MAX = 96, FINDING_TIGHT_MAX = 48 };

struct finding {
	enum finding_kind kind;
	enum severity severity;
	size_t instance;
	char text[FINDING_TEXT_MAX]; /* "orders-pg-1: 9 sessions wait for pid 4711 (idle in transaction …)" */
	char brief[FINDING_BRIEF_MAX]; /* for the instance's own row: "9 wait for 4711" */
	/* Where the brief would be cut: the culprit first, "15700 blocks 12". "": the brief begins with it.
	 */
	char tight[FINDING_TIGHT_MAX];
	const char *view;           /* which explains it: "sessions", "replication" … */
	struct session_ref culprit; /* id 0: the instance itself */
	int64_t weight;             /* more is worse within one kind */
};

struct findings {
	struct finding *item; /* worst first */
	size_t n;
	/* What they were found in, for the views: borrowed from the memory, valid until its next step. */
	const struct sessions *sessions;
	const struct tree_memory *tree;
	/* One for each instance of the snapshot: role and lag. */
	struct server_facts *servers;
	struct topology *topology; /* who replicates whom */
	/* Stalls of this run and deadlocks; as sessions. */
	const struct episodes *episodes;
};

struct finding_memory;
/* once: a single look (`once`, `doctor`): rules that ask for several samples take one. */
struct finding_memory *finding_memory_new(bool once);
void finding_memory_free(struct finding_memory *m);
/* One step: call it with each new snapshot, not with the same or an older one (while PAUSED keep the last
 * result). The caller owns the result; samples are counted once, however often this is called. */
struct findings *findings_build(struct finding_memory *m, const struct snapshot *snap);
void findings_free(struct findings *f);

/* The worst finding of one instance, NULL when it is well. */
const struct finding *findings_of(const struct findings *f, size_t instance);

#endif
