/* A fingerprint of any bytes ends, is never longer than they are, and does not change with a literal that is
 * quoted by the dialect's rules. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* A statement around the literal that means these bytes. */
static void put_statement(struct buf *b, enum redact_dialect dialect, const char *s, size_t n)
{
	buf_puts(b, "SELECT a FROM t WHERE b IN (7, '");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\'' || s[i] == '\\')
			buf_putc(b, s[i] == '\\' && dialect == REDACT_POSTGRES ? '\'' : s[i]);
		buf_putc(b, s[i] == '\\' && dialect == REDACT_POSTGRES ? '\'' : s[i]);
	}
	buf_puts(b, "', 8) AND c = 1");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	for (int mysql = 0; mysql < 2; mysql++) {
		enum redact_dialect dialect = mysql ? REDACT_MYSQL : REDACT_POSTGRES;
		struct buf text;
		struct buf sql;
		buf_init(&text, size + 1);
		buf_init(&sql, size * 2 + 128);
		fingerprint_put(dialect, s, size, &text);
		check(text.len <= size && !text.overflow);
		check((fingerprint_of(dialect, s, size) == 0) == (text.len == 0));
		put_statement(&sql, dialect, "x", 1);
		uint64_t plain = fingerprint_of(dialect, buf_str(&sql), sql.len);
		buf_reset(&sql);
		put_statement(&sql, dialect, s, size);
		check(fingerprint_of(dialect, buf_str(&sql), sql.len) == plain);
		buf_free(&text);
		buf_free(&sql);
	}
	return 0;
}
