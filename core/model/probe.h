/* Probes are SQL files with a front matter; one parser reads the built-in ones and, later, users' own. A new
 * probe is one file.
 *
 *   -- probe: sessions   lane: fast   every: 1s   timeout: 800ms   rows: 2000
 *   -- versions: postgres 14-        needs: pg_monitor | else: other users' statements are hidden
 *   -- when: pulse.lock_waiters > 0
 *   -- column: id key count · started key time · state state · xact_ms duration · query sqltext
 *   SELECT …
 *
 * Fields stand on one line two blanks apart; each line of fields is a comment that begins with a word and a
 * colon, any other comment is prose. `versions` is an engine and an inclusive range by as many parts as are
 * written: "13-", "8.0.37-9.7", "10.5-10". Variants of one probe for one engine must neither overlap nor
 * leave a hole ("10.5-10" is followed by "11-"); the newest one ends at the newest version it was tried on,
 * so that a server beyond it can be told. `when` gates: the probe is asked only while the named column of the
 * last good one-row sample compares true (>, >=, =, integers). Every statement has LIMIT :rows, names its
 * columns and is alone; other parameters are declared: `-- param: id int`. A parameter is written :name; ::
 * is a cast,
 * := an assignment, text in quotes and comments is left alone.
 * `carries: pulse` names a probe that this statement answers in passing, in result columns "pulse.NAME" of
 * one row that has nothing else; it is then not asked by itself when it is due. `covers: brief` names one all
 * of whose columns are here too: its answer is that of this statement, cut to them. A parameter of type
 * `since` lets the answer leave out the rows that are as they were in the answer before (struct table_kept).
 * Some facts have no SELECT: a statement that begins with SHOW has no LIMIT (the driver stops at `rows`), may
 * return more columns than are declared, and names them in its own words: `peer label key from
 * Master_Host:Master_Port · lag_ms duration from Seconds_Behind_Master*1000 · kind state key from
 * 'upstream'`. A column without `from` is unknown there. Parsed once at start, then constant: any thread. */
#ifndef DBATOP_MODEL_PROBE_H
#define DBATOP_MODEL_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/embedded.h"
#include "core/base/err.h"
#include "core/model/engine.h"
#include "core/model/table.h"

enum lane_kind { LANE_FAST, LANE_SLOW, LANE_ADMIN, LANE_KINDS };
enum { PROBE_NAMES_MAX = 16, PROBE_PARAMS_MAX = 8 };

/* PARAM_SINCE: bound by the driver to the moment of an earlier answer, NULL without one. */
enum param_type { PARAM_INT, PARAM_TEXT, PARAM_SINCE };
struct probe_param {
	const char *name;
	enum param_type type;
};

/* Where a column of a SHOW statement comes from: text, or one column of the answer (times a factor), or two
 * joined by a colon (unknown when either is). */
struct column_source {
	const char *constant; /* NULL: not a constant */
	const char *name;
	const char *joined; /* NULL: `name` alone */
	int64_t factor;     /* 1 unless written */
};

struct probe_gate {
	const char *probe; /* NULL: no gate */
	const char *column;
	char op[3];
	int64_t value;
};

/* One variant of a probe: one file. */
struct probe {
	const char *name;
	const char *file; /* for messages */
	unsigned slot;    /* index of the name in its set: the slot of its samples */
	enum engine engine;
	int version_min, version_max; /* inclusive, as version_parse counts */
	enum lane_kind lane;
	uint32_t every_ms, timeout_ms, rows;
	const char *needs;     /* privilege in the server's words, NULL: none */
	const char *otherwise; /* what is lost without it */
	struct probe_gate gate;
	const char *carries;         /* NULL: nothing */
	const struct probe *carried; /* its variant for the same versions; set by probe_set_finish */
	const char *covers;          /* NULL: nothing */
	const struct probe *covered; /* the same */
	const struct column *columns;
	size_t ncols;
	const struct probe_param *params; /* "rows" is always the first */
	size_t nparams;
	const char *sql; /* as written; front matter and a closing semicolon left out */
	bool show;       /* a SHOW statement: columns by their `from` */
};

struct probe_set;

struct probe_set *probe_set_new(struct err *e);
/* Parses one file, which may be freed afterwards. On failure *e holds "file:line:column: what was expected"
 * and the set is as before. */
bool probe_set_add(struct probe_set *set, const struct embedded_file *file, struct err *e);
/* After the last add: sorts, numbers the slots by name, checks what one file cannot show: ranges, gates, one
 * role for one column name. This and probe_set_add are all of `dbatop probe --lint`. */
bool probe_set_finish(struct probe_set *set, struct err *e);
void probe_set_free(struct probe_set *set);

size_t probe_set_names(const struct probe_set *set); /* how many distinct names: slots are 0 … n-1 */
const char *probe_set_name(const struct probe_set *set, unsigned slot);
int probe_set_slot(const struct probe_set *set, const char *name); /* -1 when there is none */
/* The variant for this server. A version above the newest known gets the newest, and *newer is true; below
 * the oldest, or another engine: NULL. newer may be NULL. */
const struct probe *probe_set_find(
        const struct probe_set *set, unsigned slot, enum engine engine, int version, bool *newer);
/* Every variant, for lint and `dbatop probe`. */
size_t probe_set_count(const struct probe_set *set);
const struct probe *probe_set_at(const struct probe_set *set, size_t i);

/* Values for the parameters of one fetch, in the order of probe->params. */
struct probe_value {
	enum param_type type;
	int64_t i;
	const char *s;
	const struct table *since; /* PARAM_SINCE: the last good answer on this connection, or NULL */
};
/* Appends sql with :name written as $1, $2 … (PostgreSQL binds). */
struct buf;
void probe_sql_numbered(const struct probe *p, struct buf *out);
/* Appends sql with the values written in: integers, and strings quoted for MySQL with NO_BACKSLASH_ESCAPES
 * off. The one place where values enter SQL text. ERR_USAGE when a string is not valid UTF-8 or holds a NUL.
 */
bool probe_sql_inlined(
        const struct probe *p, const struct probe_value *values, size_t n, struct buf *out, struct err *e);

#endif
