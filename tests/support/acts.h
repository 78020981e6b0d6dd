/* Actions from end to end: the engine on a real server, a plan from what it sees, the run of it, the sentence
 * at its end. For the tests of faults; one at a time, test thread only. */
#ifndef DBATOP_TESTS_SUPPORT_ACTS_H
#define DBATOP_TESTS_SUPPORT_ACTS_H

#include "core/run/action.h"
#include "tests/support/drive.h"

enum { ACTS_VICTIMS_MAX = 16 };

struct acts {
	struct drive drive;
	struct lab_server server;
	struct cluster_cfg cluster;
	struct instance_cfg instance;
	struct config cfg;
	struct hub *hub;
	struct poller *poller;
	struct journal *journal;
	char dir[64]; /* of the journal */
	struct snapshot *snap;
	/* What acts_see looks for. */
	int64_t ids[ACTS_VICTIMS_MAX];
	size_t nids;
	const char *state;
	int64_t waiter;
	/* The last run: its sentence for the first victim, and every outcome it went through. */
	struct action_progress told;
	bool rolled_back;
	size_t gone;
};

/* As that user, over a proxy's port when it is not 0. */
void acts_start(struct acts *a, const struct driver *driver, const struct lab_server *server,
        const char *user, int port);
void acts_stop(struct acts *a);
void acts_look(struct acts *a);
/* Waits until all of these sessions are seen in that state (NULL: any). */
void acts_see(struct acts *a, const int64_t *ids, size_t n, const char *state);
/* Waits until `waiter` is seen to wait for `blocker`. */
void acts_see_blocked(struct acts *a, int64_t waiter, int64_t blocker);
bool acts_admin_is_up(struct acts *a);
/* Plans, confirms, follows to the end; a->told holds the outcome of the first victim. NULL-terminated by n.
 */
void acts_do(struct acts *a, enum action_kind kind, const int64_t *ids, size_t n, int ms);
/* Lines of the journal that hold this text. */
unsigned acts_journal(const struct acts *a, const char *text);

#endif
