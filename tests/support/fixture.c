/* Builds snapshots by hand from compact text: see the header. */
#include "tests/support/fixture.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/support/fixture_probes.h"

enum { CELL_MAX = 4096, COLUMNS_MAX = 64 };

struct fixture {
	struct probe_set *probes;
	struct config config;
	struct instance_view instances[FIXTURE_INSTANCES_MAX];
	struct series *series[FIXTURE_INSTANCES_MAX]; /* METRIC_COUNT each, when asked for */
	struct snapshot snapshot;
};

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("fixture: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

static struct probe_set *make_probes(void)
{
	static const char *const engines[][2] = {
	        {"postgres 13-", "SELECT 1 LIMIT :rows"},
	        {"mysql 8-", "SELECT 1 LIMIT :rows"},
	        {"mariadb 10.5-", "SELECT 1 LIMIT :rows"},
	};
	struct err e = {.code = ERR_NONE};
	struct probe_set *set = probe_set_new(&e);
	size_t n;
	const struct fixture_probe *probes = fixture_probes(&n);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(engines) / sizeof(engines[0]); k++) {
			char text[4096];
			bool param = strstr(probes[i].fields, "-- param:") != NULL;
			snprintf(text, sizeof(text), "-- probe: %s  %s-- versions: %s\n%s%s", probes[i].name,
			        probes[i].fields, engines[k][0],
			        param ? "SELECT :id LIMIT :rows" : engines[k][1], "\n");
			struct embedded_file file = {
			        .name = probes[i].name, .data = text, .size = strlen(text)};
			if (!probe_set_add(set, &file, &e))
				die("%s", e.text);
		}
	}
	if (!probe_set_finish(set, &e))
		die("%s", e.text);
	return set;
}

struct fixture *fixture_new(void)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->probes = make_probes();
	f->config.clusters = xcalloc(FIXTURE_CLUSTERS_MAX, sizeof(*f->config.clusters));
	f->config.instances = xcalloc(FIXTURE_INSTANCES_MAX, sizeof(*f->config.instances));
	f->config.interval_ms = 1000;
	f->snapshot = (struct snapshot){
	        .now = 1000000 * NS_PER_S,
	        .wall = INT64_C(1795356127000000),
	        .instances = f->instances,
	        .probes = f->probes,
	        .config = &f->config,
	};
	return f;
}

void fixture_free(struct fixture *f)
{
	for (size_t i = 0; i < f->config.ninstances; i++) {
		for (size_t slot = 0; slot < PROBE_NAMES_MAX; slot++) {
			sample_unref(f->instances[i].slot[slot].latest);
			sample_unref(f->instances[i].slot[slot].good);
		}
		free(f->config.instances[i].name);
		endpoint_free(&f->config.instances[i].endpoint);
		for (size_t m = 0; f->series[i] != NULL && m < METRIC_COUNT; m++)
			series_clear(&f->series[i][m]);
		free(f->series[i]);
	}
	for (size_t i = 0; i < f->config.nclusters; i++) {
		free(f->config.clusters[i].name);
		free(f->config.clusters[i].tags[0]);
		free(f->config.clusters[i].tags);
	}
	free(f->config.clusters);
	free(f->config.instances);
	probe_set_free(f->probes);
	free(f);
}

void fixture_advance(struct fixture *f, int64_t ms)
{
	f->snapshot.now += ms * NS_PER_MS;
	f->snapshot.wall += ms * 1000;
}

struct cluster_cfg *fixture_cluster(struct fixture *f, const char *cluster)
{
	for (size_t i = 0; i < f->config.nclusters; i++) {
		if (strcmp(f->config.clusters[i].name, cluster) == 0)
			return &f->config.clusters[i];
	}
	if (f->config.nclusters == FIXTURE_CLUSTERS_MAX)
		die("more than %d clusters", FIXTURE_CLUSTERS_MAX);
	struct cluster_cfg *c = &f->config.clusters[f->config.nclusters++];
	*c = (struct cluster_cfg){
	        .name = xstrdup(cluster),
	        .tags = xcalloc(1, sizeof(*c->tags)),
	        .ntags = 1,
	        .danger = DANGER_PROD,
	        .timeouts = {.connect_ms = 5000, .query_ms = 800, .query_max_ms = 5000, .check_ms = 30000},
	        .statement_warn_ms = 120000,
	        .idle_xact_notice_ms = 60000,
	        .idle_xact_warn_ms = 300000,
	        .connections_warn = 0.8,
	        .connections_crit = 0.95,
	        .lag_warn_ms = 30000,
	        .lag_warn_bytes = 256000000,
	};
	c->tags[0] = xstrdup("prod");
	return c;
}

static void identify(const struct fixture *f, struct instance_view *v, enum engine engine)
{
	static const struct {
		int version;
		const char *text;
	} versions[] = {
	        [ENGINE_NONE] = {0, ""},
	        [ENGINE_POSTGRES] = {151800, "15.18"},
	        [ENGINE_MYSQL] = {90704, "9.7.4"},
	        [ENGINE_MARIADB] = {101119, "10.11.19-MariaDB"},
	};
	struct server_identity *id = &v->link.server;
	id->engine = engine;
	id->version = versions[engine].version;
	snprintf(id->version_text, sizeof(id->version_text), "%s", versions[engine].text);
	snprintf(id->id, sizeof(id->id), "%s", v->cluster->name);
	snprintf(id->start, sizeof(id->start), "2026-11-01 00:00:00+00");
	snprintf(id->address, sizeof(id->address), "%.50s", v->cfg->name);
	v->link.admin = *id;
	v->link.state = LINK_UP;
	v->link.since = v->link.last_answer = f->snapshot.now;
	v->link.last_answer_wall = f->snapshot.wall;
	v->link.tls = v->link.sees_all = v->link.admin_up = true;
	v->link.connections = 2;
}

size_t fixture_instance(struct fixture *f, const char *cluster, const char *name, enum engine engine)
{
	const struct cluster_cfg *c = fixture_cluster(f, cluster);
	size_t i = f->config.ninstances++;
	if (i == FIXTURE_INSTANCES_MAX)
		die("more than %d instances", FIXTURE_INSTANCES_MAX);
	struct instance_cfg *cfg = &f->config.instances[i];
	bool postgres = engine == ENGINE_POSTGRES;
	*cfg = (struct instance_cfg){
	        .name = xstrdup(name),
	        .cluster = (size_t)(c - f->config.clusters),
	        .endpoint =
	                {
	                        .engine = postgres ? ENGINE_POSTGRES : ENGINE_MYSQL,
	                        .shown = xasprintf("%s://monitor@%s", engine_name(engine), name),
	                        .host = xstrdup(name),
	                        .user = xstrdup("monitor"),
	                },
	};
	f->instances[i] = (struct instance_view){.cfg = cfg, .cluster = c};
	identify(f, &f->instances[i], engine);
	f->snapshot.n = f->config.ninstances;
	return i;
}

struct instance_view *fixture_at(struct fixture *f, size_t instance)
{
	if (instance >= f->config.ninstances)
		die("there is no instance %zu", instance);
	return &f->instances[instance];
}

/* 1. Samples. */

static const struct probe *find_probe(struct fixture *f, size_t instance, const char *probe)
{
	const struct server_identity *id = &fixture_at(f, instance)->link.server;
	int slot = probe_set_slot(f->probes, probe);
	const struct probe *p =
	        slot < 0 ? NULL : probe_set_find(f->probes, (unsigned)slot, id->engine, id->version, NULL);
	if (p == NULL)
		die("there is no probe %s for this engine", probe);
	return p;
}

static struct sample *new_sample(struct fixture *f, size_t instance, const struct probe *p)
{
	struct sample *s = sample_new(p, arena_new());
	s->finished = f->snapshot.now;
	s->started = s->finished - 2 * NS_PER_MS;
	s->taken_at = f->snapshot.wall;
	s->interval_ms = p->every_ms;
	snprintf(s->server_start, sizeof(s->server_start), "%.39s", f->instances[instance].link.server.start);
	return s;
}

static void publish(struct fixture *f, size_t instance, struct sample *s)
{
	struct instance_view *v = fixture_at(f, instance);
	struct slot_view *slot = &v->slot[s->probe->slot];
	sample_unref(slot->latest);
	slot->latest = s;
	if (s->err->code != ERR_NONE)
		return;
	sample_unref(slot->good);
	slot->good = sample_ref(s);
	v->link.last_answer = f->snapshot.now;
	v->link.last_answer_wall = f->snapshot.wall;
}

/* Columns by name to their place in the probe, cells in that order. */
struct filler {
	const struct probe *probe;
	struct sample *sample;
	struct table_builder *builder;
	size_t place[COLUMNS_MAX];
	size_t ncols;
};

static void begin(struct filler *fill, struct fixture *f, size_t instance, const char *probe)
{
	fill->probe = find_probe(f, instance, probe);
	fill->sample = new_sample(f, instance, fill->probe);
	fill->builder =
	        table_build(fill->sample->arena, fill->probe->columns, fill->probe->ncols, fill->probe->rows);
	fill->ncols = 0;
}

static void add_column(struct filler *fill, const char *name)
{
	size_t i = 0;
	while (i < fill->probe->ncols && strcmp(fill->probe->columns[i].name, name) != 0)
		i++;
	if (i == fill->probe->ncols || fill->ncols == COLUMNS_MAX)
		die("%s has no column \"%s\"", fill->probe->name, name);
	fill->place[fill->ncols++] = i;
}

static void set_cell(struct filler *fill, size_t col, const char *text)
{
	struct err e;
	if (col >= fill->ncols)
		die("%s: a row has more cells than there are columns", fill->probe->name);
	if (!table_build_set(fill->builder, fill->place[col], text, text == NULL ? 0 : strlen(text), &e))
		die("%s: %s", fill->probe->name, e.text);
}

static void finish(struct filler *fill, struct fixture *f, size_t instance)
{
	struct table *t = table_build_finish(fill->builder);
	const struct sample *before = f->instances[instance].slot[fill->probe->slot].good;
	if (before != NULL && strcmp(before->server_start, fill->sample->server_start) == 0)
		table_rates(t, before->table,
		        (double)(fill->sample->finished - before->finished) / (double)NS_PER_S,
		        fill->sample->arena);
	fill->sample->table = t;
	publish(f, instance, fill->sample);
}

/* The next cell of a line: false at its end. */
static bool next_cell(const char **at, char out[CELL_MAX], bool *quoted)
{
	const char *s = *at;
	size_t n = 0;
	if (*s == '\0' || *s == '\n')
		return false;
	while (*s == ' ')
		s++;
	*quoted = *s == '\'';
	s += *quoted;
	while (*s != '\0' && *s != '\n' && (*quoted ? *s != '\'' : *s != '|')) {
		if (n < CELL_MAX - 1)
			out[n++] = *s;
		s++;
	}
	s += *quoted && *s == '\'';
	while (*quoted && *s == ' ')
		s++;
	while (!*quoted && n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	*at = *s == '|' ? s + 1 : s;
	return true;
}

void fixture_table(struct fixture *f, size_t instance, const char *probe, const char *text)
{
	struct filler fill;
	char cell[CELL_MAX];
	bool quoted;
	begin(&fill, f, instance, probe);
	const char *at = text;
	while (next_cell(&at, cell, &quoted))
		add_column(&fill, cell);
	for (at += *at == '\n'; *at != '\0'; at += *at == '\n') {
		if (*at != '\n' && table_build_row(fill.builder) == NULL)
			break;
		for (size_t col = 0; next_cell(&at, cell, &quoted); col++)
			set_cell(&fill, col, cell[0] == '\0' && !quoted ? NULL : cell);
	}
	finish(&fill, f, instance);
}

void fixture_cells(struct fixture *f, size_t instance, const char *probe, const char *const *columns,
        size_t ncols, const char *const *cells, size_t rows)
{
	struct filler fill;
	begin(&fill, f, instance, probe);
	for (size_t col = 0; col < ncols; col++)
		add_column(&fill, columns[col]);
	for (size_t row = 0; row < rows && table_build_row(fill.builder) != NULL; row++) {
		for (size_t col = 0; col < ncols; col++)
			set_cell(&fill, col, cells[row * ncols + col]);
	}
	finish(&fill, f, instance);
}

void fixture_error(
        struct fixture *f, size_t instance, const char *probe, enum err_code code, const char *text)
{
	struct sample *s = new_sample(f, instance, find_probe(f, instance, probe));
	struct err e;
	err_set(&e, code, "%s", text);
	sample_fail(s, &e);
	s->retry_ms = 3000;
	publish(f, instance, s);
}

struct sample *fixture_sample(struct fixture *f, size_t instance, const char *probe)
{
	const struct sample *good = fixture_at(f, instance)->slot[find_probe(f, instance, probe)->slot].good;
	union {
		const struct sample *constant;
		struct sample *sample;
	} u = {.constant = good};
	if (good == NULL)
		die("%s has no good sample yet", probe);
	return u.sample;
}

/* 2. The rest. */

void fixture_link(
        struct fixture *f, size_t instance, enum link_state state, enum err_code code, const char *text)
{
	struct link_view *link = &fixture_at(f, instance)->link;
	link->state = state;
	link->since = f->snapshot.now;
	link->retry_at = state == LINK_DOWN ? f->snapshot.now + 5 * NS_PER_S : 0;
	err_clear(&link->err);
	if (code != ERR_NONE)
		err_set(&link->err, code, "%s", text);
}

void fixture_series(struct fixture *f, size_t instance, enum metric metric, const char *values)
{
	if (f->series[instance] == NULL)
		f->series[instance] = xcalloc(METRIC_COUNT, sizeof(struct series));
	struct series *s = &f->series[instance][metric];
	size_t n = 0;
	for (const char *at = values; *at != '\0'; n++) {
		at += strspn(at, " ");
		at += strcspn(at, " ");
	}
	series_clear(s);
	const char *at = values;
	for (size_t i = 0; i < n; i++) {
		at += strspn(at, " ");
		double value = *at == '-' && strchr(" ", at[1]) != NULL ? (double)NAN : strtod(at, NULL);
		series_add(s, f->snapshot.now - (mono_ns)(n - 1 - i) * NS_PER_S, value);
		at += strcspn(at, " ");
	}
	fixture_at(f, instance)->series = f->series[instance];
}

const struct snapshot *fixture_snapshot(struct fixture *f)
{
	return &f->snapshot;
}
