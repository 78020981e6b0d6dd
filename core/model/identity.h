/* Who is who: the server behind a connection, a backend of ours, a session of somebody else. Server-side
 * values travel as the server's own text and are compared for equality only. Plain data. */
#ifndef DBATOP_MODEL_IDENTITY_H
#define DBATOP_MODEL_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/engine.h"

enum { IDENTITY_MAX = 80, GUARD_MAX = 64 };

/* Read on every connect, before anything else is asked. */
struct server_identity {
	enum engine engine; /* told apart: MySQL or MariaDB */
	int version;        /* as version_parse counts */
	char version_text[64];
	char id[IDENTITY_MAX]; /* PostgreSQL system_identifier; MySQL server_uuid; MariaDB server_uid. Shared
	                          by a PostgreSQL primary and its standbys, so never an identity without
	                          `start` and `address` */
	char start[GUARD_MAX]; /* server start time */
	char address[GUARD_MAX]; /* inet_server_addr:port, or hostname:port as the server says */
	bool aurora;
};
/* The same running server? Compares id, start and address; unknown parts ("") never match. */
bool server_identity_equal(const struct server_identity *a, const struct server_identity *b);

/* A connection of ours, as the server names it: what the reaper cancels. */
struct backend_ref {
	int64_t id;
	char started[GUARD_MAX]; /* PostgreSQL backend_start; "" elsewhere */
};

/* A session of somebody else, with the proof that it is still the one that was seen. */
struct session_ref {
	int64_t id;
	char started[GUARD_MAX];     /* PostgreSQL backend_start; "" elsewhere (ids are not reused before a
	                                restart) */
	char xact_guard[GUARD_MAX];  /* PostgreSQL xact_start; InnoDB trx_id; "" when there is no transaction
	                              */
	char query_guard[GUARD_MAX]; /* PostgreSQL query_start; MySQL EVENT_ID; MariaDB QUERY_ID and when it
	                                was seen, "4711 seen 2026-…"; "" when unknown */
};

#endif
