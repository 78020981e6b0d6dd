/* Keys for grouping: 64 bits of any bytes, eight at a time. Not for anybody who chooses what is hashed to
 * make two things look alike, and never stored: it may differ between builds. Pure, any thread. */
#ifndef DBATOP_BASE_HASH_H
#define DBATOP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Mixes bytes, a text (NULL is not the same as "") or a number into a key; begin with any seed. */
uint64_t hash_bytes(uint64_t seed, const void *data, size_t n);
uint64_t hash_text(uint64_t seed, const char *text);
uint64_t hash_number(uint64_t seed, uint64_t number);

#endif
