/* The whole engine on a handful of real servers, as somebody at the screen would have it: lanes, hub,
 * findings and the picture of replication. For tests that produce a state on servers of their own and wait
 * until it is seen. One watch at a time; test thread only. */
#ifndef DBATOP_TESTS_SUPPORT_WATCH_H
#define DBATOP_TESTS_SUPPORT_WATCH_H

#include "core/model/finding.h"
#include "core/run/poll.h"
#include "tests/support/lab.h"

enum { WATCH_MAX = 6, WATCH_SOON_MS = 30000 };

struct watch {
	struct config cfg;
	struct cluster_cfg cluster;
	struct probe_override overrides[8];
	struct instance_cfg instances[WATCH_MAX];
	char names[WATCH_MAX][64];
	struct probe_set *probes;
	struct driver_env env;
	struct hub *hub;
	struct poller *poller;
	struct snapshot *snap; /* the last one looked at, and what was found in it */
	struct finding_memory *memory;
	struct findings *found;
};

/* As the account `monitor`; all probes of replication every 300 ms. */
void watch_start(struct watch *w, const struct driver *driver, const struct lab_server *servers, size_t n);
void watch_stop(struct watch *w);
void watch_look(struct watch *w);

/* NULL when there is none. Names are those of the servers. */
const struct topology_edge *watch_edge(const struct watch *w, const char *from, const char *to);
const struct topology_node *watch_node(const struct watch *w, const char *name);
const struct finding *watch_finding(const struct watch *w, const char *name, enum finding_kind kind);

/* Look until it holds of that link, server or finding, by what all servers were asked since the call; fail
 * the test with all links when it does not within ms. */
void watch_until_edge(struct watch *w, const char *from, const char *to,
        bool (*holds)(const struct topology_edge *e), const char *what, int ms);
void watch_until_node(struct watch *w, const char *name, bool (*holds)(const struct topology_node *n),
        const char *what, int ms);
const struct finding *watch_until_finding(struct watch *w, const char *name, enum finding_kind kind, int ms);
void watch_until_no_finding(struct watch *w, const char *name, enum finding_kind kind, int ms);

#endif
