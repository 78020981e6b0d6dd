/* The table of functions that lanes call, and those of them that are too short for a file of their own. */
#include "backends/postgres/postgres.h"

#include "backends/postgres/pg.h"

extern const struct embedded_file embedded_postgres_sql[];

static const struct conn_info *info(const struct conn *c)
{
	return &c->info;
}

static enum drain drain(const struct ctx *ctx, struct conn *c)
{
	struct err ignored;
	mono_ns started = clock_now(ctx->clock);
	/* What was to be sent may be half in the socket: the server waits for the rest of it. */
	if (!pg_flush(ctx, c, started, "drain", &ignored) || !pg_rest(ctx, c, started, "drain", &ignored))
		return DRAIN_BROKEN;
	return PQtransactionStatus(c->pg) == PQTRANS_IDLE ? DRAIN_CLEAN : DRAIN_BROKEN;
}

static bool ping(const struct ctx *ctx, struct conn *c, struct err *e)
{
	PGresult *r = NULL;
	bool ok = pg_ask(ctx, c, "ping", "", 0, NULL, &r, e);
	PQclear(r);
	return ok;
}

static const struct embedded_file *probes(void)
{
	return embedded_postgres_sql;
}

const struct driver postgres_driver = {
        .name = "postgres",
        .connect = pg_connect,
        .info = info,
        .fetch = pg_fetch,
        .drain = drain,
        .ping = ping,
        .reap = pg_reap,
        .act = pg_act,
        .follow = pg_follow,
        .close = pg_close,
        .probes = probes,
};
