/* What a server is in its cluster, and how far behind: one reading for findings and views. Figures of a
 * replica are its own, else its primary's word on it, else the distance between both positions in the log;
 * the source is always named. Pure functions of a snapshot. */
#ifndef DBATOP_MODEL_REPLICATION_H
#define DBATOP_MODEL_REPLICATION_H

#include "core/model/snapshot.h"

enum server_role { SERVER_UNKNOWN, SERVER_PRIMARY, SERVER_REPLICA };
const char *server_role_name(enum server_role r); /* "primary", "replica", "" */

enum lag_state {
	LAG_NONE,    /* a primary */
	LAG_UNKNOWN, /* a replica that does not say */
	LAG_RUNS,    /* lag_ms and lag_bytes as far as known */
	LAG_PAUSED,
	LAG_STOPPED /* or in error: lag_note says what */
};

enum { NOTE_MAX = 160 };

/* By its own word; SERVER_UNKNOWN before the first. */
enum server_role server_role_of(const struct snapshot *snap, size_t instance);

struct replication_facts {
	enum lag_state lag;
	int64_t lag_ms, lag_bytes, delay_ms;
	char source[48];
	char note[NOTE_MAX];
};
void replication_facts_of(const struct snapshot *snap, size_t instance, struct replication_facts *out);

#endif
