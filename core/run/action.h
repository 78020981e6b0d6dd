/* Carries a confirmed plan out: one guarded statement a target on its instance's ADMIN lane, each followed to
 * its end, each written to the append-only journal (JSONL, 0600) before it is sent and again with its
 * outcome. Started and looked at by the reader thread; nothing here waits. */
#ifndef DBATOP_RUN_ACTION_H
#define DBATOP_RUN_ACTION_H

#include "core/model/plan.h"
#include "core/run/poll.h"

/* The journal: one line an event, flushed with fdatasync before the statement is sent; who (OS user,
 * SSH_CONNECTION), when, from where, the target as it was seen, the SQL sent, the outcome. Literals of
 * statements are redacted. A journal that cannot be written refuses actions. */
struct journal;
struct journal *journal_open(const char *state_dir, const struct clock *clock, struct err *e);
void journal_close(struct journal *j);
const char *journal_path(const struct journal *j);

struct action_run; /* one plan on its way */
/* Starts every target that is doable (SECOND only when `second` was confirmed). Takes the plan over. */
struct action_run *action_start(struct poller *p, struct journal *j, const struct snapshot *snap,
        struct action_plan *plan, bool second, struct err *e);
/* The second decision on one target whose transaction changed: end the connection anyway. */
bool action_insist(struct action_run *run, size_t target, struct err *e);

struct action_progress {
	size_t n, done, ok; /* ok: gone or stopped */
	/* Of one target: its outcome so far and a sentence ("4711: gone after 0.2 s, 1 session resumed"). */
	enum action_outcome outcome;
	bool finished;
	char say[PLAN_LINE_MAX];
};
/* Moves the run on (new outcomes go to the journal) and tells of target i. */
void action_look(struct action_run *run, const struct snapshot *snap, size_t i, struct action_progress *out);
bool action_finished(const struct action_run *run);
void action_free(struct action_run *run); /* unfinished ones are abandoned; the journal says so */

#endif
