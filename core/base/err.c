/* The one place that builds an error's sentence, so that each stays one line whatever a server or a library
 * put into its message, and is never cut inside a character. */
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum { FORMAT_MAX = 2 * ERR_TEXT_MAX + 2 }; /* a text, and what is put before it */

static const char *const code_names[ERR_CODE_COUNT] = {
        [ERR_NONE] = "none",
        [ERR_TIMEOUT] = "timeout",
        [ERR_CANCELLED] = "cancelled",
        [ERR_IO] = "io",
        [ERR_RESOLVE] = "resolve",
        [ERR_REFUSED] = "refused",
        [ERR_TLS] = "tls",
        [ERR_AUTH] = "auth",
        [ERR_LIMIT] = "limit",
        [ERR_DENIED] = "denied",
        [ERR_UNSUPPORTED] = "unsupported",
        [ERR_SERVER] = "server",
        [ERR_SERVER_LIMIT] = "server_limit",
        [ERR_LOST] = "lost",
        [ERR_PROTOCOL] = "protocol",
        [ERR_POOLER] = "pooler",
        [ERR_IDENTITY] = "identity",
        [ERR_GATED] = "gated",
        [ERR_USAGE] = "usage",
};

static bool is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Length of s without a last character that a cut left incomplete. */
static size_t whole_characters(const char *s, size_t n)
{
	size_t lead = n;
	while (lead > 0 && n - lead < 4 && ((unsigned char)s[lead - 1] & 0xC0) == 0x80)
		lead--;
	if (lead == 0)
		return n;
	unsigned char c = (unsigned char)s[lead - 1];
	size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
	return n - (lead - 1) < need ? lead - 1 : n;
}

/* Libraries end messages with a newline and put "DETAIL:" on lines of its own; servers answer in latin1. What
 * is kept is UTF-8 without control characters, and runs of white space are one blank. */
static void settle(const char *in, char out[ERR_TEXT_MAX])
{
	char copy[FORMAT_MAX];
	size_t n = strlen(in);
	if (!text_is_clean(in, n)) {
		n = text_sanitise(copy, sizeof(copy), in, n);
		in = copy;
	}
	size_t to = 0;
	for (size_t from = 0; from < n && to < ERR_TEXT_MAX - 1; from++) {
		if (!is_space((unsigned char)in[from]))
			out[to++] = in[from];
		else if (to > 0 && out[to - 1] != ' ')
			out[to++] = ' ';
	}
	to = whole_characters(out, to);
	while (to > 0 && out[to - 1] == ' ')
		to--;
	out[to] = '\0';
}

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	if (e == NULL)
		return false;
	/* The arguments may point into e itself: format beside it, then replace. */
	char text[FORMAT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*e = (struct err){.code = code};
	settle(text, e->text);
	return false;
}

bool err_set_errno(struct err *e, int errnum, const char *fmt, ...)
{
	if (e == NULL)
		return false;
	char what[ERR_TEXT_MAX];
	char scratch[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(e, ERR_IO, "%s: %s", what, strerror_r(errnum, scratch, sizeof(scratch)));
	e->native = errnum;
	return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
	if (e == NULL)
		return false;
	char what[ERR_TEXT_MAX];
	char text[FORMAT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "%s: %s", what, e->text);
	settle(text, e->text);
	return false;
}

void err_clear(struct err *e)
{
	if (e != NULL)
		*e = (struct err){.code = ERR_NONE};
}

const char *err_code_name(enum err_code code)
{
	if ((unsigned)code >= ERR_CODE_COUNT)
		return "unknown";
	return code_names[code];
}
