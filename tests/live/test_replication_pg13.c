/* Replication on the oldest PostgreSQL: the states a DBA meets, produced for real. */
/* ctest: spawns */
#include "backends/postgres/postgres.h"
#include "tests/support/replication_postgres.h"

int main(void)
{
	return replication_postgres_states(&postgres_driver, "pg13");
}
