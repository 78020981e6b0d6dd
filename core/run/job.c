/* Jobs: what the screen asks of ADMIN and polls for. The reader and the lane each hold a reference, so either
 * may go first. An action is followed to its end: a server that says "signal sent" has promised nothing. */
#include "core/run/lane.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum {
	ACT_MS = 5000,
	LOOK_MS = 800,
	LOOK_FIRST_MS = 50,
	LOOK_SLOWEST_MS = 1000,
	WAIT_EXTRA_MS = 1000, /* a job waits for ADMIN a little longer than one connect may take */
	/* A procedure of short statements makes its server forget up to two cancels of three: then one in
	 * ten million outlasts so many. */
	SIGNALS_MAX = 40,
};

struct job {
	atomic_uint refs;
	enum job_kind kind;
	/* As asked; constant. */
	struct action_request req;
	uint32_t follow_ms;
	unsigned slot;
	size_t nvalues;
	struct probe_value values[PROBE_PARAMS_MAX]; /* strings owned */
	/* The lane's own. */
	mono_ns give_up; /* without ADMIN */
	mono_ns follow_until, look_at;
	uint32_t look_ms;
	uint64_t step; /* of the target at the last look since the last signal; 0: none yet */
	bool seen;     /* at least one look told us something */
	struct job *next;
	/* What the reader sees. */
	pthread_mutex_t lock;
	struct job_view view;
};

static struct job *job_new(const struct station *st, enum job_kind kind)
{
	struct job *j = xcalloc(1, sizeof(*j));
	const struct clock *clock = st->p->opt.clock;
	uint32_t connect_ms = st->cluster.timeouts.connect_ms;
	atomic_init(&j->refs, 2);
	pthread_mutex_init(&j->lock, NULL);
	j->kind = kind;
	j->view.started = j->view.changed = clock_now(clock);
	j->view.result.rows_left = -1;
	j->give_up = j->view.started +
	             (mono_ns)((connect_ms != 0 ? connect_ms : ACT_MS) + WAIT_EXTRA_MS) * NS_PER_MS;
	return j;
}

void job_unref(struct job *j)
{
	if (j == NULL || atomic_fetch_sub_explicit(&j->refs, 1, memory_order_acq_rel) != 1)
		return;
	sample_unref(j->view.sample);
	for (size_t i = 0; i < j->nvalues; i++)
		free((char *)(uintptr_t)j->values[i].s);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

void job_look(struct job *j, struct job_view *out)
{
	pthread_mutex_lock(&j->lock);
	*out = j->view;
	pthread_mutex_unlock(&j->lock);
}

static struct lane *admin_of(struct poller *p, size_t instance, struct err *e)
{
	pthread_mutex_lock(&p->lock);
	struct station *st = instance < p->nstations ? p->stations[instance] : NULL;
	struct lane *admin = st != NULL && st->lane[LANE_ADMIN].started ? &st->lane[LANE_ADMIN] : NULL;
	pthread_mutex_unlock(&p->lock);
	if (admin == NULL)
		err_set(e, ERR_UNSUPPORTED, "there is no connection for actions to this server");
	return admin;
}

static struct job *enqueue(struct lane *admin, struct job *j)
{
	struct station *st = admin->st;
	pthread_mutex_lock(&st->lock);
	struct job **tail = &st->queue;
	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = j;
	pthread_mutex_unlock(&st->lock);
	lane_wake(admin);
	return j;
}

struct job *poller_act(struct poller *p, size_t instance, const struct action_request *req,
        uint32_t follow_ms, struct err *e)
{
	struct lane *admin = admin_of(p, instance, e);
	if (admin == NULL)
		return NULL;
	struct job *j = job_new(admin->st, JOB_ACT);
	j->req = *req;
	j->follow_ms = follow_ms;
	return enqueue(admin, j);
}

struct job *poller_ask(struct poller *p, size_t instance, const char *probe, const struct probe_value *values,
        size_t n, struct err *e)
{
	int slot = probe_set_slot(p->opt.probes, probe);
	if (slot < 0 || n > PROBE_PARAMS_MAX) {
		err_set(e, ERR_USAGE, "there is no probe %s with %zu values", probe, n);
		return NULL;
	}
	struct lane *admin = admin_of(p, instance, e);
	if (admin == NULL)
		return NULL;
	struct job *j = job_new(admin->st, JOB_DETAIL);
	j->slot = (unsigned)slot;
	j->nvalues = n;
	for (size_t i = 0; i < n; i++) {
		j->values[i] = values[i];
		if (values[i].s != NULL)
			j->values[i].s = xstrdup(values[i].s);
	}
	return enqueue(admin, j);
}

struct job *job_next(struct station *st)
{
	pthread_mutex_lock(&st->lock);
	struct job *j = st->queue;
	if (j != NULL)
		st->queue = j->next;
	pthread_mutex_unlock(&st->lock);
	if (j != NULL)
		j->next = NULL;
	return j;
}

static void set_state(struct lane *l, struct job *j, enum job_state state)
{
	pthread_mutex_lock(&j->lock);
	j->view.state = state;
	j->view.changed = lane_now(l);
	pthread_mutex_unlock(&j->lock);
	hub_wake(l->st->p->opt.hub);
}

/* The last word on an action. */
static void finish_act(struct lane *l, struct job *j, enum action_outcome outcome, const struct err *e)
{
	pthread_mutex_lock(&j->lock);
	j->view.result.outcome = outcome;
	if (e != NULL)
		j->view.result.err = *e;
	j->view.state = JOB_DONE;
	j->view.changed = lane_now(l);
	pthread_mutex_unlock(&j->lock);
	hub_wake(l->st->p->opt.hub);
	job_unref(j);
}

static void finish_detail(struct lane *l, struct job *j, struct sample *s)
{
	s->finished = lane_now(l);
	s->taken_at = clock_wall(l->ctx.clock);
	pthread_mutex_lock(&j->lock);
	j->view.sample = s;
	j->view.state = JOB_DONE;
	j->view.changed = s->finished;
	pthread_mutex_unlock(&j->lock);
	hub_wake(l->st->p->opt.hub);
	job_unref(j);
}

/* Nothing was done, for the reason in e. */
static void refuse(struct lane *l, struct job *j, const struct err *e)
{
	if (j->kind == JOB_ACT) {
		finish_act(l, j, OUTCOME_REFUSED, e);
		return;
	}
	const struct probe_set *set = l->st->p->opt.probes;
	const struct probe *p = probe_set_at(set, 0);
	for (size_t i = 0; p->slot != j->slot; i++)
		p = probe_set_at(set, i);
	struct sample *s = sample_new(p, arena_new());
	s->started = lane_now(l);
	sample_fail(s, e);
	finish_detail(l, j, s);
}

/* An action needs the server that its target was seen at, and that FAST still shows. */
static bool same_server(struct lane *l, const struct job *j, struct err *e)
{
	struct station *st = l->st;
	const struct server_identity *here = &st->driver->info(l->conn)->server;
	if (!server_identity_equal(&j->req.server, here))
		return err_set(e, ERR_IDENTITY,
		        "the connection for actions reached another server than the one shown");
	pthread_mutex_lock(&st->lock);
	const struct server_identity *fast = &st->identity[LANE_FAST];
	bool apart = fast->engine != ENGINE_NONE && !server_identity_equal(fast, here);
	pthread_mutex_unlock(&st->lock);
	return !apart || err_set(e, ERR_IDENTITY, "our connections reached different servers here");
}

/* The guarded statement, once. What a later one says is no news unless it was taken: what became of the
 * target is for the next look to see. */
static enum action_outcome signal_target(struct lane *l, struct job *j)
{
	struct action_result *result = xcalloc(1, sizeof(*result));
	result->rows_left = -1;
	struct ctx ctx = ctx_within(&l->ctx, ACT_MS);
	atomic_store(&l->busy_until, ctx.deadline);
	bool sent = l->st->driver->act(&ctx, l->conn, &j->req, result);
	atomic_store(&l->busy_until, 0);
	atomic_fetch_add(&l->st->p->queries, 1);

	struct err e = result->err;
	enum action_outcome outcome = result->outcome;
	if (!sent && (outcome == OUTCOME_NONE || outcome == OUTCOME_SENT))
		outcome = OUTCOME_REFUSED;
	result->outcome = outcome;
	unsigned before = j->view.result.signals;
	result->signals = before + (outcome == OUTCOME_SENT);
	pthread_mutex_lock(&j->lock);
	if (before == 0 || outcome == OUTCOME_SENT)
		j->view.result = *result;
	pthread_mutex_unlock(&j->lock);
	free(result);
	j->step = 0;
	j->look_ms = LOOK_FIRST_MS;
	j->look_at = lane_now(l) + LOOK_FIRST_MS * NS_PER_MS;
	if (lane_broken(e.code))
		lane_lost(l, &e, e.code == ERR_TIMEOUT);
	return outcome;
}

static void begin_act(struct lane *l, struct job *j)
{
	struct err e;
	err_clear(&e);
	if (!same_server(l, j, &e)) {
		refuse(l, j, &e);
		return;
	}
	enum action_outcome outcome = signal_target(l, j);
	if (outcome == OUTCOME_SENT || outcome == OUTCOME_UNKNOWN) {
		j->follow_until = lane_now(l) + (mono_ns)j->follow_ms * NS_PER_MS;
		j->next = l->following;
		l->following = j;
		set_state(l, j, JOB_FOLLOWING);
	} else {
		finish_act(l, j, outcome, NULL);
	}
}

/* The values in the order of the probe's parameters; :rows may be left to us. */
static size_t arrange(const struct job *j, const struct probe *p, struct probe_value out[PROBE_PARAMS_MAX])
{
	size_t n = 0;
	if (j->nvalues + 1 == p->nparams)
		out[n++] = (struct probe_value){.type = PARAM_INT, .i = p->rows};
	for (size_t i = 0; i < j->nvalues && n < PROBE_PARAMS_MAX; i++)
		out[n++] = j->values[i];
	return n;
}

static void begin_detail(struct lane *l, struct job *j)
{
	struct station *st = l->st;
	const struct conn_info *info = st->driver->info(l->conn);
	struct probe_value values[PROBE_PARAMS_MAX];
	struct err e;
	bool newer = false;
	const struct probe *p =
	        probe_set_find(st->p->opt.probes, j->slot, info->server.engine, info->server.version, &newer);
	if (p == NULL || arrange(j, p, values) != p->nparams) {
		err_set(&e, ERR_UNSUPPORTED, "%s: no statement for %s %s",
		        probe_set_name(st->p->opt.probes, j->slot), engine_name(info->server.engine),
		        info->server.version_text);
		refuse(l, j, &e);
		return;
	}
	struct arena *arena = arena_new();
	struct sample *s = sample_new(p, arena);
	struct table *t = NULL;
	s->started = lane_now(l);
	s->newer = newer;
	struct ctx ctx = ctx_within(&l->ctx, p->timeout_ms != 0 ? p->timeout_ms : LOOK_MS);
	atomic_store(&l->busy_until, ctx.deadline);
	if (st->driver->fetch(&ctx, l->conn, p, values, arena, &t, &e)) {
		err_clear(&e);
		s->table = t;
	} else {
		sample_fail(s, &e);
	}
	atomic_store(&l->busy_until, 0);
	atomic_fetch_add(&st->p->queries, 1);
	finish_detail(l, j, s);
	if (lane_broken(e.code) || e.code == ERR_PROTOCOL)
		lane_lost(l, &e, e.code == ERR_TIMEOUT);
}

void job_begin(struct lane *admin, struct job *j)
{
	set_state(admin, j, JOB_RUNNING);
	if (j->kind == JOB_ACT)
		begin_act(admin, j);
	else
		begin_detail(admin, j);
}

/* What one look says; OUTCOME_SENT: nothing has changed yet. */
static enum action_outcome judge(const struct job *j, const struct follow_state *f)
{
	if (!f->visible || !f->same_session)
		return OUTCOME_GONE;
	if (j->req.kind == ACTION_CANCEL && (!f->active || !f->same_query))
		return OUTCOME_STOPPED;
	return f->rows_left >= 0 ? OUTCOME_ROLLING_BACK : OUTCOME_SENT;
}

/* Whether the server took a cancel and went on as if there had been none: see struct follow_state. Insisted
 * on, a cancel is for one statement of a transaction, and the next one is none of its business. */
static bool is_forgotten(struct job *j, enum action_outcome now, const struct follow_state *f)
{
	bool grew = j->step != 0 && f->step > j->step;
	j->step = f->step > j->step ? f->step : j->step;
	return grew && now == OUTCOME_SENT && j->req.kind == ACTION_CANCEL && !j->req.whatever_transaction &&
	       j->view.result.signals > 0 && j->view.result.signals < SIGNALS_MAX;
}

/* One look at a target. True: it has come to its end. */
static bool look(struct lane *l, struct job *j, enum action_outcome *end)
{
	struct follow_state f = {.rows_left = -1};
	struct err e;
	err_clear(&e);
	struct ctx ctx = ctx_within(&l->ctx, LOOK_MS);
	atomic_store(&l->busy_until, ctx.deadline);
	bool ok = l->st->driver->follow(&ctx, l->conn, &j->req, &f, &e);
	atomic_store(&l->busy_until, 0);
	atomic_fetch_add(&l->st->p->queries, 1);
	j->look_at = lane_now(l) + (mono_ns)j->look_ms * NS_PER_MS;
	j->look_ms = j->look_ms * 2 < LOOK_SLOWEST_MS ? j->look_ms * 2 : LOOK_SLOWEST_MS;
	if (!ok) {
		if (lane_broken(e.code))
			lane_lost(l, &e, e.code == ERR_TIMEOUT);
		return false;
	}
	j->seen = true;
	enum action_outcome now = judge(j, &f);
	*end = now;
	if (now == OUTCOME_GONE || now == OUTCOME_STOPPED)
		return true;
	pthread_mutex_lock(&j->lock);
	j->view.result.outcome = now;
	j->view.result.rows_left = f.rows_left;
	j->view.changed = lane_now(l);
	pthread_mutex_unlock(&j->lock);
	if (is_forgotten(j, now, &f) && same_server(l, j, &e))
		signal_target(l, j);
	hub_wake(l->st->p->opt.hub);
	return false;
}

/* Time is up: what do we know? */
static enum action_outcome last_word(const struct job *j)
{
	if (!j->seen)
		return OUTCOME_UNKNOWN;
	return j->view.result.outcome == OUTCOME_ROLLING_BACK ? OUTCOME_ROLLING_BACK : OUTCOME_STILL_THERE;
}

/* Follows one job as far as it goes now. True: it is over. */
static bool follow(struct lane *l, struct job *j)
{
	enum action_outcome end = OUTCOME_NONE;
	mono_ns now = lane_now(l);
	if (l->conn != NULL && (now >= j->look_at || now >= j->follow_until) && look(l, j, &end)) {
		finish_act(l, j, end, NULL);
		return true;
	}
	if (now >= j->follow_until) {
		finish_act(l, j, last_word(j), NULL);
		return true;
	}
	return false;
}

/* Jobs that waited too long for a connection. */
static mono_ns give_up_waiting(struct lane *l)
{
	struct station *st = l->st;
	mono_ns now = lane_now(l);
	while (l->conn == NULL) {
		mono_ns at = MONO_NEVER;
		pthread_mutex_lock(&st->lock);
		struct job *late = st->queue;
		if (late != NULL && late->give_up > now) {
			at = late->give_up;
			late = NULL;
		}
		if (late != NULL)
			st->queue = late->next;
		pthread_mutex_unlock(&st->lock);
		if (late == NULL)
			return at;
		struct err e;
		err_set(&e, ERR_TIMEOUT, "nothing was sent: the connection for actions could not be opened");
		refuse(l, late, &e);
	}
	return MONO_NEVER;
}

mono_ns job_work(struct lane *admin)
{
	mono_ns next = give_up_waiting(admin);
	struct job **link = &admin->following;
	while (*link != NULL) {
		struct job *j = *link, *after = j->next;
		if (follow(admin, j)) {
			*link = after;
			continue;
		}
		mono_ns at =
		        admin->conn != NULL && j->look_at < j->follow_until ? j->look_at : j->follow_until;
		if (at < next)
			next = at;
		link = &j->next;
	}
	return next;
}

void job_drop_all(struct lane *admin)
{
	struct err e;
	err_set(&e, ERR_CANCELLED, "dbatop quits");
	for (struct job *j; (j = job_next(admin->st)) != NULL;)
		refuse(admin, j, &e);
	while (admin->following != NULL) {
		struct job *j = admin->following;
		admin->following = j->next;
		finish_act(admin, j, OUTCOME_UNKNOWN, &e);
	}
}
