/* The documents say what the program does: the README's generated parts are those of today's tables, the
 * manual is clean to its own linter, and each subcommand and option stands in it and in the completions. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/config_schema.h"
#include "tests/support/proc.h"
#include "tui/command.h"
#include "tui/view.h"

enum { RUN_MS = 20000 };

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	char part[4096];
	if (f == NULL)
		fail_msg("%s is not there", path);
	FILE *out = open_memstream(&text, &size);
	for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;)
		fwrite(part, 1, n, out);
	fclose(out);
	fclose(f);
	return text;
}

static struct proc *run(const char *const argv[])
{
	struct proc *p = proc_run(argv, NULL, NULL, RUN_MS);
	assert_false(p->timed_out);
	return p;
}

/* What dbatop_docs makes of the README now is what the README says. */
static void test_readme_is_up_to_date(void **state)
{
	(void)state;
	static const char path[] = TEST_SOURCE_DIR "/README.md";
	const char *argv[] = {TEST_BUILD_DIR "/cli/dbatop_docs", "markdown", path, "-", NULL};
	struct proc *p = run(argv);
	char *now = read_all(path);
	assert_int_equal(p->exit_code, 0);
	if (strcmp(now, p->out_bytes.data) != 0)
		fail_msg("README.md: its tables are not those of the program; run: "
		         "%s markdown README.md README.md",
		        argv[0]);
	free(now);
	proc_free(p);
}

/* Lint cannot find our own pages, since they are not installed where it looks. */
static void lint(const char *page)
{
	const char *argv[] = {"mandoc", "-Tlint", page, NULL};
	struct proc *p = run(argv);
	for (char *line = p->out_bytes.data; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		char text[512];
		snprintf(text, sizeof(text), "%.*s", (int)n, line);
		if (strstr(text, "referenced manual not found") == NULL)
			fail_msg("%s", text);
		line += n + (line[n] == '\n');
	}
	assert_string_equal(p->err_bytes.data, "");
	proc_free(p);
}

static void test_manual_is_clean(void **state)
{
	(void)state;
	lint(TEST_BUILD_DIR "/man/dbatop.1");
	lint(TEST_BUILD_DIR "/man/dbatop-config.5");
}

static void must_hold(const char *text, const char *what, const char *word)
{
	if (strstr(text, word) == NULL)
		fail_msg("%s says nothing of \"%s\"", what, word);
}

/* The option and command tables hold it by construction; the pages' markers could still be lost. */
static void test_manual_is_complete(void **state)
{
	(void)state;
	char *page = read_all(TEST_BUILD_DIR "/man/dbatop.1");
	char *config = read_all(TEST_BUILD_DIR "/man/dbatop-config.5");
#define SUBCOMMAND(id, name, args, summary, run) must_hold(page, "dbatop.1", ".Ss dbatop " name);
#include "cli/subcommands.def"
#undef SUBCOMMAND
#define OPTION(id, long_name, short_name, arg, commands, help)                                               \
	must_hold(page, "dbatop.1", "Fl \\-" long_name);
#include "cli/options.def"
#undef OPTION
	for (const struct view *const *v = views; *v != NULL; v++) {
		char shape[64];
		bool plain = strcmp((*v)->name, "fleet") == 0 || strcmp((*v)->name, "sessions") == 0;
		snprintf(shape, sizeof(shape), plain ? "Columns of the view %s" : "What the view %s adds",
		        (*v)->name);
		must_hold(page, "dbatop.1", shape);
	}
	for (int c = 0; c < CMD_COUNT; c++) {
		const struct command_info *info = command_info((enum command)c);
		char help[24];
		/* Its first letter is a capital there, and hyphens are escaped. */
		snprintf(help, sizeof(help), "%s", info->help + 1);
		help[strcspn(help, "-")] = '\0';
		if ((info->flags & CMD_HIDDEN) == 0)
			must_hold(page, "dbatop.1", help);
	}
	for (const struct config_section *s = config_sections; s->title != NULL; s++) {
		for (size_t i = 0; i < s->n; i++) {
			char item[64];
			snprintf(item, sizeof(item), ".It Ic %s", s->fields[i].name);
			must_hold(config, "dbatop-config.5", item);
			if (s->fields[i].help == NULL)
				fail_msg("%s: %s has no help", s->title, s->fields[i].name);
		}
	}
	free(page);
	free(config);
}

/* The shell itself answers: bash is on every machine that builds this. */
static void complete(const char *line, const char *expected)
{
	char script[1024];
	snprintf(script, sizeof(script),
	        ". '%s/man/completion.bash'; COMP_WORDS=(%s ''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
	        "_dbatop; "
	        "echo \"${COMPREPLY[@]}\"",
	        TEST_BUILD_DIR, line);
	const char *argv[] = {"bash", "-c", script, NULL};
	struct proc *p = run(argv);
	assert_string_equal(p->err_bytes.data, "");
	assert_string_equal(p->out_bytes.data, expected);
	proc_free(p);
}

static void test_bash_completes(void **state)
{
	(void)state;
	complete("dbatop", "once doctor config probe\n");
	complete("dbatop once --format", "text json csv\n");
	complete("dbatop doctor -f", "text json\n");
	complete("dbatop once --view", "fleet sessions locks replication tree\n");
	complete("dbatop probe -e", "postgres mysql mariadb\n");
	complete("dbatop probe", "list show\n");
}

/* Everything that belongs to a package, and nothing else. */
static void test_install_is_complete(void **state)
{
	(void)state;
	static const char script[] = "d=$(mktemp -d) && DESTDIR=$d cmake --install '" TEST_BUILD_DIR
	                             "' --prefix /usr >/dev/null && "
	                             "cd \"$d\" && find . -type f | LC_ALL=C sort; rm -rf \"$d\"";
	const char *argv[] = {"bash", "-c", script, NULL};
	struct proc *p = run(argv);
	assert_string_equal(p->err_bytes.data, "");
	assert_string_equal(p->out_bytes.data, "./usr/bin/dbatop\n"
	                                       "./usr/share/bash-completion/completions/dbatop\n"
	                                       "./usr/share/doc/dbatop/CHANGELOG.md\n"
	                                       "./usr/share/doc/dbatop/LICENSE\n"
	                                       "./usr/share/doc/dbatop/README.md\n"
	                                       "./usr/share/doc/dbatop/examples/config.yaml\n"
	                                       "./usr/share/man/man1/dbatop.1\n"
	                                       "./usr/share/man/man5/dbatop-config.5\n"
	                                       "./usr/share/terminfo/d/dbatop-tmux\n"
	                                       "./usr/share/terminfo/d/dbatop-xterm\n"
	                                       "./usr/share/zsh/site-functions/_dbatop\n");
	proc_free(p);
}

static void test_zsh_names_every_option(void **state)
{
	(void)state;
	char *text = read_all(TEST_BUILD_DIR "/man/completion.zsh");
#define OPTION(id, long_name, short_name, arg, commands, help)                                               \
	must_hold(text, "completion.zsh", "--" long_name);
#include "cli/options.def"
#undef OPTION
	free(text);
}

/* Copies the next line of *at without its newline; false at the end. */
static bool next_line(const char **at, char *line, size_t size)
{
	if (**at == '\0')
		return false;
	size_t n = strcspn(*at, "\n");
	snprintf(line, size, "%.*s", (int)n, *at);
	*at += n + ((*at)[n] == '\n');
	return true;
}

static bool has_line(const char *text, const char *wanted)
{
	char line[1024];
	while (next_line(&text, line, sizeof(line))) {
		if (strcmp(line, wanted) == 0)
			return true;
	}
	return false;
}

/* Every line of a diff in CONTRIBUTING.md stands in the file that it names, today. */
static void test_diffs_are_of_the_tree(void **state)
{
	(void)state;
	char *guide = read_all(TEST_SOURCE_DIR "/CONTRIBUTING.md");
	char line[1024], path[1024] = "";
	char *file = NULL;
	size_t checked = 0;
	for (const char *at = guide; next_line(&at, line, sizeof(line));) {
		if (strncmp(line, "+++ b/", 6) == 0) {
			snprintf(path, sizeof(path), "%s/%.512s", TEST_SOURCE_DIR, line + 6);
			free(file);
			file = read_all(path);
		} else if (strcmp(line, "```") == 0) {
			free(file);
			file = NULL;
		} else if (file != NULL) {
			checked++;
			if (!has_line(file, line + 1))
				fail_msg("CONTRIBUTING.md shows a line that %s has not: %s", path, line);
		}
	}
	free(file);
	free(guide);
	assert_true(checked > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_readme_is_up_to_date),
	        cmocka_unit_test(test_diffs_are_of_the_tree),
	        cmocka_unit_test(test_manual_is_clean),
	        cmocka_unit_test(test_manual_is_complete),
	        cmocka_unit_test(test_install_is_complete),
	        cmocka_unit_test(test_bash_completes),
	        cmocka_unit_test(test_zsh_names_every_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
