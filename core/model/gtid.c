/* Comparing what two servers have executed: a backlog when the source has more, errant transactions when the
 * replica has what its source never wrote. Texts of one or two kilobytes, compared interval by interval. */
#include "core/model/gtid.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

/* 1. MySQL. */

enum { UUID_LENGTH = 36 };

struct interval {
	const char *source; /* its uuid, in the text */
	const char *tag;    /* the same */
	size_t tag_n;       /* 0: none */
	int64_t first, last;
};

struct intervals {
	struct interval *item;
	size_t n, cap;
};

static int compare_source(const struct interval *x, const struct interval *y)
{
	size_t n = x->tag_n < y->tag_n ? x->tag_n : y->tag_n;
	int order = strncasecmp(x->source, y->source, UUID_LENGTH);
	if (order == 0 && n > 0)
		order = strncasecmp(x->tag, y->tag, n);
	return order != 0 ? order : (x->tag_n > y->tag_n) - (x->tag_n < y->tag_n);
}

static int order_intervals(const void *a, const void *b)
{
	const struct interval *x = a;
	const struct interval *y = b;
	int order = compare_source(x, y);
	return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static void add_interval(struct intervals *set, struct interval add)
{
	if (set->n == set->cap) {
		set->cap = set->cap == 0 ? 16 : set->cap * 2;
		set->item = xreallocarray(set->item, set->cap, sizeof(*set->item));
	}
	set->item[set->n++] = add;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* "1-5" or "7"; NULL when it is neither. */
static const char *read_range(const char *s, int64_t *first, int64_t *last)
{
	char *end;
	*first = *last = strtoll(s, &end, 10);
	if (end == s || *first <= 0)
		return NULL;
	if (*end == '-') {
		s = end + 1;
		*last = strtoll(s, &end, 10);
		if (end == s || *last < *first)
			return NULL;
	}
	return skip_blanks(end);
}

static bool is_tag(const char *s)
{
	return *s == '_' || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
}

/* One source with its tags and intervals, up to a comma or the end. */
static const char *read_source(const char *s, struct intervals *set)
{
	struct interval now = {.source = s};
	if (strnlen(s, UUID_LENGTH) < UUID_LENGTH || s[8] != '-' || s[23] != '-')
		return NULL;
	/* A tag holds for the intervals behind it, up to the next one: each tag of a source counts by itself.
	 */
	s = skip_blanks(s + UUID_LENGTH);
	while (*s == ':') {
		s = skip_blanks(s + 1);
		if (is_tag(s)) {
			now.tag = s;
			now.tag_n = strcspn(s, ":, \t\r\n");
			s = skip_blanks(s + now.tag_n);
			continue;
		}
		s = read_range(s, &now.first, &now.last);
		if (s == NULL)
			return NULL;
		add_interval(set, now);
	}
	return s;
}

static bool read_set(const char *text, struct intervals *set)
{
	const char *s = text == NULL ? NULL : skip_blanks(text);
	while (s != NULL && *s != '\0') {
		s = read_source(s, set);
		if (s == NULL || (*s != ',' && *s != '\0'))
			return false;
		if (*s == ',')
			s = skip_blanks(s + 1);
	}
	if (s != NULL && set->n > 1)
		qsort(set->item, set->n, sizeof(*set->item), order_intervals);
	return s != NULL;
}

static bool is_named(const struct interval *i, const char *names)
{
	while (names != NULL && *names != '\0') {
		size_t n = strcspn(names, " ");
		if (n == UUID_LENGTH && strncasecmp(names, i->source, n) == 0)
			return true;
		names += n + (names[n] == ' ');
	}
	return false;
}

static int64_t put_rest(const struct interval *i, int64_t first, int64_t last, struct buf *out)
{
	if (first > last)
		return 0;
	if (out != NULL) {
		buf_printf(out, "%s%.*s%s%.*s:%" PRId64, out->len > 0 ? "," : "", UUID_LENGTH, i->source,
		        i->tag_n > 0 ? ":" : "", (int)i->tag_n, i->tag_n > 0 ? i->tag : "", first);
		if (last > first)
			buf_printf(out, "-%" PRId64, last);
	}
	return last - first + 1;
}

/* What is left of `i` without the intervals of other, from *at on (both are sorted). */
static int64_t subtract(const struct interval *i, const struct intervals *other, size_t *at, struct buf *out)
{
	int64_t from = i->first;
	int64_t left = 0;
	while (*at < other->n &&
	        (compare_source(&other->item[*at], i) < 0 ||
	                (compare_source(&other->item[*at], i) == 0 && other->item[*at].last < i->first)))
		(*at)++;
	for (size_t k = *at; k < other->n && compare_source(&other->item[k], i) == 0; k++) {
		if (other->item[k].first > i->last)
			break;
		left += put_rest(i, from, other->item[k].first - 1, out);
		if (other->item[k].last + 1 > from)
			from = other->item[k].last + 1;
	}
	return left + put_rest(i, from, i->last, out);
}

int64_t gtid_missing(const char *set, const char *other, const char *but, struct buf *out)
{
	struct intervals a = {0}, b = {0};
	int64_t missing = -1;
	if (read_set(set, &a) && read_set(other, &b)) {
		size_t at = 0;
		missing = 0;
		for (size_t i = 0; i < a.n; i++) {
			if (!is_named(&a.item[i], but))
				missing += subtract(&a.item[i], &b, &at, out);
		}
	}
	free(a.item);
	free(b.item);
	return missing;
}

int64_t gtid_count(const char *set)
{
	return gtid_missing(set, "", NULL, NULL);
}

/* 2. MariaDB. */

struct maria {
	uint32_t domain, server;
	uint64_t seq;
};

enum { MARIA_MAX = 256 };

static long read_maria(const char *text, struct maria out[MARIA_MAX])
{
	long n = 0;
	const char *s = text == NULL ? NULL : skip_blanks(text);
	while (s != NULL && *s != '\0' && n < MARIA_MAX) {
		char *end;
		struct maria m = {.domain = (uint32_t)strtoul(s, &end, 10)};
		if (end == s || *end != '-')
			return -1;
		s = end + 1;
		m.server = (uint32_t)strtoul(s, &end, 10);
		if (end == s || *end != '-')
			return -1;
		s = end + 1;
		m.seq = strtoull(s, &end, 10);
		if (end == s || (*end != ',' && *end != '\0'))
			return -1;
		s = *end == ',' ? skip_blanks(end + 1) : end;
		out[n++] = m;
	}
	/* More than there is room for: a part of it would be taken for the whole. */
	return s == NULL || *s != '\0' ? -1 : n;
}

/* The highest of a domain, 0: it has none. */
static uint64_t highest(const struct maria *set, long n, uint32_t domain)
{
	uint64_t most = 0;
	for (long i = 0; i < n; i++) {
		if (set[i].domain == domain && set[i].seq > most)
			most = set[i].seq;
	}
	return most;
}

static bool seen_before(const struct maria *set, long i)
{
	for (long k = 0; k < i; k++) {
		if (set[k].domain == set[i].domain)
			return true;
	}
	return false;
}

int64_t gtid_maria_sum(const char *state)
{
	return gtid_maria_behind("", state);
}

int64_t gtid_maria_behind(const char *mine, const char *theirs)
{
	struct maria a[MARIA_MAX], b[MARIA_MAX];
	long na = read_maria(mine, a);
	long nb = read_maria(theirs, b);
	int64_t behind = 0;
	if (na < 0 || nb < 0)
		return -1;
	for (long i = 0; i < nb; i++) {
		uint64_t have = highest(a, na, b[i].domain);
		uint64_t want = highest(b, nb, b[i].domain);
		if (!seen_before(b, i) && want > have)
			behind += (int64_t)(want - have);
	}
	return behind;
}

int64_t gtid_maria_errant(
        const char *mine, const char *applied, const char *theirs, const char *server, struct buf *out)
{
	struct maria a[MARIA_MAX], b[MARIA_MAX], done[MARIA_MAX];
	long na = read_maria(mine, a);
	long nb = read_maria(theirs, b);
	long nd = read_maria(applied, done);
	int64_t errant = 0;
	if (na < 0 || nb < 0 || nd < 0 || server == NULL)
		return -1;
	uint32_t id = (uint32_t)strtoul(server, NULL, 10);
	for (long i = 0; i < na; i++) {
		uint64_t known = 0;
		if (a[i].server != id)
			continue;
		for (long k = 0; k < nb; k++) {
			if (b[k].domain == a[i].domain && b[k].server == id)
				known = b[k].seq;
		}
		/* Its own writes follow what it has applied, in one count for the domain. */
		uint64_t base = highest(done, nd, a[i].domain);
		if (known > base || base > a[i].seq)
			base = known;
		if (a[i].seq <= known)
			continue;
		errant += a[i].seq > base && base > 0 ? (int64_t)(a[i].seq - base) : 1;
		if (out != NULL)
			buf_printf(out, "%s%" PRIu32 "-%" PRIu32 "-%" PRIu64, out->len > 0 ? "," : "",
			        a[i].domain, id, a[i].seq);
	}
	return errant;
}
