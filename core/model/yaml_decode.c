/* Nodes to C values by tables of fields. One place turns a wrong value into a sentence, so that config and
 * themes complain in the same words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/human.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/model/yaml.h"

enum { NAMES_MAX = 48 };

bool yaml_fail(const struct decoder *d, const struct yaml_node *at, const char *fmt, ...)
{
	char what[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(d->err, ERR_USAGE, "%s:%d:%d: %s", d->file, at->line, at->column, what);
}

const char *yaml_kind_name(const struct yaml_node *n)
{
	if (n->kind == YAML_MAP)
		return "a map";
	if (n->kind == YAML_LIST)
		return "a list";
	return yaml_is_null(n) ? "nothing" : "text";
}

bool yaml_is_null(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && n->plain &&
	       (!n->text[0] || !strcmp(n->text, "~") || !strcmp(n->text, "null"));
}

bool yaml_expect(const struct decoder *d, const struct yaml_node *n, enum yaml_kind kind, const char *what)
{
	if (n->kind == kind)
		return true;
	return yaml_fail(d, n, "%s was expected here, this is %s", what, yaml_kind_name(n));
}

bool yaml_bool(const struct decoder *d, const struct yaml_node *n, bool *out)
{
	static const char *const yes[] = {"true", "yes", "on"};
	static const char *const no[] = {"false", "no", "off"};

	for (size_t i = 0; n->kind == YAML_SCALAR && i < 3; i++) {
		if (!strcasecmp(n->text, yes[i])) {
			*out = true;
			return true;
		}
		if (!strcasecmp(n->text, no[i])) {
			*out = false;
			return true;
		}
	}
	return yaml_fail(d, n, "true or false was expected here, not %s",
	        n->kind == YAML_SCALAR ? n->text : yaml_kind_name(n));
}

bool yaml_bytes(const struct decoder *d, const struct yaml_node *n, int64_t *out)
{
	static const struct {
		const char *unit;
		int64_t factor;
	} units[] = {{"", 1}, {"B", 1}, {"kB", 1000}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000},
	        {"TB", 1000000000000}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824},
	        {"TiB", 1099511627776}};

	if (n->kind == YAML_SCALAR && n->text[0] >= '0' && n->text[0] <= '9') {
		char *end;

		errno = 0;
		long long v = strtoll(n->text, &end, 10);
		while (*end == ' ')
			end++;
		for (size_t i = 0; !errno && i < sizeof units / sizeof *units; i++) {
			if (!strcmp(end, units[i].unit) && v <= INT64_MAX / units[i].factor) {
				*out = v * units[i].factor;
				return true;
			}
		}
	}
	return yaml_fail(d, n, "a size such as 256MB or 1GiB was expected here");
}

static bool decode_uint(
        const struct decoder *d, const struct yaml_node *n, const struct field *f, uint32_t *out)
{
	char *end = NULL;

	errno = 0;
	long long v = n->kind == YAML_SCALAR ? strtoll(n->text, &end, 10) : 0;
	long long max = f->max ? f->max : UINT32_MAX;

	if (!end || end == n->text || *end || errno || v < f->min || v > max)
		return yaml_fail(d, n, "%s: a whole number from %lld to %lld was expected here", f->name,
		        (long long)f->min, max);
	*out = (uint32_t)v;
	return true;
}

static bool decode_duration(
        const struct decoder *d, const struct yaml_node *n, const struct field *f, int64_t *out)
{
	int64_t ms = n->kind == YAML_SCALAR ? human_parse_duration(n->text) : -1;
	int64_t max = f->max ? f->max : INT32_MAX;
	char low[HUMAN_MAX], high[HUMAN_MAX];

	if (ms < 0)
		return yaml_fail(d, n, "%s: a duration such as 800ms, 5s or 2m was expected here", f->name);
	if (ms < f->min || ms > max)
		return yaml_fail(d, n, "%s: must be between %s and %s", f->name, human_duration(f->min, low),
		        human_duration(max, high));
	*out = ms;
	return true;
}

static bool decode_fraction(
        const struct decoder *d, const struct yaml_node *n, const struct field *f, double *out)
{
	char *end = NULL;
	double v = n->kind == YAML_SCALAR ? strtod(n->text, &end) : -1;

	if (end && end != n->text && *end == '%') {
		v /= 100;
		end++;
	}
	if (!end || end == n->text || *end || !(v >= 0 && v <= 1))
		return yaml_fail(d, n, "%s: a share such as 80%% or 0.8 was expected here", f->name);
	*out = v;
	return true;
}

static bool decode_string(
        const struct decoder *d, const struct yaml_node *n, const struct field *f, char **out)
{
	if (n->kind != YAML_SCALAR)
		return yaml_fail(d, n, "%s: text was expected here, this is %s", f->name, yaml_kind_name(n));
	free_secret(*out);
	*out = yaml_is_null(n) ? NULL : xstrdup(n->text);
	return true;
}

static bool decode_field(struct decoder *d, const struct yaml_node *n, const struct field *f, void *object)
{
	void *at = (char *)object + f->offset;
	int64_t ms = 0;

	switch (f->type) {
	case FIELD_STRING:
		return decode_string(d, n, f, at);
	case FIELD_BOOL:
		return yaml_bool(d, n, at);
	case FIELD_UINT:
		return decode_uint(d, n, f, at);
	case FIELD_DURATION:
		if (!decode_duration(d, n, f, &ms))
			return false;
		*(uint32_t *)at = (uint32_t)ms;
		return true;
	case FIELD_DURATION64:
		return decode_duration(d, n, f, at);
	case FIELD_FRACTION:
		return decode_fraction(d, n, f, at);
	case FIELD_BYTES:
		return yaml_bytes(d, n, at);
	case FIELD_CUSTOM:
		return f->decode(d, n, object);
	}
	return false;
}

static bool unknown_key(
        const struct decoder *d, const struct yaml_node *key, const struct field *fields, size_t n)
{
	const char *names[NAMES_MAX] = {NULL};
	size_t count = n < NAMES_MAX ? n : NAMES_MAX;

	for (size_t i = 0; i < count; i++)
		names[i] = fields[i].name;
	const char *near = text_did_you_mean(key->text, names, count);

	if (near)
		return yaml_fail(d, key, "unknown key '%s': did you mean '%s'?", key->text, near);
	char list[ERR_TEXT_MAX / 2] = "";
	size_t used = 0;

	for (size_t i = 0; i < count && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
	return yaml_fail(d, key, "unknown key '%s': expected one of %s", key->text, list);
}

bool yaml_decode(
        struct decoder *d, const struct yaml_node *map, const struct field *fields, size_t n, void *object)
{
	if (yaml_is_null(map))
		return true;
	if (!yaml_expect(d, map, YAML_MAP, "a map (key: value)"))
		return false;
	for (size_t i = 0; i < map->n; i++) {
		const struct field *found = NULL;

		for (size_t k = 0; k < n && !found; k++)
			if (!strcmp(fields[k].name, map->keys[i]->text))
				found = &fields[k];
		if (!found)
			return unknown_key(d, map->keys[i], fields, n);
		if (!decode_field(d, map->values[i], found, object))
			return false;
	}
	return true;
}
