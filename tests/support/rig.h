/* The whole engine on one real server: hub, lanes, reaper with a backend's driver and statements that a test
 * writes itself. For the tests of faults. One rig at a time; test thread only. */
#ifndef DBATOP_TESTS_SUPPORT_RIG_H
#define DBATOP_TESTS_SUPPORT_RIG_H

#include "core/run/poll.h"
#include "tests/support/lab.h"

struct rig {
	struct lab_server server; /* the account `monitor` is nobody's but the rig's there */
	struct endpoint endpoint;
	struct cluster_cfg cluster;
	struct instance_cfg instance;
	struct config cfg;
	struct probe_set *probes;
	struct driver_env env;
	struct hub *hub;
	struct poller *poller;
	struct snapshot *snap; /* the last one looked at */
};

/* Two probes: `pulse` (SELECT 1, every 200 ms) and `slow`, which sleeps for 30 s, limit 300 ms. port: of a
 * proxy, 0: the server itself. */
void rig_start(struct rig *r, const struct driver *driver, const struct lab_server *server, int port,
        const char *sslmode);
void rig_stop(struct rig *r); /* fails the test when a lane does not come back within 5 s */

void rig_want(struct rig *r, bool slow);
void rig_look(struct rig *r);
const struct link_view *rig_link(const struct rig *r);
const struct slot_view *rig_slot(const struct rig *r, const char *probe);
/* Looks until it holds; false at the deadline. Fails the test when the server has more than three connections
 * of ours meanwhile (asked from the side, unless it is paused). */
bool rig_until(struct rig *r, bool (*condition)(struct rig *r), bool paused, int ms);

/* What the server itself says about `monitor`: connections; sleeping statements. */
long rig_connections(struct rig *r);
long rig_sleeping(struct rig *r);

#endif
