/* What the user asked for: clusters, instances, intervals, theme, keys, from YAML, URLs and the clients' own
 * files. The default file (core/model/default.yaml) is a real, commented config that the same parser reads:
 * it is the one source of defaults. Plain data; constant after start. Errors are "file:line:column: what was
 * expected", unknown keys included ("did you mean"). */
#ifndef DBATOP_MODEL_CONFIG_H
#define DBATOP_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/model/endpoint.h"

enum danger { DANGER_PROD, DANGER_RELAXED }; /* untagged counts as prod; dev, test and lab relax */

/* The three tiers of DESIGN.md §4, in milliseconds. */
struct timeouts {
	uint32_t connect_ms;   /* 5000, tier 3000–5000 */
	uint32_t query_ms;     /* 800; after a timeout adaptive up to query_max_ms */
	uint32_t query_max_ms; /* 5000 */
	uint32_t check_ms;     /* 30000 */
};

/* A per-probe override: 0 keeps what the probe's file says. */
struct probe_override {
	char *probe;
	uint32_t every_ms, timeout_ms;
	int line, column; /* in the config file, for a name no probe has */
};

struct cluster_cfg {
	char *name; /* "" for instances outside any cluster */
	char **tags;
	size_t ntags;
	enum danger danger;
	struct timeouts timeouts;
	struct probe_override *overrides;
	size_t noverrides;
	bool read_only;
	bool show_literals;        /* redaction policy: false = literals of statements are shown as ? */
	int64_t statement_warn_ms; /* QUERY-TIER: 120 s, 30 min with the tag batch */
	int64_t idle_xact_notice_ms, idle_xact_warn_ms; /* IDLE-TRX: 60 s, 300 s */
	double connections_warn, connections_crit;      /* CONN: 0.8, 0.95 of the limit */
	int64_t lag_warn_ms, lag_warn_bytes;            /* REPL-LAG: 30 s, 256 MB */
};

struct instance_cfg {
	char *name;     /* unique; from config, or host[:port] */
	size_t cluster; /* index into config.clusters */
	struct endpoint endpoint;
};

struct key_binding {
	char *key;     /* "ctrl-l", "K", "f5" */
	char *command; /* a name of the command table; "none" unbinds */
	int line, column;
};

struct config {
	struct cluster_cfg *clusters;
	size_t nclusters;
	struct instance_cfg *instances;
	size_t ninstances; /* grows by config_add_like only; the array itself never moves after config_load */
	size_t nconfigured; /* how many of them were there at start: the rest was added for this run */
	struct probe_override *overrides; /* of `defaults`, whatever clusters there are */
	size_t noverrides;
	struct key_binding *keys;
	size_t nkeys;
	char *theme;                  /* a built-in name or a path */
	int theme_line, theme_column; /* where the file names it; 0: it does not */
	char *file;                   /* what was read, NULL: none */
	char *state_dir;              /* $XDG_STATE_HOME/dbatop: log, journal, screenshots */
	uint32_t interval_ms;         /* of the fast probes; 1000 */
	bool read_only, ascii, mouse;
	char **warnings; /* values outside their tier, files others can write: one sentence each */
	size_t nwarnings;
};

/* Where things come from; NULL means what the environment says (for tests everything is given). */
struct config_sources {
	const char *file;        /* --config; NULL: $XDG_CONFIG_HOME/dbatop/config.yaml if it exists */
	const char *const *urls; /* from argv */
	size_t nurls;
	char *(*getenv_fn)(const char *); /* NULL: getenv */
};

/* May read files, never the network; call before the first thread. ERR_USAGE on any mistake; nothing is left
 * allocated then. With neither file nor URLs it tries PG*, pg_service, my.cnf [client] and local sockets;
 * ninstances 0 is not an error: the first screen tells how to begin. */
bool config_load(const struct config_sources *src, struct config **out, struct err *e);
void config_free(struct config *cfg);
/* Adds an instance for this run (an offered replica): copies the endpoint of `like` with another host and
 * port. */
bool config_add_like(
        struct config *cfg, size_t like, const char *host, uint16_t port, size_t *index, struct err *e);
/* The commented default file, exactly as compiled in. */
const char *config_default_text(void);

#endif
