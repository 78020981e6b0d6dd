/* Which database speaks at an address. MySQL and MariaDB share a protocol and a URL scheme, and differ in
 * catalogs: an endpoint of either is ENGINE_MYSQL until the server has said what it is. */
#ifndef DBATOP_MODEL_ENGINE_H
#define DBATOP_MODEL_ENGINE_H

enum engine { ENGINE_NONE, ENGINE_POSTGRES, ENGINE_MYSQL, ENGINE_MARIADB };

/* "postgres", "mysql", "mariadb": the word in JSON, config and probe files. */
const char *engine_name(enum engine e);
enum engine engine_parse(const char *word); /* ENGINE_NONE when unknown */

/* Versions compare as major * 10000 + minor * 100 + patch: PostgreSQL 15.18 is 151800 (its own
 * server_version_num 150018 is converted), MariaDB 10.11.19 is 101119, MySQL 9.7.4 is 90704. */
enum { VERSION_MAX = 999999 };
int version_parse(const char *text); /* "15", "10.11", "8.0.37", "10.11.19-MariaDB-log"; 0 when it is none */

#endif
