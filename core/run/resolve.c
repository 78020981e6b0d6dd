/* getaddrinfo() waits for name servers as long as it pleases, so it gets threads of its own, and those who
 * need the answer wait for an eventfd under their ctx. Everything is under one lock that is never held while
 * waiting; the lists are as short as the config is long. */
#include "core/run/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

enum {
	STACK_BYTES = 512 * 1024,
	KEEP_MS = 30 * 1000,
	KEEP_FAILURE_MS = 2 * 1000,
	STUCK_MS = 10 * 1000,
};

enum lookup_state { LOOKUP_QUEUED, LOOKUP_RUNNING, LOOKUP_DONE };

/* One name: a question under way or the answer to it. */
struct lookup {
	struct lookup *next;
	char *host;
	enum lookup_state state;
	unsigned waiters;
	struct cancel done; /* set when the answer is there */
	mono_ns started, finished;
	int failed; /* of getaddrinfo */
	int native; /* errno, when failed is EAI_SYSTEM */
	struct addresses addresses;
};

struct resolver {
	const struct clock *clock;
	resolve_fn *call;
	pthread_mutex_t lock; /* guards all below */
	struct lookup *lookups;
	unsigned workers;
	bool closing;
	bool abandoned;     /* the closer has left: the last worker frees everything */
	struct cancel idle; /* set when closing and the last worker is done */
};

/* 1. Lookups; the lock is held */

static void lookup_free(struct lookup *l)
{
	cancel_close(&l->done);
	free(l->host);
	free(l);
}

static bool is_fresh(const struct resolver *r, const struct lookup *l)
{
	mono_ns keep = (l->failed != 0 ? KEEP_FAILURE_MS : KEEP_MS) * NS_PER_MS;
	return l->state != LOOKUP_DONE || clock_now(r->clock) - l->finished < keep;
}

/* Nobody needs it: the answer is too old, or those who asked gave up before it was its turn. */
static bool is_useless(const struct resolver *r, const struct lookup *l)
{
	return l->waiters == 0 && (l->state == LOOKUP_QUEUED || !is_fresh(r, l));
}

static void drop_useless(struct resolver *r)
{
	for (struct lookup **at = &r->lookups; *at != NULL;) {
		struct lookup *l = *at;
		if (is_useless(r, l)) {
			*at = l->next;
			lookup_free(l);
		} else {
			at = &l->next;
		}
	}
}

static struct lookup *find(const struct resolver *r, const char *host)
{
	for (struct lookup *l = r->lookups; l != NULL; l = l->next) {
		if (strcasecmp(l->host, host) == 0 && is_fresh(r, l))
			return l;
	}
	return NULL;
}

static struct lookup *append(struct resolver *r, const char *host, struct err *e)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	if (!cancel_init(&l->done, NULL, e)) {
		free(l);
		return NULL;
	}
	l->host = xstrdup(host);
	struct lookup **at = &r->lookups;
	while (*at != NULL)
		at = &(*at)->next;
	*at = l;
	return l;
}

/* The answer needs no descriptor once nobody waits for it. */
static void finish_waiting(struct lookup *l)
{
	if (l->state == LOOKUP_DONE && l->waiters == 0)
		cancel_close(&l->done);
}

/* 2. Workers */

static bool holds(const struct addresses *a, const char *text)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->text[i], text) == 0)
			return true;
	}
	return false;
}

static void collect(const struct addrinfo *found, struct addresses *out)
{
	for (const struct addrinfo *a = found; a != NULL && out->n < RESOLVE_ADDRS; a = a->ai_next) {
		char text[NI_MAXHOST];
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		size_t n = strlen(text);
		if (n < RESOLVE_TEXT && !holds(out, text))
			memcpy(out->text[out->n++], text, n + 1);
	}
}

/* Asks, without the lock: this is the call that may never return. The caller owns l while it runs. */
static void ask(struct resolver *r, struct lookup *l)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	struct addresses addresses = {0};
	errno = 0;
	int failed = r->call(l->host, NULL, &hints, &found);
	int native = errno;
	if (failed == 0) {
		collect(found, &addresses);
		freeaddrinfo(found);
		if (addresses.n == 0)
			failed = EAI_NONAME;
	}
	pthread_mutex_lock(&r->lock);
	l->failed = failed;
	l->native = native;
	l->addresses = addresses;
	l->finished = clock_now(r->clock);
	l->state = LOOKUP_DONE;
	cancel_set(&l->done);
	finish_waiting(l);
	pthread_mutex_unlock(&r->lock);
}

static struct lookup *next_queued(struct resolver *r)
{
	drop_useless(r);
	for (struct lookup *l = r->lookups; l != NULL; l = l->next) {
		if (l->state == LOOKUP_QUEUED)
			return l;
	}
	return NULL;
}

/* Nobody holds the lock or will. */
static void resolver_free(struct resolver *r)
{
	while (r->lookups != NULL) {
		struct lookup *l = r->lookups;
		r->lookups = l->next;
		lookup_free(l);
	}
	if (r->closing)
		cancel_close(&r->idle);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Works until nothing is queued. */
static void *work(void *arg)
{
	struct resolver *r = arg;
	pthread_setname_np(pthread_self(), "resolve");
	pthread_mutex_lock(&r->lock);
	for (struct lookup *l; !r->closing && (l = next_queued(r)) != NULL;) {
		l->state = LOOKUP_RUNNING;
		l->started = clock_now(r->clock);
		pthread_mutex_unlock(&r->lock);
		ask(r, l);
		pthread_mutex_lock(&r->lock);
	}
	r->workers--;
	bool last = r->closing && r->workers == 0;
	bool abandoned = r->abandoned;
	if (last && !abandoned)
		cancel_set(&r->idle);
	pthread_mutex_unlock(&r->lock);
	if (last && abandoned)
		resolver_free(r);
	return NULL;
}

/* One more worker, unless there are enough. Fails only when there would be none at all. */
static bool add_worker(struct resolver *r, struct err *e)
{
	if (r->workers == RESOLVE_WORKERS)
		return true;
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int failed = pthread_create(&thread, &attr, work, r);
	pthread_attr_destroy(&attr);
	if (failed == 0)
		r->workers++;
	return r->workers > 0 || err_set_errno(e, failed, "cannot start a thread");
}

/* 3. Life */

struct resolver *resolver_new(const struct clock *clock, resolve_fn *lookup)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	r->clock = clock;
	r->call = lookup;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void resolver_close(const struct ctx *ctx, struct resolver *r)
{
	/* 1. Without a descriptor to wait with, whatever still works is abandoned at once. */
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	bool can_wait = cancel_init(&r->idle, NULL, NULL);
	bool busy = r->workers > 0;
	pthread_mutex_unlock(&r->lock);
	if (busy && can_wait)
		(void)ctx_wait_fd(ctx, r->idle.fd, POLLIN);

	/* 2. Whoever leaves last frees. */
	pthread_mutex_lock(&r->lock);
	r->abandoned = r->workers > 0;
	bool abandoned = r->abandoned;
	pthread_mutex_unlock(&r->lock);
	if (!abandoned)
		resolver_free(r);
}

unsigned resolver_stuck(struct resolver *r)
{
	unsigned stuck = 0;
	pthread_mutex_lock(&r->lock);
	mono_ns now = clock_now(r->clock);
	for (const struct lookup *l = r->lookups; l != NULL; l = l->next)
		stuck += l->state == LOOKUP_RUNNING && now - l->started > STUCK_MS * NS_PER_MS;
	pthread_mutex_unlock(&r->lock);
	return stuck;
}

/* 4. Asking */

/* An address needs no lookup; one with a scope (fe80::1%eth0) is passed on as it is. */
static bool is_numeric(const char *host, struct addresses *out)
{
	char text[RESOLVE_TEXT];
	unsigned char bytes[sizeof(struct in6_addr)];
	size_t n = strlen(host);
	if (n >= sizeof(text))
		return false;
	memcpy(text, host, n + 1);
	text[strcspn(text, "%")] = '\0';
	bool v4 = strlen(text) == n && inet_pton(AF_INET, text, bytes) == 1;
	if (!v4 && inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	*out = (struct addresses){.n = 1};
	memcpy(out->text[0], host, n + 1);
	return true;
}

/* Takes the answer of a lookup that is done. */
static bool answer(const struct lookup *l, struct addresses *out, struct err *e)
{
	char scratch[128];
	if (l->failed == 0) {
		*out = l->addresses;
		return true;
	}
	const char *why = l->failed == EAI_SYSTEM ? strerror_r(l->native, scratch, sizeof(scratch))
	                                          : gai_strerror(l->failed);
	err_set(e, ERR_RESOLVE, "cannot resolve %s: %s", l->host, why);
	if (e != NULL)
		e->native = l->failed;
	return false;
}

/* Finds or starts the lookup of host; the lock is held. */
static struct lookup *begin(struct resolver *r, const char *host, struct err *e)
{
	drop_useless(r);
	struct lookup *l = find(r, host);
	if (l != NULL)
		return l;
	l = append(r, host, e);
	if (l == NULL || !add_worker(r, e)) {
		/* What was appended is useless to all, and dropped by the next. */
		err_wrap(e, "cannot resolve %s", host);
		return NULL;
	}
	return l;
}

bool resolve_host(
        const struct ctx *ctx, struct resolver *r, const char *host, struct addresses *out, struct err *e)
{
	*out = (struct addresses){0};
	if (is_numeric(host, out))
		return true;
	mono_ns started = clock_now(ctx->clock);
	bool ok = false;

	/* 1. An answer that is kept, or somebody to wait with. */
	pthread_mutex_lock(&r->lock);
	struct lookup *l = begin(r, host, e);
	if (l == NULL || l->state == LOOKUP_DONE) {
		ok = l != NULL && answer(l, out, e);
		pthread_mutex_unlock(&r->lock);
		return ok;
	}
	l->waiters++;
	pthread_mutex_unlock(&r->lock);

	/* 2. Wait; whoever is counted as waiting keeps the lookup alive. */
	enum err_code code = ctx_wait_fd(ctx, l->done.fd, POLLIN);
	char what[300];
	pthread_mutex_lock(&r->lock);
	if (code == ERR_NONE) {
		ok = answer(l, out, e);
	} else {
		snprintf(what, sizeof(what), "cannot resolve %s", host);
		ctx_fail(ctx, code, started, what, e);
	}
	l->waiters--;
	finish_waiting(l);
	pthread_mutex_unlock(&r->lock);
	return ok;
}
