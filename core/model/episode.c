/* From "somebody waits" and "nobody waits" to stalls with a beginning and an end. A sample that says nothing
 * (stale, denied) neither begins nor ends one, and a blink of a second is no stall. */
#include "core/model/episode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { BLINK_MS = 1000, RATE_MIN_MS = 60000 };

struct place {
	struct episode *list; /* newest first, EPISODES_MAX; NULL before the first */
	size_t n;
	mono_ns sampled, pulsed; /* `finished` of the samples that were seen last */
	mono_ns began, counted_from;
	struct deadlocks deadlocks;
	char started[40]; /* of the server, whose counter it is */
};

struct episodes {
	struct place **places;
	size_t n;
};

struct episodes *episodes_new(void)
{
	return xcalloc(1, sizeof(struct episodes));
}

static void free_place(struct place *p)
{
	if (p != NULL)
		free(p->list);
	free(p);
}

void episodes_free(struct episodes *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->n; i++)
		free_place(e->places[i]);
	free(e->places);
	free(e);
}

/* ---- stalls ---- */

static const struct session *heaviest_root(const struct session_view *v)
{
	const struct session *best = NULL;
	for (size_t i = 0; i < v->n + v->extra; i++) {
		const struct session *s = &v->sessions[i];
		if (s->blocks_now == 0 || s->blocked)
			continue;
		if (best == NULL || s->blocks_all > best->blocks_all ||
		        (s->blocks_all == best->blocks_all && s->longest_ms > best->longest_ms))
			best = s;
	}
	return best;
}

static void note_head(struct episode *ep, const struct session_view *v)
{
	const struct session *s = heaviest_root(v);
	ep->peak = v->counts.blocked;
	if (s == NULL)
		return;
	ep->head = s->id;
	ep->state = s->state;
	snprintf(ep->app, sizeof(ep->app), "%s", s->app != NULL ? s->app : s->user != NULL ? s->user : "");
	ep->query_n = s->query_n < EPISODE_QUERY_MAX ? s->query_n : EPISODE_QUERY_MAX;
	if (ep->query_n > 0)
		memcpy(ep->query, s->query, ep->query_n);
}

static void drop_first(struct place *p)
{
	p->n--;
	memmove(p->list, p->list + 1, p->n * sizeof(p->list[0]));
}

static void step_stall(struct place *p, const struct snapshot *snap, const struct session_view *v)
{
	struct episode *ep = p->list;
	bool lasts = p->n > 0 && !ep->over;
	if (v->counts.blocked > 0) {
		int64_t waited = v->counts.longest_wait_ms > 0 ? v->counts.longest_wait_ms : 0;
		if (!lasts) {
			if (ep == NULL)
				ep = p->list = xcalloc(EPISODES_MAX, sizeof(*p->list));
			p->n = p->n < EPISODES_MAX ? p->n + 1 : EPISODES_MAX;
			memmove(p->list + 1, p->list, (p->n - 1) * sizeof(p->list[0]));
			*ep = (struct episode){
			        .began = snap->wall - waited * 1000, .longest_ms = -1, .head = -1};
			p->began = snap->now - waited * NS_PER_MS;
		}
		if (v->counts.blocked > ep->peak)
			note_head(ep, v);
		if (v->counts.longest_wait_ms > ep->longest_ms)
			ep->longest_ms = v->counts.longest_wait_ms;
		ep->length_ms = (snap->now - p->began) / NS_PER_MS;
	} else if (lasts && v->edges_known) {
		ep->over = true;
		ep->length_ms = (snap->now - p->began) / NS_PER_MS;
		if (ep->length_ms <= BLINK_MS)
			drop_first(p);
	}
}

/* ---- deadlocks ---- */

static void step_deadlocks(struct place *p, const struct snapshot *snap, const struct sample *pulse)
{
	struct deadlocks *d = &p->deadlocks;
	int64_t count;
	if (pulse->table->nrows != 1 ||
	        !table_int(pulse->table, 0, table_column(pulse->table, "deadlocks"), &count))
		return;
	/* A restart or a reset: the count begins anew. */
	if (!d->known || count < d->now || strcmp(p->started, pulse->server_start) != 0) {
		*d = (struct deadlocks){.known = true, .first = count, .now = count, .per_min = (double)NAN};
		snprintf(p->started, sizeof(p->started), "%s", pulse->server_start);
		p->counted_from = snap->now;
		return;
	}
	if (count > d->now)
		d->last = snap->wall;
	d->now = count;
	d->since = count - d->first;
	int64_t ms = (snap->now - p->counted_from) / NS_PER_MS;
	if (ms >= RATE_MIN_MS)
		d->per_min = (double)d->since * 60000.0 / (double)ms;
}

/* ---- all ---- */

void episodes_update(struct episodes *e, const struct snapshot *snap, const struct sessions *sessions)
{
	if (snap->n > e->n) {
		e->places = xreallocarray(e->places, snap->n, sizeof(struct place *));
		memset(e->places + e->n, 0, (snap->n - e->n) * sizeof(struct place *));
		e->n = snap->n;
	}
	for (size_t i = 0; i < snap->n; i++) {
		const struct session_view *v = sessions_at(sessions, i);
		struct slot_view pulse = snapshot_slot(snap, i, "pulse");
		if (e->places[i] == NULL)
			e->places[i] = xcalloc(1, sizeof(struct place));
		struct place *p = e->places[i];
		if (v->sample != NULL && v->sample->finished != p->sampled &&
		        !snapshot_is_stale(snap, i, "sessions"))
			step_stall(p, snap, v);
		p->sampled = v->sample != NULL ? v->sample->finished : 0;
		if (pulse.good != NULL && pulse.good->finished != p->pulsed)
			step_deadlocks(p, snap, pulse.good);
		p->pulsed = pulse.good != NULL ? pulse.good->finished : 0;
	}
}

const struct episode *episodes_of(const struct episodes *e, size_t instance, size_t *n)
{
	*n = instance < e->n && e->places[instance] != NULL ? e->places[instance]->n : 0;
	return *n > 0 ? e->places[instance]->list : NULL;
}

const struct deadlocks *episodes_deadlocks(const struct episodes *e, size_t instance)
{
	static const struct deadlocks none = {.known = false};
	return instance < e->n && e->places[instance] != NULL ? &e->places[instance]->deadlocks : &none;
}
