/* The checks of `dbatop doctor`, one function each, in the order they are printed. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "tui/view.h"

const char *const doctor_probes[] = {
        "account", "server", "pulse", "sessions", "blockers", "replication_brief", "settings", NULL};

enum { SKEW_NOTED_US = 1000000, CUT_STATEMENT = 1024 };

struct patient {
	const struct snapshot *snap;
	const struct instance_view *in;
	size_t instance;
	bool postgres;
	char account[320]; /* as a GRANT names it */
	struct diagnosis *out;
};

const char *advice_mark_name(enum advice_mark m)
{
	static const char *const names[ADVICE_MARKS] = {
	        [ADVICE_OK] = "ok", [ADVICE_NOTE] = "note", [ADVICE_MISSING] = "missing"};
	return names[m];
}

static struct advice *advise(struct patient *p, enum advice_mark mark, const char *topic, const char *fmt,
        ...) __attribute__((format(printf, 4, 5)));

static struct advice *advise(
        struct patient *p, enum advice_mark mark, const char *topic, const char *fmt, ...)
{
	/* When the list is full the last place is overwritten: better than none. */
	size_t i = p->out->n < ADVICE_MAX ? p->out->n++ : ADVICE_MAX - 1;
	struct advice *a = &p->out->advice[i];
	*a = (struct advice){.mark = mark, .topic = topic};
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	return a;
}

static void fix(struct advice *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fix(struct advice *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->fix, sizeof(a->fix), fmt, ap);
	va_end(ap);
}

/* One integer or boolean of a one-row probe; false when it is unknown. */
static bool figure(const struct patient *p, const char *probe, const char *column, int64_t *out)
{
	const struct table *t = snapshot_table(p->snap, p->instance, probe);
	if (t == NULL || t->nrows != 1)
		return false;
	int col = table_column(t, column);
	bool yes;
	if (table_bool(t, 0, col, &yes)) {
		*out = yes;
		return true;
	}
	return table_int(t, 0, col, out);
}

static bool is_zero(const struct patient *p, const char *probe, const char *column)
{
	int64_t v;
	return figure(p, probe, column, &v) && v == 0;
}

/* In the server's own quotes: a quote inside is doubled. */
static void put_quoted(struct buf *b, char quote, const char *s, size_t n)
{
	buf_printf(b, "%c", quote);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, s[i] == quote ? "%1$c%1$c" : "%1$c", s[i]);
	buf_printf(b, "%c", quote);
}

/* The account as a GRANT names it. */
static void name_account(struct patient *p)
{
	const struct table *t = snapshot_table(p->snap, p->instance, "account");
	const char *name = t != NULL && t->nrows == 1 ? table_text(t, 0, table_column(t, "account")) : NULL;
	const char *host = name != NULL ? strrchr(name, '@') : NULL;
	struct buf b;
	buf_init(&b, sizeof(p->account));
	if (name == NULL)
		buf_puts(&b, "…");
	else if (p->postgres)
		put_quoted(&b, '"', name, strlen(name));
	else
		put_quoted(&b, '\'', name, host != NULL ? (size_t)(host - name) : strlen(name));
	if (name != NULL && !p->postgres && host != NULL) {
		buf_puts(&b, "@");
		put_quoted(&b, '\'', host + 1, strlen(host + 1));
	}
	snprintf(p->account, sizeof(p->account), "%s", buf_str(&b));
	buf_free(&b);
}

static void check_version(struct patient *p)
{
	const struct server_identity *s = &p->in->link.server;
	const struct sample *server = snapshot_slot(p->snap, p->instance, "server").good;
	if (server != NULL && server->newer)
		advise(p, ADVICE_NOTE, "version",
		        "%s %s is newer than what dbatop was tried on; its newest statements are used",
		        engine_name(s->engine), s->version_text);
	for (const char *const *probe = doctor_probes; *probe != NULL; probe++) {
		const struct sample *latest = snapshot_slot(p->snap, p->instance, *probe).latest;
		if (latest != NULL && latest->err->code == ERR_UNSUPPORTED)
			advise(p, ADVICE_MISSING, "version", "%s", latest->err->text);
	}
}

static void check_tls(struct patient *p)
{
	const struct endpoint *ep = &p->in->cfg->endpoint;
	const char *host = ep->host;
	bool local = ep->socket != NULL || host == NULL || strcmp(host, "localhost") == 0 ||
	             strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
	const char *parameter = p->postgres ? "sslmode=verify-full&sslrootcert=CA.pem"
	                                    : "ssl-mode=VERIFY_IDENTITY&ssl-ca=CA.pem";
	if (p->in->link.tls && ep->tls >= TLS_VERIFY_CA)
		advise(p, ADVICE_OK, "TLS", "%s, the server's certificate is verified", p->in->link.tls_text);
	else if (p->in->link.tls)
		fix(advise(p, ADVICE_NOTE, "TLS", "%s, but the server's certificate is not verified",
		            p->in->link.tls_text),
		        "in the URL: ?%s", parameter);
	else if (local)
		advise(p, ADVICE_OK, "TLS", "none, and the connection does not leave this machine");
	else
		fix(advise(p, ADVICE_MISSING, "TLS", "none: passwords and statements travel in clear text"),
		        "in the URL: ?%s", parameter);
}

/* The probe in this slot for this server, when something is lost in it without the privilege. */
static const struct probe *loser(const struct patient *p, unsigned slot, const char *needs)
{
	const struct server_identity *s = &p->in->link.server;
	const struct probe *probe = probe_set_find(p->snap->probes, slot, s->engine, s->version, NULL);
	bool loses = probe != NULL && probe->needs != NULL && probe->otherwise != NULL &&
	             strstr(probe->needs, needs) != NULL;
	return loses ? probe : NULL;
}

static bool misses(const struct patient *p, const struct view *view, const char *needs, const char *loss)
{
	for (const char *const *name = view->probes; *name != NULL; name++) {
		int slot = probe_set_slot(p->snap->probes, *name);
		const struct probe *probe = slot < 0 ? NULL : loser(p, (unsigned)slot, needs);
		if (probe != NULL && strcmp(probe->otherwise, loss) == 0)
			return true;
	}
	return false;
}

/* What is lost without this privilege, and in which panels. What no view polls is asked for the session that
 * one opens. */
static void put_losses(const struct patient *p, const char *needs, struct buf *b)
{
	const char *between = ": ";
	for (unsigned slot = 0; slot < probe_set_names(p->snap->probes); slot++) {
		const struct probe *probe = loser(p, slot, needs);
		unsigned n = 0;
		if (probe == NULL || strstr(buf_str(b), probe->otherwise) != NULL)
			continue;
		buf_printf(b, "%s%s", between, probe->otherwise);
		for (const struct view *const *v = views; *v != NULL; v++) {
			if (misses(p, *v, needs, probe->otherwise))
				buf_printf(b, "%s%s", n++ == 0 ? " (" : ", ", (*v)->title);
		}
		buf_puts(b, n == 0 ? " (detail)" : ")");
		between = "; ";
	}
}

static void missing(struct patient *p, const char *privilege, const char *needs)
{
	struct buf lost;
	buf_init(&lost, ADVICE_TEXT);
	put_losses(p, needs, &lost);
	fix(advise(p, ADVICE_MISSING, "privileges", "without %s%s", privilege, buf_str(&lost)),
	        "GRANT %s TO %s;", privilege, p->account);
	buf_free(&lost);
}

static void check_privileges(struct patient *p)
{
	size_t before = p->out->n;
	const struct link_view *link = &p->in->link;
	bool maria = link->server.engine == ENGINE_MARIADB;
	if (p->postgres && !link->sees_all)
		missing(p, "pg_monitor", "pg_monitor");
	if (!p->postgres && !link->sees_all)
		missing(p, "PROCESS ON *.*", "PROCESS");
	if (!p->postgres && !maria && is_zero(p, "account", "statistics"))
		missing(p, "SELECT ON performance_schema.*", "performance_schema");
	if (maria && is_zero(p, "account", "replication"))
		missing(p, "SLAVE MONITOR ON *.*", "MONITOR");
	if (p->out->n == before)
		advise(p, ADVICE_OK, "privileges", "everything can be seen as %s", p->account);

	int64_t acts;
	if (!figure(p, "account", "acts", &acts))
		advise(p, ADVICE_NOTE, "actions", "whether %s may cancel and terminate is unknown",
		        p->account);
	else if (acts != 0)
		advise(p, ADVICE_OK, "actions", "%s may cancel and terminate", p->account);
	else
		fix(advise(p, ADVICE_NOTE, "actions",
		            "%s cannot end other users' sessions; leave it so for a login that only looks",
		            p->account),
		        "GRANT %s TO %s;",
		        p->postgres ? "pg_signal_backend"
		        : maria     ? "CONNECTION ADMIN ON *.*"
		                    : "CONNECTION_ADMIN ON *.*",
		        p->account);
}

/* A setting has this value; false when it is not known. */
static bool is_set(const struct patient *p, const char *name, const char *value)
{
	const struct table *t = snapshot_table(p->snap, p->instance, "settings");
	for (size_t row = 0; t != NULL && row < t->nrows; row++) {
		const char *have = table_text(t, row, table_column(t, "name"));
		const char *is = table_text(t, row, table_column(t, "value"));
		if (have != NULL && is != NULL && strcmp(have, name) == 0 && strcmp(is, value) == 0)
			return true;
	}
	return false;
}

static void check_guards(struct patient *p)
{
	size_t before = p->out->n;
	if (is_zero(p, "server", "statement_timeout_ms"))
		fix(advise(p, ADVICE_NOTE, "guards", "statements may run for ever"), "%s",
		        p->postgres ? "ALTER ROLE app SET statement_timeout = '60s';  -- app: the role of "
		                      "each application"
		        : p->in->link.server.engine == ENGINE_MARIADB
		                ? "SET GLOBAL max_statement_time = 60;  -- and in my.cnf, for the next start"
		                : "SET PERSIST max_execution_time = 60000;  -- SELECT only");
	if (is_zero(p, "server", "idle_xact_timeout_ms"))
		fix(advise(p, ADVICE_NOTE, "guards",
		            "transactions may stay idle for ever and hold their locks"),
		        "%s",
		        p->postgres ? "ALTER SYSTEM SET idle_in_transaction_session_timeout = '10min';  -- "
		                      "then SELECT pg_reload_conf();"
		                    : "SET GLOBAL idle_transaction_timeout = 600;  -- and in my.cnf, for the "
		                      "next start");
	if (is_zero(p, "server", "client_check_ms"))
		fix(advise(p, ADVICE_NOTE, "guards", "statements of clients that died run on to their end"),
		        "ALTER SYSTEM SET client_connection_check_interval = '10s';  -- then SELECT "
		        "pg_reload_conf();");
	int64_t size;
	if (figure(p, "server", "track_activity_size", &size) && size <= CUT_STATEMENT)
		fix(advise(p, ADVICE_NOTE, "guards", "statements are seen up to %lld bytes", (long long)size),
		        "ALTER SYSTEM SET track_activity_query_size = '4kB';  -- needs a restart");
	if (is_zero(p, "server", "ps_enabled"))
		fix(advise(p, ADVICE_NOTE, "guards",
		            "performance_schema is off: metadata locks and program names are not seen"),
		        "performance_schema = ON  # in my.cnf, needs a restart");
	if (is_set(p, "metadata_lock_info", "OFF"))
		fix(advise(p, ADVICE_NOTE, "guards", "who holds a metadata lock is guessed"),
		        "INSTALL SONAME 'metadata_lock_info';  -- lists them; install it in quiet times");
	if (p->out->n == before)
		advise(p, ADVICE_OK, "guards", "all in place");
}

static void check_limits(struct patient *p)
{
	const struct table *t = snapshot_table(p->snap, p->instance, "pulse");
	const char *name =
	        t != NULL && t->nrows == 1 ? table_text(t, 0, table_column(t, "limit_name")) : NULL;
	int64_t used, max, hidden;
	if (figure(p, "pulse", "limit_used", &used) && figure(p, "pulse", "limit_max", &max) && max > 0)
		advise(p, used * 10 > max * 8 ? ADVICE_NOTE : ADVICE_OK, "connections",
		        "%lld of %lld (%s); dbatop takes three at most", (long long)used, (long long)max,
		        name != NULL ? name : "limit");
	if (figure(p, "pulse", "hidden", &hidden) && hidden > 0)
		advise(p, ADVICE_MISSING, "sessions", "the state of %lld session%s is hidden from this login",
		        (long long)hidden, hidden == 1 ? "" : "s");
}

static void check_clock(struct patient *p)
{
	int64_t skew = p->in->link.skew_us;
	int64_t size = llabs(skew);
	advise(p, size > SKEW_NOTED_US ? ADVICE_NOTE : ADVICE_OK, "clock",
	        "the server's clock is %.3f s %s ours", (double)size / 1e6,
	        skew >= 0 ? "ahead of" : "behind");
}

static bool has_missing(const struct patient *p)
{
	for (size_t i = 0; i < p->out->n; i++) {
		if (p->out->advice[i].fix[0] != '\0' && p->out->advice[i].mark == ADVICE_MISSING)
			return true;
	}
	return false;
}

/* Probes that failed for a reason that no other check explains. */
static void check_probes(struct patient *p)
{
	for (const char *const *probe = doctor_probes; *probe != NULL; probe++) {
		const struct sample *s = snapshot_slot(p->snap, p->instance, *probe).latest;
		if (s == NULL || s->err->code == ERR_NONE || s->err->code == ERR_GATED ||
		        s->err->code == ERR_UNSUPPORTED)
			continue;
		if (s->err->code == ERR_DENIED && has_missing(p))
			continue;
		advise(p, ADVICE_MISSING, "statement", "%s", s->err->text);
	}
}

static void check_cost(struct patient *p)
{
	double round = 0, per_second = 0;
	unsigned n = 0;
	for (const char *const *probe = doctor_probes; *probe != NULL; probe++) {
		const struct sample *s = snapshot_slot(p->snap, p->instance, *probe).good;
		if (s == NULL)
			continue;
		double ms = (double)(s->finished - s->started) / NS_PER_MS;
		round += ms;
		n++;
		if (s->probe->every_ms != 0)
			per_second += ms * 1000.0 / s->probe->every_ms;
	}
	advise(p, ADVICE_OK, "own cost",
	        "%u statements took %.1f ms there and back; at the default pace %.1f ms a second", n, round,
	        per_second);
}

void doctor_look(const struct snapshot *snap, size_t instance, struct diagnosis *out)
{
	static void (*const checks[])(struct patient *) = {check_version, check_tls, check_privileges,
	        check_limits, check_guards, check_clock, check_probes, check_cost};
	const struct instance_view *in = &snap->instances[instance];
	*out = (struct diagnosis){.reached = in->link.state == LINK_UP};
	struct patient p = {.snap = snap,
	        .in = in,
	        .instance = instance,
	        .postgres = in->link.server.engine == ENGINE_POSTGRES,
	        .out = out};
	if (!out->reached) {
		advise(&p, ADVICE_MISSING, "connection", "%s",
		        in->link.err.code != ERR_NONE ? in->link.err.text : "no answer in time");
		return;
	}
	name_account(&p);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&p);
}
