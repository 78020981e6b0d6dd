/* PostgreSQL behind core/run/driver.h, by non-blocking libpq. cli names the driver, tests drive it; nothing
 * else needs to know that it is libpq. */
#ifndef DBATOP_POSTGRES_H
#define DBATOP_POSTGRES_H

#include "core/run/driver.h"

extern const struct driver postgres_driver;

#endif
