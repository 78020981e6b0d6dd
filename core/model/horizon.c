/* The horizon's holders from every server's sample, and for each the way to free it: some are sessions that
 * can be ended here, the others need a statement that we only hand over. */
#include "core/model/horizon.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { YOUNG_MS = 1000 };

const char *holder_kind_name(enum holder_kind k)
{
	static const char *const names[] = {[HOLDER_SESSION] = "session",
	        [HOLDER_FEEDBACK] = "standby",
	        [HOLDER_SLOT] = "slot",
	        [HOLDER_PREPARED] = "prepared"};
	return names[k];
}

static const char *text_of(const struct table *t, size_t row, const char *column)
{
	const char *s = table_text(t, row, table_column(t, column));
	return s != NULL && s[0] != '\0' ? s : NULL;
}

static int64_t int_of(const struct table *t, size_t row, const char *column)
{
	int64_t v;
	return table_int(t, row, table_column(t, column), &v) ? v : -1;
}

static enum holder_kind kind_of(const char *word)
{
	if (word != NULL && strcmp(word, "slot") == 0)
		return HOLDER_SLOT;
	if (word != NULL && strcmp(word, "prepared") == 0)
		return HOLDER_PREPARED;
	return word != NULL && strcmp(word, "feedback") == 0 ? HOLDER_FEEDBACK : HOLDER_SESSION;
}

/* 'text' as a literal of SQL; false when it does not fit or cannot be one. */
static bool quote(const char *text, char *out, size_t cap)
{
	size_t n = 0;
	out[n++] = '\'';
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == '\\' || n + 4 > cap)
			return false;
		if (*c == '\'')
			out[n++] = '\'';
		out[n++] = *c;
	}
	out[n++] = '\'';
	out[n] = '\0';
	return true;
}

static void say_how(struct holder *h, bool postgres)
{
	char name[200];
	bool quoted = h->name != NULL && quote(h->name, name, sizeof(name));
	switch (h->kind) {
	case HOLDER_SESSION:
		snprintf(h->frees, sizeof(h->frees), "%s", "K ends it");
		break;
	case HOLDER_FEEDBACK:
		snprintf(h->frees, sizeof(h->frees), "%s",
		        "end the long query there, or turn hot_standby_feedback off");
		snprintf(h->sql, sizeof(h->sql), "%s",
		        "ALTER SYSTEM SET hot_standby_feedback = off; SELECT pg_reload_conf();");
		break;
	case HOLDER_SLOT:
		snprintf(h->frees, sizeof(h->frees), "%s",
		        h->state != NULL && strcmp(h->state, "active") == 0
		                ? "its consumer reads, but does not advance"
		                : "drop it (y copies how), or start its consumer");
		if (quoted)
			snprintf(h->sql, sizeof(h->sql), "SELECT pg_drop_replication_slot(%s);", name);
		break;
	case HOLDER_PREPARED:
		snprintf(h->frees, sizeof(h->frees), "%s",
		        postgres ? "roll it back (y copies how), or commit it"
		                 : "commit it or roll it back: XA RECOVER names it");
		if (postgres && quoted)
			snprintf(h->sql, sizeof(h->sql), "ROLLBACK PREPARED %s;", name);
		else if (!postgres)
			snprintf(h->sql, sizeof(h->sql), "%s", "XA RECOVER CONVERT XID;");
		break;
	}
}

static bool is_own(const char *app)
{
	return app != NULL && strncmp(app, "dbatop/", 7) == 0;
}

static bool is_postgres(const struct snapshot *snap, size_t instance)
{
	return snap->instances[instance].cfg->endpoint.engine == ENGINE_POSTGRES;
}

/* False: of ourselves, or not worth a line. */
static bool read_holder(
        const struct snapshot *snap, size_t instance, const struct table *t, size_t row, struct holder *h)
{
	*h = (struct holder){.instance = instance,
	        .kind = kind_of(text_of(t, row, "kind")),
	        .name = text_of(t, row, "name"),
	        .user = text_of(t, row, "user"),
	        .app = text_of(t, row, "app"),
	        .client = text_of(t, row, "client"),
	        .state = text_of(t, row, "state"),
	        .xmin_age = int_of(t, row, "xmin_age"),
	        .age_ms = int_of(t, row, "age_ms"),
	        .held_ms = int_of(t, row, "held_ms")};
	const char *started = text_of(t, row, "started");
	bool momentary = h->kind == HOLDER_SESSION && h->age_ms < YOUNG_MS;
	if (momentary || is_own(h->app))
		return false;
	table_bool(t, row, table_column(t, "catalog"), &h->catalog);
	if (h->kind == HOLDER_SESSION || h->kind == HOLDER_FEEDBACK) {
		h->session.id = int_of(t, row, "id") > 0 ? int_of(t, row, "id") : 0;
		snprintf(
		        h->session.started, sizeof(h->session.started), "%s", started == NULL ? "" : started);
		h->name = NULL;
	}
	say_how(h, is_postgres(snap, instance));
	return true;
}

bool horizon_oldest(const struct snapshot *snap, size_t instance, struct holder *out)
{
	const struct table *t = snapshot_table(snap, instance, "horizon");
	int column = t == NULL ? -1 : table_column(t, is_postgres(snap, instance) ? "held_ms" : "age_ms");
	int64_t most = -1;
	for (size_t row = 0; t != NULL && row < t->nrows; row++) {
		struct holder h;
		int64_t ms;
		if (!table_int(t, row, column, &ms) || ms <= most ||
		        !read_holder(snap, instance, t, row, &h) || h.catalog)
			continue;
		most = ms;
		*out = h;
	}
	return most >= 0;
}

static void read_instance(struct horizon *out, size_t *cap, const struct snapshot *snap, size_t instance)
{
	const struct table *t = snapshot_table(snap, instance, "horizon");
	out->truncated = out->truncated || (t != NULL && t->truncated);
	for (size_t row = 0; t != NULL && row < t->nrows; row++) {
		struct holder h;
		if (!read_holder(snap, instance, t, row, &h))
			continue;
		if (out->n == *cap) {
			*cap = *cap == 0 ? 16 : *cap * 2;
			out->item = xreallocarray(out->item, *cap, sizeof(*out->item));
		}
		out->item[out->n++] = h;
	}
}

/* By age where both have one: it means the same everywhere. A slot or a session without one by what it
 * counts. */
static int order_holders(const void *a, const void *b)
{
	const struct holder *x = a;
	const struct holder *y = b;
	if (x->instance == y->instance && x->xmin_age != y->xmin_age)
		return x->xmin_age > y->xmin_age ? -1 : 1;
	if (x->instance == y->instance && x->age_ms != y->age_ms)
		return x->age_ms > y->age_ms ? -1 : 1;
	if (x->instance != y->instance)
		return x->instance < y->instance ? -1 : 1;
	return (x->session.id > y->session.id) - (x->session.id < y->session.id);
}

struct span {
	size_t first, n;
	int64_t age_ms, xmin_age;
};

static int order_spans(const void *a, const void *b)
{
	const struct span *x = a;
	const struct span *y = b;
	if (x->age_ms != y->age_ms)
		return x->age_ms > y->age_ms ? -1 : 1;
	if (x->xmin_age != y->xmin_age)
		return x->xmin_age > y->xmin_age ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* Within one server by its own count; servers by their oldest holder. */
static void order(struct horizon *h)
{
	struct span *spans = xcalloc(h->n + 1, sizeof(*spans));
	struct holder *sorted = xcalloc(h->n + 1, sizeof(*sorted));
	size_t n = 0;
	size_t at = 0;
	if (h->n > 1)
		qsort(h->item, h->n, sizeof(*h->item), order_holders);
	for (size_t i = 0; i < h->n; i++) {
		const struct holder *x = &h->item[i];
		if (i == 0 || x->instance != h->item[i - 1].instance)
			spans[n++] = (struct span){.first = i, .age_ms = -1, .xmin_age = -1};
		struct span *s = &spans[n - 1];
		s->n++;
		s->age_ms = x->age_ms > s->age_ms ? x->age_ms : s->age_ms;
		s->xmin_age = x->xmin_age > s->xmin_age ? x->xmin_age : s->xmin_age;
	}
	if (n > 1)
		qsort(spans, n, sizeof(*spans), order_spans);
	for (size_t i = 0; i < n; i++) {
		memcpy(&sorted[at], &h->item[spans[i].first], spans[i].n * sizeof(*sorted));
		at += spans[i].n;
	}
	free(h->item);
	free(spans);
	h->item = sorted;
}

struct horizon *horizon_build(const struct snapshot *snap)
{
	struct horizon *h = xcalloc(1, sizeof(*h));
	size_t cap = 0;
	for (size_t i = 0; i < snap->n; i++)
		read_instance(h, &cap, snap, i);
	order(h);
	return h;
}

void horizon_free(struct horizon *h)
{
	if (h == NULL)
		return;
	free(h->item);
	free(h);
}
