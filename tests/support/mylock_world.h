/* What MySQL's and MariaDB's lock managers do, as arithmetic: rows, gaps between them, metadata locks of
 * tables, user locks; who waits for whom, who goes on when somebody leaves. The oracle of the tests of Locks:
 * it is told what sessions ask for, never what a server says of locks. Plain values, copied to try a step
 * out. */
#ifndef DBATOP_TESTS_SUPPORT_MYLOCK_WORLD_H
#define DBATOP_TESTS_SUPPORT_MYLOCK_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MYW_SESSIONS = 320, MYW_OBJECTS = 48 };

/* A gap is a place between two rows, which some keep free and others want to insert into. */
enum myw_kind { MYW_ROW, MYW_TABLE, MYW_USER, MYW_GAP };
enum myw_mode {
	MYW_S = 1,
	MYW_X,
	MYW_READ,
	MYW_WRITE,
	MYW_UPGRADABLE,
	MYW_LOCKED,
	MYW_EXCLUSIVE,
	MYW_FREE,
	MYW_INSERT,
	MYW_MODES
};

struct myw_object {
	enum myw_kind kind;
	uint16_t held[MYW_SESSIONS]; /* bits of modes */
	bool touched;                /* somebody left: only then are waiters looked at */
	uint16_t left; /* with these modes: MySQL looks only at those that were stopped by them */
	int nwaiting;
	int16_t waiter[MYW_SESSIONS]; /* as they came */
	uint8_t mode[MYW_SESSIONS];
};

struct myw_session {
	int waits; /* object, -1: goes on */
	uint8_t mode;
	bool alter;    /* its statement is an ALTER TABLE of `waits`, done when that is EXCLUSIVE */
	bool locks;    /* has, or waits for, LOCK TABLES */
	bool repeats;  /* its transaction is REPEATABLE READ: without it no gap is kept */
	bool prepared; /* XA, its connection is gone */
	bool gone;
};

struct my_world {
	bool in_turn; /* MariaDB: nobody passes by another waiter for a row */
	int nsessions, nobjects;
	struct myw_session session[MYW_SESSIONS];
	struct myw_object object[MYW_OBJECTS];
};

/* s asks; true when it is given at once. */
bool myw_request(struct my_world *w, int s, int object, enum myw_mode mode);
/* s is gone with all it has. */
void myw_leave(struct my_world *w, int s);
/* Lets in who can be: one round over an object. *choice: when not -1, who of the waiters of a ROW_FREE is
 * next. Returns how many were let in, their sessions in out. An ALTER that was let in goes on to its next
 * lock; one that is done has left the object and waits no more. */
int myw_let_in(struct my_world *w, int object, int choice, int *out);
/* Somebody can be let in there, since somebody has left. */
bool myw_can_let_in(const struct my_world *w, int object);
/* Who is immediately in the way of s, each once, ascending. */
int myw_blockers(const struct my_world *w, int s, int *out);
void myw_reach(const struct my_world *w, int s, bool *who);
bool myw_holds_any(const struct my_world *w, int s);
int myw_waiting(const struct my_world *w);

#endif
