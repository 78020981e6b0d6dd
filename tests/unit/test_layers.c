/* The rules of the house that no compiler checks: which layer may include what, one file per foreign
 * library's reach, banned calls, file length, the opening comment. The linker catches some of it late; this
 * test names the file and the line. Every rule is also shown a text that breaks it, so that a rule cannot go
 * blind. */
#include "tests/support/test.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_LINES = 600, MAX_PATH = 1024 };

struct report {
	int count;
	char first[512]; /* the first violation, for the tests of the rules themselves */
	bool quiet;
};

static void complain(struct report *report, const char *path, int line, const char *what, const char *detail)
{
	char text[512];
	snprintf(text, sizeof(text), "%s:%d: %s%s", path, line, what, detail);
	if (report->count++ == 0)
		snprintf(report->first, sizeof(report->first), "%s", text);
	if (!report->quiet)
		fprintf(stderr, "%s\n", text);
}

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool in_tests(const char *path)
{
	return starts(path, "tests/");
}

/* Which own folders a folder may include: the first row whose folder holds the file decides. */
struct layer {
	const char *folder;
	const char *may[6];
};

static const struct layer layers[] = {
        {.folder = "core/base/", .may = {"core/base/"}},
        {.folder = "core/model/", .may = {"core/base/", "core/model/"}},
        {.folder = "core/run/", .may = {"core/base/", "core/model/", "core/run/"}},
        {.folder = "tui/", .may = {"core/", "tui/"}},
        {.folder = "views/", .may = {"core/", "tui/", "views/"}},
        {.folder = "backends/tls/", .may = {"core/", "backends/tls/"}},
        {.folder = "backends/postgres/", .may = {"core/", "backends/tls/", "backends/postgres/"}},
        {.folder = "backends/mysql/", .may = {"core/", "backends/tls/", "backends/mysql/"}},
        {.folder = "backends/", .may = {"core/"}},
        {.folder = "cli/", .may = {"core/", "tui/", "views/", "backends/", "cli/"}},
};

static void check_own_include(struct report *report, const char *path, int line, const char *header)
{
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		if (!starts(path, layers[i].folder))
			continue;
		for (size_t j = 0; j < 6 && layers[i].may[j] != NULL; j++) {
			if (starts(header, layers[i].may[j]))
				return;
		}
		complain(report, path, line, "this layer may not include ", header);
		return;
	}
}

/* Headers of other projects that only one place may know. */
struct owner {
	const char *header; /* a prefix */
	const char *place;  /* a prefix of the including file */
};

static const struct owner owners[] = {
        {.header = "curses.h", .place = "tui/term_curses.c"},
        {.header = "ncurses", .place = "tui/term_curses.c"},
        {.header = "term.h", .place = "tui/term_curses.c"},
        {.header = "pcre2", .place = "tui/filter.c"},
        {.header = "libpq", .place = "backends/postgres/"},
        {.header = "postgres", .place = "backends/postgres/"},
        {.header = "mysql", .place = "backends/mysql/"},
        {.header = "mariadb", .place = "backends/mysql/"},
        {.header = "errmsg.h", .place = "backends/mysql/"},
};

static void check_include(struct report *report, const char *path, int line, const char *directive)
{
	char header[MAX_PATH];
	const char *open = strpbrk(directive, "<\"");
	if (open == NULL)
		return;
	size_t length = strcspn(open + 1, ">\"");
	snprintf(header, sizeof(header), "%.*s", (int)length, open + 1);
	if (in_tests(path))
		return;
	if (*open == '"') {
		check_own_include(report, path, line, header);
		return;
	}
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		if (starts(header, owners[i].header) && !starts(path, owners[i].place))
			complain(report, path, line, "only its own place may include ", header);
	}
}

/* Calls that are wrong everywhere, with what to use instead. */
static const char *const banned[][2] = {
        {"strcpy", "snprintf or buf_*"},
        {"strcat", "snprintf or buf_*"},
        {"stpcpy", "snprintf or buf_*"},
        {"sprintf", "snprintf"},
        {"vsprintf", "vsnprintf"},
        {"strtok", "strcspn"},
        {"atoi", "strtol"},
        {"atol", "strtol"},
        {"gets", "fgets"},
        {"gmtime", "gmtime_r"},
        {"localtime", "localtime_r"},
        {"system", "posix_spawn"},
        {"sleep", "ctx_sleep; in tests wait_until"},
        {"usleep", "ctx_sleep; in tests wait_until"},
};

/* The only place of the tests that naps: the poll inside wait_until. */
static bool may_nap(const char *path)
{
	return !in_tests(path) || starts(path, "tests/support/wait.");
}

static void check_word(struct report *report, const char *path, int line, const char *word, const char *rest)
{
	while (*rest == ' ')
		rest++;
	if (*rest != '(')
		return;
	for (size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++) {
		if (strcmp(word, banned[i][0]) == 0)
			complain(report, path, line, "banned call, use ", banned[i][1]);
	}
	if (!may_nap(path) && (strcmp(word, "nanosleep") == 0 || strcmp(word, "clock_nanosleep") == 0))
		complain(report, path, line, "no naps in tests: ", "use wait_until");
}

/* Words of one line of code (comments and strings are blank already). A member's name is not a call of libc.
 */
static void check_code_line(struct report *report, const char *path, int line, const char *code)
{
	for (const char *at = code; *at != '\0';) {
		if (!isalpha((unsigned char)*at) && *at != '_') {
			at++;
			continue;
		}
		char word[64];
		size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
		bool member = at > code && (at[-1] == '.' || at[-1] == '>');
		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		if (!member)
			check_word(report, path, line, word, at + length);
		if (strcmp(word, "typedef") == 0 && strstr(at, "struct") != NULL)
			complain(report, path, line, "no typedef'd structs", "");
		at += length;
	}
}

/* Macros with arguments are for .def tables, which undefine them again. */
static void check_macro(
        struct report *report, const char *path, int line, const char *directive, const char *all)
{
	char name[64];
	char undef[80];
	const char *at = directive + strlen("define");
	while (*at == ' ' || *at == '\t')
		at++;
	size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	if (at[length] != '(')
		return;
	snprintf(name, sizeof(name), "%.*s", (int)length, at);
	snprintf(undef, sizeof(undef), "#undef %s", name);
	if (strstr(all, undef) == NULL)
		complain(report, path, line, "function-like macro without #undef: ", name);
}

/* Blanks comments, strings and character constants in place; lines keep their places. */
static void blank_text(char *text)
{
	char quote = 0;
	bool block = false;
	bool rest = false;
	for (char *at = text; *at != '\0'; at++) {
		if (*at == '\n') {
			rest = false;
			continue;
		}
		if (block && at[0] == '*' && at[1] == '/') {
			at[0] = at[1] = ' ';
			at++;
			block = false;
			continue;
		}
		if (quote != 0 && *at == '\\' && at[1] != '\0' && at[1] != '\n') {
			at[0] = at[1] = ' ';
			at++;
			continue;
		}
		if (block || rest) {
			*at = ' ';
		} else if (quote != 0) {
			quote = *at == quote ? 0 : quote;
			*at = ' ';
		} else if (at[0] == '/' && (at[1] == '*' || at[1] == '/')) {
			block = at[1] == '*';
			rest = !block;
			at[0] = at[1] = ' ';
			at++;
		} else if (*at == '"' || (*at == '\'' && (at == text || !isalnum((unsigned char)at[-1])))) {
			quote = *at;
			*at = ' ';
		}
	}
}

static void check_marks(struct report *report, const char *path, int line, const char *raw)
{
	static const char *const marks[] = {"TODO", "FIXME", "XXX", "HACK"};
	if (strcmp(path, "tests/unit/test_layers.c") == 0)
		return;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *at = strstr(raw, marks[i]);
		size_t length = strlen(marks[i]);
		if (at != NULL && (at == raw || !isalnum((unsigned char)at[-1])) &&
		        !isalnum((unsigned char)at[length]))
			complain(report, path, line, "finish it or say it: ", marks[i]);
	}
}

/* Checks one file's text against every rule. */
static void check_text(struct report *report, const char *path, const char *text)
{
	char *code = strdup(text);
	assert_non_null(code);
	blank_text(code);
	if (!starts(text, "/*"))
		complain(report, path, 1, "a file opens with a comment that says why it exists", "");
	const char *raw = text;
	char *line_code = code;
	int line = 0;
	while (*raw != '\0') {
		size_t length = strcspn(raw, "\n");
		char directive[MAX_PATH];
		snprintf(directive, sizeof(directive), "%.*s", (int)length, raw);
		line_code[strcspn(line_code, "\n")] = '\0';
		line++;
		const char *hash = line_code + strspn(line_code, " \t");
		if (*hash == '#') {
			const char *word = directive + (hash - line_code) + 1;
			word += strspn(word, " \t");
			if (starts(word, "include"))
				check_include(report, path, line, word);
			if (starts(word, "define"))
				check_macro(report, path, line, word, text);
		} else {
			check_code_line(report, path, line, line_code);
		}
		check_marks(report, path, line, directive);
		bool last = raw[length] == '\0';
		raw += length + (last ? 0 : 1);
		line_code += length + (last ? 0 : 1);
	}
	if (line > MAX_LINES)
		complain(report, path, line, "a file has at most 600 lines", "");
	free(code);
}

static char *read_all(const char *path)
{
	FILE *file = fopen(path, "r");
	struct stat status;
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	char *text = calloc(1, (size_t)status.st_size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)status.st_size, file), status.st_size);
	fclose(file);
	return text;
}

static bool ends(const char *text, const char *suffix)
{
	size_t a = strlen(text);
	size_t b = strlen(suffix);
	return a >= b && strcmp(text + a - b, suffix) == 0;
}

/* Walks a folder of the source tree; returns the number of files checked. */
static int walk(struct report *report, const char *folder)
{
	char full[MAX_PATH];
	snprintf(full, sizeof(full), "%s/%s", TEST_SOURCE_DIR, folder);
	DIR *dir = opendir(full);
	int files = 0;
	if (dir == NULL)
		return 0;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		char path[MAX_PATH];
		struct stat status;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (snprintf(full, sizeof(full), "%s/%s", TEST_SOURCE_DIR, path) >= (int)sizeof(full))
			fail_msg("path too long: %s", path);
		if (lstat(full, &status) != 0)
			continue;
		if (S_ISDIR(status.st_mode)) {
			files += walk(report, path);
		} else if (S_ISREG(status.st_mode) &&
		           (ends(path, ".c") || ends(path, ".h") || ends(path, ".def"))) {
			char *text = read_all(full);
			check_text(report, path, text);
			free(text);
			files++;
		}
	}
	closedir(dir);
	return files;
}

static void test_the_tree_keeps_the_rules(void **state)
{
	(void)state;
	static const char *const folders[] = {"core", "tui", "views", "backends", "cli", "tests"};
	struct report report = {.count = 0};
	int files = 0;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		files += walk(&report, folders[i]);
	assert_true(files > 0);
	if (report.count > 0)
		fail_msg("%d violations in %d files, listed above", report.count, files);
}

struct sample {
	const char *path;
	const char *text;
	const char *expect; /* the first complaint, or NULL */
};

static const struct sample samples[] = {
        {"core/base/a.c", "/* why */\n#include \"core/base/b.h\"\n#include <stdio.h>\n", NULL},
        {"core/base/a.c", "int x;\n", "core/base/a.c:1: a file opens"},
        {"core/base/a.c", "/* why */\n#include \"core/run/hub.h\"\n", "core/base/a.c:2: this layer may not"},
        {"core/model/a.c", "/* why */\n#include \"core/run/hub.h\"\n",
                "core/model/a.c:2: this layer may not"},
        {"core/run/a.c", "/* why */\n#include \"tui/view.h\"\n", "core/run/a.c:2: this layer may not"},
        {"views/a.c", "/* why */\n#include \"backends/postgres/pg.h\"\n", "views/a.c:2: this layer may not"},
        {"backends/mysql/a.c", "/* why */\n#include \"backends/postgres/pg.h\"\n",
                "backends/mysql/a.c:2: this"},
        {"cli/a.c", "/* why */\n#include \"backends/postgres/pg.h\"\n#include \"views/v.h\"\n", NULL},
        {"views/a.c", "/* why */\n#include <curses.h>\n", "views/a.c:2: only its own place"},
        {"tui/term_curses.c", "/* why */\n#include <curses.h>\n#include <term.h>\n", NULL},
        {"tui/a.c", "/* why */\n#include <pcre2.h>\n", "tui/a.c:2: only its own place"},
        {"tui/filter.c", "/* why */\n#include <pcre2.h>\n", NULL},
        {"core/run/a.c", "/* why */\n#include <libpq-fe.h>\n", "core/run/a.c:2: only its own place"},
        {"backends/postgres/a.c", "/* why */\n#include <libpq-fe.h>\n", NULL},
        {"backends/postgres/a.c", "/* why */\n#include <mysql.h>\n", "backends/postgres/a.c:2: only its own"},
        {"tests/unit/a.c", "/* why */\n#include <mysql.h>\n#include \"tests/support/term.h\"\n", NULL},
        {"cli/a.c", "/* why */\n\n\tstrcpy(a, b);\n", "cli/a.c:3: banned call"},
        {"cli/a.c", "/* why */\nint i = atoi (a);\n", "cli/a.c:2: banned call"},
        {"cli/a.c", "/* strcpy(a, b) */\nchar *x = \"system(1) \\\" gets(\"; /* atoi( */ // sleep(1)\n",
                NULL},
        {"cli/a.c", "/* why */\nclock->sleep(1); gmtime_r(a, b); my_system(2); ecosystem(1);\n", NULL},
        {"cli/a.c", "/* why */\nchar c = '\"'; localtime(&t); char d = '\"';\n", "cli/a.c:2: banned call"},
        {"tests/e2e/a.c", "/* why */\nusleep(10);\n", "tests/e2e/a.c:2: banned call"},
        {"tests/e2e/a.c", "/* why */\nnanosleep(&a, 0);\n", "tests/e2e/a.c:2: no naps"},
        {"tests/support/wait.c", "/* why */\nnanosleep(&a, 0);\n", NULL},
        {"cli/a.c", "/* why */\ntypedef struct a b;\n", "cli/a.c:2: no typedef"},
        {"cli/a.c", "/* why */\n#define ADD(a, b) ((a) + (b))\n", "cli/a.c:2: function-like macro"},
        {"cli/a.c", "/* why */\n#define ROW(a) {a},\n#include \"cli/x.def\"\n#undef ROW\n", NULL},
        {"cli/a.c", "/* why */\nint a; /* FIXME later */\n", "cli/a.c:2: finish it"},
};

static void test_every_rule_can_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct report report = {.quiet = true};
		check_text(&report, samples[i].path, samples[i].text);
		if (samples[i].expect == NULL && report.count > 0)
			fail_msg("sample %zu is clean, but: %s", i, report.first);
		if (samples[i].expect != NULL && !starts(report.first, samples[i].expect))
			fail_msg("sample %zu: expected \"%s\", got \"%s\"", i, samples[i].expect,
			        report.first);
	}
}

static void test_a_long_file_fails(void **state)
{
	(void)state;
	char text[2048] = "/* why */\n";
	size_t length = strlen(text);
	memset(text + length, '\n', MAX_LINES - 1);
	struct report report = {.quiet = true};
	check_text(&report, "cli/a.c", text);
	assert_int_equal(report.count, 0);
	memset(text + length, '\n', MAX_LINES);
	check_text(&report, "cli/a.c", text);
	assert_int_equal(report.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_tree_keeps_the_rules),
	        cmocka_unit_test(test_every_rule_can_fail),
	        cmocka_unit_test(test_a_long_file_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
