/* Replication of the newest PostgreSQL broken for real: the wire cut, replay held up, a second primary. */
/* ctest: spawns */
#include "backends/postgres/postgres.h"
#include "tests/support/replication_postgres.h"

int main(void)
{
	return replication_postgres_breaks(&postgres_driver, "pg18");
}
