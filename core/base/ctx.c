/* Every wait of the program ends up in the poll() of this file: it sees the deadline, the whole chain of
 * cancels and the descriptors at once, so nothing that goes through here can hang. */
#include "core/base/ctx.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	WAIT_FDS_MAX = 8,
	/* Nothing wakes poll() when a manual clock moves: look again this often. */
	MANUAL_SLICE_MS = 2,
};

struct ctx ctx_root(const struct clock *clock, const struct cancel *cancel)
{
	return (struct ctx){.clock = clock, .deadline = MONO_NEVER, .cancel = cancel};
}

static mono_ns after_ms(const struct ctx *ctx, uint32_t ms)
{
	return clock_now(ctx->clock) + (mono_ns)ms * NS_PER_MS;
}

struct ctx ctx_within(const struct ctx *parent, uint32_t ms)
{
	struct ctx child = *parent;
	mono_ns end = after_ms(parent, ms);
	if (end < child.deadline)
		child.deadline = end;
	return child;
}

struct ctx ctx_with_cancel(const struct ctx *parent, const struct cancel *cancel)
{
	struct ctx child = *parent;
	child.cancel = cancel;
	return child;
}

static bool expired(const struct ctx *ctx)
{
	return ctx->deadline != MONO_NEVER && clock_now(ctx->clock) >= ctx->deadline;
}

enum err_code ctx_done(const struct ctx *ctx)
{
	if (cancel_is_set(ctx->cancel))
		return ERR_CANCELLED;
	return expired(ctx) ? ERR_TIMEOUT : ERR_NONE;
}

int ctx_left_ms(const struct ctx *ctx)
{
	if (ctx->deadline == MONO_NEVER)
		return INT32_MAX;
	mono_ns left = ctx->deadline - clock_now(ctx->clock);
	if (left <= 0)
		return 0;
	mono_ns ms = left / NS_PER_MS + (left % NS_PER_MS != 0);
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static int poll_timeout(const struct ctx *ctx)
{
	int ms = ctx_left_ms(ctx);
	if (ctx->clock != &clock_real && ms > MANUAL_SLICE_MS)
		return MANUAL_SLICE_MS;
	/* INT32_MAX ms are 24 days, after which the loop simply polls again. */
	return ms;
}

/* The descriptors of the cancel chain; returns how many. */
static nfds_t add_cancels(const struct cancel *c, struct pollfd *out)
{
	nfds_t n = 0;
	for (; c != NULL; c = c->parent) {
		assert(n < CANCEL_DEPTH_MAX);
		out[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	}
	return n;
}

enum err_code ctx_wait_fds(const struct ctx *ctx, struct pollfd *fds, size_t n)
{
	/* 1. The caller's descriptors come first, the cancels after them. */
	assert(n <= WAIT_FDS_MAX);
	struct pollfd all[WAIT_FDS_MAX + CANCEL_DEPTH_MAX];
	for (size_t i = 0; i < n; i++) {
		all[i] = fds[i];
		fds[i].revents = 0;
	}
	nfds_t total = n + add_cancels(ctx->cancel, all + n);

	for (;;) {
		/* 2. Remember whether this is the last look: with no time left, poll() only looks. */
		int timeout = poll_timeout(ctx);
		if (cancel_is_set(ctx->cancel))
			return ERR_CANCELLED;
		int ready = poll(all, total, timeout);
		if (ready < 0 && errno != EINTR)
			return ERR_IO;

		/* 3. A cancel wins over data. */
		if (ready > 0) {
			if (cancel_is_set(ctx->cancel))
				return ERR_CANCELLED;
			bool mine = false;
			for (size_t i = 0; i < n; i++) {
				fds[i].revents = all[i].revents;
				mine = mine || all[i].revents != 0;
				if (all[i].revents & POLLNVAL) {
					errno = EBADF;
					return ERR_IO;
				}
			}
			if (mine)
				return ERR_NONE;
		}
		if (timeout == 0 && ready == 0)
			return ERR_TIMEOUT;
	}
}

enum err_code ctx_wait_fd(const struct ctx *ctx, int fd, short events)
{
	struct pollfd one = {.fd = fd, .events = events};
	return ctx_wait_fds(ctx, &one, 1);
}

enum err_code ctx_sleep(const struct ctx *ctx, uint32_t ms)
{
	struct ctx nap = *ctx;
	nap.deadline = after_ms(ctx, ms);
	bool whole = nap.deadline <= ctx->deadline;
	if (!whole)
		nap.deadline = ctx->deadline;
	enum err_code code = ctx_wait_fds(&nap, NULL, 0);
	return code == ERR_TIMEOUT && whole ? ERR_NONE : code;
}

/* As the limit was meant: what a wait took beyond it differs each time and says nothing. */
static bool fail_late(enum err_code code, long long ms, const char *what, struct err *e)
{
	long long tenths = (ms + 50) / 100;

	if (ms < 995)
		return err_set(
		        e, code, "%s: timed out after %lld ms", what, ms < 100 ? ms : (ms + 5) / 10 * 10);
	if (ms >= 10000 || tenths % 10 == 0)
		return err_set(e, code, "%s: timed out after %lld s", what, tenths / 10);
	return err_set(e, code, "%s: timed out after %lld.%lld s", what, tenths / 10, tenths % 10);
}

bool ctx_fail(const struct ctx *ctx, enum err_code code, mono_ns started, const char *what, struct err *e)
{
	int cause = errno;
	long long ms = (clock_now(ctx->clock) - started) / NS_PER_MS;
	assert(code != ERR_NONE);
	if (code == ERR_TIMEOUT)
		return fail_late(code, ms, what, e);
	if (code == ERR_CANCELLED)
		return err_set(e, code, "%s: cancelled", what);
	if (code == ERR_IO)
		return err_set_errno(e, cause, "%s", what);
	return err_set(e, code, "%s: %s", what, err_code_name(code));
}
