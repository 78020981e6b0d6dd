/* Every view, in the order of the tabs. A new screen is its file and a line here. */
#include "tui/view.h"
#include "views/fleet.h"
#include "views/sessions.h"

const struct view *const views[] = {
        &fleet_view,
        &sessions_view,
        NULL,
};
