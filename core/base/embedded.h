/* Files compiled into the binary (cmake/embed.cmake): SQL probes, the default config, themes. */
#ifndef DBATOP_BASE_EMBEDDED_H
#define DBATOP_BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
	const char *name; /* file name without its folder; NULL ends a table */
	const char *data; /* NUL-terminated */
	size_t size;	  /* without the NUL */
};

#endif
