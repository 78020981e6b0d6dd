/* The chaos proxy must really do what it says, or every fault test is a test of nothing. The test is both
 * ends of the wire: client and server are sockets of its own, the proxy sits in between. */
#include "tests/support/test.h"

#include "tests/support/chaos.h"
#include "tests/support/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOON_MS = 3000, NEVER_MS = 80 };

struct wire {
	struct chaos *chaos;
	struct chaos_door door;
	int listener; /* the server's */
	int client;
	int server;
};

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
	        .sin_port = htons((uint16_t)port)};
	return address;
}

static int open_listener(int *port)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* A non-blocking connect; the result is 0, an errno, or ETIMEDOUT after ms. */
static int try_connect(int port, int ms, int *fd)
{
	struct sockaddr_in address = loopback(port);
	int error = 0;
	socklen_t size = sizeof(error);
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(*fd >= 0);
	if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	struct pollfd set = {.fd = *fd, .events = POLLOUT};
	if (poll(&set, 1, ms) == 0)
		return ETIMEDOUT;
	getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static int accept_soon(int listener)
{
	assert_true(wait_readable(listener, wait_now_ms() + SOON_MS));
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

static void wire_connect(struct wire *wire)
{
	assert_int_equal(try_connect(wire->door.port, SOON_MS, &wire->client), 0);
	wire->server = accept_soon(wire->listener);
}

static void wire_disconnect(struct wire *wire)
{
	if (wire->client >= 0)
		close(wire->client);
	if (wire->server >= 0)
		close(wire->server);
	wire->client = wire->server = -1;
}

static int setup(void **state)
{
	static struct wire wire;
	int port;
	wire = (struct wire){.client = -1, .server = -1};
	wire.listener = open_listener(&port);
	wire.chaos = chaos_start();
	wire.door = chaos_listen(wire.chaos, "127.0.0.1", port);
	*state = &wire;
	return 0;
}

static int teardown(void **state)
{
	struct wire *wire = *state;
	wire_disconnect(wire);
	close(wire->listener);
	chaos_stop(wire->chaos);
	return 0;
}

static void put(int fd, const void *bytes, size_t size)
{
	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

/* Reads exactly size bytes within ms; returns how many came. */
static size_t take(int fd, void *bytes, size_t size, int ms)
{
	int64_t deadline = wait_now_ms() + ms;
	size_t at = 0;
	while (at < size && wait_readable(fd, deadline)) {
		ssize_t got = recv(fd, (char *)bytes + at, size - at, 0);
		if (got <= 0)
			break;
		at += (size_t)got;
	}
	return at;
}

/* What a read says next: bytes > 0, 0 at the end of the stream, -errno, or -ETIMEDOUT. */
static int next_read(int fd, int ms)
{
	char bytes[256];
	if (!wait_readable(fd, wait_now_ms() + ms))
		return -ETIMEDOUT;
	ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
	return got < 0 ? -errno : (int)got;
}

static void assert_take(int fd, const char *expect)
{
	char bytes[256] = "";
	assert_int_equal(take(fd, bytes, strlen(expect), SOON_MS), strlen(expect));
	assert_string_equal(bytes, expect);
}

static void test_bytes_pass_both_ways(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	put(wire->client, "hello", 5);
	assert_take(wire->server, "hello");
	put(wire->server, "world", 5);
	assert_take(wire->client, "world");
	struct chaos_stat stat = chaos_stat(wire->door);
	assert_int_equal(stat.accepted, 1);
	assert_int_equal(stat.open, 1);
	assert_int_equal(stat.up, 5);
	assert_int_equal(stat.down, 5);
}

static bool none_open(void *arg)
{
	const struct wire *wire = arg;
	return chaos_stat(wire->door).open == 0;
}

static void test_the_end_of_a_stream_passes(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	put(wire->client, "bye", 3);
	shutdown(wire->client, SHUT_WR);
	assert_take(wire->server, "bye");
	assert_int_equal(next_read(wire->server, SOON_MS), 0);
	put(wire->server, "late", 4);
	assert_take(wire->client, "late");
	close(wire->server);
	wire->server = -1;
	assert_int_equal(next_read(wire->client, SOON_MS), 0);
	assert_true(wait_until(none_open, wire, SOON_MS));
}

static void test_a_large_stream_is_not_harmed(void **state)
{
	struct wire *wire = *state;
	enum { TOTAL = 3000000 };
	size_t sent = 0;
	size_t got = 0;
	int64_t deadline = wait_now_ms() + 10000;
	wire_connect(wire);
	while (got < TOTAL && wait_now_ms() < deadline) {
		unsigned char chunk[10007];
		size_t size = TOTAL - sent < sizeof(chunk) ? TOTAL - sent : sizeof(chunk);
		for (size_t i = 0; i < size; i++)
			chunk[i] = (unsigned char)((sent + i) * 31 >> 3);
		ssize_t out = size == 0 ? 0 : send(wire->server, chunk, size, MSG_NOSIGNAL);
		sent += out > 0 ? (size_t)out : 0;
		ssize_t in = wait_readable(wire->client, wait_now_ms() + 50)
		                     ? recv(wire->client, chunk, sizeof(chunk), 0)
		                     : 0;
		for (ssize_t i = 0; i < in; i++) {
			if (chunk[i] != (unsigned char)((got + (size_t)i) * 31 >> 3))
				fail_msg("byte %zu differs", got + (size_t)i);
		}
		got += in > 0 ? (size_t)in : 0;
	}
	assert_int_equal(got, TOTAL);
}

static void test_stall_holds_one_direction(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	chaos_set(wire->door, "down", "stall 3");
	put(wire->server, "abcdef", 6);
	assert_take(wire->client, "abc");
	assert_int_equal(next_read(wire->client, NEVER_MS), -ETIMEDOUT);
	put(wire->client, "up", 2);
	assert_take(wire->server, "up");
	chaos_set(wire->door, "down", "none");
	assert_take(wire->client, "def");
}

static void test_stall_pushes_back(void **state)
{
	struct wire *wire = *state;
	char chunk[65536] = {0};
	wire_connect(wire);
	chaos_set(wire->door, "up", "stall");
	ssize_t sent = 1;
	for (int i = 0; i < 1000 && sent > 0; i++)
		sent = send(wire->client, chunk, sizeof(chunk), MSG_NOSIGNAL);
	assert_int_equal(sent, -1);
	assert_int_equal(errno, EAGAIN);
}

static void test_drop_swallows(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	chaos_set(wire->door, "up", "drop 2");
	put(wire->client, "abcdef", 6);
	assert_take(wire->server, "ab");
	assert_int_equal(next_read(wire->server, NEVER_MS), -ETIMEDOUT);
	chaos_set(wire->door, "up", "none");
	put(wire->client, "gh", 2);
	assert_take(wire->server, "gh");
}

static void test_drip_gives_single_bytes(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	chaos_set(wire->door, "down", "drip 30");
	int64_t start = wait_now_ms();
	put(wire->server, "abcd", 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next_read(wire->client, SOON_MS), 1);
	assert_true(wait_now_ms() - start >= 110);
}

static void test_delay_is_at_least_kept(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	chaos_set(wire->door, "up", "delay 250");
	int64_t start = wait_now_ms();
	put(wire->client, "x", 1);
	assert_take(wire->server, "x");
	assert_true(wait_now_ms() - start >= 245);
	start = wait_now_ms();
	put(wire->server, "y", 1);
	assert_take(wire->client, "y");
	assert_true(wait_now_ms() - start < 245);
}

static void test_reset_is_a_reset(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	chaos_set(wire->door, "both", "reset");
	assert_int_equal(next_read(wire->client, SOON_MS), -ECONNRESET);
	assert_int_equal(next_read(wire->server, SOON_MS), -ECONNRESET);
}

static void test_close_after_bytes_is_orderly(void **state)
{
	struct wire *wire = *state;
	wire_connect(wire);
	chaos_set(wire->door, "down", "close 4");
	put(wire->server, "abcd", 4);
	assert_take(wire->client, "abcd");
	assert_int_equal(next_read(wire->client, SOON_MS), 0);
	assert_int_equal(next_read(wire->server, SOON_MS), 0);
}

static void test_new_and_open_are_told_apart(void **state)
{
	struct wire *wire = *state;
	struct wire second = *wire;
	wire_connect(wire);
	chaos_set_only(wire->door, "up", "new", "stall");
	put(wire->client, "old", 3);
	assert_take(wire->server, "old");
	wire_connect(&second);
	put(second.client, "new", 3);
	assert_int_equal(next_read(second.server, NEVER_MS), -ETIMEDOUT);
	chaos_set_only(wire->door, "up", "open", "none");
	assert_take(second.server, "new");
	wire_disconnect(&second);
}

static void test_one_is_told_by_its_port(void **state)
{
	struct wire *wire = *state;
	struct wire second = *wire;
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	char from[32];
	wire_connect(wire);
	wire_connect(&second);
	chaos_set(wire->door, "up", "stall");
	assert_int_equal(getpeername(second.server, (struct sockaddr *)&peer, &size), 0);
	snprintf(from, sizeof(from), "from:%d", ntohs(peer.sin_port));
	chaos_set_only(wire->door, "up", from, "none");
	put(wire->client, "held", 4);
	put(second.client, "passed", 6);
	assert_take(second.server, "passed");
	assert_int_equal(next_read(wire->server, NEVER_MS), -ETIMEDOUT);
	wire_disconnect(&second);
}

static void test_refuse_and_reopen(void **state)
{
	struct wire *wire = *state;
	int fd;
	wire_connect(wire);
	chaos_accept(wire->door, "refuse");
	assert_int_equal(try_connect(wire->door.port, SOON_MS, &fd), ECONNREFUSED);
	close(fd);
	put(wire->client, "alive", 5);
	assert_take(wire->server, "alive");
	chaos_accept(wire->door, "open");
	wire_disconnect(wire);
	wire_connect(wire);
}

static void test_hang_and_reopen(void **state)
{
	struct wire *wire = *state;
	int fd;
	chaos_accept(wire->door, "hang");
	assert_int_equal(try_connect(wire->door.port, 300, &fd), ETIMEDOUT);
	close(fd);
	chaos_accept(wire->door, "open");
	wire_connect(wire);
}

static void test_mute_takes_and_says_nothing(void **state)
{
	struct wire *wire = *state;
	chaos_accept(wire->door, "mute");
	assert_int_equal(try_connect(wire->door.port, SOON_MS, &wire->client), 0);
	put(wire->client, "anyone", 6);
	assert_int_equal(next_read(wire->client, NEVER_MS), -ETIMEDOUT);
	assert_false(wait_readable(wire->listener, wait_now_ms()));
}

static void test_a_dead_upstream_resets(void **state)
{
	struct wire *wire = *state;
	close(wire->listener);
	wire->listener = -1;
	if (try_connect(wire->door.port, SOON_MS, &wire->client) == 0)
		assert_int_equal(next_read(wire->client, SOON_MS), -ECONNRESET);
}

static void test_black_holes_hang(void **state)
{
	struct wire *wire = *state;
	enum { HOLES = 20 };
	int fds[HOLES];
	for (int i = 0; i < HOLES; i++) {
		struct chaos_door hole = chaos_blackhole(wire->chaos);
		assert_int_equal(try_connect(hole.port, 20, &fds[i]), ETIMEDOUT);
	}
	/* None of them was only slow. */
	for (int i = 0; i < HOLES; i++) {
		struct pollfd set = {.fd = fds[i], .events = POLLOUT};
		assert_int_equal(poll(&set, 1, i == 0 ? 300 : 0), 0);
		close(fds[i]);
	}
}

/* The greeting of a MySQL 8 server, as far as it matters: id 0x01020304, then other bytes. */
static void test_mysql_id_is_rewritten(void **state)
{
	struct wire *wire = *state;
	static const unsigned char greeting[] = {
	        20, 0, 0, 0, 10, '8', '.', '4', 0, 4, 3, 2, 1, 's', 'a', 'l', 't', 0};
	unsigned char got[sizeof(greeting)];
	chaos_rewrite_id(wire->door, "mysql", 0x00ff0000);
	wire_connect(wire);
	for (size_t i = 0; i < sizeof(greeting); i++)
		put(wire->server, greeting + i, 1);
	assert_int_equal(take(wire->client, got, sizeof(got), SOON_MS), sizeof(got));
	assert_memory_equal(got, greeting, 11);
	assert_int_equal(got[11], 2 ^ 0xff);
	assert_memory_equal(got + 12, greeting + 12, sizeof(greeting) - 12);
	put(wire->server, greeting, sizeof(greeting));
	assert_int_equal(take(wire->client, got, sizeof(got), SOON_MS), sizeof(got));
	assert_memory_equal(got, greeting, sizeof(greeting));
}

static const unsigned char pg_ssl_request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
static const unsigned char pg_startup[] = {0, 0, 0, 9, 0, 3, 0, 0, 0};
/* AuthenticationOk, ParameterStatus-like 'S', BackendKeyData pid 0x00000a0b, ReadyForQuery. */
static const unsigned char pg_hello[] = {'R', 0, 0, 0, 8, 0, 0, 0, 0, 'S', 0, 0, 0, 6, 'K', 0, 'K', 0, 0, 0,
        12, 0, 0, 0x0a, 0x0b, 9, 9, 9, 9, 'Z', 0, 0, 0, 5, 'I'};

static void test_postgres_pid_is_rewritten(void **state)
{
	struct wire *wire = *state;
	unsigned char got[sizeof(pg_hello)];
	unsigned char sink[16];
	chaos_rewrite_id(wire->door, "postgres", 0x01000000);
	wire_connect(wire);
	put(wire->client, pg_ssl_request, sizeof(pg_ssl_request));
	assert_int_equal(take(wire->server, sink, sizeof(pg_ssl_request), SOON_MS), sizeof(pg_ssl_request));
	put(wire->server, "N", 1);
	assert_int_equal(take(wire->client, sink, 1, SOON_MS), 1);
	put(wire->client, pg_startup, sizeof(pg_startup));
	assert_int_equal(take(wire->server, sink, sizeof(pg_startup), SOON_MS), sizeof(pg_startup));
	put(wire->server, pg_hello, sizeof(pg_hello));
	assert_int_equal(take(wire->client, got, sizeof(got), SOON_MS), sizeof(got));
	assert_memory_equal(got, pg_hello, 21);
	assert_int_equal(got[21], 1);
	assert_memory_equal(got + 22, pg_hello + 22, sizeof(pg_hello) - 22);
}

static void test_encrypted_postgres_is_left_alone(void **state)
{
	struct wire *wire = *state;
	unsigned char got[sizeof(pg_hello)];
	unsigned char sink[16];
	chaos_rewrite_id(wire->door, "postgres", 0x01000000);
	wire_connect(wire);
	put(wire->client, pg_ssl_request, sizeof(pg_ssl_request));
	assert_int_equal(take(wire->server, sink, sizeof(pg_ssl_request), SOON_MS), sizeof(pg_ssl_request));
	put(wire->server, "S", 1);
	assert_int_equal(take(wire->client, sink, 1, SOON_MS), 1);
	put(wire->server, pg_hello, sizeof(pg_hello));
	assert_int_equal(take(wire->client, got, sizeof(got), SOON_MS), sizeof(got));
	assert_memory_equal(got, pg_hello, sizeof(got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_bytes_pass_both_ways, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_the_end_of_a_stream_passes, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_large_stream_is_not_harmed, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_stall_holds_one_direction, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_stall_pushes_back, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_drop_swallows, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_drip_gives_single_bytes, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_delay_is_at_least_kept, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_reset_is_a_reset, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_close_after_bytes_is_orderly, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_new_and_open_are_told_apart, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_one_is_told_by_its_port, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_refuse_and_reopen, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_hang_and_reopen, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_mute_takes_and_says_nothing, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_dead_upstream_resets, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_black_holes_hang, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_mysql_id_is_rewritten, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_postgres_pid_is_rewritten, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_encrypted_postgres_is_left_alone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
