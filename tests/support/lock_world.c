/* Written from what the server's documentation and its lock manager promise: the table of conflicts, first
 * come first served among those who exclude each other, and the one who already holds something going before
 * those it would block. */
#include "tests/support/lock_world.h"

#include <assert.h>
#include <string.h>

static const uint16_t conflicts[WORLD_MODES + 1] = {
        [1] = 1 << 8,
        [2] = 1 << 7 | 1 << 8,
        [3] = 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8,
        [4] = 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8,
        [5] = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8,
        [6] = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8,
        [7] = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8,
        [8] = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8,
};

const char *world_mode_name(int mode)
{
	static const char *const names[WORLD_MODES + 1] = {"", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE",
	        "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};
	return names[mode];
}

bool world_conflict(int mode, unsigned held)
{
	return (conflicts[mode] & held) != 0;
}

/* By somebody else. */
static bool is_held(const struct world *w, const struct world_object *o, int s, int mode)
{
	for (int h = 0; h < w->nsessions; h++) {
		if (h != s && world_conflict(mode, o->held[h]))
			return true;
	}
	return false;
}

static void insert(struct world_object *o, int at, int s, int mode)
{
	for (int i = o->nwaiting; i > at; i--) {
		o->waiter[i] = o->waiter[i - 1];
		o->mode[i] = o->mode[i - 1];
	}
	o->waiter[at] = (int16_t)s;
	o->mode[at] = (uint8_t)mode;
	o->nwaiting++;
}

static void take_out(struct world_object *o, int at)
{
	o->nwaiting--;
	for (int i = at; i < o->nwaiting; i++) {
		o->waiter[i] = o->waiter[i + 1];
		o->mode[i] = o->mode[i + 1];
	}
}

static bool wait_for(struct world *w, int s, int object, int mode)
{
	w->session[s].waits = object;
	w->session[s].mode = (uint8_t)mode;
	return false;
}

static bool request_row(struct world *w, int s, int object)
{
	struct world_object *o = &w->object[object];
	if (o->owner < 0 || o->owner == s) {
		o->owner = s;
		return true;
	}
	if (o->handler < 0)
		o->handler = s;
	else
		insert(o, o->nwaiting, s, 0);
	return wait_for(w, s, object, 0);
}

bool world_request(struct world *w, int s, int object, int mode)
{
	struct world_object *o = &w->object[object];
	unsigned ahead = 0;
	int at = 0;
	assert(w->session[s].waits < 0);
	if (o->kind == WORLD_ROW)
		return request_row(w, s, object);
	if ((o->held[s] & 1 << mode) != 0)
		return true;
	unsigned asked = 0;
	for (int i = 0; i < o->nwaiting; i++)
		asked |= 1U << o->mode[i];
	bool granted = !world_conflict(mode, asked) && !is_held(w, o, s, mode);
	/* Before the first it would block by what it holds already. */
	while (!granted && at < o->nwaiting && !world_conflict(o->mode[at], o->held[s]))
		ahead |= 1U << o->mode[at++];
	if (!granted && at < o->nwaiting)
		granted = !world_conflict(mode, ahead) && !is_held(w, o, s, mode);
	if (granted) {
		o->held[s] |= (uint16_t)(1 << mode);
		return true;
	}
	insert(o, at, s, mode);
	return wait_for(w, s, object, mode);
}

static void wake(struct world *w, struct world_object *o)
{
	unsigned ahead = 0;
	for (int i = 0; i < o->nwaiting;) {
		int s = o->waiter[i];
		int mode = o->mode[i];
		if (world_conflict(mode, ahead) || is_held(w, o, s, mode)) {
			ahead |= 1U << mode;
			i++;
			continue;
		}
		take_out(o, i);
		o->held[s] |= (uint16_t)(1 << mode);
		w->session[s].waits = -1;
	}
}

static void next_handler(struct world_object *o)
{
	o->handler = -1;
	if (o->nwaiting > 0) {
		o->handler = o->waiter[0];
		take_out(o, 0);
	}
}

static void leave_row(struct world *w, struct world_object *o, int s)
{
	for (int i = 0; i < o->nwaiting; i++) {
		if (o->waiter[i] == s)
			take_out(o, i--);
	}
	if (o->handler == s)
		next_handler(o);
	if (o->owner != s)
		return;
	o->owner = o->handler;
	if (o->owner >= 0) {
		w->session[o->owner].waits = -1;
		next_handler(o);
	}
}

void world_leave(struct world *w, int s)
{
	for (int n = 0; n < w->nobjects; n++) {
		struct world_object *o = &w->object[n];
		if (o->kind == WORLD_ROW) {
			leave_row(w, o, s);
			continue;
		}
		bool was_there = o->held[s] != 0;
		o->held[s] = 0;
		for (int i = 0; i < o->nwaiting; i++) {
			if (o->waiter[i] == s) {
				take_out(o, i--);
				was_there = true;
			}
		}
		if (was_there)
			wake(w, o);
	}
	w->session[s].waits = -1;
	w->session[s].gone = true;
}

static void mark_blockers(const struct world *w, int s, bool *who)
{
	memset(who, 0, WORLD_SESSIONS * sizeof(*who));
	if (w->session[s].waits < 0)
		return;
	const struct world_object *o = &w->object[w->session[s].waits];
	if (o->kind == WORLD_ROW) {
		if (o->handler == s) {
			who[o->owner] = true;
			return;
		}
		who[o->handler] = true;
		for (int i = 0; o->waiter[i] != s; i++)
			who[o->waiter[i]] = true;
		return;
	}
	int mode = w->session[s].mode;
	for (int h = 0; h < w->nsessions; h++)
		who[h] = h != s && world_conflict(mode, o->held[h]);
	for (int i = 0; o->waiter[i] != s; i++) {
		if (world_conflict(mode, 1U << o->mode[i]))
			who[o->waiter[i]] = true;
	}
}

size_t world_blockers(const struct world *w, int s, int *out)
{
	bool who[WORLD_SESSIONS];
	size_t n = 0;
	mark_blockers(w, s, who);
	for (int i = 0; i < w->nsessions; i++) {
		if (who[i])
			out[n++] = i;
	}
	return n;
}

void world_reach(const struct world *w, int s, bool *who)
{
	int stack[WORLD_SESSIONS];
	size_t n = 0;
	memset(who, 0, WORLD_SESSIONS * sizeof(*who));
	stack[n++] = s;
	while (n > 0) {
		bool next[WORLD_SESSIONS];
		mark_blockers(w, stack[--n], next);
		for (int i = 0; i < w->nsessions; i++) {
			if (next[i] && !who[i]) {
				who[i] = true;
				stack[n++] = i;
			}
		}
	}
}

bool world_circle(const struct world *w, int s)
{
	bool who[WORLD_SESSIONS];
	world_reach(w, s, who);
	return who[s];
}

size_t world_waiting(const struct world *w)
{
	size_t n = 0;
	for (int i = 0; i < w->nsessions; i++)
		n += w->session[i].waits >= 0;
	return n;
}

bool world_holds(const struct world *w, int s)
{
	for (int n = 0; n < w->nobjects; n++) {
		if (w->object[n].held[s] != 0 || (w->object[n].kind == WORLD_ROW && w->object[n].owner == s))
			return true;
	}
	return false;
}
