/* The states of replication, produced for real on a primary and a replica of MySQL or MariaDB, and what
 * dbatop says of them. */
#ifndef DBATOP_TESTS_SUPPORT_REPLICATION_MYSQL_H
#define DBATOP_TESTS_SUPPORT_REPLICATION_MYSQL_H

#include "core/run/driver.h"

/* Spawns KIND twice, runs all, removes them: applier and receiver stopped, error 1062, delayed, errant, the
 * wire cut both ways, promoted. driver: MySQL's. */
int replication_mysql(const struct driver *driver, const char *kind);

#endif
