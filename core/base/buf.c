/* Output of unknown length, bounded: servers, files and users can send more than a screen or a pipe should
 * take, and the place to say how much is where the buffer is made. */
#include "core/base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { FIRST_CAP = 64 };

void buf_init(struct buf *b, size_t limit)
{
	assert(limit < SIZE_MAX / 4);
	*b = (struct buf){.limit = limit};
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.limit = b->limit};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Makes room for n more bytes and the NUL; returns how many of the n are within the limit. */
static size_t reserve(struct buf *b, size_t n)
{
	if (n > b->limit - b->len) {
		n = b->limit - b->len;
		b->overflow = true;
	}
	size_t need = b->len + n + 1;
	if (need > b->cap) {
		size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;
		while (cap < need)
			cap *= 2;
		b->cap = cap > b->limit + 1 ? b->limit + 1 : cap;
		b->data = xrealloc(b->data, b->cap);
	}
	return n;
}

void buf_put(struct buf *b, const void *data, size_t n)
{
	n = reserve(b, n);
	if (n > 0)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	if (b->len + 1 < b->cap) {
		b->data[b->len++] = c;
		b->data[b->len] = '\0';
		return;
	}
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	/* 1. Format into what is there, which also tells the length. */
	va_list again;
	va_copy(again, ap);
	size_t room = b->cap - b->len;
	int n = vsnprintf(b->data == NULL ? NULL : b->data + b->len, room, fmt, ap);
	if (n < 0)
		abort();

	/* 2. It did not fit: grow as far as the limit allows and format once more. */
	size_t kept = (size_t)n;
	if (kept >= room) {
		kept = reserve(b, kept);
		vsnprintf(b->data + b->len, kept + 1, fmt, again);
	}
	b->len += kept;
	va_end(again);
}

const char *buf_str(const struct buf *b)
{
	return b->data == NULL ? "" : b->data;
}

char *buf_steal(struct buf *b)
{
	char *s = b->data == NULL ? xstrdup("") : b->data;
	buf_init(b, b->limit);
	return s;
}
