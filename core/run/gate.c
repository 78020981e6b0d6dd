/* The gate in front of TLS handshakes: 200 instances that connect at once would otherwise keep every core
 * busy for seconds and time each other out. A counting eventfd, so that a waiter also sees its deadline and
 * its cancel. */
#include "core/run/driver.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/mem.h"

struct gate {
	int fd; /* its counter is the number of free places */
};

struct gate *gate_new(unsigned places, struct err *e)
{
	int fd = eventfd(places, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (fd < 0) {
		err_set_errno(e, errno, "cannot open an eventfd");
		return NULL;
	}
	struct gate *g = xmalloc(sizeof(*g));
	g->fd = fd;
	return g;
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	close(g->fd);
	free(g);
}

enum err_code gate_enter(const struct ctx *ctx, struct gate *g)
{
	for (;;) {
		uint64_t one;
		if (read(g->fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
			return ERR_NONE;
		if (errno != EAGAIN && errno != EINTR)
			return ERR_IO;
		/* Somebody else may take the place between poll and read: then we wait again. */
		enum err_code code = ctx_wait_fd(ctx, g->fd, POLLIN);
		if (code != ERR_NONE)
			return code;
	}
}

void gate_leave(struct gate *g)
{
	const uint64_t one = 1;
	ssize_t n = write(g->fd, &one, sizeof(one));
	(void)n;
}
