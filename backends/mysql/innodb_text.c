/* Line by line over the monitor's text. A transaction's lines come in a fixed order: header, "LOCK WAIT …
 * lock struct(s)", thread, statement, then its wait; so what a statement says in between is never taken for
 * more than a statement. */
#include "backends/mysql/innodb_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
	const char *s;
	size_t n;
};

static bool next_line(const char **at, const char *end, struct line *out)
{
	if (*at >= end)
		return false;
	const char *nl = memchr(*at, '\n', (size_t)(end - *at));
	out->s = *at;
	out->n = (size_t)((nl != NULL ? nl : end) - *at);
	*at = nl != NULL ? nl + 1 : end;
	return true;
}

static bool begins(const struct line *l, const char *with)
{
	size_t n = strlen(with);
	return l->n >= n && memcmp(l->s, with, n) == 0;
}

/* What follows `word` in the line, NULL when it is not there. */
static const char *after(const struct line *l, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; i + n <= l->n; i++) {
		if (memcmp(l->s + i, word, n) == 0)
			return l->s + i + n;
	}
	return NULL;
}

/* The line is inside a text that ends with a NUL or a newline: numbers end there. */
static int64_t number_after(const struct line *l, const char *word, int64_t otherwise)
{
	const char *p = after(l, word);
	return p != NULL && p < l->s + l->n && *p >= '0' && *p <= '9' ? strtoll(p, NULL, 10) : otherwise;
}

static const char *find(const char *at, const char *end, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = at; p != NULL && (size_t)(end - p) >= n; p++) {
		p = memchr(p, word[0], (size_t)(end - p) - n + 1);
		if (p == NULL || memcmp(p, word, n) == 0)
			return p;
	}
	return NULL;
}

/* 1. A lock: "RECORD LOCKS space id 8 page no 3 n bits 320 index PRIMARY of table `app`.`lx` trx id 5
 * lock_mode X locks rec but not gap waiting", "TABLE LOCK table `app`.`lx` trx id 5 lock mode AUTO-INC
 * waiting". */

static void add(char *out, size_t size, const char *s, size_t n, bool names)
{
	size_t have = strlen(out);
	for (size_t i = 0; i < n && have + 1 < size; i++) {
		if (!names || s[i] != '`')
			out[have++] = s[i];
	}
	out[have] = '\0';
}

static void read_mode(const struct line *l, struct innodb_lock_text *lock)
{
	const char *p = after(l, " lock_mode "), *end = l->s + l->n;
	if (p == NULL)
		p = after(l, " lock mode ");
	if (p == NULL)
		return;
	const char *stop = memchr(p, ' ', (size_t)(end - p));
	add(lock->mode, sizeof lock->mode, p, (size_t)((stop != NULL ? stop : end) - p), false);
	if (after(l, " locks gap before rec") != NULL)
		add(lock->mode, sizeof lock->mode, ",GAP", 4, false);
	if (after(l, " locks rec but not gap") != NULL)
		add(lock->mode, sizeof lock->mode, ",REC_NOT_GAP", 12, false);
	if (after(l, " insert intention") != NULL)
		add(lock->mode, sizeof lock->mode, ",INSERT_INTENTION", 17, false);
}

/* The name in back quotes from p on ("`app`.`lx`"), which may hold anything but the word that follows it. */
static size_t name_length(const char *p, const char *end)
{
	const char *stop = find(p, end, "` trx id ");
	return stop != NULL ? (size_t)(stop - p) + 1 : 0;
}

static bool read_lock(const struct line *l, struct innodb_lock_text *lock)
{
	const char *end = l->s + l->n;
	*lock = (struct innodb_lock_text){.table = begins(l, "TABLE LOCK table ")};
	if (!lock->table && !begins(l, "RECORD LOCKS space id "))
		return false;
	const char *table = after(l, lock->table ? "TABLE LOCK table " : " of table ");
	if (table == NULL)
		return false;
	size_t n = name_length(table, end);
	add(lock->object, sizeof lock->object, table, n, true);
	if (lock->table) {
		snprintf(lock->record, sizeof lock->record, "table %.50s", lock->object);
	} else {
		const char *index = after(l, " index ");
		add(lock->object, sizeof lock->object, ".", 1, false);
		if (index != NULL && index < table)
			add(lock->object, sizeof lock->object, index,
			        (size_t)(table - index) - strlen(" of table "), true);
		snprintf(lock->record, sizeof lock->record, "%lld:%lld",
		        (long long)number_after(l, "space id ", 0),
		        (long long)number_after(l, " page no ", 0));
	}
	read_mode(l, lock);
	return true;
}

static void read_heap(const struct line *l, struct innodb_lock_text *lock)
{
	int64_t heap = number_after(l, "Record lock, heap no ", -1);
	size_t n = strlen(lock->record);
	if (heap >= 0 && !lock->table)
		snprintf(lock->record + n, sizeof lock->record - n, ":%lld", (long long)heap);
}

/* 2. The list of transactions. */

bool innodb_text_open(struct innodb_text *t, const char *text, size_t n)
{
	const char *end = text + n;
	const char *list = find(text, end, "LIST OF TRANSACTIONS FOR EACH SESSION:\n");
	*t = (struct innodb_text){.at = list, .end = end};
	t->truncated = find(text, end, "... truncated...") != NULL;
	if (list == NULL)
		return false;
	const char *stop = find(list, end, "\n--------\nFILE I/O\n");
	if (stop != NULL)
		t->end = stop + 1;
	return true;
}

static void read_wait(struct innodb_text *t, const struct line *head, struct innodb_trx_text *out)
{
	struct line l;
	int64_t n = number_after(head, "TRX HAS BEEN WAITING ", 0);
	out->waiting_us = after(head, " us FOR THIS LOCK") != NULL ? n : n * 1000000;
	if (!next_line(&t->at, t->end, &l) || !read_lock(&l, &out->lock))
		return;
	const char *back = t->at;
	if (next_line(&t->at, t->end, &l) && begins(&l, "Record lock, heap no "))
		read_heap(&l, &out->lock);
	else
		t->at = back;
}

static bool read_trx(struct innodb_text *t, const struct line *head, struct innodb_trx_text *out)
{
	struct line l;
	bool thread = false;
	*out = (struct innodb_trx_text){.active_s = number_after(head, "ACTIVE ", -1)};
	if (out->active_s < 0)
		out->active_s = number_after(head, "ACTIVE (PREPARED) ", -1);
	if (out->active_s < 0)
		return false;
	while (next_line(&t->at, t->end, &l)) {
		if (begins(&l, "---TRANSACTION ")) {
			t->at = l.s;
			break;
		}
		if (!thread && after(&l, " lock struct(s), heap size ") != NULL) {
			out->waits = begins(&l, "LOCK WAIT ");
			const char *rows = after(&l, " heap size ");
			struct line rest = {rows, (size_t)(l.s + l.n - rows)};
			out->row_locks = number_after(&rest, ", ", 0);
		} else if (!thread && after(&l, " thread id ") != NULL) {
			out->id = number_after(&l, " thread id ", 0);
			thread = true;
		} else if (out->waits && begins(&l, "------- TRX HAS BEEN WAITING ")) {
			read_wait(t, &l, out);
		}
	}
	return true;
}

bool innodb_text_next(struct innodb_text *t, struct innodb_trx_text *out)
{
	struct line l;
	while (next_line(&t->at, t->end, &l)) {
		if (begins(&l, "---TRANSACTION ") && read_trx(t, &l, out))
			return true;
	}
	return false;
}

/* 3. The last deadlock. */

/* "2026-11-22 15:04:09" at the beginning of a line, as seconds that may only be compared; -1. */
static int64_t stamp(const char *s, size_t n)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd";
	int64_t v[6] = {0};
	if (n < sizeof shape - 1)
		return -1;
	for (size_t i = 0, part = 0; i < sizeof shape - 1; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';
		if (shape[i] == 'd' ? !digit : s[i] != shape[i])
			return -1;
		if (digit)
			v[part] = v[part] * 10 + (s[i] - '0');
		else
			part++;
	}
	/* Days since 1 March of year 0. */
	int64_t y = v[1] > 2 ? v[0] : v[0] - 1, m = v[1] > 2 ? v[1] - 3 : v[1] + 9;
	int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + v[2];
	return ((days * 24 + v[3]) * 60 + v[4]) * 60 + v[5];
}

static int64_t written_at(const char *text, const char *end)
{
	const char *head = find(text, end, "INNODB MONITOR OUTPUT");
	while (head != NULL && head > text && head[-1] != '\n')
		head--;
	return head != NULL ? stamp(head, (size_t)(end - head)) : -1;
}

static bool ends_statement(const struct line *l)
{
	return begins(l, "*** ") || (begins(l, "RECORD LOCKS ") && after(l, " trx id ") != NULL);
}

/* From the line after "*** (1) TRANSACTION:" on. */
static void read_party(const char **at, const char *end, struct innodb_deadlock_text *out)
{
	struct line l;
	bool thread = false, wanted = false;
	unsigned i = out->n++;
	while (next_line(at, end, &l)) {
		if (after(&l, ") TRANSACTION:") != NULL && begins(&l, "*** (")) {
			*at = l.s;
			return;
		}
		if (begins(&l, "*** WE ROLL BACK TRANSACTION (")) {
			out->victim = (unsigned)number_after(&l, "TRANSACTION (", 0);
		} else if (begins(&l, "*** ")) {
			wanted = after(&l, "WAITING FOR THIS LOCK TO BE GRANTED") != NULL;
		} else if (!thread && after(&l, " thread id ") != NULL) {
			thread = true;
			out->trx[i].id = number_after(&l, " thread id ", 0);
			out->trx[i].query = *at;
			const char *back = *at;
			while (next_line(at, end, &l) && !ends_statement(&l))
				back = *at;
			*at = back;
			size_t n = (size_t)(back - out->trx[i].query);
			while (n > 0 && (out->trx[i].query[n - 1] == '\n' || out->trx[i].query[n - 1] == ' '))
				n--;
			out->trx[i].query_n = n;
		} else if (wanted && read_lock(&l, &out->trx[i].lock)) {
			wanted = false;
			if (next_line(at, end, &l) && begins(&l, "Record lock, heap no "))
				read_heap(&l, &out->trx[i].lock);
		}
	}
}

bool innodb_text_deadlock(const char *text, size_t n, struct innodb_deadlock_text *out)
{
	const char *end = text + n, *at = find(text, end, "LATEST DETECTED DEADLOCK\n");
	struct line l;
	*out = (struct innodb_deadlock_text){.age_ms = -1};
	if (at == NULL || !next_line(&at, end, &l) || !next_line(&at, end, &l) || !next_line(&at, end, &l))
		return false;
	int64_t when = stamp(l.s, l.n), now = written_at(text, end);
	if (when < 0)
		return false;
	snprintf(out->at, sizeof out->at, "%.19s", l.s);
	if (now >= when)
		out->age_ms = (now - when) * 1000;
	const char *stop = find(at, end, "\n------------\nTRANSACTIONS\n------------\n");
	if (stop != NULL)
		end = stop + 1;
	while (out->n < INNODB_DEADLOCK_TRX_MAX && next_line(&at, end, &l)) {
		if (begins(&l, "*** (") && after(&l, ") TRANSACTION:") != NULL)
			read_party(&at, end, out);
	}
	return out->n > 0;
}
