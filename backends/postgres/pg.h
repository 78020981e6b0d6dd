/* What the files of this backend share: the connection, waiting for libpq under a ctx, and errors. Every
 * function with a ctx may block until it ends and no longer; a connection belongs to one thread at a time. */
#ifndef DBATOP_POSTGRES_PG_H
#define DBATOP_POSTGRES_PG_H

#include <libpq-fe.h>

#include "core/run/driver.h"

/* The server's database and role names and what depends on pg_database and pg_authid, remembered, so that a
 * lock on one of these catalogs blinds no probe. */
enum { NAMES_WANTED_MAX = 256 };
struct names {
	struct arena *arena; /* NULL before the first load */
	struct name *list;   /* sorted by kind and oid */
	size_t n;
	mono_ns loaded;   /* 0: never */
	mono_ns retry_at; /* not asked again before */
	bool missing;     /* an oid was not found since the last load */

	/* Relations of our own database, asked by oid when somebody waits for one of them. */
	struct arena *relation_arena;
	struct name *relations; /* sorted by oid; text NULL: there is none, or not yet committed */
	size_t nrelations;
	unsigned wanted[NAMES_WANTED_MAX]; /* not among them; asked for at the end of the fetch */
	size_t nwanted;
	mono_ns relations_since, relations_retry_at;
};

/* What a result column's alias asks to be done with its text: "user@names", "query@bytes". */
enum put { PUT_PLAIN, PUT_NAMES, PUT_BYTES };

/* Columns of a statement that leaves out what has not changed; keep.c. */
enum { KEPT_STAMP, KEPT_SINCE, KEPT_NOW, KEPT_IDS, KEPT_STAMPS, KEPT_FIELDS };

/* How the result of one probe lies on its declaration, learnt at its first fetch here. */
struct plan {
	const struct probe *probe;
	char *sql;     /* parameters as $1, $2 … */
	char name[24]; /* of the prepared statement */
	bool prepared; /* parsed and planned on the server once, not at every poll */
	bool matched;  /* field and put are filled */
	int *field;    /* of each declared column, its place in the result */
	enum put *put; /* and how its text is read */
	struct {       /* the same for the columns of probe->carried */
		int *field;
		enum put *put;
	} carried;
	int kept[KEPT_FIELDS]; /* places of the columns kept.*; -1: none */
	mono_ns names_of;      /* c->names.loaded at the last answer: other names change every row */
};

struct conn {
	PGconn *pg;
	const struct driver_env *env;
	const struct endpoint *ep;
	enum lane_kind lane;
	struct conn_info info;
	bool busy; /* something was sent whose answer has not been read to its end */
	struct names names;
	struct plan *plans;
	size_t nplans;
};

/* io.c: one question and its answer.
 * pg_send queues a statement and flushes it; without parameters sql may hold several statements. Nothing was
 * sent when it returns false and c->busy is false. */
bool pg_send(const struct ctx *ctx, struct conn *c, const char *what, const char *sql, int n,
        const char *const *values, struct err *e);
bool pg_flush(const struct ctx *ctx, struct conn *c, mono_ns started, const char *what, struct err *e);
/* The next result of the answer, the caller's to clear; NULL at its end (c->busy is false then). */
bool pg_next(const struct ctx *ctx, struct conn *c, mono_ns started, const char *what, PGresult **out,
        struct err *e);
/* Reads on to the end of the answer, throwing it away. */
bool pg_rest(const struct ctx *ctx, struct conn *c, mono_ns started, const char *what, struct err *e);
/* Sends and waits for the last result of the answer. An error of the server fails it, with the connection
 * idle again. The caller clears *out. */
bool pg_ask(const struct ctx *ctx, struct conn *c, const char *what, const char *sql, int n,
        const char *const *values, PGresult **out, struct err *e);
/* The text of a field, NULL when it is NULL. */
const char *pg_text(const PGresult *r, int row, int col);

/* errors.c */
enum pg_phase { PG_PHASE_REACH, PG_PHASE_TLS, PG_PHASE_LOGIN };
const char *pg_phase_name(enum pg_phase phase);
/* A result that is an error. Returns false. */
bool pg_fail_result(const struct conn *c, const PGresult *r, const char *what, struct err *e);
/* The connection broke after it had been made. Returns false. */
bool pg_fail_lost(const struct conn *c, const char *what, struct err *e);
/* PQconnectPoll failed. Returns false. */
bool pg_fail_connect(const struct conn *c, enum pg_phase phase, struct err *e);
enum err_code pg_code_of(const char *sqlstate);

/* session.c: what happens between login and the first probe: pooler check, settings, identity. */
bool pg_begin_session(const struct ctx *ctx, struct conn *c, struct err *e);

/* names.c */
/* Loads or refreshes when it is time; a lock on the catalogs or a missing privilege is not a failure: the
 * old names stay. False when the connection is of no more use or ctx ended. */
bool pg_names_refresh(const struct ctx *ctx, struct conn *c, struct err *e);
/* Writes text with {d16384}, {r10} and {c1259} replaced by names to out; returns its length. What could be
 * asked for is left as it is and *later set; with later NULL it becomes a number. */
size_t pg_names_put(struct conn *c, const char *text, char *out, size_t cap, bool *later);
/* Asks for what pg_names_put left. Nothing but the catalogs is locked, for 20 ms at most; as with
 * pg_names_refresh, failing to is no failure. */
bool pg_names_ask(const struct ctx *ctx, struct conn *c, struct err *e);
void pg_names_free(struct names *names);

/* service.c: the value of a keyword in a service of pg_service.conf: malloc'ed, NULL when there is none. */
char *pg_service_value(const char *service, const char *keyword);

/* conn.c, fetch.c, act.c: the driver's functions. */
bool pg_connect(const struct ctx *ctx, const struct driver_env *env, const struct endpoint *ep,
        enum lane_kind lane, struct conn **out, struct err *e);
void pg_close(struct conn *c);
bool pg_fetch(const struct ctx *ctx, struct conn *c, const struct probe *p, const struct probe_value *values,
        struct arena *arena, struct table **out, struct err *e);
void pg_plans_free(struct conn *c);
bool pg_reap(const struct ctx *ctx, struct conn *admin, const struct backend_ref *victim, bool terminate,
        enum reap *out, struct err *e);
bool pg_act(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct action_result *out);
bool pg_follow(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct follow_state *out, struct err *e);

#endif
