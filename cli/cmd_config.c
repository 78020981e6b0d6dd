/* `dbatop config`: whether the configuration says what it should, and the default one to begin with. */
#include <string.h>

#include "cli/app.h"
#include "core/base/text.h"
#include "tui/command.h"
#include "tui/theme.h"

static bool check_overrides(const struct config *cfg, const struct probe_override *overrides, size_t n,
        const struct probe_set *probes, struct err *e)
{
	const char *names[PROBE_NAMES_MAX];
	size_t nnames = 0;
	for (; nnames < probe_set_names(probes); nnames++)
		names[nnames] = probe_set_name(probes, (unsigned)nnames);
	for (size_t k = 0; k < n; k++) {
		const struct probe_override *o = &overrides[k];
		const char *near = text_did_you_mean(o->probe, names, nnames);
		if (probe_set_slot(probes, o->probe) < 0)
			return err_set(e, ERR_USAGE, "%s:%d:%d: there is no probe '%s'%s%s%s", cfg->file,
			        o->line, o->column, o->probe, near != NULL ? ": did you mean '" : "",
			        near != NULL ? near : "", near != NULL ? "'?" : "");
	}
	return true;
}

/* A pace for a probe that is not there would be silently lost, with or without a cluster that inherits it. */
static bool check_probe_names(const struct config *cfg, const struct probe_set *probes, struct err *e)
{
	if (!check_overrides(cfg, cfg->overrides, cfg->noverrides, probes, e))
		return false;
	for (size_t i = 0; i < cfg->nclusters; i++) {
		if (!check_overrides(cfg, cfg->clusters[i].overrides, cfg->clusters[i].noverrides, probes, e))
			return false;
	}
	return true;
}

/* What only the layers above the config know: commands, themes, probes. */
static bool check_names(const struct config *cfg, struct err *e)
{
	struct theme theme;
	struct keymap *keys = keymap_new(cfg, e);
	if (keys == NULL)
		return false;
	keymap_free(keys);
	/* A theme's own file has its own places; a name that is none stands in the config. */
	if (cfg->theme != NULL && !theme_load(cfg->theme, &theme, e))
		return cfg->file == NULL || strchr(cfg->theme, '/') != NULL
		               ? false
		               : err_wrap(e, "%s:%d:%d", cfg->file, cfg->theme_line, cfg->theme_column);
	struct probe_set *probes = app_probes(e);
	bool ok = probes != NULL && check_probe_names(cfg, probes, e);
	if (probes != NULL)
		probe_set_free(probes);
	return ok;
}

static int check(const struct cli *cli)
{
	struct err e;
	struct config *cfg;
	struct config_sources src = {.file = cli->value[OPT_CONFIG]};
	if (!config_load(&src, &cfg, &e))
		return cli_fail(&e);
	if (!check_names(cfg, &e)) {
		cli_fail(&e);
		config_free(cfg);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < cfg->nwarnings; i++)
		printf("warning: %s\n", cfg->warnings[i]);
	printf("%s: %zu clusters, %zu instances\n", cfg->file != NULL ? cfg->file : "no file, defaults",
	        cfg->nclusters, cfg->ninstances);
	for (size_t i = 0; i < cfg->ninstances; i++)
		printf("  %-24s %s\n", cfg->instances[i].name, cfg->instances[i].endpoint.shown);
	config_free(cfg);
	return EXIT_OK;
}

static int print_keys(void)
{
	for (int c = 0; c < CMD_COUNT; c++) {
		const struct command_info *info = command_info((enum command)c);
		printf("%-12s %-12s %s\n", info->name, info->keys, info->help);
	}
	return EXIT_OK;
}

int cmd_config(const struct cli *cli)
{
	struct err e;
	if (cli->set[OPT_PRINT_DEFAULT]) {
		fputs(config_default_text(), stdout);
		return EXIT_OK;
	}
	if (cli->set[OPT_PRINT_KEYS])
		return print_keys();
	if (cli->set[OPT_CHECK])
		return check(cli);
	err_set(&e, ERR_USAGE, "config: say --check, --print-default or --print-keys");
	return cli_fail(&e);
}
