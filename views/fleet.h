/* The Fleet view, for the registry. */
#ifndef DBATOP_VIEWS_FLEET_H
#define DBATOP_VIEWS_FLEET_H

#include "tui/view.h"

extern const struct view fleet_view;

#endif
