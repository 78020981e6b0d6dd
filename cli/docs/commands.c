/* Subcommands and their options, from the tables that parse them. */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/docs/docs.h"

void docs_version(enum doc_form form, FILE *out)
{
	(void)form;
	fprintf(out, "%s\n", DBATOP_VERSION);
}

static bool takes(int command, size_t option)
{
	return (cli_options[option].commands & (1U << command)) != 0;
}

/* "[list | show NAME]" as mdoc: what is in capitals is replaced by the user. */
static void put_args(FILE *out, const char *args)
{
	char word[64];
	bool literal = false;
	if (*args == '\0')
		return;
	fputs(".Op", out);
	for (const char *at = args; *at != '\0';) {
		size_t n = strcspn(at, "[] ");
		if (n == 0) {
			at++;
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)n, at);
		at += n;
		char *dots = strstr(word, "…");
		if (dots != NULL)
			*dots = '\0';
		if (word[0] == '|') {
			fputs(" |", out);
			continue;
		}
		literal = islower((unsigned char)word[0]) != 0;
		fprintf(out, " %s %s%s", literal ? "Cm" : "Ar", word, dots != NULL ? " ..." : "");
	}
	fputc('\n', out);
}

static void put_synopsis(FILE *out, int command)
{
	fprintf(out, ".Nm\n");
	if (command != CLI_TOP)
		fprintf(out, ".Cm %s\n", cli_subcommands[command].name);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct cli_option_info *o = &cli_options[i];
		if (!takes(command, i))
			continue;
		if (o->letter != 0)
			fprintf(out, ".Op Fl %c", o->letter);
		else
			fprintf(out, ".Op Fl \\-%s", o->name);
		fprintf(out, "%s%s\n", o->arg != NULL ? " Ar " : "", o->arg != NULL ? o->arg : "");
	}
	put_args(out, cli_subcommands[command].args);
}

void docs_commands(enum doc_form form, FILE *out)
{
	if (form == DOC_MARKDOWN)
		fputs("| command | what it does |\n|---|---|\n", out);
	for (int c = 0; c < CLI_COUNT; c++) {
		const struct cli_subcommand *sub = &cli_subcommands[c];
		char line[128];
		if (form == DOC_MAN) {
			put_synopsis(out, c);
			continue;
		}
		snprintf(line, sizeof(line), "dbatop%s%s%s%s", *sub->name != '\0' ? " " : "", sub->name,
		        *sub->args != '\0' ? " " : "", sub->args);
		fputs("| ", out);
		docs_code(out, line);
		fputs(" | ", out);
		docs_text(form, out, sub->summary);
		fputs(" |\n", out);
	}
}

static void put_option(enum doc_form form, FILE *out, const struct cli_option_info *o)
{
	if (form == DOC_MAN) {
		fputs(".It ", out);
		if (o->letter != 0)
			fprintf(out, "Fl %c , ", o->letter);
		fprintf(out, "Fl \\-%s", o->name);
		if (o->arg != NULL)
			fprintf(out, " Ar %s", o->arg);
		fputc('\n', out);
		docs_sentence(form, out, o->help);
		return;
	}
	char line[96];
	char letter[8] = "";
	if (o->letter != 0)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(line, sizeof(line), "%s--%s%s%s", letter, o->name, o->arg != NULL ? " " : "",
	        o->arg != NULL ? o->arg : "");
	fputs("| ", out);
	docs_code(out, line);
	fputs(" | ", out);
	docs_text(form, out, o->help);
	fputs(" |\n", out);
}

void docs_options(enum doc_form form, FILE *out)
{
	for (int c = 0; c < CLI_COUNT; c++) {
		const struct cli_subcommand *sub = &cli_subcommands[c];
		const char *space = *sub->name != '\0' ? " " : "";
		if (form == DOC_MAN) {
			fprintf(out, ".Ss dbatop%s%s\n", space, sub->name);
			docs_sentence(form, out, sub->summary);
			fputs(".Bl -tag -width Ds\n", out);
		} else {
			fprintf(out, "%s`dbatop%s%s`\n\n| option | what it does |\n|---|---|\n",
			        c > 0 ? "\n" : "", space, sub->name);
		}
		for (size_t i = 0; i < OPT_COUNT; i++) {
			if (takes(c, i))
				put_option(form, out, &cli_options[i]);
		}
		if (form == DOC_MAN)
			fputs(".El\n", out);
	}
}
