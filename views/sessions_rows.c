/* Which sessions are in the list, and in which order. What is left out is counted and said; what is under the
 * cursor or marked stays in as long as it lives, whatever its state, so that nobody believes it has ended.
 * Values that are sorted by are read once for each session. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "views/sessions_state.h"

enum { SCRATCH = 256 };

/* --- What a row is called, and what it was */

struct list_key sessions_key(const struct sessions_state *st, size_t instance, const struct session *s)
{
	return (struct list_key){
	        list_hash(st->memory[instance].name, &s->born, sizeof s->born), (uint64_t)s->id};
}

const struct session *sessions_row(const struct sessions_state *st, long row, size_t *instance)
{
	if (row < 0 || (size_t)row >= st->n)
		return NULL;
	*instance = st->rows[row].instance;
	const struct session_view *v = sessions_at(st->all, *instance);

	return st->rows[row].index < v->n + v->extra ? &v->sessions[st->rows[row].index] : NULL;
}

bool sessions_opened(const struct sessions_state *st, struct list_key key)
{
	for (size_t i = 0; i < st->nopened; i++)
		if (list_key_equal(st->opened[i], key))
			return true;
	return false;
}

static int compare_was(const void *a, const void *b)
{
	const struct session_was *x = a;
	const struct session_was *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

bool sessions_changed(const struct sessions_state *st, size_t instance, const struct session *s)
{
	const struct session_memory *m = &st->memory[instance];
	const struct session_was key = {.id = s->id};
	const struct session_was *was =
	        m->nwas > 0 ? bsearch(&key, m->was, m->nwas, sizeof *m->was, compare_was) : NULL;

	return was && was->state != s->state;
}

static void find_columns(struct session_memory *m, const struct table *t)
{
	m->rows_modified = table_column(t, "rows_modified");
	m->rows_locked = table_column(t, "rows_locked");
	m->progress = table_column(t, "progress");
	m->phase = table_column(t, "phase");
	m->query_bytes = table_column(t, "query_bytes");
	m->xmin_age = table_column(t, "backend_xmin_age");
	m->tells_progress = false;
	for (size_t row = 0; row < t->nrows && m->progress >= 0 && !m->tells_progress; row++) {
		double progress;

		m->tells_progress = table_real(t, row, m->progress, &progress);
	}
}

static void memory_step(struct session_memory *m, const struct session_view *v)
{
	if (!v->sample || v->sample->finished == m->sampled)
		return;
	free(m->was);
	m->was = m->now;
	m->nwas = m->nnow;
	m->now = xcalloc(v->n + 1, sizeof *m->now);
	m->nnow = 0;
	for (size_t i = 0; i < v->n + v->extra; i++) {
		const struct session *s = &v->sessions[v->by_id[i]];

		if (s->row != SESSION_NONE)
			m->now[m->nnow++] = (struct session_was){s->id, s->state};
	}
	m->sampled = v->sample->finished;
	find_columns(m, v->sample->table);
}

void sessions_forget(struct sessions_state *st)
{
	for (size_t i = 0; i < st->nmemory; i++) {
		free(st->memory[i].now);
		free(st->memory[i].was);
	}
	free(st->memory);
	st->memory = NULL;
	st->nmemory = 0;
}

static void remember(struct sessions_state *st, const struct view_input *in)
{
	size_t n = in->snap->n;

	if (n < st->nmemory)
		sessions_forget(st);
	st->memory = xreallocarray(st->memory, n + 1, sizeof *st->memory);
	for (size_t i = st->nmemory; i < n; i++)
		st->memory[i] = (struct session_memory){.rows_modified = -1};
	st->nmemory = n;
	for (size_t i = 0; i < n; i++) {
		st->memory[i].name = list_hash_text(0, view_instance_name(in, i));
		if (scope_has(&in->scope, in->snap, i))
			memory_step(&st->memory[i], sessions_at(st->all, i));
	}
}

/* --- Who is in */

struct access {
	const struct sessions_state *st;
	const struct view_input *in;
	size_t instance;
	const struct session *s;
	char *scratch;
};

static bool row_text(const void *arg, int column, const char **s, size_t *n)
{
	const struct access *a = arg;

	if (!sessions_text(a->st, a->in, a->instance, a->s, column, a->scratch, SCRATCH, s))
		return false;
	/* What is not put together here is in the sample, and there for all sessions that have the same. */
	if (column == SCOL_QUERY)
		*n = a->s->query_n;
	else if (*s >= a->scratch && *s < a->scratch + SCRATCH)
		*n = strlen(*s);
	else
		*n = FILTER_STAYS;
	return true;
}

/* Every column but figures and durations: these are no words. */
static const int worded[] = {SCOL_ID, SCOL_USER, SCOL_APP, SCOL_STATE, SCOL_WAIT, SCOL_DB, SCOL_CLIENT,
        SCOL_QUERY, SEXTRA_KIND, SCOL_INSTANCE, SCOL_LOCKS, SEXTRA_CLUSTER, SEXTRA_PHASE};
enum { WORDED = sizeof worded / sizeof worded[0], LETTERED = 9 }; /* up to the kind: session.letters */

static bool row_number(const void *arg, int column, double *v)
{
	const struct access *a = arg;

	*v = sessions_number(a->st, a->instance, a->s, column);
	return !isnan(*v);
}

static bool matches(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s, struct filter_pass *pass)
{
	if (!st->filter.filter)
		return true;
	char scratch[SCRATCH];
	const struct access access = {.st = st, .in = in, .instance = instance, .s = s, .scratch = scratch};
	const struct filter_row row = {
	        .text = row_text, .number = row_number, .row = &access, .pass = pass, .letters = s->letters};

	return filter_match(st->filter.filter, &row);
}

enum left_out { OUT_NOT, OUT_OWN, OUT_IDLE, OUT_BACKGROUND };

static enum left_out left_out(const struct sessions_state *st, const struct session *s)
{
	if (s->own)
		return st->show_own ? OUT_NOT : OUT_OWN;
	if (st->show_idle || s->waiting || s->blocks_now > 0)
		return OUT_NOT;
	if (s->idle)
		return OUT_IDLE;
	return s->kind > SESSION_AUTOVACUUM && s->kind <= SESSION_SYSTEM ? OUT_BACKGROUND : OUT_NOT;
}

/* Under the cursor or marked: it stays. */
static bool held(const struct sessions_state *st, size_t instance, const struct session *s)
{
	uint64_t id = (uint64_t)s->id;
	bool may = !st->explicit && st->list.cursor.b == id;

	for (size_t i = 0; i < st->list.nmarks && !may; i++)
		may = st->list.mark[i].b == id;
	if (!may)
		return false;
	struct list_key key = sessions_key(st, instance, s);

	return (!st->explicit && list_key_equal(st->list.cursor, key)) || list_marked(&st->list, key);
}

static bool keeps(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s, struct filter_pass *pass)
{
	return held(st, instance, s) || (left_out(st, s) == OUT_NOT && matches(st, in, instance, s, pass));
}

/* The same, and counts what stays out. */
static bool takes(struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s, struct filter_pass *pass)
{
	enum left_out out = left_out(st, s);

	if (held(st, instance, s))
		return true;
	if (!matches(st, in, instance, s, pass)) {
		st->filtered_out += out == OUT_NOT;
		return false;
	}
	st->own_out += out == OUT_OWN;
	st->idle_out += out == OUT_IDLE;
	st->background_out += out == OUT_BACKGROUND;
	return out == OUT_NOT;
}

/* --- In which order */

struct session_entry {
	uint64_t order;
	const struct session *s;
	union {
		double number;
		const char *text;
	} by;
	uint32_t instance, place; /* place: in the default order */
};

struct order {
	bool reversed, by_text;
};

/* Each instance's sessions come in the default order; two runs at a time become one. Of equals those of the
 * earlier instance come first. */
static void merge(const struct session_entry *a, size_t na, const struct session_entry *b, size_t nb,
        struct session_entry *out)
{
	while (na > 0 && nb > 0) {
		if (b->order < a->order) {
			*out++ = *b++;
			nb--;
		} else {
			*out++ = *a++;
			na--;
		}
	}
	memcpy(out, a, na * sizeof *out);
	memcpy(out + na, b, nb * sizeof *out);
}

/* ends: where each run ends, overwritten. Returns the one of the two that has them all in order. */
static struct session_entry *merge_runs(
        struct session_entry *from, struct session_entry *to, size_t *ends, size_t runs)
{
	while (runs > 1) {
		size_t kept = 0, start = 0;

		for (size_t r = 0; r < runs; r += 2) {
			size_t middle = ends[r], end = r + 1 < runs ? ends[r + 1] : middle;

			merge(from + start, middle - start, from + middle, end - middle, to + start);
			ends[kept++] = start = end;
		}
		struct session_entry *swap = from;

		from = to;
		to = swap;
		runs = kept;
	}
	return from;
}

/* Texts ascend, figures descend: what one looks for is on top. What is unknown comes last. */
static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	const struct session_entry *x = a;
	const struct session_entry *y = b;
	int way = o->reversed ? -1 : 1;
	int c = 0;

	if (o->by_text) {
		if (!x->by.text != !y->by.text)
			return x->by.text ? -1 : 1;
		c = x->by.text ? strcmp(x->by.text, y->by.text) : 0;
	} else {
		if (isnan(x->by.number) != isnan(y->by.number))
			return isnan(x->by.number) ? 1 : -1;
		c = isnan(x->by.number) ? 0 : (x->by.number < y->by.number) - (x->by.number > y->by.number);
	}
	return c ? way * c : (x->place > y->place) - (x->place < y->place);
}

static bool sorts_by_text(int column)
{
	switch (column) {
	case SCOL_XACT:
	case SCOL_AGE:
	case SCOL_LOCKS:
	case SCOL_ROWS:
	case SCOL_PROGRESS:
	case SCOL_ID:
		return false;
	default:
		return true;
	}
}

/* What an entry is sorted by. Texts that are put together for the screen sort by their first part. */
static void read_entry(const struct sessions_state *st, const struct view_input *in, struct session_entry *e)
{
	char scratch[SCRATCH];

	if (!sorts_by_text(st->sort))
		e->by.number = sessions_rank(st, e->instance, e->s, st->sort);
	else if (st->sort == SCOL_WAIT)
		e->by.text = e->s->wait_type ? e->s->wait_type : e->s->wait;
	else if (!sessions_text(st, in, e->instance, e->s, st->sort, scratch, sizeof scratch, &e->by.text))
		e->by.text = NULL;
	/* Ids are read from the smallest. */
	if (st->sort == SCOL_ID)
		e->by.number = -e->by.number;
}

/* From the default order to the one that is asked for. */
static void sort_entries(
        const struct sessions_state *st, const struct view_input *in, struct session_entry *entries, size_t n)
{
	if (st->sort == LIST_NO_COLUMN) {
		for (size_t i = 0; st->reversed && i < n / 2; i++) {
			struct session_entry swap = entries[i];

			entries[i] = entries[n - 1 - i];
			entries[n - 1 - i] = swap;
		}
		return;
	}
	struct order order = {.reversed = st->reversed, .by_text = sorts_by_text(st->sort)};

	for (size_t i = 0; i < n; i++) {
		entries[i].place = (uint32_t)i;
		read_entry(st, in, &entries[i]);
	}
	qsort_r(entries, n, sizeof *entries, compare_entries, &order);
}

static void add_row(struct sessions_state *st, uint32_t instance, const struct session *s)
{
	const struct session_view *v = sessions_at(st->all, instance);

	st->rows[st->n] = (struct session_row){instance, (uint32_t)(s - v->sessions)};
	st->keys[st->n] = sessions_key(st, instance, s);
	st->n++;
}

static void add_workers(struct sessions_state *st, const struct session_entry *leader)
{
	const struct session_view *v = sessions_at(st->all, leader->instance);
	uint32_t index = (uint32_t)(leader->s - v->sessions);

	for (size_t i = 0; i < v->n; i++)
		if (v->sessions[i].leader == index && !held(st, leader->instance, &v->sessions[i]))
			add_row(st, leader->instance, &v->sessions[i]);
}

/* --- Together */

static size_t gather(
        struct sessions_state *st, const struct view_input *in, size_t instance, struct session_entry *out)
{
	const struct session_view *v = sessions_at(st->all, instance);
	struct filter_pass pass = {.words = worded, .nwords = WORDED, .nlettered = LETTERED};
	size_t n = 0;

	st->hidden += v->counts.hidden;
	st->total += v->counts.clients;
	st->roots += v->counts.roots;
	st->blocked += v->counts.blocked;
	if (v->counts.longest_wait_ms > st->longest_wait_ms)
		st->longest_wait_ms = v->counts.longest_wait_ms;
	st->truncated |= v->sample && v->sample->table->truncated;
	session_waits_add(&st->waits, &v->waits);
	for (size_t i = 0; i < v->n + v->extra; i++) {
		const struct session *s = &v->sessions[v->by_order[i]];
		/* Workers stand under their leader; one whose leader is left out stands alone. */
		if (s->leader != SESSION_NONE && !held(st, instance, s)) {
			const struct session *leader = &v->sessions[s->leader];
			bool folds = keeps(st, in, instance, leader, &pass);

			st->workers_in += folds;
			if (folds || !matches(st, in, instance, s, &pass) || left_out(st, s) != OUT_NOT)
				continue;
		} else if (!takes(st, in, instance, s, &pass)) {
			continue;
		}
		out[n++] = (struct session_entry){.order = s->order, .s = s, .instance = (uint32_t)instance};
	}
	return n;
}

static size_t room_for(const struct sessions_state *st, const struct view_input *in)
{
	size_t room = 1;

	for (size_t i = 0; i < in->snap->n; i++) {
		const struct session_view *v = sessions_at(st->all, i);

		if (scope_has(&in->scope, in->snap, i))
			room += v->n + v->extra;
	}
	return room;
}

static void use_model(struct sessions_state *st, const struct view_input *in)
{
	const struct sessions *given = in->findings ? in->findings->sessions : NULL;

	if (given && sessions_count(given) == in->snap->n) {
		st->all = given;
		return;
	}
	if (!st->own)
		st->own = sessions_new();
	sessions_update(st->own, in->snap);
	st->all = st->own;
}

void sessions_collect(struct sessions_state *st, const struct view_input *in)
{
	use_model(st, in);
	remember(st, in);
	size_t room = room_for(st, in);
	size_t *ends = xcalloc(in->snap->n + 1, sizeof *ends);
	size_t n = 0, runs = 0;

	if (room > st->cap) {
		st->cap = room;
		st->rows = xreallocarray(st->rows, room, sizeof *st->rows);
		st->keys = xreallocarray(st->keys, room, sizeof *st->keys);
		st->entries = xreallocarray(st->entries, 2 * room, sizeof *st->entries);
	}
	st->n = 0;
	st->waits = (struct session_waits){0};
	st->idle_out = st->own_out = st->background_out = st->filtered_out = st->workers_in = 0;
	st->hidden = st->total = st->roots = st->blocked = 0;
	st->longest_wait_ms = -1;
	st->truncated = false;
	for (size_t i = 0; i < in->snap->n; i++) {
		if (!scope_has(&in->scope, in->snap, i) || !sessions_at(st->all, i)->sample)
			continue;
		n += gather(st, in, i, st->entries + n);
		ends[runs++] = n;
	}
	struct session_entry *entries = merge_runs(st->entries, st->entries + st->cap, ends, runs);

	free(ends);
	sort_entries(st, in, entries, n);
	for (size_t i = 0; i < n; i++) {
		add_row(st, entries[i].instance, entries[i].s);
		if (entries[i].s->workers > 0 && st->nopened > 0 && sessions_opened(st, st->keys[st->n - 1]))
			add_workers(st, &entries[i]);
	}
	if (st->list.nmarks > 0)
		list_marks_prune(&st->list, st->keys, st->n);
}
