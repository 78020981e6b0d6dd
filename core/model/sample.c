/* A sample lives inside its own arena, so that the last reader frees everything in one call, on whichever
 * thread it happens to be. */
#include "core/model/sample.h"

#include "core/base/arena.h"

static const struct err none = {.code = ERR_NONE};

struct sample *sample_new(const struct probe *probe, struct arena *arena)
{
	struct sample *s = arena_alloc(arena, sizeof(*s));
	atomic_init(&s->refs, 1);
	s->arena = arena;
	s->probe = probe;
	s->err = &none;
	return s;
}

void sample_fail(struct sample *s, const struct err *e)
{
	struct err *own = arena_alloc(s->arena, sizeof(*own));
	*own = *e;
	s->err = own;
}

/* Readers hold samples as constant; the count is the one member that still changes. */
static struct sample *counted(const struct sample *s)
{
	union {
		const struct sample *constant;
		struct sample *counted;
	} u = {.constant = s};
	return u.counted;
}

struct sample *sample_ref(const struct sample *s)
{
	struct sample *mine = counted(s);
	atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
	return mine;
}

void sample_unref(const struct sample *s)
{
	if (s == NULL)
		return;
	struct sample *mine = counted(s);
	if (atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
		arena_free(mine->arena);
}
