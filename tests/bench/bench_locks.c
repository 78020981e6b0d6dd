/* The cost of Locks on real servers; see tests/support/lock_bench.h. Arguments name engines: postgres mysql.
 */
#include "tests/support/test.h"

#include <stdbool.h>
#include <string.h>

#include "tests/support/lock_bench.h"

static bool is_wanted(int argc, char **argv, const char *engine)
{
	bool wanted = argc < 2;
	for (int i = 1; i < argc; i++)
		wanted = wanted || strcmp(argv[i], engine) == 0;
	return wanted;
}

int main(int argc, char **argv)
{
	if (is_wanted(argc, argv, "postgres"))
		lock_bench_postgres();
	if (is_wanted(argc, argv, "mysql"))
		lock_bench_mysql();
	return 0;
}
