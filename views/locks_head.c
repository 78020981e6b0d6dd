/* Above the tree: how many wait, behind how many roots, how long, and what may be wrong with that answer; and
 * what stands there when nobody waits, which must never look like an answer that did not come. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/locks_state.h"

struct line {
	struct surface *s;
	int x, y, right;
	bool begun;
};

static void clause(struct line *l, enum style style, const char *text)
{
	const char *dot = l->s->ascii ? ". " : "· ";
	size_t n = strlen(text);
	int cells = (int)text_width(text, n);

	if (l->right - l->x < 8)
		return;
	if (l->begun)
		l->x += surface_text(l->s, l->x, l->y, 2, STYLE_DIM, dot);
	if (cells > l->right - l->x)
		cells = l->right - l->x;
	surface_field(l->s, l->x, l->y, cells, style, text, n, false);
	l->x += cells + 1;
	l->begun = true;
}

/* Of which instances the rows are old or missing, or slow; false: of none. */
static bool reason_text(
        const struct locks_state *st, const struct view_input *in, struct buf *out, bool *stale)
{
	struct buf reason;
	unsigned old = 0;
	size_t first = 0;

	buf_init(&reason, 400);
	for (size_t i = 0; i < in->snap->n; i++) {
		if (!scope_has(&in->scope, in->snap, i) || !snapshot_is_stale(in->snap, i, "locks"))
			continue;
		if (!old++)
			first = i;
	}
	for (size_t i = 0; i < in->snap->n && !old && !reason.len; i++)
		if (scope_has(&in->scope, in->snap, i))
			snapshot_reason(in->snap, first = i, "locks", &reason);
	if (old)
		snapshot_reason(in->snap, first, "locks", &reason);
	if (reason.len && st->many && old > 1)
		buf_printf(out, "%u instances are not fresh, %s: ", old, view_instance_name(in, first));
	else if (reason.len && st->many)
		buf_printf(out, "%s: ", view_instance_name(in, first));
	buf_puts(out, buf_str(&reason));
	buf_free(&reason);
	*stale = old > 0;
	return out->len > 0;
}

/* Is any of those who wait told of just now? */
static bool any_fresh(const struct locks_state *st, const struct view_input *in)
{
	for (size_t i = 0; i < in->snap->n; i++)
		if (scope_has(&in->scope, in->snap, i) && locks_graph(st, i)->counts.waiters > 0 &&
		        !snapshot_is_stale(in->snap, i, "locks"))
			return true;
	return false;
}

static void draw_figures(
        const struct locks_state *st, const struct view_input *in, bool stale, struct line *l)
{
	char text[96], age[HUMAN_MAX];

	stale = stale && !any_fresh(st, in);
	enum style style = stale ? STYLE_STALE : st->waiters > 0 ? STYLE_CRIT : STYLE_OK;

	if (st->waiters == 0) {
		clause(l, stale ? STYLE_STALE : STYLE_DIM, "nobody waits");
		return;
	}
	snprintf(text, sizeof text, "%" PRIu32 " wait%s", st->waiters, st->waiters == 1 ? "s" : "");
	clause(l, style, text);
	snprintf(text, sizeof text, "%" PRIu32 " root%s", st->roots, st->roots == 1 ? "" : "s");
	clause(l, style, text);
	if (st->longest_ms < 0)
		return;
	snprintf(text, sizeof text, "longest %s", human_duration(st->longest_ms, age));
	clause(l, style, text);
}

static void draw_notes(const struct locks_state *st, const struct view_input *in, struct line *l)
{
	char text[320];

	if (st->filter.filter) {
		snprintf(text, sizeof text, "filter %s leaves out %" PRIu32, st->filter.expression,
		        st->filtered_out);
		clause(l, st->filter.trouble ? STYLE_WARN : STYLE_ACCENT,
		        st->filter.trouble ? st->filter.trouble : text);
	}
	for (size_t i = 0; i < in->snap->n; i++) {
		const struct lock_graph *g = locks_graph(st, i);

		if (!scope_has(&in->scope, in->snap, i))
			continue;
		if (g->grouped)
			clause(l, STYLE_NOTICE, g->grouped);
		if (g->note)
			clause(l, STYLE_NOTICE, g->note);
		if (g->sample && g->sample->table->truncated && !g->gated)
			clause(l, STYLE_NOTICE, "more places in queues than are read");
		if (!g->move.exact && g->counts.waiters > 0)
			clause(l, STYLE_DIM, "the move is found greedily: there are more than 12 candidates");
		if (g->counts.circled > 0)
			clause(l, STYLE_WARN, "some wait in a circle: a deadlock, until the server ends it");
	}
}

void locks_draw_head(const struct locks_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->head;
	struct line first = {.s = s, .x = r.x + 1, .y = r.y, .right = r.x + r.w - 1};
	struct line second = {.s = s, .x = r.x + 1, .y = r.y + 1, .right = r.x + r.w - 1};
	struct buf reason;
	bool stale;

	surface_fill(s, r, STYLE_TEXT, ' ');
	buf_init(&reason, 512);
	bool any = reason_text(st, in, &reason, &stale);

	if (st->waiters > 0 || !stale)
		draw_figures(st, in, stale, &first);
	if (any)
		clause(r.h > 1 ? &second : &first, stale ? STYLE_WARN : STYLE_NOTICE, buf_str(&reason));
	draw_notes(st, in, r.h > 1 ? &second : &first);
	buf_free(&reason);
}

/* --- Nobody waits, or nobody says */

static void say(struct line *l, enum style style, const char *text)
{
	surface_field(l->s, l->x, l->y, l->right - l->x, style, text, strlen(text), false);
	l->y++;
}

void locks_draw_empty(const struct locks_state *st, const struct view_input *in, struct surface *s)
{
	struct rect r = st->table;
	/* Below what there is to say about the past. */
	int lines = (int)list_lines(&st->list);
	struct line l = {.s = s,
	        .x = r.x + 1,
	        .y = r.y + 1 +
	             (lines > 0        ? lines + 1
	                     : r.h > 4 ? 1
	                               : 0),
	        .right = r.x + r.w - 1};
	unsigned known = 0, unknown = 0;

	for (size_t i = 0; i < in->snap->n; i++) {
		if (!scope_has(&in->scope, in->snap, i))
			continue;
		const struct lock_graph *g = locks_graph(st, i);

		if (g->known && !g->gate) {
			known++;
			continue;
		}
		struct buf b;

		if (unknown++ == 0 && l.y < r.y + r.h)
			say(&l, STYLE_DIM, "Who waits for whom is not known:");
		if (l.y >= r.y + r.h)
			continue;
		buf_init(&b, 512);
		buf_printf(&b, "%s: ", view_instance_name(in, i));
		size_t before = b.len;

		snapshot_reason(in->snap, i, "locks", &b);
		if (b.len == before)
			buf_puts(&b, g->gate ? g->gate : "waiting for the first answer");
		say(&l, in->snap->instances[i].link.state == LINK_DOWN ? STYLE_WARN : STYLE_TEXT,
		        buf_str(&b));
		buf_free(&b);
	}
	if (known > 0 && l.y < r.y + r.h)
		say(&l, STYLE_DIM,
		        unknown > 0 ? "Nobody waits for a lock on the others." : "Nobody waits for a lock.");
}
