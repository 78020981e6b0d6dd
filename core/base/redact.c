/* Statements, URLs and conninfo end up on screens, in logs, clipboards and recordings. This file decides what
 * of them may: literals go altogether, or, where policy shows literals, at least passwords do. */
#include "core/base/redact.h"

#include <string.h>

#include "core/base/redact_scan.h"

static const char hidden[] = "***";

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Letters only, in lower case, for word. */
static bool begins(const char *s, size_t n, const char *word)
{
	for (size_t i = 0; word[i] != '\0'; i++) {
		if (i == n || (s[i] | 0x20) != word[i])
			return false;
	}
	return true;
}

/* 1. Words that announce a password */

/* Each begins with p or s: is_secret_name looks no further otherwise. */
static const char *const secret_words[] = {"passw", "passphrase", "secret", "pwd"};

/* True when a key or column of this name is likely to hold a secret. */
static bool is_secret_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char letter = (char)(s[i] | 0x20);
		if (letter != 'p' && letter != 's')
			continue;
		for (size_t k = 0; k < sizeof(secret_words) / sizeof(secret_words[0]); k++) {
			if (begins(s + i, n - i, secret_words[k]))
				return true;
		}
	}
	return false;
}

/* 2. Literals */

void redact_sql(enum redact_dialect dialect, const char *sql, size_t n, struct buf *out)
{
	struct scan scan = {.dialect = dialect, .s = sql, .n = n};
	struct token t;
	bool gap = false;
	bool any = false;
	bool after_password = false;
	while (scan_next(&scan, &t)) {
		if (t.kind == TOKEN_SPACE || t.kind == TOKEN_COMMENT) {
			gap = true;
			continue;
		}
		if (gap && any)
			buf_putc(out, ' ');
		gap = false;
		any = true;
		/* PASSWORD "x" is a mistake that people make, and that ends up here. */
		bool hide_name = t.kind == TOKEN_NAME && (t.close == 0 || after_password);
		if (t.kind == TOKEN_STRING || t.kind == TOKEN_NUMBER || hide_name)
			buf_putc(out, '?');
		else
			buf_put(out, t.s, t.n);
		after_password = t.kind == TOKEN_WORD && is_secret_name(t.s, t.n);
	}
}

/* 3. Passwords inside a text */

/* What may stand between the word and its value: password=x, "password": "x", PASSWORD('x'), PASSWORD E'x',
 * SET PASSWORD FOR u = 'x'. */
static bool value_follows(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && is_space(s[i]))
		i++;
	if (i >= n)
		return false;
	if (strchr("=:'\"\\($`", s[i]) != NULL)
		return true;
	if (i + 1 < n && is_letter(s[i]) && s[i + 1] == '\'')
		return true;
	return i > 0 && (begins(s + i, n - i, "for") || begins(s + i, n - i, "to"));
}

/* Offset in free text from which all must be hidden, n if nothing. */
static size_t secret_begins(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_letter(s[i]))
			continue;
		size_t end = i;
		while (end < n && (is_letter(s[end]) || (s[end] >= '0' && s[end] <= '9') || s[end] == '%'))
			end++;
		if (begins(s + i, end - i, "identified") && end < n && is_space(s[end]))
			return end;
		if (is_secret_name(s + i, end - i) && value_follows(s + end, n - end))
			return end;
		i = end;
	}
	return n;
}

/* A password in the userinfo of a URL; s begins at the authority. It lies between *from (its colon) and *to
 * (the
 * @ that ends it). Passwords that should have been percent-encoded hold any of @ / ? #: the widest reading
 * that makes sense wins. */
static bool userinfo_password(const char *s, size_t n, size_t *from, size_t *to)
{
	const char *last = memrchr(s, '@', n);
	if (last == NULL)
		return false;
	const char *query = memchr(s, '?', (size_t)(last - s));
	if (query != NULL && memchr(query, '=', (size_t)(last - query)) != NULL) {
		/* The last @ is in a parameter, unless what precedes the query is no host and port. */
		const char *before = memrchr(s, '@', (size_t)(query - s));
		const char *port = memchr(s, ':', (size_t)(query - s));
		while (port != NULL && (port[1] == ',' || (port[1] >= '0' && port[1] <= '9')))
			port++;
		if (before != NULL)
			last = before;
		else if (port == NULL || port[1] == '/' || port[1] == '?')
			return false;
	}
	size_t end = (size_t)(last - s);
	const char *colon = memchr(s, ':', end);
	const char *encoded = memmem(s, end, "%3A", 3);
	if (encoded == NULL)
		encoded = memmem(s, end, "%3a", 3);
	if (colon == NULL || (encoded != NULL && encoded < colon))
		colon = encoded;
	if (colon == NULL)
		return false;
	*from = (size_t)(colon - s);
	*to = end;
	return true;
}

/* The content of a literal or comment that may be shown but for what looks like a password in it. */
static void put_text(const char *s, size_t n, struct buf *out)
{
	size_t shown = secret_begins(s, n);
	size_t from = n;
	size_t to = n;
	const char *scheme = memmem(s, shown, "://", 3);
	if (scheme != NULL) {
		size_t authority = (size_t)(scheme - s) + 3;
		if (userinfo_password(s + authority, n - authority, &from, &to)) {
			from += authority;
			to += authority;
		}
	}
	size_t at = 0;
	if (from < shown) {
		buf_put(out, s, from);
		buf_printf(out, ":%s", hidden);
		at = to;
	}
	if (at > shown)
		return;
	buf_put(out, s + at, shown - at);
	if (shown < n)
		buf_printf(out, "%c%s", s[shown] == '=' ? '=' : ' ', hidden);
}

/* 4. Statements with their literals, without their passwords */

enum reach {
	REACH_NONE,
	REACH_VALUE,     /* after PASSWORD: its value is still to come */
	REACH_SEEN,      /* a literal was hidden; another word ends it */
	REACH_STATEMENT, /* after IDENTIFIED: plugin, hash and old password follow */
};

static enum reach reach_after_word(enum reach reach, const char *s, size_t n)
{
	if (reach == REACH_STATEMENT || (n == strlen("identified") && begins(s, n, "identified")))
		return REACH_STATEMENT;
	if (is_secret_name(s, n))
		return REACH_VALUE;
	return reach == REACH_SEEN ? REACH_NONE : reach;
}

/* A quoted token that is shown: its content may still carry a password. */
static void put_quoted(const struct token *t, struct buf *out)
{
	buf_put(out, t->s, t->open);
	put_text(t->s + t->open, t->n - t->open - t->close, out);
	buf_put(out, t->s + t->n - t->close, t->close);
}

static void put_literal(const struct token *t, enum reach *reach, struct buf *out)
{
	if (*reach != REACH_NONE) {
		buf_printf(out, "'%s'", hidden);
		if (*reach == REACH_VALUE)
			*reach = REACH_SEEN;
		return;
	}
	put_quoted(t, out);
	/* jsonb_build_object('password', 'x') */
	const char *content = t->s + t->open;
	size_t n = t->n - t->open - t->close;
	size_t name = 0;
	while (name < n && (is_letter(content[name]) || content[name] == '.'))
		name++;
	if (name == n && is_secret_name(content, n))
		*reach = REACH_VALUE;
}

void redact_passwords(enum redact_dialect dialect, const char *sql, size_t n, struct buf *out)
{
	struct scan scan = {.dialect = dialect, .s = sql, .n = n};
	struct token t;
	enum reach reach = REACH_NONE;
	bool after_word = false; /* the last token but blanks was the word PASSWORD itself */
	while (scan_next(&scan, &t)) {
		if (t.kind == TOKEN_SPACE) {
			buf_put(out, t.s, t.n);
			continue;
		}
		if (t.kind == TOKEN_COMMENT) {
			put_quoted(&t, out);
			continue;
		}
		bool wrong_quotes = t.kind == TOKEN_NAME && after_word;
		if (t.kind == TOKEN_STRING || t.kind == TOKEN_NUMBER || wrong_quotes) {
			put_literal(&t, &reach, out);
		} else {
			if (t.kind == TOKEN_WORD || t.kind == TOKEN_NAME)
				reach = reach_after_word(reach, t.s, t.n);
			else if (t.s[0] == ';')
				reach = REACH_NONE;
			buf_put(out, t.s, t.n);
		}
		after_word = t.kind == TOKEN_WORD && is_secret_name(t.s, t.n);
	}
}

/* 5. URLs and conninfo */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* True when a parameter's name, which may be percent-encoded, names a secret. */
static bool is_secret_key(const char *s, size_t n)
{
	char name[64];
	size_t length = 0;
	for (size_t i = 0; i < n && length < sizeof(name); i++) {
		char c = s[i];
		if (c == '%' && i + 2 < n && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
			c = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		}
		name[length++] = c;
	}
	return is_secret_name(name, length) || is_secret_name(s, n);
}

/* One key=value, or a piece without = that may be the rest of a password which was not quoted. */
static bool put_pair(const char *s, size_t n, bool after_secret, struct buf *out)
{
	const char *equals = memchr(s, '=', n);
	if (equals == NULL) {
		if (!after_secret)
			buf_put(out, s, n);
		return after_secret;
	}
	size_t key = (size_t)(equals - s);
	if (!is_secret_key(s, key)) {
		buf_put(out, s, n);
		return false;
	}
	buf_put(out, s, key);
	buf_printf(out, "=%s", hidden);
	return true;
}

static void put_parameters(const char *s, size_t n, struct buf *out)
{
	bool secret = false;
	for (size_t i = 0; i < n;) {
		size_t length = 0;
		while (i + length < n && strchr("?&;", s[i + length]) == NULL)
			length++;
		secret = put_pair(s + i, length, secret, out);
		i += length;
		if (i < n)
			buf_putc(out, s[i++]);
	}
}

static void put_url(const char *s, size_t n, size_t authority, struct buf *out)
{
	size_t from;
	size_t to;
	if (userinfo_password(s + authority, n - authority, &from, &to)) {
		buf_put(out, s, authority + from);
		s += authority + to;
		n -= authority + to;
	} else {
		buf_put(out, s, authority);
		s += authority;
		n -= authority;
	}
	const char *query = memchr(s, '?', n);
	size_t path = query == NULL ? n : (size_t)(query - s);
	buf_put(out, s, path);
	put_parameters(s + path, n - path, out);
}

/* Bytes of a conninfo value at s: quoted or not, a backslash takes the next byte. */
static size_t conninfo_value(const char *s, size_t n)
{
	bool quoted = n > 0 && s[0] == '\'';
	size_t i = quoted ? 1 : 0;
	while (i < n && (quoted ? s[i] != '\'' : !is_space(s[i])))
		i += s[i] == '\\' && i + 1 < n ? 2 : 1;
	return i < n && quoted ? i + 1 : i;
}

static void put_conninfo(const char *s, size_t n, struct buf *out)
{
	bool secret = false;
	for (size_t i = 0; i < n;) {
		if (is_space(s[i])) {
			buf_putc(out, s[i++]);
			continue;
		}
		/* 1. The key, and = with blanks around it. */
		size_t start = i;
		while (i < n && !is_space(s[i]) && s[i] != '=')
			i++;
		size_t key_end = i;
		while (i < n && is_space(s[i]))
			i++;
		if (i >= n || s[i] != '=') {
			i = key_end;
			secret = put_pair(s + start, i - start, secret, out);
			continue;
		}
		i++;
		while (i < n && is_space(s[i]))
			i++;
		/* 2. Its value. */
		i += conninfo_value(s + i, n - i);
		secret = put_pair(s + start, i - start, secret, out);
	}
}

void redact_url(const char *url, struct buf *out)
{
	size_t n = strlen(url);
	const char *scheme = strstr(url, "://");
	size_t word = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
	if (scheme != NULL && word == (size_t)(scheme - url))
		put_url(url, n, word + 3, out);
	else if (strchr(url, '@') != NULL && url[strcspn(url, ":=")] == ':')
		put_url(url, n, 0, out);
	else
		put_conninfo(url, n, out);
}
