/* The tree for `once --format csv`. See once_tree.c. */
#ifndef DBATOP_CLI_ONCE_TREE_H
#define DBATOP_CLI_ONCE_TREE_H

#include <stdio.h>

#include "cli/once.h"
#include "core/model/tree.h"

struct once_tree;
struct once_tree *once_tree_new(const struct snapshot *snap); /* borrows it */
void once_tree_free(struct once_tree *t);
/* ",kind,state,…": what follows the instance's own columns. */
void once_tree_csv_head(FILE *out);
/* One line for each group that the instance has a share in; an empty one when there is none. */
void once_tree_csv_rows(
        const struct once_tree *t, size_t instance, const struct once_instance *in, FILE *out);

#endif
