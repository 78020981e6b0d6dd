/* Inside the fetch of one probe: what fetch.c reads from a result and what keep.c makes of rows that the
 * server left out because they are as they were. Only these two include this. */
#ifndef DBATOP_POSTGRES_FETCH_H
#define DBATOP_POSTGRES_FETCH_H

#include "backends/postgres/pg.h"

/* One fetch under way. */
struct fetching {
	const struct ctx *ctx;
	struct conn *c;
	struct plan *plan;
	const struct probe *probe;
	struct arena *arena;
	struct table_builder *builder;
	struct table *carried;
	mono_ns started;
	size_t most;  /* rows */
	bool unnamed; /* some cells wait for names that are asked for at the end */
	bool full;    /* a limit was reached: the rest is read and dropped */
	bool failed;  /* *e is set: the rest is read and dropped */

	/* keep.c */
	const struct table *before; /* whose rows may be left out; NULL: none */
	char *taken, *ids, *stamps; /* as the server wrote them; ids and stamps NULL: nothing left out */
	int64_t now_us;
	int64_t *stamp; /* of the rows so far */
	size_t rows, room;
};

/* Finds the columns kept.* of a result; returns how many there are. */
size_t pg_kept_match(struct plan *plan, const PGresult *r);
/* Takes the answer before from the values, unless its names are of another time. */
void pg_kept_begin(struct fetching *f, const struct probe_value *values);
/* What to bind to a parameter of type since; NULL: everything. */
const char *pg_kept_since(const struct fetching *f);
/* True when this row is the one that says what was left out, and no row of the table. */
bool pg_kept_row(struct fetching *f, const PGresult *r);
/* Remembers the stamp of the row just built. */
void pg_kept_stamp(struct fetching *f, const PGresult *r);
/* Adds the rows that were left out. False when one of them is not known, or not under its stamp. */
bool pg_kept_add(struct fetching *f);
/* What the next answer may leave out, and what was carried. */
void pg_kept_finish(struct fetching *f, struct table *t);

#endif
