/* The one contract over two client libraries. libmariadb and Oracle's libmysqlclient have asynchronous APIs
 * that differ in everything but their purpose; each has one file that implements this header, and nothing
 * else in the program includes <mysql.h>. A connection belongs to one thread at a time.
 *
 * Every function with a ctx returns when it ends, at the latest a few milliseconds later (the axe). After
 * ERR_TIMEOUT or ERR_CANCELLED the operation is suspended where it was: io_drain takes it up again, io_close
 * ends it. Rows are handed over one at a time and never stored here. */
#ifndef DBATOP_BACKENDS_MYSQL_IO_H
#define DBATOP_BACKENDS_MYSQL_IO_H

#include "core/base/ctx.h"
#include "core/model/endpoint.h"
#include "core/run/driver.h"

struct io;

/* Where to and how; borrowed for the call. */
struct io_target {
	const char *address; /* numeric; NULL: the socket */
	const char *name;    /* whom the certificate must name, with TLS_VERIFY_FULL */
	const char *socket;
	uint16_t port;
	const char *user, *password, *database; /* password "" when there is none; database may be NULL */
	enum tls_mode tls;                      /* DISABLE, PREFER, REQUIRE, VERIFY_CA or VERIFY_FULL */
	const char *tls_ca, *tls_capath, *tls_cert, *tls_key;
	const char *program; /* connection attribute program_name */
	bool multi;          /* several statements in one packet: the guarded actions need it */
};

/* Receives a result set. `columns` comes first, then each row; values are NULL or have lengths[i] bytes and a
 * NUL. Returning false keeps e and discards the rest: the statement is still read to its end. */
struct io_sink {
	bool (*columns)(void *arg, const char *const *names, unsigned n, struct err *e);
	bool (*row)(void *arg, const char *const *values, const unsigned long *lengths, unsigned n,
	        struct err *e);
	void *arg;
};

bool io_library_init(struct err *e);
void io_library_end(void);
const char *io_library_name(char out[64]);
/* Frees what the library keeps for the calling thread; io_open and io_query bring it back. Called by
 * io_close. */
void io_thread_end(void);

/* Connects and logs in. A required TLS is known to be offered before a byte is sent, and with
 * TLS_VERIFY_FULL the certificate is compared with `name` although the library is given the address. */
bool io_open(const struct ctx *ctx, const struct driver_env *env, const struct io_target *to, struct io **out,
        struct err *e);
/* What the server said when it greeted us. */
unsigned long io_thread_id(const struct io *io);
const char *io_server_version(const struct io *io);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", "" in clear text. */
const char *io_tls(const struct io *io);
size_t io_memory(const struct io *io);

/* Sends one packet and reads all its results. On a server's error e has its number and SQLSTATE, and
 * *done (may be NULL) tells how many statements of the packet had succeeded. */
bool io_query(const struct ctx *ctx, struct io *io, const char *sql, size_t n, const struct io_sink *sink,
        unsigned *done, struct err *e);
/* True when the last io_query ended in the middle and io_drain may bring the connection back. */
bool io_busy(const struct io *io);
enum drain io_drain(const struct ctx *ctx, struct io *io);
/* Sends nothing and does not wait. NULL is allowed. */
void io_close(struct io *io);

#endif
