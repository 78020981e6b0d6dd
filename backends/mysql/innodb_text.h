/* What only InnoDB's monitor tells, as text (SHOW ENGINE INNODB STATUS): the last deadlock; and, on MariaDB
 * with a long queue, who waits for which row, at a cost that grows with the number of transactions where its
 * tables grow with the number of pairs. The text is English prose with user's statements in it: what does not
 * fit is skipped, never guessed. Pure: any thread, does not block, allocates nothing. */
#ifndef DBATOP_BACKENDS_MYSQL_INNODB_TEXT_H
#define DBATOP_BACKENDS_MYSQL_INNODB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct innodb_lock_text {
	char record[64];  /* "space:page:heap"; "table NAME" for a lock of a table */
	char object[200]; /* "app.stock.PRIMARY" */
	char mode[40];    /* "X,REC_NOT_GAP", as MySQL's data_locks says it */
	bool table;
};

struct innodb_trx_text {
	int64_t id; /* connection; 0: none, a prepared XA transaction */
	int64_t active_s;
	int64_t row_locks;
	bool waits;
	int64_t waiting_us; /* when it waits */
	struct innodb_lock_text lock;
};

struct innodb_text {
	const char *at, *end;
	bool truncated; /* the server left some of it out */
};
/* The list of transactions; false when there is none in the text. Then one active transaction a call; false
 * at its end. */
bool innodb_text_open(struct innodb_text *t, const char *text, size_t n);
bool innodb_text_next(struct innodb_text *t, struct innodb_trx_text *out);

enum { INNODB_DEADLOCK_TRX_MAX = 16 };
struct innodb_deadlock_text {
	char at[24];        /* "2026-11-22 15:04:09", the server's own time zone */
	int64_t age_ms;     /* before the text was written; -1 unknown */
	unsigned n, victim; /* transactions; which one was rolled back, from 1, 0 unknown */
	struct {
		int64_t id;                   /* connection, 0 unknown */
		struct innodb_lock_text lock; /* what it waited for; empty texts when not told */
		const char *query;            /* in the text */
		size_t query_n;
	} trx[INNODB_DEADLOCK_TRX_MAX];
};
/* False when the server tells of none. */
bool innodb_text_deadlock(const char *text, size_t n, struct innodb_deadlock_text *out);

#endif
