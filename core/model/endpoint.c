/* URLs of both engines to one struct. What could lead to another server than the one that is shown, or what
 * would carry a password onto a screen, is refused with a sentence instead of being guessed at. */
#include "core/model/endpoint.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/text.h"

enum { WORD_MAX = 32, URL_MAX = 8192, PORT_MAX = 65535 };

/* 1. TLS words. */

static const char *const tls_names[] = {
        [TLS_UNSET] = "unset",
        [TLS_DISABLE] = "disable",
        [TLS_ALLOW] = "allow",
        [TLS_PREFER] = "prefer",
        [TLS_REQUIRE] = "require",
        [TLS_VERIFY_CA] = "verify-ca",
        [TLS_VERIFY_FULL] = "verify-full",
};
enum { TLS_MODES = sizeof(tls_names) / sizeof(tls_names[0]) };

static const struct {
	const char *word;
	enum tls_mode mode;
} mysql_tls[] = {
        {"disabled", TLS_DISABLE},
        {"preferred", TLS_PREFER},
        {"required", TLS_REQUIRE},
        {"verify-identity", TLS_VERIFY_FULL},
};

const char *tls_mode_name(enum tls_mode m)
{
	return (size_t)m < TLS_MODES ? tls_names[m] : tls_names[TLS_UNSET];
}

enum tls_mode tls_mode_parse(const char *word)
{
	char plain[WORD_MAX];
	size_t n = 0;
	for (; word[n] != '\0' && n < WORD_MAX - 1; n++)
		plain[n] = word[n] == '_' ? '-' : (char)tolower((unsigned char)word[n]);
	plain[n] = '\0';
	for (size_t i = TLS_DISABLE; i < TLS_MODES; i++) {
		if (strcmp(plain, tls_names[i]) == 0)
			return (enum tls_mode)i;
	}
	for (size_t i = 0; i < sizeof(mysql_tls) / sizeof(mysql_tls[0]); i++) {
		if (strcmp(plain, mysql_tls[i].word) == 0)
			return mysql_tls[i].mode;
	}
	return TLS_UNSET;
}

/* 2. Pieces of a URL. */

void endpoint_free(struct endpoint *ep)
{
	free(ep->shown);
	free(ep->host);
	free(ep->socket);
	free(ep->user);
	free(ep->database);
	free_secret(ep->password);
	free(ep->password_file);
	free(ep->password_command);
	free(ep->service);
	free(ep->option_file);
	free(ep->option_group);
	free_secret(ep->extra);
	free(ep->tls_ca);
	free(ep->tls_cert);
	free(ep->tls_key);
	*ep = (struct endpoint){0};
}

static int hex(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* n bytes without their %-escapes, to be freed; NULL on a broken escape or one that makes a control byte. */
static char *decode(const char *s, size_t n)
{
	char *out = xmalloc(n + 1);
	size_t to = 0;
	bool good = true;
	for (size_t i = 0; i < n && good; i++) {
		int c = (unsigned char)s[i];
		if (c == '%') {
			int high = n - i > 2 ? hex(s[i + 1]) : -1;
			int low = n - i > 2 ? hex(s[i + 2]) : -1;
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		good = c >= 0x20 && c != 0x7F;
		out[to++] = (char)c;
	}
	out[good ? to : 0] = '\0';
	if (good)
		return out;
	free_secret(out);
	return NULL;
}

static bool bad_escape(const char *what, struct err *e)
{
	return err_set(e, ERR_USAGE,
	        "%s: expected %% and two hex digits, and no control characters (%% itself is %%25)", what);
}

/* Like decode, into *field, which is replaced. */
static bool decode_into(char **field, const char *what, const char *s, size_t n, struct err *e)
{
	char *text = decode(s, n);
	if (text == NULL)
		return bad_escape(what, e);
	free_secret(*field);
	*field = text;
	return true;
}

static bool set_port(struct endpoint *ep, const char *s, size_t n, struct err *e)
{
	unsigned port = 0;
	for (size_t i = 0; i < n && port <= PORT_MAX; i++)
		port = isdigit((unsigned char)s[i]) ? port * 10 + (unsigned)(s[i] - '0') : PORT_MAX + 1;
	/* The text is not shown: it is part of a password when that has an unescaped slash. */
	if (n == 0 || port == 0 || port > PORT_MAX)
		return err_set(e, ERR_USAGE,
		        "expected a port from 1 to 65535 (in a password, / : @ ? # are written %%2F %%3A "
		        "%%40 %%3F "
		        "%%23)");
	ep->port = (uint16_t)port;
	return true;
}

/* A name, an address, or for PostgreSQL the folder of the socket, as libpq has it. */
static bool set_host(struct endpoint *ep, const char *s, size_t n, struct err *e)
{
	char *host = decode(s, n);
	if (host == NULL)
		return bad_escape("host", e);
	bool postgres = ep->engine == ENGINE_POSTGRES;
	bool folder = postgres && host[0] == '/';
	bool several = strchr(host, ',') != NULL;
	bool good = host[0] != '\0' && !several;
	for (const char *c = host; *c != '\0' && !folder; c++)
		good = good && (isalnum((unsigned char)*c) || strchr("-._:%", *c) != NULL || *c & 0x80);
	if (!good) {
		free(host);
		if (several)
			return err_set(e, ERR_USAGE,
			        "several hosts in one URL: give one URL for each server, so that each is "
			        "watched");
		return err_set(e, ERR_USAGE, "expected a host name, an address, or an IPv6 address in [ ]%s",
		        postgres ? ", or the folder of a socket" : "; a socket is ?socket=/path");
	}
	free(ep->host);
	free(ep->socket);
	ep->host = folder ? NULL : host;
	ep->socket = folder ? host : NULL;
	return true;
}

/* 3. Parameters. */

enum param_kind {
	PARAM_HOST,
	PARAM_PORT,
	PARAM_FIELD, /* a string of the endpoint, by offset */
	PARAM_SOCKET,
	PARAM_TLS,
	PARAM_KILL,
	PARAM_EXTRA,
	PARAM_REFUSED
};
enum { POSTGRES = 1, MYSQL = 2, BOTH = 3 };

struct url_param {
	const char *name;
	enum param_kind kind;
	unsigned engines;
	size_t field;
	const char *why; /* PARAM_REFUSED */
};

static const char one_server[] = "one URL is one server";
static const char our_limits[] = "dbatop sets its own limits in the session";
static const char our_name[] = "the server knows dbatop by it";

static const struct url_param params[] = {
        {"host", PARAM_HOST, BOTH, 0, NULL},
        {"port", PARAM_PORT, BOTH, 0, NULL},
        {"user", PARAM_FIELD, BOTH, offsetof(struct endpoint, user), NULL},
        {"password", PARAM_FIELD, BOTH, offsetof(struct endpoint, password), NULL},
        {"dbname", PARAM_FIELD, POSTGRES, offsetof(struct endpoint, database), NULL},
        {"database", PARAM_FIELD, MYSQL, offsetof(struct endpoint, database), NULL},
        {"service", PARAM_FIELD, POSTGRES, offsetof(struct endpoint, service), NULL},
        {"socket", PARAM_SOCKET, BOTH, 0, NULL},
        {"sslmode", PARAM_TLS, BOTH, 0, NULL},
        {"ssl-mode", PARAM_TLS, BOTH, 0, NULL},
        {"sslrootcert", PARAM_FIELD, BOTH, offsetof(struct endpoint, tls_ca), NULL},
        {"ssl-ca", PARAM_FIELD, BOTH, offsetof(struct endpoint, tls_ca), NULL},
        {"sslcert", PARAM_FIELD, BOTH, offsetof(struct endpoint, tls_cert), NULL},
        {"ssl-cert", PARAM_FIELD, BOTH, offsetof(struct endpoint, tls_cert), NULL},
        {"sslkey", PARAM_FIELD, BOTH, offsetof(struct endpoint, tls_key), NULL},
        {"ssl-key", PARAM_FIELD, BOTH, offsetof(struct endpoint, tls_key), NULL},
        {"defaults-file", PARAM_FIELD, MYSQL, offsetof(struct endpoint, option_file), NULL},
        {"defaults-group", PARAM_FIELD, MYSQL, offsetof(struct endpoint, option_group), NULL},
        {"kill-dialect", PARAM_KILL, BOTH, 0, NULL},
        {"passfile", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"channel_binding", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"require_auth", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"requirepeer", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"gssencmode", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"krbsrvname", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"gsslib", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"sslcrl", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"sslcrldir", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"sslsni", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"sslpassword", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"ssl_min_protocol_version", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"ssl_max_protocol_version", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"keepalives", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"keepalives_idle", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"keepalives_interval", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"keepalives_count", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"tcp_user_timeout", PARAM_EXTRA, POSTGRES, 0, NULL},
        {"options", PARAM_REFUSED, POSTGRES, 0, our_limits},
        {"client_encoding", PARAM_REFUSED, POSTGRES, 0, our_limits},
        {"replication", PARAM_REFUSED, POSTGRES, 0, our_limits},
        {"application_name", PARAM_REFUSED, POSTGRES, 0, our_name},
        {"fallback_application_name", PARAM_REFUSED, POSTGRES, 0, our_name},
        {"hostaddr", PARAM_REFUSED, POSTGRES, 0, "give the address as the host"},
        {"target_session_attrs", PARAM_REFUSED, POSTGRES, 0, one_server},
        {"load_balance_hosts", PARAM_REFUSED, POSTGRES, 0, one_server},
        {"connect_timeout", PARAM_REFUSED, BOTH, 0, "deadlines are in the config, under timeouts"},
        {"init-command", PARAM_REFUSED, MYSQL, 0, our_limits},
};
enum { PARAMS = sizeof(params) / sizeof(params[0]) };

static bool set_tls(struct endpoint *ep, const char *word, struct err *e)
{
	ep->tls = tls_mode_parse(word);
	if (ep->tls == TLS_UNSET || (ep->tls == TLS_ALLOW && ep->engine != ENGINE_POSTGRES)) {
		ep->tls = TLS_UNSET;
		return err_set(e, ERR_USAGE,
		        "sslmode: expected disable, %sprefer, require, verify-ca or verify-full",
		        ep->engine == ENGINE_POSTGRES ? "allow, " : "");
	}
	return true;
}

static bool set_kill(struct endpoint *ep, const char *word, struct err *e)
{
	static const char *const names[] = {
	        [KILL_NATIVE] = "native", [KILL_RDS] = "rds", [KILL_AZURE] = "azure"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i]) == 0) {
			ep->kill = (enum kill_dialect)i;
			return true;
		}
	}
	return err_set(e, ERR_USAGE, "kill-dialect: expected native, rds or azure");
}

static void add_extra(struct endpoint *ep, const char *name, const char *value)
{
	struct buf b;
	buf_init(&b, 4 * URL_MAX);
	buf_printf(&b, "%s%s%s='", ep->extra == NULL ? "" : ep->extra, ep->extra == NULL ? "" : " ", name);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_putc(&b, '\\');
		buf_putc(&b, *value);
	}
	buf_putc(&b, '\'');
	free_secret(ep->extra);
	ep->extra = buf_steal(&b);
}

static bool set_text(struct endpoint *ep, const struct url_param *p, const char *value, struct err *e)
{
	switch (p->kind) {
	case PARAM_SOCKET:
		if (value[0] != '/')
			return err_set(e, ERR_USAGE, "socket: expected a path that begins with /");
		free(ep->host);
		free(ep->socket);
		ep->host = NULL;
		ep->socket = xstrdup(value);
		return true;
	case PARAM_TLS:
		return set_tls(ep, value, e);
	case PARAM_KILL:
		return set_kill(ep, value, e);
	case PARAM_EXTRA:
		add_extra(ep, p->name, value);
		return true;
	default:
		return err_set(e, ERR_USAGE, "%s is not taken from a URL: %s", p->name, p->why);
	}
}

static bool apply_param(
        struct endpoint *ep, const struct url_param *p, const char *s, size_t n, struct err *e)
{
	if (p->kind == PARAM_HOST)
		return set_host(ep, s, n, e);
	if (p->kind == PARAM_PORT)
		return set_port(ep, s, n, e);
	if (p->kind == PARAM_FIELD)
		return decode_into((char **)((char *)ep + p->field), p->name, s, n, e);
	char *value = NULL;
	if (!decode_into(&value, p->name, s, n, e))
		return false;
	bool good = set_text(ep, p, value, e);
	free_secret(value);
	return good;
}

/* Names that cannot be one are not shown: they may be the rest of a password. */
static bool unknown_param(enum engine engine, const char *s, size_t n, struct err *e)
{
	char word[WORD_MAX];
	const char *names[PARAMS];
	size_t count = 0;
	unsigned bit = engine == ENGINE_POSTGRES ? POSTGRES : MYSQL;
	bool plain = n > 0 && n < WORD_MAX;
	for (size_t i = 0; i < n && plain; i++)
		plain = isalpha((unsigned char)s[i]) || s[i] == '_' || s[i] == '-';
	if (!plain)
		return err_set(e, ERR_USAGE, "expected parameters as name=value joined by & after the ?");
	memcpy(word, s, n);
	word[n] = '\0';
	for (size_t i = 0; i < PARAMS; i++) {
		if ((params[i].engines & bit) != 0 && params[i].kind != PARAM_REFUSED)
			names[count++] = params[i].name;
	}
	const char *hint = text_did_you_mean(word, names, count);
	return err_set(e, ERR_USAGE, "unknown parameter %s for %s%s%s%s", word,
	        engine == ENGINE_POSTGRES ? "postgres" : "mysql", hint == NULL ? "" : ", did you mean ",
	        hint == NULL ? "" : hint, hint == NULL ? "" : "?");
}

static bool parse_param(struct endpoint *ep, const char *s, size_t n, struct err *e)
{
	const char *equals = memchr(s, '=', n);
	size_t name = equals == NULL ? n : (size_t)(equals - s);
	unsigned bit = ep->engine == ENGINE_POSTGRES ? POSTGRES : MYSQL;
	for (size_t i = 0; i < PARAMS; i++) {
		const struct url_param *p = &params[i];
		if (strlen(p->name) != name || strncmp(p->name, s, name) != 0 || (p->engines & bit) == 0)
			continue;
		if (equals == NULL)
			return err_set(e, ERR_USAGE, "%s: expected =value", p->name);
		return apply_param(ep, p, equals + 1, n - name - 1, e);
	}
	return unknown_param(ep->engine, s, name, e);
}

static bool parse_params(struct endpoint *ep, const char *s, struct err *e)
{
	while (*s != '\0') {
		size_t n = strcspn(s, "&");
		if (n > 0 && !parse_param(ep, s, n, e))
			return false;
		s += n + (s[n] == '&');
	}
	return true;
}

/* 4. The whole. */

static bool parse_login(struct endpoint *ep, const char *s, size_t n, struct err *e)
{
	const char *colon = memchr(s, ':', n);
	size_t user = colon == NULL ? n : (size_t)(colon - s);
	if (user > 0 && !decode_into(&ep->user, "user", s, user, e))
		return false;
	return colon == NULL || decode_into(&ep->password, "password", colon + 1, n - user - 1, e);
}

static bool parse_place(struct endpoint *ep, const char *s, size_t n, struct err *e)
{
	const char *host = s;
	size_t length = n;
	const char *colon = memchr(s, ':', n);
	if (memchr(s, ',', n) != NULL)
		return set_host(ep, ",", 1, e);
	if (n > 0 && *s == '[') {
		const char *close = memchr(s, ']', n);
		if (close == NULL)
			return err_set(e, ERR_USAGE, "expected ] after an IPv6 address");
		host = s + 1;
		length = (size_t)(close - host);
		size_t behind = n - length - 2;
		if (length == 0 || memchr(host, ':', length) == NULL || (behind > 0 && close[1] != ':'))
			return err_set(e, ERR_USAGE, "expected an IPv6 address in [ ], then :port or /");
		colon = behind > 0 ? close + 1 : NULL;
	} else if (colon != NULL) {
		length = (size_t)(colon - s);
	}
	if (colon != NULL && !set_port(ep, colon + 1, (size_t)(s + n - colon - 1), e))
		return false;
	return n == 0 || (length == 0 && colon != NULL) || set_host(ep, host, length, e);
}

/* What screens and logs say. */
static char *show(const struct endpoint *ep)
{
	struct buf b;
	buf_init(&b, 4 * URL_MAX);
	buf_printf(&b, "%s://%s%s", engine_name(ep->engine), ep->user == NULL ? "" : ep->user,
	        ep->user == NULL ? "" : "@");
	if (ep->host != NULL && strchr(ep->host, ':') != NULL)
		buf_printf(&b, "[%s]", ep->host);
	else if (ep->host != NULL)
		buf_puts(&b, ep->host);
	if (ep->port != 0)
		buf_printf(&b, ":%u", ep->port);
	if (ep->database != NULL)
		buf_printf(&b, "/%s", ep->database);
	if (ep->socket != NULL)
		buf_printf(&b, " (socket %s)", ep->socket);
	if (ep->service != NULL)
		buf_printf(&b, " (service %s)", ep->service);
	return buf_steal(&b);
}

static bool parse_url(const char *url, struct endpoint *ep, struct err *e)
{
	/* 1. The scheme. */
	static const struct {
		const char *scheme;
		enum engine engine;
	} schemes[] = {
	        {"postgres://", ENGINE_POSTGRES},
	        {"postgresql://", ENGINE_POSTGRES},
	        {"mysql://", ENGINE_MYSQL},
	        {"mariadb://", ENGINE_MYSQL},
	};
	const char *s = NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && s == NULL; i++) {
		size_t n = strlen(schemes[i].scheme);
		if (strncasecmp(url, schemes[i].scheme, n) == 0) {
			s = url + n;
			ep->engine = schemes[i].engine;
		}
	}
	if (s == NULL)
		return err_set(e, ERR_USAGE, "expected postgres://user@host/database or mysql://user@host");
	if (strlen(s) > URL_MAX)
		return err_set(e, ERR_USAGE, "the URL is longer than %d bytes", URL_MAX);

	/* 2. Authority, path and parameters. A stray @ or / is most likely a password without escapes. */
	size_t authority = strcspn(s, "/?#");
	const char *path = s + authority;
	size_t length = *path == '/' ? strcspn(++path, "?#") : 0;
	const char *query = path + length;
	if (memchr(path, '@', length) != NULL || memchr(path, '/', length) != NULL || *query == '#' ||
	        strchr(query, '#') != NULL)
		return err_set(e, ERR_USAGE,
		        "unexpected / @ or #: in a password or name they are written %%2F %%40 %%23");
	const char *at = memrchr(s, '@', authority);
	const char *place = at == NULL ? s : at + 1;
	if (at != NULL && !parse_login(ep, s, (size_t)(at - s), e))
		return false;
	if (!parse_place(ep, place, (size_t)(s + authority - place), e))
		return false;
	if (length > 0 && !decode_into(&ep->database, "database", path, length, e))
		return false;
	return *query != '?' || parse_params(ep, query + 1, e);
}

bool endpoint_parse(const char *url, struct endpoint *out, struct err *e)
{
	*out = (struct endpoint){0};
	if (!parse_url(url, out, e)) {
		endpoint_free(out);
		return false;
	}
	out->shown = show(out);
	return true;
}
