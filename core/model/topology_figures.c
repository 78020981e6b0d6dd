/* Third pass: how far behind. Bytes are the head its upstream told us, less what the replica says it has
 * replayed; time is measured where a server measures it, else it is how long ago we saw the head pass that
 * position, else what the replica believes, with less confidence; and unknown when these contradict each
 * other. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/gtid.h"
#include "core/model/topology_parts.h"

enum {
	REPLY_MS = 35000,    /* a standby replies every 10 s, a primary keeps alive every 30 s */
	HEARTBEAT_MS = 5000, /* what a heartbeat may be late */
	WORTH_MS = 1000,     /* "at least" a moment says nothing */
	JOIN_SKEW_MS = 5000  /* both ends are asked at different moments */
};

/* One link with both ends' words; up.t or down.t NULL: that end says nothing. */
struct link {
	struct build *b;
	struct topology_edge *e;
	const struct half *up, *down;
	const struct topology_node *from, *to;
	bool up_fresh, down_fresh;
	char name[2 * HOST_MAX];
};

static int64_t sum(int64_t a, int64_t b)
{
	return a >= 0 && b >= 0 ? (a > b ? a - b : 0) : -1;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void set_source(struct link *l, enum lag_confidence c, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

static void set_source(struct link *l, enum lag_confidence c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(l->e->source, sizeof(l->e->source), fmt, ap);
	va_end(ap);
	l->e->confidence = c;
}

/* 1. States. */

static bool is_on(const char *word)
{
	return text_is(word, "yes") || text_is(word, "on") || text_is(word, "streaming") ||
	       text_is(word, "waiting");
}

static bool is_off(const char *word)
{
	return text_is(word, "no") || text_is(word, "off") || text_is(word, "stopped");
}

static enum edge_transport sender_state(const struct link *l)
{
	const char *state = half_text(l->up, "state");
	if (text_is(state, "streaming"))
		return TRANSPORT_STREAMING;
	if (text_is(state, "catchup"))
		return TRANSPORT_CATCHUP;
	if (text_is(state, "backup"))
		return TRANSPORT_BACKUP;
	if (text_is(state, "startup") || text_is(state, "stopping"))
		return TRANSPORT_CONNECTING;
	return TRANSPORT_UNKNOWN;
}

static enum edge_transport receiver_state(const struct link *l)
{
	const char *receiver = half_text(l->down, "receiver");
	const char *state = half_text(l->down, "state");
	if (receiver == NULL && l->e->kind == EDGE_LOGICAL)
		receiver = text_is(state, "disabled") ? "stopped" : state;
	if (is_off(receiver))
		return half_int(l->down, "receiver_code") > 0 ? TRANSPORT_ERROR : TRANSPORT_STOPPED;
	if (is_on(receiver))
		return TRANSPORT_STREAMING;
	return receiver == NULL ? TRANSPORT_UNKNOWN : TRANSPORT_CONNECTING;
}

/* An end that counts its connections and has none of this link. */
static bool sender_has_none(const struct link *l)
{
	bool counts = l->from->engine != ENGINE_MARIADB && l->e->kind != EDGE_GROUP;
	bool sees = l->from->instance >= 0 && l->b->snap->instances[l->from->instance].link.sees_all;
	return counts && sees && l->up->t == NULL && l->b->facts[l->e->from].fresh;
}

static void read_transport(struct link *l)
{
	struct topology_edge *e = l->e;
	if (e->kind == EDGE_GROUP)
		return;
	enum edge_transport up = l->up_fresh ? sender_state(l) : TRANSPORT_UNKNOWN;
	enum edge_transport down = l->down->t != NULL ? receiver_state(l) : TRANSPORT_UNKNOWN;
	int64_t limit = half_int(l->down, "word_limit_ms");
	int64_t patience = limit > 0 ? limit + HEARTBEAT_MS : REPLY_MS;
	int64_t heard = l->down_fresh ? half_int(l->down, "word_ms") : -1;
	int64_t answered = l->up_fresh ? half_int(l->up, "word_ms") : -1;
	e->word_ms = l->down_fresh ? heard : answered;
	if (down == TRANSPORT_STOPPED || down == TRANSPORT_ERROR || down == TRANSPORT_CONNECTING)
		e->transport = down;
	else if (up == TRANSPORT_BACKUP || up == TRANSPORT_CATCHUP || up == TRANSPORT_CONNECTING)
		e->transport = up;
	else
		e->transport = up != TRANSPORT_UNKNOWN ? up : down;
	/* What calls itself streaming may be a wire that nobody has cut properly. */
	if (e->transport != TRANSPORT_STREAMING && e->transport != TRANSPORT_CATCHUP)
		return;
	if (heard > patience || answered > patience || sender_has_none(l)) {
		e->transport = TRANSPORT_SILENT;
		e->word_ms = later(heard, answered);
	}
}

static void read_apply(struct link *l)
{
	struct topology_edge *e = l->e;
	const char *applier = half_text(l->down, "applier");
	e->delay_ms = half_int(l->down, "delay_ms");
	e->conflict = half_text(l->down, "conflict");
	e->conflict_ms = half_int(l->down, "conflict_ms");
	e->error_code = later(half_int(l->down, "error_code"), 0);
	e->error = half_text(l->down, "error");
	e->failures = half_text(l->down, "failures");
	if (e->error == NULL || (e->transport == TRANSPORT_ERROR && e->error_code == 0)) {
		e->error = half_text(l->down, "receiver_error");
		e->error_code = later(half_int(l->down, "receiver_code"), e->error_code);
	}
	e->workers = half_int(l->down, "workers");
	e->workers_busy = half_int(l->down, "workers_busy");
	if (l->down->t == NULL)
		return;
	if (is_off(applier))
		e->apply = half_int(l->down, "error_code") > 0 ? APPLY_ERROR : APPLY_STOPPED;
	else if (half_true(l->down, "paused") || text_is(applier, "paused") ||
	         text_is(applier, "pause requested"))
		e->apply = APPLY_PAUSED;
	else if (e->conflict != NULL)
		e->apply = APPLY_CONFLICT;
	else if (applier != NULL)
		e->apply = e->delay_ms > 0 ? APPLY_DELAYED : APPLY_RUNNING;
	if (l->b->memory != NULL)
		e->paused_ms = memory_since(l->b->memory, l->name, l->b->snap->now, e->apply >= APPLY_PAUSED);
	if (e->conflict != NULL && e->conflict_ms < 0)
		e->conflict_ms = e->paused_ms;
}

static void read_reader(struct link *l)
{
	for (size_t i = 0; l->e->conflict != NULL && i < l->b->reader.n; i++) {
		const struct half *h = &l->b->reader.item[i];
		const char *started = half_text(h, "started");
		const char *user = half_text(h, "user");
		const char *app = half_text(h, "app");
		if (h->node != l->e->to || l->e->reader.id != 0)
			continue;
		l->e->reader.id = half_int(h, "pid");
		l->e->reader_likely = strncmp(l->e->conflict, "RecoveryConflict", 16) == 0 ||
		                      strncmp(l->e->conflict, "BufferPin", 9) == 0;
		snprintf(l->e->reader.started, sizeof(l->e->reader.started), "%s",
		        started == NULL ? "" : started);
		l->e->reader_who = arena_printf(l->b->t->arena, "%s%s%s", user == NULL ? "" : user,
		        user != NULL && app != NULL ? ", " : "", app == NULL ? "" : app);
	}
}

/* 2. Positions in a log of bytes. */

static void read_bytes(struct link *l)
{
	struct topology_edge *e = l->e;
	int64_t head = l->b->facts[e->from].fresh ? l->from->head : -1;
	int64_t sent = l->up_fresh ? half_int(l->up, "lsn") : -1;
	int64_t replayed = l->down_fresh ? half_int(l->down, "replay_lsn") : -1;
	int64_t received = l->down_fresh ? half_int(l->down, "lsn") : -1;
	if (l->up_fresh) {
		int64_t write = half_int(l->up, "write_lsn");
		int64_t flush = half_int(l->up, "flush_lsn");
		int64_t replay = half_int(l->up, "replay_lsn");
		e->unsent = sum(head, sent);
		e->write = sum(sent, write);
		e->flush = sum(write, flush);
		e->replay = sum(flush, replay);
		e->write_ms = half_int(l->up, "write_ms");
		e->flush_ms = half_int(l->up, "flush_ms");
		e->replay_ms = half_int(l->up, "replay_ms");
		replayed = later(replayed, replay);
	} else if (l->down_fresh && e->kind == EDGE_WAL) {
		e->unsent = sum(head, received);
		e->replay = sum(received, replayed);
	}
	e->behind = sum(head, replayed);
	/* Without its upstream's head we know only what it has received: at least that. */
	if (e->behind < 0 && head < 0 && replayed >= 0 && received > replayed)
		e->behind = received - replayed;
	e->timeline = half_int(l->down, "timeline");
	if (e->timeline < 0)
		e->timeline = l->to->timeline;
	e->other_timeline = e->kind == EDGE_WAL && e->timeline > 0 && l->from->timeline > 0 &&
	                    e->timeline != l->from->timeline;
}

static bool is_observed(const struct link *l, int64_t position, int64_t *ms, int64_t *at_least)
{
	*at_least = 0;
	return l->b->memory != NULL && position >= 0 &&
	       memory_passed(l->b->memory, l->from->name, l->b->snap->now, position, ms, at_least);
}

/* What the replica itself can say: it does not know what it has not received. */
static void own_lag(struct link *l)
{
	struct topology_edge *e = l->e;
	int64_t age = half_int(l->down, "replay_age_ms");
	if (e->behind > 0 && age >= 0) {
		e->lag_ms = age;
		set_source(l, CONFIDENCE_GUESS, "last replayed commit");
	} else if (e->behind != 0 && half_int(l->down, "lag_ms") == 0 && e->behind < 0) {
		e->lag_ms = 0;
		set_source(l, CONFIDENCE_GUESS, "all received is replayed");
	} else {
		set_source(l, CONFIDENCE_NONE, "%s",
		        l->down->t == NULL ? "it does not tell" : "no word from its upstream");
	}
}

static void lag_of_bytes(struct link *l)
{
	struct topology_edge *e = l->e;
	int64_t seen, at_least;
	bool head = l->b->facts[e->from].fresh && l->from->head >= 0;
	bool measured = l->up_fresh && e->replay_ms >= 0 && half_int(l->up, "word_ms") <= REPLY_MS &&
	                e->apply <= APPLY_RUNNING && e->transport != TRANSPORT_SILENT;
	if (head && e->behind == 0) {
		e->lag_ms = 0;
		set_source(l, CONFIDENCE_GOOD, "LSN of %.50s", l->from->name);
		return;
	}
	if (head && e->behind > 0 && is_observed(l, l->from->head - e->behind, &seen, &at_least)) {
		e->lag_ms = measured && seen <= e->replay_ms + JOIN_SKEW_MS ? e->replay_ms : seen;
		if (e->lag_ms == seen)
			set_source(l, CONFIDENCE_GOOD, "LSN of %.40s over time", l->from->name);
		else
			set_source(l, CONFIDENCE_GOOD, "replay_lag");
		return;
	}
	if (measured) {
		e->lag_ms = e->replay_ms;
		set_source(l, CONFIDENCE_GOOD, "replay_lag");
		return;
	}
	if (e->kind == EDGE_LOGICAL && !l->down_fresh && e->behind < 0)
		return;
	own_lag(l);
	if (head && at_least >= WORTH_MS && at_least > e->lag_ms && e->behind > 0) {
		e->lag_ms = at_least;
		set_source(l, CONFIDENCE_GUESS, "at least: since dbatop looks");
	}
}

/* 3. Transactions. */

/* Ids of all above a node, which a sample of its upstream that is older than its own need not have yet. */
static void put_ancestors(const struct build *b, size_t node, struct buf *out, unsigned depth)
{
	if (b->facts[node].own_id != NULL)
		buf_printf(out, "%s%s", out->len > 0 ? " " : "", b->facts[node].own_id);
	for (size_t e = 0; depth < 8 && e < b->t->nedges; e++) {
		if (b->t->edge[e].to == node && b->t->edge[e].kind == EDGE_BINLOG)
			put_ancestors(b, b->t->edge[e].from, out, depth + 1);
	}
}

static void compare_mysql(struct link *l, struct buf *set)
{
	struct buf above;
	const char *mine = l->to->gtid;
	const char *theirs = l->from->gtid;
	buf_init(&above, 4096);
	if (l->b->facts[l->e->from].taken < l->b->facts[l->e->to].taken)
		put_ancestors(l->b, l->e->from, &above, 0);
	l->e->transactions = gtid_missing(theirs, mine, NULL, NULL);
	l->e->errant = gtid_missing(mine, theirs, above.len > 0 ? buf_str(&above) : NULL, set);
	buf_free(&above);
}

static void compare_transactions(struct link *l)
{
	struct topology_edge *e = l->e;
	struct buf set;
	if (!l->b->facts[e->from].fresh || !l->down_fresh || l->from->gtid == NULL)
		return;
	buf_init(&set, 2048);
	if (l->to->engine == ENGINE_MYSQL && l->from->engine == ENGINE_MYSQL && l->to->gtid != NULL) {
		compare_mysql(l, &set);
	} else if (l->to->engine == ENGINE_MARIADB && l->from->engine == ENGINE_MARIADB) {
		const struct node_facts *f = &l->b->facts[e->to];
		const char *applied = table_text(l->down->t, l->down->row, table_column(l->down->t, "gtid"));
		if (applied == NULL || applied[0] == '\0')
			applied = f->applied;
		e->transactions = gtid_maria_behind(applied, l->from->gtid);
		e->errant = gtid_maria_errant(l->to->gtid, applied, l->from->gtid, f->own_id, &set);
	}
	if (e->errant > 0)
		e->errant_set = arena_strdup(l->b->t->arena, buf_str(&set));
	buf_free(&set);
}

static void lag_of_transactions(struct link *l)
{
	struct topology_edge *e = l->e;
	const char *source = half_text(l->down, "lag_source");
	int64_t own = half_int(l->down, "lag_ms");
	int64_t seen, at_least = 0;
	bool stopped = e->apply == APPLY_STOPPED || e->apply == APPLY_ERROR || e->apply == APPLY_PAUSED;
	bool cut = e->transport != TRANSPORT_STREAMING;
	bool measured = source != NULL && strstr(source, "commit") != NULL;
	int64_t position = e->transactions >= 0 ? l->from->head - e->transactions : -1;
	if (e->transactions == 0) {
		e->lag_ms = 0;
		set_source(l, CONFIDENCE_GOOD, "GTID of %.50s", l->from->name);
	} else if (own > 0 && !stopped && measured) {
		e->lag_ms = own;
		set_source(l, CONFIDENCE_GOOD, "%.60s", source);
	} else if (e->transactions > 0 && is_observed(l, position, &seen, &at_least)) {
		e->lag_ms = later(seen, own);
		set_source(l, CONFIDENCE_GOOD, "GTID of %.40s over time", l->from->name);
	} else if (own > 0 && !stopped) {
		e->lag_ms = own;
		set_source(l, CONFIDENCE_GUESS, "%.60s", source == NULL ? "its own word" : source);
	} else if (e->transactions < 0 && own == 0 && !stopped && !cut) {
		e->lag_ms = 0;
		set_source(l, CONFIDENCE_GUESS, "%.60s", source == NULL ? "its own word" : source);
	} else if (at_least >= WORTH_MS) {
		e->lag_ms = at_least;
		set_source(l, CONFIDENCE_GUESS, "at least: since dbatop looks");
	} else {
		set_source(l, CONFIDENCE_NONE, "%s",
		        e->apply == APPLY_PAUSED || stopped ? "applier stopped"
		        : cut                               ? "no word from its upstream"
		                                            : "it has not told yet");
	}
}

/* 4. Where it goes. */

static void read_slope(struct link *l)
{
	struct topology_edge *e = l->e;
	double slope;
	double left = e->behind >= 0         ? (double)e->behind
	              : e->transactions >= 0 ? (double)e->transactions
	              : e->lag_ms >= 0       ? (double)e->lag_ms
	                                     : (double)NAN;
	mono_ns at = l->b->facts[e->to].taken > 0 ? l->b->facts[e->to].taken : l->b->facts[e->from].taken;
	if (l->b->memory == NULL || at == 0 ||
	        !memory_left(l->b->memory, l->name, at, l->b->snap->now, left, &slope) || isnan(left))
		return;
	if (left > 0 && slope < 0)
		e->eta_ms = (int64_t)(left / -slope * 60000.0);
	e->grows = slope > 0 && left > 0 && slope > left / 20;
	/* Beyond a week nothing is promised. */
	if (e->eta_ms > INT64_C(7) * 86400 * 1000)
		e->eta_ms = -1;
}

static void read_link(struct build *b, size_t index)
{
	struct topology_edge *e = &b->t->edge[index];
	struct link l = {.b = b,
	        .e = e,
	        .up = &b->ups[index],
	        .down = &b->downs[index],
	        .from = &b->t->node[e->from],
	        .to = &b->t->node[e->to]};
	l.up_fresh = l.up->t != NULL && b->facts[e->from].fresh;
	l.down_fresh = l.down->t != NULL && b->facts[e->to].fresh;
	snprintf(l.name, sizeof(l.name), "%.200s>%.200s>%.90s", l.from->name, l.to->name, e->channel);
	read_transport(&l);
	read_apply(&l);
	read_reader(&l);
	e->sync = half_text(l.up, "sync_state");
	if (e->kind == EDGE_GROUP)
		return;
	if (e->kind == EDGE_BINLOG) {
		compare_transactions(&l);
		lag_of_transactions(&l);
	} else {
		read_bytes(&l);
		lag_of_bytes(&l);
	}
	/* Of two ends that are both old, neither tells the present. */
	if (!l.up_fresh && !l.down_fresh) {
		e->lag_ms = e->behind = -1;
		set_source(&l, CONFIDENCE_NONE, "neither end answers");
	}
	read_slope(&l);
}

/* "FIRST 2 (a, b)", "ANY 1 (*)", "2 (a, b)", "a, b". */
static int sync_needed(const char *names)
{
	const char *open = names == NULL ? NULL : strchr(names, '(');
	const char *digit = names == NULL ? NULL : strpbrk(names, "0123456789");
	if (names == NULL)
		return -1;
	return open != NULL && digit != NULL && digit < open ? (int)strtol(digit, NULL, 10) : 1;
}

static void count_sync(struct build *b)
{
	for (size_t i = 0; i < b->t->nnodes; i++) {
		struct topology_node *n = &b->t->node[i];
		n->sync_need = n->role == SERVER_PRIMARY ? sync_needed(n->sync_names) : -1;
		n->sync_have = n->sync_need < 0 ? -1 : 0;
	}
	for (size_t e = 0; e < b->t->nedges; e++) {
		const struct topology_edge *edge = &b->t->edge[e];
		struct topology_node *n = &b->t->node[edge->from];
		if (n->sync_need > 0 && edge->transport == TRANSPORT_STREAMING &&
		        (text_is(edge->sync, "sync") || text_is(edge->sync, "quorum")))
			n->sync_have++;
	}
	for (size_t i = 0; i < b->t->nnodes; i++) {
		struct topology_node *n = &b->t->node[i];
		n->would_wait = n->sync_need > 0 && b->facts[i].fresh && n->sync_have < n->sync_need;
	}
}

static void read_head(struct build *b, size_t i)
{
	struct topology_node *n = &b->t->node[i];
	if (n->engine == ENGINE_MYSQL && n->gtid != NULL)
		n->head = gtid_count(n->gtid);
	if (n->engine == ENGINE_MARIADB && n->gtid != NULL)
		n->head = gtid_maria_sum(n->gtid);
	if (b->memory == NULL || n->head < 0 || b->facts[i].taken == 0)
		return;
	memory_head(b->memory, n->name, b->facts[i].taken, n->head);
	n->per_s = memory_speed(b->memory, n->name, b->snap->now);
}

void topology_figures(struct build *b)
{
	for (size_t i = 0; i < b->t->nnodes; i++)
		read_head(b, i);
	for (size_t e = 0; e < b->t->nedges; e++)
		read_link(b, e);
	count_sync(b);
}
