/* Two clocks behind one face: the machine's, and one that tests move by hand. CLOCK_BOOTTIME is read through
 * the vDSO, so asking the time is no system call. */
#include "core/base/clock.h"

#include <stdio.h>
#include <time.h>

static mono_ns real_now(const struct clock *self)
{
	(void)self;
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static wall_us real_wall(const struct clock *self)
{
	(void)self;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (wall_us)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

const struct clock clock_real = {.now = real_now, .wall = real_wall};

static mono_ns manual_now(const struct clock *self)
{
	return atomic_load(&((const struct manual_clock *)(const void *)self)->now);
}

static wall_us manual_wall(const struct clock *self)
{
	return atomic_load(&((const struct manual_clock *)(const void *)self)->wall);
}

void manual_clock_init(struct manual_clock *m, mono_ns now, wall_us wall)
{
	m->clock = (struct clock){.now = manual_now, .wall = manual_wall};
	atomic_init(&m->now, now);
	atomic_init(&m->wall, wall);
}

void manual_clock_advance(struct manual_clock *m, int64_t ms)
{
	atomic_fetch_add(&m->now, ms * NS_PER_MS);
	atomic_fetch_add(&m->wall, ms * 1000);
}

void wall_format(wall_us t, int ms, char out[32])
{
	/* Times before 1970 round down, like all others. */
	int64_t seconds = t / 1000000 - (t % 1000000 < 0);
	int millis = (int)((t - seconds * 1000000) / 1000);
	time_t when = (time_t)seconds;
	struct tm tm;
	gmtime_r(&when, &tm);
	size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	if (ms)
		n += (size_t)snprintf(out + n, 32 - n, ".%03d", millis);
	snprintf(out + n, 32 - n, "Z");
}
