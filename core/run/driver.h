/* What a lane needs from a database, implemented in backends/. A connection belongs to one thread at a time.
 * Every function with a ctx may block until it ends, and no longer: on TIMEOUT or CANCELLED the connection is
 * left as it is, mid-answer, for drain or close. No function writes to stdout or stderr, changes the
 * environment or the locale, or keeps a pointer it was given beyond the call (endpoint and env outlive the
 * connection). */
#ifndef DBATOP_RUN_DRIVER_H
#define DBATOP_RUN_DRIVER_H

#include "core/base/ctx.h"
#include "core/base/log.h"
#include "core/model/action.h"
#include "core/model/endpoint.h"
#include "core/model/identity.h"
#include "core/model/probe.h"
#include "core/run/axe.h"
#include "core/run/resolve.h"

/* At most 8 TLS handshakes at once in the process: each costs up to 25 ms of CPU. */
struct gate;
struct gate *gate_new(unsigned places, struct err *e);
void gate_free(struct gate *g);
enum err_code gate_enter(const struct ctx *ctx, struct gate *g); /* waits for a place */
void gate_leave(struct gate *g);

/* What all connections share. */
struct driver_env {
	struct axe *axe;
	struct resolver *resolver;
	struct gate *tls_gate;
	struct log *log;
	char run_id[32];       /* of this run and instance: application_name / connection attribute is
	                           "dbatop/<run id>/<lane>" */
	uint32_t statement_ms; /* server-side limits set at connect: slightly above the lane's own */
	uint32_t lock_ms;
};

struct conn;

/* How the connection stands, filled at connect; owned by the connection. */
struct conn_info {
	struct server_identity server;
	struct backend_ref self;
	bool tls;
	char tls_text[64];        /* "TLSv1.3 TLS_AES_256_GCM_SHA384", "" in clear */
	bool superuser, sees_all; /* sees_all: pg_monitor / PROCESS, so others' rows are whole */
	int64_t skew_us; /* server clock minus ours, measured at connect; precise to half the round trip */
	size_t memory;   /* rough bytes the client library holds */
};

enum drain { DRAIN_CLEAN, DRAIN_BROKEN }; /* CLEAN: usable again */

/* What the reaper found when it cancelled one of our own backends. */
enum reap {
	REAP_SENT,
	REAP_GONE,
	REAP_OTHER
}; /* OTHER: the id belongs to somebody else now: nothing was done */

/* How a followed target looks now. */
struct follow_state {
	bool visible;               /* false: the session is gone */
	bool same_session;          /* the same backend start (PostgreSQL); true elsewhere */
	bool same_xact, same_query; /* by the request's guards */
	bool active;
	bool killed;       /* MySQL: COMMAND = Killed */
	int64_t rows_left; /* rows to undo while rolling back; -1 unknown or none */
	/* MySQL, MariaDB: the server's number of what it executes now, inside a procedure its inner
	 * statement's; it only grows. 0: not known. These servers forget a cancel that comes just as an inner
	 * statement ends, and go on; while one is pending none begins, but for one that ends at once. So what
	 * has grown between two looks some time after a cancel proves that it was forgotten. */
	uint64_t step;
};

struct driver {
	const char *name; /* "postgres", "mysql" */

	/* Resolves, connects, authenticates, recognises a pooler before any SET (ERR_POOLER), reads the
	 * identity, sets the session's limits. Leftovers of this run are the reaper's: two instances may lead
	 * to one server, so an application name alone proves nothing. `lane` becomes part of the application
	 * name: "dbatop/<run id>/<lane>". The ctx's deadline covers all phases. */
	bool (*connect)(const struct ctx *ctx, const struct driver_env *env, const struct endpoint *ep,
	        enum lane_kind lane, struct conn **out, struct err *e);
	const struct conn_info *(*info)(const struct conn *c);

	/* Runs the variant, row by row into a table of the arena. Result columns are matched by name against
	 * the declaration at the first fetch of each probe on this connection; a difference is ERR_PROTOCOL
	 * with both lists. values: one for each param of the probe, :rows first: so many are kept, and
	 * table.truncated tells that the server had more. */
	bool (*fetch)(const struct ctx *ctx, struct conn *c, const struct probe *p,
	        const struct probe_value *values, struct arena *arena, struct table **out, struct err *e);

	/* After a fetch that timed out: reads until the server has answered. DRAIN_BROKEN: close it. */
	enum drain (*drain)(const struct ctx *ctx, struct conn *c);
	/* Cheapest round trip; false when the connection is of no more use. */
	bool (*ping)(const struct ctx *ctx, struct conn *c, struct err *e);

	/* On ADMIN: cancels the statement of one of our own backends, or ends it; proves started (and our run
	 * id) in the same statement. */
	bool (*reap)(const struct ctx *ctx, struct conn *admin, const struct backend_ref *victim,
	        bool terminate, enum reap *out, struct err *e);
	/* On ADMIN: the guarded statement of DESIGN.md §8, once, without following. False only when nothing
	 * was sent. */
	bool (*act)(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
	        struct action_result *out);
	/* On ADMIN: one look at the target. */
	bool (*follow)(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
	        struct follow_state *out, struct err *e);

	/* Never blocks, sends nothing: the socket is closed. NULL is allowed. */
	void (*close)(struct conn *c);

	/* The engine's variants of all probes, for probe_set_add. */
	const struct embedded_file *(*probes)(void);
};

#endif
