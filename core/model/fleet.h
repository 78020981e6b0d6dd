/* One row for each instance with everything the Fleet view shows, grouped by cluster. Built from a snapshot
 * and its findings; borrows from both. Unknown is -1 (NaN for rates), never 0. One owner; may not block. */
#ifndef DBATOP_MODEL_FLEET_H
#define DBATOP_MODEL_FLEET_H

#include "core/model/finding.h"
#include "core/model/replication.h"

struct fleet_row {
	size_t instance;
	enum server_role role;
	enum severity health;
	bool answers; /* false: show `state` across the row; the figures are the last known */
	bool stale;   /* pulse is old or failed */
	int64_t pulse_age_ms;
	int64_t connections;           /* clients */
	int64_t limit_used, limit_max; /* the tightest limit */
	const char *limit_name;        /* borrowed; NULL unknown */
	int64_t active, idle_xact, blocked, oldest_xact_ms, hidden;
	enum lag_state lag;
	int64_t lag_ms, lag_bytes;
	char lag_source[48];     /* where the worse known figure is from; "" unknown */
	char lag_note[NOTE_MAX]; /* STOPPED, PAUSED: the error or state; else the channel when there are
	                                  several */
	double rate;             /* queries (else transactions) a second */
	bool rate_is_queries;
	char state[NOTE_MAX]; /* one clause: "9 wait for 4711", "replay paused", "no answer for 14 s ·
	                               …"; "" when well */
	char tight[FINDING_TIGHT_MAX]; /* `state` where that would be cut: the culprit first; "": as it is */
};

struct fleet_group {
	size_t cluster; /* index into config.clusters */
	const char *name;
	size_t first, n; /* rows */
	enum severity health;
	unsigned ok, warn, crit;
};

/* A replica that a primary names and nobody configured. Servers tell where it connects from, not where it
 * listens: the port is taken to be the primary's. */
enum { FLEET_HOST_MAX = 128 };
struct fleet_offer {
	size_t primary; /* instance: config_add_like copies it */
	char host[FLEET_HOST_MAX];
	uint16_t port;
};

struct fleet {
	struct fleet_row *rows; /* by cluster, then in the order of the config */
	size_t n;
	struct fleet_group *groups; /* in the order of the config; clusters without instances left out */
	size_t ngroups;
	struct fleet_offer *offers; /* sorted, each once */
	size_t noffers;
	unsigned ok, warn, crit; /* instances; a notice counts as ok */
	unsigned unanswered;     /* of them, how many do not answer */
};

struct fleet *fleet_build(const struct snapshot *snap, const struct findings *findings);
void fleet_free(struct fleet *f);

#endif
