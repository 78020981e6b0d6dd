/* Whatever surrounds it, a secret that is quoted by a dialect's rules does not come out of redaction; what
 * comes out has no literal left; and any bytes at all are survived. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "Xyzzy";

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool holds_secret(const struct buf *b)
{
	return memmem(buf_str(b), b->len, secret, strlen(secret)) != NULL;
}

/* Appends the literal that means bytes + secret in the dialect. */
static void put_literal(struct buf *b, enum redact_dialect dialect, const char *s, size_t n)
{
	buf_putc(b, '\'');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\'' || (s[i] == '\\' && dialect == REDACT_MYSQL))
			buf_putc(b, s[i]);
		buf_putc(b, s[i]);
	}
	buf_puts(b, secret);
	buf_putc(b, '\'');
}

static void check_statement(
        const char *before, enum redact_dialect dialect, const char *s, size_t n, size_t limit)
{
	struct buf sql;
	struct buf out;
	buf_init(&sql, limit);
	buf_init(&out, limit);
	buf_puts(&sql, before);
	put_literal(&sql, dialect, s, n);
	buf_puts(&sql, ", name = 1");
	redact_sql(dialect, buf_str(&sql), sql.len, &out);
	check(!holds_secret(&out) && out.len >= strlen(before) - 1);
	buf_reset(&out);
	redact_passwords(dialect, buf_str(&sql), sql.len, &out);
	check(!holds_secret(&out));
	buf_free(&sql);
	buf_free(&out);
}

static void check_any(enum redact_dialect dialect, const char *s, size_t n, size_t limit)
{
	/* Redacted text is its own redaction: no literal was left. (Dashes may become a comment when the
	 * blank that stands for a comment follows them: then only less is left.) */
	struct buf once;
	struct buf twice;
	buf_init(&once, limit);
	buf_init(&twice, limit);
	redact_sql(dialect, s, n, &once);
	redact_sql(dialect, buf_str(&once), once.len, &twice);
	check(!once.overflow && once.len <= n);
	bool dashes = memmem(s, n, "--", 2) != NULL;
	check(dashes ? twice.len <= once.len : once.len == twice.len);
	check(dashes || memcmp(buf_str(&once), buf_str(&twice), once.len) == 0);
	buf_reset(&once);
	redact_passwords(dialect, s, n, &once);
	check(!once.overflow);
	buf_free(&once);
	buf_free(&twice);
}

static void check_url(const char *s, size_t n, size_t limit)
{
	/* 1. Any string. */
	struct buf url;
	struct buf out;
	buf_init(&url, limit);
	buf_init(&out, limit);
	buf_put(&url, s, n);
	redact_url(buf_str(&url), &out);
	check(!out.overflow);

	/* 2. A password that is percent-encoded, as the rules want it. */
	buf_reset(&url);
	buf_reset(&out);
	buf_puts(&url, "postgres://u:");
	for (size_t i = 0; i < n; i++)
		buf_printf(&url, "%%%02X", (unsigned char)s[i]);
	buf_printf(&url, "%s@h:5432/db?password=%s&x=@", secret, secret);
	redact_url(buf_str(&url), &out);
	check(!holds_secret(&out));

	/* 3. Conninfo, quoted. */
	buf_reset(&url);
	buf_reset(&out);
	buf_puts(&url, "host=h password = '");
	for (size_t i = 0; i < n && s[i] != '\0'; i++) {
		if (s[i] == '\'' || s[i] == '\\')
			buf_putc(&url, '\\');
		buf_putc(&url, s[i]);
	}
	buf_printf(&url, "%s' user=u", secret);
	redact_url(buf_str(&url), &out);
	check(!holds_secret(&out));
	buf_free(&url);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	size_t limit = size * 8 + 256;
	for (int mysql = 0; mysql < 2; mysql++) {
		enum redact_dialect dialect = mysql ? REDACT_MYSQL : REDACT_POSTGRES;
		check_any(dialect, s, size, limit);
		check_statement("ALTER USER u PASSWORD ", dialect, s, size, limit);
		check_statement("CREATE USER u IDENTIFIED BY ", dialect, s, size, limit);
		check_statement("UPDATE t SET password = f(1) || ", dialect, s, size, limit);
	}
	check_url(s, size, limit);
	return 0;
}
