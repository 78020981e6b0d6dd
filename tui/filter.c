/* The filter language: a line becomes a few terms once, and a row is held against them in the order of
 * writing. What cannot be known about a row matches nothing, so a filter never invents a session. */
#include "tui/filter.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "core/base/mem.h"
#include "core/base/text.h"

enum { TERMS_MAX = 32, PATTERN_MAX = 256, CELL_MAX = 1024, NAMES_MAX = 64 };

enum kind { TERM_WORD, TERM_EXACT, TERM_REGEX, TERM_NUMBER };
enum relation { REL_LT, REL_LE, REL_GT, REL_GE };

struct term {
	enum kind kind;
	bool inverse;
	int column; /* -1: any */
	char *word;
	size_t length;
	uint32_t letters; /* what a text needs to have it: no expression says that */
	regex_t regex;
	enum relation relation;
	double number;
};

struct filter {
	int columns;
	size_t n;
	struct term term[TERMS_MAX];
};

/* One word of the line: what stands outside quotes ends at a blank; quotes are taken off. */
static bool next_word(const char **at, char *out, size_t cap, struct err *e)
{
	const char *s = *at + strspn(*at, " \t");
	size_t n = 0;
	bool quoted = false;
	if (*s == '\0') {
		*at = s;
		return false;
	}
	for (; *s != '\0' && (quoted || (*s != ' ' && *s != '\t')); s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (n + 1 < cap)
			out[n++] = *s;
		else
			return err_set(e, ERR_USAGE, "filter: a word is longer than %zu bytes", cap - 1);
	}
	out[n] = '\0';
	*at = s;
	if (quoted)
		return err_set(e, ERR_USAGE, "filter: a quote is open: add \"");
	return true;
}

static bool looks_like_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isalpha((unsigned char)s[i]) && s[i] != '_')
			return false;
	}
	return n > 0;
}

/* Finds "name:" in front of a word. True: *column is set, or -1 when there is no name, and *rest is what
 * follows. */
static bool split_column(const char *word, const struct filter_column *columns, size_t n, int *column,
        const char **rest, struct err *e)
{
	const char *colon = strchr(word, ':');
	*column = -1;
	*rest = word;
	if (colon == NULL || !looks_like_name(word, (size_t)(colon - word)))
		return true;
	size_t length = (size_t)(colon - word);
	const char *names[NAMES_MAX];
	char name[PATTERN_MAX + 1];
	for (size_t i = 0; i < n; i++) {
		if (strncasecmp(columns[i].name, word, length) == 0 && columns[i].name[length] == '\0') {
			*column = (int)i;
			*rest = colon + 1;
			return true;
		}
		if (i < NAMES_MAX)
			names[i] = columns[i].name;
	}
	memcpy(name, word, length);
	name[length] = '\0';
	const char *near = text_did_you_mean(name, names, n < NAMES_MAX ? n : NAMES_MAX);
	if (near != NULL)
		return err_set(
		        e, ERR_USAGE, "filter: there is no column \"%s\": did you mean \"%s\"?", name, near);
	return err_set(e, ERR_USAGE, "filter: there is no column \"%s\" here", name);
}

static bool parse_number(const char *s, bool seconds, double *out)
{
	static const struct {
		const char *suffix;
		double factor;
	} units[] = {{"", 1}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9},
	        {"tb", 1e12}, {"b", 1}};
	char *end = NULL;
	double v = strtod(s, &end);
	if (end == s)
		return false;
	if (seconds && *end == '\0') {
		*out = v * 1000;
		return true;
	}
	int64_t ms = human_parse_duration(s);
	if (seconds)
		return ms >= 0 ? (*out = (double)ms, true) : false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(end, units[i].suffix) == 0) {
			*out = v * units[i].factor;
			return true;
		}
	}
	if (ms < 0)
		return false;
	*out = (double)ms;
	return true;
}

/* Repetitions multiply the size of a compiled expression (the C library writes x+ as xx*, also when x is a
 * repetition itself), so their product has a limit. Groups that may be empty within each other are compiled
 * in exponential time, so there is one for what makes them, too. */
static bool regex_is_modest(const char *pattern)
{
	double product = 1;
	unsigned operators = 0;
	if (strlen(pattern) > PATTERN_MAX)
		return false;
	for (const char *s = pattern; *s != '\0'; s++) {
		if (s[0] == '\\' && isdigit((unsigned char)s[1]))
			return false;
		if (s[0] == '\\' && s[1] != '\0')
			s++;
		operators += strchr("(|*?+{", s[0]) != NULL;
		if (s[0] == '+')
			product *= 2;
		if (s[0] != '{')
			continue;
		for (const char *d = s + 1; *d != '}' && *d != '\0'; d++) {
			if (isdigit((unsigned char)*d) && !isdigit((unsigned char)d[-1]))
				product *= 1 + strtod(d, NULL);
		}
	}
	return product <= 10000 && operators <= 24;
}

static bool compile_regex(struct term *t, const char *pattern, struct err *e)
{
	char why[128];
	if (!regex_is_modest(pattern))
		return err_set(e, ERR_USAGE,
		        "filter: the expression is too large, or refers back to a group: make it simpler");
	int code = regcomp(&t->regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB);
	if (code == 0) {
		t->kind = TERM_REGEX;
		return true;
	}
	regerror(code, &t->regex, why, sizeof(why));
	return err_set(e, ERR_USAGE, "filter: ~%s: %s", pattern, why);
}

/* ">5s", ">=1000", "<3": true when the term is a comparison. */
static bool is_relation(const char *s, enum relation *relation, const char **value)
{
	if (*s != '<' && *s != '>')
		return false;
	bool equal = s[1] == '=';
	if (*s == '<')
		*relation = equal ? REL_LE : REL_LT;
	else
		*relation = equal ? REL_GE : REL_GT;
	*value = s + (equal ? 2 : 1);
	return true;
}

static bool compile_term(
        struct term *t, const char *word, const struct filter_column *columns, size_t n, struct err *e)
{
	const char *rest = word;
	const char *value = NULL;
	*t = (struct term){.column = -1};
	if (*rest == '!') {
		t->inverse = true;
		rest++;
	}
	if (*rest != '~' && !split_column(rest, columns, n, &t->column, &rest, e))
		return false;
	if (t->column >= 0 && *rest == '!') {
		t->inverse = !t->inverse;
		rest++;
	}
	if (*rest == '~')
		return compile_regex(t, rest + 1, e);
	if (t->column >= 0 && is_relation(rest, &t->relation, &value)) {
		t->kind = TERM_NUMBER;
		if (parse_number(value, columns[t->column].seconds, &t->number))
			return true;
		return err_set(e, ERR_USAGE, "filter: \"%s\" is not a number%s", value,
		        columns[t->column].seconds ? " or a duration like 5s, 2m, 1h" : "");
	}
	if (t->column >= 0 && *rest == '=') {
		t->kind = TERM_EXACT;
		rest++;
	}
	t->word = xstrdup(rest);
	t->length = strlen(rest);
	t->letters = text_letters(rest, t->length);
	return true;
}

struct filter *filter_compile(
        const char *expression, const struct filter_column *columns, size_t n, struct err *e)
{
	struct filter *f = xcalloc(1, sizeof(*f));
	char word[PATTERN_MAX + 1] = "";
	const char *at = expression == NULL ? "" : expression;
	struct err local = {.code = ERR_NONE};
	f->columns = (int)n;
	while (next_word(&at, word, sizeof(word), &local)) {
		if (f->n == TERMS_MAX) {
			err_set(&local, ERR_USAGE, "filter: more than %d words", TERMS_MAX);
			break;
		}
		/* A sign alone is a word that is still being typed: it narrows nothing. */
		if (word[0] == '\0' || strcmp(word, "!") == 0 || strcmp(word, "~") == 0 ||
		        strcmp(word, "!~") == 0)
			continue;
		if (!compile_term(&f->term[f->n], word, columns, n, &local))
			break;
		f->n++;
	}
	if (local.code == ERR_NONE)
		return f;
	if (e != NULL)
		*e = local;
	filter_free(f);
	return NULL;
}

void filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++) {
		if (f->term[i].kind == TERM_REGEX)
			regfree(&f->term[i].regex);
		free(f->term[i].word);
	}
	free(f);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

static const char *find_char(const char *s, const char *end, char c)
{
	const char *at = s < end ? memchr(s, c, (size_t)(end - s)) : NULL;
	return at != NULL ? at : end;
}

/* From one place to the next where the word may begin: most texts have none. */
static bool contains(const char *s, size_t n, const char *word, size_t length)
{
	if (length == 0 || length > n)
		return length == 0;
	char c = lower(word[0]);
	char capital = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
	const char *end = s + (n - length) + 1;
	const char *small = find_char(s, end, c);
	const char *large = capital == c ? end : find_char(s, end, capital);
	for (;;) {
		const char *at = small < large ? small : large;
		if (at == end)
			return false;
		if (same(at + 1, word + 1, length - 1))
			return true;
		if (small == at)
			small = find_char(at + 1, end, c);
		if (large == at)
			large = find_char(at + 1, end, capital);
	}
}

static bool regex_matches(const regex_t *regex, const char *s, size_t n)
{
	char text[CELL_MAX + 1];
	if (n > CELL_MAX)
		n = CELL_MAX;
	memcpy(text, s, n);
	text[n] = '\0';
	return regexec(regex, text, 0, NULL, 0) == 0;
}

static bool text_matches(const struct term *t, const char *s, size_t n)
{
	switch (t->kind) {
	case TERM_WORD:
		return contains(s, n, t->word, t->length);
	case TERM_EXACT:
		return n == t->length && same(s, t->word, n);
	case TERM_REGEX:
		return regex_matches(&t->regex, s, n);
	case TERM_NUMBER:
		break;
	}
	return false;
}

static bool number_matches(const struct term *t, double v)
{
	switch (t->relation) {
	case REL_LT:
		return v < t->number;
	case REL_LE:
		return v <= t->number;
	case REL_GT:
		return v > t->number;
	case REL_GE:
		return v >= t->number;
	}
	return false;
}

static bool column_matches(const struct term *t, const struct filter_row *row, int column)
{
	const char *s = NULL;
	size_t n = 0;
	double v = 0;
	if (t->kind == TERM_NUMBER)
		return row->number(row->row, column, &v) && number_matches(t, v);
	if (!row->text(row->row, column, &s, &n))
		return false;
	return text_matches(t, s, n == FILTER_STAYS ? strlen(s) : n);
}

/* What the word was not in stays without it: it is not read again. */
static bool is_in_words(const struct term *t, const struct filter_row *row, bool first)
{
	struct filter_pass *pass = row->pass;
	/* Where a letter of it is in none of them, they need not be read; nor where it is that letter. */
	size_t from = (t->letters & ~row->letters) != 0 ? pass->nlettered : 0;
	if (t->length == 1 && (t->letters & row->letters) != 0)
		return true;
	for (size_t i = from; i < pass->nwords; i++) {
		const char *s = NULL;
		size_t n = 0;
		if (!row->text(row->row, pass->words[i], &s, &n))
			continue;
		bool stays = n == FILTER_STAYS;
		if (first && stays && pass->missed[i] == s)
			continue;
		if (text_matches(t, s, stays ? strlen(s) : n))
			return true;
		if (first && stays)
			pass->missed[i] = s;
	}
	return false;
}

static bool term_matches(const struct filter *f, const struct term *t, const struct filter_row *row)
{
	if (t->column >= 0)
		return column_matches(t, row, t->column);
	if (row->pass != NULL)
		return is_in_words(t, row, t == f->term);
	for (int i = 0; i < f->columns; i++) {
		if (column_matches(t, row, i))
			return true;
	}
	return false;
}

bool filter_match(const struct filter *f, const struct filter_row *row)
{
	if (f == NULL)
		return true;
	for (size_t i = 0; i < f->n; i++) {
		if (term_matches(f, &f->term[i], row) == f->term[i].inverse)
			return false;
	}
	return true;
}
