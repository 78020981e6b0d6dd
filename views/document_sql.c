/* Statements as people read them: a clause a line, conditions under their clause, subqueries indented,
 * keywords and literals told apart. Works on tokens and knows no grammar: what it does not understand, it
 * leaves on the line. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/redact_scan.h"
#include "views/document.h"

enum { DEPTH_MAX = 64, STEP = 2 };

static const char *const keywords[] = {"ADD", "ALL", "ALTER", "ANALYZE", "AND", "ANY", "AS", "ASC", "BEGIN",
        "BETWEEN", "BY", "CALL", "CASE", "CLUSTER", "COLUMN", "COMMIT", "CONCURRENTLY", "CONFLICT",
        "CONSTRAINT", "COPY", "CREATE", "CROSS", "DELETE", "DESC", "DISTINCT", "DO", "DROP", "DUPLICATE",
        "ELSE", "END", "EXCEPT", "EXECUTE", "EXISTS", "EXPLAIN", "FETCH", "FOR", "FORCE", "FOREIGN", "FROM",
        "FULL", "GRANT", "GROUP", "HAVING", "IF", "IGNORE", "ILIKE", "IN", "INDEX", "INNER", "INSERT",
        "INTERSECT", "INTO", "IS", "JOIN", "KEY", "LATERAL", "LEFT", "LIKE", "LIMIT", "LOAD", "LOCK",
        "LOCKED", "MERGE", "NATURAL", "NOT", "NOTHING", "NOWAIT", "NULL", "OFFSET", "ON", "OPTIMIZE", "OR",
        "ORDER", "OUTER", "OVER", "PARTITION", "PREPARE", "PRIMARY", "RECURSIVE", "REFERENCES", "REFRESH",
        "REINDEX", "RENAME", "REPLACE", "RETURNING", "REVOKE", "RIGHT", "ROLLBACK", "SAVEPOINT", "SELECT",
        "SET", "SHARE", "SHOW", "SKIP", "STRAIGHT_JOIN", "TABLE", "THEN", "TO", "TRUNCATE", "UNION", "UNIQUE",
        "UPDATE", "USING", "VACUUM", "VALUES", "VIEW", "WHEN", "WHERE", "WINDOW", "WITH"};

struct printer {
	struct document *doc;
	struct scan scan;
	char last[16];           /* the word before, in capitals */
	bool query[DEPTH_MAX];   /* whether this parenthesis holds a query: its clauses get lines */
	bool in_list[DEPTH_MAX]; /* between BETWEEN and its AND, WHEN and THEN … */
	int depth;               /* open parentheses; beyond DEPTH_MAX all is left on the line */
	int level;               /* of them, those that hold a query */
	bool blank;              /* white space stands before the next token */
};

static int compare_word(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

static bool is_keyword(const char *capitals)
{
	return bsearch(capitals, keywords, sizeof keywords / sizeof keywords[0], sizeof keywords[0],
	               compare_word) != NULL;
}

/* In capitals; "" when it is too long to be one of ours. */
static void capitals_of(const struct token *t, char out[16])
{
	out[0] = '\0';
	if (t->n >= 16)
		return;
	for (size_t i = 0; i < t->n; i++)
		out[i] = (char)(t->s[i] >= 'a' && t->s[i] <= 'z' ? t->s[i] - 32 : t->s[i]);
	out[t->n] = '\0';
}

static bool one_of(const char *word, const char *list)
{
	size_t n = strlen(word);

	for (const char *p = list; n > 0 && (p = strstr(p, word)) != NULL; p += n) {
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	}
	return false;
}

/* The next token that is neither blank nor comment; kind TOKEN_SPACE at the end. */
static struct token ahead(const struct printer *p)
{
	struct scan scan = p->scan;
	struct token t = {.kind = TOKEN_SPACE};

	while (scan_next(&scan, &t)) {
		if (t.kind != TOKEN_SPACE && t.kind != TOKEN_COMMENT)
			return t;
	}
	return (struct token){.kind = TOKEN_SPACE};
}

static bool next_is(const struct printer *p, const char *list)
{
	struct token t = ahead(p);
	char word[16];

	if (t.kind != TOKEN_WORD)
		return false;
	capitals_of(&t, word);
	return one_of(word, list);
}

/* How far a line that begins with this word stands in from its query; -1: it does not begin a line. */
static int begins_line(const struct printer *p, const char *word)
{
	if (p->depth >= DEPTH_MAX || !p->query[p->depth])
		return -1;
	if (one_of(word, "WHERE GROUP ORDER HAVING LIMIT OFFSET UNION EXCEPT INTERSECT VALUES RETURNING "
	                 "WINDOW SET"))
		return strcmp(p->last, "UPDATE") == 0 && strcmp(word, "SET") == 0 ? -1 : 0;
	if (strcmp(word, "FROM") == 0)
		return one_of(p->last, "DELETE DISTINCT") ? -1 : 0;
	if (strcmp(word, "SELECT") == 0)
		return one_of(p->last, "EXPLAIN ANALYZE AS") && p->depth > 0 ? -1 : 0;
	if (strcmp(word, "FOR") == 0)
		return next_is(p, "UPDATE SHARE NO KEY") ? 0 : -1;
	if (strcmp(word, "ON") == 0)
		return next_is(p, "CONFLICT DUPLICATE") ? 0 : -1;
	if (one_of(word, "LEFT RIGHT FULL INNER CROSS NATURAL"))
		return next_is(p, "JOIN OUTER LEFT RIGHT INNER FULL") &&
		                       !one_of(p->last, "NATURAL LEFT RIGHT FULL")
		               ? STEP
		               : -1;
	if (one_of(word, "JOIN STRAIGHT_JOIN"))
		return one_of(p->last, "LEFT RIGHT FULL INNER CROSS NATURAL OUTER") ? -1 : STEP;
	if (one_of(word, "AND OR"))
		return p->in_list[p->depth] ? -1 : STEP;
	return -1;
}

static void put_blank(struct printer *p)
{
	if (p->blank && p->doc->x > 0)
		document_puts(p->doc, STYLE_TEXT, " ");
	p->blank = false;
}

static void put_word(struct printer *p, const struct token *t)
{
	char word[16];

	capitals_of(t, word);
	int in = begins_line(p, word);

	if (in >= 0 && p->last[0] != '\0' && p->doc->x > p->level * STEP * 2) {
		document_newline(p->doc);
		p->doc->x = p->level * STEP * 2 + in;
		p->blank = false;
	}
	p->doc->indent = p->level * STEP * 2 + STEP * 2;
	put_blank(p);
	document_text(p->doc, is_keyword(word) ? STYLE_SQL_KEYWORD : STYLE_TEXT, t->s, t->n);
	if (p->depth < DEPTH_MAX && one_of(word, "BETWEEN CASE"))
		p->in_list[p->depth] = true;
	else if (p->depth < DEPTH_MAX &&
	         (one_of(word, "END") || (one_of(word, "AND") && p->in_list[p->depth])))
		p->in_list[p->depth] = false;
	memcpy(p->last, word[0] ? word : "?", word[0] ? sizeof word : 2);
}

static void put_other(struct printer *p, const struct token *t)
{
	put_blank(p);
	document_text(p->doc, *t->s == '?' ? STYLE_SQL_LITERAL : STYLE_TEXT, t->s, t->n);
	if (*t->s == '(') {
		p->depth++;
		if (p->depth < DEPTH_MAX) {
			p->query[p->depth] = next_is(p, "SELECT WITH");
			p->in_list[p->depth] = false;
			p->level += p->query[p->depth];
			if (p->query[p->depth]) {
				document_newline(p->doc);
				p->doc->x = p->level * STEP * 2;
			}
		}
	} else if (*t->s == ')' && p->depth > 0) {
		if (p->depth < DEPTH_MAX)
			p->level -= p->query[p->depth];
		p->depth--;
	}
	if (*t->s == ';')
		p->last[0] = '\0';
	else
		memcpy(p->last, "?", 2);
}

void document_sql(struct document *d, enum redact_dialect dialect, const char *sql, size_t n)
{
	struct printer p = {.doc = d, .scan = {.dialect = dialect, .s = sql, .n = n}, .query = {true}};
	struct token t;

	document_newline(d);
	while (scan_next(&p.scan, &t)) {
		switch (t.kind) {
		case TOKEN_SPACE:
			p.blank = true;
			break;
		case TOKEN_COMMENT:
			put_blank(&p);
			document_text(d, STYLE_DIM, t.s, t.n);
			/* One that ends with its line must not swallow the next. */
			if (t.n > 1 && t.s[0] != '/')
				document_newline(d);
			break;
		case TOKEN_WORD:
			put_word(&p, &t);
			break;
		case TOKEN_STRING:
		case TOKEN_NUMBER:
			put_blank(&p);
			document_text(d, STYLE_SQL_LITERAL, t.s, t.n);
			memcpy(p.last, "?", 2);
			break;
		case TOKEN_NAME:
			put_blank(&p);
			document_text(d, STYLE_TEXT, t.s, t.n);
			memcpy(p.last, "?", 2);
			break;
		case TOKEN_OTHER:
			put_other(&p, &t);
			break;
		}
	}
	d->indent = 0;
}
