/* Short memory of a metric: what a sparkline and a growth rate need, and nothing that grows beyond it. Most
 * metrics of a big fleet have few points or none, so a ring takes room only as it fills. */
#include "core/model/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { APART_DS = 5, FIRST_ROOM = 32 };

static int32_t tenths(const struct series *s, mono_ns at)
{
	return (int32_t)((at - s->epoch) / (NS_PER_S / 10));
}

/* The i-th oldest point. */
static size_t place(const struct series *s, size_t i)
{
	return ((size_t)s->next + SERIES_POINTS - s->count + i) % SERIES_POINTS;
}

/* Until it is full the ring has not turned: its points stand in order, and growing moves none. */
static void grow(struct series *s)
{
	size_t room = s->room == 0 ? FIRST_ROOM : (size_t)s->room * 2;
	s->room = (uint16_t)(room < SERIES_POINTS ? room : SERIES_POINTS);
	s->points = xreallocarray(s->points, s->room, sizeof(*s->points));
}

void series_copy(struct series *to, const struct series *from)
{
	*to = *from;
	if (from->points == NULL)
		return;
	to->points = xmalloc(from->room * sizeof(*to->points));
	memcpy(to->points, from->points, from->count * sizeof(*to->points));
}

void series_clear(struct series *s)
{
	free(s->points);
	*s = (struct series){.count = 0};
}

void series_add(struct series *s, mono_ns at, double value)
{
	if (s->count == 0)
		s->epoch = at;
	int32_t ds = tenths(s, at);
	size_t last = place(s, s->count > 0 ? s->count - 1u : 0);
	/* Asked twice within a moment: one point, so that the ring's 300 cover five minutes. */
	if (s->count > 0 && ds - s->points[last].at_ds < APART_DS) {
		s->points[last].value = (float)value;
		return;
	}
	if (s->count == s->room && s->room < SERIES_POINTS)
		grow(s);
	s->points[s->next] = (struct series_point){.value = (float)value, .at_ds = ds};
	s->next = (uint16_t)((s->next + 1) % SERIES_POINTS);
	if (s->count < SERIES_POINTS)
		s->count++;
}

void series_columns(const struct series *s, mono_ns now, double seconds, float *out, size_t n)
{
	double sum[SERIES_POINTS] = {0};
	unsigned points[SERIES_POINTS] = {0};
	for (size_t i = 0; i < n; i++)
		out[i] = NAN;
	if (s->count == 0 || !(seconds > 0))
		return;
	if (n > SERIES_POINTS) {
		out += n - SERIES_POINTS;
		seconds = seconds / (double)n * SERIES_POINTS;
		n = SERIES_POINTS;
	}
	/* Columns stand on a grid that does not move with `now`, so that only the last one still changes. */
	double width = seconds * 10 / (double)n;
	double end = (floor(tenths(s, now) / width) + 1) * width;
	for (size_t i = 0; i < s->count; i++) {
		const struct series_point *p = &s->points[place(s, i)];
		double back = floor((end - p->at_ds) / width - 1e-9);
		if (isnan(p->value) || back < 0 || back >= (double)n)
			continue;
		size_t column = n - 1 - (size_t)back;
		sum[column] += (double)p->value;
		points[column]++;
	}
	for (size_t i = 0; i < n; i++) {
		if (points[i] > 0)
			out[i] = (float)(sum[i] / points[i]);
	}
}

bool series_slope(const struct series *s, mono_ns now, double seconds, double *per_minute)
{
	double n = 0;
	double sum_t = 0;
	double sum_v = 0;
	double sum_tt = 0;
	double sum_tv = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct series_point *p = &s->points[place(s, i)];
		double t = (p->at_ds - tenths(s, now)) / 10.0;
		double v = (double)p->value;
		if (isnan(v) || t < -seconds || t > 0)
			continue;
		n++;
		sum_t += t;
		sum_v += v;
		sum_tt += t * t;
		sum_tv += t * v;
	}
	double spread = n * sum_tt - sum_t * sum_t;
	if (n < 5 || spread < 1e-6)
		return false;
	*per_minute = (n * sum_tv - sum_t * sum_v) / spread * 60;
	return true;
}
