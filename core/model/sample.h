/* The frozen result of one probe on one instance: published once, never changed, freed by the last reference.
 * All its bytes are in its own arena. A failed probe is a sample too: it has an err and no table. */
#ifndef DBATOP_MODEL_SAMPLE_H
#define DBATOP_MODEL_SAMPLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/model/probe.h"

struct sample {
	atomic_uint refs;
	struct arena *arena;
	const struct probe *probe;
	mono_ns started, finished;
	wall_us taken_at;          /* UTC, our clock, at `finished` */
	char server_start[40];     /* the server's start time as it wrote it: rates compare equal ones only */
	const struct err *err;     /* never NULL; code ERR_NONE: table is set */
	const struct table *table; /* NULL when err */
	uint32_t
	        interval_ms; /* the interval in force: longer than probe->every_ms when the probe is slowed */
	uint32_t retry_ms;   /* after an error: when the lane tries again */
	bool slowed;         /* it ate more than a quarter of its interval, or timed out */
	bool newer;          /* the server is newer than the newest variant */
};

/* One reference, owned by the caller. The arena is owned by the sample from here on. */
struct sample *sample_new(const struct probe *probe, struct arena *arena);
/* Copies e into the arena: the many samples that have none carry no room for a text. Before publishing. */
void sample_fail(struct sample *s, const struct err *e);
struct sample *sample_ref(const struct sample *s); /* any thread; the sample stays constant */
void sample_unref(const struct sample *s);         /* any thread; NULL is allowed */

#endif
