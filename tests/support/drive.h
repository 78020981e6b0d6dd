/* A driver driven by hand, as a lane would: the environment that connections share, endpoints of the lab's
 * servers, the driver's own probes. What is not expected to fail fails the test. One thread. */
#ifndef DBATOP_TESTS_SUPPORT_DRIVE_H
#define DBATOP_TESTS_SUPPORT_DRIVE_H

#include "core/run/driver.h"
#include "tests/support/lab.h"

struct drive {
	const struct driver *driver;
	struct driver_env env;
	struct probe_set *probes;
	struct ctx root;
};

/* statement_ms 2,000 and lock_ms 100; the run id tells runs apart. */
void drive_start(struct drive *d, const struct driver *driver);
void drive_stop(struct drive *d);

/* The lab's shared servers of an engine, without those that some test has spawned for itself and may be
 * stopping at this moment. */
size_t drive_servers(const char *engine, struct lab_server *servers, size_t room);
/* The same of the driver's own engines (MySQL and MariaDB have one driver); without replicas when asked. */
size_t drive_served(const struct drive *d, bool primaries, struct lab_server *servers, size_t room);

/* The server's own port when port is 0, else that of a proxy before it. tls as in sslmode; endpoint_free it.
 */
void drive_endpoint(const struct lab_server *server, const char *user, int port, const char *sslmode,
        struct endpoint *out);

/* A connection within 5 s. */
struct conn *drive_connect(const struct drive *d, const struct endpoint *ep, enum lane_kind lane);
/* The same from scratch: the endpoint lives on in *ep. */
struct conn *drive_open(const struct drive *d, const struct lab_server *server, const char *user,
        enum lane_kind lane, struct endpoint *ep);

/* The variant of a probe for the server behind c; fails when there is none. */
const struct probe *drive_probe(const struct drive *d, const struct conn *c, const char *name);
/* Fetches within ms: rows as declared; id is bound to a parameter `id`. */
bool drive_fetch(const struct drive *d, struct conn *c, const char *name, int64_t id, uint32_t ms,
        struct arena *arena, struct table **out, struct err *e);
/* The same, but it must succeed, within 5 s. */
struct table *drive_table(
        const struct drive *d, struct conn *c, const char *name, int64_t id, struct arena *arena);

/* A cell of a column that must exist; the row whose integer column `key` holds value, -1 when there is none.
 */
const struct cell *drive_cell(const struct table *t, size_t row, const char *column);
long drive_row(const struct table *t, const char *key, int64_t value);
/* Whether a cell is this text; NULL: any cell. */
bool drive_cell_is(const struct table *t, size_t row, const char *column, const char *text);
/* A cell as a guard of an action, "" when it is unknown. */
void drive_guard(const struct table *t, size_t row, const char *column, char out[GUARD_MAX]);

#endif
