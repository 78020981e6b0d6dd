/* One reading of a session's columns for the filter, the order and the screen: what is shown is what is
 * filtered and sorted by. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "views/sessions_state.h"

int64_t session_age(const struct session *s)
{
	return s->xact_ms >= s->query_ms ? s->xact_ms : s->query_ms;
}

int64_t sessions_int(const struct sessions_state *st, size_t instance, const struct session *s, int column)
{
	const struct session_view *v = sessions_at(st->all, instance);
	int64_t n;

	return s->row != SESSION_NONE && table_int(v->sample->table, s->row, column, &n) ? n : -1;
}

/* The filter asks for these of every session with every letter: printf would be most of its time. */
static const char *digits(int64_t v, char *out, size_t cap)
{
	char *p = out + cap;
	uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;

	assert(cap > 20);
	*--p = '\0';
	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (v < 0)
		*--p = '-';
	return p;
}

static char *append(char *at, const char *end, const char *text)
{
	size_t n = strnlen(text, (size_t)(end - at));

	memcpy(at, text, n);
	return at + n;
}

static const char *wait_text(const struct session *s, char *out, size_t cap)
{
	if (!s->wait_type)
		return s->wait;
	if (!s->wait || !s->wait[0] || !strcmp(s->wait, s->wait_type))
		return s->wait_type;
	const char *end = out + cap - 1;
	char *at = append(append(append(out, end, s->wait_type), end, " "), end, s->wait);

	*at = '\0';
	return out;
}

static const char *locks_text(
        const struct sessions_state *st, size_t instance, const struct session *s, char *out, size_t cap)
{
	const struct session_view *v = sessions_at(st->all, instance);

	if (s->blocks_all > 0)
		snprintf(out, cap, "blocks %u", s->blocks_all);
	else if (s->blocked && s->blocked_by != SESSION_NONE && v->sessions[s->blocked_by].id > 0)
		snprintf(out, cap, "by %lld", (long long)v->sessions[s->blocked_by].id);
	else if (s->waiting)
		snprintf(out, cap, "waits");
	else
		return NULL;
	return out;
}

static const char *phase_text(const struct sessions_state *st, size_t instance, const struct session *s)
{
	const struct session_view *v = sessions_at(st->all, instance);

	return s->row == SESSION_NONE ? NULL
	                              : table_text(v->sample->table, s->row, st->memory[instance].phase);
}

bool sessions_text(const struct sessions_state *st, const struct view_input *in, size_t instance,
        const struct session *s, int column, char *scratch, size_t cap, const char **text)
{
	switch (column) {
	case SCOL_INSTANCE:
		*text = view_instance_name(in, instance);
		break;
	case SCOL_ID:
		*text = digits(s->id, scratch, cap);
		break;
	case SCOL_USER:
		*text = s->user;
		break;
	case SCOL_APP:
		*text = s->app;
		break;
	case SCOL_DB:
		*text = s->db;
		break;
	case SCOL_CLIENT:
		*text = s->client;
		break;
	case SCOL_STATE:
		*text = s->row == SESSION_NONE || s->state == STATE_NONE ? session_kind_name(s->kind)
		                                                         : session_state_name(s->state);
		break;
	case SCOL_LOCKS:
		*text = locks_text(st, instance, s, scratch, cap);
		break;
	case SCOL_WAIT:
		*text = wait_text(s, scratch, cap);
		break;
	case SCOL_QUERY:
		*text = s->query;
		break;
	case SEXTRA_KIND:
		*text = session_kind_name(s->kind);
		break;
	case SEXTRA_CLUSTER:
		*text = in->snap->instances[instance].cluster->name;
		break;
	case SEXTRA_PHASE:
		*text = phase_text(st, instance, s);
		break;
	default:
		return false;
	}
	return *text != NULL;
}

static double known(int64_t v)
{
	return v < 0 ? (double)NAN : (double)v;
}

double sessions_number(const struct sessions_state *st, size_t instance, const struct session *s, int column)
{
	const struct session_memory *m = &st->memory[instance];
	double progress;

	switch (column) {
	case SCOL_ID:
		return (double)s->id;
	case SCOL_XACT:
		return known(s->xact_ms);
	case SCOL_AGE:
		return known(s->query_ms);
	case SCOL_ROWS:
		return known(sessions_int(st, instance, s, m->rows_modified));
	case SCOL_PROGRESS:
		if (s->row == SESSION_NONE || !table_real(sessions_at(st->all, instance)->sample->table,
		                                      s->row, m->progress, &progress))
			return (double)NAN;
		return progress;
	case SEXTRA_AGE:
		return known(session_age(s));
	case SCOL_LOCKS:
	case SEXTRA_BLOCKS:
		return s->blocks_all;
	default:
		return (double)NAN;
	}
}

double sessions_rank(const struct sessions_state *st, size_t instance, const struct session *s, int column)
{
	if (column != SCOL_LOCKS)
		return sessions_number(st, instance, s, column);
	/* Who holds others up first, then who waits, the longest first. */
	if (s->blocks_all > 0)
		return 1e15 + s->blocks_all;
	return s->waiting ? (double)(s->waiting_ms > 0 ? s->waiting_ms : 0) : (double)NAN;
}
