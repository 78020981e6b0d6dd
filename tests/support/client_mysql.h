/* Somebody else's session on a MySQL or MariaDB of the lab: what tests look at and act upon. Everything fails
 * the test when it does not work, but for `try`. */
#ifndef DBATOP_TEST_CLIENT_MYSQL_H
#define DBATOP_TEST_CLIENT_MYSQL_H

#include <mysql.h>
#include <stdbool.h>

#include "tests/support/lab.h"

/* In the database app; the monitoring account in none. The caller closes it. */
MYSQL *client_open(const struct lab_server *server, const char *user);
bool client_try(MYSQL *m, const char *sql);
void client_run(MYSQL *m, const char *sql);
/* Sends it and does not wait for the answer, */
void client_begin(MYSQL *m, const char *sql);
/* which this does: the error's number, 0 when it worked. */
unsigned client_outcome(MYSQL *m);

#endif
