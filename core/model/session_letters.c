/* Which letters the texts of a session have: a word that is typed into the filter is looked for in the texts
 * of tens of thousands, and most of them lack one of its letters. */
#include <string.h>

#include "core/base/text.h"
#include "core/model/session_build.h"

struct lettered {
	const char *text;
	size_t n;
	uint32_t letters;
};

/* Neighbours have most of their texts in common, at the same place. */
static uint32_t letters_of(struct lettered *last, const char *text, size_t n)
{
	if (text == NULL)
		return 0;
	if (last->text != text || last->n != n)
		*last = (struct lettered){text, n, text_letters(text, n)};
	return last->letters;
}

void session_letters(struct session_view *v)
{
	enum { USER, DB, APP, CLIENT, WAIT_TYPE, WAIT, QUERY, TEXTS };
	struct lettered last[TEXTS] = {{NULL, 0, 0}};
	for (size_t i = 0; i < v->n + v->extra; i++) {
		struct session *s = &v->sessions[i];
		const char *const texts[] = {[USER] = s->user,
		        [DB] = s->db,
		        [APP] = s->app,
		        [CLIENT] = s->client,
		        [WAIT_TYPE] = s->wait_type,
		        [WAIT] = s->wait};
		bool has_state = s->row != SESSION_NONE && s->state != STATE_NONE;
		const char *kind = session_kind_name(s->kind);
		const char *state = has_state ? session_state_name(s->state) : "";
		s->letters = text_letters(kind, strlen(kind)) | text_letters(state, strlen(state)) |
		             letters_of(&last[QUERY], s->query, s->query_n);
		for (size_t t = 0; t < QUERY; t++)
			s->letters |= letters_of(&last[t], texts[t], texts[t] == NULL ? 0 : strlen(texts[t]));
	}
}
