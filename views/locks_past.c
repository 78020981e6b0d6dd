/* Below the tree: stalls of this run that are over, for those who come too late to see them, and the
 * deadlocks that the server has counted; the last one in full where the server tells. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/locks_state.h"
#include "views/sessions_state.h"

enum { EPISODES_SHOWN = 6, DEADLOCK_ROWS = 6 };

static void put_time(struct buf *b, wall_us at)
{
	char text[32];

	wall_format(at, 0, text);
	/* Of this run: the day is known. */
	buf_put(b, text + 11, 8);
}

static void put_statement(
        const struct view_input *in, size_t instance, const char *query, size_t n, struct buf *out)
{
	struct buf b;

	buf_init(&b, 4096);
	if (sessions_statement(in, instance, query, n, 512, &b))
		buf_printf(out, "  %.150s", buf_str(&b));
	buf_free(&b);
}

static void put_episode(const struct view_input *in, size_t instance, const struct episode *e, struct buf *b)
{
	char text[HUMAN_MAX];

	buf_puts(b, "  ");
	put_time(b, e->began);
	buf_printf(b, "  %s%s  up to %u waited", e->over ? "lasted " : "since ",
	        human_duration(e->length_ms, text), e->peak);
	if (e->head > 0)
		buf_printf(b, " behind %" PRId64 " %s (%s)", e->head, e->app, session_state_name(e->state));
	else
		buf_puts(b, e->head == 0 ? " behind a prepared transaction" : " for a holder not named");
	put_statement(in, instance, e->query, e->query_n, b);
}

static void add_episodes(
        struct locks_state *st, const struct view_input *in, size_t instance, bool *begun, struct buf *b)
{
	size_t n;
	const struct episode *list = episodes_of(in->findings->episodes, instance, &n);
	unsigned shown = 0;

	for (size_t i = 0; i < n && shown < EPISODES_SHOWN; i++) {
		if (!list[i].over)
			continue;
		if (!*begun)
			locks_say_line(st, in, instance, STYLE_HEADER, "STALLS THAT ARE OVER, of this run",
			        "past", 0);
		*begun = true;
		shown++;
		buf_reset(b);
		put_episode(in, instance, &list[i], b);
		if (st->many)
			buf_printf(b, "  on %s", view_instance_name(in, instance));
		locks_say_line(st, in, instance, STYLE_TEXT, buf_str(b), "episode", (uint64_t)list[i].began);
	}
}

static void add_last_deadlock(
        struct locks_state *st, const struct view_input *in, size_t instance, struct buf *b)
{
	const struct table *t = snapshot_table(in->snap, instance, "deadlock");

	for (size_t row = 0; t && row < t->nrows && row < DEADLOCK_ROWS; row++) {
		const struct cell *query = table_cell(t, row, table_column(t, "query"));
		const char *object = table_text(t, row, table_column(t, "object"));
		const char *mode = table_text(t, row, table_column(t, "mode"));
		const char *at = table_text(t, row, table_column(t, "at"));
		int64_t id;
		bool victim = false;

		table_bool(t, row, table_column(t, "victim"), &victim);
		buf_reset(b);
		if (row == 0 && at)
			buf_printf(b, "  last at %.40s: ", at);
		else
			buf_puts(b, "    ");
		if (table_int(t, row, table_column(t, "id"), &id))
			buf_printf(b, "%" PRId64 " ", id);
		if (mode || object)
			buf_printf(b, "wanted %.40s %.80s ", mode ? mode : "", object ? object : "");
		if (victim)
			buf_puts(b, "(rolled back)");
		put_statement(in, instance, query->type == CELL_TEXT ? query->u.s : NULL,
		        query->type == CELL_TEXT ? query->n : 0, b);
		locks_say_line(st, in, instance, STYLE_TEXT, buf_str(b), "victim", row);
	}
}

static void add_deadlocks(struct locks_state *st, const struct view_input *in, size_t instance, struct buf *b)
{
	const struct deadlocks *d = episodes_deadlocks(in->findings->episodes, instance);
	bool postgres = in->snap->instances[instance].cfg->endpoint.engine == ENGINE_POSTGRES;

	if (!d->known || (d->since == 0 && !snapshot_table(in->snap, instance, "deadlock")))
		return;
	buf_reset(b);
	buf_puts(b, "DEADLOCKS");
	if (st->many)
		buf_printf(b, " on %s", view_instance_name(in, instance));
	buf_printf(b, "  %" PRId64 " since we look", d->since);
	if (d->last > 0) {
		buf_puts(b, ", the last at ");
		put_time(b, d->last);
	}
	if (!isnan(d->per_min) && d->since > 0)
		buf_printf(b, ", %.2f/min", d->per_min);
	buf_printf(b, ", %" PRId64 " in all", d->now);
	if (postgres)
		buf_puts(b, "; who they were is in the server's log");
	locks_say_line(st, in, instance, STYLE_HEADER, buf_str(b), "deadlocks", 0);
	add_last_deadlock(st, in, instance, b);
}

void locks_collect_past(struct locks_state *st, const struct view_input *in)
{
	struct buf b;
	bool begun = false;

	if (!in->findings || !in->findings->episodes)
		return;
	buf_init(&b, 4096);
	for (size_t i = 0; i < in->snap->n; i++)
		if (scope_has(&in->scope, in->snap, i))
			add_episodes(st, in, i, &begun, &b);
	for (size_t i = 0; i < in->snap->n; i++)
		if (scope_has(&in->scope, in->snap, i))
			add_deadlocks(st, in, i, &b);
	buf_free(&b);
}
