/* Memory with one lifetime: everything a sample holds is freed in one call. Not thread-safe: one owner
 * fills it; once frozen, any thread reads. */
#ifndef DBATOP_BASE_ARENA_H
#define DBATOP_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is allowed */
/* Aligned for any type, zeroed. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
/* Makes a block of arena_alloc larger or smaller, which may move it; new bytes are zero. A large block gives
 * its old place back, a small one leaves it in the arena. */
void *arena_resize(struct arena *a, void *p, size_t old, size_t n) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
/* Copies n bytes and adds a NUL; bytes may hold NULs. */
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
        __attribute__((format(printf, 2, 3), returns_nonnull));
/* Bytes taken from the system, for :self and the limit of 8 MiB a probe. */
size_t arena_bytes(const struct arena *a);

#endif
