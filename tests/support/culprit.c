/* The cursor is known by its background, the sentence by where it stands: what is asserted is what a person
 * sees, not what the program thinks. */
#include "tests/support/test.h"

#include "tests/support/culprit.h"
#include "tests/support/term_internal.h"
#include "tests/support/wait.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SELECTED_COLOUR = 237, SELECTED_CELLS = 12, FOOT_ROWS = 4, SETTLED_MS = 800 };

static bool matches(const char *text, const char *regex)
{
	regex_t want;
	assert_int_equal(regcomp(&want, regex, REG_EXTENDED | REG_NOSUB), 0);
	bool found = regexec(&want, text, 0, NULL, 0) == 0;
	regfree(&want);
	return found;
}

const char *culprit_row(struct cockpit *c)
{
	for (int row = 0; row < c->term->rows; row++) {
		for (int col = 0; col < SELECTED_CELLS; col++) {
			if (term_cell(c->term, row, col).bg == SELECTED_COLOUR)
				return term_row(c->term, row);
		}
	}
	return "";
}

/* The worst finding stands above the footer, with the key; the panel of all of them may be above that. */
static bool says(struct cockpit *c, const char *sentence)
{
	for (int row = c->term->rows - FOOT_ROWS; row < c->term->rows; row++) {
		const char *text = term_row(c->term, row);
		if (strstr(text, "! go") != NULL && matches(text, sentence))
			return true;
	}
	return false;
}

static void give_up(struct cockpit *c, const char *what, const char *regex)
{
	term_dump(c->term);
	fail_msg("%s %s; selected is: %s", what, regex, culprit_row(c));
}

void culprit_found(struct cockpit *c, const char *sentence, const char *view, const char *row, int ms)
{
	int64_t until = wait_now_ms() + ms;
	while (!says(c, sentence)) {
		if (wait_now_ms() >= until)
			give_up(c, "the worst finding does not say", sentence);
		term_pump(c->term, 50);
	}
	term_send(c->term, "!");
	/* Rows of a view that was not asked for before come within a moment. */
	until = wait_now_ms() + COCKPIT_SOON_MS;
	while (!matches(culprit_row(c), row) || !term_sees_match(c->term, view, 0)) {
		if (wait_now_ms() >= until)
			give_up(c, "the key does not lead to", row);
		term_pump(c->term, 50);
	}
	/* And it is no accident of that moment. */
	until = wait_now_ms() + SETTLED_MS;
	while (wait_now_ms() < until) {
		term_pump(c->term, 100);
		if (!matches(culprit_row(c), row))
			give_up(c, "the cursor does not stay at", row);
	}
	term_send(c->term, "1");
	term_wait_text(c->term, "INSTANCE", COCKPIT_SOON_MS);
}

const char *culprit_text(const char *format, ...)
{
	static char text[CULPRIT_TEXTS][256];
	static int next;
	next = (next + 1) % CULPRIT_TEXTS;
	va_list ap;
	va_start(ap, format);
	vsnprintf(text[next], sizeof(text[next]), format, ap);
	va_end(ap);
	return text[next];
}
