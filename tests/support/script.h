/* A database that does as it is told: struct driver over a script, on a manual clock that its slow answers
 * move. Tests of hub and lanes need no server and no time. One script at a time; every function may be called
 * while lanes run. */
#ifndef DBATOP_TESTS_SUPPORT_SCRIPT_H
#define DBATOP_TESTS_SUPPORT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/run/driver.h"

enum { SCRIPT_PROBES = 16, SCRIPT_BACKENDS = 4096 };

/* What happens to a fetch of one probe. */
struct script_answer {
	enum err_code error; /* ERR_NONE: it works */
	uint32_t takes_ms;   /* the clock moves by so much, or to the deadline: then it is a timeout */
	int64_t value;       /* of every integer column; each fetch adds `step` */
	int64_t step;
};

void script_reset(void); /* the clock stands at 1,000 s */
extern const struct driver script_driver;
struct manual_clock *script_clock(void);

void script_answer(const char *probe, struct script_answer answer);
void script_connect_error(int lane, enum err_code error); /* lane -1: all; ERR_NONE: connects work */
void script_connect_hangs(bool hangs);                    /* until its ctx ends */
void script_server(const char *id, const char *start);    /* identity of later connects */
void script_admin_server(const char *id);                 /* ADMIN reaches another; NULL: the same */
void script_drains(bool drains); /* a timed-out fetch can be drained once it was cancelled */
void script_dies(bool dies);     /* a terminated backend is gone at the next look */
void script_target(bool visible, bool active, int64_t rows_left); /* what follow sees */
/* What acts does nothing the first n times, and the target goes from one step to the next; then it ends. */
void script_forgets(unsigned n);
/* fetch waits, deaf to its ctx, until released: a client library that cannot be cut. */
void script_stick(bool stuck);

/* What has happened since the reset. */
unsigned script_asked(const char *probe);
unsigned script_asked_since(const char *probe); /* … with the answer before at hand */
unsigned script_connects(int lane);
unsigned script_cancels(void);
unsigned script_terminates(void);
unsigned script_acts(void);
unsigned script_pings(void);
unsigned script_backends(void);        /* living now: connected, or closed with a statement running */
unsigned script_backends_max(void);    /* the most at any moment */
unsigned script_open(void);            /* connections not closed yet */
unsigned script_asked_elsewhere(void); /* … fetches on another thread than the login's */
/* struct conn of one owner must never be used by two threads at once; true when it was. */
bool script_misused(void);

#endif
