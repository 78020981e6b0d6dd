/* dbatop's dashboard on a pseudo-terminal over a fleet that a test describes: started with a home of its own,
 * looked at by rows of Fleet, and held to what every fault must leave alone: the keys live, the others fresh,
 * nothing leaked, the terminal given back. Failures print the screen. One thread at a time per struct. */
#ifndef DBATOP_TESTS_SUPPORT_COCKPIT_H
#define DBATOP_TESTS_SUPPORT_COCKPIT_H

#include "tests/support/lab.h"
#include "tests/support/term.h"

enum { COCKPIT_CONFIG_MAX = 64 * 1024, COCKPIT_SOON_MS = 5000 };

struct cockpit {
	struct term *term;
	char home[128]; /* a folder of this run: config.yaml, state/ */
	char config[COCKPIT_CONFIG_MAX];
	size_t size;
	const char *thresholds; /* of each cluster that is added from now on, as the inside of a flow map; or
	                           NULL */
	char user[64];     /* whose statements cockpit_assert_fresh looks for: of the first server added */
	long threads, fds; /* as cockpit_mark found them */
	int key_ms;        /* a key must be answered within; set by cockpit_begin */
};

/* 1. The fleet, in the order of the calls. cockpit_begin makes the folder. */
void cockpit_begin(struct cockpit *c, int connect_ms, int query_ms);
/* What is added from now on belongs to it; at least one. tag: "lab", "prod". */
void cockpit_cluster(struct cockpit *c, const char *name, const char *tag);
/* user's password is the lab's; port 0 is the server's own. more: what else its login has (as the
 * text of a flow map's inside, "tls: verify-full"), or NULL. */
void cockpit_add(struct cockpit *c, const char *name, const struct lab_server *server, const char *user,
        int port, const char *more);
/* Any URL, without a password. */
void cockpit_add_url(struct cockpit *c, const char *name, const char *url);

/* 2. Starts it. env: as for term_spawn, NULL for none; args: more arguments, NULL for none. */
void cockpit_open(struct cockpit *c, int rows, int cols, const char *const args[], const char *const env[]);
/* `q`, ends with 0 within 2 s (sanitizers: as long as they need), terminal restored, folder removed. */
void cockpit_quit(struct cockpit *c);
/* For teardowns, at any stage. */
void cockpit_drop(struct cockpit *c);

/* 3. Rows of Fleet. The regular expression is looked for in the line that begins with the name. */
const char *cockpit_row(struct cockpit *c, const char *name);
void cockpit_wait_row(struct cockpit *c, const char *name, const char *regex, int ms);
/* The row shows figures and is not dimmed, and the server has been asked within the last seconds. */
void cockpit_assert_fresh(struct cockpit *c, const char *name, const struct lab_server *server);

/* 4. What every fault leaves alone. A key is answered on the screen; returns the milliseconds. */
int64_t cockpit_key_ms(struct cockpit *c);
void cockpit_assert_keys_live(struct cockpit *c);
/* Threads and descriptors now; and that they come back to that within ms. */
void cockpit_mark(struct cockpit *c);
void cockpit_assert_no_leak(struct cockpit *c, int ms);

/* What a server itself says of dbatop's connections as that user, and of statements of it that run longer
 * than ms. */
long cockpit_connections(const struct lab_server *server, const char *user);
/* Until it says at least n: FAST and ADMIN of each instance, before descriptors are marked. */
void cockpit_wait_connections(
        struct cockpit *c, const struct lab_server *server, const char *user, long n, int ms);
long cockpit_running(const struct lab_server *server, const char *user, int ms);

#endif
