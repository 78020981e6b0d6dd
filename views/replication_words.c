/* What a line of replication says: its name, its state in a word, what is wrong, what helps. One place, so
 * that the list, the filter, the detail and the clipboard speak alike. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/replication_state.h"

/* --- Names */

static const char *name_holder(
        const struct view_input *in, const struct holder *h, uint32_t alike, char *out, size_t cap)
{
	if (alike)
		snprintf(out, cap, "%s %" PRIu32 " alike", view_instance_name(in, h->instance), alike);
	else if (h->session.id > 0)
		snprintf(out, cap, "%s %" PRId64, view_instance_name(in, h->instance), h->session.id);
	else
		snprintf(out, cap, "%s %s", view_instance_name(in, h->instance), h->name ? h->name : "");
	return out;
}

const char *replication_name(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, char *out, size_t cap)
{
	const struct topology *t = st->topology;
	const struct topology_edge *e = replication_edge(st, row);

	switch (row->kind) {
	case RROW_CLUSTER:
		snprintf(out, cap, "%s", in->snap->config->clusters[row->index].name);
		break;
	case RROW_NODE:
	case RROW_EDGE: {
		const char *name = row->kind == RROW_NODE ? t->node[row->index].name : t->node[e->to].name;
		const char *channel = e && e->kind == EDGE_BINLOG ? e->channel : "";

		snprintf(out, cap, "%s%.160s%s%.60s%s", row->kind == RROW_EDGE ? "to " : "", name,
		        channel[0] ? " [" : "", channel, channel[0] ? "]" : "");
		break;
	}
	case RROW_SLOT:
		snprintf(out, cap, "slot %s", t->slot[row->index].name);
		break;
	case RROW_HORIZON:
		snprintf(out, cap, "WHO HOLDS THE HORIZON");
		break;
	case RROW_HOLDER:
	case RROW_ALIKE:
		return name_holder(in, replication_holder(st, row), row->count, out, cap);
	}
	return out;
}

/* --- States */

static const char *edge_word(const struct topology_edge *e, enum style *style)
{
	*style = e->severity >= SEVERITY_NOTICE ? severity_style(e->severity) : STYLE_TEXT;
	if (e->apply == APPLY_ERROR || e->transport == TRANSPORT_ERROR)
		return "error";
	if (e->apply == APPLY_STOPPED || e->transport == TRANSPORT_STOPPED)
		return "stopped";
	if (e->transport == TRANSPORT_SILENT)
		return e->from_says ? "silent" : "cut off";
	if (e->apply == APPLY_CONFLICT)
		return "conflict";
	if (e->apply == APPLY_PAUSED)
		return "paused";
	if (e->apply == APPLY_DELAYED && e->transport == TRANSPORT_STREAMING)
		return "delayed";
	if (e->transport == TRANSPORT_UNKNOWN)
		*style = STYLE_DIM;
	if (e->transport == TRANSPORT_CATCHUP)
		return "catch-up";
	return edge_transport_name(e->transport);
}

static const char *node_word(const struct topology_node *n, enum style *style)
{
	*style = n->state == NODE_NAMED ? STYLE_DIM : STYLE_STRONG;
	if (n->group_state)
		return n->group_state;
	if (n->state == NODE_SILENT) {
		*style = severity_style(n->severity);
		return "no answer";
	}
	return n->role == SERVER_UNKNOWN ? "unknown" : server_role_name(n->role);
}

const char *replication_word(
        const struct replication_state *st, const struct replication_row *row, enum style *style)
{
	const struct topology *t = st->topology;
	const struct topology_edge *e = replication_edge(st, row);

	*style = STYLE_DIM;
	switch (row->kind) {
	case RROW_NODE:
		if (!e || t->node[row->index].state == NODE_SILENT)
			return node_word(&t->node[row->index], style);
		return edge_word(e, style);
	case RROW_EDGE:
		if (e->kind == EDGE_LOGICAL && e->severity == SEVERITY_OK)
			return "logical";
		return edge_word(e, style);
	case RROW_SLOT: {
		const struct topology_slot *s = &t->slot[row->index];

		*style = s->severity >= SEVERITY_NOTICE ? severity_style(s->severity) : STYLE_TEXT;
		if (s->wal_status && strcmp(s->wal_status, "lost") == 0)
			return "lost";
		return s->active ? "active" : "inactive";
	}
	case RROW_HOLDER:
	case RROW_ALIKE:
		*style = STYLE_TEXT;
		return holder_kind_name(replication_holder(st, row)->kind);
	case RROW_CLUSTER:
	case RROW_HORIZON:
		break;
	}
	return "";
}

/* --- Notes */

/* "3/A81F0020", as PostgreSQL writes it. */
static void put_position(const struct topology_node *n, char *out, size_t cap)
{
	char speed[HUMAN_MAX];

	out[0] = '\0';
	if (n->head < 0)
		return;
	int used = n->engine == ENGINE_POSTGRES
	                   ? snprintf(out, cap, "WAL %" PRIX64 "/%" PRIX64, (uint64_t)n->head >> 32,
	                             (uint64_t)n->head & 0xFFFFFFFF)
	                   : snprintf(out, cap, "%s transactions", human_count((double)n->head, speed));

	if (isnan(n->per_s))
		return;
	if (n->engine == ENGINE_POSTGRES)
		snprintf(out + used, cap - (size_t)used, "  %s/s", human_bytes((int64_t)n->per_s, 0, speed));
	else
		snprintf(out + used, cap - (size_t)used, "  %s/s", human_count(n->per_s, speed));
}

static void note_root(const struct topology_node *n, char *out, size_t cap)
{
	put_position(n, out, cap);
	size_t used = strlen(out);

	if (n->addresses > 1)
		used += (size_t)snprintf(out + used, cap - used, "%sone server under %u addresses",
		        used ? " · " : "", n->addresses);
	if (n->sync_need > 0 && used < cap)
		used += (size_t)snprintf(out + used, cap - used, "%s%d of %d synchronous", used ? " · " : "",
		        n->sync_have, n->sync_need);
	if (n->semi_sync && strcmp(n->semi_sync, "on") == 0 && used < cap)
		snprintf(out + used, cap - used, "%ssemi-sync, %" PRId64 " acknowledge", used ? " · " : "",
		        n->semi_clients);
}

/* What frees one of those who are alike does not free them all: they are listed first. */
static void note_holder(const struct holder *h, bool alike, char *out, size_t cap)
{
	bool session = h->kind == HOLDER_SESSION || h->kind == HOLDER_FEEDBACK;
	const char *who = h->app ? h->app : h->user;
	char which[144] = "";

	if (alike || session)
		snprintf(which, sizeof which, "%.60s%s%.60s", who ? who : "", who && h->state ? ", " : "",
		        h->state ? h->state : "");
	if (alike)
		snprintf(out, cap, "%s%sEnter lists them", which, which[0] ? " · " : "");
	else if (h->kind == HOLDER_SESSION && which[0])
		snprintf(out, cap, "%s · %s", which, h->frees);
	else
		snprintf(out, cap, "%s%s%s%s", h->frees, which[0] ? " · " : "", which,
		        h->catalog ? " · holds the catalogs only" : "");
}

const char *replication_note(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, char *out, size_t cap, enum severity *severity)
{
	const struct topology *t = st->topology;
	const struct topology_edge *e = replication_edge(st, row);

	(void)in;
	*severity = SEVERITY_OK;
	out[0] = '\0';
	if (row->kind == RROW_NODE) {
		const struct topology_node *n = &t->node[row->index];
		bool own = n->say[0] && (!e || n->severity > e->severity || !e->say[0]);

		*severity = own ? n->severity : e ? e->severity : SEVERITY_OK;
		if (own || e)
			snprintf(out, cap, "%s", own ? n->say : e->say);
		/* The head of a well primary is what one looks for there. */
		if (!e && (!out[0] || (n->severity == SEVERITY_OK && n->state == NODE_UP)))
			note_root(n, out, cap);
	} else if (row->kind == RROW_EDGE) {
		*severity = e->severity;
		snprintf(out, cap, "%s", e->say);
	} else if (row->kind == RROW_SLOT) {
		*severity = t->slot[row->index].severity;
		snprintf(out, cap, "%s", t->slot[row->index].say);
	} else if (replication_holder(st, row)) {
		note_holder(replication_holder(st, row), row->kind == RROW_ALIKE, out, cap);
	}
	return out;
}

/* --- What helps */

static void remedy_edge(
        const struct topology_edge *e, enum engine to, char *words, size_t cap, char *sql, size_t sql_cap)
{
	bool maria = to == ENGINE_MARIADB;
	const char *what = maria ? "SLAVE" : "REPLICA";
	bool plain = !strpbrk(e->channel, "'\\");

	if (e->apply == APPLY_PAUSED && to == ENGINE_POSTGRES) {
		snprintf(words, cap, "somebody paused replay; to go on:");
		snprintf(sql, sql_cap, "SELECT pg_wal_replay_resume();");
	} else if (e->apply == APPLY_CONFLICT) {
		snprintf(words, cap,
		        "recovery waits for a reader here: C cancels it, K ends it; the server does so "
		        "by itself after max_standby_streaming_delay");
	} else if (e->apply == APPLY_ERROR) {
		snprintf(words, cap,
		        "the data differ from the primary's: repair the row, then start the applier; to "
		        "skip the transaction is to accept the difference");
		snprintf(sql, sql_cap, "START %s;", what);
	} else if (e->apply == APPLY_STOPPED || e->transport == TRANSPORT_STOPPED) {
		snprintf(words, cap,
		        to == ENGINE_POSTGRES ? "it has no connection to its primary: see its log for "
		                                "the reason"
		                              : "somebody stopped it, or it never started:");
		if (to != ENGINE_POSTGRES && plain && e->channel[0])
			snprintf(sql, sql_cap,
			        maria ? "START SLAVE '%s';" : "START REPLICA FOR CHANNEL '%s';", e->channel);
		else if (to != ENGINE_POSTGRES && plain)
			snprintf(sql, sql_cap, "START %s;", what);
	} else if (e->transport == TRANSPORT_SILENT || e->transport == TRANSPORT_CONNECTING) {
		snprintf(words, cap, "look at the network between the two, and at the replica's log");
	} else if (e->errant > 0) {
		snprintf(words, cap,
		        "these were written on the replica: it cannot take over cleanly. Make them no-ops on "
		        "the primary, or build the replica anew");
	}
}

static void remedy_slot(const struct topology_slot *s, char *words, size_t cap, char *sql, size_t sql_cap)
{
	if (s->active || s->severity < SEVERITY_NOTICE)
		return;
	snprintf(words, cap,
	        "start its consumer; if nobody needs it any more, drop it, which ends what it retains:");
	if (!strpbrk(s->name, "'\\"))
		snprintf(sql, sql_cap, "SELECT pg_drop_replication_slot('%s');", s->name);
}

void replication_remedy(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, char *words, size_t cap, char *sql, size_t sql_cap)
{
	const struct topology *t = st->topology;
	const struct topology_edge *e = replication_edge(st, row);

	(void)in;
	words[0] = sql[0] = '\0';
	if (e)
		remedy_edge(e, t->node[e->to].engine, words, cap, sql, sql_cap);
	else if (row->kind == RROW_SLOT)
		remedy_slot(&t->slot[row->index], words, cap, sql, sql_cap);
	else if (row->kind == RROW_HOLDER) {
		snprintf(words, cap, "%s", st->horizon->item[row->index].frees);
		snprintf(sql, sql_cap, "%s", st->horizon->item[row->index].sql);
	}
}

/* --- For the filter */

bool replication_text(const struct replication_state *st, const struct view_input *in,
        const struct replication_row *row, int column, char *scratch, size_t cap, const char **text)
{
	const struct topology_edge *e = replication_edge(st, row);
	long instance = replication_instance(st, row);
	enum severity severity;
	enum style style;

	*text = scratch;
	switch (column) {
	case RCOL_SERVER:
		*text = replication_name(st, in, row, scratch, cap);
		return true;
	case RCOL_STATE:
		*text = replication_word(st, row, &style);
		return true;
	case RCOL_NOTE:
		*text = replication_note(st, in, row, scratch, cap, &severity);
		return true;
	case RCOL_SYNC:
		*text = e && e->sync ? e->sync : "";
		return true;
	case RCOL_SOURCE:
		*text = e ? e->source : "";
		return true;
	case REXTRA_CLUSTER:
		if (row->kind == RROW_CLUSTER || instance < 0)
			return false;
		*text = in->snap->instances[instance].cluster->name;
		return true;
	case REXTRA_ROLE:
		*text = row->kind == RROW_NODE ? server_role_name(st->topology->node[row->index].role) : "";
		return true;
	case REXTRA_ENGINE:
		*text = row->kind == RROW_NODE ? engine_name(st->topology->node[row->index].engine) : "";
		return true;
	case REXTRA_CHANNEL:
		*text = e ? e->channel : "";
		return true;
	default:
		return false;
	}
}

double replication_number(const struct replication_state *st, const struct replication_row *row, int column)
{
	const struct topology_edge *e = replication_edge(st, row);
	int64_t v = -1;

	const struct holder *h = replication_holder(st, row);

	if (h) {
		v = column == RCOL_LAG ? h->age_ms : column == RCOL_BEHIND ? h->xmin_age : -1;
	} else if (row->kind == RROW_SLOT) {
		const struct topology_slot *s = &st->topology->slot[row->index];

		v = column == RCOL_BEHIND ? s->retained : column == RCOL_LAG ? s->inactive_ms : -1;
	} else if (e) {
		const int64_t values[RCOL_COUNT] = {[RCOL_SERVER] = -1,
		        [RCOL_STATE] = -1,
		        [RCOL_BEHIND] = e->behind >= 0 ? e->behind : e->transactions,
		        [RCOL_LAG] = e->lag_ms,
		        [RCOL_ETA] = e->eta_ms,
		        [RCOL_NOTE] = -1,
		        [RCOL_UNSENT] = e->unsent,
		        [RCOL_WRITE] = e->write,
		        [RCOL_FLUSH] = e->flush,
		        [RCOL_REPLAY] = e->replay,
		        [RCOL_SYNC] = -1,
		        [RCOL_SOURCE] = -1};

		v = column < RCOL_COUNT ? values[column] : -1;
	}
	return v < 0 ? (double)NAN : (double)v;
}
