/* A thread that has once gone deep gives those pages back and keeps what it stands on. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/run/thread.h"

enum { DEEP = 96 * 1024, NEAR = 32 * 1024, PAGES_MAX = 1024 };

struct seen {
	size_t before, after;
	bool whole; /* what the thread had on its own frame is still there */
};

/* As a login does: much of the stack, once. */
__attribute__((noinline)) static int go_deep(int value)
{
	volatile char room[DEEP];
	for (size_t i = 0; i < sizeof(room); i += 512)
		room[i] = (char)value;
	return room[DEEP / 2];
}

/* Pages from low to end that are in memory. */
static size_t resident(char *low, const char *end)
{
	static unsigned char pages[PAGES_MAX];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0, count = (size_t)(end - low) / page;
	if (count > PAGES_MAX || mincore(low, (size_t)(end - low), pages) != 0)
		return SIZE_MAX;
	for (size_t i = 0; i < count; i++)
		n += pages[i] & 1;
	return n;
}

static void *once_deep(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;
	char own[1024];
	char expected[1024];
	memset(own, 'o', sizeof(own));
	memset(expected, 'o', sizeof(expected));
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return NULL;
	pthread_attr_getstack(&attr, &low, &size);
	pthread_attr_destroy(&attr);
	/* Far enough below this frame that the calls made here do not come there. */
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	const char *end = (const char *)low + ((here - (uintptr_t)low - NEAR) / page * page);
	int value = go_deep(7);
	seen->before = resident(low, end);
	thread_shed_stack();
	seen->after = resident(low, end);
	seen->whole = memcmp(own, expected, sizeof(own)) == 0 && go_deep(value) == 7;
	return NULL;
}

static void test_a_deep_stack_is_given_back(void **state)
{
	(void)state;
	struct seen seen = {.before = 0};
	struct err e;
	pthread_t thread;
	assert_true(thread_start(&thread, once_deep, &seen, "deep", &e));
	pthread_join(thread, NULL);
	assert_true(seen.before != SIZE_MAX && seen.before > 0);
	assert_int_equal(seen.after, 0);
	assert_true(seen.whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_deep_stack_is_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
