/* The filter language: a line becomes a few terms once, and a row is held against them in the order of
 * writing. What cannot be known about a row matches nothing, so a filter never invents a session. */
#include "tui/filter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/base/human.h"
#include "core/base/mem.h"
#include "core/base/text.h"

enum { TERMS_MAX = 32, PATTERN_MAX = 256, CELL_MAX = 1024, NAMES_MAX = 64 };

/* What bounds an expression. Work is counted in steps of some 15 ns: a cell brings an allowance in proportion
 * to its length, what it does not use is saved up to SAVED_MAX, and a match that finds nothing left gives up.
 * So one match ends after about a millisecond, and a list costs a few tens of them, whatever was typed. */
enum {
	STEPS_PER_CELL = 64,
	STEPS_PER_BYTE = 8,
	SAVED_MAX = 60000,
	NESTED_MAX = 32,
	CALLS_MAX = 100000, /* of one place where a match may begin; the steps are for all of them */
	HEAP_MAX = 512,     /* KiB */
	WIDE_RANGES_MAX = 4,
	PATTERN_SHOWN = 24,
	TROUBLE_MAX = 128
};

enum kind { TERM_WORD, TERM_EXACT, TERM_REGEX, TERM_NUMBER };
enum relation { REL_LT, REL_LE, REL_GT, REL_GE };

/* An expression and what is left of its allowance. Matching changes it, so one thread at a time. */
struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	size_t size;   /* of the compiled expression: what repeats a group repeats it there */
	uint32_t back; /* how far a lookbehind looks, in characters */
	long saved;
	size_t at; /* where in the cell the last step was */
	bool gave_up;
	char pattern[PATTERN_MAX + 1];
	size_t length;
	uint16_t brace[PATTERN_MAX + 1];
	char trouble[TROUBLE_MAX]; /* what is said when it has given up */
};

struct term {
	enum kind kind;
	bool inverse;
	int column; /* -1: any */
	char *word;
	size_t length;
	uint32_t letters; /* what a text needs to have it: no expression says that */
	struct regex *regex;
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

static void *regex_malloc(size_t n, void *arg)
{
	(void)arg;
	return xmalloc(n);
}

static void regex_release(void *p, void *arg)
{
	(void)arg;
	free(p);
}

/* How many bytes an item may read, times what one costs, though nothing but its failing comes of it: a
 * minimum of repetitions that is not met, a reference back, the way back of a lookbehind. */
static size_t regex_in_vain(const struct regex *r, const pcre2_callout_block *block)
{
	/* After a last (?i) the item is said to be longer than what is left. */
	size_t begin = block->pattern_position < r->length ? block->pattern_position : r->length;
	size_t left = r->length - begin;
	size_t length = block->next_item_length < left ? block->next_item_length : left;
	const char *item = r->pattern + begin;
	size_t at = block->current_position;
	size_t ahead = block->subject_length > at ? block->subject_length - at : 0;
	size_t least = 0;
	for (size_t i = r->brace[begin]; i < begin + length; i = r->brace[i + 1]) {
		size_t number = (size_t)strtoul(r->pattern + i + 1, NULL, 10);
		least = number > least ? number : least;
	}
	if (least > 0)
		return (least < ahead ? least : ahead) * length / 16;
	if (item[0] == '\\' && item[1] != '\0' && strchr("kg123456789", item[1]) != NULL)
		return ahead / 2;
	if (item[0] != '(' || item[1] != '?')
		return 0;
	/* A repeated group is so many copies, and this is asked once for all of them. */
	return (item[2] == 'P' ? ahead / 2 : 0) + r->size / 128 * (1 + (at < r->back ? at : r->back) / 4);
}

/* Before each item of the expression. What was read since the last one is counted, too. */
static int regex_step(pcre2_callout_block *block, void *arg)
{
	struct regex *r = arg;
	size_t at = block->current_position;
	size_t moved = at > r->at ? at - r->at : r->at - at;
	r->at = at;
	r->saved -= (long)(1 + moved / 16 + regex_in_vain(r, block));
	return r->saved < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

/* Where the next number of repetitions begins, for each place of the pattern. */
static void find_braces(struct regex *r)
{
	size_t next = r->length;
	for (size_t i = r->length + 1; i-- > 0;) {
		if (r->pattern[i] == '{' && isdigit((unsigned char)r->pattern[i + 1]))
			next = i;
		r->brace[i] = (uint16_t)next;
	}
}

/* Letters of either case are looked for one by one through a range, which for all of Unicode takes
 * milliseconds: how many of a pattern's ranges may end beyond U+07FF. */
static int wide_ranges(const char *pattern)
{
	int n = 0;
	for (const char *s = strchr(pattern, '-'); s != NULL; s = strchr(s + 1, '-')) {
		const char *end = s + 1 + strspn(s + 1, " \t");
		if ((unsigned char)*end >= 0xe0 ||
		        (*end == '\\' && end[1] != '\0' && strchr("xoNQE", end[1]) != NULL))
			n++;
	}
	return n;
}

static void regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	pcre2_match_context_free(r->context);
	pcre2_match_data_free(r->data);
	pcre2_code_free(r->code);
	free(r);
}

/* A cell is one line whatever is in it: a dot is any character, and $ is its very end. */
static pcre2_code *compile_code(const char *pattern, pcre2_general_context *memory, int *code)
{
	const uint32_t options = PCRE2_CASELESS | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
	                         PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE | PCRE2_AUTO_CALLOUT |
	                         PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
	PCRE2_SIZE offset = 0;
	pcre2_compile_context *context = pcre2_compile_context_create(memory);
	pcre2_set_max_pattern_length(context, PATTERN_MAX);
	pcre2_set_parens_nest_limit(context, NESTED_MAX);
	pcre2_code *out =
	        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, code, &offset, context);
	pcre2_compile_context_free(context);
	return out;
}

static bool compile_regex(struct term *t, const char *pattern, int *wide, struct err *e)
{
	PCRE2_UCHAR why[128] = "";
	char shown[TROUBLE_MAX / 2];
	int code = 0;
	*wide += wide_ranges(pattern);
	if (*wide > WIDE_RANGES_MAX)
		return err_set(e, ERR_USAGE, "filter: ~%s: more than %d wide ranges: make it simpler",
		        pattern, WIDE_RANGES_MAX);
	pcre2_general_context *memory = pcre2_general_context_create(regex_malloc, regex_release, NULL);
	struct regex *r = xcalloc(1, sizeof(*r));
	r->code = compile_code(pattern, memory, &code);
	if (r->code != NULL) {
		r->data = pcre2_match_data_create(1, memory);
		r->context = pcre2_match_context_create(memory);
		pcre2_set_match_limit(r->context, CALLS_MAX);
		pcre2_set_depth_limit(r->context, CALLS_MAX);
		pcre2_set_heap_limit(r->context, HEAP_MAX);
		pcre2_set_callout(r->context, regex_step, r);
		r->saved = SAVED_MAX;
		snprintf(r->pattern, sizeof(r->pattern), "%s", pattern);
		r->length = strlen(r->pattern);
		find_braces(r);
		pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &r->size);
		pcre2_pattern_info(r->code, PCRE2_INFO_MAXLOOKBEHIND, &r->back);
		text_truncate(shown, sizeof(shown), pattern, strlen(pattern), PATTERN_SHOWN, false);
		snprintf(r->trouble, sizeof(r->trouble),
		        "filter: ~%s: takes too long, so it is off and leaves out nothing", shown);
		t->kind = TERM_REGEX;
		t->regex = r;
	}
	pcre2_general_context_free(memory);
	if (r->code != NULL)
		return true;
	regex_free(r);
	pcre2_get_error_message(code, why, sizeof(why));
	bool too_much = code == PCRE2_ERROR_PATTERN_TOO_LARGE ||
	                code == PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP ||
	                code == PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE;
	return err_set(e, ERR_USAGE, "filter: ~%s: %s%s", pattern, (const char *)why,
	        too_much ? ": make it simpler" : "");
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

static bool compile_term(struct term *t, const char *word, const struct filter_column *columns, size_t n,
        int *wide, struct err *e)
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
		return compile_regex(t, rest + 1, wide, e);
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
	int wide = 0; /* of all terms */
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
		if (!compile_term(&f->term[f->n], word, columns, n, &wide, &local))
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
		regex_free(f->term[i].regex);
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

static bool regex_matches(struct regex *r, const char *s, size_t n)
{
	if (r->gave_up)
		return false;
	if (n > CELL_MAX) {
		n = CELL_MAX;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	r->saved += (long)(STEPS_PER_CELL + STEPS_PER_BYTE * n);
	r->at = 0;
	int found = pcre2_match(r->code, (PCRE2_SPTR)s, n, 0, PCRE2_NO_JIT, r->data, r->context);
	r->gave_up = found < 0 && found != PCRE2_ERROR_NOMATCH;
	if (r->saved > SAVED_MAX)
		r->saved = SAVED_MAX;
	return found >= 0;
}

static bool text_matches(const struct term *t, const char *s, size_t n)
{
	switch (t->kind) {
	case TERM_WORD:
		return contains(s, n, t->word, t->length);
	case TERM_EXACT:
		return n == t->length && same(s, t->word, n);
	case TERM_REGEX:
		return regex_matches(t->regex, s, n);
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

static bool is_off(const struct term *t)
{
	return t->regex != NULL && t->regex->gave_up;
}

bool filter_match(const struct filter *f, const struct filter_row *row)
{
	if (f == NULL)
		return true;
	for (size_t i = 0; i < f->n; i++) {
		const struct term *t = &f->term[i];
		/* The row in which it gives up is the first that it leaves in. */
		if (!is_off(t) && term_matches(f, t, row) == t->inverse && !is_off(t))
			return false;
	}
	return true;
}

const char *filter_trouble(const struct filter *f)
{
	for (size_t i = 0; f != NULL && i < f->n; i++) {
		if (is_off(&f->term[i]))
			return f->term[i].regex->trouble;
	}
	return NULL;
}
