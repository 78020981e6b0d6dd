/* The PostgreSQL driver keeps its deadline whatever the server does. */
#include "backends/postgres/postgres.h"
#include "tests/support/deadline.h"

int main(void)
{
	const struct deadline_engine engine = {.driver = &postgres_driver,
	        .engine = ENGINE_POSTGRES,
	        .kind = "pg15",
	        .library = "libpq",
	        .sleep20 = "SELECT pg_sleep(20)::text AS a LIMIT :rows",
	        .nap = "SELECT pg_sleep(0.6)::text AS a LIMIT :rows",
	        .limit_sqlstate = "57014"};
	return deadline_suite(&engine);
}
