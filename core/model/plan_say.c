/* What the dialog says about a session: who it is, what it does, what ending it means, and the proof that
 * will be asked for. Every text from a server is sanitised here, statements are redacted by the cluster's
 * policy. */
#include "core/model/plan_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/human.h"
#include "core/base/redact.h"
#include "core/base/text.h"

enum { SAY_MAX = 1024, STATEMENT_CELLS = 180, WORD_CELLS = 64 };

/* 1. Sentences are put together in a bounded buffer; what a server wrote was sanitised on its way in. */

static void add_line(struct plan_target *t, struct buf *b)
{
	const char *text = buf_str(b);
	size_t n = b->len;
	if (t->nlines < PLAN_LINES && n > 0) {
		if (n > PLAN_LINE_MAX - 1) {
			for (n = PLAN_LINE_MAX - sizeof("\u2026"); ((unsigned char)text[n] & 0xC0) == 0x80;)
				n--;
			snprintf(t->line[t->nlines++], PLAN_LINE_MAX, "%.*s\u2026", (int)n, text);
		} else {
			memcpy(t->line[t->nlines++], text, n + 1);
		}
	}
	buf_reset(b);
}

static void add_text(struct plan_target *t, struct buf *b, const char *text)
{
	buf_puts(b, text);
	add_line(t, b);
}

/* One word of the server's, cut so that a hostile name cannot push the rest out of the line. */
static void put_word(struct buf *b, const char *before, const char *word)
{
	char cut[PLAN_LINE_MAX];
	if (word == NULL)
		return;
	text_truncate(cut, sizeof(cut), word, strlen(word), WORD_CELLS, false);
	buf_puts(b, before);
	buf_puts(b, cut);
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* 2. Who, and what it does. */

static void say_who(const struct plan_row *r, struct plan_target *t, struct buf *b)
{
	char age[HUMAN_MAX];
	bool idle = plan_row_idle(r);
	put_word(b, "", r->user != NULL ? r->user : "(user unknown)");
	put_word(b, "@", r->client);
	put_word(b, "  db=", r->db);
	put_word(b, "  app=", r->app);
	put_word(b, "  ", r->state != NULL ? r->state : r->kind);
	int64_t ms = !idle && r->query_ms >= 0 ? r->query_ms : plan_row_in_xact(r) ? r->xact_ms : r->state_ms;
	if (ms >= 0)
		buf_printf(b, " %s", human_duration(ms, age));
	if (!idle && r->xact_ms >= 0 && r->xact_ms > r->query_ms + 1000)
		buf_printf(b, "  transaction %s", human_duration(r->xact_ms, age));
	if (!idle && r->wait != NULL) {
		put_word(b, "  waits: ", r->wait_type != NULL ? r->wait_type : r->wait);
		if (r->wait_type != NULL)
			put_word(b, ":", r->wait);
	}
	if (r->progress >= 0) {
		buf_printf(b, "  %.0f%% done", r->progress);
		put_word(b, " of ", r->phase);
	}
	add_line(t, b);
}

static void say_statement(
        const struct cluster_cfg *cluster, const struct plan_row *r, struct plan_target *t, struct buf *b)
{
	enum redact_dialect dialect = r->engine == ENGINE_POSTGRES ? REDACT_POSTGRES : REDACT_MYSQL;
	struct buf safe;
	char cut[PLAN_LINE_MAX];
	if (r->query == NULL)
		return;
	buf_init(&safe, SAY_MAX);
	if (cluster->show_literals)
		redact_passwords(dialect, r->query, r->query_len, &safe);
	else
		redact_sql(dialect, r->query, r->query_len, &safe);
	text_truncate(cut, sizeof(cut), buf_str(&safe), safe.len, STATEMENT_CELLS, false);
	buf_free(&safe);
	buf_printf(b, "%s  %s", plan_row_idle(r) ? "last statement" : "statement", cut);
	add_line(t, b);
}

/* 3. What it holds, frees and undoes. */

static const struct table *waits_of(const struct plan_input *in, size_t instance, bool *known)
{
	const struct table *pulse = snapshot_table(in->snap, instance, "pulse");
	struct slot_view slot = snapshot_slot(in->snap, instance, "blockers");
	int64_t waiters = -1;
	if (pulse != NULL && pulse->nrows == 1)
		table_int(pulse, 0, table_column(pulse, "lock_waiters"), &waiters);
	*known = true;
	if (snapshot_is_gated(in->snap, instance, "blockers")) {
		*known = waiters == 0;
		return NULL;
	}
	if (slot.good != NULL)
		return slot.good->table;
	*known = waiters == 0;
	return NULL;
}

static void say_freed(const struct plan_effect *f, struct buf *b)
{
	if (f->now < 0) {
		buf_puts(b, " · frees its waiters only if the statement is all of its transaction");
		return;
	}
	if (f->now == 0 && f->later == 0) {
		buf_puts(b, " · frees nobody");
		return;
	}
	buf_printf(b, " · frees %" PRId64 " waiter%s now", f->now, plural(f->now));
	if (f->later > 0)
		buf_printf(b, ", %" PRId64 " later", f->later);
	if (f->later > 0 && f->behind > 0)
		buf_printf(b, " (behind %" PRId64 ")", f->behind);
}

static void say_undone(const struct plan_input *in, const struct plan_row *r, struct buf *b)
{
	bool postgres = r->engine == ENGINE_POSTGRES;
	char rows[HUMAN_MAX];
	if (!plan_row_in_xact(r))
		return;
	if (in->kind == ACTION_CANCEL && !postgres)
		buf_puts(b, " · undoes the statement, the transaction stays open and keeps its locks");
	else if (r->rows_modified > 0)
		buf_printf(b, " · %s row%s to roll back", human_count((double)r->rows_modified, rows),
		        plural(r->rows_modified));
	else
		buf_puts(b, " · rolls back");
}

static void say_effect(const struct plan_input *in, size_t instance, const struct plan_row *r,
        struct plan_target *t, struct buf *b)
{
	struct plan_effect f = {.now = -1, .later = -1};
	char n[HUMAN_MAX];
	bool known;
	const struct table *blockers = waits_of(in, instance, &known);
	if (plan_frees_by_queues(in, instance, r, in->locks, &f))
		known = true;
	else if (known)
		plan_frees(blockers, r->engine, in->kind, r->id, &f);
	t->frees_now = f.now;
	t->frees_later = f.later;
	t->rows_to_undo = r->rows_modified;
	if (r->rows_locked > 0)
		buf_printf(b, "holds %s row lock%s", human_count((double)r->rows_locked, n),
		        plural(r->rows_locked));
	if (known)
		say_freed(&f, b);
	else
		buf_puts(b, " · who waits for it is not known");
	say_undone(in, r, b);
	struct buf line;
	buf_init(&line, SAY_MAX);
	buf_puts(&line,
	        strncmp(buf_str(b), " · ", strlen(" · ")) == 0 ? buf_str(b) + strlen(" · ") : buf_str(b));
	buf_reset(b);
	add_line(t, &line);
	buf_free(&line);
	if (f.behind_prepared) {
		add_text(t, b, "it waits for a prepared transaction, which has no session to end");
		snprintf(t->offer, sizeof(t->offer),
		        "SELECT format('ROLLBACK PREPARED %%L', gid), prepared, owner FROM pg_prepared_xacts "
		        "WHERE database = current_database() ORDER BY prepared");
	}
}

/* 4. Side effects, and the proof. */

static void say_side_effects(
        const struct plan_input *in, const struct plan_row *r, struct plan_target *t, struct buf *b)
{
	static const char *const create[] = {"CREATE ", "INDEX", "CONCURRENTLY"};
	static const char *const reindex[] = {"REINDEX", "CONCURRENTLY"};
	bool cancel = in->kind == ACTION_CANCEL;
	bool postgres = r->engine == ENGINE_POSTGRES;
	if (postgres && !plan_row_idle(r) && (plan_says(r, create, 3) || plan_says(r, reindex, 2)))
		add_text(t, b,
		        "leaves an INVALID index behind, which writers keep up to date: drop it afterwards");
	if (r->sync_wait)
		add_text(t, b,
		        "SyncRep: what it did is committed here and not yet on the synchronous replica");
	if (cancel && postgres && r->xact_ms > r->query_ms + 1000)
		add_text(t, b, "the client sees an error and has to roll its transaction back");
}

/* "13:58:55.104" of "2026-11-22 13:58:55.104123+00". */
static void put_time(struct buf *b, const char *stamp)
{
	const char *time = strchr(stamp, ' ');
	int n = 0;
	time = time == NULL ? stamp : time + 1;
	while (time[n] != '\0' && n < 12 && strchr("0123456789:.", time[n]) != NULL)
		n++;
	buf_printf(b, "%.*s", n > 0 ? n : (int)strcspn(time, " "), time);
}

static void say_proof(
        const struct plan_input *in, const struct plan_row *r, struct plan_target *t, struct buf *b)
{
	bool postgres = r->engine == ENGINE_POSTGRES;
	buf_puts(b, "only if ");
	if (in->kind == ACTION_CANCEL && r->query_guard != NULL) {
		buf_puts(b, postgres ? "the statement begun " : "statement ");
		if (postgres)
			put_time(b, r->query_guard);
		else
			put_word(b, "", r->query_guard);
		buf_puts(b, " still runs");
	} else if (r->xact_guard != NULL) {
		buf_puts(b, postgres ? "still in the transaction begun " : "still in transaction ");
		if (postgres)
			put_time(b, r->xact_guard);
		else
			put_word(b, "", r->xact_guard);
	} else if (plan_row_in_xact(r)) {
		/* MariaDB with many row waiters does not name its transactions. */
		buf_puts(b, "still the same session, which has run nothing since");
	} else {
		buf_puts(b, "still the same session, with no transaction open");
	}
	add_line(t, b);
}

static void say_age(const struct plan_input *in, size_t instance, struct plan_target *t, struct buf *b)
{
	char age[HUMAN_MAX];
	if (!snapshot_is_stale(in->snap, instance, "sessions"))
		return;
	buf_printf(b, "seen %s ago: it may have moved on, the proof decides",
	        human_duration(snapshot_age_ms(in->snap, instance, "sessions"), age));
	add_line(t, b);
}

void plan_describe(
        const struct plan_input *in, size_t instance, const struct plan_row *r, struct plan_target *t)
{
	struct buf b;
	buf_init(&b, SAY_MAX);
	say_who(r, t, &b);
	say_statement(in->snap->instances[instance].cluster, r, t, &b);
	say_effect(in, instance, r, t, &b);
	say_side_effects(in, r, t, &b);
	say_age(in, instance, t, &b);
	if (t->verdict == PLAN_OPEN || t->verdict == PLAN_SECOND)
		say_proof(in, r, t, &b);
	buf_free(&b);
}
