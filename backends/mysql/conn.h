/* A connection of this driver, shared by its files: connecting and the session's settings (session.c),
 * fetching (fetch.c), acting (act.c). One thread at a time. */
#ifndef DBATOP_BACKENDS_MYSQL_CONN_H
#define DBATOP_BACKENDS_MYSQL_CONN_H

#include "backends/mysql/io.h"
#include "core/base/buf.h"
#include "core/run/driver.h"

enum { TAG_MAX = 64, STATEMENT_MAX = 1024 * 1024, ANSWER_COLUMNS = 8, ANSWER_MAX = 256 };

enum lock_plugin { LOCK_PLUGIN_UNKNOWN, LOCK_PLUGIN_ABSENT, LOCK_PLUGIN_ACTIVE };

/* A transaction, as InnoDB's monitor tells it. */
struct conn_transaction {
	int64_t id, age_ms, rows_locked; /* id: of the session, 0 prepared */
	bool waits;                      /* for a row */
};

struct conn {
	struct io *io;
	const struct driver_env *env;
	enum lane_kind lane;
	struct conn_info info;
	bool reads_ps;                /* SELECT on performance_schema */
	bool uid;                     /* MariaDB: @@server_uid exists */
	bool performance_schema;      /* switched on there: off, its tables answer 0 rows without a warning */
	unsigned looks;               /* at InnoDB's list of transactions, for actions */
	enum lock_plugin lock_plugin; /* MariaDB: metadata_lock_info */
	int64_t row_waiters;          /* MariaDB, when they were last counted: that many or fewer */
	mono_ns row_waiters_at;       /* 0: never */
	/* MariaDB with many row waiters, by id; owned, NULL: none yet. */
	struct conn_transaction *transactions;
	size_t ntransactions;
	mono_ns transactions_at;
	char tag[TAG_MAX]; /* "dbatop/<run id>/<lane>": connection attribute, and comment before statements */
	struct buf sql;
};

/* The first row of a small result, as text; null marks NULL and what was not there. */
struct answer {
	unsigned rows;
	bool null[ANSWER_COLUMNS];
	char value[ANSWER_COLUMNS][ANSWER_MAX];
};

/* Runs c->sql, which has the tag before it, and frees its bytes. */
bool conn_query(
        const struct ctx *ctx, struct conn *c, const struct io_sink *sink, unsigned *done, struct err *e);
/* Formats and runs a statement; out may be NULL when no row is expected. Only text of our own, integers and
 * values that went through conn_quote may be formatted in. */
bool conn_ask(const struct ctx *ctx, struct conn *c, struct answer *out, struct err *e, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
/* value as 'a string', quoted for the sql_mode this driver sets. */
void conn_quote(struct buf *b, const char *value);
static inline bool conn_is_mariadb(const struct conn *c)
{
	return c->info.server.engine == ENGINE_MARIADB;
}

/* session.c: everything between log-in and the first probe. */
bool session_begin(const struct ctx *ctx, struct conn *c, struct err *e);

/* connect.c, fetch.c, act.c: the driver's functions. */
bool my_connect(const struct ctx *ctx, const struct driver_env *env, const struct endpoint *ep,
        enum lane_kind lane, struct conn **out, struct err *e);
void my_close(struct conn *c);
bool my_fetch(const struct ctx *ctx, struct conn *c, const struct probe *p, const struct probe_value *values,
        struct arena *arena, struct table **out, struct err *e);
bool my_reap(const struct ctx *ctx, struct conn *admin, const struct backend_ref *victim, bool terminate,
        enum reap *out, struct err *e);
bool my_act(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct action_result *out);
bool my_follow(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct follow_state *out, struct err *e);

#endif
