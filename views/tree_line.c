/* How the Tree view looks. A line is read from its left: how many, doing what, whose; what it costs to know
 * more is to its right. The application is never what is cut: the statement gives way. Only lines in sight
 * are put together. */
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/sessions_state.h"
#include "views/tree_state.h"

enum { LINE_BYTES = 4096, STATEMENT_LEAST = 10, STATEMENT_BYTES = 1024 };

int tree_room(const struct tree_line *l)
{
	return l->s ? l->right - l->x : 1 << 16;
}

int tree_width(const char *text)
{
	return (int)text_width(text, strlen(text));
}

void tree_put(struct tree_line *l, enum style style, const char *text)
{
	int cells = tree_room(l), width = l->s ? tree_width(text) : 0;

	if (!l->s)
		buf_puts(l->out, text);
	if (!l->s || cells <= 0)
		return;
	if (width > cells)
		width = cells;
	surface_field(l->s, l->x, l->y, width, l->stale ? STYLE_STALE : style, text, strlen(text), false);
	l->x += width;
}

void tree_put_dot(struct tree_line *l)
{
	tree_put(l, STYLE_DIM, l->ascii ? " . " : " · ");
}

/* As much of it as leaves `keep` cells; nothing when that is next to nothing. */
static void put_cut(struct tree_line *l, enum style style, const struct buf *text, int keep)
{
	int cells = tree_room(l) - keep, width = (int)text_width(buf_str(text), text->len);

	if (cells > width)
		cells = width;
	if (!l->s) {
		buf_put(l->out, buf_str(text), text->len);
	} else if (cells == width || cells >= STATEMENT_LEAST) {
		surface_field(l->s, l->x, l->y, cells, l->stale ? STYLE_STALE : style, buf_str(text),
		        text->len, false);
		l->x += cells;
	}
}

/* --- Words with their colours */

static enum style state_style(
        const struct tree_drawing *d, const struct tree_node *n, const struct session *s)
{
	const struct cluster_cfg *c = d->in->snap->instances[n->instance].cluster;

	if (s->waiting)
		return STYLE_WARN;
	if (s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED) {
		if (s->group == GROUP_ROOT)
			return STYLE_CRIT;
		if (n->oldest_ms >= c->idle_xact_warn_ms || s->state == STATE_IDLE_ABORTED)
			return STYLE_WARN;
		return n->oldest_ms >= c->idle_xact_notice_ms ? STYLE_NOTICE : STYLE_TEXT;
	}
	return s->idle || s->state == STATE_HIDDEN ? STYLE_DIM : STYLE_TEXT;
}

static void whose(const struct session *s, bool brief, char *out, size_t cap)
{
	if (tree_app(s)[0])
		snprintf(out, cap, "%s%.120s", brief ? "" : "app=", s->app);
	else if (s->user && s->user[0])
		snprintf(out, cap, "%s%.120s", brief ? "" : "user=", s->user);
	else
		snprintf(out, cap, "%s", s->state == STATE_HIDDEN ? "app hidden" : "no app");
}

/* state · wait · statement · app=… */
static void put_signature(
        struct tree_drawing *d, struct tree_line *l, const struct tree_node *n, bool with_app)
{
	const struct session *s = tree_session_of(d->st, n);
	char scratch[160], app[160] = "";
	const char *wait = tree_wait_name(s, scratch, sizeof scratch);
	bool idle = s->state != STATE_ACTIVE && s->state != STATE_FASTPATH;

	if (with_app)
		whose(s, l->brief, app, sizeof app);
	if (l->tiny && app[0]) {
		tree_put(l, STYLE_STRONG, app);
		tree_put_dot(l);
		app[0] = '\0';
	}
	int keep = app[0] ? tree_width(app) + 3 : 0;
	bool open = s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED;

	tree_put(l, state_style(d, n, s), l->tiny && open ? "in tx" : tree_state_name(s, l->brief));
	buf_reset(&d->text);
	tree_statement(d->in, n->instance, s, &d->text);
	/* What kind of lock gives way to the statement, unless that finds no room all the same. */
	int room = tree_room(l) - keep - 3;
	if (l->brief && s->waiting &&
	        (room < tree_width(wait) ||
	                (d->text.len > 0 && room - tree_width("Lock") - 3 >= STATEMENT_LEAST)))
		wait = "Lock";
	/* Who is idle waits for its client, always. */
	if (wait && wait[0] && !(idle && l->brief) && tree_room(l) - keep >= tree_width(wait) + 3) {
		tree_put_dot(l);
		tree_put(l, s->waiting ? STYLE_WARN : STYLE_DIM, wait);
	}
	if (d->text.len > 0 && tree_room(l) - keep - 3 >= STATEMENT_LEAST) {
		tree_put_dot(l);
		put_cut(l, idle ? STYLE_DIM : STYLE_TEXT, &d->text, keep);
	}
	if (app[0]) {
		tree_put_dot(l);
		tree_put(l, STYLE_STRONG, app);
	}
}

static void put_shares(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	struct tree_shares sh;
	char text[64];

	tree_share(d->st, n, &sh);
	const struct {
		unsigned n;
		enum style style;
		const char *what;
	} parts[] = {{sh.blocked, STYLE_WARN, "blocked"},
	        {sh.idle_xact, STYLE_TEXT, l->brief ? "in tx" : "idle in tx"},
	        {sh.active, STYLE_TEXT, "active"}, {sh.idle, STYLE_DIM, "idle"},
	        {sh.other, STYLE_DIM, "other"}};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(text, sizeof text, "%u %s", parts[i].n, parts[i].what);
		if (parts[i].n == 0 || tree_room(l) < tree_width(text) + 3)
			continue;
		tree_put_dot(l);
		tree_put(l, parts[i].style, text);
	}
}

static void put_name(struct tree_line *l, const char *label, const char *name, const char *unknown)
{
	if (!l->brief && name && name[0])
		tree_put(l, STYLE_DIM, label);
	tree_put(l, name && name[0] ? STYLE_STRONG : STYLE_DIM, name && name[0] ? name : unknown);
}

/* --- Groups */

static const struct tree_node *parent_of(const struct tree_state *st, const struct tree_node *n)
{
	for (const struct tree_node *p = n; p > st->tree.nodes; p--)
		if (p[-1].depth < n->depth)
			return &p[-1];
	return NULL;
}

static void put_instance(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	const struct tree_node *parent = parent_of(d->st, n);
	char share[16];

	tree_put(l, STYLE_STRONG, view_instance_name(d->in, n->instance));
	if (parent && parent->kind != TREE_CLUSTER && parent->n > 0) {
		snprintf(share, sizeof share, "  %.0f %%", 100.0 * n->n / parent->n);
		tree_put(l, STYLE_TEXT, share);
	}
	if (!parent || parent->kind != TREE_SIGNATURE)
		put_shares(d, l, n);
}

static void put_cluster(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	const struct cluster_cfg *c = d->in->snap->instances[n->instance].cluster;

	tree_put(l, c->name[0] ? STYLE_STRONG : STYLE_DIM, c->name[0] ? c->name : "no cluster");
	for (size_t i = 0; i < c->ntags && i < 2; i++) {
		tree_put(l, STYLE_DIM, " ");
		tree_put(l, c->danger == DANGER_PROD ? STYLE_PROD : STYLE_DIM, c->tags[i]);
	}
	put_shares(d, l, n);
}

static void put_group(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	const struct session *s = tree_session_of(d->st, n);
	const struct tree_node *parent = parent_of(d->st, n);
	char host[128] = "";

	switch (n->kind) {
	case TREE_SIGNATURE:
		put_signature(d, l, n, !parent || parent->kind == TREE_HEADING || d->st->axis != TREE_BY_APP);
		return;
	case TREE_APP:
		put_name(l, "app=", s->app, "no application name");
		break;
	case TREE_CLIENT:
		if (s->client)
			snprintf(host, sizeof host, "%.*s", (int)tree_host(s->client), s->client);
		put_name(l, "from ", host, "no address");
		break;
	case TREE_USER:
		put_name(l, "user=", s->user, "no user");
		break;
	case TREE_ACCOUNT:
		put_name(l, "user=", s->user, "no user");
		tree_put(l, STYLE_DIM, " ");
		put_name(l, "app=", s->app, "no application name");
		break;
	case TREE_CLUSTER:
		put_cluster(d, l, n);
		return;
	case TREE_INSTANCE:
		put_instance(d, l, n);
		return;
	default:
		tree_put(l, STYLE_DIM, tree_heading_name(n->heading));
		if (n->heading != HEADING_FREE)
			return;
		break;
	}
	put_shares(d, l, n);
}

/* --- Sessions */

static const struct session_edge *edge_of(const struct tree_state *st, const struct tree_node *n)
{
	const struct session_view *v = sessions_at(st->all, n->instance);
	const struct session *s = &v->sessions[n->index];

	for (uint32_t i = s->edges; i < s->edges + s->nedges; i++)
		if (v->edges_by_waiter[i].holder == s->blocked_by)
			return &v->edges_by_waiter[i];
	return NULL;
}

/* "waits 2m58s" */
static void put_waits(struct tree_line *l, const struct tree_node *n)
{
	char age[HUMAN_MAX];

	tree_put(l, STYLE_WARN, n->kind == TREE_WAITERS ? "wait" : "waits");
	if (n->oldest_ms >= 0) {
		tree_put(l, STYLE_WARN, n->kind == TREE_WAITERS ? (l->ascii ? " up to " : " ≤") : " ");
		tree_put(l, STYLE_WARN, human_duration(n->oldest_ms, age));
	}
}

/* What for: said where it fits. */
static void put_lock(const struct tree_state *st, struct tree_line *l, const struct tree_node *n)
{
	const struct session_edge *e = edge_of(st, n);

	if (e && e->kind && tree_room(l) > tree_width(e->kind) + 3) {
		tree_put(l, STYLE_DIM, " ");
		tree_put(l, STYLE_DIM, e->kind);
	}
	if (e && e->object && e->object[0] && tree_room(l) > tree_width(e->object) + 3) {
		tree_put(l, STYLE_DIM, " ");
		tree_put(l, STYLE_TEXT, e->object);
	}
}

static void put_id(struct tree_line *l, const struct session *s)
{
	char id[64];

	if (s->kind == SESSION_PREPARED)
		snprintf(id, sizeof id, "a prepared transaction");
	else if (s->id < 0)
		snprintf(id, sizeof id, "%s",
		        l->brief ? "holder not named" : "a holder that the server does not name");
	else
		snprintf(id, sizeof id, "%lld", (long long)s->id);
	tree_put(l, s->group == GROUP_ROOT ? STYLE_CRIT : s->own ? STYLE_OWN : STYLE_STRONG, id);
}

static void put_who(struct tree_line *l, const struct session *s, bool in_queue, bool alike)
{
	char who[200];

	if (in_queue)
		whose(s, true, who, sizeof who);
	else
		snprintf(who, sizeof who, "%.80s%s%.80s", s->user ? s->user : session_kind_name(s->kind),
		        s->db && s->db[0] ? "@" : "", s->db ? s->db : "");
	tree_put(l, STYLE_DIM, " ");
	tree_put(l, STYLE_TEXT, who);
	if (!in_queue && s->client && (!l->brief || alike)) {
		tree_put(l, STYLE_DIM, " ");
		tree_put(l, STYLE_DIM, s->client);
	}
}

static void put_rest(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	const struct session *s = tree_session_of(d->st, n);

	buf_reset(&d->text);
	if (tree_room(l) < STATEMENT_LEAST + 2 ||
	        !sessions_statement(d->in, n->instance, s->query, s->query_n, STATEMENT_BYTES, &d->text))
		return;
	tree_put(l, STYLE_DIM, "  ");
	put_cut(l, s->query_ms >= 0 ? STYLE_TEXT : STYLE_DIM, &d->text, 0);
}

static void put_session(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	const struct session *s = tree_session_of(d->st, n);
	const struct tree_node *parent = parent_of(d->st, n);
	/* Below a signature all are in one state: where they come from says more. */
	bool alike = !n->in_queue && n->heading == HEADING_NONE &&
	             (d->st->axis == TREE_BY_SIGNATURE || (parent && parent->kind == TREE_SIGNATURE));
	char text[64];

	put_id(l, s);
	if (s->row == SESSION_NONE) {
		snprintf(text, sizeof text, "  blocks %u", s->blocks_all);
		tree_put(l, STYLE_CRIT, text);
		return;
	}
	put_who(l, s, n->in_queue, alike);
	if (n->worker)
		tree_put(l, STYLE_DIM, "  parallel worker");
	else if (!alike)
		tree_put(l, STYLE_DIM, "  ");
	if (s->blocked && n->in_queue)
		put_waits(l, n);
	else if (!alike && !n->worker)
		tree_put(l, state_style(d, n, s), tree_state_name(s, true));
	if (s->blocks_all > 0) {
		snprintf(text, sizeof text, "  blocks %u", s->blocks_all);
		tree_put(l, STYLE_CRIT, text);
	}
	if (s->blocked && n->in_queue)
		put_lock(d->st, l, n);
	if (s->workers > 0) {
		snprintf(text, sizeof text, "  +%u worker%s", s->workers, s->workers == 1 ? "" : "s");
		tree_put(l, STYLE_DIM, text);
	}
	put_rest(d, l, n);
}

static void put_waiters(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	char who[160];

	whose(tree_session_of(d->st, n), true, who, sizeof who);
	tree_put(l, STYLE_DIM, l->ascii ? "x " : "× ");
	tree_put(l, STYLE_STRONG, who);
	tree_put(l, STYLE_DIM, "  ");
	put_waits(l, n);
	put_lock(d->st, l, n);
	put_rest(d, l, n);
}

/* transaction, wait, statement: one line each. */
static void put_fact(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	const struct session *s = tree_session_of(d->st, n);
	char text[256], scratch[160];
	const char *wait;

	switch (n->kind) {
	case TREE_XACT:
		tree_put(l, STYLE_DIM, "transaction  ");
		tree_put(l, STYLE_TEXT, "open ");
		tree_put(l, STYLE_TEXT, human_duration(s->xact_ms, text));
		return;
	case TREE_WAIT:
		tree_put(l, STYLE_DIM, "wait         ");
		wait = tree_wait_name(s, scratch, sizeof scratch);
		tree_put(l, s->waiting ? STYLE_CRIT : STYLE_TEXT, wait ? wait : "");
		if (s->blocked && s->blocked_by != SESSION_NONE) {
			const struct session *by =
			        &sessions_at(d->st->all, n->instance)->sessions[s->blocked_by];

			snprintf(text, sizeof text,
			        s->waiting_ms >= 0 ? ", %s behind %lld" : "%s behind %lld",
			        s->waiting_ms >= 0 ? human_duration(s->waiting_ms, scratch) : ",",
			        (long long)by->id);
			tree_put(l, STYLE_CRIT, text);
		}
		return;
	default:
		tree_put(l, STYLE_DIM, "statement  ");
		buf_reset(&d->text);
		if (!sessions_statement(d->in, n->instance, s->query, s->query_n, STATEMENT_BYTES, &d->text))
			tree_put(l, STYLE_DIM,
			        s->state == STATE_HIDDEN ? "  hidden from us" : "  none is shown");
		else
			put_rest(d, l, n);
		return;
	}
}

void tree_put_node(struct tree_drawing *d, struct tree_line *l, const struct tree_node *n)
{
	if (n->kind == TREE_SESSION)
		put_session(d, l, n);
	else if (n->kind == TREE_WAITERS)
		put_waiters(d, l, n);
	else if (n->kind > TREE_SESSION)
		put_fact(d, l, n);
	else
		put_group(d, l, n);
}

void tree_text(
        const struct tree_state *st, const struct view_input *in, const struct tree_node *n, struct buf *out)
{
	struct tree_drawing d = {.st = st, .in = in};
	struct tree_line l = {.out = out};
	char age[HUMAN_MAX], growth[32];

	buf_init(&d.text, LINE_BYTES);
	if (n->kind < TREE_SESSION)
		buf_printf(out, n->kind == TREE_WAITERS ? "%u " : "%u @ ", n->n);
	tree_put_node(&d, &l, n);
	if (n->kind < TREE_SESSION && n->oldest_ms >= 0)
		buf_printf(out, "  oldest %s", human_duration(n->oldest_ms, age));
	if (n->growth.known)
		buf_printf(out, "  %s", tree_growth_text(&n->growth, false, growth));
	buf_free(&d.text);
}
