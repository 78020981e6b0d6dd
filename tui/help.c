/* Help from the command table: see help.h. */
#include "tui/help.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_CAP = 64 };

void help_keys(const struct keymap *m, enum command c, char *out, size_t cap)
{
	size_t used = 0;
	char key[16];
	out[0] = '\0';
	for (size_t i = 0; keymap_nth(m, c, i, key)[0] != '\0' && used < cap; i++) {
		key_pretty(key);
		int n = snprintf(out + used, cap - used, "%s%s", i > 0 ? " " : "", key);
		used += n > 0 ? (size_t)n : 0;
	}
}

static void add_command(const struct keymap *m, const struct command_info *info, struct page *out)
{
	char keys[KEYS_CAP];
	char text[256];
	const char *typed = "";
	help_keys(m, info->id, keys, sizeof(keys));
	/* What has no key is called by its name. */
	if (keys[0] == '\0')
		snprintf(keys, sizeof(keys), ":%s %s", info->name, info->arg);
	else if (info->arg[0] != '\0')
		typed = info->name;
	snprintf(text, sizeof(text), "%s%s%s%s%s", info->help, typed[0] != '\0' ? "   :" : "", typed,
	        typed[0] != '\0' ? " " : "", typed[0] != '\0' ? info->arg : "");
	page_pair(out, STYLE_KEY, keys, STYLE_TEXT, text);
}

const struct help_section help_sections[] = {
        {"In a view", CMD_VIEW, CMD_MUTATES},
        {"Acting on a server", CMD_MUTATES, 0},
        {"Everywhere", 0, CMD_VIEW | CMD_MUTATES},
        {NULL, 0, 0},
};

bool help_section_has(const struct help_section *s, const struct command_info *info)
{
	return (info->flags & s->has) == s->has && (info->flags & s->has_not) == 0;
}

const struct help_pair help_filter[] = {
        {"word", "any column holds it; all words must match"},
        {"!word", "no column holds it"},
        {"~regex", "a regular expression (PCRE2)"},
        {"state:active", "one column; state:=active is the whole value"},
        {"age:>5s", "a number or a duration: > >= < <="},
        {NULL, NULL},
};

/* A hidden command is a variant of its neighbour: its keys are shown there. */
static void add_section(const struct keymap *m, const struct help_section *section, struct page *out)
{
	page_add(out, STYLE_TITLE, "%s", section->title);
	char before[KEYS_CAP] = "";
	for (int c = 0; c < CMD_COUNT; c++) {
		const struct command_info *info = command_info((enum command)c);
		if (!help_section_has(section, info))
			continue;
		if ((info->flags & CMD_HIDDEN) != 0) {
			help_keys(m, info->id, before, sizeof(before));
			continue;
		}
		add_command(m, info, out);
		if (before[0] != '\0') {
			struct page_line *l = &out->line[out->n - 1];
			page_prefix(out, l, before);
			before[0] = '\0';
		}
	}
	page_add(out, STYLE_TEXT, "%s", "");
}

static bool help_one(const struct keymap *m, const char *name, struct page *out)
{
	char keys[KEYS_CAP];
	enum command c = command_by_name(name);
	if (c == CMD_COUNT)
		return false;
	const struct command_info *info = command_info(c);
	help_keys(m, c, keys, sizeof(keys));
	page_pair(out, STYLE_DIM, "command", STYLE_STRONG, info->name);
	page_pair(out, STYLE_DIM, "does", STYLE_TEXT, info->help);
	page_pair(out, STYLE_DIM, "keys", STYLE_KEY, keys[0] != '\0' ? keys : "none: type it after :");
	if (info->arg[0] != '\0')
		page_pair(out, STYLE_DIM, "takes", STYLE_TEXT, info->arg);
	if ((info->flags & CMD_MUTATES) != 0)
		page_pair(out, STYLE_DIM, "note", STYLE_WARN,
		        "changes a server: it asks first, and says what would happen");
	return true;
}

bool help_page(const struct keymap *m, const char *name, struct page *out)
{
	if (name != NULL && name[0] != '\0')
		return help_one(m, name, out);
	for (const struct help_section *section = help_sections; section->title != NULL; section++)
		add_section(m, section, out);
	page_add(out, STYLE_TITLE, "%s", "Filter");
	for (const struct help_pair *pair = help_filter; pair->word != NULL; pair++)
		page_pair(out, STYLE_KEY, pair->word, STYLE_TEXT, pair->text);
	page_add(out, STYLE_TEXT, "%s", "");
	page_add(out, STYLE_DIM, "%s",
	        "Ctrl-C is Esc; twice within a second it quits. Lower-case keys never change a server.");
	return true;
}
