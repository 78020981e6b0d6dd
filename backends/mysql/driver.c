/* The driver's table of functions, and the few that are one line long. */
#include "backends/mysql/conn.h"
#include "backends/mysql/mysql.h"
#include "core/base/embedded.h"

extern const struct embedded_file embedded_mysql_sql[];

static const struct conn_info *info(const struct conn *c)
{
	return &c->info;
}

static enum drain drain(const struct ctx *ctx, struct conn *c)
{
	return io_drain(ctx, c->io);
}

/* A statement that says nothing, instead of the library's ping: it goes the way of every other one. */
static bool ping(const struct ctx *ctx, struct conn *c, struct err *e)
{
	return conn_ask(ctx, c, NULL, e, "DO 0") || err_wrap(e, "ping");
}

static const struct embedded_file *probes(void)
{
	return embedded_mysql_sql;
}

const struct driver mysql_driver = {
        .name = "mysql",
        .connect = my_connect,
        .info = info,
        .fetch = my_fetch,
        .drain = drain,
        .ping = ping,
        .reap = my_reap,
        .act = my_act,
        .follow = my_follow,
        .close = my_close,
        .probes = probes,
};

bool mysql_driver_init(struct err *e)
{
	return io_library_init(e);
}

void mysql_driver_end(void)
{
	io_library_end();
}

const char *mysql_driver_library(char out[64])
{
	return io_library_name(out);
}
