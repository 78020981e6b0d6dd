/* The help overlay, made from the command table and the keys in force: never typed by hand. */
#ifndef DBATOP_TUI_HELP_H
#define DBATOP_TUI_HELP_H

#include "tui/command.h"
#include "tui/page.h"

/* All commands, or one of them by name; false when there is no such command. */
bool help_page(const struct keymap *m, const char *name, struct page *out);
/* All keys of a command as people write them: "k, Up"; "" for none. */
void help_keys(const struct keymap *m, enum command c, char *out, size_t cap);

#endif
