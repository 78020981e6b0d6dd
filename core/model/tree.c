/* From sessions to lines. All sessions in scope are sorted once by what they are grouped by, so that a group
 * is a run of them at every level; only what is open becomes nodes, so that ten thousand sessions cost a sort
 * and one screen. */
#include "core/model/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/model/tree_build.h"

/* --- Levels */

struct levels {
	unsigned n;
	enum tree_kind kind[TREE_LEVELS];
};

static const struct levels axes[TREE_AXES] = {
        [TREE_BY_SIGNATURE] = {2, {TREE_SIGNATURE, TREE_INSTANCE}},
        [TREE_BY_APP] = {3, {TREE_APP, TREE_INSTANCE, TREE_SIGNATURE}},
        [TREE_BY_CLIENT] = {3, {TREE_CLIENT, TREE_INSTANCE, TREE_SIGNATURE}},
        [TREE_BY_USER] = {3, {TREE_USER, TREE_INSTANCE, TREE_SIGNATURE}},
        [TREE_BY_SERVER] = {3, {TREE_CLUSTER, TREE_INSTANCE, TREE_ACCOUNT}},
};
static const struct levels free_levels = {3, {TREE_HEADING, TREE_INSTANCE, TREE_SIGNATURE}};
static const struct levels heading_levels = {2, {TREE_HEADING, TREE_INSTANCE}};

static const struct levels *levels_of(const struct tree_work *w, enum tree_heading h)
{
	if (h == HEADING_NONE)
		return &axes[w->q->axis];
	return h == HEADING_FREE ? &free_levels : &heading_levels;
}

static enum tree_heading heading_of(const struct tree_work *w, const struct session *s)
{
	switch (s->kind) {
	case SESSION_CLIENT:
	case SESSION_WORKER:
		return w->q->axis == TREE_BY_BLOCKER ? HEADING_FREE : HEADING_NONE;
	case SESSION_AUTOVACUUM:
		return HEADING_AUTOVACUUM;
	case SESSION_WALSENDER:
		return HEADING_WALSENDER;
	case SESSION_REPLICATION:
		return HEADING_REPLICATION;
	case SESSION_BACKGROUND:
	case SESSION_SYSTEM:
	case SESSION_PREPARED:
	case SESSION_UNSEEN:
		break;
	}
	return HEADING_SERVER;
}

static uint64_t level_key(const struct tree_work *w, enum tree_kind kind, const struct tree_sorted *e)
{
	const struct tree_fact *f = &tree_facts(w->m, e->instance)[e->index];
	switch (kind) {
	case TREE_SIGNATURE:
		return f->signature;
	case TREE_APP:
		return f->app;
	case TREE_CLIENT:
		return f->client;
	case TREE_USER:
		return f->user;
	case TREE_ACCOUNT:
		return hash_number(f->user, f->app);
	case TREE_CLUSTER:
		return w->snap->instances[e->instance].cfg->cluster + 1;
	case TREE_INSTANCE:
		return (uint64_t)e->instance + 1;
	case TREE_HEADING:
		return e->heading;
	case TREE_WAITERS:
	case TREE_SESSION:
	case TREE_XACT:
	case TREE_WAIT:
	case TREE_STATEMENT:
		break;
	}
	return 0;
}

/* --- Gathering and sorting */

static bool takes(struct tree_work *w, const struct session *s)
{
	struct tree *t = w->t;
	/* Workers stand below their leaders. */
	if (s->leader != SESSION_NONE)
		return false;
	if (s->own && !w->q->show_own) {
		t->own_out++;
		return false;
	}
	if (w->q->axis == TREE_BY_BLOCKER && tree_in_queue(s))
		return false;
	if (w->q->hide_idle && s->idle && s->blocks_now == 0) {
		t->idle_out++;
		return false;
	}
	return true;
}

static void gather(struct tree_work *w, uint32_t instance)
{
	const struct session_view *v = sessions_at(w->all, instance);
	for (uint32_t i = 0; i < v->n; i++) {
		const struct session *s = &v->sessions[i];
		if (!takes(w, s))
			continue;
		struct tree_sorted *e = &w->sorted[w->n++];
		*e = (struct tree_sorted){.instance = instance,
		        .index = i,
		        .age = tree_age(s),
		        .heading = (uint8_t)heading_of(w, s)};
		const struct levels *l = levels_of(w, heading_of(w, s));
		for (unsigned k = 0; k < l->n; k++)
			e->key[k] = level_key(w, l->kind[k], e);
		if (w->q->match != NULL && !w->q->match(w->q->arg, instance, s)) {
			e->out = true;
			w->t->filtered_out++;
		}
	}
	w->t->hidden += v->counts.hidden;
	w->t->blocked += v->counts.blocked;
	w->t->roots += v->counts.roots;
	w->t->truncated = w->t->truncated || (v->sample != NULL && v->sample->table->truncated);
	if (v->counts.longest_wait_ms > w->t->longest_wait_ms)
		w->t->longest_wait_ms = v->counts.longest_wait_ms;
}

static int compare(const void *a, const void *b)
{
	const struct tree_sorted *x = a;
	const struct tree_sorted *y = b;
	if (x->heading != y->heading)
		return x->heading < y->heading ? -1 : 1;
	if (x->key[0] != y->key[0])
		return x->key[0] < y->key[0] ? -1 : 1;
	if (x->out != y->out)
		return x->out ? 1 : -1;
	for (unsigned k = 1; k < TREE_LEVELS; k++) {
		if (x->key[k] != y->key[k])
			return x->key[k] < y->key[k] ? -1 : 1;
	}
	if (x->age != y->age)
		return x->age > y->age ? -1 : 1;
	if (x->instance != y->instance)
		return x->instance < y->instance ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* --- Nodes */

/* A run of the sorted sessions that are one group. */
struct run {
	size_t from, n;
	uint32_t example, servers;
	int64_t oldest;
	struct tree_growth growth;
	int rank; /* smaller comes first */
};

static struct tree_growth growth_of(const struct tree_work *w, enum tree_kind kind, uint64_t key)
{
	static const struct {
		enum tree_kind kind;
		enum tree_count count;
	} counted[] = {{TREE_SIGNATURE, COUNT_SIGNATURE}, {TREE_APP, COUNT_APP}, {TREE_CLIENT, COUNT_CLIENT},
	        {TREE_USER, COUNT_USER}};
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		if (counted[i].kind == kind)
			return tree_growth_of(w->m, counted[i].count, key, w->q->in);
	}
	struct tree_growth sum = {.known = false};
	for (size_t i = 0; kind == TREE_CLUSTER && i < w->snap->n; i++) {
		struct tree_growth g = {.known = false};
		if (w->q->in[i] && w->snap->instances[i].cfg->cluster + 1 == key)
			g = tree_growth_at(w->m, COUNT_SERVER, 1, i);
		sum.known = sum.known || g.known;
		sum.per_minute += g.known ? g.per_minute : 0;
		sum.rising = g.rising > sum.rising ? g.rising : sum.rising;
	}
	return sum;
}

/* Its growth is that of a group on top, or of one's share on a server; deeper ones are not counted. */
static struct tree_growth run_growth(const struct tree_work *w, const struct run *r, unsigned level)
{
	const struct tree_sorted *e = &w->sorted[r->from];
	const struct levels *l = levels_of(w, (enum tree_heading)e->heading);
	if (e->heading != HEADING_NONE || level > 1)
		return (struct tree_growth){.known = false};
	if (level == 0)
		return growth_of(w, l->kind[0], e->key[0]);
	switch (l->kind[0]) {
	case TREE_SIGNATURE:
		return tree_growth_at(w->m, COUNT_SIGNATURE, e->key[0], e->instance);
	case TREE_APP:
		return tree_growth_at(w->m, COUNT_APP, e->key[0], e->instance);
	case TREE_CLIENT:
		return tree_growth_at(w->m, COUNT_CLIENT, e->key[0], e->instance);
	case TREE_USER:
		return tree_growth_at(w->m, COUNT_USER, e->key[0], e->instance);
	default:
		return tree_growth_at(w->m, COUNT_SERVER, 1, e->instance);
	}
}

/* By three a minute and by a twentieth of it; in doubling steps, so that lines do not change places with
 * every count. */
static int growing(const struct run *r)
{
	const struct tree_growth *g = &r->growth;
	return g->known && g->per_minute >= 3 && g->per_minute * 20 >= r->n ? 1 + ilogb(g->per_minute) : 0;
}

static void measure(const struct tree_work *w, struct run *r)
{
	uint32_t last = UINT32_MAX;
	r->oldest = -1;
	r->example = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct tree_sorted *e = &w->sorted[r->from + i];
		r->servers += e->instance != last;
		last = e->instance;
		if (e->age > r->oldest) {
			r->oldest = e->age;
			r->example = (uint32_t)i;
		}
	}
}

/* The run that begins at `from`, as long as keys down to `level` are the same. Those at the end that are out
 * make it one that is not whole. */
static struct run find_run(const struct tree_work *w, size_t from, size_t end, unsigned level, bool *whole)
{
	struct run r = {.from = from};
	const struct tree_sorted *first = &w->sorted[from];
	size_t i = from;
	*whole = true;
	for (; i < end; i++) {
		const struct tree_sorted *e = &w->sorted[i];
		if (e->heading != first->heading ||
		        memcmp(e->key, first->key, (level + 1) * sizeof(e->key[0])) != 0)
			break;
		if (e->out)
			*whole = false;
		else
			r.n++;
	}
	if (level > 0)
		r.n = i - from;
	measure(w, &r);
	return r;
}

static size_t run_end(const struct tree_work *w, size_t from, size_t end)
{
	const struct tree_sorted *first = &w->sorted[from];
	while (from < end && w->sorted[from].heading == first->heading &&
	        w->sorted[from].key[0] == first->key[0])
		from++;
	return from;
}

static void set_rank(const struct tree_work *w, struct run *r)
{
	const struct tree_sorted *e = &w->sorted[r->from];
	const struct session *s = tree_session(w, e->instance, e->index);
	r->rank = 0;
	if (e->heading != HEADING_NONE || w->q->sort != TREE_SORT_GROWTH)
		return;
	r->rank = 2 * (64 - growing(r));
	r->rank += w->q->axis == TREE_BY_SIGNATURE && s->idle && growing(r) == 0;
}

static const char *name_of(const struct tree_work *w, const struct run *r)
{
	const struct tree_sorted *e = &w->sorted[r->from];
	const struct session *s = tree_session(w, e->instance, e->index);
	const char *name = s->app;
	if (w->q->axis == TREE_BY_CLIENT)
		name = s->client;
	else if (w->q->axis == TREE_BY_USER)
		name = s->user;
	else if (w->q->axis == TREE_BY_SERVER)
		name = w->snap->instances[e->instance].cluster->name;
	return name == NULL ? "" : name;
}

static int compare_by_sort(const struct tree_work *w, const struct run *x, const struct run *y)
{
	switch (w->q->sort) {
	case TREE_SORT_OLDEST:
		return (x->oldest < y->oldest) - (x->oldest > y->oldest);
	case TREE_SORT_NAME:
		return strcmp(name_of(w, x), name_of(w, y));
	case TREE_SORT_GROWTH:
	case TREE_SORT_COUNT:
		break;
	}
	return 0;
}

static int compare_runs(const void *a, const void *b, void *arg)
{
	const struct tree_work *w = arg;
	const struct run *x = a;
	const struct run *y = b;
	enum tree_heading heading = (enum tree_heading)w->sorted[x->from].heading;
	if (heading != w->sorted[y->from].heading)
		return heading < w->sorted[y->from].heading ? -1 : 1;
	int c = x->rank != y->rank ? (x->rank < y->rank ? -1 : 1) : compare_by_sort(w, x, y);
	if (c == 0 && x->n != y->n)
		c = x->n > y->n ? -1 : 1;
	if (c == 0)
		c = (x->oldest < y->oldest) - (x->oldest > y->oldest);
	if (w->q->reversed && heading == HEADING_NONE)
		c = -c;
	return c != 0 ? c : (x->from > y->from) - (x->from < y->from);
}

/* The larger part first, else as it stood. */
static int compare_parts(const void *a, const void *b)
{
	const struct run *x = a;
	const struct run *y = b;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return (x->from > y->from) - (x->from < y->from);
}

static void add_level(
        struct tree_work *w, const struct run *of, unsigned level, uint64_t parent, unsigned depth);

static void add_line(struct tree_work *w, enum tree_kind kind, const struct tree_node *session, uint64_t key)
{
	uint32_t instance = session->instance;
	uint32_t index = session->index;
	uint32_t first = session->first;
	struct tree_node *node = tree_add(w, kind, hash_number(key, kind), session->depth + 1U);
	node->instance = instance;
	node->index = index;
	node->first = first;
	node->n = 1;
}

static void mark_last(struct tree *t, size_t from, unsigned depth)
{
	for (size_t i = t->n; i-- > from;) {
		if (t->nodes[i].depth == depth) {
			t->nodes[i].last = true;
			return;
		}
	}
}

/* transaction, wait and statement of a session that is open, its workers, and who waits for it. */
static void add_inside(struct tree_work *w, size_t at)
{
	struct tree_node node = w->t->nodes[at];
	const struct session *s = tree_session(w, node.instance, node.index);
	if (s->xact_ms >= 0)
		add_line(w, TREE_XACT, &node, node.key);
	if (s->wait_type != NULL || s->wait != NULL)
		add_line(w, TREE_WAIT, &node, node.key);
	add_line(w, TREE_STATEMENT, &node, node.key);
	tree_add_behind(w, node.key, node.instance, node.index, node.depth + 1U);
	mark_last(w->t, at + 1, node.depth + 1U);
}

static void add_sessions(struct tree_work *w, const struct run *of, uint64_t parent, unsigned depth)
{
	for (size_t i = of->from; i < of->from + of->n; i++) {
		const struct tree_sorted *e = &w->sorted[i];
		if (e->out)
			continue;
		uint64_t key = tree_session_key(w, parent, e->instance, e->index);
		struct tree_node *node = tree_add(w, TREE_SESSION, key, depth);
		node->heading = (enum tree_heading)e->heading;
		node->instance = e->instance;
		node->index = e->index;
		node->first = (uint32_t)i;
		node->n = 1;
		node->servers = 1;
		node->oldest_ms = e->age;
		node->opens = true;
		node->open = tree_is_toggled(w, key);
		if (node->open)
			add_inside(w, w->t->n - 1);
	}
}

static void add_group(
        struct tree_work *w, const struct run *r, unsigned level, uint64_t parent, unsigned depth)
{
	const struct tree_sorted *e = &w->sorted[r->from];
	const struct levels *l = levels_of(w, (enum tree_heading)e->heading);
	enum tree_kind kind = l->kind[level];
	uint64_t key = hash_number(hash_number(parent, (uint64_t)kind + 1), e->key[level]);
	struct tree_node *node = tree_add(w, kind, key, depth);
	node->heading = (enum tree_heading)e->heading;
	node->first = (uint32_t)r->from;
	node->n = (uint32_t)r->n;
	node->instance = w->sorted[r->from + r->example].instance;
	node->index = w->sorted[r->from + r->example].index;
	node->servers = r->servers;
	node->oldest_ms = r->oldest;
	node->growth = r->growth;
	node->opens = true;
	/* Servers are few: their instances are shown at once. */
	node->open = (kind == TREE_CLUSTER) != tree_is_toggled(w, key);
	if (!node->open)
		return;
	size_t at = w->t->n;
	add_level(w, r, level + 1, key, depth + 1);
	mark_last(w->t, at, depth + 1);
}

/* A level that says nothing here: one server, or a single session. */
static bool is_idle_level(enum tree_kind kind, const struct run *of)
{
	return (kind == TREE_INSTANCE && of->servers == 1) || (kind == TREE_SIGNATURE && of->n == 1);
}

static void add_level(
        struct tree_work *w, const struct run *of, unsigned level, uint64_t parent, unsigned depth)
{
	const struct levels *l = levels_of(w, (enum tree_heading)w->sorted[of->from].heading);
	while (level < l->n && l->kind[0] != TREE_CLUSTER && is_idle_level(l->kind[level], of))
		level++;
	if (level == l->n) {
		add_sessions(w, of, parent, depth);
		return;
	}
	struct run *runs = xcalloc(of->n, sizeof(*runs));
	size_t n = 0;
	for (size_t i = of->from; i < of->from + of->n; i += runs[n++].n) {
		bool whole;
		runs[n] = find_run(w, i, of->from + of->n, level, &whole);
		if (level == 1 && of->n > 0)
			runs[n].growth = run_growth(w, &runs[n], level);
	}
	if (n > 1)
		qsort(runs, n, sizeof(*runs), compare_parts);
	for (size_t i = 0; i < n; i++) {
		/* One session needs no line of its own above it. */
		if (l->kind[level] == TREE_SIGNATURE && runs[i].n == 1)
			add_sessions(w, &runs[i], parent, depth);
		else
			add_group(w, &runs[i], level, parent, depth);
	}
	free(runs);
}

static void add_groups(struct tree_work *w)
{
	struct run *runs = xcalloc(w->n + 1, sizeof(*runs));
	size_t n = 0;
	for (size_t i = 0; i < w->n;) {
		bool whole;
		runs[n] = find_run(w, i, w->n, 0, &whole);
		if (runs[n].n > 0) {
			/* A group of which only a part is shown has grown nobody knows how. */
			if (whole && (!w->q->hide_idle || w->q->axis == TREE_BY_SIGNATURE))
				runs[n].growth = run_growth(w, &runs[n], 0);
			set_rank(w, &runs[n]);
			w->t->sessions += (unsigned)(w->sorted[i].heading <= HEADING_FREE ? runs[n].n : 0);
			w->t->groups += w->sorted[i].heading == HEADING_NONE;
			n++;
		}
		i = run_end(w, i, w->n);
	}
	if (n > 1)
		qsort_r(runs, n, sizeof(*runs), compare_runs, w);
	for (size_t i = 0; i < n; i++)
		add_group(w, &runs[i], 0, hash_number((uint64_t)w->q->axis, 7), 0);
	free(runs);
}

/* --- The whole */

/* Which lines go on to the left of each node: known once the last child of every parent is. */
static void lay_rails(struct tree *t)
{
	uint32_t rails = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct tree_node *node = &t->nodes[i];
		unsigned depth = node->depth < 31 ? node->depth : 31;
		rails &= (UINT32_C(1) << depth) - 1;
		node->rails = rails;
		if (!node->last && depth > 0)
			rails |= UINT32_C(1) << depth;
	}
}

static size_t room_for(const struct tree_work *w)
{
	size_t room = 1;
	for (size_t i = 0; i < w->snap->n; i++)
		room += w->q->in[i] ? sessions_at(w->all, i)->n : 0;
	return room;
}

void tree_build(struct tree *t, const struct tree_query *q, const struct tree_memory *m,
        const struct sessions *all, const struct snapshot *snap)
{
	struct tree keep = {.nodes = t->nodes,
	        .cap = t->cap,
	        .entries = t->entries,
	        .entries_cap = t->entries_cap,
	        .longest_wait_ms = -1};
	*t = keep;
	struct tree_work w = {.t = t, .q = q, .m = m, .all = all, .snap = snap};
	w.sorted = xcalloc(room_for(&w), sizeof(*w.sorted));
	for (size_t i = 0; i < snap->n; i++) {
		if (q->in[i] && sessions_at(all, i)->sample != NULL)
			gather(&w, (uint32_t)i);
	}
	if (w.n > 1)
		qsort(w.sorted, w.n, sizeof(*w.sorted), compare);
	for (size_t i = 0; i < w.n; i++)
		tree_entry(&w, w.sorted[i].instance, w.sorted[i].index);
	if (q->axis == TREE_BY_BLOCKER)
		tree_add_queues(&w);
	add_groups(&w);
	lay_rails(t);
	free(w.sorted);
}
