/* Cancellation that a poll() can see: an eventfd that is written once and never read, so any number of
 * threads wait on it. A cancel has at most one parent; waits look at the whole chain. */
#ifndef DBATOP_BASE_CANCEL_H
#define DBATOP_BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/err.h"

enum { CANCEL_DEPTH_MAX = 4 };

struct cancel {
	atomic_bool set;
	int fd;
	const struct cancel *parent; /* borrowed; NULL for the root */
};

/* Fails only when no descriptor is left. The parent must outlive the child. */
bool cancel_init(struct cancel *c, const struct cancel *parent, struct err *e);
void cancel_close(struct cancel *c);
/* Async-signal-safe, idempotent, any thread. */
void cancel_set(struct cancel *c);
/* True when this one or a parent is set; NULL is never cancelled. */
bool cancel_is_set(const struct cancel *c);

#endif
