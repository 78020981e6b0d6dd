/* See across_mysql.h: the incidents of an InnoDB under MariaDB 10.11. */
#include "tests/support/across_mysql.h"

int main(void)
{
	return across_mysql("maria1011");
}
