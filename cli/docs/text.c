/* Making texts of the tables harmless in each markup. */
#include <ctype.h>
#include <string.h>

#include "cli/docs/docs.h"

enum { MAN_LINE = 76 };

static size_t put_man(FILE *out, const char *text, size_t n)
{
	size_t width = 0;
	for (size_t i = 0; i < n; i++) {
		const char *as = NULL;
		if (text[i] == '\\')
			as = "\\e";
		else if (text[i] == '"')
			as = "\\(dq";
		else if (text[i] == '-')
			as = "\\-";
		else if (text[i] == '`')
			as = "\\(ga";
		else if (strncmp(text + i, "…", 3) == 0) {
			as = "...";
			i += 2;
		}
		if (as != NULL)
			fputs(as, out);
		else
			fputc(text[i], out);
		width += as != NULL ? strlen(as) : 1;
	}
	return width;
}

/* Word by word, so that no line is long and none begins like a macro. */
static void fill_man(FILE *out, const char *text)
{
	size_t column = 0;
	for (size_t n; *text != '\0'; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (column > 0 && column + n + 1 > MAN_LINE) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0 && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (column > 0)
			fputc(' ', out);
		column += put_man(out, text, n) + 1;
	}
}

void docs_text(enum doc_form form, FILE *out, const char *text)
{
	if (form == DOC_MAN) {
		fill_man(out, text);
		return;
	}
	for (const char *c = text; *c != '\0'; c++) {
		if (strchr("|<>*_", *c) != NULL)
			fputc('\\', out);
		fputc(*c, out);
	}
}

void docs_sentence(enum doc_form form, FILE *out, const char *clause)
{
	char first[2] = {(char)toupper((unsigned char)clause[0]), '\0'};
	if (form == DOC_MARKDOWN || clause[0] == '\0') {
		docs_text(form, out, clause);
		return;
	}
	fputs(first, out);
	fill_man(out, clause + 1);
	fputs(".\n", out);
}

void docs_arg(FILE *out, const char *text)
{
	fputs("\"\\&", out);
	put_man(out, text, strlen(text));
	fputc('"', out);
}

void docs_code(FILE *out, const char *text)
{
	fputc('`', out);
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '|')
			fputc('\\', out);
		fputc(*c, out);
	}
	fputc('`', out);
}
