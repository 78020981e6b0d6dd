/* Part of plan.c: one row of `sessions` read by name, and the steps from a row to a target of a plan. Nothing
 * else includes this. */
#ifndef DBATOP_MODEL_PLAN_PARTS_H
#define DBATOP_MODEL_PLAN_PARTS_H

#include "core/model/plan.h"

/* Borrowed from the snapshot. Unknown: NULL, -1, false. */
struct plan_row {
	const struct table *table;
	size_t row;
	enum engine engine;
	int64_t id, leader;
	const char *started, *user, *db, *app, *client, *kind, *state, *command, *wait_type, *wait, *phase;
	const char *xact_guard, *query_guard;
	int64_t xact_ms, query_ms, state_ms, rows_locked, rows_modified;
	double progress; /* -1 unknown */
	bool superuser, sync_wait, own;
	const char *query; /* any bytes */
	size_t query_len;
};
void plan_row_read(const struct table *sessions, size_t row, enum engine engine, struct plan_row *out);
/* The row of that id; -1 when there is none. */
long plan_row_of(const struct table *sessions, int64_t id);
bool plan_row_idle(const struct plan_row *r); /* nothing runs: idle, in a transaction or not */
bool plan_row_in_xact(const struct plan_row *r);

/* What the action frees, from the table of `blockers`. */
struct plan_effect {
	int64_t now, later;      /* -1 unknown */
	int64_t behind;          /* later, behind whom; 0: nobody to name */
	int64_t behind_prepared; /* how many prepared transactions this session waits for: 0 or 1 */
};
/* blockers NULL: nobody waits. */
void plan_frees(const struct table *blockers, enum engine engine, enum action_kind kind, int64_t id,
        struct plan_effect *out);

/* The same from the queues of the probe `locks`, when they are fresh; false: they are not. */
struct locks;
bool plan_frees_by_queues(const struct plan_input *in, size_t instance, const struct plan_row *r,
        const struct locks *locks, struct plan_effect *out);

/* May it be done at all? Fills verdict, why and offer. */
void plan_judge(
        const struct plan_input *in, size_t instance, const struct plan_row *r, struct plan_target *t);
/* A sentence for a target that is refused whatever its row says (read-only, another server, too old);
 * false: go on. */
bool plan_refuse_all(const struct plan_input *in, size_t instance, struct plan_target *t);
/* The lines of the dialog. */
void plan_describe(
        const struct plan_input *in, size_t instance, const struct plan_row *r, struct plan_target *t);

/* Whether the statement contains the words in this order, one after another, whatever stands between; ASCII
 * case does not matter. For side effects only, never for identity. */
bool plan_says(const struct plan_row *r, const char *const *words, size_t n);

#endif
