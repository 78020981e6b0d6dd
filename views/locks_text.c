/* What a session in the tree says about itself: who it is, what it does or how long it waits, for which lock
 * in which mode, and what an action on it would free. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/human.h"
#include "views/locks_state.h"

enum { LOOK_MAX = 200, BRIEF_BELOW = 26, WORDS_MAX = 256, WORDS_LEAST = 4 };

const struct session *locks_session(const struct lock_graph *g, const struct lock_node *n)
{
	return n->session == LOCK_NONE || !g->sessions ? NULL : &g->sessions->sessions[n->session];
}

const char *locks_app(const struct lock_graph *g, uint32_t node)
{
	const struct session *s = locks_session(g, &g->nodes[node]);

	if (!s)
		return g->nodes[node].kind == SESSION_PREPARED ? "prepared transaction" : NULL;
	if (s->app && s->app[0])
		return s->app;
	if (s->kind != SESSION_CLIENT)
		return session_kind_name(s->kind);
	return s->user;
}

void locks_who_text(const struct lock_graph *g, uint32_t node, struct buf *out)
{
	const struct lock_node *n = &g->nodes[node];
	const char *app = locks_app(g, node);

	if (n->id < 0) {
		buf_puts(out, "? not named");
		return;
	}
	if (n->kind == SESSION_PREPARED) {
		buf_printf(out, "2pc %s", n->gid ? n->gid : "prepared transaction");
		return;
	}
	buf_printf(out, "%" PRId64, n->id);
	if (app)
		buf_printf(out, " %s", app);
}

static void put_age(struct buf *out, const char *before, int64_t ms)
{
	char text[HUMAN_MAX];

	if (ms >= 0)
		buf_printf(out, "%s%s", before, human_duration(ms, text));
}

void locks_what_text(const struct lock_graph *g, uint32_t node, struct buf *out)
{
	const struct lock_node *n = &g->nodes[node];
	const struct session *s = locks_session(g, n);

	if (n->blocked) {
		buf_puts(out, n->circle ? "circle" : "waits");
		put_age(out, " ", n->waiting_ms);
		return;
	}
	if (n->kind == SESSION_PREPARED) {
		buf_puts(out, "prepared");
		return;
	}
	if (!s || s->state == STATE_HIDDEN) {
		buf_puts(out, n->id < 0 ? "not visible" : "hidden");
		return;
	}
	switch (s->state) {
	case STATE_IDLE_XACT:
	case STATE_IDLE_ABORTED:
		buf_puts(out, s->state == STATE_IDLE_XACT ? "idle in tx" : "aborted tx");
		put_age(out, " ", s->state_ms >= 0 ? s->state_ms : s->xact_ms);
		return;
	case STATE_NONE:
		buf_puts(out, session_kind_name(s->kind));
		return;
	default:
		buf_puts(out, session_state_name(s->state));
		put_age(out, " ", s->query_ms >= 0 ? s->query_ms : s->state_ms);
	}
}

void locks_mode_text(const char *mode, struct buf *out)
{
	size_t n = strlen(mode);

	if (n > 4 && !strncmp(mode, "MDL_", 4)) {
		mode += 4;
		n -= 4;
	}
	if (n > 4 && !strcmp(mode + n - 4, "Lock"))
		n -= 4;
	buf_put(out, mode, n);
}

/* Of some locks the kind says it all, of some the mode, of some both. The object comes last; where it begins
 * in `out`, 0 when nothing is before it. */
static size_t put_lock(const struct lock_graph *g, const struct lock_entry *e, struct buf *out)
{
	const struct lock_queue *q = &g->queues[e->queue];
	const char *kind = lock_kind_name(q->kind);
	size_t at;

	switch (q->kind) {
	case LOCK_RELATION:
		break;
	case LOCK_TUPLE:
	case LOCK_TRANSACTION:
	case LOCK_VIRTUAL:
		/* "transaction 744" says what it is. */
		if (q->object && !strncmp(q->object, kind, strlen(kind))) {
			buf_puts(out, q->object);
			return 0;
		}
		buf_puts(out, kind);
		goto object;
	default:
		buf_printf(out, "%s ", kind);
		break;
	}
	if (e->mode)
		locks_mode_text(e->mode, out);
	else if (q->kind == LOCK_RELATION)
		buf_puts(out, "relation");
	else if (out->len)
		out->data[--out->len] = '\0';
object:
	at = out->len;
	if (!q->object)
		return 0;
	/* The default schema says nothing. */
	buf_printf(out, " %s", !strncmp(q->object, "public.", 7) ? q->object + 7 : q->object);
	return at;
}

/* Which table it is says more than the whole of a mode's name: that gives way. */
static void fit_lock(struct buf *out, size_t object, int cells, bool ascii)
{
	char words[WORDS_MAX], name[WORDS_MAX];

	if (object == 0 || cells <= 0 || (int)text_width(buf_str(out), out->len) <= cells)
		return;
	int room = cells - (int)text_width(buf_str(out) + object, out->len - object);
	if (room < WORDS_LEAST)
		return;
	snprintf(name, sizeof name, "%s", buf_str(out) + object);
	text_truncate(words, sizeof words, buf_str(out), object, (size_t)room, ascii);
	buf_reset(out);
	buf_printf(out, "%s%s", words, name);
}

/* How many it is in the way of by this lock, as far as a line needs to know. */
static unsigned stops(const struct lock_graph *g, const struct lock_entry *e)
{
	const struct lock_queue *q = &g->queues[e->queue];
	uint32_t first = q->first + q->nheld;
	unsigned n = 0;

	for (uint32_t i = first; i < first + q->nwaiting && i < first + LOOK_MAX; i++)
		n += g->entries[i].blocked && locks_stops(g, &g->entries[i], e);
	return n;
}

/* What most others wait for of what it holds. */
static const struct lock_entry *main_hold(
        const struct lock_graph *g, const struct lock_node *n, unsigned *more)
{
	const struct lock_entry *best = NULL;
	unsigned most = 0;

	*more = 0;
	for (uint32_t i = n->entries; i < n->entries + n->nentries; i++) {
		const struct lock_entry *e = &g->entries[g->of_node[i]];
		unsigned here = e->held ? stops(g, e) : 0;

		if (here == 0)
			continue;
		*more += best != NULL;
		/* Of two that stop as many, the one that has a name. */
		if (here > most || (here == most && best && g->queues[best->queue].kind == LOCK_TRANSACTION))
			best = e;
		most = here > most ? here : most;
	}
	return best;
}

void locks_lock_text(const struct lock_graph *g, uint32_t node, int cells, bool ascii, struct buf *out)
{
	const struct lock_node *n = &g->nodes[node];
	bool brief = cells > 0 && cells < BRIEF_BELOW;
	unsigned more;
	size_t object;

	if (n->blocked && n->waits_in != LOCK_NONE) {
		if (n->likely)
			buf_puts(out, brief ? "? " : "likely ");
		object = put_lock(g, &g->entries[n->waits_in], out);
		fit_lock(out, object, cells, ascii);
		return;
	}
	const struct lock_entry *e = main_hold(g, n, &more);

	if (!e)
		return;
	/* Said as surely as it is known: who has an open transaction need not have used that table. */
	if (!brief || e->likely)
		buf_puts(out, !e->likely ? "holds " : brief ? "? " : "may hold ");
	object = put_lock(g, e, out);
	if (more > 0)
		buf_printf(out, " +%u", more);
	fit_lock(out, object, cells, ascii);
}

static const char *remedy_verb(enum lock_remedy r)
{
	return r == REMEDY_CANCEL ? "cancel" : r == REMEDY_TERMINATE ? "terminate" : "end";
}

static void put_action(const struct lock_graph *g, const struct lock_action *a, const struct lock_frees *f,
        int detail, struct buf *out)
{
	const struct session *s = locks_session(g, &g->nodes[a->node]);
	const char *app = locks_app(g, a->node);
	struct buf b;

	buf_printf(out, "%s ", remedy_verb(a->remedy));
	locks_node_text(g, a->node, out);
	if (s && detail > 0) {
		buf_printf(out, " (%s%s", app ? app : "", app ? ", " : "");
		locks_what_text(g, a->node, out);
		buf_putc(out, ')');
	}
	buf_puts(out, ": ");
	if (detail > 1) {
		locks_frees_text(g, f, out);
		return;
	}
	buf_printf(out, "frees %" PRIu32 " now", f->now);
	if (f->later == 0)
		return;
	buf_printf(out, ", %" PRIu32 " later", f->later);
	if (f->behind != LOCK_NONE) {
		buf_init(&b, 256);
		locks_node_text(g, f->behind, &b);
		buf_printf(out, " behind %s", buf_str(&b));
		buf_free(&b);
	}
}

void locks_action_text(
        const struct lock_graph *g, uint32_t index, int cells, bool with_label, struct buf *out)
{
	const struct lock_move *m = &g->move;
	bool single = index >= m->n;
	const struct lock_action *a = single ? &m->cancel : &m->action[index];

	for (int detail = 2; detail >= 0; detail--) {
		buf_reset(out);
		if (with_label)
			buf_puts(out, single      ? "or only    "
			              : index > 0 ? "then       "
			              : m->exact  ? "best move  "
			                          : "good move  ");
		put_action(g, a, single ? &a->alone : &a->then, detail, out);
		if ((int)text_width(buf_str(out), out->len) <= cells)
			return;
	}
}
