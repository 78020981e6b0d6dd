/* What every view asks about a scope. */
#include "tui/view.h"

bool scope_has(const struct scope *s, const struct snapshot *snap, size_t instance)
{
	if (instance >= snap->n)
		return false;
	if (s->instance >= 0)
		return (size_t)s->instance == instance;
	return s->cluster < 0 || snap->instances[instance].cfg->cluster == (size_t)s->cluster;
}
