/* Names and versions of the engines in one place: probe files, config, drivers and JSON must agree on them.
 */
#include "core/model/engine.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static const char *const names[] = {
        [ENGINE_NONE] = "none",
        [ENGINE_POSTGRES] = "postgres",
        [ENGINE_MYSQL] = "mysql",
        [ENGINE_MARIADB] = "mariadb",
};

const char *engine_name(enum engine e)
{
	return (size_t)e < sizeof(names) / sizeof(names[0]) ? names[e] : names[ENGINE_NONE];
}

enum engine engine_parse(const char *word)
{
	for (size_t i = ENGINE_POSTGRES; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i]) == 0)
			return (enum engine)i;
	}
	return ENGINE_NONE;
}

int version_parse(const char *text)
{
	static const int weight[] = {10000, 100, 1};

	/* MariaDB introduced itself to old replicas as 5.5.5-10.x. */
	if (strncmp(text, "5.5.5-", 6) == 0 && isdigit((unsigned char)text[6]))
		text += 6;

	int version = 0;
	for (size_t part = 0; part < sizeof(weight) / sizeof(weight[0]); part++) {
		if (!isdigit((unsigned char)*text))
			break;
		int number = 0;
		for (; isdigit((unsigned char)*text); text++) {
			if (number < 100)
				number = number * 10 + (*text - '0');
		}
		if (number > 99) {
			if (part == 0)
				return 0;
			number = 99;
		}
		version += number * weight[part];
		if (*text != '.')
			break;
		text++;
	}
	return version >= weight[0] ? version : 0;
}
