/* When a probe is asked again and how long it may take: pure arithmetic, apart from the lanes so that a test
 * sees every decision without a thread. Times are on the lane's clock. */
#ifndef DBATOP_RUN_SCHEDULE_H
#define DBATOP_RUN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/config.h"
#include "core/model/probe.h"

/* A number below n (n > 0) from a small generator; *state must not be 0. */
uint32_t random_below(uint64_t *state, uint32_t n);

enum { BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 30000, BACKOFF_LEAST_MS = 50 };
/* Full jitter: anything up to 0.5 s after the first failure, up to 30 s after many, so that lanes that failed
 * together do not come back together. failures ≥ 1. */
uint32_t backoff_ms(unsigned failures, uint64_t *random);

struct schedule {
	mono_ns due;
	uint32_t every_ms;      /* as configured */
	uint32_t limit_base_ms; /* as configured */
	uint32_t limit_max_ms;
	uint32_t interval_ms; /* in force: at least four times what the last answer took */
	uint32_t limit_ms;    /* in force: doubles after a timeout */
	uint32_t retry_ms;    /* after a failure: how long until the next attempt */
	unsigned failures;    /* in a row */
	unsigned quick;       /* answers in a row that would fit the configured limit easily */
	bool slowed;          /* it takes more than a quarter of its interval, or its limit was raised */
};

/* What holds for probe p: the overrides of its cluster, else the cluster's own query timeout where it differs
 * from the default, else the probe's file. interval_ms is the pace of the fast probes (1000: as the file
 * says). Keeps what was learnt about the server. */
void schedule_configure(
        struct schedule *s, const struct probe *p, const struct cluster_cfg *cluster, uint32_t interval_ms);
/* Takes note of one attempt (code ERR_NONE: it worked) and sets the next due time. */
void schedule_done(
        struct schedule *s, mono_ns started, mono_ns finished, enum err_code code, uint64_t *random);

#endif
