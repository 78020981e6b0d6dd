/* Inside locks_maria.c: what MariaDB's tables have about locks, as plain rows, and the entries of queues made
 * of them. Pure but for the arena; the reader's thread. */
#ifndef DBATOP_BACKENDS_MYSQL_LOCKS_MARIA_H
#define DBATOP_BACKENDS_MYSQL_LOCKS_MARIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

/* One row of any of them: see locks.mariadb.sql for what a column is where. Texts NULL and numbers -1 are
 * unknown. */
struct maria_row {
	const char *kind, *name, *mode, *other, *info;
	int64_t id, us, n, holder;
	bool flag;
};

struct maria_rows {
	struct maria_row *row;
	size_t n, room;
};

/* An entry of a queue, as the probe `locks` tells it; -1: no place, no wait. */
struct maria_entry {
	const char *queue, *kind, *object, *mode, *blockers;
	int64_t id, place, waiting_ms;
	bool held, likely;
};

enum maria_source { MARIA_SESSION, MARIA_TRANSACTION, MARIA_LOCK, MARIA_PAIRS, MARIA_GRANTED, MARIA_SOURCES };

struct maria_look {
	struct arena *arena;
	struct maria_rows from[MARIA_SOURCES]; /* sessions and transactions by id, locks by name */
	bool plugin; /* `granted` is all there is to know of who holds metadata locks */
	struct maria_entry *entry;
	size_t n, room;
	size_t read; /* rows the server sent */
};

struct maria_row *maria_row_add(struct maria_look *l, enum maria_source source);
struct maria_entry *maria_entry_add(struct maria_look *l);
const struct maria_row *maria_session(const struct maria_look *l, int64_t id); /* NULL: not there */

/* locks_maria_rows.c: queues of rows, of InnoDB's tables or of its monitor's text. The text also gives the
 * transactions: us is their age then, flag: it waits. */
void maria_add_rows(struct maria_look *l);
void maria_add_text(struct maria_look *l, const char *text, size_t size);
/* locks_maria_meta.c: metadata, backup and user locks. */
void maria_add_metadata(struct maria_look *l);

#endif
