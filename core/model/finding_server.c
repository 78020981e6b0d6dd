/* Findings about a server as a whole: whether it answers, what it is, and which of its limits is near. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/human.h"
#include "core/model/finding_rule.h"

enum {
	SILENCE_MS = 5000,
	BLINK_MS = 2000,
	OLD_MS = 15000,
	NEWS_MS = 15 * 60 * 1000, /* how long a flip or a restart stays news */
	YOUNG_MS = 5 * 60 * 1000,
	APART_MS = 1000,
	LATE_MS = 60 * 1000,
	CONNECTIONS_WITHOUT_LIMIT = 800,
	ARCHIVE_CRIT_MS = 3600 * 1000,
};

static int64_t ms_since(const struct step *st, mono_ns at)
{
	return st->snap->now > at ? (st->snap->now - at) / NS_PER_MS : 0;
}

/* 1. The link. */

/* The part of an error that a row has room for. */
static const char *cause_of(const struct step *st)
{
	const struct link_view *link = &st->iv->link;
	const struct err *e = &link->err;
	const struct sample *pulse = snapshot_slot(st->snap, st->instance, "pulse").latest;
	if (e->code == ERR_NONE && pulse != NULL && pulse->err->code != ERR_NONE)
		e = pulse->err;
	if (e->code == ERR_NONE)
		return NULL;
	const char *timed_out = e->code == ERR_TIMEOUT ? strstr(e->text, "timed out") : NULL;
	if (timed_out != NULL && link->last_answer != 0)
		return timed_out;
	/* That it could not connect is said before it. */
	return strncmp(e->text, "connect: ", 9) == 0 ? e->text + 9 : e->text;
}

/* The row names the instance: "connect to 10.0.0.1 port 5432: " would push the cause itself out of it. */
static const char *without_address(const char *cause)
{
	const char *end = strncmp(cause, "connect to ", 11) == 0 ? strstr(cause, ": ") : NULL;
	return end != NULL ? end + 2 : cause;
}

static void say_silent(struct step *st)
{
	const struct link_view *link = &st->iv->link;
	const char *cause = cause_of(st);
	int64_t ms = ms_since(st, link->last_answer);
	char span[HUMAN_MAX];
	char seen[32];
	struct finding *f =
	        finding_add(st, FINDING_UNREACHABLE, SEVERITY_CRIT, link->last_answer == 0 ? 0 : ms);
	if (link->last_answer == 0) {
		bool said = cause != NULL && strncmp(cause, "cannot ", 7) == 0;
		finding_text(
		        st, f, "%s%s", said ? "" : "cannot connect: ", cause == NULL ? "no answer" : cause);
		finding_brief(f, "%s", cause == NULL ? "no answer" : without_address(cause));
		return;
	}
	wall_format(link->last_answer_wall, 0, seen);
	finding_span(ms, span);
	finding_text(st, f, "no answer for %s%s%s, last seen %.8s", span, cause == NULL ? "" : ": ",
	        cause == NULL ? "" : cause, seen + 11);
	finding_brief(f, "no answer for %s \xC2\xB7 %.44s%slast seen %.8s", span,
	        cause == NULL ? "" : without_address(cause), cause == NULL ? "" : " \xC2\xB7 ", seen + 11);
}

static bool differ(const char *a, const char *b)
{
	return a[0] != '\0' && b[0] != '\0' && strcmp(a, b) != 0;
}

/* Another start at the same address is a restart which one of the lanes has not noticed yet. */
static bool is_other_server(const struct server_identity *a, const struct server_identity *b)
{
	bool placed = a->address[0] != '\0' && b->address[0] != '\0';
	return a->engine != ENGINE_NONE && b->engine != ENGINE_NONE &&
	       (differ(a->id, b->id) || differ(a->address, b->address) ||
	               (!placed && differ(a->start, b->start)));
}

static void find_other_server(struct step *st)
{
	const struct link_view *link = &st->iv->link;
	const struct sample *pulse = snapshot_slot(st->snap, st->instance, "pulse").good;
	/* After a restart the lanes meet again within moments: two samples say that they do not. */
	bool other = link->admin_up && is_other_server(&link->server, &link->admin);
	if (finding_sustained(st, FINDING_OTHER_SERVER, pulse, other, !other, 2) && other) {
		struct finding *f = finding_add(st, FINDING_OTHER_SERVER, SEVERITY_CRIT, 1);
		finding_text(st, f,
		        "its address leads to different servers (%.40s and %.40s): actions are refused",
		        link->server.address, link->admin.address);
		finding_brief(f, "lanes reach different servers");
		return;
	}
	struct instance_memory *m = st->mem;
	if (m->server.engine != ENGINE_NONE &&
	        (differ(m->server.id, link->server.id) || differ(m->server.address, link->server.address)))
		m->moved_at = st->snap->now;
	if (link->server.engine != ENGINE_NONE)
		m->server = link->server;
	if (m->moved_at == 0 || ms_since(st, m->moved_at) > NEWS_MS)
		return;
	char span[HUMAN_MAX];
	struct finding *f = finding_add(st, FINDING_OTHER_SERVER, SEVERITY_WARN, 0);
	finding_text(st, f, "another server answers at its address since %s",
	        finding_span(ms_since(st, m->moved_at), span));
	finding_brief(f, "another server since %s", span);
}

bool finding_link_rules(struct step *st)
{
	const struct link_view *link = &st->iv->link;
	int64_t patience = (int64_t)st->snap->config->interval_ms * 5;
	if (link->err.code == ERR_IDENTITY) {
		struct finding *f = finding_add(st, FINDING_OTHER_SERVER, SEVERITY_CRIT, 2);
		finding_text(st, f, "%s", link->err.text);
		finding_brief(f, "%s", "another server answers");
		return true;
	}
	bool failed =
	        link->state == LINK_DOWN || (link->state == LINK_CONNECTING && link->err.code != ERR_NONE);
	/* One slow answer costs a connection; that it comes back at once is no news. */
	bool broke = link->err.code == ERR_TIMEOUT || link->err.code == ERR_LOST || link->err.code == ERR_IO;
	bool blink = failed && broke && link->last_answer != 0 && ms_since(st, link->last_answer) < BLINK_MS;
	bool silent = link->state == LINK_UP && link->last_answer != 0 &&
	              ms_since(st, link->last_answer) > (patience > SILENCE_MS ? patience : SILENCE_MS);
	if ((failed && !blink) || silent) {
		say_silent(st);
		return true;
	}
	if (link->state != LINK_UP)
		return !blink;
	find_other_server(st);
	return false;
}

/* 2. One-row probes. */

/* A fresh one-row table; *good is its sample. NULL otherwise. */
static const struct table *row_of(const struct step *st, const char *probe, const struct sample **good)
{
	int64_t age = snapshot_age_ms(st->snap, st->instance, probe);
	*good = snapshot_slot(st->snap, st->instance, probe).good;
	return age < 0 || age > OLD_MS || (*good)->table->nrows == 0 ? NULL : (*good)->table;
}

static int64_t int_of(const struct table *t, const char *column)
{
	int64_t v;
	return table_int(t, 0, table_column(t, column), &v) ? v : -1;
}

/* 1, 0, or -1 unknown. */
static int bool_of(const struct table *t, const char *column)
{
	bool v;
	return table_bool(t, 0, table_column(t, column), &v) ? v : -1;
}

static void find_connections(struct step *st, const struct table *t, const struct sample *sample)
{
	const struct cluster_cfg *cfg = st->iv->cluster;
	int64_t used = int_of(t, "limit_used");
	int64_t most = int_of(t, "limit_max");
	const char *name = table_text(t, 0, table_column(t, "limit_name"));
	bool limited = used >= 0 && most > 0;
	if (!limited) {
		used = int_of(t, "connections");
		most = CONNECTIONS_WITHOUT_LIMIT;
	}
	double part = (double)used / (double)most;
	double warn = limited ? cfg->connections_warn : 1.0;
	if (!finding_sustained(st, FINDING_CONNECTIONS, sample, part > warn, part < warn * 0.95, 2))
		return;
	bool crit = limited && part >= cfg->connections_crit;
	struct finding *f = finding_add(
	        st, FINDING_CONNECTIONS, crit ? SEVERITY_CRIT : SEVERITY_WARN, (int64_t)(part * 1000));
	f->view = "sessions";
	if (limited) {
		finding_text(st, f, "%" PRId64 " of %" PRId64 " connections are in use (%.60s)", used, most,
		        name == NULL ? "limit" : name);
		finding_brief(f, "%" PRId64 "/%" PRId64 " connections", used, most);
	} else {
		finding_text(st, f, "%" PRId64 " connections, and no limit is known", used);
		finding_brief(f, "%" PRId64 " connections", used);
	}
}

/* 3. What the server is. */

static void find_role_flip(struct step *st)
{
	struct instance_memory *m = st->mem;
	enum server_role role = st->facts->role;
	/* Without its channels a stopped MySQL replica looks like a primary: wait for the whole picture. */
	bool whole = st->iv->link.server.engine == ENGINE_POSTGRES ||
	             snapshot_table(st->snap, st->instance, "replication_brief") != NULL;
	if (role != SERVER_UNKNOWN && whole) {
		if (m->role != SERVER_UNKNOWN && m->role != role) {
			m->role_before = m->role;
			m->flipped_at = st->snap->now;
			m->clients_before = m->clients;
		}
		m->role = role;
	}
	/* Those of the new role count from a sample that is newer than the flip. */
	const struct sample *pulse = snapshot_slot(st->snap, st->instance, "pulse").good;
	if (pulse != NULL && (m->flipped_at == 0 || pulse->finished >= m->flipped_at))
		m->clients = int_of(pulse->table, "connections");
	else if (m->flipped_at != 0 && ms_since(st, m->flipped_at) == 0)
		m->clients = -1;
	if (m->flipped_at == 0 || ms_since(st, m->flipped_at) > NEWS_MS)
		return;
	char span[HUMAN_MAX];
	struct finding *f = finding_add(st, FINDING_ROLE_FLIP, SEVERITY_WARN, 0);
	char clients[64] = "";
	f->view = "replication";
	finding_span(ms_since(st, m->flipped_at), span);
	if (m->clients_before >= 0 && m->clients >= 0)
		snprintf(clients, sizeof(clients), "; %" PRId64 " clients before, %" PRId64 " now",
		        m->clients_before, m->clients);
	finding_text(st, f, "is a %s now, was a %s until %s ago%s", server_role_name(m->role),
	        server_role_name(m->role_before), span, clients);
	finding_brief(f, "was a %s until %s ago", server_role_name(m->role_before), span);
}

static void find_restart(struct step *st, const struct table *t)
{
	struct instance_memory *m = st->mem;
	const char *started = table_text(t, 0, table_column(t, "started"));
	int64_t uptime = int_of(t, "uptime_ms");
	if (started != NULL) {
		if (m->started[0] != '\0' && strncmp(m->started, started, sizeof(m->started) - 1) != 0)
			m->restarted_at = st->snap->now;
		snprintf(m->started, sizeof(m->started), "%s", started);
	}
	bool seen = m->restarted_at != 0 && ms_since(st, m->restarted_at) <= NEWS_MS;
	if (!seen && (uptime < 0 || uptime > YOUNG_MS))
		return;
	char span[HUMAN_MAX];
	int64_t ms = uptime >= 0 ? uptime : ms_since(st, m->restarted_at);
	struct finding *f = finding_add(st, FINDING_RESTART, seen ? SEVERITY_WARN : SEVERITY_NOTICE, 0);
	finding_span(ms, span);
	finding_text(st, f, seen ? "restarted %s ago" : "started %s ago", span);
	finding_brief(f, seen ? "restarted %s ago" : "up for %s", span);
}

static void find_writability(struct step *st, const struct table *t)
{
	int writable = bool_of(t, "writable");
	int read_only = bool_of(t, "read_only");
	int super = bool_of(t, "super_read_only");
	if (st->facts->role == SERVER_REPLICA && writable == 1) {
		struct finding *f = finding_add(st, FINDING_WRITABLE_REPLICA, SEVERITY_WARN, 0);
		f->view = "replication";
		finding_text(st, f, "is a replica, but accepts writes (read_only is off)");
		finding_brief(f, "writable replica");
	} else if (st->facts->role == SERVER_PRIMARY && writable == 0) {
		struct finding *f = finding_add(st, FINDING_READ_ONLY_PRIMARY, SEVERITY_WARN, 0);
		f->view = "replication";
		finding_text(st, f, "is a primary, but accepts no writes (%s is on)",
		        super == 1 ? "super_read_only" : "read only mode");
		finding_brief(f, "primary is read only");
	} else if (st->facts->role == SERVER_REPLICA && read_only == 1 && super == 0) {
		struct finding *f = finding_add(st, FINDING_NOT_SUPER_READ_ONLY, SEVERITY_NOTICE, 0);
		f->view = "replication";
		finding_text(
		        st, f, "is a replica that privileged users may write to (super_read_only is off)");
		finding_brief(f, "super_read_only is off");
	}
}

/* 4. What its limits are. */

static double part_of(const struct table *t, const char *age, const char *limit)
{
	int64_t a = int_of(t, age);
	int64_t most = int_of(t, limit);
	return a < 0 || most <= 0 ? 0 : (double)a / (double)most;
}

static void find_wraparound(struct step *st, const struct table *t, const struct sample *sample)
{
	double xid = part_of(t, "xid_age", "xid_limit");
	double mxid = part_of(t, "mxid_age", "mxid_limit");
	double worst = xid > mxid ? xid : mxid;
	if (!finding_sustained(st, FINDING_WRAPAROUND, sample, worst > 0.5, worst < 0.48, 2))
		return;
	struct finding *f = finding_add(
	        st, FINDING_WRAPAROUND, worst > 0.8 ? SEVERITY_CRIT : SEVERITY_WARN, (int64_t)(worst * 1000));
	finding_text(st, f, "%.0f %% of the %s ids are used up: vacuum the database with the oldest ones",
	        worst * 100, xid >= mxid ? "transaction" : "multixact");
	finding_brief(f, "%.0f %% of %s ids used", worst * 100, xid >= mxid ? "transaction" : "multixact");
}

static void find_archiver(struct step *st, const struct table *t)
{
	if (bool_of(t, "archive_failing") != 1)
		return;
	int64_t age = int_of(t, "archive_age_ms");
	char span[HUMAN_MAX];
	struct finding *f =
	        finding_add(st, FINDING_ARCHIVER, age > ARCHIVE_CRIT_MS ? SEVERITY_CRIT : SEVERITY_WARN, age);
	if (age >= 0)
		finding_text(st, f, "archiving WAL fails, the last success was %s ago: the disk fills",
		        finding_span(age, span));
	else
		finding_text(st, f, "archiving WAL fails: the disk fills");
	finding_brief(f, "archiver fails");
}

/* A process that crashed takes all sessions with it, and the server's own start says nothing of it. While it
 * recovers it takes nobody in: that is UNREACHABLE, in the server's own words. */
static void find_crash_recovery(struct step *st, const struct table *t)
{
	struct instance_memory *m = st->mem;
	const char *started = table_text(t, 0, table_column(t, "started"));
	int64_t uptime = int_of(t, "uptime_ms");
	int64_t processes = int_of(t, "processes_ms");
	if (uptime < 0 || processes < 0) {
		m->processes_after_ms = -1;
		return;
	}
	int64_t after = uptime - processes;
	bool same = started != NULL && strncmp(m->started, started, sizeof(m->started) - 1) == 0;
	if (!same || m->processes_after_ms < 0)
		m->processes_after_ms = after;
	/* Before 15 a standby's processes wait for the first WAL, which an archive may take its time for. */
	bool late = after > LATE_MS && st->facts->role == SERVER_PRIMARY;
	if ((!late && after <= m->processes_after_ms + APART_MS) || processes > NEWS_MS)
		return;
	char span[HUMAN_MAX];
	struct finding *f = finding_add(st, FINDING_CRASH_RECOVERY, SEVERITY_WARN, 0);
	finding_span(processes, span);
	finding_text(st, f, "recovered from a crash %s ago: all its sessions were ended", span);
	finding_brief(f, "crashed %s ago", span);
}

/* 5. The whole. */

static void find_newer(struct step *st, const struct table *t)
{
	const struct sample *server = snapshot_slot(st->snap, st->instance, "server").good;
	const char *version = table_text(t, 0, table_column(t, "version"));
	if (!server->newer)
		return;
	struct finding *f = finding_add(st, FINDING_NEWER_SERVER, SEVERITY_NOTICE, 0);
	finding_text(st, f, "version %.20s is newer than this dbatop knows: read like the newest it knows",
	        version == NULL ? "" : version);
	finding_brief(f, "newer than known");
}

void finding_server_rules(struct step *st)
{
	const struct sample *sample;
	const struct table *t = row_of(st, "pulse", &sample);
	if (t != NULL)
		find_connections(st, t, sample);
	finding_horizon_rules(st);
	finding_replication_rules(st);
	t = row_of(st, "server", &sample);
	if (t == NULL)
		return;
	find_crash_recovery(st, t);
	find_role_flip(st);
	find_restart(st, t);
	find_writability(st, t);
	find_wraparound(st, t, sample);
	find_archiver(st, t);
	find_newer(st, t);
}
