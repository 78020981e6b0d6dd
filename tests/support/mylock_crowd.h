/* Many sessions of one MySQL or MariaDB that lock what they are told and wait. Each step is followed until
 * the server has done it or shows that it waits, so that the order in every queue is known. What the server
 * does not do as mylock_world says fails the test. One thread; a call waits at most 20 s. */
#ifndef DBATOP_TESTS_SUPPORT_MYLOCK_CROWD_H
#define DBATOP_TESTS_SUPPORT_MYLOCK_CROWD_H

#include <mysql.h>

#include "tests/support/lab.h"
#include "tests/support/mylock_world.h"

enum { MYC_SCHEMAS = 2, MYC_ROWS = 12, MYC_TABLES = 4, MYC_USER = 3, MYC_GAPS = 4 };

struct my_crowd {
	struct lab_server server;
	bool maria;
	bool gaps;         /* scenes have gaps too; set before myc_reset */
	char prefix[48];   /* of schemas, user locks and XA names: this process's own */
	const char *scene; /* for messages */
	MYSQL *control;
	MYSQL *conn[MYW_SESSIONS]; /* NULL: gone, or prepared */
	int64_t id[MYW_SESSIONS];
	bool sent[MYW_SESSIONS];         /* a statement has no answer yet */
	bool open[MYW_SESSIONS];         /* in a transaction */
	char xid[64];                    /* of the one that is prepared */
	int prepared;                    /* -1 */
	unsigned columns, xids, inserts; /* made so far */
	struct my_world world;
};

MYSQL *myc_connect(const struct lab_server *server, const char *user);
void myc_run(MYSQL *m, const char *sql);
/* The first column of the first row; -1 without one. */
long long myc_number(MYSQL *m, const char *sql);
/* Sends; the answer is there; reads it, and returns its error number. */
void myc_send(MYSQL *m, const char *sql);
bool myc_answered(MYSQL *m);
unsigned myc_answer(MYSQL *m);

void myc_start(struct my_crowd *c, const struct lab_server *server); /* makes the schemas */
void myc_stop(struct my_crowd *c);
void myc_reset(struct my_crowd *c, int sessions, const char *scene); /* everybody new */
void myc_clear(struct my_crowd *c);                                  /* everybody gone */

/* One step of s towards an object: for a table READ, WRITE, LOCKED, or EXCLUSIVE for an ALTER TABLE. */
void myc_ask(struct my_crowd *c, int s, int object, enum myw_mode mode);
/* s, which has nothing, becomes a prepared transaction that has a row. */
void myc_prepare(struct my_crowd *c, int s, int object);
/* Ends s (killed, or rolled back when prepared), and waits until those who then go on, and nobody else, do.
 * Returns how many were let in in the first round. */
int myc_end(struct my_crowd *c, int s);
int myc_session(const struct my_crowd *c, int64_t id); /* -1: not of ours */

#endif
