/* Locks in random scenes (tests/support/lock_play.h) on the versions between those of test_locks_postgres:
 * two programs, since each version needs a server of its own. */
#include "tests/support/lock_play.h"

int main(void)
{
	return lock_play(1);
}
