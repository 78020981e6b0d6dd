/* What every subcommand that talks to servers is made of: config, probes, the engine and its parts, put
 * together and taken apart in the one right order. */
#ifndef DBATOP_CLI_APP_H
#define DBATOP_CLI_APP_H

#include "cli/cli.h"
#include "core/base/log.h"
#include "core/model/config.h"
#include "core/run/poll.h"

struct app {
	struct config *config;
	struct probe_set *probes;
	struct log *log;
	struct axe *axe;
	struct resolver *resolver;
	struct gate *tls_gate;
	struct hub *hub;
	struct poller *poller;
};

struct app_options {
	bool once, admin;
	size_t room;          /* instances there may be at most; 0: those of the config */
	const char *log_path; /* NULL: ring only */
};

/* The backends, NULL-terminated: the one list of them. */
extern const struct driver *const app_drivers[];

/* Parses every embedded probe. */
struct probe_set *app_probes(struct err *e);
/* Reads config and probes, by --config and the URLs of cli, asks for passwords with --password; starts
 * nothing. */
bool app_load(struct app *app, const struct cli *cli, struct err *e);
/* Log, hub and client libraries: all that a first frame needs, and nothing that has a thread. */
bool app_prepare(struct app *app, const struct app_options *opt, struct err *e);
/* The first threads: signals, axe, resolver; prepares when that was not done. The caller has set what it
 * wants to see (hub_want) between this and app_poll. */
bool app_start(struct app *app, const struct app_options *opt, struct err *e);
bool app_poll(struct app *app, const struct app_options *opt, struct err *e);
/* Stops lanes within ms and frees everything; what does not come back is left to the end of the process. May
 * be called at any stage. */
void app_stop(struct app *app, uint32_t ms);

/* One look at every server, for commands without a screen. */

enum { APP_DEADLINE_MS = 5000, APP_STOP_MS = 250 };
/* --deadline, or APP_DEADLINE_MS. */
bool app_deadline(const struct cli *cli, uint32_t *ms, struct err *e);
/* False with a sentence on how to name one when the config has no instance. */
bool app_needs_servers(const struct app *app, struct err *e);
/* Starts the engine and asks these probes (NULL-terminated) of every instance once. Blocks until all have
 * answered or failed, at most deadline_ms, or until a signal. The caller frees the snapshot before app_stop;
 * NULL with e when the engine did not start. */
struct snapshot *app_look(
        struct app *app, const char *const *probes, uint32_t deadline_ms, int64_t *waited_ms, struct err *e);

#endif
