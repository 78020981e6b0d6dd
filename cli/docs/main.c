/* dbatop_docs: fills the generated parts of a document. The build runs it for the manual and the
 * completions; people run it for the README, whose generated parts are kept in the tree so that they can be
 * read without building anything. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/docs/docs.h"

const struct doc_part doc_parts[] = {
        {"commands", docs_commands},
        {"options", docs_options},
        {"keys", docs_keys},
        {"filter", docs_filter},
        {"columns", docs_columns},
        {"config", docs_config},
        {"columns-fleet", docs_columns_fleet},
        {"columns-sessions", docs_columns_sessions},
        {"privileges", docs_privileges},
        {"version", docs_version},
        {NULL, NULL},
};

enum { LINE_BYTES = 8192 };

/* The part that a line names, between `before` and `after`; NULL when it is an ordinary line. */
static const struct doc_part *find_part(const char *line, const char *before, const char *after)
{
	size_t n = strlen(before);
	if (strncmp(line, before, n) != 0)
		return NULL;
	for (const struct doc_part *p = doc_parts; p->name != NULL; p++) {
		size_t len = strlen(p->name);
		if (strncmp(line + n, p->name, len) == 0 && strcmp(line + n + len, after) == 0)
			return p;
	}
	return NULL;
}

static bool fill_man(FILE *in, FILE *out)
{
	char line[LINE_BYTES];
	while (fgets(line, sizeof(line), in) != NULL) {
		const struct doc_part *part = find_part(line, "@", "@\n");
		if (part != NULL)
			part->write(DOC_MAN, out);
		else if (line[0] == '@')
			return false;
		else
			fputs(line, out);
	}
	return true;
}

static bool fill_markdown(FILE *in, FILE *out)
{
	char line[LINE_BYTES];
	bool skip = false;
	while (fgets(line, sizeof(line), in) != NULL) {
		const struct doc_part *part = find_part(line, "<!-- @", "@ -->\n");
		bool end = strcmp(line, "<!-- @end@ -->\n") == 0;
		if ((part != NULL) == skip && (part != NULL || end))
			return false;
		if (strncmp(line, "<!-- @", 6) == 0 && part == NULL && !end)
			return false;
		if (end)
			skip = false;
		if (!skip)
			fputs(line, out);
		if (part != NULL) {
			fputc('\n', out);
			part->write(DOC_MARKDOWN, out);
			fputc('\n', out);
			skip = true;
		}
	}
	return !skip;
}

static int fail(const char *path, const char *why)
{
	fprintf(stderr, "dbatop_docs: %s: %s\n", path, why);
	return 1;
}

/* Everything is made in memory first, so that a document may be its own template. */
static int fill(const char *kind, const char *from, const char *to)
{
	char *text = NULL;
	size_t size = 0;
	bool ok = true;
	FILE *out = open_memstream(&text, &size);
	FILE *in = from != NULL ? fopen(from, "re") : NULL;
	if (from != NULL && in == NULL) {
		fclose(out);
		free(text);
		return fail(from, strerror(errno));
	}
	if (strcmp(kind, "man") == 0)
		ok = fill_man(in, out);
	else if (strcmp(kind, "markdown") == 0)
		ok = fill_markdown(in, out);
	else if (strcmp(kind, "bash") == 0)
		docs_bash(out);
	else
		docs_zsh(out);
	if (in != NULL)
		fclose(in);
	fclose(out);
	int code = ok ? 0 : fail(from, "a marker that names no part, or has no end");
	FILE *file = !ok ? NULL : strcmp(to, "-") == 0 ? stdout : fopen(to, "we");
	if (file != NULL)
		fwrite(text, 1, size, file);
	if (ok && (file == NULL || fflush(file) != 0))
		code = fail(to, strerror(errno));
	if (file != NULL && file != stdout)
		fclose(file);
	free(text);
	return code;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	bool shell = strcmp(kind, "bash") == 0 || strcmp(kind, "zsh") == 0;
	if (shell && argc == 3)
		return fill(kind, NULL, argv[2]);
	if (argc == 4 && (strcmp(kind, "man") == 0 || strcmp(kind, "markdown") == 0))
		return fill(kind, argv[2], argv[3]);
	fprintf(stderr, "usage: dbatop_docs man|markdown TEMPLATE FILE\n"
	                "       dbatop_docs bash|zsh FILE\n"
	                "FILE - is the standard output.\n");
	return 2;
}
