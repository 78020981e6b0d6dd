/* A fleet from a few lines of text, for tests and benches of everything that reads a snapshot: findings,
 * views, plans. No server, no thread, no clock but its own. One owner; whatever it returns lives until the
 * next change or fixture_free.
 *
 *   struct fixture *f = fixture_new();
 *   size_t pg1 = fixture_instance(f, "orders", "orders-pg-1", ENGINE_POSTGRES);
 *   fixture_table(f, pg1, "sessions", "id   | user | state               | xact_ms\n"
 *                                     "4711 | shop | idle in transaction | 192000\n");
 *   fixture_advance(f, 3000);
 *   fixture_error(f, pg1, "sessions", ERR_TIMEOUT, "sessions: timed out after 800 ms");
 *   const struct snapshot *s = fixture_snapshot(f);
 *
 * The first line of a table names columns of the probe's vocabulary, in any order; columns that are not named
 * are NULL, so is an empty cell. Blanks around a cell are dropped; '' is an empty text; in a quoted cell
 * ('a | b') the bar is text. Mistakes in a fixture abort with a sentence. */
#ifndef DBATOP_TESTS_SUPPORT_FIXTURE_H
#define DBATOP_TESTS_SUPPORT_FIXTURE_H

#include "core/model/snapshot.h"

enum { FIXTURE_INSTANCES_MAX = 512, FIXTURE_CLUSTERS_MAX = 64 };

struct fixture;

/* The time is 2026-11-22T14:02:07Z. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
/* Time passes, nothing answers. */
void fixture_advance(struct fixture *f, int64_t ms);

/* A new instance: connected, answering, with the config's default thresholds, tagged prod; host = name, the
 * engine's default port. Clusters are made when first named. Its identity is id "cluster", start
 * "2026-11-01 00:00:00+00". */
size_t fixture_instance(struct fixture *f, const char *cluster, const char *name, enum engine engine);
/* For what has no function here: edit it, then take the snapshot. */
struct instance_view *fixture_at(struct fixture *f, size_t instance);
struct cluster_cfg *fixture_cluster(struct fixture *f, const char *cluster);

/* A good sample that finished now; rates against the last good one when time has passed since. */
void fixture_table(struct fixture *f, size_t instance, const char *probe, const char *text);
/* The same from columns and cells that a program made (NULL is NULL): rows × ncols texts. */
void fixture_cells(struct fixture *f, size_t instance, const char *probe, const char *const *columns,
        size_t ncols, const char *const *cells, size_t rows);
/* A failed sample, now; the last good one stays. Retried after 3 s. */
void fixture_error(
        struct fixture *f, size_t instance, const char *probe, enum err_code code, const char *text);
/* The last good sample, to be edited (slowed, newer, interval_ms). */
struct sample *fixture_sample(struct fixture *f, size_t instance, const char *probe);
/* LINK_DOWN with this error since now, retried after 5 s; LINK_UP clears it. */
void fixture_link(
        struct fixture *f, size_t instance, enum link_state state, enum err_code code, const char *text);
/* Points of a metric, a second apart, the last one now; separated by blanks, "-" is unknown. */
void fixture_series(struct fixture *f, size_t instance, enum metric metric, const char *values);

const struct snapshot *fixture_snapshot(struct fixture *f);

#endif
