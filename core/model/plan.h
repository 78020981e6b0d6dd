/* Before anything is done to a session: who it is, what ending it means, whether it may be done at all, and
 * how it must be confirmed. Built from a snapshot and nothing else, so the dialog that shows it and the test
 * that judges it read the same thing. Pure; owned by the caller; all text sanitised and redacted by the
 * cluster's policy. */
#ifndef DBATOP_MODEL_PLAN_H
#define DBATOP_MODEL_PLAN_H

#include "core/model/action.h"
#include "core/model/snapshot.h"

enum plan_verdict {
	PLAN_OPEN,    /* may be done after the confirmation */
	PLAN_SECOND,  /* a superuser, a backup, a wraparound vacuum, a session in SyncRep: asked twice, never
	                 part of a bulk */
	PLAN_REFUSED, /* own session, walsender or binlog dump, startup, applier, another server, read-only,
	               * stale beyond use; or a cancel that would do nothing (idle in transaction): `why` says
	               * so and what to do instead */
	PLAN_GONE     /* the session is not there any more */
};

enum plan_confirm {
	CONFIRM_NONE /* nothing to confirm: all refused */,
	CONFIRM_Y,
	CONFIRM_ID,
	CONFIRM_COUNT
};

enum { PLAN_LINES = 8, PLAN_LINE_MAX = 240 };

struct plan_target {
	size_t instance;
	struct session_ref session;
	enum plan_verdict verdict;
	char why[PLAN_LINE_MAX]; /* REFUSED, SECOND, GONE */
	/* What the dialog shows, in order: who and from where; app and state with age; the last statement;
	 * what it holds, frees and rolls back; side effects (SyncRep, CREATE INDEX CONCURRENTLY, parallel
	 * worker → its leader); the proof ("only if still in the transaction begun 13:58:55.104"). */
	char line[PLAN_LINES][PLAN_LINE_MAX];
	unsigned nlines;
	int64_t frees_now, frees_later; /* -1 unknown */
	int64_t rows_to_undo;           /* -1 unknown */
	char offer[PLAN_LINE_MAX]; /* what to do instead: "terminate (K)", a statement to copy; "" for nothing
	                            */
};

struct action_plan {
	enum action_kind kind;
	enum plan_confirm confirm;
	char title[PLAN_LINE_MAX]; /* "Terminate session 4711 on orders-pg-1 (prod)" */
	char expect[24];           /* what must be typed: "y", the session id, the number of victims */
	struct plan_target *targets;
	size_t n, doable; /* doable: how many are OPEN or SECOND */
	bool prod;
};

struct plan_input {
	const struct snapshot *snap;
	enum action_kind kind;
	const struct plan_key {
		size_t instance;
		struct session_ref session;
	} * targets;
	size_t n;
	bool read_only;
	bool armed;                /* `:arm` is in force: terminate is confirmed by y */
	const struct locks *locks; /* set by plan_build for its own parts */
};

struct action_plan *plan_build(const struct plan_input *in);
void plan_free(struct action_plan *plan);
/* The request for a target, as the driver wants it. */
void plan_request(const struct action_plan *plan, const struct snapshot *snap, size_t target,
        struct action_request *out);

#endif
