/* The front matter of a probe's file. Its errors are read by people who write their first probe, so each says
 * the place and what was expected there. */
#include "core/model/probe_parse.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/human.h"
#include "core/base/text.h"

enum {
	COLUMNS_MAX = 64,
	ROWS_MAX = 100000,
	INTERVAL_MAX_MS = 24 * 3600 * 1000,
	TIMEOUT_DEFAULT_MS = 800,
	WORD_MAX = 64
};

/* One file while it is being read. */
struct reader {
	const struct embedded_file *file;
	struct arena *arena;
	struct probe *probe;
	struct err *e;
	struct column columns[COLUMNS_MAX];
	struct probe_param params[PROBE_PARAMS_MAX];
	unsigned seen; /* a bit for each field of the table below */
};

/* A part of the file. */
struct span {
	const char *s;
	size_t n;
};

static const char separator[] = "\xC2\xB7"; /* the middle dot between columns */

static bool fail(struct reader *r, const char *at, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

static bool fail(struct reader *r, const char *at, const char *fmt, ...)
{
	int line = 1;
	int column = 1;
	for (const char *s = r->file->data; s < at; s++) {
		column = *s == '\n' ? 1 : column + 1;
		line += *s == '\n';
	}
	char what[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(r->e, ERR_USAGE, "%s:%d:%d: %s", r->file->name, line, column, what);
}

static struct span trim(struct span v)
{
	while (v.n > 0 && isspace((unsigned char)*v.s)) {
		v.s++;
		v.n--;
	}
	while (v.n > 0 && isspace((unsigned char)v.s[v.n - 1]))
		v.n--;
	return v;
}

static bool span_is(struct span v, const char *word)
{
	return v.n == strlen(word) && memcmp(v.s, word, v.n) == 0;
}

/* The next word of *rest, which moves behind it; empty at the end. */
static struct span next_word(struct span *rest)
{
	*rest = trim(*rest);
	struct span word = {.s = rest->s};
	while (word.n < rest->n && !isspace((unsigned char)word.s[word.n]))
		word.n++;
	rest->s += word.n;
	rest->n -= word.n;
	return word;
}

/* The part of *rest before `mark`, *rest moves behind it; all of it when there is no mark. */
static struct span next_part(struct span *rest, const char *mark)
{
	size_t n = strlen(mark);
	struct span part = *rest;
	const char *at = memmem(rest->s, rest->n, mark, n);
	if (at == NULL) {
		rest->s += rest->n;
		rest->n = 0;
	} else {
		part.n = (size_t)(at - rest->s);
		rest->s = at + n;
		rest->n -= part.n + n;
	}
	return trim(part);
}

static bool is_name(struct span v)
{
	if (v.n == 0 || v.n >= WORD_MAX || !(islower((unsigned char)v.s[0]) || v.s[0] == '_'))
		return false;
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.s[i];
		if (!islower(c) && !isdigit(c) && c != '_')
			return false;
	}
	return true;
}

static const char *copy_word(char out[WORD_MAX], struct span v)
{
	size_t n = v.n < WORD_MAX ? v.n : WORD_MAX - 1;
	memcpy(out, v.s, n);
	out[n] = '\0';
	return out;
}

static bool copy_name(struct reader *r, struct span v, const char *what, const char **out)
{
	if (!is_name(v))
		return fail(r, v.s, "expected %s: lower-case letters, digits and _", what);
	*out = arena_strndup(r->arena, v.s, v.n);
	return true;
}

/* 1. Fields with one value. */

static bool field_probe(struct reader *r, struct span v)
{
	return copy_name(r, v, "the name of a probe", &r->probe->name);
}

static bool field_lane(struct reader *r, struct span v)
{
	static const char *const names[LANE_KINDS] = {"fast", "slow", "admin"};
	for (size_t i = 0; i < LANE_KINDS; i++) {
		if (span_is(v, names[i])) {
			r->probe->lane = (enum lane_kind)i;
			return true;
		}
	}
	return fail(r, v.s, "expected fast, slow or admin");
}

static bool read_duration(struct reader *r, struct span v, uint32_t *out)
{
	char word[WORD_MAX];
	int64_t ms = v.n < WORD_MAX ? human_parse_duration(copy_word(word, v)) : -1;
	if (ms <= 0 || ms > INTERVAL_MAX_MS)
		return fail(r, v.s, "expected a duration such as 800ms, 5s or 2m");
	*out = (uint32_t)ms;
	return true;
}

static bool field_every(struct reader *r, struct span v)
{
	return read_duration(r, v, &r->probe->every_ms);
}

static bool field_timeout(struct reader *r, struct span v)
{
	return read_duration(r, v, &r->probe->timeout_ms);
}

/* A whole number of at most 18 digits, perhaps negative. */
static bool read_int(struct span v, int64_t *out)
{
	size_t i = v.n > 1 && v.s[0] == '-' ? 1 : 0;
	if (v.n == i || v.n - i > 18)
		return false;
	int64_t value = 0;
	for (size_t at = i; at < v.n; at++) {
		if (!isdigit((unsigned char)v.s[at]))
			return false;
		value = value * 10 + (v.s[at] - '0');
	}
	*out = i > 0 ? -value : value;
	return true;
}

static bool field_rows(struct reader *r, struct span v)
{
	int64_t rows;
	if (!read_int(v, &rows) || rows < 1 || rows > ROWS_MAX)
		return fail(r, v.s, "expected a number of rows from 1 to %d", ROWS_MAX);
	r->probe->rows = (uint32_t)rows;
	return true;
}

/* "15", "10.11", "8.0.37": *low with absent parts as 0, *high with them as 99. */
static bool read_version(struct reader *r, struct span v, int *low, int *high)
{
	char word[WORD_MAX];
	int parts = 1;
	bool good = v.n > 0 && v.n < 9 && isdigit((unsigned char)v.s[v.n - 1]);
	for (size_t i = 0; i < v.n; i++) {
		good = good && (isdigit((unsigned char)v.s[i]) || v.s[i] == '.');
		parts += v.s[i] == '.';
	}
	*low = good && parts <= 3 ? version_parse(copy_word(word, v)) : 0;
	if (*low == 0)
		return fail(r, v.s, "expected a version such as 15, 10.11 or 8.0.37");
	*high = *low + (parts == 1 ? 9999 : parts == 2 ? 99 : 0);
	return true;
}

static bool field_versions(struct reader *r, struct span v)
{
	char word[WORD_MAX];
	struct probe *p = r->probe;
	struct span rest = v;
	struct span engine = next_word(&rest);
	p->engine = engine_parse(copy_word(word, engine));
	if (p->engine == ENGINE_NONE)
		return fail(r, engine.s, "expected postgres, mysql or mariadb");
	rest = trim(rest);
	bool range = memchr(rest.s, '-', rest.n) != NULL;
	struct span low = next_part(&rest, "-");
	int unused;
	if (!read_version(r, low, &p->version_min, &p->version_max))
		return false;
	if (range && trim(rest).n == 0)
		p->version_max = VERSION_MAX;
	else if (range && !read_version(r, trim(rest), &unused, &p->version_max))
		return false;
	if (p->version_max < p->version_min)
		return fail(r, low.s, "the range ends before it begins");
	return true;
}

static bool field_needs(struct reader *r, struct span v)
{
	struct span rest = v;
	struct span needs = next_part(&rest, "|");
	rest = trim(rest);
	if (needs.n == 0)
		return fail(r, v.s, "expected a privilege in the server's words");
	r->probe->needs = arena_strndup(r->arena, needs.s, needs.n);
	if (rest.n == 0)
		return true;
	if (rest.n < 5 || memcmp(rest.s, "else:", 5) != 0)
		return fail(r, rest.s, "expected \"else: what is lost without it\"");
	rest.s += 5;
	rest.n -= 5;
	rest = trim(rest);
	r->probe->otherwise = arena_strndup(r->arena, rest.s, rest.n);
	return true;
}

static bool field_when(struct reader *r, struct span v)
{
	static const char *const ops[] = {">", ">=", "="};
	struct probe_gate *g = &r->probe->gate;
	struct span rest = v;
	struct span column = next_word(&rest);
	struct span op = next_word(&rest);
	struct span value = trim(rest);
	struct span probe = next_part(&column, ".");
	if (!copy_name(r, probe, "probe.column > number", &g->probe) ||
	        !copy_name(r, column, "probe.column > number", &g->column))
		return false;
	size_t i = 0;
	while (i < sizeof(ops) / sizeof(ops[0]) && !span_is(op, ops[i]))
		i++;
	if (i == sizeof(ops) / sizeof(ops[0]))
		return fail(r, op.s, "expected >, >= or =");
	snprintf(g->op, sizeof(g->op), "%s", ops[i]);
	if (!read_int(value, &g->value))
		return fail(r, value.s, "expected a whole number");
	return true;
}

static bool field_carries(struct reader *r, struct span v)
{
	return copy_name(r, v, "the name of a probe", &r->probe->carries);
}

static bool field_covers(struct reader *r, struct span v)
{
	return copy_name(r, v, "the name of a probe", &r->probe->covers);
}

/* 2. Fields that are lists. */

static bool read_source(struct reader *r, struct span v, const struct column_source **out)
{
	struct column_source *from = arena_alloc(r->arena, sizeof(*from));
	*out = from;
	from->factor = 1;
	if (v.n >= 2 && v.s[0] == '\'' && v.s[v.n - 1] == '\'') {
		from->constant = arena_strndup(r->arena, v.s + 1, v.n - 2);
		return true;
	}
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.s[i];
		if (!isalnum(c) && c != '_' && c != ':' && c != '*')
			return fail(r, v.s + i, "expected Column, Column:Column, Column*1000 or 'text'");
	}
	struct span factor = v;
	struct span joined = next_part(&factor, "*");
	struct span name = next_part(&joined, ":");
	bool times = memchr(v.s, '*', v.n) != NULL;
	bool both = memchr(v.s, ':', v.n) != NULL;
	if (name.n == 0 || (both && joined.n == 0) || (times && both) ||
	        (times && (!read_int(factor, &from->factor) || from->factor == 0)))
		return fail(r, v.s, "expected Column, Column:Column, Column*1000 or 'text'");
	from->name = arena_strndup(r->arena, name.s, name.n);
	if (both)
		from->joined = arena_strndup(r->arena, joined.s, joined.n);
	return true;
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s);
	size_t m = strlen(suffix);
	return n >= m && strcmp(s + n - m, suffix) == 0;
}

/* The unit is in the name, so that JSON needs no legend. */
static bool check_unit(struct reader *r, const char *at, const struct column *c)
{
	bool ms = ends_with(c->name, "_ms");
	bool bytes = ends_with(c->name, "_bytes");
	if (ms != (c->role == ROLE_DURATION))
		return fail(r, at, "%s: durations and nothing else end in _ms", c->name);
	if (c->role == ROLE_BYTES ? !bytes : bytes && c->role != ROLE_COUNTER)
		return fail(r, at, "%s: bytes and nothing else end in _bytes", c->name);
	return true;
}

static bool read_role(struct reader *r, struct span word, struct column *c)
{
	char text[WORD_MAX];
	if (span_is(word, "key")) {
		c->key = true;
		return true;
	}
	enum column_role role = column_role_parse(copy_word(text, word));
	if (role != ROLE_COUNT_ && c->role == ROLE_COUNT_) {
		c->role = role;
		return true;
	}
	const char *names[ROLE_COUNT_];
	for (size_t i = 0; i < ROLE_COUNT_; i++)
		names[i] = column_role_name((enum column_role)i);
	const char *hint = role == ROLE_COUNT_ ? text_did_you_mean(text, names, ROLE_COUNT_) : NULL;
	return fail(r, word.s,
	        "expected one role of a column%s%s%s (label state time sqltext count counter bytes "
	        "duration lsn percent bool), key, or from",
	        hint == NULL ? "" : ", did you mean ", hint == NULL ? "" : hint, hint == NULL ? "" : "?");
}

static bool read_column(struct reader *r, struct span part)
{
	struct probe *p = r->probe;
	struct column c = {.role = ROLE_COUNT_};
	struct span rest = part;
	if (!copy_name(r, next_word(&rest), "the name of a column", &c.name))
		return false;
	assert(c.name != NULL);
	for (size_t i = 0; i < p->ncols; i++) {
		if (strcmp(r->columns[i].name, c.name) == 0)
			return fail(r, part.s, "column %s is declared twice", c.name);
	}
	for (struct span word = next_word(&rest); word.n > 0; word = next_word(&rest)) {
		if (!span_is(word, "from")) {
			if (!read_role(r, word, &c))
				return false;
			continue;
		}
		if (!read_source(r, trim(rest), &c.from))
			return false;
		break;
	}
	if (c.role == ROLE_COUNT_)
		return fail(r, part.s, "column %s: expected its role", c.name);
	if (p->ncols == COLUMNS_MAX)
		return fail(r, part.s, "a probe has at most %d columns", COLUMNS_MAX);
	r->columns[p->ncols++] = c;
	return check_unit(r, part.s, &c);
}

static bool field_column(struct reader *r, struct span v)
{
	while (v.n > 0) {
		if (!read_column(r, next_part(&v, separator)))
			return false;
		v = trim(v);
	}
	return true;
}

static bool field_param(struct reader *r, struct span v)
{
	struct probe *p = r->probe;
	while (v.n > 0) {
		struct span rest = next_part(&v, separator);
		struct probe_param *param = &r->params[p->nparams];
		const char *at = rest.s;
		if (p->nparams == PROBE_PARAMS_MAX)
			return fail(r, at, "a probe has at most %d parameters", PROBE_PARAMS_MAX);
		if (!copy_name(r, next_word(&rest), "the name of a parameter", &param->name))
			return false;
		assert(param->name != NULL);
		for (size_t i = 0; i < p->nparams; i++) {
			if (strcmp(r->params[i].name, param->name) == 0)
				return fail(r, at, "parameter %s is declared twice", param->name);
		}
		rest = trim(rest);
		if (!span_is(rest, "int") && !span_is(rest, "text") && !span_is(rest, "since"))
			return fail(r, rest.s, "expected int, text or since");
		param->type = *rest.s == 'i' ? PARAM_INT : *rest.s == 't' ? PARAM_TEXT : PARAM_SINCE;
		p->nparams++;
		v = trim(v);
	}
	return true;
}

/* 3. The table of fields, and lines. */

struct field {
	const char *name;
	bool (*read)(struct reader *r, struct span value);
	bool repeats; /* may stand on several lines, and takes the rest of its line */
	bool required;
};

static const struct field fields[] = {
        {.name = "probe", .read = field_probe, .required = true},
        {.name = "versions", .read = field_versions, .required = true},
        {.name = "lane", .read = field_lane},
        {.name = "every", .read = field_every},
        {.name = "timeout", .read = field_timeout},
        {.name = "rows", .read = field_rows, .required = true},
        {.name = "needs", .read = field_needs},
        {.name = "when", .read = field_when},
        {.name = "carries", .read = field_carries},
        {.name = "covers", .read = field_covers},
        {.name = "column", .read = field_column, .repeats = true, .required = true},
        {.name = "param", .read = field_param, .repeats = true},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* Bytes of a word and its colon at the start of v; 0 when it does not begin like a field. */
static size_t field_head(struct span v)
{
	size_t n = 0;
	while (n < v.n && islower((unsigned char)v.s[n]))
		n++;
	return n > 0 && n < v.n && v.s[n] == ':' ? n + 1 : 0;
}

static const struct field *find_field(struct reader *r, struct span name)
{
	char word[WORD_MAX];
	const char *names[FIELDS];
	for (size_t i = 0; i < FIELDS; i++) {
		names[i] = fields[i].name;
		if (span_is(name, fields[i].name))
			return &fields[i];
	}
	const char *hint = text_did_you_mean(copy_word(word, name), names, FIELDS);
	fail(r, name.s, "unknown field \"%s\"%s%s%s", word, hint == NULL ? "" : ", did you mean ",
	        hint == NULL ? "" : hint, hint == NULL ? "" : "?");
	return NULL;
}

/* One field of a line; *rest moves to the next one, two blanks further. */
static bool read_field(struct reader *r, struct span *rest)
{
	size_t head = field_head(*rest);
	if (head == 0)
		return fail(r, rest->s, "expected a field such as \"rows: 100\"");
	const struct field *field = find_field(r, (struct span){.s = rest->s, .n = head - 1});
	if (field == NULL)
		return false;
	unsigned bit = 1u << (field - fields);
	if ((r->seen & bit) != 0 && !field->repeats)
		return fail(r, rest->s, "%s stands here twice", field->name);
	r->seen |= bit;

	struct span value = {.s = rest->s + head, .n = rest->n - head};
	size_t end = field->repeats ? value.n : 0;
	for (; end < value.n; end++) {
		struct span behind = {.s = value.s + end, .n = value.n - end};
		if (behind.n > 2 && behind.s[0] == ' ' && behind.s[1] == ' ' && field_head(trim(behind)) > 0)
			break;
	}
	*rest = trim((struct span){.s = value.s + end, .n = value.n - end});
	value = trim((struct span){.s = value.s, .n = end});
	if (value.n == 0)
		return fail(r, value.s, "%s: expected a value", field->name);
	return field->read(r, value);
}

/* Reads comments until the statement begins; *sql is where. */
static bool read_front_matter(struct reader *r, const char **sql)
{
	const char *end = r->file->data + r->file->size;
	for (const char *at = r->file->data; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct span line =
		        trim((struct span){.s = at, .n = (size_t)((stop == NULL ? end : stop) - at)});
		if (line.n > 0 && (line.n < 2 || memcmp(line.s, "--", 2) != 0)) {
			*sql = at;
			return true;
		}
		if (line.n > 0) {
			struct span rest = trim((struct span){.s = line.s + 2, .n = line.n - 2});
			bool is_field = field_head(rest) > 0;
			while (is_field && rest.n > 0) {
				if (!read_field(r, &rest))
					return false;
			}
		}
		at = stop == NULL ? end : stop + 1;
	}
	*sql = end;
	return true;
}

static bool check_fields(struct reader *r)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].required && (r->seen & (1u << i)) == 0)
			return fail(r, r->file->data, "expected the field \"%s:\"", fields[i].name);
	}
	if (r->probe->every_ms == 0 && r->probe->lane != LANE_ADMIN)
		return fail(r, r->file->data, "expected the field \"every:\"");
	return true;
}

static bool read_sql(struct reader *r, const char *at)
{
	struct probe *p = r->probe;
	struct span sql = trim((struct span){.s = at, .n = (size_t)(r->file->data + r->file->size - at)});
	const char *first = sql.s;
	if (sql.n > 0 && sql.s[sql.n - 1] == ';')
		sql.n--;
	sql = trim(sql);
	p->sql = arena_strndup(r->arena, sql.s, sql.n);

	struct sql_scan scan = {.engine = p->engine, .at = p->sql};
	enum sql_piece piece = sql_next(&scan);
	while (piece == SQL_SPACE)
		piece = sql_next(&scan);
	p->show = piece == SQL_WORD && scan.n == 4 && strncasecmp(scan.text, "SHOW", 4) == 0;
	const char *where;
	struct err why;
	if (!probe_sql_check(p, &where, &why))
		return fail(r, first + (where - p->sql), "%s", why.text);
	for (size_t i = 0; i < p->ncols; i++) {
		if (r->columns[i].from != NULL && !p->show)
			return fail(r, first,
			        "column %s: from is for SHOW; a SELECT names its columns with AS",
			        r->columns[i].name);
	}
	return true;
}

bool probe_parse(const struct embedded_file *file, struct arena *arena, struct probe *out, struct err *e)
{
	*out = (struct probe){.lane = LANE_FAST, .timeout_ms = TIMEOUT_DEFAULT_MS, .nparams = 1};
	struct reader r = {.file = file, .arena = arena, .probe = out, .e = e};
	r.params[0] = (struct probe_param){.name = "rows", .type = PARAM_INT};
	const char *sql = NULL;
	const char *nul = memchr(file->data, '\0', file->size);
	if (nul != NULL)
		return fail(&r, nul, "expected text, found a NUL byte");
	if (!read_front_matter(&r, &sql) || !check_fields(&r))
		return false;

	struct column *columns = arena_alloc(arena, out->ncols * sizeof(*columns));
	memcpy(columns, r.columns, out->ncols * sizeof(*columns));
	out->columns = columns;
	struct probe_param *params = arena_alloc(arena, out->nparams * sizeof(*params));
	memcpy(params, r.params, out->nparams * sizeof(*params));
	out->params = params;
	out->file = arena_strdup(arena, file->name);
	return read_sql(&r, sql);
}
