/* One set of rules for figures. Rounding happens once, in integers, before a unit is chosen: 59.95 s is
 * 1m00s, never 60s, and 999,950 is 1.0M, never 1000k. */
#include "core/base/human.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* value / unit, rounded half up. */
static int64_t rounded(int64_t value, int64_t unit)
{
	return value / unit + (value % unit * 2 >= unit);
}

const char *human_duration(int64_t ms, char out[HUMAN_MAX])
{
	if (ms < 0)
		ms = 0;
	int64_t tenths = rounded(ms, SECOND / 10);
	int64_t seconds = rounded(ms, SECOND);
	int64_t minutes = rounded(ms, MINUTE);
	int64_t hours = rounded(ms, HOUR);
	int64_t days = rounded(ms, DAY);
	if (tenths < 100)
		snprintf(out, HUMAN_MAX, "%d.%ds", (int)(tenths / 10), (int)(tenths % 10));
	else if (seconds < 60)
		snprintf(out, HUMAN_MAX, "%ds", (int)seconds);
	else if (seconds < 3600)
		snprintf(out, HUMAN_MAX, "%dm%02ds", (int)(seconds / 60), (int)(seconds % 60));
	else if (minutes < INT64_C(24) * 60)
		snprintf(out, HUMAN_MAX, "%dh%02dm", (int)(minutes / 60), (int)(minutes % 60));
	else if (hours < INT64_C(100) * 24)
		snprintf(out, HUMAN_MAX, "%dd%02dh", (int)(hours / 24), (int)(hours % 24));
	else if (days < 100000)
		snprintf(out, HUMAN_MAX, "%dd", (int)days);
	else
		snprintf(out, HUMAN_MAX, ">273y");
	return out;
}

const char *human_bytes(int64_t bytes, int tight, char out[HUMAN_MAX])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	const char *gap = tight ? "" : " ";
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t v = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
	if (v < 1000) {
		snprintf(out, HUMAN_MAX, "%s%u%sB", sign, (unsigned)v, gap);
		return out;
	}
	uint64_t unit = 1000;
	size_t i = 1;
	/* The unit below 999.5 of which it stays. */
	while (i + 1 < sizeof(units) / sizeof(units[0]) && v >= unit * 1000 - unit / 2) {
		unit *= 1000;
		i++;
	}
	uint64_t tenths = (v + unit / 20) / (unit / 10);
	if (tenths < 100)
		snprintf(out, HUMAN_MAX, "%s%u.%u%s%s", sign, (unsigned)(tenths / 10),
		        (unsigned)(tenths % 10), gap, units[i]);
	else
		snprintf(out, HUMAN_MAX, "%s%u%s%s", sign, (unsigned)((v + unit / 2) / unit), gap, units[i]);
	return out;
}

const char *human_count(double v, char out[HUMAN_MAX])
{
	static const char units[] = {'k', 'M', 'G', 'T', 'P', 'E'};
	if (isnan(v)) {
		snprintf(out, HUMAN_MAX, "-");
		return out;
	}
	const char *sign = v < 0 ? "-" : "";
	double size = fabs(v);
	if (size > 0 && size < 0.95) {
		/* Something, though less than one: never shown as nothing. */
		double tenth = size < 0.1 ? 0.1 : size;
		snprintf(out, HUMAN_MAX, "%s%s%.1f", size < 0.05 ? "<" : "", sign, tenth);
		return out;
	}
	if (size < 999.5) {
		snprintf(out, HUMAN_MAX, "%s%.0f", sign, size);
		return out;
	}
	for (size_t i = 0; i < sizeof(units); i++) {
		size /= 1000;
		if (size < 999.5) {
			snprintf(out, HUMAN_MAX, "%s%.*f%c", sign, size < 9.95 ? 1 : 0, size, units[i]);
			return out;
		}
	}
	snprintf(out, HUMAN_MAX, "%s999E", v < 0 ? "-" : ">");
	return out;
}

struct time_unit {
	const char *name;
	int64_t ms;
};

int64_t human_parse_duration(const char *s)
{
	static const struct time_unit units[] = {{"ms", 1}, {"s", SECOND}, {"m", MINUTE}, {"h", HOUR}};
	int64_t value = 0;
	const char *at = s;
	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (*at - '0');
		/* No duration of ours is near 31 years; this keeps the products below in range. */
		if (value > INT64_C(1000000000000))
			return -1;
	}
	if (at == s)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(at, units[i].name) == 0)
			return value * units[i].ms;
	}
	return -1;
}
