/* Passwords from the terminal: asked before the screen starts, never echoed, never in what is shown or in the
 * log. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/lab.h"
#include "tests/support/term.h"

enum { PATIENCE_MS = 15000 };

static char home[] = "/tmp/dbatop-password-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(home) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof(command), "%s/.local/state/dbatop", home);
	const char *const files[] = {"dbatop.log", "journal.jsonl"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[192];
		snprintf(path, sizeof(path), "%s/%s", command, files[i]);
		unlink(path);
	}
	const char *const folders[] = {"/.local/state/dbatop", "/.local/state", "/.local", ""};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(command, sizeof(command), "%s%s", home, folders[i]);
		rmdir(command);
	}
	return 0;
}

static struct term *ask_for(const char *server)
{
	char url[256], environment[64];
	struct lab_server s = lab_server(server);
	lab_url(&s, "monitor", 0, url, sizeof(url));
	snprintf(environment, sizeof(environment), "HOME=%s", home);
	const char *const argv[] = {TEST_DBATOP, "--password", url, NULL};
	const char *const env[] = {
	        environment, "XDG_STATE_HOME", "XDG_CONFIG_HOME", "PGPASSFILE", "PGPASSWORD", NULL};
	return term_spawn(24, 80, argv, env);
}

static void ends_with(struct term *t, int code)
{
	struct term_exit end;
	assert_true(term_wait_exit(t, PATIENCE_MS, &end));
	assert_int_equal(end.code, code);
}

static void sees_the_server(const char *server, const char *engine_word)
{
	struct term *t = ask_for(server);
	term_wait_text(t, "Password of monitor on ", PATIENCE_MS);
	term_send(t, "monitor-pw\r");
	term_wait_text(t, "LIVE", PATIENCE_MS);
	term_wait_match(t, engine_word, PATIENCE_MS);
	assert_false(term_sees(t, "monitor-pw", 0));
	term_send(t, "q");
	ends_with(t, 0);
	term_assert_restored(t);
	term_free(t);
}

static void test_postgres(void **state)
{
	(void)state;
	sees_the_server("pg15", "prim.*/1?[0-9][0-9]");
}

static void test_mariadb(void **state)
{
	(void)state;
	sees_the_server("maria1011", "prim.*/[0-9]+");
}

static void test_interrupted(void **state)
{
	(void)state;
	struct term *t = ask_for("pg15");
	term_wait_text(t, "Password of monitor on ", PATIENCE_MS);
	term_send(t, "half\003\r");
	term_wait_text(t, "no password was given", PATIENCE_MS);
	ends_with(t, 2);
	assert_false(term_sees(t, "half", 0));
	term_assert_restored(t);
	term_free(t);
}

static void test_a_wrong_one_is_said(void **state)
{
	(void)state;
	struct term *t = ask_for("pg15");
	term_wait_text(t, "Password of monitor on ", PATIENCE_MS);
	term_send(t, "geheimnis\r");
	term_wait_text(t, "password authentication failed", PATIENCE_MS);
	assert_false(term_sees(t, "geheimnis", 0));
	term_send(t, "q");
	ends_with(t, 0);
	term_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_postgres),
	        cmocka_unit_test(test_mariadb),
	        cmocka_unit_test(test_interrupted),
	        cmocka_unit_test(test_a_wrong_one_is_said),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
