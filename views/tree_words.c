/* The words of a line: the same ones for the screen, the filter and the clipboard. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/redact.h"
#include "core/model/fingerprint.h"
#include "views/tree_state.h"

/* Bytes of a statement that are looked at for a line. */
enum { STATEMENT_BYTES = 1024 };

const struct list_column tree_filter_names[TWORD_N] = {
        [TWORD_APP] = {.name = "app"},
        [TWORD_USER] = {.name = "user"},
        [TWORD_DB] = {.name = "db"},
        [TWORD_CLIENT] = {.name = "client"},
        [TWORD_STATE] = {.name = "state"},
        [TWORD_WAIT] = {.name = "wait"},
        [TWORD_QUERY] = {.name = "query"},
        [TWORD_INSTANCE] = {.name = "instance"},
        [TWORD_CLUSTER] = {.name = "cluster"},
        [TWORD_KIND] = {.name = "kind"},
        [TWORD_ID] = {.name = "id"},
        [TWORD_AGE] = {.name = "age"},
};
const char *const tree_words[] = {"app", "user", "db", "client", "state", "wait", "query", "instance",
        "cluster", "kind", "id", "age", NULL};

/* --- The filter */

struct access {
	const struct view_input *in;
	size_t instance;
	const struct session *s;
	char scratch[256];
};

static bool text_of(const void *arg, int word, const char **text, size_t *n)
{
	/* The filter hands back what it was given: the scratch in it is ours. */
	struct access *a = (struct access *)(uintptr_t)arg;
	const struct session *s = a->s;

	switch ((enum tree_word)word) {
	case TWORD_APP:
		*text = s->app;
		break;
	case TWORD_USER:
		*text = s->user;
		break;
	case TWORD_DB:
		*text = s->db;
		break;
	case TWORD_CLIENT:
		*text = s->client;
		break;
	case TWORD_STATE:
		*text = tree_state_name(s, false);
		break;
	case TWORD_WAIT:
		*text = tree_wait_name(s, a->scratch, sizeof a->scratch);
		break;
	case TWORD_QUERY:
		*text = s->query;
		*n = s->query_n;
		return s->query != NULL;
	case TWORD_INSTANCE:
		*text = view_instance_name(a->in, a->instance);
		break;
	case TWORD_CLUSTER:
		*text = a->in->snap->instances[a->instance].cluster->name;
		break;
	case TWORD_KIND:
		*text = session_kind_name(s->kind);
		break;
	case TWORD_ID:
		snprintf(a->scratch, sizeof a->scratch, "%lld", (long long)s->id);
		*text = a->scratch;
		break;
	case TWORD_AGE:
	case TWORD_N:
		return false;
	}
	*n = *text ? strlen(*text) : 0;
	return *text != NULL;
}

static bool number_of(const void *arg, int word, double *v)
{
	const struct access *a = arg;

	if (word == TWORD_ID)
		*v = (double)a->s->id;
	else if (word == TWORD_AGE && tree_age(a->s) >= 0)
		*v = (double)tree_age(a->s);
	else
		return false;
	return true;
}

bool tree_match(void *arg, size_t instance, const struct session *s)
{
	const struct tree_matching *m = arg;
	struct access access = {.in = m->in, .instance = instance, .s = s};
	const struct filter_row row = {.text = text_of, .number = number_of, .row = &access};

	return filter_match(m->filter, &row);
}

/* --- Words */

const char *tree_app(const struct session *s)
{
	return s->app ? s->app : "";
}

const char *tree_state_name(const struct session *s, bool brief)
{
	if (s->row == SESSION_NONE || s->state == STATE_NONE)
		return session_kind_name(s->kind);
	if (brief && s->state == STATE_IDLE_XACT)
		return "idle in tx";
	if (brief && s->state == STATE_IDLE_ABORTED)
		return "aborted tx";
	return session_state_name(s->state);
}

const char *tree_wait_name(const struct session *s, char *scratch, size_t cap)
{
	if (!s->wait || !s->wait[0])
		return s->wait_type;
	size_t n = strlen(s->wait);
	/* "row lock" and "Waiting for table metadata lock" say so themselves. */
	if (!s->wait_type || strcmp(s->wait_type, "Lock") != 0 ||
	        (n > 4 && strcmp(s->wait + n - 4, "lock") == 0))
		return s->wait;
	snprintf(scratch, cap, "Lock %s", s->wait);
	return scratch;
}

void tree_statement(const struct view_input *in, size_t instance, const struct session *s, struct buf *out)
{
	bool postgres = in->snap->instances[instance].cfg->endpoint.engine == ENGINE_POSTGRES;
	size_t n = s->query_n < STATEMENT_BYTES ? s->query_n : STATEMENT_BYTES;

	if (n > 0)
		fingerprint_put(postgres ? REDACT_POSTGRES : REDACT_MYSQL, s->query, n, out);
}

const char *tree_growth_text(const struct tree_growth *g, bool ascii, char out[32])
{
	if (!g->known)
		snprintf(out, 32, "%s", ascii ? "-" : "–");
	else if (fabs(g->per_minute) < 0.5)
		snprintf(out, 32, "0/min");
	else
		snprintf(out, 32, "%+.0f/min", g->per_minute);
	return out;
}

void tree_share(const struct tree_state *st, const struct tree_node *n, struct tree_shares *out)
{
	*out = (struct tree_shares){0};
	for (uint32_t i = n->first; i < n->first + n->n; i++) {
		const struct tree_entry *e = &st->tree.entries[i];
		const struct session *s = &sessions_at(st->all, e->instance)->sessions[e->index];

		/* Each counts once: who waits for a lock is not at work. */
		if (s->waiting)
			out->blocked++;
		else if (s->state == STATE_ACTIVE || s->state == STATE_FASTPATH || s->state == STATE_KILLED)
			out->active++;
		else if (s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED)
			out->idle_xact++;
		else if (s->idle)
			out->idle++;
		else
			out->other++;
	}
}
