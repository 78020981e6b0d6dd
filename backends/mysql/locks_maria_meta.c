/* Metadata, backup and user locks on MariaDB. The state of a session tells that it waits; who holds which
 * object is known by the plugin metadata_lock_info only, and what the waiter wants not even then: the object
 * is the one its statement names. So all of that is likely. User locks are sure, when the statement has the
 * name in it. */
#include "backends/mysql/locks_maria.h"

#include <stdlib.h>
#include <string.h>

/* The waiters of one object, in the order in which they are served. */
struct object {
	const struct maria_row *const *wait;
	size_t n;
	const char *queue, *kind, *name;
	size_t begin; /* of its entries */
};

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *word(const char *text)
{
	return text != NULL ? text : "";
}

/* By object; then the exclusive ones first, whenever they came. */
static int in_order(const void *a, const void *b)
{
	const struct maria_row *x = *(const struct maria_row *const *)a;
	const struct maria_row *y = *(const struct maria_row *const *)b;
	int order = strcmp(x->kind, y->kind);
	order = order != 0 ? order : strcmp(word(x->name), word(y->name));
	if (order != 0)
		return order;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	if (x->us != y->us)
		return x->us > y->us ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static struct maria_entry *add(struct maria_look *l, const struct object *o, int64_t id, bool held)
{
	struct maria_entry *e = maria_entry_add(l);
	e->queue = o->queue;
	e->kind = o->kind;
	e->id = id;
	e->held = held;
	e->likely = strcmp(o->kind, "user") != 0;
	return e;
}

static void add_waiters(struct maria_look *l, const struct object *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct maria_row *w = o->wait[i];
		struct maria_entry *e = add(l, o, w->id, false);
		e->object = o->name[0] != '\0' ? o->name : NULL;
		e->mode = w->mode;
		e->place = (int64_t)i + 1;
		e->waiting_ms = w->us >= 0 ? w->us / 1000 : -1;
	}
}

static void add_granted(struct maria_look *l, const struct object *o)
{
	const struct maria_rows *r = &l->from[MARIA_GRANTED];
	for (size_t i = 0; i < r->n; i++) {
		if (same(r->row[i].kind, o->kind) && same(r->row[i].name, o->name))
			add(l, o, r->row[i].id, true)->mode = r->row[i].mode;
	}
}

static bool has_transaction(const struct maria_look *l, int64_t id)
{
	const struct maria_rows *r = &l->from[MARIA_TRANSACTION];
	for (size_t lo = 0, hi = r->n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->row[mid].id == id)
			return true;
		if (r->row[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Works where the object is: in its schema, or in that of one who waits. */
static bool is_near(const struct object *o, const struct maria_row *s)
{
	if (strcmp(o->kind, "backup") == 0)
		return true;
	const char *dot = strrchr(o->name, '.');
	size_t schema = dot != NULL ? (size_t)(dot - o->name) : 0;
	if (s->other != NULL && schema > 0 && strlen(s->other) == schema &&
	        memcmp(s->other, o->name, schema) == 0)
		return true;
	for (size_t i = 0; i < o->n; i++) {
		if (same(o->wait[i]->other, s->other))
			return true;
	}
	return false;
}

/* The table's name is in what it runs. */
static bool names(const struct maria_row *s, const struct object *o)
{
	const char *dot = strrchr(o->name, '.');
	const char *name = dot != NULL ? dot + 1 : o->name;
	return s->info != NULL && strstr(s->info, name) != NULL;
}

/* Has a transaction, or runs a statement that is older than the longest wait. Who waits itself may have the
 * object too, when it is another one that it waits for. */
static bool may_hold(
        const struct maria_look *l, const struct object *o, const struct maria_row *s, int64_t longest)
{
	if (!is_near(o, s) || (s->kind != NULL && strcmp(s->kind, o->kind) == 0 && same(s->name, o->name)))
		return false;
	if (has_transaction(l, s->id))
		return true;
	if (s->us < longest)
		return false;
	if (s->kind == NULL)
		return s->flag;
	return strcmp(s->kind, "user") == 0 || names(s, o);
}

static void guess(struct maria_look *l, const struct object *o)
{
	const struct maria_rows *r = &l->from[MARIA_SESSION];
	bool backup = strcmp(o->kind, "backup") == 0, strong = false;
	const struct maria_row *alters = NULL;
	int64_t longest = 0;
	for (size_t i = 0; i < o->n; i++) {
		const struct maria_row *w = o->wait[i];
		strong = strong || w->n < 2;
		longest = w->us > longest ? w->us : longest;
		if (w->flag && (alters == NULL || w->us > alters->us))
			alters = w;
	}
	for (size_t i = 0; i < r->n; i++) {
		if (may_hold(l, o, &r->row[i], longest))
			add(l, o, r->row[i].id, true)->mode = !strong  ? NULL
			                                      : backup ? "MDL_BACKUP_TRANS_DML"
			                                               : "MDL_SHARED_WRITE";
	}
	/* The first ALTER in a queue is taken to hold what keeps other ones out while it waits for more. */
	if (alters != NULL && !backup)
		add(l, o, alters->id, true)->mode = "MDL_SHARED_UPGRADABLE";
}

/* Somebody for whom nobody else is there to wait for: the holder is not shown. */
static bool lacks_holder(const struct maria_look *l, const struct object *o)
{
	for (size_t k = 0; k < o->n; k++) {
		bool other = false;
		for (size_t i = o->begin; i < l->n && !other; i++)
			other = l->entry[i].held && l->entry[i].id != o->wait[k]->id;
		if (!other)
			return true;
	}
	return false;
}

static void add_object(struct maria_look *l, struct object *o)
{
	bool user = strcmp(o->kind, "user") == 0;
	o->queue = arena_printf(l->arena, "%s/%s", o->kind, o->name);
	o->begin = l->n;
	if (user && o->name[0] != '\0')
		add(l, o, o->wait[0]->holder, true);
	else if (!user && l->plugin)
		add_granted(l, o);
	else if (!user)
		guess(l, o);
	if (strcmp(o->kind, "metadata") == 0 && has_transaction(l, 0))
		add(l, o, 0, true);
	if (lacks_holder(l, o))
		add(l, o, -1, true)->likely = true;
	add_waiters(l, o);
}

void maria_add_metadata(struct maria_look *l)
{
	const struct maria_rows *r = &l->from[MARIA_SESSION];
	const struct maria_row **wait = arena_alloc(l->arena, (r->n + 1) * sizeof(*wait));
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (r->row[i].kind != NULL)
			wait[n++] = &r->row[i];
	}
	if (n > 1)
		qsort(wait, n, sizeof(*wait), in_order);
	for (size_t i = 0, end; i < n; i = end) {
		const char *name = word(wait[i]->name);
		for (end = i;
		        end < n && same(wait[end]->kind, wait[i]->kind) && same(word(wait[end]->name), name);
		        end++)
			continue;
		struct object o = {.wait = &wait[i], .n = end - i, .kind = word(wait[i]->kind), .name = name};
		add_object(l, &o);
	}
}
