/* Rows to a graph's parts. Servers report a queue a moment apart from the sessions, name holders that hold
 * nothing any more, and repeat themselves; what comes out of here is consistent: every index points
 * somewhere, every queue is in order, nobody is named who has ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/model/locks_parts.h"

enum { NAMED_MAX = 1 << 19, NAMED_OF_ONE = 4096, UNKNOWN_FROM_MS = 1000 };

struct raw {
	const char *queue, *kind, *object, *gid, *mode, *blockers;
	/* What tells apart nodes of one id: the gid, else the queue for those without a session. */
	const char *other;
	int64_t id, place, waiting_ms;
	size_t row;
	uint32_t number; /* of its queue */
	uint32_t node;
	uint8_t code;
	bool held, likely, implied;
};

struct reading {
	struct lock_graph *g;
	struct raw *raw;
	size_t n, cap;
	/* Numbers of queues by name: an open table of indexes of raw, + 1. */
	uint32_t *numbers;
	size_t room; /* a power of two */
	uint32_t nqueues;
	uint32_t *names;
	size_t nnames, names_cap;
	bool ended; /* who is not among the sessions has ended */
};

/* 1. Rows. */

static struct raw *add_raw(struct reading *r)
{
	if (r->n == r->cap) {
		r->cap = r->cap * 2 + 64;
		r->raw = xreallocarray(r->raw, r->cap, sizeof(*r->raw));
	}
	return &r->raw[r->n++];
}

/* Names are compared once for each row; from then on a queue is a number. */
static void number_queue(struct reading *r, size_t index)
{
	struct raw *raw = &r->raw[index];
	for (size_t at = hash_text(0, raw->queue) & (r->room - 1);; at = (at + 1) & (r->room - 1)) {
		if (r->numbers[at] == 0) {
			r->numbers[at] = (uint32_t)index + 1;
			raw->number = r->nqueues++;
			return;
		}
		const struct raw *other = &r->raw[r->numbers[at] - 1];
		if (strcmp(other->queue, raw->queue) == 0) {
			raw->number = other->number;
			return;
		}
	}
}

/* Who waits or holds for whom: of a worker its leader. False: it has ended, or is not waiting any more. */
static bool speaks_for(const struct reading *r, int64_t *id, bool held)
{
	const struct session_view *v = r->g->sessions;
	if (*id <= 0 || v == NULL || v->sample == NULL)
		return true;
	const struct session *s = session_find(v, *id, "");
	if (s == NULL || s->row == SESSION_NONE)
		return !r->ended;
	if (s->leader != SESSION_NONE)
		s = &v->sessions[s->leader];
	*id = s->id;
	return held ||
	       (s->state != STATE_IDLE && s->state != STATE_IDLE_XACT && s->state != STATE_IDLE_ABORTED);
}

static void set_other(struct raw *raw)
{
	raw->other = raw->id > 0 ? "" : raw->id == 0 && raw->gid != NULL ? raw->gid : raw->queue;
}

static void take_note(struct lock_graph *g, const char *what, const char *text)
{
	if (text == NULL || what == NULL)
		return;
	if (strcmp(what, "grouped") == 0)
		g->grouped = text;
	else if (strcmp(what, "gate") == 0)
		g->gate = text;
	else
		g->note = text;
}

struct columns {
	int queue, kind, object, id, gid, held, place, mode, waiting_ms, blockers, likely;
};

static void read_row(struct reading *r, const struct table *t, size_t row, const struct columns *c)
{
	struct raw raw = {.queue = table_text(t, row, c->queue),
	        .kind = table_text(t, row, c->kind),
	        .object = table_text(t, row, c->object),
	        .gid = table_text(t, row, c->gid),
	        .mode = table_text(t, row, c->mode),
	        .blockers = table_text(t, row, c->blockers),
	        .place = INT64_MAX,
	        .waiting_ms = -1,
	        .row = row};
	if (raw.kind != NULL && strcmp(raw.kind, "note") == 0) {
		take_note(r->g, raw.mode, raw.object);
		return;
	}
	if (raw.queue == NULL || !table_int(t, row, c->id, &raw.id) ||
	        !table_bool(t, row, c->held, &raw.held) || !speaks_for(r, &raw.id, raw.held))
		return;
	if (raw.id < 0)
		raw.id = -1;
	table_int(t, row, c->place, &raw.place);
	table_int(t, row, c->waiting_ms, &raw.waiting_ms);
	table_bool(t, row, c->likely, &raw.likely);
	set_other(&raw);
	*add_raw(r) = raw;
	number_queue(r, r->n - 1);
}

static void read_rows(struct reading *r, const struct table *t)
{
	struct columns c = {.queue = table_column(t, "queue"),
	        .kind = table_column(t, "kind"),
	        .object = table_column(t, "object"),
	        .id = table_column(t, "id"),
	        .gid = table_column(t, "gid"),
	        .held = table_column(t, "held"),
	        .place = table_column(t, "place"),
	        .mode = table_column(t, "mode"),
	        .waiting_ms = table_column(t, "waiting_ms"),
	        .blockers = table_column(t, "blockers"),
	        .likely = table_column(t, "likely")};
	for (r->room = 16; r->room < t->nrows * 2; r->room *= 2)
		continue;
	r->numbers = xcalloc(r->room, sizeof(*r->numbers));
	for (size_t row = 0; row < t->nrows; row++)
		read_row(r, t, row, &c);
	free(r->numbers);
}

/* 2. Queues: holders first, then those who wait in order; without a place, who waits longer came first. */

static int order_raw(const void *a, const void *b)
{
	const struct raw *x = a;
	const struct raw *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->held != y->held)
		return x->held ? -1 : 1;
	if (!x->held && x->place != y->place)
		return x->place < y->place ? -1 : 1;
	if (!x->held && x->waiting_ms != y->waiting_ms)
		return x->waiting_ms > y->waiting_ms ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	int c = x->id > 0 ? 0 : strcmp(x->other, y->other);
	if (c != 0)
		return c;
	/* Real ones before those that were only named. */
	if (x->implied != y->implied)
		return x->implied ? 1 : -1;
	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static bool same_queue(const struct raw *a, const struct raw *b)
{
	return a->number == b->number;
}

/* Kind, object and codes need the whole queue: some rows leave them out. */
static void set_codes(struct reading *r)
{
	for (size_t i = 0, end; i < r->n; i = end) {
		const char *kind = NULL;
		for (end = i; end < r->n && same_queue(&r->raw[i], &r->raw[end]); end++)
			kind = kind == NULL ? r->raw[end].kind : kind;
		enum lock_family f = lock_family_of((enum engine)r->g->engine, lock_kind_parse(kind));
		for (size_t k = i; k < end; k++) {
			r->raw[k].kind = kind;
			r->raw[k].code = lock_code(f, r->raw[k].mode);
		}
	}
}

/* The next id of "4711 4802 0"; false at the end, or at what is no number. */
static bool next_id(const char **at, int64_t *id)
{
	while (**at == ' ' || **at == ',')
		(*at)++;
	if (**at == '\0')
		return false;
	char *end;
	errno = 0;
	*id = strtoll(*at, &end, 10);
	if (end == *at || errno != 0)
		return false;
	*at = end;
	return true;
}

static int order_ids(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;
	return (*x > *y) - (*x < *y);
}

static bool has_id(const int64_t *ids, size_t n, int64_t id)
{
	return n > 0 && bsearch(&id, ids, n, sizeof(*ids), order_ids) != NULL;
}

/* Adds holders that have no row, but were named for somebody. */
static void add_named(struct reading *r)
{
	size_t n = r->n;
	size_t named = 0;
	int64_t *ids = xcalloc(n + 1, sizeof(*ids));
	for (size_t i = 0, end; i < n; i = end) {
		size_t nids = 0;
		for (end = i; end < n && same_queue(&r->raw[i], &r->raw[end]); end++)
			ids[nids++] = r->raw[end].id;
		qsort(ids, nids, sizeof(*ids), order_ids);
		for (size_t k = i; k < end; k++) {
			const char *at = r->raw[k].held ? NULL : r->raw[k].blockers;
			int64_t id;
			for (unsigned m = 0;
			        at != NULL && m < NAMED_OF_ONE && named < NAMED_MAX && next_id(&at, &id);
			        m++) {
				named++;
				if (!speaks_for(r, &id, true) || id == r->raw[k].id || has_id(ids, nids, id))
					continue;
				struct raw *add = add_raw(r);
				*add = (struct raw){.queue = r->raw[k].queue,
				        .number = r->raw[k].number,
				        .kind = r->raw[k].kind,
				        .id = id < 0 ? -1 : id,
				        .place = INT64_MAX,
				        .waiting_ms = -1,
				        .code = r->raw[k].code,
				        .likely = r->raw[k].likely,
				        .held = true,
				        .implied = true};
				set_other(add);
			}
		}
	}
	free(ids);
}

/* Was a holder added to this queue, because it was named? Then it is in somebody's way. */
static bool has_implied(const struct reading *r, size_t from, uint32_t number)
{
	for (size_t i = from; i < r->n; i++) {
		if (r->raw[i].implied && r->raw[i].number == number)
			return true;
	}
	return false;
}

/* Who is in the way, by what is known without nodes: ids and codes of one queue. */
struct seen {
	int64_t id[LOCK_CODES];
	uint8_t several[LOCK_CODES]; /* 0 nobody, 1 that id, 2 others too */
};

static void see(struct seen *s, const struct raw *raw)
{
	uint8_t *n = &s->several[raw->code];
	if (*n == 0)
		s->id[raw->code] = raw->id;
	if (*n < 2)
		*n = *n == 1 && s->id[raw->code] == raw->id && raw->id > 0 ? 1 : *n + 1;
}

static bool sees(const struct seen *s, enum lock_family f, const struct raw *raw,
        bool (*conflicts)(enum lock_family, uint8_t, uint8_t))
{
	for (unsigned c = 0; c < LOCK_CODES; c++) {
		if (s->several[c] == 0 || !conflicts(f, raw->code, (uint8_t)c))
			continue;
		if (s->several[c] == 2 || s->id[c] != raw->id)
			return true;
	}
	return false;
}

/* Somebody waits, and not just since a moment, with nobody in its way: who holds it is not shown to us. That
 * is a holder too. */
static void add_unknown(struct reading *r)
{
	size_t n = r->n;
	for (size_t i = 0, end; i < n; i = end) {
		struct seen held = {.several = {0}};
		struct seen ahead = {.several = {0}};
		enum lock_family f =
		        lock_family_of((enum engine)r->g->engine, lock_kind_parse(r->raw[i].kind));
		bool unknown = false;
		for (end = i; end < n && same_queue(&r->raw[i], &r->raw[end]); end++)
			continue;
		for (size_t k = i; k < end; k++) {
			const struct raw raw = r->raw[k];
			if (raw.held) {
				see(&held, &raw);
				continue;
			}
			unknown = unknown || (raw.blockers == NULL && raw.waiting_ms >= UNKNOWN_FROM_MS &&
			                             !sees(&held, f, &raw, lock_conflicts) &&
			                             !sees(&ahead, f, &raw, lock_conflicts_ahead));
			see(&ahead, &raw);
		}
		if (!unknown || has_implied(r, n, r->raw[i].number))
			continue;
		struct raw *add = add_raw(r);
		*add = (struct raw){.queue = r->raw[i].queue,
		        .number = r->raw[i].number,
		        .kind = r->raw[i].kind,
		        .id = -1,
		        .place = INT64_MAX,
		        .waiting_ms = -1,
		        .likely = true,
		        .held = true};
		set_other(add);
	}
}

/* The same place twice is one. Waiters stay: two workers of one leader may wait in one queue. */
static void merge(struct reading *r)
{
	size_t to = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct raw *last = to > 0 ? &r->raw[to - 1] : NULL;
		const struct raw *raw = &r->raw[i];
		if (last != NULL && raw->held && last->held && same_queue(last, raw) && last->id == raw->id &&
		        strcmp(last->other, raw->other) == 0 && last->code == raw->code &&
		        (raw->implied || !last->implied))
			continue;
		r->raw[to++] = *raw;
	}
	r->n = to;
}

/* 3. Nodes. */

static int order_nodes(const void *a, const void *b, void *arg)
{
	const struct raw *raw = arg;
	const struct raw *x = &raw[*(const uint32_t *)a];
	const struct raw *y = &raw[*(const uint32_t *)b];
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->id > 0 ? 0 : strcmp(x->other, y->other);
}

static void init_node(const struct lock_graph *g, struct lock_node *n, const struct raw *raw)
{
	const struct session_view *v = g->sessions;
	*n = (struct lock_node){.id = raw->id,
	        .gid = raw->gid,
	        .session = LOCK_NONE,
	        .kind = raw->id == 0 ? SESSION_PREPARED : SESSION_UNSEEN,
	        .guard = GUARD_ABSENT,
	        .waits_in = LOCK_NONE,
	        .parent = LOCK_NONE,
	        .via = LOCK_NONE,
	        .waiting_ms = -1,
	        .longest_ms = -1};
	if (raw->id <= 0 || v == NULL || v->sample == NULL)
		return;
	const struct session *s = session_find(v, raw->id, "");
	if (s == NULL || s->row == SESSION_NONE)
		return;
	n->session = (uint32_t)(s - v->sessions);
	n->kind = s->kind;
	n->guard = s->guard;
}

static void make_nodes(struct reading *r, struct arena *arena)
{
	struct lock_graph *g = r->g;
	uint32_t *order = xcalloc(r->n + 1, sizeof(*order));
	for (size_t i = 0; i < r->n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, r->n, sizeof(*order), order_nodes, r->raw);
	g->nodes = arena_alloc(arena, (r->n + 1) * sizeof(*g->nodes));
	g->of_node = arena_alloc(arena, (r->n + 1) * sizeof(*g->of_node));
	for (size_t i = 0; i < r->n; i++) {
		struct raw *raw = &r->raw[order[i]];
		if (i == 0 || order_nodes(&order[i - 1], &order[i], r->raw) != 0) {
			init_node(g, &g->nodes[g->nnodes++], raw);
			g->nodes[g->nnodes - 1].entries = (uint32_t)i;
		}
		struct lock_node *n = &g->nodes[g->nnodes - 1];
		if (n->gid == NULL)
			n->gid = raw->gid;
		n->nentries++;
		g->of_node[i] = order[i];
		raw->node = (uint32_t)(g->nnodes - 1);
	}
	free(order);
}

/* 4. Entries. */

static void add_name(struct reading *r, struct lock_entry *e, uint32_t node)
{
	if (node == e->node || e->nnamed == UINT16_MAX || r->nnames == NAMED_MAX)
		return;
	if (r->nnames == r->names_cap) {
		r->names_cap = r->names_cap * 2 + 256;
		r->names = xreallocarray(r->names, r->names_cap, sizeof(*r->names));
	}
	r->names[r->nnames++] = node;
	e->nnamed++;
}

/* 0 stands for the prepared transactions that hold this lock, of which those are meant whose mode conflicts;
 * -1 for the holder nobody names. */
static void add_unnamed(struct reading *r, struct lock_entry *e, int64_t id)
{
	const struct lock_graph *g = r->g;
	const struct lock_queue *q = &g->queues[e->queue];
	bool meant = false;
	for (int all = 0; all < 2 && !meant; all++) {
		for (uint32_t k = q->first; k < q->first + q->nheld; k++) {
			const struct lock_entry *h = &g->entries[k];
			if (g->nodes[h->node].id != id)
				continue;
			if (all == 0 && id == 0 && !lock_conflicts(q->family, e->code, h->code))
				continue;
			add_name(r, e, h->node);
			meant = true;
		}
	}
}

static void take_names(struct reading *r, struct lock_entry *e, const char *at)
{
	const struct lock_graph *g = r->g;
	int64_t id;
	e->asked = true;
	e->named = (uint32_t)r->nnames;
	for (unsigned m = 0; m < NAMED_OF_ONE && next_id(&at, &id); m++) {
		if (!speaks_for(r, &id, true))
			continue;
		if (id <= 0)
			add_unnamed(r, e, id < 0 ? -1 : 0);
		const struct lock_node *n = id > 0 ? locks_find(g, id, NULL) : NULL;
		if (n != NULL)
			add_name(r, e, (uint32_t)(n - g->nodes));
	}
}

static void make_entries(struct reading *r, struct arena *arena)
{
	struct lock_graph *g = r->g;
	g->entries = arena_alloc(arena, (r->n + 1) * sizeof(*g->entries));
	g->queues = arena_alloc(arena, (r->n + 1) * sizeof(*g->queues));
	for (size_t i = 0; i < r->n; i++) {
		const struct raw *raw = &r->raw[i];
		if (i == 0 || !same_queue(&r->raw[i - 1], raw)) {
			enum lock_kind kind = lock_kind_parse(raw->kind);
			g->queues[g->nqueues++] = (struct lock_queue){.name = raw->queue,
			        .kind = kind,
			        .family = (uint8_t)lock_family_of((enum engine)g->engine, kind),
			        .first = (uint32_t)i};
		}
		struct lock_queue *q = &g->queues[g->nqueues - 1];
		if (q->object == NULL)
			q->object = raw->object;
		*(raw->held ? &q->nheld : &q->nwaiting) += 1;
		g->entries[i] = (struct lock_entry){.node = raw->node,
		        .queue = (uint32_t)(g->nqueues - 1),
		        .mode = raw->mode,
		        .waiting_ms = raw->waiting_ms,
		        .code = raw->code,
		        .held = raw->held,
		        .likely = raw->likely,
		        .implied = raw->implied};
	}
	g->nentries = r->n;
	for (size_t i = 0; i < r->n; i++) {
		if (!r->raw[i].held && r->raw[i].blockers != NULL)
			take_names(r, &g->entries[i], r->raw[i].blockers);
	}
	g->names = arena_alloc(arena, (r->nnames + 1) * sizeof(*g->names));
	if (r->nnames > 0)
		memcpy(g->names, r->names, r->nnames * sizeof(*g->names));
}

void locks_read(struct lock_graph *g, const struct table *t, bool ended, struct arena *arena)
{
	struct reading r = {.g = g, .ended = ended};
	read_rows(&r, t);
	if (r.n > 0) {
		qsort(r.raw, r.n, sizeof(*r.raw), order_raw);
		set_codes(&r);
		size_t told = r.n;
		add_named(&r);
		add_unknown(&r);
		if (r.n > told)
			qsort(r.raw, r.n, sizeof(*r.raw), order_raw);
		merge(&r);
	}
	make_nodes(&r, arena);
	make_entries(&r, arena);
	free(r.raw);
	free(r.names);
}
