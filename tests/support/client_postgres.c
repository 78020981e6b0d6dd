/* Other people's sessions are plain ones of libpq: nothing of dbatop's own is between the test and the server
 * there. */
#include "tests/support/test.h"

#include "tests/support/client_postgres.h"

PGconn *pg_client_open(const struct lab_server *server, const char *user)
{
	char url[512];
	lab_url_with_password(server, user, 0, url, sizeof(url));
	PGconn *pg = PQconnectdb(url);
	if (PQstatus(pg) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(pg));
	return pg;
}

void pg_client_run(PGconn *pg, const char *sql)
{
	PGresult *r = PQexec(pg, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(pg));
	PQclear(r);
}
