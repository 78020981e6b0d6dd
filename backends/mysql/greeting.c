/* Reads the first packet of a MySQL or MariaDB server in place: protocol 10, a version text, the thread id,
 * eight bytes of salt, a filler and the lower capability bits, one of which offers TLS. */
#include "backends/mysql/greeting.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEADER = 4, PROTOCOL = 10, AFTER_VERSION = 4 + 8 + 1, CAPABILITIES = 2, CAN_TLS = 0x0800 };
enum { PEEK_MAX = 1024, PEEK_PAUSE_MS = 10 };

bool greeting_parse(const unsigned char *p, size_t n, enum greeting *out)
{
	*out = GREETING_OTHER;
	if (n <= HEADER)
		return false;
	if (p[HEADER] != PROTOCOL)
		return true;
	const unsigned char *version = p + HEADER + 1;
	size_t left = n - HEADER - 1;
	const unsigned char *nul = memchr(version, '\0', left);
	if (nul == NULL)
		return left >= PEEK_MAX / 2; /* no version is that long: not a greeting */
	const unsigned char *at = nul + 1 + AFTER_VERSION;
	if (at + CAPABILITIES > p + n)
		return false;
	*out = (at[0] | at[1] << 8) & CAN_TLS ? GREETING_TLS : GREETING_PLAIN;
	return true;
}

enum err_code greeting_peek(const struct ctx *ctx, int fd, enum greeting *out)
{
	unsigned char bytes[PEEK_MAX];
	*out = GREETING_OTHER;
	for (;;) {
		enum err_code code = ctx_wait_fd(ctx, fd, POLLIN);
		if (code != ERR_NONE)
			return code;
		ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return ERR_NONE; /* closed or broken: the library finds out too */
		if (n > 0 && greeting_parse(bytes, (size_t)n, out))
			return ERR_NONE;
		/* What is there stays readable: pause instead of spinning until the rest arrives. */
		code = ctx_sleep(ctx, PEEK_PAUSE_MS);
		if (code != ERR_NONE)
			return code;
	}
}

int greeting_socket_errno(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	if (path == NULL || strlen(path) >= sizeof addr.sun_path)
		return ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	int why = connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 ? 0 : errno;
	close(fd);
	return why;
}
