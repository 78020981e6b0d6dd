/* One server, link, slot or holder in full: both ends' words, each figure with where it is from, what is
 * wrong and what helps. Built as a document when data come. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "views/replication_state.h"

struct detail {
	struct document *doc;
	const struct replication_state *st;
	const struct view_input *in;
	const struct replication_row *row;
};

static void field(const struct detail *d, const char *label, const char *value)
{
	if (value != NULL && value[0])
		document_field(d->doc, label, STYLE_TEXT, value);
}

static void field_span(const struct detail *d, const char *label, int64_t ms)
{
	char text[HUMAN_MAX];

	if (ms >= 0)
		document_field(d->doc, label, STYLE_TEXT, human_duration(ms, text));
}

static void heading(const struct detail *d, const char *text)
{
	document_newline(d->doc);
	document_newline(d->doc);
	document_puts(d->doc, STYLE_HEADER, text);
}

/* --- What is wrong, what helps */

static void describe_trouble(const struct detail *d)
{
	char words[512], sql[HOLDER_SQL_MAX], note[NOTE_MAX + HOLDER_FREES_MAX + 160];
	enum severity severity;

	replication_note(d->st, d->in, d->row, note, sizeof note, &severity);
	if (note[0]) {
		document_newline(d->doc);
		document_puts(
		        d->doc, severity >= SEVERITY_NOTICE ? severity_style(severity) : STYLE_TEXT, note);
	}
	replication_remedy(d->st, d->in, d->row, words, sizeof words, sql, sizeof sql);
	if (words[0] && strstr(note, words) == NULL) {
		document_newline(d->doc);
		document_puts(d->doc, STYLE_TEXT, words);
	}
	if (sql[0]) {
		document_newline(d->doc);
		document_puts(d->doc, STYLE_DIM, "  ");
		document_puts(d->doc, STYLE_ACCENT, sql);
		document_puts(d->doc, STYLE_DIM, "  (y copies it)");
	}
}

/* --- A link */

static void part(const struct detail *d, const char *label, int64_t bytes, int64_t ms)
{
	char a[HUMAN_MAX], b[HUMAN_MAX], text[64];

	if (bytes < 0 && ms < 0)
		return;
	snprintf(text, sizeof text, "%s%s%s", bytes >= 0 ? human_bytes(bytes, 0, a) : "",
	        bytes >= 0 && ms >= 0 ? ", " : "", ms >= 0 ? human_duration(ms, b) : "");
	document_field(d->doc, label, STYLE_TEXT, text);
}

static void describe_lag(const struct detail *d, const struct topology_edge *e)
{
	char text[192], ms[HUMAN_MAX];

	heading(d, "HOW FAR BEHIND");
	if (e->lag_ms >= 0)
		snprintf(text, sizeof text, "%s (%s; %s)", human_duration(e->lag_ms, ms), e->source,
		        e->confidence == CONFIDENCE_GOOD ? "measured" : "a guess");
	else
		snprintf(text, sizeof text, "unknown%s%s%s", e->source[0] ? " (" : "", e->source,
		        e->source[0] ? ")" : "");
	document_field(d->doc, "lag", e->lag_ms < 0 ? STYLE_NOTICE : STYLE_TEXT, text);
	part(d, "behind", e->behind, -1);
	if (e->transactions >= 0) {
		snprintf(text, sizeof text, "%" PRId64 " transactions", e->transactions);
		document_field(d->doc, "behind", STYLE_TEXT, text);
	}
	part(d, "to send", e->unsent, -1);
	part(d, "to write", e->write, e->write_ms);
	part(d, "to flush", e->flush, e->flush_ms);
	part(d, "to replay", e->replay, e->replay_ms);
	if (e->grows)
		document_field(d->doc, "catch-up", STYLE_WARN, "never at this rate: it falls behind further");
	else
		field_span(d, "catch-up in", e->eta_ms);
	field_span(d, "delayed by", e->delay_ms > 0 ? e->delay_ms : -1);
}

static void describe_edge(const struct detail *d, const struct topology_edge *e)
{
	const struct topology *t = d->st->topology;
	char text[256];

	heading(d, "THE LINK");
	snprintf(text, sizeof text, "%.100s to %.100s, %s%s%s", t->node[e->from].name, t->node[e->to].name,
	        edge_kind_name(e->kind), e->channel[0] ? ", channel " : "", e->channel);
	field(d, "from", text);
	field(d, "transport", edge_transport_name(e->transport));
	field(d, "apply", edge_apply_name(e->apply));
	field(d, "told by",
	        e->from_says && e->to_says ? "both ends"
	        : e->from_says             ? "the upstream only"
	                                   : "the replica only");
	field(d, "sync", e->sync);
	field_span(d, "last word", e->word_ms);
	field_span(d, "for", e->apply >= APPLY_PAUSED && e->paused_ms >= 1000 ? e->paused_ms : -1);
	if (e->error) {
		snprintf(text, sizeof text, "%" PRId64, e->error_code);
		document_field(d->doc, "error", STYLE_CRIT, text);
		document_newline(d->doc);
		document_puts(d->doc, STYLE_CRIT, e->error);
	}
	field(d, "failures", e->failures);
	if (e->errant >= 0) {
		snprintf(text, sizeof text, "%" PRId64 "%s%.180s", e->errant, e->errant ? ": " : "",
		        e->errant ? e->errant_set : "");
		document_field(d->doc, "errant", e->errant ? STYLE_WARN : STYLE_TEXT, text);
	}
	if (e->workers > 0) {
		snprintf(text, sizeof text, "%" PRId64 "%s", e->workers, e->workers_busy >= 0 ? ", " : "");
		if (e->workers_busy >= 0)
			snprintf(text, sizeof text, "%" PRId64 ", %" PRId64 " busy", e->workers,
			        e->workers_busy);
		field(d, "appliers", text);
	}
	if (e->timeline > 0) {
		snprintf(text, sizeof text, "%" PRId64 "%s", e->timeline,
		        e->other_timeline ? ", not its upstream's" : "");
		document_field(d->doc, "timeline", e->other_timeline ? STYLE_WARN : STYLE_TEXT, text);
	}
	if (e->conflict) {
		field(d, "waits on", e->conflict);
		field_span(d, "since", e->conflict_ms);
		if (e->reader.id > 0) {
			snprintf(text, sizeof text, "%" PRId64 " %s", e->reader.id, e->reader_who);
			field(d, e->reader_likely ? "likely for" : "for", text);
		}
	}
	if (e->slot != TOPOLOGY_NONE) {
		snprintf(text, sizeof text, "%.80s, %.150s", t->slot[e->slot].name, t->slot[e->slot].say);
		field(d, "slot", text);
	}
	describe_lag(d, e);
}

/* --- A server */

static void describe_node(const struct detail *d, const struct topology_node *n)
{
	char text[256];
	const struct link_view *link = n->instance < 0 ? NULL : &d->in->snap->instances[n->instance].link;

	heading(d, "THE SERVER");
	field(d, "role", n->role == SERVER_UNKNOWN ? "unknown" : server_role_name(n->role));
	if (link && link->server.engine != ENGINE_NONE) {
		snprintf(text, sizeof text, "%s %s", engine_name(link->server.engine),
		        link->server.version_text);
		field(d, "version", text);
		field(d, "identity", link->server.id);
		field(d, "started", link->server.start);
		field(d, "address", link->server.address);
	}
	if (n->addresses > 1) {
		snprintf(text, sizeof text, "%u in the config lead to it", n->addresses);
		field(d, "addresses", text);
	}
	if (n->writable >= 0)
		field(d, "writable", n->writable ? "yes" : "no");
	if (n->engine == ENGINE_POSTGRES && n->head >= 0) {
		snprintf(text, sizeof text, "%" PRIX64 "/%" PRIX64, (uint64_t)n->head >> 32,
		        (uint64_t)n->head & 0xFFFFFFFF);
		field(d, "WAL", text);
	}
	if (!isnan(n->per_s)) {
		char speed[HUMAN_MAX];

		snprintf(text, sizeof text, "%s a second",
		        n->engine == ENGINE_POSTGRES ? human_bytes((int64_t)n->per_s, 0, speed)
		                                     : human_count(n->per_s, speed));
		field(d, "grows by", text);
	}
	if (n->timeline > 0) {
		snprintf(text, sizeof text, "%" PRId64, n->timeline);
		field(d, "timeline", text);
	}
	if (n->sync_need >= 0) {
		snprintf(text, sizeof text, "%d of %d can answer%s", n->sync_have, n->sync_need,
		        n->would_wait ? ": a commit waits" : "");
		document_field(d->doc, "synchronous", n->would_wait ? STYLE_CRIT : STYLE_TEXT, text);
		field(d, "", n->sync_names);
	}
	if (n->semi_sync) {
		snprintf(text, sizeof text, "%s, %" PRId64 " acknowledge", n->semi_sync, n->semi_clients);
		field(d, "semi-sync", text);
	}
	if (n->failures) {
		snprintf(text, sizeof text, "readers so far: %.200s", n->failures);
		field(d, "cancelled", text);
	}
	if (n->group_state) {
		snprintf(text, sizeof text, "%s (shown from its status; not tested on a group)",
		        n->group_state);
		field(d, "group", text);
	}
	if (n->gtid && n->gtid[0]) {
		document_newline(d->doc);
		document_puts(d->doc, STYLE_DIM, "executed ");
		document_text(d->doc, STYLE_TEXT, n->gtid, strlen(n->gtid) > 2000 ? 2000 : strlen(n->gtid));
	}
}

static void describe_slots(const struct detail *d, size_t node)
{
	const struct topology *t = d->st->topology;
	bool begun = false;

	for (size_t i = 0; i < t->nslots; i++) {
		const struct topology_slot *s = &t->slot[i];

		if (s->node != node)
			continue;
		if (!begun)
			heading(d, "SLOTS");
		begun = true;
		document_newline(d->doc);
		document_puts(d->doc, STYLE_TEXT, s->name);
		document_printf(d->doc, STYLE_DIM, "  %s%s%s  ", s->type ? s->type : "",
		        s->active ? "" : ", ", s->active ? "" : "inactive");
		document_puts(d->doc,
		        s->severity >= SEVERITY_NOTICE ? severity_style(s->severity) : STYLE_DIM, s->say);
	}
}

/* --- Slots and holders */

static void describe_slot(const struct detail *d, const struct topology_slot *s)
{
	char text[256];

	heading(d, "THE SLOT");
	field(d, "on", d->st->topology->node[s->node].name);
	field(d, "type", s->type);
	field(d, "plugin", s->plugin);
	field(d, "active", s->active ? "yes" : "no");
	field(d, "wal_status", s->wal_status);
	part(d, "retains", s->retained, -1);
	if (s->limit > 0)
		part(d, "limit", s->limit, -1);
	else
		field(d, "limit", "none: max_slot_wal_keep_size is -1, the disk is the limit");
	part(d, "safe for", s->safe, -1);
	field_span(d, "inactive", s->inactive_ms);
	field(d, "invalid", s->invalidation);
	if (s->edge != TOPOLOGY_NONE) {
		snprintf(text, sizeof text, "%s",
		        d->st->topology->node[d->st->topology->edge[s->edge].to].name);
		field(d, "used by", text);
	}
}

static void describe_holder(const struct detail *d, const struct holder *h)
{
	char text[64];

	heading(d, "THE HOLDER");
	field(d, "on", view_instance_name(d->in, h->instance));
	field(d, "kind", holder_kind_name(h->kind));
	field(d, "name", h->name);
	if (h->session.id > 0) {
		snprintf(text, sizeof text, "%" PRId64, h->session.id);
		field(d, "session", text);
	}
	field(d, "user", h->user);
	field(d, "app", h->app);
	field(d, "client", h->client);
	field(d, "state", h->state);
	field_span(d, "age", h->age_ms);
	if (h->xmin_age >= 0) {
		snprintf(text, sizeof text, "%" PRId64 " transactions", h->xmin_age);
		field(d, "holds back", text);
	}
}

void replication_describe(struct replication_state *st, const struct view_input *in)
{
	struct detail d = {
	        .doc = &st->pane.doc, .st = st, .in = in, .row = replication_row(st, list_row(&st->list))};

	document_begin(d.doc, st->pane.at.w - 4);
	if (!d.row) {
		document_newline(d.doc);
		document_puts(d.doc, STYLE_DIM, "Nothing is selected.");
		return;
	}
	const struct topology *t = st->topology;
	const struct topology_edge *e = replication_edge(st, d.row);

	describe_trouble(&d);
	if (e)
		describe_edge(&d, e);
	if (d.row->kind == RROW_NODE) {
		describe_node(&d, &t->node[d.row->index]);
		describe_slots(&d, d.row->index);
	} else if (d.row->kind == RROW_SLOT) {
		describe_slot(&d, &t->slot[d.row->index]);
	} else if (d.row->kind == RROW_HOLDER) {
		describe_holder(&d, &st->horizon->item[d.row->index]);
	}
}
