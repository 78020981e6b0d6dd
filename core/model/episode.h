/* Stalls of this run, also those that are over: when sessions waited for locks, how many at most, who was at
 * the head and what it had last said; and how many deadlocks the server has counted since we look. Fed with
 * each new snapshot and its sessions, keeps the last few of each instance. Plain memory, one owner; may not
 * block. */
#ifndef DBATOP_MODEL_EPISODE_H
#define DBATOP_MODEL_EPISODE_H

#include "core/model/session.h"
#include "core/model/snapshot.h"

enum { EPISODES_MAX = 16, EPISODE_QUERY_MAX = 256 };

struct episode {
	wall_us began;     /* our clock; of the first wait, when the server says how long it waits */
	int64_t length_ms; /* so far while it lasts */
	bool over;
	uint32_t peak;      /* waiters at most */
	int64_t longest_ms; /* the longest wait, -1 unknown */
	/* at the peak */
	int64_t head; /* 0 a prepared transaction, -1 not named */
	enum session_state state;
	char app[64];
	char query[EPISODE_QUERY_MAX]; /* as it was: redact before it is shown */
	size_t query_n;
};

struct deadlocks {
	bool known;
	int64_t since;      /* since we look */
	double per_min;     /* of the last minutes in which there were any; NaN unknown */
	wall_us last;       /* when the count last rose, 0: it has not */
	int64_t first, now; /* the server's own counter */
};

struct episodes;
struct episodes *episodes_new(void);
void episodes_free(struct episodes *e); /* NULL is allowed */
void episodes_update(struct episodes *e, const struct snapshot *snap, const struct sessions *sessions);
/* Newest first; valid until the next update. */
const struct episode *episodes_of(const struct episodes *e, size_t instance, size_t *n);
const struct deadlocks *episodes_deadlocks(const struct episodes *e, size_t instance);

#endif
