/* The words of actions and outcomes: the journal keeps them for years, so they stand in one table. */
#include "core/model/action.h"

#include <stddef.h>

const char *action_kind_name(enum action_kind k)
{
	return k == ACTION_TERMINATE ? "terminate" : "cancel";
}

const char *action_outcome_name(enum action_outcome o)
{
	static const char *const names[OUTCOME_COUNT] = {
	        [OUTCOME_NONE] = "none",
	        [OUTCOME_SENT] = "sent",
	        [OUTCOME_MOVED_ON] = "moved_on",
	        [OUTCOME_UNPROVABLE] = "unprovable",
	        [OUTCOME_REFUSED] = "refused",
	        [OUTCOME_UNKNOWN] = "unknown",
	        [OUTCOME_GONE] = "gone",
	        [OUTCOME_STOPPED] = "stopped",
	        [OUTCOME_ROLLING_BACK] = "rolling_back",
	        [OUTCOME_STILL_THERE] = "still_there",
	};
	return (size_t)o < OUTCOME_COUNT ? names[o] : "unknown";
}
