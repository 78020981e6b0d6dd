/* The Tree view: see tree.c. */
#ifndef DBATOP_VIEWS_TREE_H
#define DBATOP_VIEWS_TREE_H

#include "tui/view.h"

extern const struct view tree_view;

#endif
