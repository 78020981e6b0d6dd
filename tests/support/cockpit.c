/* The whole program, driven as a person drives it. What it must keep while servers misbehave is asserted
 * here, so that every test of a fault asserts the same. */
#include "tests/support/test.h"

#include "tests/support/cockpit.h"
#include "tests/support/proc.h"
#include "tests/support/term_internal.h"
#include "tests/support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef DBATOP_JOIN_AT_EXIT
enum { QUIT_MS = 30000, KEY_MS = 5000, FRESH_MS = 15000 };
#else
enum { QUIT_MS = 2000, KEY_MS = 1000, FRESH_MS = 4000 };
#endif
enum { SQL_MS = 10000, ARGS_MAX = 32, STALE_COLOUR = 242 };

/* ---- 1. the fleet ---- */

__attribute__((format(printf, 2, 3))) static void put(struct cockpit *c, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(c->config + c->size, sizeof(c->config) - c->size, format, ap);
	va_end(ap);
	assert_true(n > 0 && (size_t)n < sizeof(c->config) - c->size);
	c->size += (size_t)n;
}

void cockpit_begin(struct cockpit *c, int connect_ms, int query_ms)
{
	*c = (struct cockpit){.key_ms = KEY_MS};
	snprintf(c->home, sizeof(c->home), "/tmp/dbatop-cockpit-XXXXXX");
	assert_non_null(mkdtemp(c->home));
	put(c,
	        "state_dir: %s/state\ndefaults:\n  redact: false\n  timeouts: {connect: %dms, query: "
	        "%dms}\nclusters:\n",
	        c->home, connect_ms, query_ms);
}

void cockpit_cluster(struct cockpit *c, const char *name, const char *tag)
{
	put(c, "  - name: %s\n    tags: [%s]\n", name, tag);
	if (c->thresholds != NULL)
		put(c, "    thresholds: {%s}\n", c->thresholds);
	put(c, "    instances:\n");
}

void cockpit_add(struct cockpit *c, const char *name, const struct lab_server *server, const char *user,
        int port, const char *more)
{
	char url[256];
	if (c->user[0] == '\0')
		snprintf(c->user, sizeof(c->user), "%s", user);
	lab_url(server, user, port, url, sizeof(url));
	put(c, "      - {name: %s, url: '%s', login: {password: %s-pw%s%s}}\n", name, url, user,
	        more != NULL ? ", " : "", more != NULL ? more : "");
}

void cockpit_add_url(struct cockpit *c, const char *name, const char *url)
{
	put(c, "      - {name: %s, url: '%s'}\n", name, url);
}

/* ---- 2. the program ---- */

static void write_config(struct cockpit *c, char *path, size_t size)
{
	snprintf(path, size, "%s/config.yaml", c->home);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, c->config, c->size), (ssize_t)c->size);
	close(fd);
}

void cockpit_open(struct cockpit *c, int rows, int cols, const char *const args[], const char *const env[])
{
	char config[256];
	char home[256];
	char run[256];
	const char *argv[ARGS_MAX] = {TEST_DBATOP, "--config", config};
	const char *vars[ARGS_MAX] = {
	        home, run, "XDG_STATE_HOME", "PGPASSFILE=/nonexistent", "PGSERVICEFILE"};
	write_config(c, config, sizeof(config));
	snprintf(home, sizeof(home), "HOME=%s", c->home);
	snprintf(run, sizeof(run), "XDG_CONFIG_HOME=%s", c->home);
	for (size_t i = 0, n = 3; args != NULL && args[i] != NULL; i++, n++) {
		assert_true(n < ARGS_MAX - 1);
		argv[n] = args[i];
	}
	for (size_t i = 0, n = 5; env != NULL && env[i] != NULL; i++, n++) {
		assert_true(n < ARGS_MAX - 1);
		vars[n] = env[i];
	}
	c->term = term_spawn(rows, cols, argv, vars);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void cockpit_drop(struct cockpit *c)
{
	term_free(c->term);
	c->term = NULL;
	if (c->home[0] != '\0')
		nftw(c->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	c->home[0] = '\0';
}

void cockpit_quit(struct cockpit *c)
{
	struct term_exit end;
	term_send(c->term, "q");
	if (!term_wait_exit(c->term, QUIT_MS, &end)) {
		term_dump(c->term);
		fail_msg("still there %d ms after q", QUIT_MS);
	}
	if (end.code != 0) {
		term_dump(c->term);
		fail_msg("ended with %d, signal %d", end.code, end.signal);
	}
	term_assert_restored(c->term);
	cockpit_drop(c);
}

/* ---- 3. rows ---- */

/* The screen row that begins with the name; -1 when there is none. */
static int find_row(struct cockpit *c, const char *name, int *col)
{
	int width = (int)strlen(name);
	for (int row = 0; row < c->term->rows; row++) {
		const char *text = term_row(c->term, row);
		int at = (int)strspn(text, " ");
		if (strncmp(text + at, name, (size_t)width) == 0 && strchr(" ", text[at + width]) != NULL) {
			*col = at;
			return row;
		}
	}
	return -1;
}

const char *cockpit_row(struct cockpit *c, const char *name)
{
	int col = 0;
	int row = find_row(c, name, &col);
	return row < 0 ? "" : term_row(c->term, row);
}

void cockpit_wait_row(struct cockpit *c, const char *name, const char *regex, int ms)
{
	regex_t want;
	int64_t deadline = wait_now_ms() + ms;
	assert_int_equal(regcomp(&want, regex, REG_EXTENDED | REG_NOSUB), 0);
	while (regexec(&want, cockpit_row(c, name), 0, NULL, 0) != 0) {
		if (wait_now_ms() >= deadline) {
			term_dump(c->term);
			fail_msg("%s shows no %s within %d ms", name, regex, ms);
		}
		term_pump(c->term, 20);
	}
	regfree(&want);
}

/* Since its last statement began, on the server's clock. */
static long asked_ms_ago(const struct lab_server *server, const char *user)
{
	char sql[256];
	const char *ms = "ROUND(MIN(TIME_MS))";
	if (lab_is_postgres(server))
		ms = "(1000 * extract(epoch FROM clock_timestamp() - max(query_start)))::bigint";
	else if (strcmp(server->engine, "mysql") == 0)
		ms = "1000 * MIN(TIME)"; /* whole seconds are all it counts */
	snprintf(sql, sizeof(sql), "SELECT COALESCE(%s, 999999) FROM %s = '%s'", ms,
	        lab_is_postgres(server) ? "pg_stat_activity WHERE usename"
	                                : "information_schema.PROCESSLIST WHERE USER",
	        user);
	return lab_sql_number(server, "dba", sql, SQL_MS);
}

static bool is_stale(struct cockpit *c, const char *name)
{
	int col = 0;
	int row = find_row(c, name, &col);
	return row < 0 || term_cell(c->term, row, col).fg == STALE_COLOUR;
}

void cockpit_assert_fresh(struct cockpit *c, const char *name, const struct lab_server *server)
{
	int64_t deadline = wait_now_ms() + FRESH_MS;
	cockpit_wait_row(c, name, "[0-9]+/[0-9]+", FRESH_MS);
	while (is_stale(c, name)) {
		if (wait_now_ms() >= deadline) {
			term_dump(c->term);
			fail_msg("%s is stale", name);
		}
		term_pump(c->term, 20);
	}
	long ms = asked_ms_ago(server, c->user);
	while (ms > FRESH_MS && wait_now_ms() < deadline) {
		term_pump(c->term, 20);
		ms = asked_ms_ago(server, c->user);
	}
	if (ms > FRESH_MS) {
		term_dump(c->term);
		fail_msg("%s was asked %ld ms ago", name, ms);
	}
}

/* ---- 4. what a fault leaves alone ---- */

int64_t cockpit_key_ms(struct cockpit *c)
{
	int patience = c->key_ms + COCKPIT_SOON_MS;
	int64_t from = wait_now_ms();
	term_send(c->term, "?");
	term_wait_text(c->term, "Keys and commands", patience);
	int64_t took = wait_now_ms() - from;
	term_send(c->term, TERM_ESCAPE);
	term_wait_gone(c->term, "Keys and commands", patience);
	return took;
}

void cockpit_assert_keys_live(struct cockpit *c)
{
	for (int i = 0; i < 5; i++) {
		int64_t took = cockpit_key_ms(c);
		if (took > c->key_ms) {
			term_dump(c->term);
			fail_msg("a key was answered after %lld ms", (long long)took);
		}
	}
}

void cockpit_mark(struct cockpit *c)
{
	c->threads = proc_threads(term_pid(c->term));
	c->fds = proc_fds(term_pid(c->term));
}

void cockpit_assert_no_leak(struct cockpit *c, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	for (;;) {
		long threads = proc_threads(term_pid(c->term));
		long fds = proc_fds(term_pid(c->term));
		if (threads >= 0 && threads <= c->threads && fds <= c->fds)
			return;
		if (wait_now_ms() >= deadline) {
			term_dump(c->term);
			fail_msg("leaked: %ld threads were %ld, %ld descriptors were %ld", threads,
			        c->threads, fds, c->fds);
		}
		term_pump(c->term, 20);
	}
}

long cockpit_connections(const struct lab_server *server, const char *user)
{
	char sql[256];
	snprintf(sql, sizeof(sql),
	        lab_is_postgres(server)
	                ? "SELECT count(*) FROM pg_stat_activity WHERE usename = '%s'"
	                : "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '%s'",
	        user);
	return lab_sql_number(server, "dba", sql, SQL_MS);
}

void cockpit_wait_connections(
        struct cockpit *c, const struct lab_server *server, const char *user, long n, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	for (long is = cockpit_connections(server, user); is < n; is = cockpit_connections(server, user)) {
		if (wait_now_ms() >= deadline) {
			term_dump(c->term);
			fail_msg("%s has %ld connections of %s instead of %ld", server->name, is, user, n);
		}
		term_pump(c->term, 50);
	}
}

long cockpit_running(const struct lab_server *server, const char *user, int ms)
{
	char sql[320];
	snprintf(sql, sizeof(sql),
	        lab_is_postgres(server) ? "SELECT count(*) FROM pg_stat_activity WHERE usename = '%s' AND "
	                                  "state = 'active' AND "
	                                  "clock_timestamp() - query_start > %d * interval '1 ms'"
	                                : "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = "
	                                  "'%s' AND COMMAND = "
	                                  "'Query' AND TIME_MS > %d",
	        user, ms);
	return lab_sql_number(server, "dba", sql, SQL_MS);
}
