/* Closing a socket does not stop a query. So a lane whose query timed out keeps its socket for a moment while
 * ADMIN cancels; what cannot be drained is closed and remembered as a zombie that goes on counting among our
 * connections until ADMIN has seen it gone. Without ADMIN the server's own statement limit, set at connect,
 * is the last resort: after that the zombie is taken for dead. */
#include "core/run/lane.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { LOOK_FIRST_MS = 50, LOOK_MAX_MS = 1000 };

/* Before one is taken down. */
static void make_room(struct station *st)
{
	pthread_mutex_lock(&st->lock);
	bool there = st->nzombies > 0;
	pthread_mutex_unlock(&st->lock);
	if (there)
		return;
	struct zombie *zombies = xcalloc(ZOMBIES_MAX, sizeof(*zombies));
	struct reap_request *requests = xcalloc(LANE_KINDS, sizeof(*requests));
	pthread_mutex_lock(&st->lock);
	if (st->nzombies == 0) {
		st->zombie = zombies;
		st->nzombies = ZOMBIES_MAX;
		st->reap = requests;
		zombies = NULL;
		requests = NULL;
	}
	pthread_mutex_unlock(&st->lock);
	free(zombies);
	free(requests);
}

/* Under the station's lock. */
static unsigned count_zombies(const struct station *st)
{
	unsigned n = 0;
	for (size_t i = 0; i < st->nzombies; i++)
		n += st->zombie[i].used;
	return n;
}

static void bury_expired(struct station *st, mono_ns now)
{
	for (size_t i = 0; i < st->nzombies; i++) {
		if (st->zombie[i].used && now >= st->zombie[i].expires)
			st->zombie[i].used = false;
	}
}

bool reaper_take_place(struct lane *l, mono_ns *next)
{
	struct station *st = l->st;
	mono_ns now = lane_now(l);
	mono_ns until = now + DRAIN_MS * NS_PER_MS;
	pthread_mutex_lock(&st->lock);
	bury_expired(st, now);
	bool own = false;
	for (size_t i = 0; i < st->nzombies; i++) {
		/* ADMIN may come back beside its own zombie: it is who ends them. */
		if (st->zombie[i].used && st->zombie[i].owner == l->kind && l->kind != LANE_ADMIN) {
			own = true;
			until = st->zombie[i].expires;
		}
	}
	bool room = !own && st->open + count_zombies(st) < CONNECTIONS_MAX;
	if (room)
		st->open++;
	pthread_mutex_unlock(&st->lock);
	*next = until;
	if (room)
		report_counts(st);
	return room;
}

void reaper_give_place(struct lane *l, bool zombie)
{
	struct station *st = l->st;
	const struct conn_info *info = zombie ? st->driver->info(l->conn) : NULL;
	mono_ns now = lane_now(l);
	if (zombie)
		make_room(st);
	pthread_mutex_lock(&st->lock);
	st->open--;
	for (size_t i = 0; zombie && i < st->nzombies; i++) {
		struct zombie *z = &st->zombie[i];
		if (z->used)
			continue;
		*z = (struct zombie){.used = true,
		        .owner = l->kind,
		        .ref = info->self,
		        .server = info->server,
		        .expires = now + (mono_ns)(st->env.statement_ms + ZOMBIE_MARGIN_MS) * NS_PER_MS,
		        .next = now};
		break;
	}
	pthread_mutex_unlock(&st->lock);
	report_counts(st);
	if (zombie)
		lane_wake(&st->lane[LANE_ADMIN]);
}

static void set_reap(struct lane *l, enum reap_state state)
{
	struct station *st = l->st;
	pthread_mutex_lock(&st->lock);
	st->reap[l->kind].state = state;
	pthread_mutex_unlock(&st->lock);
}

static void ask_for_cancel(struct lane *l)
{
	struct station *st = l->st;
	const struct conn_info *info = st->driver->info(l->conn);
	make_room(st);
	pthread_mutex_lock(&st->lock);
	st->reap[l->kind] =
	        (struct reap_request){.state = REAP_WANTED, .ref = info->self, .server = info->server};
	pthread_mutex_unlock(&st->lock);
	lane_wake(&st->lane[LANE_ADMIN]);
}

/* Takes the request back. A cancel that is under way must have landed before the connection runs anything
 * else, or it would hit the next statement: waits for it. False when it does not land in time. */
static bool settle(struct lane *l)
{
	struct station *st = l->st;
	struct reap_request *r = &st->reap[l->kind];
	struct ctx ctx = ctx_within(&l->ctx, REAP_MS);
	for (;;) {
		pthread_mutex_lock(&st->lock);
		bool landed = r->state != REAP_RUNNING;
		if (landed)
			r->state = REAP_NONE;
		pthread_mutex_unlock(&st->lock);
		if (landed)
			return true;
		if (ctx_wait_fd(&ctx, l->wake, POLLIN) != ERR_NONE)
			return false;
		uint64_t n;
		ssize_t got = read(l->wake, &n, sizeof(n));
		(void)got;
	}
}

bool reaper_recover(struct lane *l)
{
	struct station *st = l->st;
	ask_for_cancel(l);
	struct ctx ctx = ctx_within(&l->ctx, DRAIN_MS);
	atomic_store(&l->busy_until, ctx.deadline);
	enum drain d = st->driver->drain(&ctx, l->conn);
	atomic_store(&l->busy_until, 0);
	if (d == DRAIN_CLEAN && settle(l))
		return true;
	/* Nobody will read the answer: what ADMIN still has to do is the zombie's affair. */
	set_reap(l, REAP_NONE);
	return false;
}

/* Takes one request that ADMIN can serve. */
static bool claim_request(struct lane *admin, enum lane_kind kind, struct backend_ref *ref)
{
	struct station *st = admin->st;
	pthread_mutex_lock(&st->lock);
	struct reap_request *r = st->reap == NULL ? NULL : &st->reap[kind];
	bool mine = r != NULL && r->state == REAP_WANTED &&
	            server_identity_equal(&r->server, &st->identity[LANE_ADMIN]);
	if (mine) {
		r->state = REAP_RUNNING;
		*ref = r->ref;
	}
	pthread_mutex_unlock(&st->lock);
	return mine;
}

/* One attempt on ADMIN. False when ADMIN itself broke. */
static bool attempt(struct lane *admin, const struct backend_ref *ref, bool terminate, enum reap *found)
{
	struct err e;
	err_clear(&e);
	*found = REAP_SENT;
	struct ctx ctx = ctx_within(&admin->ctx, REAP_MS);
	atomic_store(&admin->busy_until, ctx.deadline);
	bool ok = admin->st->driver->reap(&ctx, admin->conn, ref, terminate, found, &e);
	atomic_store(&admin->busy_until, 0);
	atomic_fetch_add(&admin->st->p->queries, 1);
	if (ok || !lane_broken(e.code))
		return true;
	lane_lost(admin, &e, e.code == ERR_TIMEOUT);
	return false;
}

static bool serve_requests(struct lane *admin)
{
	struct station *st = admin->st;
	for (int kind = 0; kind < LANE_KINDS; kind++) {
		struct backend_ref ref;
		enum reap found;
		if (!claim_request(admin, (enum lane_kind)kind, &ref))
			continue;
		bool alive = attempt(admin, &ref, false, &found);
		pthread_mutex_lock(&st->lock);
		if (st->reap[kind].state == REAP_RUNNING)
			st->reap[kind].state = REAP_DONE;
		pthread_mutex_unlock(&st->lock);
		lane_wake(&st->lane[kind]);
		if (!alive)
			return false;
	}
	return true;
}

/* Notes what ADMIN saw of zombie i, unless it expired meanwhile and its place has another. */
static void note_zombie(struct lane *admin, size_t i, const struct backend_ref *ref, enum reap found)
{
	struct station *st = admin->st;
	mono_ns now = lane_now(admin);
	pthread_mutex_lock(&st->lock);
	struct zombie *z = &st->zombie[i];
	enum lane_kind owner = z->owner;
	bool gone = found != REAP_SENT;
	if (!z->used || z->ref.id != ref->id) {
		gone = false;
	} else if (gone) {
		z->used = false;
	} else {
		unsigned shift = z->tries < 5 ? z->tries : 5;
		uint32_t wait = LOOK_FIRST_MS << shift;
		z->tries++;
		z->next = now + (mono_ns)(wait < LOOK_MAX_MS ? wait : LOOK_MAX_MS) * NS_PER_MS;
	}
	pthread_mutex_unlock(&st->lock);
	if (!gone)
		return;
	report_counts(st);
	lane_wake(&st->lane[owner]);
}

/* A zombie that is due and at the server that ADMIN reached; its copy in *ref. Returns -1: none, *next says
 * when. */
static int due_zombie(struct lane *admin, struct backend_ref *ref, mono_ns *next)
{
	struct station *st = admin->st;
	mono_ns now = lane_now(admin);
	int found = -1;
	pthread_mutex_lock(&st->lock);
	bury_expired(st, now);
	for (size_t i = 0; i < st->nzombies && found < 0; i++) {
		const struct zombie *z = &st->zombie[i];
		if (!z->used)
			continue;
		mono_ns at = z->next;
		if (!server_identity_equal(&z->server, &st->identity[LANE_ADMIN]))
			at = z->expires;
		if (at <= now) {
			found = (int)i;
			*ref = z->ref;
		} else if (at < *next) {
			*next = at;
		}
	}
	pthread_mutex_unlock(&st->lock);
	return found;
}

mono_ns reaper_work(struct lane *admin)
{
	mono_ns next = MONO_NEVER;
	if (!serve_requests(admin))
		return lane_now(admin);
	for (;;) {
		struct backend_ref ref;
		enum reap found;
		int i = due_zombie(admin, &ref, &next);
		if (i < 0)
			return next;
		if (!attempt(admin, &ref, true, &found))
			return lane_now(admin);
		note_zombie(admin, (size_t)i, &ref, found);
	}
}
