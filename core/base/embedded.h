/* Files compiled into the binary as bytes (SQL probes, default config, themes): what cmake/embed.cmake writes
 * and its readers see. Constant tables: any thread, nothing to free, nothing blocks. */
#ifndef DBATOP_CORE_BASE_EMBEDDED_H
#define DBATOP_CORE_BASE_EMBEDDED_H

#include <stddef.h>

/* One file. A table of them ends with a row whose name is NULL; NAME_count does not count that row. */
struct embedded_file {
	const char *name; /* file name without folder */
	const char *data; /* the bytes, then a NUL that size does not count */
	size_t size;      /* bytes */
};

#endif
