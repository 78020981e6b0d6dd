/* Connections that somebody opens and forgets. Each session that does nothing has a score, 0 to 100, from
 * what it can do harm with: how long its transaction has been open, whom it holds up. A group (user,
 * application, client host) has that of its worst and a little for each other bad one. Active sessions have
 * none: they are load, not a leak. Growth needs no score: what rises minute after minute and does nothing is
 * a leak long before anything is old. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/model/finding_rule.h"

enum {
	SCORE_ON = 60,
	SCORE_OFF = 50,
	SCORE_CRIT = 80,
	BAD = 30, /* counts as one more */
	MORE_MAX = 20,
	BLOCKS_MS = 10000,
	HOUR_MS = 3600000,
	SAMPLES = 2,
	/* growth: of 20 sessions and more, by ten a minute, in four of the last six counts, four fifths idle
	 */
	GROWN_MIN = 20,
	GROWTH_MIN = 10,
	RISING_MIN = 4,
	LIMIT_SOON_MIN = 5,
	OLD_MS = 15000,
	NAME_MAX_CELLS = 28,
	NAME_BYTES = 128,
};

struct suspect {
	uint64_t source;
	uint32_t index;
	int score;
};

static bool is_idle_xact(const struct session *s)
{
	return s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED;
}

static bool may_leak(const struct session *s)
{
	bool listens = s->query_n >= 7 && strncasecmp(s->query, "LISTEN ", 7) == 0;
	bool plain = s->guard == GUARD_NONE || s->guard == GUARD_SUPERUSER;
	return s->kind == SESSION_CLIENT && plain && !listens;
}

static int score_of(const struct session *s, int64_t limit_ms, bool growing)
{
	int64_t age = tree_age(s);
	int score = 0;
	if (limit_ms <= 0 || age < 0)
		return 0;
	if (s->idle && growing)
		return age > 4 * limit_ms ? 20 : age > limit_ms ? 10 : 0;
	if (!is_idle_xact(s))
		return 0;
	if (age < limit_ms)
		score = (int)(45 * age / limit_ms);
	else if (age < 4 * limit_ms)
		score = 45 + (int)(20 * (age - limit_ms) / (3 * limit_ms));
	else
		score = 65;
	if (s->xact_ms > HOUR_MS)
		score += 10;
	if (s->blocks_now > 0 && s->longest_ms > BLOCKS_MS)
		score = score + 25 > SCORE_ON ? score + 25 : SCORE_ON + 1;
	return score < 100 ? score : 100;
}

static int order_suspects(const void *a, const void *b)
{
	const struct suspect *x = a;
	const struct suspect *y = b;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void judge(const struct step *st, struct suspect *all, struct leak_group *g)
{
	const struct session_view *v = st->sessions;
	int64_t oldest = -1;
	unsigned bad = 0;
	g->growth = tree_growth_at(st->tree, COUNT_SOURCE, all[g->from].source, st->instance);
	g->growing = g->growth.known && g->growth.per_minute >= GROWTH_MIN && g->growth.rising >= RISING_MIN;
	for (size_t i = g->from; i < g->from + g->n; i++) {
		const struct session *s = &v->sessions[all[i].index];
		all[i].score = score_of(s, st->iv->cluster->idle_xact_warn_ms, g->growing);
		bad += all[i].score > BAD;
		g->idle += s->idle;
		g->idle_xact += is_idle_xact(s);
		if (all[i].score < g->worst || (all[i].score == g->worst && tree_age(s) <= oldest))
			continue;
		g->worst = all[i].score;
		g->culprit = all[i].index;
		oldest = tree_age(s);
	}
	g->more = bad > 1 ? 2 * (int)(bad - 1) : 0;
	g->more = g->more < MORE_MAX ? g->more : MORE_MAX;
	/* One alone is no leak: it is idle in its transaction, or it blocks, and that is said elsewhere. */
	g->score = bad > 1 || g->growing ? g->worst + g->more : 0;
	g->score = g->score < 100 ? g->score : 100;
	g->growing = g->growing && g->n >= GROWN_MIN && (g->idle + g->idle_xact) * 5 >= g->n * 4;
}

/* Minutes until the server takes no more connections, -1 when that is not known or far away. */
static int minutes_left(const struct step *st, const struct leak_group *g)
{
	const struct table *pulse = snapshot_table(st->snap, st->instance, "pulse");
	int64_t used;
	int64_t most;
	if (!g->growth.known || g->growth.per_minute < 1 || pulse == NULL || pulse->nrows == 0 ||
	        !table_int(pulse, 0, table_column(pulse, "limit_used"), &used) ||
	        !table_int(pulse, 0, table_column(pulse, "limit_max"), &most))
		return -1;
	double left = (double)(most - used) / g->growth.per_minute;
	return left < 0 ? 0 : left < 60 ? (int)left : -1;
}

static void put_name(char *out, size_t cap, const char *text, size_t n)
{
	text_truncate(out, cap, text, n, NAME_MAX_CELLS, false);
}

static void say(struct step *st, const struct leak_group *g)
{
	const struct session *s = &st->sessions->sessions[g->culprit];
	char who[NAME_BYTES];
	char from[NAME_BYTES] = "";
	char host[NAME_BYTES];
	char age[HUMAN_MAX];
	char growth[32] = "";
	char limit[64] = "";
	char score[64] = "";
	bool app = s->app != NULL && s->app[0] != '\0';
	const char *name = app ? s->app : s->user != NULL ? s->user : "";
	int left = g->growing ? minutes_left(st, g) : -1;
	bool crit = g->score > SCORE_CRIT || (left >= 0 && left < LIMIT_SOON_MIN);
	put_name(who, sizeof(who), name, strlen(name));
	if (s->client != NULL && s->client[0] != '\0') {
		put_name(host, sizeof(host), s->client, tree_host(s->client));
		snprintf(from, sizeof(from), " from %.100s", host);
	}
	if (g->growth.known && g->growth.per_minute >= 1)
		snprintf(growth, sizeof(growth), ", +%.0f/min", g->growth.per_minute);
	if (left >= 0)
		snprintf(limit, sizeof(limit), ", at the limit in %d min", left);
	if (g->score > SCORE_ON)
		snprintf(score, sizeof(score), "; score %d: %d the worst, %d for others", g->score, g->worst,
		        g->more);
	struct finding *f =
	        finding_add(st, FINDING_LEAK, crit ? SEVERITY_CRIT : SEVERITY_WARN, g->score + (int64_t)g->n);
	f->view = "tree";
	session_ref_of(st->sessions, s, &f->culprit);
	finding_text(st, f, "%s=%s%s leaks connections: %zu open, %u idle in transaction (oldest %s)%s%s%s",
	        app ? "app" : "user", who, from, g->n, g->idle_xact, human_duration(tree_age(s), age), growth,
	        limit, score);
	finding_brief(f, "leak: %zu of %.48s%s", g->n, who, growth);
}

static bool is_worse(const struct leak_group *a, const struct leak_group *b)
{
	if (a->growing != b->growing)
		return a->growing;
	if (a->score != b->score)
		return a->score > b->score;
	return a->n > b->n;
}

/* Once for each sample: new data of another server says nothing new about this one. */
static void find_worst(struct step *st)
{
	const struct session_view *v = st->sessions;
	const struct tree_fact *facts = tree_facts(st->tree, st->instance);
	struct leak_group *worst = &st->mem->leak;
	if (st->mem->leak_judged == v->sample->finished)
		return;
	st->mem->leak_judged = v->sample->finished;
	*worst = (struct leak_group){.n = 0};
	struct suspect *all = xcalloc(v->n + 1, sizeof(*all));
	size_t n = 0;
	for (uint32_t i = 0; i < v->n; i++) {
		if (may_leak(&v->sessions[i]))
			all[n++] = (struct suspect){.source = facts[i].source, .index = i};
	}
	if (n > 1)
		qsort(all, n, sizeof(*all), order_suspects);
	for (size_t i = 0; i < n;) {
		struct leak_group g = {.from = i};
		while (i < n && all[i].source == all[g.from].source)
			i++;
		g.n = i - g.from;
		judge(st, all, &g);
		if (worst->n == 0 || is_worse(&g, worst))
			*worst = g;
	}
	free(all);
}

void finding_leak_rules(struct step *st)
{
	const struct session_view *v = st->sessions;
	int64_t age = snapshot_age_ms(st->snap, st->instance, "sessions");
	if (age < 0 || age > OLD_MS || v->sample == NULL)
		return;
	find_worst(st);
	const struct leak_group *worst = &st->mem->leak;
	bool over = worst->growing || worst->score > SCORE_ON;
	bool clear = !worst->growing && worst->score < SCORE_OFF;
	if (finding_sustained(st, FINDING_LEAK, v->sample, over, clear, SAMPLES) && worst->n > 0)
		say(st, worst);
}
