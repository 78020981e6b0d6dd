/* Putting the engine together. Only this folder names concrete backends. */
#include "cli/app.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "backends/mysql/mysql.h"
#include "backends/postgres/postgres.h"
#include "cli/prompt.h"
#include "core/run/process.h"

enum { TLS_PLACES = 8 };

const struct driver *const app_drivers[] = {&postgres_driver, &mysql_driver, NULL};

struct probe_set *app_probes(struct err *e)
{
	struct probe_set *set = probe_set_new(e);
	for (size_t d = 0; set != NULL && app_drivers[d] != NULL; d++) {
		for (const struct embedded_file *f = app_drivers[d]->probes(); f->name != NULL; f++) {
			if (!probe_set_add(set, f, e)) {
				probe_set_free(set);
				return NULL;
			}
		}
	}
	if (set != NULL && !probe_set_finish(set, e)) {
		probe_set_free(set);
		return NULL;
	}
	return set;
}

bool app_load(struct app *app, const struct cli *cli, struct err *e)
{
	*app = (struct app){0};
	struct config_sources src = {.file = cli->value[OPT_CONFIG], .urls = cli->args, .nurls = cli->nargs};
	if (!config_load(&src, &app->config, e))
		return false;
	app->probes = app_probes(e);
	return app->probes != NULL && (!cli->set[OPT_PASSWORD] || prompt_passwords(app->config, e));
}

static void choose_run_id(char id[24])
{
	uint32_t random = 0;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)clock_now(&clock_real);
	snprintf(id, 24, "%ld-%06x", (long)getpid(), random & 0xffffffU);
}

bool app_prepare(struct app *app, const struct app_options *opt, struct err *e)
{
	if (!mysql_driver_init(e))
		return false;
	size_t room = opt->room > app->config->ninstances ? opt->room : app->config->ninstances;
	app->log = log_open(opt->log_path, &clock_real, LOG_INFO, e);
	if (app->log == NULL)
		return false;
	for (size_t i = 0; i < app->config->ninstances; i++) {
		if (app->config->instances[i].endpoint.password != NULL)
			log_add_secret(app->log, app->config->instances[i].endpoint.password);
	}
	app->hub = hub_new(&clock_real, app->config, app->probes, room, e);
	return app->hub != NULL;
}

bool app_start(struct app *app, const struct app_options *opt, struct err *e)
{
	if (app->hub == NULL && !app_prepare(app, opt, e))
		return false;
	if (!process_start(e))
		return false;
	app->axe = axe_start(&clock_real, e);
	if (app->axe == NULL)
		return false;
	app->resolver = resolver_new(&clock_real, getaddrinfo);
	app->tls_gate = gate_new(TLS_PLACES, e);
	return app->tls_gate != NULL;
}

static const struct driver *find_driver(const char *name)
{
	for (size_t i = 0; app_drivers[i] != NULL; i++) {
		if (strcmp(app_drivers[i]->name, name) == 0)
			return app_drivers[i];
	}
	return NULL;
}

bool app_poll(struct app *app, const struct app_options *opt, struct err *e)
{
	struct poller_options p = {.config = app->config,
	        .probes = app->probes,
	        .postgres = find_driver("postgres"),
	        .mysql = find_driver("mysql"),
	        .env = {.axe = app->axe,
	                .resolver = app->resolver,
	                .tls_gate = app->tls_gate,
	                .log = app->log},
	        .hub = app->hub,
	        .clock = &clock_real,
	        .once = opt->once,
	        .admin = opt->admin};
	choose_run_id(p.env.run_id);
	app->poller = poller_start(&p, e);
	return app->poller != NULL;
}

void app_stop(struct app *app, uint32_t ms)
{
	struct ctx root = ctx_root(&clock_real, NULL), ctx = ctx_within(&root, ms);
	bool all = app->poller == NULL || poller_stop(&ctx, app->poller);
	app->poller = NULL;
	/* Lanes that were left behind still use all of this. */
	if (!all)
		return;
	hub_free(app->hub);
	if (app->axe != NULL)
		axe_stop(app->axe);
	if (app->resolver != NULL)
		resolver_close(&ctx, app->resolver);
	gate_free(app->tls_gate);
	if (app->log != NULL)
		log_close(app->log);
	if (app->probes != NULL)
		probe_set_free(app->probes);
	config_free(app->config);
	*app = (struct app){0};
}
