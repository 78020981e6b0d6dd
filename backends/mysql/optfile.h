/* MySQL's option files, read here and not by the client library: there, a file's line overrides what the
 * program has set (local-infile, init-command, a weaker TLS), and the two libraries differ. Only what says
 * where to go and who we are is taken. `!include` and .mylogin.cnf are not supported. */
#ifndef DBATOP_BACKENDS_MYSQL_OPTFILE_H
#define DBATOP_BACKENDS_MYSQL_OPTFILE_H

#include "core/model/endpoint.h"

struct optfile {
	char *user, *password, *host, *socket, *database;
	char *tls_ca, *tls_capath, *tls_cert, *tls_key;
	uint16_t port;
	enum tls_mode tls; /* TLS_UNSET when the file does not say */
};

/* Reads [client], [client-server], [client-mariadb] and, if given, [group] of path; later lines win. path
 * NULL: ~/.my.cnf, which may be missing. ERR_USAGE when a named file or group is not there or the file can
 * be written by everybody. Reads a local file, no other wait. */
bool optfile_read(const char *path, const char *group, struct optfile *out, struct err *e);
/* The same on text, for tests; found tells whether the group was there. Never fails, any bytes. */
void optfile_parse(const char *text, const char *group, struct optfile *out, bool *found);
void optfile_free(struct optfile *o);

#endif
