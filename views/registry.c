/* Which views there are, in tab order: a new view is its file and one line here. */
#include "views/fleet.h"
#include "views/locks.h"
#include "views/replication.h"
#include "views/sessions.h"
#include "views/tree.h"

const struct view *const views[] = {
        &fleet_view,
        &sessions_view,
        &locks_view,
        &replication_view,
        &tree_view,
        NULL,
};
