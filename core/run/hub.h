/* The hub: one slot for each (instance, probe), into which lanes swap samples, and from which the reader
 * builds snapshots. Nothing is allocated, freed or waited for under a slot's lock, so a stuck lane cannot
 * hold the screen. */
#ifndef DBATOP_RUN_HUB_H
#define DBATOP_RUN_HUB_H

#include "core/model/snapshot.h"

struct hub;

/* room: how many instances there may ever be (replicas can be added while it runs). cfg and probes outlive
 * the hub. */
struct hub *hub_new(const struct clock *clock, const struct config *cfg, const struct probe_set *probes,
        size_t room, struct err *e);
void hub_free(struct hub *hub); /* after every writer has stopped; snapshots may outlive it; NULL is allowed */

/* Writers (lane threads). The hub takes over the caller's reference. The last good sample is replaced only by
 * a good one. Feeds the series, sets dirty, wakes the reader. */
void hub_publish(struct hub *hub, size_t instance, struct sample *s);
/* The caller holds a reference of the result; NULL when there is none. */
const struct sample *hub_good(struct hub *hub, size_t instance, unsigned slot);
/* Edits the link under its lock by a short function that must not wait, and wakes the reader. */
void hub_link(struct hub *hub, size_t instance, void (*edit)(struct link_view *link, void *arg), void *arg);
/* Wakes the reader for something that is not a sample (an action moved on). */
void hub_wake(struct hub *hub);

/* The reader (one thread). The fd becomes readable when something changed; hub_take drains it. */
int hub_fd(const struct hub *hub);
struct snapshot *hub_take(struct hub *hub);
void snapshot_free(struct snapshot *s);
bool hub_dirty(const struct hub *hub);

/* Interest: which probes somebody looks at; lanes poll nothing else. A mask of slots for one instance, set by
 * the reader, read by lanes. */
void hub_want(struct hub *hub, size_t instance, uint32_t slots);
uint32_t hub_wanted(const struct hub *hub, size_t instance);
/* Who wakes the lanes when somebody begins to look at more: called by hub_want on the reader's thread, must
 * not wait. One listener; NULL takes it away. Set before the reader starts. */
void hub_on_want(struct hub *hub, void (*listener)(void *arg, size_t instance), void *arg);

#endif
