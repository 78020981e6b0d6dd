/* Cuts SQL into the few kinds of tokens that redaction and fingerprints need, by each dialect's quoting
 * rules. For redact.c and core/model/fingerprint.c only: it knows no grammar. Every byte of the input is in
 * exactly one token. Pure, any thread. */
#ifndef DBATOP_BASE_REDACT_SCAN_H
#define DBATOP_BASE_REDACT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/redact.h"

enum token_kind {
	TOKEN_SPACE,   /* white space, and the marks around MySQL's executable comments */
	TOKEN_COMMENT, /* with its marks */
	TOKEN_WORD,    /* keyword, identifier, $1 */
	TOKEN_NAME,    /* quoted identifier, with its quotes */
	TOKEN_STRING,  /* any quoted literal, with prefix and quotes */
	TOKEN_NUMBER,  /* decimal, hexadecimal, binary, with exponent */
	TOKEN_OTHER,   /* one byte of anything else */
};

struct token {
	enum token_kind kind;
	const char *s;
	size_t n;
	size_t open;  /* bytes before the content of a quoted token: prefix and quote */
	size_t close; /* bytes after the content; 0 when it never ends */
};

struct scan {
	enum redact_dialect dialect;
	const char *s;
	size_t n, pos;
	bool in_executable; /* inside MySQL's comment that the server runs */
};

/* False at the end. A quoted token or comment that does not end reaches to the end of the input (close 0). */
bool scan_next(struct scan *scan, struct token *out);

#endif
