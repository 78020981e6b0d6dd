/* A view on a stage: a fixture's snapshot in, a surface out, as the shell would do it, without a shell. For
 * golden screens, tests and benches of views. One owner. */
#ifndef DBATOP_TESTS_SUPPORT_VIEWER_H
#define DBATOP_TESTS_SUPPORT_VIEWER_H

#include "tests/support/fixture.h"
#include "tui/view.h"

struct viewer {
	const struct view *view;
	struct fixture *fixture; /* borrowed */
	void *state;
	struct finding_memory *memory;
	struct findings *findings;
	struct surface *surface;
	struct view_input in; /* edit scope, answer, asked; then viewer_update */
};

void viewer_open(
        struct viewer *t, const struct view *view, struct fixture *f, int width, int height, bool ascii);
void viewer_close(struct viewer *t);
void viewer_resize(struct viewer *t, int width, int height);
/* The fixture has changed: a new snapshot, findings and update(). */
void viewer_update(struct viewer *t);
/* update() and render() into viewer.surface, blank before. */
const struct surface *viewer_draw(struct viewer *t);
/* apply(), then update() as the shell does after every key; the intent's long_text is the caller's. */
struct intent viewer_key(struct viewer *t, enum command c);
struct intent viewer_arg(struct viewer *t, enum command c, const char *arg);
struct intent viewer_mouse(struct viewer *t, int x, int y, int wheel, bool twice);
/* A line of the screen as text, valid until the next call; blanks at its end are cut. */
const char *viewer_line(struct viewer *t, int y);
/* The first line that has this text, -1: none. */
int viewer_find(struct viewer *t, const char *text);
/* The line that is selected, "" when there is none. */
const char *viewer_selected(struct viewer *t);

#endif
