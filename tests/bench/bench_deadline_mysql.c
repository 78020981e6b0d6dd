/* Deadlines of the MySQL driver, with the client library it was built with: bench_deadline_mysql [rounds
 * [kind of server: maria1011, mysql97]]. */
#include <stdlib.h>

#include "backends/mysql/mysql.h"
#include "tests/support/deadline.h"

enum { ROUNDS = 40 };

int main(int argc, char **argv)
{
	struct err e;
	char library[64];
	if (!mysql_driver_init(&e))
		return 1;
	const struct deadline_engine engine = {.driver = &mysql_driver,
	        .engine = ENGINE_MARIADB,
	        .kind = argc > 2 ? argv[2] : "maria1011",
	        .library = mysql_driver_library(library),
	        .sleep20 = "SELECT SLEEP(20) AS a LIMIT :rows",
	        .nap = "SELECT SLEEP(0.6) AS a LIMIT :rows",
	        .limit_native = 1969}; /* max_statement_time */
	int failed = deadline_bench(&engine, argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS);
	mysql_driver_end();
	return failed;
}
