/* A flag for those who ask and an eventfd for those who wait. The flag is set first, so that whoever is woken
 * by the descriptor also sees the flag. */
#include "core/base/cancel.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool cancel_init(struct cancel *c, const struct cancel *parent, struct err *e)
{
	int depth = 1;
	for (const struct cancel *p = parent; p != NULL; p = p->parent)
		depth++;
	assert(depth <= CANCEL_DEPTH_MAX);
	(void)depth;

	atomic_init(&c->set, false);
	c->parent = parent;
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0)
		return err_set_errno(e, errno, "cannot open an eventfd");
	return true;
}

void cancel_close(struct cancel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void cancel_set(struct cancel *c)
{
	if (atomic_exchange(&c->set, true))
		return;
	int saved = errno;
	const uint64_t one = 1;
	/* Cannot fail: the counter was 0, and nobody else writes. */
	ssize_t n = write(c->fd, &one, sizeof(one));
	(void)n;
	errno = saved;
}

bool cancel_is_set(const struct cancel *c)
{
	for (; c != NULL; c = c->parent) {
		if (atomic_load(&c->set))
			return true;
	}
	return false;
}
