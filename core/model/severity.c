/* The words of severities, for JSON and journals. */
#include "core/model/severity.h"

const char *severity_name(enum severity s)
{
	static const char *const names[] = {
	        [SEVERITY_OK] = "ok",
	        [SEVERITY_NOTICE] = "notice",
	        [SEVERITY_WARN] = "warn",
	        [SEVERITY_CRIT] = "crit",
	};
	return names[s];
}
