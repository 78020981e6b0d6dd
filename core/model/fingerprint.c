/* Sessions are grouped by what they run, and the same program never runs the same bytes twice: literals
 * change, lists grow, drivers add comments. Here is decided what of a statement is its shape. Nothing is
 * parsed: a token is kept, replaced by ?, or left out, by what stands next to it. */
#include "core/model/fingerprint.h"

#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/redact_scan.h"

/* Deeper brackets are kept as they are. */
enum { DEPTH_MAX = 64 };

enum shape_kind { SHAPE_END, SHAPE_LITERAL, SHAPE_WORD, SHAPE_NAME, SHAPE_MARK };

/* A token that counts. */
struct shape {
	enum shape_kind kind;
	const char *s;
	size_t n;
	bool gap;    /* blanks or comments before it */
	bool number; /* a literal that a sign may precede */
};

struct frame {
	bool list; /* (1, 2, 3) is one value */
	bool rows; /* (…), (…) is one row */
};

struct walk {
	struct scan scan;
	struct shape prev; /* the last one that was put */
	struct frame frame[DEPTH_MAX];
	size_t depth;
	bool any;
	uint64_t hash;
	struct buf *out; /* NULL: only the hash */
};

/* --- Words */

static bool is_word(const struct shape *t, const char *word)
{
	size_t n = strlen(word);
	if (t->kind != SHAPE_WORD || t->n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((t->s[i] | 0x20) != word[i])
			return false;
	}
	return true;
}

static bool is_one_of(const struct shape *t, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_word(t, words[i]))
			return true;
	}
	return false;
}

static bool is_mark(const struct shape *t, char mark)
{
	return t->kind == SHAPE_MARK && t->s[0] == mark;
}

static bool opens(const struct shape *t)
{
	return is_mark(t, '(') || is_mark(t, '[');
}

static bool closes(const struct shape *t)
{
	return is_mark(t, ')') || is_mark(t, ']');
}

/* What can stand left of a minus that subtracts. */
static bool is_operand(const struct shape *t)
{
	static const char *const before_value[] = {"select", "then", "else", "when", "return", "returning",
	        "limit", "offset", "values", "and", "or", "not", "between", "in", "like", "set", "by",
	        "interval", "case", "where", "on", "having", "is", "xor", "div", "mod", "default", "distinct",
	        "all", "using"};
	switch (t->kind) {
	case SHAPE_LITERAL:
	case SHAPE_NAME:
		return true;
	case SHAPE_WORD:
		return !is_one_of(t, before_value, sizeof(before_value) / sizeof(before_value[0]));
	case SHAPE_MARK:
		return closes(t);
	case SHAPE_END:
		break;
	}
	return false;
}

/* A quoted name that says the same without its quotes. */
static bool is_plain_name(enum redact_dialect dialect, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool small = (s[i] >= 'a' && s[i] <= 'z') || s[i] == '_';
		bool other = (i > 0 && s[i] >= '0' && s[i] <= '9') ||
		             (dialect == REDACT_MYSQL && s[i] >= 'A' && s[i] <= 'Z');
		if (!small && !other)
			return false;
	}
	return n > 0;
}

/* --- Tokens */

/* NULL, TRUE and FALSE are values, but for IS NULL and NOT NULL. */
static bool is_value_word(const struct shape *t, const struct shape *prev)
{
	static const char *const values[] = {"null", "true", "false"};
	return is_one_of(t, values, 3) && !is_word(prev, "is") && !is_word(prev, "not");
}

static void classify(const struct walk *w, const struct token *t, const struct shape *prev, struct shape *out)
{
	out->s = t->s;
	out->n = t->n;
	switch (t->kind) {
	case TOKEN_STRING:
	case TOKEN_NUMBER:
		out->kind = SHAPE_LITERAL;
		out->number = t->kind == TOKEN_NUMBER;
		return;
	case TOKEN_NAME:
		out->kind = t->close == 0 ? SHAPE_LITERAL : SHAPE_NAME;
		if (t->close > 0 &&
		        is_plain_name(w->scan.dialect, t->s + t->open, t->n - t->open - t->close)) {
			out->s = t->s + t->open;
			out->n = t->n - t->open - t->close;
			out->kind = SHAPE_WORD;
		}
		return;
	case TOKEN_WORD:
		out->kind = SHAPE_WORD;
		/* $1, and a parameter may have a sign. */
		if (t->s[0] == '$' || is_value_word(out, prev)) {
			out->kind = SHAPE_LITERAL;
			out->number = t->s[0] == '$';
		}
		return;
	case TOKEN_OTHER:
	case TOKEN_SPACE:
	case TOKEN_COMMENT:
		break;
	}
	out->kind = t->s[0] == '?' ? SHAPE_LITERAL : SHAPE_MARK;
}

/* The next token that counts, from a scanner that may be a copy: looking ahead is taking from a copy. */
static struct shape take(const struct walk *w, struct scan *scan, const struct shape *prev)
{
	struct shape out = {.kind = SHAPE_END};
	struct token t;
	while (scan_next(scan, &t)) {
		if (t.kind == TOKEN_SPACE || t.kind == TOKEN_COMMENT) {
			out.gap = true;
			continue;
		}
		classify(w, &t, prev, &out);
		break;
	}
	return out;
}

static void put(struct walk *w, const struct shape *t)
{
	bool literal = t->kind == SHAPE_LITERAL;
	/* 1. The hash: words without their case, a separator behind each token. */
	uint64_t h = w->hash;
	for (size_t i = 0; i < (literal ? 1 : t->n); i++) {
		unsigned char c = literal ? '?' : (unsigned char)t->s[i];
		if (c >= 'A' && c <= 'Z' && t->kind == SHAPE_WORD)
			c |= 0x20;
		h = (h ^ c) * UINT64_C(0x100000001B3);
	}
	w->hash = (h ^ 0x1F) * UINT64_C(0x100000001B3);
	/* 2. The text. */
	if (w->out != NULL) {
		if (t->gap && w->any)
			buf_putc(w->out, ' ');
		if (literal)
			buf_putc(w->out, '?');
		else
			buf_put(w->out, t->s, t->n);
	}
	w->any = true;
	w->prev = *t;
}

/* --- Lists */

/* May (1, 2, 3) after this be taken as one value? Not as the arguments of a function. */
static bool begins_list(const struct shape *prev)
{
	static const char *const words[] = {"in", "values", "value", "any", "all", "row", "some"};
	if (prev->kind == SHAPE_WORD)
		return is_one_of(prev, words, sizeof(words) / sizeof(words[0]));
	return prev->kind == SHAPE_END || (prev->kind == SHAPE_MARK && !closes(prev));
}

static struct frame *frame_now(struct walk *w)
{
	return w->depth < DEPTH_MAX ? &w->frame[w->depth] : NULL;
}

static void enter(struct walk *w, const struct shape *t)
{
	bool list = is_mark(t, '[') || begins_list(&w->prev);
	bool rows = is_word(&w->prev, "in");
	w->depth++;
	if (frame_now(w) != NULL)
		*frame_now(w) = (struct frame){.list = list, .rows = rows};
}

/* After a comma: one more literal of the list, and nothing but it. */
static bool skip_value(struct walk *w)
{
	struct scan ahead = w->scan;
	struct shape comma = {.kind = SHAPE_MARK, .s = ",", .n = 1};
	struct shape value = take(w, &ahead, &comma);
	if (is_mark(&value, '-') || is_mark(&value, '+')) {
		value = take(w, &ahead, &value);
		if (value.kind != SHAPE_END && !value.number)
			return false;
	}
	if (value.kind != SHAPE_LITERAL && value.kind != SHAPE_END)
		return false;
	struct scan after = ahead;
	struct shape next = take(w, &after, &value);
	if (next.kind != SHAPE_END && !closes(&next) && !is_mark(&next, ','))
		return false;
	w->scan = ahead;
	return true;
}

/* After a comma: one more row (…) or ROW(…). */
static bool skip_row(struct walk *w)
{
	struct scan ahead = w->scan;
	struct shape t = take(w, &ahead, &w->prev);
	if (is_word(&t, "row"))
		t = take(w, &ahead, &t);
	if (t.kind != SHAPE_END && !is_mark(&t, '('))
		return false;
	for (size_t depth = 1; depth > 0 && t.kind != SHAPE_END;) {
		t = take(w, &ahead, &t);
		if (is_mark(&t, '('))
			depth++;
		else if (is_mark(&t, ')'))
			depth--;
	}
	w->scan = ahead;
	return true;
}

/* What of the statement says nothing about its shape: true when it was left out. */
static bool leave_out(struct walk *w, const struct shape *t)
{
	struct scan ahead = w->scan;
	const struct frame *f = frame_now(w);
	if (is_mark(t, '-') || is_mark(t, '+')) {
		struct shape next = take(w, &ahead, t);
		return !is_operand(&w->prev) && next.number;
	}
	if (is_mark(t, ',') && f != NULL) {
		if (f->list && w->prev.kind == SHAPE_LITERAL && skip_value(w))
			return true;
		return f->rows && is_mark(&w->prev, ')') && skip_row(w);
	}
	return is_mark(t, ';') && take(w, &ahead, t).kind == SHAPE_END;
}

static void walk_all(struct walk *w, const char *sql, size_t n)
{
	w->scan.s = sql;
	w->scan.n = n;
	bool gap = false;
	for (;;) {
		struct shape t = take(w, &w->scan, &w->prev);
		t.gap = t.gap || gap;
		gap = false;
		if (t.kind == SHAPE_END)
			return;
		if (leave_out(w, &t)) {
			gap = t.gap && !is_mark(&t, ',');
			continue;
		}
		if (opens(&t))
			enter(w, &t);
		else if (closes(&t) && w->depth > 0)
			w->depth--;
		else if (frame_now(w) != NULL && t.kind == SHAPE_WORD)
			frame_now(w)->rows = is_word(&t, "values") || is_word(&t, "value") ||
			                     (frame_now(w)->rows && is_word(&t, "row"));
		put(w, &t);
	}
}

uint64_t fingerprint_of(enum redact_dialect dialect, const char *sql, size_t n)
{
	struct walk w = {.scan = {.dialect = dialect}, .hash = UINT64_C(0xCBF29CE484222325)};
	walk_all(&w, sql, n);
	if (!w.any)
		return 0;
	return w.hash != 0 ? w.hash : 1;
}

void fingerprint_put(enum redact_dialect dialect, const char *sql, size_t n, struct buf *out)
{
	struct walk w = {.scan = {.dialect = dialect}, .out = out};
	walk_all(&w, sql, n);
}
