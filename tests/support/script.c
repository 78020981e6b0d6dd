/* The scripted database: one lock around everything, since tests look at it from outside while lanes run. */
#include "tests/support/script.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct conn {
	struct conn_info info;
	int lane;
	atomic_int users;
	pthread_t login;
	bool running; /* a statement that timed out */
};

struct probe_script {
	char name[32];
	struct script_answer answer;
	unsigned asked, since;
};

struct backend {
	bool alive, cancelled, abandoned, dying;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct manual_clock clock;
	struct probe_script probe[SCRIPT_PROBES];
	struct backend backend[SCRIPT_BACKENDS];
	int64_t next_id;
	char id[IDENTITY_MAX], start[GUARD_MAX], admin_id[IDENTITY_MAX];
	enum err_code connect_error[LANE_KINDS];
	bool hangs, drains, dies, stuck, misused;
	struct follow_state target;
	unsigned forgets; /* so often, and once more to end the target; 0: it has no steps */
	unsigned connects[LANE_KINDS];
	unsigned cancels, terminates, acts, pings, asked_elsewhere, living, living_max, open;
} S = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void lock(void)
{
	pthread_mutex_lock(&S.lock);
}

static void unlock(void)
{
	pthread_cond_broadcast(&S.changed);
	pthread_mutex_unlock(&S.lock);
}

void script_reset(void)
{
	lock();
	memset(S.probe, 0, sizeof(S.probe));
	memset(S.backend, 0, sizeof(S.backend));
	memset(S.connects, 0, sizeof(S.connects));
	memset(S.connect_error, 0, sizeof(S.connect_error));
	S.next_id = 100;
	S.hangs = S.stuck = S.misused = false;
	S.drains = S.dies = true;
	S.target = (struct follow_state){
	        .visible = true, .same_session = true, .same_xact = true, .same_query = true, .active = true};
	S.target.rows_left = -1;
	S.forgets = 0;
	S.cancels = S.terminates = S.acts = S.pings = S.asked_elsewhere = S.living = S.living_max = S.open =
	        0;
	snprintf(S.id, sizeof(S.id), "server-1");
	snprintf(S.start, sizeof(S.start), "start-1");
	S.admin_id[0] = '\0';
	manual_clock_init(&S.clock, 1000 * NS_PER_S, 1700000000000000);
	unlock();
}

struct manual_clock *script_clock(void)
{
	return &S.clock;
}

/* Under the lock. */
static struct probe_script *find(const char *name)
{
	for (size_t i = 0; i < SCRIPT_PROBES; i++) {
		struct probe_script *p = &S.probe[i];
		if (p->name[0] == '\0')
			snprintf(p->name, sizeof(p->name), "%s", name);
		if (strcmp(p->name, name) == 0)
			return p;
	}
	abort();
}

void script_answer(const char *probe, struct script_answer answer)
{
	lock();
	find(probe)->answer = answer;
	unlock();
}

void script_connect_error(int lane, enum err_code error)
{
	lock();
	for (int i = 0; i < LANE_KINDS; i++) {
		if (lane < 0 || lane == i)
			S.connect_error[i] = error;
	}
	unlock();
}

void script_connect_hangs(bool hangs)
{
	lock();
	S.hangs = hangs;
	unlock();
}

void script_server(const char *id, const char *start)
{
	lock();
	snprintf(S.id, sizeof(S.id), "%s", id);
	snprintf(S.start, sizeof(S.start), "%s", start);
	unlock();
}

void script_admin_server(const char *id)
{
	lock();
	snprintf(S.admin_id, sizeof(S.admin_id), "%s", id != NULL ? id : "");
	unlock();
}

void script_drains(bool drains)
{
	lock();
	S.drains = drains;
	unlock();
}

void script_dies(bool dies)
{
	lock();
	S.dies = dies;
	unlock();
}

void script_forgets(unsigned n)
{
	lock();
	S.forgets = n + 1;
	S.target.step = 10;
	unlock();
}

void script_target(bool visible, bool active, int64_t rows_left)
{
	lock();
	S.target.visible = visible;
	S.target.active = active;
	S.target.rows_left = rows_left;
	unlock();
}

void script_stick(bool stuck)
{
	lock();
	S.stuck = stuck;
	unlock();
}

static unsigned read_count(const unsigned *n)
{
	lock();
	unsigned v = *n;
	unlock();
	return v;
}

unsigned script_asked(const char *probe)
{
	lock();
	unsigned n = find(probe)->asked;
	unlock();
	return n;
}

unsigned script_asked_since(const char *probe)
{
	lock();
	unsigned n = find(probe)->since;
	unlock();
	return n;
}

unsigned script_connects(int lane)
{
	return read_count(&S.connects[lane]);
}

unsigned script_cancels(void)
{
	return read_count(&S.cancels);
}

unsigned script_terminates(void)
{
	return read_count(&S.terminates);
}

unsigned script_acts(void)
{
	return read_count(&S.acts);
}

unsigned script_pings(void)
{
	return read_count(&S.pings);
}

unsigned script_asked_elsewhere(void)
{
	return read_count(&S.asked_elsewhere);
}

unsigned script_backends(void)
{
	return read_count(&S.living);
}

unsigned script_backends_max(void)
{
	return read_count(&S.living_max);
}

unsigned script_open(void)
{
	return read_count(&S.open);
}

bool script_misused(void)
{
	lock();
	bool v = S.misused;
	unlock();
	return v;
}

/* Two threads in one connection at once is the bug this finds. */
static void enter(struct conn *c)
{
	if (atomic_fetch_add(&c->users, 1) != 0) {
		lock();
		S.misused = true;
		unlock();
	}
}

static void leave(struct conn *c)
{
	atomic_fetch_sub(&c->users, 1);
}

static void die(int64_t id)
{
	if (S.backend[id].alive)
		S.living--;
	S.backend[id].alive = false;
}

static bool script_connect(const struct ctx *ctx, const struct driver_env *env, const struct endpoint *ep,
        enum lane_kind lane, struct conn **out, struct err *e)
{
	(void)env;
	(void)ep;
	mono_ns started = clock_now(ctx->clock);
	lock();
	S.connects[lane]++;
	enum err_code error = S.connect_error[lane];
	bool hangs = S.hangs;
	unlock();
	if (hangs)
		return ctx_fail(ctx, ctx_sleep(ctx, 1000000), started, "connect", e);
	if (error != ERR_NONE)
		return err_set(e, error, "connect: scripted %s", err_code_name(error));

	struct conn *c = xcalloc(1, sizeof(*c));
	struct server_identity *server = &c->info.server;
	lock();
	c->lane = (int)lane;
	c->login = pthread_self();
	server->engine = ENGINE_POSTGRES;
	server->version = 150000;
	snprintf(server->version_text, sizeof(server->version_text), "15.0");
	snprintf(server->id, sizeof(server->id), "%s",
	        lane == LANE_ADMIN && S.admin_id[0] != '\0' ? S.admin_id : S.id);
	snprintf(server->start, sizeof(server->start), "%s", S.start);
	snprintf(server->address, sizeof(server->address), "10.0.0.1:5432");
	c->info.self.id = S.next_id++;
	S.backend[c->info.self.id].alive = true;
	S.open++;
	S.living++;
	if (S.living > S.living_max)
		S.living_max = S.living;
	unlock();
	*out = c;
	return true;
}

static const struct conn_info *script_info(const struct conn *c)
{
	return &c->info;
}

static void fill(struct table_builder *b, const struct probe *p, int64_t value)
{
	char text[32];
	snprintf(text, sizeof(text), "%lld", (long long)value);
	if (table_build_row(b) == NULL)
		return;
	for (size_t i = 0; i < p->ncols; i++)
		table_build_set(b, i, text, strlen(text), NULL);
}

static bool script_fetch(const struct ctx *ctx, struct conn *c, const struct probe *p,
        const struct probe_value *values, struct arena *arena, struct table **out, struct err *e)
{
	enter(c);
	lock();
	while (S.stuck)
		pthread_cond_wait(&S.changed, &S.lock);
	struct probe_script *script = find(p->name);
	struct script_answer answer = script->answer;
	script->asked++;
	S.asked_elsewhere += !pthread_equal(c->login, pthread_self());
	for (size_t i = 1; i < p->nparams; i++)
		script->since += p->params[i].type == PARAM_SINCE && values[i].since != NULL;
	script->answer.value += answer.step;
	bool gone = !S.backend[c->info.self.id].alive;
	unlock();

	int left = ctx_left_ms(ctx);
	enum err_code done = ctx_done(ctx);
	bool ok = false;
	if (done == ERR_CANCELLED) {
		err_set(e, ERR_CANCELLED, "%s: cancelled", p->name);
	} else if (gone) {
		err_set(e, ERR_LOST, "%s: the server ended the connection", p->name);
	} else if (answer.takes_ms > (uint32_t)left) {
		manual_clock_advance(&S.clock, left);
		c->running = true;
		err_set(e, ERR_TIMEOUT, "%s: timed out after %d ms", p->name, left);
	} else {
		manual_clock_advance(&S.clock, answer.takes_ms);
		ok = answer.error == ERR_NONE;
		if (!ok)
			err_set(e, answer.error, "%s: scripted %s", p->name, err_code_name(answer.error));
	}
	if (ok) {
		struct table_builder *b = table_build(arena, p->columns, p->ncols, p->rows);
		fill(b, p, answer.value);
		*out = table_build_finish(b);
		if (p->carried != NULL) {
			b = table_build(arena, p->carried->columns, p->carried->ncols, 1);
			fill(b, p->carried, answer.value);
			(*out)->carried = table_build_finish(b);
		}
	}
	leave(c);
	return ok;
}

static enum drain script_drain(const struct ctx *ctx, struct conn *c)
{
	enter(c);
	lock();
	bool drains = S.drains;
	/* A statement is over once it was cancelled; the manual clock does not hurry this. */
	while (drains && c->running && !S.backend[c->info.self.id].cancelled && !cancel_is_set(ctx->cancel))
		pthread_cond_wait(&S.changed, &S.lock);
	S.backend[c->info.self.id].cancelled = false;
	unlock();
	if (drains)
		c->running = false;
	else
		manual_clock_advance(&S.clock, ctx_left_ms(ctx));
	leave(c);
	return drains ? DRAIN_CLEAN : DRAIN_BROKEN;
}

static bool script_ping(const struct ctx *ctx, struct conn *c, struct err *e)
{
	(void)ctx;
	(void)e;
	enter(c);
	lock();
	S.pings++;
	unlock();
	leave(c);
	return true;
}

static bool script_reap(const struct ctx *ctx, struct conn *admin, const struct backend_ref *victim,
        bool terminate, enum reap *out, struct err *e)
{
	(void)ctx;
	(void)e;
	enter(admin);
	lock();
	struct backend *b = &S.backend[victim->id];
	if (b->dying && S.dies)
		die(victim->id);
	*out = b->alive ? REAP_SENT : REAP_GONE;
	if (terminate) {
		S.terminates++;
		b->dying = true;
	} else {
		S.cancels++;
		b->cancelled = true;
	}
	unlock();
	leave(admin);
	return true;
}

static bool script_act(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct action_result *out)
{
	(void)ctx;
	enter(admin);
	lock();
	S.acts++;
	if (S.forgets > 0 && --S.forgets == 0)
		S.target.active = false;
	unlock();
	snprintf(out->sql, sizeof(out->sql), "end %lld", (long long)req->target.id);
	out->outcome = OUTCOME_SENT;
	leave(admin);
	return true;
}

static bool script_follow(const struct ctx *ctx, struct conn *admin, const struct action_request *req,
        struct follow_state *out, struct err *e)
{
	(void)ctx;
	(void)req;
	(void)e;
	enter(admin);
	lock();
	S.target.step += S.forgets > 0;
	*out = S.target;
	unlock();
	leave(admin);
	return true;
}

static void script_close(struct conn *c)
{
	if (c == NULL)
		return;
	lock();
	S.open--;
	/* An idle backend notices at once; one that runs a statement does not. */
	if (!c->running)
		die(c->info.self.id);
	unlock();
	free(c);
}

const struct driver script_driver = {.name = "script",
        .connect = script_connect,
        .info = script_info,
        .fetch = script_fetch,
        .drain = script_drain,
        .ping = script_ping,
        .reap = script_reap,
        .act = script_act,
        .follow = script_follow,
        .close = script_close};
