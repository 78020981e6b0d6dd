/* One proxied connection: two flows of bytes, each with a fault of its own. A flow holds at most one chunk,
 * so a stalled flow pushes back on its sender as a stopped server does: the sender's buffers fill and its
 * writes block. */
#include "tests/lab/chaosproxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket of the right family and its address. False when the address cannot be one. */
static bool upstream_address(
        const struct door *door, int *fd, struct sockaddr_storage *address, socklen_t *size)
{
	memset(address, 0, sizeof(*address));
	if (door->upstream_host[0] == '/') {
		struct sockaddr_un *local = (struct sockaddr_un *)address;
		local->sun_family = AF_UNIX;
		snprintf(local->sun_path, sizeof(local->sun_path), "%s", door->upstream_host);
		*size = sizeof(*local);
	} else {
		struct sockaddr_in *inet = (struct sockaddr_in *)address;
		inet->sin_family = AF_INET;
		inet->sin_port = htons((uint16_t)door->upstream_port);
		*size = sizeof(*inet);
		if (inet_pton(AF_INET, door->upstream_host, &inet->sin_addr) != 1)
			return false;
	}
	*fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return *fd >= 0;
}

static void close_with_reset(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void conn_hang_up(struct conn *conn, bool reset)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		if (conn->fd[i] < 0)
			continue;
		if (reset)
			close_with_reset(conn->fd[i]);
		else
			close(conn->fd[i]);
		conn->fd[i] = -1;
	}
	conn->dead = true;
}

struct conn *conn_accept(struct door *door)
{
	int on = 1;
	int client = accept4(door->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client < 0)
		return NULL;
	struct conn *conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		abort();
	*conn = (struct conn){.door = door, .fd = {client, -1}, .mute = door->mode == DOOR_MUTE};
	conn->rewrite = (struct rewrite){.kind = door->rewrite, .mask = door->rewrite_mask};
	for (int i = 0; i < DIRECTIONS; i++)
		conn->flow[i].fault = door->fresh[i];
	door->accepted++;
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (conn->mute)
		return conn;
	struct sockaddr_storage address;
	socklen_t size;
	if (!upstream_address(door, &conn->fd[DOWN], &address, &size)) {
		conn_hang_up(conn, true);
		return conn;
	}
	setsockopt(conn->fd[DOWN], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(conn->fd[DOWN], (struct sockaddr *)&address, size) != 0) {
		conn->connecting = errno == EINPROGRESS;
		if (!conn->connecting)
			conn_hang_up(conn, true);
	}
	return conn;
}

uint64_t conn_port(const struct conn *conn)
{
	struct sockaddr_in here = {.sin_family = AF_UNSPEC};
	socklen_t size = sizeof(here);
	if (conn->fd[DOWN] < 0 || getsockname(conn->fd[DOWN], (struct sockaddr *)&here, &size) != 0)
		return 0;
	return here.sin_family == AF_INET ? ntohs(here.sin_port) : 0;
}

void conn_set_fault(struct conn *conn, int direction, struct fault fault, uint64_t now_ms)
{
	struct flow *flow = &conn->flow[direction];
	flow->fault = fault;
	flow->passed = 0;
	flow->due_ms = fault.kind == FAULT_DRIP ? now_ms + fault.ms : now_ms;
}

/* How many more bytes the flow's fault lets through; SIZE_MAX without a limit. */
static size_t flow_room(const struct flow *flow)
{
	switch (flow->fault.kind) {
	case FAULT_STALL:
	case FAULT_DROP:
	case FAULT_CLOSE:
	case FAULT_RESET:
		return flow->fault.bytes > flow->passed ? flow->fault.bytes - flow->passed : 0;
	case FAULT_DRIP:
		return 1;
	case FAULT_NONE:
	case FAULT_DELAY:
		break;
	}
	return SIZE_MAX;
}

static bool flow_stalled(const struct flow *flow)
{
	return flow->fault.kind == FAULT_STALL && flow_room(flow) == 0;
}

static bool flow_wants_read(const struct conn *conn, int direction)
{
	const struct flow *flow = &conn->flow[direction];
	return flow->start == flow->end && !flow->eof && !flow_stalled(flow) && !conn->connecting;
}

static bool flow_holds(const struct flow *flow)
{
	return flow->start < flow->end && !flow_stalled(flow);
}

size_t conn_poll(struct conn *conn, struct pollfd *set, size_t at, uint64_t now_ms, int *timeout_ms)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		const struct flow *back = &conn->flow[!i];
		short events = 0;
		conn->polled[i] = -1;
		if (flow_wants_read(conn, i) && !conn->mute)
			events |= POLLIN;
		if (flow_holds(back) && back->due_ms <= now_ms && !conn->connecting)
			events |= POLLOUT;
		if (i == DOWN && conn->connecting)
			events |= POLLOUT;
		if (flow_holds(back) && back->due_ms > now_ms && (int)(back->due_ms - now_ms) < *timeout_ms)
			*timeout_ms = (int)(back->due_ms - now_ms);
		/* A descriptor with nothing to wait for is left out: POLLHUP would be reported again and
		 * again. */
		if (events == 0 || conn->fd[i] < 0)
			continue;
		set[at] = (struct pollfd){.fd = conn->fd[i], .events = events};
		conn->polled[i] = (int)at++;
	}
	return at;
}

static void flow_read(struct conn *conn, int direction, uint64_t now_ms)
{
	struct flow *flow = &conn->flow[direction];
	ssize_t got = recv(conn->fd[direction], flow->chunk, sizeof(flow->chunk), 0);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_hang_up(conn, true);
		return;
	}
	if (got == 0) {
		flow->eof = true;
		return;
	}
	rewrite_bytes(&conn->rewrite, direction, flow->chunk, (size_t)got);
	flow->start = 0;
	flow->end = (size_t)got;
	if (flow->fault.kind == FAULT_DELAY)
		flow->due_ms = now_ms + flow->fault.ms;
}

static void flow_write(struct conn *conn, int direction, uint64_t now_ms)
{
	struct flow *flow = &conn->flow[direction];
	size_t size = flow->end - flow->start;
	size_t room = flow_room(flow);
	if (flow->fault.kind == FAULT_DROP && room == 0) {
		flow->start = flow->end;
		return;
	}
	if (size == 0 || room == 0 || flow->due_ms > now_ms || conn->fd[!direction] < 0)
		return;
	ssize_t sent = send(
	        conn->fd[!direction], flow->chunk + flow->start, size < room ? size : room, MSG_NOSIGNAL);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_hang_up(conn, true);
		return;
	}
	flow->start += (size_t)sent;
	flow->passed += (size_t)sent;
	conn->door->bytes[direction] += (size_t)sent;
	if (flow->fault.kind == FAULT_DRIP)
		flow->due_ms = now_ms + flow->fault.ms;
}

/* Ends the connection when a fault says so, passes the end of a stream on, and sees when both have ended. */
static void flow_finish(struct conn *conn, int direction)
{
	struct flow *flow = &conn->flow[direction];
	bool over = flow_room(flow) == 0;
	if (conn->dead)
		return;
	if (over && (flow->fault.kind == FAULT_CLOSE || flow->fault.kind == FAULT_RESET)) {
		conn_hang_up(conn, flow->fault.kind == FAULT_RESET);
		return;
	}
	if (flow->eof && !flow->eof_sent && flow->start == flow->end && conn->fd[!direction] >= 0 &&
	        !conn->connecting) {
		shutdown(conn->fd[!direction], SHUT_WR);
		flow->eof_sent = true;
	}
	if (conn->flow[UP].eof_sent && conn->flow[DOWN].eof_sent)
		conn_hang_up(conn, false);
}

/* The answer of connect(). False: the connection is over. */
static bool conn_connected(struct conn *conn)
{
	int error = 0;
	socklen_t size = sizeof(error);
	getsockopt(conn->fd[DOWN], SOL_SOCKET, SO_ERROR, &error, &size);
	conn->connecting = false;
	if (error == 0)
		return true;
	conn_hang_up(conn, true);
	return false;
}

void conn_step(struct conn *conn, const struct pollfd *set, uint64_t now_ms)
{
	if (conn->connecting && conn->polled[DOWN] >= 0 && set[conn->polled[DOWN]].revents != 0 &&
	        !conn_connected(conn))
		return;
	for (int i = 0; i < DIRECTIONS && !conn->dead; i++) {
		bool ready = conn->polled[i] >= 0 &&
		             (set[conn->polled[i]].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
		if (ready && flow_wants_read(conn, i))
			flow_read(conn, i, now_ms);
	}
	for (int i = 0; i < DIRECTIONS && !conn->dead; i++) {
		if (!conn->connecting)
			flow_write(conn, i, now_ms);
		flow_finish(conn, i);
	}
}

void conn_free(struct conn *conn)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		if (conn->fd[i] >= 0)
			close(conn->fd[i]);
	}
	free(conn);
}
