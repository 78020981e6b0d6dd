/* Errors as values. A function that can fail returns bool and takes a `struct err *` last; on failure it
 * fills it with a code the program can branch on and one sentence a person can act on. Wrapping prefixes
 * "what: ", so that the sentence reads from the outside in. Pure data: no allocation, any thread. */
#ifndef DBATOP_BASE_ERR_H
#define DBATOP_BASE_ERR_H

#include <stdbool.h>

enum err_code {
	ERR_NONE = 0,
	ERR_TIMEOUT,	  /* our own deadline passed */
	ERR_CANCELLED,	  /* somebody set our cancel */
	ERR_IO,		  /* socket or file; `native` is errno */
	ERR_RESOLVE,	  /* the name has no address */
	ERR_REFUSED,	  /* nobody listens there, or unreachable */
	ERR_TLS,	  /* handshake or verification failed */
	ERR_AUTH,	  /* wrong user, password, database or host rule */
	ERR_LIMIT,	  /* the server has no connection left for us */
	ERR_DENIED,	  /* connected, but the privilege is missing */
	ERR_UNSUPPORTED,  /* this server or build does not have it */
	ERR_SERVER,	  /* any other error of the server; see sqlstate, native */
	ERR_SERVER_LIMIT, /* the server ended the statement by its own time or lock limit */
	ERR_LOST,	  /* the connection broke or was ended by the other side */
	ERR_PROTOCOL,	  /* the answer is not what we asked for */
	ERR_POOLER,	  /* the address leads to a connection pooler */
	ERR_IDENTITY,	  /* another server answers here than before */
	ERR_GATED,	  /* not asked, on purpose: the text says why */
	ERR_USAGE,	  /* command line, config, theme or filter: exit code 2 */
	ERR_CODE_COUNT
};

enum { ERR_TEXT_MAX = 512 };

struct err {
	enum err_code code;
	int native;		 /* errno or the server's error number; 0 when there is none */
	char sqlstate[6];	 /* "" when there is none */
	char text[ERR_TEXT_MAX]; /* UTF-8, one line, never a password */
};

/* Fills *e (which may be NULL) and returns false, so that `return err_set(…)` is the failing exit. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds errno's text; code ERR_IO, native = errnum. Returns false. */
bool err_set_errno(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prefixes "what: ", keeps code, native and sqlstate; cuts at the end when too long. Returns false. */
bool err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/* Stable lower-case word for JSON and tests: "timeout", "denied", … */
const char *err_code_name(enum err_code code);

#endif
