/* The Locks view: who waits for whom, and what to do about it. */
#ifndef DBATOP_VIEWS_LOCKS_H
#define DBATOP_VIEWS_LOCKS_H

#include "tui/view.h"

extern const struct view locks_view;

#endif
