/* The server speaks first: its greeting is looked at in the socket's buffer before the client library reads
 * it, because libmariadb goes on in clear text when TLS was asked for but is not offered. The library then
 * reads the very same bytes. */
#ifndef DBATOP_BACKENDS_MYSQL_GREETING_H
#define DBATOP_BACKENDS_MYSQL_GREETING_H

#include "core/base/ctx.h"

enum greeting {
	GREETING_TLS,   /* TLS is offered */
	GREETING_PLAIN, /* it is not */
	GREETING_OTHER  /* an error packet, or no greeting at all: the library says what it is */
};

/* Waits for the greeting and reads it without taking it. ERR_NONE, or ctx's end. */
enum err_code greeting_peek(const struct ctx *ctx, int fd, enum greeting *out);
/* The same on bytes: false while more are needed. Pure. */
bool greeting_parse(const unsigned char *p, size_t n, enum greeting *out);

/* Why a Unix socket cannot be connected to, as errno; 0 when it can. Does not wait. */
int greeting_socket_errno(const char *path);

#endif
