/* A growing byte buffer with a mandatory limit: what would pass it is dropped and `overflow` says so; no
 * input makes it grow without bound. Always NUL-terminated. One owner, no thread of its own. */
#ifndef DBATOP_BASE_BUF_H
#define DBATOP_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NUL-terminated; owned. NULL until the first write: use buf_str */
	size_t len;
	size_t cap;
	size_t limit; /* most bytes it will ever hold */
	bool overflow;
};

void buf_init(struct buf *b, size_t limit);
void buf_free(struct buf *b);
void buf_reset(struct buf *b); /* keeps the memory */
void buf_put(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* The bytes as a string, "" when empty; valid until the next write. */
const char *buf_str(const struct buf *b);
/* Gives the string to the caller (free()), leaves an empty buffer. */
char *buf_steal(struct buf *b);

#endif
