/* Keys and the filter's words, from the tables that the help screen is made of. */
#include <string.h>

#include "cli/docs/docs.h"
#include "tui/help.h"
#include "tui/view.h"

enum { KEYS_BYTES = 64 };

/* "k Up" as separate keys. */
static void put_keys(enum doc_form form, FILE *out, const char *keys, bool *first)
{
	char key[KEYS_BYTES];
	for (const char *at = keys; *at != '\0'; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");
		snprintf(key, sizeof(key), "%.*s", (int)n, at);
		at += n;
		if (form == DOC_MAN) {
			fputs(*first ? " Ic " : " , Ic ", out);
			docs_arg(out, key);
		} else {
			if (!*first)
				fputc(' ', out);
			docs_code(out, key);
		}
		*first = false;
	}
}

/* A hidden command is a variant of the one after it: its keys stand there. */
static void put_command(enum doc_form form, FILE *out, const struct keymap *m, const char *before,
        const struct command_info *info)
{
	char keys[KEYS_BYTES], line[96] = "";
	bool first = true;
	help_keys(m, info->id, keys, sizeof(keys));
	if (keys[0] == '\0' || info->arg[0] != '\0')
		snprintf(line, sizeof(line), ":%s%s%s", info->name, info->arg[0] != '\0' ? " " : "",
		        info->arg);
	fputs(form == DOC_MAN ? ".It" : "| ", out);
	put_keys(form, out, before, &first);
	put_keys(form, out, keys, &first);
	if (line[0] != '\0' && form == DOC_MAN) {
		fputs(first ? " Ic " : " , Ic ", out);
		docs_arg(out, line);
	} else if (line[0] != '\0') {
		if (!first)
			fputc(' ', out);
		docs_code(out, line);
	}
	fputs(form == DOC_MAN ? "\n" : " | ", out);
	docs_sentence(form, out, info->help);
	fputs(form == DOC_MAN ? "" : " |\n", out);
}

void docs_keys(enum doc_form form, FILE *out)
{
	struct keymap *m = keymap_new(NULL, NULL);
	for (const struct help_section *s = help_sections; s->title != NULL; s++) {
		char before[KEYS_BYTES] = "";
		if (form == DOC_MAN)
			fprintf(out, ".Ss \\&%s\n.Bl -tag -width \"PgUp , PgDn\"\n", s->title);
		else
			fprintf(out, "%s| %s | |\n|---|---|\n", s > help_sections ? "\n" : "", s->title);
		for (int c = 0; c < CMD_COUNT; c++) {
			const struct command_info *info = command_info((enum command)c);
			if (!help_section_has(s, info))
				continue;
			if ((info->flags & CMD_HIDDEN) != 0) {
				help_keys(m, info->id, before, sizeof(before));
				continue;
			}
			put_command(form, out, m, before, info);
			before[0] = '\0';
		}
		if (form == DOC_MAN)
			fputs(".El\n", out);
	}
	keymap_free(m);
}

void docs_filter(enum doc_form form, FILE *out)
{
	fputs(form == DOC_MAN ? ".Bl -tag -width \"state:active\"\n" : "| filter | shows |\n|---|---|\n",
	        out);
	for (const struct help_pair *p = help_filter; p->word != NULL; p++) {
		if (form == DOC_MAN) {
			fputs(".It Li ", out);
			docs_arg(out, p->word);
			fputc('\n', out);
		} else {
			fputs("| ", out);
			docs_code(out, p->word);
			fputs(" | ", out);
		}
		docs_text(form, out, p->text);
		fputs(form == DOC_MAN ? ".\n" : " |\n", out);
	}
	if (form == DOC_MAN)
		fputs(".El\n", out);
}

static void add_word(char *line, size_t size, const char *glue, const char *word)
{
	size_t used = strlen(line);
	snprintf(line + used, size - used, "%s%s", used > 0 ? glue : "", word);
}

/* The columns of the views that name them; a view may have none to sort by. */
void docs_columns(enum doc_form form, FILE *out)
{
	bool any = false;
	for (const struct view *const *v = views; *v != NULL; v++) {
		char line[1024] = "";
		for (size_t i = 0; i < (*v)->ncolumns; i++)
			add_word(line, sizeof(line), ", ", (*v)->columns[i].name);
		const char *glue = "; in a filter also ";
		for (const char *const *c = (*v)->extra; c != NULL && *c != NULL; c++) {
			add_word(line, sizeof(line), glue, *c);
			glue = ", ";
		}
		if (line[0] == '\0')
			continue;
		if (!any)
			fputs(form == DOC_MAN
			                ? ".Pp\nColumns to filter and to sort by:\n.Bl -tag -width sessions\n"
			                : "| view | columns to filter and to sort by |\n|---|---|\n",
			        out);
		any = true;
		fprintf(out, form == DOC_MAN ? ".It %s\n" : "| %s | ", (*v)->title);
		docs_text(form, out, line);
		fputs(form == DOC_MAN ? "\n" : " |\n", out);
	}
	if (any && form == DOC_MAN)
		fputs(".El\n", out);
}
