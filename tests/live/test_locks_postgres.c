/* Locks in random scenes (tests/support/lock_play.h) on the oldest version and every second after it: two
 * programs, since each version needs a server of its own. */
#include "tests/support/lock_play.h"

int main(void)
{
	return lock_play(0);
}
