/* `dbatop`: the live cockpit needs a terminal; without one it says what to use instead. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

int cmd_top(const struct cli *cli)
{
	(void)cli;
	struct err e;
	const char *term = getenv("TERM");
	bool dumb = term == NULL || *term == '\0' || strcmp(term, "dumb") == 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		err_set(&e, ERR_USAGE, "standard input and output must be a terminal; try: dbatop once");
	else
		err_set(&e, ERR_USAGE, "%s; try: dbatop once",
		        dumb ? "this terminal cannot move the cursor (TERM)"
		             : "the screen is not part of this build");
	return cli_fail(&e);
}
