/* The quoting rules of PostgreSQL and of MySQL and MariaDB, in one pass and linear time. Where a server's
 * setting decides what a backslash means (standard_conforming_strings, NO_BACKSLASH_ESCAPES) and both answers
 * are possible, the literal is taken to be without end: that hides too much, never too little. */
#include "core/base/redact_scan.h"

#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool begins_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_word(char c)
{
	return begins_word(c) || is_digit(c) || c == '$';
}

/* The byte at i, 0 beyond the end. */
static char at(const struct scan *c, size_t i)
{
	return i < c->n ? c->s[i] : '\0';
}

/* 1. Quoted things */

/* After an escaped quote: does the text go on as if the literal had ended there? */
static bool looks_ended(const struct scan *c, size_t i)
{
	return i >= c->n || is_space(c->s[i]) || strchr(",;)=<>|+", c->s[i]) != NULL;
}

/* Sets the end of a token whose content begins at `content`. `plain` is a '…' without a prefix that would say
 * what a backslash means. */
static void quoted_end(
        const struct scan *c, size_t content, char quote, bool escapes, bool plain, struct token *out)
{
	size_t start = (size_t)(out->s - c->s);
	bool postgres = c->dialect == REDACT_POSTGRES;
	out->open = content - start;
	out->close = 0;
	out->n = c->n - start;
	for (size_t i = content; i < c->n; i++) {
		if (c->s[i] == '\\' && escapes) {
			i++;
			if (plain && at(c, i) == quote && looks_ended(c, i + 1))
				return;
			continue;
		}
		if (c->s[i] != quote)
			continue;
		if (plain && postgres && i > content && c->s[i - 1] == '\\')
			return;
		if (at(c, i + 1) == quote) {
			i++;
			continue;
		}
		out->close = 1;
		out->n = i + 1 - start;
		return;
	}
}

/* $tag$ at pos: its length with both dollars, else 0. */
static size_t dollar_tag(const struct scan *c, size_t pos)
{
	size_t i = pos + 1;
	if (begins_word(at(c, i))) {
		while (i < c->n && in_word(c->s[i]) && c->s[i] != '$')
			i++;
	}
	return at(c, i) == '$' ? i + 1 - pos : 0;
}

/* The next tag of n bytes at or after s; NULL if there is none. */
static const char *find_tag(const char *s, const char *end, const char *tag, size_t n)
{
	while (s < end && (s = memchr(s, '$', (size_t)(end - s))) != NULL) {
		if ((size_t)(end - s) >= n && memcmp(s, tag, n) == 0)
			return s;
		s++;
	}
	return NULL;
}

static void dollar_end(const struct scan *c, size_t tag, struct token *out)
{
	const char *end = c->s + c->n;
	const char *found = find_tag(out->s + tag, end, out->s, tag);
	out->kind = TOKEN_STRING;
	out->open = tag;
	out->close = found == NULL ? 0 : tag;
	out->n = (size_t)((found == NULL ? end : found + tag) - out->s);
}

/* 2. Comments */

static void line_comment(const struct scan *c, struct token *out)
{
	size_t rest = c->n - c->pos;
	const char *end = memchr(out->s, '\n', rest);
	out->kind = TOKEN_COMMENT;
	out->n = end == NULL ? rest : (size_t)(end - out->s);
}

static void block_comment(const struct scan *c, struct token *out)
{
	bool nests = c->dialect == REDACT_POSTGRES;
	int depth = 1;
	size_t i = c->pos + 2;
	while (i < c->n && depth > 0) {
		if (c->s[i] == '*' && at(c, i + 1) == '/') {
			depth--;
			i += 2;
		} else if (nests && c->s[i] == '/' && at(c, i + 1) == '*') {
			depth++;
			i += 2;
		} else {
			i++;
		}
	}
	out->kind = TOKEN_COMMENT;
	out->open = 2;
	out->close = depth == 0 ? 2 : 0;
	out->n = i - c->pos;
}

/* What the server runs (slash star bang, or M bang) is code: only its marks are left out, since a string in
 * it may hold the closing mark. */
static bool executable_mark(struct scan *c, struct token *out)
{
	size_t i = c->pos;
	if (c->dialect != REDACT_MYSQL)
		return false;
	if (c->in_executable && c->s[i] == '*' && at(c, i + 1) == '/') {
		c->in_executable = false;
		out->n = 2;
	} else if (c->s[i] == '/' && at(c, i + 1) == '*' &&
	           (at(c, i + 2) == '!' || (at(c, i + 2) == 'M' && at(c, i + 3) == '!'))) {
		i += at(c, i + 2) == '!' ? 3 : 4;
		for (int digits = 0; digits < 6 && is_digit(at(c, i)); digits++)
			i++;
		c->in_executable = true;
		out->n = i - c->pos;
	} else {
		return false;
	}
	out->kind = TOKEN_SPACE;
	return true;
}

static bool comment(const struct scan *c, struct token *out)
{
	size_t i = c->pos;
	bool mysql = c->dialect == REDACT_MYSQL;
	char next = at(c, i + 1);
	if (c->s[i] == '/' && next == '*') {
		block_comment(c, out);
		return true;
	}
	/* MySQL reads a--1 as a minus minus one. */
	bool dashes = c->s[i] == '-' && next == '-' &&
	              (!mysql || i + 2 >= c->n || (unsigned char)c->s[i + 2] <= ' ');
	if (dashes || (mysql && c->s[i] == '#')) {
		line_comment(c, out);
		return true;
	}
	return false;
}

/* 3. Words and numbers */

/* Letters that belong to the literal behind them: E'', B'', X'', N'', and U&'' of PostgreSQL. */
static bool prefixed_string(const struct scan *c, struct token *out)
{
	bool postgres = c->dialect == REDACT_POSTGRES;
	char letter = (char)(c->s[c->pos] | 0x20);
	char next = at(c, c->pos + 1);
	bool escapes = !postgres || letter == 'e';
	out->kind = TOKEN_STRING;
	if (next == '\'' && strchr("ebxn", letter) != NULL) {
		quoted_end(c, c->pos + 2, '\'', escapes, letter == 'n', out);
		return true;
	}
	if (postgres && letter == 'u' && next == '&' && at(c, c->pos + 2) == '\'') {
		quoted_end(c, c->pos + 3, '\'', false, true, out);
		return true;
	}
	return false;
}

static void word(const struct scan *c, struct token *out)
{
	if (begins_word(c->s[c->pos]) && prefixed_string(c, out))
		return;
	size_t i = c->pos + 1;
	while (i < c->n && in_word(c->s[i]))
		i++;
	out->kind = TOKEN_WORD;
	out->n = i - c->pos;
}

/* Greedy on purpose: 1e-5, 0xFF, 1_000, 1..10 and MySQL's names that begin with a digit. */
static void number(const struct scan *c, struct token *out)
{
	size_t i = c->pos;
	while (i < c->n) {
		bool exponent = (c->s[i] | 0x20) == 'e' && (at(c, i + 1) == '-' || at(c, i + 1) == '+') &&
		                is_digit(at(c, i + 2));
		if (exponent)
			i += 2;
		else if (in_word(c->s[i]) || c->s[i] == '.')
			i++;
		else
			break;
	}
	out->kind = TOKEN_NUMBER;
	out->n = i - c->pos;
}

static void quoted(const struct scan *c, struct token *out)
{
	char quote = c->s[c->pos];
	bool postgres = c->dialect == REDACT_POSTGRES;
	bool name = quote == '`' || (quote == '"' && postgres);
	out->kind = name ? TOKEN_NAME : TOKEN_STRING;
	quoted_end(c, c->pos + 1, quote, !postgres && !name, !name, out);
}

bool scan_next(struct scan *c, struct token *out)
{
	if (c->pos >= c->n)
		return false;
	char first = c->s[c->pos];
	*out = (struct token){.kind = TOKEN_OTHER, .s = c->s + c->pos, .n = 1};
	size_t tag = first == '$' ? dollar_tag(c, c->pos) : 0;
	if (is_space(first)) {
		while (is_space(at(c, c->pos + out->n)))
			out->n++;
		out->kind = TOKEN_SPACE;
	} else if (begins_word(first)) {
		word(c, out);
	} else if (is_digit(first) || (first == '.' && is_digit(at(c, c->pos + 1)))) {
		number(c, out);
	} else if (first == '\'' || first == '"' || (first == '`' && c->dialect == REDACT_MYSQL)) {
		quoted(c, out);
	} else if (tag > 0) {
		dollar_end(c, tag, out);
	} else if (first == '$' && is_digit(at(c, c->pos + 1))) {
		while (is_digit(at(c, c->pos + out->n)))
			out->n++;
		out->kind = TOKEN_WORD;
	} else if (!executable_mark(c, out)) {
		comment(c, out);
	}
	c->pos += out->n;
	return true;
}
