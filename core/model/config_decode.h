/* The schema of the config file: from nodes to clusters and instances. Used by config.c only. */
#ifndef DBATOP_MODEL_CONFIG_DECODE_H
#define DBATOP_MODEL_CONFIG_DECODE_H

#include "core/model/config.h"

enum {
	CONFIG_SPARE_INSTANCES = 64
}; /* replicas that can be added while dbatop runs: the array never moves */

/* How to log in, inherited from defaults to cluster to instance. */
struct login {
	char *user, *password, *password_file, *password_command;
	char *tls, *ca, *cert, *key;
};

/* The config while it is being built; `defaults` is what a cluster starts from. */
struct config_draft {
	struct config *cfg;
	struct cluster_cfg defaults;
	struct login defaults_login;
	struct login cluster_login;       /* of the cluster that is being decoded */
	char *(*getenv_fn)(const char *); /* the environment: PGSERVICEFILE, HOME */
	const char *home;                 /* for ~/ in paths; NULL: none */
	bool has_password;                /* the file itself holds one */
};

/* Decodes one file over what the draft holds. */
bool config_decode(struct config_draft *draft, const char *file, const char *text, size_t n, struct err *e);
/* All but cfg, which takes the overrides of the defaults over. */
void config_draft_free(struct config_draft *draft);

/* The index of the cluster `name`, made from the defaults when it is new. */
size_t config_cluster(struct config_draft *draft, const char *name);
/* Appends an instance and takes the endpoint over; name NULL: derived from the endpoint and made unique.
 * False when the name is taken. */
bool config_append(struct config *cfg, const char *name, size_t cluster, struct endpoint *ep);
void config_warn(struct config *cfg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* malloc'ed; ~/ replaced by home. */
char *config_path(const char *home, const char *path);

/* Where to look when nothing was given (config_discover.c): PG*, pg_service.conf, my.cnf, local sockets. */
void config_discover(struct config_draft *draft, char *(*getenv_fn)(const char *));
/* Fills host, port, user and database of an endpoint with a service or an option group from the clients' own
 * files, so that names are resolved under our deadline; what is not there stays. */
void config_fill_service(struct endpoint *ep, char *(*getenv_fn)(const char *));
void config_fill_option_group(struct endpoint *ep, const char *home);

#endif
