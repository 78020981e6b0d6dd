/* The pane beside or below a list that tells everything about its line: where it stands, what it says, how
 * far it is scrolled. Three views have one. UI thread; never blocks. */
#ifndef DBATOP_VIEWS_PANE_H
#define DBATOP_VIEWS_PANE_H

#include "tui/command.h"
#include "views/document.h"

struct pane {
	bool open;
	int scroll;
	struct rect at; /* h 0: not shown */
	struct document doc;
};

/* Splits a view's body into one or two lines above, the list, and the pane when it is open: beside the list
 * where there is width, else below it, or instead of it. */
void pane_arrange(struct pane *p, struct rect body, struct rect *head, struct rect *table);
bool pane_hit(const struct pane *p, int x, int y);
void pane_scroll(struct pane *p, int lines);
/* Scrolls an open pane by pages; false: not a key of its. */
bool pane_key(struct pane *p, enum command c);
void pane_draw(const struct pane *p, const char *title, struct surface *s);

#endif
