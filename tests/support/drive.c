/* What every test of a driver would otherwise write again: see drive.h. */
#include "tests/support/test.h"

#include "tests/support/drive.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
#ifdef DBATOP_JOIN_AT_EXIT
	CONNECT_MS = 20000, /* sanitizers slow logins over TLS down by the order of ten */
#else
	CONNECT_MS = 5000,
#endif
	FETCH_MS = 5000,
	GATE_PLACES = 8,
	STATEMENT_MS = 2000,
	LOCK_MS = 100,
	ALL_MAX = 64
};

void drive_start(struct drive *d, const struct driver *driver)
{
	struct err e = {.code = ERR_NONE};
	*d = (struct drive){.driver = driver, .root = ctx_root(&clock_real, NULL)};
	d->env.resolver = resolver_new(&clock_real, getaddrinfo);
	d->env.tls_gate = gate_new(GATE_PLACES, &e);
	d->env.axe = axe_start(&clock_real, &e);
	d->env.statement_ms = STATEMENT_MS;
	d->env.lock_ms = LOCK_MS;
	snprintf(d->env.run_id, sizeof(d->env.run_id), "t%ld", (long)getpid());
	d->probes = probe_set_new(&e);
	for (const struct embedded_file *f = driver->probes(); f->name != NULL; f++) {
		if (!probe_set_add(d->probes, f, &e))
			fail_msg("%s", e.text);
	}
	if (!probe_set_finish(d->probes, &e))
		fail_msg("%s", e.text);
}

void drive_stop(struct drive *d)
{
	struct ctx soon = ctx_within(&d->root, 1000);
	probe_set_free(d->probes);
	resolver_close(&soon, d->env.resolver);
	gate_free(d->env.tls_gate);
	axe_stop(d->env.axe);
}

/* "pg15", and its replicas "pg15r", "pg15rr": shared servers are called as their kind. */
static bool is_shared(const struct lab_server *server)
{
	size_t n = strlen(server->kind);
	return strncmp(server->name, server->kind, n) == 0 &&
	       strspn(server->name + n, "r") == strlen(server->name + n);
}

size_t drive_servers(const char *engine, struct lab_server *servers, size_t room)
{
	struct lab_server all[ALL_MAX];
	size_t n = lab_servers(engine, all, ALL_MAX);
	size_t kept = 0;
	for (size_t i = 0; i < n && kept < room; i++) {
		if (is_shared(&all[i]))
			servers[kept++] = all[i];
	}
	if (kept == 0)
		fail_msg("the lab has no shared server of %s", engine);
	return kept;
}

size_t drive_served(const struct drive *d, bool primaries, struct lab_server *servers, size_t room)
{
	bool postgres = strcmp(d->driver->name, "postgres") == 0;
	struct lab_server all[ALL_MAX];
	size_t n = drive_servers(NULL, all, ALL_MAX);
	size_t kept = 0;
	for (size_t i = 0; i < n && kept < room; i++) {
		if (lab_is_postgres(&all[i]) == postgres &&
		        (!primaries || strcmp(all[i].role, "primary") == 0))
			servers[kept++] = all[i];
	}
	if (kept == 0)
		fail_msg("the lab has no shared server for the driver %s", d->driver->name);
	return kept;
}

void drive_endpoint(const struct lab_server *server, const char *user, int port, const char *sslmode,
        struct endpoint *out)
{
	char url[512];
	struct err e;
	lab_url_with_password(server, user, port, url, sizeof(url));
	if (!endpoint_parse(url, out, &e))
		fail_msg("%s", e.text);
	if (sslmode != NULL)
		out->tls = tls_mode_parse(sslmode);
}

struct conn *drive_connect(const struct drive *d, const struct endpoint *ep, enum lane_kind lane)
{
	struct ctx ctx = ctx_within(&d->root, CONNECT_MS);
	struct conn *c = NULL;
	struct err e;
	if (!d->driver->connect(&ctx, &d->env, ep, lane, &c, &e))
		fail_msg("%s: %s (%s)", ep->shown, e.text, err_code_name(e.code));
	return c;
}

struct conn *drive_open(const struct drive *d, const struct lab_server *server, const char *user,
        enum lane_kind lane, struct endpoint *ep)
{
	drive_endpoint(server, user, 0, NULL, ep);
	return drive_connect(d, ep, lane);
}

const struct probe *drive_probe(const struct drive *d, const struct conn *c, const char *name)
{
	const struct server_identity *s = &d->driver->info(c)->server;
	int slot = probe_set_slot(d->probes, name);
	bool newer;
	assert_true(slot >= 0);
	const struct probe *p = probe_set_find(d->probes, (unsigned)slot, s->engine, s->version, &newer);
	if (p == NULL)
		fail_msg("%s: no variant for %s", name, s->version_text);
	return p;
}

bool drive_fetch(const struct drive *d, struct conn *c, const char *name, int64_t id, uint32_t ms,
        struct arena *arena, struct table **out, struct err *e)
{
	const struct probe *p = drive_probe(d, c, name);
	struct probe_value values[PROBE_PARAMS_MAX] = {{.type = PARAM_INT, .i = p->rows}};
	struct ctx ctx = ctx_within(&d->root, ms);
	for (size_t i = 1; i < p->nparams; i++)
		values[i] = (struct probe_value){.type = p->params[i].type, .i = id};
	return d->driver->fetch(&ctx, c, p, values, arena, out, e);
}

struct table *drive_table(
        const struct drive *d, struct conn *c, const char *name, int64_t id, struct arena *arena)
{
	struct table *t = NULL;
	struct err e;
	if (!drive_fetch(d, c, name, id, FETCH_MS, arena, &t, &e))
		fail_msg("%s: %s (%s)", name, e.text, err_code_name(e.code));
	return t;
}

const struct cell *drive_cell(const struct table *t, size_t row, const char *column)
{
	int col = table_column(t, column);
	if (col < 0 || row >= t->nrows)
		fail_msg("no column %s, or no row %zu of %zu", column, row, t->nrows);
	return table_cell(t, row, col);
}

long drive_row(const struct table *t, const char *key, int64_t value)
{
	for (size_t row = 0; row < t->nrows; row++) {
		const struct cell *cell = drive_cell(t, row, key);
		if (cell->type == CELL_INT && cell->u.i == value)
			return (long)row;
	}
	return -1;
}

bool drive_cell_is(const struct table *t, size_t row, const char *column, const char *text)
{
	const struct cell *cell = drive_cell(t, row, column);
	return text == NULL || (cell->type == CELL_TEXT && strcmp(cell->u.s, text) == 0);
}

void drive_guard(const struct table *t, size_t row, const char *column, char out[GUARD_MAX])
{
	const struct cell *cell = drive_cell(t, row, column);
	snprintf(out, GUARD_MAX, "%s", cell->type == CELL_TEXT ? cell->u.s : "");
}
