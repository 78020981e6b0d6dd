/* The documents that come from the program's own tables: keys, options, config keys, columns of `once`, what
 * privileges are for. dbatop_docs writes them at build time into the manual, the README and the shells'
 * completions; it is not part of what users run. One thread, ends after one file. */
#ifndef DBATOP_CLI_DOCS_DOCS_H
#define DBATOP_CLI_DOCS_DOCS_H

#include <stddef.h>
#include <stdio.h>

enum doc_form { DOC_MAN, DOC_MARKDOWN };

/* One generated part; a template names it on a line of its own: @keys@ in a manual page, <!-- @keys@ --> in
 * Markdown, there followed by the text itself and <!-- @end@ -->. */
struct doc_part {
	const char *name;
	void (*write)(enum doc_form form, FILE *out);
};
extern const struct doc_part doc_parts[]; /* ends with name NULL */

void docs_commands(enum doc_form form, FILE *out);
void docs_options(enum doc_form form, FILE *out);
void docs_keys(enum doc_form form, FILE *out);
void docs_filter(enum doc_form form, FILE *out);
void docs_columns(enum doc_form form, FILE *out);
void docs_config(enum doc_form form, FILE *out);
void docs_columns_fleet(enum doc_form form, FILE *out);
void docs_columns_sessions(enum doc_form form, FILE *out);
void docs_privileges(enum doc_form form, FILE *out);
void docs_version(enum doc_form form, FILE *out);

void docs_bash(FILE *out);
void docs_zsh(FILE *out);
/* The words an option's value is one of, "" when it is free; "FILE" means any file. */
const char *docs_values(int command, size_t option, char *out, size_t size);

/* Running text, with what mdoc or Markdown would take for markup made harmless. */
void docs_text(enum doc_form form, FILE *out, const char *text);
/* A clause of a table: as it is in Markdown, a sentence on its own line in a manual. */
void docs_sentence(enum doc_form form, FILE *out, const char *clause);
/* Text as one argument of an mdoc macro. */
void docs_arg(FILE *out, const char *text);
/* Text as code in Markdown, also inside a table. */
void docs_code(FILE *out, const char *text);

#endif
