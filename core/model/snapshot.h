/* The fleet at one moment, as the reader took it: references to samples, nothing copied. Every view renders
 * from this and from nothing else; later a moment of the history has the same shape. Owned by whoever took
 * it; constant. */
#ifndef DBATOP_MODEL_SNAPSHOT_H
#define DBATOP_MODEL_SNAPSHOT_H

#include "core/base/clock.h"
#include "core/model/config.h"
#include "core/model/identity.h"
#include "core/model/sample.h"
#include "core/model/series.h"

struct slot_view {
	const struct sample *latest; /* may be an error; NULL before the first */
	const struct sample *good;   /* the last one that worked; NULL when there was none */
};

enum link_state {
	LINK_IDLE,       /* not started, or nobody looks */
	LINK_CONNECTING, /* the first attempt is under way */
	LINK_UP,
	LINK_DOWN, /* err says why; retry_at says when again */
};

/* How we stand with one instance: of its FAST lane, which every view needs. */
struct link_view {
	enum link_state state;
	struct err err;      /* of the last failed connect or query; code ERR_NONE when up and well */
	mono_ns since;       /* of the state */
	mono_ns last_answer; /* 0: never */
	wall_us last_answer_wall;
	mono_ns retry_at;              /* 0: none planned */
	struct server_identity server; /* of the last connect; engine ENGINE_NONE before */
	struct server_identity admin;  /* what ADMIN reached */
	bool tls, superuser, sees_all, admin_up;
	char tls_text[64]; /* "TLSv1.3 TLS_AES_256_GCM_SHA384", "" in clear */
	int64_t skew_us;
	unsigned connections, zombies; /* ours at that server, now */
	/* own cost, over the last 10 s */
	float queries_per_s, server_ms_per_s;
	uint64_t timeouts, reconnects;
};

struct instance_view {
	const struct instance_cfg *cfg;
	const struct cluster_cfg *cluster;
	struct link_view link;
	struct slot_view slot[PROBE_NAMES_MAX];
	const struct series *series; /* METRIC_COUNT rings as they were; NULL before the first point */
};

struct snapshot {
	mono_ns now;
	wall_us wall;
	size_t n;
	struct instance_view *instances;
	const struct probe_set *probes;
	const struct config *config;
};

/* Slot by probe name; NULL members when the name is unknown. */
struct slot_view snapshot_slot(const struct snapshot *s, size_t instance, const char *probe);
/* The table of the last good sample, NULL when there is none. */
const struct table *snapshot_table(const struct snapshot *s, size_t instance, const char *probe);
/* Age of the last good sample in ms; -1 when there is none. */
int64_t snapshot_age_ms(const struct snapshot *s, size_t instance, const char *probe);
/* Not asked on purpose: its `when` has been false since its last good sample, whose rows are over then. */
bool snapshot_is_gated(const struct snapshot *s, size_t instance, const char *probe);
/* Whether that age needs saying: none yet, older than 2.5 intervals, or the latest failed. A gated probe is
 * not stale. */
bool snapshot_is_stale(const struct snapshot *s, size_t instance, const char *probe);
/* "stale 14 s · timed out after 800 ms, retry in 3 s", "denied: …", "took 1.9 s, asked every 8 s" when
 * slowed, "" when fresh: for a panel's title. */
void snapshot_reason(const struct snapshot *s, size_t instance, const char *probe, struct buf *out);

#endif
