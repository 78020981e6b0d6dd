/* Part of fixture.c: the vocabulary of its probes. */
#ifndef DBATOP_TESTS_SUPPORT_FIXTURE_PROBES_H
#define DBATOP_TESTS_SUPPORT_FIXTURE_PROBES_H

#include <stddef.h>

struct fixture_probe {
	const char *name;
	const char *fields; /* of the front matter after the name */
};
const struct fixture_probe *fixture_probes(size_t *n);

#endif
