/* Replication of MariaDB 10.11: the states a DBA meets, produced for real. */
/* ctest: spawns */
#include "backends/mysql/mysql.h"
#include "tests/support/replication_mysql.h"

int main(void)
{
	return replication_mysql(&mysql_driver, "maria1011");
}
