/* One place that knows the attributes of a thread, so that none is started with 8 MiB of stack or with
 * signals that would interrupt a lane. */
#include "core/run/thread.h"

#include <signal.h>
#include <string.h>

bool thread_start(pthread_t *out, void *(*run)(void *), void *arg, const char *name, struct err *e)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	/* A thread inherits the mask of the one that starts it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(out, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (failed != 0)
		return err_set_errno(e, failed, "cannot start a thread");

	char cut[16];
	size_t n = strnlen(name, sizeof(cut) - 1);
	memcpy(cut, name, n);
	cut[n] = '\0';
	pthread_setname_np(*out, cut);
	return true;
}
