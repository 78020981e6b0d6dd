/* Ten thousand sessions a second are told apart by their texts: a byte at a time would be felt. */
#include "core/base/hash.h"

#include <string.h>

static const uint64_t spread = UINT64_C(0x9E3779B97F4A7C15);

uint64_t hash_number(uint64_t seed, uint64_t number)
{
	uint64_t h = (seed ^ number) * spread;
	h ^= h >> 32;
	h *= UINT64_C(0xD6E8FEB86659FD93);
	return h ^ (h >> 29);
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ (n * spread);
	uint64_t part;
	for (; n >= sizeof(part); p += sizeof(part), n -= sizeof(part)) {
		memcpy(&part, p, sizeof(part));
		h = (h ^ part) * spread;
		h ^= h >> 32;
	}
	part = 0;
	if (n > 0)
		memcpy(&part, p, n);
	return hash_number(h, part);
}

uint64_t hash_text(uint64_t seed, const char *text)
{
	return text == NULL ? hash_number(seed, 1) : hash_bytes(seed + 1, text, strlen(text));
}
