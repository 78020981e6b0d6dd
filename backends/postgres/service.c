/* pg_service.conf, read only for the host: libpq would look the name up itself, without a deadline.
 * Everything else of a service libpq takes from the file. */
#include "backends/postgres/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { LINE_MAX_BYTES = 1024, PLACE_MAX = 1024 };

static char *trim(char *s)
{
	s += strspn(s, " \t");
	size_t n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	return s;
}

static char *value_in_file(const char *path, const char *service, const char *keyword)
{
	char line[LINE_MAX_BYTES];
	bool inside = false;
	char *found = NULL;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return NULL;
	while (found == NULL && fgets(line, sizeof(line), file) != NULL) {
		char *text = trim(line);
		size_t n = strlen(text);
		char *equals = strchr(text, '=');
		if (text[0] == '[' && n > 1 && text[n - 1] == ']') {
			text[n - 1] = '\0';
			if (inside)
				break; /* the first section of a name counts */
			inside = strcmp(text + 1, service) == 0;
		} else if (inside && text[0] != '#' && equals != NULL) {
			*equals = '\0';
			if (strcmp(trim(text), keyword) == 0)
				found = xstrdup(trim(equals + 1));
		}
	}
	fclose(file);
	return found;
}

/* In libpq's order: $PGSERVICEFILE instead of ~/.pg_service.conf, then the system's. */
char *pg_service_value(const char *service, const char *keyword)
{
	char path[PLACE_MAX];
	char *found = NULL;
	const char *own = getenv("PGSERVICEFILE");
	const char *home = getenv("HOME");
	const char *system = getenv("PGSYSCONFDIR");
	if (own != NULL) {
		found = value_in_file(own, service, keyword);
	} else if (home != NULL) {
		snprintf(path, sizeof(path), "%s/.pg_service.conf", home);
		found = value_in_file(path, service, keyword);
	}
	if (found != NULL)
		return found;
	snprintf(
	        path, sizeof(path), "%s/pg_service.conf", system == NULL ? "/etc/postgresql-common" : system);
	return value_in_file(path, service, keyword);
}
