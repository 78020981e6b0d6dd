/* A session's row by column names, for the dialog: engines differ in what they know, and what a server does
 * not tell stays unknown here. */
#include "core/model/plan_parts.h"

#include <string.h>
#include <strings.h>

static const char *text(const struct table *t, size_t row, const char *name)
{
	const char *s = table_text(t, row, table_column(t, name));
	return s != NULL && s[0] != '\0' ? s : NULL;
}

static int64_t number(const struct table *t, size_t row, const char *name)
{
	int64_t value = -1;
	table_int(t, row, table_column(t, name), &value);
	return value;
}

static bool flag(const struct table *t, size_t row, const char *name)
{
	bool value = false;
	table_bool(t, row, table_column(t, name), &value);
	return value;
}

void plan_row_read(const struct table *sessions, size_t row, enum engine engine, struct plan_row *out)
{
	const struct cell *query = table_cell(sessions, row, table_column(sessions, "query"));
	*out = (struct plan_row){
	        .table = sessions,
	        .row = row,
	        .engine = engine,
	        .id = number(sessions, row, "id"),
	        .leader = number(sessions, row, "leader"),
	        .started = text(sessions, row, "started"),
	        .user = text(sessions, row, "user"),
	        .db = text(sessions, row, "db"),
	        .app = text(sessions, row, "app"),
	        .client = text(sessions, row, "client"),
	        .kind = text(sessions, row, "kind"),
	        .state = text(sessions, row, "state"),
	        .command = text(sessions, row, "command"),
	        .wait_type = text(sessions, row, "wait_type"),
	        .wait = text(sessions, row, "wait"),
	        .phase = text(sessions, row, "phase"),
	        .xact_guard = text(sessions, row, "xact_guard"),
	        .query_guard = text(sessions, row, "query_guard"),
	        .xact_ms = number(sessions, row, "xact_ms"),
	        .query_ms = number(sessions, row, "query_ms"),
	        .state_ms = number(sessions, row, "state_ms"),
	        .rows_locked = number(sessions, row, "rows_locked"),
	        .rows_modified = number(sessions, row, "rows_modified"),
	        .progress = -1,
	        .superuser = flag(sessions, row, "superuser"),
	        .sync_wait = flag(sessions, row, "sync_wait"),
	        .own = flag(sessions, row, "own"),
	};
	table_real(sessions, row, table_column(sessions, "progress"), &out->progress);
	if (query->type == CELL_TEXT) {
		out->query = query->u.s;
		out->query_len = query->n;
	}
}

long plan_row_of(const struct table *sessions, int64_t id)
{
	int col = table_column(sessions, "id");
	int64_t found;
	for (size_t row = 0; row < sessions->nrows; row++) {
		if (table_int(sessions, row, col, &found) && found == id)
			return (long)row;
	}
	return -1;
}

bool plan_row_idle(const struct plan_row *r)
{
	return r->state != NULL && strncmp(r->state, "idle", 4) == 0;
}

bool plan_row_in_xact(const struct plan_row *r)
{
	return r->xact_guard != NULL || r->xact_ms >= 0 ||
	       (r->state != NULL && strncmp(r->state, "idle in transaction", 19) == 0);
}

bool plan_says(const struct plan_row *r, const char *const *words, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i]);
		while (at + len <= r->query_len && strncasecmp(r->query + at, words[i], len) != 0)
			at++;
		if (at + len > r->query_len)
			return false;
		at += len;
	}
	return r->query != NULL;
}
