/* The listening side of the chaos proxy: open, refusing, mute, or a black hole. A black hole is a listener
 * whose backlog is full: Linux drops further SYNs, so a client sees exactly what a firewall that drops
 * packets shows it. */
#include "tests/lab/chaosproxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILL_WAIT_MS = 15 };

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
	        .sin_port = htons((uint16_t)port)};
	return address;
}

void door_close(struct door *door)
{
	if (door->listener >= 0)
		close(door->listener);
	door->listener = -1;
	for (int i = 0; i < DOOR_FILLERS; i++) {
		if (door->fillers[i] >= 0)
			close(door->fillers[i]);
		door->fillers[i] = -1;
	}
}

/* Connects to the door itself until one connect stays without an answer. */
static bool door_fill(struct door *door)
{
	struct sockaddr_in address = loopback(door->port);
	for (int i = 0; i < DOOR_FILLERS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return false;
		door->fillers[i] = fd;
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			continue;
		if (errno != EINPROGRESS)
			return false;
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		if (poll(&wait, 1, FILL_WAIT_MS) == 0)
			return true;
	}
	return false;
}

bool door_open(struct door *door, enum door_mode mode)
{
	door_close(door);
	door->mode = mode;
	if (mode == DOOR_REFUSE)
		return true;
	int on = 1;
	door->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (door->listener < 0)
		return false;
	struct sockaddr_in address = loopback(door->port);
	socklen_t size = sizeof(address);
	setsockopt(door->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(door->listener, (struct sockaddr *)&address, size) != 0 ||
	        listen(door->listener, mode == DOOR_HANG ? 0 : 512) != 0 ||
	        getsockname(door->listener, (struct sockaddr *)&address, &size) != 0)
		return false;
	door->port = ntohs(address.sin_port);
	return mode != DOOR_HANG || door_fill(door);
}
