/* See wait.h. Kept apart from everything else so that the test of the house rules can allow naps here only.
 */
#include "tests/support/wait.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

enum { NAP_NS = 2000000 };

int64_t wait_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t wait_now_ms(void)
{
	return wait_now_us() / 1000;
}

bool wait_until(bool (*predicate)(void *arg), void *arg, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	const struct timespec nap = {.tv_nsec = NAP_NS};
	while (wait_now_ms() < deadline) {
		if (predicate(arg))
			return true;
		nanosleep(&nap, NULL);
	}
	return predicate(arg);
}

bool wait_never(bool (*predicate)(void *arg), void *arg, int ms)
{
	return !wait_until(predicate, arg, ms);
}

bool wait_readable(int fd, int64_t deadline_ms)
{
	for (;;) {
		int64_t left = deadline_ms - wait_now_ms();
		struct pollfd set = {.fd = fd, .events = POLLIN};
		int got = poll(&set, 1, left > 0 ? (int)left : 0);
		if (got > 0)
			return true;
		if (got == 0 || errno != EINTR)
			return false;
	}
}
