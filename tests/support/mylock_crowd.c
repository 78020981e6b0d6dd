/* Statements behind the modes: updates and shared reads of a row by its key, SELECT and INSERT in a
 * transaction, an instant ALTER TABLE (MySQL's other ones take the exclusive lock, give it back and wait once
 * more), LOCK TABLES, GET_LOCK. Gaps: a locking read of a row that is not there keeps the place before the
 * next one free, and one of a row by an index that is not unique that before it; inserts go to the end of it,
 * so that it is always the same one. Connections go over the socket: no TLS, so that an answer
 * is what makes one readable. */
#include "tests/support/mylock_crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/wait.h"

enum { STEP_MS = 15000, CLEAR_MS = 30000, SQL_MAX = 400, GAP = 1000000 };

/* 1. Connections. */

MYSQL *myc_connect(const struct lab_server *server, const char *user)
{
	char password[64];
	MYSQL *m = mysql_init(NULL);
	lab_password(user, password, sizeof(password));
	if (mysql_real_connect(m, NULL, user, password, NULL, 0, server->socket, 0) == NULL)
		fail_msg("%s: %s", server->name, mysql_error(m));
	return m;
}

void myc_send(MYSQL *m, const char *sql)
{
	if (mysql_send_query(m, sql, strlen(sql)) != 0)
		fail_msg("%s: %s", sql, mysql_error(m));
}

bool myc_answered(MYSQL *m)
{
	return wait_readable((int)m->net.fd, 0);
}

unsigned myc_answer(MYSQL *m)
{
	if (mysql_read_query_result(m))
		return mysql_errno(m);
	MYSQL_RES *r = mysql_store_result(m);
	mysql_free_result(r);
	return mysql_errno(m);
}

void myc_run(MYSQL *m, const char *sql)
{
	myc_send(m, sql);
	if (myc_answer(m) != 0)
		fail_msg("%s: %s", sql, mysql_error(m));
}

long long myc_number(MYSQL *m, const char *sql)
{
	long long n = -1;
	if (mysql_real_query(m, sql, strlen(sql)) != 0)
		fail_msg("%s: %s", sql, mysql_error(m));
	MYSQL_RES *r = mysql_store_result(m);
	MYSQL_ROW row = r == NULL ? NULL : mysql_fetch_row(r);
	if (row != NULL && row[0] != NULL)
		n = strtoll(row[0], NULL, 10);
	mysql_free_result(r);
	return n;
}

/* 2. Objects: rows, tables and names, spread over the schemas. */

static void name_of(const struct my_crowd *c, int object, char *out, size_t size)
{
	enum myw_kind kind = c->world.object[object].kind;
	if (kind == MYW_USER)
		snprintf(out, size, "%s_%d", c->prefix, object);
	else if (kind == MYW_GAP)
		snprintf(out, size, "%s_0.g%d", c->prefix, object % 2);
	else if (kind == MYW_TABLE)
		snprintf(out, size, "%s_%d.t%d", c->prefix, object % MYC_SCHEMAS, object);
	else
		snprintf(out, size, "%s_%d.r%d", c->prefix, object % MYC_SCHEMAS, object / MYC_SCHEMAS % 2);
}

static void statement(struct my_crowd *c, int object, enum myw_mode mode, char *out)
{
	char name[80];
	name_of(c, object, name, sizeof(name));
	switch (mode) {
	case MYW_S:
		snprintf(out, SQL_MAX, "SELECT v FROM %s WHERE id = %d LOCK IN SHARE MODE", name, object);
		break;
	case MYW_X:
		if (c->world.object[object].kind == MYW_USER)
			snprintf(out, SQL_MAX, "SELECT GET_LOCK('%s', 100)", name);
		else
			snprintf(out, SQL_MAX, "UPDATE %s SET v = v + 1 WHERE id = %d", name, object);
		break;
	case MYW_READ:
		snprintf(out, SQL_MAX, "SELECT COUNT(*) FROM %s", name);
		break;
	case MYW_WRITE:
		snprintf(out, SQL_MAX, "INSERT INTO %s (v) VALUES (1)", name);
		break;
	case MYW_LOCKED:
		snprintf(out, SQL_MAX, "LOCK TABLES %s WRITE", name);
		break;
	case MYW_FREE:
		if (object % 2 == 0)
			snprintf(out, SQL_MAX, "SELECT id FROM %s WHERE id = %d FOR UPDATE", name,
			        object * GAP - 1);
		else
			snprintf(out, SQL_MAX,
			        "SELECT id FROM %s FORCE INDEX (k) WHERE k = %d LOCK IN SHARE MODE", name,
			        object * GAP);
		break;
	case MYW_INSERT:
		c->inserts++;
		snprintf(out, SQL_MAX, "INSERT INTO %s VALUES (%u, %u)", name,
		        object % 2 == 0 ? (unsigned)object * GAP - GAP / 2 + c->inserts
		                        : UINT32_C(100000000) + c->inserts,
		        (unsigned)object * GAP - GAP / 2 + c->inserts);
		break;
	default:
		snprintf(out, SQL_MAX, "ALTER TABLE %s ADD COLUMN c%u INT, ALGORITHM=INSTANT", name,
		        c->columns++);
		break;
	}
}

/* Each gap is between a row of its own and one half way to the last gap's. */
static void make_gaps(struct my_crowd *c)
{
	char sql[SQL_MAX];
	for (int t = 0; t < 2; t++) {
		snprintf(sql, sizeof(sql),
		        "CREATE TABLE %s_0.g%d (id INT UNSIGNED PRIMARY KEY, k INT UNSIGNED, KEY k (k))",
		        c->prefix, t);
		myc_run(c->control, sql);
		for (int half = 1; half < 2 * MYW_OBJECTS; half++) {
			snprintf(sql, sizeof(sql), "INSERT INTO %s_0.g%d VALUES (%d, %d)", c->prefix, t,
			        half * (GAP / 2), half * (GAP / 2));
			myc_run(c->control, sql);
		}
	}
}

void myc_start(struct my_crowd *c, const struct lab_server *server)
{
	char sql[SQL_MAX];
	*c = (struct my_crowd){
	        .server = *server, .maria = strcmp(server->engine, "mariadb") == 0, .prepared = -1};
	snprintf(c->prefix, sizeof(c->prefix), "lm%d_%.20s", (int)getpid(), server->name);
	c->control = myc_connect(server, "dba");
	for (int k = 0; k < MYC_SCHEMAS; k++) {
		snprintf(sql, sizeof(sql), "CREATE DATABASE %s_%d", c->prefix, k);
		myc_run(c->control, sql);
		snprintf(sql, sizeof(sql), "CREATE TABLE %s_%d.own (id INT AUTO_INCREMENT PRIMARY KEY)",
		        c->prefix, k);
		myc_run(c->control, sql);
		for (int t = 0; t < 2; t++) {
			snprintf(sql, sizeof(sql), "CREATE TABLE %s_%d.r%d (id INT PRIMARY KEY, v INT)",
			        c->prefix, k, t);
			myc_run(c->control, sql);
			for (int i = 0; i < MYW_OBJECTS; i++) {
				snprintf(sql, sizeof(sql), "INSERT INTO %s_%d.r%d VALUES (%d, 0)", c->prefix,
				        k, t, i);
				myc_run(c->control, sql);
			}
		}
	}
	make_gaps(c);
}

void myc_stop(struct my_crowd *c)
{
	char sql[SQL_MAX];
	myc_clear(c);
	for (int k = 0; k < MYC_SCHEMAS; k++) {
		snprintf(sql, sizeof(sql), "DROP DATABASE %s_%d", c->prefix, k);
		myc_run(c->control, sql);
	}
	mysql_close(c->control);
}

static bool all_gone(void *arg)
{
	struct my_crowd *c = arg;
	char sql[SQL_MAX];
	int64_t least = INT64_MAX, most = 0;
	for (int s = 0; s < c->world.nsessions; s++) {
		least = c->id[s] < least ? c->id[s] : least;
		most = c->id[s] > most ? c->id[s] : most;
	}
	snprintf(sql, sizeof(sql),
	        "SELECT ID FROM information_schema.PROCESSLIST WHERE ID BETWEEN %lld AND %lld",
	        (long long)least, (long long)most);
	if (mysql_real_query(c->control, sql, strlen(sql)) != 0)
		fail_msg("%s: %s", sql, mysql_error(c->control));
	MYSQL_RES *r = mysql_store_result(c->control);
	bool gone = true;
	for (MYSQL_ROW row = mysql_fetch_row(r); row != NULL; row = mysql_fetch_row(r)) {
		for (int s = 0; s < c->world.nsessions; s++)
			gone = gone && c->id[s] != strtoll(row[0], NULL, 10);
	}
	mysql_free_result(r);
	return gone;
}

/* Returns when what they did is undone: the next scene has the same rows. */
void myc_clear(struct my_crowd *c)
{
	char sql[SQL_MAX];
	bool any = false;
	for (int s = 0; s < c->world.nsessions; s++) {
		if (c->conn[s] == NULL)
			continue;
		snprintf(sql, sizeof(sql), "KILL %lld", (long long)c->id[s]);
		myc_run(c->control, sql);
		mysql_close(c->conn[s]);
		c->conn[s] = NULL;
		any = true;
	}
	if (any && !wait_until(all_gone, c, CLEAR_MS))
		fail_msg("%s: sessions that were killed are still there", c->scene);
	if (c->prepared >= 0) {
		snprintf(sql, sizeof(sql), "XA ROLLBACK '%s'", c->xid);
		myc_run(c->control, sql);
		c->prepared = -1;
	}
}

static enum myw_kind kind_of(int object)
{
	if (object < MYC_ROWS)
		return MYW_ROW;
	if (object < MYC_ROWS + MYC_TABLES)
		return MYW_TABLE;
	return object < MYC_ROWS + MYC_TABLES + MYC_USER ? MYW_USER : MYW_GAP;
}

void myc_reset(struct my_crowd *c, int sessions, const char *scene)
{
	char sql[SQL_MAX], name[80];
	c->scene = scene;
	memset(&c->world, 0, sizeof(c->world));
	c->world.in_turn = c->maria;
	c->world.nsessions = sessions;
	c->world.nobjects = MYC_ROWS + MYC_TABLES + MYC_USER + (c->gaps ? MYC_GAPS : 0);
	for (int o = 0; o < c->world.nobjects; o++) {
		c->world.object[o].kind = kind_of(o);
		if (kind_of(o) != MYW_TABLE)
			continue;
		name_of(c, o, name, sizeof(name));
		snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS %s", name);
		myc_run(c->control, sql);
		snprintf(
		        sql, sizeof(sql), "CREATE TABLE %s (id INT AUTO_INCREMENT PRIMARY KEY, v INT)", name);
		myc_run(c->control, sql);
	}
	for (int s = 0; s < sessions; s++) {
		c->conn[s] = myc_connect(&c->server, "dba");
		c->id[s] = (int64_t)mysql_thread_id(c->conn[s]);
		c->sent[s] = c->open[s] = false;
		c->world.session[s].waits = -1;
		myc_run(c->conn[s], "SET SESSION innodb_lock_wait_timeout = 200, lock_wait_timeout = 200");
		/* Else a transaction that is older than an ALTER may not read the table. */
		myc_run(c->conn[s], "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	}
}

int myc_session(const struct my_crowd *c, int64_t id)
{
	if (id == 0)
		return c->prepared;
	for (int s = 0; s < c->world.nsessions; s++) {
		if (c->id[s] == id && !c->world.session[s].gone)
			return s;
	}
	return -1;
}

/* 3. What the server shows. */

struct shown {
	struct my_crowd *c;
	int s;
	bool waits;
};

/* MariaDB's tables of InnoDB are old copies: its monitor is not. */
static bool monitor_waits(struct my_crowd *c, int64_t id)
{
	static const char sql[] = "SHOW ENGINE INNODB STATUS";
	char thread[48];
	if (mysql_real_query(c->control, sql, sizeof(sql) - 1) != 0)
		fail_msg("%s", mysql_error(c->control));
	MYSQL_RES *r = mysql_store_result(c->control);
	MYSQL_ROW row = mysql_fetch_row(r);
	snprintf(thread, sizeof(thread), "thread id %lld,", (long long)id);
	const char *at = strstr(row[2], "LIST OF TRANSACTIONS");
	at = at == NULL ? NULL : strstr(at, thread);
	const char *end = at == NULL ? NULL : strstr(at, "---TRANSACTION");
	const char *wait = at == NULL ? NULL : strstr(at, "TRX HAS BEEN WAITING");
	bool waits = wait != NULL && (end == NULL || wait < end);
	mysql_free_result(r);
	return waits;
}

static bool server_says_waits(struct my_crowd *c, int s)
{
	char sql[SQL_MAX];
	snprintf(sql, sizeof(sql),
	        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %lld AND "
	        "(STATE LIKE 'Waiting for %%lock' OR STATE = 'User lock')",
	        (long long)c->id[s]);
	if (myc_number(c->control, sql) > 0)
		return true;
	if (c->maria)
		return monitor_waits(c, c->id[s]);
	snprintf(sql, sizeof(sql),
	        "SELECT COUNT(*) FROM performance_schema.threads t JOIN performance_schema.data_lock_waits w "
	        "ON w.REQUESTING_THREAD_ID = t.THREAD_ID WHERE t.PROCESSLIST_ID = %lld",
	        (long long)c->id[s]);
	return myc_number(c->control, sql) > 0;
}

static bool decided(void *arg)
{
	struct shown *d = arg;
	if (myc_answered(d->c->conn[d->s]))
		return true;
	d->waits = server_says_waits(d->c, d->s);
	return d->waits;
}

static void take_answer(struct my_crowd *c, int s, const char *sql)
{
	unsigned error = myc_answer(c->conn[s]);
	if (error != 0)
		fail_msg("%s: session %d: %s: %s", c->scene, s, sql, mysql_error(c->conn[s]));
	c->sent[s] = false;
}

static bool has_answer(void *arg)
{
	struct shown *d = arg;
	return myc_answered(d->c->conn[d->s]);
}

static void expect_goes_on(struct my_crowd *c, int s, int object)
{
	struct shown d = {.c = c, .s = s};
	if (!wait_until(has_answer, &d, STEP_MS))
		fail_msg("%s: session %d (id %lld) waits on for object %d, which should go on", c->scene, s,
		        (long long)c->id[s], object);
	take_answer(c, s, "goes on");
}

static void expect(struct my_crowd *c, int s, bool granted, const char *sql)
{
	struct shown d = {.c = c, .s = s};
	if (!wait_until(decided, &d, STEP_MS))
		fail_msg("%s: session %d neither goes on nor waits: %s", c->scene, s, sql);
	if (d.waits == granted)
		fail_msg("%s: session %d %s: %s", c->scene, s, granted ? "has to wait" : "goes on", sql);
	if (granted)
		take_answer(c, s, sql);
}

/* 4. Steps. */

static void begin(struct my_crowd *c, int s, enum myw_mode mode, int object)
{
	char sql[SQL_MAX];
	if (c->open[s] || mode == MYW_LOCKED || mode == MYW_EXCLUSIVE ||
	        c->world.object[object].kind == MYW_USER)
		return;
	if (mode == MYW_FREE)
		myc_run(c->conn[s], "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
	c->world.session[s].repeats = mode == MYW_FREE;
	myc_run(c->conn[s], "BEGIN");
	c->open[s] = true;
	/* Half of MariaDB's transactions have written and so a number of their own. */
	if (s % 2 == 0) {
		snprintf(sql, sizeof(sql), "INSERT INTO %s_%d.own VALUES ()", c->prefix, s / 2 % MYC_SCHEMAS);
		myc_run(c->conn[s], sql);
	}
}

void myc_ask(struct my_crowd *c, int s, int object, enum myw_mode mode)
{
	char sql[SQL_MAX];
	struct myw_session *me = &c->world.session[s];
	begin(c, s, mode, object);
	statement(c, object, mode, sql);
	bool granted;
	if (mode == MYW_EXCLUSIVE) {
		granted = myw_request(&c->world, s, object, MYW_UPGRADABLE) &&
		          myw_request(&c->world, s, object, MYW_EXCLUSIVE);
		me->alter = !granted;
		if (granted)
			c->world.object[object].held[s] = 0;
	} else {
		granted = myw_request(&c->world, s, object, mode);
	}
	me->locks = mode == MYW_LOCKED;
	myc_send(c->conn[s], sql);
	c->sent[s] = true;
	expect(c, s, granted, sql);
}

void myc_prepare(struct my_crowd *c, int s, int object)
{
	char sql[SQL_MAX], name[80];
	static const char *const steps[] = {"XA START", NULL, "XA END", "XA PREPARE"};
	snprintf(c->xid, sizeof(c->xid), "%s_x%u", c->prefix, c->xids++);
	name_of(c, object, name, sizeof(name));
	for (int i = 0; i < 4; i++) {
		if (steps[i] == NULL)
			snprintf(sql, sizeof(sql), "UPDATE %s SET v = v + 1 WHERE id = %d", name, object);
		else
			snprintf(sql, sizeof(sql), "%s '%s'", steps[i], c->xid);
		myc_run(c->conn[s], sql);
	}
	assert_true(myw_request(&c->world, s, object, MYW_X));
	mysql_close(c->conn[s]);
	c->conn[s] = NULL;
	c->world.session[s].prepared = true;
	c->prepared = s;
}

struct next {
	struct my_crowd *c;
	int object, who;
};

static bool somebody_goes_on(void *arg)
{
	struct next *n = arg;
	const struct myw_object *o = &n->c->world.object[n->object];
	for (int k = 0; k < o->nwaiting && n->who < 0; k++) {
		if (myc_answered(n->c->conn[o->waiter[k]]))
			n->who = o->waiter[k];
	}
	return n->who >= 0;
}

static bool is_detached(void *arg)
{
	struct my_crowd *c = arg;
	char sql[SQL_MAX];
	snprintf(sql, sizeof(sql), "XA ROLLBACK '%s'", c->xid);
	return mysql_real_query(c->control, sql, strlen(sql)) == 0;
}

static void end_session(struct my_crowd *c, int s)
{
	char sql[SQL_MAX];
	if (c->world.session[s].prepared) {
		/* It is its old connection's until that is gone. */
		if (!wait_until(is_detached, c, STEP_MS))
			fail_msg("%s: XA ROLLBACK: %s", c->scene, mysql_error(c->control));
		c->prepared = -1;
	} else {
		snprintf(sql, sizeof(sql), "KILL %lld", (long long)c->id[s]);
		myc_run(c->control, sql);
		mysql_close(c->conn[s]);
		c->conn[s] = NULL;
	}
	myw_leave(&c->world, s);
}

/* MySQL goes by weight: any that fit may be let in, until none fits any more. */
static int let_in_any(struct my_crowd *c, int object)
{
	int who[MYW_SESSIONS], n = 0;
	while (myw_can_let_in(&c->world, object)) {
		struct next next = {.c = c, .object = object, .who = -1};
		if (!wait_until(somebody_goes_on, &next, STEP_MS))
			fail_msg("%s: nobody goes on at object %d", c->scene, object);
		if (myw_let_in(&c->world, object, next.who, who) != 1)
			fail_msg("%s: session %d goes on, which should wait", c->scene, next.who);
		take_answer(c, next.who, "goes on");
		c->world.object[object].touched = true;
		n++;
	}
	c->world.object[object].touched = false;
	c->world.object[object].left = 0;
	return n;
}

static int let_in(struct my_crowd *c, int object)
{
	int who[MYW_SESSIONS];
	if (!c->maria && c->world.object[object].kind == MYW_ROW)
		return let_in_any(c, object);
	int n = myw_let_in(&c->world, object, -1, who);
	for (int i = 0; i < n; i++) {
		if (c->world.session[who[i]].waits < 0)
			expect_goes_on(c, who[i], object);
	}
	return n;
}

int myc_end(struct my_crowd *c, int s)
{
	int first = 0;
	end_session(c, s);
	for (int round = 0;; round++) {
		int n = 0;
		for (int o = 0; o < c->world.nobjects; o++) {
			if (myw_can_let_in(&c->world, o))
				n += let_in(c, o);
		}
		if (n == 0)
			break;
		first += round == 0 ? n : 0;
	}
	for (int i = 0; i < c->world.nsessions; i++) {
		if (c->world.session[i].waits >= 0 && myc_answered(c->conn[i]))
			fail_msg("%s: session %d goes on, which should wait", c->scene, i);
	}
	return first;
}
