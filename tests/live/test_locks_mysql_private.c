/* Locks where a server of one's own is needed: a global read lock, a backup, MariaDB with the plugin
 * metadata_lock_info, MySQL with performance_schema off or too old to be asked, the last deadlock, what one
 * session has locked. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/mysql/mysql.h"
#include "tests/support/mylock_look.h"
#include "tests/support/mylock_scene.h"
#include "tests/support/wait.h"

/* A holder nobody names, among the ids. */
enum { PATIENCE_MS = 20000, LOCK_UNKNOWN = -1 };

static struct drive drive;

static int setup(void **state)
{
	(void)state;
	struct err e;
	assert_true(mysql_driver_init(&e));
	drive_start(&drive, &mysql_driver);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drive_stop(&drive);
	mysql_driver_end();
	return 0;
}

static const char *text_of(const struct table *t, size_t row, const char *column)
{
	const struct cell *cell = drive_cell(t, row, column);
	return cell->type == CELL_TEXT ? cell->u.s : "";
}

static bool has_note(const struct table *t, const char *mode, const char *words)
{
	for (size_t row = 0; row < t->nrows; row++) {
		if (strcmp(text_of(t, row, "kind"), "note") == 0 &&
		        strcmp(text_of(t, row, "mode"), mode) == 0 &&
		        strstr(text_of(t, row, "object"), words) != NULL)
			return true;
	}
	return false;
}

/* 3. The whole server is locked. */

struct sleeper {
	MYSQL *control;
	int64_t id;
};

static bool sleeps(void *arg)
{
	struct sleeper *s = arg;
	char sql[128];
	snprintf(sql, sizeof(sql),
	        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %lld AND STATE = 'User "
	        "sleep'",
	        (long long)s->id);
	return myc_number(s->control, sql) == 1;
}

static void global_read(const struct lab_server *server, struct conn *c, bool flushes)
{
	MYSQL *who = myc_connect(server, "dba"), *reader = myc_connect(server, "dba"),
	      *writer = myc_connect(server, "dba");
	struct my_look g = {
	        .drive = &drive, .c = c, .waiter = myl_id(writer), .root = myl_id(who), .waiters = 1};
	myl_table(who);
	myc_run(who, "FLUSH TABLES WITH READ LOCK");
	myc_send(writer, "UPDATE lp.t SET v = 4 WHERE id = 1");
	myl_root(&g, "FLUSH TABLES WITH READ LOCK");
	myc_run(who, "UNLOCK TABLES");
	assert_int_equal(myc_answer(writer), 0);
	if (flushes) {
		/* It waits itself, for a statement that reads. */
		g.root = myl_id(reader);
		g.waiters = 2;
		myc_send(reader, "SELECT SLEEP(30) FROM lp.t LIMIT 1");
		struct sleeper sleeper = {.control = who, .id = g.root};
		assert_true(wait_until(sleeps, &sleeper, PATIENCE_MS));
		myc_send(who, "FLUSH TABLES WITH READ LOCK");
		g.waiter = myl_id(who);
		g.waiters = 1;
		myl_root(&g, "FLUSH TABLES behind a reader");
		myc_send(writer, "UPDATE lp.t SET v = 5 WHERE id = 1");
		g.waiter = myl_id(writer);
		g.waiters = 2;
		myl_root(&g, "a writer behind FLUSH TABLES behind a reader");
	}
	arena_free(g.arena);
	mysql_close(reader);
	mysql_close(who);
	mysql_close(writer);
}

/* A change of a table waits for a backup: whose, MariaDB tells with its plugin only; what the
 * change wants is guessed from its statement there. */
static void backup(const struct lab_server *server, struct conn *c, bool named)
{
	bool mysql = strcmp(server->engine, "mysql") == 0;
	MYSQL *who = myc_connect(server, "dba"), *ddl = myc_connect(server, "dba");
	struct my_look g = {.drive = &drive,
	        .c = c,
	        .waiter = myl_id(ddl),
	        .root = named ? myl_id(who) : LOCK_UNKNOWN,
	        .waiters = 1};
	static const char *const stages[] = {
	        "BACKUP STAGE START", "BACKUP STAGE FLUSH", "BACKUP STAGE BLOCK_DDL"};
	myl_table(who);
	if (mysql)
		myc_run(who, "LOCK INSTANCE FOR BACKUP");
	for (size_t i = 0; !mysql && i < sizeof(stages) / sizeof(stages[0]); i++)
		myc_run(who, stages[i]);
	myc_send(ddl, "CREATE TABLE lp.beside_a_backup (id INT)");
	myl_root(&g, "a change beside a backup");
	const struct lock_node *n = locks_find(&g.g, g.waiter, NULL);
	assert_int_equal(g.g.queues[g.g.entries[n->waits_in].queue].kind, LOCK_BACKUP);
	assert_int_equal(n->likely, !mysql);
	myc_run(who, mysql ? "UNLOCK INSTANCE" : "BACKUP STAGE END");
	assert_int_equal(myc_answer(ddl), 0);
	arena_free(g.arena);
	mysql_close(who);
	mysql_close(ddl);
}

/* 4. MariaDB with its plugin: real holders, and LOCK TABLES is seen. */

static void test_mariadb_with_the_plugin(void **state)
{
	(void)state;
	static struct my_crowd scene;
	struct lab_server server = lab_spawn("maria1011", "lockplug", NULL);
	struct endpoint ep;
	MYSQL *m = myc_connect(&server, "dba");
	myc_run(m, "INSTALL SONAME 'metadata_lock_info'");
	mysql_close(m);
	struct my_proof p = {.drive = &drive,
	        .conn = drive_open(&drive, &server, "monitor", LANE_FAST, &ep),
	        .plugin = true};
	myc_start(&scene, &server);
	const char *scenes = getenv("DBATOP_SCENES");
	for (uint64_t k = 0; k < (scenes != NULL ? strtoull(scenes, NULL, 10) : 1); k++)
		mys_play(&p, &scene,
		        &(struct my_scene){.seed = UINT64_C(7042000) + k, .least = 8, .most = 16});
	myc_stop(&scene);
	printf("with metadata_lock_info: %u scenes, %u states, %u waiters, %u edges, %u likely\n", p.scenes,
	        p.states, p.waiters, p.edges, p.likely);
	global_read(&server, p.conn, false);
	backup(&server, p.conn, true);
	drive.driver->close(p.conn);
	endpoint_free(&ep);
	lab_kill(server.name);
	lab_remove(server.name);
}

/* 5. MySQL that may not be asked. */

static void wait_for_row(MYSQL *holder, MYSQL *waiter)
{
	myl_table(holder);
	myc_run(holder, "BEGIN");
	myc_run(holder, "UPDATE lp.t SET v = 2 WHERE id = 1");
	myc_send(waiter, "UPDATE lp.t SET v = 3 WHERE id = 1");
}

static bool is_gated(struct my_look *g)
{
	const struct lock_node *n = locks_find(&g->g, g->waiter, NULL);
	return n != NULL && n->waits_in != LOCK_NONE && g->g.gate != NULL;
}

static void expect_gate(struct my_look *g, const char *words)
{
	g->right = is_gated;
	assert_true(wait_until(myl_look, g, PATIENCE_MS));
	assert_true(has_note(g->t, "gate", words));
	assert_null(locks_find(&g->g, g->root, NULL));
}

static void test_mysql_that_may_not_be_asked(void **state)
{
	(void)state;
	static const char *const off[] = {"performance_schema=OFF", NULL};
	struct lab_server server = lab_spawn("mysql97", "lockblind", off);
	struct endpoint ep;
	MYSQL *holder = myc_connect(&server, "dba"), *waiter = myc_connect(&server, "dba");
	wait_for_row(holder, waiter);
	struct my_look g = {.drive = &drive,
	        .c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep),
	        .waiter = myl_id(waiter),
	        .root = myl_id(holder)};
	expect_gate(&g, "performance_schema is OFF");
	struct table *pulse = drive_table(&drive, g.c, "pulse", 0, g.arena);
	assert_int_equal(drive_cell(pulse, 0, "lock_waiters")->u.i, 1);
	arena_free(g.arena);
	drive.driver->close(g.c);
	endpoint_free(&ep);
	mysql_close(waiter);
	mysql_close(holder);
	lab_kill(server.name);
	lab_remove(server.name);
}

/* As if it were 8.0.36: not asked, unless on the lane for actions. */
static void too_old(const struct lab_server *server)
{
	static const enum lane_kind lanes[] = {LANE_FAST, LANE_ADMIN};
	MYSQL *holder = myc_connect(server, "dba"), *waiter = myc_connect(server, "dba");
	wait_for_row(holder, waiter);
	for (int i = 0; i < 2; i++) {
		struct endpoint ep;
		struct my_look g = {.drive = &drive,
		        .c = drive_open(&drive, server, "monitor", lanes[i], &ep),
		        .waiter = myl_id(waiter),
		        .root = myl_id(holder),
		        .waiters = 1};
		struct conn_info *info = (struct conn_info *)(uintptr_t)drive.driver->info(g.c);
		info->server.version = version_parse("8.0.36");
		if (lanes[i] == LANE_FAST)
			expect_gate(&g, "before 8.0.37");
		else
			myl_root(&g, "insisting");
		arena_free(g.arena);
		drive.driver->close(g.c);
		endpoint_free(&ep);
	}
	mysql_close(waiter);
	mysql_close(holder);
}

/* 6. The last deadlock; what one session has. */

static void deadlock(const struct lab_server *server, struct conn *c)
{
	struct arena *arena = arena_new();
	MYSQL *a = myc_connect(server, "dba"), *b = myc_connect(server, "dba");
	myl_table(a);
	struct table *t = drive_table(&drive, c, "deadlock", 0, arena);
	assert_int_equal(t->nrows, 0);
	myc_run(a, "BEGIN");
	myc_run(b, "BEGIN");
	myc_run(a, "UPDATE lp.t SET v = 2 WHERE id = 1");
	myc_run(b, "UPDATE lp.t SET v = 2 WHERE id = 2");
	myc_send(a, "UPDATE lp.t SET v = 3 WHERE id = 2");
	myc_send(b, "UPDATE lp.t SET v = 3 WHERE id = 1");
	unsigned of_a = myc_answer(a), of_b = myc_answer(b);
	assert_true((of_a == 1213) != (of_b == 1213));
	int64_t victim = myl_id(of_a == 1213 ? a : b);
	t = drive_table(&drive, c, "deadlock", 0, arena);
	assert_int_equal(t->nrows, 2);
	for (size_t row = 0; row < 2; row++) {
		int64_t id = drive_cell(t, row, "id")->u.i;
		assert_true(id == myl_id(a) || id == myl_id(b));
		assert_int_equal(drive_cell(t, row, "victim")->u.i, id == victim);
		assert_string_equal(text_of(t, row, "object"), "lp.t.PRIMARY");
		assert_string_equal(text_of(t, row, "mode"), "X,REC_NOT_GAP");
		assert_string_equal(text_of(t, row, "query"), id == myl_id(a)
		                                                      ? "UPDATE lp.t SET v = 3 WHERE id = 2"
		                                                      : "UPDATE lp.t SET v = 3 WHERE id = 1");
		assert_in_range(drive_cell(t, row, "age_ms")->u.i, 0, 30000);
	}
	int64_t alive = myl_id(of_a == 1213 ? b : a);
	t = drive_table(&drive, c, "lock_rows", alive, arena);
	assert_true(t->nrows > 0);
	int64_t rows = 0;
	for (size_t row = 0; row < t->nrows; row++) {
		assert_int_equal(drive_cell(t, row, "id")->u.i, alive);
		if (strcmp(text_of(t, row, "kind"), "row") == 0 && drive_cell(t, row, "held")->u.i == 1)
			rows += drive_cell(t, row, "locks")->u.i;
	}
	assert_int_equal(rows, 2);
	mysql_close(a);
	mysql_close(b);
	arena_free(arena);
}

static void whole(const char *kind)
{
	struct lab_server server = lab_spawn(kind, "lockown", NULL);
	struct endpoint ep;
	bool mysql = strcmp(server.engine, "mysql") == 0;
	struct conn *c = drive_open(&drive, &server, "monitor", LANE_FAST, &ep);
	deadlock(&server, c);
	backup(&server, c, mysql);
	if (mysql) {
		global_read(&server, c, true);
		too_old(&server);
	}
	drive.driver->close(c);
	endpoint_free(&ep);
	lab_kill(server.name);
	lab_remove(server.name);
}

static void test_a_server_of_its_own(void **state)
{
	(void)state;
	whole("mysql97");
	whole("maria1011");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_mariadb_with_the_plugin),
	        cmocka_unit_test(test_mysql_that_may_not_be_asked),
	        cmocka_unit_test(test_a_server_of_its_own),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
