/* How far behind a replica is, put together from what it, its primary and the log positions say. NULL is
 * unknown; a figure that contradicts a better one is dropped rather than shown. */
#include "core/model/replication.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/text.h"

enum { JOIN_MAX_MS = 10000, SEGMENT_BYTES = 16 << 20 };

static const char connecting[] = "connecting to its primary";

const char *server_role_name(enum server_role r)
{
	static const char *const names[] = {
	        [SERVER_UNKNOWN] = "", [SERVER_PRIMARY] = "primary", [SERVER_REPLICA] = "replica"};
	return names[r];
}

static bool is_word(const char *text, const char *word)
{
	return text != NULL && strcasecmp(text, word) == 0;
}

static bool is_kind(const struct table *t, size_t row, const char *kind)
{
	return is_word(table_text(t, row, table_column(t, "kind")), kind);
}

static bool has_upstream(const struct snapshot *snap, size_t instance)
{
	const struct table *t = snapshot_table(snap, instance, "replication_brief");
	for (size_t row = 0; t != NULL && row < t->nrows; row++) {
		if (is_kind(t, row, "upstream"))
			return true;
	}
	return false;
}

enum server_role server_role_of(const struct snapshot *snap, size_t instance)
{
	const struct table *t = snapshot_table(snap, instance, "server");
	if (t == NULL || t->nrows == 0)
		return SERVER_UNKNOWN;
	const char *role = table_text(t, 0, table_column(t, "role"));
	if (is_word(role, "replica"))
		return SERVER_REPLICA;
	/* A MySQL replica whose threads are all stopped looks like a primary; its channel is still there. */
	if (snap->instances[instance].link.server.engine != ENGINE_POSTGRES && has_upstream(snap, instance))
		return SERVER_REPLICA;
	if (is_word(role, "primary"))
		return SERVER_PRIMARY;
	return role == NULL && snapshot_table(snap, instance, "replication_brief") != NULL ? SERVER_PRIMARY
	                                                                                   : SERVER_UNKNOWN;
}

static int64_t int_of(const struct table *t, size_t row, const char *column)
{
	int64_t v;
	return table_int(t, row, table_column(t, column), &v) ? v : -1;
}

/* 1. One channel. */

static void set_note(struct replication_facts *f, const char *text)
{
	text_truncate(f->note, sizeof(f->note), text, strlen(text), NOTE_MAX / 2, false);
}

static bool is_stopped(const char *word)
{
	return is_word(word, "no") || is_word(word, "stopped") || is_word(word, "error") ||
	       is_word(word, "off");
}

static void read_state(const struct table *t, size_t row, struct replication_facts *f)
{
	const char *state = table_text(t, row, table_column(t, "state"));
	const char *receiver = table_text(t, row, table_column(t, "receiver"));
	const char *applier = table_text(t, row, table_column(t, "applier"));
	const char *error = table_text(t, row, table_column(t, "error"));
	const char *name = table_text(t, row, table_column(t, "name"));
	bool paused = false;
	table_bool(t, row, table_column(t, "paused"), &paused);
	if (error == NULL || error[0] == '\0')
		error = table_text(t, row, table_column(t, "receiver_error"));
	bool failed = error != NULL && error[0] != '\0';
	if (is_stopped(state) || is_stopped(receiver) || is_stopped(applier)) {
		const char *part = is_stopped(receiver) ? "receiver stopped" : "stopped";
		f->lag = LAG_STOPPED;
		set_note(f, failed ? error : is_stopped(applier) ? "applier stopped" : part);
	} else if (paused || is_word(state, "paused")) {
		f->lag = LAG_PAUSED;
		set_note(f, "replay paused");
	} else if (is_word(state, "connecting") || is_word(receiver, "connecting")) {
		f->lag = failed ? LAG_STOPPED : LAG_UNKNOWN;
		set_note(f, failed ? error : connecting);
	} else {
		f->lag = f->lag_ms < 0 && f->lag_bytes < 0 ? LAG_UNKNOWN : LAG_RUNS;
		set_note(f, name == NULL ? "" : name);
	}
}

static struct replication_facts read_channel(const struct table *t, size_t row)
{
	struct replication_facts f = {
	        .lag_ms = int_of(t, row, "lag_ms"),
	        .lag_bytes = int_of(t, row, "lag_bytes"),
	        .delay_ms = int_of(t, row, "delay_ms"),
	};
	const char *source = table_text(t, row, table_column(t, "lag_source"));
	if (source != NULL)
		text_truncate(f.source, sizeof(f.source), source, strlen(source), 40, false);
	read_state(t, row, &f);
	return f;
}

static bool is_worse(const struct replication_facts *a, const struct replication_facts *b)
{
	if (a->lag != b->lag)
		return a->lag > b->lag;
	return a->lag_ms != b->lag_ms ? a->lag_ms > b->lag_ms : a->lag_bytes > b->lag_bytes;
}

/* The worst channel; *lsn is how far a PostgreSQL standby has replayed, -1 unknown. */
static unsigned read_channels(
        const struct snapshot *snap, size_t instance, struct replication_facts *out, int64_t *lsn)
{
	unsigned channels = 0;
	*lsn = -1;
	const struct table *t = snapshot_table(snap, instance, "replication_brief");
	for (size_t row = 0; t != NULL && row < t->nrows; row++) {
		if (!is_kind(t, row, "upstream"))
			continue;
		struct replication_facts f = read_channel(t, row);
		if (channels == 0 || is_worse(&f, out))
			*out = f;
		if (channels++ == 0)
			*lsn = int_of(t, row, "replay_lsn");
	}
	return channels;
}

/* 2. What the primary knows. */

static const char *cluster_id(const struct snapshot *snap, size_t instance)
{
	const struct table *t = snapshot_table(snap, instance, "server");
	return t == NULL || t->nrows == 0 ? NULL : table_text(t, 0, table_column(t, "cluster_id"));
}

/* Instances that say they are primaries, by cluster id. */
struct primaries {
	const struct server_facts *facts;
	uint32_t *instances;
	size_t n;
};

static int order_primaries(const void *a, const void *b, void *arg)
{
	const struct server_facts *facts = arg;
	uint32_t i = *(const uint32_t *)a;
	uint32_t j = *(const uint32_t *)b;
	int order = strcmp(facts[i].cluster_id, facts[j].cluster_id);
	return order != 0 ? order : i < j ? -1 : i > j;
}

static long find_primary(const struct primaries *p, const char *id)
{
	size_t low = 0;
	size_t high = p->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(p->facts[p->instances[mid]].cluster_id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < p->n && strcmp(p->facts[p->instances[low]].cluster_id, id) == 0 ? (long)p->instances[low]
	                                                                             : -1;
}

/* Where the primary's log ends: what its links report is newer than its own row. */
static int64_t head_of(const struct snapshot *snap, size_t primary)
{
	const struct table *t = snapshot_table(snap, primary, "replication_brief");
	int64_t age = snapshot_age_ms(snap, primary, "replication_brief");
	int64_t head = -1;
	for (size_t row = 0; t != NULL && age <= JOIN_MAX_MS && row < t->nrows; row++) {
		int64_t lsn = int_of(t, row, "replay_lsn");
		int64_t behind = int_of(t, row, "lag_bytes");
		if (is_kind(t, row, "downstream") && lsn >= 0 && behind >= 0 && lsn + behind > head)
			head = lsn + behind;
	}
	age = snapshot_age_ms(snap, primary, "server");
	if (head < 0 && age >= 0 && age <= JOIN_MAX_MS)
		head = int_of(snapshot_table(snap, primary, "server"), 0, "lsn");
	return head;
}

/* The standby knows only what has reached it: where the primary is further, that counts. */
static void join_primary(
        const struct snapshot *snap, size_t instance, long primary, int64_t lsn, struct replication_facts *f)
{
	int64_t head = primary < 0 ? -1 : head_of(snap, (size_t)primary);
	if (head < 0 || snapshot_age_ms(snap, instance, "replication_brief") > JOIN_MAX_MS)
		return;
	int64_t behind = head > lsn ? head - lsn : 0;
	if (behind <= f->lag_bytes)
		return;
	/* "All received is replayed" is no lag of 0 s when a segment or more was not received. */
	if (f->lag_ms == 0 && behind > SEGMENT_BYTES)
		f->lag_ms = -1;
	f->lag_bytes = behind;
	snprintf(f->source, sizeof(f->source), "LSN of %.40s", snap->instances[primary].cfg->name);
	if (f->lag == LAG_UNKNOWN && f->note[0] == '\0')
		f->lag = LAG_RUNS;
}

static void read_replica(const struct snapshot *snap, size_t instance, const struct primaries *primaries,
        struct server_facts *facts)
{
	struct replication_facts *f = &facts->replication;
	int64_t lsn;
	f->lag = LAG_UNKNOWN;
	unsigned channels = read_channels(snap, instance, f, &lsn);
	/* The name of an only channel says nothing. */
	if (channels < 2 &&
	        (f->lag == LAG_RUNS || (f->lag == LAG_UNKNOWN && strcmp(f->note, connecting) != 0)))
		f->note[0] = '\0';
	if (lsn >= 0 && facts->cluster_id != NULL)
		join_primary(snap, instance, find_primary(primaries, facts->cluster_id), lsn, f);
}

struct server_facts *server_facts_build(const struct snapshot *snap)
{
	struct server_facts *facts = xcalloc(snap->n + 1, sizeof(*facts));
	struct primaries primaries = {
	        .facts = facts, .instances = xcalloc(snap->n + 1, sizeof(*primaries.instances))};
	for (size_t i = 0; i < snap->n; i++) {
		facts[i].role = server_role_of(snap, i);
		facts[i].cluster_id = cluster_id(snap, i);
		facts[i].replication = (struct replication_facts){
		        .lag = LAG_NONE, .lag_ms = -1, .lag_bytes = -1, .delay_ms = -1};
		if (facts[i].role == SERVER_PRIMARY && facts[i].cluster_id != NULL)
			primaries.instances[primaries.n++] = (uint32_t)i;
	}
	if (primaries.n > 1)
		qsort_r(primaries.instances, primaries.n, sizeof(*primaries.instances), order_primaries,
		        facts);
	for (size_t i = 0; i < snap->n; i++) {
		if (facts[i].role == SERVER_REPLICA)
			read_replica(snap, i, &primaries, &facts[i]);
	}
	free(primaries.instances);
	return facts;
}
