/* A bump allocator: a poll makes thousands of small cells, and they all die together. The first kilobytes
 * live beside the arena itself, so a small sample costs one malloc and one free. */
#include "core/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum {
	FIRST_BYTES = 1100, /* a small sample; the many that only say why there is none */
	CHUNK_MIN = 4 * 1024,
	CHUNK_MAX = 64 * 1024,
	CHUNKS_OF_A_SIZE = 16,
};

struct chunk {
	struct chunk *next;
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	unsigned char *at; /* the free part of the chunk being filled */
	unsigned char *end;
	struct chunk *chunks;
	size_t bytes;
	size_t next_size;
	alignas(max_align_t) unsigned char first[FIRST_BYTES];
};

struct arena *arena_new(void)
{
	struct arena *a = xmalloc(sizeof(*a));
	a->at = a->first;
	a->end = a->first + sizeof(a->first);
	a->chunks = NULL;
	a->bytes = sizeof(*a);
	a->next_size = CHUNK_MIN;
	return a;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	for (struct chunk *c = a->chunks; c != NULL;) {
		struct chunk *next = c->next;
		free(c);
		c = next;
	}
	free(a);
}

static unsigned char *add_chunk(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		abort();
	/* Chunks of one size: what one arena leaves, the next one fills. A block that nearly is one becomes
	 * one. */
	size_t taken = size > CHUNK_MIN / 4 * 3 && size < CHUNK_MIN ? CHUNK_MIN : size;
	struct chunk *c = xmalloc(sizeof(*c) + taken);
	c->next = a->chunks;
	c->size = size;
	a->chunks = c;
	a->bytes += sizeof(*c) + taken;
	return c->data;
}

/* The slow path. A large block gets a chunk of its own, and the one being filled goes on being filled. */
static unsigned char *refill(struct arena *a, size_t n)
{
	if (n > a->next_size / 4)
		return add_chunk(a, n);
	a->at = add_chunk(a, a->next_size);
	a->end = a->at + a->next_size;
	if (a->next_size < CHUNK_MAX && a->bytes > CHUNKS_OF_A_SIZE * a->next_size)
		a->next_size *= 2;
	unsigned char *p = a->at;
	a->at += n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	/* Strings leave `at` anywhere; at and end themselves bound the sum, so it cannot wrap. */
	size_t gap = -(uintptr_t)a->at & (alignof(max_align_t) - 1);
	size_t room = (size_t)(a->end - a->at);
	unsigned char *p;
	if (gap <= room && n <= room - gap) {
		p = a->at + gap;
		a->at = p + n;
	} else {
		p = refill(a, n);
	}
	memset(p, 0, n);
	return p;
}

void *arena_resize(struct arena *a, void *p, size_t old, size_t n)
{
	/* 1. A block that is a whole chunk: no other block stands in it. */
	for (struct chunk **at = &a->chunks; old > 0 && *at != NULL; at = &(*at)->next) {
		if ((*at)->data != p || (*at)->size != old)
			continue;
		if (n > SIZE_MAX / 2)
			abort();
		struct chunk *c = *at = xrealloc(*at, sizeof(*c) + n);
		c->size = n;
		a->bytes = a->bytes - old + n;
		if (n > old)
			memset(c->data + old, 0, n - old);
		return c->data;
	}
	/* 2. A small block stays where it is, or is copied. */
	if (n <= old)
		return p;
	void *moved = arena_alloc(a, n);
	if (old > 0)
		memcpy(moved, p, old);
	return moved;
}

/* n bytes without alignment or zeroes, for text. */
static char *take_text(struct arena *a, size_t n)
{
	if (n > (size_t)(a->end - a->at))
		return (char *)refill(a, n);
	char *p = (char *)a->at;
	a->at += n;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	if (n == SIZE_MAX)
		abort();
	char *p = take_text(a, n + 1);
	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	/* Most texts fit where they will stay: format there first. */
	size_t room = (size_t)(a->end - a->at);
	char *p = (char *)a->at;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(p, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if ((size_t)n < room) {
		a->at += n + 1;
		return p;
	}
	p = take_text(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

size_t arena_bytes(const struct arena *a)
{
	return a->bytes;
}
