/* What sessions are grouped by, and the counts of the last minutes. Growth is what tells a leak from a busy
 * hour, so counts are taken whether or not somebody looks; and it is not invented: no figure before a server
 * has been watched for a minute, none across gaps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/model/fingerprint.h"
#include "core/model/tree.h"

enum {
	SLOTS = 19, /* three minutes */
	SLOT_MS = 10000,
	WINDOW_MS = 200000,
	SPAN_MIN_MS = 60000,
	POINTS_MIN = 5,
	RISING_OF = 6,
	RINGS_MAX = 16384,
	STATEMENTS_MAX = 8192, /* fingerprints that are kept; a power of two */
	NONE = -1
};

/* How many there were of one group on one instance. */
struct ring {
	uint64_t key; /* of what and key together */
	uint32_t instance;
	int32_t next; /* the same group on another instance */
	uint16_t count[SLOTS];
	uint8_t rising;
	bool known;
	float per_minute;
};

struct watched {
	const struct sample *sample; /* the facts are of this one; held */
	struct tree_fact *facts;
	size_t cap;
	mono_ns at[SLOTS]; /* when it was counted, 0: it was not */
};

struct known_statement {
	uint64_t key, statement;
};

struct tree_memory {
	struct watched *instances;
	size_t n;
	struct ring *rings;
	size_t nrings, rings_cap;
	int32_t *exact, *groups; /* indexes of rings by (key, instance) and by key; NONE: free */
	size_t table;            /* places in each, a power of two */
	unsigned slot;
	mono_ns next;
	struct known_statement *statements;
};

/* --- Facts */

size_t tree_host(const char *client)
{
	size_t n = strlen(client);
	size_t at = n;
	while (at > 0 && client[at - 1] >= '0' && client[at - 1] <= '9')
		at--;
	bool port = at > 1 && at < n && client[at - 1] == ':';
	/* An address of colons is no host and port: ours stand in brackets. */
	if (!port || (memchr(client, ':', at - 1) != NULL && client[at - 2] != ']'))
		return n;
	return at - 1;
}

int64_t tree_age(const struct session *s)
{
	if (s->state == STATE_ACTIVE || s->state == STATE_FASTPATH || s->state == STATE_KILLED)
		return s->query_ms >= 0 ? s->query_ms : s->state_ms;
	return s->state_ms >= 0 ? s->state_ms : s->xact_ms;
}

/* Two servers give one statement two ids, and one of a list of three another than of a list of four: the id
 * says which texts need no second look, the text of the first one is what is compared. */
static uint64_t statement_of(struct tree_memory *m, enum redact_dialect dialect, uint64_t server,
        const struct session *s, const char *id)
{
	if (s->query_n == 0)
		return 0;
	uint64_t key = id != NULL && id[0] != '\0' ? hash_text(server, id)
	                                           : hash_bytes((uint64_t)dialect, s->query, s->query_n);
	struct known_statement *k = &m->statements[key % STATEMENTS_MAX];
	if (k->key != key)
		*k = (struct known_statement){
		        .key = key, .statement = fingerprint_of(dialect, s->query, s->query_n)};
	return k->statement;
}

static void read_facts(struct tree_memory *m, struct watched *w, const struct session_view *v, bool postgres)
{
	const struct table *t = v->sample->table;
	int id = table_column(t, "query_id");
	enum redact_dialect dialect = postgres ? REDACT_POSTGRES : REDACT_MYSQL;
	uint64_t server = hash_number(2, (uint64_t)(w - m->instances));
	if (v->n > w->cap) {
		w->cap = v->n + v->n / 4;
		w->facts = xreallocarray(w->facts, w->cap, sizeof(*w->facts));
	}
	for (size_t i = 0; i < v->n; i++) {
		const struct session *s = &v->sessions[i];
		struct tree_fact *f = &w->facts[i];
		size_t host = s->client == NULL ? 0 : tree_host(s->client);
		*f = (struct tree_fact){.app = hash_text(1, s->app),
		        .user = hash_text(2, s->user),
		        .client = hash_bytes(3, s->client, host)};
		if (s->kind == SESSION_CLIENT || s->kind == SESSION_WORKER || s->kind == SESSION_AUTOVACUUM)
			f->statement = statement_of(m, dialect, server, s, table_text(t, s->row, id));
		f->source = hash_number(f->app ^ hash_number(f->user, 4), f->client);
		uint64_t who = s->app != NULL && s->app[0] != '\0' ? f->app : f->user;
		f->signature = hash_text(hash_text((uint64_t)s->state, s->wait_type), s->wait);
		f->signature = hash_number(hash_number(f->signature, f->statement), who);
	}
}

const struct tree_fact *tree_facts(const struct tree_memory *m, size_t instance)
{
	return m->instances[instance].facts;
}

/* --- Counts */

static uint64_t key_of(enum tree_count what, uint64_t key)
{
	return hash_number((uint64_t)what + 1, key);
}

static size_t place(const struct tree_memory *m, uint64_t key, uint32_t instance)
{
	return (size_t)hash_number(key, instance) & (m->table - 1);
}

static int32_t find_exact(const struct tree_memory *m, uint64_t key, uint32_t instance, size_t *at)
{
	for (*at = place(m, key, instance); m->exact[*at] != NONE; *at = (*at + 1) & (m->table - 1)) {
		const struct ring *r = &m->rings[m->exact[*at]];
		if (r->key == key && r->instance == instance)
			return m->exact[*at];
	}
	return NONE;
}

static int32_t find_group(const struct tree_memory *m, uint64_t key, size_t *at)
{
	for (*at = place(m, key, UINT32_MAX); m->groups[*at] != NONE; *at = (*at + 1) & (m->table - 1)) {
		if (m->rings[m->groups[*at]].key == key)
			return m->groups[*at];
	}
	return NONE;
}

static void index_all(struct tree_memory *m)
{
	memset(m->exact, 0xFF, m->table * sizeof(*m->exact));
	memset(m->groups, 0xFF, m->table * sizeof(*m->groups));
	for (size_t i = 0; i < m->nrings; i++) {
		struct ring *r = &m->rings[i];
		size_t at;
		find_exact(m, r->key, r->instance, &at);
		m->exact[at] = (int32_t)i;
		r->next = find_group(m, r->key, &at);
		m->groups[at] = (int32_t)i;
	}
}

static void grow(struct tree_memory *m)
{
	m->rings_cap *= 2;
	m->table = m->rings_cap * 2;
	m->rings = xreallocarray(m->rings, m->rings_cap, sizeof(*m->rings));
	m->exact = xreallocarray(m->exact, m->table, sizeof(*m->exact));
	m->groups = xreallocarray(m->groups, m->table, sizeof(*m->groups));
	index_all(m);
}

/* n sessions of one group on one instance. One alone is no group yet: it is counted from its second session
 * on, so that ten thousand that are all different cost nothing. */
static void count(struct tree_memory *m, enum tree_count what, uint64_t key, uint32_t instance, size_t n)
{
	size_t at;
	key = key_of(what, key);
	int32_t i = find_exact(m, key, instance, &at);
	if (i == NONE) {
		if (n < 2 || m->nrings == RINGS_MAX)
			return;
		if (m->nrings == m->rings_cap) {
			grow(m);
			find_exact(m, key, instance, &at);
		}
		i = m->exact[at] = (int32_t)m->nrings++;
		m->rings[i] = (struct ring){.key = key, .instance = instance, .next = NONE};
	}
	m->rings[i].count[m->slot] = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

static int compare_keys(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;
	return (*x > *y) - (*x < *y);
}

static uint64_t counted_key(const struct tree_fact *f, enum tree_count what)
{
	switch (what) {
	case COUNT_SIGNATURE:
		return f->signature;
	case COUNT_APP:
		return f->app;
	case COUNT_CLIENT:
		return f->client;
	case COUNT_USER:
		return f->user;
	case COUNT_SOURCE:
		return f->source;
	case COUNT_SERVER:
		break;
	}
	return 1;
}

static void count_instance(struct tree_memory *m, const struct session_view *v, uint32_t instance)
{
	const struct tree_fact *facts = m->instances[instance].facts;
	uint64_t *keys = xcalloc(v->n + 1, sizeof(*keys));
	for (int what = COUNT_SIGNATURE; what <= COUNT_SOURCE; what++) {
		size_t n = 0;
		for (size_t i = 0; i < v->n; i++) {
			const struct session *s = &v->sessions[i];
			if (s->kind == SESSION_CLIENT && !s->own)
				keys[n++] = counted_key(&facts[i], (enum tree_count)what);
		}
		if (n > 1)
			qsort(keys, n, sizeof(*keys), compare_keys);
		for (size_t i = 0; i < n;) {
			size_t from = i;
			while (i < n && keys[i] == keys[from])
				i++;
			count(m, (enum tree_count)what, keys[from], instance, i - from);
		}
	}
	free(keys);
}

static void forget(struct tree_memory *m)
{
	size_t to = 0;
	for (size_t i = 0; i < m->nrings; i++) {
		bool group = false;
		for (size_t k = 0; k < SLOTS; k++)
			group = group || m->rings[i].count[k] > 1;
		if (group)
			m->rings[to++] = m->rings[i];
	}
	m->nrings = to;
	index_all(m);
}

/* Least squares over the points that are there. */
static void fit(const struct tree_memory *m, struct ring *r, mono_ns now)
{
	const struct watched *w = &m->instances[r->instance];
	double n = 0, t = 0, c = 0, tt = 0, tc = 0;
	mono_ns first = 0;
	unsigned steps = 0;
	uint16_t later = 0;
	r->known = false;
	r->rising = 0;
	for (unsigned back = 0; back < SLOTS; back++) {
		unsigned slot = (m->slot + SLOTS - back) % SLOTS;
		if (w->at[slot] == 0 || now - w->at[slot] > WINDOW_MS * NS_PER_MS)
			continue;
		double x = (double)(w->at[slot] - now) / 60e9;
		double y = r->count[slot];
		if (n > 0 && steps < RISING_OF) {
			r->rising += later > r->count[slot];
			steps++;
		}
		later = r->count[slot];
		first = w->at[slot];
		n++;
		t += x;
		c += y;
		tt += x * x;
		tc += x * y;
	}
	double spread = n * tt - t * t;
	if (n < POINTS_MIN || now - first < SPAN_MIN_MS * NS_PER_MS || spread <= 0)
		return;
	r->known = true;
	r->per_minute = (float)((n * tc - t * c) / spread);
}

static void take_counts(struct tree_memory *m, const struct sessions *all, const struct snapshot *snap)
{
	m->slot = (m->slot + 1) % SLOTS;
	for (size_t i = 0; i < m->nrings; i++)
		m->rings[i].count[m->slot] = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct session_view *v = sessions_at(all, i);
		m->instances[i].at[m->slot] = 0;
		/* Rows that were left out are no decline, old ones no standstill. */
		if (v->sample == NULL || v->sample->table->truncated ||
		        snapshot_is_stale(snap, i, "sessions") || snap->instances[i].link.state != LINK_UP)
			continue;
		m->instances[i].at[m->slot] = snap->now;
		count_instance(m, v, (uint32_t)i);
	}
	forget(m);
	for (size_t i = 0; i < m->nrings; i++)
		fit(m, &m->rings[i], snap->now);
}

static struct tree_growth growth_of(const struct ring *r)
{
	return (struct tree_growth){
	        .known = r->known, .per_minute = (double)r->per_minute, .rising = r->rising};
}

struct tree_growth tree_growth_at(
        const struct tree_memory *m, enum tree_count what, uint64_t key, size_t instance)
{
	size_t at;
	int32_t i = find_exact(m, key_of(what, key), (uint32_t)instance, &at);
	return i == NONE ? (struct tree_growth){.known = false} : growth_of(&m->rings[i]);
}

struct tree_growth tree_growth_of(
        const struct tree_memory *m, enum tree_count what, uint64_t key, const bool *in)
{
	struct tree_growth sum = {.known = false};
	size_t at;
	for (int32_t i = find_group(m, key_of(what, key), &at); i != NONE; i = m->rings[i].next) {
		const struct ring *r = &m->rings[i];
		if (!in[r->instance] || !r->known)
			continue;
		sum.known = true;
		sum.per_minute += (double)r->per_minute;
		sum.rising = r->rising > sum.rising ? r->rising : sum.rising;
	}
	return sum;
}

/* --- Together */

struct tree_memory *tree_memory_new(void)
{
	struct tree_memory *m = xcalloc(1, sizeof(*m));
	m->statements = xcalloc(STATEMENTS_MAX, sizeof(*m->statements));
	m->rings_cap = 64;
	grow(m);
	return m;
}

static void instance_free(struct watched *w)
{
	sample_unref(w->sample);
	free(w->facts);
}

void tree_memory_free(struct tree_memory *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		instance_free(&m->instances[i]);
	free(m->instances);
	free(m->rings);
	free(m->exact);
	free(m->groups);
	free(m->statements);
	free(m);
}

void tree_memory_update(struct tree_memory *m, const struct sessions *all, const struct snapshot *snap)
{
	if (snap->n > m->n) {
		m->instances = xreallocarray(m->instances, snap->n, sizeof(*m->instances));
		memset(m->instances + m->n, 0, (snap->n - m->n) * sizeof(*m->instances));
	}
	while (m->n > snap->n)
		instance_free(&m->instances[--m->n]);
	m->n = snap->n;
	for (size_t i = 0; i < m->n; i++) {
		struct watched *w = &m->instances[i];
		const struct session_view *v = sessions_at(all, i);
		if (v->sample == w->sample)
			continue;
		sample_unref(w->sample);
		w->sample = v->sample == NULL ? NULL : sample_ref(v->sample);
		if (v->sample != NULL)
			read_facts(m, w, v, snap->instances[i].cfg->endpoint.engine == ENGINE_POSTGRES);
	}
	if (snap->now < m->next)
		return;
	m->next = snap->now + SLOT_MS * NS_PER_MS;
	take_counts(m, all, snap);
}
