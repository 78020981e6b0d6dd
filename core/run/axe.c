/* One thread and one timer for every armed call of the program. The timer counts a laptop's sleep
 * (CLOCK_BOOTTIME), and is set anew only when an earlier deadline arrives: arming and disarming 400 calls a
 * second costs a list insertion each. An entry holds a duplicate of the socket: a library that closes its own
 * inside the call, whose number another thread then gets, cannot lead the axe astray. */
#include "core/run/axe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/base/mem.h"

enum {
	STACK_BYTES = 512 * 1024,
	/* Nothing wakes the timer when a manual clock moves: look again this often. */
	MANUAL_SLICE_MS = 2,
};

struct axe {
	const struct clock *clock;
	int timer;
	pthread_t thread;
	pthread_mutex_t lock;    /* guards all below, and the entries that are armed */
	struct axe_entry *first; /* by deadline; a fallen entry is in no list */
	struct axe_entry *last;
	mono_ns wakes; /* when the timer fires; MONO_NEVER: it does not */
	bool stop;
	bool cut_all;
	unsigned long count;
};

/* 1. The timer */

static void set_timer(struct axe *axe, mono_ns when)
{
	bool real = axe->clock == &clock_real;
	struct itimerspec spec = {0};
	axe->wakes = when;
	if (when != MONO_NEVER && real) {
		/* All zeroes would disarm it. */
		mono_ns at = when > 0 ? when : 1;
		spec.it_value = (struct timespec){.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
	} else if (when != MONO_NEVER) {
		spec.it_value.tv_nsec = MANUAL_SLICE_MS * NS_PER_MS;
	}
	timerfd_settime(axe->timer, real ? TFD_TIMER_ABSTIME : 0, &spec, NULL);
}

/* 2. The list */

static void insert(struct axe *axe, struct axe_entry *entry)
{
	/* Deadlines arrive nearly in order: look from the end. */
	struct axe_entry *before = axe->last;
	while (before != NULL && before->deadline > entry->deadline)
		before = before->prev;
	entry->prev = before;
	entry->next = before == NULL ? axe->first : before->next;
	*(entry->prev == NULL ? &axe->first : &entry->prev->next) = entry;
	*(entry->next == NULL ? &axe->last : &entry->next->prev) = entry;
}

static void unlink_entry(struct axe *axe, struct axe_entry *entry)
{
	*(entry->prev == NULL ? &axe->first : &entry->prev->next) = entry->next;
	*(entry->next == NULL ? &axe->last : &entry->next->prev) = entry->prev;
}

/* 3. The fall: the entry is not in the list (any more). */

static void cut(struct axe *axe, struct axe_entry *entry)
{
	entry->fell = true;
	axe->count++;
	if (entry->fd >= 0)
		shutdown(entry->fd, SHUT_RDWR);
}

/* -1 stays -1. Without a descriptor left the call cannot be cut, but the server's own limit ends it. */
static int duplicate(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void release(int duplicate_fd)
{
	if (duplicate_fd >= 0)
		close(duplicate_fd);
}

static void cut_due(struct axe *axe)
{
	mono_ns now = clock_now(axe->clock);
	while (axe->first != NULL && (axe->cut_all || axe->first->deadline <= now)) {
		struct axe_entry *entry = axe->first;
		unlink_entry(axe, entry);
		cut(axe, entry);
	}
}

static void *run(void *arg)
{
	struct axe *axe = arg;
	pthread_setname_np(pthread_self(), "axe");
	for (;;) {
		uint64_t ticks;
		ssize_t n = read(axe->timer, &ticks, sizeof(ticks));
		(void)n; /* EINTR: just look */
		pthread_mutex_lock(&axe->lock);
		if (axe->stop) {
			pthread_mutex_unlock(&axe->lock);
			return NULL;
		}
		cut_due(axe);
		set_timer(axe, axe->first == NULL ? MONO_NEVER : axe->first->deadline);
		pthread_mutex_unlock(&axe->lock);
	}
}

/* 4. Life */

static bool start_thread(struct axe *axe, struct err *e)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	int failed = pthread_create(&axe->thread, &attr, run, axe);
	pthread_attr_destroy(&attr);
	return failed == 0 || err_set_errno(e, failed, "cannot start the axe's thread");
}

static void axe_free(struct axe *axe)
{
	pthread_mutex_destroy(&axe->lock);
	close(axe->timer);
	free(axe);
}

struct axe *axe_start(const struct clock *clock, struct err *e)
{
	int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	if (timer < 0) {
		err_set_errno(e, errno, "cannot make the axe's timer");
		return NULL;
	}
	struct axe *axe = xcalloc(1, sizeof(*axe));
	axe->clock = clock;
	axe->timer = timer;
	axe->wakes = MONO_NEVER;
	pthread_mutex_init(&axe->lock, NULL);
	if (!start_thread(axe, e)) {
		axe_free(axe);
		return NULL;
	}
	return axe;
}

void axe_stop(struct axe *axe)
{
	pthread_mutex_lock(&axe->lock);
	assert(axe->first == NULL);
	axe->stop = true;
	struct itimerspec now = {.it_value = {.tv_nsec = 1}};
	timerfd_settime(axe->timer, TFD_TIMER_ABSTIME, &now, NULL);
	pthread_mutex_unlock(&axe->lock);
	pthread_join(axe->thread, NULL);
	axe_free(axe);
}

/* 5. What callers do */

void axe_arm(struct axe *axe, struct axe_entry *entry, const struct ctx *ctx, int fd)
{
	*entry = (struct axe_entry){.deadline = ctx->deadline, .fd = duplicate(fd), .armed = true};
	bool over = ctx_done(ctx) != ERR_NONE;
	pthread_mutex_lock(&axe->lock);
	if (over || axe->cut_all) {
		cut(axe, entry);
	} else {
		insert(axe, entry);
		/* An earlier wake-up that is no longer needed is cheaper than a system call here. */
		if (entry->deadline < axe->wakes)
			set_timer(axe, entry->deadline);
	}
	pthread_mutex_unlock(&axe->lock);
}

void axe_set_fd(struct axe *axe, struct axe_entry *entry, int fd)
{
	assert(entry->armed);
	int fresh = duplicate(fd);
	pthread_mutex_lock(&axe->lock);
	int old = entry->fd;
	entry->fd = fresh;
	if (entry->fell && fresh >= 0)
		shutdown(fresh, SHUT_RDWR);
	pthread_mutex_unlock(&axe->lock);
	release(old);
}

bool axe_disarm(struct axe *axe, struct axe_entry *entry)
{
	assert(entry->armed);
	pthread_mutex_lock(&axe->lock);
	if (!entry->fell)
		unlink_entry(axe, entry);
	entry->armed = false;
	bool fell = entry->fell;
	pthread_mutex_unlock(&axe->lock);
	release(entry->fd);
	entry->fd = -1;
	return fell;
}

void axe_fell_all(struct axe *axe)
{
	pthread_mutex_lock(&axe->lock);
	axe->cut_all = true;
	cut_due(axe);
	pthread_mutex_unlock(&axe->lock);
}

unsigned long axe_count(struct axe *axe)
{
	pthread_mutex_lock(&axe->lock);
	unsigned long count = axe->count;
	pthread_mutex_unlock(&axe->lock);
	return count;
}
