/* Logins are begun by the dozen and sent on together: one after the other, a thousand take too long. */
#include "tests/support/test.h"

#include "tests/support/lock_crowd.h"
#include "tests/support/lock_pile.h"
#include "tests/support/wait.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 48, PATIENCE_MS = 25000, SQL_MAX = 256 };

static PGconn *begin_login(const struct lab_server *server)
{
	char port[16];
	snprintf(port, sizeof(port), "%d", server->port);
	const char *const keys[] = {
	        "host", "port", "user", "password", "dbname", "sslmode", "application_name", NULL};
	const char *const values[] = {server->host, port, "dba", "dba-pw", "app", "disable", "pile", NULL};
	return PQconnectStartParams(keys, values, 0);
}

static void finish_login(PGconn *pg)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	while (next != PGRES_POLLING_OK) {
		struct pollfd fd = {
		        .fd = PQsocket(pg), .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT};
		if (next == PGRES_POLLING_FAILED || poll(&fd, 1, PATIENCE_MS) <= 0)
			fail_msg("a session of the pile: %s", PQerrorMessage(pg));
		next = PQconnectPoll(pg);
	}
}

static void control(struct lock_pile *p, const char *sql)
{
	PGresult *r = PQexec(p->control, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	PQclear(r);
}

static void change(struct lock_pile *p, int session, int row)
{
	char sql[SQL_MAX];
	snprintf(sql, sizeof(sql), "BEGIN; UPDATE lock_pile SET v = v + 1 WHERE id = %d", row);
	if (!PQsendQuery(p->conn[session], sql))
		fail_msg("%s", PQerrorMessage(p->conn[session]));
	while (session < p->holders) {
		PGresult *r = PQgetResult(p->conn[session]);
		if (r == NULL)
			break;
		PQclear(r);
	}
}

long pile_waiting(struct lock_pile *p)
{
	PGresult *r = PQexec(p->control, "SELECT count(1) FROM pg_locks WHERE NOT granted");
	long n = strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return n;
}

static bool all_wait(void *arg)
{
	struct lock_pile *p = arg;
	return pile_waiting(p) == p->waiters;
}

void pile_build(struct lock_pile *p, const struct lab_server *server, int rows, int waiters)
{
	int n = rows + waiters;
	*p = (struct lock_pile){.server = *server, .holders = rows, .waiters = waiters};
	p->control = crowd_connect(server, "app", "dba");
	control(p, "SET client_min_messages = error; DROP TABLE IF EXISTS lock_pile;"
	           "CREATE TABLE lock_pile (id int PRIMARY KEY, v int);"
	           "INSERT INTO lock_pile SELECT g, 0 FROM generate_series(0, 999) g");
	p->conn = calloc((size_t)n, sizeof(PGconn *));
	assert_non_null(p->conn);
	for (int i = 0; i < n; i += AT_ONCE) {
		int end = i + AT_ONCE < n ? i + AT_ONCE : n;
		for (int k = i; k < end; k++)
			p->conn[k] = begin_login(server);
		for (int k = i; k < end; k++)
			finish_login(p->conn[k]);
	}
	for (int i = 0; i < n; i++)
		change(p, i, i < rows ? i : i % rows);
	if (!wait_until(all_wait, p, PATIENCE_MS))
		fail_msg("%ld of %d wait", pile_waiting(p), waiters);
}

static bool all_gone(void *arg)
{
	struct lock_pile *p = arg;
	PGresult *r =
	        PQexec(p->control, "SELECT count(1) FROM pg_stat_activity WHERE application_name = 'pile'");
	bool gone = strcmp(PQgetvalue(r, 0, 0), "0") == 0;
	PQclear(r);
	return gone;
}

void pile_end(struct lock_pile *p)
{
	control(p, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pile'");
	for (int i = 0; i < p->holders + p->waiters; i++)
		PQfinish(p->conn[i]);
	if (!wait_until(all_gone, p, PATIENCE_MS))
		fail_msg("the pile does not go");
	free(p->conn);
	PQfinish(p->control);
	*p = (struct lock_pile){.holders = 0};
}

int64_t pile_cpu_ns(int64_t pid)
{
	char path[64];
	int64_t ns = -1;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/schedstat", pid);
	FILE *file = fopen(path, "re");
	if (file == NULL || fscanf(file, "%" SCNd64, &ns) != 1)
		fail_msg("cannot read %s", path);
	fclose(file);
	return ns;
}
