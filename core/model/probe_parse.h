/* Inside the probe parser: one file to one struct probe. Only probe.c and its parts include this. */
#ifndef DBATOP_MODEL_PROBE_PARSE_H
#define DBATOP_MODEL_PROBE_PARSE_H

#include "core/base/arena.h"
#include "core/model/probe.h"

/* Front matter and statement of one file; texts are copied into the arena. False: e has file:line:column. */
bool probe_parse(const struct embedded_file *file, struct arena *arena, struct probe *out, struct err *e);

/* The statement in pieces, by the quoting rules of its engine. */
enum sql_piece {
	SQL_SPACE, /* white space and comments */
	SQL_WORD,
	SQL_PARAM,  /* :name; text begins at the colon */
	SQL_QUOTED, /* string or quoted identifier */
	SQL_OTHER,  /* one character, or a run that is never a parameter: "::", ":=" */
	SQL_BROKEN, /* a quote or comment that never ends */
	SQL_END
};
struct sql_scan {
	enum engine engine;
	const char *at;   /* the next piece */
	const char *text; /* the last piece */
	size_t n;
};
enum sql_piece sql_next(struct sql_scan *scan);

/* Checks the rules every statement keeps; *where is the offending place in p->sql. e->text has no place. */
bool probe_sql_check(const struct probe *p, const char **where, struct err *e);

#endif
