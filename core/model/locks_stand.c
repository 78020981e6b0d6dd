/* Who stands at some part of a queue, by mode: enough to know whether anybody there is in somebody's way,
 * without looking at each of them. Of each mode one node is kept, so that nobody is in its own way. */
#include "core/model/locks_parts.h"

void stand_add(struct lock_stand *s, const struct lock_entry *e)
{
	uint8_t *n = &s->several[e->code];
	if (*n == 0)
		s->node[e->code] = e->node;
	if (*n == 0 || (*n == 1 && s->node[e->code] != e->node))
		(*n)++;
	s->present |= UINT64_C(1) << e->code;
}

static bool is_other(const struct lock_stand *s, uint8_t code, uint32_t node)
{
	return s->several[code] > 1 || s->node[code] != node;
}

bool stand_stops(const struct lock_stand *s, enum lock_family f, const struct lock_entry *e,
        bool (*conflicts)(enum lock_family, uint8_t, uint8_t))
{
	for (uint64_t left = s->present; left != 0; left &= left - 1) {
		uint8_t code = (uint8_t)__builtin_ctzll(left);
		if ((conflicts == NULL ? code == e->code : conflicts(f, e->code, code)) &&
		        is_other(s, code, e->node))
			return true;
	}
	return false;
}

bool stand_is_stopped(const struct lock_stand *s, enum lock_family f, const struct lock_entry *e,
        bool (*conflicts)(enum lock_family, uint8_t, uint8_t))
{
	for (uint64_t left = s->present; left != 0; left &= left - 1) {
		uint8_t code = (uint8_t)__builtin_ctzll(left);
		if ((e->implied ? code == e->code : conflicts(f, code, e->code)) &&
		        is_other(s, code, e->node))
			return true;
	}
	return false;
}
