/* The axe: cuts a client library's call that has no deadline of its own. libmariadb's non-blocking calls
 * block over TLS; every call of such a library is armed here, and one timer thread does shutdown() on its
 * socket at the deadline, which makes the call return with an error. After axe_disarm has returned, the
 * descriptor is never touched again, so it can be closed and reused; and since the axe holds a duplicate of
 * it, a library may also close it inside the call. */
#ifndef DBATOP_RUN_AXE_H
#define DBATOP_RUN_AXE_H

#include <stdbool.h>

#include "core/base/ctx.h"

struct axe;

/* Caller-owned, usually on the stack of the armed call; opaque between arm and disarm. */
struct axe_entry {
	mono_ns deadline;
	int fd;
	bool armed, fell;
	struct axe_entry *prev, *next;
};

/* Starts the timer thread. */
struct axe *axe_start(const struct clock *clock, struct err *e);
/* Joins the thread; nothing may be armed. */
void axe_stop(struct axe *axe);

/* Arms fd for ctx's deadline; a ctx that is already cancelled or expired fells at once. Does not block. fd
 * -1: armed without a socket yet, see axe_set_fd. */
void axe_arm(struct axe *axe, struct axe_entry *entry, const struct ctx *ctx, int fd);
/* The socket became known while armed (or changed). If the deadline has already passed, it is cut now. */
void axe_set_fd(struct axe *axe, struct axe_entry *entry, int fd);
/* Returns true when the axe fell. */
bool axe_disarm(struct axe *axe, struct axe_entry *entry);
/* Cuts everything that is armed, now and from now on: the program quits. Any thread, does not wait. */
void axe_fell_all(struct axe *axe);
/* How many calls were cut since start. */
unsigned long axe_count(struct axe *axe);

#endif
