/* From an endpoint to a connection that may be asked: addresses, libpq's parameters, the steps of
 * PQconnectPoll under the ctx, and the end of a connection. */
#include "backends/postgres/pg.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/tls/tls.h"
#include "core/base/mem.h"

enum { PARAMS_MAX = 64 };

/* Keywords for PQconnectStartParams. The values are borrowed or owned here. */
struct params {
	const char *key[PARAMS_MAX + 1];
	const char *value[PARAMS_MAX + 1];
	size_t n;
	char *host; /* as given, or as service, environment or defaults say; NULL: a socket of libpq's choice
	             */
	char port[8];
	char app[64];
	PQconninfoOption *extra;
};

/* Later values of a keyword replace earlier ones; NULL and "" leave it as it is. */
static void put(struct params *p, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->key[i], key) == 0) {
			p->value[i] = value;
			return;
		}
	}
	assert(p->n < PARAMS_MAX);
	p->key[p->n] = key;
	p->value[p->n++] = value;
}

static void params_free(struct params *p)
{
	free(p->host);
	PQconninfoFree(p->extra);
}

/* libpq's own answer for a keyword: environment, then compiled-in. malloc'ed, NULL when it has none. */
static char *default_value(const char *keyword)
{
	PQconninfoOption *all = PQconndefaults();
	char *value = NULL;
	for (PQconninfoOption *o = all; o != NULL && o->keyword != NULL; o++) {
		if (strcmp(o->keyword, keyword) == 0 && o->val != NULL && o->val[0] != '\0')
			value = xstrdup(o->val);
	}
	PQconninfoFree(all);
	return value;
}

/* What libpq would take for a keyword that the endpoint leaves open: service file, environment. */
static char *open_value(const struct endpoint *ep, const char *keyword)
{
	char *value = NULL;
	if (ep->service != NULL)
		value = pg_service_value(ep->service, keyword);
	return value != NULL ? value : default_value(keyword);
}

static bool add_extra(struct params *p, const struct endpoint *ep, struct err *e)
{
	char *why = NULL;
	if (ep->extra == NULL || ep->extra[0] == '\0')
		return true;
	p->extra = PQconninfoParse(ep->extra, &why);
	if (p->extra == NULL) {
		PQfreemem(why); /* may quote a value: not shown */
		return err_set(e, ERR_USAGE, "the parameters of the URL cannot be read");
	}
	for (PQconninfoOption *o = p->extra; o->keyword != NULL; o++)
		put(p, o->keyword, o->val);
	return true;
}

static const char *lane_name(enum lane_kind lane)
{
	static const char *const names[LANE_KINDS] = {
	        [LANE_FAST] = "fast", [LANE_SLOW] = "slow", [LANE_ADMIN] = "admin"};
	return names[lane];
}

static bool params_init(struct params *p, const struct driver_env *env, const struct endpoint *ep,
        enum lane_kind lane, struct err *e)
{
	*p = (struct params){.n = 0};

	/* 1. What the URL's own parameters may replace. */
	put(p, "gssencmode", "disable");
	put(p, "target_session_attrs", "any");
	if (!add_extra(p, ep, e))
		return false;

	/* 2. The endpoint. */
	put(p, "service", ep->service);
	p->host = ep->socket != NULL ? xstrdup(ep->socket) : ep->host != NULL ? xstrdup(ep->host) : NULL;
	if (p->host == NULL)
		p->host = open_value(ep, "host");
	put(p, "host", p->host);
	if (ep->port != 0) {
		snprintf(p->port, sizeof(p->port), "%u", (unsigned)ep->port);
		put(p, "port", p->port);
	}
	put(p, "user", ep->user);
	put(p, "dbname", ep->database);
	put(p, "password", ep->password);
	if (ep->tls != TLS_UNSET)
		put(p, "sslmode", tls_mode_name(ep->tls));
	put(p, "sslrootcert", ep->tls_ca);
	put(p, "sslcert", ep->tls_cert);
	put(p, "sslkey", ep->tls_key);

	/* 3. Ours. Bytes come as they are: a conversion by the server could fail for a single bad name. */
	put(p, "client_encoding", "SQL_ASCII");
	snprintf(p->app, sizeof(p->app), "dbatop/%s/%s", env->run_id, lane_name(lane));
	put(p, "application_name", p->app);
	return true;
}

static void on_notice(void *arg, const PGresult *r)
{
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	log_write(arg, LOG_DEBUG, "postgres notice: %s", text == NULL ? "" : text);
}

static enum pg_phase phase_of(const PGconn *pg, enum pg_phase before)
{
	switch (PQstatus(pg)) {
	case CONNECTION_STARTED:
		return PG_PHASE_REACH;
	case CONNECTION_SSL_STARTUP:
		return PG_PHASE_TLS;
	case CONNECTION_MADE:
		/* Connected, nothing said yet; the first step is either TLS or login. */
		return before == PG_PHASE_TLS ? PG_PHASE_LOGIN : PG_PHASE_REACH;
	case CONNECTION_BAD:
		return before;
	default:
		return PG_PHASE_LOGIN;
	}
}

/* One step of libpq; while it may be the CPU of a TLS handshake, in a place of the gate. The place is not
 * kept over a wait, so that servers that stop in the middle of a handshake hold up nobody else. */
static bool step(const struct ctx *ctx, struct conn *c, enum pg_phase phase, PostgresPollingStatusType *out,
        struct err *e)
{
	struct gate *gate = phase == PG_PHASE_TLS ? c->env->tls_gate : NULL;
	if (gate != NULL) {
		mono_ns started = clock_now(ctx->clock);
		enum err_code code = gate_enter(ctx, gate);
		if (code != ERR_NONE)
			return ctx_fail(ctx, code, started, "waiting for a turn of the TLS handshake", e);
	}
	*out = PQconnectPoll(c->pg);
	if (gate != NULL)
		gate_leave(gate);
	return true;
}

/* One address, to the end of authentication. */
static bool login(
        const struct ctx *ctx, struct conn *c, const struct params *p, enum pg_phase *phase, struct err *e)
{
	mono_ns started = clock_now(ctx->clock);
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	*phase = PG_PHASE_REACH;
	c->pg = PQconnectStartParams(p->key, p->value, 0);
	if (c->pg == NULL)
		abort();
	PQsetNoticeReceiver(c->pg, on_notice, c->env->log);
	PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE); /* the only way to the SQLSTATE of a refused login */
	if (PQstatus(c->pg) == CONNECTION_BAD)
		return pg_fail_connect(c, *phase, e);
	while (want != PGRES_POLLING_OK) {
		short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		enum err_code code = ctx_wait_fd(ctx, PQsocket(c->pg), events);
		if (code != ERR_NONE)
			return ctx_fail(ctx, code, started, pg_phase_name(*phase), e);
		if (!step(ctx, c, *phase, &want, e))
			return false;
		if (want == PGRES_POLLING_FAILED)
			return pg_fail_connect(c, *phase, e);
		*phase = phase_of(c->pg, *phase);
	}
	/* From here on a full socket makes libpq say so instead of waiting. */
	if (PQsetnonblocking(c->pg, 1) != 0)
		return pg_fail_connect(c, *phase, e);
	return true;
}

static void end_libpq(struct conn *c)
{
	if (c->pg == NULL)
		return;
	/* Mid-answer or mid-connect nobody waits for a goodbye; libpq must not try to write one. */
	if ((c->busy || PQstatus(c->pg) != CONNECTION_OK) && PQsocket(c->pg) >= 0)
		shutdown(PQsocket(c->pg), SHUT_RDWR);
	PQfinish(c->pg);
	c->pg = NULL;
}

/* Each address in turn, with its share of the time that is left: the first may be one that never answers. */
static bool login_any(const struct ctx *ctx, struct conn *c, struct params *p, struct err *e)
{
	enum pg_phase phase = PG_PHASE_REACH;
	struct addresses found = {.n = 0};
	char *given = NULL;
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->key[i], "hostaddr") == 0)
			return login(ctx, c, p, &phase, e);
	}
	bool local = p->host == NULL || p->host[0] == '/' || p->host[0] == '@';
	if (!local && c->ep->host == NULL)
		given = open_value(c->ep, "hostaddr");
	if (given != NULL)
		put(p, "hostaddr", given);
	if (local || given != NULL) {
		bool ok = login(ctx, c, p, &phase, e);
		free(given);
		return ok;
	}
	if (strchr(p->host, ',') != NULL)
		return err_set(
		        e, ERR_USAGE, "several hosts in one address: give each server an entry of its own");
	if (!resolve_host(ctx, c->env->resolver, p->host, &found, e))
		return false;
	for (unsigned i = 0; i < found.n; i++) {
		struct ctx share = *ctx;
		if (i + 1 < found.n && ctx->deadline != MONO_NEVER)
			share = ctx_within(ctx, (uint32_t)ctx_left_ms(ctx) / (found.n - i));
		put(p, "hostaddr", found.text[i]);
		if (login(&share, c, p, &phase, e))
			return true;
		if (phase != PG_PHASE_REACH || i + 1 == found.n || ctx_done(ctx) != ERR_NONE)
			return false;
		end_libpq(c);
	}
	return err_set(e, ERR_RESOLVE, "%s has no address", p->host);
}

static void note_tls(struct conn *c)
{
	void *ssl = PQsslStruct(c->pg, "OpenSSL");
	struct conn_info *info = &c->info;
	info->tls = PQsslInUse(c->pg) == 1;
	info->memory = 40 * 1024; /* measured: libpq, names and plans of a FAST lane */
	if (!info->tls)
		return;
	if (ssl != NULL)
		tls_settle(ssl);
	const char *protocol = PQsslAttribute(c->pg, "protocol");
	const char *cipher = PQsslAttribute(c->pg, "cipher");
	snprintf(info->tls_text, sizeof(info->tls_text), "%s %s", protocol == NULL ? "TLS" : protocol,
	        cipher == NULL ? "" : cipher);
	info->memory += 50 * 1024;
}

bool pg_connect(const struct ctx *ctx, const struct driver_env *env, const struct endpoint *ep,
        enum lane_kind lane, struct conn **out, struct err *e)
{
	struct params p;
	*out = NULL;
	if (!params_init(&p, env, ep, lane, e)) {
		params_free(&p);
		return false;
	}
	struct conn *c = xcalloc(1, sizeof(*c));
	c->env = env;
	c->ep = ep;
	c->lane = lane;
	bool ok = login_any(ctx, c, &p, e);
	params_free(&p);
	if (ok) {
		note_tls(c);
		ok = pg_begin_session(ctx, c, e);
	}
	tls_thread_settle();
	if (!ok) {
		pg_close(c);
		return false;
	}
	*out = c;
	return true;
}

void pg_close(struct conn *c)
{
	if (c == NULL)
		return;
	end_libpq(c);
	pg_plans_free(c);
	pg_names_free(&c->names);
	free(c);
}
