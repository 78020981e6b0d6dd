/* Most sessions of a server are idle and were idle a second ago. Turning each of them into text, sending and
 * parsing it again was half of what a look at 500 sessions cost both sides. So the statement names those by
 * id and by the microsecond of their last change, and here their rows of the last answer are written again:
 * the same session at the same microsecond is the same row, except that its durations have grown. */
#include "backends/postgres/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static const char *const kept_names[KEPT_FIELDS] = {[KEPT_STAMP] = "kept.stamp",
        [KEPT_SINCE] = "kept.since",
        [KEPT_NOW] = "kept.now",
        [KEPT_IDS] = "kept.ids",
        [KEPT_STAMPS] = "kept.stamps"};

size_t pg_kept_match(struct plan *plan, const PGresult *r)
{
	size_t n = 0;
	for (size_t i = 0; i < KEPT_FIELDS; i++) {
		plan->kept[i] = PQfnumber(r, kept_names[i]);
		n += plan->kept[i] >= 0;
	}
	return n;
}

void pg_kept_begin(struct fetching *f, const struct probe_value *values)
{
	bool same_names = f->plan->names_of == f->c->names.loaded;
	for (size_t i = 1; i < f->probe->nparams; i++) {
		const struct table *t = values[i].since;
		if (f->probe->params[i].type == PARAM_SINCE && same_names && t != NULL && t->kept != NULL)
			f->before = t;
	}
}

const char *pg_kept_since(const struct fetching *f)
{
	return f->before == NULL ? NULL : f->before->kept->before;
}

/* A field of the row as text of the arena; NULL when it is NULL or there is no such column. */
static char *kept_text(const struct fetching *f, const PGresult *r, size_t which)
{
	const char *text = f->plan->kept[which] < 0 ? NULL : pg_text(r, 0, f->plan->kept[which]);
	return text == NULL ? NULL : arena_strdup(f->arena, text);
}

bool pg_kept_row(struct fetching *f, const PGresult *r)
{
	char *taken = kept_text(f, r, KEPT_SINCE);
	if (taken == NULL)
		return false;
	f->taken = taken;
	f->ids = kept_text(f, r, KEPT_IDS);
	f->stamps = kept_text(f, r, KEPT_STAMPS);
	const char *now = f->plan->kept[KEPT_NOW] < 0 ? NULL : pg_text(r, 0, f->plan->kept[KEPT_NOW]);
	f->now_us = now == NULL ? 0 : strtoll(now, NULL, 10);
	return true;
}

static void add_stamp(struct fetching *f, int64_t stamp)
{
	if (f->rows == f->room) {
		size_t room = f->room == 0 ? 64 : f->room * 2;
		f->stamp = arena_resize(
		        f->arena, f->stamp, f->room * sizeof(*f->stamp), room * sizeof(*f->stamp));
		f->room = room;
	}
	f->stamp[f->rows++] = stamp;
}

void pg_kept_stamp(struct fetching *f, const PGresult *r)
{
	if (f->plan->kept[KEPT_STAMP] < 0)
		return;
	const char *text = pg_text(r, 0, f->plan->kept[KEPT_STAMP]);
	add_stamp(f, text == NULL ? 0 : strtoll(text, NULL, 10));
}

/* Rows of the answer before that have a stamp, by id. */
struct known {
	int64_t id;
	size_t row;
};

static int compare(const void *a, const void *b)
{
	const struct known *x = a;
	const struct known *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The caller frees. */
static struct known *known_rows(const struct table *t, size_t *n)
{
	struct known *known = xreallocarray(NULL, t->nrows + 1, sizeof(*known));
	int key = 0;
	while ((size_t)key + 1 < t->ncols && !t->columns[key].key)
		key++;
	*n = 0;
	for (size_t row = 0; row < t->nrows; row++) {
		if (t->kept->stamp[row] > 0 && table_int(t, row, key, &known[*n].id))
			known[(*n)++].row = row;
	}
	qsort(known, *n, sizeof(*known), compare);
	return known;
}

/* The next number of an array's text "{1,2}"; false at its end. */
static bool next_number(const char **at, int64_t *out)
{
	char *end;
	if (**at == '{' || **at == ',')
		(*at)++;
	*out = strtoll(*at, &end, 10);
	bool found = end != *at;
	*at = end;
	return found;
}

bool pg_kept_add(struct fetching *f)
{
	const char *ids = f->ids;
	const char *stamps = f->stamps;
	int64_t stamp;
	size_t n;
	struct known key;
	if (ids == NULL || stamps == NULL)
		return true;
	if (f->before == NULL)
		return false;
	const struct table_kept *kept = f->before->kept;
	struct known *known = known_rows(f->before, &n);
	bool ok = true;
	while (ok && !f->full && next_number(&ids, &key.id)) {
		const struct known *found = bsearch(&key, known, n, sizeof(*known), compare);
		ok = next_number(&stamps, &stamp) && found != NULL && kept->stamp[found->row] == stamp;
		if (!ok)
			break;
		f->full = !table_build_copy(
		        f->builder, f->before, found->row, (f->now_us - kept->now_us) / 1000);
		add_stamp(f, stamp);
	}
	free(known);
	return ok;
}

void pg_kept_finish(struct fetching *f, struct table *t)
{
	f->plan->names_of = f->c->names.loaded;
	t->carried = f->carried;
	/* Rows may be missing: those would be named again and again without being known. */
	if (f->taken == NULL || f->full || t->nrows >= f->most || t->nrows != f->rows)
		return;
	struct table_kept *kept = arena_alloc(f->arena, sizeof(*kept));
	*kept = (struct table_kept){.taken = f->taken,
	        .before = f->before == NULL ? NULL : arena_strdup(f->arena, f->before->kept->taken),
	        .now_us = f->now_us,
	        .stamp = f->stamp};
	t->kept = kept;
}
