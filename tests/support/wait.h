/* Waiting in tests: for a condition, with a deadline, never for a time. The poll inside wait_until is the
 * only nap in all tests. Any thread; a call blocks at most as long as its ms says. */
#ifndef DBATOP_TESTS_SUPPORT_WAIT_H
#define DBATOP_TESTS_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds (and microseconds) of CLOCK_MONOTONIC, for measuring. */
int64_t wait_now_ms(void);
int64_t wait_now_us(void);

/* Calls the predicate about every 2 ms until it says true (returns true) or ms milliseconds have passed; then
 * it is asked once more, so that a machine that was asleep fails nothing. The predicate itself must not
 * block. */
bool wait_until(bool (*predicate)(void *arg), void *arg, int ms);

/* The opposite: true when the predicate stayed false for all of ms. For "nothing happens" checks; keep ms
 * small. */
bool wait_never(bool (*predicate)(void *arg), void *arg, int ms);

/* Polls one descriptor for POLLIN until the deadline (wait_now_ms); true when it is readable, hung up or
 * broken. */
bool wait_readable(int fd, int64_t deadline_ms);

#endif
