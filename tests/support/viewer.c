/* Drives a view the way the shell does: see the header. */
#include "tests/support/viewer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { LINE_MAX_BYTES = 16384 };

static void look(struct viewer *t)
{
	findings_free(t->findings);
	t->in.snap = fixture_snapshot(t->fixture);
	t->findings = findings_build(t->memory, t->in.snap);
	t->in.findings = t->findings;
	t->in.now = t->in.snap->now;
}

void viewer_open(
        struct viewer *t, const struct view *view, struct fixture *f, int width, int height, bool ascii)
{
	*t = (struct viewer){
	        .view = view,
	        .fixture = f,
	        .state = xcalloc(1, view->state_size),
	        .memory = finding_memory_new(true),
	        .surface = surface_new(width, height, ascii),
	        .in = {.scope = {.cluster = -1, .instance = -1}, .live = true, .asked = {.instance = -1}},
	};
	t->in.body = (struct rect){0, 0, width, height};
	view->init(t->state);
	look(t);
	view->update(t->state, &t->in);
}

void viewer_close(struct viewer *t)
{
	t->view->fini(t->state);
	free(t->state);
	findings_free(t->findings);
	finding_memory_free(t->memory);
	surface_free(t->surface);
}

void viewer_resize(struct viewer *t, int width, int height)
{
	surface_resize(t->surface, width, height);
	t->in.body = (struct rect){0, 0, width, height};
	t->view->update(t->state, &t->in);
}

void viewer_update(struct viewer *t)
{
	look(t);
	t->view->update(t->state, &t->in);
}

const struct surface *viewer_draw(struct viewer *t)
{
	t->view->update(t->state, &t->in);
	surface_clear(t->surface);
	t->view->render(t->state, &t->in, t->surface);
	return t->surface;
}

static struct intent give(struct viewer *t, const struct view_event *ev)
{
	struct intent i = t->view->apply(t->state, &t->in, ev);
	t->view->update(t->state, &t->in);
	return i;
}

struct intent viewer_key(struct viewer *t, enum command c)
{
	return viewer_arg(t, c, NULL);
}

struct intent viewer_arg(struct viewer *t, enum command c, const char *arg)
{
	struct view_event ev = {.command = c, .arg = arg};
	return give(t, &ev);
}

struct intent viewer_mouse(struct viewer *t, int x, int y, int wheel, bool twice)
{
	struct view_event ev = {.command = CMD_COUNT, .x = x, .y = y, .wheel = wheel, .activate = twice};
	return give(t, &ev);
}

const char *viewer_line(struct viewer *t, int y)
{
	static char line[LINE_MAX_BYTES];
	size_t n = 0;
	for (int x = 0; x < t->surface->width && n + TEXT_ENCODED_MAX < sizeof line; x++) {
		const struct surface_cell *c = surface_at(t->surface, x, y);
		struct glyph g = {.marks = 0};
		if (!c || c->base == 0)
			continue;
		g.base = c->base;
		g.marks = c->marks;
		memcpy(g.mark, c->mark, sizeof g.mark);
		n += text_encode(&g, line + n);
	}
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
	return line;
}

int viewer_find(struct viewer *t, const char *text)
{
	viewer_draw(t);
	for (int y = 0; y < t->surface->height; y++)
		if (strstr(viewer_line(t, y), text))
			return y;
	return -1;
}

const char *viewer_selected(struct viewer *t)
{
	viewer_draw(t);
	for (int y = 0; y < t->surface->height; y++) {
		const struct surface_cell *c = surface_at(t->surface, 1, y);
		if (c && c->flags & CELL_SELECTED)
			return viewer_line(t, y);
	}
	return "";
}
