/* A deadline of 300 ms on servers that stop at every possible moment, for any driver: once as a test that the
 * call returns in time with ERR_TIMEOUT and what can be drained is used again, once as a measurement of how
 * precisely. */
#ifndef DBATOP_TESTS_SUPPORT_DEADLINE_H
#define DBATOP_TESTS_SUPPORT_DEADLINE_H

#include "core/run/driver.h"

/* What differs between the drivers. */
struct deadline_engine {
	const struct driver *driver;
	enum engine engine;
	const char *kind;           /* of the lab's server: "pg15" */
	const char *library;        /* for the measurement's headline */
	const char *sleep20, *nap;  /* statements with a column a and LIMIT :rows: 20 s, and 0.6 s */
	const char *limit_sqlstate; /* how the server says that its own limit ended a statement; NULL: by
	                               number */
	int limit_native;
};

/* main of a test. */
int deadline_suite(const struct deadline_engine *engine);
/* main of a bench: prints p50, p99 and the latest of each phase, TLS off and on, in ms. Target: p99 at most
 * 315 ms. */
int deadline_bench(const struct deadline_engine *engine, long rounds);

#endif
