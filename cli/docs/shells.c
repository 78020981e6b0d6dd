/* Completions for bash and zsh: subcommands, options, and the values of those that have a few. */
#include <string.h>

#include "cli/cli.h"
#include "cli/docs/docs.h"
#include "core/base/embedded.h"
#include "core/model/engine.h"
#include "tui/view.h"

extern const struct embedded_file embedded_themes[];

static void add(char *out, size_t size, const char *word, size_t n)
{
	size_t used = strlen(out);
	snprintf(out + used, size - used, "%s%.*s", used > 0 ? " " : "", (int)n, word);
}

const char *docs_values(int command, size_t option, char *out, size_t size)
{
	out[0] = '\0';
	switch (option) {
	case OPT_VIEW:
		for (const struct view *const *v = views; *v != NULL; v++)
			add(out, size, (*v)->name, strlen((*v)->name));
		break;
	case OPT_FORMAT:
		add(out, size, command == CLI_ONCE ? "text json csv" : "text json", 13);
		break;
	case OPT_ENGINE:
		for (int e = ENGINE_NONE + 1; e <= ENGINE_MARIADB; e++)
			add(out, size, engine_name((enum engine)e), 16);
		break;
	case OPT_THEME:
		for (const struct embedded_file *f = embedded_themes; f->name != NULL; f++)
			add(out, size, f->name, strcspn(f->name, "."));
		break;
	case OPT_CONFIG:
		add(out, size, "FILE", 4);
		break;
	default:
		break;
	}
	return out;
}

static bool takes(int command, size_t option)
{
	return (cli_options[option].commands & (1U << command)) != 0;
}

static void bash_values(FILE *out, int command)
{
	char words[256];
	fputs("\t\tcase $before in\n", out);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct cli_option_info *o = &cli_options[i];
		if (o->arg == NULL || !takes(command, i))
			continue;
		fprintf(out, "\t\t--%s", o->name);
		if (o->letter != 0)
			fprintf(out, " | -%c", o->letter);
		docs_values(command, i, words, sizeof(words));
		if (strcmp(words, "FILE") == 0)
			fputs(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", out);
		else
			fprintf(out, ") COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", words);
	}
	fputs("\t\tesac\n", out);
}

static void bash_options(FILE *out, int command)
{
	const char *glue = "";
	fprintf(out, "\t%s)\n", command == CLI_TOP ? "''" : cli_subcommands[command].name);
	bash_values(out, command);
	fputs("\t\twords='", out);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		if (!takes(command, i))
			continue;
		fprintf(out, "%s--%s", glue, cli_options[i].name);
		glue = " ";
	}
	fputs("' ;;\n", out);
}

void docs_bash(FILE *out)
{
	fputs("# bash completion for dbatop; written from its option table.\n"
	      "_dbatop() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' words\n"
	      "\tcase ${COMP_WORDS[1]} in\n\t",
	        out);
	for (int c = 1; c < CLI_COUNT; c++)
		fprintf(out, "%s%s", c > 1 ? " | " : "", cli_subcommands[c].name);
	fputs(") [ \"$COMP_CWORD\" -eq 1 ] || command=${COMP_WORDS[1]} ;;\n\tesac\n\tcase $command in\n",
	        out);
	for (int c = 0; c < CLI_COUNT; c++)
		bash_options(out, c);
	fputs("\tesac\n\tif [[ $word != -* && $COMP_CWORD -eq 1 ]]; then\n\t\twords='", out);
	for (int c = 1; c < CLI_COUNT; c++)
		fprintf(out, "%s%s", c > 1 ? " " : "", cli_subcommands[c].name);
	fputs("'\n\telif [[ $word != -* ]]; then\n\t\twords=''\n\t\t[ \"$command\" != probe ] || words='list "
	      "show'\n"
	      "\tfi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
	      "complete -o nosort -F _dbatop dbatop\n",
	        out);
}

/* A text inside '…' and [ ] of a zsh option. */
static void zsh_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr("[]:\\", *text) != NULL)
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void zsh_option(FILE *out, int command, size_t i)
{
	const struct cli_option_info *o = &cli_options[i];
	char words[256];
	docs_values(command, i, words, sizeof(words));
	if (o->letter != 0)
		fprintf(out, "\t\t\t'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
	else
		fprintf(out, "\t\t\t'--%s[", o->name);
	zsh_text(out, o->help);
	fputc(']', out);
	if (o->arg != NULL) {
		fprintf(out, ":%s:", o->arg);
		if (strcmp(words, "FILE") == 0)
			fputs("_files", out);
		else if (words[0] != '\0')
			fprintf(out, "(%s)", words);
	}
	fputs("' \\\n", out);
}

void docs_zsh(FILE *out)
{
	fputs("#compdef dbatop\n# zsh completion for dbatop; written from its option table.\n"
	      "_dbatop() {\n\tlocal -a commands\n\tcommands=(\n",
	        out);
	for (int c = 1; c < CLI_COUNT; c++) {
		fprintf(out, "\t\t'%s:", cli_subcommands[c].name);
		zsh_text(out, cli_subcommands[c].summary);
		fputs("'\n", out);
	}
	fputs("\t)\n\tcase $words[2] in\n", out);
	for (int c = 1; c <= CLI_COUNT; c++) {
		int command = c % CLI_COUNT;
		fprintf(out, "\t%s)\n\t\t_arguments \\\n",
		        command == CLI_TOP ? "*" : cli_subcommands[command].name);
		for (size_t i = 0; i < OPT_COUNT; i++) {
			if (takes(command, i))
				zsh_option(out, command, i);
		}
		if (command == CLI_TOP)
			fputs("\t\t\t'1: :{_describe command commands}' '*: :'\n\t\t;;\n", out);
		else if (command == CLI_PROBE)
			fputs("\t\t\t'1: :' '2: :(list show)' '*: :'\n\t\t;;\n", out);
		else
			fputs("\t\t\t'*: :'\n\t\t;;\n", out);
	}
	fputs("\tesac\n}\n_dbatop \"$@\"\n", out);
}
