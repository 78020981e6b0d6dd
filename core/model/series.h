/* A ring of the last 300 points of one metric: sparklines, growth, ETA. Points are a second or more apart and
 * carry their time. A zeroed one is empty and owns nothing; its memory grows with its points. */
#ifndef DBATOP_MODEL_SERIES_H
#define DBATOP_MODEL_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/clock.h"

enum { SERIES_POINTS = 300 };
enum metric { METRIC_RATE, METRIC_ACTIVE, METRIC_CONNECTIONS, METRIC_LAG, METRIC_COUNT };

struct series_point {
	float value;   /* NaN: unknown at that time */
	int32_t at_ds; /* tenths of a second since `epoch` */
};

struct series {
	struct series_point *points; /* owned; room for `room` of them */
	mono_ns epoch;
	uint16_t room, next, count;
};

void series_add(struct series *s, mono_ns at, double value);
/* A copy with points of its own; to holds nothing yet. */
void series_copy(struct series *to, const struct series *from);
void series_clear(struct series *s); /* frees the points, leaves an empty one */
/* Resamples the last `seconds` before `now` into n columns (mean of the points in each; NaN where there are
 * none). */
void series_columns(const struct series *s, mono_ns now, double seconds, float *out, size_t n);
/* Change per minute over the last `seconds` by least squares; false with fewer than 5 points. */
bool series_slope(const struct series *s, mono_ns now, double seconds, double *per_minute);

#endif
