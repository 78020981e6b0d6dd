/* Time as a parameter. Deadlines are on CLOCK_BOOTTIME, so that a laptop's sleep counts; tests use a manual
 * clock and need no sleep. Any thread. */
#ifndef DBATOP_BASE_CLOCK_H
#define DBATOP_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

typedef int64_t mono_ns; /* nanoseconds on CLOCK_BOOTTIME, or on the manual clock */
typedef int64_t wall_us; /* microseconds since 1970-01-01 UTC */

#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_S   INT64_C(1000000000)
#define MONO_NEVER INT64_MAX

struct clock {
	mono_ns (*now)(const struct clock *self);
	wall_us (*wall)(const struct clock *self);
};

extern const struct clock clock_real;

/* Stands still until told otherwise. `clock` is the first member: pass &m.clock. */
struct manual_clock {
	struct clock clock;
	_Atomic int64_t now;
	_Atomic int64_t wall;
};
void manual_clock_init(struct manual_clock *m, mono_ns now, wall_us wall);
void manual_clock_advance(struct manual_clock *m, int64_t ms);

static inline mono_ns clock_now(const struct clock *c)
{
	return c->now(c);
}
static inline wall_us clock_wall(const struct clock *c)
{
	return c->wall(c);
}

/* "2026-11-22T14:02:07Z", or with milliseconds ("….123Z") when `ms`. */
void wall_format(wall_us t, int ms, char out[32]);

#endif
