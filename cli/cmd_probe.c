/* `dbatop probe`: what dbatop sends to servers, for whoever has to allow it, and the rules that every file of
 * it keeps. The build runs --lint. */
#include <stdlib.h>
#include <string.h>

#include "cli/app.h"

static void version_text(int version, char out[24])
{
	if (version >= VERSION_MAX)
		snprintf(out, 24, "…");
	else if (version % 10000 == 9999 || version % 10000 == 0)
		snprintf(out, 24, "%d", version / 10000);
	else if (version % 100 == 99 || version % 100 == 0)
		snprintf(out, 24, "%d.%d", version / 10000, version / 100 % 100);
	else
		snprintf(out, 24, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
}

static void list_one(const struct probe *p)
{
	static const char *const lanes[LANE_KINDS] = {
	        [LANE_FAST] = "fast", [LANE_SLOW] = "slow", [LANE_ADMIN] = "admin"};
	char from[24], to[24];
	version_text(p->version_min, from);
	version_text(p->version_max, to);
	printf("%-18s %-9s %-9s %-9s %-6s %6.1f s %6u ms %5u rows  %s\n", p->name, engine_name(p->engine),
	        from, to, lanes[p->lane], p->every_ms / 1000.0, p->timeout_ms, p->rows,
	        p->needs != NULL ? p->needs : "");
}

static int list(const struct probe_set *set, enum engine engine)
{
	printf("%-18s %-9s %-9s %-9s %-6s %8s %9s %10s  %s\n", "probe", "engine", "from", "to", "lane",
	        "every", "timeout", "at most", "needs");
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *p = probe_set_at(set, i);
		if (engine == ENGINE_NONE || p->engine == engine)
			list_one(p);
	}
	return EXIT_OK;
}

static int show(const struct probe_set *set, const struct cli *cli, enum engine engine)
{
	struct err e;
	const char *name = cli->nargs > 1 ? cli->args[1] : "";
	const char *wanted = cli->value[OPT_FOR];
	int version = wanted != NULL ? version_parse(wanted) : 0;
	int slot = probe_set_slot(set, name);
	bool found = false;
	if (slot < 0) {
		err_set(&e, ERR_USAGE, "there is no probe '%s', see dbatop probe list", name);
		return cli_fail(&e);
	}
	if (wanted != NULL && version == 0) {
		err_set(&e, ERR_USAGE, "--for: '%s' is no version", wanted);
		return cli_fail(&e);
	}
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *p = probe_set_at(set, i);
		if (p->slot != (unsigned)slot || (engine != ENGINE_NONE && p->engine != engine))
			continue;
		if (version != 0 && probe_set_find(set, p->slot, p->engine, version, NULL) != p)
			continue;
		printf("%s-- %s\n%s\n", found ? "\n" : "", p->file, p->sql);
		found = true;
	}
	if (found)
		return EXIT_OK;
	err_set(&e, ERR_UNSUPPORTED, "%s: no statement for that engine and version", name);
	return cli_fail(&e);
}

int cmd_probe(const struct cli *cli)
{
	struct err e;
	enum engine engine = ENGINE_NONE;
	if (cli->value[OPT_ENGINE] != NULL &&
	        (engine = engine_parse(cli->value[OPT_ENGINE])) == ENGINE_NONE) {
		err_set(&e, ERR_USAGE, "--engine: '%s' is none of postgres, mysql, mariadb",
		        cli->value[OPT_ENGINE]);
		return cli_fail(&e);
	}
	struct probe_set *set = app_probes(&e);
	if (set == NULL) {
		cli_fail(&e);
		return EXIT_FAILED;
	}
	int code;
	const char *what = cli->nargs > 0 ? cli->args[0] : "list";
	if (cli->set[OPT_LINT]) {
		printf("%zu statements of %zu probes keep the rules\n", probe_set_count(set),
		        probe_set_names(set));
		code = EXIT_OK;
	} else if (strcmp(what, "list") == 0) {
		code = list(set, engine);
	} else if (strcmp(what, "show") == 0) {
		code = show(set, cli, engine);
	} else {
		err_set(&e, ERR_USAGE, "probe: '%s' is neither list nor show", what);
		code = cli_fail(&e);
	}
	probe_set_free(set);
	return code;
}
