/* The Sessions view: see sessions.c. */
#ifndef DBATOP_VIEWS_SESSIONS_H
#define DBATOP_VIEWS_SESSIONS_H

#include "tui/view.h"

extern const struct view sessions_view;

#endif
