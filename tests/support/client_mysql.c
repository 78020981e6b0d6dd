/* Other people's sessions are plain ones of the client library: nothing of dbatop's own is between the test
 * and the server there. */
#include "tests/support/client_mysql.h"

#include <string.h>

#include "tests/support/test.h"

enum { ANSWER_S = 60 };

MYSQL *client_open(const struct lab_server *server, const char *user)
{
	char password[64];
	MYSQL *m = mysql_init(NULL);
	lab_password(user, password, sizeof(password));
	/* What another test left locked, or what never ends, is an error and not a hang. */
	unsigned seconds = ANSWER_S;
	mysql_options(m, MYSQL_INIT_COMMAND, "SET SESSION lock_wait_timeout = 20");
	mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &seconds);
	if (mysql_real_connect(m, server->host, user, password, strcmp(user, "monitor") == 0 ? NULL : "app",
	            (unsigned)server->port, NULL, 0) == NULL)
		fail_msg("%s", mysql_error(m));
	return m;
}

bool client_try(MYSQL *m, const char *sql)
{
	if (mysql_real_query(m, sql, strlen(sql)) != 0)
		return false;
	MYSQL_RES *r = mysql_store_result(m);
	mysql_free_result(r);
	return mysql_errno(m) == 0;
}

void client_run(MYSQL *m, const char *sql)
{
	if (!client_try(m, sql))
		fail_msg("%s: %s", sql, mysql_error(m));
}

void client_begin(MYSQL *m, const char *sql)
{
	if (mysql_send_query(m, sql, strlen(sql)) != 0)
		fail_msg("%s: %s", sql, mysql_error(m));
}

unsigned client_outcome(MYSQL *m)
{
	if (mysql_read_query_result(m))
		return mysql_errno(m);
	MYSQL_RES *r = mysql_store_result(m);
	unsigned number = mysql_errno(m);
	mysql_free_result(r);
	return number;
}
