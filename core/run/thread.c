/* One place that knows the attributes of a thread, so that none is started with 8 MiB of stack or with
 * signals that would interrupt a lane. */
#include "core/run/thread.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { ALT_STACK_BYTES = 16 * 1024 };

/* What thread_shed_stack and the call it makes stand on, below its frame. */
#ifdef DBATOP_JOIN_AT_EXIT
enum { SHED_OWN_BYTES = 8192 };
#else
enum { SHED_OWN_BYTES = 1024 };
#endif

struct start {
	void *(*run)(void *);
	void *arg;
	char name[16];
};

/* The crash handler runs on a stack of its own in every thread: a lane that overflows its stack must not take
 * the terminal with it. It is a mapping that costs nothing until it is used. */
static void *begin(void *arg)
{
	struct start start = *(struct start *)arg;
	free(arg);
	pthread_setname_np(pthread_self(), start.name);
#ifdef DBATOP_JOIN_AT_EXIT
	/* Sanitizers bring their own, and unmap whatever they find at the end. */
	return start.run(start.arg);
#else
	void *alt = mmap(NULL, ALT_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const stack_t there = {.ss_sp = alt, .ss_size = ALT_STACK_BYTES};
	const stack_t none = {.ss_flags = SS_DISABLE};
	if (alt != MAP_FAILED)
		sigaltstack(&there, NULL);
	void *result = start.run(start.arg);
	sigaltstack(&none, NULL);
	if (alt != MAP_FAILED)
		munmap(alt, ALT_STACK_BYTES);
	return result;
#endif
}

bool thread_start(pthread_t *out, void *(*run)(void *), void *arg, const char *name, struct err *e)
{
	pthread_attr_t attr;
	sigset_t all, before;
	struct start *start = xmalloc(sizeof(*start));
	*start = (struct start){.run = run, .arg = arg};
	memcpy(start->name, name, strnlen(name, sizeof(start->name) - 1));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	/* A thread inherits the mask of the one that starts it. Faults of its own stay deliverable. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(out, &attr, begin, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (failed != 0) {
		free(start);
		return err_set_errno(e, failed, "cannot start a thread");
	}
	return true;
}

void thread_shed_stack(void)
{
	pthread_attr_t attr;
	void *low;
	size_t size;
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	bool known = pthread_attr_getstack(&attr, &low, &size) == 0;
	pthread_attr_destroy(&attr);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t end = (here - SHED_OWN_BYTES) & ~(page - 1);
	if (known && end > (uintptr_t)low && here < (uintptr_t)low + size)
		madvise(low, end - (uintptr_t)low, MADV_DONTNEED);
}

void thread_stand_back(void)
{
	enum { NICE = 5 };
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
}
