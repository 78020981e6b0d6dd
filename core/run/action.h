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
/* Who acts, and from where: read once, before the first thread, since it asks the environment. "" is unknown.
 */
struct journal_origin {
	char user[64];  /* the account of the operating system, not the database's */
	char sudo[64];  /* who became that account: SUDO_USER */
	char ssh[160];  /* SSH_CONNECTION */
	char host[128]; /* this machine */
};
void journal_origin_read(struct journal_origin *out);
/* state_dir/journal.jsonl; makes the folder (0700) and the file (0600). Both are kept; a file that others can
 * read or write, or that is none of ours, is an error. The only waiting is for the local disk. */
struct journal *journal_open(
        const char *state_dir, const struct journal_origin *origin, const struct clock *clock, struct err *e);
void journal_close(struct journal *j); /* NULL is allowed */
const char *journal_path(const struct journal *j);

struct action_run; /* one plan on its way */
/* Starts every target that is doable (SECOND only when `second` was confirmed). All of them are in the
 * journal, on disk, before the first is sent. Takes the plan over, unless it fails: then nothing was sent,
 * and e says why (no journal: j NULL). The config behind the snapshot outlives the run, the snapshot need
 * not. */
struct action_run *action_start(struct poller *p, struct journal *j, const struct snapshot *snap,
        struct action_plan *plan, bool second, struct err *e);
/* The second decision on one target that moved on (may_insist): end the connection anyway, or cancel what is
 * left of what was seen (action.h says what has to be the same still). All of that is proved again. */
bool action_insist(struct action_run *run, size_t target, struct err *e);

struct action_progress {
	size_t n, done, ok; /* ok: gone or stopped */
	/* Of one target: its outcome so far and a sentence ("4711: gone after 0.2 s, 1 session resumed"). */
	enum action_outcome outcome;
	bool finished;
	bool may_insist; /* it moved on, but the session is there: action_insist */
	char say[PLAN_LINE_MAX];
};
/* Moves the run on (new outcomes go to the journal) and tells of target i. */
void action_look(struct action_run *run, const struct snapshot *snap, size_t i, struct action_progress *out);
bool action_finished(const struct action_run *run);
void action_free(struct action_run *run); /* unfinished ones are abandoned; the journal says so */

#endif
