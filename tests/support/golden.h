/* Golden screens: what a surface looked like when somebody said it was right. Text first, for eyes; then
 * every style as a run. UPDATE_GOLDEN=1 rewrites the files, git shows what changed. Run under C.UTF-8. */
#ifndef DBATOP_TESTS_SUPPORT_GOLDEN_H
#define DBATOP_TESTS_SUPPORT_GOLDEN_H

#include "tui/surface.h"

/* Compares with tests/golden/NAME.txt (NAME may hold a folder: "fleet/80x24-quiet"). Fails the test with the
 * first line that differs; the whole screen goes to stderr. With UPDATE_GOLDEN=1 it writes the file. */
void golden_check(const struct surface *s, const char *name);
/* The same for any text. */
void golden_check_text(const char *text, const char *name);
/* A look at it: with DBATOP_PICTURES=DIR the surface is written to DIR/NAME.svg (folders become dashes). */
void golden_picture(const struct surface *s, const char *name);

#endif
