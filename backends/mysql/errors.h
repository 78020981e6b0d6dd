/* Error numbers of server and client library as the codes the program branches on. Pure, any thread. */
#ifndef DBATOP_BACKENDS_MYSQL_ERRORS_H
#define DBATOP_BACKENDS_MYSQL_ERRORS_H

#include "core/base/err.h"

/* The server's numbers and the libraries' (2000 to 2999), which are the same in both. */
enum err_code sqlerr_code(unsigned number);
/* Fills e from what the library reported; returns false. The text is the server's own sentence. */
bool sqlerr_set(struct err *e, unsigned number, const char *sqlstate, const char *text);
/* connect() failed with errnum: refused, unreachable, or no such socket. Returns false. */
bool sqlerr_connect(struct err *e, int errnum, const char *where);

#endif
