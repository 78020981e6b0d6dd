/* What looking at locks costs a server, an engine each: at 0, 150 and 900 waiters on one row and on many,
 * beside the join of the lock table with itself that other tools send. */
#ifndef DBATOP_TESTS_SUPPORT_LOCK_BENCH_H
#define DBATOP_TESTS_SUPPORT_LOCK_BENCH_H

void lock_bench_postgres(void);
void lock_bench_mysql(void);

#endif
