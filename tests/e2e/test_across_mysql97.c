/* See across_mysql.h: the incidents of an InnoDB under MySQL 9.7. */
#include "tests/support/across_mysql.h"

int main(void)
{
	return across_mysql("mysql97");
}
