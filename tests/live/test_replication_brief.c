/* The statement of `replication` answers `replication_brief` in passing: on every server of every engine,
 * what is cut out of the long answer says the same of each link as the short statement does. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/mysql.h"
#include "backends/postgres/postgres.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

enum { SERVERS_MAX = 16, LINKS_MAX = 32, WORDS_MAX = 512, AGREE_MS = 30000 };

/* What a server says of its links, as one text a link. */
struct word {
	char link[LINKS_MAX][WORDS_MAX];
	size_t n;
};

struct comparison {
	struct drive *drive;
	struct conn *c;
	struct word brief, cut;
};

static const char *say(const struct table *t, size_t row, const char *column, char text[WORDS_MAX])
{
	const struct cell *c = table_cell(t, row, table_column(t, column));
	if (c->type == CELL_TEXT)
		snprintf(text, WORDS_MAX, "%.120s", c->u.s);
	else if (c->type == CELL_INT || c->type == CELL_BOOL)
		snprintf(text, WORDS_MAX, "%lld", (long long)c->u.i);
	else
		snprintf(text, WORDS_MAX, "%s", "unknown");
	return text;
}

static int order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Figures that move are compared by whether they are known. */
static struct word read_links(const struct table *t)
{
	static const char *const same[] = {
	        "state", "receiver", "applier", "paused", "delay_ms", "error", "receiver_error"};
	static const char *const moving[] = {"lag_ms", "lag_bytes", "replay_lsn"};
	struct word w = {.n = 0};
	for (size_t row = 0; row < t->nrows && w.n < LINKS_MAX; row++) {
		char *link = w.link[w.n];
		char text[WORDS_MAX];
		bool up = strcmp(say(t, row, "kind", text), "upstream") == 0;
		bool backup = strcmp(say(t, row, "state", link), "backup") == 0;
		if ((!up && strcmp(text, "downstream") != 0) || backup)
			continue;
		size_t n = (size_t)snprintf(link, WORDS_MAX, "%s", text);
		for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
			n += (size_t)snprintf(link + n, n < WORDS_MAX ? WORDS_MAX - n : 0, " | %s",
			        say(t, row, same[i], text));
		for (size_t i = 0; up && i < sizeof(moving) / sizeof(moving[0]); i++)
			n += (size_t)snprintf(link + n, n < WORDS_MAX ? WORDS_MAX - n : 0, " | %s %s",
			        moving[i],
			        strcmp(say(t, row, moving[i], text), "unknown") == 0 ? text : "known");
		w.n++;
	}
	qsort(w.link, w.n, sizeof(w.link[0]), order);
	return w;
}

static bool agree(struct comparison *x)
{
	struct arena *arena = arena_new();
	const struct probe *p = drive_probe(x->drive, x->c, "replication");
	assert_non_null(p->covered);
	assert_ptr_equal(p->covered, drive_probe(x->drive, x->c, "replication_brief"));
	x->brief = read_links(drive_table(x->drive, x->c, "replication_brief", 0, arena));
	const struct table *whole = drive_table(x->drive, x->c, "replication", 0, arena);
	x->cut = read_links(table_project(arena, whole, p->covered->columns, p->covered->ncols));
	arena_free(arena);
	bool same = x->brief.n == x->cut.n;
	for (size_t i = 0; i < x->cut.n && same; i++)
		same = strcmp(x->brief.link[i], x->cut.link[i]) == 0;
	return same;
}

static void compare(struct drive *drive, const struct lab_server *server)
{
	struct endpoint ep;
	struct comparison x = {.drive = drive, .c = drive_open(drive, server, "monitor", LANE_FAST, &ep)};
	int64_t end = wait_now_ms() + AGREE_MS;
	bool same = agree(&x);
	/* Others use these servers, too: both statements are asked until nothing moved between them. */
	while (!same && wait_now_ms() < end)
		same = agree(&x);
	if (!same) {
		for (size_t i = 0; i < x.brief.n || i < x.cut.n; i++)
			print_message("brief %s\n  cut %s\n", x.brief.link[i], x.cut.link[i]);
		fail_msg("%s: the two statements differ", server->name);
	}
	if (server->primary[0] != '\0')
		assert_int_equal(strncmp(x.cut.link[x.cut.n - 1], "upstream", 8), 0);
	drive->driver->close(x.c);
	endpoint_free(&ep);
}

static void test_both_statements_say_the_same(void **state)
{
	(void)state;
	struct lab_server servers[SERVERS_MAX];
	struct drive postgres, mysql;
	struct err e;
	assert_true(mysql_driver_init(&e));
	drive_start(&postgres, &postgres_driver);
	drive_start(&mysql, &mysql_driver);
	size_t n = drive_servers(NULL, servers, SERVERS_MAX);
	for (size_t i = 0; i < n; i++)
		compare(lab_is_postgres(&servers[i]) ? &postgres : &mysql, &servers[i]);
	drive_stop(&postgres);
	drive_stop(&mysql);
	mysql_driver_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_statements_say_the_same)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
