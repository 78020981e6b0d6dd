/* What a server is in its cluster, and how far behind: one reading for findings and views. Figures of a
 * replica are its own, else its primary's word on it, else the distance between both positions in the log;
 * the source is always named. Pure functions of a snapshot. */
#ifndef DBATOP_MODEL_REPLICATION_H
#define DBATOP_MODEL_REPLICATION_H

#include "core/model/snapshot.h"

enum server_role { SERVER_UNKNOWN, SERVER_PRIMARY, SERVER_REPLICA };
const char *server_role_name(enum server_role r); /* "primary", "replica", "" */
/* What `server` says, unless a channel is configured: a MySQL or MariaDB that applies nothing just now and
 * may be written to calls itself a primary there. SERVER_UNKNOWN before the first answer. */
enum server_role server_role_of(const struct snapshot *snap, size_t instance);

enum lag_state {
	LAG_NONE,    /* a primary */
	LAG_UNKNOWN, /* a replica that does not say */
	LAG_RUNS,    /* lag_ms and lag_bytes as far as known */
	LAG_PAUSED,
	LAG_STOPPED /* or in error: lag_note says what */
};

enum { NOTE_MAX = 160 };

struct replication_facts {
	enum lag_state lag;
	int64_t lag_ms, lag_bytes, delay_ms; /* -1 unknown */
	char source[48];                     /* of the lag; "" unknown */
	char note[NOTE_MAX]; /* STOPPED, PAUSED: why; else the channel when there are several; "" */
};

struct server_facts {
	enum server_role role;  /* SERVER_UNKNOWN before the first answer */
	const char *cluster_id; /* borrowed from the snapshot; NULL unknown */
	struct replication_facts replication;
};

/* One for each instance of the snapshot; n log n; the caller frees. Never NULL. */
struct server_facts *server_facts_build(const struct snapshot *snap);

#endif
