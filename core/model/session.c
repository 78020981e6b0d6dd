/* Rows to sessions: columns resolved once, words to enums once, so that sorting, filtering and drawing work
 * on plain data and twenty thousand sessions a second are no load. */
#include "core/model/session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/model/session_build.h"

enum { APART_MAX_MS = 15000 };

/* 1. Words. */

static const char *const kind_names[] = {
        [SESSION_CLIENT] = "client",
        [SESSION_WORKER] = "parallel worker",
        [SESSION_AUTOVACUUM] = "autovacuum",
        [SESSION_WALSENDER] = "walsender",
        [SESSION_REPLICATION] = "replication",
        [SESSION_BACKGROUND] = "background",
        [SESSION_SYSTEM] = "system",
        [SESSION_PREPARED] = "prepared transaction",
        [SESSION_UNSEEN] = "unseen",
};

static const char *const state_names[] = {
        [STATE_HIDDEN] = "hidden",
        [STATE_ACTIVE] = "active",
        [STATE_IDLE] = "idle",
        [STATE_IDLE_XACT] = "idle in transaction",
        [STATE_IDLE_ABORTED] = "idle in transaction (aborted)",
        [STATE_FASTPATH] = "fastpath",
        [STATE_DISABLED] = "disabled",
        [STATE_KILLED] = "killed",
        [STATE_NONE] = "",
};

static const char *const guard_whys[] = {
        [GUARD_NONE] = "",
        [GUARD_OWN] = "it is a session of dbatop itself",
        [GUARD_WALSENDER] = "it feeds a standby or a subscriber: ending it breaks replication there",
        [GUARD_REPLICATION] = "it is part of replication",
        [GUARD_BACKGROUND] = "it is a process of the server itself",
        [GUARD_WORKER] = "it is a parallel worker: act on its leader instead",
        [GUARD_ABSENT] = "it is not a session",
        [GUARD_SUPERUSER] = "it belongs to a superuser",
        [GUARD_BACKUP] = "it looks like a backup",
        [GUARD_WRAPAROUND] = "it is a vacuum that prevents wraparound",
        [GUARD_SYNCREP] =
                "it waits for a synchronous standby: its transaction is committed here, but not replicated",
};

static const char *const wait_names[] = {"CPU", "Lock", "IO", "LWLock", "Client", "IPC", "Activity",
        "Timeout", "Extension", "BufferPin", "other"};
enum { WAIT_NAMES = sizeof(wait_names) / sizeof(wait_names[0]) };

const char *session_kind_name(enum session_kind k)
{
	return kind_names[k];
}

const char *session_state_name(enum session_state s)
{
	return state_names[s];
}

const char *session_guard_why(enum session_guard g)
{
	return guard_whys[g];
}

bool session_guard_refuses(enum session_guard g)
{
	return g > GUARD_NONE && g < GUARD_SUPERUSER;
}

static enum session_kind parse_kind(const char *word, const char *command)
{
	/* MySQL's and MariaDB's own word outweighs what a statement made of it: replication must not look
	 * like a client. */
	if (command != NULL && strncasecmp(command, "Binlog Dump", strlen("Binlog Dump")) == 0)
		return SESSION_WALSENDER;
	if (command != NULL && (strncasecmp(command, "Slave_", strlen("Slave_")) == 0 ||
	                               strncasecmp(command, "Replica_", strlen("Replica_")) == 0))
		return SESSION_REPLICATION;
	if (command != NULL && strcasecmp(command, "Daemon") == 0)
		return SESSION_SYSTEM;
	/* Without the privilege the kind is hidden too: then it may well be a client. */
	if (word == NULL)
		return SESSION_CLIENT;
	for (int k = SESSION_CLIENT; k <= SESSION_SYSTEM; k++) {
		if (strcmp(word, kind_names[k]) == 0)
			return (enum session_kind)k;
	}
	return SESSION_BACKGROUND;
}

static enum session_state parse_state(const char *word, enum session_kind kind)
{
	if (word == NULL)
		return kind == SESSION_CLIENT ? STATE_HIDDEN : STATE_NONE;
	for (int s = STATE_ACTIVE; s <= STATE_KILLED; s++) {
		if (strcmp(word, state_names[s]) == 0)
			return (enum session_state)s;
	}
	return STATE_ACTIVE;
}

/* 2. One row. */

struct columns {
	int id, started, user, db, app, client, kind, state, wait_type, wait;
	int xact_ms, query_ms, state_ms, leader, query, superuser, sync_wait, own, command;
};

static struct columns find_columns(const struct table *t)
{
	return (struct columns){
	        .id = table_column(t, "id"),
	        .started = table_column(t, "started"),
	        .user = table_column(t, "user"),
	        .db = table_column(t, "db"),
	        .app = table_column(t, "app"),
	        .client = table_column(t, "client"),
	        .kind = table_column(t, "kind"),
	        .state = table_column(t, "state"),
	        .wait_type = table_column(t, "wait_type"),
	        .wait = table_column(t, "wait"),
	        .xact_ms = table_column(t, "xact_ms"),
	        .query_ms = table_column(t, "query_ms"),
	        .state_ms = table_column(t, "state_ms"),
	        .leader = table_column(t, "leader"),
	        .query = table_column(t, "query"),
	        .superuser = table_column(t, "superuser"),
	        .sync_wait = table_column(t, "sync_wait"),
	        .own = table_column(t, "own"),
	        .command = table_column(t, "command"),
	};
}

static int64_t int_or(const struct table *t, size_t row, int col, int64_t otherwise)
{
	int64_t v;
	return table_int(t, row, col, &v) ? v : otherwise;
}

static bool is_true(const struct table *t, size_t row, int col)
{
	bool v;
	return table_bool(t, row, col, &v) && v;
}

/* For every session of every sample: most differ in the first letter. */
static bool begins(const char *text, size_t n, const char *with)
{
	size_t len = strlen(with);
	return n >= len && (text[0] | 0x20) == (with[0] | 0x20) && strncasecmp(text, with, len) == 0;
}

static bool is_backup(const struct session *s)
{
	static const char *const apps[] = {"pg_dump", "pg_basebackup", "pgbackrest", "barman", "wal-g",
	        "mysqldump", "mysqlbackup", "mariadb-dump", "mariadb-backup", "mariabackup", "mydumper",
	        "xtrabackup"};
	static const char *const statements[] = {"SELECT /*!40001 SQL_NO_CACHE */", "BACKUP STAGE",
	        "BACKUP LOCK", "LOCK INSTANCE FOR BACKUP", "FLUSH TABLES WITH READ LOCK",
	        "SELECT pg_backup_start", "SELECT pg_start_backup", "BASE_BACKUP"};
	for (size_t i = 0; s->app != NULL && i < sizeof(apps) / sizeof(apps[0]); i++) {
		if (begins(s->app, strlen(s->app), apps[i]))
			return true;
	}
	for (size_t i = 0; s->query != NULL && i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (begins(s->query, s->query_n, statements[i]))
			return true;
	}
	return false;
}

static enum session_guard find_guard(const struct session *s, bool superuser, bool sync_wait)
{
	static const char wraparound[] = "(to prevent wraparound)";
	static const enum session_guard by_kind[] = {
	        [SESSION_CLIENT] = GUARD_NONE,
	        [SESSION_WORKER] = GUARD_WORKER,
	        [SESSION_AUTOVACUUM] = GUARD_NONE,
	        [SESSION_WALSENDER] = GUARD_WALSENDER,
	        [SESSION_REPLICATION] = GUARD_REPLICATION,
	        [SESSION_BACKGROUND] = GUARD_BACKGROUND,
	        [SESSION_SYSTEM] = GUARD_BACKGROUND,
	};
	if (s->own || (s->app != NULL && strncmp(s->app, "dbatop/", strlen("dbatop/")) == 0))
		return GUARD_OWN;
	/* pg_basebackup streams as a standby does, but nobody serves from what it writes. */
	if (s->kind == SESSION_WALSENDER && is_backup(s))
		return GUARD_BACKUP;
	if (by_kind[s->kind] != GUARD_NONE)
		return by_kind[s->kind];
	if (sync_wait)
		return GUARD_SYNCREP;
	if (s->query_n > 0 && s->kind == SESSION_AUTOVACUUM &&
	        memmem(s->query, s->query_n, wraparound, sizeof(wraparound) - 1) != NULL)
		return GUARD_WRAPAROUND;
	if (is_backup(s))
		return GUARD_BACKUP;
	return superuser && s->kind == SESSION_CLIENT ? GUARD_SUPERUSER : GUARD_NONE;
}

static void read_row(const struct table *t, size_t row, const struct columns *c, struct session *s)
{
	const char *started = table_text(t, row, c->started);
	const struct cell *query = table_cell(t, row, c->query);
	*s = (struct session){
	        .id = int_or(t, row, c->id, -1),
	        .started = started == NULL ? "" : started,
	        .born = hash_text(1, started),
	        .row = (uint32_t)row,
	        .kind = parse_kind(table_text(t, row, c->kind), table_text(t, row, c->command)),
	        .user = table_text(t, row, c->user),
	        .db = table_text(t, row, c->db),
	        .app = table_text(t, row, c->app),
	        .client = table_text(t, row, c->client),
	        .wait_type = table_text(t, row, c->wait_type),
	        .wait = table_text(t, row, c->wait),
	        .query = query->type == CELL_TEXT ? query->u.s : NULL,
	        .query_n = query->type == CELL_TEXT ? query->n : 0,
	        .xact_ms = int_or(t, row, c->xact_ms, -1),
	        .query_ms = int_or(t, row, c->query_ms, -1),
	        .state_ms = int_or(t, row, c->state_ms, -1),
	        .own = is_true(t, row, c->own),
	        .leader = SESSION_NONE,
	};
	s->state = parse_state(table_text(t, row, c->state), s->kind);
	if (s->state == STATE_IDLE && s->xact_ms >= 0)
		s->state = STATE_IDLE_XACT;
	s->idle = s->state == STATE_IDLE;
	s->waiting = s->wait_type != NULL && strcmp(s->wait_type, "Lock") == 0;
	s->guard = find_guard(s, is_true(t, row, c->superuser), is_true(t, row, c->sync_wait));
}

enum session_guard session_guard_of_row(const struct table *sessions, size_t row)
{
	struct columns c = find_columns(sessions);
	struct session s;
	read_row(sessions, row, &c, &s);
	return s.guard;
}

static void link_leaders(struct session_view *v, const struct table *t, int col)
{
	for (size_t i = 0; i < v->n; i++) {
		struct session *s = &v->sessions[i];
		int64_t leader;
		if (s->kind != SESSION_WORKER || !table_int(t, s->row, col, &leader) || leader == s->id)
			continue;
		uint32_t at = session_index_of(v, v->n, leader);
		if (at == SESSION_NONE || v->sessions[at].kind == SESSION_WORKER)
			continue;
		s->leader = at;
		v->sessions[at].workers++;
	}
}

/* 3. Order and counts, once the graph is there. */

static enum session_group find_group(const struct session *s)
{
	if (s->blocks_now > 0 && !s->blocked)
		return GROUP_ROOT;
	if (s->waiting)
		return GROUP_BLOCKED;
	if (s->kind != SESSION_CLIENT && s->kind != SESSION_WORKER && s->kind != SESSION_AUTOVACUUM)
		return GROUP_REST;
	if (s->xact_ms >= 0)
		return GROUP_XACT;
	return s->state == STATE_ACTIVE || s->state == STATE_FASTPATH || s->state == STATE_KILLED
	               ? GROUP_ACTIVE
	               : GROUP_REST;
}

/* Group, then what is worse first: in 60 bits. */
static uint64_t find_order(const struct session *s)
{
	const uint64_t most = (UINT64_C(1) << 60) - 1;
	const uint64_t age_most = (UINT64_C(1) << 40) - 1;
	int64_t age = s->group == GROUP_BLOCKED ? s->waiting_ms : s->xact_ms;
	if (s->group == GROUP_ACTIVE)
		age = s->query_ms;
	uint64_t rank = age < 0 || s->group == GROUP_REST ? 0 : (uint64_t)age + 1;
	if (rank > age_most)
		rank = age_most;
	if (s->group == GROUP_ROOT) {
		uint64_t behind = s->blocks_all < (1u << 20) ? s->blocks_all : (1u << 20) - 1;
		rank |= behind << 40;
	}
	return (uint64_t)s->group << 60 | (most - rank);
}

static void set_orders(struct session_view *v)
{
	for (size_t i = 0; i < v->n + v->extra; i++) {
		v->sessions[i].group = find_group(&v->sessions[i]);
		v->sessions[i].order = find_order(&v->sessions[i]);
	}
	for (size_t i = 0; i < v->n; i++) {
		struct session *s = &v->sessions[i];
		if (s->leader != SESSION_NONE)
			s->order = v->sessions[s->leader].order;
	}
}

static int compare_in_order(const void *a, const void *b, void *arg)
{
	const struct session_view *v = arg;
	const uint32_t *x = a;
	const uint32_t *y = b;
	return session_compare(v, 0, &v->sessions[*x], v, 0, &v->sessions[*y]);
}

static void sort_all(struct session_view *v)
{
	memcpy(v->by_order, v->by_id, (v->n + v->extra) * sizeof(*v->by_order));
	if (v->n + v->extra > 1)
		qsort_r(v->by_order, v->n + v->extra, sizeof(*v->by_order), compare_in_order, v);
}

static size_t wait_of(const struct session *s)
{
	size_t i = 0;
	while (i < WAIT_NAMES - 1 && (s->wait_type == NULL || strcmp(s->wait_type, wait_names[i]) != 0))
		i++;
	return i;
}

static void count_client(struct session_counts *c, const struct session *s)
{
	c->clients++;
	c->active += s->state == STATE_ACTIVE || s->state == STATE_FASTPATH || s->state == STATE_KILLED;
	c->idle += s->idle;
	c->idle_xact += s->state == STATE_IDLE_XACT || s->state == STATE_IDLE_ABORTED;
	c->waiting += s->waiting;
	c->hidden += s->state == STATE_HIDDEN;
}

static int order_waits(const void *a, const void *b)
{
	const unsigned *x = a;
	const unsigned *y = b;
	if (x[0] != y[0])
		return x[0] > y[0] ? -1 : 1;
	return strcmp(wait_names[x[1]], wait_names[y[1]]);
}

static void count_all(struct session_view *v)
{
	unsigned waits[WAIT_NAMES][2] = {{0}};
	struct session_counts *c = &v->counts;
	c->longest_wait_ms = -1;
	for (size_t i = 0; i < WAIT_NAMES; i++)
		waits[i][1] = (unsigned)i;
	for (size_t i = 0; i < v->n + v->extra; i++) {
		const struct session *s = &v->sessions[i];
		c->roots += s->group == GROUP_ROOT;
		c->blocked += s->blocked;
		if (s->waiting_ms > c->longest_wait_ms)
			c->longest_wait_ms = s->waiting_ms;
		if (i >= v->n)
			continue;
		c->own += s->own;
		c->workers += s->kind == SESSION_WORKER;
		c->background += s->kind > SESSION_WORKER;
		if (s->kind != SESSION_CLIENT || s->own)
			continue;
		count_client(c, s);
		if (s->state == STATE_ACTIVE)
			waits[wait_of(s)][0]++;
	}
	qsort(waits, WAIT_NAMES, sizeof(waits[0]), order_waits);
	for (size_t i = 0; i < WAIT_NAMES && waits[i][0] > 0; i++) {
		v->waits.type[v->waits.n].name = wait_names[waits[i][1]];
		v->waits.type[v->waits.n++].count = waits[i][0];
		v->waits.active += waits[i][0];
	}
}

/* 4. The cache of all instances. */

struct entry {
	struct session_view view;
	struct arena *arena;
	const struct sample *sessions, *blockers; /* held */
	bool gated, failed;
};

struct sessions {
	struct entry *entries;
	size_t n, cap;
};

struct sessions *sessions_new(void)
{
	return xcalloc(1, sizeof(struct sessions));
}

static void entry_clear(struct entry *entry)
{
	sample_unref(entry->sessions);
	sample_unref(entry->blockers);
	arena_free(entry->arena);
	*entry = (struct entry){.gated = false};
}

void sessions_free(struct sessions *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->n; i++)
		entry_clear(&all->entries[i]);
	free(all->entries);
	free(all);
}

/* Pairs that were read long before or after the sessions say nothing about them. */
static bool fit_together(const struct sample *a, const struct sample *b)
{
	mono_ns apart = a->finished > b->finished ? a->finished - b->finished : b->finished - a->finished;
	return apart <= APART_MAX_MS * NS_PER_MS;
}

static void entry_build(struct entry *entry)
{
	struct session_view *v = &entry->view;
	const struct table *t = entry->sessions->table;
	const struct table *blockers = NULL;
	if (entry->blockers != NULL && !entry->gated && fit_together(entry->sessions, entry->blockers))
		blockers = entry->blockers->table;
	struct arena *arena = entry->arena = arena_new();
	struct columns c = find_columns(t);
	size_t room = t->nrows + (blockers == NULL ? 0 : blockers->nrows * 2);
	v->sample = entry->sessions;
	v->n = t->nrows;
	v->sessions = arena_alloc(arena, room * sizeof(*v->sessions));
	v->by_id = arena_alloc(arena, room * sizeof(*v->by_id));
	v->by_order = arena_alloc(arena, room * sizeof(*v->by_order));
	for (size_t row = 0; row < t->nrows; row++)
		read_row(t, row, &c, &v->sessions[row]);
	session_index(v, v->n);
	link_leaders(v, t, c.leader);
	bool ended =
	        blockers != NULL && !t->truncated && entry->sessions->started >= entry->blockers->finished;
	session_graph_build(v, blockers, ended, arena);
	if (v->extra > 0)
		session_index(v, v->n + v->extra);
	set_orders(v);
	session_letters(v);
	sort_all(v);
	count_all(v);
	v->edges_known = v->counts.waiting == 0 || entry->gated || (blockers != NULL && !entry->failed);
}

static void entry_update(struct entry *entry, const struct snapshot *snap, size_t instance)
{
	struct slot_view sessions = snapshot_slot(snap, instance, "sessions");
	struct slot_view blockers = snapshot_slot(snap, instance, "blockers");
	bool gated = snapshot_is_gated(snap, instance, "blockers");
	bool failed = blockers.latest != NULL && blockers.latest->err->code != ERR_NONE && !gated;
	if (entry->sessions == sessions.good && entry->blockers == blockers.good && entry->gated == gated &&
	        entry->failed == failed)
		return;
	entry_clear(entry);
	if (sessions.good == NULL)
		return;
	entry->sessions = sample_ref(sessions.good);
	entry->blockers = blockers.good == NULL ? NULL : sample_ref(blockers.good);
	entry->gated = gated;
	entry->failed = failed;
	entry_build(entry);
}

void sessions_update(struct sessions *all, const struct snapshot *snap)
{
	if (snap->n > all->cap) {
		all->cap = snap->n * 2;
		all->entries = xreallocarray(all->entries, all->cap, sizeof(*all->entries));
	}
	while (all->n > snap->n)
		entry_clear(&all->entries[--all->n]);
	while (all->n < snap->n)
		all->entries[all->n++] = (struct entry){.gated = false};
	for (size_t i = 0; i < all->n; i++)
		entry_update(&all->entries[i], snap, i);
}

size_t sessions_count(const struct sessions *all)
{
	return all->n;
}

const struct session_view *sessions_at(const struct sessions *all, size_t instance)
{
	assert(instance < all->n);
	return &all->entries[instance].view;
}

/* 5. Questions. */

const struct session *session_find(const struct session_view *v, int64_t id, const char *started)
{
	uint32_t i = session_index_of(v, v->n + v->extra, id);
	if (i == SESSION_NONE)
		return NULL;
	const struct session *s = &v->sessions[i];
	return started[0] == '\0' || strcmp(started, s->started) == 0 ? s : NULL;
}

static void copy_guard(char out[GUARD_MAX], const struct table *t, size_t row, const char *column)
{
	const char *text = table_text(t, row, table_column(t, column));
	/* One that does not fit must match nothing rather than something else. */
	snprintf(out, GUARD_MAX, "%s", text == NULL || strlen(text) >= GUARD_MAX ? "" : text);
}

void session_ref_of(const struct session_view *v, const struct session *s, struct session_ref *out)
{
	*out = (struct session_ref){.id = s->id};
	if (s->row == SESSION_NONE)
		return;
	copy_guard(out->started, v->sample->table, s->row, "started");
	copy_guard(out->xact_guard, v->sample->table, s->row, "xact_guard");
	copy_guard(out->query_guard, v->sample->table, s->row, "query_guard");
}

static int64_t leader_id(const struct session_view *v, const struct session *s)
{
	return s->leader == SESSION_NONE ? s->id : v->sessions[s->leader].id;
}

int session_compare(const struct session_view *va, size_t instance_a, const struct session *a,
        const struct session_view *vb, size_t instance_b, const struct session *b)
{
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	if (instance_a != instance_b)
		return instance_a < instance_b ? -1 : 1;
	int64_t la = leader_id(va, a);
	int64_t lb = leader_id(vb, b);
	if (la != lb)
		return la < lb ? -1 : 1;
	bool wa = a->leader != SESSION_NONE;
	bool wb = b->leader != SESSION_NONE;
	if (wa != wb)
		return wa ? 1 : -1;
	return a->id < b->id ? -1 : a->id > b->id;
}

void session_waits_add(struct session_waits *sum, const struct session_waits *w)
{
	unsigned waits[WAIT_NAMES][2];
	for (size_t i = 0; i < WAIT_NAMES; i++) {
		waits[i][0] = 0;
		waits[i][1] = (unsigned)i;
		for (size_t k = 0; k < sum->n; k++)
			waits[i][0] += sum->type[k].name == wait_names[i] ? sum->type[k].count : 0;
		for (size_t k = 0; k < w->n; k++)
			waits[i][0] += w->type[k].name == wait_names[i] ? w->type[k].count : 0;
	}
	qsort(waits, WAIT_NAMES, sizeof(waits[0]), order_waits);
	sum->active += w->active;
	sum->n = 0;
	for (size_t i = 0; i < WAIT_NAMES && waits[i][0] > 0; i++) {
		sum->type[sum->n].name = wait_names[waits[i][1]];
		sum->type[sum->n++].count = waits[i][0];
	}
}

void session_waits_text(const struct session_waits *w, struct buf *out)
{
	buf_printf(out, "%u active", w->active);
	for (unsigned i = 0; i < w->n; i++)
		buf_printf(out, "%s%u %s", i == 0 ? ": " : " \xC2\xB7 ", w->type[i].count, w->type[i].name);
}
