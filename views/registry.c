/* Which views there are, in tab order: a new view is its file and one line here. */
#include "views/fleet.h"

const struct view *const views[] = {&fleet_view, NULL};
