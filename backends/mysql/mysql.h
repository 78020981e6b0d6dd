/* The driver for MySQL and MariaDB: what cli registers. Nothing else of this folder is seen from outside. */
#ifndef DBATOP_BACKENDS_MYSQL_H
#define DBATOP_BACKENDS_MYSQL_H

#include "core/run/driver.h"

extern const struct driver mysql_driver;

/* Once, before the first thread: the client library keeps process-wide state. */
bool mysql_driver_init(struct err *e);
/* Once, after the last connection was closed; a program that leaves by _exit need not call it. */
void mysql_driver_end(void);
/* Which client library was compiled in, and its version: "libmariadb 3.3.20". Constant after init. */
const char *mysql_driver_library(char out[64]);

#endif
