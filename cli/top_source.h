/* The live engine as the shell wants to see it: snapshots from the hub, wishes to the lanes, plans to the
 * gate. UI thread only; nothing blocks. */
#ifndef DBATOP_CLI_TOP_SOURCE_H
#define DBATOP_CLI_TOP_SOURCE_H

#include "cli/app.h"
#include "core/run/action.h"
#include "tui/shell.h"

enum { TOP_SPARE_INSTANCES = 64 }; /* replicas that can be added: as many as config_add_like allows */

struct top_source {
	struct shell_source shell;
	struct shell_actions actions;
	struct app *app;
	struct journal *journal; /* NULL: no_journal says why */
	struct err no_journal;
};

/* app is prepared (its hub is there); the poller may come later. */
void top_source_init(
        struct top_source *s, struct app *app, struct journal *journal, const struct err *no_journal);

#endif
