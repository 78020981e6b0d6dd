/* The chaos proxy as tests use it: a child process with any number of doors (ports), each a proxy to a server
 * or a black hole, with faults that are set while connections live. What the words mean is told in
 * tests/lab/chaosproxy.c. Every call waits at most 5 s for the proxy's answer and fails the test with the
 * answer when it is not "ok". One thread at a time per struct chaos. The child dies with the test. */
#ifndef DBATOP_TESTS_SUPPORT_CHAOS_H
#define DBATOP_TESTS_SUPPORT_CHAOS_H

#include <stdint.h>

struct chaos;

/* A door: connect to 127.0.0.1:port. A plain value; valid until its chaos is stopped. */
struct chaos_door {
	struct chaos *chaos;
	int id;
	int port;
};

struct chaos_stat {
	long accepted; /* clients so far */
	long open;     /* connections now */
	long up;       /* bytes forwarded client to server, and back */
	long down;
};

struct chaos *chaos_start(void);
/* Ends the proxy and all its connections; NULL is allowed. */
void chaos_stop(struct chaos *chaos);

/* A proxy to an IPv4 address, or with port 0 to the unix socket named by host. */
struct chaos_door chaos_listen(struct chaos *chaos, const char *host, int port);
/* A port where connect() hangs: SYNs are dropped, as by a firewall. */
struct chaos_door chaos_blackhole(struct chaos *chaos);

/* Sets a fault for existing and new connections. direction: "up" (client to server), "down", "both".
 * fault: "none", "stall 100", "drop 0", "drip 1000", "delay 50", "close 7", "reset". */
void chaos_set(struct chaos_door door, const char *direction, const char *fault);
/* The same for one kind only: "new" or "open" connections, or "from:PORT", the one that the server sees to
 * come from that port. */
void chaos_set_only(struct chaos_door door, const char *direction, const char *which, const char *fault);
/* How clients are received from now on: "open", "refuse", "hang" (as a black hole), "mute" (accepted, no
 * word). */
void chaos_accept(struct chaos_door door, const char *mode);
/* New connections are told another connection id than the server's, as a pooler does. engine: "mysql",
 * "postgres" (clear text only) or "none". The id is XORed with mask. */
void chaos_rewrite_id(struct chaos_door door, const char *engine, uint32_t mask);
struct chaos_stat chaos_stat(struct chaos_door door);

#endif
