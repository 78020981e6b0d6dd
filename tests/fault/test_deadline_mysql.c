/* The MySQL driver keeps its deadline whatever the server does, over TLS too, where its library alone would
 * not. */
#include "backends/mysql/mysql.h"
#include "tests/support/deadline.h"

int main(void)
{
	struct err e;
	char library[64];
	if (!mysql_driver_init(&e))
		return 1;
	const struct deadline_engine engine = {.driver = &mysql_driver,
	        .engine = ENGINE_MARIADB,
	        .kind = "maria1011",
	        .library = mysql_driver_library(library),
	        .sleep20 = "SELECT SLEEP(20) AS a LIMIT :rows",
	        .nap = "SELECT SLEEP(0.6) AS a LIMIT :rows",
	        .limit_native = 1969}; /* max_statement_time */
	int failed = deadline_suite(&engine);
	mysql_driver_end();
	return failed;
}
