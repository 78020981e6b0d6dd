/* The real servers of tests/lab as C tests see them: who they are (servers.tsv in the folder named by
 * DBATOP_LAB, written by tests/lab/lab.py), URLs to reach them, statements from the side, and private servers
 * that a test may break. A server that is not there fails the test with a sentence: there is no skipping.
 * Calls wait at most 25 s (spawn, stop), statements as long as they are told. One thread at a time. */
#ifndef DBATOP_TESTS_SUPPORT_LAB_H
#define DBATOP_TESTS_SUPPORT_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A line of servers.tsv; a plain value, true when it was read. Empty fields are "". */
struct lab_server {
	char name[64];    /* pg15, pg15r, maria1011, mysql97 ... */
	char engine[16];  /* postgres, mysql, mariadb */
	char version[32]; /* 15.20 */
	char host[64];    /* 127.0.0.1 */
	int port;
	char socket[108]; /* PostgreSQL: the folder; MySQL, MariaDB: the socket */
	pid_t pid;        /* the first process; 0 while it is stopped */
	char role[16];    /* primary, replica */
	char datadir[256];
	char kind[32];    /* what to give to lab_spawn for another one like it */
	char primary[64]; /* of a replica: its primary's name */
	char owner[16];   /* lab: everybody's; test: spawned, and broken, by one test */
};

/* The folder DBATOP_LAB; fails the test when it is not set. The file of that folder in a buffer: "ca.pem". */
const char *lab_dir(void);
void lab_file(const char *name, char *path, size_t size);

struct lab_server lab_server(const char *name);
/* Up to room servers of an engine (NULL: all) as servers.tsv lists them, without those that tests spawned;
 * fails the test when there is none. */
size_t lab_servers(const char *engine, struct lab_server *servers, size_t room);
bool lab_is_postgres(const struct lab_server *server);

/* Accounts: dba (superuser), monitor, actor, nobody, app, repl; everybody's password is "<user>-pw". */
void lab_password(const char *user, char *password, size_t size);
/* postgres://USER@HOST:PORT/app or mysql://USER@HOST:PORT; port 0: the server's own, else a proxy's. */
void lab_url(const struct lab_server *server, const char *user, int port, char *url, size_t size);
/* The same with the password in it, where no file can give it. */
void lab_url_with_password(
        const struct lab_server *server, const char *user, int port, char *url, size_t size);

/* Runs statements with the server's own client program, straight to the server (never through a proxy) as
 * that user. The result's lines, columns separated by one tab; the caller frees it. Fails the test on an
 * error. */
char *lab_sql(const struct lab_server *server, const char *user, const char *sql, int ms);
/* The first column of the first line as a number. */
long lab_sql_number(const struct lab_server *server, const char *user, const char *sql, int ms);

/* An account of the test's own that may watch as monitor may, for servers that others use at the same time:
 * what it does there is this test's doing. Made anew when it is there already; its password is as above. */
void lab_add_account(const struct lab_server *server, const char *user);
void lab_drop_account(const struct lab_server *server, const char *user);

/* A private server of a kind ("pg15", "maria1011"); settings: NULL, or a NULL-terminated list of "key=value".
 */
struct lab_server lab_spawn(const char *kind, const char *name, const char *const settings[]);
struct lab_server lab_spawn_replica(const char *kind, const char *name, const char *primary);
/* Stopped in order, killed -9, started (same port), restarted, removed with its data. */
void lab_stop(const char *name);
void lab_kill(const char *name);
struct lab_server lab_start(const char *name);
struct lab_server lab_restart(const char *name);
void lab_remove(const char *name);

/* SIGSTOP and SIGCONT for every process of the server. Resume in the teardown: a test that fails in between
 * must not leave a stopped server to the next one. */
void lab_pause(const struct lab_server *server);
void lab_resume(const struct lab_server *server);

#endif
