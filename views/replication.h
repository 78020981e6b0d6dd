/* The Replication view, for the registry. */
#ifndef DBATOP_VIEWS_REPLICATION_H
#define DBATOP_VIEWS_REPLICATION_H

#include "tui/view.h"

extern const struct view replication_view;

#endif
