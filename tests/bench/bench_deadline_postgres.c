/* Deadlines of the PostgreSQL driver: bench_deadline_postgres [rounds [kind of server]]. */
#include <stdlib.h>

#include "backends/postgres/postgres.h"
#include "tests/support/deadline.h"

enum { ROUNDS = 40 };

int main(int argc, char **argv)
{
	const struct deadline_engine engine = {.driver = &postgres_driver,
	        .engine = ENGINE_POSTGRES,
	        .kind = argc > 2 ? argv[2] : "pg15",
	        .library = "libpq",
	        .sleep20 = "SELECT pg_sleep(20)::text AS a LIMIT :rows",
	        .nap = "SELECT pg_sleep(0.6)::text AS a LIMIT :rows",
	        .limit_sqlstate = "57014"};
	return deadline_bench(&engine, argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS);
}
