/* Replication of MySQL 9.7: the states a DBA meets, produced for real. */
/* ctest: spawns */
#include "backends/mysql/mysql.h"
#include "tests/support/replication_mysql.h"

int main(void)
{
	return replication_mysql(&mysql_driver, "mysql97");
}
