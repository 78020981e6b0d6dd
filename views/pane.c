/* See the header: kept apart so that the pane stands and scrolls alike in every view. */
#include "views/pane.h"

#include <stdio.h>

enum {
	DOCKED_FROM = 160, /* so wide, it stands beside the list */
	WIDEST = 96,
	HEAD_FROM = 9,  /* so high, there are two lines above the list */
	LIST_FROM = 14, /* so high, the list stays in sight above it */
	MARGIN = 2
};

void pane_arrange(struct pane *p, struct rect body, struct rect *head, struct rect *table)
{
	struct rect r = body;
	int above = r.h >= HEAD_FROM ? 2 : 1;

	*head = (struct rect){r.x, r.y, r.w, above < r.h ? above : r.h};
	*table = (struct rect){r.x, r.y + head->h, r.w, r.h - head->h};
	p->at = (struct rect){0};
	if (!p->open)
		return;
	if (r.w >= DOCKED_FROM) {
		int w = r.w * 2 / 5 > WIDEST ? WIDEST : r.w * 2 / 5;

		p->at = (struct rect){r.x + r.w - w, table->y, w, table->h};
		table->w -= w;
	} else {
		int list = table->h >= LIST_FROM ? table->h * 2 / 5 : 0;

		p->at = (struct rect){r.x, table->y + list, r.w, table->h - list};
		table->h = list;
	}
}

bool pane_hit(const struct pane *p, int x, int y)
{
	const struct rect *r = &p->at;

	return x >= r->x && x < r->x + r->w && y >= r->y && y < r->y + r->h;
}

/* How far it can be scrolled: not at all when everything is in sight. */
static int most(const struct pane *p)
{
	int beyond = (int)p->doc.nlines - (p->at.h - MARGIN);

	return beyond > 0 ? beyond : 0;
}

static int within(const struct pane *p, int scroll)
{
	if (scroll > most(p))
		scroll = most(p);
	return scroll > 0 ? scroll : 0;
}

void pane_scroll(struct pane *p, int lines)
{
	p->scroll = within(p, p->scroll + lines);
}

bool pane_key(struct pane *p, enum command c)
{
	int page = p->at.h > 2 * MARGIN ? p->at.h - 2 * MARGIN : 1;

	if (!p->open || (c != CMD_PAGE_UP && c != CMD_PAGE_DOWN))
		return false;
	pane_scroll(p, c == CMD_PAGE_UP ? -page : page);
	return true;
}

void pane_draw(const struct pane *p, const char *title, struct surface *s)
{
	struct rect r = p->at;
	char place[48];
	int scroll = within(p, p->scroll); /* the document may have become shorter */

	surface_box(s, r, STYLE_BORDER, title);
	if (r.w < 2 * MARGIN || r.h < MARGIN + 1)
		return;
	document_draw(
	        &p->doc, s, (struct rect){r.x + MARGIN, r.y + 1, r.w - 2 * MARGIN, r.h - MARGIN}, scroll);
	if (most(p) == 0)
		return;
	int n = snprintf(
	        place, sizeof place, " %d-%d of %zu ", scroll + 1, scroll + r.h - MARGIN, p->doc.nlines);

	if (n < r.w - 2 * MARGIN)
		surface_textn(s, r.x + r.w - MARGIN - n, r.y + r.h - 1, n, STYLE_DIM, place, (size_t)n);
}
