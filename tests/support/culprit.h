/* The way from the fleet to who causes an incident, as somebody woken at three goes it: the sentence above
 * the footer, one key, and the row that is selected then. Failures print the screen. One thread at a time per
 * cockpit. */
#ifndef DBATOP_TESTS_SUPPORT_CULPRIT_H
#define DBATOP_TESTS_SUPPORT_CULPRIT_H

#include "tests/support/cockpit.h"

/* The screen row under the cursor, "" when there is none. Valid until the next call. */
const char *culprit_row(struct cockpit *c);
/* From Fleet: the sentence (an extended regular expression, as are the others) is the worst finding, `!`
 * leads to the view that has the second on its screen, where this row is selected, and stays so for a moment.
 * Ends in Fleet. */
void culprit_found(struct cockpit *c, const char *sentence, const char *view, const char *row, int ms);
/* What a test builds a regular expression with; valid until CULPRIT_TEXTS more of them. */
enum { CULPRIT_TEXTS = 4 };
const char *culprit_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
