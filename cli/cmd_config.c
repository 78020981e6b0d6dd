/* `dbatop config`: whether the configuration says what it should, and the default one to begin with. */
#include "cli/app.h"
#include "tui/command.h"

static int check(const struct cli *cli)
{
	struct err e;
	struct config *cfg;
	struct config_sources src = {.file = cli->value[OPT_CONFIG]};
	if (!config_load(&src, &cfg, &e))
		return cli_fail(&e);
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
