/* Lanes: the threads that ask servers. For each instance FAST polls what is looked at, SLOW is opened only
 * when a slow probe is looked at, ADMIN is opened early and kept for actions, the reaper and single
 * questions, so that it works when max_connections is full. At most three connections an instance at any
 * moment, zombies counted. */
#ifndef DBATOP_RUN_POLL_H
#define DBATOP_RUN_POLL_H

#include "core/run/driver.h"
#include "core/run/hub.h"

struct poller;

struct poller_options {
	const struct config *config;
	const struct probe_set *probes;
	const struct driver *postgres, *mysql; /* who serves which endpoint */
	struct driver_env env; /* run_id: at most 16 bytes, each instance adds its number; limits 0: by config */
	struct hub *hub;
	const struct clock *clock;
	bool once;  /* ask each wanted probe once, do not repeat */
	bool admin; /* open ADMIN lanes */
};

/* Starts two threads an instance (SLOW later, on demand). Does not block. */
struct poller *poller_start(const struct poller_options *opt, struct err *e);
/* A new instance of the config (config_add_like) joins. */
bool poller_add(struct poller *p, size_t instance, struct err *e);
/* Asks every due probe now; the interval of the fast probes changes to ms when not 0. Any thread. */
void poller_kick(struct poller *p, uint32_t interval_ms);
/* Cancels everything, waits at most until ctx ends. True when all lanes came back: the poller is freed. False:
 * some are abandoned; the poller, its hub and all that it was given must stay as they are (it may be asked to
 * stop once more). Builds for sanitizers and gcov wait for all. */
bool poller_stop(const struct ctx *ctx, struct poller *p);

/* Own cost, for :self. */
struct poller_self {
	unsigned lanes, lanes_stuck, connections, zombies;
	uint64_t queries, timeouts;
};
void poller_self(struct poller *p, struct poller_self *out);

/* One question on ADMIN, asynchronous: the answer arrives as a job that the reader polls. */
enum job_kind { JOB_ACT, JOB_DETAIL };
enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_FOLLOWING, JOB_DONE };
struct job;
/* JOB_ACT: sends the guarded statement and follows it to its end (at most follow_ms; then OUTCOME_STILL_THERE
 * or _ROLLING_BACK). NULL with e set when that instance has no ADMIN lane. The caller owns the job and frees
 * it with job_unref; the lane holds its own reference. */
struct job *poller_act(struct poller *p, size_t instance, const struct action_request *req,
        uint32_t follow_ms, struct err *e);
/* JOB_DETAIL: fetches probe `name` (a probe with params) once with these values (copied). */
struct job *poller_ask(struct poller *p, size_t instance, const char *probe, const struct probe_value *values,
        size_t n, struct err *e);

struct job_view {
	enum job_state state;
	struct action_result result; /* JOB_ACT */
	const struct sample *sample; /* JOB_DETAIL, when done: borrowed from the job */
	mono_ns started, changed;
};
void job_look(struct job *j, struct job_view *out); /* reader thread, does not wait */
void job_unref(struct job *j);

#endif
