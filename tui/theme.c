/* Themes from YAML to looks, and looks to what a terminal can show. The built-in ones are files of themes/,
 * compiled in and read by this same parser. */
#include "tui/theme.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/embedded.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/model/yaml.h"
#include "tui/colour.h"

extern const struct embedded_file embedded_themes[];
extern const size_t embedded_themes_count;

enum { STOPS_MAX = 8 };

static const char default_theme[] = "dark";

static const struct look plain = {.fg = COLOUR_NONE,
        .bg = COLOUR_NONE,
        .fg256 = COLOUR_NONE,
        .bg256 = COLOUR_NONE,
        .fg16 = COLOUR_NONE,
        .bg16 = COLOUR_NONE};

/* ---- values ---- */

static bool read_colour(struct decoder *d, const struct yaml_node *n, int32_t *out)
{
	if (yaml_is_null(n) || (n->kind == YAML_SCALAR && strcmp(n->text, "default") == 0)) {
		*out = COLOUR_NONE;
		return true;
	}
	if (n->kind == YAML_SCALAR && colour_parse(n->text, out))
		return true;
	return yaml_fail(d, n, "a colour like \"#5fafff\" was expected here (in quotes: # begins a comment)");
}

static bool read_index(struct decoder *d, const struct yaml_node *n, int limit, int16_t *out)
{
	char *end = NULL;
	if (n->kind == YAML_SCALAR && n->text[0] != '\0') {
		int named = limit == 16 ? colour_index_by_name(n->text) : -1;
		long v = strtol(n->text, &end, 10);
		if (named >= 0 || (*end == '\0' && v >= 0 && v < limit)) {
			*out = (int16_t)(named >= 0 ? named : v);
			return true;
		}
	}
	if (limit == 16)
		return yaml_fail(
		        d, n, "one of the 16 colours was expected here: blue, bright-red, … or 0 to 15");
	return yaml_fail(d, n, "a number from 0 to 255 was expected here");
}

static bool read_attr(struct decoder *d, const struct yaml_node *n, uint8_t *out)
{
	static const char *const names[] = {"bold", "dim", "underline", "reverse", "italic"};
	for (size_t i = 0; n->kind == YAML_SCALAR && i < 5; i++) {
		if (strcmp(n->text, names[i]) == 0) {
			*out |= (uint8_t)(1U << i);
			return true;
		}
	}
	return yaml_fail(d, n, "bold, dim, underline, reverse or italic was expected here");
}

static bool read_attrs(struct decoder *d, const struct yaml_node *n, uint8_t *out)
{
	*out = 0;
	if (n->kind != YAML_LIST)
		return yaml_is_null(n) || read_attr(d, n, out);
	for (size_t i = 0; i < n->n; i++) {
		if (!read_attr(d, n->values[i], out))
			return false;
	}
	return true;
}

static bool decode_fg(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_colour(d, n, &((struct look *)object)->fg);
}
static bool decode_bg(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_colour(d, n, &((struct look *)object)->bg);
}
static bool decode_fg256(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_index(d, n, 256, &((struct look *)object)->fg256);
}
static bool decode_bg256(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_index(d, n, 256, &((struct look *)object)->bg256);
}
static bool decode_fg16(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_index(d, n, 16, &((struct look *)object)->fg16);
}
static bool decode_bg16(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_index(d, n, 16, &((struct look *)object)->bg16);
}
static bool decode_attrs(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_attrs(d, n, &((struct look *)object)->attrs);
}
static bool decode_mono(struct decoder *d, const struct yaml_node *n, void *object)
{
	return read_attrs(d, n, &((struct look *)object)->attrs_mono);
}

static const struct field look_fields[] = {
        {.name = "fg", .type = FIELD_CUSTOM, .decode = decode_fg},
        {.name = "bg", .type = FIELD_CUSTOM, .decode = decode_bg},
        {.name = "fg256", .type = FIELD_CUSTOM, .decode = decode_fg256},
        {.name = "bg256", .type = FIELD_CUSTOM, .decode = decode_bg256},
        {.name = "fg16", .type = FIELD_CUSTOM, .decode = decode_fg16},
        {.name = "bg16", .type = FIELD_CUSTOM, .decode = decode_bg16},
        {.name = "attrs", .type = FIELD_CUSTOM, .decode = decode_attrs},
        {.name = "mono", .type = FIELD_CUSTOM, .decode = decode_mono},
};

static bool decode_look(struct decoder *d, const struct yaml_node *n, struct look *look)
{
	return yaml_decode(d, n, look_fields, sizeof(look_fields) / sizeof(look_fields[0]), look);
}

/* ---- the parts of a theme ---- */

static bool decode_name(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct theme *t = object;
	if (!yaml_expect(d, n, YAML_SCALAR, "a name"))
		return false;
	text_sanitise(t->name, sizeof(t->name), n->text, strlen(n->text));
	return true;
}

static bool decode_picture(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct theme *t = object;
	struct look look = plain;
	if (!decode_look(d, n, &look))
		return false;
	if (look.fg == COLOUR_NONE || look.bg == COLOUR_NONE)
		return yaml_fail(d, n, "a picture needs fg and bg: it has no terminal behind it");
	t->svg_fg = look.fg;
	t->svg_bg = look.bg;
	return true;
}

static bool decode_selected(struct decoder *d, const struct yaml_node *n, void *object)
{
	return decode_look(d, n, &((struct theme *)object)->selected);
}

static bool decode_styles(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct theme *t = object;
	if (!yaml_expect(d, n, YAML_MAP, "a map of styles"))
		return false;
	for (size_t i = 0; i < n->n; i++) {
		enum style s = style_parse(n->keys[i]->text);
		if (s == STYLE_COUNT) {
			const char *names[STYLE_COUNT];
			for (int j = 0; j < STYLE_COUNT; j++)
				names[j] = style_name((enum style)j);
			const char *near = text_did_you_mean(n->keys[i]->text, names, STYLE_COUNT);
			return yaml_fail(d, n->keys[i], "there is no style \"%s\"%s%s%s", n->keys[i]->text,
			        near != NULL ? ": did you mean \"" : "", near != NULL ? near : "",
			        near != NULL ? "\"?" : "");
		}
		if (!decode_look(d, n->values[i], &t->look[s]))
			return false;
	}
	return true;
}

/* Two to eight stops become the eight steps of a gradient. */
static bool decode_gradient(struct decoder *d, const struct yaml_node *n, struct theme *t, enum style first)
{
	int32_t stop[STOPS_MAX] = {0};
	if (!yaml_expect(d, n, YAML_LIST, "a list of colours"))
		return false;
	if (n->n < 2 || n->n > STOPS_MAX)
		return yaml_fail(d, n, "two to eight colours were expected here, these are %zu", n->n);
	for (size_t i = 0; i < n->n; i++) {
		if (!read_colour(d, n->values[i], &stop[i]))
			return false;
		if (stop[i] == COLOUR_NONE)
			return yaml_fail(d, n->values[i], "a gradient needs colours");
	}
	for (int i = 0; i < STYLE_GRADIENT_STEPS; i++) {
		double at = (double)i * (double)(n->n - 1) / (STYLE_GRADIENT_STEPS - 1);
		size_t from = (size_t)at;
		size_t to = from + 1 < n->n ? from + 1 : from;
		t->look[(int)first + i].fg = colour_mix(stop[from], stop[to], at - (double)from);
	}
	return true;
}

static bool decode_plot(struct decoder *d, const struct yaml_node *n, void *object)
{
	return decode_gradient(d, n, object, STYLE_PLOT_0);
}

static bool decode_bar(struct decoder *d, const struct yaml_node *n, void *object)
{
	return decode_gradient(d, n, object, STYLE_BAR_0);
}

static const struct field theme_fields[] = {
        {.name = "name", .type = FIELD_CUSTOM, .decode = decode_name},
        {.name = "picture", .type = FIELD_CUSTOM, .decode = decode_picture},
        {.name = "selected", .type = FIELD_CUSTOM, .decode = decode_selected},
        {.name = "plot", .type = FIELD_CUSTOM, .decode = decode_plot},
        {.name = "bar", .type = FIELD_CUSTOM, .decode = decode_bar},
        {.name = "styles", .type = FIELD_CUSTOM, .decode = decode_styles},
};

static void blank_theme(struct theme *t)
{
	memset(t, 0, sizeof(*t));
	for (int i = 0; i < STYLE_COUNT; i++)
		t->look[i] = plain;
	t->selected = plain;
	t->selected.attrs_mono = ATTR_REVERSE;
	t->svg_fg = 0xd0d0d0;
	t->svg_bg = 0x14181d;
}

bool theme_parse(const char *file, const char *text, size_t n, struct theme *out, struct err *e)
{
	struct arena *arena = arena_new();
	struct decoder d = {.file = file, .err = e};
	const struct yaml_node *root = yaml_parse(arena, file, text, n, e);
	blank_theme(out);
	bool ok = root != NULL &&
	          yaml_decode(&d, root, theme_fields, sizeof(theme_fields) / sizeof(theme_fields[0]), out);
	arena_free(arena);
	return ok;
}

/* ---- finding them ---- */

static const struct embedded_file *find_builtin(const char *name)
{
	size_t n = strlen(name);
	for (const struct embedded_file *f = embedded_themes; f->name != NULL; f++) {
		if (strncmp(f->name, name, n) == 0 && strcmp(f->name + n, ".yaml") == 0)
			return f;
	}
	return NULL;
}

static void load_default(struct theme *out)
{
	struct err ignored;
	const struct embedded_file *f = find_builtin(default_theme);
	if (f == NULL || !theme_parse(f->name, f->data, f->size, out, &ignored))
		blank_theme(out);
}

static bool load_file(const char *path, struct theme *out, struct err *e)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return err_set(e, ERR_USAGE, "theme %s: %s", path, strerror(errno));
	char *text = xmalloc(YAML_BYTES_MAX + 1);
	size_t n = fread(text, 1, YAML_BYTES_MAX + 1, file);
	bool ok = ferror(file) == 0;
	if (!ok)
		err_set(e, ERR_USAGE, "theme %s: it cannot be read", path);
	fclose(file);
	ok = ok && theme_parse(path, text, n, out, e);
	free(text);
	return ok;
}

bool theme_load(const char *name, struct theme *out, struct err *e)
{
	struct err local = {.code = ERR_NONE};
	if (name == NULL || name[0] == '\0')
		name = default_theme;
	const struct embedded_file *f = find_builtin(name);
	size_t n = strlen(name);
	bool ok = false;
	if (f != NULL) {
		ok = theme_parse(f->name, f->data, f->size, out, &local);
	} else if (n > 5 && strcmp(name + n - 5, ".yaml") == 0) {
		ok = load_file(name, out, &local);
	} else {
		size_t count = 0;
		const char *const *names = theme_names(&count);
		const char *near = text_did_you_mean(name, names, count);
		err_set(&local, ERR_USAGE, "there is no theme \"%s\": %s%s%s", name,
		        near != NULL ? "did you mean \"" : "dark, light, colour-blind, high-contrast, mono, ",
		        near != NULL ? near : "or the path of a .yaml file", near != NULL ? "\"?" : "");
	}
	if (ok)
		return true;
	load_default(out);
	if (e != NULL)
		*e = local;
	return false;
}

const char *const *theme_names(size_t *n)
{
	static const char *const names[] = {"dark", "light", "colour-blind", "high-contrast", "mono"};
	*n = sizeof(names) / sizeof(names[0]);
	return names;
}

/* ---- looks at a depth ---- */

static void fill_indices(struct look *l)
{
	if (l->fg256 == COLOUR_NONE && l->fg != COLOUR_NONE)
		l->fg256 = colour_to_256(l->fg);
	if (l->bg256 == COLOUR_NONE && l->bg != COLOUR_NONE)
		l->bg256 = colour_to_256(l->bg);
	if (l->fg16 == COLOUR_NONE && l->fg != COLOUR_NONE)
		l->fg16 = colour_to_16(l->fg);
	if (l->bg16 == COLOUR_NONE && l->bg != COLOUR_NONE)
		l->bg16 = colour_to_16(l->bg);
}

struct look theme_look(const struct theme *t, enum style s, bool selected, enum depth depth)
{
	struct look l = t->look[s < STYLE_COUNT ? s : STYLE_TEXT];
	const struct look *over = &t->selected;
	fill_indices(&l);
	if (selected) {
		struct look top = *over;
		fill_indices(&top);
		if (top.bg != COLOUR_NONE || top.bg16 != COLOUR_NONE) {
			l.bg = top.bg;
			l.bg256 = top.bg256;
			l.bg16 = top.bg16;
		}
		if (top.fg != COLOUR_NONE || top.fg16 != COLOUR_NONE) {
			l.fg = top.fg;
			l.fg256 = top.fg256;
			l.fg16 = top.fg16;
		}
		l.attrs |= top.attrs;
		l.attrs_mono |= top.attrs_mono;
	}
	if (depth == DEPTH_NONE) {
		uint8_t mono = l.attrs_mono;
		l = plain;
		l.attrs = mono;
		l.attrs_mono = mono;
	}
	return l;
}
