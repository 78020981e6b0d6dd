/* What the probe files say: the columns that `once` prints, and what each privilege is for. */
#include <stdlib.h>
#include <string.h>

#include "cli/app.h"
#include "cli/docs/docs.h"
#include "cli/once.h"

enum { COLUMNS_MAX = 128, ENGINES = ENGINE_MARIADB + 1 };

struct known {
	const struct column *column;
	bool engine[ENGINES];
};

static struct probe_set *probes(void)
{
	struct err e;
	struct probe_set *set = app_probes(&e);
	if (set != NULL)
		return set;
	fprintf(stderr, "dbatop_docs: %s\n", e.text);
	exit(EXIT_FAILURE);
}

static size_t collect(const struct probe_set *set, const char *probe, struct known *all)
{
	size_t n = 0;
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *p = probe_set_at(set, i);
		if (strcmp(p->name, probe) != 0)
			continue;
		for (size_t c = 0; c < p->ncols; c++) {
			size_t k = 0;
			while (k < n && strcmp(all[k].column->name, p->columns[c].name) != 0)
				k++;
			if (k == COLUMNS_MAX)
				continue;
			if (k == n)
				all[n++] = (struct known){.column = &p->columns[c]};
			all[k].engine[p->engine] = true;
		}
	}
	return n;
}

static const char *type_of(enum column_role role)
{
	switch (column_cell_type(role)) {
	case CELL_INT:
		return "integer";
	case CELL_REAL:
		return "number";
	case CELL_BOOL:
		return "boolean";
	default:
		return "string";
	}
}

static const char *unit_of(enum column_role role)
{
	switch (role) {
	case ROLE_DURATION:
		return ", milliseconds";
	case ROLE_BYTES:
		return ", bytes";
	case ROLE_LSN:
		return ", a position in the log in bytes";
	case ROLE_PERCENT:
		return ", 0 to 100";
	case ROLE_COUNTER:
		return ", grows until the server resets it";
	case ROLE_TIME:
		return ", a moment as the server writes it";
	case ROLE_SQLTEXT:
		return ", a statement, redacted by policy";
	default:
		return "";
	}
}

static void put_column(enum doc_form form, FILE *out, const struct known *k)
{
	fprintf(out, form == DOC_MAN ? ".It Li %s\n" : "| `%s` | ", k->column->name);
	fprintf(out, "%s%s", type_of(k->column->role), unit_of(k->column->role));
	const char *glue = "; only ";
	bool all = true;
	for (int e = ENGINE_NONE + 1; e < ENGINES; e++)
		all = all && k->engine[e];
	for (int e = ENGINE_NONE + 1; e < ENGINES && !all; e++) {
		if (!k->engine[e])
			continue;
		fprintf(out, "%s%s", glue, engine_name((enum engine)e));
		glue = ", ";
	}
	fputs(form == DOC_MAN ? "\n" : " |\n", out);
}

static void put_columns(enum doc_form form, FILE *out, const char *view)
{
	struct known all[COLUMNS_MAX];
	struct probe_set *set = probes();
	size_t n = collect(set, once_view_find(view)->json_probe, all);
	fputs(form == DOC_MAN ? ".Bl -tag -width Ds -compact\n" : "| column | type |\n|---|---|\n", out);
	for (size_t i = 0; i < n; i++)
		put_column(form, out, &all[i]);
	if (form == DOC_MAN)
		fputs(".El\n", out);
	probe_set_free(set);
}

void docs_columns_fleet(enum doc_form form, FILE *out)
{
	put_columns(form, out, "fleet");
}

void docs_columns_sessions(enum doc_form form, FILE *out)
{
	put_columns(form, out, "sessions");
}

/* One line for each thing that is lost: the newest variant of a probe speaks for it. */
void docs_privileges(enum doc_form form, FILE *out)
{
	struct probe_set *set = probes();
	if (form == DOC_MAN)
		fputs(".Bl -tag -width Ds\n", out);
	else
		fputs("| engine | privilege | probe | without it |\n|---|---|---|---|\n", out);
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *p = probe_set_at(set, i);
		if (p->needs == NULL || p->otherwise == NULL ||
		        probe_set_find(set, p->slot, p->engine, VERSION_MAX, NULL) != p)
			continue;
		if (form == DOC_MAN)
			fprintf(out, ".It %s , probe %s : Li %s\n", engine_name(p->engine), p->name,
			        p->needs);
		else
			fprintf(out, "| %s | `%s` | %s | ", engine_name(p->engine), p->needs, p->name);
		docs_text(form, out, p->otherwise);
		fputs(form == DOC_MAN ? ".\n" : " |\n", out);
	}
	if (form == DOC_MAN)
		fputs(".El\n", out);
	probe_set_free(set);
}
