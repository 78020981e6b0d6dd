/* Parsing by table: what an option is called, whether it takes a value and who accepts it stand in
 * options.def and nowhere else, so help, man page and completions cannot drift from what is parsed. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

/* clang-format off */
const struct cli_subcommand cli_subcommands[CLI_COUNT] = {
#define SUBCOMMAND(id, word, arguments, line, handler) \
	[CLI_##id] = {.name = (word), .args = (arguments), .summary = (line), .run = (handler)},
#include "cli/subcommands.def"
#undef SUBCOMMAND
};

#define ON(id) (1U << CLI_##id)
const struct cli_option_info cli_options[OPT_COUNT] = {
#define OPTION(id, word, short_name, argument, accepted, clause) \
	[OPT_##id] = {.name = (word), .letter = (short_name), .arg = (argument), \
	        .commands = (accepted), .help = (clause)},
#include "cli/options.def"
#undef OPTION
#undef ON
};
/* clang-format on */

static bool accepts(enum cli_command command, size_t option)
{
	return (cli_options[option].commands & (1U << command)) != 0;
}

static enum cli_command find_command(const char *word)
{
	for (int c = 1; c < CLI_COUNT; c++) {
		if (strcmp(cli_subcommands[c].name, word) == 0)
			return (enum cli_command)c;
	}
	return CLI_TOP;
}

static bool unknown(enum cli_command command, const char *word, struct err *e)
{
	const char *names[OPT_COUNT];
	size_t n = 0;
	for (size_t i = 0; i < OPT_COUNT; i++) {
		if (accepts(command, i))
			names[n++] = cli_options[i].name;
	}
	const char *near = strncmp(word, "--", 2) == 0 ? text_did_you_mean(word + 2, names, n) : NULL;
	const char *name = cli_subcommands[command].name;
	if (near != NULL)
		return err_set(e, ERR_USAGE, "unknown option %s, did you mean --%s?", word, near);
	return err_set(
	        e, ERR_USAGE, "unknown option %s, see dbatop %s%s--help", word, name, *name ? " " : "");
}

/* The option that `word` (of n bytes, without dashes) names; OPT_COUNT when there is none. */
static size_t find_option(enum cli_command command, const char *word, size_t n, bool is_long)
{
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct cli_option_info *o = &cli_options[i];
		if (!accepts(command, i))
			continue;
		if (is_long ? strlen(o->name) == n && memcmp(o->name, word, n) == 0 : o->letter == *word)
			return i;
	}
	return OPT_COUNT;
}

/* Takes argv[*i] and, where it needs one, its value. */
static bool take_option(int argc, char **argv, int *i, struct cli *out, struct err *e)
{
	const char *word = argv[*i];
	bool is_long = word[1] == '-';
	const char *name = word + (is_long ? 2 : 1);
	size_t n = is_long ? strcspn(name, "=") : 1;
	size_t o = find_option(out->command, name, n, is_long);
	if (o == OPT_COUNT)
		return unknown(out->command, word, e);
	const char *value = name[n] == '\0' ? NULL : is_long ? name + n + 1 : name + n;
	if (cli_options[o].arg == NULL) {
		if (value != NULL)
			return err_set(e, ERR_USAGE, "--%s takes no value", cli_options[o].name);
	} else if (value == NULL) {
		if (*i + 1 >= argc)
			return err_set(
			        e, ERR_USAGE, "--%s needs a %s", cli_options[o].name, cli_options[o].arg);
		value = argv[++*i];
	}
	out->set[o] = true;
	out->value[o] = value;
	return true;
}

bool cli_parse(int argc, char **argv, struct cli *out, struct err *e)
{
	*out = (struct cli){.command = CLI_TOP};
	out->args = xcalloc((size_t)argc + 1, sizeof(*out->args));

	/* The subcommand is the first word that is no option; it decides what options mean. */
	int from = 1;
	if (argc > 1 && argv[1][0] != '-') {
		out->command = find_command(argv[1]);
		from += out->command != CLI_TOP;
	}
	bool options = true;
	for (int i = from; i < argc; i++) {
		const char *word = argv[i];
		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && word[0] == '-' && word[1] != '\0') {
			if (!take_option(argc, argv, &i, out, e)) {
				cli_free(out);
				return false;
			}
		} else {
			out->args[out->nargs++] = word;
		}
	}
	return true;
}

void cli_free(struct cli *cli)
{
	free(cli->args);
	cli->args = NULL;
}

void cli_help(enum cli_command command, FILE *out)
{
	const struct cli_subcommand *sub = &cli_subcommands[command];
	fprintf(out, "usage: dbatop%s%s [option…]%s%s\n\n%s\n", *sub->name ? " " : "", sub->name,
	        *sub->args ? " " : "", sub->args, sub->summary);
	if (command == CLI_TOP) {
		fprintf(out, "\n");
		for (int c = 1; c < CLI_COUNT; c++)
			fprintf(out, "  dbatop %-8s %s\n", cli_subcommands[c].name,
			        cli_subcommands[c].summary);
	}
	fprintf(out, "\n");
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct cli_option_info *o = &cli_options[i];
		char letter[4] = "  ", left[40];
		if (!accepts(command, i))
			continue;
		if (o->letter != 0)
			snprintf(letter, sizeof(letter), "-%c", o->letter);
		snprintf(left, sizeof(left), "%s%s --%s %s", letter, o->letter != 0 ? "," : " ", o->name,
		        o->arg != NULL ? o->arg : "");
		fprintf(out, "  %-24s %s\n", left, o->help);
	}
	if (command != CLI_CONFIG && command != CLI_PROBE)
		fprintf(out,
		        "\nURL: postgres://user@host:port/database or mysql://user@host:port; without one,\n"
		        "the configuration and the clients' own files and environment decide.\n");
}

int cli_fail(const struct err *e)
{
	fprintf(stderr, "dbatop: %s\n", e->text);
	return e->code == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
