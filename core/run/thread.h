/* How threads of the engine are started: small stacks (two a server, 200 servers), every signal but faults
 * blocked (they belong to the signal thread), a stack for the crash handler, a name for debuggers. */
#ifndef DBATOP_RUN_THREAD_H
#define DBATOP_RUN_THREAD_H

#include <pthread.h>

#include "core/base/err.h"

enum { THREAD_STACK_BYTES = 512 * 1024 };

/* The thread is joinable; *out is set before it runs and not touched after. name is cut at 15 bytes. Fails
 * when the system has no thread left. */
bool thread_start(pthread_t *out, void *(*run)(void *), void *arg, const char *name, struct err *e);

/* Gives the pages below the caller's frame back to the system: after something that went deep (a
 * login, an answer), in one of hundreds of threads that mostly wait. Some microseconds. For threads of
 * thread_start. */
void thread_shed_stack(void);

/* The calling thread takes second place behind the screen's: when every lane computes at once (two hundred
 * logins, a big answer), keys still paint at once. A hint; where it is refused nothing changes. */
void thread_stand_back(void);

#endif
