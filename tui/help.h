/* The help overlay, made from the command table and the keys in force: never typed by hand. */
#ifndef DBATOP_TUI_HELP_H
#define DBATOP_TUI_HELP_H

#include "tui/command.h"
#include "tui/page.h"

/* All commands, or one of them by name; false when there is no such command. */
bool help_page(const struct keymap *m, const char *name, struct page *out);
/* How commands are grouped: those that have all of `has` and none of `has_not`; a command with CMD_HIDDEN has
 * no line of its own, its keys stand before those of the next. Ends with title NULL. */
struct help_section {
	const char *title;
	unsigned has, has_not; /* flags */
};
extern const struct help_section help_sections[];
bool help_section_has(const struct help_section *s, const struct command_info *info);
/* The filter language by example; ends with word NULL. */
struct help_pair {
	const char *word, *text;
};
extern const struct help_pair help_filter[];
/* All keys of a command as people write them: "k Up"; "" for none. */
void help_keys(const struct keymap *m, enum command c, char *out, size_t cap);

#endif
