/* Between the parts of the chaos proxy: a TCP proxy on loopback that behaves as badly as a test asks for. One
 * process, one thread, one poll loop; the protocol on stdin is told in chaosproxy.c. */
#ifndef DBATOP_TESTS_LAB_CHAOSPROXY_H
#define DBATOP_TESTS_LAB_CHAOSPROXY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UP, DOWN, DIRECTIONS }; /* client to server, server to client */

enum fault_kind {
	FAULT_NONE,
	FAULT_STALL, /* after n bytes nothing is read or forwarded; what waits goes on when the fault ends */
	FAULT_DROP,  /* after n bytes everything is read and thrown away */
	FAULT_DRIP,  /* one byte every ms milliseconds */
	FAULT_DELAY, /* each chunk is forwarded ms milliseconds after it came */
	FAULT_CLOSE, /* after n bytes both sides are closed in order */
	FAULT_RESET, /* after n bytes both sides get a RST */
};

struct fault {
	enum fault_kind kind;
	uint64_t bytes;
	uint64_t ms;
};

enum rewrite_kind { REWRITE_NONE, REWRITE_MYSQL, REWRITE_POSTGRES };

/* Where the rewriter is in the byte streams of one connection. Zero-initialised = at the start. */
struct rewrite {
	enum rewrite_kind kind;
	uint32_t mask;       /* the id is XORed with it, so that ids stay distinct */
	bool done;           /* nothing left to change, or the stream is encrypted */
	uint64_t at;         /* MySQL: bytes of the greeting seen */
	int id_bytes;        /* bytes of the id changed, 4 = done */
	bool version_ended;  /* MySQL: the version string's NUL has passed */
	bool client_started; /* PostgreSQL: the startup message has been seen */
	int single_answers;  /* PostgreSQL: answers of one byte still to come (SSLRequest, GSSENCRequest) */
	unsigned char up[8]; /* PostgreSQL: head of the client's packet */
	size_t up_size;
	unsigned char down[5]; /* PostgreSQL: type and length of the server's message */
	size_t down_size;
	uint32_t body_left;
};

/* Looks at, and for DOWN changes in place, bytes that pass. Never blocks, never changes their number. */
void rewrite_bytes(struct rewrite *rewrite, int direction, unsigned char *bytes, size_t size);

/* One direction of one connection: a chunk that was read and is not yet written. */
struct flow {
	struct fault fault;
	uint64_t passed; /* bytes forwarded since the fault was set, or since the connection began */
	unsigned char chunk[16384];
	size_t start;
	size_t end;
	uint64_t due_ms; /* not before (drip, delay) */
	bool eof;        /* the sender has finished */
	bool eof_sent;
};

struct conn {
	struct conn *next;
	struct door *door;
	int fd[DIRECTIONS]; /* fd[UP] is the side the UP flow reads from: the client; fd[DOWN] the server */
	bool connecting;    /* to the server */
	bool dead;          /* close and free it in this round */
	bool mute;          /* accepted by a mute door: never connected upstream */
	struct flow flow[DIRECTIONS];
	struct rewrite rewrite;
	int polled[DIRECTIONS]; /* index in this round's poll set, -1 = not in it */
};

enum door_mode {
	DOOR_OPEN,
	DOOR_REFUSE, /* no listener: connection refused */
	DOOR_HANG,   /* backlog full: SYNs are dropped, connect() hangs */
	DOOR_MUTE,   /* connections are accepted and never answered */
};

enum { DOOR_FILLERS = 8 };

/* A listening port and what happens behind it. */
struct door {
	int id;
	int port;
	int listener; /* -1 when refusing */
	enum door_mode mode;
	char upstream_host[108];        /* an IPv4 address, or the path of a unix socket */
	int upstream_port;              /* 0 with a path */
	struct fault fresh[DIRECTIONS]; /* faults of new connections */
	enum rewrite_kind rewrite;
	uint32_t rewrite_mask;
	int fillers[DOOR_FILLERS]; /* sockets that fill the backlog of a hanging door, -1 = none */
	uint64_t accepted;
	uint64_t bytes[DIRECTIONS];
};

/* Opens the door's listener on 127.0.0.1 (port 0: a free one) in the given mode; a door that was open before
 * is closed first and keeps its port. Blocks up to 200 ms for DOOR_HANG, to see that a connect really hangs.
 */
bool door_open(struct door *door, enum door_mode mode);
void door_close(struct door *door);

/* Takes one waiting client; NULL when there is none (or the server cannot be reached: the client is reset).
 */
struct conn *conn_accept(struct door *door);
/* The port that the server sees the connection to come from; 0 when it has none (a unix socket). */
uint64_t conn_port(const struct conn *conn);
/* Sets a fault on a connection and starts its byte count again. */
void conn_set_fault(struct conn *conn, int direction, struct fault fault, uint64_t now_ms);
/* Adds what the connection waits for to the poll set (room for two) and lowers *timeout_ms to its next due
 * time. */
size_t conn_poll(struct conn *conn, struct pollfd *set, size_t at, uint64_t now_ms, int *timeout_ms);
/* Moves what can be moved; marks the connection dead when it is over. */
void conn_step(struct conn *conn, const struct pollfd *set, uint64_t now_ms);
void conn_free(struct conn *conn);

#endif
