/* The set of all probes: which names there are, and which variant fits a server. Checked as a whole once, so
 * that nobody finds a hole between two versions at three in the morning. */
#include "core/model/probe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/probe_parse.h"

struct probe_set {
	struct arena *arena;
	struct probe *probes; /* sorted by name, engine, version once finished */
	size_t n, cap;
	const char *names[PROBE_NAMES_MAX];
	size_t nnames;
	bool finished;
};

struct probe_set *probe_set_new(struct err *e)
{
	(void)e;
	struct probe_set *set = xcalloc(1, sizeof(*set));
	set->arena = arena_new();
	return set;
}

void probe_set_free(struct probe_set *set)
{
	if (set == NULL)
		return;
	arena_free(set->arena);
	free(set->probes);
	free(set);
}

bool probe_set_add(struct probe_set *set, const struct embedded_file *file, struct err *e)
{
	assert(!set->finished);
	struct probe probe;
	if (!probe_parse(file, set->arena, &probe, e))
		return false;
	if (set->n == set->cap) {
		set->cap = set->cap == 0 ? 16 : set->cap * 2;
		set->probes = xreallocarray(set->probes, set->cap, sizeof(*set->probes));
	}
	set->probes[set->n++] = probe;
	return true;
}

static int order_probes(const void *a, const void *b)
{
	const struct probe *p = a;
	const struct probe *q = b;
	int order = strcmp(p->name, q->name);
	if (order == 0)
		order = (int)p->engine - (int)q->engine;
	return order != 0 ? order : p->version_min - q->version_min;
}

static bool number_slots(struct probe_set *set, struct err *e)
{
	for (size_t i = 0; i < set->n; i++) {
		struct probe *p = &set->probes[i];
		if (i == 0 || strcmp(p->name, p[-1].name) != 0) {
			if (set->nnames == PROBE_NAMES_MAX)
				return err_set(e, ERR_USAGE, "%s: more than %d names of probes", p->file,
				        PROBE_NAMES_MAX);
			set->names[set->nnames++] = p->name;
		}
		p->slot = (unsigned)set->nnames - 1;
	}
	return true;
}

/* The versions are not printed: the files' names and their `versions` lines say more. */
static bool check_ranges(const struct probe_set *set, struct err *e)
{
	for (size_t i = 1; i < set->n; i++) {
		const struct probe *p = &set->probes[i - 1];
		const struct probe *q = &set->probes[i];
		if (p->slot != q->slot || p->engine != q->engine)
			continue;
		if (q->version_min <= p->version_max)
			return err_set(
			        e, ERR_USAGE, "%s: its versions overlap with those of %s", q->file, p->file);
		if (q->version_min != p->version_max + 1)
			return err_set(
			        e, ERR_USAGE, "%s: versions are missing between it and %s", q->file, p->file);
	}
	return true;
}

static const struct column *find_column(const struct probe *p, const char *name)
{
	for (size_t i = 0; i < p->ncols; i++) {
		if (strcmp(p->columns[i].name, name) == 0)
			return &p->columns[i];
	}
	return NULL;
}

/* A gate must be answerable wherever the gated probe runs. */
static bool check_gate(const struct probe_set *set, const struct probe *p, struct err *e)
{
	bool found = false;
	for (size_t i = 0; i < set->n; i++) {
		const struct probe *q = &set->probes[i];
		if (q->engine != p->engine || strcmp(q->name, p->gate.probe) != 0)
			continue;
		const struct column *c = find_column(q, p->gate.column);
		if (c == NULL || column_cell_type(c->role) != CELL_INT)
			return err_set(e, ERR_USAGE, "%s: when: %s has no column %s that is a whole number",
			        p->file, q->file, p->gate.column);
		found = true;
	}
	if (!found)
		return err_set(e, ERR_USAGE, "%s: when: there is no probe %s for %s", p->file, p->gate.probe,
		        engine_name(p->engine));
	return true;
}

/* One variant answers for all versions of the probe that names it: its columns are those of the statement. */
static const struct probe *find_passenger(const struct probe_set *set, const struct probe *p,
        const char *field, const char *name, struct err *e)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct probe *q = &set->probes[i];
		if (q->engine == p->engine && strcmp(q->name, name) == 0 &&
		        q->version_min <= p->version_min && q->version_max >= p->version_max)
			return q;
	}
	err_set(e, ERR_USAGE, "%s: %s: there is no probe %s for all versions of %s", p->file, field, name,
	        engine_name(p->engine));
	return NULL;
}

static bool find_carried(const struct probe_set *set, struct probe *p, struct err *e)
{
	p->carried = find_passenger(set, p, "carries", p->carries, e);
	return p->carried != NULL;
}

/* What it covers has no columns of its own. */
static bool find_covered(const struct probe_set *set, struct probe *p, struct err *e)
{
	p->covered = find_passenger(set, p, "covers", p->covers, e);
	if (p->covered == NULL)
		return false;
	if (p->covered->lane != p->lane)
		return err_set(e, ERR_USAGE, "%s: covers: %s is on another lane", p->file, p->covers);
	for (size_t i = 0; i < p->covered->ncols; i++) {
		const struct column *wanted = &p->covered->columns[i];
		const struct column *c = find_column(p, wanted->name);
		if (c == NULL || c->role != wanted->role)
			return err_set(e, ERR_USAGE, "%s: covers: it has no column %s as %s has", p->file,
			        wanted->name, p->covered->file);
	}
	return true;
}

/* One name means one thing in every variant: views and JSON rely on it. */
static bool check_roles(const struct probe *p, const struct probe *q, struct err *e)
{
	for (size_t i = 0; i < p->ncols; i++) {
		const struct column *c = find_column(q, p->columns[i].name);
		if (c != NULL && (c->role != p->columns[i].role || c->key != p->columns[i].key))
			return err_set(e, ERR_USAGE, "%s: column %s has another role or key than in %s",
			        p->file, c->name, q->file);
	}
	return true;
}

bool probe_set_finish(struct probe_set *set, struct err *e)
{
	assert(!set->finished);
	set->finished = true;
	if (set->n > 0)
		qsort(set->probes, set->n, sizeof(*set->probes), order_probes);
	if (!number_slots(set, e) || !check_ranges(set, e))
		return false;
	for (size_t i = 0; i < set->n; i++) {
		struct probe *p = &set->probes[i];
		if (p->gate.probe != NULL && !check_gate(set, p, e))
			return false;
		if (p->carries != NULL && !find_carried(set, p, e))
			return false;
		if (p->covers != NULL && !find_covered(set, p, e))
			return false;
		for (size_t j = i; j-- > 0 && set->probes[j].slot == p->slot;) {
			if (!check_roles(p, &set->probes[j], e))
				return false;
		}
	}
	return true;
}

size_t probe_set_names(const struct probe_set *set)
{
	return set->nnames;
}

const char *probe_set_name(const struct probe_set *set, unsigned slot)
{
	assert(slot < set->nnames);
	return set->names[slot];
}

int probe_set_slot(const struct probe_set *set, const char *name)
{
	for (size_t i = 0; i < set->nnames; i++) {
		if (strcmp(set->names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

const struct probe *probe_set_find(
        const struct probe_set *set, unsigned slot, enum engine engine, int version, bool *newer)
{
	const struct probe *best = NULL;
	assert(set->finished);
	if (newer != NULL)
		*newer = false;
	for (size_t i = 0; i < set->n; i++) {
		const struct probe *p = &set->probes[i];
		if (p->slot == slot && p->engine == engine && p->version_min <= version)
			best = p;
	}
	if (best != NULL && newer != NULL)
		*newer = version > best->version_max;
	return best;
}

size_t probe_set_count(const struct probe_set *set)
{
	return set->n;
}

const struct probe *probe_set_at(const struct probe_set *set, size_t i)
{
	assert(i < set->n);
	return &set->probes[i];
}
