/* What the two io files and statement.c share. Included by them alone: it is the only header with <mysql.h>,
 * whose two editions agree in the names used here. */
#ifndef DBATOP_BACKENDS_MYSQL_IO_INTERNAL_H
#define DBATOP_BACKENDS_MYSQL_IO_INTERNAL_H

#include <mysql.h>

#include "backends/mysql/io.h"
#include "core/base/buf.h"

enum { PACKET_MAX = 16 * 1024 * 1024, GATE_WAIT_MS = 250, CUT_MS = 1 };

/* Which call of the library is under way, possibly suspended. */
enum phase { PHASE_IDLE, PHASE_QUERY, PHASE_ROWS, PHASE_NEXT };

struct io {
	MYSQL *mysql;
	struct axe *axe;
	struct axe_entry entry;
	MYSQL_RES *res;
	struct buf sql; /* the statement under way: the library reads it while it sends */
	enum phase phase;
	bool broken; /* cut, or lost: never usable again */
	int waiting; /* libmariadb: MYSQL_WAIT_... of a suspended call, 0 when none */
	int rc;      /* of the query and next-result calls: 0 done, -1 no more, above 0 an error */
	MYSQL_ROW row;
	unsigned ncols;
	unsigned long id;
	char tls[64];
	char host[256];
};

/* Of each library: the socket, -1 before there is one; and the call of the present phase brought to its end,
 * or suspended when ctx ends first. */
int io_socket(const struct io *io);
enum err_code io_finish_call(const struct ctx *ctx, struct io *io);

/* A little after ctx: when a call is cut that should have yielded at ctx's end. */
struct ctx io_cut_ctx(const struct ctx *ctx, unsigned grace_ms);
/* Looks at the socket that connect() has just finished with: why it failed, and, when TLS was asked for,
 * whether the server offers it. */
bool io_check_connected(
        const struct ctx *ctx, int fd, const struct io_target *to, mono_ns started, struct err *e);
/* Why the library failed to connect, with errno's reason where it only has a number in a text. Returns false.
 */
bool io_connect_failed(struct io *io, const struct io_target *to, struct err *e);

#endif
