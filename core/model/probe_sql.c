/* The statement of a probe: where its parameters are, which rules it must keep, and the two ways to send it.
 * Values enter SQL text here and nowhere else. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/model/probe_parse.h"

/* 1. Pieces. */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Past a quoted text that begins at s; NULL when it never ends. */
static const char *past_quote(const char *s, bool backslash)
{
	char quote = *s++;
	for (; *s != '\0'; s++) {
		if (*s == '\\' && backslash && s[1] != '\0')
			s++;
		else if (*s == quote && s[1] == quote)
			s++;
		else if (*s == quote)
			return s + 1;
	}
	return NULL;
}

/* PostgreSQL's $tag$…$tag$; s itself when there is none here. */
static const char *past_dollar(const char *s)
{
	const char *tag = s + 1;
	while (isalnum((unsigned char)*tag) || *tag == '_')
		tag++;
	if (*tag != '$' || isdigit((unsigned char)s[1]))
		return s;
	size_t n = (size_t)(tag - s) + 1;
	for (const char *at = tag + 1; (at = strchr(at, '$')) != NULL; at++) {
		if (strncmp(at, s, n) == 0)
			return at + n;
	}
	return NULL;
}

static const char *past_comment(const char *s, bool nests)
{
	int depth = 1;
	for (s += 2; *s != '\0'; s++) {
		if (s[0] == '*' && s[1] == '/') {
			s++;
			if (--depth == 0)
				return s + 1;
		} else if (nests && s[0] == '/' && s[1] == '*') {
			s++;
			depth++;
		}
	}
	return NULL;
}

static enum sql_piece take(struct sql_scan *scan, enum sql_piece piece, const char *end)
{
	if (end == NULL) {
		piece = SQL_BROKEN;
		end = scan->text + strlen(scan->text);
	}
	scan->n = (size_t)(end - scan->text);
	scan->at = end;
	return piece;
}

static enum sql_piece take_word(struct sql_scan *scan, bool postgres)
{
	const char *s = scan->text;
	if (postgres && (*s == 'E' || *s == 'e') && s[1] == '\'')
		return take(scan, SQL_QUOTED, past_quote(s + 1, true));
	while (is_word(*s))
		s++;
	return take(scan, SQL_WORD, s);
}

static enum sql_piece take_colon(struct sql_scan *scan)
{
	const char *s = scan->text + 1;
	if (*s == ':' || *s == '=')
		return take(scan, SQL_OTHER, s + 1);
	if (!islower((unsigned char)*s) && *s != '_')
		return take(scan, SQL_OTHER, s);
	while (islower((unsigned char)*s) || isdigit((unsigned char)*s) || *s == '_')
		s++;
	return take(scan, SQL_PARAM, s);
}

enum sql_piece sql_next(struct sql_scan *scan)
{
	const char *s = scan->text = scan->at;
	bool postgres = scan->engine == ENGINE_POSTGRES;
	if (*s == '\0')
		return take(scan, SQL_END, s);
	if (isspace((unsigned char)*s))
		return take(scan, SQL_SPACE, s + strspn(s, " \t\r\n\v\f"));
	bool dashes =
	        s[0] == '-' && s[1] == '-' && (postgres || s[2] == '\0' || isspace((unsigned char)s[2]));
	if (dashes || (*s == '#' && !postgres))
		return take(scan, SQL_SPACE, s + strcspn(s, "\n"));
	if (s[0] == '/' && s[1] == '*')
		return take(scan, SQL_SPACE, past_comment(s, postgres));
	if (*s == '\'' || *s == '"')
		return take(scan, SQL_QUOTED, past_quote(s, !postgres));
	if (*s == '`' && !postgres)
		return take(scan, SQL_QUOTED, past_quote(s, false));
	if (*s == '$' && postgres && past_dollar(s) != s)
		return take(scan, SQL_QUOTED, past_dollar(s));
	if (*s == ':')
		return take_colon(scan);
	if (is_word(*s))
		return take_word(scan, postgres);
	return take(scan, SQL_OTHER, s + 1);
}

/* 2. Rules. */

static bool word_is(const struct sql_scan *scan, const char *word)
{
	return scan->n == strlen(word) && strncasecmp(scan->text, word, scan->n) == 0;
}

static int param_of(const struct probe *p, const struct sql_scan *scan)
{
	for (size_t i = 0; i < p->nparams; i++) {
		const char *name = p->params[i].name;
		if (strlen(name) == scan->n - 1 && strncmp(name, scan->text + 1, scan->n - 1) == 0)
			return (int)i;
	}
	return -1;
}

/* What the rules need to remember from piece to piece. */
struct check {
	bool started, limited;
	bool limit_before; /* the last word was LIMIT */
	bool star_is_all;  /* a * here means every column */
	bool used[PROBE_PARAMS_MAX];
};

static bool check_word(struct check *c, const struct sql_scan *scan, struct err *e)
{
	bool show = word_is(scan, "SHOW");
	if (!c->started && !show && !word_is(scan, "SELECT") && !word_is(scan, "WITH"))
		return err_set(e, ERR_USAGE, "expected SELECT, WITH or SHOW");
	c->started = true;
	c->limit_before = word_is(scan, "LIMIT");
	c->star_is_all = word_is(scan, "SELECT") || word_is(scan, "DISTINCT") || word_is(scan, "ALL");
	return true;
}

static bool check_param(struct check *c, const struct probe *p, const struct sql_scan *scan, struct err *e)
{
	int param = param_of(p, scan);
	if (param < 0)
		return err_set(e, ERR_USAGE, "parameter %.*s is not declared (-- param: %.*s int)",
		        (int)scan->n, scan->text, (int)scan->n - 1, scan->text + 1);
	c->limited = c->limited || (param == 0 && c->limit_before);
	c->used[param] = true;
	c->limit_before = c->star_is_all = false;
	return true;
}

static bool check_other(struct check *c, const struct sql_scan *scan, struct err *e)
{
	if (*scan->text == ';')
		return err_set(e, ERR_USAGE, "expected one statement, found ; in its middle");
	if (*scan->text == '*' && c->star_is_all)
		return err_set(e, ERR_USAGE, "expected the names of the columns, not *");
	c->limit_before = false;
	c->star_is_all = *scan->text == ',' || *scan->text == '.';
	return true;
}

static bool check_whole(const struct check *c, const struct probe *p, struct err *e)
{
	if (!c->started)
		return err_set(e, ERR_USAGE, "expected a statement after the front matter");
	if (!c->limited && !p->show)
		return err_set(e, ERR_USAGE, "expected LIMIT :rows, so that no answer is without bound");
	for (size_t i = 1; i < p->nparams; i++) {
		if (!c->used[i])
			return err_set(
			        e, ERR_USAGE, "parameter :%s is declared, but not used", p->params[i].name);
	}
	return true;
}

bool probe_sql_check(const struct probe *p, const char **where, struct err *e)
{
	struct check c = {.started = false};
	struct sql_scan scan = {.engine = p->engine, .at = p->sql};
	*where = p->sql;
	for (;;) {
		enum sql_piece piece = sql_next(&scan);
		bool good = true;
		if (piece == SQL_END)
			break;
		if (piece == SQL_BROKEN)
			good = err_set(e, ERR_USAGE, "a quote or comment that begins here never ends");
		else if (piece == SQL_WORD)
			good = check_word(&c, &scan, e);
		else if (piece == SQL_PARAM)
			good = check_param(&c, p, &scan, e);
		else if (piece == SQL_OTHER)
			good = check_other(&c, &scan, e);
		else if (piece == SQL_QUOTED)
			c.limit_before = c.star_is_all = false;
		if (!good) {
			*where = scan.text;
			return false;
		}
	}
	return check_whole(&c, p, e);
}

/* 3. Sending. */

void probe_sql_numbered(const struct probe *p, struct buf *out)
{
	struct sql_scan scan = {.engine = p->engine, .at = p->sql};
	for (enum sql_piece piece = sql_next(&scan); piece != SQL_END; piece = sql_next(&scan)) {
		int param = piece == SQL_PARAM ? param_of(p, &scan) : -1;
		if (param >= 0)
			buf_printf(out, "$%d", param + 1);
		else
			buf_put(out, scan.text, scan.n);
	}
}

static bool put_string(const char *s, struct buf *out)
{
	if (!text_is_clean(s, strlen(s)))
		return false;
	buf_putc(out, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'' || *s == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
	buf_putc(out, '\'');
	return true;
}

bool probe_sql_inlined(
        const struct probe *p, const struct probe_value *values, size_t n, struct buf *out, struct err *e)
{
	if (n != p->nparams)
		return err_set(
		        e, ERR_USAGE, "probe %s: %zu values for %zu parameters", p->name, n, p->nparams);
	struct sql_scan scan = {.engine = p->engine, .at = p->sql};
	for (enum sql_piece piece = sql_next(&scan); piece != SQL_END; piece = sql_next(&scan)) {
		int param = piece == SQL_PARAM ? param_of(p, &scan) : -1;
		if (param < 0) {
			buf_put(out, scan.text, scan.n);
		} else if (values[param].type != p->params[param].type) {
			return err_set(e, ERR_USAGE, "probe %s: parameter :%s has another type", p->name,
			        p->params[param].name);
		} else if (values[param].type == PARAM_INT) {
			buf_printf(out, "%" PRId64, values[param].i);
		} else if (values[param].s == NULL || !put_string(values[param].s, out)) {
			return err_set(e, ERR_USAGE, "probe %s: parameter :%s is not clean UTF-8 text",
			        p->name, p->params[param].name);
		}
	}
	if (out->overflow)
		return err_set(e, ERR_USAGE, "probe %s: the statement is too long", p->name);
	return true;
}
