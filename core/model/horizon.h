/* Who keeps old rows alive: transactions, slots, prepared transactions, standbys that feed their horizon
 * back; the one that holds back most first, each with what frees it. Built from a snapshot, borrows its text;
 * unknown is -1. One owner; may not block. */
#ifndef DBATOP_MODEL_HORIZON_H
#define DBATOP_MODEL_HORIZON_H

#include "core/model/snapshot.h"

enum holder_kind { HOLDER_SESSION, HOLDER_FEEDBACK, HOLDER_SLOT, HOLDER_PREPARED };
const char *holder_kind_name(enum holder_kind k); /* "session", "standby", "slot", "prepared" */

enum { HOLDER_SQL_MAX = 256, HOLDER_FREES_MAX = 96 };

struct holder {
	size_t instance;
	enum holder_kind kind;
	struct session_ref session; /* SESSION, FEEDBACK: the walsender; id 0 else */
	const char *name;           /* slot, gid; NULL */
	const char *user, *app, *client, *state;
	int64_t xmin_age; /* transactions since; -1: the engine does not count so */
	int64_t age_ms;
	int64_t held_ms;              /* how long it has held the horizon, at least; -1: it cannot tell */
	bool catalog;                 /* a slot that holds back the catalogs only */
	char frees[HOLDER_FREES_MAX]; /* "K ends it", in words */
	char sql[HOLDER_SQL_MAX];     /* the statement that frees it, for somebody to run; "" */
};

struct horizon {
	struct holder *item;
	size_t n;
	bool truncated; /* a server has more than were read: sessions */
};

/* Sessions of dbatop and what holds back nothing worth a line (younger than a second) are left out. */
struct horizon *horizon_build(const struct snapshot *snap);
void horizon_free(struct horizon *h);

/* Who has held back one server longest: by held_ms, what holds the catalogs alone left out; InnoDB cannot
 * tell that, there it is the oldest transaction. False: nobody. */
bool horizon_oldest(const struct snapshot *snap, size_t instance, struct holder *out);

#endif
