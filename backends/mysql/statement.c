/* One statement with all its results, as a machine that can stop wherever the library would wait and be taken
 * up again: the same for both libraries, which differ only in how a call is brought to its end. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/mysql/errors.h"
#include "backends/mysql/greeting.h"
#include "backends/mysql/io_internal.h"

/* A statement's calls yield, so our own poll ends the wait; the axe only stands by, far enough behind that a
 * busy machine, where the poll is late, still gets a connection back that can be drained. */
enum { STAND_BY_MS = 250 };

/* 1. What both libraries need to connect. */

struct ctx io_cut_ctx(const struct ctx *ctx, unsigned grace_ms)
{
	struct ctx late = *ctx;
	if (late.deadline < MONO_NEVER - grace_ms * NS_PER_MS)
		late.deadline += grace_ms * NS_PER_MS;
	return late;
}

bool io_check_connected(
        const struct ctx *ctx, int fd, const struct io_target *to, mono_ns started, struct err *e)
{
	int why = 0;
	socklen_t n = sizeof why;
	enum greeting greeting;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) == 0 && why != 0) {
		char where[128];
		snprintf(where, sizeof where, "connect to %s port %u", to->address, to->port);
		return sqlerr_connect(e, why, where);
	}
	if (to->tls == TLS_DISABLE)
		return true;
	enum err_code code = greeting_peek(ctx, fd, &greeting);
	if (code != ERR_NONE)
		return ctx_fail(ctx, code, started, "connect: waiting for the server's greeting", e);
	if (greeting == GREETING_PLAIN && to->tls >= TLS_REQUIRE)
		return err_set(e, ERR_TLS, "TLS is required, but the server does not offer it");
	return true;
}

/* libmysqlclient keeps the socket until it is connected and tells the reason only as a number at the end of
 * its sentence: "Can't connect to MySQL server on 'h:3306' (111)". 0: it does not. */
static int told_errno(const char *sentence)
{
	const char *paren = strrchr(sentence, '(');
	long why = paren != NULL ? strtol(paren + 1, NULL, 10) : 0;
	return why > 0 && why < 4096 ? (int)why : 0;
}

bool io_connect_failed(struct io *io, const struct io_target *to, struct err *e)
{
	unsigned number = mysql_errno(io->mysql);
	int told = number == 2003 ? told_errno(mysql_error(io->mysql)) : 0;
	if (told != 0 && to->address != NULL) {
		char where[128];
		snprintf(where, sizeof where, "connect to %s port %u", to->address, to->port);
		return sqlerr_connect(e, told, where);
	}
	if (number == 2002 && to->address == NULL) {
		char where[160];
		int why = greeting_socket_errno(to->socket);
		snprintf(where, sizeof where, "connect to socket %s", to->socket);
		if (why != 0)
			return sqlerr_connect(e, why, where);
	}
	return sqlerr_set(e, number, mysql_sqlstate(io->mysql), mysql_error(io->mysql));
}

unsigned long io_thread_id(const struct io *io)
{
	return io->id;
}

const char *io_server_version(const struct io *io)
{
	return mysql_get_server_info(io->mysql);
}

const char *io_tls(const struct io *io)
{
	return io->tls;
}

/* 2. Running. */

static bool server_error(struct io *io, struct err *e)
{
	enum err_code code = sqlerr_code(mysql_errno(io->mysql));
	io->phase = PHASE_IDLE;
	io->broken = io->broken || code == ERR_LOST || code == ERR_IO || code == ERR_PROTOCOL;
	return sqlerr_set(e, mysql_errno(io->mysql), mysql_sqlstate(io->mysql), mysql_error(io->mysql));
}

static bool begin_rows(struct io *io, const struct io_sink *sink, struct err *e)
{
	enum { COLUMNS_MAX = 256 };
	const char *names[COLUMNS_MAX];
	io->ncols = mysql_num_fields(io->res);
	if (sink == NULL || sink->columns == NULL)
		return true;
	if (io->ncols > COLUMNS_MAX)
		return err_set(e, ERR_PROTOCOL, "a result of %u columns", io->ncols);
	const MYSQL_FIELD *fields = mysql_fetch_fields(io->res);
	for (unsigned i = 0; i < io->ncols; i++)
		names[i] = fields[i].name;
	return sink->columns(sink->arg, names, io->ncols, e);
}

static void after_result(struct io *io)
{
	if (io->res != NULL)
		mysql_free_result(io->res); /* all rows were read: nothing to wait for */
	io->res = NULL;
	io->phase = mysql_more_results(io->mysql) ? PHASE_NEXT : PHASE_IDLE;
}

/* What to do after a call has returned. keep: rows still go to the sink. False: e is the server's error and
 * the machine is idle, or the sink refused. */
static bool advance(struct io *io, const struct io_sink *sink, bool keep, unsigned *done, struct err *e)
{
	switch (io->phase) {
	case PHASE_QUERY:
	case PHASE_NEXT:
		if (io->rc > 0)
			return server_error(io, e);
		io->res = mysql_use_result(io->mysql);
		if (io->res == NULL) {
			if (mysql_errno(io->mysql) != 0)
				return server_error(io, e);
			++*done;
			after_result(io);
			return true;
		}
		io->phase = PHASE_ROWS;
		return !keep || begin_rows(io, sink, e);
	case PHASE_ROWS:
		if (io->row != NULL)
			return !keep || sink == NULL || sink->row == NULL ||
			       sink->row(sink->arg, (const char *const *)io->row,
			               mysql_fetch_lengths(io->res), io->ncols, e);
		if (mysql_errno(io->mysql) != 0) {
			mysql_free_result(io->res);
			io->res = NULL;
			return server_error(io, e);
		}
		++*done;
		after_result(io);
		return true;
	default:
		return true;
	}
}

/* Runs until idle. The first error wins; after the sink has refused, the rest is read and dropped. */
static bool run(
        const struct ctx *ctx, struct io *io, const struct io_sink *sink, unsigned *done, struct err *e)
{
	bool ok = true, keep = true;
	mono_ns started = clock_now(ctx->clock);
	struct ctx late = io_cut_ctx(ctx, STAND_BY_MS);
	axe_arm(io->axe, &io->entry, &late, io_socket(io));
	enum err_code code = ERR_NONE;
	while (io->phase != PHASE_IDLE) {
		code = io_finish_call(ctx, io);
		if (code != ERR_NONE)
			break;
		if (!advance(io, sink, keep, done, ok ? e : NULL))
			ok = keep = false;
	}
	bool fell = axe_disarm(io->axe, &io->entry);
	io->broken = io->broken || fell;
	if (fell && code == ERR_NONE)
		code = ctx_done(ctx) != ERR_NONE ? ctx_done(ctx) : (ok ? ERR_NONE : ERR_CANCELLED);
	if (code != ERR_NONE)
		return ctx_fail(ctx, code, started, "query", e);
	return ok;
}

bool io_query(const struct ctx *ctx, struct io *io, const char *sql, size_t n, const struct io_sink *sink,
        unsigned *done, struct err *e)
{
	unsigned count = 0;
	if (io->broken)
		return err_set(e, ERR_LOST, "the connection was cut");
	if (io->phase != PHASE_IDLE)
		return err_set(e, ERR_PROTOCOL, "the connection is still reading an earlier answer");
	buf_reset(&io->sql);
	buf_put(&io->sql, sql, n);
	if (io->sql.overflow)
		return err_set(e, ERR_USAGE, "a statement of %zu bytes is too long", n);
	io->phase = PHASE_QUERY;
	bool ok = run(ctx, io, sink, &count, e);
	if (io->phase == PHASE_IDLE)
		buf_free(&io->sql); /* hundreds of connections that wait hold nothing */
	if (done != NULL)
		*done = count;
	return ok;
}

bool io_busy(const struct io *io)
{
	return io->phase != PHASE_IDLE;
}

enum drain io_drain(const struct ctx *ctx, struct io *io)
{
	unsigned done = 0;
	/* A server's error (our own KILL QUERY) is an answer like any other. */
	if (io->phase != PHASE_IDLE && !io->broken)
		run(ctx, io, NULL, &done, NULL);
	return io->phase == PHASE_IDLE && !io->broken ? DRAIN_CLEAN : DRAIN_BROKEN;
}

/* 3. The end. */

void io_close(struct io *io)
{
	if (io == NULL)
		return;
	if (io->mysql != NULL) {
		/* Closed first: what the library would still send or read returns at once. */
		int fd = io_socket(io);
		if (fd >= 0)
			shutdown(fd, SHUT_RDWR);
		if (io->res != NULL)
			mysql_free_result(io->res);
		mysql_close(io->mysql);
		io_thread_end();
	}
	buf_free(&io->sql);
	free(io);
}
