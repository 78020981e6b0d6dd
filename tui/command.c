/* The command table in memory, and looking things up in it. */
#include "tui/command.h"

#include <string.h>

#include "core/base/text.h"

static const struct command_info table[CMD_COUNT] = {
/* clang-format off */
#define COMMAND(cmd, text, defaults, bits, argument, clause) \
	[CMD_##cmd] = {.id = CMD_##cmd, .name = (text), .keys = (defaults), .flags = (bits), \
	        .arg = (argument), .help = (clause)},
#include "tui/commands.def"
#undef COMMAND
        /* clang-format on */
};

const struct command_info *command_info(enum command c)
{
	return c < CMD_COUNT ? &table[c] : NULL;
}

enum command command_by_name(const char *name)
{
	for (int i = 0; i < CMD_COUNT; i++) {
		if (strcmp(table[i].name, name) == 0)
			return (enum command)i;
	}
	return CMD_COUNT;
}

const char *command_did_you_mean(const char *name)
{
	const char *names[CMD_COUNT];
	for (int i = 0; i < CMD_COUNT; i++)
		names[i] = table[i].name;
	return text_did_you_mean(name, names, CMD_COUNT);
}
