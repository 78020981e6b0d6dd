/* Somebody else's session on a PostgreSQL of the lab: what tests look at and act upon. What does not work
 * fails the test. */
#ifndef DBATOP_TEST_CLIENT_POSTGRES_H
#define DBATOP_TEST_CLIENT_POSTGRES_H

#include <libpq-fe.h>

#include "tests/support/lab.h"

/* In the database app. The caller closes it. */
PGconn *pg_client_open(const struct lab_server *server, const char *user);
void pg_client_run(PGconn *pg, const char *sql);

#endif
