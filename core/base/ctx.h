/* The deadline that is passed, not smuggled: first parameter of every function that may wait. A function
 * without it may not block. It holds a clock, an absolute deadline and a cancel, and nothing else: no
 * logger, no config, no ids. Passed by const pointer, derived by value; never stored beyond the call. */
#ifndef DBATOP_BASE_CTX_H
#define DBATOP_BASE_CTX_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/err.h"

struct ctx {
	const struct clock *clock;
	mono_ns deadline;	     /* MONO_NEVER: none */
	const struct cancel *cancel; /* may be NULL */
};

/* The root: no deadline. */
struct ctx ctx_root(const struct clock *clock, const struct cancel *cancel);
/* min(parent's deadline, now + ms): a child can only shorten. */
struct ctx ctx_within(const struct ctx *parent, uint32_t ms);
/* The same deadline, another cancel (whose parent chain should hold the old one). */
struct ctx ctx_with_cancel(const struct ctx *parent, const struct cancel *cancel);

/* ERR_NONE, ERR_TIMEOUT or ERR_CANCELLED; does not wait. */
enum err_code ctx_done(const struct ctx *ctx);
/* Milliseconds left, rounded up, 0 when expired, INT32_MAX without a deadline: fit for poll(). */
int ctx_left_ms(const struct ctx *ctx);

/* Waits until fd shows one of events (POLLIN, POLLOUT). ERR_NONE (ready, or POLLERR/POLLHUP: the next read
 * tells), ERR_TIMEOUT, ERR_CANCELLED, ERR_IO. At expiry it polls once more with 0 ms before it says
 * ERR_TIMEOUT, so that a machine that was paused does not kill healthy connections. EINTR is retried. */
enum err_code ctx_wait_fd(const struct ctx *ctx, int fd, short events);
/* The same over several descriptors (at most 8); revents are filled. */
enum err_code ctx_wait_fds(const struct ctx *ctx, struct pollfd *fds, size_t n);
/* Waits ms or until the ctx ends: ERR_NONE when the time has passed. */
enum err_code ctx_sleep(const struct ctx *ctx, uint32_t ms);
/* Fills e with a sentence for a code that a ctx_ function returned: "what: timed out after 800 ms". `started`
 * is when the call began, on ctx->clock. Returns false. */
bool ctx_fail(const struct ctx *ctx, enum err_code code, mono_ns started, const char *what, struct err *e);

#endif
