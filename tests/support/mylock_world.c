/* The servers' own rules: InnoDB's queues per record, and the two tables of metadata locks, one against those
 * who hold and one against those who wait. */
#include "tests/support/mylock_world.h"

#include <string.h>

/* A bit for each mode. */
enum {
	HAS_S = 1 << MYW_S,
	HAS_X = 1 << MYW_X,
	HAS_READ = 1 << MYW_READ,
	HAS_WRITE = 1 << MYW_WRITE,
	HAS_UPGRADABLE = 1 << MYW_UPGRADABLE,
	HAS_LOCKED = 1 << MYW_LOCKED,
	HAS_EXCLUSIVE = 1 << MYW_EXCLUSIVE,
	HAS_FREE = 1 << MYW_FREE
};

static const uint16_t against_held[MYW_MODES] = {
        [MYW_S] = HAS_X,
        [MYW_X] = HAS_S | HAS_X,
        [MYW_READ] = HAS_LOCKED | HAS_EXCLUSIVE,
        [MYW_WRITE] = HAS_LOCKED | HAS_EXCLUSIVE,
        [MYW_UPGRADABLE] = HAS_UPGRADABLE | HAS_LOCKED | HAS_EXCLUSIVE,
        [MYW_LOCKED] = HAS_READ | HAS_WRITE | HAS_UPGRADABLE | HAS_LOCKED | HAS_EXCLUSIVE,
        [MYW_EXCLUSIVE] = HAS_READ | HAS_WRITE | HAS_UPGRADABLE | HAS_LOCKED | HAS_EXCLUSIVE,
        [MYW_INSERT] = HAS_FREE,
};

static const uint16_t against_waiting[MYW_MODES] = {
        [MYW_READ] = HAS_LOCKED | HAS_EXCLUSIVE,
        [MYW_WRITE] = HAS_LOCKED | HAS_EXCLUSIVE,
        [MYW_UPGRADABLE] = HAS_EXCLUSIVE,
        [MYW_LOCKED] = HAS_EXCLUSIVE,
};

static bool is_table(const struct myw_object *o)
{
	return o->kind == MYW_TABLE;
}

/* Does waiter k stand in the way of one that asks for `mode` from place `at`? */
static bool waiter_stops(const struct myw_object *o, int k, enum myw_mode mode, int at)
{
	if (is_table(o))
		return against_waiting[mode] & (1U << o->mode[k]);
	return k < at && (against_held[mode] & (1U << o->mode[k]));
}

static bool held_stops(const struct my_world *w, const struct myw_object *o, int s, enum myw_mode mode)
{
	for (int i = 0; i < w->nsessions; i++) {
		if (i != s && (o->held[i] & against_held[mode]))
			return true;
	}
	return false;
}

static bool stopped(const struct my_world *w, const struct myw_object *o, int s, enum myw_mode mode, int at)
{
	if (held_stops(w, o, s, mode))
		return true;
	for (int k = 0; k < o->nwaiting; k++) {
		if (o->waiter[k] != s && waiter_stops(o, k, mode, at))
			return true;
	}
	return false;
}

bool myw_request(struct my_world *w, int s, int object, enum myw_mode mode)
{
	struct myw_object *o = &w->object[object];
	if (!stopped(w, o, s, mode, o->nwaiting)) {
		o->held[s] |= (uint16_t)(1U << mode);
		return true;
	}
	o->waiter[o->nwaiting] = (int16_t)s;
	o->mode[o->nwaiting++] = (uint8_t)mode;
	w->session[s].waits = object;
	w->session[s].mode = (uint8_t)mode;
	return false;
}

static void forget(struct myw_object *o, int k)
{
	o->nwaiting--;
	for (; k < o->nwaiting; k++) {
		o->waiter[k] = o->waiter[k + 1];
		o->mode[k] = o->mode[k + 1];
	}
}

void myw_leave(struct my_world *w, int s)
{
	for (int i = 0; i < w->nobjects; i++) {
		struct myw_object *o = &w->object[i];
		o->touched |= o->held[s] != 0;
		o->left |= o->held[s];
		o->held[s] = 0;
		for (int k = o->nwaiting - 1; k >= 0; k--) {
			if (o->waiter[k] != s)
				continue;
			o->touched = true;
			o->left |= (uint16_t)(1U << o->mode[k]);
			forget(o, k);
		}
	}
	w->session[s] = (struct myw_session){.waits = -1, .gone = true};
}

/* May the waiter at k go in now? For rows, MySQL looks at those who were stopped by who left, and asks those
 * only who hold. */
static bool fits(const struct my_world *w, const struct myw_object *o, int k)
{
	enum myw_mode mode = (enum myw_mode)o->mode[k];
	if (o->kind == MYW_ROW && !w->in_turn)
		return (o->left & against_held[mode]) && !held_stops(w, o, o->waiter[k], mode);
	return !stopped(w, o, o->waiter[k], mode, k);
}

bool myw_can_let_in(const struct my_world *w, int object)
{
	for (int k = 0; k < w->object[object].nwaiting && w->object[object].touched; k++) {
		if (fits(w, &w->object[object], k))
			return true;
	}
	return false;
}

static void go_on(struct my_world *w, int object, int s, enum myw_mode mode)
{
	struct myw_object *o = &w->object[object];
	struct myw_session *me = &w->session[s];
	if (!me->alter)
		return;
	if (mode == MYW_UPGRADABLE && !myw_request(w, s, object, MYW_EXCLUSIVE))
		return;
	o->held[s] = 0;
	o->touched = true;
	me->alter = false;
}

int myw_let_in(struct my_world *w, int object, int choice, int *out)
{
	struct myw_object *o = &w->object[object];
	uint8_t modes[MYW_SESSIONS];
	int n = 0;
	o->touched = false;
	for (int k = 0; k < o->nwaiting;) {
		if ((choice >= 0 && o->waiter[k] != choice) || !fits(w, o, k)) {
			k++;
			continue;
		}
		int s = o->waiter[k];
		modes[n] = o->mode[k];
		out[n++] = s;
		o->held[s] |= (uint16_t)(1U << o->mode[k]);
		w->session[s].waits = -1;
		forget(o, k);
		k = is_table(o) ? 0 : k;
	}
	if (choice < 0)
		o->left = 0;
	for (int i = 0; i < n; i++)
		go_on(w, object, out[i], (enum myw_mode)modes[i]);
	return n;
}

int myw_blockers(const struct my_world *w, int s, int *out)
{
	int n = 0;
	if (w->session[s].waits < 0)
		return 0;
	const struct myw_object *o = &w->object[w->session[s].waits];
	enum myw_mode mode = (enum myw_mode)w->session[s].mode;
	int at = 0;
	while (o->waiter[at] != s)
		at++;
	for (int i = 0; i < w->nsessions; i++) {
		bool in_the_way = i != s && (o->held[i] & against_held[mode]);
		for (int k = 0; k < o->nwaiting && !in_the_way; k++)
			in_the_way = o->waiter[k] == i && i != s && waiter_stops(o, k, mode, at);
		if (in_the_way)
			out[n++] = i;
	}
	return n;
}

void myw_reach(const struct my_world *w, int s, bool *who)
{
	int todo[MYW_SESSIONS], n = 0, found[MYW_SESSIONS];
	memset(who, 0, (size_t)w->nsessions * sizeof(*who));
	todo[n++] = s;
	while (n > 0) {
		int at = todo[--n], m = myw_blockers(w, at, found);
		for (int i = 0; i < m; i++) {
			if (!who[found[i]]) {
				who[found[i]] = true;
				todo[n++] = found[i];
			}
		}
	}
}

bool myw_holds_any(const struct my_world *w, int s)
{
	for (int i = 0; i < w->nobjects; i++) {
		if (w->object[i].held[s] != 0)
			return true;
	}
	return false;
}

int myw_waiting(const struct my_world *w)
{
	int n = 0;
	for (int i = 0; i < w->nsessions; i++)
		n += w->session[i].waits >= 0;
	return n;
}
