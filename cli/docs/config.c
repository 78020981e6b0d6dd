/* The keys of the config file from the decoder's tables, their defaults from the default file. */
#include <stdlib.h>
#include <string.h>

#include "cli/docs/docs.h"
#include "core/base/human.h"
#include "core/model/config.h"
#include "core/model/config_schema.h"

static const struct yaml_node *child(const struct yaml_node *map, const char *key, size_t n)
{
	for (size_t i = 0; map != NULL && map->kind == YAML_MAP && i < map->n; i++) {
		if (strlen(map->keys[i]->text) == n && strncmp(map->keys[i]->text, key, n) == 0)
			return map->values[i];
	}
	return NULL;
}

/* The map at "a.b" of the default file. */
static const struct yaml_node *find(const struct yaml_node *root, const char *path)
{
	const struct yaml_node *at = path != NULL ? root : NULL;
	for (size_t n; at != NULL && *path != '\0'; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		at = child(at, path, n);
	}
	return at;
}

static void put_type(FILE *out, const struct field *f)
{
	static const char *const types[] = {[FIELD_STRING] = "text",
	        [FIELD_BOOL] = "true or false",
	        [FIELD_UINT] = "a number",
	        [FIELD_DURATION] = "a time",
	        [FIELD_DURATION64] = "a time",
	        [FIELD_FRACTION] = "a share such as 80%",
	        [FIELD_BYTES] = "a size",
	        [FIELD_CUSTOM] = ""};
	char low[HUMAN_MAX], high[HUMAN_MAX];
	fputs(types[f->type], out);
	if (f->max != 0 && f->type == FIELD_DURATION)
		fprintf(out, " from %s to %s", human_duration(f->min, low), human_duration(f->max, high));
	else if (f->max != 0)
		fprintf(out, " from %lld to %lld", (long long)f->min, (long long)f->max);
}

static void put_field(enum doc_form form, FILE *out, const struct field *f, const struct yaml_node *defaults)
{
	const struct yaml_node *value = child(defaults, f->name, strlen(f->name));
	bool has_default = value != NULL && value->kind == YAML_SCALAR && value->text[0] != '\0';
	bool typed = f->type != FIELD_CUSTOM;
	if (form == DOC_MAN) {
		fprintf(out, ".It Ic %s%s", f->name, typed ? " : No " : "");
		put_type(out, f);
		fputc('\n', out);
	} else {
		fprintf(out, "| `%s` | ", f->name);
		put_type(out, f);
		fputs(" | ", out);
	}
	docs_text(form, out, f->help);
	if (has_default && form == DOC_MAN) {
		fputs(".\nDefault:\n.Li ", out);
		docs_arg(out, value->text);
		fputs(" .\n", out);
	} else if (form == DOC_MAN) {
		fputs(".\n", out);
	} else {
		fputs(" | ", out);
		if (has_default)
			docs_code(out, value->text);
		fputs(" |\n", out);
	}
}

void docs_config(enum doc_form form, FILE *out)
{
	struct err e;
	struct arena *arena = arena_new();
	const char *text = config_default_text();
	const struct yaml_node *root = yaml_parse(arena, "default.yaml", text, strlen(text), &e);
	if (root == NULL) {
		fprintf(stderr, "dbatop_docs: %s\n", e.text);
		exit(EXIT_FAILURE);
	}
	for (const struct config_section *s = config_sections; s->title != NULL; s++) {
		const struct yaml_node *defaults = find(root, s->path);
		if (form == DOC_MAN)
			fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", s->title);
		else
			fprintf(out,
			        "%s**%s**\n\n| key | takes | what it does | default |\n|---|---|---|---|\n",
			        s > config_sections ? "\n" : "", s->title);
		for (size_t i = 0; i < s->n; i++)
			put_field(form, out, &s->fields[i], defaults);
		if (form == DOC_MAN)
			fputs(".El\n", out);
	}
	arena_free(arena);
}
