/* One server address and how to log in there, as URL, config and the clients' own files give it. Plain data,
 * owned by the config; constant after start, any thread reads. */
#ifndef DBATOP_MODEL_ENDPOINT_H
#define DBATOP_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/model/engine.h"

/* libpq's words, used for both engines. MySQL: preferred = prefer, required = require, verify_ca,
 * verify_identity = verify-full. */
enum tls_mode { TLS_UNSET, TLS_DISABLE, TLS_ALLOW, TLS_PREFER, TLS_REQUIRE, TLS_VERIFY_CA, TLS_VERIFY_FULL };

/* Who ends sessions here: plain SQL, or the stored procedures of a managed service. */
enum kill_dialect { KILL_NATIVE, KILL_RDS, KILL_AZURE };

struct endpoint {
	enum engine engine; /* ENGINE_POSTGRES, or ENGINE_MYSQL for both kinds */
	char *shown;        /* the URL without password and parameters: what screens and logs say */
	char *host;         /* NULL with a socket or when libpq's service or defaults decide */
	char *socket;       /* PostgreSQL: the folder; MySQL: the socket file */
	uint16_t port;      /* 0: the engine's default */
	char *user, *database;
	char *password;         /* NULL: the clients' own files, password_file, password_command decide */
	char *password_file;    /* first line; refused when others can read it */
	char *password_command; /* run by /bin/sh at each connect, under the connect deadline; its first line
	                         */
	char *service;          /* PostgreSQL: pg_service.conf */
	char *option_file,
	        *option_group; /* MySQL: read by the client library; NULL: ~/.my.cnf and [client] */
	char *extra; /* PostgreSQL: further conninfo "key='value' …" taken from the URL; each checked against
	                a list */
	enum tls_mode tls;
	char *tls_ca, *tls_cert, *tls_key;
	enum kill_dialect kill;
};

/* postgres:// postgresql:// mysql:// mariadb://; %-escapes decoded; unknown parameters, several hosts,
 * `options` are refused with a sentence. On failure e is ERR_USAGE and nothing is left allocated; a password
 * in the URL is accepted (argv is the user's), but e never shows it. */
bool endpoint_parse(const char *url, struct endpoint *out, struct err *e);
void endpoint_free(struct endpoint *ep);
const char *tls_mode_name(enum tls_mode m);
enum tls_mode tls_mode_parse(const char *word); /* either engine's words; TLS_UNSET when unknown */

#endif
