/* What must not be shown or stored: literals in SQL, passwords in URLs, conninfo and statements that carry
 * one. Works on tokens, not on a grammar, and errs towards hiding. Pure, any thread. */
#ifndef DBATOP_BASE_REDACT_H
#define DBATOP_BASE_REDACT_H

#include <stddef.h>

#include "core/base/buf.h"

/* Which quoting rules hold: in PostgreSQL "x" is an identifier and $$…$$ a string; in MySQL and MariaDB "x"
 * is a string, `x` an identifier, \ escapes and # begins a comment. */
enum redact_dialect { REDACT_POSTGRES, REDACT_MYSQL };

/* Appends sql with every literal (string, number, bit, dollar-quoted, hex) replaced by ?, comments left
 * out, white space folded to single blanks. A literal that never ends hides all that follows (statements
 * are cut on the server, so that is common). Never fails; any bytes. */
void redact_sql(enum redact_dialect dialect, const char *sql, size_t n, struct buf *out);
/* Appends sql as it is, but with what follows PASSWORD, IDENTIFIED BY and the passwords inside quoted
 * conninfo replaced by '***': for where policy shows literals. */
void redact_passwords(enum redact_dialect dialect, const char *sql, size_t n, struct buf *out);
/* Appends a URL or conninfo string without its password (userinfo, password=, sslpassword=, %-forms). */
void redact_url(const char *url, struct buf *out);

#endif
