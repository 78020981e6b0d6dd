/* Random scenes of locks on PostgreSQL: rows, tuple queues, all modes on relations, queued DDL, advisory
 * locks, prepared transactions, two databases. What dbatop shows is held against arithmetic that was told
 * what each session asks for, against pg_blocking_pids of all, and against what happens when its own proposal
 * is carried out. The seed is printed; it is the same unless DBATOP_SEED says another; DBATOP_SCENES asks
 * for more scenes. */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_PLAY_H
#define DBATOP_TESTS_SUPPORT_LOCK_PLAY_H

#include <stddef.h>

/* main of a test, on every second of the lab's versions: the first, or the second, and so on. */
int lock_play(size_t first);

#endif
