/* One session in full: what it does and since when, the way to who holds it up, whom it holds up, the limits
 * that apply to it, and its statement as one reads it. Built as a document when data come. */
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/sessions_state.h"

enum { CHAIN_MAX = 12, BEHIND_MAX = 12, PRETTY_MAX = 64 * 1024, PAST_MAX = 240, SHORT_MS = 100 };

struct detail {
	struct document *doc;
	const struct sessions_state *st;
	const struct view_input *in;
	size_t instance;
	const struct session_view *view;
	const struct session *s;
};

/* The server tells that somebody holds the lock, but not who. */
static bool is_unnamed(const struct session *s)
{
	return s->kind == SESSION_UNSEEN && s->id <= 0;
}

/* --- The whole statement */

const char *sessions_full_query(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s, size_t *n, int64_t *bytes)
{
	const struct session_ref *asked = &in->asked.session;
	const struct table *t = in->answer ? in->answer->table : NULL;
	const char *started = s->started ? s->started : "";

	*n = s->query_n;
	*bytes = sessions_int(st, instance, s, st->memory[instance].query_bytes);
	if (!t || t->nrows == 0 || in->asked.instance != (int)instance || asked->id != s->id ||
	        strcmp(asked->started, started) != 0)
		return s->query;
	const struct cell *whole = table_cell(t, 0, table_column(t, "query"));
	/* It may have gone on to another statement since: what was fetched must begin like what is shown. */
	size_t same = s->query_n > 4 ? s->query_n - 4 : s->query_n;

	if (whole->type != CELL_TEXT || whole->n < s->query_n || !s->query ||
	        memcmp(whole->u.s, s->query, same) != 0)
		return s->query;
	*n = whole->n;
	table_int(t, 0, table_column(t, "query_bytes"), bytes);
	return whole->u.s;
}

bool sessions_query_is_cut(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s)
{
	/* MySQL's performance_schema keeps this many bytes and does not say how many there were. */
	const uint32_t performance_schema_most = 1020;
	bool mysql = in->snap->instances[instance].cfg->endpoint.engine != ENGINE_POSTGRES;
	size_t n;
	int64_t bytes;

	sessions_full_query(st, in, instance, s, &n, &bytes);
	if (n > s->query_n || s->query_n == 0)
		return false;
	return bytes > (int64_t)n || (mysql && n >= performance_schema_most);
}

/* PostgreSQL itself keeps only so much of a statement: no question brings the rest. */
static bool cut_by_server(const struct detail *d, size_t n)
{
	const struct table *server = snapshot_table(d->in->snap, d->instance, "server");
	int64_t most;

	return server && server->nrows > 0 &&
	       table_int(server, 0, table_column(server, "track_activity_size"), &most) && most > 4 &&
	       (int64_t)n >= most - 4;
}

static void describe_statement(const struct detail *d, const char *query, size_t n, int64_t bytes)
{
	char size[HUMAN_MAX];
	struct buf b;

	buf_init(&b, 4u * PRETTY_MAX);
	document_newline(d->doc);
	if (!sessions_statement(d->in, d->instance, query, n, PRETTY_MAX, &b)) {
		document_newline(d->doc);
		document_puts(d->doc, STYLE_DIM,
		        d->s && d->s->state == STATE_HIDDEN ? "Its statement is hidden from us."
		                                            : "It shows no statement.");
		return;
	}
	document_newline(d->doc);
	bool running = d->s && d->s->query_ms >= 0;

	document_puts(d->doc, STYLE_HEADER, running ? "STATEMENT" : "LAST STATEMENT");
	if (n > PRETTY_MAX || bytes > (int64_t)n) {
		size_t shown = n > PRETTY_MAX ? PRETTY_MAX : n;

		document_printf(d->doc, STYLE_DIM, ", the first %s", human_bytes((int64_t)shown, 0, size));
		document_printf(d->doc, STYLE_DIM, " of %s",
		        human_bytes(bytes > (int64_t)n ? bytes : (int64_t)n, 0, size));
		if (n <= PRETTY_MAX && d->in->answer_err && d->in->answer_err->code != ERR_NONE)
			document_printf(d->doc, STYLE_WARN, "; the rest: %s", d->in->answer_err->text);
	} else if (cut_by_server(d, n))
		document_printf(
		        d->doc, STYLE_DIM, ", the server keeps no more than this: track_activity_query_size");
	document_sql(d->doc, sessions_dialect(d->in, d->instance), buf_str(&b), b.len);
	buf_free(&b);
}

/* --- What its transaction has run */

bool sessions_transaction_is_told(const struct view_input *in, size_t instance, const struct session *s)
{
	return in->snap->instances[instance].link.server.engine == ENGINE_MYSQL && s->xact_ms >= 0;
}

static const struct table *answer_about(const struct detail *d, const struct session_ref *ref)
{
	const struct table *t = d->in->answer ? d->in->answer->table : NULL;
	const struct row_ref *asked = &d->in->asked;
	bool same = asked->instance == (int)d->instance && asked->session.id == ref->id &&
	            strcmp(asked->session.started, ref->started) == 0;

	return same ? t : NULL;
}

static void put_past_statement(const struct detail *d, const struct table *t, size_t row, int64_t older_ms)
{
	const struct cell *query = table_cell(t, row, table_column(t, "query"));
	char text[HUMAN_MAX];
	struct buf b;
	int64_t v;

	document_newline(d->doc);
	if (table_int(t, row, table_column(t, "ago_ms"), &v))
		document_printf(d->doc, STYLE_TEXT, "%s ago", human_duration(v + older_ms, text));
	if (table_int(t, row, table_column(t, "took_ms"), &v) && v >= SHORT_MS)
		document_printf(d->doc, STYLE_TEXT, ", took %s", human_duration(v, text));
	if (table_int(t, row, table_column(t, "rows_modified"), &v) && v > 0)
		document_printf(d->doc, STYLE_NOTICE, ", %lld row%s", (long long)v, v == 1 ? "" : "s");
	buf_init(&b, 4096);
	if (query->type == CELL_TEXT &&
	        sessions_statement(d->in, d->instance, query->u.s, query->n, PAST_MAX, &b)) {
		document_puts(d->doc, STYLE_TEXT, ": ");
		document_text(d->doc, STYLE_DIM, buf_str(&b), b.len);
	}
	buf_free(&b);
}

static void describe_transaction(const struct detail *d)
{
	struct session_ref ref;

	session_ref_of(d->view, d->s, &ref);
	const struct table *t = answer_about(d, &ref);
	int xact = t ? table_column(t, "xact") : -1;
	bool begun = false;

	for (size_t row = 0; t && row < t->nrows; row++) {
		const char *of = table_text(t, row, xact);

		/* Asked of one transaction, and the session may be in another by now. */
		if (!of || strcmp(of, ref.xact_guard) != 0)
			continue;
		if (!begun) {
			document_newline(d->doc);
			document_newline(d->doc);
			document_puts(d->doc, STYLE_HEADER, "ITS TRANSACTION");
			document_puts(d->doc, STYLE_DIM, ", statements that ended, the latest first");
		}
		begun = true;
		d->doc->indent = 2;
		put_past_statement(d, t, row, (d->in->now - d->in->answer->finished) / NS_PER_MS);
		d->doc->indent = 0;
	}
}

/* --- Itself */

static void put_age(struct buf *b, const char *before, int64_t ms)
{
	char text[HUMAN_MAX];

	if (ms >= 0)
		buf_printf(b, "%s%s", before, human_duration(ms, text));
}

static void field(const struct detail *d, const char *label, enum style style, struct buf *b)
{
	if (b->len)
		document_field(d->doc, label, style, buf_str(b));
	buf_reset(b);
}

static void describe_who(const struct detail *d)
{
	const struct session *s = d->s;

	document_newline(d->doc);
	if (is_unnamed(s)) {
		document_puts(d->doc, STYLE_STRONG, "a holder the server does not name");
		return;
	}
	document_puts(d->doc, STYLE_STRONG, s->user ? s->user : session_kind_name(s->kind));
	if (s->db)
		document_printf(d->doc, STYLE_STRONG, "@%s", s->db);
	if (s->app && s->app[0])
		document_printf(d->doc, STYLE_TEXT, ", app %s", s->app);
	if (s->guard != GUARD_NONE) {
		document_newline(d->doc);
		document_printf(d->doc, STYLE_NOTICE, "protected: %s", session_guard_why(s->guard));
	}
}

static void describe_state(const struct detail *d, struct buf *b)
{
	const struct session *s = d->s;
	bool open = s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED;
	char scratch[256];
	const char *wait;

	buf_puts(b, s->state == STATE_NONE || s->row == SESSION_NONE ? session_kind_name(s->kind)
	                                                             : session_state_name(s->state));
	put_age(b, " for ", s->state_ms);
	field(d, "state", s->group == GROUP_ROOT ? STYLE_CRIT : open ? STYLE_WARN : STYLE_TEXT, b);
	if (sessions_text(d->st, d->in, d->instance, s, SCOL_WAIT, scratch, sizeof scratch, &wait))
		document_field(d->doc, "wait", s->waiting ? STYLE_WARN : STYLE_TEXT, wait);
	put_age(b, "open for ", s->xact_ms);
	put_age(b, b->len ? ", its statement runs for " : "a statement runs for ", s->query_ms);
	field(d, "transaction", STYLE_TEXT, b);
}

/* Where it comes from, for whoever has to call somebody. */
static void describe_connection(const struct detail *d, struct buf *b)
{
	const struct endpoint *e = &d->in->snap->instances[d->instance].cfg->endpoint;
	const char *name = view_instance_name(d->in, d->instance);

	document_newline(d->doc);
	document_newline(d->doc);
	document_puts(d->doc, STYLE_HEADER, "CONNECTION");
	buf_puts(b, d->s->client ? d->s->client : "");
	field(d, "from", STYLE_TEXT, b);
	buf_puts(b, name);
	/* An instance without a name of its own is called by its address already. */
	if (e->host && strncmp(name, e->host, strlen(e->host)) != 0)
		buf_printf(b, "  %s", e->host);
	if (b->len > strlen(name) && e->port > 0)
		buf_printf(b, ":%u", e->port);
	field(d, "on", STYLE_TEXT, b);
	buf_puts(b, d->s->started);
	field(d, "since", STYLE_TEXT, b);
}

static void describe_work(const struct detail *d, struct buf *b)
{
	const struct session_memory *m = &d->st->memory[d->instance];
	int64_t locked = sessions_int(d->st, d->instance, d->s, m->rows_locked);
	int64_t modified = sessions_int(d->st, d->instance, d->s, m->rows_modified);
	int64_t horizon = sessions_int(d->st, d->instance, d->s, m->xmin_age);
	double percent = sessions_number(d->st, d->instance, d->s, SCOL_PROGRESS);
	char scratch[128];
	const char *phase;

	if (locked >= 0)
		buf_printf(b, "%lld locked", (long long)locked);
	if (modified >= 0)
		buf_printf(b, "%s%lld modified", b->len ? ", " : "", (long long)modified);
	field(d, "rows", STYLE_TEXT, b);
	if (sessions_text(d->st, d->in, d->instance, d->s, SEXTRA_PHASE, scratch, sizeof scratch, &phase))
		buf_puts(b, phase);
	if (percent >= 0)
		buf_printf(b, "%s%.1f %%", b->len ? ", " : "", percent);
	field(d, "progress", STYLE_TEXT, b);
	if (horizon > 0)
		buf_printf(b, "keeps vacuum from the last %lld transactions", (long long)horizon);
	field(d, "horizon", STYLE_TEXT, b);
	if (d->s->workers > 0)
		buf_printf(b, "%u parallel", d->s->workers);
	field(d, "workers", STYLE_TEXT, b);
	if (d->s->leader != SESSION_NONE)
		buf_printf(b, "of %lld", (long long)d->view->sessions[d->s->leader].id);
	field(d, "worker", STYLE_TEXT, b);
}

/* --- Its locks */

static void put_other(const struct detail *d, const struct session *o)
{
	if (o->kind == SESSION_PREPARED)
		document_puts(d->doc, STYLE_STRONG, "a prepared transaction");
	else if (o->id < 0)
		document_puts(d->doc, STYLE_STRONG, "a holder the server does not name");
	else
		document_printf(d->doc, STYLE_STRONG, "%lld", (long long)o->id);
	if (o->app && o->app[0])
		document_printf(d->doc, STYLE_TEXT, " %s", o->app);
	else if (o->user)
		document_printf(d->doc, STYLE_TEXT, " %s", o->user);
}

static const struct session_edge *edge_to(
        const struct session_view *v, const struct session *s, uint32_t holder)
{
	for (uint32_t i = s->edges; i < s->edges + s->nedges; i++)
		if (v->edges_by_waiter[i].holder == holder)
			return &v->edges_by_waiter[i];
	return NULL;
}

static void put_edge(const struct detail *d, const struct session_edge *e)
{
	char text[HUMAN_MAX];

	if (e && e->waiting_ms >= 0)
		document_printf(d->doc, STYLE_WARN, " %s", human_duration(e->waiting_ms, text));
	if (e && e->kind)
		document_printf(d->doc, STYLE_DIM, " %s", e->kind);
	if (e && e->object)
		document_printf(d->doc, STYLE_DIM, " %s", e->object);
}

/* From this session to the one that has to end. */
static void describe_chain(const struct detail *d)
{
	const struct session *s = d->s;

	document_newline(d->doc);
	document_newline(d->doc);
	document_puts(d->doc, STYLE_HEADER, "WAITS FOR");
	for (int step = 0; step < CHAIN_MAX && s->blocked_by != SESSION_NONE; step++) {
		const struct session *holder = &d->view->sessions[s->blocked_by];
		char age[HUMAN_MAX];

		document_newline(d->doc);
		d->doc->indent = 4 + step * 2;
		d->doc->x = step * 2;
		document_puts(d->doc, STYLE_DIM, "└─ ");
		put_other(d, holder);
		if (holder->row != SESSION_NONE)
			document_printf(d->doc, holder->blocked ? STYLE_TEXT : STYLE_CRIT, " %s",
			        session_state_name(holder->state));
		if (session_age(holder) >= 0)
			document_printf(d->doc, STYLE_TEXT, " %s", human_duration(session_age(holder), age));
		document_puts(d->doc, STYLE_DIM, ", behind it for");
		put_edge(d, edge_to(d->view, s, s->blocked_by));
		if (!holder->blocked)
			document_puts(d->doc, STYLE_CRIT, " ◀ root");
		s = holder;
	}
	d->doc->indent = 0;
}

static void describe_behind(const struct detail *d)
{
	const struct session *s = d->s;
	char age[HUMAN_MAX] = "";

	document_newline(d->doc);
	document_newline(d->doc);
	document_printf(d->doc, STYLE_HEADER, "BLOCKS %u", s->blocks_all);
	if (s->blocks_all > s->blocks_now)
		document_printf(d->doc, STYLE_DIM, ": %u now, %u behind them", s->blocks_now,
		        s->blocks_all - s->blocks_now);
	if (s->longest_ms >= 0)
		document_printf(d->doc, STYLE_DIM, ", longest %s", human_duration(s->longest_ms, age));
	for (uint32_t i = 0; i < s->nholds && i < BEHIND_MAX; i++) {
		bool last = i + 1 == s->nholds;
		const struct session_edge *e = &d->view->edges_by_holder[s->holds + i];
		const struct session *waiter = &d->view->sessions[e->waiter];

		document_newline(d->doc);
		d->doc->indent = 4;
		document_puts(d->doc, STYLE_DIM, last ? "└─ " : "├─ ");
		put_other(d, waiter);
		put_edge(d, e);
		if (waiter->blocks_all > 0)
			document_printf(d->doc, STYLE_CRIT, "  blocks %u", waiter->blocks_all);
	}
	d->doc->indent = 0;
	if (s->nholds > BEHIND_MAX) {
		document_newline(d->doc);
		document_printf(d->doc, STYLE_DIM, "   and %u more", s->nholds - BEHIND_MAX);
	}
}

/* --- The limits it runs under */

static void describe_settings(const struct detail *d)
{
	static const struct {
		const char *column, *name;
	} limits[] = {{"statement_timeout_ms", "statement timeout"},
	        {"idle_xact_timeout_ms", "idle in transaction timeout"}, {"lock_timeout_ms", "lock timeout"},
	        {"client_check_ms", "client connection check"}};
	const struct table *server = snapshot_table(d->in->snap, d->instance, "server");
	const struct table *settings = snapshot_table(d->in->snap, d->instance, "settings");
	bool begun = false;

	for (size_t i = 0; server && server->nrows && i < sizeof limits / sizeof limits[0]; i++) {
		int64_t ms;
		char text[HUMAN_MAX];

		if (!table_int(server, 0, table_column(server, limits[i].column), &ms))
			continue;
		if (!begun) {
			document_newline(d->doc);
			document_newline(d->doc);
			document_puts(d->doc, STYLE_HEADER, "SERVER SETTINGS");
		}
		begun = true;
		document_newline(d->doc);
		document_printf(d->doc, STYLE_DIM, "%s ", limits[i].name);
		document_puts(
		        d->doc, ms > 0 ? STYLE_TEXT : STYLE_DIM, ms > 0 ? human_duration(ms, text) : "off");
	}
	for (size_t i = 0; settings && i < settings->nrows; i++) {
		const char *name = table_text(settings, i, table_column(settings, "name"));
		const char *value = table_text(settings, i, table_column(settings, "value"));

		document_newline(d->doc);
		document_printf(d->doc, STYLE_DIM, "%s ", name ? name : "");
		document_puts(d->doc, STYLE_TEXT, value ? value : "");
	}
}

static void describe_ghost(const struct detail *d)
{
	const struct session_ghost *g = &d->st->ghost;

	if (!g->known) {
		document_newline(d->doc);
		document_puts(d->doc, STYLE_DIM, "No session is selected.");
		return;
	}
	document_newline(d->doc);
	if (g->id > 0)
		document_printf(d->doc, STYLE_GHOST, "%lld on %s is gone.", (long long)g->id, g->name);
	else
		document_printf(d->doc, STYLE_GHOST, "What others waited for on %s is gone.", g->name);
	document_newline(d->doc);
	document_printf(d->doc, STYLE_DIM, "When it was last seen it was %s; user %s, app %s.", g->state,
	        g->user[0] ? g->user : "unknown", g->app[0] ? g->app : "unknown");
	describe_statement(d, g->query, g->query_n, (int64_t)g->query_n);
}

void sessions_describe(struct sessions_state *st, const struct view_input *in)
{
	struct rect r = st->pane.open ? st->pane.at : st->strip;
	struct detail d = {.doc = &st->pane.doc, .st = st, .in = in};
	struct buf b;

	d.s = sessions_row(st, list_row(&st->list), &d.instance);
	document_begin(d.doc, r.w - (st->pane.open ? 4 : 2));
	if (d.s)
		d.view = sessions_at(st->all, d.instance);
	else
		d.instance = (size_t)st->ghost.instance < in->snap->n ? (size_t)st->ghost.instance : 0;
	if (!st->pane.open) {
		struct buf text;

		buf_init(&text, 8192);
		if (sessions_statement(in, d.instance, d.s ? d.s->query : st->ghost.query,
		            d.s ? d.s->query_n : st->ghost.query_n, 4096, &text))
			document_text(d.doc, STYLE_TEXT, buf_str(&text), text.len);
		buf_free(&text);
		return;
	}
	if (!d.s) {
		describe_ghost(&d);
		return;
	}
	size_t n;
	int64_t bytes;
	const char *query = sessions_full_query(st, in, d.instance, d.s, &n, &bytes);

	buf_init(&b, 1024);
	describe_who(&d);
	if (!is_unnamed(d.s))
		describe_state(&d, &b);
	describe_work(&d, &b);
	d.doc->indent = 0;
	if (d.s->blocked_by != SESSION_NONE)
		describe_chain(&d);
	if (d.s->blocks_now > 0)
		describe_behind(&d);
	if (!is_unnamed(d.s)) {
		describe_statement(&d, query, n, bytes);
		describe_transaction(&d);
		describe_connection(&d, &b);
	}
	d.doc->indent = 0;
	describe_settings(&d);
	buf_free(&b);
}
