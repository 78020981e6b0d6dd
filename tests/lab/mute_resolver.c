/* A resolver that does not answer for some names, for whole programs: preloaded, it stands before the C
 * library's getaddrinfo(). Names that end in ".mute" never come back, all others are looked up as always. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int lookup_fn(
        const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out);

__attribute__((visibility("default"))) int getaddrinfo(
        const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	size_t n = node == NULL ? 0 : strlen(node);
	if (n > 5 && strcmp(node + n - 5, ".mute") == 0) {
		for (;;)
			pause();
	}
	lookup_fn *next = NULL;
	void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
	memcpy(&next, &symbol, sizeof(next));
	return next(node, service, hints, out);
}
