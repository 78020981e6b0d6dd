/* locks.c, locks_maria.c: what one statement cannot say about locks. Functions with a ctx may block until it
 * ends; all are called by the connection's thread. */
#ifndef DBATOP_BACKENDS_MYSQL_LOCKS_H
#define DBATOP_BACKENDS_MYSQL_LOCKS_H

#include "backends/mysql/conn.h"

/* How a statement is to be run here and now. */
struct locks_ask {
	bool locks;                      /* a probe with the columns of `locks` */
	bool waits, early, rows, plugin; /* sections to open */
	bool joins;                      /* MariaDB: by locks_fetch_joined */
	bool text;                       /* … with InnoDB's monitor in place of its tables */
	bool ages;                       /* sessions on MariaDB, whose transactions are in the monitor only */
};
/* Before the statement is written: it may ask the server, at most two small questions. */
bool locks_ask(
        const struct ctx *ctx, struct conn *c, const struct probe *p, struct locks_ask *out, struct err *e);
void locks_open(const struct locks_ask *ask, struct buf *sql);
void locks_open_section(struct buf *sql, const char *name);
/* A fetch that knows how many wait for rows (or more) says so: the next ones need not ask. */
void locks_note_waiters(struct conn *c, int64_t waiters, mono_ns now);

/* SHOW ENGINE INNODB STATUS; the caller frees the text, whatever is returned. */
bool locks_ask_monitor(const struct ctx *ctx, struct conn *c, struct buf *text, struct err *e);
/* locks_maria.c: runs c->sql, whose rows are those of the server's tables, and makes those of the probe of
 * them. */
bool locks_fetch_joined(const struct ctx *ctx, struct conn *c, const struct probe *p,
        const struct locks_ask *ask, struct arena *arena, struct table **out, struct err *e);
/* Fills `gid` of prepared transactions, where the server tells their names. */
bool locks_name_prepared(
        const struct ctx *ctx, struct conn *c, struct table *t, struct arena *arena, struct err *e);
/* Puts what the monitor told of transactions a moment ago, for `locks` on this connection, into an answer of
 * `sessions`: their age, who is idle in one, who waits for a row. Asks nothing. */
void locks_add_ages(const struct ctx *ctx, struct conn *c, struct table *t, struct arena *arena);
bool locks_fetch_deadlock(const struct ctx *ctx, struct conn *c, const struct probe *p, struct arena *arena,
        struct table **out, struct err *e);

#endif
