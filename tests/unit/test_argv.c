/* What ps shows of a command line with passwords: the parts of a URL, and the real program's /proc entry. */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/argv.h"
#include "tests/support/proc.h"
#include "tests/support/wait.h"

enum { PATIENCE_MS = 10000 };

static void shows(const char *given, const char *expected)
{
	char original[256], *argv[] = {original, NULL};
	snprintf(original, sizeof(original), "%s", given);
	char **copy = argv_take(1, argv);
	assert_string_equal(original, expected);
	assert_string_equal(copy[0], given);
	assert_null(copy[1]);
	argv_free(copy);
}

static void test_urls(void **state)
{
	(void)state;
	shows("once", "once");
	shows("postgres://u@h/db", "postgres://u@h/db");
	shows("postgres://u:geheim@h:5432/db", "postgres://u:******@h:5432/db");
	shows("mysql://u:a@b:c@h", "mysql://u:*****@h");
	shows("postgres://h/db?password=geheim&sslmode=require",
	        "postgres://h/db?password=******&sslmode=require");
	shows("postgres://h/db?sslpassword=x", "postgres://h/db?sslpassword=*");
	shows("postgres://h:5432/a@b", "postgres://h:5432/a@b");
	shows("postgres://[::1]:5432/db", "postgres://[::1]:5432/db");
}

/* A server that takes the connection and says nothing, so that the program stands still. */
static int mute_server(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

struct look {
	pid_t pid;
	char line[1024];
};

static bool is_wiped(void *arg)
{
	struct look *l = arg;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)l->pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	size_t n = fread(l->line, 1, sizeof(l->line) - 1, f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		l->line[i] = l->line[i] == '\0' ? ' ' : l->line[i];
	l->line[n] = '\0';
	return strstr(l->line, "://u:******@") != NULL;
}

static void test_the_program(void **state)
{
	(void)state;
	int port;
	int fd = mute_server(&port);
	char url[128];
	snprintf(url, sizeof(url), "postgres://u:geheim@127.0.0.1:%d/db", port);
	const char *const argv[] = {TEST_DBATOP, "once", "--deadline", "5s", url, NULL};
	const char *const env[] = {"HOME=/proc/self/nowhere", "XDG_CONFIG_HOME", NULL};
	struct proc *p = proc_start(argv, env);
	struct look look = {.pid = p->pid};
	assert_true(wait_until(is_wiped, &look, PATIENCE_MS));
	assert_null(strstr(look.line, "geheim"));
	proc_free(p);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_urls),
	        cmocka_unit_test(test_the_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
