/* Where lanes and the screen meet. A writer swaps one pointer under a lock that is held for nanoseconds; the
 * reader copies pointers. So a lane that is stuck in a server, or a reader that is stuck in a terminal, holds
 * nobody up. */
#include "core/run/hub.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/mem.h"

/* The rings of an instance: frozen like a sample, shared by the hub and its snapshots. A new point makes a
 * new one, on the lane's thread. */
struct rings {
	atomic_uint refs;
	struct series series[METRIC_COUNT];
	mono_ns fed[METRIC_COUNT]; /* when the last point was added */
};

struct hub_slot {
	const struct sample *latest, *good;
};

struct hub_instance {
	pthread_mutex_t lock;
	struct hub_slot slot[PROBE_NAMES_MAX];
	struct link_view link;
	struct rings *rings;     /* NULL before the first point */
	pthread_mutex_t feeding; /* taken before `lock`, held while new rings are made; never by the reader */
	atomic_uint wanted;
};

struct hub {
	const struct clock *clock;
	const struct config *cfg;
	const struct probe_set *probes;
	size_t room;
	int fd;
	atomic_bool dirty;
	int pulse_slot, replication_slot; /* what feeds the series; -1: no such probe */
	void (*listener)(void *arg, size_t instance);
	void *listener_arg;
	struct hub_instance *instances;
};

struct hub *hub_new(const struct clock *clock, const struct config *cfg, const struct probe_set *probes,
        size_t room, struct err *e)
{
	assert(room >= cfg->ninstances && probe_set_names(probes) <= PROBE_NAMES_MAX);
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) {
		err_set_errno(e, errno, "cannot open an eventfd");
		return NULL;
	}
	struct hub *hub = xcalloc(1, sizeof(*hub));
	hub->clock = clock;
	hub->cfg = cfg;
	hub->probes = probes;
	hub->room = room;
	hub->fd = fd;
	hub->pulse_slot = probe_set_slot(probes, "pulse");
	hub->replication_slot = probe_set_slot(probes, "replication_brief");
	hub->instances = xcalloc(room > 0 ? room : 1, sizeof(*hub->instances));
	for (size_t i = 0; i < room; i++) {
		pthread_mutex_init(&hub->instances[i].lock, NULL);
		pthread_mutex_init(&hub->instances[i].feeding, NULL);
	}
	return hub;
}

static void rings_unref(struct rings *r)
{
	if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t m = 0; m < METRIC_COUNT; m++)
		series_clear(&r->series[m]);
	free(r);
}

void hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	for (size_t i = 0; i < hub->room; i++) {
		struct hub_instance *in = &hub->instances[i];
		for (size_t s = 0; s < PROBE_NAMES_MAX; s++) {
			sample_unref(in->slot[s].latest);
			sample_unref(in->slot[s].good);
		}
		rings_unref(in->rings);
		pthread_mutex_destroy(&in->lock);
		pthread_mutex_destroy(&in->feeding);
	}
	free(hub->instances);
	close(hub->fd);
	free(hub);
}

void hub_wake(struct hub *hub)
{
	/* The descriptor is written once until the reader has taken; it drains before it clears the flag. */
	if (atomic_exchange(&hub->dirty, true))
		return;
	const uint64_t one = 1;
	ssize_t n = write(hub->fd, &one, sizeof(one));
	(void)n;
}

/* What a sample adds to the series, worked out before any lock is taken. */
struct points {
	bool set[METRIC_COUNT];
	double value[METRIC_COUNT];
};

static void point(struct points *p, enum metric m, double value)
{
	p->set[m] = true;
	p->value[m] = value;
}

static double gauge(const struct table *t, const char *column)
{
	double v;
	return t->nrows == 1 && table_real(t, 0, table_column(t, column), &v) ? v : (double)NAN;
}

/* MySQL counts statements; PostgreSQL has only transactions. */
static double throughput(const struct table *t)
{
	if (t->nrows != 1)
		return (double)NAN;
	double queries = table_rate(t, 0, table_column(t, "queries"));
	return isnan(queries) ? table_rate(t, 0, table_column(t, "xacts")) : queries;
}

/* The worst lag of the upstreams; unknown when one that is there cannot be told. */
static double worst_lag(const struct table *t)
{
	double worst = (double)NAN;
	int kind = table_column(t, "kind"), lag = table_column(t, "lag_ms");
	for (size_t row = 0; row < t->nrows; row++) {
		const char *k = table_text(t, row, kind);
		double v;
		if (k == NULL || strcmp(k, "upstream") != 0)
			continue;
		if (!table_real(t, row, lag, &v))
			return (double)NAN;
		if (isnan(worst) || v > worst)
			worst = v;
	}
	return worst;
}

static void collect_points(const struct hub *hub, const struct sample *s, struct points *p)
{
	const struct table *t = s->table;
	int slot = (int)s->probe->slot;
	if (s->err->code == ERR_GATED)
		return;
	if (slot == hub->pulse_slot) {
		point(p, METRIC_RATE, t != NULL ? throughput(t) : (double)NAN);
		point(p, METRIC_ACTIVE, t != NULL ? gauge(t, "active") : (double)NAN);
		point(p, METRIC_CONNECTIONS, t != NULL ? gauge(t, "connections") : (double)NAN);
	}
	if (slot == hub->replication_slot)
		point(p, METRIC_LAG, t != NULL ? worst_lag(t) : (double)NAN);
}

/* A series holds a point a second: a faster pace must not shorten its five minutes. It begins with the first
 * value that is known: a server that is no replica has no lag to remember. */
static bool takes(const struct rings *old, const struct points *p, size_t m, mono_ns at)
{
	if (!p->set[m])
		return false;
	if (old == NULL || old->series[m].count == 0)
		return !isnan(p->value[m]);
	return at - old->fed[m] >= 900 * NS_PER_MS;
}

/* The old rings with these points, NULL when none is due. */
static struct rings *feed(const struct rings *old, const struct points *p, mono_ns at)
{
	struct rings *fresh = NULL;
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		if (!takes(old, p, m, at))
			continue;
		if (fresh == NULL) {
			fresh = xcalloc(1, sizeof(*fresh));
			atomic_init(&fresh->refs, 1);
			for (size_t i = 0; old != NULL && i < METRIC_COUNT; i++) {
				series_copy(&fresh->series[i], &old->series[i]);
				fresh->fed[i] = old->fed[i];
			}
		}
		series_add(&fresh->series[m], at, p->value[m]);
		fresh->fed[m] = at;
	}
	return fresh;
}

void hub_publish(struct hub *hub, size_t instance, struct sample *s)
{
	assert(instance < hub->room && s->probe->slot < PROBE_NAMES_MAX);
	struct hub_instance *in = &hub->instances[instance];
	struct hub_slot *slot = &in->slot[s->probe->slot];
	struct points points = {0};
	collect_points(hub, s, &points);
	bool good = s->err->code == ERR_NONE;
	const struct sample *again = good ? sample_ref(s) : NULL;

	/* 1. Two lanes of a server may publish at once: neither loses the other's points. */
	pthread_mutex_lock(&in->feeding);
	struct rings *fresh = feed(in->rings, &points, s->finished), *before = NULL;

	/* 2. What the reader takes changes under its lock. */
	pthread_mutex_lock(&in->lock);
	const struct sample *old = slot->latest, *old_good = NULL;
	slot->latest = s;
	if (good) {
		old_good = slot->good;
		slot->good = again;
	}
	if (fresh != NULL) {
		before = in->rings;
		in->rings = fresh;
	}
	pthread_mutex_unlock(&in->lock);
	pthread_mutex_unlock(&in->feeding);

	rings_unref(before);
	sample_unref(old);
	sample_unref(old_good);
	hub_wake(hub);
}

const struct sample *hub_good(struct hub *hub, size_t instance, unsigned slot)
{
	assert(instance < hub->room && slot < PROBE_NAMES_MAX);
	struct hub_instance *in = &hub->instances[instance];
	pthread_mutex_lock(&in->lock);
	const struct sample *s = in->slot[slot].good;
	if (s != NULL)
		sample_ref(s);
	pthread_mutex_unlock(&in->lock);
	return s;
}

void hub_link(struct hub *hub, size_t instance, void (*edit)(struct link_view *link, void *arg), void *arg)
{
	assert(instance < hub->room);
	struct hub_instance *in = &hub->instances[instance];
	pthread_mutex_lock(&in->lock);
	edit(&in->link, arg);
	pthread_mutex_unlock(&in->lock);
	hub_wake(hub);
}

int hub_fd(const struct hub *hub)
{
	return hub->fd;
}

bool hub_dirty(const struct hub *hub)
{
	return atomic_load(&hub->dirty);
}

/* Takes one instance into the snapshot: references and flat copies. */
static void take_instance(struct hub_instance *in, struct instance_view *out)
{
	pthread_mutex_lock(&in->lock);
	for (size_t s = 0; s < PROBE_NAMES_MAX; s++) {
		const struct hub_slot *slot = &in->slot[s];
		out->slot[s].latest = slot->latest != NULL ? sample_ref(slot->latest) : NULL;
		out->slot[s].good = slot->good != NULL ? sample_ref(slot->good) : NULL;
	}
	out->link = in->link;
	if (in->rings != NULL) {
		atomic_fetch_add_explicit(&in->rings->refs, 1, memory_order_relaxed);
		out->series = in->rings->series;
	}
	pthread_mutex_unlock(&in->lock);
}

struct snapshot *hub_take(struct hub *hub)
{
	uint64_t drained;
	ssize_t got = read(hub->fd, &drained, sizeof(drained));
	(void)got;
	atomic_store(&hub->dirty, false);

	size_t n = hub->cfg->ninstances < hub->room ? hub->cfg->ninstances : hub->room;
	struct snapshot *snap = xcalloc(1, sizeof(*snap));
	snap->instances = xcalloc(n > 0 ? n : 1, sizeof(*snap->instances));
	snap->n = n;
	snap->probes = hub->probes;
	snap->config = hub->cfg;
	for (size_t i = 0; i < n; i++) {
		struct instance_view *view = &snap->instances[i];
		view->cfg = &hub->cfg->instances[i];
		view->cluster = &hub->cfg->clusters[view->cfg->cluster];
		take_instance(&hub->instances[i], view);
	}
	/* Read last: no sample in here is younger than the snapshot says it is. */
	snap->now = clock_now(hub->clock);
	snap->wall = clock_wall(hub->clock);
	return snap;
}

void snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct instance_view *view = &s->instances[i];
		for (size_t k = 0; k < PROBE_NAMES_MAX; k++) {
			sample_unref(view->slot[k].latest);
			sample_unref(view->slot[k].good);
		}
		/* What a view sees of the rings is a member of theirs. */
		const char *series = (const char *)view->series;
		if (series != NULL)
			rings_unref((struct rings *)(uintptr_t)(series - offsetof(struct rings, series)));
	}
	free(s->instances);
	free(s);
}

void hub_want(struct hub *hub, size_t instance, uint32_t slots)
{
	assert(instance < hub->room);
	uint32_t before = atomic_exchange(&hub->instances[instance].wanted, slots);
	if ((slots & ~before) != 0 && hub->listener != NULL)
		hub->listener(hub->listener_arg, instance);
}

uint32_t hub_wanted(const struct hub *hub, size_t instance)
{
	assert(instance < hub->room);
	return atomic_load(&hub->instances[instance].wanted);
}

void hub_on_want(struct hub *hub, void (*listener)(void *arg, size_t instance), void *arg)
{
	hub->listener = listener;
	hub->listener_arg = arg;
}
