/* Findings about rows that cannot be cleaned up: who has held PostgreSQL's horizon for an hour, and InnoDB's
 * history list while it grows. Both fill the disk and slow everything, long before anybody waits. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/text.h"
#include "core/model/finding_rule.h"
#include "core/model/horizon.h"

enum {
	OLD_MS = 15000,
	HELD_MS = 3600 * 1000,
	HELD_CLEAR_MS = 54 * 60 * 1000,
	HISTORY_MANY = 1000000,
	NAME_MAX_BYTES = 96,
};

static const struct sample *fresh(const struct step *st, const char *probe)
{
	int64_t age = snapshot_age_ms(st->snap, st->instance, probe);
	return age < 0 || age > OLD_MS ? NULL : snapshot_slot(st->snap, st->instance, probe).good;
}

static const char *clean(const char *text, char out[NAME_MAX_BYTES])
{
	text_truncate(out, NAME_MAX_BYTES, text, strlen(text), 32, false);
	return out;
}

/* "pid 4711 (app=report, idle in transaction)", "the prepared transaction order-771". */
static void name_holder(const struct step *st, const struct holder *h, char *out, size_t cap)
{
	char name[NAME_MAX_BYTES];
	char state[NAME_MAX_BYTES];
	const char *who = h->app != NULL ? h->app : h->user;
	const char *called = clean(h->name != NULL ? h->name : "", name);
	if (h->kind == HOLDER_PREPARED) {
		snprintf(out, cap, "the prepared transaction %s", called);
	} else if (h->kind == HOLDER_SLOT) {
		snprintf(out, cap, "the inactive slot %s", called);
	} else {
		bool postgres = st->iv->link.server.engine == ENGINE_POSTGRES;
		int n = snprintf(out, cap, "%s %" PRId64, postgres ? "pid" : "id", h->session.id);
		if (who != NULL)
			snprintf(out + n, cap - (size_t)n, " (%s=%s%s%s)", h->app != NULL ? "app" : "user",
			        clean(who, name), h->state != NULL ? ", " : "",
			        h->state != NULL ? clean(h->state, state) : "");
	}
}

/* Who is a session is seen in Sessions, everything else in the list of Replication. */
static void point_at(const struct step *st, struct finding *f, const struct holder *h)
{
	f->view = "replication";
	if (h->session.id == 0)
		return;
	const struct session *s = session_find(st->sessions, h->session.id, h->session.started);
	if (s == NULL)
		return;
	f->view = "sessions";
	session_ref_of(st->sessions, s, &f->culprit);
}

static void find_horizon(struct step *st)
{
	struct holder h = {.held_ms = -1};
	const struct sample *sample = fresh(st, "horizon");
	char span[HUMAN_MAX];
	char who[256];
	if (sample == NULL || st->facts->role == SERVER_REPLICA)
		return;
	horizon_oldest(st->snap, st->instance, &h);
	bool over = h.held_ms > HELD_MS;
	bool clear = h.held_ms < HELD_CLEAR_MS;
	if (!finding_sustained(st, FINDING_HORIZON, sample, over, clear, 3) || clear)
		return;
	struct finding *f = finding_add(st, FINDING_HORIZON, SEVERITY_WARN, h.held_ms);
	point_at(st, f, &h);
	name_holder(st, &h, who, sizeof(who));
	human_duration(h.held_ms, span);
	finding_text(st, f, "nothing that was deleted in the last %s can be vacuumed: %s holds the horizon",
	        span, who);
	finding_brief(f, "horizon held for %s", span);
}

static void find_history(struct step *st)
{
	const struct sample *sample = fresh(st, "pulse");
	int64_t now = -1;
	int64_t before = st->mem->history;
	struct holder h;
	char count[HUMAN_MAX];
	char span[HUMAN_MAX];
	char who[256];
	if (sample == NULL || sample->table->nrows == 0)
		return;
	table_int(sample->table, 0, table_column(sample->table, "history_list"), &now);
	bool many = now > HISTORY_MANY;
	bool on = finding_sustained(
	        st, FINDING_HISTORY, sample, many && now > before, now < HISTORY_MANY * 9 / 10, 3);
	st->mem->history = now;
	if (!on || !many)
		return;
	struct finding *f = finding_add(st, FINDING_HISTORY, SEVERITY_WARN, now);
	human_count((double)now, count);
	finding_brief(f, "history list %s", count);
	if (fresh(st, "horizon") == NULL || !horizon_oldest(st->snap, st->instance, &h)) {
		finding_text(st, f,
		        "the InnoDB history list has %s entries and grows: an old transaction holds back "
		        "purge",
		        count);
		return;
	}
	point_at(st, f, &h);
	name_holder(st, &h, who, sizeof(who));
	finding_text(st, f,
	        "the InnoDB history list has %s entries and grows; the oldest transaction: %s, for %s", count,
	        who, human_duration(h.age_ms, span));
}

void finding_horizon_rules(struct step *st)
{
	if (st->iv->link.server.engine == ENGINE_POSTGRES)
		find_horizon(st);
	else
		find_history(st);
}
