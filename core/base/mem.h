/* Allocation that does not return NULL. Out of memory calls abort(): the crash handler then restores the
 * terminal, and nothing runs on with half a result. Any thread. */
#ifndef DBATOP_BASE_MEM_H
#define DBATOP_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
/* realloc(p, n * size) with the multiplication checked. */
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));
/* Overwrites before free, for passwords. NULL is allowed. */
void free_secret(char *s);

#endif
