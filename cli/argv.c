/* A password in a URL is visible to everybody on the machine for as long as the program runs, unless the
 * program wipes it out of the memory that the kernel reads the command line from. */
#include "cli/argv.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static void wipe(char *from, const char *to)
{
	while (from < to)
		*from++ = '*';
}

/* user:PASSWORD@, before the first / of what follows the scheme. */
static void wipe_userinfo(char *authority)
{
	char *end = authority + strcspn(authority, "/?#");
	char *at = NULL, *colon;
	for (char *p = authority; p < end; p++)
		at = *p == '@' ? p : at;
	if (at == NULL)
		return;
	colon = memchr(authority, ':', (size_t)(at - authority));
	if (colon != NULL)
		wipe(colon + 1, at);
}

/* ?password=… and ?sslpassword=… */
static void wipe_parameters(char *url)
{
	for (char *p = strstr(url, "password="); p != NULL; p = strstr(p, "password=")) {
		p += strlen("password=");
		wipe(p, p + strcspn(p, "&#"));
	}
}

char **argv_take(int argc, char **argv)
{
	char **copy = xcalloc((size_t)argc + 1, sizeof(*copy));
	for (int i = 0; i < argc; i++) {
		copy[i] = xstrdup(argv[i]);
		char *scheme = strstr(argv[i], "://");
		if (scheme == NULL)
			continue;
		wipe_userinfo(scheme + strlen("://"));
		wipe_parameters(scheme);
	}
	return copy;
}

void argv_free(char **copy)
{
	for (char **arg = copy; *arg != NULL; arg++)
		free_secret(*arg);
	free(copy);
}
