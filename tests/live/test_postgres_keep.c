/* Rows of idle sessions that the server leaves out and the driver writes again, on every PostgreSQL version:
 * what is shown must be what is there, and what has changed must come whole. */
#include "tests/support/test.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "backends/postgres/postgres.h"
#include "tests/support/client_postgres.h"
#include "tests/support/drive.h"
#include "tests/support/wait.h"

enum { SERVERS_MAX = 16, SEEN_MS = 10000, LINKS = 4 };

static struct drive drive;
static struct lab_server servers[SERVERS_MAX];
static size_t nservers;

static int setup(void **state)
{
	(void)state;
	drive_start(&drive, &postgres_driver);
	nservers = drive_servers("postgres", servers, SERVERS_MAX);
	return nservers > 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	return 0;
}

/* Answers of one connection, each made with the one before at hand, as a lane does. */
struct chain {
	struct conn *c;
	struct arena *arena[LINKS];
	struct table *t[LINKS];
	int64_t id; /* the session that is looked at */
};

static struct table *ask(struct conn *c, const struct table *before, struct arena *arena)
{
	const struct probe *p = drive_probe(&drive, c, "sessions");
	struct probe_value values[] = {
	        {.type = PARAM_INT, .i = p->rows}, {.type = PARAM_SINCE, .since = before}};
	struct table *t = NULL;
	struct err e = {.code = ERR_NONE};
	struct ctx ctx = ctx_within(&drive.root, 5000);
	assert_int_equal(p->nparams, 2);
	if (!drive.driver->fetch(&ctx, c, p, values, arena, &t, &e))
		fail_msg("%s", e.text);
	return t;
}

static void step(struct chain *chain, int link)
{
	chain->arena[link] = arena_new();
	chain->t[link] = ask(chain->c, link == 0 ? NULL : chain->t[link - 1], chain->arena[link]);
}

static void drop(struct chain *chain)
{
	for (int i = 0; i < LINKS; i++) {
		arena_free(chain->arena[i]);
		chain->arena[i] = NULL;
	}
}

static size_t row_of(const struct table *t, int64_t id)
{
	long row = drive_row(t, "id", id);
	if (row < 0)
		fail_msg("session %lld is not there", (long long)id);
	return (size_t)row;
}

static const char *text_of(const struct table *t, int64_t id, const char *column)
{
	const struct cell *cell = drive_cell(t, row_of(t, id), column);
	return cell->type == CELL_TEXT ? cell->u.s : "";
}

static int64_t int_of(const struct table *t, int64_t id, const char *column)
{
	const struct cell *cell = drive_cell(t, row_of(t, id), column);
	if (cell->type != CELL_INT)
		fail_msg("%s is unknown", column);
	return cell->u.i;
}

/* A mark in an answer that only the driver's memory can bring back: no server has this name. */
static void mark(const struct chain *chain, size_t link)
{
	struct table *t = chain->t[link];
	struct cell *cell =
	        table_cell_edit(chain->arena[link], t, row_of(t, chain->id), (size_t)table_column(t, "app"));
	cell->type = CELL_TEXT;
	cell->u.s = "from memory";
	cell->n = (uint32_t)strlen(cell->u.s);
}

static bool is_marked(const struct table *t, int64_t id)
{
	return strcmp(text_of(t, id, "app"), "from memory") == 0;
}

/* Three answers, the session idle before the first, marked in the second. Names that are loaded again in
 * between make an answer whole: then once more. */
static bool is_left_out(void *arg)
{
	struct chain *chain = arg;
	drop(chain);
	step(chain, 0);
	step(chain, 1);
	mark(chain, 1);
	step(chain, 2);
	return is_marked(chain->t[2], chain->id);
}

static bool is_idle(void *arg)
{
	struct chain *chain = arg;
	drop(chain);
	step(chain, 0);
	return drive_row(chain->t[0], "id", chain->id) >= 0 &&
	       strcmp(text_of(chain->t[0], chain->id, "state"), "idle") == 0 &&
	       strcmp(text_of(chain->t[0], chain->id, "wait"), "ClientRead") == 0;
}

static void begin_chain(struct chain *chain, struct conn *c, PGconn *victim)
{
	*chain = (struct chain){.c = c, .id = PQbackendPID(victim)};
	assert_true(wait_until(is_idle, chain, SEEN_MS));
	assert_true(wait_until(is_left_out, chain, SEEN_MS));
}

static void same_text(const struct chain *chain, const struct table *t, const char *column)
{
	assert_string_equal(text_of(chain->t[2], chain->id, column), text_of(t, chain->id, column));
}

static void the_row_is_the_same(const struct lab_server *server)
{
	static const char *const texts[] = {"started", "user", "db", "client", "kind", "state", "wait_type",
	        "wait", "query", "xact_guard", "query_guard", "query_id"};
	struct endpoint ep;
	struct chain chain;
	struct conn *c = drive_open(&drive, server, "monitor", LANE_FAST, &ep);
	PGconn *victim = pg_client_open(server, "app");
	pg_client_run(victim, "SELECT 'left \xc3\xbc out'");
	begin_chain(&chain, c, victim);
	struct arena *arena = arena_new();
	struct table *whole = ask(c, NULL, arena);
	assert_false(is_marked(whole, chain.id));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		same_text(&chain, whole, texts[i]);
	assert_string_equal(text_of(whole, chain.id, "query"), "SELECT 'left \xc3\xbc out'");
	/* Its age is that of now, not of then. */
	int64_t age = int_of(chain.t[2], chain.id, "state_ms");
	assert_true(age >= int_of(chain.t[1], chain.id, "state_ms"));
	assert_true(age <= int_of(whole, chain.id, "state_ms"));
	assert_int_equal(int_of(chain.t[2], chain.id, "query_bytes"), int_of(whole, chain.id, "query_bytes"));

	/* The asker's own row is never left out, and each session is there once. */
	int64_t own = drive.driver->info(c)->self.id;
	assert_string_equal(text_of(chain.t[2], own, "state"), "active");
	for (size_t row = 0; row < chain.t[2]->nrows; row++) {
		const struct cell *id = drive_cell(chain.t[2], row, "id");
		assert_int_equal(drive_row(chain.t[2], "id", id->u.i), (long)row);
	}
	arena_free(arena);
	drop(&chain);
	PQfinish(victim);
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void test_a_row_that_is_left_out_is_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++)
		the_row_is_the_same(&servers[i]);
}

static void what_changed_comes_whole(const struct lab_server *server)
{
	struct endpoint ep;
	struct chain chain;
	struct conn *c = drive_open(&drive, server, "monitor", LANE_FAST, &ep);
	PGconn *victim = pg_client_open(server, "app");
	pg_client_run(victim, "SELECT 'before'");
	begin_chain(&chain, c, victim);

	/* Another statement: the mark is gone, the new text is there at once. */
	pg_client_run(victim, "SELECT 'after'");
	step(&chain, 3);
	assert_false(is_marked(chain.t[3], chain.id));
	assert_string_equal(text_of(chain.t[3], chain.id, "query"), "SELECT 'after'");

	/* In a transaction, then ended. */
	drop(&chain);
	begin_chain(&chain, c, victim);
	pg_client_run(victim, "BEGIN");
	step(&chain, 3);
	assert_string_equal(text_of(chain.t[3], chain.id, "state"), "idle in transaction");
	assert_false(is_marked(chain.t[3], chain.id));
	pg_client_run(victim, "COMMIT");

	/* A stamp that is not the server's: all rows come, once. */
	drop(&chain);
	begin_chain(&chain, c, victim);
	mark(&chain, 2);
	((int64_t *)(uintptr_t)chain.t[2]->kept->stamp)[row_of(chain.t[2], chain.id)]++;
	step(&chain, 3);
	assert_false(is_marked(chain.t[3], chain.id));
	assert_null(chain.t[3]->kept->before);
	drop(&chain);
	PQfinish(victim);
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void test_what_changed_comes_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++)
		what_changed_comes_whole(&servers[i]);
}

static bool is_gone(void *arg)
{
	struct chain *chain = arg;
	struct table *before = chain->t[2];
	arena_free(chain->arena[3]);
	chain->arena[3] = arena_new();
	chain->t[3] = ask(chain->c, before, chain->arena[3]);
	return drive_row(chain->t[3], "id", chain->id) < 0;
}

static void test_a_session_that_ended_is_gone(void **state)
{
	(void)state;
	struct endpoint ep;
	struct chain chain;
	struct conn *c = drive_open(&drive, &servers[0], "monitor", LANE_FAST, &ep);
	PGconn *victim = pg_client_open(&servers[0], "app");
	pg_client_run(victim, "SELECT 1");
	begin_chain(&chain, c, victim);
	PQfinish(victim);
	assert_true(wait_until(is_gone, &chain, SEEN_MS));
	drop(&chain);
	drive.driver->close(c);
	endpoint_free(&ep);
}

/* The answer of pulse comes along; a role that sees nothing of others works as well. */
static void carried(const struct lab_server *server, const char *user)
{
	struct endpoint ep;
	struct conn *c = drive_open(&drive, server, user, LANE_FAST, &ep);
	struct chain chain = {.c = c};
	struct arena *arena = arena_new();
	for (int i = 0; i < LINKS; i++)
		step(&chain, i);
	struct table *alone = drive_table(&drive, c, "pulse", 0, arena);
	const struct table *with = chain.t[LINKS - 1]->carried;
	assert_non_null(with);
	assert_int_equal(with->nrows, 1);
	assert_ptr_equal(with->columns, alone->columns);
	assert_string_equal(drive_cell(with, 0, "limit_name")->u.s, drive_cell(alone, 0, "limit_name")->u.s);
	assert_int_equal(drive_cell(with, 0, "limit_max")->u.i, drive_cell(alone, 0, "limit_max")->u.i);
	assert_true(drive_cell(with, 0, "commits")->u.i <= drive_cell(alone, 0, "commits")->u.i);
	assert_true(drive_cell(with, 0, "active")->u.i >= 1);
	assert_int_equal(drive_cell(with, 0, "hidden")->u.i > 0, strcmp(user, "nobody") == 0);
	/* Rows and counts are of one look. */
	const struct table *t = chain.t[LINKS - 1];
	int64_t rows = drive_cell(with, 0, "connections")->u.i + drive_cell(with, 0, "background")->u.i;
	assert_int_equal((int64_t)t->nrows, rows);
	int64_t idle = 0;
	for (size_t row = 0; row < t->nrows; row++) {
		const struct cell *state = drive_cell(t, row, "state");
		const struct cell *kind = drive_cell(t, row, "kind");
		idle += state->type == CELL_TEXT && kind->type == CELL_TEXT &&
		        strcmp(state->u.s, "idle") == 0 && strcmp(kind->u.s, "client") == 0;
	}
	assert_int_equal(idle, drive_cell(with, 0, "idle")->u.i);
	arena_free(arena);
	drop(&chain);
	drive.driver->close(c);
	endpoint_free(&ep);
}

static void test_pulse_comes_along(void **state)
{
	(void)state;
	for (size_t i = 0; i < nservers; i++) {
		carried(&servers[i], "monitor");
		carried(&servers[i], "nobody");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_row_that_is_left_out_is_the_same),
	        cmocka_unit_test(test_what_changed_comes_whole),
	        cmocka_unit_test(test_a_session_that_ended_is_gone),
	        cmocka_unit_test(test_pulse_comes_along),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
