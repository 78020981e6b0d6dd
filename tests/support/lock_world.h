/* PostgreSQL's lock manager as arithmetic: who holds what, who waits in which order, who goes on when
 * somebody leaves. The oracle of the tests of Locks: it is told what sessions ask for, never what the server
 * says, except for the order of those who asked at the same moment. Plain values, copied to try a step out.
 */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_WORLD_H
#define DBATOP_TESTS_SUPPORT_LOCK_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORLD_SESSIONS = 320, WORLD_OBJECTS = 48, WORLD_MODES = 8 };

/* A row is two locks: the transaction of who changed it, and the tuple, which one of those who wait holds. */
enum world_kind { WORLD_RELATION, WORLD_ADVISORY, WORLD_ROW };

struct world_object {
	enum world_kind kind;
	int db, number;
	uint16_t held[WORLD_SESSIONS]; /* bits 1 … 8 of the modes; relations and advisory locks */
	int owner, handler;            /* of a row: who changed it, who holds the tuple; -1 nobody */
	int nwaiting;
	int16_t waiter[WORLD_SESSIONS]; /* in order */
	uint8_t mode[WORLD_SESSIONS];   /* what each asks for; of rows: 0 */
};

struct world_session {
	int db;
	int waits; /* object; -1: goes on */
	uint8_t mode;
	bool prepared, gone;
};

struct world {
	int nsessions, nobjects;
	struct world_session session[WORLD_SESSIONS];
	struct world_object object[WORLD_OBJECTS];
};

const char *world_mode_name(int mode); /* "ACCESS SHARE" as LOCK TABLE writes it */
bool world_conflict(int mode, unsigned held);

/* s asks for a lock (mode 1 … 8, rows: 0): true when it gets it at once. */
bool world_request(struct world *w, int s, int object, int mode);
/* s ends: what it holds and waits for is gone. */
void world_leave(struct world *w, int s);
/* Who is immediately in the way of s, each once, ascending. */
size_t world_blockers(const struct world *w, int s, int *out);
/* who[i]: i is reached from s along those in the way. */
void world_reach(const struct world *w, int s, bool *who);
/* The last step of s made it wait for itself. */
bool world_circle(const struct world *w, int s);
size_t world_waiting(const struct world *w);
bool world_holds(const struct world *w, int s);

#endif
