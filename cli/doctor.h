/* `dbatop doctor`: what stands between these servers and a full view of them, as advice: what is, what is
 * lost by it, and the exact statement that changes it. Pure: from a snapshot. */
#ifndef DBATOP_CLI_DOCTOR_H
#define DBATOP_CLI_DOCTOR_H

#include "core/model/snapshot.h"

enum advice_mark {
	ADVICE_OK,
	ADVICE_NOTE,    /* could be better */
	ADVICE_MISSING, /* something cannot be seen or done */
	ADVICE_MARKS
};
const char *advice_mark_name(enum advice_mark m); /* "ok", "note", "missing" */

enum { ADVICE_MAX = 24, ADVICE_TEXT = 1536, ADVICE_FIX = 320 };

struct advice {
	enum advice_mark mark;
	const char *topic; /* "privileges" */
	char text[ADVICE_TEXT];
	char fix[ADVICE_FIX]; /* a statement or setting; "" for none */
};

struct diagnosis {
	bool reached;
	size_t n;
	struct advice advice[ADVICE_MAX];
};

/* Which probes it reads, NULL-terminated. */
extern const char *const doctor_probes[];
void doctor_look(const struct snapshot *snap, size_t instance, struct diagnosis *out);

#endif
