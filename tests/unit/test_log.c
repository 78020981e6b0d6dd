/* The log: no secret, no control byte and no second line gets in, whatever is written, and a full disk is
 * counted, not waited for. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"

static struct manual_clock manual;

static struct log *open_ring(enum log_level least)
{
	manual_clock_init(&manual, 0, INT64_C(1795356127123456));
	struct log *l = log_open(NULL, &manual.clock, least, NULL);
	assert_non_null(l);
	return l;
}

/* The ring's last n lines; free() it. */
static char *tail(struct log *l, size_t n)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	log_tail(l, n, &out);
	return buf_steal(&out);
}

static void check_tail(struct log *l, size_t n, const char *expected)
{
	char *text = tail(l, n);
	assert_string_equal(text, expected);
	free(text);
}

static void test_lines(void **state)
{
	(void)state;
	struct log *l = open_ring(LOG_INFO);
	check_tail(l, 10, "");
	log_write(l, LOG_INFO, "connected to %s", "db1");
	log_write(l, LOG_DEBUG, "not this");
	log_write(l, LOG_ERROR, "lost");
	check_tail(l, 1, "2026-11-22T14:02:07.123Z ERROR lost\n");
	check_tail(l, 10,
	        "2026-11-22T14:02:07.123Z INFO  connected to db1\n"
	        "2026-11-22T14:02:07.123Z ERROR lost\n");
	check_tail(l, 0, "");
	assert_int_equal(log_fd(l), -1);
	log_close(l);
}

static void test_no_log_is_fine(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 10);
	log_write(NULL, LOG_ERROR, "x");
	log_add_secret(NULL, "secret");
	log_tail(NULL, 1, &out);
	log_close(NULL);
	assert_int_equal(log_fd(NULL), -1);
	assert_string_equal(buf_str(&out), "");
}

static void test_lines_are_clean_and_bounded(void **state)
{
	(void)state;
	struct log *l = open_ring(LOG_DEBUG);
	log_write(l, LOG_WARN, "a\nb\033[2Jc\xff");
	check_tail(l, 1, "2026-11-22T14:02:07.123Z WARN  a b\xef\xbf\xbd[2Jc\xef\xbf\xbd\n");
	char longer[3 * LOG_LINE_MAX];
	memset(longer, 'x', sizeof(longer));
	memcpy(longer + sizeof(longer) - 3, "\xe2\x82", 3);
	log_write(l, LOG_WARN, "%s", longer);
	char *text = tail(l, 1);
	assert_int_equal(strlen(text), LOG_LINE_MAX - 1);
	assert_int_equal(text[LOG_LINE_MAX - 2], '\n');
	free(text);
	log_close(l);
}

static void test_the_ring_keeps_the_last(void **state)
{
	(void)state;
	struct log *l = open_ring(LOG_INFO);
	for (int i = 0; i < LOG_RING_LINES + 5; i++)
		log_write(l, LOG_INFO, "line %d.", i);
	char *text = tail(l, 10000);
	assert_null(strstr(text, "line 4."));
	assert_non_null(strstr(text, "line 5."));
	assert_non_null(strstr(text, "line 516."));
	free(text);
	log_close(l);
}

static void test_secrets_are_hidden(void **state)
{
	(void)state;
	struct log *l = open_ring(LOG_INFO);
	log_add_secret(l, "hunter2");
	log_add_secret(l, "hunter2-and-more"); /* begins with another one */
	log_add_secret(l, "abc");              /* too short to be told from text */
	log_write(l, LOG_INFO, "hunter2 x hunter2hunter2 hunter2-and-more abc");
	check_tail(l, 1, "2026-11-22T14:02:07.123Z INFO  *** x ****** *** abc\n");

	/* One that the end of the line cuts in two. */
	for (int before = LOG_LINE_MAX - 60; before < LOG_LINE_MAX; before++) {
		log_write(l, LOG_INFO, "%0*dhunter2", before, 0);
		char *text = tail(l, 1);
		assert_null(strstr(text, "hu"));
		free(text);
	}
	log_close(l);
}

static void test_the_file(void **state)
{
	(void)state;
	char folder[] = "/tmp/dbatop-log-XXXXXX";
	char path[64];
	struct stat status;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	manual_clock_init(&manual, 0, 0);
	for (int i = 0; i < 2; i++) {
		struct log *l = log_open(path, &manual.clock, LOG_INFO, NULL);
		assert_non_null(l);
		assert_true(fcntl(log_fd(l), F_GETFD) & FD_CLOEXEC);
		log_add_secret(l, "hunter2");
		log_write(l, LOG_INFO, "run %d hunter2", i);
		log_close(l);
	}
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	FILE *file = fopen(path, "r");
	char text[256] = "";
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z INFO  run 0 ***\n"
	                          "1970-01-01T00:00:00.000Z INFO  run 1 ***\n");
	unlink(path);
	rmdir(folder);
}

static void test_a_file_that_cannot_be_opened(void **state)
{
	(void)state;
	struct err e;
	assert_null(log_open("/proc/self/nowhere/log", &clock_real, LOG_INFO, &e));
	assert_string_equal(e.text, "cannot open the log /proc/self/nowhere/log: No such file or directory");
}

static void test_a_full_disk_drops_lines(void **state)
{
	(void)state;
	struct log *l = log_open("/dev/full", &clock_real, LOG_INFO, NULL);
	assert_non_null(l);
	log_write(l, LOG_INFO, "still in the ring");
	char *text = tail(l, 1);
	assert_non_null(strstr(text, "still in the ring"));
	free(text);
	log_close(l);
}

static void *write_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_write(arg, LOG_INFO, "from a thread %d", i);
	return NULL;
}

static void test_many_threads(void **state)
{
	(void)state;
	struct log *l = open_ring(LOG_INFO);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, l), 0);
	for (int i = 0; i < 50; i++)
		free(tail(l, 20));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	char *text = tail(l, LOG_RING_LINES);
	size_t lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, LOG_RING_LINES);
	free(text);
	log_close(l);
}

int main(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lines),
	        cmocka_unit_test(test_no_log_is_fine),
	        cmocka_unit_test(test_lines_are_clean_and_bounded),
	        cmocka_unit_test(test_the_ring_keeps_the_last),
	        cmocka_unit_test(test_secrets_are_hidden),
	        cmocka_unit_test(test_the_file),
	        cmocka_unit_test(test_a_file_that_cannot_be_opened),
	        cmocka_unit_test(test_a_full_disk_drops_lines),
	        cmocka_unit_test(test_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
