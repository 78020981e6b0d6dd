/* What one snapshot cannot tell: how the head of each log grew, so that a position can be dated, how what a
 * link has left changes, and how long a state holds. Small rings by name, sorted, dropped when their server
 * is gone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/model/topology_parts.h"

enum { HEADS = 300, FORGET_MS = 600000, SPAN_S = 60 };

struct head {
	mono_ns at;
	int64_t position;
};

struct trace {
	uint64_t key;
	mono_ns seen;
	mono_ns since;      /* of the condition; 0: it does not hold */
	struct head *heads; /* of a node */
	size_t next, count;
	struct series *left; /* of an edge */
	mono_ns fed;
};

struct topology_memory {
	struct trace *item; /* by key */
	size_t n, cap;
};

struct topology_memory *topology_memory_new(void)
{
	return xcalloc(1, sizeof(struct topology_memory));
}

static void free_trace(struct trace *t)
{
	free(t->heads);
	if (t->left != NULL)
		series_clear(t->left);
	free(t->left);
}

void topology_memory_free(struct topology_memory *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		free_trace(&m->item[i]);
	free(m->item);
	free(m);
}

static uint64_t key_of(char kind, const char *name)
{
	return hash_text((uint64_t)(unsigned char)kind, name);
}

static size_t place_of(const struct topology_memory *m, uint64_t key)
{
	size_t low = 0;
	size_t high = m->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (m->item[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct trace *find(const struct topology_memory *m, char kind, const char *name)
{
	uint64_t key = key_of(kind, name);
	size_t at = place_of(m, key);
	return at < m->n && m->item[at].key == key ? &m->item[at] : NULL;
}

static struct trace *find_or_add(struct topology_memory *m, char kind, const char *name)
{
	uint64_t key = key_of(kind, name);
	size_t at = place_of(m, key);
	if (at < m->n && m->item[at].key == key)
		return &m->item[at];
	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 16 : m->cap * 2;
		m->item = xreallocarray(m->item, m->cap, sizeof(*m->item));
	}
	memmove(&m->item[at + 1], &m->item[at], (m->n - at) * sizeof(*m->item));
	m->n++;
	m->item[at] = (struct trace){.key = key};
	return &m->item[at];
}

void memory_forget(struct topology_memory *m, mono_ns now)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (now - m->item[i].seen > FORGET_MS * NS_PER_MS)
			free_trace(&m->item[i]);
		else
			m->item[n++] = m->item[i];
	}
	m->n = n;
}

/* k 0: the newest. */
static const struct head *head_at(const struct trace *t, size_t k)
{
	return &t->heads[(t->next + HEADS - 1 - k) % HEADS];
}

void memory_head(struct topology_memory *m, const char *node, mono_ns at, int64_t head)
{
	struct trace *t = find_or_add(m, 'n', node);
	t->seen = at;
	if (t->heads == NULL)
		t->heads = xcalloc(HEADS, sizeof(*t->heads));
	if (t->count > 0 && head_at(t, 0)->at >= at)
		return;
	/* A log that became shorter is another one. */
	if (t->count > 0 && head < head_at(t, 0)->position)
		t->count = 0;
	t->heads[t->next] = (struct head){.at = at, .position = head};
	t->next = (t->next + 1) % HEADS;
	t->count += t->count < HEADS;
}

bool memory_passed(const struct topology_memory *m, const char *node, mono_ns now, int64_t position,
        int64_t *ms, int64_t *at_least)
{
	const struct trace *t = find(m, 'n', node);
	*at_least = 0;
	if (t == NULL || t->count == 0)
		return false;
	/* The oldest sample beyond the position: it was passed between that one and the one before. */
	size_t k = 0;
	while (k < t->count && head_at(t, k)->position > position)
		k++;
	if (k == 0) {
		*ms = 0;
		return true;
	}
	int64_t age = (now - head_at(t, k - 1)->at) / NS_PER_MS;
	*ms = *at_least = age > 0 ? age : 0;
	return k < t->count;
}

double memory_speed(const struct topology_memory *m, const char *node, mono_ns now)
{
	const struct trace *t = find(m, 'n', node);
	if (t == NULL || t->count < 2)
		return (double)NAN;
	size_t k = 1;
	while (k + 1 < t->count && now - head_at(t, k + 1)->at <= SPAN_S * NS_PER_S)
		k++;
	const struct head *a = head_at(t, k);
	const struct head *z = head_at(t, 0);
	return z->at > a->at ? (double)(z->position - a->position) * 1e9 / (double)(z->at - a->at)
	                     : (double)NAN;
}

bool memory_left(
        struct topology_memory *m, const char *edge, mono_ns at, mono_ns now, double left, double *slope)
{
	struct trace *t = find_or_add(m, 'e', edge);
	t->seen = now;
	if (t->left == NULL) {
		t->left = xcalloc(1, sizeof(*t->left));
		t->left->epoch = at;
	}
	if (at - t->fed >= NS_PER_S || t->fed == 0) {
		series_add(t->left, at, left);
		t->fed = at;
	}
	return series_slope(t->left, now, SPAN_S, slope);
}

int64_t memory_since(struct topology_memory *m, const char *edge, mono_ns now, bool holds)
{
	struct trace *t = find_or_add(m, 's', edge);
	t->seen = now;
	if (!holds)
		t->since = 0;
	else if (t->since == 0)
		t->since = now;
	return holds ? (now - t->since) / NS_PER_MS : -1;
}
