/* What a snapshot says about each instance, before it is put into one of the three forms. */
#include "cli/once.h"

#include <string.h>

#include "core/base/redact.h"
#include "core/base/text.h"
#include "core/model/replication.h"

const struct view *once_view_find(const char *name)
{
	for (size_t i = 0; views[i] != NULL; i++) {
		if (strcmp(views[i]->name, name) == 0)
			return views[i];
	}
	return NULL;
}

const char *once_status_name(enum once_status s)
{
	static const char *const names[ONCE_STATUS_COUNT] = {
	        [ONCE_UP] = "up", [ONCE_PARTIAL] = "partial", [ONCE_DOWN] = "down"};
	return names[s];
}

static const char *role_of(const struct snapshot *snap, size_t instance)
{
	enum server_role role = server_role_of(snap, instance);
	return role == SERVER_UNKNOWN ? NULL : server_role_name(role);
}

/* The first error among the view's probes; gates are no errors, and what a server has no statement for is
 * none of this server's. */
static void find_error(
        const struct snapshot *snap, size_t instance, const struct view *view, struct once_instance *out)
{
	for (const char *const *probe = view->probes; *probe != NULL; probe++) {
		const struct sample *s = snapshot_slot(snap, instance, *probe).latest;
		if (s == NULL || s->err->code == ERR_NONE || s->err->code == ERR_GATED ||
		        s->err->code == ERR_UNSUPPORTED)
			continue;
		out->status = ONCE_PARTIAL;
		out->e = *s->err;
		return;
	}
}

void once_look(const struct snapshot *snap, size_t instance, const struct view *view, int64_t waited_ms,
        struct once_instance *out)
{
	const struct instance_view *in = &snap->instances[instance];
	const struct link_view *link = &in->link;
	bool known = link->server.engine != ENGINE_NONE;
	*out = (struct once_instance){.name = in->cfg->name,
	        .engine = engine_name(known ? link->server.engine : in->cfg->endpoint.engine),
	        .version = known ? link->server.version_text : NULL,
	        .role = role_of(snap, instance),
	        .status = ONCE_UP,
	        .table = snapshot_table(snap, instance, view->json_probe)};
	find_error(snap, instance, view, out);
	/* Gated: there is nothing to ask for just now. */
	if (link->state == LINK_UP &&
	        (out->table != NULL || snapshot_is_gated(snap, instance, view->json_probe)))
		return;
	if (link->state == LINK_UP && out->status == ONCE_PARTIAL)
		return;
	out->status = ONCE_DOWN;
	if (link->err.code != ERR_NONE)
		out->e = link->err;
	else if (out->e.code == ERR_NONE)
		err_set(&out->e, ERR_TIMEOUT, "no answer within %.1f s", (double)waited_ms / 1000.0);
}

static void put_statement(const struct instance_view *in, const struct cell *c, struct buf *out)
{
	enum redact_dialect d = in->link.server.engine == ENGINE_POSTGRES ? REDACT_POSTGRES : REDACT_MYSQL;
	struct buf plain;
	buf_init(&plain, (size_t)c->n * 2 + 1024);
	if (in->cluster->show_literals)
		redact_passwords(d, c->u.s, c->n, &plain);
	else
		redact_sql(d, c->u.s, c->n, &plain);
	buf_put(out, buf_str(&plain), plain.len);
	buf_free(&plain);
}

void once_clean(const char *s, size_t n, struct buf *out)
{
	struct glyph g;
	char encoded[TEXT_ENCODED_MAX];
	for (size_t pos = 0; text_next(s, n, &pos, &g);)
		buf_put(out, encoded, text_encode(&g, encoded));
}

void once_cell(const struct snapshot *snap, size_t instance, const struct table *t, size_t row, size_t col,
        struct buf *out)
{
	const struct cell *c = table_cell(t, row, (int)col);
	switch ((enum cell_type)c->type) {
	case CELL_NULL:
		return;
	case CELL_INT:
		buf_printf(out, "%lld", (long long)c->u.i);
		return;
	case CELL_REAL:
		buf_printf(out, "%.6g", c->u.r);
		return;
	case CELL_BOOL:
		buf_puts(out, c->u.i != 0 ? "true" : "false");
		return;
	case CELL_TEXT:
		break;
	}
	struct buf raw;
	buf_init(&raw, (size_t)c->n * 2 + 1024);
	if (t->columns[col].role == ROLE_SQLTEXT)
		put_statement(&snap->instances[instance], c, &raw);
	else
		buf_put(&raw, c->u.s, c->n);
	once_clean(buf_str(&raw), raw.len, out);
	buf_free(&raw);
}
