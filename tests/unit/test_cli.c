/* The command line of the real binary, as far as it needs no server: help from the tables, mistakes that are
 * told with a hint, exit codes, the probes' lint, and `once` on addresses where nobody answers. */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/proc.h"

enum { PATIENCE_MS = 20000 };

/* No configuration and no environment of whoever runs the tests. */
static const char *const plain[] = {"HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", "PGHOST", "PGPORT",
        "PGSERVICE", "PGDATABASE", "PGUSER", NULL};

static struct proc *run(const char *const argv[])
{
	struct proc *p = proc_run(argv, plain, NULL, PATIENCE_MS);
	assert_false(p->timed_out);
	return p;
}

static void expect(const char *const argv[], int code, const char *out, const char *err)
{
	struct proc *p = run(argv);
	if (p->exit_code != code || strstr(p->out_bytes.data, out) == NULL ||
	        strstr(p->err_bytes.data, err) == NULL)
		fail_msg("%s %s: exit %d\nout: %s\nerr: %s", argv[0], argv[1] != NULL ? argv[1] : "",
		        p->exit_code, p->out_bytes.data, p->err_bytes.data);
	proc_free(p);
}

static void test_help_and_version(void **state)
{
	(void)state;
	expect((const char *[]){TEST_DBATOP, "--help", NULL}, 0, "dbatop once", "");
	expect((const char *[]){TEST_DBATOP, "once", "-h", NULL}, 0, "--format FORMAT", "");
	expect((const char *[]){TEST_DBATOP, "probe", "--help", NULL}, 0, "--lint", "");
	expect((const char *[]){TEST_DBATOP, "--version", NULL}, 0, DBATOP_VERSION, "");
}

static void test_mistakes(void **state)
{
	(void)state;
	expect((const char *[]){TEST_DBATOP, "once", "--fromat", "json", NULL}, 2, "",
	        "did you mean --format");
	expect((const char *[]){TEST_DBATOP, "once", "--format", NULL}, 2, "", "needs a FORMAT");
	expect((const char *[]){TEST_DBATOP, "once", "--format=xml", NULL}, 2, "", "none of text, json, csv");
	expect((const char *[]){TEST_DBATOP, "once", "--view", "nope", NULL}, 2, "",
	        "none of fleet, sessions");
	expect((const char *[]){TEST_DBATOP, "once", "-s", "80", NULL}, 2, "", "no size like");
	expect((const char *[]){TEST_DBATOP, "once", "--deadline", "soon", NULL}, 2, "", "no time like");
	expect((const char *[]){TEST_DBATOP, "probe", "--lint=yes", NULL}, 2, "", "takes no value");
	expect((const char *[]){TEST_DBATOP, "once", "http://x", NULL}, 2, "", "dbatop: ");
	/* A password in a URL is never repeated. */
	struct proc *p =
	        run((const char *[]){TEST_DBATOP, "once", "postgres://u:geheim@h/d?nonsense=1", NULL});
	assert_int_equal(p->exit_code, 2);
	assert_null(strstr(p->err_bytes.data, "geheim"));
	proc_free(p);
	/* Without a terminal the cockpit says what to use. */
	expect((const char *[]){TEST_DBATOP, "postgres://h/d", NULL}, 2, "", "dbatop once");
}

static void test_probes(void **state)
{
	(void)state;
	expect((const char *[]){TEST_DBATOP, "probe", "--lint", NULL}, 0, "keep the rules", "");
	expect((const char *[]){TEST_DBATOP, "probe", NULL}, 0, "sessions", "");
	expect((const char *[]){TEST_DBATOP, "probe", "show", "sessions", "--engine", "postgres", NULL}, 0,
	        "SELECT", "");
	expect((const char *[]){TEST_DBATOP, "probe", "show", "nope", NULL}, 2, "", "no probe 'nope'");
	expect((const char *[]){TEST_DBATOP, "probe", "-e", "oracle", NULL}, 2, "", "none of");
}

static void test_config(void **state)
{
	(void)state;
	expect((const char *[]){TEST_DBATOP, "config", "--print-default", NULL}, 0, "timeouts:", "");
	expect((const char *[]){TEST_DBATOP, "config", "--check", "-c", "/nonexistent/x.yaml", NULL}, 2, "",
	        "/nonexistent/x.yaml");
	expect((const char *[]){TEST_DBATOP, "config", NULL}, 2, "", "--check");
}

/* Names that only the layers above the config know are mistakes with a place, too. */
static void test_config_names(void **state)
{
	(void)state;
	static const char *const mistakes[][2] = {
	        {"mouse: true\ntheme: drak\n", ".yaml:2:8: there is no theme"},
	        {"keys: {q: qiut}\n", ".yaml:1:8: "},
	        {"keys:\n  ctrl-nope: quit\n", ".yaml:2:3: "},
	        {"clusters:\n  - name: a\n    probes: {sesions: {every: 2s}}\n    instances: [{url: "
	         "'postgres://h'}]\n",
	                ".yaml:3:14: there is no probe 'sesions'"},
	        {"defaults:\n  probes: {sesions: {every: 2s}}\n",
	                ".yaml:2:12: there is no probe 'sesions': did you mean 'sessions'?"},
	};
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char path[] = "/tmp/dbatop-names-XXXXXX.yaml";
		int fd = mkstemps(path, 5);
		assert_true(fd >= 0);
		size_t n = strlen(mistakes[i][0]);
		assert_int_equal(write(fd, mistakes[i][0], n), n);
		close(fd);
		expect((const char *[]){TEST_DBATOP, "config", "--check", "-c", path, NULL}, 2, "",
		        mistakes[i][1]);
		unlink(path);
	}
}

/* A listener that accepts nothing; its port in the URL. */
static int mute_server(char *url, size_t size)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)&at, &n);
	snprintf(url, size, "postgres://u@127.0.0.1:%d/d", ntohs(at.sin_port));
	return fd;
}

static void test_once_without_an_answer(void **state)
{
	(void)state;
	char mute[64], refused[64];
	int fd = mute_server(mute, sizeof(mute));
	int closed = mute_server(refused, sizeof(refused));
	close(closed);
	struct proc *p =
	        run((const char *[]){TEST_DBATOP, "once", "-f", "json", "-d", "400ms", mute, refused, NULL});
	assert_int_equal(p->exit_code, 1);
	json_error_t error;
	json_t *root = json_loads(p->out_bytes.data, 0, &error);
	if (root == NULL)
		fail_msg("%s: %s", error.text, p->out_bytes.data);
	assert_int_equal(json_integer_value(json_object_get(root, "format")), 1);
	assert_int_equal(strlen(json_string_value(json_object_get(root, "taken_at"))), 24);
	json_t *instances = json_object_get(root, "instances");
	assert_int_equal(json_array_size(instances), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *in = json_array_get(instances, i);
		assert_string_equal(json_string_value(json_object_get(in, "status")), "down");
		assert_string_equal(json_string_value(json_object_get(in, "engine")), "postgres");
		assert_true(json_is_string(json_object_get(in, "error")));
		assert_true(json_is_null(json_object_get(in, "version")));
		assert_true(json_is_null(json_object_get(in, "role")));
		assert_true(json_is_null(json_object_get(in, "rows")));
	}
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(instances, 0), "error")),
	        "no answer within"));
	json_decref(root);
	proc_free(p);
	p = run((const char *[]){TEST_DBATOP, "once", "-f", "csv", "-d", "300ms", mute, NULL});
	assert_non_null(strstr(p->out_bytes.data, "instance,engine,version,server_role,status,error\r\n"));
	proc_free(p);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_help_and_version),
	        cmocka_unit_test(test_mistakes),
	        cmocka_unit_test(test_probes),
	        cmocka_unit_test(test_config),
	        cmocka_unit_test(test_config_names),
	        cmocka_unit_test(test_once_without_an_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
