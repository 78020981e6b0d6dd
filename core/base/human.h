/* Numbers as people say them at three in the morning: 3m12s, 1.1 MB, 8.2k. One set of rules, so that the
 * same figure looks the same on every screen and keeps its width from tick to tick. Rounded half up; a
 * negative amount of bytes adds its sign. Pure, any thread. */
#ifndef DBATOP_BASE_HUMAN_H
#define DBATOP_BASE_HUMAN_H

#include <stdint.h>

enum { HUMAN_MAX = 24 };

/* "0.3s", "12s", "3m12s", "2h05m", "41d03h"; at most 6 cells. Milliseconds in; negative → "0.0s". */
const char *human_duration(int64_t ms, char out[HUMAN_MAX]);
/* "512 B", "1.1 MB", "214 GB": powers of 1,000, at most 6 cells; `tight` drops the space: "1.1MB". */
const char *human_bytes(int64_t bytes, int tight, char out[HUMAN_MAX]);
/* "7", "940", "8.2k", "1.3M": at most 5 cells. Below one "0.3", "<0.1"; not a number → "-". */
const char *human_count(double v, char out[HUMAN_MAX]);

/* "800ms", "5s", "2m", "1h" → milliseconds; -1 when it is none of these. */
int64_t human_parse_duration(const char *s);

#endif
