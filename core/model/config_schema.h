/* What may stand in the config file, for the manual: the decoder's own tables, so that the two cannot differ.
 * Constant data, any thread. */
#ifndef DBATOP_MODEL_CONFIG_SCHEMA_H
#define DBATOP_MODEL_CONFIG_SCHEMA_H

#include "core/model/yaml.h"

struct config_section {
	const char
	        *path; /* of its map in the default file: "defaults.timeouts", "" at the top; NULL: not there
	                */
	const char *title;
	const struct field *fields;
	size_t n;
};
extern const struct config_section config_sections[]; /* in reading order; ends with title NULL */

#endif
