/* One session of the tree in full: what it waits for or holds up, what each action on it would free, the
 * locks it has (asked of the server for this one only), and its statement. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/locks_state.h"
#include "views/sessions_state.h"

enum { EDGES_SHOWN = 8, LOCKS_SHOWN = 40, STATEMENT_MAX = 64 * 1024 };

struct detail {
	struct document *doc;
	const struct view_input *in;
	const struct lock_graph *g;
	size_t instance;
	uint32_t node;
	const struct lock_node *n;
	const struct session *s;
	struct buf b;
};

static void heading(const struct detail *d, const char *text)
{
	d->doc->indent = 0;
	document_newline(d->doc);
	document_newline(d->doc);
	document_puts(d->doc, STYLE_HEADER, text);
}

static void describe_who(struct detail *d)
{
	const struct session *s = d->s;

	document_newline(d->doc);
	if (!s) {
		locks_who_text(d->g, d->node, &d->b);
		document_puts(d->doc, STYLE_STRONG, buf_str(&d->b));
		buf_reset(&d->b);
		return;
	}
	document_puts(d->doc, STYLE_STRONG, s->user ? s->user : session_kind_name(s->kind));
	if (s->db)
		document_printf(d->doc, STYLE_STRONG, "@%s", s->db);
	if (s->app && s->app[0])
		document_printf(d->doc, STYLE_TEXT, ", app %s", s->app);
	if (s->client && s->client[0])
		document_printf(d->doc, STYLE_DIM, ", from %s", s->client);
	if (s->guard != GUARD_NONE) {
		document_newline(d->doc);
		document_printf(d->doc, STYLE_NOTICE, "protected: %s", session_guard_why(s->guard));
	}
	document_newline(d->doc);
	locks_what_text(d->g, d->node, &d->b);
	document_puts(d->doc, d->n->blocked ? STYLE_WARN : STYLE_CRIT, buf_str(&d->b));
	buf_reset(&d->b);
	char age[HUMAN_MAX];

	if (s->xact_ms >= 0)
		document_printf(d->doc, STYLE_TEXT, ", its transaction is open for %s",
		        human_duration(s->xact_ms, age));
}

static void put_edge(struct detail *d, const struct lock_edge *e, uint32_t other, bool last)
{
	const struct lock_node *o = &d->g->nodes[other];

	document_newline(d->doc);
	document_puts(d->doc, STYLE_DIM, last ? "└─ " : "├─ ");
	locks_who_text(d->g, other, &d->b);
	document_puts(d->doc, STYLE_STRONG, buf_str(&d->b));
	buf_reset(&d->b);
	locks_what_text(d->g, other, &d->b);
	document_printf(d->doc, o->blocked ? STYLE_WARN : STYLE_CRIT, "  %s", buf_str(&d->b));
	buf_reset(&d->b);
	if (e->soft || e->likely)
		document_printf(d->doc, STYLE_DIM, "  (%s%s)", e->likely ? "likely" : "",
		        e->soft ? e->likely ? ", waits itself" : "waits itself, further ahead" : "");
}

static void describe_blockers(struct detail *d)
{
	for (uint32_t i = d->n->entries; i < d->n->entries + d->n->nentries; i++) {
		const struct lock_entry *e = &d->g->entries[d->g->of_node[i]];
		struct lock_edge edges[EDGES_SHOWN];

		if (!e->blocked)
			continue;
		size_t n = locks_blockers(d->g, d->g->of_node[i], edges, EDGES_SHOWN);
		size_t shown = n < EDGES_SHOWN ? n : EDGES_SHOWN;

		heading(d, "WAITS FOR");
		buf_printf(&d->b, " %s", lock_kind_name(d->g->queues[e->queue].kind));
		if (e->mode) {
			buf_putc(&d->b, ' ');
			locks_mode_text(e->mode, &d->b);
		}
		if (d->g->queues[e->queue].object)
			buf_printf(&d->b, " of %s", d->g->queues[e->queue].object);
		document_puts(d->doc, STYLE_TEXT, buf_str(&d->b));
		buf_reset(&d->b);
		for (size_t k = 0; k < shown; k++)
			put_edge(d, &edges[k], edges[k].blocker, k + 1 == n);
		if (n > shown) {
			document_newline(d->doc);
			document_puts(d->doc, STYLE_DIM, "   and more, further ahead in the queue");
		}
	}
}

static void describe_behind(struct detail *d)
{
	size_t n;
	const uint32_t *children = locks_children(d->g, d->node, &n);
	char age[HUMAN_MAX];

	if (d->n->behind == 0)
		return;
	heading(d, "");
	document_printf(d->doc, STYLE_HEADER, "HOLDS UP %" PRIu32, d->n->behind);
	if (d->n->longest_ms >= 0)
		document_printf(d->doc, STYLE_DIM, ", longest %s", human_duration(d->n->longest_ms, age));
	for (size_t i = 0; i < n && i < EDGES_SHOWN; i++) {
		const struct lock_node *c = &d->g->nodes[children[i]];
		const struct lock_edge e = {.soft = c->soft, .likely = c->likely};

		put_edge(d, &e, children[i], i + 1 == n);
	}
	if (n > EDGES_SHOWN) {
		document_newline(d->doc);
		document_printf(d->doc, STYLE_DIM, "   and %zu more", n - EDGES_SHOWN);
	}
}

/* What would happen, for both actions: the one that does nothing says so. */
static void describe_actions(struct detail *d)
{
	static const struct {
		enum lock_remedy remedy;
		const char *word;
	} actions[] = {{REMEDY_CANCEL, "cancel"}, {REMEDY_TERMINATE, "terminate"}};
	bool idle = d->s && d->s->state != STATE_ACTIVE && d->s->state != STATE_FASTPATH;

	if (!d->n->blocks)
		return;
	heading(d, "IF IT ENDS");
	if (d->n->kind == SESSION_PREPARED) {
		locks_remedy_statement(d->g, d->node, &d->b);
		document_newline(d->doc);
		document_puts(d->doc, STYLE_TEXT, d->b.len ? buf_str(&d->b) : "its name is not known");
		buf_reset(&d->b);
	}
	for (size_t i = 0; i < 2; i++) {
		struct lock_frees f;

		if (i == 0 && (idle || d->n->kind == SESSION_PREPARED))
			continue;
		locks_release(d->g, &d->node, 1, actions[i].remedy, &f);
		locks_frees_text(d->g, &f, &d->b);
		document_field(d->doc, d->n->kind == SESSION_PREPARED ? "then" : actions[i].word, STYLE_TEXT,
		        buf_str(&d->b));
		buf_reset(&d->b);
	}
	if (idle)
		document_field(d->doc, "cancel", STYLE_TEXT, "does nothing: no statement runs");
}

/* --- Its locks, asked for this session only */

static bool is_asked(const struct detail *d)
{
	return d->in->asked.instance == (int)d->instance && d->in->asked.session.id == d->n->id;
}

static void describe_locks(struct detail *d)
{
	const struct table *t = is_asked(d) && d->in->answer ? d->in->answer->table : NULL;
	int kind = t ? table_column(t, "kind") : -1, object = t ? table_column(t, "object") : -1;
	int mode = t ? table_column(t, "mode") : -1, held = t ? table_column(t, "held") : -1;

	if (d->n->id <= 0)
		return;
	heading(d, "ITS LOCKS");
	if (is_asked(d) && d->in->answer_err && d->in->answer_err->code != ERR_NONE)
		document_printf(d->doc, STYLE_WARN, "  %s", d->in->answer_err->text);
	else if (!t || mode < 0)
		document_puts(d->doc, STYLE_DIM, "  being asked");
	for (size_t row = 0; t && mode >= 0 && row < t->nrows && row < LOCKS_SHOWN; row++) {
		const char *texts[3] = {
		        table_text(t, row, kind), table_text(t, row, mode), table_text(t, row, object)};
		int64_t count;
		bool has = true;

		table_bool(t, row, held, &has);
		document_newline(d->doc);
		document_puts(d->doc, has ? STYLE_TEXT : STYLE_WARN, has ? "holds " : "waits ");
		if (texts[1])
			locks_mode_text(texts[1], &d->b);
		document_printf(d->doc, STYLE_TEXT, "%s", buf_str(&d->b));
		buf_reset(&d->b);
		/* "virtual transaction 3/7" names its kind itself. */
		if (texts[0] && !(texts[2] && strncmp(texts[2], texts[0], strlen(texts[0])) == 0))
			document_printf(d->doc, STYLE_TEXT, " %s", texts[0]);
		document_printf(d->doc, STYLE_DIM, " %s", texts[2] ? texts[2] : "");
		if (table_int(t, row, table_column(t, "locks"), &count) && count > 1)
			document_printf(d->doc, STYLE_DIM, "  × %" PRId64, count);
	}
	if (t && mode >= 0 && t->nrows == 0)
		document_puts(d->doc, STYLE_DIM, "  none any more");
	else if (t && mode >= 0 && t->nrows > LOCKS_SHOWN)
		document_printf(d->doc, STYLE_DIM, "  and %zu more", t->nrows - LOCKS_SHOWN);
}

static void describe_statement(struct detail *d)
{
	struct buf b;

	buf_init(&b, 4u * STATEMENT_MAX);
	if (d->s && sessions_statement(d->in, d->instance, d->s->query, d->s->query_n, STATEMENT_MAX, &b)) {
		heading(d, d->s->query_ms >= 0 ? "STATEMENT" : "LAST STATEMENT");
		document_sql(d->doc, sessions_dialect(d->in, d->instance), buf_str(&b), b.len);
	} else if (d->s) {
		heading(d, "");
		document_puts(d->doc, STYLE_DIM,
		        d->s->state == STATE_HIDDEN ? "Its statement is hidden from us."
		                                    : "It shows no statement.");
	}
	buf_free(&b);
}

void locks_describe(struct locks_state *st, const struct view_input *in)
{
	const struct locks_row *r = locks_current(st);
	struct detail d = {.doc = &st->pane.doc, .in = in};

	document_begin(d.doc, st->pane.at.w - 4);
	d.doc->indent = 0;
	if (!r || r->node == LOCK_NONE) {
		document_newline(d.doc);
		document_puts(d.doc, STYLE_DIM,
		        r ? "Put the cursor on a session." : "It does not wait or block any more.");
		return;
	}
	d.instance = r->instance;
	d.g = locks_graph(st, r->instance);
	d.node = r->node;
	d.n = &d.g->nodes[r->node];
	d.s = locks_session(d.g, d.n);
	buf_init(&d.b, 4096);
	describe_who(&d);
	describe_blockers(&d);
	describe_actions(&d);
	describe_statement(&d);
	describe_behind(&d);
	describe_locks(&d);
	buf_free(&d.b);
}
