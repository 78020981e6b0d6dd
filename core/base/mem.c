/* Allocation that does not return: nobody can test every branch after a failed malloc, so there are none. The
 * crash handler gives the terminal back when abort() is called. */
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some libraries answer NULL for no bytes: always ask for one. */
static size_t at_least_one(size_t n)
{
	return n > 0 ? n : 1;
}

static void *or_abort(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void *xmalloc(size_t n)
{
	return or_abort(malloc(at_least_one(n)));
}

void *xcalloc(size_t n, size_t size)
{
	return or_abort(calloc(at_least_one(n), at_least_one(size)));
}

void *xrealloc(void *p, size_t n)
{
	return or_abort(realloc(p, at_least_one(n)));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return or_abort(reallocarray(p, at_least_one(n), at_least_one(size)));
}

char *xstrdup(const char *s)
{
	return or_abort(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return or_abort(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return or_abort(s);
}

void free_secret(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}
