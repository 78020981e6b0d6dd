/* libpq's non-blocking calls put together so that each wait is a ctx_wait_fd: one question, its results one
 * by one, the rest of an answer thrown away. */
#include "backends/postgres/pg.h"

#include <openssl/ssl.h>

bool pg_flush(const struct ctx *ctx, struct conn *c, mono_ns started, const char *what, struct err *e)
{
	for (;;) {
		int left = PQflush(c->pg);
		if (left < 0)
			return pg_fail_lost(c, what, e);
		if (left == 0)
			return true;
		/* The server may send while we do: reading makes room for it. */
		struct pollfd fd = {.fd = PQsocket(c->pg), .events = POLLIN | POLLOUT};
		enum err_code code = ctx_wait_fds(ctx, &fd, 1);
		if (code != ERR_NONE)
			return ctx_fail(ctx, code, started, what, e);
		if ((fd.revents & (POLLIN | POLLERR | POLLHUP)) && !PQconsumeInput(c->pg))
			return pg_fail_lost(c, what, e);
	}
}

bool pg_send(const struct ctx *ctx, struct conn *c, const char *what, const char *sql, int n,
        const char *const *values, struct err *e)
{
	mono_ns started = clock_now(ctx->clock);
	enum err_code code = ctx_done(ctx);
	if (code != ERR_NONE)
		return ctx_fail(ctx, code, started, what, e);
	if (c->busy)
		return err_set(e, ERR_PROTOCOL, "%s: the connection is still in another answer", what);
	int sent = n == 0 ? PQsendQuery(c->pg, sql)
	                  : PQsendQueryParams(c->pg, sql, n, NULL, values, NULL, NULL, 0);
	if (!sent)
		return pg_fail_lost(c, what, e);
	c->busy = true;
	return pg_flush(ctx, c, started, what, e);
}

/* A TLS record may be read from the socket and only partly taken by libpq: poll() sees nothing of the rest.
 */
static bool has_read_ahead(PGconn *pg)
{
	SSL *ssl = PQsslStruct(pg, "OpenSSL");
	return ssl != NULL && SSL_pending(ssl) > 0;
}

bool pg_next(const struct ctx *ctx, struct conn *c, mono_ns started, const char *what, PGresult **out,
        struct err *e)
{
	while (PQisBusy(c->pg)) {
		if (!has_read_ahead(c->pg)) {
			enum err_code code = ctx_wait_fd(ctx, PQsocket(c->pg), POLLIN);
			if (code != ERR_NONE)
				return ctx_fail(ctx, code, started, what, e);
		}
		if (!PQconsumeInput(c->pg))
			return pg_fail_lost(c, what, e);
	}
	*out = PQgetResult(c->pg);
	if (*out == NULL)
		c->busy = false;
	return true;
}

bool pg_rest(const struct ctx *ctx, struct conn *c, mono_ns started, const char *what, struct err *e)
{
	while (c->busy) {
		PGresult *r = NULL;
		/* An endless answer is always ready: the deadline is looked at here too. */
		enum err_code code = ctx_done(ctx);
		if (code != ERR_NONE)
			return ctx_fail(ctx, code, started, what, e);
		if (!pg_next(ctx, c, started, what, &r, e))
			return false;
		PQclear(r);
	}
	return true;
}

static bool is_error(const PGresult *r)
{
	switch (PQresultStatus(r)) {
	case PGRES_EMPTY_QUERY:
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
		return false;
	default:
		return true;
	}
}

bool pg_ask(const struct ctx *ctx, struct conn *c, const char *what, const char *sql, int n,
        const char *const *values, PGresult **out, struct err *e)
{
	mono_ns started = clock_now(ctx->clock);
	PGresult *last = NULL;
	*out = NULL;
	if (!pg_send(ctx, c, what, sql, n, values, e))
		return false;
	for (;;) {
		PGresult *r = NULL;
		if (!pg_next(ctx, c, started, what, &r, e)) {
			PQclear(last);
			return false;
		}
		if (r == NULL)
			break;
		PQclear(last);
		last = r;
		if (is_error(r)) {
			pg_fail_result(c, r, what, e);
			PQclear(r);
			struct err ignored;
			pg_rest(ctx, c, started, what, &ignored);
			return false;
		}
	}
	if (last == NULL)
		return err_set(e, ERR_PROTOCOL, "%s: the server sent no answer", what);
	*out = last;
	return true;
}

const char *pg_text(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? NULL : PQgetvalue(r, row, col);
}
