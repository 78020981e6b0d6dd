/* The command line: one table of subcommands and one of options, from which parsing, --help, the man page and
 * completions come. A handler gets what was parsed and returns the exit code. */
#ifndef DBATOP_CLI_CLI_H
#define DBATOP_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/err.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The subcommands; the first is `dbatop` itself. */
enum cli_command {
#define SUBCOMMAND(id, name, args, summary, run) CLI_##id,
#include "cli/subcommands.def"
#undef SUBCOMMAND
	CLI_COUNT
};

enum cli_option {
#define OPTION(id, long_name, short_name, arg, commands, help) OPT_##id,
#include "cli/options.def"
#undef OPTION
	OPT_COUNT
};

enum { CLI_ARGS_MAX = 512 };

struct cli {
	enum cli_command command;
	bool set[OPT_COUNT];
	const char *value[OPT_COUNT]; /* of options that take one; borrowed from argv */
	const char **args;            /* what is not an option: URLs, a probe's name */
	size_t nargs;
};

struct cli_subcommand {
	const char *name; /* "" for dbatop itself */
	const char *args; /* "[URL…]" */
	const char *summary;
	int (*run)(const struct cli *cli);
};
extern const struct cli_subcommand cli_subcommands[CLI_COUNT];

struct cli_option_info {
	const char *name; /* without the dashes */
	const char *arg;  /* NULL: takes none */
	const char *help;
	uint32_t commands; /* bit n: accepted by enum cli_command n */
	char letter;       /* 0: none */
};
extern const struct cli_option_info cli_options[OPT_COUNT];

/* Options may stand anywhere; "--" ends them. On ERR_USAGE nothing is left allocated. */
bool cli_parse(int argc, char **argv, struct cli *out, struct err *e);
void cli_free(struct cli *cli);
void cli_help(enum cli_command command, FILE *out);
/* "dbatop: text" on stderr; returns the exit code for e: 2 for ERR_USAGE, else 1. */
int cli_fail(const struct err *e);

/* The handlers, one file each: cmd_*.c. */
int cmd_top(const struct cli *cli);
int cmd_once(const struct cli *cli);
int cmd_doctor(const struct cli *cli);
int cmd_config(const struct cli *cli);
int cmd_probe(const struct cli *cli);

#endif
