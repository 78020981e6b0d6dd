/* Whether two connections reached the same running server: behind a VIP or a round-robin name the ids of one
 * server must never be acted on at another. */
#include "core/model/identity.h"

#include <string.h>

static bool known_and_equal(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

bool server_identity_equal(const struct server_identity *a, const struct server_identity *b)
{
	return a->engine != ENGINE_NONE && a->engine == b->engine && known_and_equal(a->id, b->id) &&
	       known_and_equal(a->start, b->start) && known_and_equal(a->address, b->address);
}
