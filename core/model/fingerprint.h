/* What makes two statements the same one: their text without literals, comments, spacing and the case of
 * words, with lists of values taken as one value. Statements are cut by servers, hostile and in any encoding;
 * a cut one differs from the whole one only when the cut falls outside a literal or list. Works on the tokens
 * that redaction works on, knows no grammar. Pure, any thread, linear time. */
#ifndef DBATOP_MODEL_FINGERPRINT_H
#define DBATOP_MODEL_FINGERPRINT_H

#include <stdint.h>

#include "core/base/redact.h"

/* Equal for the same statement with other literals; 0 when there is no statement (nothing, blanks, comments).
 * The same for both dialects as far as they write alike. */
uint64_t fingerprint_of(enum redact_dialect dialect, const char *sql, size_t n);
/* Appends the form that people read: "UPDATE stock SET qty = qty - ? WHERE sku IN (?)". Case as it was
 * written. Never longer than sql; holds no literal. */
void fingerprint_put(enum redact_dialect dialect, const char *sql, size_t n, struct buf *out);

#endif
