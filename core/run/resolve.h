/* Names to addresses with a deadline. getaddrinfo() has none and cannot be cancelled, so it runs here and
 * only here: one worker for each distinct name, at most 8 at a time; results are kept 30 s, failures 2 s;
 * callers wait under their ctx. A lookup that never answers costs a worker until it does; it never costs a
 * caller more than its deadline. */
#ifndef DBATOP_RUN_RESOLVE_H
#define DBATOP_RUN_RESOLVE_H

#include <netdb.h>

#include "core/base/ctx.h"

enum { RESOLVE_ADDRS = 4, RESOLVE_TEXT = 46, RESOLVE_WORKERS = 8 };

struct resolver;
typedef int resolve_fn(
        const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out);

/* lookup: getaddrinfo, or a test's double; what it finds is freed by freeaddrinfo. */
struct resolver *resolver_new(const struct clock *clock, resolve_fn *lookup);
/* Waits for workers at most until ctx's deadline; those that do not return are abandoned, and what they need
 * is freed when the last of them does. Nobody may be waiting in resolve_host. */
void resolver_close(const struct ctx *ctx, struct resolver *r);

struct addresses {
	unsigned n;
	char text[RESOLVE_ADDRS][RESOLVE_TEXT]; /* numeric, in the resolver's order, without duplicates */
};
/* A numeric address answers at once. ERR_RESOLVE, ERR_TIMEOUT or ERR_CANCELLED otherwise. May block until ctx
 * ends. */
bool resolve_host(
        const struct ctx *ctx, struct resolver *r, const char *host, struct addresses *out, struct err *e);
/* Lookups that are under way longer than 10 s: `:self` shows them. */
unsigned resolver_stuck(struct resolver *r);

#endif
